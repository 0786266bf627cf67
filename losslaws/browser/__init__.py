"""Forecasts in a browser: one page that reads a log, fits it and forecasts, without a network and without Python.

    page      the writer: a log, or none, as a page; the same part within the page of a paper
    numbers   everything that a forecast is computed with, as the page is given it: priors, widths, settings, words of column names
    told      runs and schedules as the page reads them
    web       the page itself: one file of JavaScript for each file of Python that it follows

The code in `web` does what losslaws.forecast, losslaws.fitting and losslaws.curves.logs do, and holds none of their numbers.
tests/losslaws/browser holds both against each other in a real browser.
"""
