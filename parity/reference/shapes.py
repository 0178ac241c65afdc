"""What moves values: flatten, pad, resize, drop, join. Images are (N, C, *spatial)."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from parity.reference.kind import Array, Call, Kind, Unsupported, choose, pairs

__all__ = ["KINDS", "bilinear"]


def identity(call: Call) -> Array:
    """X."""
    return call.x


def flatten(call: Call, order: str = "CHW") -> Array:
    """(N, features): channels outermost, as PyTorch stores images, or innermost, as Keras does."""
    x = choose("order", order, {"CHW": call.x, "HWC": np.moveaxis(call.x, 1, -1)})
    return x.reshape(len(x), -1)


def zero_pad(call: Call, padding: int | Sequence[int | tuple[int, int]]) -> Array:
    """Zeros around each spatial dimension."""
    return np.pad(call.x, [(0, 0), (0, 0), *pairs(padding, call.x.ndim - 2)])


def dropout(call: Call, rate: float, shape: str = "element", scale: str | None = "train") -> Array:
    """Keep what the uniform noise, a second input, leaves: noise >= rate. Identity in eval mode, but for the scale."""
    factors = choose("scale", scale, {"train": (1 / (1 - rate), 1.0), "test": (1.0, 1 - rate), None: (1.0, 1.0)})
    if not call.train:
        return call.x * factors[1]
    if len(call.inputs) < 2:
        raise Unsupported("in train mode the noise must be the second input")
    noise = call.inputs[1]
    if choose("shape", shape, {"element": False, "channel": True}):
        noise = noise.reshape(*noise.shape[:2], *(1,) * (call.x.ndim - 2))
    elif noise.shape != call.x.shape:
        raise ValueError(f"expected noise for each of {call.x.shape}, got {noise.shape}")
    return call.x * (noise >= rate) * factors[0]


def upsample(
    call: Call,
    scale: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool = False,
    half_pixel: bool | None = None,
    antialias: bool = False,
    size: Sequence[int] | None = None,
    cubic: float | None = None,
) -> Array:
    """Resize each spatial dimension to `size`, or to the whole part of `scale` times its length.

    `half_pixel`: pixel i stands for the position i + 1/2; without a word true but for nearest, as in PyTorch.
    `cubic`: the coefficient of the bicubic kernel, -0.75 in PyTorch (-0.5 with `antialias`), -0.5 in TensorFlow.
    """
    lengths = call.x.shape[2:]
    if size is not None:
        targets = tuple(size)
        ratios = [n / target for n, target in zip(lengths, targets, strict=True)]
    elif scale is not None:
        factors = tuple(scale) if isinstance(scale, Sequence) else (scale,) * len(lengths)
        targets = tuple(int(n * factor) for n, factor in zip(lengths, factors, strict=True))
        ratios = [1 / factor for factor in factors]
    else:
        raise Unsupported("neither scale nor size")
    out = call.x
    for axis, (length, target, ratio) in enumerate(zip(lengths, targets, ratios, strict=True), start=2):
        if align_corners:
            if mode == "nearest" or antialias:
                raise Unsupported(f"corners are not aligned in mode {mode!r} with antialias {antialias}")
            positions = np.arange(target) * ((length - 1) / max(target - 1, 1))
        else:
            centred = mode != "nearest" if half_pixel is None else half_pixel
            positions = (np.arange(target) + 0.5) * ratio - 0.5 if centred else np.arange(target) * ratio
        weights = _weights(positions, length, mode, half_pixel, antialias, ratio, cubic)
        out = np.moveaxis(np.moveaxis(out, axis, -1) @ weights.T, -1, axis)
    return out


def bilinear(length: int, target: int) -> Array:
    """The bilinear resize along one dimension, pixel i at i + 1/2, as a matrix (target, length)."""
    ratio = length / target
    return _weights((np.arange(target) + 0.5) * ratio - 0.5, length, "bilinear", None, False, ratio, None)


def _weights(
    positions: Array,
    length: int,
    mode: str,
    half_pixel: bool | None,
    antialias: bool,
    ratio: float,
    cubic: float | None,
) -> Array:
    """The resize along one dimension as a matrix (target, length)."""
    pixels = np.arange(length)
    if mode == "nearest":
        # rounded against rounding errors of whole positions
        nearest = np.floor(np.round(positions + (0.5 if half_pixel else 0.0), 9)).clip(0, length - 1)
        return (nearest[:, None] == pixels).astype(float)
    a = cubic if cubic is not None else -0.5 if antialias else -0.75
    kernel = choose("mode", mode, {"bilinear": _triangle, "bicubic": lambda t: _cubic(t, a)})
    if antialias:
        weights = kernel(np.abs(positions[:, None] - pixels) / max(ratio, 1.0))
        return weights / weights.sum(axis=1, keepdims=True)
    if mode == "bilinear":
        positions = positions.clip(0, length - 1)
    first = np.floor(positions).astype(int)
    weights = np.zeros((len(positions), length))
    for offset in range(-1, 3):
        neighbour = first + offset
        np.add.at(
            weights,
            (np.arange(len(positions)), neighbour.clip(0, length - 1)),
            kernel(np.abs(positions - neighbour)),
        )
    return weights


def _triangle(t: Array) -> Array:
    return np.maximum(1 - t, 0)


def _cubic(t: Array, a: float) -> Array:
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


def add(call: Call) -> Array:
    """The sum of all inputs."""
    return reduce(np.add, call.inputs)


def multiply(call: Call) -> Array:
    """The product of all inputs."""
    return reduce(np.multiply, call.inputs)


def concat(call: Call, axis: int = 1) -> Array:
    """All inputs, one after the other."""
    return np.concatenate(call.inputs, axis=axis)


KINDS = {
    "identity": Kind(identity),
    "flatten": Kind(flatten),
    "zero_pad": Kind(zero_pad),
    "dropout": Kind(dropout, inputs=(1, 2)),
    "upsample": Kind(upsample),
    "add": Kind(add, inputs=(2, 99)),
    "multiply": Kind(multiply, inputs=(2, 99)),
    "concat": Kind(concat, inputs=(1, 99)),
}
