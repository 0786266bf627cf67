"""Yao and Wang 2023: Research without Re-search

Under muP the best learning rate of a small model is that of a large one, so that losses over widths follow
L = a x<sup>b</sup> + c, and the loss of a width that was never searched can be told from small ones (Yao and Wang 2023,
[arXiv 2304.06875](https://arxiv.org/abs/2304.06875); its code repositories Mu-scaling and nanoLM). The losses are those that
the authors' scripts hold. Our own runs (`python -m training run mup`, `python -m training.coordinates mup`) are Llamas of two
blocks and 24 to 384 channels, three quarters of an hour on two cores: muP (`model=mup`), the standard parametrisation, and two negative
controls that keep only a part of muP.

A good prediction does not prove muP: the losses without muP, which are not even monotone, are predicted as well. So muP has
checks of its own: the basins of the learning rate, wider is better at every step, and activations that do not depend on
the width.
"""

SWEEPS = ("mup",)
PREPARE = ("training.coordinates mup",)
