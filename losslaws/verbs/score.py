"""say how registered forecasts came out"""

from pathlib import Path

from losslaws.verbs._logs import add_logs, read_logs


def arguments(parser) -> None:
    parser.add_argument("ledger", type=Path, metavar="LEDGER", help="what `losslaws predict --register` wrote")
    add_logs(parser)


def run(args) -> None:
    import numpy as np

    from losslaws.forecast import ledger

    found = ledger.scored(ledger.entries(args.ledger), read_logs(args))
    width = max(len("schedule"), *(len(one.entry["schedule"]) for one in found)) + 2 if found else 10
    print(
        f"{'registered':22}{'schedule':{width}}{'steps':>9}{'forecast':>10}   {'90 % interval':19}{'came to':>9}{'error':>9}"
    )
    for one in found:
        entry = one.entry
        low, high = entry["interval_90"]
        row = f"{entry['time'][:19]:22}{entry['schedule']:{width}}{entry['steps']:>9}{entry['final_loss']:>10.4f}   {low:.4f} to {high:.4f}   "
        print(
            row
            + (
                f"{one.loss:>9.4f}{100 * one.error:>+7.2f} %{'' if one.inside else '  outside'}"
                if one.run
                else "  no log of this run is over"
            )
        )
    over = [one for one in found if one.run]
    if over:
        error = 100 * np.array([one.error for one in over])
        inside = 100 * np.mean([one.inside for one in over])
        print(
            f"\n{len(over)} of {len(found)} are over: mean error {np.abs(error).mean():.2f} %, bias {error.mean():+.2f} %, "
            f"{inside:.0f} % within their 90 % intervals"
        )
