import numpy as np

from losslaws.curves.schedules.multistep import stage_of


def multistep_cosine(t, steps, warmup, *, milestones=(0.8, 0.9), values=(0.31415926535897931, 0.1, 0.0)):
    """Half a cosine inside each stage, from the value before to the value given (Tissue et al. 2024, Fig. 3).

    milestones  fractions of all steps at which a stage ends
    values      rate at the end of each stage in units of the peak, one more than milestones;
                the default is the paper's 2e-4 -> .628e-4 -> .2e-4 -> 0
    """
    stage = stage_of(t, steps, milestones, values, "multistep_cosine")
    edges = np.concatenate([[warmup], np.round(np.asarray(milestones, dtype=float) * steps), [steps]])
    high = np.concatenate([[1.0], values])[stage]
    low = np.asarray(values, dtype=float)[stage]
    progress = ((t - edges[stage]) / np.maximum(edges[stage + 1] - edges[stage], 1)).clip(0, 1)
    return high - (high - low) * (1 - np.cos(np.pi * progress)) / 2
