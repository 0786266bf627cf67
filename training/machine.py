"""Machine: the model, its optimiser and its data on one device, or on one of several that share a run."""

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from types import MappingProxyType

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import models
from losslaws.curves import InputError
from losslaws.curves.loss_curve import ALSO, END
from training import compiled, corpus, distributed, optimizers
from training.average import Average
from training.corpus.batches import train_batch, val_batches
from training.graph import Graph
from training.peak import peak_of

AVERAGE = ALSO + "average"  # the column of the average's validation loss
ATTENTION = {
    "math": SDPBackend.MATH,
    "flash": SDPBackend.FLASH_ATTENTION,
    "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
}


# What a Machine is built for. The rest of a run's config may change from one run to the next in the same process.
SHAPE = ("model", "batch", "eval", "hardware", "data")


def shape(settings: dict) -> str:
    """What two runs must have in common to use one Machine, and one compiled graph."""
    return json.dumps({key: settings[key] for key in SHAPE}, sort_keys=True)


class Kept:
    """The Machine of the last run in this process, for the next one of its shape."""

    shape: str | None = None
    machine: "Machine | None" = None


def of(settings: dict, text: corpus.Corpus, also: Mapping[str, corpus.Corpus] = MappingProxyType({})) -> "Machine":
    """A Machine for a run: that of the run before, set back, where it has the same shape; else a new one.

    A run on it is the same, bit for bit, as on a new one.
    """
    compiles = wants_compiling(settings, text.vocab_size)
    key = f"{shape(settings)} {compiles} {text.folder} {text.id} {[(name, other.id) for name, other in also.items()]}"
    if Kept.machine and Kept.shape == key and Kept.machine.ranks == distributed.ranks() == 1:
        Kept.machine.reset(settings)
    else:
        release()
        Kept.machine = Machine(settings, text, also)
        Kept.shape = key
    return Kept.machine


def release() -> None:
    """Forget the Machine of the last run and what was compiled for it."""
    if Kept.machine and Kept.machine.compiled:
        torch.compiler.reset()
    Kept.machine = Kept.shape = None


class Machine:
    """The model, its optimiser and its data on one device.

    compiled  whether forward and backward passes are compiled
    compiling seconds that compiling took for this run, waiting for a process that compiles the same among them
    average   of the weights along the run, where one is asked for
    """

    def __init__(self, settings: dict, text: corpus.Corpus, also: Mapping[str, corpus.Corpus] = MappingProxyType({})):
        """`also` are texts, by name, on whose validation sets the model is evaluated besides that of `text`."""
        batch, where = settings["batch"], settings["hardware"]
        torch.set_num_threads(where["threads"])
        add_in_order(where.get("deterministic", False))
        self.text, self.batch, self.shape = text, batch, f"{shape(settings)} {text.vocab_size}"
        self.device = torch.device(where["device"], distributed.local_rank() if where["device"] == "cuda" else None)
        self.rank, self.ranks = distributed.rank(), distributed.ranks()
        self.micro = micro_batch(batch, self.ranks)
        self.compiled = distributed.everywhere(wants_compiling(settings, text.vocab_size))
        self.bf16 = where["precision"].startswith("bf16")
        stream = where["precision"] == "bf16_stream"
        self.autocast = torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()
        self.backends = attention_backends(where.get("attention", "auto"))
        self.model = models.build(settings["model"], text.vocab_size, batch["length"], settings["seed"]).to(self.device)
        models.use(self.model, fused=where.get("fused", False), stream=stream, multiple=where.get("multiple", 1))
        self.forward, self.compiling = self.model, 0.0
        if distributed.divides(where["parallel"]):
            self.compiled = self.compiled and self.compile_layers()
            # norms of other models do not take a gain of another type everywhere
            ours = settings["model"]["family"] == "llama"
            distributed.shard(self.model, self.bf16 and ours, stream)
        self.shared = distributed.replicate(self.model)
        self.graph_wanted, self.graph = where.get("graph", False) and self.device.type == "cuda", None
        self.begin(settings)
        self.val_sequences = settings["eval"]["sequences"]
        sets = {"val_loss": text, **{ALSO + name: other for name, other in also.items()}}
        self.val = {column: list(self.validation_parts(one.val, self.val_sequences)) for column, one in sets.items()}
        self.end_sequences = settings["eval"].get("end")
        self.end = list(self.validation_parts(text.val, self.end_sequences)) if self.end_sequences else []
        self.forward = self.compile() if self.compiled else self.shared

    def begin(self, settings: dict) -> None:
        """Take from a config what may differ from run to run on one Machine."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()  # the run before, in this process, may have taken more
        self.seed, self.clip = settings["seed"], settings["optimizer"]["clip"]
        self.optimizer = optimizers.build(self.model, settings["optimizer"], capturable=self.graph_wanted)
        self.graph = None
        kind = settings["eval"].get("average")
        self.average = Average(self.model, kind, settings["eval"]["average_steps"]) if kind else None
        self.ahead = Ahead(self.train_rows) if self.device.type == "cuda" else None

    def reset(self, settings: dict) -> None:
        """Be as if newly made for a run of the same shape."""
        fresh = models.build(settings["model"], self.text.vocab_size, self.batch["length"], settings["seed"])
        with torch.no_grad():
            for parameter, new in zip(self.model.parameters(), fresh.parameters(), strict=True):
                parameter.copy_(new)
        self.model.zero_grad(set_to_none=True)
        self.compiling = 0.0
        self.begin(settings)

    def compile(self) -> nn.Module:
        """The model, compiled for training and for evaluation; as it is, with a line, where that does not work here."""
        if distributed.is_sharded(self.model):  # its layers are compiled one by one
            with self.timed():
                self.rehearse()
            return self.shared
        self.forward = torch.compile(self.shared, dynamic=False)
        self.compiled = self.works(self.rehearse)
        return self.forward if self.compiled else self.shared

    def compile_layers(self) -> bool:
        """Compile every layer by itself, since the compiler cannot look through the gathering of weights; whether that works here.

        It is tried before the model is divided, when no rank waits for another: an evaluation in float32. A compiler that fails on the
        backward pass, or on weights that are gathered in bfloat16, ends the run.
        """
        layers = distributed.layers(self.model)
        for layer in layers:
            layer.forward = torch.compile(layer.forward, dynamic=False)
        if self.works(self.evaluate_zeros):
            return True
        for layer in layers:
            del layer.forward  # that of its class is there again
        return False

    def works(self, rehearsal: Callable[[], None]) -> bool:
        """Whether what is compiled goes through a rehearsal, on every rank; where the compiler fails, a line says why."""
        fine = True
        try:
            with self.timed(), compiled.once(self.shape):
                rehearsal()
        except (InputError, torch.cuda.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # whatever a foreign compiler raises
            reason = str(error).strip().splitlines() or [""]
            print(f"torch.compile does not work here ({type(error).__name__}: {reason[0][:200]}); training without it")
            fine = False
        return distributed.everywhere(fine)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """A block that compiles."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.compiling += time.perf_counter() - began

    def rehearse(self) -> None:
        """One forward and backward pass and one evaluation, which leave nothing behind.

        Where every rank has the whole model none waits for another: one compiles while the others wait for its code. A
        divided one is gathered together, and would keep gradients that are not divided.
        """
        apart = nullcontext() if distributed.is_sharded(self.model) else distributed.local_gradients(self.shared)
        with apart:
            self.loss(self.zeros()).backward()
        self.model.zero_grad(set_to_none=True)
        self.evaluate_zeros()

    @torch.no_grad()
    def evaluate_zeros(self) -> None:
        """One evaluation of rows that mean nothing."""
        self.loss(self.zeros())

    def zeros(self) -> torch.Tensor:
        """Rows of one forward pass [micro, length + 1]."""
        return self.put(np.zeros((self.micro, self.batch["length"] + 1), np.int64))

    @property
    def columns(self) -> list[str]:
        """The record's columns that evaluations and rates fill, the run's own loss first."""
        more = [*([AVERAGE] if self.average else []), *([ALSO + END] if self.end else [])]
        return [*self.val, *more, *optimizers.rate_columns(self.optimizer)]

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
        """Move token rows [B, length + 1] to the device without waiting for it.

        A rank's rows are every so many of a batch; a graph is compiled for rows that lie one after the other.
        """
        return torch.as_tensor(rows).contiguous().to(self.device, non_blocking=True)

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
        # A smaller last batch of an evaluation is not worth a graph of its own.
        how = torch.compiler.set_stance("force_eager") if self.compiled and len(rows) != self.micro else nullcontext()
        with how, self.autocast, sdpa_kernel(self.backends) if self.backends else nullcontext():
            return self.forward(rows[:, :-1], rows[:, 1:])

    def step(self, step: int, rate: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Apply optimiser step `step`; return, on the device, the loss of this rank's rows before the update and the gradient norm."""
        rows = self.rows(step)
        optimizers.set_rates(self.optimizer, rate)
        if self.graph_wanted:
            self.graph = self.graph or Graph(self.advance, rows, self.state)
            loss, norm = self.graph(rows)
        else:
            loss, norm = self.advance(rows)
        if self.average:
            self.average.update()
        return loss, distributed.whole(norm)

    def advance(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One optimiser step on these rows at the rates that are set; return loss and gradient norm."""
        parts = rows.split(self.micro)
        total = 0.0
        for number, part in enumerate(parts, start=1):
            with nullcontext() if number == len(parts) else distributed.local_gradients(self.shared):
                loss = self.loss(part) / len(parts)
                loss.backward()
            total = total + loss.detach()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip or math.inf)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total, norm.detach()

    def state(self) -> list[torch.Tensor]:
        """Every tensor that a step changes, moments included where there are any yet."""
        kept = [tensor for p in self.model.parameters() for tensor in self.optimizer.state[p].values()]
        return [*self.model.parameters(), *kept]

    @torch.no_grad()
    def evaluate(self, last: bool = False) -> dict[str, torch.Tensor]:
        """Mean loss over the fixed rows of every validation set, by its column of the record; with the average, on the own one.

        Nats per token, float64 on the device, which is not waited for. `last`: at the end of a run, over more rows besides.
        """
        losses = {column: self.mean_loss(parts, self.val_sequences) for column, parts in self.val.items()}
        if self.average:
            with self.average.in_place():
                losses[AVERAGE] = self.mean_loss(self.val["val_loss"], self.val_sequences)
        if last and self.end:
            losses[ALSO + END] = self.mean_loss(self.end, self.end_sequences)
        return losses

    def peak(self) -> dict[str, int]:
        """The most bytes of a GPU that the run took at a time, in this process."""
        return {"gpu_bytes": torch.cuda.max_memory_allocated()} if self.device.type == "cuda" else {}

    def utilisation(self, rate: float) -> float | None:
        """Model FLOPs utilisation: `rate`, FLOP/s, over the bf16 peak of all GPUs of the run; None on a CPU and on a GPU whose peak is not known."""
        best = peak_of(torch.cuda.get_device_name()) if self.device.type == "cuda" else None
        return best and round(rate / (best * self.ranks), 3)

    @property
    def extra(self) -> dict[str, torch.Tensor]:
        """What a checkpoint holds besides weights and moments."""
        return self.average.tensors() if self.average else {}

    def rates(self, rate: float) -> dict[str, float]:
        """The rates of groups that are not that of the schedule, by their column of the record."""
        return {column: rate * scale for column, scale in optimizers.rate_columns(self.optimizer).items()}

    def mean_loss(self, parts: list, sequences: int) -> torch.Tensor:
        return distributed.add(sum(self.loss(rows).double() * count for rows, count in parts)) / sequences


def wants_compiling(settings: dict, vocab_size: int) -> bool:
    """Whether a run is to be compiled."""
    batch, where = settings["batch"], settings["hardware"]
    per_token = models.flops_per_token(settings["model"], vocab_size, batch["length"])["exact"]
    flops = per_token * batch["sequences"] * batch["length"] * settings["steps"]
    return compiled.wanted(where["compile"], where["device"], flops)


def add_in_order(always: bool) -> None:
    """Whether torch may take algorithms whose sums depend on which thread comes first, as a GPU's atomic additions do."""
    if always:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # of cuBLAS's two that repeat
    torch.use_deterministic_algorithms(always)


def attention_backends(choice: str) -> list[SDPBackend]:
    """The attention kernels to choose from, best first; empty: torch chooses."""
    return [] if choice == "auto" else [ATTENTION[choice], SDPBackend.MATH]


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
