"""Console output and text logs of any trainer: words, then numbers, a measurement a line.

    step 2000: train loss 3.1234, val loss 3.2345                                    nanoGPT
     iteration   10/ 4000 | learning rate: 3.0E-05 | lm loss: 4.049100E+00 |         Megatron-LM, gpt-neox, nanotron, ...
    {'loss': 4.0491, 'learning_rate': 3e-05, 'epoch': 0.01}                          transformers' Trainer
    train:  1%|#   | 10/4000 [00:10<01:00, 9.1it/s, loss=4.05, lr=3e-05]             progress bars

A number is what the words before it say (`names.role`). Lines of one template, the same words around other numbers, are read alike, so
that a template is looked at once. A loss or rate without a step on its line counts at the step last named. A line that says
"validation" before its step holds validation losses. Numbers may be written 1,000 or 1_000 or 3,0593: what they count tells.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from losslaws.curves.errors import InputError
from losslaws.curves.logs import names
from losslaws.curves.logs.numbers import thousands_apart
from losslaws.curves.logs.source import ANSI, Source
from losslaws.curves.logs.table import Builder, Table

ENDINGS = (".log", ".txt", ".out", ".err", "")
# a number or a marked nan that is no part of a word; begun by one set of characters, which the search for it needs to be fast
NUMBER = re.compile(
    r"([-+.0-9\x1f](?<![\w.][-+.0-9\x1f])(?:(?<=[0-9])|(?<=[-+])\.?[0-9]|(?<=\.)[0-9]|(?<=\x1f)[-+]?\w++)"
    r"[0-9]*+(?:[.,_'][0-9]++)*+(?:[eE][-+]?[0-9]++)?+)"
)
SAME = r"(?:[-+]?(?:[0-9]++(?:[.,_'][0-9]++)*+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?+|\x1f[-+]?\w++)"  # where it is known that there is one
IN_NUMBERS = b"0123456789.,+- "
# colours, also with the escape written out or lost on the way, as by `cat -v` or a browser
ESCAPE_LOST = re.compile(
    r"(?:(?:\^\[|\u241b|\\033|\\e|\\x1b)\[|\x9b)[0-9;?]*+[mKGJhl]|\[(?:[0-9]{1,3};)*+[0-9]{0,3}m(?![<:0-9])"
)
LOST = ("[0m", "[39m", "[m", "^[[", "\x9b", "\u241b[", "\\033[", "\\e[", "\\x1b[")  # one of which stands in such text
# what is no number but stands where one would; \x1f marks it
NOT_FINITE = re.compile(
    r"((?:[:=(\[|'\"]|\b(?:loss|ppl|lr|norm|train|val|trl|tel))[ \t]*+)([-+]?(?:nan|inf(?:inity)?)\b)", re.IGNORECASE
)
BLANKS = re.compile(r"(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")  # within a number
INF = re.compile(r"inf(?:inity)?\b")
CUTS = re.compile(r"[|,;\t{}\]>]| - ")  # between the parts of a line
UNIT = re.compile(r"(?:[A-Za-z%]|/(?=[A-Za-z]))[A-Za-z%/]*+| [a-z]++/s(?:ec|econd)?s?\b")  # behind a number
RANK = re.compile(r"\brank[ :=_-]?(\d+)\b", re.IGNORECASE)
# a count that is written onto its word: step10, iter_10
ATTACHED = re.compile(
    r"(?<![\w/.-])((?:global[ _]?)?(?:step|iter|iteration|epoch|update))_?(?=\d+(?:[:\s,\])|]|$))", re.IGNORECASE
)
GROUP = re.compile(r"\(group (\d+)\)")  # which belongs to a rate's name
# the unit in a rate's name, which is no number of the line, before its value: lr(1e-3): 0.3
UNIT_OF_RATE = re.compile(names.UNIT.pattern + r"([)\]'\"]*)( ?[:=])?(?= ?[-+]?[\d.])", re.IGNORECASE)
LOGGER = re.compile(r"^(?:DEBUG|INFO|WARNING|ERROR):[\w.]++:")  # before a line, as logging's default is
MPIRUN = re.compile(r"^\[\d+,(\d+)\]<std(?:out|err)>:?")  # the rank before a line, as mpirun writes it
TOTAL = re.compile(r"\s*(?:/|of|out of)\s*", re.IGNORECASE)
BETWEEN = re.compile(r"\)?\s*[/,|;&]\s*\(?")  # two losses that were announced together
LINE = 20_000  # characters of a line that are looked at
NUMBERS = 200  # of a line
TEMPLATES = 5_000  # kinds of lines that are looked at
# what a line of interest has, in small letters
WORTH = re.compile(
    r"loss|ppl|perp|lr|rate|step|iter|update|epoch|batch|nll|entropy|xent|tr|te|val|bpb|bpc|bits|rank|token|%\||s:|i:"
)
ENOUGH = 100_000  # rows that are held as text before they become arrays
OFTEN = 30  # lines of a template after which it is worth a pattern of its own
FEW = 20  # last entries to which a last one that was perhaps cut off is compared


@dataclass
class Template:
    """Lines with the same words between their numbers.

    words   the words before each number and behind the last
    fields  places of numbers that are read, 0 the first, with the column of each
    about   what the words themselves say: "rank"
    rows, values  what was found so far, the numbers as text
    """

    words: tuple[str, ...]
    fields: list[tuple[int, str]]
    about: dict[str, float]
    rows: list[int] = field(default_factory=list)
    values: list[Sequence] = field(default_factory=list)
    seen: int = 0

    @cached_property
    def pattern(self) -> re.Pattern[bytes]:
        """What finds the fields of such a line, faster than a search for numbers does."""
        places, parts = {place for place, _ in self.fields}, []
        for place in range(max(places) + 1):
            parts += ["[ ]*+".join(map(re.escape, re.split(" +", self.words[place])))]
            parts += [f"({SAME})" if place in places else SAME]
        return re.compile("".join(parts).encode())

    def add(self, row: int, values: Sequence) -> None:
        self.rows.append(row)
        self.values.append(values)
        self.seen += 1


def matches(source: Source) -> bool:
    return not source.is_dir and source.encoding is not None and (source.suffix in ENDINGS or "\n" in source.begins)


def read(source: Source) -> Table:
    """Return what the lines say. Raises InputError for a file in which no line has a loss."""
    builder, reader = Builder(source.path), Lines(source)
    for lines, unended in source.lines():
        for line in plain("\n".join(lines)).encode().split(b"\n"):
            reader.read(line, unended)
        if reader.held > ENOUGH:
            reader.empty(builder)
    reader.empty(builder)
    reader.tell_beginnings(builder)
    if reader.other:
        source.notes.append(
            f"there are more than {TEMPLATES:,} kinds of lines; {reader.other:,} lines of other kinds are left out"
        )
    if not any(names.is_loss(name) for name in builder.pieces) and not source.named & builder.pieces.keys():
        raise InputError(
            f"{source.path}: no line names a step and a loss, like 'step 200: train loss 3.1, val loss 3.2'"
        )
    return builder.table()


def unit_apart(found: re.Match) -> str:
    """Return a rate's name with its unit so written that it is no number of the line; as it was where it may be the rate itself, lr (1e-3) 12 ms."""
    word, times, power, end, sign = found.groups(default="")
    return f"{word}_x1e{power}{end.strip(')]')}{sign}" if times or sign else found[0]


class Lines:
    """Reads lines into templates."""

    def __init__(self, source: Source):
        self.source, self.row, self.held, self.other = source, 0, 0, 0
        self.templates: dict[tuple[str, ...], Template | None] = {}  # by the words of a line
        self.known: dict[bytes, Template | None] = {}  # by its letters, which are found faster
        self.beginnings: dict[str, int] = {}  # what lines begin with

    def read(self, line: bytes, unended: bool) -> None:
        """Add a line; `unended`: the file's last one, without a line end."""
        letters = line.translate(None, IN_NUMBERS)
        template = self.known.get(letters)
        if template is None and letters in self.known and not unended:
            return
        if template is not None and template.seen > OFTEN and not unended:
            found = template.pattern.match(line)
            if found:
                template.add(self.row, found.groups())
                self.row += 1
                self.held += 1
                return
        if line and len(line) <= LINE:
            self.look(line.decode(), letters, unended)

    def look(self, line: str, letters: bytes, unended: bool) -> None:
        """Add a line of a kind that is not known to be read faster."""
        if not self.source.named and not WORTH.search(line.lower()) and not line[:1].isdecimal():
            self.known[letters] = None
            return
        line = UNIT_OF_RATE.sub(unit_apart, LOGGER.sub("", line))
        parts = NUMBER.split(GROUP.sub("(group\\1)", ATTACHED.sub("\\1 ", MPIRUN.sub("rank \\1: ", line))))
        words = tuple(parts[::2])
        if words not in self.templates and unended and not self.ends_like_others(words):
            self.source.notes.append(CUT_OFF)
            return
        if words not in self.templates:
            if len(self.templates) == TEMPLATES:
                self.other += 1
                return
            self.templates[words] = make(words, self.source.named)
            if self.templates[words]:
                number = self.beginnings.setdefault(words[0], len(self.beginnings))
                self.templates[words].about[LINES] = float(number)
        template = self.known[letters] = self.templates[words]
        if template is None or (unended and cut_off(template, parts, self.source)):
            return
        template.add(self.row, [parts[2 * place + 1] for place, _ in template.fields])
        self.row += 1
        self.held += 1

    def ends_like_others(self, words: tuple[str, ...]) -> bool:
        """Whether a last line without line end stops where lines that are read stop, as at the "]" of a progress bar."""
        ends = {known[-1] for known, template in self.templates.items() if template is not None}
        return not self.templates or (words[-1] != "" and words[-1] in ends)

    def tell_beginnings(self, builder: Builder) -> None:
        """Keep what lines begin with if some differ in nothing else, as those of several ranks, runs or sets do."""
        read = [words for words, template in self.templates.items() if template is not None]
        rest = Counter(words[1:] for words in read)
        some = {words[0] for words in read if rest[words[1:]] > 1}
        if not some:
            builder.pieces.pop(LINES, None)
            return
        backwards = list(zip(*(begin[::-1].ljust(80) for begin in some), strict=False))
        end = next((at for at, letters in enumerate(backwards) if len(set(letters)) > 1), 0)
        builder.labels[LINES] = [
            begin[: len(begin) - end].strip(" \t:|-[]()") or begin if begin in some else begin
            for begin in self.beginnings
        ]

    def empty(self, builder: Builder) -> None:
        """Move what the templates hold into columns. Raises InputError for too many rows."""
        builder.rows, self.held = self.row, 0
        builder.records([])
        for template in self.templates.values():
            if template is None or not template.rows:
                continue
            at = np.array(template.rows)
            for name, value in template.about.items():
                builder.numbers(name, at, np.full(at.size, value))
            for (_, name), column in zip(template.fields, zip(*template.values, strict=True), strict=True):
                values, known = numbers(column, name)
                builder.numbers(name, at[known], values[known])
            template.rows.clear()
            template.values.clear()


CUT_OFF = "the file ends within a line, which is left out; the run may still be writing"
LINES = "lines begin with"  # a column of numbers that stand for texts, see rows.py


def plain(text: str) -> str:
    """Return `text` without colours, with commas for blanks within numbers, and with nan and inf marked where they are values."""
    if "\x1b" in text:
        text = ANSI.sub("", text)
    if any(mark in text for mark in LOST):
        text = ESCAPE_LOST.sub("", text)
    if not text.isascii():
        text = BLANKS.sub(",", text).replace("\u2212", "-")
    small = text.lower()
    if "nan" in small or INF.search(small):
        text = NOT_FINITE.sub("\\1\x1f\\2", text)
    return text


def cut_off(template: Template, parts: list[str], source: Source) -> bool:
    """Whether the last number of a last line without line end is shorter than it used to be, which is noted."""
    seen = [values[-1] for values in template.values[-FEW:]]
    last = 2 * template.fields[-1][0] + 1
    short = parts[-1] == "" and last == len(parts) - 2 and seen and len(parts[last]) < min(map(len, seen))
    if short:
        source.notes.append(CUT_OFF)
    return bool(short)


def make(words: tuple[str, ...], named: frozenset[str]) -> Template | None:
    """Return how lines with these words between their numbers are read; None if they hold nothing that is read."""
    if not 1 < len(words) <= NUMBERS:
        return None
    fields = list(three_words(words) or Words(words, named).fields())
    rank = RANK.search(words[0])
    return Template(words, fields, {"rank": float(rank[1])} if rank else {}) if fields else None


def three_words(words: tuple[str, ...]) -> list[tuple[int, str]] | None:
    """Return the fields of lines like "200 val 3.2345": a step, a set, a loss."""
    if len(words) == 3 and not words[0].strip() and not words[2].strip():
        side = names.split(words[1])
        if len(side) == 1 and side[0] in names.SIDES:
            return [(0, "step"), (1, f"{side[0]} loss")]
    return None


class Words:
    """What the words of a line say of its numbers, from left to right.

    side     "val" once the line says that it is about validation: before its step, or with its first words
    pending  the loss that a step was named for: "val loss at step 200: 3.2345"
    also     the loss of the second number behind "train/val loss: 3.1/3.2"
    counter  what the number before counted: "10/4000" has the total behind it
    bar      whether the line is a progress bar, "12%|### | 10/4000"
    within   "epoch" or "batch": what a loss is the mean of, if the line names an epoch but no step, or a batch of an evaluation
    lone     whether a step was named
    begun    whether a number without words was taken, that may be the step
    """

    def __init__(self, words: tuple[str, ...], named: frozenset[str]):
        self.words, self.named = words, named
        self.side, self.pending, self.also, self.counter, self.within = "", "", "", "", ""
        self.bar, self.lone, self.begun = False, False, False

    def fields(self) -> Iterator[tuple[int, str]]:
        """Yield the place of each number that is read, with its column."""
        for place, (text, behind) in enumerate(zip(self.words, self.words[1:], strict=False)):
            self.bar = self.bar or behind.startswith("%|")
            unit = UNIT.match(behind)
            if self.counter and TOTAL.fullmatch(text):
                name, self.counter = "total" if self.counter == "step" else "", ""
            else:
                if place and (of_last := UNIT.match(text)):
                    text = text[of_last.end() :]
                name = self.column(place, text, behind)
            if name and (not unit or name.startswith("progress")):
                yield place, name

    def column(self, place: int, text: str, behind: str) -> str:
        """Return the column of the number behind `text`, or an empty string."""
        words, self.counter = names.split(last_part(text)), ""
        kind = counted(words)
        if kind is None and (self.bar or not words or tuple(words) in names.BARE):
            name = self.progress(place, bool(words), behind)
            if name is not None:
                return name
        if kind:
            self.counter = kind
            if names.VALIDATION & set(names.split(text)):
                self.side, self.within = "val", "batch" if names.SMALL & set(words) else self.within
            if kind != "step":
                self.within = "epoch" if kind == "epoch" and not self.lone else self.within
                return kind
            self.lone, self.within = True, self.within.replace("epoch", "")
            self.pending = " ".join(words) if names.LOSS & set(words) else ""
            mine = names.COUNTERS | names.OPTIMISER | names.SMALL | {"s", "num", "time"}
            validating = ["val"] if names.VALIDATION & set(words) and not self.pending else []
            return " ".join([*validating, *(word for word in words if word in mine)])
        spelled = " ".join(words)
        if tuple(words) in names.BARE and text.rstrip().endswith("[") and behind.startswith("]"):  # [VAL] [200]
            self.side, words = "val" if names.BARE[tuple(words)] == "val" else "", ()
        if not words:
            if self.also and BETWEEN.fullmatch(text):
                name, self.also = self.also, ""
                return name
            if self.first(place, text, behind):
                return "first number"
            name, self.pending = self.pending if text.strip()[-1:] in (":", "=", ")") else "", ""
            return self.loss(name) if name else ""
        found = names.role(spelled)
        if found and found.kind in ("loss", "perplexity", "bits"):
            if place == 0 and names.split(text)[0] in names.VALIDATION:
                self.side = "val"
            sides = [word for word in words if word in names.SIDES]
            if names.TRAINING & set(sides) and names.VALIDATION & set(sides):
                rest = " ".join(word for word in words if word not in names.SIDES)
                self.also = f"{sides[1]} {rest}"
                return f"{sides[0]} {rest}"
            return self.loss(spelled)
        return spelled if found or names.decayed(spelled) or spelled in self.named else ""

    def progress(self, place: int, named: bool, behind: str) -> str | None:
        """Return the column of a count that stands before its total, without a word: "10/4000", 10it [; nothing if it counts an evaluation's batches.

        None where the number is no such count.
        """
        date = self.words[place].endswith("/") or self.words[min(place + 2, len(self.words) - 1)].startswith("/")
        total = behind.strip() in ("/", "k/") and not date
        if self.lone or not (total or (behind.startswith("it [") and not named)):
            return None
        if names.VALIDATION & set(names.split(" ".join(self.words[: place + 1]))):
            self.bar, self.side, self.within = False, "val", "batch"
            return ""
        name = "progress k" if "k" in behind else "progress" if self.bar or named or not total else "position"
        self.bar, self.counter, self.lone = False, "step" if total else "", True
        self.within = self.within.replace("epoch", "")
        return name

    def first(self, place: int, text: str, behind: str) -> bool:
        """Whether a number without words may be the step: the line begins with it, or it stands alone in brackets."""
        if self.lone or not any(names.LOSS & set(names.split(word)) for word in self.words):
            return False
        begins = place == 0 and not text.strip(" \t[(#@|<") and behind.strip() not in ("", ":", "-", ".", "/", ",")
        alone = text.rstrip().endswith("[") and behind.startswith("]")
        found = not self.begun and (begins or alone)
        self.begun = self.begun or found
        return found

    def loss(self, words: str) -> str:
        """Return the column of a loss: of the line's side, where its own words name none."""
        words = re.sub(r" (?:at|after|for|in) (?:the )?(?:step|iteration|iter|epoch)$", "", words)
        words = f"{self.within} {words}" if (self.within and not self.lone) or self.within == "batch" else words
        return words if not self.side or set(words.split()) & names.SIDES else f"{self.side} {words}"


def last_part(text: str) -> str:
    """Return the words that belong to the number behind `text`: of its last part, and of parts before that only name a set."""
    parts = [part for part in CUTS.split(text) if names.split(part)]
    if not parts:
        return ""
    last = parts.pop()
    return " ".join([*(part for part in parts if names_set(names.split(part))), last])


def names_set(words: tuple[str, ...]) -> bool:
    """Whether the words of a part of a line name a set: "valid", "eval on web", "on test set"."""
    sides = set(words) & names.SIDES
    return set(words) <= names.SIDES or (
        (bool(sides) or words[0] == "on") and 1 < len(words) <= 4 and not names.is_loss(" ".join(words))
    )


COUNTING = names.COUNTERS | names.WRITERS | names.vocabulary("epoch epochs s batch batches idx index")


def counted(words: tuple[str, ...]) -> str | None:
    """Return what the number behind these words counts: "step", "epoch", "tokens", "rank"; None: nothing."""
    while len(words) > 1 and words[-1] in names.SIDES and words[-2] in COUNTING:
        words = (*words[-1:], *words[:-1])  # Iter(train)
    if not words or words[-1] not in COUNTING:
        return None
    if words[-1] in names.WRITERS:
        return "rank"
    if names.LOSS & set(words) and (len(words) < 2 or words[-2] not in ("at", "after", "for", "in", "step")):
        return None
    known = tuple(word for word in words if word in names.COUNT_WORDS - names.WRITERS and word not in names.LOSS)
    found = names.count(known, " ".join(known))
    return found.kind if found else None


def numbers(column: Sequence, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of a column of texts, and which of them are some."""
    texts = None
    try:
        values = np.array(list(map(float, column)))
        if names.counts(name) and (np.any(np.diff(values) < 0) or np.any(values != np.floor(values))):
            texts = decoded(column)  # 990, 1.000, 1.010 may be 990, 1000, 1010
    except ValueError:
        texts = decoded(column)
    else:
        if texts is None or not thousands_apart(texts):
            return values, np.ones(values.size, bool)
    values = np.array([number(text, names.counts(name)) for text in texts])
    return values, ~np.isnan(values) | np.array(["n" in text.lower() for text in texts])


def decoded(column: Sequence) -> list[str]:
    return [text.decode() if isinstance(text, bytes) else text for text in column]


def number(text: str, whole: bool) -> float:
    """Return the number; "1,000" of what counts is 1000, "3,0593" of anything else 3.0593, of a list the first; nan for none."""
    text = re.sub(r"[_'](?=\d{3}(?!\d))", "", text)
    if whole:
        text = re.sub(r"[.,](?=\d{3}(?!\d))", "", text)
    elif re.fullmatch(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?", text):
        text = text.replace(",", ".")
    elif re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", text):
        text = text.replace(",", "")
    try:
        return float(text.partition(",")[0].strip("\x1f"))
    except ValueError:
        return float("nan")
