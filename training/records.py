"""What is written beside a run and read back: every such file is checked, key by key, by one layer (pydantic)."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from losslaws.curves import InputError
from losslaws.curves.about import read_json
from training.settings import check

Natural = Annotated[int, Field(ge=0, lt=2**63)]
Positive = Annotated[float, Field(gt=0)]


class Record(BaseModel):
    """Keys beyond those named are let through: they are for people."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class End(Record):
    """complete.json: how a run ended."""

    status: Literal["complete", "diverged"]
    steps: Natural
    final_loss: Positive | None
    trained: Natural


class About(Record):
    """run.json: what is known of a run besides its record."""

    schedule: str
    warmup: Natural
    steps: Natural
    seed: Natural
    parameters: dict[str, Natural]
    flops_per_token: dict[str, Positive]
    tokens_per_step: Annotated[int, Field(ge=1)]
    corpus: str
    also: dict[str, str] = {}


class State(Record):
    """The metadata of a checkpoint."""

    step: Annotated[int, Field(ge=1, lt=2**63)]
    crc32: Annotated[int, Field(ge=0, lt=2**32)]


class Event(Record):
    """A line of the log of events: how a run ended, or that its folder is gone."""

    run: str
    status: Literal["complete", "diverged", "gone"]
    steps: Natural = 0
    final_loss: Positive | None = None


class KeptPlan(Record):
    """The plan of a large sweep as it was last made: of every cell its steps and its run folder, below that of the runs."""

    key: str
    cells: dict[str, tuple[Natural, Annotated[str, Field(pattern=r"^([0-9a-f]{2}/)?[A-Za-z0-9._+-]{1,89}$")]]]


class TokenFile(Record):
    """One of several token files of a corpus, and which of its tokens are used."""

    file: Annotated[str, Field(min_length=1)]
    sha256: str
    offset: Natural = 0
    tokens: Natural | None = None


class Files(Record):
    """The token files of a corpus, where a side has several or they are not its own."""

    train: Annotated[list[TokenFile], Field(min_length=1)] = []
    val: Annotated[list[TokenFile], Field(min_length=1)] = []


class Digests(Record):
    """SHA-256 of the tokens of either side."""

    train: str
    val: str


class Vocabulary(Record):
    """Of a tokenizer, the number of its ids."""

    vocab_size: Annotated[int, Field(ge=1, le=2**32)]


class Fingerprint(Record):
    """fingerprint.json of a corpus, as far as it is needed to open it."""

    dtype: Literal["<u2", "<u4"]
    sha256: Digests
    tokenizer: Vocabulary
    counts: dict[str, Any]
    shards: Files = Files()


def rate(value: Any) -> Any:
    """FLOP/s; YAML takes 1e10, without a point and a sign, for text."""
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError("must be the FLOP/s of one worker, e.g. 1.5e10")
    return value


class SweepFile(BaseModel):
    """conf/sweep/NAME.yaml"""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    about: str = ""
    workers: Annotated[int, Field(ge=1, lt=2**20)] = 1
    flops_per_second: Annotated[Any, AfterValidator(rate)]
    results: Annotated[str, Field(min_length=1)] | None = None
    common: str = ""
    cells: Annotated[dict[str, str], Field(min_length=1)]


def read(path: Path | str, of: type[BaseModel]) -> dict[str, Any]:
    """Read a JSON file. Raises InputError, one line that names file and key, where it is not what `of` says."""
    content = read_json(path)
    check(content, of, str(path))
    return content


class Plain(yaml.SafeLoader):
    """Reads plain data. An alias stands for text or a number only: of lists in lists a small file makes an endless one."""

    def compose_node(self, parent, index):
        alias = self.peek_event() if self.check_event(yaml.AliasEvent) else None
        node = super().compose_node(parent, index)
        if alias and not isinstance(node, yaml.ScalarNode):
            raise yaml.composer.ComposerError(
                None, None, f"*{alias.anchor} stands for more than a word", alias.start_mark
            )
        return node


def read_yaml(path: Path | str) -> Any:
    """Read a YAML file with plain data. Raises InputError that names it where it is none."""
    try:
        return yaml.load(Path(path).read_text(encoding="utf-8"), Plain)  # a SafeLoader
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, or a date that there is not
        raise InputError(f"{path}: is not YAML ({ascii(' '.join(str(error).split()))[1:-1][:200]})") from None
    except RecursionError:
        raise InputError(f"{path}: is nested too deeply") from None
