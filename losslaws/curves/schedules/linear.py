def linear(t, steps, warmup, *, final=0.0):
    """A straight line from the peak at the end of warm-up to `final` x peak at the last step.

    final  rate of the last step in units of the peak
    """
    progress = ((t - warmup) / max(steps - warmup, 1)).clip(0, 1)
    return 1 - (1 - final) * progress
