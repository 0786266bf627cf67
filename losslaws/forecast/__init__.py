"""Forecasts of a run from its own log and what other models' runs say: `python -m analysis predict LOG --schedule wsd --steps 20000`.

    prior       what they say of a run's parameters, `learn` and `prior_for`
    fitted      the seen part of a run, fitted with priors
    cases       forecasts of public runs whose outcome is known
    calibrate   how far those were off, which makes intervals
    benchmark   the 124M grid, beside persistence and Chinchilla's law
    predict     the forecast of a schedule, its interval and its warnings
    command     the door

What a command needs is imported when it runs, so that the answer comes in about a second.
"""
