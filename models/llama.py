"""A lean Llama-style decoder whose weights are those of transformers' `LlamaForCausalLM`, name by name.

RMSNorm before each part, rotary positions, causal attention (grouped queries where asked for), SwiGLU, no biases
(Touvron et al. 2023, arXiv 2302.13971). Shapes: B sequences, L tokens, H heads, V token ids.
"""

import json
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from losslaws.curves import InputError
from losslaws.curves.files import atomic, write_text
from models import mup
from models.architecture import Architecture
from models.loss import linear_cross_entropy

# Weights are left empty here and filled by `initialise`: the constructors of torch would draw from the global generator.
matrix = partial(nn.utils.skip_init, nn.Linear, bias=False)
table = partial(nn.utils.skip_init, nn.Embedding)


def rotary_tables(a: Architecture) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosine and signed sine of every position's angles, each float32 [length, 1, head_dim] (Su et al. 2021, arXiv 2104.09864).

    Channel i turns with channel i + head_dim/2, the first half of them by minus the sine, hence the sign.
    """
    frequency = 1.0 / a.rope_theta ** (torch.arange(0, a.head_dim, 2).float() / a.head_dim)
    angle = torch.outer(torch.arange(a.length).float(), frequency)
    cos, sin = angle.cos(), angle.sin()
    return torch.cat((cos, cos), -1).unsqueeze(1), torch.cat((-sin, sin), -1).unsqueeze(1)


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turn x [B, L, H, head_dim] by the angles of its positions."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)


@dataclass(frozen=True)
class Kernels:
    """How a Llama is computed, within rounding of the plain way.

    fused     queries, keys and values in one product, turned together; gate and up in one product
    stream    under autocast, the residual stream is in its type, not in float32
    multiple  the readout's rows are brought to a multiple of it
    """

    fused: bool = False
    stream: bool = False
    multiple: int = 1


def products(x: torch.Tensor, *parts: nn.Linear) -> torch.Tensor:
    """What the parts make of x, side by side, in one matrix product."""
    return F.linear(x, torch.cat([part.weight for part in parts]))


class Attention(nn.Module):
    fused = False

    def __init__(self, a: Architecture):
        super().__init__()
        self.head_dim, self.n_head, self.n_kv_head = a.head_dim, a.n_head, a.n_kv_head
        self.grouped = a.n_kv_head < a.n_head
        self.q_proj = matrix(a.d_model, a.n_head * a.head_dim)
        self.k_proj = matrix(a.d_model, a.n_kv_head * a.head_dim)
        self.v_proj = matrix(a.d_model, a.n_kv_head * a.head_dim)
        self.o_proj = matrix(a.n_head * a.head_dim, a.d_model)

    def forward(self, x, cos, sin):
        heads = (*x.shape[:2], -1, self.head_dim)
        if self.fused:
            qkv = products(x, self.q_proj, self.k_proj, self.v_proj).view(heads)
            qk, v = qkv.split((self.n_head + self.n_kv_head, self.n_kv_head), 2)
            q, k = rotate(qk, cos, sin).split((self.n_head, self.n_kv_head), 2)
        else:
            q = rotate(self.q_proj(x).view(heads), cos, sin)
            k = rotate(self.k_proj(x).view(heads), cos, sin)
            v = self.v_proj(x).view(heads)
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))  # [B, H, L, head_dim]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.grouped)
        return self.o_proj(y.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    fused = False

    def __init__(self, a: Architecture):
        super().__init__()
        self.gate_proj = matrix(a.d_model, a.d_ff)
        self.up_proj = matrix(a.d_model, a.d_ff)
        self.down_proj = matrix(a.d_ff, a.d_model)

    def forward(self, x):
        if self.fused:
            gate, up = products(x, self.gate_proj, self.up_proj).chunk(2, -1)
            return self.down_proj(F.silu(gate) * up)
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, a: Architecture):
        super().__init__()
        self.self_attn = Attention(a)
        self.mlp = MLP(a)
        self.input_layernorm = nn.RMSNorm(a.d_model, a.norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(a.d_model, a.norm_eps)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    """The decoder with its readout; weights are empty until `initialise` or `load` fills them."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.architecture, self.kernels = a, Kernels()
        self.output_scale = a.output_multiplier / a.width_ratio("logits") if a.parametrisation == "mup" else None
        self.model = nn.ModuleDict(
            {
                "embed_tokens": table(a.vocab_size, a.d_model),
                "layers": nn.ModuleList(Layer(a) for _ in range(a.n_layer)),
                "norm": nn.RMSNorm(a.d_model, a.norm_eps),
            }
        )
        self.lm_head = matrix(a.d_model, a.vocab_size)
        if a.tie_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight
        cos, sin = rotary_tables(a)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, tokens: torch.Tensor, targets: torch.Tensor | None = None) -> torch.Tensor:
        """Map tokens int64 [B, L] to logits [B, L, V], or with targets int64 [B, L] to the mean loss, nats per token."""
        cos, sin = self.cos[: tokens.shape[1]], self.sin[: tokens.shape[1]]
        x = self.model.embed_tokens(tokens)
        if self.kernels.stream and torch.is_autocast_enabled(x.device.type):
            x, cos, sin = (part.to(torch.get_autocast_dtype(x.device.type)) for part in (x, cos, sin))
        for layer in self.model.layers:
            x = layer(x, cos, sin)
        x = self.model.norm(x)
        if self.output_scale is not None:
            x = x * self.output_scale
        if targets is None:
            return self.lm_head(x)
        return linear_cross_entropy(x.flatten(0, 1), self.lm_head.weight, targets.flatten(), self.kernels.multiple)

    def use(self, kernels: Kernels) -> None:
        """Choose how it is computed."""
        self.kernels = kernels
        for part in self.modules():
            if isinstance(part, Attention | MLP):
                part.fused = kernels.fused

    def save(self, folder: Path) -> None:
        """Write the folder that transformers loads; a tied readout is written once, as the embedding.

        What muP multiplies the logits by goes into the last gains: what is loaded is of the standard parametrisation.
        """
        tensors = {name: p.detach().cpu().contiguous() for name, p in self.named_parameters()}
        if self.output_scale is not None:
            tensors["model.norm.weight"] = tensors["model.norm.weight"] * self.output_scale
        with atomic(folder / "model.safetensors") as temporary:
            save_file(tensors, temporary, metadata={"format": "pt"})
        write_text(folder / "config.json", json.dumps(self.architecture.to_transformers(), indent=2) + "\n")


@torch.no_grad()
def initialise(module: Llama, seed: int) -> None:
    """Fill gains with 1 and matrices with normal numbers of standard deviation init_std, as a function of the seed.

    What writes into the residual stream gets init_std / sqrt(2 n_layer), so that the stream's variance does not grow with
    the depth (Radford et al. 2019, section 2.3); transformers' own initialisation of Llama leaves this out.
    """
    a, generator = module.architecture, torch.Generator().manual_seed(seed)
    for name, parameter in module.named_parameters():
        if parameter.ndim < 2:
            parameter.fill_(1.0)
        else:
            writes = name.endswith(("o_proj.weight", "down_proj.weight"))
            parameter.normal_(0.0, a.init_std / math.sqrt(2 * a.n_layer) if writes else a.init_std, generator=generator)


def build(a: Architecture, seed: int) -> Llama:
    """Build a Llama whose weights are a function of the seed."""
    module = Llama(a)
    initialise(module, seed)
    if a.parametrisation == "mup":
        mup.rescale(module)
    return module


@torch.no_grad()
def load(folder: Path | str) -> Llama:
    """Load a folder written by `Llama.save` or by transformers. Raises InputError where it does not hold such a model."""
    module, path = Llama(Architecture.from_transformers(folder)), Path(folder) / "model.safetensors"
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read ({str(error).splitlines()[0]}); save the model again") from None
    shapes = {name: p.shape for name, p in module.named_parameters()}
    if shapes != {name: tensor.shape for name, tensor in tensors.items()}:
        raise InputError(f"{path}: its tensors are not those of the Llama in config.json; save both together")
    for name, parameter in module.named_parameters():
        parameter.copy_(tensors[name])
    return module
