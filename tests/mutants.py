"""Deliberate bugs of meaning, one at a time: `make mutants` says which the tests catch. Each is a line that reads well and is wrong.

A bug is written into a copy of the repository and the tests that should see it run there; one that they pass survives, and is named. The list is kept
sound by tests/test_mutants.py, which finds each line once in its file. ONLY=WORD runs those whose name holds the word.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 600  # seconds for the tests of one bug; one that makes them hang is caught too


@dataclass(frozen=True)
class Mutant:
    """A bug: in `file`, `right` becomes `wrong`; `tests` should fail."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str


PAPERS, LAWS, FITTING = "analysis/papers/annealing", "losslaws/laws", "losslaws/fitting"
A, L, F = "tests/analysis/papers/annealing", "tests/losslaws/laws", "tests/losslaws/fitting"
BOARD, CAST = "tests/analysis/leaderboard/test_leaderboard.py", "tests/losslaws/forecast/test_predict.py"
RUN = "tests/training/test_run.py"

MUTANTS = (
    # laws
    Mutant("S2 without its factor", f"{LAWS}/annealing.py", "S2 = (self._fallen - decay * m) / (1 - decay)", "S2 = self._fallen - decay * m", L),
    Mutant("slope of S2 lacks a term", f"{LAWS}/annealing.py", "(S2 - m - decay * slope) / (1 - decay)", "(S2 - m) / (1 - decay)", L),
    Mutant("drops age one step too few", f"{LAWS}/annealing.py", "age = np.repeat(run.step - 1, many[-1])", "age = np.repeat(run.step - 2, many[-1]).clip(0)", L),
    Mutant("a run's momentum goes on into the next", f"{LAWS}/annealing.py", "carry[self._gap == 0] = 0.0", "pass", L),
    # fitting
    Mutant("prior scale halved", f"{FITTING}/fits.py", "values.std(ddof=1) * np.sqrt(1 + 1 / values.size)", "values.std(ddof=1) / 2", f"{F}/test_prior.py"),
    Mutant("prior pulls the other way", f"{FITTING}/prior.py", "return stiffness * distance, slopes", "return -stiffness * distance, slopes", f"{F}/test_prior.py"),
    # training
    Mutant("rate applied one step late", "training/loop.py", "rate = float(schedule.lr[step - 1])\n            loss, norm = machine.step(step, rate)", "rate = float(schedule.lr[step - 1])\n            loss, norm = machine.step(step, float(schedule.lr[max(step - 2, 0)]))", RUN),
    Mutant("validation on fewer sequences than said", "training/machine.py", "yield self.put(own if len(own) else rows[:1]), len(own)", "yield self.put(own if len(own) else rows[:1]), max(len(own) - 1, 0)", "tests/training/test_golden.py tests/training/test_run.py"),
    Mutant("last evaluation missing", "training/loop.py", "if step % every == 0 or step == schedule.steps else {}", "if step % every == 0 else {}", RUN),
    # seeds, halves, noise
    Mutant("asked about the seeds that were fitted", f"{PAPERS}/experiment.py", "return self._mean(name, self.halves[1] or self.halves[0])", "return self._mean(name, self.halves[0])", A),
    Mutant("a mean over one seed only", "losslaws/curves/runs.py", "loss=np.mean([run.loss for run in runs], axis=0)", "loss=runs[0].loss", A),
    Mutant("standard error of one run for a mean", f"{PAPERS}/noise.py", "error = relation.sd * np.sqrt(share)", "error = relation.sd", f"{A}/test_noise.py {A}/test_claims.py"),
    Mutant("two-sided p halved", f"{PAPERS}/noise.py", "float(2 * student.sf(abs(difference)", "float(student.sf(abs(difference)", f"{A}/test_noise.py"),
    Mutant("half-width of one side", f"{PAPERS}/noise.py", "half = float(student.ppf(0.975, relation.freedom) * error)", "half = float(student.ppf(0.95, relation.freedom) * error)", f"{A}/test_noise.py"),
    Mutant("runs of one seed counted as draws", f"{PAPERS}/noise.py", "return sd, max(len(values) for values in groups) - 1 if shared else freedom", "return sd, freedom", f"{A}/test_noise.py"),
    Mutant("a run in two pairs", f"{PAPERS}/noise.py", "left.remove(mate)", "pass", f"{A}/test_noise.py"),
    Mutant("a trunk is not seen", f"{PAPERS}/noise.py", "TRUNK = 0.5", "TRUNK = 1.5", f"{A}/test_noise.py"),
    # verdicts
    Mutant("undecided counts as passed", "analysis/papers/claim.py", 'return "holds" if all(decided) and len(decided) == len(measured)', 'return "holds" if all(decided)', f"{A}/test_claims.py"),
    Mutant("the law on itself holds", "analysis/papers/claim.py", 'return "by the law alone" if all(laws)', 'return "holds" if all(laws)', f"{A}/test_claims.py"),
    Mutant("Holm becomes Bonferroni's opposite", "analysis/papers/claim.py", "level / (len(ranked) - rank)", "level", f"{A}/test_claims.py"),
    Mutant("noise guard of a comparison removed", f"{PAPERS}/noise.py", "return None if abs(found) <= half else found > 0", "return found > 0", f"{A}/test_claims.py"),
    Mutant("better and worse swapped", f"{PAPERS}/evidence.py", "noise.compare(runs[better], runs[worse], self.own.relations)", "noise.compare(runs[worse], runs[better], self.own.relations)", f"{A}/test_claims.py"),
    Mutant("the end of the window is a turn", f"{PAPERS}/evidence.py", "return None if at == inside.size - 1 else", "return", f"{A}/test_claims.py"),
    Mutant("scaled-up law right if one factor is", f"{PAPERS}/claims/objections.py", "else abs(found) <= NEAR", "else abs(found) <= 100 * NEAR", f"{A}/test_claims.py"),
    Mutant("best share read from the worst", f"{PAPERS}/grid.py", "if loss - least <= self.limit]", "if loss - least > self.limit]", f"{A}/test_grid.py {A}/test_claims.py"),
    # expected numbers and cost
    Mutant("expected numbers drift unseen", f"{PAPERS}/verify.py", "held = abs(value - expected.value) <= expected.tolerance", "held = True", f"{A}/test_verify.py"),
    Mutant("tolerance of losses ten times as wide", f"{PAPERS}/verify.py", "SAME = 0.01", "SAME = 0.1", f"{A}/test_verify.py"),
    Mutant("tolerance of errors ten times as wide", f"{PAPERS}/verify.py", "POINTS = 0.3", "POINTS = 30.0", f"{A}/test_verify.py"),
    Mutant("cost asked about its own seed", f"{PAPERS}/benchmark.py", "return runs[next((s for s in others if s != seed), seed)]", "return runs[seed] if seed in runs else runs[others[0]]", f"{A}/test_benchmark.py"),
    Mutant("shared beginnings paid twice", "losslaws/curves/runs.py", "total += curve.flops * (1 - max(shared, default=0) / curve.schedule.steps)", "total += curve.flops", f"{A}/test_benchmark.py"),
    # board
    Mutant("new scores all points", "analysis/leaderboard/board.py", 'fork if scored == "new" else 0', "0", BOARD),
    Mutant("mean for median over splits", "analysis/leaderboard/board.py", 'how = dict.fromkeys(medians, "median")', 'how = dict.fromkeys(medians, "mean")', BOARD),
    Mutant("p90 of the ranking is the median", "analysis/leaderboard/ranking.py", '"final_p90": shared["final_error"].quantile(0.9)', '"final_p90": shared["final_error"].quantile(0.5)', BOARD),
    Mutant("p90 over splits is the median", "analysis/leaderboard/board.py", "by[metric].quantile(0.9)", "by[metric].quantile(0.5)", BOARD),
    # forecasts and search
    Mutant("forecast interval halved", "losslaws/forecast/predict.py", "half = np.minimum(spread * self.widening(self.fitted), 1.0)", "half = np.minimum(spread * self.widening(self.fitted) / 2, 1.0)", CAST),
    Mutant("S_min with B and B_crit swapped", "losslaws/search/kaplan.py", "return S / (1 + critical_batch(L) / B)", "return S / (1 + B / critical_batch(L))", "tests/analysis/papers/kaplan/test_kaplan.py"),
    # curves kept
    Mutant("shared stretches mixed up", "losslaws/curves/store.py", "part = pd.concat([whole[begins[0]].iloc[: begins[1]], part]", "part = pd.concat([whole[begins[0]].iloc[: begins[1]].shift(fill_value=1.0), part]", "tests/losslaws/curves/test_store.py"),
    Mutant("the finer last loss is the usual one", "losslaws/curves/loss_curve.py", "return float(finer[-1]) if finer is not None and np.isfinite(finer[-1]) else self.final_loss", "return self.final_loss", "tests/losslaws/curves tests/training/test_run.py"),
)  # fmt: skip


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether the tests pass with the bug in place."""
    path = copy / mutant.file
    before = path.read_text(encoding="utf-8")
    if before.count(mutant.right) != 1:
        raise SystemExit(f"{mutant.file}: '{mutant.right}' must stand there once; mend tests/mutants.py")
    path.write_text(before.replace(mutant.right, mutant.wrong), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-n0", "-x", "-q", "-p", "no:cacheprovider", *mutant.tests.split()]
    try:
        done = subprocess.run(command, cwd=copy, capture_output=True, timeout=LIMIT, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False)  # fmt: skip
        return done.returncode == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        path.write_text(before, encoding="utf-8")


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of the repository, for as long as the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "runs", "corpora", "reproduced"))
        yield copy


def main(only: str) -> int:
    """Run every bug whose name holds `only`; return how many survive."""
    chosen = [mutant for mutant in MUTANTS if only in mutant.name]
    left = []
    with copied() as copy:
        for number, mutant in enumerate(chosen, start=1):
            lives = survives(mutant, copy)
            left += [mutant] if lives else []
            print(f"{number}/{len(chosen)} {'SURVIVES' if lives else 'caught'}: {mutant.name}", flush=True)
    print(f"{len(chosen) - len(left)} of {len(chosen)} bugs caught ({100 * (1 - len(left) / len(chosen)):.0f} %)")
    for mutant in left:
        print(f"survives: {mutant.name} ({mutant.file}; {mutant.tests})")
    return len(left)


if __name__ == "__main__":
    sys.exit(bool(main(os.environ.get("ONLY", ""))))
