"""Any causal model of transformers, built from its config, behind the interface of `models.build`."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from huggingface_hub.errors import StrictDataclassError
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from losslaws.curves import InputError
from losslaws.curves.errors import nearest
from losslaws.curves.files import atomic

KEYS = ("name", "family", "config")
SIZES = ("num_hidden_layers", "hidden_size", "num_attention_heads")


class HuggingFace(nn.Module):
    """A model of transformers that maps tokens and targets to a loss, like our own."""

    def __init__(self, network: PreTrainedModel):
        super().__init__()
        self.network = network

    def forward(self, tokens: torch.Tensor, targets: torch.Tensor | None = None) -> torch.Tensor:
        """Map tokens int64 [B, L] to logits [B, L, V], or with targets int64 [B, L] to the mean loss, nats per token."""
        logits = self.network(input_ids=tokens, use_cache=False).logits
        if targets is None:
            return logits
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    def save(self, folder: Path) -> None:
        """Write what `save_pretrained` writes, each file whole or absent, config.json last."""
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            self.network.save_pretrained(scratch)
            for path in sorted(Path(scratch).iterdir(), key=lambda path: path.name == "config.json"):
                with atomic(folder / path.name) as temporary:
                    os.replace(path, temporary)


def network(model: Mapping, vocab_size: int, length: int, **how) -> PreTrainedModel:
    """Make the network of a `family: hf` entry of conf/model: `config.model_type` and options of that type.

    Raises InputError for a type that transformers does not know, for an option that the type does not have, and for
    values that its config or its network refuses.
    """
    for key in model:
        if key not in KEYS:
            raise InputError(f"model: there is no key '{key}'{nearest(key, KEYS)}")
    options = dict(model.get("config") or {})
    kind = options.pop("model_type", None)
    if not isinstance(kind, str) or kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise InputError(
            f"model.config.model_type '{kind}' is no causal model of transformers"
            f"{nearest(str(kind), MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)}"
        )
    default = AutoConfig.for_model(kind)
    if "vocab_size" in options:
        raise InputError("model.config.vocab_size: is that of the text; set data.vocab_size or data.tokenizer")
    known = [*default.to_dict(), *default.attribute_map, "head_dim"]  # read by many types that do not declare it
    for key in options:
        if key not in known:
            raise InputError(f"model.config.{key}: {kind} has no such option{nearest(key, known)}")
    # special tokens belong to a tokenizer, and their defaults may lie outside this vocabulary
    given = {"vocab_size": vocab_size, "max_position_embeddings": length, "bos_token_id": None, "eos_token_id": None}
    with refusals(kind):
        config = AutoConfig.for_model(kind, **given | options)
        for size in SIZES:
            if isinstance(value := getattr(config, size, None), int) and value < 1:
                raise ValueError(f"{size} is {value}; it must be at least 1")
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32, **how)


@contextmanager
def refusals(kind: str) -> Iterator[None]:
    """What transformers raises over a config, whatever that is, as an InputError."""
    try:
        yield
    except Exception as error:
        own = isinstance(error, StrictDataclassError | ValueError | RuntimeError)
        line = (str(error).splitlines() or [""])[-1].strip()
        raise InputError(
            f"model.config: {kind} refuses it: {line if own else f'{type(error).__name__}: {line}'}"
        ) from None


def build(model: Mapping, vocab_size: int, length: int, seed: int) -> HuggingFace:
    """Build a model, initialised as transformers does it, by a generator that is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return HuggingFace(network(model, vocab_size, length))


def load(folder: Path | str) -> HuggingFace:
    """Load a folder written by `save_pretrained`. Raises InputError where it is not one."""
    try:
        return HuggingFace(
            AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, use_safetensors=True
            )
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: cannot be loaded by transformers ({str(error).splitlines()[0]})") from None


def _sketch(model, vocab_size, length):
    """The network without storage. Every expert product is a plain one, so that the ones in use can be counted."""
    with torch.device("meta"):
        return network(model, vocab_size, length, attn_implementation="eager", experts_implementation="batched_mm")


def parameter_counts(model: Mapping, vocab_size: int, length: int) -> dict[str, int]:
    """See `models.parameter_counts`."""
    sketch = _sketch(model, vocab_size, length)
    readout = sketch.get_output_embeddings().weight
    tables = {part.weight for part in sketch.modules() if isinstance(part, nn.Embedding)}
    total = sum(p.numel() for p in sketch.parameters())
    non_embedding = total - sum(p.numel() for p in tables | {readout})
    return {"total": total, "non_embedding": non_embedding, "with_readout": non_embedding + readout.numel()}


def flops(model: Mapping, vocab_size: int, length: int) -> dict[str, float]:
    """See `models.flops_per_token`; "exact" counts the products of one forward pass, and twice as many backward."""
    sketch = _sketch(model, vocab_size, length)
    with refusals(model["config"]["model_type"]), torch.device("meta"), FlopCounterMode(display=False) as counter:
        ones = torch.ones(1, length, dtype=torch.int64)
        sketch(input_ids=ones, attention_mask=ones, use_cache=False)
    return {
        "6N": 6.0 * parameter_counts(model, vocab_size, length)["non_embedding"],
        "exact": 3.0 * counter.get_total_flops() / length,
    }
