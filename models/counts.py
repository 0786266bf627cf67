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


def kept_bytes(a: Architecture, tokens: int, bf16: bool) -> int:
    """Bytes that an eager forward pass over `tokens` keeps for the backward pass.

    The residual stream and the norms are float32 whatever the precision: a norm keeps its input and one number a token. Its
    output is one tensor in float32; in bfloat16 each of the five products that read it keeps a copy of its own (q, k, v;
    gate, up). Attention keeps queries, keys, values, its output, which is the next product's input, and one float32 a head;
    the MLP keeps gate, silu(gate), up and their product. Under autocast the matrices are kept in bfloat16 too. The readout
    computes its gradients at once and keeps those.
    """
    wide, narrow = 4, 2 if bf16 else 4
    products = 2 * (a.n_head + a.n_kv_head) * a.head_dim + 4 * a.d_ff + (5 if bf16 else 2) * a.d_model
    layer = wide * (2 * a.d_model + 2 + a.n_head) + narrow * products
    ends = wide * (2 * a.d_model + 1)
    copies = narrow * _matrices(a) if bf16 else 0
    return tokens * (a.n_layer * layer + ends) + copies + wide * a.vocab_size * a.d_model


def _matrices(a):
    """Weights in the matrices of all blocks: query and output, key and value, gate, up and down."""
    return a.n_layer * a.d_model * (2 * a.n_head * a.head_dim + 2 * a.n_kv_head * a.head_dim + 3 * a.d_ff)
