"""Forecasts of a run from its own log and what other models' runs say: `losslaws predict LOG --schedule wsd --steps 20000`.

    specs        schedules as words
    plans        what is asked: schedules by name, a run that goes on as it is
    predict      the forecast of a schedule, its interval and its warnings
    fitted       the seen part of a run, fitted with priors
    prior        what other models' runs say of its parameters (prior.json), `learn` and `prior_for`
    calibration  how wide intervals are (calibration.csv, which `python -m analysis calibrate` writes)
    output       forecasts as text, JSON and CSV
    figure       and as a picture

What a command needs is imported when it runs, so that the answer comes in about a second.
"""
