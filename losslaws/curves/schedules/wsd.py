import numpy as np

from losslaws.curves.errors import InputError, nearest

# Each falls from 1 at x = 0 to 0 at x = 1, where x is the fraction of the decay that is done.
SHAPES = {
    "linear": lambda x, power: 1 - x,
    "cosine": lambda x, power: (1 + np.cos(np.pi * x)) / 2,
    "1-sqrt": lambda x, power: 1 - np.sqrt(x),
    "power": lambda x, power: (1 - x) ** power,
}


def wsd(t, steps, warmup, *, decay=0.2, shape="linear", final=0.0, power=2.0):
    """Warm-up, stable, decay (Hu et al. 2024, arXiv 2404.06395; shapes: Haegele et al. 2024, arXiv 2405.18392).

    decay  length of the decay at the end: a fraction of all steps if at most 1, else a number of steps
    shape  linear | cosine | 1-sqrt | power ((1-x)^power) | exponential (final^x, needs final > 0)
    final  rate of the last step in units of the peak
    power  exponent of shape power
    """
    if decay > 1 and decay != int(decay):
        raise InputError(
            f"schedule 'wsd': decay {decay} is neither a share of all steps, at most 1, nor a whole number of them; "
            "a quarter of them is decay=0.25"
        )
    length = int(decay * steps) if decay <= 1 else int(decay)
    if not 1 <= length <= steps - warmup:
        raise InputError(
            f"schedule 'wsd': decay {decay} gives {length} steps; it must fit into the {steps - warmup} after warm-up"
        )
    x = ((t - (steps - length)) / length).clip(0, 1)
    if shape == "exponential":
        if final <= 0:
            raise InputError("schedule 'wsd': shape 'exponential' never reaches 0; set final above 0, e.g. final=0.1")
        return final**x
    if shape not in SHAPES:
        known = [*SHAPES, "exponential"]
        raise InputError(
            f"schedule 'wsd': shape '{shape}' is unknown{nearest(shape, known)} (known: {', '.join(known)})"
        )
    # Written as 1 - ..., not final + (1 - final) * shape: before the decay that is exactly 1, so that branches share their trunk.
    return 1 - (1 - final) * (1 - SHAPES[shape](x, power))
