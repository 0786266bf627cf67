"""The ground floor: schedules, loss curves, and readers of other people's data. Imports neither torch nor any other room."""

from curves.errors import InputError
from curves.loss_curve import LossCurve
from curves.schedule import Schedule

__all__ = ["InputError", "LossCurve", "Schedule"]
