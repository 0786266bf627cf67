"""The rules of docs/architecture.md: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("curves", "models", "training", "analysis")
MAY_IMPORT = {
    "curves": {"curves"},
    "models": {"models", "curves"},
    "training": {"training", "models", "curves"},
    "analysis": {"analysis", "curves"},
}
FORBIDDEN = {
    "curves": {"torch", "transformers", "datasets", "hydra"},
    "analysis": {"torch", "transformers", "datasets", "hydra"},
}
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def imported(path):
    """Top-level names of everything that the file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downward_only(path):
    room = path.relative_to(ROOT).parts[0]
    names = set(imported(path))
    upward = (names & set(ROOMS)) - MAY_IMPORT[room]
    assert not upward, f"{room} must not import {upward}"
    assert not names & FORBIDDEN.get(room, set())


def test_every_room_has_its_tests():
    for room in ROOMS:
        assert list((ROOT / "tests" / room).glob("test_*.py")), f"tests/{room} is empty"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled(path):
    names = set(imported(path))
    assert not names & {"pickle", "dill", "shelve", "joblib"}
    assert "torch.load" not in path.read_text(encoding="utf-8")
