"""rebuild the priors and interval widths of forecasts from the public curves, and say how they were chosen and checked"""

from analysis import RESULTS


def arguments(parser) -> None:
    parser.add_argument(
        "--select", action="store_true", help="try every setting that was a candidate, too (twice as long)"
    )


def run(args) -> None:
    import pandas as pd

    from analysis.calibration import calibrate, ladder, selection
    from losslaws.curves.files import write_table

    folder, told = RESULTS / "calibration", calibrate.taught()
    errors, ladders = calibrate.errors(told), ladder.errors(told)
    paths = calibrate.write(told, pd.concat([errors, ladders], ignore_index=True), folder)
    paths += [*ladder.write(ladders, folder), folder / "forms.csv"]
    write_table(selection.forms(errors), folder / "forms.csv", digits=4)
    if args.select:
        table = selection.scored(told)
        for name, frame in {"settings": selection.settings(table), "looked": selection.looked(table)}.items():
            write_table(frame, folder / f"{name}.csv", digits=4)
            paths.append(folder / f"{name}.csv")
    for path in paths:
        print(path)
