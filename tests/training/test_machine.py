"""The Machine: one for many runs of a shape, what is compiled, and the ways to do a step that change nothing but rounding."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from losslaws.curves import InputError
from training import compiled, config, distributed, machine, optimizers
from training.graph import restore
from training.machine import Machine

SMALL = ["model=llama-0.1m", "batch.sequences=4", "batch.length=32", "eval.sequences=6", "batch.micro=4", "steps=12"]


pytestmark = pytest.mark.slow


def settings(*more):
    chosen = config.plain(config.load([*SMALL, "hardware.device=cpu", "hardware.compile=false", *more]))
    if chosen["hardware"]["precision"] == "auto":
        chosen["hardware"]["precision"] = "fp32"
    return chosen


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    i = np.arange(4096)
    tokens = ((i % 7) * (i % 13) + i % 3).astype(np.uint16)
    folder = tmp_path_factory.mktemp("text")
    return SimpleNamespace(train=tokens, val=tokens[:1024], vocab_size=250, folder=folder, id="x")


def losses(one, steps=6):
    """The record of a few steps: losses, norms, and the evaluation at the end."""
    rows = [torch.stack(one.step(step, 1e-2)) for step in range(1, steps + 1)]
    return torch.cat([torch.stack(rows).flatten().double(), torch.stack(list(one.evaluate().values()))])


def test_a_run_on_the_machine_of_the_run_before_is_that_on_a_new_one(pattern):
    machine.release()
    first = machine.of(settings("seed=1"), pattern)
    losses(first)
    again = machine.of(settings("seed=2", "schedule=wsd", "optimizer.clip=null"), pattern)
    assert again is first
    assert torch.equal(losses(again), losses(Machine(settings("seed=2", "optimizer.clip=null"), pattern)))
    for other in (settings("model.n_layer=2"), settings("batch.micro=2"), settings("hardware.fused=true")):
        assert machine.of(other, pattern) is not again
    machine.release()


def test_a_run_has_the_peaks_of_its_own(pattern, monkeypatch):
    """In memory, where the process trained another before; in FLOP/s, of all its GPUs."""
    taken = [7]
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: taken[0])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: taken.__setitem__(0, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    machine.release()
    one = machine.of(settings(), pattern)
    assert one.peak() == {} and one.utilisation(1e15) is None
    one.device = SimpleNamespace(type="cuda")
    assert one.peak() == {"gpu_bytes": 7}
    assert machine.of(settings("seed=1"), pattern) is one
    assert one.peak() == {"gpu_bytes": 0}
    assert one.utilisation(989e12 / 4) == 0.25
    one.ranks = 2
    assert one.utilisation(989e12) == 0.5
    machine.release()


def test_a_run_may_add_in_the_same_order_every_time_and_the_next_is_free_again(pattern):
    plain = losses(Machine(settings(), pattern))
    assert torch.equal(losses(Machine(settings("hardware.deterministic=true"), pattern)), plain)
    assert torch.are_deterministic_algorithms_enabled()
    Machine(settings(), pattern)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("switches", "tolerance"),
    [  # in bfloat16 the gradients of six steps drift further apart than those of one
        (["hardware.fused=true"], 1e-5),
        (["hardware.fused=true", "model.d_model=64", "model.head_dim=16", "model.n_kv_head=2"], 1e-5),
        (["hardware.attention=math"], 1e-5),
        (["hardware.multiple=64"], 1e-5),
        (["hardware.precision=bf16"], 1e-2),
        (["hardware.precision=bf16_stream", "hardware.fused=true", "hardware.multiple=64"], 1e-2),
    ],
)
def test_a_faster_way_gives_the_record_of_the_plain_one(pattern, switches, tolerance):
    plain = Machine(settings(*[line for line in switches if line.startswith("model")]), pattern)
    fast = Machine(settings(*switches), pattern)
    steps = 1 if fast.bf16 else 6
    torch.testing.assert_close(losses(fast, steps), losses(plain, steps), rtol=tolerance, atol=0)


def test_the_stream_is_in_the_type_of_the_products(pattern):
    seen = []
    one = Machine(settings("hardware.precision=bf16_stream"), pattern)
    one.model.model["layers"][0].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    one.loss(one.rows(1))
    assert seen == [torch.bfloat16]


def test_what_transformers_computes_has_no_switches(pattern):
    with pytest.raises(InputError, match="hardware.fused"):
        Machine(settings("model=gpt2", "hardware.fused=true", "model.config.n_layer=1"), pattern)


def test_a_compiled_run_is_compiled_once_and_near_the_plain_one(pattern, monkeypatch):
    if not compiled.possible("cpu"):
        pytest.skip("no C++ compiler")
    machine.release()
    small = ["model.n_layer=1", "hardware.compile=true"]
    one = machine.of(settings(*small), pattern)
    assert one.compiled
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert one.compiling > 0
    found = losses(one)
    assert torch.equal(
        losses(machine.of(settings(*small, "seed=0"), pattern)), found
    )  # two sequences of six by themselves
    assert one.compiling == 0  # nothing, for the second run
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs
    plain = losses(Machine(settings("model.n_layer=1"), pattern))
    torch.testing.assert_close(found, plain, rtol=1e-4, atol=0)
    machine.release()


def broken(*args, **kwargs):
    raise RuntimeError("no such compiler")


def test_a_compiler_that_fails_is_done_without(pattern, monkeypatch, capsys):
    monkeypatch.setattr(Machine, "rehearse", broken)
    one = Machine(settings("hardware.compile=true"), pattern)
    assert not one.compiled
    assert "no such compiler" in capsys.readouterr().out
    assert torch.equal(losses(one), losses(Machine(settings(), pattern)))


def test_what_is_wrong_with_the_file_system_is_no_failure_of_the_compiler(pattern, monkeypatch):
    def refuse(shape):
        raise InputError("shapes: the file system has no locks")

    monkeypatch.setattr(compiled, "once", refuse)
    with pytest.raises(InputError, match="no locks"):
        Machine(settings("hardware.compile=true"), pattern)


def test_a_compiler_that_fails_on_layers_is_done_without(pattern, monkeypatch, capsys):
    one = Machine(settings(), pattern)
    monkeypatch.setattr(torch, "compile", lambda forward, **how: broken)
    assert not one.compile_layers()
    assert "no such compiler" in capsys.readouterr().out
    assert torch.equal(losses(one), losses(Machine(settings(), pattern)))


def test_where_the_compiler_fails_on_another_rank_nobody_compiles(pattern, monkeypatch):
    one = Machine(settings(), pattern)
    assert one.works(one.evaluate_zeros)
    monkeypatch.setattr(distributed, "ranks", lambda: 2)
    monkeypatch.setattr(distributed, "highest", lambda *own: [1])
    assert not one.works(one.evaluate_zeros)


@pytest.mark.parametrize(
    ("choice", "flops", "there", "used"),
    [("auto", 1e13, True, True), ("auto", 1e13, False, False), ("auto", 1e9, True, False), (True, 0, False, True)],
)
def test_compiling_is_for_long_runs_where_a_compiler_is(monkeypatch, choice, flops, there, used):
    monkeypatch.setattr(compiled, "possible", lambda device: there)
    assert compiled.wanted(choice, "cpu", flops) is used


def test_a_step_reads_nothing_back_from_the_device(pattern):
    """What a CUDA graph needs: no number of a tensor is looked at while a step runs, rates included."""

    class Silent(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            assert "_local_scalar_dense" not in str(function)
            return function(*args, **(kwargs or {}))

    one = Machine(settings(), pattern)
    rows = one.rows(1)
    with Silent():
        one.advance(rows)


def test_rates_that_are_tensors_give_the_record_of_those_that_are_numbers(pattern):
    plain, graph = Machine(settings(), pattern), Machine(settings(), pattern)
    for group in graph.optimizer.param_groups:
        group["lr"] = torch.zeros(())
    torch.testing.assert_close(losses(graph), losses(plain), rtol=1e-6, atol=0)
    assert isinstance(graph.optimizer.param_groups[0]["lr"], torch.Tensor)


def test_a_rehearsal_of_steps_leaves_nothing_behind(pattern):
    """As a graph does before it is recorded, with moments that are there already and with none."""
    plain, one = Machine(settings(), pattern), Machine(settings(), pattern)
    expected = [losses(plain, 3), losses(plain, 3)]
    for wanted in expected:
        before = [tensor.clone() for tensor in one.state()]
        optimizers.set_rates(one.optimizer, 1e-2)
        one.advance(one.rows(9))
        restore(one.state(), before)
        assert torch.equal(losses(one, 3), wanted)


def test_two_processes_do_not_compile_a_shape_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    begun, order = threading.Event(), []

    def first():
        with compiled.once("shape"):
            begun.set()
            time.sleep(0.2)
            order.append("compiled")

    thread = threading.Thread(target=first)
    thread.start()
    begun.wait()
    with compiled.once("another"):
        order.append("another")
    with compiled.once("shape"):
        order.append("found")
    thread.join()
    assert order == ["another", "compiled", "found"]
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    with compiled.once("shape"):
        pass
