"""Tokenizers: a byte-level BPE trained on the corpus, or any AutoTokenizer."""

import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from losslaws.curves.errors import InputError
from losslaws.curves.files import write_text

END = "<|endoftext|>"
SMALLEST = 257  # every byte and END


@dataclass(frozen=True)
class Tokenizer:
    """What a corpus needs of a tokenizer.

    encode      texts -> token ids of each; text that spells a special token is ordinary text
    end         id that closes a document
    vocab_size  one more than the largest id
    save        writes it into a folder, for `AutoTokenizer.from_pretrained`
    """

    encode: Callable[[list[str]], list[list[int]]]
    end: int
    vocab_size: int
    save: Callable[[Path], object]


def describe(name: str | None) -> dict:
    """Which tokenizer it is: its name, the library's version and, for a folder, the content of its tokenizer.json."""
    if name is None:
        return {"name": "byte-level BPE", "tokenizers": version("tokenizers")}
    file = Path(name) / "tokenizer.json"
    content = {"sha256": sha256(file.read_bytes()).hexdigest()} if file.is_file() else {}
    return {"name": name, "transformers": version("transformers"), **content}


def train(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Train a byte-level BPE (Sennrich et al. 2016; on bytes: Radford et al. 2019). A short text may give fewer ids."""
    from tokenizers import Tokenizer as Fast
    from tokenizers import decoders, models, pre_tokenizers, trainers

    fast = Fast(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(texts, trainer)
    return _own(fast)


def trained(folder: Path) -> Tokenizer:
    """The BPE that `train` has saved."""
    from tokenizers import Tokenizer as Fast

    return _own(Fast.from_file(str(folder / "tokenizer.json")))


def _own(fast):
    fast.encode_special_tokens = True

    def encode(texts):
        return [encoding.ids for encoding in fast.encode_batch_fast(texts)]

    def save(folder):
        about = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": END, "eos_token": END}
        write_text(folder / "tokenizer.json", fast.to_str())
        write_text(folder / "tokenizer_config.json", json.dumps(about, indent=1) + "\n")

    return Tokenizer(encode, fast.token_to_id(END), fast.get_vocab_size(), save)


def load(name: str) -> Tokenizer:
    """Load an AutoTokenizer by its name on the hub or its folder; code that comes with it is never run.

    Raises InputError where there is none, or none with a token that can end a document.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(os.fspath(name), trust_remote_code=False)
    except Exception as error:  # whatever the files of others lead transformers to raise
        reason = (
            str(error).partition("\n")[0]
            if isinstance(error, OSError | ValueError)
            else f"{type(error).__name__}: {str(error)[:100]}"
        )
        raise InputError(
            f"data.tokenizer '{name}': is no folder or hub name of a tokenizer that can be loaded ({reason})"
        ) from None
    end = tokenizer.sep_token_id if tokenizer.eos_token_id is None else tokenizer.eos_token_id
    if end is None:
        raise InputError(f"data.tokenizer '{name}': has no token that ends a document; choose one with an eos token")

    def encode(texts):
        if not texts:  # which transformers does not take
            return []
        return tokenizer(
            texts,
            add_special_tokens=False,
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]

    def save(folder):
        try:
            tokenizer.save_pretrained(folder)
        except Exception as error:  # where its Rust part cannot write, this is no OSError
            if code := re.search(r"os error (\d+)", str(error)):
                raise OSError(int(code[1]), os.strerror(int(code[1]))) from None
            raise

    return Tokenizer(encode, end, max(tokenizer.get_vocab().values()) + 1, save)
