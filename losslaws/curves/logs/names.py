"""What the names of columns and the words of console lines mean: `role(name)`.

A name is taken apart into words ("eval/c4_en/CrossEntropyLoss" -> eval c4 en cross entropy loss); it is a step, a rate, a loss, ... by the
words that it must have, and no better than the words that it need not have let it be.
"""

import re
from dataclasses import dataclass
from functools import lru_cache


def vocabulary(words: str) -> frozenset[str]:
    return frozenset(words.split())


VALIDATION = vocabulary(
    "val valid validation validate validating vld eval evaluation evaluate evaluating dev heldout holdout"
)
TEST = frozenset(["test", "testing"])
TRAINING = frozenset(["train", "training", "trn"])
SIDES = VALIDATION | TEST | TRAINING
# of a loss that is not the one that is forecast: a part, a mean of the past, the best so far, a scale, ...
OTHER_LOSS = vocabulary(
    "aux auxiliary z zloss load balance balancing balanced lb moe router routing expert experts ema smooth smoothed smoothing "
    "running moving rolling best min minimum lowest max maximum highest std stddev var variance scale scaler kl reg regularization "
    "distill distillation grad spike delta diff change weight weights time ms sec seconds count num number n target previous prev "
    "old mtp final debiased reward improvement norm limit threshold patience coef coefficient fn function type name initial init inf infs nans"
)
PURE = vocabulary("lm ce cross entropy crossentropy nll xent xentropy language modeling modelling causal clm")
LOSS = vocabulary("loss losses nll crossentropy ce xent xentropy celoss")
PLAIN_LOSS = vocabulary(
    "step steps batch global value out metric metrics per token tokens model text local current cur this now on at with of the "
    "iteration iter is results result set subset split data scalar scalars trainer log logs history info debug root main py task"
)
# a column or word that only names a set may be a loss, if no other is
BARE = {("train",): "train", ("training",): "train", ("val",): "val", ("valid",): "val", ("validation",): "val"}
AVERAGE = frozenset(["avg", "average", "mean"])
TOTAL = vocabulary("total sum summed combined overall all")
PERPLEXITY = frozenset(["ppl", "perplexity"])
BITS = vocabulary("bpb bpc bpt bits")

KNOWN = LOSS | PURE | PLAIN_LOSS | AVERAGE | TOTAL | PERPLEXITY | BITS | SIDES | vocabulary("epoch byte char micro")

OTHER_RATE = vocabulary(
    "min max base initial init peak target decay mult multiplier scale ratio warmup factor final end weight wd style loss "
    "steps iters type name minimum maximum start floor momentum dropout sample sampling mask error hit accuracy grad"
)
# of a group of parameters without weight decay, which is a rate, where the rate's own decay is none
WITHOUT, WEIGHT_DECAY = vocabulary("no non without"), vocabulary("decay wd weight")
RATE = vocabulary("lr lrs lrate learnrate")
PLAIN_RATE = vocabulary(
    "train training trainer optim optimizer opt metric metrics default current cur last actual effective step schedule scheduler main now "
    "log logs"
)
GROUP = vocabulary("group groups pg param params parameter adamw adam muon sgd lion adafactor fused")

COUNTERS = vocabulary("step steps iter iters iteration iterations update updates upd it itr")
OPTIMISER = vocabulary("global optimizer optimiser optim opt update updates upd gradient grad")
NO_COUNT = vocabulary(
    "per time ms s sec secs seconds loss tokens token samples total max maximum min warmup skipped nan inf remaining left eta rate "
    "lr speed flops elapsed every interval log eval val decay size avg mean throughput logging save saved ckpt checkpoint "
    "checkpoints duration accumulation accum batches each until end last resume resumed from number of nan skip planned target "
    "estimated ppl perplexity acc accuracy norm mfu gpu mem memory data forward backward fwd bwd load"
)
PLAIN_COUNT = vocabulary(
    "train training trainer metric metrics counters progress num n current cur at i in this state log logs logged finished "
    "completed done after for to saving epoch epochs idx index"
)
EPOCH = SIDES | vocabulary("epoch epochs trainer current num fraction metrics")
TOKENS = vocabulary("tokens token samples sequences examples")
SMALL = vocabulary("micro mini batch batches sub inner local")
WRITERS = vocabulary("rank gpu process proc worker node pid")


OUTER = vocabulary("data payload jsonpayload record fields values extra")  # objects around all that was logged
SHORT = {
    **dict.fromkeys(("trl", "tloss", "trloss"), ("train", "loss")),
    **dict.fromkeys(("tel", "vloss"), ("val", "loss")),
    "minibatch": ("mini", "batch"),
    "microbatch": ("micro", "batch"),
}


@dataclass(frozen=True)
class Role:
    """What a column may be.

    kind  "step", "epoch", "tokens", "total" (of steps), "rank", "lr", "loss", "perplexity", "bits"
    side  of a loss: "train" or "val"; of a step: "val" where it counts for validation only
    rank  how good it is, 0 the best; of columns alike the best is taken
    name  of a validation set or a group of parameters
    """

    kind: str
    side: str = ""
    rank: int = 0
    name: str = ""


@lru_cache(maxsize=20_000)
def split(name: str) -> tuple[str, ...]:
    """Return the words of a name in small letters."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = re.findall(r"[a-z]++|\d++", name.lower())
    found = []
    for word in words:
        for end in ("loss", "ppl"):
            if word.endswith(end) and word[: -len(end)] in SIDES:
                found += [word[: -len(end)], end]
                break
        else:
            if word == "out" and found[-1:] in (["held"], ["hold"]):
                found[-1] = "heldout"
            else:
                found += SHORT.get(word, [word])
    return tuple(found)


# A rate's word, a sign of multiplication and the unit behind it: lr_x1e-4, lr (1e-4), learning_rate_e-4, lr*10^4. A number that is no power of ten,
# as in lr_6e-4, is no unit.
UNIT = re.compile(
    r"((?<![a-z])lr|rate)[ _]*?[(\[]? ?([x*/_\u00d7]?) ?(?:1(?:\.0*)? ?e ?|10(?:\^|\*\*)|e(?=-))[-+]?(\d{1,2})(?![a-z\d])",
    re.IGNORECASE,
)


def metric(name: str) -> str:
    """Return a column's name without that of its run, which W&B's charts put before " - "."""
    return name.rsplit(" - ", 1)[-1]


def run(name: str) -> str:
    """Return the name of a column's run, or nothing."""
    return name.rpartition(" - ")[0]


def counts(name: str) -> bool:
    """Whether a column of this name counts steps, tokens or epochs."""
    found = role(name)
    return found is not None and found.kind in ("step", "epoch", "tokens")


def is_loss(name: str) -> bool:
    """Whether a column of this name is a loss of some kind."""
    found = role(name)
    return found is not None and found.kind in ("loss", "perplexity", "bits")


@lru_cache(maxsize=20_000)
def role(name: str) -> Role | None:
    """Return what a column of this name may be; None: nothing that is read."""
    outer, _, inner = metric(name).partition("/")
    words = split(inner if outer.lower() in OUTER and inner else metric(name))
    if not words or len(words) > 12:
        return None
    return loss(words) or rate(words) or count(words, metric(name).strip())


def loss(words: tuple[str, ...]) -> Role | None:
    """Return the role of a name with the words of a loss."""
    has = set(words)
    if words in BARE:
        return Role("loss", BARE[words], 8)
    kind = "perplexity" if has & PERPLEXITY else "bits" if has & BITS else "loss"
    if kind == "loss" and not (has & LOSS or {"cross", "entropy"} <= has):
        return None
    if has & OTHER_LOSS or has & {"lr", "rate"} or words[-1] in ("tokens", "steps"):
        return None
    side = "train" if has & TRAINING and not has & VALIDATION else "val" if has & (VALIDATION | TEST) else "train"
    unknown = [word for word in words if word not in KNOWN and not word.isdecimal()]
    return Role(kind, side, loss_rank(has, side, bool(unknown)), " ".join(unknown))


def loss_rank(has: set[str], side: str, unknown: bool) -> int:
    """Return how good a loss is: the pure one of steps before a plain one, means, means of epochs, totals, and sets with a name."""
    if unknown:
        rank = 5
    elif has & TOTAL:
        rank = 4
    elif side == "val":
        rank = 2 if has & {"step", "batch", "micro"} else 1 if has & AVERAGE else 0
    elif "epoch" in has:
        rank = 3
    elif has & AVERAGE and "global" not in has:
        rank = 2
    else:
        rank = 0 if has & PURE else 1
    return rank + 6 * bool(has & TEST and not has & (VALIDATION | TRAINING))


def rate(words: tuple[str, ...]) -> Role | None:
    """Return the role of a name with the words of a learning rate."""
    has = set(words)
    spelled = has & RATE or ("rate" in has and has & {"learning", "learn"}) or words == ("rate",)
    if not spelled or has & (OTHER_RATE - {"rate"} - (WEIGHT_DECAY if has & WITHOUT else set())):
        return None
    rest = [word for word in words if word not in RATE | {"learning", "learn", "rate"} | PLAIN_RATE]
    unknown = [word for word in rest if word not in GROUP and not word.isdecimal()]
    return Role("lr", rank=2 if unknown else 1 if rest else 0, name=" ".join(rest))


def decayed(name: str) -> bool:
    """Whether a name is "lr decay": the decay of the rate or, beside those of other groups, the rate of the parameters with weight decay."""
    words = set(split(metric(name)))
    return bool(words & RATE) and words - RATE == {"decay"}


def unit(name: str) -> float:
    """Return the power of ten below 1 that follows the word of a rate's name, as in lr_x1e-4, lr(1e-4) and lr*1e4; 1.0 where none does."""
    found = UNIT.search(metric(name))
    return 10.0 ** -int(found[3]) if found else 1.0


def count(words: tuple[str, ...], name: str) -> Role | None:
    """Return the role of a name that counts something."""
    has = set(words)
    if has & WRITERS and has <= WRITERS | {"local", "global", "id"}:
        return Role("rank")
    if has & {"epoch", "epochs"} and has <= EPOCH:
        return Role("epoch")
    if has & TOKENS and not has & (NO_COUNT - TOKENS - {"of", "number", "total"}):
        return Role("tokens")
    if name == "_step":
        return Role("step", rank=9)
    if words in (("i",), ("s",), ("n", "iter")):
        return Role("step", rank=4)
    if words in (("progress",), ("progress", "k"), ("position",)):  # of lines, see text.py
        return Role("step", rank=5)
    if words == ("first", "number"):
        return Role("step", rank=6)
    if words[-2:] == ("time", "batch") and has <= {"time", "batch"} | TRAINING:
        return Role("step", rank=8)
    side = "val" if has & VALIDATION else ""
    batches = has & {"batch", "batches"} and has <= SMALL | PLAIN_COUNT | VALIDATION
    if not (has & COUNTERS or batches) or has & (NO_COUNT - VALIDATION - {"of"} - (SMALL if batches else set())):
        return None
    if has - COUNTERS - OPTIMISER - VALIDATION - PLAIN_COUNT - SMALL - {"of"}:
        return None
    if has & (SMALL - {"local"}):
        return Role("step", side, 7)
    if has & OPTIMISER:
        return Role("step", side, 0)
    return Role("step", side, 1 if has & {"step", "steps"} else 2)


COUNT_WORDS = (
    COUNTERS | OPTIMISER | NO_COUNT | PLAIN_COUNT | SMALL | VALIDATION | WRITERS | {"epoch", "epochs", "local"}
)
