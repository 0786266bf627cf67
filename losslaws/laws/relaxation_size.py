"""The relaxation law for models of several sizes and batches."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from losslaws.laws import Parameter, Run, counts, power, tokens
from losslaws.laws.relaxation import SIZE, Relaxation, Relaxing

TOKENS = 5e5  # of a step, in which progress is counted and at which K is stated


@dataclass(frozen=True)
class RelaxationSize(Relaxation):
    """L(s, M) = B M^-beta + A M^gamma P(s)^-alpha + K n(s), M = N / SIZE, N without embeddings.

    P and n are those of the relaxation law for a model of this size whose step takes b tokens: P counts steps of TOKENS tokens; n follows M^size
    b^(-q / 2), the square-root rule of Adam; `model_size` is each run's own; its speed, rho, follows M^-memory. size and memory are what public models say (`python -m analysis calibrate`): a
    ladder of two or three sizes hardly tells them.

    What no training removes is a pure power of the size: with a constant beside it, fits to five of six public sets of sizes, the annealing paper's set-ups among them, put that on 0, with beta of
    .066 to .080 (Kaplan et al. 2020: .076). Larger models have more left to learn at equal tokens, gamma of .07 to .27: at equal tokens
    a parameter the sizes of a ladder are nearer to each other.
    """

    equation = "B M^-beta + A M^gamma (P b)^-alpha + K M^size b^(-q/2) n, n' = rho M^-memory (t / 1e4)^-(1/2) eta / peak (h^q x - n), P, x, t and h of the relaxation law"
    source = "this project, after Tissue, Wang, Wang 2024, Luo et al. 2025 and Kaplan et al. 2020"
    parameters = (
        Parameter("B", "loss that no training removes of a model of SIZE, nats per token", linear=True),
        *Relaxation.parameters[1:],
        Parameter(
            "beta", "exponent of the size", bounds=(0.0, 1.0), starts=(0.05, 0.1, 0.2), needs="several model sizes"
        ),
        Parameter(
            "gamma",
            "exponent by which larger models have more left to learn at equal tokens",
            bounds=(-1.0, 2.0),
            starts=(0.0, 0.3),
            needs="several model sizes",
        ),
    )
    size: float = 0.12
    memory: float = 0.5

    def features(self, runs: Sequence[Run]) -> tuple[Relaxing, np.ndarray]:
        """Return progress and noise, and M [n]. Raises InputError for a run whose size or batch is not known."""
        M = counts(runs, "non_embedding") / SIZE
        tokens(runs)
        return Relaxing(runs, self), M

    def read_run(self, run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        size = run.parameters["non_embedding"]
        gain, level, time = replace(self, model_size=size).read(run.schedule)
        M, batch = size / SIZE, run.tokens_per_step / TOKENS
        return gain * batch, level * self.share(M, batch), time * M**-self.memory

    def share(self, M: float, batch: float) -> float:
        """Return how much noise a model of M SIZE and of `batch` TOKENS a step has, of that of one and one."""
        return M**self.size * batch ** (-self.q / 2)

    def basis(self, nonlinear, x):
        noisy, M = x
        alpha, rho, beta, gamma = nonlinear
        forward, by_alpha = power(noisy.progress, alpha)
        noise, by_rho = noisy.noise(rho)
        least, by_beta = power(M, beta)
        more, by_less = power(M, -gamma)  # differentiated by -gamma
        zero = np.zeros_like(M)
        phi = np.column_stack([least, forward * more, noise])
        slopes = [
            [zero, by_alpha * more, zero],
            [zero, zero, by_rho],
            [by_beta, zero, zero],
            [zero, -forward * by_less, zero],
        ]
        return phi, np.stack([np.column_stack(columns) for columns in slopes])
