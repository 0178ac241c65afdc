"""Padding, stride and dilation: how many windows there are, and where they stand."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "Padding", "Pairs", "output_sizes"]

Pairs = tuple[tuple[int, int], ...]
"""Elements before and after each axis."""


class Padding(NamedTuple):
    """Zeros before and after an axis."""

    before: Any
    after: Any


def output_sizes(
    sizes: tuple[int, ...],
    kernel_sizes: tuple[int, ...],
    paddings: Pairs,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> list[int]:
    """How many windows fit on each axis.

    Raises:
        ValueError: none fits, a padding is negative, or a stride or dilation is below 1.
    """
    if min(min(pair) for pair in paddings) < 0 or min(*stride, *dilation) < 1:
        raise ValueError(
            f"paddings {paddings}, stride {stride}, dilation {dilation}: expected at least 0, 1 and 1 everywhere"
        )
    spans = [d * (kernel - 1) + 1 for kernel, d in zip(kernel_sizes, dilation, strict=True)]
    rooms = [size + sum(pair) - span for size, pair, span in zip(sizes, paddings, spans, strict=True)]
    if min(rooms) < 0:
        raise ValueError(f"windows of {spans} on {tuple(sizes)} padded by {paddings}: no window fits; pad more")
    return [room // step + 1 for room, step in zip(rooms, stride, strict=True)]


# Distinct sizes, no zeros, no symmetry: a shifted, transposed or mirrored grid cannot hide.
_RNG = np.random.default_rng(43)
_IMAGES = _RNG.normal(size=(2, 2, 5, 6))
_WEIGHT = _RNG.normal(size=(3, 2, 3, 2))
_SIGNALS = _RNG.normal(size=(2, 3, 11))
_TAPS = _RNG.normal(size=(5, 3, 4))
_MATRIX = _RNG.normal(size=(2, 3))
_SIZES = np.arange(1, 12)[:, None]
_NONE = ((0, 0), (0, 0))


# --- the third opinion: windows listed, or gathered by NumPy --------------------------------------------------


def _output_size(size: Array, kernel: Array, before: Array, after: Array, stride: Array, dilation: Array) -> Array:
    def count(n: int, k: int, before: int, after: int, s: int, d: int) -> int:
        starts = range(-before, n + after, s)
        return sum(start + d * (k - 1) < n + after for start in starts)

    return np.vectorize(count, otypes=[np.int64])(size, kernel, before, after, stride, dilation)


def _same_padding(size: Array, kernel: Array, stride: Array, dilation: Array, convention: str) -> Padding:
    def total(n: int, k: int, s: int, d: int) -> int:
        last = range(0, n, s)[-1]  # the windows start at every s-th element: the last one must fit
        return max(last + d * (k - 1) + 1 - n, 0)

    if convention == "pytorch":
        half = np.broadcast_arrays(np.floor(dilation * (kernel - 1) / 2), size, stride)[0].astype(np.int64)
        return Padding(half, half)
    zeros = np.vectorize(total, otypes=[np.int64])(size, kernel, stride, dilation)
    return Padding(np.floor(zeros / 2).astype(np.int64), np.ceil(zeros / 2).astype(np.int64))


def _pad(x: Array, paddings: Pairs, value: float) -> Array:
    return np.pad(x, paddings, constant_values=value)


def _conv(x: Array, weight: Array, paddings: Pairs, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    axes = tuple(range(2, x.ndim))
    spans = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (0, 0), *paddings)), spans, axes)
    every: Any = (..., *(slice(None, None, step) for step in (*stride, *dilation)))
    letters = "hw"[: len(axes)], "ab"[: len(axes)]
    result: Array = np.einsum(f"nc{letters[0]}{letters[1]},oc{letters[1]}->no{letters[0]}", windows[every], weight)
    return result


def _conv_same(x: Array, weight: Array, stride: tuple[int, int], dilation: tuple[int, int], convention: str) -> Array:
    size, kernel, steps, gaps = map(np.array, (x.shape[2:], weight.shape[2:], stride, dilation))
    pads = _same_padding(size, kernel, steps, gaps, convention)
    return _conv(x, weight, tuple(zip(pads.before, pads.after, strict=True)), stride, dilation)


def _causal(x: Array, weight: Array, dilation: int) -> Array:
    return _conv(x, weight, ((dilation * (weight.shape[2] - 1), 0),), (1,), (dilation,))


_CONV = {
    "plain": (_IMAGES, _WEIGHT, _NONE, (1, 1), (1, 1)),
    "symmetric": (_IMAGES, _WEIGHT, ((1, 1), (2, 2)), (1, 1), (1, 1)),
    "four_sides": (_IMAGES, _WEIGHT, ((0, 1), (2, 3)), (1, 1), (1, 1)),
    "stride": (_IMAGES, _WEIGHT, ((0, 1), (1, 0)), (2, 2), (1, 1)),
    "two_strides": (_IMAGES, _WEIGHT, ((1, 0), (0, 2)), (3, 2), (1, 1)),
    "dilation": (_IMAGES, _WEIGHT, ((2, 1), (0, 3)), (1, 1), (2, 3)),
    "stride_and_dilation": (_IMAGES, _WEIGHT, ((1, 2), (3, 0)), (2, 3), (3, 2)),
    "one_window": (_IMAGES, _WEIGHT, ((1, 1), (2, 0)), (5, 9), (3, 7)),
    "padded_into_being": (_IMAGES[:, :, :1, :1], _WEIGHT, ((1, 1), (0, 1)), (1, 1), (1, 1)),
    "no_example": (_IMAGES[:0], _WEIGHT, ((0, 1), (2, 3)), (2, 2), (1, 1)),
}
_WRONG = {
    "no_window": (_IMAGES, _WEIGHT, _NONE, (1, 1), (4, 1)),
    "negative_padding": (_IMAGES, _WEIGHT, ((1, 1), (-1, 0)), (1, 1), (1, 1)),
    "no_stride": (_IMAGES, _WEIGHT, _NONE, (1, 0), (1, 1)),
    "no_dilation": (_IMAGES, _WEIGHT, _NONE, (1, 1), (0, 1)),
}
# 5 rows and 6 columns: both parities at once.
_SAME = {
    "3x3": (_RNG.normal(size=(3, 2, 3, 3)), (1, 1), (1, 1)),
    "3x3_stride_2": (_RNG.normal(size=(3, 2, 3, 3)), (2, 2), (1, 1)),
    "5x5_stride_2": (_RNG.normal(size=(3, 2, 5, 5)), (2, 2), (1, 1)),
    "4x2": (_RNG.normal(size=(3, 2, 4, 2)), (1, 1), (1, 1)),
    "2x4_stride_2": (_RNG.normal(size=(3, 2, 2, 4)), (2, 2), (1, 1)),
    "1x1_stride_3": (_RNG.normal(size=(3, 2, 1, 1)), (3, 3), (1, 1)),
    "two_strides": (_WEIGHT, (2, 3), (1, 1)),
    "dilation": (_RNG.normal(size=(3, 2, 3, 3)), (1, 1), (2, 3)),
    "stride_and_dilation": (_RNG.normal(size=(3, 2, 3, 3)), (2, 2), (2, 3)),
}
_ARGS = ("x", "weight", "paddings", "stride", "dilation")
_CONVENTIONS = ("tensorflow", "pytorch")


CONCEPT = Concept(
    module=__name__,
    title="Padding and stride",
    kind="ops",
    summary="Zeros around an image and the step of the window decide the output's size, and which pixels it sees.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 7.3",
        "Dumoulin, Visin 2016, A guide to convolution arithmetic for deep learning, relationships 6 and 15",
    ),
    differences=(
        Difference(
            "D001",
            "'same' padding with a stride",
            tf="as many zeros as the last window needs, the odd one at the end: depends on the input's size",
            torch="users pad dilation * (kernel - 1) // 2 on both sides, whatever the size",
            ours="both, by the argument convention",
        ),
        Difference(
            "D002",
            "'same' padding of odd sizes with stride 2",
            tf="an even number of zeros: symmetric",
            torch="the same zeros: the difference shows on even sizes only",
            ours="both parities are compared",
            demo=Demo(
                tf="""
                    ones = tf.ones((3, 1, 1))
                    odd, even = (tf.reshape(tf.range(1.0, size + 1), (1, size, 1)) for size in (5, 6))
                    [tf.nn.conv1d(row, ones, 2, "SAME")[0, :, 0] for row in (odd, even)]
                """,
                torch="""
                    ones = torch.ones(1, 1, 3)
                    odd, even = (torch.arange(1.0, size + 1).reshape(1, 1, size) for size in (5, 6))
                    [torch.nn.functional.conv1d(row, ones, stride=2, padding=1)[0, 0] for row in (odd, even)]
                """,
            ),
        ),
        Difference(
            "D003",
            "padding='same' with a stride",
            tf="usual",
            torch="ValueError",
            ours="explicit zeros",
            demo=Demo(
                tf='keras.layers.Conv2D(6, 3, strides=2, padding="same")(images).shape',
                torch='torch.nn.Conv2d(4, 6, 3, stride=2, padding="same")(images).shape',
            ),
        ),
        Difference(
            "D004",
            "'same' padding of an even kernel",
            tf="the odd zero at the end",
            torch="padding=(kernel - 1) // 2 loses one output, kernel // 2 adds one",
            ours="both, by the argument convention: kernel - 1 halved, rounded down, for pytorch",
        ),
        Difference(
            "D005",
            "'same' padding of a dilated kernel",
            tf="follows the dilated kernel's span",
            torch="padding is what was written for the kernel without dilation, unless changed",
            ours="follows the span in both conventions",
        ),
        Difference(
            "D006",
            "causal convolution",
            tf="padding='causal' in the Keras layer",
            torch="none: zeros in front, put explicitly",
            ours="zeros in front, put explicitly",
        ),
        Difference(
            "D007",
            "layout of a convolution's weight",
            tf="(height, width, in, out)",
            torch="(out, in, height, width)",
            ours="(out, in, height, width)",
        ),
        Difference(
            "D009",
            "layout of a one-dimensional convolution's weight",
            tf="(width, in, out)",
            torch="(out, in, width)",
            ours="(out, in, width)",
        ),
        Difference(
            "D023",
            "stride and dilation together",
            tf="refused",
            torch="allowed",
            ours="allowed: TensorFlow takes every window, then drops those between",
        ),
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
            torch="last axis first, in one flat tuple; negative sizes crop",
            ours="first axis first; negative sizes are a ValueError",
        ),
        Difference(
            "X-conv-empty-batch",
            "convolution of no example",
            tf="in float32 on a CPU the result has the input's shape",
            torch="(0, out, H, W)",
            ours="(0, out, H, W)",
        ),
        Difference(
            "X-conv-no-window",
            "a window larger than the padded image",
            tf="an empty result, or an AbortedError",
            torch="RuntimeError",
            ours="ValueError",
        ),
    ),
    cases=(
        Case(
            "output_size",
            {
                "size": _SIZES,
                "kernel": np.array([1, 2, 3, 3, 5, 7]),
                "before": np.array([0, 0, 1, 0, 2, 3]),
                "after": np.array([0, 1, 1, 1, 2, 1]),
                "stride": np.array([1, 2, 2, 3, 1, 2]),
                "dilation": np.array([1, 1, 1, 2, 3, 1]),
            },
            _output_size,
        ),
        Case(
            "output_size",
            {
                name: np.array(n)
                for name, n in zip(
                    ("size", "kernel", "before", "after", "stride", "dilation"), (224, 7, 3, 3, 2, 1), strict=True
                )
            },
            _output_size,
            label="resnet_stem",
        ),
        *(
            Case(
                "same_padding",
                {
                    "size": _SIZES,
                    "kernel": np.array([1, 2, 3, 3, 4, 7, 3, 2]),
                    "stride": np.array([2, 2, 1, 2, 2, 2, 3, 3]),
                    "dilation": np.array([1, 1, 1, 1, 1, 1, 2, 3]),
                    "convention": convention,
                },
                _same_padding,
                label=convention,
            )
            for convention in _CONVENTIONS
        ),
        Case(
            "same_padding",
            {"size": _SIZES, "kernel": _SIZES, "stride": _SIZES, "dilation": _SIZES, "convention": "caffe"},
            raises=ValueError,
            label="unknown",
        ),
        Case("pad", {"x": _MATRIX, "paddings": ((1, 0), (2, 3)), "value": 0.1}, _pad, wrt=("x",)),
        Case(
            "pad",
            {"x": _IMAGES, "paddings": ((0, 0), (0, 1), (2, 0), (1, 3)), "value": 0.0},
            _pad,
            wrt=("x",),
            label="images",
        ),
        Case("pad", {"x": _MATRIX, "paddings": ((0, 1), (1, 0)), "value": -np.inf}, _pad, label="infinite"),
        Case("pad", {"x": _MATRIX, "paddings": ((0, 0), (0, 0)), "value": 1.0}, _pad, wrt=("x",), label="nothing"),
        Case("pad", {"x": _MATRIX[:0], "paddings": ((2, 0), (0, 1)), "value": 1.5}, _pad, label="empty"),
        Case("pad", {"x": _MATRIX, "paddings": ((0, 1), (1, -1)), "value": 0.0}, raises=ValueError, label="negative"),
        Case("pad", {"x": _MATRIX, "paddings": ((0, 1),), "value": 0.0}, raises=ValueError, label="too_few"),
        *(
            Case(function, dict(zip(_ARGS, args, strict=True)), _conv, wrt=("x", "weight"), label=label)
            for function in ("conv2d_from_scratch", "conv2d")
            for label, args in _CONV.items()
        ),
        *(
            Case(function, dict(zip(_ARGS, args, strict=True)), raises=ValueError, label=label)
            for function in ("conv2d_from_scratch", "conv2d")
            for label, args in _WRONG.items()
        ),
        *(
            Case(
                "conv2d_same",
                {"x": _IMAGES, "weight": weight, "stride": stride, "dilation": dilation, "convention": convention},
                _conv_same,
                wrt=("x", "weight"),
                label=f"{label}_{convention}",
            )
            for label, (weight, stride, dilation) in _SAME.items()
            for convention in _CONVENTIONS
        ),
        *(
            Case(
                "conv2d_same",
                {"x": _IMAGES[:0], "weight": _WEIGHT, "stride": (2, 2), "dilation": (1, 1), "convention": convention},
                _conv_same,
                label=f"no_example_{convention}",
            )
            for convention in _CONVENTIONS
        ),
        Case(
            "conv2d_same",
            {
                "x": _IMAGES[:, :, :1, :1],
                "weight": np.ones((3, 2, 4, 3)),
                "stride": (1, 1),
                "dilation": (1, 1),
                "convention": "pytorch",
            },
            raises=ValueError,
            label="no_window",
        ),
        *(
            Case(
                "causal_conv1d",
                {"x": _SIGNALS, "weight": _TAPS, "dilation": dilation},
                _causal,
                wrt=("x", "weight"),
                label=f"dilation_{dilation}",
            )
            for dilation in (1, 2, 5)
        ),
        Case(
            "causal_conv1d",
            {"x": _SIGNALS, "weight": _TAPS[:, :, :1], "dilation": 3},
            _causal,
            wrt=("x", "weight"),
            label="one_tap",
        ),
        Case("causal_conv1d", {"x": _SIGNALS[:0], "weight": _TAPS, "dilation": 1}, _causal, label="no_example"),
        Case("causal_conv1d", {"x": _SIGNALS, "weight": _TAPS, "dilation": 0}, raises=ValueError, label="no_dilation"),
    ),
)
