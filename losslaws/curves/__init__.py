"""The ground floor: schedules, loss curves, and readers of other people's data. Imports neither torch nor any other room."""

from losslaws.curves.errors import InputError
from losslaws.curves.loss_curve import LossCurve
from losslaws.curves.schedule import Schedule

__all__ = ["InputError", "LossCurve", "Schedule"]
