from itertools import product
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch.utils.flop_counter import FlopCounterMode

import models

CONF = Path(__file__).parents[2] / "conf/model"
BASE = OmegaConf.to_container(OmegaConf.load(CONF / "llama.yaml"))
NAMED = sorted(path.stem for path in CONF.glob("llama-*.yaml"))
SHAPES = [
    {"tie_embeddings": tied, "n_kv_head": n_kv_head, "n_layer": n_layer}
    for tied, n_kv_head, n_layer in product((True, False), (None, 1), (1, 4))
]


def preset(name):
    """A named size; `defaults` is Hydra's business."""
    own = OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml"))
    assert own.pop("defaults") == ["llama", "_self_"]
    return BASE | own


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_counts_are_those_of_the_module(shape):
    model = models.build(BASE | shape, 100, 16, seed=0)
    counts = models.parameter_counts(BASE | shape, 100, 16)
    vocabulary = {"model.embed_tokens.weight", "lm_head.weight"}
    body = sum(p.numel() for name, p in model.named_parameters() if name not in vocabulary)
    assert counts == {
        "total": sum(p.numel() for p in model.parameters()),
        "non_embedding": body,
        "with_readout": body + model.lm_head.weight.numel(),
    }


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_flops_are_those_of_a_training_step(shape):
    model = models.build(BASE | shape, 100, 16, seed=0)
    tokens = torch.zeros(2, 16, dtype=torch.int64)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(tokens, tokens).backward()
    flops = models.flops_per_token(BASE | shape, 100, 16)
    assert counter.get_total_flops() / tokens.numel() == flops["exact"]
    assert flops["6N"] == 6 * models.parameter_counts(BASE | shape, 100, 16)["non_embedding"]


def test_closed_form_agrees_with_transformers():
    ours = BASE | {"head_dim": 16, "n_kv_head": 2}
    theirs = {
        "family": "hf",
        "config": {
            "model_type": "llama",
            "hidden_size": 64,
            "intermediate_size": 176,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "tie_word_embeddings": True,
        },
    }
    assert models.parameter_counts(ours, 100, 16) == models.parameter_counts(theirs, 100, 16)
    assert models.flops_per_token(ours, 100, 16) == models.flops_per_token(theirs, 100, 16)


@pytest.mark.parametrize("name", NAMED)
def test_name_tells_the_size(name):
    number = name.removeprefix("llama-")
    size = float(number[:-1]) * {"m": 1e6, "b": 1e9}[number[-1]]
    model = preset(name)
    assert model["name"] == name
    assert models.parameter_counts(model, 2048, 128)["total"] == pytest.approx(size, rel=0.07)


def test_default_size():
    counts = models.parameter_counts(preset("llama-0.3m"), 2048, 128)
    assert counts == {"total": 282048, "non_embedding": 150976, "with_readout": 282048}
    flops = models.flops_per_token(preset("llama-0.3m"), 2048, 128)
    # per layer 4 x 64 x 64 + 3 x 64 x 176 = 50,176 weights; attention 12 x 3 layers x 64 x 128
    assert flops == {"6N": 6 * 150976, "exact": 6 * (3 * 50176 + 2048 * 64) + 12 * 3 * 64 * 128}
