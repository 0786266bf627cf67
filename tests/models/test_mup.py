import math

import numpy as np
import pytest
import torch

import models
from losslaws.curves import InputError
from models.coordinates import sizes, spread

V, L = 16, 16
SMALL = {
    "family": "llama",
    "d_model": 64,
    "n_layer": 1,
    "head_dim": 16,
    "n_kv_head": None,
    "mlp_ratio": 2.0,
    "tie_embeddings": False,
    "rope_theta": 10000.0,
    "norm_eps": 1e-6,
    "init_std": 0.1,
}
MUP = SMALL | {"parametrisation": "mup", "base_width": 64}
FLAT = 0.1  # over an 8-fold width


def batches(seed):
    """Four batches of a Markov chain over V tokens."""
    generator = torch.Generator().manual_seed(seed)
    chain = torch.softmax(2 * torch.randn(V, V, generator=generator), -1)
    for _ in range(4):
        rows = torch.randint(0, V, (32, 1), generator=generator)
        for _ in range(L):
            rows = torch.cat([rows, torch.multinomial(chain[rows[:, -1]], 1, generator=generator)], 1)
        yield rows


def slopes(model, widths, seeds):
    """Return how far from flat each activation is after three steps, the mean over seeds."""
    found = {}
    for seed in range(seeds):
        text = list(batches(seed))
        for width in widths:
            module = models.build(model | {"d_model": width}, V, L, seed)
            groups = models.parameter_groups(module, 0.0)
            for name, values in sizes(module, groups, text, rate=3e-3).items():
                found.setdefault(name, {}).setdefault(width, []).append(values[-1])
    return {name: spread(np.array([np.mean(row[width]) for width in widths])) for name, row in found.items()}


@pytest.mark.slow
def test_activations_are_flat_over_an_eightfold_width():
    found = slopes(MUP, (64, 128, 256, 512), seeds=6)
    assert found.keys() == {"attention 0", "mlp 0", "logits"}
    assert max(found.values()) <= FLAT


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [SMALL, *(MUP | {"mup_parts": parts} for parts in (["init", "logits"], ["init", "rates"], ["rates", "logits"]))],
    ids=["standard", "without rates", "without logits", "without init"],
)
def test_the_standard_parametrisation_and_partial_mup_are_not_flat(model):
    assert max(slopes(model, (64, 512), 2).values()) > 3 * FLAT


def test_parts():
    sizes = {}
    for part in ("init", "rates", "logits"):
        module = models.build(MUP | {"d_model": 128, "mup_parts": [part]}, V, L, seed=0)
        sizes[part] = (
            float(module.model["layers"][0].mlp.up_proj.weight.std()),
            models.parameter_groups(module, 0.1)[2]["scale"],
            module.output_scale,
        )
    std = 0.1
    assert sizes["init"] == (pytest.approx(std / math.sqrt(2), rel=0.05), 1, 1)
    assert sizes["rates"] == (pytest.approx(std, rel=0.05), 0.5, 1)
    assert sizes["logits"] == (pytest.approx(std, rel=0.05), 1, 0.5)


def test_rules():
    module = models.build(MUP | {"d_model": 256, "n_layer": 2}, V, L, seed=0)
    plain = models.build(SMALL | {"d_model": 256, "n_layer": 2}, V, L, seed=0)
    block, same = module.model["layers"][1], plain.model["layers"][1]
    torch.testing.assert_close(block.mlp.up_proj.weight, same.mlp.up_proj.weight / 2)
    torch.testing.assert_close(block.self_attn.o_proj.weight, same.self_attn.o_proj.weight / 2)
    assert torch.equal(module.model["embed_tokens"].weight, plain.model["embed_tokens"].weight)
    assert not block.self_attn.q_proj.weight.any() and not module.lm_head.weight.any()
    groups = models.parameter_groups(module, 0.1)
    kept = models.build(MUP | {"d_model": 256, "n_layer": 2, "zero_readout": False}, V, L, seed=0)
    assert torch.equal(kept.lm_head.weight, plain.lm_head.weight)
    assert [group["scale"] for group in groups] == [1, 1, 0.25]
    assert [group["weight_decay"] for group in groups] == [0.1, 0, 0.4]
    assert len(groups[2]["params"]) == 2 * 7 and sum(len(g["params"]) for g in groups) == len(list(module.parameters()))


def test_at_the_base_width_only_the_zeros_differ():
    groups = models.parameter_groups(models.build(MUP, V, L, seed=0), 0.1)
    assert all(group["scale"] == 1 for group in groups) and groups[2]["weight_decay"] == 0.1
    tied, plain = (models.build(m | {"tie_embeddings": True}, V, L, seed=0) for m in (MUP, SMALL))
    assert tied.lm_head.weight.any()
    for name, parameter in tied.named_parameters():
        assert torch.equal(parameter, dict(plain.named_parameters())[name]) or "q_proj" in name


def test_a_saved_model_gives_the_same_logits(tmp_path):
    module = models.build(MUP | {"d_model": 128, "output_multiplier": 3.0, "tie_embeddings": True}, V, L, seed=0)
    tokens = next(batches(0))[:, :-1]
    models.save(module, tmp_path)
    torch.testing.assert_close(models.load(tmp_path)(tokens), module(tokens))


def test_bad_input_gets_one_line():
    with pytest.raises(InputError, match="parametrisation 'mupp' is unknown; did you mean 'mup'"):
        models.build(SMALL | {"parametrisation": "mupp"}, V, L, seed=0)
    with pytest.raises(InputError, match="mup_parts has no 'rate'; did you mean 'rates'"):
        models.build(MUP | {"mup_parts": ["rate"]}, V, L, seed=0)
    with pytest.raises(InputError, match="base_width is None; muP needs"):
        models.build(SMALL | {"parametrisation": "mup"}, V, L, seed=0)
