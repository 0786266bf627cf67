"""Machine: the model, its optimiser and its data on one device, or on one of several that share a run."""

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import MappingProxyType

import numpy as np
import torch

import models
from losslaws.curves import InputError
from losslaws.curves.loss_curve import ALSO
from training import corpus, distributed
from training.corpus.batches import train_batch, val_batches


class Machine:
    """The model, its optimiser and its data on one device."""

    def __init__(self, settings: dict, text: corpus.Corpus, also: Mapping[str, corpus.Corpus] = MappingProxyType({})):
        """`also` are texts, by name, on whose validation sets the model is evaluated besides that of `text`."""
        batch, where, adam = settings["batch"], settings["hardware"], settings["optimizer"]
        torch.set_num_threads(where["threads"])
        self.text, self.seed, self.batch, self.clip = text, settings["seed"], batch, adam["clip"]
        self.device = torch.device(where["device"], distributed.local_rank() if where["device"] == "cuda" else None)
        self.rank, self.ranks = distributed.rank(), distributed.ranks()
        self.micro = micro_batch(batch, self.ranks)
        self.model = models.build(settings["model"], text.vocab_size, batch["length"], self.seed).to(self.device)
        distributed.shard(self.model, where["parallel"])
        self.optimizer = torch.optim.AdamW(
            models.parameter_groups(self.model, adam["weight_decay"]),
            betas=(adam["beta1"], adam["beta2"]),
            eps=adam["eps"],
            fused=True,
        )
        self.bf16 = where["precision"] == "bf16"
        self.autocast = torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()
        self.shared = distributed.replicate(self.model)
        self.forward = torch.compile(self.shared) if where["compile"] else self.shared
        self.val_sequences = settings["eval"]["sequences"]
        sets = {"val_loss": text, **{ALSO + name: other for name, other in also.items()}}
        self.val = {column: list(self.validation_parts(one.val, self.val_sequences)) for column, one in sets.items()}
        self.ahead = Ahead(self.train_rows) if self.device.type == "cuda" else None

    @property
    def tokens_per_step(self) -> int:
        return self.batch["sequences"] * self.batch["length"]

    def train_rows(self, step: int) -> torch.Tensor:
        """This rank's rows of the batch of step `step`, in memory that the device can read by itself."""
        rows = train_batch(self.text.train, step, self.seed, self.batch["sequences"], self.batch["length"])
        tensor = torch.from_numpy(rows[self.rank :: self.ranks])
        return tensor.pin_memory() if self.device.type == "cuda" else tensor

    def rows(self, step: int) -> torch.Tensor:
        """This rank's rows of the batch of step `step`, on the device."""
        return self.put(self.ahead(step) if self.ahead else self.train_rows(step))

    def put(self, rows: np.ndarray | torch.Tensor) -> torch.Tensor:
        """Move token rows [B, length + 1] to the device without waiting for it."""
        return torch.as_tensor(rows).to(self.device, non_blocking=True)

    def validation_parts(self, tokens: np.ndarray, sequences: int):
        """This rank's rows of every validation batch, and how many of them count.

        All ranks go through the same number of forward passes, as sharded models need; a rank that a small last batch
        leaves without a row computes one that does not count.
        """
        for rows in self.validation_rows(tokens, sequences):
            own = rows[self.rank :: self.ranks]
            yield self.put(own if len(own) else rows[:1]), len(own)

    def validation_rows(self, tokens: np.ndarray, sequences: int):
        """The first `sequences` sequences of a validation set. Raises InputError when it holds fewer."""
        left = sequences
        for rows in val_batches(tokens, self.micro * self.ranks, self.batch["length"]):
            yield rows[:left]
            left -= len(rows)
            if left <= 0:
                return
        raise InputError(
            f"eval.sequences={sequences}: the validation set holds only {sequences - left} sequences "
            f"of {self.batch['length']} tokens; lower it or raise data.val_tokens"
        )

    def loss(self, rows: torch.Tensor) -> torch.Tensor:
        with self.autocast:
            return self.forward(rows[:, :-1], rows[:, 1:])

    def step(self, step: int, rate: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Apply optimiser step `step`; return, on the device, the loss of this rank's rows before the update and the gradient norm."""
        parts = self.rows(step).split(self.micro)
        total = 0.0
        for number, part in enumerate(parts, start=1):
            with nullcontext() if number == len(parts) else distributed.local_gradients(self.shared):
                loss = self.loss(part) / len(parts)
                loss.backward()
            total = total + loss.detach()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip or math.inf)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total, distributed.whole(norm.detach())

    @torch.no_grad()
    def evaluate(self) -> dict[str, torch.Tensor]:
        """Mean loss over the fixed rows of every validation set, by its column of the record.

        Nats per token, float64 on the device, which is not waited for.
        """
        return {column: self.mean_loss(parts) for column, parts in self.val.items()}

    def mean_loss(self, parts: list) -> torch.Tensor:
        total = distributed.add(sum(self.loss(rows).double() * count for rows, count in parts))
        return total / self.val_sequences


def micro_batch(batch: dict, ranks: int) -> int:
    """Sequences per forward pass of one rank. Raises InputError where they do not add up to the global batch."""
    if batch["sequences"] % ranks:
        raise InputError(f"batch.sequences={batch['sequences']}: must be a multiple of the {ranks} processes")
    micro = batch["micro"] or batch["sequences"] // ranks
    if batch["sequences"] // ranks % micro:
        share = "" if ranks == 1 else f" / {ranks} processes"
        raise InputError(f"batch.micro={micro}: must divide batch.sequences={batch['sequences']}{share}")
    return micro


class Ahead:
    """Prepares the batch of the next step in a thread, while the device is busy with this one."""

    def __init__(self, make):
        self.make, self.thread, self.pending = make, ThreadPoolExecutor(1), {}

    def __call__(self, step: int) -> torch.Tensor:
        now = self.pending.pop(step, None) or self.thread.submit(self.make, step)
        self.pending = {step + 1: self.thread.submit(self.make, step + 1)}
        return now.result()
