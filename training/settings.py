"""What a config may hold: every key with its type, its range and its meaning. `train.py --help` prints this file.

Hydra composes files and overrides; here the result is checked, before anything is prepared, whichever way it came: the
command line, a cell of a sweep, a run folder's config.yaml. Values are never changed: a run is known by a hash of them. The
options of a schedule are those of its file (`losslaws.curves.schedules`), which are checked where it is built.
"""

import reprlib
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from losslaws.curves import InputError, schedules
from losslaws.curves.errors import nearest
from losslaws.curves.names import check_name

LONGEST = 10_000_000  # steps of a run; a schedule holds one rate for each


class Group(BaseModel):
    """Keys that are no field are refused; numbers are numbers, not text that reads like one."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


def about(meaning: str, **options) -> Any:
    """A key that must be given, or has `default`, with its meaning."""
    return Field(description=meaning, **options)


def name(value: Any) -> Any:
    """A name of a run; the command line makes a number of one that reads so."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be text")
    check_name(str(value), "name")
    return value


def whole(value: Any) -> Any:
    """A whole number, also where it is written 1e9."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < 2**63 or value != int(value):
        raise ValueError("must be a whole number, at least 1")
    return value


def schedule(value: str) -> str:
    """The name of a schedule."""
    if value not in schedules.names():
        raise ValueError(f"must be one of {', '.join(schedules.names())}{nearest(value, schedules.names())}")
    return value


def compiles(value: Any) -> Any:
    """Whether to compile, or auto."""
    if value == "auto" or isinstance(value, bool):
        return value
    raise ValueError("must be auto, true or false")


def texts(value: Any) -> Any:
    """A text, or a list of texts."""
    if isinstance(value, str) or (isinstance(value, list) and value and all(isinstance(one, str) for one in value)):
        return value
    raise ValueError("must be text, or a list of texts")


Count = Annotated[int, Field(ge=1, lt=2**31)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
String = Annotated[str, Field(min_length=1)]
Name = Annotated[Any, AfterValidator(name)]
Compile = Annotated[Any, AfterValidator(compiles)]
Whole = Annotated[Any, AfterValidator(whole)]
Texts = Annotated[Any, AfterValidator(texts)]


class Llama(Group):
    """Our own Llama (models/llama.py)."""

    name: Name = about("what tables call it")
    family: Literal["llama"] = about("llama: ours | hf: any causal model of transformers")
    d_model: Count = about("width of the residual stream, a multiple of head_dim")
    n_layer: Count = about("number of blocks")
    head_dim: Count = about("width of a head; fixed over sizes, so that more width means more heads")
    n_kv_head: Count | None = about("key and value heads; fewer than the heads: grouped-query attention. null: as many")
    mlp_ratio: Positive = about("width inside the MLP over d_model, rounded to a multiple of 16")
    tie_embeddings: bool = about("the readout is the transposed token embedding")
    rope_theta: Positive = about("base of the rotary wavelengths")
    norm_eps: Positive = about("added to the mean square in RMSNorm")
    init_std: Positive = about("of every matrix; 1/sqrt(2 n_layer) of it for what writes into the residual stream")
    parametrisation: Literal["standard", "mup"] = about(
        "mup: what is best at base_width is best at every d_model", default="standard"
    )
    base_width: Count | None = about("d_model of the model whose learning rate was searched", default=None)
    output_multiplier: Positive = about("of the logits, under muP", default=1.0)
    mup_parts: list[Literal["init", "rates", "logits"]] = about(
        "what muP scales with the width; with one left out it is a negative control",
        default=["init", "rates", "logits"],
    )
    zero_readout: bool = about(
        "under muP, logits have the same size at every width from the first step on", default=True
    )


class HuggingFace(Group):
    """Any causal model of transformers, built from its config."""

    name: Name = about("what tables call it")
    family: Literal["hf"] = about("llama: ours | hf: any causal model of transformers")
    config: dict[str, Any] = about("keys of the model's config in transformers; a new one with +model.config.KEY=VALUE")


class Text(Group):
    """What is asked of a text, whatever its source."""

    tokenizer: Texts | None = about(
        "null: train a byte-level BPE; else the name or folder of an AutoTokenizer, or a list of files of conf/data: one BPE for all"
    )
    vocab_size: Whole = about("ids of the BPE that is trained, or, for planning, of the tokenizer that is named")
    train_tokens: Whole = about("tokens to train on; a shorter text is kept whole")
    val_tokens: Whole = about("tokens of the validation set")
    val_fraction: Share = about("share of the documents that is kept from training")
    repeat: bool = about("whether a run may go through its text more than once", default=False)


class Installed(Text):
    """The text that the pinned packages put on every machine."""

    source: Literal["installed"] = about("where the text comes from: installed | wheels | local | hub | pretokenized")
    domain: Literal["python", "prose", "headers"] = about("source code, documentation, or C headers")
    packages: list[String] | None = about("names from requirements.txt; null: all of them")


class Wheels(Text):
    """The text of named versions of packages, read from their wheels."""

    source: Literal["wheels"] = about("where the text comes from: installed | wheels | local | hub | pretokenized")
    domain: Literal["python", "prose", "headers"] = about("source code, documentation, or C headers")
    packages: list[String] = about("NAME==VERSION of every package that is read")


class Local(Text):
    """Files of one's own."""

    source: Literal["local"] = about("where the text comes from: installed | wheels | local | hub | pretokenized")
    paths: Texts | None = about("files or folders: txt, md, jsonl, jsonl.zst, parquet")
    text: String = about("field of jsonl, column of parquet")


class Hub(Text):
    """A data set of the Hugging Face hub."""

    source: Literal["hub"] = about("where the text comes from: installed | wheels | local | hub | pretokenized")
    path: String | None = about("name of the data set")
    subset: String | None = about("its configuration")
    split: String = about("its split")
    revision: String | None = about("commit of the hub")
    data_files: str | list[str] | dict[str, Any] | None = about("only these of its files")
    streaming: bool = about("read only what is used, without a copy on disk")
    text: String = about("the column that holds the text")
    document_start: String | None = about("null: a row is a document; else a regular expression that begins one")


class Pretokenized(Group):
    """Token files of others, read where they lie (training/corpus/pretokenized.py)."""

    source: Literal["pretokenized"] = about(
        "where the text comes from: installed | wheels | local | hub | pretokenized"
    )
    paths: Texts | None = about("files, folders or patterns of .bin and .npy; the first tokens are trained on")
    val_paths: Texts | None = about("those of the validation set; null: the last tokens of `paths`")
    dtype: Literal["auto", "uint16", "uint32"] = about("of tokens in .bin files; auto: what a header says, else uint16")
    header: Annotated[int, Field(ge=0, lt=2**31)] | None = about(
        "bytes before the tokens of .bin files; null: 1,024 where llm.c's header is there, else none"
    )
    tokenizer: String | None = about("name or folder of their AutoTokenizer; null: only vocab_size is known")
    vocab_size: Whole = about("number of ids; that of the tokenizer, where one is named")
    train_tokens: Whole = about("tokens to train on; fewer files are kept whole")
    val_tokens: Whole = about("tokens of the validation set")
    repeat: bool = about("whether a run may go through its text more than once", default=False)


class Schedule(BaseModel):
    """The learning rate of every step; further keys are the options of the schedule's file."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)
    name: Annotated[str, AfterValidator(schedule)] = about("a file of losslaws/curves/schedules")
    peak: Positive = about("the highest rate")
    warmup: Annotated[int, Field(ge=0)] = about("steps of linear warm-up")


class AdamW(Group):
    """AdamW (Loshchilov & Hutter 2019); weight decay acts on matrices only."""

    name: Literal["adamw"] = about("the optimiser")
    beta1: Annotated[float, Field(ge=0, lt=1)] = about("decay of the mean of gradients")
    beta2: Annotated[float, Field(ge=0, lt=1)] = about("decay of the mean of their squares")
    eps: Positive = about("added to the root of the second moment")
    weight_decay: Annotated[float, Field(ge=0)] = about("of matrices, times the rate")
    clip: Positive | None = about("of the global gradient norm; null: no clipping")


class Muon(Group):
    """Muon for the matrices of the blocks, AdamW for embeddings, readout and gains (training/optimizers/muon.py)."""

    name: Literal["muon"] = about("the optimiser")
    momentum: Annotated[float, Field(ge=0, lt=1)] = about("of the matrices")
    nesterov: bool = about("look ahead along the momentum")
    ns_steps: Annotated[int, Field(ge=1, lt=100)] = about("of the Newton-Schulz iteration")
    adjust: Literal["match_rms_adamw", "original"] = about(
        "match_rms_adamw: updates as large as AdamW's | original: times sqrt(max(1, rows / columns))"
    )
    weight_decay: Annotated[float, Field(ge=0)] = about("of matrices, times the rate")
    adam_scale: Positive = about("AdamW's rate over that of the schedule, which is the matrices'")
    beta1: Annotated[float, Field(ge=0, lt=1)] = about("decay of the mean of gradients, of the rest")
    beta2: Annotated[float, Field(ge=0, lt=1)] = about("decay of the mean of their squares, of the rest")
    eps: Positive = about("added to the root of the second moment, of the rest")
    clip: Positive | None = about("of the global gradient norm; null: no clipping")


class Hardware(Group):
    """What a run is computed on."""

    device: Literal["auto", "cpu", "cuda"] = about("auto: the GPU if there is one")
    precision: Literal["auto", "fp32", "bf16", "bf16_stream"] = about(
        "auto: bf16 where the device is good at it | bf16_stream: the residual stream, too, is in bfloat16"
    )
    compile: Compile = about("torch.compile; auto: where the run pays for it and a compiler is there")
    threads: Count = about(
        "CPU threads of this process; several runs at once use a core better than several threads in one"
    )
    parallel: Literal["ddp", "fsdp"] = about(
        "under torchrun: ddp: every device holds the model | fsdp: weights, gradients and moments are divided"
    )
    fused: bool = about("queries, keys and values in one matrix product, gate and up in one", default=False)
    attention: Literal["auto", "math", "flash", "efficient", "cudnn"] = about("torch's kernel for it", default="auto")
    multiple: Count = about("zero rows bring the readout to a multiple of it, e.g. 64", default=1)
    graph: bool = about("on a GPU, the whole step as one CUDA graph; for small models", default=False)
    deterministic: bool = about(
        "only algorithms that add in the same order every time: equal runs are equal to the last bit on a GPU, too, and slower",
        default=False,
    )


class Logger(Group):
    """Where a run's numbers are also sent."""

    sink: Literal["none", "tensorboard", "wandb", "trackio"] = about("none | tensorboard | wandb | trackio")
    project: String | None = about("the project there", default=None)


class Batch(Group):
    """What one step sees: sequences x length tokens."""

    sequences: Count = about("the global batch, whatever the hardware")
    length: Count = about("tokens per sequence")
    micro: Count | None = about("sequences per forward pass; the rest is gradient accumulation. null: all at once")

    @model_validator(mode="after")
    def divides(self) -> "Batch":
        if self.micro and self.sequences % self.micro:
            raise ValueError(f"batch.micro={self.micro}: must divide batch.sequences={self.sequences}")
        return self


class Evaluation(Group):
    """On fixed validation sets."""

    every: Count = about("steps between evaluations; the last step is always evaluated")
    sequences: Count = about("sequences of the validation set that are used")
    end: Count | None = about(
        "sequences used at the last step, besides, for a finer last loss; null: no more than elsewhere", default=None
    )
    average: Literal["ema", "window"] | None = about(
        "of the weights along the run, evaluated beside them (training/average.py)", default=None
    )
    average_steps: Count = about("time constant of the ema, length of the window", default=100)
    also: list[String] = about(
        "files of conf/data on whose validation sets the run is evaluated too, tokenized as its own text", default=[]
    )


class Checkpoint(Group):
    """To resume and to branch from. The newest two are kept."""

    every: Count = about("steps between checkpoints")
    minutes: Positive | None = about(
        "minutes after which one is due though `every` is not reached; null: never", default=None
    )
    keep: list[Count] = about("steps whose checkpoints stay, to branch from", default=[])
    final: bool = about(
        "whether the last checkpoint and the model's weights stay when the run is complete", default=True
    )


class Settings(Group):
    """One training run."""

    name: Name = about("the run folder is RUNS/NAME-HASH")
    steps: Annotated[int, Field(ge=1, le=LONGEST)] = about("optimiser steps")
    seed: Annotated[int, Field(ge=0, lt=2**63)] = about("of initialisation and data order")
    init_from: String | None = about(
        "RUN_FOLDER@STEP: continue that run's weights, moments and data position under this schedule", default=None
    )
    runs: String = about("folder of the run folders")
    corpora: String = about("folder of the tokenized texts")
    model: Annotated[Llama | HuggingFace, Field(discriminator="family")]
    data: Annotated[Installed | Wheels | Local | Hub | Pretokenized, Field(discriminator="source")]
    schedule: Schedule
    optimizer: Annotated[AdamW | Muon, Field(discriminator="name")]
    hardware: Hardware
    logger: Logger
    batch: Batch
    eval: Evaluation
    checkpoint: Checkpoint


STALLED = (
    "minutes without a new row of its record, if that is also 20 times the usual, after which a run is ended and tried "
    "again; null: never"
)


class LocalEngine(Group):
    """Processes on this machine."""

    workers: Count | None = about(
        "runs at a time; null: what the sweep says, or one for each GPU; more share GPUs as far as their memory reaches"
    )
    attempts: Count = about("of a run whose process dies; each goes on from the newest checkpoint")
    stalled_min: Positive | None = about(STALLED)


class RayEngine(Group):
    """Tasks of a Ray cluster."""

    address: String | None = about(
        "of a running cluster, auto: the one that `ray start` names; null: start one on this machine"
    )
    cpus: Positive = about("of one task")
    gpus: Annotated[float, Field(ge=0)] | None = about(
        "of one task, a fraction if several share a GPU; null: 1 where the run is on a GPU"
    )
    attempts: Count = about("of a task whose worker or node dies, or that raises")
    stalled_min: Positive | None = about(STALLED)


class SlurmEngine(Group):
    """Job arrays through submitit."""

    cluster: Literal["slurm", "local"] = about("local: submitit's processes on this machine")
    attempts: Count = about("of a segment whose process or job dies; each goes on from the newest checkpoint")
    stalled_min: Positive | None = about(STALLED)
    jobs: Count | None = about(
        "N: that many long jobs hold the nodes of a Ray cluster instead of a job for each segment; null: so above 1,000 segments"
    )
    timeout_min: Count = about("of one job; one that reaches it, or is preempted, is queued again")
    max_num_timeout: Annotated[int, Field(ge=0)] = about("how often a job may reach it")
    slurm_signal_delay_s: Count = about("seconds before its time limit at which a job is told to save and end")
    cpus_per_task: Count | None = about("of one job; null: 4, or as many as a node of the partition has")
    gpus_per_node: Annotated[int, Field(ge=0)] | None = about("null: 1 where the runs are on a GPU")
    mem_gb: Positive | None = about("memory of one job; null: the cluster's default")
    slurm_partition: String | None = about("partition")
    slurm_account: String | None = about("account")
    slurm_qos: String | None = about("quality of service")
    slurm_constraint: String | None = about("constraint")
    slurm_array_parallelism: Count = about("jobs of one array that run at a time")
    slurm_setup: list[String] | None = about('shell lines before the job, e.g. engine.slurm_setup=["module load cuda"]')


ENGINES = {"local": LocalEngine, "ray": RayEngine, "slurm": SlurmEngine}


def epochs(settings: Mapping, tokens: int) -> float:
    """How often a run goes through a text of `tokens`, each of which is predicted once an epoch.

    Raises InputError for more than once without data.repeat.
    """
    steps, batch = settings["steps"], settings["batch"]
    once = max((int(tokens) - 1) // batch["length"] * batch["length"], 1)  # whole windows, as corpus.batches cuts them
    wanted = steps * batch["sequences"] * batch["length"]
    if wanted > once and not settings["data"].get("repeat"):
        raise InputError(
            f"steps={steps}: the run takes {steps:,} x {batch['sequences']:,} x {batch['length']:,} = {wanted:,} tokens, "
            f"{wanted / once:.2f} times the text; give it more (data.train_tokens={int(tokens)}), fewer steps, or data.repeat=true"
        )
    return wanted / once


@cache
def only(keys: frozenset[str]) -> type[BaseModel]:
    """`Settings` of which only these keys are there."""
    fields = {key: (field.annotation, field) for key, field in Settings.model_fields.items() if key in keys}
    return create_model("Only", __base__=Group, **fields)


def check(settings: Mapping, of: type[BaseModel] = Settings, where: str = "config") -> None:
    """Check plain settings. Raises InputError, one line, for the first key that is unknown, missing, or out of range."""
    try:
        of.model_validate(settings)
    except ValidationError as error:
        raise InputError(f"{where}: {sentence(error.errors(include_url=False)[0], settings)}") from None
    except RecursionError:
        raise InputError(f"{where}: is nested too deeply") from None


def sentence(error: Mapping, content: Any) -> str:
    """One of pydantic's errors in one line that names the key."""
    kind, limits, value = error["type"], error.get("ctx", {}), error["input"]
    parts, node = [], content
    for part in error["loc"]:  # without the names of union members, which pydantic puts in between
        if isinstance(node, Mapping | list) and (part in node if isinstance(node, Mapping) else isinstance(part, int)):
            node = node[part]
            parts.append(str(part))
    if kind == "union_tag_invalid":
        parts.append(limits["discriminator"].strip("'"))
        known = [tag.strip("' ") for tag in limits["expected_tags"].split(",")]
        return f"{'.'.join(parts)} is {shown(limits['tag'])}; it must be {' or '.join(known)}{nearest(limits['tag'], known)}"
    key = ".".join(parts)
    if kind in ("missing", "union_tag_not_found"):
        last = limits["discriminator"].strip("'") if "discriminator" in limits else str(error["loc"][-1])
        return f"lacks the key '{'.'.join([*parts, last])}'"
    if kind == "extra_forbidden":
        siblings = [name for name in _at(content, parts[:-1]) if name != parts[-1]]
        return f"there is no key '{key}'{nearest(parts[-1], siblings)}"
    if kind == "value_error":
        message = str(limits["error"])
        return f"{key} is {shown(value)}; it {message}" if message.startswith("must") else message
    return f"{key or 'it'} is {shown(value)}; it must be {_wanted(kind, limits)}" + (
        nearest(str(value), limits["expected"].replace("'", "").replace(" or ", ", ").split(", "))
        if kind == "literal_error"
        else ""
    )


def shown(value: Any) -> str:
    """A value in few characters, all of them printable."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    try:  # of a tree only the first leaves: links within a YAML file make a small one endless
        text = repr(value) if isinstance(value, str) else reprlib.repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        text = "a number of thousands of digits"
    text = text.encode("ascii", "backslashreplace").decode()
    return text if len(text) <= 60 else text[:57] + "..."


def _at(content, parts):
    for part in parts:
        content = content[part if isinstance(content, Mapping) else int(part)]
    return content


def _wanted(kind, limits):
    """What a value should have been."""
    bounds = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}
    for key, words in bounds.items():
        if key in limits:
            return words.format(f"{limits[key]:,}".removesuffix(".0"))
    if kind == "literal_error":
        return limits["expected"].replace("'", "")
    return {
        "int": "a whole number",
        "float": "a number",
        "finite": "a finite number",
        "bool": "true or false",
        "string": "text",
        "list": "a list, in brackets",
        "too": "a list with something in it",
        "dict": "a mapping",
        "model": "a mapping",
    }.get(kind.split("_")[0], "something else")
