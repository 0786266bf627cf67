"""muP on our Llama: what makes activations, and so the best learning rate, independent of the width.

With m = d_model / base_width, under Adam (Yang et al. 2022, arXiv 2203.03466, Table 8; Yao and Wang 2023, arXiv 2304.06875):

    embedding            initial std as given; rate as given
    matrices of blocks   initial std / sqrt(m); rate / m, weight decay x m
    readout              zero at first (`zero_readout`) or initial std as given; logits x output_multiplier / m; rate as given
    queries              zero at first
    gains                1; rate as given
    attention            q k / sqrt(head_dim), which is muP's 1 / head_dim as long as head_dim is the same at every width

Each line that m stands in is a part (`mup_parts`: init, rates, logits) that can be left out, which makes a negative control.
A tied readout cannot be zero at first: no gradient would reach anything, since there is no positional embedding.
"""

import math

import torch

from models import hidden_matrices


@torch.no_grad()
def rescale(module) -> None:
    """Bring the initial weights of a Llama from the standard parametrisation to muP."""
    a = module.architecture
    for parameter in hidden_matrices(module):
        parameter.div_(math.sqrt(a.width_ratio("init")))
    for layer in module.model["layers"]:
        layer.self_attn.q_proj.weight.zero_()
    if a.zero_readout and not a.tie_embeddings:
        module.lm_head.weight.zero_()
