"""The library as strangers get it: its wheel, its face, its command, and what all of these cost."""

import ast
import json
import re
import resource
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import losslaws

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "run.csv"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HEAVY = ("torch", "transformers", "datasets", "hydra", "omegaconf", "jinja2", "tqdm")


def name_of(requirement: str) -> str:
    """The package that a requirement is about, as registries compare names."""
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def direct(extra: str | None = None) -> set[str]:
    """The packages that the library, or one of its extras, names itself."""
    lines = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    return {name_of(line) for line in lines} - {PROJECT["name"]}


def pins(name: str) -> dict[str, str]:
    """The pinned version of every package of a requirements file."""
    lines = (line.strip() for line in (ROOT / name).read_text().splitlines())
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {name_of(package): version for package, version in pairs}


# the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without a network from a copy of everything that could slip into it."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("losslaws", "models", "training", "analysis", "tests", "conf", "docs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    (source / "results").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "train.py", "results/x.csv"):
        shutil.copy(ROOT / name if (ROOT / name).exists() else ROOT / "LICENSE", source / name)
    code = f"from setuptools import build_meta; print(build_meta.build_wheel({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder that holds what the wheel installs."""
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def test_the_wheel_holds_the_library_and_nothing_else(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {path for path in (ROOT / "losslaws").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert names == {path.relative_to(ROOT).as_posix() for path in ours}
    assert {"losslaws/py.typed", "losslaws/forecast/prior.json", "losslaws/forecast/calibration.csv"} <= names


def test_the_wheel_asks_for_six_packages_and_names_one_version(wheel):
    files = zipfile.ZipFile(wheel)
    about = Parser().parsestr(files.read(next(n for n in files.namelist() if n.endswith("METADATA"))).decode())
    core = {name_of(line) for line in about.get_all("Requires-Dist") if "extra ==" not in line}
    assert core == {"numpy", "scipy", "pyarrow", "pandas", "matplotlib", "pooch"} == direct()
    assert about["Name"] == "losslaws" and about["Version"] == losslaws.__version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == losslaws.__version__
    assert f"\n## {losslaws.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    entry = files.read(next(n for n in files.namelist() if n.endswith("entry_points.txt"))).decode()
    assert "losslaws = losslaws.__main__:main" in entry


@pytest.mark.slow
def test_what_was_installed_forecasts_from_any_folder(installed, tmp_path):
    shutil.copy(EXAMPLE, tmp_path / "run.csv")
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        f"for name in {HEAVY}: sys.modules[name] = None  # as where they are not installed\n"
        "import losslaws; assert 'installed' in losslaws.__file__\n"
        "from losslaws.__main__ import main\n"
        "sys.argv[0] = 'losslaws'; main()"
    )

    def command(*arguments):
        asked = [sys.executable, "-I", "-c", code, *arguments]
        done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "continues the log" in command("predict", "run.csv", "--until", "25000", "--figure", "out.svg")
    assert (tmp_path / "out.svg").exists()
    assert "Chinchilla" in command("budget", "--flops", "1e18")
    code = code.replace("from losslaws.__main__ import main\n", "").replace("sys.argv[0] = 'losslaws'; main()", "")
    code += "print(len(losslaws.public.slimpajama_124m()), losslaws.laws.names()[0])"
    assert command() == "146 annealing\n"


# what it costs


def seconds(*command) -> float:
    """CPU seconds of a command, the least of three tries."""
    tries = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        tries.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(tries)


@pytest.mark.slow
def test_an_import_costs_nothing_and_a_forecast_a_second():
    assert seconds("-c", "import losslaws") < 0.3
    assert seconds("-m", "losslaws", "predict", EXAMPLE, "--schedule", "wsd", "cosine", "--steps", 25000) < 1.5


# the face


def test_every_public_name_is_there_typed_and_documented():
    tree = ast.parse((ROOT / "losslaws" / "__init__.py").read_text())
    typed = next(node for node in tree.body if isinstance(node, ast.If))
    names = {alias.asname or alias.name for node in typed.body for alias in node.names}
    assert names == set(losslaws.__all__) == set(losslaws._HOMES)  # what type checkers see is what is there
    for name in losslaws.__all__:
        assert getattr(losslaws, name).__doc__, name
        assert name in dir(losslaws)
    with pytest.raises(AttributeError, match="no attribute 'predct'"):
        losslaws.predct  # noqa: B018


def test_a_name_is_loaded_when_it_is_asked_for():
    code = "import sys, losslaws; print([m for m in ('numpy', 'pandas') if m in sys.modules]); print(losslaws.Schedule([]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == "[]" and "needs at least one step" in done.stderr


def test_a_script_asks_for_what_the_command_asks():
    run = losslaws.read(EXAMPLE)
    asked = [
        sys.executable,
        "-m",
        "losslaws",
        "predict",
        str(EXAMPLE),
        "--steps",
        "25000",
        "--until",
        "26000",
        "--json",
    ]
    done = subprocess.run([*asked, "--schedule", "wsd", "cosine"], cwd=ROOT, capture_output=True, text=True)
    command = {one["schedule"]: one["final_loss"] for one in json.loads(done.stdout)["forecasts"]}
    script = losslaws.predict(run, ["wsd", "cosine"], steps=25_000, until=26_000)
    assert {name: one.final[0] for name, one in script.items()} == pytest.approx(command)
    assert list(script) == ["wsd", "cosine", "as now until 26000"]
    ranked = losslaws.predict([run], ["wsd"], compare=True, decay=0.3)
    assert "wsd decay=0.3" in ranked and "cosine final=0.1" in ranked
    assert [one.final[0] for one in ranked.values()] == sorted(one.final[0] for one in ranked.values())


def test_schedules_keep_the_names_that_they_are_given():
    run = losslaws.read(EXAMPLE)
    short, long = (losslaws.schedule("wsd", 25_000, peak=1e-3, warmup=300, decay=share) for share in (0.1, 0.4))
    found = losslaws.predict(run, {"short": short, "long": long, "round": "cosine"})
    assert list(found) == ["short", "long", "round"] and found["long"].schedule is long
    lengths = losslaws.predict(run, ["cosine:steps=25000", "cosine:steps=40000"])
    assert [one.schedule.steps for one in lengths.values()] == [25_000, 40_000]
    with pytest.raises(losslaws.InputError, match="two schedules are called 'wsd'"):
        losslaws.predict(run, [short, long])
    with pytest.raises(losslaws.InputError, match="no schedule is asked for"):
        losslaws.predict(run)
    with pytest.raises(losslaws.InputError, match="no run is given"):
        losslaws.predict([])


# the command


def test_the_version_is_printed():
    assert command("--version").stdout == f"losslaws {losslaws.__version__}\n"


def command(*arguments):
    return subprocess.run([sys.executable, "-m", "losslaws", *arguments], cwd=ROOT, capture_output=True, text=True)


def test_help_lists_schedules_and_families_once():
    help = command("predict", "--help").stdout
    for name in losslaws.schedules.names():
        assert len(re.findall(rf"^  {name} +\S", help, re.M)) == 1, name
    assert "decay=0.2 shape=linear" in help and "option of the schedules" not in help
    from losslaws.search.optimize import FAMILIES

    help = " ".join(command("optimize", "--help").stdout.split())
    assert ", ".join([*FAMILIES, "free"]) in help


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_printed_for_shells(shell):
    pytest.importorskip("shtab")
    script = command("--print-completion", shell)
    assert script.returncode == 0 and "multistep_cosine" in script.stdout and "two_stage" in script.stdout
    if shell == "bash":
        words = (
            "COMP_WORDS=(losslaws predict x.csv --schedule two); COMP_CWORD=4; _shtab_losslaws; echo ${COMPREPLY[@]}"
        )
        done = subprocess.run(["bash", "-c", f"{script.stdout}\n{words}"], capture_output=True, text=True)
        assert done.stdout.strip() == "two_stage"


def test_completion_without_its_package_says_what_to_install():
    code = "import sys; sys.modules['shtab'] = None; sys.argv[1:] = ['--print-completion', 'zsh']; import losslaws.__main__ as door; door.main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "losslaws[completion]" in done.stderr


# supply


def test_every_direct_dependency_is_pinned_once_used_and_explained():
    files = {name: pins(name) for name in ("requirements.txt", "requirements-extras.txt")}
    pinned = [package for file in files.values() for package in file]
    assert len(pinned) == len(set(pinned))
    wanted = direct().union(*map(direct, PROJECT["optional-dependencies"]))
    assert wanted <= set(pinned), wanted - set(pinned)
    table = (ROOT / "docs" / "dependencies.md").read_text()
    explained = {name_of(row) for row in re.findall(r"^\| `([\w.-]+)` \|", table, re.M)}
    assert explained == wanted


def test_pins_are_written_for_each_file_from_what_pip_resolves(tmp_path, monkeypatch):
    pins = ModuleType("pins")
    pins.__file__ = str(ROOT / ".ci" / "pins")
    SourceFileLoader("pins", pins.__file__).exec_module(pins)
    (tmp_path / "requirements.txt").write_text("# kept\nnumpy==1\ntorch==1\n")
    (tmp_path / "requirements-extras.txt").write_text("ray==1\n")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(pins, "ROOT", tmp_path)

    def resolve(direct, held):  # as pip would: what is asked for, what it needs, and the held ones again
        found = {pins.name_of(line): "2" for line in direct} | {"shared": "2", "nvidia-cublas": "2"}
        return found | dict(line.split("==") for line in held)

    monkeypatch.setattr(pins, "resolve", resolve)
    pins.main("")
    assert (tmp_path / "requirements.txt").read_text() == "# kept\nnumpy==2\nshared==2\ntorch==2\n"
    rest = (tmp_path / "requirements-extras.txt").read_text()
    assert "ray==2\n" in rest and "setuptools==2\n" in rest and "scipy==2\n" in rest and "shared" not in rest
    (tmp_path / "requirements.txt").write_text("# kept\nnumpy==1\ntorch==1\n")
    pins.main("requirements-extras.txt")
    assert (tmp_path / "requirements.txt").read_text() == "# kept\nnumpy==1\ntorch==1\n"


def imported(path: Path) -> set[str]:
    """The packages of others that a file imports, by the name under which they are installed."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    names -= {*sys.stdlib_module_names, "losslaws", "models", "training", "analysis", "tests", "train"}
    return {DISTRIBUTIONS.get(name, name) for name in names}


# What is imported under another name, or comes with a package that is asked for.
DISTRIBUTIONS = {
    "yaml": "pyyaml",
    "hydra": "hydra-core",
    "markdown_it": "markdown-it-py",
    "huggingface_hub": "huggingface-hub",
    "cosmic_ray": "cosmic-ray",
}
DISTRIBUTIONS |= {"cycler": "matplotlib", "google": "tensorboard", "click": "huggingface-hub"}


def test_what_is_imported_is_what_is_asked_for():
    optional = direct("completion") | direct("logs")  # imported where one format, or completion, is asked for
    for path in (ROOT / "losslaws").rglob("*.py"):
        assert imported(path) <= direct() | optional, path
    everything = direct().union(*map(direct, PROJECT["optional-dependencies"]))
    for room in ("models", "training", "analysis", "tests"):
        for path in [*(ROOT / room).rglob("*.py"), ROOT / "train.py"]:
            assert imported(path) <= everything, path


def test_continuous_integration_hooks_and_tests_run_one_ruff():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    asked = {line for repo in hooks for hook in repo["hooks"] for line in hook.get("additional_dependencies", ())}
    assert asked == {f"ruff=={pins('requirements.txt')['ruff']}"}
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    versions = {
        version for job in jobs.values() for version in job.get("strategy", {}).get("matrix", {}).get("python", ())
    }
    known = {line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d", line)}
    assert versions == known
