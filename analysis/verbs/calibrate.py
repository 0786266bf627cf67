"""rebuild the priors and interval widths of forecasts from the public curves, and say how they were chosen and checked"""

from analysis import RESULTS


def arguments(parser) -> None:
    parser.add_argument(
        "--select", action="store_true", help="try every setting that was a candidate, too (twice as long)"
    )


def run(args) -> None:
    from analysis.calibration import calibrate, selection
    from losslaws.curves.files import write_table

    folder, told = RESULTS / "calibration", calibrate.taught()
    paths = calibrate.write(told, calibrate.errors(told), folder)
    if args.select:
        table = selection.scored(told)
        for name, frame in {"settings": selection.settings(table), "looked": selection.looked(table)}.items():
            write_table(frame, folder / f"{name}.csv", digits=4)
            paths.append(folder / f"{name}.csv")
    for path in paths:
        print(path)
