"""Yao and Wang 2023: Research without Re-search

Under muP the best learning rate of a small model is that of a large one, so that losses over widths follow
L = a x<sup>b</sup> + c, and the loss of a width that was never searched can be told from small ones (Yao and Wang 2023,
[arXiv 2304.06875](https://arxiv.org/abs/2304.06875); its code repositories Mu-scaling and nanoLM). The losses are those that
the authors' scripts hold. Our models have the parametrisation too (`model=mup`); its checks are tests
(`tests/models/test_mup.py`), and runs of our own over widths have not been made yet.

A good prediction does not prove muP: the losses without muP, which are not even monotone, are predicted as well.
"""

PAPER = "Yao and Wang 2023, arXiv 2304.06875"
CODE = f"{PAPER}; scripts of Mu-scaling and nanoLM"
