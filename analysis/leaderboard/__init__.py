"""The leaderboard: which law predicts whose curves, from how little, how well, at what cost.

    datasets.py     the public groups of curves and own ones, and the fit curves of each
    protocols.py    Cell: on which curves a law is fitted, and on which of whose points it is scored
    procedures.py   Procedure: laws, what is held or known beforehand; every entry of the board
    board.py        every procedure on every cell -> splits.csv, leaderboard.csv
    page.py         leaderboard.md, leaderboard.html and the figures

`python -m analysis leaderboard` builds all of it from the curves that are part of the project.
"""
