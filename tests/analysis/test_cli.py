import subprocess
import sys
from pathlib import Path

import pytest

from tests.analysis.papers.synthetic import SMOKE, write_experiment

ROOT = Path(__file__).parents[2]


def run(*arguments):
    """Run `python -m analysis` and return the finished process."""
    return subprocess.run(
        [sys.executable, "-m", "analysis", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    return write_experiment(tmp_path_factory.mktemp("results") / "smoke", SMOKE)


@pytest.mark.slow
def test_report_writes_the_pages_and_says_where(profile):
    done = run("paper", "annealing", "--profile", profile)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-2:] == [str(profile / "report.md"), str(profile / "report.html")]
    assert (profile / "figures" / "fig02_fit.pdf").exists() and (profile / "fits.csv").exists()


@pytest.mark.slow
def test_figures_says_what_became_of_each(profile):
    done = run("paper", "annealing", "--profile", profile, "--only", "figures")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 16
    assert "fig05_delay: needs a run whose rate dips once, not run in this profile" in done.stdout


@pytest.mark.slow
def test_claims_lists_every_verdict(profile):
    (profile / "claims.csv").unlink(missing_ok=True)
    done = run("paper", "annealing", "--profile", profile, "--only", "claims")
    assert done.returncode == 0, done.stderr
    assert (profile / "claims.csv").exists()
    assert "does not hold" in done.stdout and done.stdout.strip().endswith("claims.csv")


@pytest.mark.slow
def test_verify_without_expectations_says_so_and_with_them_compares(profile):
    (profile / "expected.json").unlink(missing_ok=True)
    assert "nothing to compare with" in run("verify", profile).stdout
    assert run("verify", profile, "--update").stdout.strip() == str(profile / "expected.json")
    assert "paper L0" in run("verify", profile).stdout
    path = profile / "expected.json"
    path.write_text(path.read_text().replace('"value": 2.6', '"value": 3.6', 1))
    done = run("verify", profile)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and "paper L0" in done.stderr


@pytest.mark.parametrize("asked", [("paper", "annealing", "--profile"), ("verify",)])
def test_a_profile_without_curves_gets_one_line(asked):
    done = run(*asked, "no-such-profile")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no-such-profile: there are no curves in") and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_place_that_cannot_be_written_gets_one_line(profile, tmp_path):
    (tmp_path / "file").touch()
    done = run("paper", "annealing", "--profile", profile, "--folder", tmp_path / "file" / "page", "--only", "claims")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {tmp_path / 'file' / 'page'}: {tmp_path / 'file'} is no folder; give the name of a folder\n"
    )


def test_a_damaged_curve_gets_one_line(tmp_path):
    folder = write_experiment(tmp_path / "damaged", SMOKE)
    (folder / "curves" / "cosine-1x.csv").write_text("step,lr\n1,0.1\n")
    done = run("paper", "annealing", "--profile", folder)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("cosine-1x.csv: has no column 'val_loss'")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_nothing_of_the_analysis_imports_torch():
    code = """
import sys, pkgutil, importlib
import analysis
for module in pkgutil.walk_packages(analysis.__path__, "analysis."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print([name for name in ("torch", "transformers", "datasets", "hydra") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_help_comes_without_heavy_imports():
    code = """
import sys
from analysis.__main__ import parser
text = parser().format_help()
assert all(verb in text for verb in ("paper", "leaderboard", "verify", "trial"))
print([name for name in ("matplotlib", "scipy", "jinja2", "analysis.papers.annealing.evidence") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
