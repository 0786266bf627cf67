"""The typed config: what is out of range is refused in one line before anything is prepared, whichever way it comes."""

import inspect
from importlib import import_module

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from losslaws.curves import InputError
from losslaws.curves.names import NAME, check_name
from models.architecture import KEYS, OPTIONAL
from training import compose, config, corpus, engines, settings, sweep
from training.compose import Composer
from training.corpus import pretokenized
from training.corpus.build import Request
from training.help import page, rows

pytestmark = pytest.mark.slow


COMPOSER = Composer()
REFUSED = [
    ("hardware.precision=fp8", "hardware.precision is 'fp8'; it must be auto, fp32, bf16 or bf16_stream"),
    ("hardware.precision=16", "hardware.precision is 16"),
    ("hardware.device=tpu", "it must be auto, cpu or cuda"),
    ("hardware.parallel=fsdpp", "did you mean 'fsdp'"),
    ("hardware.compile=yes", "it must be auto, true or false"),
    ("hardware.threads=0", "at least 1"),
    ("optimizer.clip=-1", "optimizer.clip is -1; it must be above 0"),
    ("optimizer.clip=0", "above 0"),
    ("optimizer.name=no-such", "optimizer.name is 'no-such'"),
    ("optimizer.beta1=-0.1", "at least 0"),
    ("optimizer.beta2=2", "below 1"),
    ("optimizer.eps=0", "above 0"),
    ("optimizer.weight_decay=-1", "at least 0"),
    ("optimizer=null", "optimizer=None does not exist"),
    ("experiment=null", "Config group override must be a string or a list"),
    ("steps=abc", "steps is 'abc'; it must be a whole number"),
    ("steps=null", "steps is null; it must be a whole number"),
    ("steps=2.5", "it must be a whole number"),
    ("steps=0", "at least 1"),
    ("steps=300000000", "at most 10,000,000"),
    ("steps=true", "it must be a whole number"),
    ("seed=-1", "seed is -1; it must be at least 0"),
    ("seed=1e30", "it must be a whole number"),
    ("batch.sequences=0", "at least 1"),
    ("batch.sequences=nan", "it must be a whole number"),
    ("batch.micro=3", "batch.micro=3: must divide batch.sequences=16"),
    ("batch=3", "batch is 3; it must be a mapping"),
    ("eval.sequences=0", "at least 1"),
    ("eval.every=-5", "at least 1"),
    ("eval.also=installed-prose", "it must be a list"),
    ("eval.also=[pros]", "data=pros does not exist"),
    ("checkpoint.every=0", "at least 1"),
    ("checkpoint.minutes=0", "above 0"),
    ("checkpoint.keep=[0]", "checkpoint.keep.0 is 0"),
    ("data.val_fraction=2", "below 1"),
    ("data.train_tokens=x", "it must be a whole number"),
    ("data.source=web", "it must be installed or wheels or local or hub or pretokenized"),
    ("data.repeat=maybe", "it must be true or false"),
    ("data.tokenizer=[a,b]", "data=a does not exist"),
    ("steps=100000", "data.repeat=true"),
    ("schedule.peak=0", "above 0"),
    ("schedule.peak=abc", "it must be a number"),
    ("schedule.peak=inf", "it must be a finite number"),
    ("schedule.warmup=1.5", "it must be a whole number"),
    ("schedule.cycle=abc", "cycle is 'abc'; it must be a number"),
    ("schedule.final=[1]", "final is [1]; it must be a finite number"),
    ("logger.sink=this", "it must be none, tensorboard, wandb or trackio"),
    ("model.family=rnn", "it must be llama or hf"),
    ("model.d_model=1.5", "it must be a whole number"),
    ("model.d_model=65", "d_model=65 is not a multiple of head_dim=32"),
    ("model.head_dim=3", "head_dim=3 must be even"),
    ("model.n_kv_head=3", "n_kv_head=3 must divide"),
    ("model=5", "model=5 does not exist"),
    ("init_from=3", "it must be text"),
    ("runs=null", "it must be text"),
    ("+more=1", "there is no key 'more'"),
    ("+batch.more=1", "there is no key 'batch.more'"),
    ("~batch", "lacks the key 'batch'"),
    ("name=../x", "is no name"),
    ("name=/abs", "is no name"),
    ("name=.", "is no name"),
    ("name=''", "is no name"),
    ("name='<script>alert(1)</script>'", "is no name"),
    (f"name={'x' * 81}", "is no name"),
    ("name=${oc.env:HOME}", "only other keys may be referred to"),
    ("runs=${oc.env:HOME}/x", "only other keys may be referred to"),
    ("corpora=${oc.decode:x}", "only other keys may be referred to"),
    ("data.packages=[${oc.env:HOME}]", "only other keys may be referred to"),
    ("name=${nope}", "nope"),
    ("hydra.run.dir=/elsewhere", "of Hydra's own settings hydra/launcher="),
    ("hydra.output_subdir=../../x", "of Hydra's own settings"),
    ("hydra.searchpath=[file:///elsewhere]", "of Hydra's own settings"),
    ("+hydra.callbacks.x._target_=os.system", "of Hydra's own settings"),
    ("~hydra.launcher", "of Hydra's own settings"),
    ("name=${name}", "config: "),
]


def refusal(do, *arguments):
    with pytest.raises(InputError) as caught:
        do(*arguments)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 500
    return line


@pytest.mark.parametrize(("override", "message"), REFUSED)
def test_what_is_out_of_range_is_refused_in_one_line(override, message):
    assert message in refusal(compose.check, [override])


@pytest.mark.parametrize(("override", "message"), [REFUSED[0], REFUSED[4], ("name=${oc.env:HOME}", "only other keys")])
def test_other_doors_refuse_it_too(override, message, tmp_path):
    assert message in refusal(config.load, [override])
    assert message in refusal(COMPOSER, ["seed=1", override])
    path = tmp_path / "some.yaml"
    cell = override.replace("name", "runs")  # a sweep names its cells itself
    path.write_text(yaml.safe_dump({"flops_per_second": 1e10, "cells": {"a": f'fit | steps=200 "{cell}"'}}))
    assert message in refusal(sweep.load, str(path))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=0,1,-1", "seed is -1"),
        ("hardware.precision=fp32,fp8", "'fp8'"),
        ("schedule=cosine,wsd schedule.warmup=1500", "decay 0.2 gives 320 steps"),
        ("schedule=cosine,wdd", "did you mean 'wsd'"),
        ("schedule=wsd schedule.decay=0.1,abc", "decay is 'abc'"),
        ("schedule=wsd schedule.shape=linear,[1]", "shape is [1]; it must be text"),
        ("name=a,../b", "is no name"),
        ("optimizer.clip=1.0,null,-3", "optimizer.clip is -3"),
        ("schedule=polyline schedule.points=[[0,1],[1]]", "it must be a list of pairs of numbers"),
        ("schedule=cyclic schedule.cycles=3,1e12", "the 1600 steps"),
        ("seed=range(0,1000000000)", "no end within 1,000,000 values"),
        ("seed=shuffle(range(0,1e12))", "no end within 1,000,000 values"),
        ("schedule.peak=range(0,1,0)", "no end within"),
        ("schedule.peak=range(0,1,1e-30)", "no end within"),
        ("seed=range(3,1)", "seed=range(3,1) has no values"),
        ("seed=range(0,1000) batch.sequences=range(1,2000)", "1,999,000 runs are more than 1,000,000"),
        ("schedule.peak=interval(0,1)", "is no list of values"),
        ("schedule=glob(*)", "is no list of values"),
    ],
)
def test_every_element_of_a_list_is_checked_before_the_first_runs(override, message):
    assert message in refusal(compose.check, override.split())


def test_a_list_without_the_flag_for_several_runs_says_which():
    assert "seed=0,1 is more than one value; give -m" in refusal(compose.check, ["seed=0,1"], False)


def test_what_is_in_range_passes():
    compose.check(
        ["optimizer.clip=null", "data.train_tokens=1e9", "steps=100", "name=${schedule.name}", "batch.micro=8"]
    )
    compose.check(["+logger.project=mine", "data.repeat=true", "data.train_tokens=1000", "name=a.b_c+d-1"])


@given(st.text(max_size=100))
@hypothesis(deadline=None)
def test_a_name_is_taken_if_and_only_if_it_is_a_plain_word(name):
    plain = 1 <= len(name) <= 80 and all(c.isascii() and (c.isalnum() or c in "._+-") for c in name)
    if plain and name not in (".", ".."):
        assert check_name(name, "run") == name
    else:
        assert refusal(check_name, name, "run").startswith("run ")
    assert not NAME.fullmatch(name + "\n")


value = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=2)
)


@given(st.data())
@hypothesis(deadline=None, max_examples=300)
def test_any_value_of_any_key_passes_or_is_refused_in_one_line(data):
    content = COMPOSER(["name=x"])
    path = data.draw(st.sampled_from(sorted(_paths(content))))
    changed = _put(content, path, data.draw(value))
    try:
        config.validate(changed)
        config.schedule(changed)
    except InputError as error:
        assert str(error).isprintable()
    assert refused(config.validate, changed, content) == refused(config.validate, changed)


def test_a_key_that_is_new_is_refused_after_a_cell_that_passed_as_before_one():
    composer = Composer()
    composer(["name=x"])
    with pytest.raises(InputError, match="there is no key 'foo'"):
        composer(["name=x", "+foo=1"])


def test_a_key_that_is_missing_is_refused_after_a_cell_that_had_it():
    content = COMPOSER(["name=x"])
    for key in ("seed", "checkpoint"):
        lacking = {name: value for name, value in content.items() if name != key}
        assert f"lacks the key '{key}'" in refused(config.validate, lacking, content)


def refused(check, *arguments):
    """What is said where a check refuses; None where it passes."""
    try:
        check(*arguments)
    except InputError as error:
        return str(error)


def _paths(tree, prefix=()):
    for key, child in tree.items():
        yield (*prefix, key)
        if isinstance(child, dict):
            yield from _paths(child, (*prefix, key))


def _put(tree, path, new):
    return tree | {path[0]: _put(tree[path[0]], path[1:], new) if path[1:] else new}


@pytest.mark.parametrize(
    ("engine", "entry", "message"),
    [
        ("local", "workers=0", "workers is 0; it must be at least 1"),
        ("local", "workers=two", "workers is 'two'; it must be a whole number"),
        ("local", "attempts=0", "at least 1"),
        ("ray", "gpus=-1", "at least 0"),
        ("slurm", "cluster=pbs", "it must be slurm or local"),
        ("slurm", "timeout_min=1h", "it must be a whole number"),
        ("slurm", "timeout=3", "did you mean 'timeout_min'"),
        ("sluurm", "workers=1", "did you mean 'slurm'"),
    ],
)
def test_settings_of_engines_are_typed(engine, entry, message):
    assert message in refusal(engines.options, engine, [entry])


@pytest.mark.parametrize("engine", engines.NAMES)
def test_shipped_settings_of_engines_pass(engine):
    engines.options(engine, [])


@pytest.mark.parametrize("group", [g for g in config.GROUPS if g != "experiment"])
def test_the_help_says_what_every_key_means(group):
    for choice in config.choices(group):
        extra = ["schedule.path=x"] if choice == "file" else []
        values = config.plain(config.assemble([f"{group}={choice}", *extra]))
        for key, _, meaning in rows(settings.Settings, values):
            assert meaning, key
    text = page([])
    for key in ("steps", "hardware.precision", "batch.micro", "schedule.cycle", "data.repeat", "init_from"):
        assert key in text


def test_the_typed_keys_are_those_that_models_and_sources_read():
    assert set(settings.Llama.model_fields) == {*KEYS, *OPTIONAL}
    for group in (settings.Installed, settings.Wheels, settings.Local, settings.Hub):
        source = import_module(f"training.corpus.{group.model_fields['source'].annotation.__args__[0]}")
        own = set(inspect.signature(source.documents).parameters)
        assert set(group.model_fields) == {"source", "repeat", *Request.names(), *own}
    own = set(inspect.signature(pretokenized.describe).parameters)
    request = set(Request.names()) - {"val_fraction"}
    assert set(settings.Pretokenized.model_fields) == {"source", "repeat", *request, *own}
    assert {"installed", "wheels", "local", "hub", "pretokenized"} == set(corpus.sources())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"cells": {"a": {"role": "fit", "overrides": "steps=3"}}}, "cells.a is {'overrides'"),
        ({"cells": {"a": ["fit", "steps=3"]}}, "it must be text"),
        ({"cells": {"a": "schedule=cosine steps=300"}}, "must read ROLE | overrides"),
        ({"cells": {"a": 'fit | "steps=3'}}, "no closing quotation"),
        ({"cells": {}}, "cells"),
        ({"cells": {"../../evil": "fit | steps=300"}}, "is no name"),
        ({"cells": {"a b": "fit | steps=300"}}, "is no name"),
        ({"cells": {"a": "fit | 'schedule.peak=1e-3,\x1b'"}}, ""),
        ({"cells": {"a": "fit | steps=300 seed=0,1", "a-seed1": "fit | steps=300"}}, "two cells are called 'a-seed1'"),
        ({"cells": {"a": "fit | steps=300"}, "workers": 0}, "workers is 0"),
        ({"cells": {"a": "fit | steps=300"}, "flops_per_second": "fast"}, "flops_per_second is 'fast'"),
        ({"cells": {"a": "fit | steps=300"}, "common": 3}, "common is 3; it must be text"),
        ({"cells": {3: "fit | steps=300"}}, "3"),
        (
            {"cells": {"a": "fit | steps=300 hardware.parallel=fsdp"}},
            "cell 'a': hardware.parallel: a cell of a sweep is one",
        ),
    ],
)
def test_a_sweep_file_is_typed(tmp_path, content, message):
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump({"flops_per_second": 1e10} | content))
    line = refusal(sweep.load, str(path))
    assert message in line
    assert str(path) in line


BOMB = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{','.join(8 * [f'*a{i - 1}'])}]\n" for i in range(1, 30))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOMB + "cells: {a: *a29}\n", "*a0 stands for more than a word"),
        ("x: &x {cells: *x}", "stands for more than a word"),
        (f"cells: {{a: fit}}\nworkers: 0x{'f' * 9999}", "workers is a number of thousands of digits; it must be"),
        (f"cells: {{a: fit}}\nworkers: [{'0b1' + '1' * 99999}]", "workers is a number of thousands of digits"),
        (f"cells: {{a: fit}}\n{'x' * 999}: 1", "unknown key 'xxx"),
        ("cells: {a: fit}\nworkers: 2020-99-99", "is not YAML"),
        ("cells: {a: 'fit | seed=range(3,1)'}", "cell 'a': config: seed=range(3,1) has no values"),
        ("cells: {a: 'fit | seed=range(0,1e15)'}", "cell 'a': config: seed=range(0,1e15) has no end"),
    ],
)
def test_a_small_sweep_file_of_much_is_refused_at_once(tmp_path, content, message):
    path = tmp_path / "odd.yaml"
    path.write_text(f"flops_per_second: 1e10\n{content}\n")
    assert message in refusal(sweep.load, str(path))


def test_words_of_a_sweep_file_may_be_named_once(tmp_path):
    path = tmp_path / "some.yaml"
    path.write_text("flops_per_second: 1e10\nabout: &line fit | steps=300\ncells: {a: *line, b: *line}\n")
    assert set(sweep.load(str(path)).cells) == {"a", "b"}


def test_a_sweep_file_without_a_rate_or_of_bytes_is_refused(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("cells: {a: fit | steps=300}\n")
    assert "lacks the key 'flops_per_second'" in refusal(sweep.load, str(path))
    path.write_bytes(b"\xff\xfe\x00")
    assert "is not YAML" in refusal(sweep.load, str(path))
    path.write_text("cells: " + "[" * 5000)
    refusal(sweep.load, str(path))


@pytest.mark.parametrize("rate", ["1e10", "1.0e+10", "20000000000"])
def test_a_rate_may_be_written_as_people_write_it(tmp_path, rate):
    path = tmp_path / "some.yaml"
    path.write_text(f"flops_per_second: {rate}\ncells: {{a: fit | steps=300}}\n")
    assert sweep.load(str(path)).flops_per_second == float(rate)


@pytest.mark.parametrize("rate", ["1e400", "-1", "0", "true", "[1]", "''", "nan", "1" + "0" * 400])
def test_a_rate_that_is_none_is_refused_with_an_example(tmp_path, rate):
    path = tmp_path / "some.yaml"
    path.write_text(f"flops_per_second: {rate}\ncells: {{a: fit | steps=300}}\n")
    assert "it must be the FLOP/s of one worker, e.g. 1.5e10" in refusal(sweep.load, str(path))


def test_train_py_takes_options_between_overrides(command, tmp_path):
    done = command(["seed=0", "-m", "steps=abc,3", f"runs={tmp_path / 'runs'}"])
    assert (done.returncode, done.stderr) == (2, "error: config: steps is 'abc'; it must be a whole number\n")
    done = command(["seed=0", "--cfg", "job", "steps=700"])
    assert done.returncode == 0 and "steps: 700" in done.stdout


@pytest.mark.slow
def test_train_py_refuses_other_configs_and_bad_values_at_once(command, tmp_path):
    for arguments in (
        ["--config-name=evil"],
        ["-cd", "/tmp"],
        ["steps=abc", f"runs={tmp_path / 'runs'}"],
        ["-m", "seed=0,-1"],
        ["-m", "seed=0,1", "hydra/launcher=nope"],
        ["-m", "seed=0,1", "hydra.launcher.nope=1"],
        ["hydra.mode=NOPE"],
    ):
        done = command(arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "runs").exists()
    done = command(["--help"])
    assert done.returncode == 0
    assert "optimiser steps" in done.stdout
