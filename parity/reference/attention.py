"""Multi-head attention over sequences (N, T, E)."""

from math import sqrt

import numpy as np

from parity.reference.activation import log_softmax
from parity.reference.kind import Array, Call, Kind, choose

__all__ = ["KINDS"]


def attention(
    call: Call,
    heads: int,
    scale: float | None = None,
    causal: bool | str = False,
    softmax_over: str = "keys",
) -> tuple[Array, Array]:
    """Scaled dot-product attention between projections: the output (N, T, E) and the mean weights (N, T, S).

    The packed projections stand as query, key, value in the rows of `in_proj_weight`; a mask is True where a query
    may attend; `causal` is "strict" where a position may not even attend to itself.
    """
    query, key, value = call.inputs[:3]
    size = query.shape[-1] // heads
    weights = np.split(call.parameters["in_proj_weight"], 3)
    biases = np.split(call.parameters.get("in_proj_bias", np.zeros(3 * query.shape[-1])), 3)
    q, k, v = (
        (x @ W.T + b).reshape(*x.shape[:2], heads, size).swapaxes(1, 2)
        for x, W, b in zip((query, key, value), weights, biases, strict=True)
    )
    scores = q @ k.swapaxes(-1, -2) * (1 / sqrt(size) if scale is None else scale)  # (N, heads, T, S)
    allowed = np.ones(scores.shape[-2:], bool)
    if causal:
        allowed = np.tril(allowed, choose("causal", causal, {True: 0, "strict": -1}))
    if len(call.inputs) == 4:
        mask = call.inputs[3].astype(bool)
        allowed = allowed & (mask[:, None] if mask.ndim == 3 else mask)
    # a finite stand-in for -inf: a row without any allowed key stays a number
    masked = np.where(allowed, scores, -1e300)
    share = np.exp(log_softmax(masked, choose("softmax_over", softmax_over, {"keys": -1, "queries": -2})))
    merged = (share @ v).swapaxes(1, 2).reshape(query.shape)
    out = merged @ call.parameters["out_proj.weight"].T
    return out + call.parameters.get("out_proj.bias", 0.0), share.mean(axis=1)


KINDS = {"attention": Kind(attention, r"in_proj_(weight|bias)|out_proj\.(weight|bias)", inputs=(3, 4))}
