"""The rules of docs/architecture.md: who may import whom."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARY = ("losslaws.curves", "losslaws.laws", "losslaws.fitting", "losslaws.forecast", "losslaws.search")
# For every room, the rooms that its files may import besides itself. The longest name that fits a file is its room.
MAY_IMPORT = {
    "train": {"training", "losslaws.curves"},
    "training": {"models", "losslaws.curves"},
    "models": {"losslaws.curves"},
    "losslaws.curves": set(),
    "losslaws.words": {"losslaws.curves"},
    "losslaws.style": {"losslaws.curves"},
    "losslaws.laws": {"losslaws.curves"},
    "losslaws.fitting": {"losslaws.laws", "losslaws.curves"},
    "losslaws.forecast": {*LIBRARY[:3], "losslaws.style", "losslaws.words"},
    "losslaws.search": {*LIBRARY[:3], "losslaws.style", "losslaws.words"},
    "losslaws.browser": {*LIBRARY[:4], "losslaws.style"},
    "losslaws.verbs": {*LIBRARY, "losslaws.browser", "losslaws.style", "losslaws.words"},
    "losslaws": {*LIBRARY, "losslaws.verbs"},
    "analysis.pages": {"analysis", "losslaws"},
    "analysis.papers": {"analysis", "analysis.pages", "losslaws"},
    "analysis.leaderboard": {"analysis", "analysis.pages", "losslaws"},
    "analysis.calibration": {"analysis", "analysis.pages", "losslaws"},
    "analysis.watch": {"analysis", "analysis.pages", "losslaws"},
    "analysis.published": {"analysis", "analysis.pages", "losslaws"},
    "analysis.trial": {"analysis", "analysis.pages", "losslaws"},
    "analysis.ledger": {"analysis", "analysis.pages", "losslaws"},
    "analysis.verbs": {"analysis", "losslaws"},
    "analysis": {"losslaws"},
}
PAPER = {"analysis", "analysis.papers", "analysis.pages", "losslaws"}  # papers stand side by side
MAY_IMPORT |= {f"analysis.papers.{path.parent.name}": PAPER for path in ROOT.glob("analysis/papers/*/claims.csv")}
MAY_IMPORT["analysis.papers.hitchhiker"] = PAPER | {
    "analysis.papers.kaplan"
}  # the guide's own family is Kaplan's sweep
WHOLE = {"losslaws", "analysis"}  # in the sets above, "losslaws" stands for every room of it
FORBIDDEN = {"losslaws": {"torch", "transformers", "datasets", "hydra"}}
FORBIDDEN["analysis"] = FORBIDDEN["losslaws"]
FILES = sorted(
    [path for room in ("losslaws", "models", "training", "analysis") for path in (ROOT / room).rglob("*.py")]
    + [ROOT / "train.py"]
)


def module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path) for path in FILES}


def room(name: str) -> str | None:
    """The room of a module of this project; None of any other."""
    while name and name not in MAY_IMPORT:
        name = name.rpartition(".")[0]
    return name or None


def imported(path: Path):
    """Dotted names of everything that the file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def allowed(here: str, there: str) -> bool:
    may = MAY_IMPORT[here] | {here}
    if there in may:
        return True
    if here == "analysis.verbs" and there.startswith("analysis."):
        return True
    if here == "analysis" and there == "analysis.verbs":
        return True  # __main__ opens the door
    return "losslaws" in may and there.startswith("losslaws.")


def arrows() -> dict[tuple[str, str], str]:
    """For every arrow between two rooms a file that draws it."""
    drawn = {}
    for path in FILES:
        here = room(module(path))
        for name in imported(path):
            there = room(name)
            if there and there != here:
                drawn[here, there] = str(path.relative_to(ROOT))
    return drawn


def test_imports_go_downward_only():
    upward = {arrow: path for arrow, path in arrows().items() if not allowed(*arrow)}
    assert not upward


def test_no_rooms_import_each_other_in_a_circle():
    doors = {"analysis", "losslaws"}  # __main__ and __init__ name what stands above them
    order = TopologicalSorter()
    for here, there in arrows():
        if here not in doors and there not in doors:
            order.add(here, there)
    list(order.static_order())  # raises CycleError


def test_every_room_of_the_design_is_there_and_no_old_one():
    for name in MAY_IMPORT:
        path = ROOT / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name
    for old in ("curves", "analysis/claims", "analysis/figures", "analysis/laws", "analysis/forecast"):
        assert not (ROOT / old).exists()


def test_the_analysis_imports_nothing_of_training():
    for path in FILES:
        top = module(path).split(".")[0]
        names = {name.split(".")[0] for name in imported(path)}
        assert not names & FORBIDDEN.get(top, set()), path


def test_every_room_has_its_tests():
    for name in ("losslaws", "models", "training", "analysis"):
        assert list((ROOT / "tests" / name).rglob("test_*.py")), f"tests/{name} is empty"


def test_nothing_is_unpickled():
    for path in FILES:
        names = {name.split(".")[0] for name in imported(path)}
        assert not names & {"pickle", "dill", "shelve", "joblib"}, path
        assert "torch.load" not in path.read_text(encoding="utf-8"), path


def test_no_files_import_each_other_in_a_circle():
    order = TopologicalSorter()
    for path in FILES:
        here = module(path)
        for name in imported(path):
            while name and name not in MODULES:
                name = name.rpartition(".")[0]
            if name and name != here and not here.startswith(f"{name}.") and not name.startswith(f"{here}."):
                order.add(here, name)
    list(order.static_order())  # raises CycleError
