"""Replicas of one Llama, stacked: one step trains R runs that share a shape and differ in seed, rate or schedule.

A small model leaves a GPU idle between its kernels. Here every weight is a tensor [R, ...], every product a batched one, and
each replica has its own rate, norm, clipping and moments, so that it trains as it would alone, within rounding. On a CPU
nothing is gained (findings: 0.8 to 1.1 times as fast as one after another).

Shapes: R replicas, B sequences, L tokens, n = B x L, H heads, V token ids.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

import models
from losslaws.curves import InputError
from models.llama import Llama, rotate
from training import corpus
from training.corpus.batches import train_batch, val_batches
from training.graph import Graph


def product(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """x [R, n, in] times each replica's weight [R, out, in], [R, n, out]."""
    return torch.bmm(x, weight.to(x.dtype).transpose(1, 2))


def losses(
    network: Llama, weights: dict[str, torch.Tensor], tokens: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """The mean loss of each replica, float32 [R], nats per token.

    network          gives the sizes; its own weights are not used
    weights          by the network's names, [R, ...]
    tokens, targets  int64 [R, B, L]
    """
    a, (replicas, sequences, length) = network.architecture, tokens.shape
    table = weights["model.embed_tokens.weight"]
    first = torch.arange(replicas, device=tokens.device)[:, None] * a.vocab_size
    x = F.embedding(tokens.flatten(1) + first, table.flatten(0, 1))
    if torch.is_autocast_enabled(x.device.type):
        x = x.to(torch.get_autocast_dtype(x.device.type))
    cos, sin = network.cos[:length].to(x.dtype), network.sin[:length].to(x.dtype)

    def norm(x, name):
        return F.rms_norm(x, (a.d_model,), eps=a.norm_eps).to(x.dtype) * weights[name].to(x.dtype)[:, None]

    for layer in range(a.n_layer):
        at = f"model.layers.{layer}."
        y = norm(x, at + "input_layernorm.weight")
        q, k, v = (
            product(y, weights[f"{at}self_attn.{part}_proj.weight"]).view(replicas * sequences, length, -1, a.head_dim)
            for part in "qkv"
        )
        q, k, v = (part.transpose(1, 2) for part in (rotate(q, cos, sin), rotate(k, cos, sin), v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=a.n_kv_head < a.n_head)
        y = y.transpose(1, 2).reshape(replicas, sequences * length, a.n_head * a.head_dim)
        x = x + product(y, weights[at + "self_attn.o_proj.weight"])
        y = norm(x, at + "post_attention_layernorm.weight")
        y = F.silu(product(y, weights[at + "mlp.gate_proj.weight"])) * product(y, weights[at + "mlp.up_proj.weight"])
        x = x + product(y, weights[at + "mlp.down_proj.weight"])
    x = norm(x, "model.norm.weight")
    logits = product(x, table if a.tie_embeddings else weights["lm_head.weight"])
    each = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")
    return each.view(replicas, -1).mean(1)


class Stack:
    """R runs of a standard Llama under AdamW, on one device, that take each step together.

    weights  by the names of the Llama, float32 [R, ...]
    """

    def __init__(self, settings: dict, text: corpus.Corpus, seeds: Sequence[int]):
        """settings: of a run, whose seed does not count; seeds: of initialisation and data order, one for each replica.

        Raises InputError for another family, parametrisation or optimiser.
        """
        batch, where, adam = settings["batch"], settings["hardware"], settings["optimizer"]
        model = settings["model"]
        if (model["family"], model.get("parametrisation", "standard"), adam["name"]) != ("llama", "standard", "adamw"):
            raise InputError("a stack needs model.family=llama, parametrisation=standard and optimizer=adamw")
        torch.set_num_threads(where["threads"])
        self.text, self.seeds, self.batch, self.adam, self.eval = text, list(seeds), batch, adam, settings["eval"]
        self.device, self.micro = torch.device(where["device"]), batch["micro"] or batch["sequences"]
        self.autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=where["precision"].startswith("bf16"))
        replicas = [models.build(model, text.vocab_size, batch["length"], seed) for seed in self.seeds]
        self.network = replicas[0].to(self.device)
        self.weights = {
            name: torch.stack([dict(one.named_parameters())[name].detach().to(self.device) for one in replicas])
            for name, _ in replicas[0].named_parameters()
        }
        for weight in self.weights.values():
            weight.requires_grad_()
        self.moments = {name: (torch.zeros_like(w), torch.zeros_like(w)) for name, w in self.weights.items()}
        self.rates = torch.zeros(len(self.seeds), device=self.device)
        self.done = torch.zeros((), device=self.device)  # steps
        self.losses = torch.compile(losses, dynamic=False) if where["compile"] is True else losses
        self.update = torch.compile(self.adamw, dynamic=False) if where["compile"] is True else self.adamw
        self.graph_wanted, self.graph = where.get("graph", False) and self.device.type == "cuda", None

    def rows(self, step: int) -> torch.Tensor:
        """Every replica's batch of step `step`, int64 [R, sequences, length + 1]; those of one seed share it."""
        batches = {
            seed: train_batch(self.text.train, step, seed, self.batch["sequences"], self.batch["length"])
            for seed in set(self.seeds)
        }
        return torch.from_numpy(np.stack([batches[seed] for seed in self.seeds])).to(self.device, non_blocking=True)

    def step(self, step: int, rates: Sequence[float]) -> tuple[torch.Tensor, torch.Tensor]:
        """Apply step `step`, each replica at its rate; return losses before the update and gradient norms, both [R]."""
        self.rates.copy_(torch.tensor(rates, dtype=torch.float32))
        rows = self.rows(step)
        if not self.graph_wanted:
            return self.advance(rows)
        self.graph = self.graph or Graph(self.advance, rows, self.state)
        return self.graph(rows)

    def state(self) -> list[torch.Tensor]:
        """Every tensor that a step changes."""
        return [*self.weights.values(), *(moment for pair in self.moments.values() for moment in pair), self.done]

    def advance(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        total, parts = 0.0, rows.split(self.micro, 1)
        for part in parts:
            with self.autocast:
                each = self.losses(self.network, self.weights, part[:, :, :-1], part[:, :, 1:]) / len(parts)
            each.sum().backward()
            total = total + each.detach()
        gradients = {name: weight.grad for name, weight in self.weights.items()}
        for weight in self.weights.values():
            weight.grad = None
        self.done += 1
        with torch.no_grad():
            norm = self.update(gradients)
        return total, norm

    def adamw(self, gradients: dict[str, torch.Tensor]) -> torch.Tensor:
        """Clip each replica's gradient and apply AdamW as torch does; return the norms before, [R]."""
        a, replicas = self.adam, len(self.seeds)
        norm = torch.linalg.vector_norm(
            torch.stack([torch.linalg.vector_norm(g.view(replicas, -1), dim=1) for g in gradients.values()]), dim=0
        )
        scale = (a["clip"] / (norm + 1e-6)).clamp(max=1.0) if a["clip"] else torch.ones_like(norm)
        first, second = 1 - a["beta1"] ** self.done, 1 - a["beta2"] ** self.done
        for name, weight in self.weights.items():
            mean, square = self.moments[name]
            shape = (replicas,) + (1,) * (weight.ndim - 1)
            gradient, rate = gradients[name] * scale.view(shape), self.rates.view(shape)
            if weight.ndim > 2:  # a matrix, with the replicas before it
                weight.mul_(1 - rate * a["weight_decay"])
            mean.lerp_(gradient, 1 - a["beta1"])
            square.mul_(a["beta2"]).addcmul_(gradient, gradient, value=1 - a["beta2"])
            weight.sub_(rate / first * mean / ((square / second).sqrt() + a["eps"]))
        return norm

    @torch.no_grad()
    def evaluate(self) -> torch.Tensor:
        """The mean validation loss of each replica, float64 [R], nats per token."""
        left, total = self.eval["sequences"], 0.0
        for rows in val_batches(self.text.val, self.micro, self.batch["length"]):
            rows = torch.from_numpy(rows[:left]).to(self.device).expand(len(self.seeds), -1, -1)
            with self.autocast:
                # a smaller last batch is not worth a graph of its own
                each = (self.losses if rows.shape[1] == self.micro else losses)(
                    self.network, self.weights, rows[:, :, :-1], rows[:, :, 1:]
                )
            total = total + each.double() * rows.shape[1]
            left -= rows.shape[1]
            if left <= 0:
                return total / self.eval["sequences"]
        raise InputError(f"eval.sequences={self.eval['sequences']}: the validation set holds {left} sequences fewer")

    @torch.no_grad()
    def model(self, replica: int) -> Llama:
        """The Llama that a replica is by now, on the CPU."""
        own = Llama(self.network.architecture)
        for name, parameter in own.named_parameters():
            parameter.copy_(self.weights[name][replica])
        return own
