"""The leaderboard on made curves whose answers are known, and its protocols' promises."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.leaderboard import board, page, procedures, protocols, ranking, studies
from analysis.leaderboard.board import METRICS, cell_rows, rank_accuracy, scores_of
from analysis.leaderboard.datasets import SIZES, groups
from analysis.leaderboard.procedures import PROCEDURES, SELECTION
from analysis.pages.writer import write_tables
from losslaws.curves import InputError, public
from losslaws.curves.public import Group
from losslaws.curves.runs import select
from losslaws.fitting import Fit, Prior
from tests.analysis.papers import synthetic

NAMES = ("constant-1x", "cosine-1x", "wsd20-linear-1x", "constant-3x", "cosine-3x", "wsd20-linear-3x", "peak4-05x")


def made(dataset="mpl", authors="Luo et al.", names=NAMES, scatter=0.0):
    """A group whose losses come from the annealing law."""
    curves = {name: synthetic.curve(name, scatter) for name in names}
    return Group(dataset, "25M", authors, curves, (("constant-1x", "cosine-1x"),), 1e-4)


@pytest.fixture(scope="module")
def every():
    return list(protocols.cells(made()))


def test_every_protocol_but_the_absent_has_cells(every):
    own = list(protocols.cells(public.groups("slimpajama-scaling")[0]))
    assert {cell.protocol for cell in every} == set(protocols.PROTOCOLS) - {"chosen"}
    assert {cell.protocol for cell in own} & {"published", "chosen"} == {"chosen"}
    assert {cell.asks for cell in every} == set(protocols.KINDS)


def test_no_test_is_fitted(every):
    for cell in every:
        if cell.protocol.startswith("forecast"):
            (seen,), (test,) = cell.fit, cell.tests
            share = int(cell.protocol.removeprefix("forecast-")) / 100
            assert seen.name == test.name and seen.step[-1] <= share * test.schedule.steps
            assert np.all(seen.schedule.lr[seen.schedule.warmup : seen.step[-1]] == seen.schedule.peak)
        else:
            assert not {curve.name for curve in cell.fit} & {test.name for test in cell.tests}


def test_new_points_lie_after_every_fork(every):
    for cell in every:
        for test, fork in zip(cell.tests, cell.forks, strict=True):
            for seen in cell.fit:
                ends = min(int(seen.step[-1]), test.schedule.steps)
                later = range(fork + 1, ends + 1)
                assert not any(np.array_equal(seen.schedule.lr[:t], test.schedule.lr[:t]) for t in later)


def test_peak_rates_are_seen_but_for_the_protocol_that_asks_for_others(every):
    for cell in every:
        seen, asked = ({curve.schedule.peak for curve in runs} for runs in (cell.fit, cell.tests))
        assert asked.isdisjoint(seen) if cell.protocol == "peak" else asked <= seen


def test_longer_asks_for_three_times_the_length(every):
    (cell,) = (cell for cell in every if cell.protocol == "longer")
    longest = max(curve.schedule.steps for curve in cell.fit)
    assert {test.name for test in cell.tests} == {"constant-3x", "cosine-3x", "wsd20-linear-3x"}
    assert all(test.schedule.steps >= 3 * longest for test in cell.tests)


def test_choices_are_all_or_drawn_the_same_every_time(monkeypatch):
    group = made()
    monkeypatch.setattr(protocols, "MOST", 15)
    assert len(protocols.choices(group, 2)) == 15  # of the six of one peak rate
    monkeypatch.setattr(protocols, "MOST", 7)
    drawn = protocols.choices(group, 2)
    assert len(set(drawn)) == 7 and drawn == protocols.choices(group, 2)


def test_shared_beginnings_are_trained_once():
    curves = made().curves
    trunk, branch = curves["constant-3x"], curves["wsd20-linear-3x"]
    assert protocols.trained([trunk, branch]) == trunk.schedule.steps + round(0.2 * branch.schedule.steps)
    assert protocols.trained([select(trunk, trunk.step <= 200)]) == 200


def row(cell, name, scored="new"):
    procedure = PROCEDURES[name]
    fits = procedures.fitted(procedure, cell.fit, [None] * len(procedure.parts))

    def read(curve):
        return procedures.features(procedure, cell.group.curves[curve])

    return next(r for r in cell_rows(cell, procedure, fits, 0.0, read) if r["scored"] == scored)


def test_the_true_law_is_exact_and_the_blind_one_is_not(every):
    cell = next(cell for cell in every if cell.protocol == "published")
    assert row(cell, "annealing")["final_error"] < 1e-6
    assert row(cell, "annealing")["R2"] == pytest.approx(1)
    assert row(cell, "power-in-steps")["final_error"] > 1e-2
    assert row(cell, "annealing")["rank_accuracy"] == 1


def test_new_points_alone_are_scored_as_new(every):
    cell = next(cell for cell in every if cell.protocol == "published" and any(cell.forks))
    right_after = [np.where(t.step > fork, t.loss, 2 * t.loss) for t, fork in zip(cell.tests, cell.forks, strict=True)]
    assert all(score.mean_error == 0 for score in scores_of(cell, right_after, "new"))
    assert any(score.mean_error > 0.1 for score in scores_of(cell, right_after, "all"))


def splits_of(errors):
    """A table of splits of one cell, with these final errors."""
    rows = [dict.fromkeys(board.KEYS, "x") | dict.fromkeys(METRICS, error) for error in errors]
    more = {"parameters": 4, "fit_curves": 2, "rank_accuracy": 1.0, **dict.fromkeys(board.COST, 1.0)}
    return pd.DataFrame([row | more for row in rows])


def test_a_cell_is_the_median_of_its_splits_and_its_spread_the_90th_percentile():
    splits = splits_of([0.0, 0.1, 0.2, 0.3, 10.0])
    (cell,) = board.leaderboard(splits).itertuples()
    assert cell.final_error == 0.2 and cell.PredE == 0.2
    (around,) = board.spread(splits).itertuples()
    assert (around.final_error_median, around.splits) == (0.2, 5)
    assert around.final_error_p90 == pytest.approx(0.3 + 0.6 * 9.7)


def test_the_ranking_states_median_and_90th_percentile_over_cells():
    errors = [0.0, 0.1, 0.2, 0.3, 10.0]
    rows = [
        dict(zip(ranking.CELL, (f"set {i}", *["x"] * (len(ranking.CELL) - 1)), strict=True))
        | {"law": "annealing", "scored": "new", "protocol": "splits-1", "final_error": error, "PredE": error / 2}
        | {"rank_accuracy": np.nan, "fit_ms": 1.0, "prior_ms": 0.0, "prior_fraction": 0.0}
        for i, error in enumerate(errors)
    ]
    (row,) = ranking.ranking(pd.DataFrame(rows)).itertuples()
    assert row.final_median == 0.2 and row.final_p90 == pytest.approx(0.3 + 0.6 * 9.7)
    assert row.PredE_median == 0.1 and row.PredE_p90 == pytest.approx((0.3 + 0.6 * 9.7) / 2)


def test_rank_counts_pairs_beyond_the_noise(every):
    cell = next(cell for cell in every if cell.protocol == "rank")
    measured = [test.loss for test in cell.tests]
    assert rank_accuracy(cell, measured) == 1
    assert rank_accuracy(cell, [10 - loss for loss in measured]) == 0
    loud = protocols.Cell(made(), cell.protocol, cell.fit, cell.tests)
    object.__setattr__(loud.group, "noise", 1.0)
    assert np.isnan(rank_accuracy(loud, measured))


def test_a_data_set_tells_nothing_of_its_own_authors(tmp_path):
    procedure = PROCEDURES["annealing-known"]
    asked = board.Board(tmp_path, [procedure])
    tellers = [made(authors=name, dataset=name) for name in ("a", "b", "c")]
    told = [(group, *board.source_fits(group, procedure)) for group in tellers]
    for factor, (_, (fits,), _) in zip((0.9, 0.95, 0.97), told, strict=True):
        assert len(fits) == 1  # one peak rate has several curves
        fits[0].params["lambda"] *= factor
    asked.source_fits = {procedure.name: told}
    decays = [fits[0].params["lambda"] for _, (fits,), _ in told[1:]]
    beforehand = asked.beforehand(procedure, tellers[0])
    (prior,) = beforehand.priors
    assert prior.mean["lambda"] == pytest.approx(np.mean(decays))
    plain = PROCEDURES["annealing"]
    assert procedures.priors_for(plain, [], tellers[0]) == [None] and procedures.taught(plain, tellers[0]) == []


def test_the_runs_that_taught_the_priors_count_in_the_compute(tmp_path, monkeypatch):
    procedure = PROCEDURES["annealing-known"]
    asked = board.Board(tmp_path, [procedure])
    group, *others = (made(authors=name, dataset=name) for name in ("a", "b", "c"))
    asked.source_fits = {procedure.name: [(other, [[]], 5.0) for other in (group, *others)]}
    for other in others:  # models half as large
        curve = next(iter(other.curves.values()))
        smaller = {**curve.parameters, "non_embedding": curve.parameters["non_embedding"] // 2}
        other.curves[curve.name] = replace(curve, parameters=smaller)
    monkeypatch.setattr(procedures, "priors_for", lambda *_: [None])
    beforehand = asked.beforehand(procedure, group)
    steps = protocols.trained(procedures.taught(procedure, group))
    assert beforehand.steps == pytest.approx(2 * steps / 2, rel=1e-3) and beforehand.ms == 10.0
    cell = next(protocols.cells(group))
    costs = board.costs(cell, beforehand)
    assert costs["prior_fraction"] == pytest.approx(beforehand.steps / protocols.trained(cell.tests))
    assert costs["compute_fraction"] == pytest.approx(cell.compute_fraction + costs["prior_fraction"])


def test_what_follows_the_model_is_carried_over():
    small, large = made(), made()
    for group, size in ((small, 10_000), (large, 80_000)):
        object.__setattr__(next(iter(group.curves.values())), "parameters", {"non_embedding": size})
        object.__setattr__(next(iter(group.curves.values())), "tokens_per_step", size)
    part = replace(PROCEDURES["annealing"].parts[0], follows={"C": (1 / 3, -1.0, -0.5)})
    peak = small.curves["constant-1x"].schedule.peak
    fit = procedures.fitted(PROCEDURES["annealing"], list(small.curves.values()), [None])[0]
    moved = procedures.transferred(part, fit, small, large)
    assert moved.params == pytest.approx(fit.params | {"C": fit.params["C"] * 2 / 8 * (1e-3 / peak) ** -0.5})
    prior = Prior({"C": 0.0, "lambda": 0.999}, {"C": 0.2, "lambda": 0.001}, ("C",))
    assert procedures.at_peak(part, prior, 4e-3).mean == pytest.approx({"C": np.log(4**-0.5), "lambda": 0.999})


@pytest.mark.parametrize(
    "name", ["annealing-known", "annealing-progress-known", "multi-power-known", "relaxation-known"]
)
def test_priors_know_nothing_of_the_unit_of_the_rates(name):
    """What is learned in one unit and carried to another predicts the same."""
    (part,) = PROCEDURES[name].parts
    if part.follows.keys() & {"K"}:
        assert part.follows["K"][2] == 0  # its law states K at one rate
        return
    linear = "C" if "annealing" in name else "B"
    group = made()
    peak = next(iter(group.curves.values())).schedule.peak
    seen = [Fit(part.law, dict.fromkeys(part.law.names, 0.5), (), 0, 1, True, (), 9, ("constant-1x",), None)]
    at_reference = procedures.transferred(part, seen[0], group, group).params[linear]
    exponent = part.follows[linear][2]
    assert at_reference * (peak / 1e-3) ** exponent == pytest.approx(0.5)  # and back again


def scored_splits(errors):
    rows = [
        {
            "dataset": authors,
            "authors": authors,
            "asks": "decay seen",
            "scored": "new",
            "protocol": "splits-1",
            "law": law,
            "final_error": error,
        }
        for law, by in errors.items()
        for authors, error in by.items()
    ]
    return pd.DataFrame(rows)


def test_groups_of_authors_count_alike_and_those_that_settings_were_chosen_on_do_not():
    errors = {
        procedures.BEST: {"a": 0.001, "b": 0.004, "c": 0.002},
        "annealing-known": {"a": 0.002, "b": 0.008, "c": 0.004},
    }
    splits = scored_splits(errors)
    chosen = scored_splits({law: {"mpl": 1.0} | dict.fromkeys(procedures.SEEN, 1.0) for law in errors})
    by = ranking.by_authors(ranking.medians(pd.concat([splits, chosen], ignore_index=True)))
    own = by[(by["asks"] == "all")].set_index("law")
    assert own.loc[procedures.BEST, "median"] == pytest.approx(0.002) and own.loc[procedures.BEST, "authors"] == 3
    assert own.loc["annealing-known", "median_over_best"] == pytest.approx(2)
    assert own.loc[procedures.BEST, "low"] < 0.002 < own.loc[procedures.BEST, "high"]
    assert "0.50 times as much" in ranking.verdict(by) and ranking.verdict(by).startswith("**The aim is reached**")
    alike = ranking.medians(scored_splits(errors | {"annealing-known": errors[procedures.BEST]}))
    assert ranking.verdict(ranking.by_authors(alike)).startswith("**The aim is not reached**")


def test_a_new_entry_takes_the_first_place_only_with_the_whole_interval():
    old = {"a": 0.002, "b": 0.008, "c": 0.004}
    better, mixed = {name: error / 2 for name, error in old.items()}, {"a": 0.001, "b": 0.0079, "c": 0.0041}
    for new, said in ((better, "takes the first place"), (mixed, "takes no first place")):
        errors = {"annealing": old, "annealing_zeta": new, procedures.BEST: {name: 1e-4 for name in old}}
        place = ranking.place(ranking.medians(scored_splits(errors)), "annealing_zeta")
        assert said in place and "times as much as annealing, the best other entry without priors" in place
    partly = {"annealing": old, "annealing_zeta": {"a": 0.001}}
    assert "has no place" in ranking.place(ranking.medians(scored_splits(partly)), "annealing_zeta")


@pytest.mark.slow
def test_the_noise_follows_the_size_as_stated():
    """SIZE is the slope within the Multi-Power and the OpenWebText2 runs."""
    procedure = PROCEDURES[procedures.BEST]
    several = [group for group in public.groups() if group.dataset in ("mpl", "openwebtext2-scaling")]
    told = [(group, procedures.source_fits(procedure, group)) for group in several]
    assert procedures.size_slope(told) == pytest.approx(procedures.SIZE, abs=0.005)


def test_the_published_split_of_the_multi_power_set_gives_the_known_scores():
    group = public.groups("mpl")[0]
    cell = next(cell for cell in protocols.cells(group) if cell.protocol == "published")
    found = row(cell, "annealing-full", "all")
    assert found["R2"] == pytest.approx(0.99801, abs=1e-5)
    assert found["MAE"] == pytest.approx(0.00466, abs=1e-5)
    assert found["PredE"] == pytest.approx(0.00136, abs=1e-5)


def test_splits_are_of_curves_that_are_there(tmp_path):
    found = groups(tmp_path)
    assert set(SELECTION) < {group.dataset for group in found} == set(public.DATA_SETS)
    assert len(found) == len(public.groups()) - 22 + SIZES  # Gemstones
    for group in found:
        assert all(set(names) <= set(group.curves) for names in group.published)


@pytest.mark.slow
def test_the_page_shows_what_was_measured(tmp_path, monkeypatch):
    lengths = [f"cosine-{length}x" for length in ("05", "1", "2", "3")]
    names = ("constant-1x", "wsd20-linear-1x", "constant-3x", *lengths)
    sets = [made(dataset, dataset, names, 1.0) for dataset in (*SELECTION, "annealing-paper")]
    monkeypatch.setattr(board, "all_groups", lambda results: sets)
    monkeypatch.setattr(protocols, "MOST", 1)
    monkeypatch.setattr(studies, "STUDIES", {ask: (("annealing", page.BEST), "name") for ask in studies.STUDIES})
    monkeypatch.setattr(page, "SHOWN", ("annealing", page.BEST))
    monkeypatch.setattr(ranking, "BASELINES", ("annealing",))
    written_files = page.write(tmp_path, page.SHOWN)
    assert all(path.exists() for path in written_files)
    text = (tmp_path / "leaderboard" / "leaderboard.md").read_text(encoding="utf-8")
    assert page.BEST in text and "chinchilla" in text and not re.search(r"\bnan\b", text)
    header = (tmp_path / "leaderboard" / "leaderboard.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == (
        "dataset,size,protocol,scored,law,parameters,fit_curves,R2,MAE,RMSE,PredE,WorstE,final_error,"
        "rank_accuracy,fit_ms,prior_ms,compute_fraction,prior_fraction"
    )


def test_one_law_is_put_beside_the_committed_board(tmp_path, monkeypatch):
    sets = [made(dataset, dataset) for dataset in SELECTION]
    monkeypatch.setattr(board, "all_groups", lambda results: sets)
    monkeypatch.setattr(protocols, "MOST", 1)
    entries = [PROCEDURES[name] for name in ("annealing", "power-in-steps")]
    table = board.leaderboard(board.Board(tmp_path, entries).splits())
    write_tables(tmp_path / "leaderboard", {"leaderboard": table}, digits=5)
    before = (tmp_path / "leaderboard" / "leaderboard.csv").read_bytes()
    ranks = [line.split("|")[1].strip() for line in page.standing(tmp_path, "annealing_zeta").splitlines()[2:]]
    assert set(ranks) == {"annealing", "annealing_zeta", "power-in-steps"} and ranks[-1] == "power-in-steps"
    assert (tmp_path / "leaderboard" / "leaderboard.csv").read_bytes() == before
    with pytest.raises(
        InputError, match="law 'anealing' is no entry of the board and no law; did you mean 'annealing'"
    ):
        page.standing(tmp_path, "anealing")
