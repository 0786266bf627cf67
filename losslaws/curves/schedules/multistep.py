import numpy as np

from losslaws.curves.errors import InputError


def stage_of(t, steps, milestones, values, name):
    """Index of the stage that each step belongs to; stage i ends with step milestones[i] x steps.

    Raises InputError unless milestones rise within (0, 1) and there is one value more than milestones.
    """
    edges = np.asarray(milestones, dtype=float)
    if np.any(np.diff(edges, prepend=0, append=1) <= 0):
        raise InputError(f"schedule '{name}': milestones {list(milestones)} must rise strictly between 0 and 1")
    if len(values) != len(edges) + 1:
        raise InputError(f"schedule '{name}': {len(edges)} milestones need {len(edges) + 1} values, got {len(values)}")
    return np.searchsorted(np.round(edges * steps), t, side="left")


def multistep(t, steps, warmup, *, milestones=(0.8, 0.9), values=(1.0, 0.31622776601683794, 0.1)):
    """Piecewise constant; the default is DeepSeek's 80/10/10 with steps of 1/sqrt(10) (arXiv 2401.02954).

    milestones  fractions of all steps at which a stage ends
    values      rate of each stage in units of the peak, one more than milestones
    """
    return np.asarray(values, dtype=float)[stage_of(t, steps, milestones, values, "multistep")]
