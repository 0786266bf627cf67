"""Parameters and training FLOPs of a Llama as closed forms of its sizes."""

from models.architecture import Architecture


def parameters(a: Architecture) -> dict[str, int]:
    """Number of parameters: "total", "non_embedding" and "with_readout" (see `models.parameter_counts`)."""
    gains = a.d_model * (2 * a.n_layer + 1)
    embedding = a.vocab_size * a.d_model
    non_embedding = _matrices(a) + gains
    return {
        "total": non_embedding + embedding * (1 if a.tie_embeddings else 2),
        "non_embedding": non_embedding,
        "with_readout": non_embedding + embedding,
    }


def flops(a: Architecture) -> dict[str, float]:
    """Training FLOPs per token: "6N" and "exact" (see `models.flops_per_token`).

    A weight of a matrix costs 2 FLOPs per token forward (multiply, add) and 4 backward (gradients of input and weight).
    Queries times keys and weights times values cost 2 x 2 x length x d_model forward in each layer, and twice that backward.
    """
    attention = 3 * 4 * a.n_layer * a.n_head * a.head_dim * a.length
    return {
        "6N": 6.0 * parameters(a)["non_embedding"],
        "exact": 6.0 * (_matrices(a) + a.vocab_size * a.d_model) + attention,
    }


def activations(a: Architecture) -> int:
    """Numbers per token that the forward pass keeps for the backward pass.

    In each layer: both norms keep input and output (4 d_model); attention keeps queries, keys, values, its output and the
    input of the output matrix; the MLP keeps gate, silu(gate), up and their product. At the end the norm keeps two, and the
    readout, which computes its gradients at once, one.
    """
    width = a.n_head * a.head_dim
    layer = 4 * a.d_model + 3 * width + 2 * a.n_kv_head * a.head_dim + 4 * a.d_ff
    return a.n_layer * layer + 3 * a.d_model


def _matrices(a):
    """Weights in the matrices of all blocks: query and output, key and value, gate, up and down."""
    return a.n_layer * a.d_model * (2 * a.n_head * a.head_dim + 2 * a.n_kv_head * a.head_dim + 3 * a.d_ff)
