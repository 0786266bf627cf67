"""Brandfonbrener et al. 2024: Loss-to-Loss Prediction

The loss of a model on one data set foretells the loss of a model of the same size and tokens on another, or on a test:
y = K (x - E_x)<sup>kappa</sup> + E_y (Brandfonbrener et al. 2024, [arXiv 2411.12925](https://arxiv.org/abs/2411.12925)). So
the scaling law of a well-studied data set can be translated to a new one from few runs. *Recomputed* is what comes out of
the paper's table of 529 models, fitted here anew. *Our runs* are three domains, Python code, English prose and C/C++
headers, trained with one tokenizer on the same four sizes and four lengths and evaluated crosswise
(`python -m training run loss_to_loss`); the largest size is fitted by nothing and predicted. As in the paper, runs below
two tokens per parameter do not count: they were trained, and the claim on the largest models says what changes with them.

Fits of three to five numbers to six or eight models go astray: every one is listed with what makes it doubtful in
`test_losses.csv`, `translation.csv` and `own_translation.csv`.
"""

SWEEPS = ("loss_to_loss",)
