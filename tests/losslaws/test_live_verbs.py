"""`losslaws watch` and `resume-plan` as commands: what they print, when they end, and with which status."""

import json

import pytest

from losslaws.__main__ import parser
from losslaws.curves import InputError
from losslaws.curves.errors import exit_on_input_error
from tests.losslaws.forecast.made import made, plan

STEPS = 10_000


def write(path, run, upto=None, factor=1.0, begin=10**9):
    """Write the run up to a step as CSV, its losses changed by a factor from a step on."""
    lines = ["step,lr,val_loss"]
    for step, loss in zip(run.step.tolist(), run.loss.tolist(), strict=True):
        if step <= (upto or run.schedule.steps):
            lines.append(f"{step},{float(run.schedule.lr[step - 1])!r},{loss * (factor if step >= begin else 1):.6f}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def status(*words) -> int:
    """Run a command as the console does, and return its status."""

    def run():
        args = parser().parse_args(list(map(str, words)))
        args.run(args)

    try:
        exit_on_input_error(run)
    except SystemExit as end:
        return end.code or 0
    return 0


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """A watch that would wait for ever fails; tests that follow a log have a sleep of their own."""

    def sleep(seconds):
        raise AssertionError(f"waits {seconds} s")

    monkeypatch.setattr("time.sleep", sleep)


@pytest.fixture
def run():
    return made(plan("wsd", STEPS, decay=0.2))


def test_one_look_ends_with_a_status_that_scripts_can_use(run, tmp_path, capsys):
    good = write(tmp_path / "good.csv", run, 6000)
    assert status("watch", good, "--once", "--schedule", "wsd", "--steps", STEPS, "--fail-on", "any") == 0
    assert "as expected\n  wsd: " in capsys.readouterr().out
    bad = write(tmp_path / "bad.csv", run, 6000, 1.03, 4000)
    assert status("watch", bad, "--once", "--fail-on", "below", "nan") == 0
    assert status("watch", bad, "--once", "--fail-on", "above") == 3
    assert status("watch", bad, "--once", "--json") == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["off"] == {"above": "above since step 4,000"} and found["episodes"][0]["since"] == 4000
    with open(good, "a") as file:
        file.write("6200,0.001,nan\n")
    assert status("watch", good, "--once", "--fail-on", "nan") == 3
    assert status("watch", bad, "--once", "--schedule", "cosine", "--steps", STEPS, "--fail-on", "rate") == 3


def test_a_log_is_followed_until_its_plan_ends(run, tmp_path, monkeypatch, capsys):
    path = tmp_path / "log.csv"
    write(path, run, 400)
    grows = iter([2000, 8000, 8000, STEPS])
    monkeypatch.setattr("time.sleep", lambda seconds: write(path, run, next(grows)))
    assert status("watch", path, "--schedule", "wsd", "--steps", STEPS, "--figure", tmp_path / "run.svg") == 0
    said = capsys.readouterr()
    assert [line for line in said.out.splitlines() if line.startswith("step 8,000 of 10,000")]
    assert f"step {STEPS:,} of {STEPS:,}" in said.out and next(grows, None) is None
    assert (tmp_path / "run.svg").stat().st_size > 1000 and sorted(p.name for p in tmp_path.iterdir()) == [
        "log.csv",
        "run.svg",
    ]


def test_a_log_that_cannot_be_read_for_a_while_is_waited_for(run, tmp_path, monkeypatch, capsys):
    path = tmp_path / "log.csv"
    path.write_text("step,lr,val_loss\n")
    states = iter([None, "", None, STEPS])

    def sleep(seconds):
        state = next(states)
        write(path, run, state) if state else path.write_text("step,lr,val_loss\n" + "x" * bool(state == ""))

    monkeypatch.setattr("time.sleep", sleep)
    assert status("watch", path, "--schedule", "wsd", "--steps", STEPS) == 0
    assert "waiting: " in capsys.readouterr().err


def test_it_ends_clean_at_an_interrupt(run, tmp_path, monkeypatch, capsys):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    assert status("watch", write(tmp_path / "log.csv", run, 4000)) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none.csv", "--once"), "no such file"),
        (("log.csv", "log.csv"), "follows one log"),
        (("log.csv", "--once", "--fail-on", "abov"), "invalid choice"),
        (("log.csv", "--once", "--every", "0"), "finite number above 0"),
        (("log.csv", "--once", "--figure", "log.csv"), "a figure ends in"),
        (("log.csv", "--schedule", "wsd"), "give --steps"),
        (("log.csv", "--schedule", "wds", "--steps", "9000"), "did you mean 'wsd'"),
    ],
)
def test_what_cannot_be_is_refused(words, said, run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "log.csv", run, 4000)
    assert status("watch", *words) == 2
    assert said in capsys.readouterr().err


def test_a_plan_for_a_decayed_run_is_written_as_a_schedule(run, tmp_path, capsys):
    log, out = write(tmp_path / "log.csv", run), tmp_path / "plan.csv"
    assert status("resume-plan", log, "--steps", 2 * STEPS, "--out", out) == 0
    said = capsys.readouterr().out
    assert said.count("continues the log") == 12 and f"schedule=file schedule.path={out} steps={2 * STEPS}" in said
    rows = out.read_text().splitlines()
    assert rows[0] == "step,lr" and len(rows) == 2 * STEPS + 1
    args = ("--steps", 2 * STEPS, "--schedule", "wsd:decay=0.5", "--peak", 5e-4, "--rise", 100)
    assert status("resume-plan", log, *args, "--out", out) == 0
    assert float(out.read_text().splitlines()[STEPS + 100].split(",")[1]) == pytest.approx(5e-4)
    assert status("resume-plan", log, "--steps", 500) == 2


def test_the_kinds_of_the_command_are_those_of_a_look():
    from losslaws.forecast.look import OFF
    from losslaws.verbs.watch import KINDS

    assert tuple(OFF) == KINDS
    with pytest.raises(InputError):
        parser().parse_args(["watch"])
