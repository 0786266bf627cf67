"""Published numbers and procedures beside ours.

numbers     what the papers print
table       the same recomputed here, with the reason where it differs: `python -m analysis published`
peers       the published ways to fit, step by step
bench       CPU seconds of our fits beside theirs: `python -m analysis bench`
"""
