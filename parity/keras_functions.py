"""TensorFlow's functions that are layers: what each computes when a model calls it between its layers."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import numpy as np
import tensorflow as tf

from parity.reference.shapes import bilinear

__all__ = ["EXACT", "FUNCTIONS", "Described", "padding"]

Given = Mapping[str, Any]
"""The arguments of one call, by name."""
Described = Callable[[Given], tuple[str, dict[str, Any]] | None]
"""Kind and settings of a call, by the names of `parity.reference`; None if there is no word for it."""


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """What "same" adds before and behind: the surplus goes behind."""
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def padding(mode: str, shape: tuple[int, ...], kernel: Any, stride: Any, dilation: Any) -> Any:
    """What a mode adds before and behind each spatial axis of images (N, ..., C)."""
    if mode == "same":
        return tuple(same_padding(*values) for values in zip(shape[1:-1], kernel, stride, dilation, strict=True))
    if mode == "causal":
        return tuple((d * (k - 1), 0) for k, d in zip(kernel, dilation, strict=True))
    return tuple((0, 0) for _ in kernel)


def _plain(kind: str, **settings: Any) -> Described:
    return lambda given: (kind, settings)


def _window(value: Any, n: int) -> tuple[int, ...]:
    """A number, one for each spatial axis, or one for each axis."""
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    return values * n if len(values) == 1 else values if len(values) == n else values[1:-1]


def _pool(kind: str) -> Described:
    def described(given: Given) -> tuple[str, dict[str, Any]] | None:
        shape, mode, layout = tuple(given["input"].shape), given["padding"], given["data_format"]
        if not isinstance(mode, str) or not (layout or "C").endswith("C"):
            return None
        n = len(shape) - 2
        kernel, stride = _window(given["ksize"], n), _window(given["strides"], n)
        return kind, {
            "kernel": kernel, "stride": stride, "dilation": (1,) * n, "ceil_mode": False, "count_include_pad": False,
            "padding": padding(mode.lower(), shape, kernel, stride, (1,) * n),
        }  # fmt: skip

    return described


def _gelu(given: Given) -> tuple[str, dict[str, Any]]:
    return "gelu", {"approximate": "tanh" if given["approximate"] else "none"}


def _silu(given: Given) -> tuple[str, dict[str, Any]] | None:
    return ("silu", {}) if isinstance(given["beta"], float) and given["beta"] == 1 else None


def _softmax(kind: str) -> Described:
    def described(given: Given) -> tuple[str, dict[str, Any]] | None:
        axis = -1 if given["axis"] is None else given["axis"]
        return (kind, {"axis": axis}) if len(given["logits"].shape) < 4 else None  # else scores of attention

    return described


def _dropout(given: Given) -> tuple[str, dict[str, Any]] | None:
    shape = given["noise_shape"]
    whole = (shape is None or tuple(shape) == tuple(given["x"].shape)) and isinstance(given["rate"], float)
    return ("dropout", {"rate": given["rate"], "shape": "element", "scale": "train"}) if whole else None


def _exact_gelu(gelu: Callable[..., Any]) -> Callable[..., Any]:
    """`tf.nn.gelu` whose constants have float64's digits, where TensorFlow's have float32's."""

    @wraps(gelu)
    def activated(features: Any, approximate: bool = False, name: str | None = None) -> tf.Tensor:
        x = tf.convert_to_tensor(features)
        if x.dtype != tf.float64:
            return gelu(features, approximate, name)
        constants = np.sqrt(2 / np.pi), 0.044715, np.sqrt(0.5)
        scale, cube, root = (tf.constant(number, tf.float64) for number in constants)
        share = tf.tanh(scale * (x + cube * x**3)) if approximate else tf.math.erf(x * root)
        return x * (1 + share) / 2

    return activated


def _exact_resize(resize: Callable[..., Any]) -> Callable[..., Any]:
    """`tf.image.resize` that stays in float64, where TensorFlow's makes float32 of everything; bilinear alone."""

    @wraps(resize)
    def resized(
        images: Any, size: Any, method: str = "bilinear", preserve_aspect_ratio: bool = False, antialias: bool = False,
        name: str | None = None,
    ) -> tf.Tensor:  # fmt: skip
        images = tf.convert_to_tensor(images)
        known = len(images.shape) == 4 and not tf.is_tensor(size) and str(method) == "bilinear"
        if images.dtype != tf.float64 or not known or preserve_aspect_ratio or antialias:
            return resize(images, size, method, preserve_aspect_ratio, antialias, name)
        rows, columns = (bilinear(length, int(n)) for length, n in zip(images.shape[1:3], size, strict=True))
        return tf.einsum("nhwc,oh,pw->nopc", images, rows, columns)

    return resized


def _resize(given: Given) -> tuple[str, dict[str, Any]] | None:
    shape, size, method = tuple(given["images"].shape), given["size"], str(given["method"])
    if len(shape) != 4 or tf.is_tensor(size) or given["preserve_aspect_ratio"] or given["antialias"]:
        return None
    sizes = tuple(int(n) for n in size)
    if any(n % own for n, own in zip(sizes, shape[1:3], strict=True)):
        return None
    scale = tuple(n // own for n, own in zip(sizes, shape[1:3], strict=True))
    return "upsample", {
        "scale": scale, "mode": method, "align_corners": False, "half_pixel": True, "antialias": False,
    }  # fmt: skip


def _exact_max_pool(pool: Callable[..., Any]) -> Callable[..., Any]:
    """`tf.nn.max_pool` of volumes in float64, where TensorFlow has none: over height and width, then over depth."""
    signature = inspect.signature(pool)

    @wraps(pool)
    def pooled(*args: Any, **kwargs: Any) -> tf.Tensor:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        x, mode, layout = bound.arguments["input"], bound.arguments["padding"], bound.arguments["data_format"]
        known = tf.is_tensor(x) and x.dtype == tf.float64 and len(x.shape) == 5
        if not known or not isinstance(mode, str) or not (layout or "C").endswith("C"):
            return pool(*args, **kwargs)
        (d, h, w), (sd, sh, sw) = (_window(bound.arguments[name], 3) for name in ("ksize", "strides"))
        n, depth, _, _, channels = x.shape
        planes = tf.nn.max_pool2d(tf.reshape(x, (n * depth, *x.shape[2:])), (h, w), (sh, sw), mode.upper())
        height, width = planes.shape[1:3]
        columns = tf.reshape(planes, (n, depth, height * width, channels))
        slabs = tf.nn.max_pool2d(columns, (d, 1), (sd, 1), mode.upper())
        return tf.reshape(slabs, (n, slabs.shape[1], height, width, channels))

    return pooled


EXACT = (
    (tf.nn, "gelu", _exact_gelu), (tf.image, "resize", _exact_resize), (tf.nn, "max_pool", _exact_max_pool),
    (tf.nn, "max_pool3d", _exact_max_pool),
)  # fmt: skip
"""Functions that know no float64, and what makes one of each that does."""
FUNCTIONS: tuple[tuple[Any, str, Described], ...] = (
    *((tf.nn, name, _plain(name)) for name in ("relu", "relu6", "selu", "softsign", "sigmoid", "tanh")),
    *((module, name, _plain(name)) for module in (tf, tf.math) for name in ("sigmoid", "tanh")),
    *((module, "exp", _plain("exponential")) for module in (tf, tf.math)),
    *((module, "softplus", _plain("softplus", beta=1.0, threshold=None)) for module in (tf.nn, tf.math)),
    (tf.nn, "elu", _plain("elu", alpha=1.0)), (tf.nn, "gelu", _gelu), (tf.nn, "silu", _silu), (tf.nn, "swish", _silu),
    (tf.nn, "leaky_relu", lambda given: ("leaky_relu", {"slope": float(given["alpha"])})),
    (tf.nn, "softmax", _softmax("softmax")), (tf.nn, "log_softmax", _softmax("log_softmax")),
    *((tf.nn, name, _pool("max_pool")) for name in ("max_pool", "max_pool1d", "max_pool2d", "max_pool3d")),
    *((tf.nn, name, _pool("avg_pool")) for name in ("avg_pool", "avg_pool1d", "avg_pool2d", "avg_pool3d")),
    (tf.image, "resize", _resize), (tf.nn, "dropout", _dropout), (tf.nn.experimental, "stateless_dropout", _dropout),
)  # fmt: skip
"""Where each is found, and what it is; `keras.ops` and `keras.activations` call these."""
