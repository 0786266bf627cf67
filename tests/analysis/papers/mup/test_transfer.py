from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.papers.mup import evidence
from analysis.papers.mup.transfer import MUP, STANDARD, Transfer
from analysis.papers.paper import Paper, write_paper
from losslaws.curves import InputError, LossCurve, schedules

BASE, WIDTHS, RATES = 24, (24, 36, 48, 72, 96, 192, 384), (0.002, 0.004, 0.008, 0.016, 0.032, 0.064)
LAW = (0.9, -0.4, 2.1)  # in millions of parameters
DRIFT = {MUP: 0, STANDARD: 1, "init": 0.5}  # factors of 2 that the best rate falls with each doubling of the width
STEPS = 80
CURVATURE = 0.2  # nats for the square of a factor of 2 from the best rate


def millions(width):
    return (24 * width**2 + 512 * width) / 1e6


def made(kind, width, rate, seed=0, shift=0.0):
    """A run whose final loss follows LAW at the best rate, and above it elsewhere."""
    schedule = schedules.build("linear", STEPS, peak=rate, warmup=8)
    a, b, c = LAW
    away = np.log2(rate / 0.016) + DRIFT[kind] * np.log2(width / BASE)
    final = a * millions(width) ** b + c + CURVATURE * away**2 + shift
    step = np.arange(20, STEPS + 1, 20)
    name = f"{kind}-d_model{width}-peak{rate}" + (f"-seed{seed}" if seed else "")
    counts = {"total": round(1e6 * millions(width)), "non_embedding": 24 * width**2}
    loss = final + 1 - step / STEPS
    return LossCurve(
        name,
        schedule,
        step,
        loss,
        None,
        512,
        counts,
        6.0 * counts["total"],
        seed,
        kind,
        {"config": {"model": {"d_model": width}}},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs over widths and rates, and a coordinate check that only muP passes."""
    folder = tmp_path_factory.mktemp("mup")
    runs = [made(kind, width, rate) for kind in (MUP, STANDARD) for width in WIDTHS for rate in RATES]
    runs += [made("init", width, rate) for width in WIDTHS[2::2] for rate in RATES]
    runs += [made(MUP, 48, 0.016, seed, shift) for seed, shift in ((1, 0.01), (2, -0.01))]
    for run in runs:
        run.save(folder / "curves")
    rows = [
        (kind, width, step, activation, 1 + 0.05 * (width > 48 and step == 2) if kind == MUP else width / BASE)
        for kind in DRIFT
        for width in WIDTHS
        for step in (1, 2)
        for activation in ("logits", "mlp 0")
    ]
    columns = ["role", "width", "step", "activation", "size"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "coordinates.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def runs(folder):
    return Transfer.load(folder)


def test_basins_stay_or_move(runs):
    assert runs.best(MUP, 192) == 0.016 and runs.moves(MUP) == dict.fromkeys((24, 36, 48, 72, 96, 192), 0)
    assert runs.moves(STANDARD)[192] == -3 and runs.inside(MUP, 192) and not runs.inside(STANDARD, 192)
    assert runs.moves("init")[96] == -1  # the smallest width is muP's
    lowest = runs.basin(STANDARD, 96)[0.004]
    assert runs.penalty(STANDARD, 96) == pytest.approx(CURVATURE * 4 / lowest)


def test_wider_is_better_where_the_rate_fits(runs):
    assert runs.wider(MUP).tolist() == [True] * 4
    assert not runs.wider(STANDARD).any()


def test_a_wider_model_may_be_worse_by_what_seeds_do(runs):
    chosen = list(runs.chosen(MUP).values())
    assert len(chosen[2]) == 3
    for rise, within in ((0.9, True), (1.1, False)):
        loss = np.exp(rise * runs.noises * np.sqrt(1 + 1 / 3)) * np.mean([run.loss for run in chosen[2]], axis=0)
        other = Transfer(runs.curves | {(MUP, 72, 0.016, 0): replace(chosen[3][0], loss=loss)})
        assert (other.falls(MUP)[2] == pytest.approx(-rise)) and other.wider(MUP).all() == within
        assert not other.wider(MUP, allowed=0.0).any()


def test_noise_is_pooled_over_seeds(runs):
    logs = [np.log(made(MUP, 48, 0.016, shift=shift).final_loss) for shift in (0, 0.01, -0.01)]
    assert runs.noise == pytest.approx(np.std(logs, ddof=1))
    with pytest.raises(InputError, match="no run was made with several seeds"):
        Transfer({key: run for key, run in runs.curves.items() if key[3] == 0}).noise  # noqa: B018


def test_the_law_of_small_widths_is_found_and_costed(runs):
    forecast = runs.forecast(MUP, 384)
    assert (forecast.law.a, forecast.law.b, forecast.law.c) == pytest.approx(LAW, rel=1e-4)
    assert abs(forecast.error) < 1e-6
    # the rates are tried at the smallest width only; the runs of the other widths are one each, of 48 three
    flops = millions(24) * len(RATES) + sum(millions(w) for w in (36, 48, 48, 48, 72, 96))
    assert forecast.cost == pytest.approx(flops / millions(384), rel=1e-4)
    assert runs.forecast(STANDARD, 384, tuned=True).cost == pytest.approx(
        len(RATES) * sum(millions(w) for w in (24, 36, 48, 72, 96)) / millions(384), rel=1e-4
    )
    # without search the standard parametrisation is foretold badly
    assert abs(runs.forecast(STANDARD, 192).error) > 0.05


def test_a_forecast_needs_its_target(runs):
    lacking = Transfer({key: run for key, run in runs.curves.items() if key[1:3] != (384, 0.016)})
    with pytest.raises(InputError, match="standard, width 384: there is no run"):
        lacking.forecast(STANDARD, 384)
    assert lacking.penalty(STANDARD, 384) == np.inf


def test_the_worst_activation_is_compared_over_widths(folder, monkeypatch):
    monkeypatch.setattr(evidence, "OWN", folder)
    found = evidence.Evidence()
    assert found.spread(MUP) == pytest.approx(0.05) and found.spread(STANDARD) == pytest.approx(15)


def test_a_curve_must_name_its_width(tmp_path):
    made(MUP, 24, 0.016).save(tmp_path / "curves")
    for path in list((tmp_path / "curves").iterdir()):
        if path.suffix == ".json":
            path.write_text(path.read_text().replace("d_model", "width"))
    with pytest.raises(InputError, match="holds no model.d_model, its width"):
        Transfer.load(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("there", [True, False])
def test_the_page_shows_our_runs_or_says_that_they_are_missing(folder, tmp_path, monkeypatch, there):
    monkeypatch.setattr(evidence, "OWN", folder if there else tmp_path / "none")
    paper = Paper.load("mup", folder=tmp_path / "page")
    text = write_paper(paper)[0].read_text()
    found = {claim.id: claim for claim in paper.claims}
    own = [key for key in found if key >= "mup-06"]
    assert len(own) == 5
    assert ("fig02_basins.svg" in text) == ("checks" in paper.tables) == there
    if there:
        # made runs have three rates at the wider widths: a basin that stays cannot be told from one that was not looked for
        assert {found[key].verdict for key in own} <= {"holds", "holds in part", "undecided"}
        assert sum(found[key].verdict == "holds" for key in own) > 1
        assert found["mup-09-controls"].on_own_runs == (
            "mup: fails none; standard: fails basins, wider is better, coordinates; init: fails coordinates"
        )
    else:
        assert all(found[key].verdict == "not tested" for key in own)
        assert "python -m training run mup" in text and found["mup-01-law"].verdict == "holds"
