"""Reading: what a log was read as, so that a person can see it, and ask when it is not what was meant."""

from dataclasses import dataclass, field
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.loss_curve import LossCurve


@dataclass
class Reading:
    """What a log was read as.

    path, format  the log, and which reader read it
    rows          how many it has
    columns       the column of each role: "step", "lr", "val_loss", "train_loss"
    others        by role, columns that could have been taken instead
    first, last   step with a loss
    gaps          pairs of steps between which nothing was logged for unusually long
    restarts      pairs of steps: from which the log goes back to which
    repeated      values that were logged at a step that had one
    not_finite    by column, how many losses are NaN
    diverged      by column, the step from which on all losses are NaN
    unit          of the losses that are used: "nats", "bits" or "perplexity"
    used          the role whose losses a forecast uses, "val_loss" or "train_loss"
    warmup, peak, last_rate  of the rates; None where they are not known
    notes         a line for everything that the reader of a forecast should know
    curve         the loss curve; None where the rates are not known
    wanting       what is wanting, where there is no curve
    """

    path: Path
    format: str
    rows: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    others: dict[str, list[str]] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    losses: dict[str, int] = field(default_factory=dict)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    restarts: list[tuple[int, int]] = field(default_factory=list)
    repeated: int = 0
    not_finite: dict[str, int] = field(default_factory=dict)
    diverged: dict[str, int] = field(default_factory=dict)
    unit: str = "nats"
    used: str = ""
    usable: int = 0
    warmup: int | None = None
    peak: float | None = None
    last_rate: float | None = None
    notes: list[str] = field(default_factory=list)
    curve: LossCurve | None = None
    wanting: str = ""

    def whole(self) -> LossCurve:
        """Return the curve. Raises InputError where it is not known."""
        if self.curve is None:
            raise InputError(self.wanting)
        return self.curve

    def as_dict(self) -> dict:
        """Return everything but the curve, for JSON."""
        known = {name: value for name, value in vars(self).items() if name != "curve"}
        return {**known, "path": str(self.path)}

    def __str__(self) -> str:
        """Say what was read, a line for each thing."""
        said = {"format": f"{self.format}, {self.rows:,} rows"}
        for role in ("step", "lr", "train_loss", "val_loss"):
            column = self.columns.get(role)
            count = f"; {self.losses[role]:,} values" if role in self.losses else ""
            others = self.others.get(role, [])
            also = f" (also possible: {', '.join(others[:6])}{' ...' if len(others) > 6 else ''})" if others else ""
            said[role] = f"'{column}'{count}{also}" if column else f"none{also}"
        said["steps"] = f"{self.first:,} to {self.last:,}"
        if self.gaps:
            said["gaps"] = "; ".join(f"{a:,} to {b:,}" for a, b in self.gaps[:5])
        if self.restarts:
            said["restarts"] = "; ".join(f"from {a:,} back to {b:,}" for a, b in self.restarts[:5])
        if self.repeated:
            said["repeated"] = f"{self.repeated:,} values at steps that had one"
        if self.not_finite:
            said["not finite"] = ", ".join(f"{count:,} of '{column}'" for column, count in self.not_finite.items())
        said["unit"] = "perplexity, used as its logarithm" if self.unit == "perplexity" else self.unit
        if self.peak is not None:
            said["rates"] = f"peak {self.peak:g}, warm-up {self.warmup:,} steps, last {self.last_rate:.4g}"
        if self.curve is not None:
            kind = "validation" if self.used == "val_loss" else "training"
            said["used"] = (
                f"{self.curve.step.size:,} {kind} losses, steps {self.curve.step[0]:,} to {self.curve.step[-1]:,}, the last {self.curve.final_loss:.4f}; "
                f"{self.usable:,} behind the warm-up and the beginning"
            )
        else:
            said["wanting"] = self.wanting
        return "\n".join(
            [
                str(self.path),
                *(f"  {name:11} {text}" for name, text in said.items()),
                *(f"  note: {n}" for n in self.notes),
            ]
        )
