"""From text to loss curves: corpus, loop, checkpoints, run folders, sweeps."""
