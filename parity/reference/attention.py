"""Multi-head attention over sequences (N, T, E)."""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from parity.reference.activation import log_softmax
from parity.reference.kind import Array, Call, Kind, Unsupported, choose

__all__ = ["KINDS", "extras"]


def attention(
    call: Call,
    heads: int,
    scale: float | None = None,
    causal: bool | str = False,
    softmax_over: str = "keys",
    rate: float = 0.0,
) -> tuple[Array, Array]:
    """Scaled dot-product attention between projections: the output (N, T, E) and the mean weights (N, T, S).

    The packed projections stand as query, key, value in the rows of `in_proj_weight`; a mask is True where a query
    may attend; `causal` is "strict" where a position may not even attend to itself. In train mode the weights are
    dropped where uniform noise (N, heads, T, S), the last input, is less than the rate.
    """
    mask, noise = extras(call.inputs)
    if call.train and rate and noise is None:
        raise Unsupported("in train mode the noise must be the last input")
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
    if mask is not None:
        allowed = allowed & (mask[:, None] if mask.ndim == 3 else mask).astype(bool)
    # a finite stand-in for -inf: a row without any allowed key stays a number
    masked = np.where(allowed, scores, -1e300)
    share = np.exp(log_softmax(masked, choose("softmax_over", softmax_over, {"keys": -1, "queries": -2})))
    kept = share * (noise >= rate) / (1 - rate) if call.train and rate and noise is not None else share
    merged = (kept @ v).swapaxes(1, 2).reshape(query.shape)
    out = merged @ call.parameters["out_proj.weight"].T
    return out + call.parameters.get("out_proj.bias", 0.0), share.mean(axis=1)


def extras(inputs: Sequence[Array]) -> tuple[Array | None, Array | None]:
    """The mask and the noise behind query, key and value, if they are there: noise has four axes, a mask has not."""
    mask = next((x for x in inputs[3:] if x.ndim < 4), None)
    return mask, next((x for x in inputs[3:] if x.ndim == 4), None)


KINDS = {"attention": Kind(attention, r"in_proj_(weight|bias)|out_proj\.(weight|bias)", inputs=(3, 5))}
