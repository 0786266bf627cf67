"""the schedule of a family, or of all monotone ones, that should end at the lowest loss"""

import re
import shlex
from pathlib import Path

from losslaws.curves.files import named
from losslaws.curves.schedule import LONGEST
from losslaws.search.families import FAMILIES
from losslaws.verbs import positive, whole
from losslaws.verbs._logs import curves_of


def arguments(parser) -> None:
    parser.add_argument("logs", nargs="+", metavar="LOG", help="a log as `predict` reads it, or a results folder")
    parser.add_argument("--steps", type=whole(1, LONGEST), required=True, help="length of the run to come")
    families = [*FAMILIES, "free"]
    parser.add_argument(
        "--family", help=f"one family only: {', '.join(families)} (any rates that never rise); default: all"
    ).words = families
    parser.add_argument("--peak", type=positive, help="peak rate, one of those in the logs; default: the commonest")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the schedule there, for schedule=file")


def run(args) -> None:
    from losslaws.search.optimize import BASELINE, Search, save, table

    if args.out:
        named(args.out)
    search = Search.of(curves_of(args.logs), args.steps, args.peak)
    families = [args.family] if args.family else [*FAMILIES, "free"]
    found = [one for family in families if (one := search.best(family))]
    print(table(search, [search.build(BASELINE), *found]))
    if args.out and found:
        best = next((one for one in found if one.family == "free"), found[0])
        path = str(args.out)
        said = path if re.fullmatch(r"[\w./+-]+", path) else shlex.quote(f"'{path}'")  # by shell and config alike
        print(f"{save(best, args.out)}: {best}; train it with schedule=file schedule.path={said} steps={args.steps}")
