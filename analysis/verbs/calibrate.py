"""rebuild the priors and interval widths of forecasts from the public curves"""


def arguments(parser) -> None:
    pass


def run(args) -> None:
    from analysis.calibration import calibrate

    for path in calibrate.write(calibrate.errors()):
        print(path)
