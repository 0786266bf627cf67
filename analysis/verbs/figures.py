"""the figures as PDF and SVG"""

from analysis.verbs._profile import add_profile as arguments
from analysis.verbs._profile import load

__all__ = ["arguments", "run"]


def run(args) -> None:
    from tqdm import tqdm

    from analysis.pages.figure import draw_each, names

    study = load(args)
    for drawing in tqdm(draw_each(study, study.folder / "figures"), total=len(names()), leave=False):
        tqdm.write(f"{drawing.name}: {drawing.missing or drawing.title}")
