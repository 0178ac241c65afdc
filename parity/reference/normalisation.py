"""Normalisation: batch, layer, group and root mean square.

`eps_inside` says where epsilon stands: inside the root, as in both frameworks, or added to the standard deviation.
"""

from collections.abc import Sequence

import numpy as np

from parity.reference.kind import Array, Call, Kind, Result, Unsupported

__all__ = ["KINDS"]


def batch_norm(
    call: Call,
    eps: float,
    momentum: float | None = 0.1,
    unbiased: bool = True,
    axis: int = 1,
    batch_statistics: bool | None = None,
    eps_inside: bool = True,
) -> Result:
    """Normalise each channel; `momentum` is the new value's share, `unbiased` only concerns the running variance.

    Batch statistics are used in train mode, and where there are no running ones; `batch_statistics` decides otherwise.
    """
    x, axis = call.x, axis % call.x.ndim
    axes = tuple(i for i in range(x.ndim) if i != axis)
    running = call.get("running_mean"), call.get("running_var")
    from_batch = call.train if batch_statistics is None else batch_statistics
    buffers = {name: value for name, value in call.parameters.items() if name.startswith("running")}
    if from_batch or running[0] is None or running[1] is None:
        mean, variance = x.mean(axes), x.var(axes)
        if call.train and running[0] is not None and running[1] is not None:
            if momentum is None:
                raise Unsupported("a cumulative average needs the number of batches, which is not among the settings")
            count = x.size // x.shape[axis]
            seen = variance * count / (count - 1) if unbiased else variance
            buffers["running_mean"] = (1 - momentum) * running[0] + momentum * mean
            buffers["running_var"] = (1 - momentum) * running[1] + momentum * seen
    else:
        mean, variance = running[0], running[1]
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    normal = _normal(x, mean.reshape(shape), variance.reshape(shape), eps, eps_inside)
    out = normal * call.per_channel("weight", 1.0, axis) + call.per_channel("bias", 0.0, axis)
    return Result((out,), buffers)


def layer_norm(
    call: Call,
    eps: float,
    dims: int = 1,
    axes: Sequence[int] | None = None,
    eps_inside: bool = True,
    unbiased: bool = False,
) -> Array:
    """Normalise over the last `dims` dimensions or over `axes`; weight and bias have the shape of those."""
    over = _axes(call.x, dims, axes)
    variance = call.x.var(over, keepdims=True, ddof=int(unbiased))
    normal = _normal(call.x, call.x.mean(over, keepdims=True), variance, eps, eps_inside)
    return _affine(call, normal, over)


def rms_norm(
    call: Call, eps: float, dims: int = 1, axes: Sequence[int] | None = None, eps_inside: bool = True
) -> Array:
    """Divide by the root mean square; nothing is subtracted."""
    over = _axes(call.x, dims, axes)
    normal = _normal(call.x, np.zeros(()), (call.x**2).mean(over, keepdims=True), eps, eps_inside)
    return _affine(call, normal, over)


def group_norm(
    call: Call,
    groups: int,
    eps: float,
    eps_inside: bool = True,
    interleaved: bool = False,
    unbiased: bool = False,
) -> Array:
    """Normalise each sample over each of `groups` runs of neighbouring channels (or every groups-th channel)."""
    x, channels = call.x, call.x.shape[1]
    if channels % groups:
        raise ValueError(f"{channels} channels cannot be divided into {groups} groups")
    order = np.arange(channels)
    if interleaved:
        order = order.reshape(-1, groups).T.ravel()
    split = x[:, order].reshape(len(x), groups, -1)
    mean, variance = split.mean(-1, keepdims=True), split.var(-1, keepdims=True, ddof=int(unbiased))
    normal = np.empty_like(x)
    normal[:, order] = _normal(split, mean, variance, eps, eps_inside).reshape(x.shape)
    return normal * call.per_channel("weight", 1.0) + call.per_channel("bias", 0.0)


def _normal(x: Array, mean: Array, variance: Array, eps: float, eps_inside: bool) -> Array:
    return (x - mean) / (np.sqrt(variance + eps) if eps_inside else np.sqrt(variance) + eps)


def _axes(x: Array, dims: int, axes: Sequence[int] | None) -> tuple[int, ...]:
    return tuple(range(x.ndim - dims, x.ndim)) if axes is None else tuple(sorted(axis % x.ndim for axis in axes))


def _affine(call: Call, normal: Array, axes: tuple[int, ...]) -> Array:
    shape = [n if axis in axes else 1 for axis, n in enumerate(normal.shape)]
    weight, bias = call.get("weight"), call.get("bias")
    if weight is not None:
        normal = normal * weight.reshape(shape)
    return normal if bias is None else normal + bias.reshape(shape)


KINDS = {
    "batch_norm": Kind(batch_norm, "weight|bias|running_mean|running_var"),
    "layer_norm": Kind(layer_norm, "weight|bias"),
    "group_norm": Kind(group_norm, "weight|bias"),
    "rms_norm": Kind(rms_norm, "weight|bias"),
}
