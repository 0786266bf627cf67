import numpy as np
import pytest

from analysis.papers.hitchhiker import asks
from analysis.papers.kaplan.critical_batch import critical_batches
from analysis.papers.kaplan.family import Family
from losslaws import laws
from losslaws.curves import InputError
from losslaws.fitting import fit
from tests.analysis.papers.synthetic_family import (
    BATCHES,
    CRITICAL,
    DECAYED,
    SIZE,
    STEPS,
    TEXT,
    TEXTS,
    N,
    loss_at,
    text_loss,
    write_family,
)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return Family.load(write_family(tmp_path_factory.mktemp("family")))


def test_the_parts_of_the_family(own):
    assert len(own.ends) == 16 and all(end.step.size == 1 for end in own.ends)
    assert [run.schedule.steps for run in own.equal] == [700] * 6
    assert len(own.stable) == 6 and all(np.ptp(run.schedule.lr[run.step - 1]) == 0 for run in own.stable)
    assert min(run.step[0] for run in own.stable) == 105 and own.stable[0].step[-1] == 1120
    assert len(own.noise.pairs) == 12 and len(own.runs["0.1m-steps700"]) == 3
    assert own.noise.relative == pytest.approx(np.sqrt(2.5) * 1e-3, rel=2e-3)
    assert own.error == pytest.approx(own.noise.relative / np.sqrt(6))


def test_no_point_has_a_lower_loss_for_less_compute_than_the_frontier(own):
    runs = own.stable
    every = [(run.parameters["non_embedding"] * s, L) for run in runs for s, L in zip(run.step, run.loss, strict=True)]
    best = [
        (run.parameters["non_embedding"] * s, L)
        for run in own.frontier
        for s, L in zip(run.step, run.loss, strict=True)
    ]
    for C, L in every:
        beaten = any(c <= C and loss < L for c, loss in every)
        assert ((C, L) in best) == (not beaten)


def test_texts_are_one_step_of_distinct_tokens_at_their_lowest_loss(own):
    found = {(run.parameters["non_embedding"], run.tokens_per_step): run.loss[0] for run in own.texts}
    for name, lengths in TEXTS.items():
        for D in lengths:
            assert found[N[name], D] == pytest.approx(text_loss(N[name], D))
        assert found[N[name], 385 * 2048] == pytest.approx(loss_at(N[name], np.array([385]), 2048)[0])
    p = fit(laws.build("kaplan_data"), own.texts).params
    assert (p["alpha_N"], p["alpha_D"]) == pytest.approx((TEXT["alpha_N"], TEXT["alpha_D"]), rel=0.05)


def test_size_steps_and_batch_are_found_again(own, monkeypatch):
    monkeypatch.setattr("analysis.papers.kaplan.critical_batch.DRAWS", 20)
    batches = critical_batches(own.batches)
    assert batches.alpha == pytest.approx(CRITICAL[1], rel=0.03) and batches.scale == pytest.approx(
        CRITICAL[0], rel=0.15
    )
    assert set(batches.steps["run"]) == {
        f"{name}-batch{B}-peak{peak}" for name in ("0.04m", "0.1m") for B, _, _, peak in BATCHES
    }
    low, high = batches.interval(1)
    assert low <= batches.alpha <= high and abs(batches.found[2]) < 0.05
    assert batches.points["misfit"].max() < 0.02
    law = laws.build("kaplan_steps", critical_batch=CRITICAL[0], alpha_B=CRITICAL[1])
    exact = fit(law, own.stable).params
    assert [exact[name] for name in ("A", "alpha", "B", "beta")] == pytest.approx([*SIZE, *STEPS], rel=1e-3)


def test_batches_need_three_of_a_size(own):
    with pytest.raises(InputError, match="fewer than three batches"):
        critical_batches([run for run in own.batches if run.tokens_per_step != 512])


def test_a_law_with_a_critical_batch_of_the_loss_reads_runs_only(own):
    law = laws.build("kaplan_steps", critical_batch=CRITICAL[0], alpha_B=CRITICAL[1])
    run = own.stable[0]
    S_min = run.step / (1 + CRITICAL[0] * run.loss ** (-1 / CRITICAL[1]) / run.tokens_per_step)
    np.testing.assert_allclose(law.features([run])[1], S_min)
    with pytest.raises(InputError, match="needs its measured losses"):
        law.features([laws.Planned(run.schedule, [10], run.parameters, 2048)])
    with pytest.raises(InputError, match="alpha_B=-1"):
        laws.build("kaplan_steps", alpha_B=-1.0)


def test_the_guides_tables_of_the_family(own):
    tables = asks.own_families(own)
    every = list(asks.own_asks(tables))
    assert len(set(every)) == len(every) > 200
    largest = max(run.parameters["total"] for run in own.curves)
    one, whole = tables[asks.ONE], tables[asks.WHOLE]
    assert (one["loss"] < whole["loss"])[one["N"] < largest].all() and one["loss"].iloc[-1] == whole["loss"].iloc[-1]
    assert (tables[asks.TO_END]["N"] == largest).sum() == 1
    end = tables[asks.ENDS]
    assert end[end["N"] == largest]["loss"].iloc[-1] == pytest.approx(
        (1 - DECAYED) * loss_at(443_232, np.array([700]), 2048)[0]
    )
