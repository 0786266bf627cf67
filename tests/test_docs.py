"""What README, docs and docstrings say is run, parsed and looked up.

Commands of `losslaws` are run where the files that they name exist, and their output is compared with the block below them; all other
commands are read by the real parsers. Python blocks are executed, one page in one namespace. Files and dotted names must exist.
UPDATE_DOCS=1 writes the outputs anew where they differ.
"""

import argparse
import ast
import contextlib
import csv
import doctest
import importlib
import importlib.util
import inspect
import io
import itertools
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml

from losslaws.__main__ import parser as losslaws_parser
from losslaws.curves import plugins, schedules

pytestmark = pytest.mark.slow


ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for folder, pattern in ((".", "*.md"), ("docs", "**/*.md"), (".github", "**/*.md"))
    for path in (ROOT / folder).glob(pattern)
)
PAGES = [path for path in PAGES if path.name not in ("LOG.md", "CHANGELOG.md")]  # these speak of what was
CODE = [path for room in ("losslaws", "models", "training", "analysis") for path in sorted((ROOT / room).rglob("*.py"))]
UPDATE = bool(os.environ.get("UPDATE_DOCS"))
# Commands of other projects, which are not run here.
FOREIGN = {
    "git",
    "cd",
    "source",
    "ray",
    "nvidia-cuda-mps-control",
    "echo",
    "squeue",
    "docker",
    "uv",
    "pre-commit",
    "mkdir",
}
PLACEHOLDER = re.compile(r"\b[A-Z][A-Z_]+\b|\.\.\.|…|<")
FENCE = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```\n", re.M | re.S)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def names(paths) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in paths]


@dataclass(frozen=True)
class Block:
    """A fenced block, and the output that stands below it, if any."""

    page: Path
    line: int
    kind: str
    text: str
    output: str | None

    def replace_output(self, output: str) -> None:
        """Write what really came out into the page."""
        old = f"```{self.kind}\n{self.text}```\n```\n{self.output}```\n"
        output = "".join(f"{line.rstrip()}\n" for line in output.rstrip().splitlines())
        new = f"```{self.kind}\n{self.text}```\n```\n{output}```\n"
        self.page.write_text(self.page.read_text().replace(old, new, 1))


def blocks(page: Path, kind: str) -> list[Block]:
    text = page.read_text()
    found = list(FENCE.finditer(text))
    after = {match.start(): match for match in found}
    return [
        Block(
            page,
            text[: match.start()].count("\n") + 1,
            kind,
            match["text"],
            after[match.end()]["text"] if match.end() in after and not after[match.end()]["kind"] else None,
        )
        for match in found
        if match["kind"] == kind
    ]


def lines(text: str) -> list[str]:
    """The commands of a block, one a line."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line for line in joined.splitlines() if shlex.split(line, comments=True)]


def inline(page: Path) -> list[str]:
    """Commands within the running text."""
    text = FENCE.sub("", page.read_text())
    code = (" ".join(word.split()) for word in re.findall(r"`([^`]+)`", text))
    return [
        word
        for word in code
        if re.match(r"(\.venv/bin/)?(python -m|python train\.py|losslaws|make|torchrun|pip) \S", word)
    ]


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """A folder in which what the docs read is there and what they write does no harm."""
    for name in ("results", "conf", "losslaws", "analysis", "training", "models", "train.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs" / "examples").mkdir(parents=True)
    for path in (ROOT / "docs" / "examples").iterdir():
        (tmp_path / "docs" / "examples" / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def same(output: str, expected: str) -> bool:
    """Whether two outputs differ in nothing but the last digits of numbers."""
    if NUMBER.sub("#", output).split() != NUMBER.sub("#", expected).split():
        return False
    pairs = zip(map(float, NUMBER.findall(output)), map(float, NUMBER.findall(expected)), strict=True)
    return all(a == pytest.approx(b, rel=2e-4, abs=1e-4) for a, b in pairs)


def compare(block: Block, output: str) -> None:
    if block.output is None or same(output, block.output):
        return
    if UPDATE:
        block.replace_output(output)
        return
    pytest.fail(
        f"{block.page.name}, line {block.line}: UPDATE_DOCS=1 writes what came out now\n{output}", pytrace=False
    )


# commands: run, or read by their own parsers


def words(line: str) -> list[str]:
    return [word.removeprefix(".venv/bin/") for word in shlex.split(line, comments=True)]


def run_losslaws(arguments: list[str]) -> str:
    code = "import sys; sys.argv[0] = 'losslaws'; from losslaws.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def can_run(arguments: list[str]) -> bool:
    """Whether the files that a command of `losslaws` names are here."""
    if arguments[0].startswith("--"):
        return True
    given = parse(losslaws_parser(), arguments)
    files = [*getattr(given, "log", []), *getattr(given, "logs", []), *getattr(given, "runs", [])]
    whole = getattr(given, "family", "one") is not None  # a search over all families takes half a minute
    return whole and all((ROOT / file).exists() for file in files)


def parse(parser: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace:
    """What a parser makes of the arguments of a page; placeholders of numbers stand for one."""
    try:
        return parser.parse_args([re.sub(r"^(N|STEP|STEPS|TOKENS)$", "1000", word) for word in arguments])
    except SystemExit as stop:
        assert not stop.code, f"{parser.prog} {' '.join(arguments)}"
        return argparse.Namespace()


def check_train(arguments: list[str]) -> None:
    """Compose the run, or every run of a sweep (-m), as train.py does."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    from training import compose, config

    overrides = [word for word in arguments if word != "-m"]
    given = [word for word in overrides if not word.startswith("hydra")]
    config.register()
    compose.check(given)
    for one in OverridesParser.create().parse_overrides(given):
        for value in one.sweep_string_iterator() if one.is_sweep_override() else ():
            config.load([f"{one.get_key_element()}={value}"])


def check_training(arguments: list[str], monkeypatch) -> None:
    """Let `python -m training` read its arguments, and compose what it would ask of every cell."""
    from training import __main__ as door
    from training import config

    class Read(Exception):
        pass

    def load(sweep, overrides, *_):
        if sweep in config.choices("data"):
            config.assemble([f"data={sweep}", *overrides])
            raise Read
        if not PLACEHOLDER.search(sweep):
            assert (ROOT / "conf" / "sweep" / f"{sweep}.yaml").exists() or Path(sweep).exists(), sweep
        config.load([line for line in overrides if not PLACEHOLDER.search(line)])
        raise Read

    monkeypatch.setattr("training.sweep.load", load)
    monkeypatch.setattr(door, "make_corpora", load)
    monkeypatch.setattr(sys, "argv", ["training", *arguments])
    with pytest.raises(Read):
        door.main()
    if engine := next((arguments[i + 1] for i, word in enumerate(arguments) if word == "--engine"), "local"):
        known = yaml.safe_load((ROOT / "conf" / "engine" / f"{engine}.yaml").read_text())
        for word in arguments:
            if word.startswith("engine.") and not PLACEHOLDER.search(word):
                assert word.removeprefix("engine.").partition("=")[0] in known, word


def check_make(arguments: list[str]) -> None:
    text = (ROOT / "Makefile").read_text()
    for word in arguments:
        variable, sign, _ = word.partition("=")
        known = rf"\b{variable}\b" if sign else rf"^{re.escape(word)}:"
        assert re.search(known, text, re.M), f"make {word}"


def check_pip(arguments: list[str]) -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in arguments:
        for asked in re.findall(r"(?:^\.|losslaws)\[([\w,]+)\]", word):
            assert set(asked.split(",")) <= set(extras), word
        if word.endswith(".txt"):
            assert (ROOT / word).exists(), word


def check(line: str, monkeypatch) -> None:
    """Read a command by its own parser. Raises for one that the program would refuse."""
    first, *rest = words(line)
    if first in FOREIGN:
        return
    if first == "srun":  # each task runs what stands behind srun's own options
        first, *rest = itertools.dropwhile(lambda word: word.startswith("-"), rest)
    if first == "torchrun":
        from torch.distributed.run import get_args_parser

        given = parse(get_args_parser(), rest)
        first, rest = "python", [given.training_script, *given.training_script_args]
    if first == "python" and rest == ["train.py", "--help"]:
        return
    if first == "python" and rest[0] == "train.py":
        check_train([word for word in rest[1:] if not PLACEHOLDER.search(word) or "HASH" in word])
    elif first == "losslaws":
        parse(losslaws_parser(), rest)
    elif first == "make":
        check_make(rest)
    elif first == "pip" or (first == "python" and rest[:2] == ["-m", "pip"]):
        check_pip(rest)
    elif first == "python" and rest[:2] == ["-m", "losslaws"]:
        parse(losslaws_parser(), rest[2:])
    elif first == "python" and rest[:2] == ["-m", "analysis"]:
        from analysis.__main__ import parser

        parse(parser(), rest[2:])
    elif first == "python" and rest[:2] == ["-m", "training.bench"]:
        from training.bench.__main__ import parser

        parse(parser(), rest[2:])
    elif first == "python" and rest[:2] == ["-m", "training"]:
        check_training(rest[2:], monkeypatch)
    elif first == "python":
        if rest[0] == "-m" and rest[1] in ("pytest", "venv"):
            return
        target = rest[1].replace(".", "/") if rest[0] == "-m" else rest[0]
        places = (target, f"{target}.py", f"{target}/__main__.py")
        assert any((ROOT / place).is_file() for place in places), line
    else:
        raise AssertionError(f"{first} is neither a command of this project nor a known foreign one: {line}")


@pytest.fixture
def own_schedules(request, tmp_path_factory, monkeypatch):
    """Lets the schedules that a page defines be found as if their files lay beside the others."""
    from hydra.core.config_store import ConfigStore

    folder = tmp_path_factory.mktemp("schedules")
    page = request.node.callspec.params["page"]
    made = {
        match[1]: block.text
        for block in blocks(page, "python")
        if (match := re.match(r"def (\w+)\(t, steps, warmup", block.text))
    }
    for name, text in made.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.setattr(schedules, "__path__", [*schedules.__path__, str(folder)])
    plugins.names.cache_clear()
    yield
    plugins.names.cache_clear()
    for name in made:
        ConfigStore.instance().repo["schedule"].pop(f"{name}.yaml", None)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_every_command_is_one_that_the_program_takes(page, monkeypatch, sandbox, own_schedules):
    for line in (line for block in blocks(page, "bash") for line in lines(block.text)):
        check(line, monkeypatch)
    for line in inline(page):
        if not named(line) and not re.fullmatch(r"python -m (training|losslaws\.\w+)", line):
            check(line, monkeypatch)


def named(line: str) -> bool:
    """Whether a command in running text, which may leave out what it needs, is one whose verb and options there are."""
    found = re.match(r"(?:python -m )?(losslaws|analysis)(?: (.*))?$", line.removeprefix(".venv/bin/"))
    if not found:
        return False
    parser = importlib.import_module(f"{found[1]}.__main__").parser()
    verb, *rest = shlex.split(found[2] or "--help")
    if not verb.startswith("-") and not PLACEHOLDER.search(verb):
        choices = next(action.choices for action in parser._actions if isinstance(action.choices, dict))
        assert verb in choices, line
        parser = choices[verb]
    for word in (verb, *rest):
        assert not word.startswith("--") or word in parser._option_string_actions, line
    return True


CONF = sorted((ROOT / "conf").rglob("*.yaml"))


@pytest.mark.parametrize("file", CONF, ids=names(CONF))
def test_every_command_in_a_config_is_one_that_the_program_takes(file, monkeypatch, sandbox):
    for comment in re.findall(r"#[ \t](.*)", file.read_text()):
        for line in re.findall(r"(?:python (?:-m|train\.py)|losslaws|make) [^`]+", comment):
            if not named(line := line.partition(". ")[0].rstrip(".")):
                check(line, monkeypatch)


def test_a_command_that_the_program_refuses_is_noticed(monkeypatch, sandbox):
    for line in (
        "losslaws forecast run.csv",
        "losslaws predict run.csv --untl 3",
        "python train.py schedule=wsd schedule.decy=0.1",
        "python train.py -m schedule=cosine,wds",
        "python -m training run no-such-sweep",
        "python -m training run smoke engine.wrkers=2",
        "python -m analysis no-such-verb",
        "python -m training.bench small --replicas=many",
        "srun --ntasks=8 python -m training run no-such-sweep",
        "torchrun --nprocs_per_node=8 train.py hardware=gpu",
        "losslaws optimize results/annealing/cpu",
        "python -m analysis.nothing",
        "make everything",
        "make report PROFIL=cpu",
        "pip install 'losslaws[everything]'",
        "frobnicate",
    ):
        with pytest.raises((AssertionError, ValueError)):
            check(line, monkeypatch)
    assert named("losslaws predict") and named("losslaws VERB --help") and not named("make help")
    for line in ("losslaws forecast", "losslaws predict --untl", "python -m analysis nothing"):
        with pytest.raises(AssertionError):
            named(line)


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_brackets_and_stars_are_quoted_for_every_shell(page):
    for block in blocks(page, "bash"):
        for line in lines(block.text):
            bare = re.sub(r"'[^']*'|\"[^\"]*\"|\s#.*", "", line)
            assert not re.search(r"[][*?]", bare), line


RUN = [
    (block, line)
    for page in PAGES
    for block in blocks(page, "bash")
    for line in lines(block.text)
    if words(line)[0] == "losslaws" and can_run(words(line)[1:])
]


@pytest.mark.slow
@pytest.mark.parametrize(("block", "line"), RUN, ids=[f"{b.page.name}:{b.line}" for b, _ in RUN])
def test_commands_print_what_stands_below_them(block, line, sandbox):
    if "--figure" in words(line):
        (sandbox / "docs" / "examples" / "forecast.svg").unlink()
    output = run_losslaws(words(line)[1:])
    if [other for other in lines(block.text) if words(other)[0] == "losslaws"] == [line]:
        compare(block, output)


def test_the_forecast_of_the_readme_is_run_and_compared():
    run = [block for block, _ in RUN if block.page.name == "README.md" and block.output]
    assert any("continues the log" in block.output for block in run)
    assert not same(run[0].output.replace("25000", "25100"), run[0].output)
    assert not same(run[0].output.replace("wsd", "wds"), run[0].output)


@pytest.mark.slow
def test_the_outcomes_in_the_readme_are_those_that_were_measured(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("example", ROOT / "docs" / "examples" / "forecast.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    text = (ROOT / "README.md").read_text()
    output = next(block.output for block in blocks(ROOT / "README.md", "bash") if block.output)
    rows = re.findall(r"^\| .+? \| (\d\.\d{3}) \| (\d\.\d{3}) \| (\S+) % \|$", text, re.M)
    forecast = re.findall(r"^.* 25000 +(\S+) +\S+ to \S+  ", output, re.M)
    assert len(rows) == len(forecast) == 4
    for (said, reached, off), value, (_, loss) in zip(rows, forecast, example.measured().values(), strict=True):
        assert float(said) == pytest.approx(float(value), abs=6e-4)
        assert reached == f"{loss:.3f}" and float(off) == pytest.approx(100 * (float(said) / loss - 1), abs=0.05)
    example.main(tmp_path / "forecast")
    assert (tmp_path / "forecast.pdf").stat().st_size > 5000
    svg = (ROOT / "docs" / "examples" / "forecast.svg").read_bytes()
    assert len(svg) == pytest.approx((tmp_path / "forecast.svg").stat().st_size, rel=0.02)


def test_the_headline_numbers_of_the_readme_are_those_of_the_tables():
    with open(ROOT / "results" / "annealing" / "night" / "predictions.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["fit"], row["role"]) == ("annealing", "unseen")]
    text = " ".join((ROOT / "README.md").read_text().split())

    def of(column):
        return [100 * abs(float(row[column])) for row in rows]

    def said(value, digits=2):
        return f"{value:.{digits}f}".removeprefix("0")

    mean, new, final = of("mean_error"), of("new_mean_error"), of("final_error")
    assert {7: "seven"}[len(rows)] + " unseen schedules" in text
    assert f"mean errors of {said(min(mean))} to {said(max(mean))} % along their curves" in text
    assert f"({said(np.mean(new))} % on new steps)" in text
    assert f"of {said(np.mean(final))} % at their ends ({said(max(final), 1)} % at most)" in text
    assert f"where seeds alone leave {said(max(of('standard_error')), 1)} %" in text
    assert f"(C = 0) the same law errs by {np.mean(of('without_S2_final')):.0f} % at these ends" in text
    assert f"a power law in steps by {np.mean(of('steps_power_final')):.0f} %" in text
    with open(ROOT / "results" / "annealing" / "night" / "claims.csv", newline="") as file:
        verdicts = Counter(row["verdict"] for row in csv.DictReader(file))
    assert f"Of the paper's claims {verdicts['holds']} hold, {verdicts['holds in part']} hold in part" in text
    assert f"{verdicts['does not hold']} do not, {verdicts['by the law alone']} rest on the law alone" in text


# Python


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_python_blocks_run_and_print_what_stands_below_them(page, sandbox):
    space: dict = {"__name__": "page"}
    for block in blocks(page, "python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * block.line + block.text, str(page), "exec"), space)
        compare(block, printed.getvalue())


def modules() -> list[str]:
    paths = [path.relative_to(ROOT).with_suffix("") for path in CODE if path.parts[len(ROOT.parts)] == "losslaws"]
    return [".".join(path.parts).removesuffix(".__init__") for path in paths if path.name != "__main__"]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_run(name, sandbox):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    for one in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner.run(one)
    assert not runner.failures
    for line in re.findall(r"^ {4}(?: {4})?(\w+\(.*)$", module.__doc__ or "", re.M):
        agrees(module, line)


def agrees(module, line: str) -> None:
    """Assert that a call in a docstring is one that the function takes; a signature with marks need only have its name."""
    name, call = line.partition("(")[0], balanced(line)
    if not hasattr(module, name) and not hasattr(module, "__path__"):
        raise AssertionError(f"{module.__name__} shows '{line}', but has no '{name}'")
    function = getattr(module, name, None)
    if not callable(function):
        return
    try:
        tree = ast.parse(call.replace("*, ", ""), mode="eval").body
    except SyntaxError:
        return
    if any(isinstance(value, ast.Constant) and value.value is ... for value in tree.args):
        return  # "and so on"
    inspect.signature(function).bind(*tree.args, **{key.arg: key.value for key in tree.keywords})


def balanced(line: str) -> str:
    """The beginning of a line up to the bracket that closes the first one."""
    depth = 0
    for i, letter in enumerate(line):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0 and letter == ")":
            return line[: i + 1]
    return line


# names


# What runs, commands and other projects write, and names that stand for others: no files of this repository.
WRITTEN = {
    *("some_law.py", "some_verb.py", "tokenizer.json", "fingerprint.json", "losslaws.bash"),
    *("complete.json", "config.yaml", "curve.csv", "expected.json", "found.csv", "log.txt", "run.json", "schedule.csv"),
    *("trainer_state.json", "plan.svg", "losslaws/curves/schedules/sawtooth.py"),
}
EXTENSIONS = (".py", ".md", ".csv", ".json", ".yaml", ".yml", ".toml", ".txt", ".svg", ".html", ".j2", ".js", ".cff")


@cache
def tracked() -> frozenset[str]:
    """Every file of the repository, and every folder, as paths from its root."""
    done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    files = [name for name in done.stdout.splitlines() if (ROOT / name).exists()]
    folders = {parent.as_posix() for name in files for parent in Path(name).parents}
    return frozenset([*files, *folders])


def missing(token: str, beside: Path) -> bool:
    """Whether `token` is the name of a file or folder, and there is none."""
    token = token.rstrip(".,:;/)").removeprefix("../shared/")
    looks = token.endswith(EXTENSIONS) or token.split("/")[0] in (
        "losslaws",
        "training",
        "analysis",
        "models",
        "conf",
        "results",
        "docs",
        "tests",
    )
    if (
        not looks
        or token in WRITTEN
        or re.search(r"://|[={}<>$(),'\"]|(?<![A-Za-z])[A-Z]{2,}(?![A-Za-z]|\.md|\.cff)|^\.\w+$", token)
    ):
        return False
    if "*" in token:
        return not any(fnmatch(name, pattern) for name in tracked() for pattern in (token, f"*/{token}"))
    if (ROOT / token).exists() or (beside / token).exists():
        return False
    return not any(name.endswith(f"/{token}") for name in tracked())


def tokens(text: str) -> list[str]:
    """Words in code marks, and the targets of links."""
    text = FENCE.sub("", text)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    return [*(word for code in re.findall(r"`([^`]+)`", text) for word in code.split()), *links]


def docstrings(path: Path) -> str:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, kinds))
    return "\n".join(ast.get_docstring(node) or "" for node in nodes)


@cache
def defined(module: str) -> str | None:
    """The text of a module of this project; None where there is none."""
    path = ROOT / module.replace(".", "/")
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return None


def dangling(token: str) -> bool:
    """Whether `token` is a dotted name of this project that leads nowhere."""
    token = token.partition("(")[0].rstrip(".,:;")
    if not re.fullmatch(r"(losslaws|analysis|training|models)(\.\w+)+", token) or token.endswith(EXTENSIONS):
        return False
    if (ROOT / token.replace(".", "/")).is_dir():
        return False
    parts = token.split(".")
    for cut in range(len(parts), 0, -1):
        text = defined(".".join(parts[:cut]))
        if text is not None:
            return cut < len(parts) and not re.search(rf"\b{parts[cut]}\b", text)
    return True


@pytest.mark.parametrize("path", [*PAGES, *CODE], ids=names([*PAGES, *CODE]))
def test_files_and_names_exist(path):
    text = path.read_text() if path.suffix == ".md" else docstrings(path)
    gone = [token for token in tokens(text) if missing(token, path.parent) or dangling(token)]
    assert not gone, f"{path.relative_to(ROOT)} names what does not exist: {gone}"


def test_a_name_that_does_not_exist_is_noticed():
    for token in ("docs/nowhere.md", "nowhere.py", "losslaws/curves/public.csv", "results/*/nowhere.csv"):
        assert missing(token, ROOT), token
    for token in ("docs/forecast.md", "wsd.py", "curves/schedule.py", "results/*/report.md", "runs/NAME-HASH/", "a/b"):
        assert not missing(token, ROOT), token
    assert dangling("losslaws.nowhere") and dangling("losslaws.fitting.nothing")
    assert not dangling("losslaws.fitting.fit") and not dangling("losslaws.curves")
