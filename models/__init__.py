"""The networks: our own Llama and any causal model of transformers, with their parameter and FLOP counts.

A model is described by the entries of its config group (`conf/model/`). Vocabulary and context length belong to the data
and the batch, so they are given when the model is built. Counting needs no torch, which is imported when a network is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from losslaws.curves import InputError
from losslaws.curves.errors import nearest
from models import counts
from models.architecture import Architecture, read_config

if TYPE_CHECKING:
    import torch

__all__ = [
    "build",
    "flops_per_token",
    "hidden_matrices",
    "load",
    "parameter_counts",
    "parameter_groups",
    "save",
    "training_bytes",
    "use",
]

FAMILIES = ("llama", "hf")


def build(model: Mapping, vocab_size: int, length: int, seed: int) -> "torch.nn.Module":
    """Build and initialise a model in float32 on the CPU.

    model       a config group entry: `family` (llama | hf) and its keys
    vocab_size  number of token ids
    length      longest sequence, in tokens
    seed        the initial weights are a function of it alone; no global random state is touched

    The module maps tokens int64 [B, L] and targets int64 [B, L] to the mean loss in nats per token, or, without targets,
    to the logits [B, L, vocab_size]. Raises InputError for an unknown family or key, and for sizes that do not fit.
    """
    if _family(model) == "hf":
        from models import huggingface

        return huggingface.build(model, vocab_size, length, seed)
    from models import llama

    return llama.build(Architecture.of(model, vocab_size, length), seed)


def parameter_counts(model: Mapping, vocab_size: int, length: int) -> dict[str, int]:
    """Number of parameters under each convention, without building the model.

    total          every parameter; a tied readout counts once
    non_embedding  without vocabulary and positional embeddings and without the readout: N of Kaplan et al. 2020
    with_readout   non_embedding and the readout matrix, tied or not: what takes part in matrix products
    """
    if _family(model) == "hf":
        from models import huggingface

        return huggingface.parameter_counts(model, vocab_size, length)
    return counts.parameters(Architecture.of(model, vocab_size, length))


def flops_per_token(model: Mapping, vocab_size: int, length: int) -> dict[str, float]:
    """FLOPs of training, forward and backward, per token of a sequence of `length`.

    6N     six times the non-embedding parameters (Kaplan et al. 2020, arXiv 2001.08361, section 2.1)
    exact  all matrix products, attention and logits included; attention over the whole L x L square, as Chowdhery et
           al. 2022 (arXiv 2204.02311, appendix B) count it, though a causal kernel may skip up to half of that part
    """
    if _family(model) == "hf":
        from models import huggingface

        return huggingface.flops(model, vocab_size, length)
    return counts.flops(Architecture.of(model, vocab_size, length))


def training_bytes(model: Mapping, vocab_size: int, length: int, sequences: int, precision: str) -> float:
    """Memory that training takes, in bytes, with `sequences` in one forward pass at `precision` (fp32 | bf16; bf16_stream takes less than bf16).

    Weights, gradients and the two moments of AdamW are float32, 16 bytes per parameter. Activations are counted for
    `family: llama` only; for other models this is the state alone, a lower bound.
    """
    state = 16.0 * parameter_counts(model, vocab_size, length)["total"]
    if _family(model) == "hf":
        return state
    kept = counts.kept_bytes(Architecture.of(model, vocab_size, length), sequences * length, precision != "fp32")
    return state + kept


def use(module: "torch.nn.Module", **kernels) -> None:
    """Choose how a Llama is computed (`models.llama.Kernels`). Raises InputError for another model that cannot."""
    from models.llama import Kernels, Llama

    if isinstance(module, Llama):
        module.use(Kernels(**kernels))
    elif Kernels(**kernels) != Kernels():
        raise InputError("hardware.fused, hardware.multiple and precision=bf16_stream belong to model.family=llama")


def save(module: "torch.nn.Module", folder: Path | str) -> None:
    """Write `folder`/config.json and model.safetensors, which transformers' `from_pretrained` loads; each whole or absent."""
    module.save(Path(folder))


def load(folder: Path | str) -> "torch.nn.Module":
    """Load a folder written by `save` or by transformers. Raises InputError for a missing, damaged or foreign one."""
    from models import huggingface, llama

    return (llama if read_config(folder).get("model_type") == "llama" else huggingface).load(folder)


def parameter_groups(module: "torch.nn.Module", weight_decay: float) -> list[dict]:
    """Return the parameters as groups for an optimiser: "params", "weight_decay", and "scale", the factor on the learning rate.

    Matrices decay, embeddings included, as in nanoGPT; gains and biases do not. The scale is 1 but for the hidden matrices of
    a model under muP (`models.mup`).
    """
    hidden, ratio = [], 1.0
    if getattr(module, "architecture", None) and module.architecture.parametrisation == "mup":
        hidden, ratio = hidden_matrices(module), module.architecture.width_ratio("rates")
    inside = {id(p) for p in hidden}
    others = [p for p in module.parameters() if id(p) not in inside]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": weight_decay, "scale": 1.0},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0, "scale": 1.0},
    ]
    # the rate is divided by the ratio and the decay multiplied, so that rate x decay, what shrinks a weight, stays
    return groups + ([{"params": hidden, "weight_decay": weight_decay * ratio, "scale": 1 / ratio}] if hidden else [])


def hidden_matrices(module: "torch.nn.Module") -> list["torch.nn.Parameter"]:
    """Return the matrices that map activations to activations: neither embeddings nor the readout nor gains."""
    from torch import nn

    tables = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    readout = module.lm_head if hasattr(module, "lm_head") else module.network.get_output_embeddings()
    outside = tables | {id(parameter) for parameter in readout.parameters()}
    return [p for p in module.parameters() if p.ndim == 2 and id(p) not in outside]


def _family(model):
    family = model.get("family")
    if family not in FAMILIES:
        raise InputError(
            f"model.family '{family}' is unknown{nearest(str(family), FAMILIES)} (known: {', '.join(FAMILIES)})"
        )
    return family
