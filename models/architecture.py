"""Architecture: every number that determines a Llama, checked, and its translation from and to transformers' config."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from losslaws.curves import InputError
from losslaws.curves.about import read_json
from losslaws.curves.errors import nearest

SIZES = ("d_model", "n_layer", "head_dim", "n_kv_head")
NUMBERS = ("mlp_ratio", "rope_theta", "norm_eps", "init_std")
KEYS = ("name", "family", *SIZES, *NUMBERS, "tie_embeddings")
PARAMETRISATIONS = ("standard", "mup")
MUP_PARTS = ("init", "rates", "logits")
WIDEST = 1e4  # mlp_ratio: far beyond any model, and its product with d_model is still a number of channels
OPTIONAL = {
    "parametrisation": "standard",
    "base_width": None,
    "output_multiplier": 1.0,
    "zero_readout": True,
    "mup_parts": MUP_PARTS,
}

# What this Llama leaves out, by the value that LlamaConfig has then.
FIXED = {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False}


@dataclass(frozen=True)
class Architecture:
    """The sizes and constants of a Llama (Touvron et al. 2023, arXiv 2302.13971).

    vocab_size      V
    length          longest sequence, in tokens
    d_model         width of the residual stream
    n_layer         number of blocks
    n_head          query heads, d_model / head_dim
    n_kv_head       key and value heads; fewer than n_head is grouped-query attention (Ainslie et al. 2023)
    head_dim        fixed over a ladder of sizes, so that width means more heads
    d_ff            width inside the gated MLP
    tie_embeddings  the readout is the transposed token embedding
    rope_theta      base of the rotary wavelengths
    norm_eps        added to the mean square in RMSNorm
    init_std        standard deviation of the initial matrices
    parametrisation "standard", or "mup": initial sizes, rates and logits change with the width so that what is best at
                    base_width is best at every width (Yang et al. 2022, arXiv 2203.03466, Table 8; see `models.mup`)
    base_width      d_model at which muP is the standard parametrisation, but for its zeros; needed by muP alone
    output_multiplier  of the logits under muP
    zero_readout    whether a readout that is not tied is zero at first under muP
    mup_parts       what muP scales with the width; one that leaves a part out is a negative control, not muP
    """

    vocab_size: int
    length: int
    d_model: int
    n_layer: int
    n_head: int
    n_kv_head: int
    head_dim: int
    d_ff: int
    tie_embeddings: bool
    rope_theta: float
    norm_eps: float
    init_std: float
    parametrisation: str = "standard"
    base_width: int | None = None
    output_multiplier: float = 1.0
    zero_readout: bool = True
    mup_parts: Sequence[str] = MUP_PARTS

    def __post_init__(self):
        for key in ("vocab_size", "length", "d_model", "n_layer", "n_head", "n_kv_head", "head_dim", "d_ff"):
            value = getattr(self, key)
            if type(value) is not int or value < 1:
                raise InputError(f"model: {key} is {value!r}; it must be a whole number of at least 1")
        for key in ("rope_theta", "norm_eps", "init_std"):
            _positive(key, getattr(self, key))
        if self.parametrisation not in PARAMETRISATIONS:
            raise InputError(
                f"model: parametrisation '{self.parametrisation}' is unknown"
                f"{nearest(str(self.parametrisation), PARAMETRISATIONS)} (known: {', '.join(PARAMETRISATIONS)})"
            )
        _positive("output_multiplier", self.output_multiplier)
        if self.parametrisation == "mup" and (type(self.base_width) is not int or self.base_width < 1):
            raise InputError(f"model: base_width is {self.base_width!r}; muP needs the d_model of the searched model")
        for part in self.mup_parts:
            if part not in MUP_PARTS:
                raise InputError(
                    f"model: mup_parts has no '{part}'{nearest(str(part), MUP_PARTS)} (known: {', '.join(MUP_PARTS)})"
                )
        for key in ("tie_embeddings", "zero_readout"):
            if type(getattr(self, key)) is not bool:
                raise InputError(f"model: {key} is {getattr(self, key)!r}; it must be true or false")
        if self.head_dim % 2:
            raise InputError(f"model: head_dim={self.head_dim} must be even, since rotary embeddings turn pairs")
        if self.d_model != self.n_head * self.head_dim:
            raise InputError(
                f"model: d_model={self.d_model} is not a multiple of head_dim={self.head_dim}; "
                f"choose d_model={math.ceil(self.d_model / self.head_dim) * self.head_dim}"
            )
        if self.n_head % self.n_kv_head:
            raise InputError(
                f"model: n_kv_head={self.n_kv_head} must divide the {self.n_head} heads (d_model / head_dim)"
            )

    def width_ratio(self, part: str) -> float:
        """d_model over base_width where muP scales `part` (one of MUP_PARTS) by it, 1 otherwise."""
        scales = self.parametrisation == "mup" and part in self.mup_parts
        return self.d_model / self.base_width if scales else 1.0

    @classmethod
    def of(cls, model: Mapping, vocab_size: int, length: int) -> "Architecture":
        """Read a `family: llama` entry of conf/model. Raises InputError that names the key."""
        for key in model:
            if key not in (*KEYS, *OPTIONAL):
                raise InputError(f"model: there is no key '{key}'{nearest(key, (*KEYS, *OPTIONAL))}")
        for key in KEYS[2:]:
            if key not in model:
                raise InputError(f"model: lacks the key '{key}'")
        for key in ("d_model", "head_dim"):
            if type(model[key]) is not int or model[key] < 1:
                raise InputError(f"model: {key} is {model[key]!r}; it must be a whole number of at least 1")
        n_head = max(model["d_model"] // model["head_dim"], 1)
        return cls(
            vocab_size=vocab_size,
            length=length,
            d_model=model["d_model"],
            n_layer=model["n_layer"],
            n_head=n_head,
            n_kv_head=n_head if model["n_kv_head"] is None else model["n_kv_head"],
            head_dim=model["head_dim"],
            # a multiple of 16 suits the matrix units of every device; d_model 64 at ratio 8/3 gives 176
            d_ff=16 * max(1, round(_ratio(model["mlp_ratio"]) * model["d_model"] / 16)),
            tie_embeddings=model["tie_embeddings"],
            rope_theta=model["rope_theta"],
            norm_eps=model["norm_eps"],
            init_std=model["init_std"],
            **{key: model.get(key, default) for key, default in OPTIONAL.items()},
        )

    def to_transformers(self) -> dict:
        """The content of a config.json from which transformers builds the same model."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "dtype": "float32",
            "vocab_size": self.vocab_size,
            "max_position_embeddings": self.length,
            "hidden_size": self.d_model,
            "num_hidden_layers": self.n_layer,
            "num_attention_heads": self.n_head,
            "num_key_value_heads": self.n_kv_head,
            "head_dim": self.head_dim,
            "intermediate_size": self.d_ff,
            "tie_word_embeddings": self.tie_embeddings,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "rms_norm_eps": self.norm_eps,
            "initializer_range": self.init_std,
            "bos_token_id": None,
            "eos_token_id": None,
            **FIXED,
        }

    @classmethod
    def from_transformers(cls, folder: Path | str) -> "Architecture":
        """Read `folder`/config.json. Raises InputError for a field that is missing or that this Llama does not have."""
        path, about = Path(folder) / "config.json", read_config(folder)
        rope = about.get("rope_parameters") or {}
        for key, value in {**FIXED, "rope_type": "default"}.items():
            if about.get(key, rope.get(key, value)) != value:
                raise InputError(
                    f"{path}: {key} is not {value!r}; load this model with transformers' AutoModelForCausalLM"
                )
        try:
            return cls(
                vocab_size=about["vocab_size"],
                length=about["max_position_embeddings"],
                d_model=about["hidden_size"],
                n_layer=about["num_hidden_layers"],
                n_head=about["num_attention_heads"],
                n_kv_head=about["num_key_value_heads"],
                head_dim=about["head_dim"],
                d_ff=about["intermediate_size"],
                tie_embeddings=about["tie_word_embeddings"],
                rope_theta=rope["rope_theta"],
                norm_eps=about["rms_norm_eps"],
                init_std=about["initializer_range"],
            )
        except KeyError as error:
            raise InputError(
                f"{path}: lacks the field {error}; save the model again with transformers 5 or later"
            ) from None


def read_config(folder: Path | str) -> dict:
    """Read `folder`/config.json. Raises InputError where it is missing or damaged."""
    return read_json(Path(folder) / "config.json")


def _ratio(value):
    if _positive("mlp_ratio", value) > WIDEST:
        raise InputError(f"model: mlp_ratio is {value!r}; it must be at most {WIDEST:g}")
    return value


def _positive(key, value):
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise InputError(f"model: {key} is {value!r}; it must be a positive number")
    return value
