"""What verbs that forecast share: the model, and the schedules that are asked for."""

import argparse

from losslaws.curves import schedules
from losslaws.curves.schedule import LONGEST
from losslaws.forecast import specs
from losslaws.verbs import positive, whole, wholes


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add what is known of the model."""
    parser.add_argument(
        "--parameters",
        type=wholes(1),
        metavar="N",
        help="of the model, without embeddings, which says near which rate steps gain no more and narrows the interval; of several logs: one for each, 110000000,270000000",
    )
    parser.add_argument(
        "--optimizer",
        metavar="NAME",
        help="adamw, adamw-relative (rates in a unit of their own), muon, ..., unknown (default: adamw if the peak rate is usual)",
    )


def add_plans(parser: argparse.ArgumentParser) -> None:
    """Add the schedules that are asked for, and their list below the help."""
    add_schedule(parser, nargs="+", default=[])
    parser.add_argument(
        "--steps", type=whole(1, LONGEST), help="length of the runs to forecast (default: --until, else the log's)"
    )
    parser.add_argument(
        "--until", type=whole(1, LONGEST), metavar="STEP", help="the run goes on at its last rate until STEP"
    )
    parser.add_argument("--peak", type=positive, help="peak rate (default: the log's)")


def add_schedule(parser: argparse.ArgumentParser, **how) -> None:
    """Add --schedule and the options of every schedule, which are listed with the schedules that have them, not one by one."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = listing()
    about = "e.g. wsd, or wsd:decay=0.2,shape=1-sqrt; listed below"
    parser.add_argument("--schedule", metavar="NAME", help=about, **how).words = schedules.names()
    for option in specs.all_options():
        parser.add_argument(f"--{option}", type=specs.value_of, help=argparse.SUPPRESS)


def options_of(args) -> dict:
    """Return the options of schedules that the command gives for every schedule that has them."""
    return {name: getattr(args, name) for name in specs.all_options() if getattr(args, name) is not None}


def listing() -> str:
    """Return every schedule with its options, their defaults and what it is, for --help."""
    lines = ["schedules, and their options with defaults:"]
    for name in schedules.names():
        chosen = " ".join(f"{option}={default}" for option, default in schedules.options(name).items())
        about = (schedules.shape(name).__doc__ or "").strip().splitlines()[0]
        lines.append(f"  {name:18}{about}")
        if chosen:
            lines.append(f"  {'':18}  {chosen}")
    lines.append("write options behind a name, wsd:decay=0.2, or as --decay 0.2 for every schedule that has it")
    return "\n".join(lines)
