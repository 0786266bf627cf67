"""Laws of the loss curve, fitted to loss curves and held against them. `python -m analysis` is the door."""
