"""The families of schedules among which the best is looked for; a list by itself, so that a command can name them at once."""

# of every family, the values of its options to begin with: numbers of a tuple are refined; a cycle is in units of the run
FAMILIES = {
    "constant": {},
    "cosine": {"final": (0.0, 0.05, 0.1, 0.2), "cycle": (1.0, 1.25, 1.5, 2.0)},
    "linear": {"final": (0.0, 0.05, 0.1, 0.2)},
    "wsd": {
        "decay": tuple(round(0.05 + 0.075 * k, 3) for k in range(13)),
        "shape": ["linear", "cosine", "1-sqrt"],
        "final": (0.0, 0.05, 0.1),
    },
    "two_stage": {"switch": (0.5, 0.7, 0.8, 0.9), "ratio": (0.05, 0.1, 0.3)},
}
