from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from transformers import AutoModelForCausalLM

import models
from losslaws.curves import InputError

CONF = Path(__file__).parents[2] / "conf/model"
V, L = 96, 16
GPT2 = OmegaConf.to_container(OmegaConf.load(CONF / "gpt2.yaml"))
HF = OmegaConf.to_container(OmegaConf.load(CONF / "hf.yaml"))
SMALL_GPT2 = GPT2 | {"config": GPT2["config"] | {"n_embd": 32, "n_layer": 2, "n_head": 2}}
QWEN3_MOE = {
    "family": "hf",
    "config": {
        "model_type": "qwen3_moe",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 16,
        "moe_intermediate_size": 24,
        "num_experts": 8,
        "num_experts_per_tok": 2,
    },
}


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(3)
    return torch.randint(V, (3, L), generator=generator), torch.randint(V, (3, L), generator=generator)


@pytest.mark.parametrize("model", [SMALL_GPT2, HF, QWEN3_MOE], ids=["gpt2", "gpt_neox", "qwen3_moe"])
def test_one_step_lowers_the_loss(model, batch):
    module = models.build(model, V, L, seed=0)
    assert all(p.dtype == torch.float32 for p in module.parameters())
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    before = module(*batch)
    before.backward()
    optimizer.step()
    assert before.item() == pytest.approx(torch.tensor(V).log().item(), rel=0.05)
    assert module(*batch) < before


def test_loss_is_the_cross_entropy_of_the_logits(batch):
    module = models.build(SMALL_GPT2, V, L, seed=0)
    logits = module(batch[0])
    assert logits.shape == (3, L, V)
    torch.testing.assert_close(module(*batch), F.cross_entropy(logits.flatten(0, 1), batch[1].flatten()))


def test_initial_weights_are_a_function_of_the_seed_alone():
    state = torch.get_rng_state()
    first, again, other = (models.build(SMALL_GPT2, V, L, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    name = "network.transformer.wte.weight"
    assert not torch.equal(first[name], other[name])


def test_saved_folder_loads(batch, tmp_path):
    module = models.build(SMALL_GPT2, V, L, seed=0)
    models.save(module, tmp_path / "model")
    models.save(module, tmp_path / "model")  # also over itself
    expected = module(batch[0])
    torch.testing.assert_close(AutoModelForCausalLM.from_pretrained(tmp_path / "model")(batch[0]).logits, expected)
    torch.testing.assert_close(models.load(tmp_path / "model")(batch[0]), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    (tmp_path / "model" / "model.safetensors").unlink()
    with pytest.raises(InputError, match="cannot be loaded by transformers"):
        models.load(tmp_path / "model")


def test_counts_of_gpt2():
    # wte 50,257 x 768, wpe 1,024 x 768 and 12 blocks of 7,087,872 with the last norm's 1,536: the published 124M
    counts = models.parameter_counts(GPT2, 50257, 1024)
    assert counts == {"total": 124_439_808, "non_embedding": 85_056_000, "with_readout": 123_653_376}
    matrices = 12 * 12 * 768**2 + 50257 * 768
    flops = models.flops_per_token(GPT2, 50257, 1024)
    assert flops == {"6N": 6 * 85_056_000, "exact": 6 * matrices + 12 * 12 * 768 * 1024}


def test_flops_of_a_mixture_count_the_experts_in_use():
    attention, router, experts = 32 * (2 * 32 + 2 * 16), 32 * 8, 2 * 3 * 32 * 24
    expected = 6 * (2 * (attention + router + experts) + V * 32) + 12 * 2 * 32 * L
    assert models.flops_per_token(QWEN3_MOE, V, L)["exact"] == expected


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "gpt3"}, "'gpt3' is no causal model of transformers; did you mean 'gpt"),
        ({}, "model_type 'None' is no causal model"),
        ({"model_type": "gpt2", "n_emb": 32}, "model.config.n_emb: gpt2 has no such option; did you mean 'n_embd'"),
        ({"model_type": "gpt2", "n_embd": "wide"}, "gpt2 refuses it"),
        ({"model_type": "gpt2", "n_embd": 33, "n_head": 2}, "gpt2 refuses it"),
        ({"model_type": ["gpt2"]}, "is no causal model"),
        ({"model_type": "gpt2", "n_head": 0}, "num_attention_heads is 0; it must be at least 1"),
        ({"model_type": "gpt2", "n_head": -1}, "num_attention_heads is -1"),
        ({"model_type": "gpt2", "n_layer": -1}, "num_hidden_layers is -1"),
        ({"model_type": "gpt2", "n_embd": 0}, "hidden_size is 0"),
        ({"model_type": "gpt2", "activation_function": "nope"}, "gpt2 refuses it: KeyError: 'nope'"),
        ({"model_type": "gpt2", "dtype": "float99"}, "gpt2 refuses it: AttributeError"),
        ({"model_type": "gpt2", "vocab_size": 7}, "model.config.vocab_size: is that of the text"),
    ],
)
def test_bad_config_is_refused_in_one_line(config, message):
    with pytest.raises(InputError) as caught:
        models.build({"family": "hf", "config": config}, V, L, 0)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_key_is_refused():
    with pytest.raises(InputError, match="there is no key 'd_model'"):
        models.build({"family": "hf", "d_model": 64, "config": {"model_type": "gpt2"}}, V, L, 0)
