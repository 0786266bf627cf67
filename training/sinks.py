"""Where a run's numbers are also sent. Each library is imported only when it is chosen."""

from pathlib import Path

from losslaws.curves import InputError


class Nothing:
    """logger=none"""

    def log(self, step: int, values: dict[str, float]) -> None:
        pass

    def close(self) -> None:
        pass


class TensorBoard:
    """logger=tensorboard: event files in RUN_FOLDER/tensorboard"""

    def __init__(self, folder: Path, name: str, settings: dict, options: dict):
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder / "tensorboard"))

    def log(self, step, values):
        for key, value in values.items():
            self.writer.add_scalar(key, value, step)

    def close(self):
        self.writer.close()


class Tracker:
    """logger=wandb and logger=trackio, which share one interface"""

    def __init__(self, folder: Path, name: str, settings: dict, options: dict):
        from importlib import import_module

        library = import_module(options["sink"])
        where = {"dir": str(folder)} if options["sink"] == "wandb" else {}
        self.run = library.init(project=options["project"], name=name, config=settings, **where)

    def log(self, step, values):
        self.run.log(values, step=step)

    def close(self):
        self.run.finish()


def open_sink(folder: Path, name: str, settings: dict):
    """Open the sink that `settings["logger"]` chooses. Raises InputError when its library is not installed."""
    options = settings["logger"]
    if options["sink"] == "none":
        return Nothing()
    sink = TensorBoard if options["sink"] == "tensorboard" else Tracker
    try:
        return sink(folder, name, settings, options)
    except ImportError:
        raise InputError(
            f"logger={options['sink']}: the package is not installed; run `pip install {options['sink']}`"
        ) from None
