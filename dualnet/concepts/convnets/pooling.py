"""Pooling: the greatest or the mean of each window, and of a whole image."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "MaximaAndIndices", "Pair", "Pairs", "check_windows", "end_paddings", "same_paddings"]

Pair = tuple[int, int]
"""Vertical and horizontal, in elements."""
Pairs = tuple[Pair, Pair]
"""((top, bottom), (left, right)), in elements."""


class MaximaAndIndices(NamedTuple):
    """The greatest value of each window, and its place: row * width + column in its own image and channel."""

    maxima: Any
    indices: Any


def check_windows(sizes: tuple[int, ...], window: Pair, stride: Pair, paddings: Pairs) -> None:
    """ValueError unless a window fits, the stride is at least 1, and every window sees at least one pixel."""
    fits = all(n + sum(pads) >= k > max(pads) for n, k, pads in zip(sizes, window, paddings, strict=True))
    if not fits or min(sizes) < 1 or min(map(min, paddings)) < 0 or min(stride) < 1:
        raise ValueError(
            f"window {window}, stride {stride} and paddings {paddings} on {tuple(sizes)}: expected a stride of at "
            f"least 1, paddings of at least 0 and smaller than the window, and a window no larger than the padded image"
        )


def same_paddings(sizes: tuple[int, ...], window: Pair, stride: Pair) -> Pairs:
    """So much that there are ceil(size / stride) windows, the odd element at the end."""
    totals = [max((n - 1) // s * s + k - n, 0) for n, k, s in zip(sizes, window, stride, strict=True)]
    vertical, horizontal = ((total // 2, total - total // 2) for total in totals)
    return vertical, horizontal


def end_paddings(sizes: tuple[int, ...], window: Pair, stride: Pair) -> Pairs:
    """So much at the end that the last windows may reach over it: the sizes of `ceil_mode`."""
    below, right = (
        min(-(n - k) % s, k - 1) if (n - k + s - 1) // s * s < n else 0
        for n, k, s in zip(sizes, window, stride, strict=True)
    )
    return (0, below), (0, right)


# Distinct sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(53)
_IMAGES = _RNG.normal(size=(2, 3, 5, 6))
_NEGATIVE = -np.abs(_IMAGES) - 0.5
_NONE = ((0, 0), (0, 0))
_TIED = np.array([[2.0, 5, 5, 1, 4], [5, 3, 5, 4, 4], [1, 5, 2, 4, 4]])[None, None]
_FIRST = np.array([[0.0, 1, 0, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]])[None, None]
_BROKEN = _IMAGES.copy()
_BROKEN[0, 1, 2, 3], _BROKEN[1, 2, 4, 4], _BROKEN[1, 2, 4, 5] = np.nan, np.inf, np.nan
_BROKEN[0, 0] = -np.inf


# --- the third opinion -----------------------------------------------------------------------------------------


def _windows(x: Array, window: Pair, stride: Pair, paddings: Pairs = _NONE, value: float = 0.0) -> Array:
    x = np.pad(x, ((0, 0), (0, 0), *paddings), constant_values=value)
    return np.lib.stride_tricks.sliding_window_view(x, window, (2, 3))[:, :, :: stride[0], :: stride[1]]


def _max(x: Array, window: Pair, stride: Pair, paddings: Pairs = _NONE) -> Any:
    return _windows(x, window, stride, paddings, -np.inf).max((-2, -1))


def _avg(x: Array, window: Pair, stride: Pair, paddings: Pairs, count_include_pad: bool) -> Any:
    if count_include_pad:
        return _windows(x, window, stride, paddings).mean((-2, -1))
    return _windows(x, window, stride, paddings).sum((-2, -1)) / _windows(
        np.ones(x.shape), window, stride, paddings
    ).sum((-2, -1))


def _over_the_end(x: Array, window: Pair, stride: Pair, reduce: Any) -> Array:
    """Windows listed one by one: each starts inside and is cut where the image ends."""
    starts = [
        [i for i in range(0, n, s) if i < n and i - s + k < n]
        for n, k, s in zip(x.shape[2:], window, stride, strict=True)
    ]
    (height, width), (rows, columns) = window, starts
    cut = [[reduce(x[:, :, i : i + height, j : j + width], (2, 3)) for j in columns] for i in rows]
    return np.moveaxis(np.array(cut), (0, 1), (2, 3)).reshape(*x.shape[:2], len(rows), len(columns))


def _same(x: Array, window: Pair, stride: Pair) -> Pairs:
    needed = [max(range(0, n, s)[-1] + k - n, 0) for n, k, s in zip(x.shape[2:], window, stride, strict=True)]
    return (needed[0] // 2, -(-needed[0] // 2)), (needed[1] // 2, -(-needed[1] // 2))


def _with_indices(x: Array, window: Pair, stride: Pair) -> MaximaAndIndices:
    places = np.broadcast_to(np.arange(x.shape[2] * x.shape[3]).reshape(x.shape[2:]), x.shape)
    values, places = (_windows(a, window, stride).reshape(*_max(x, window, stride).shape, -1) for a in (x, places))
    first = values.argmax(-1)[..., None]
    return MaximaAndIndices(*(np.take_along_axis(a, first, -1)[..., 0] for a in (values, places)))


def _lp(x: Array, window: Pair, stride: Pair, power: float) -> Any:
    return (np.abs(_windows(x, window, stride)) ** power).sum((-2, -1)) ** (1 / power)


def _conv_then_pool(x: Array, weight: Array, window: Pair) -> Any:
    features = np.einsum("nchwab,ocab->nohw", _windows(x, weight.shape[2:], (1, 1)), weight)
    return _max(features, window, window)


_POOLS = {
    "square": ((2, 2), (2, 2), _NONE),
    "overlapping": ((3, 2), (1, 1), _NONE),
    "two_strides": ((3, 2), (2, 3), _NONE),
    "gaps": ((2, 1), (3, 2), _NONE),
    "whole": ((5, 6), (5, 6), _NONE),
    "padded": ((3, 3), (2, 2), ((1, 1), (1, 1))),
    "four_sides": ((4, 3), (2, 3), ((0, 3), (2, 1))),
}
_WRONG = {
    "too_large": ((8, 2), (1, 1), _NONE),
    "padding_only": ((2, 2), (1, 1), ((2, 0), (0, 0))),
    "negative_padding": ((2, 2), (1, 1), ((0, 0), (0, -1))),
    "no_stride": ((2, 2), (1, 0), _NONE),
}
_UNPADDED = {
    "square": ((2, 2), (2, 2)),
    "overlapping": ((3, 3), (2, 2)),
    "two_strides": ((3, 2), (2, 3)),
    "five": ((5, 3), (2, 1)),
    "far": ((2, 2), (5, 3)),
}


CONCEPT = Concept(
    module=__name__,
    title="Max and average pooling, with the conv+pool demonstration",
    kind="ops",
    summary="Each window gives one number: its greatest, its mean or its norm; what lies in the padding may count.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 7.5",
        "Lin, Chen, Yan 2014, Network in Network, section 3.2 (global average pooling)",
        "Sermanet, Chintala, LeCun 2012, Convolutional neural networks applied to house numbers (Lp pooling)",
    ),
    differences=(
        Difference(
            "D025",
            "channels first on a CPU",
            tf="float32 only",
            torch="always",
            ours="N C H W, turned to N H W C inside TensorFlow",
        ),
        Difference(
            "D026",
            "order of the paddings",
            tf="first axis first, a pair for each axis",
            torch="last axis first, in one flat tuple",
            ours="first axis first",
        ),
        Difference(
            "D091",
            "average over the border",
            tf="'SAME' divides by the number of real pixels",
            torch="divides by the window's size unless count_include_pad=False",
            ours="by the argument; 'same' and the windows over the end count real pixels only",
        ),
        Difference(
            "D092",
            "average pooling 'same' with a stride",
            tf="the odd element of padding at the end, not counted",
            torch="the same padding on both sides",
            ours="the odd element at the end: PyTorch divides by pooled ones",
        ),
        Difference(
            "D093",
            "max pooling 'same' with a stride",
            tf="the odd element of padding at the end",
            torch="the same padding on both sides, at most half the window",
            ours="the odd element at the end, and any padding per side: PyTorch pads explicitly",
        ),
        Difference(
            "D094",
            "padding of a maximum",
            tf="-inf; tf.pad and ZeroPadding2D, which Keras' layer needs unless it pads by 'same', put zeros",
            torch="-inf; F.pad would put zeros",
            ours="-inf",
            demo=Demo(
                tf="""
                    below_zero = tf.fill((1, 2, 2, 1), -1.0)
                    keras.layers.MaxPooling2D(2)(keras.layers.ZeroPadding2D(1)(below_zero))[0, ..., 0]
                """,
                torch="""
                    below_zero = torch.full((1, 1, 2, 2), -1.0)
                    torch.nn.MaxPool2d(2, padding=1)(below_zero)[0, 0]
                """,
            ),
        ),
        Difference(
            "D095",
            "windows over the end",
            tf="only by 'SAME'",
            torch="ceil_mode=True",
            ours="TensorFlow pads the end as ceil_mode does",
        ),
        Difference(
            "D096",
            "NaN in a window",
            tf="dropped by the maximum",
            torch="the maximum is NaN",
            ours="NaN",
            demo=Demo(
                tf='tf.nn.max_pool1d(tf.constant([[[1.0], [np.nan]]]), 2, 2, "VALID")',
                torch="torch.nn.functional.max_pool1d(torch.tensor([[[1.0, np.nan]]]), 2)",
            ),
        ),
        Difference(
            "D097",
            "where the maximum was",
            tf="(row * width + column) * channels + channel",
            torch="row * width + column",
            ours="row * width + column",
        ),
        Difference(
            "D098",
            "gradient of tied maxima in a window",
            tf="all to the first; in max_pool3d all to each",
            torch="all to the first",
            ours="all to the first",
            demo=Demo(
                tf="""
                    volume = tf.cast(tf.reshape(ties, (1, 1, 3, 4, 1)), tf.float32)
                    tf.nn.max_pool3d(volume, (1, 3, 4), 1, "VALID")
                """,
                torch="""
                    volume = ties.reshape(1, 1, 1, 3, 4)
                    torch.nn.functional.max_pool3d(volume, (1, 3, 4), 1)
                """,
            ),
        ),
        Difference(
            "D099",
            "gradient of tied maxima of a whole image",
            tf="reduce_max splits it evenly",
            torch="amax splits it evenly; adaptive_max_pool2d gives it to the first",
            ours="split evenly",
        ),
        Difference(
            "D100",
            "axes of a global mean",
            tf="(1, 2) of N H W C",
            torch="(2, 3) of N C H W",
            ours="(2, 3)",
        ),
        Difference(
            "X-lp-pool",
            "pooling by a norm",
            tf="none",
            torch="F.lp_pool2d leaves signs in the powers: NaN for negative pixels and odd powers, and at zeros",
            ours="powers of absolute values; the gradient of a window of zeros is 0",
            demo=Demo(
                tf="""
                    cubes = tf.abs(tf.constant([[[-3.0], [-4.0]]], tf.float64)) ** 3
                    (2 * tf.nn.avg_pool1d(cubes, 2, 2, "VALID")) ** (1 / 3)
                """,
                torch="torch.nn.functional.lp_pool1d(torch.tensor([[[-3.0, -4.0]]]), 3, 2)",
            ),
        ),
        Difference(
            "X-pool-minus-infinity",
            "maximum of a window of -inf",
            tf="the least finite number",
            torch="-inf",
            ours="-inf",
            demo=Demo(
                tf='tf.nn.max_pool1d(tf.fill((1, 2, 1), -np.inf), 2, 2, "VALID")',
                torch="torch.nn.functional.max_pool1d(torch.full((1, 1, 2), -np.inf), 2)",
            ),
        ),
        Difference(
            "X-pool-no-window",
            "a window larger than the padded image",
            tf="an empty result, or an AbortedError",
            torch="RuntimeError",
            ours="ValueError",
            demo=Demo(
                tf='tf.nn.max_pool2d(images, 11, 1, "VALID").shape',
                torch="torch.nn.functional.max_pool2d(images, 11, 1).shape",
            ),
        ),
    ),
    cases=(
        *(
            Case(
                function,
                {"x": _IMAGES, "window": window, "stride": stride, "paddings": paddings},
                _max,
                wrt=("x",),
                label=label,
            )
            for function in ("max_pool2d_from_scratch", "max_pool2d")
            for label, (window, stride, paddings) in _POOLS.items()
        ),
        *(
            case
            for function in ("max_pool2d_from_scratch", "max_pool2d")
            for case in (
                Case(
                    function,
                    {"x": _NEGATIVE, "window": (3, 3), "stride": (2, 2), "paddings": ((1, 0), (2, 1))},
                    _max,
                    wrt=("x",),
                    label="negative",
                ),
                Case(
                    function,
                    {"x": _BROKEN, "window": (3, 2), "stride": (2, 2), "paddings": ((1, 0), (0, 1))},
                    _max,
                    label="nan_and_infinity",
                ),
                Case(
                    function,
                    {"x": _IMAGES[:0], "window": (3, 2), "stride": (2, 2), "paddings": _NONE},
                    _max,
                    label="no_example",
                ),
                Case(
                    function,
                    {"x": _TIED, "window": (2, 2), "stride": (2, 2), "paddings": ((0, 1), (1, 0))},
                    _max,
                    wrt=("x",),
                    label="ties",
                    smooth=False,
                    gradients={"x": np.array([[0.0, 1, 0, 0, 1], [1, 0, 0, 0, 0], [1, 1, 0, 1, 0]])[None, None]},
                ),
            )
        ),
        *(
            Case(
                function,
                {"x": _IMAGES, "window": window, "stride": stride, "paddings": paddings, "count_include_pad": count},
                _avg,
                wrt=("x",),
                label=f"{label}_{'all' if count else 'real'}",
            )
            for function in ("avg_pool2d_from_scratch", "avg_pool2d")
            for label, (window, stride, paddings) in _POOLS.items()
            for count in ((True, False) if paddings != _NONE else (True,))
        ),
        *(
            Case(
                function,
                {"x": x, "window": (3, 2), "stride": (2, 2), "paddings": ((1, 0), (0, 1)), "count_include_pad": False},
                _avg,
                label=label,
            )
            for function in ("avg_pool2d_from_scratch", "avg_pool2d")
            for label, x in (("no_example", _IMAGES[:0]), ("nan_and_infinity", _BROKEN))
        ),
        *(
            Case(
                function,
                {"x": _IMAGES, "window": window, "stride": stride, "paddings": paddings, **more},
                raises=ValueError,
                label=label,
            )
            for function, more in (
                ("max_pool2d_from_scratch", {}),
                ("max_pool2d", {}),
                ("avg_pool2d_from_scratch", {"count_include_pad": True}),
                ("avg_pool2d", {"count_include_pad": True}),
            )
            for label, (window, stride, paddings) in _WRONG.items()
        ),
        *(
            Case(function, {"x": _IMAGES, "window": window, "stride": stride}, oracle, wrt=("x",), label=label)
            for function, oracle in (
                ("max_pool2d_same", lambda x, window, stride: _max(x, window, stride, _same(x, window, stride))),
                ("avg_pool2d_same", lambda x, window, stride: _avg(x, window, stride, _same(x, window, stride), False)),
                ("max_pool2d_over_the_end", lambda x, window, stride: _over_the_end(x, window, stride, np.max)),
                ("avg_pool2d_over_the_end", lambda x, window, stride: _over_the_end(x, window, stride, np.mean)),
                ("max_pool2d_with_indices", _with_indices),
            )
            for label, (window, stride) in _UNPADDED.items()
        ),
        *(
            Case(function, {"x": _IMAGES, "window": (8, 2), "stride": (1, 1)}, raises=ValueError, label="too_large")
            for function in ("max_pool2d_over_the_end", "avg_pool2d_over_the_end", "max_pool2d_with_indices")
        ),
        *(
            Case(
                function,
                {"x": _IMAGES[:, :, :0], "window": (1, 1), "stride": (1, 1)},
                raises=ValueError,
                label="no_pixel",
            )
            for function in ("max_pool2d_same", "avg_pool2d_same")
        ),
        Case(
            "max_pool2d_with_indices",
            {"x": np.concatenate([_TIED, _TIED[:, :, ::-1, ::-1]], 1), "window": (2, 2), "stride": (1, 2)},
            _with_indices,
            label="ties",
        ),
        Case("global_max_pool", {"x": _IMAGES}, lambda x: x.max((2, 3)), wrt=("x",)),
        Case(
            "global_max_pool",
            {"x": _TIED},
            lambda x: x.max((2, 3)),
            wrt=("x",),
            label="ties",
            smooth=False,
            gradients={"x": (_TIED == 5) / 5},
        ),
        Case("global_max_pool", {"x": _BROKEN}, lambda x: x.max((2, 3)), label="nan_and_infinity"),
        Case("global_max_pool", {"x": _IMAGES[:0]}, lambda x: x.max((2, 3)), label="no_example"),
        Case("global_avg_pool", {"x": _IMAGES}, lambda x: x.mean((2, 3)), wrt=("x",)),
        Case("global_avg_pool", {"x": _IMAGES[:0]}, lambda x: x.mean((2, 3)), label="no_example"),
        *(
            Case(
                "lp_pool2d",
                {"x": _IMAGES, "window": (3, 2), "stride": (2, 3), "power": power},
                _lp,
                wrt=("x",),
                label=f"power_{power:g}",
            )
            for power in (1.0, 2.0, 3.0, 2.5)
        ),
        Case(
            "lp_pool2d",
            {
                "x": np.array([[0.0, 0, 3, -4], [0, 0, 0, 0]])[None, None],
                "window": (2, 2),
                "stride": (2, 2),
                "power": 2.0,
            },
            _lp,
            wrt=("x",),
            label="zeros",
            smooth=False,
            gradients={"x": np.array([[0, 0, 0.6, -0.8], [0, 0, 0, 0]])[None, None]},
        ),
        Case(
            "lp_pool2d",
            {"x": _IMAGES, "window": (2, 2), "stride": (2, 2), "power": 0.5},
            raises=ValueError,
            label="no_norm",
        ),
        Case(
            "conv_then_pool",
            {"x": _IMAGES, "weight": _RNG.normal(size=(5, 3, 2, 3)), "window": (2, 3)},
            _conv_then_pool,
            wrt=("x", "weight"),
        ),
        *(
            Case(
                "conv_then_pool",
                {"x": _IMAGES, "weight": np.ones(shape), "window": (3, 2)},
                raises=ValueError,
                label=label,
            )
            for label, shape in (("kernel_too_large", (2, 3, 6, 1)), ("window_too_large", (2, 3, 4, 1)))
        ),
    ),
)
