import json

import pytest
import torch
import torch.nn.functional as F
from transformers import LlamaConfig, LlamaForCausalLM

import models
from losslaws.curves import InputError
from models.architecture import Architecture

SMALL = {
    "family": "llama",
    "d_model": 64,
    "n_layer": 3,
    "head_dim": 16,
    "n_kv_head": None,
    "mlp_ratio": 2.6667,
    "tie_embeddings": True,
    "rope_theta": 10000.0,
    "norm_eps": 1e-6,
    "init_std": 0.02,
}
VARIANTS = {
    "tied": {},
    "untied": {"tie_embeddings": False},
    "grouped": {"n_kv_head": 2, "head_dim": 8, "rope_theta": 500.0, "norm_eps": 1e-5},
}
V, L = 96, 24


@pytest.fixture(params=VARIANTS)
def pair(request):
    """Our model and transformers' with the same weights, large enough that every part matters."""
    ours = models.build(SMALL | VARIANTS[request.param], V, L, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    theirs = LlamaForCausalLM(LlamaConfig(**ours.architecture.to_transformers()))
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return ours, theirs


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(3)
    return torch.randint(V, (3, L), generator=generator), torch.randint(V, (3, L), generator=generator)


def test_names_shapes_and_logits_are_those_of_transformers(pair, batch):
    ours, theirs = pair
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    logits = ours(batch[0])
    assert logits.std() > 0.5
    torch.testing.assert_close(logits, theirs(input_ids=batch[0]).logits, atol=1e-5, rtol=0)


def test_loss_and_gradients_are_those_of_transformers(pair, batch):
    ours, theirs = pair
    tokens, targets = batch
    loss = ours(tokens, targets)
    reference = F.cross_entropy(theirs(input_ids=tokens).logits.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(loss, reference, atol=1e-6, rtol=1e-6)
    loss.backward()
    reference.backward()
    expected = dict(theirs.named_parameters())
    assert expected.keys() == dict(ours.named_parameters()).keys()
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(
            parameter.grad, expected[name].grad, atol=1e-6, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_folder_goes_both_ways(pair, batch, tmp_path):
    ours, theirs = pair
    models.save(ours, tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    for loaded in (
        LlamaForCausalLM.from_pretrained(tmp_path / "ours"),
        models.load(tmp_path / "ours"),
        models.load(tmp_path / "theirs"),
    ):
        output = loaded(batch[0])
        torch.testing.assert_close(getattr(output, "logits", output), ours(batch[0]), atol=1e-5, rtol=0)
    assert models.load(tmp_path / "theirs").architecture == ours.architecture
    assert {path.name for path in (tmp_path / "ours").iterdir()} == {"config.json", "model.safetensors"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("hidden_act", "gelu", "hidden_act is not 'silu'"),
        ("rope_parameters", {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}, "rope_type is not 'default'"),
        ("hidden_size", 32, "not a multiple of head_dim"),
        ("intermediate_size", 64, "its tensors are not those"),
        ("num_hidden_layers", None, "n_layer is None"),
    ],
)
def test_foreign_folder_is_refused(field, value, message, tmp_path):
    models.save(models.build(SMALL, V, L, 0), tmp_path)
    about = json.loads((tmp_path / "config.json").read_text())
    about[field] = value
    if field == "hidden_size":
        about["num_attention_heads"] = 3
    (tmp_path / "config.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match=message):
        models.load(tmp_path)


def test_damaged_or_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        models.load(tmp_path / "nowhere")
    models.save(models.build(SMALL, V, L, 0), tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"model\.safetensors: cannot be read"):
        models.load(tmp_path)


def test_initial_weights_are_a_function_of_the_seed_alone():
    before = torch.get_rng_state()
    first = models.build(SMALL, V, L, seed=5).state_dict()
    torch.rand(3)
    state = torch.get_rng_state()
    again = models.build(SMALL, V, L, seed=5).state_dict()
    other = models.build(SMALL, V, L, seed=6).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.set_rng_state(before)
    for name, tensor in first.items():
        assert torch.equal(tensor, again[name])
        assert torch.equal(tensor, other[name]) == ("norm" in name)


def test_initial_spread():
    model = models.build(SMALL | {"d_model": 256, "n_layer": 8}, 512, L, seed=0)
    assert model.model.embed_tokens.weight.std().item() == pytest.approx(0.02, rel=0.02)
    for layer in model.model.layers:
        assert layer.self_attn.q_proj.weight.std().item() == pytest.approx(0.02, rel=0.02)
        assert layer.self_attn.o_proj.weight.std().item() == pytest.approx(0.02 / 4, rel=0.02)
        assert layer.mlp.down_proj.weight.std().item() == pytest.approx(0.02 / 4, rel=0.02)


@pytest.mark.parametrize("position", [0, 7, L - 2])
def test_no_token_sees_a_later_one(position, batch):
    model = models.build(SMALL | {"init_std": 0.2}, V, L, seed=0)
    tokens = batch[0].clone()
    before = model(tokens)
    tokens[:, position + 1 :] = (tokens[:, position + 1 :] + 1) % V
    after = model(tokens)
    assert torch.equal(before[:, : position + 1], after[:, : position + 1])
    assert not torch.allclose(before[:, position + 1 :], after[:, position + 1 :])


def test_training_repeats_bit_for_bit(batch):
    def train():
        model = models.build(SMALL, V, L, seed=0)
        optimizer = torch.optim.AdamW(models.parameter_groups(model, 0.01), lr=1e-2, fused=True)
        for _ in range(12):
            loss = model(*batch)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return loss, model.state_dict()

    (loss, weights), (again, same) = train(), train()
    assert loss.item() < 4.0 < torch.tensor(V).log()
    assert torch.equal(loss, again)
    assert all(torch.equal(tensor, same[name]) for name, tensor in weights.items())


def test_bf16_autocast_stays_close(batch):
    model = models.build(SMALL | {"init_std": 0.1}, V, L, seed=0)
    exact = model(*batch)
    exact.backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(*batch)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=1e-2)
    assert loss.item() != exact.item()
    for gradient, parameter in zip(gradients, model.parameters(), strict=True):
        assert parameter.grad.dtype == torch.float32
        assert (parameter.grad - gradient).norm() < 0.05 * gradient.norm()


def test_decay_acts_on_matrices_only():
    model = models.build(SMALL, V, L, seed=0)
    matrices, rest = (group["params"] for group in models.parameter_groups(model, 0.1))
    names = {id(p): name for name, p in model.named_parameters()}
    assert len(matrices) + len(rest) == len(names)
    assert all("norm" in names[id(p)] for p in rest)
    assert len(rest) == 2 * 3 + 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "lama"}, "model.family 'lama' is unknown; did you mean 'llama'"),
        ({"d_model": 100}, "d_model=100 is not a multiple of head_dim=16; choose d_model=112"),
        ({"d_model": 8}, "d_model=8 is not a multiple of head_dim=16; choose d_model=16"),
        ({"d_model": "64"}, "d_model is '64'; it must be a whole number"),
        ({"n_layer": 0}, "n_layer is 0; it must be a whole number of at least 1"),
        ({"n_kv_head": 3}, "n_kv_head=3 must divide the 4 heads"),
        ({"n_kv_head": 0}, "n_kv_head is 0"),
        ({"head_dim": 1}, "head_dim=1 must be even"),
        ({"mlp_ratio": -1.0}, "mlp_ratio is -1.0; it must be a positive number"),
        ({"mlp_ratio": 1e308}, "mlp_ratio is 1e+308; it must be at most 10000"),
        ({"init_std": None}, "init_std is None; it must be a positive number"),
        ({"tie_embeddings": "yes"}, "tie_embeddings is 'yes'; it must be true or false"),
        ({"n_layers": 3}, "there is no key 'n_layers'; did you mean 'n_layer'"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_one_line(change, message):
    for call in (lambda m: models.build(m, V, L, 0), lambda m: models.parameter_counts(m, V, L)):
        with pytest.raises(InputError) as caught:
            call(SMALL | change)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_missing_key_is_refused():
    with pytest.raises(InputError, match="lacks the key 'n_layer'"):
        Architecture.of({key: value for key, value in SMALL.items() if key != "n_layer"}, V, L)
