"""The texts of a run: the one that it trains on, and those on whose validation sets it is evaluated besides.

Other texts are named by their file in conf/data. What a run asks of its own text, sizes and tokenizer, it asks of the
others too: their losses are per token of the same vocabulary, and runs on any of them share the token files.
"""

from training import config, corpus
from training.corpus import Corpus
from training.corpus.build import Request


def prepare(settings: dict, workers: int | None = None) -> tuple[Corpus, dict[str, Corpus]]:
    """Open, or build first, the text of a run and the texts of `eval.also`, by name.

    workers  processes that build a large one (`corpus.prepare`)

    A tokenizer that is a list of files of conf/data is one trained on all of them. Raises InputError as `corpus.prepare`
    does, and for a file of conf/data that does not exist.
    """
    data, folder = dict(settings["data"]), settings["corpora"]
    if isinstance(data.get("tokenizer"), list):
        data["tokenizer"] = [config.preset(name) for name in data["tokenizer"]]
    own = corpus.prepare(data, folder, workers)
    asked = {key: data[key] for key in Request.names() if key in data and key != "val_fraction"}
    if asked.get("tokenizer") is None:
        asked["tokenizer"] = str(own.folder)
    return own, {
        name: corpus.prepare(config.preset(name) | asked, folder, workers) for name in settings["eval"]["also"]
    }
