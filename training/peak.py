"""What a GPU can do at best, and what share of that a run reaches."""

# Dense bf16 FLOP/s of the tensor cores, from NVIDIA's data sheets, by words of the device's name; the first that fits counts.
PEAK = {
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H200 NVL": 835e12,
    "H100": 989e12,
    "H200": 989e12,
    "GH200": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "RTX 4090": 165e12,
}


def peak_of(device: str) -> float | None:
    """Dense bf16 FLOP/s of the GPU of this name; None where PEAK does not list it."""
    words = device.replace("-", " ").split()
    return next((peak for name, peak in PEAK.items() if set(name.split()) <= set(words)), None)
