import pytest

from losslaws.curves import InputError, schedules
from training import compose, config


@pytest.mark.parametrize("name", schedules.names())
def test_every_schedule_file_is_a_choice(name):
    extra = ["schedule.path=x.csv"] if name == "file" else []
    cfg = config.load([f"schedule={name}", *extra])
    assert cfg.schedule.name == name
    assert set(schedules.options(name)) < set(cfg.schedule)
    if name != "file":
        assert config.schedule(cfg).steps == cfg.steps


@pytest.mark.parametrize("group", [g for g in config.GROUPS if g not in ("schedule", "experiment")])
def test_every_config_file_composes(group):
    for choice in config.choices(group):
        config.load([f"{group}={choice}"])


@pytest.mark.parametrize("experiment", config.choices("experiment"))
def test_every_experiment_composes(experiment):
    config.load([f"experiment={experiment}"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stepps=10", "there is no key 'stepps'; did you mean 'steps'?"),
        ("schedule.warmpu=10", "did you mean 'schedule.warmup'?"),
        ("optimizer.beta3=0.9", "did you mean 'optimizer.beta"),
        ("batch.lenght=10", "did you mean 'batch.length'?"),
        ("schedule=cosin", "schedule=cosin does not exist; did you mean 'cosine'?"),
        ("model=lama-0.3m", "did you mean 'llama-0.3m'?"),
        ("shedule=cosine", "did you mean 'schedule'?"),
        ("steps==", "config: "),
    ],
)
def test_a_typo_is_refused_with_the_nearest_key(override, message):
    with pytest.raises(InputError) as caught:
        compose.check([override])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sweep_is_checked_by_its_keys():
    compose.check(["seed=0,1,2", "schedule=cosine,wsd"])
    with pytest.raises(InputError, match="did you mean 'seed'"):
        compose.check(["sead=0,1,2"])


def test_an_option_of_another_schedule_is_refused():
    with pytest.raises(InputError, match="there is no key 'schedule.decay'"):
        compose.check(["schedule=cosine", "schedule.decay=0.2"])
    compose.check(["schedule=wsd", "schedule.decay=0.2"])


def test_identity_leaves_out_what_cannot_change_the_record():
    digest = lambda *overrides: config.digest(config.identity(config.plain(config.load(list(overrides)))))  # noqa: E731
    base = digest()
    for same in ("name=x", "runs=elsewhere", "logger=tensorboard", "checkpoint.every=7", "hardware.threads=2"):
        assert digest(same) == base
    for same in ("batch.micro=4", "hardware.compile=true", "data.repeat=true", "checkpoint.minutes=null"):
        assert digest(same) == base
    assert digest("hardware=gpu") == digest("hardware=gpu", "hardware.compile=false")
    for other in ("seed=1", "steps=10", "schedule.peak=1", "eval.every=7", "batch.sequences=8", "data.vocab_size=512"):
        assert digest(other) != base


def test_a_schedule_from_a_file_is_known_by_its_rates(tmp_path):
    def named(path, rates):
        path.write_text("lr\n" + "\n".join(map(str, rates)) + "\n")
        settings = config.plain(config.load(["schedule=file", f"schedule.path={path}", "steps=2"]))
        return config.digest(config.identity(settings))

    first = named(tmp_path / "a.csv", [1e-3, 0])
    assert named(tmp_path / "b.csv", [1e-3, 0]) == first
    assert named(tmp_path / "a.csv", [2e-3, 0]) != first
