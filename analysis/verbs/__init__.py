"""The verbs of `python -m analysis`, one file each, made as those of `losslaws.verbs`."""
