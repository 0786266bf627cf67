"""Some dozens of odd logs through the whole command; FUZZ=10000 tries so many."""

import os

import pytest

from tests.losslaws import fuzz_command

QUICK = 40
TRIES = int(os.environ.get("FUZZ", 400))


def test_odd_logs_end_in_an_answer_or_in_one_line(tmp_path):
    counts = fuzz_command.fuzz(range(QUICK), tmp_path)
    assert counts["done"] == QUICK and counts["same run"] and counts["answered"]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_many_odd_logs(part, tmp_path):
    begin, end = QUICK + part * TRIES // 4, QUICK + (part + 1) * TRIES // 4
    assert fuzz_command.fuzz(range(begin, end), tmp_path)["done"] == end


def test_another_answer_without_a_note_is_noticed():
    log = {"name": "log", "last_step": 400, "notes": ["a note"]}
    one = {"logs": [log], "forecasts": [{"final_loss": 3.0}]}
    assert fuzz_command.agree(one, one)
    assert not fuzz_command.agree(one, one | {"forecasts": [{"final_loss": 3.01}]})
    noted = {"logs": [log | {"notes": ["another"]}], "forecasts": [{"final_loss": 3.01}]}
    assert fuzz_command.agree(one, noted)


def test_a_command_that_hangs_is_noticed(monkeypatch):
    monkeypatch.setattr(fuzz_command, "SECONDS", 0.05)

    def hang(*_):
        while True:
            pass

    monkeypatch.setattr(fuzz_command, "outcome", hang)
    with pytest.raises(AssertionError, match="takes longer"):
        fuzz_command.answer(["read", "x"])


def test_it_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz_command, "originals", lambda root: {})
    tried = []
    monkeypatch.setattr(fuzz_command, "try_one", lambda seed, found, root: tried.append(seed) or "refused")
    state = tmp_path / "state.json"
    fuzz_command.fuzz(range(7), tmp_path, state)
    assert fuzz_command.fuzz(range(12), tmp_path, state)["refused"] == 12 and tried == list(range(12))
