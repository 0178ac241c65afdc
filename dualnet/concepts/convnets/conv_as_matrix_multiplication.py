"""Convolution as a matrix product, and transposed convolution as the product with the transposed matrix."""

from typing import Any

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "Pair", "output_sizes", "read_pixels", "same_cuts"]

Pair = tuple[int, int]
"""Vertical and horizontal."""


def output_sizes(sizes: tuple[int, ...], window: tuple[int, ...], stride: tuple[int, ...]) -> list[int]:
    """How many windows fit on each axis.

    Raises:
        ValueError: none fits, or a window or stride is below 1.
    """
    if not all(n >= k >= 1 and s >= 1 for n, k, s in zip(sizes, window, stride, strict=True)):
        raise ValueError(
            f"window {tuple(window)} and stride {stride} on {tuple(sizes)}: expected both at least 1, and a window "
            f"no larger than the image"
        )
    return [(n - k) // s + 1 for n, k, s in zip(sizes, window, stride, strict=True)]


def read_pixels(channels: int, sizes: tuple[int, ...], window: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    """Which element of a flat image (C H W) each window reads: (C A B, L), L windows row by row."""
    output_sizes(sizes, window, stride)
    flat = np.arange(channels * int(np.prod(sizes))).reshape(1, channels, *sizes)
    return _columns(flat, window, stride)[0]


def same_cuts(window: tuple[int, ...], stride: tuple[int, ...]) -> list[tuple[int, int]]:
    """What "same" cuts from the start and the end of each axis of a full transposed convolution; below 0: zeros."""
    spare = [k - s for k, s in zip(window, stride, strict=True)]
    return [(max(n, 0) // 2, n - max(n, 0) // 2) for n in spare]


# Distinct sizes, no zeros, no symmetry: an exchanged axis or a shifted crop cannot hide.
_RNG = np.random.default_rng(59)
_IMAGES = _RNG.normal(size=(2, 3, 4, 5))
_WEIGHT = _RNG.normal(size=(2, 3, 3, 2))
_SIGNAL = _RNG.normal(size=11)
_SMALL = _RNG.normal(size=(3, 2, 3, 4))


# --- the third opinion ---------------------------------------------------------------------------------------


def _windows(x: Array, window: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    return np.lib.stride_tricks.sliding_window_view(x, tuple(window), (2, 3))[:, :, :: stride[0], :: stride[1]]


def _columns(x: Array, window: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    patches = _windows(x, window, stride).transpose(0, 1, 4, 5, 2, 3)  # (N, C, A, B, H', W')
    return patches.reshape(len(x), int(np.prod(patches.shape[1:4])), int(np.prod(patches.shape[4:])))


def _image(columns: Array, sizes: Pair, window: Pair, stride: Pair) -> Array:
    rows, count = output_sizes(sizes, window, stride)
    patches = columns.reshape(len(columns), columns.shape[1] // (window[0] * window[1]), *window, rows, count)
    y = np.zeros((*patches.shape[:2], *sizes))
    for i, j in np.ndindex(rows, count):
        top, left = i * stride[0], j * stride[1]
        y[:, :, top : top + window[0], left : left + window[1]] += patches[..., i, j]
    return y


def _conv(x: Array, weight: Array, stride: Pair) -> Any:
    return np.einsum("nchwab,ocab->nohw", _windows(x, weight.shape[2:], stride), weight)


def _transposed(x: Array, weight: Array, stride: Pair) -> Array:
    sizes = [(n - 1) * s + k for n, s, k in zip(x.shape[2:], stride, weight.shape[2:], strict=True)]
    patches = np.einsum("nohw,ocab->ncabhw", x, weight)
    columns = patches.reshape(len(x), int(np.prod(patches.shape[1:4])), int(np.prod(patches.shape[4:])))
    return _image(columns, (sizes[0], sizes[1]), weight.shape[2:], stride)


def _cut(y: Array, starts: tuple[int, ...], sizes: tuple[int, ...]) -> Array:
    y = np.pad(y, ((0, 0), (0, 0), (0, 9), (0, 9)))
    return y[:, :, starts[0] : starts[0] + sizes[0], starts[1] : starts[1] + sizes[1]]


def _transposed_same(x: Array, weight: Array, stride: Pair) -> Array:
    starts = tuple(max(k - s, 0) // 2 for k, s in zip(weight.shape[2:], stride, strict=True))
    return _cut(_transposed(x, weight, stride), starts, tuple(np.multiply(x.shape[2:], stride).tolist()))


def _transposed_padded(x: Array, weight: Array, stride: Pair, padding: Pair, output_padding: Pair) -> Array:
    full = _transposed(x, weight, stride)
    sizes = np.array(full.shape[2:]) - 2 * np.array(padding) + output_padding
    return _cut(full, padding, tuple(sizes.tolist()))


def _toeplitz(kernel: Array, length: int) -> Array:
    from scipy.linalg import toeplitz

    empty = np.zeros(length - len(kernel))
    result: Array = toeplitz(np.r_[kernel[0], empty], np.r_[kernel, empty])
    return result


def _matrix(weight: Array, sizes: Pair, stride: Pair) -> Array:
    """Each column is what the convolution makes of one pixel that is 1 among zeros."""
    pixels = np.eye(weight.shape[1] * sizes[0] * sizes[1]).reshape(-1, weight.shape[1], *sizes)
    answers = _conv(pixels, weight, stride)
    result: Array = answers.reshape(len(pixels), int(np.prod(answers.shape[1:]))).T
    return result


_CONV = {
    "": (_IMAGES, _WEIGHT, (1, 1)),
    "strides": (_IMAGES, _WEIGHT, (2, 3)),
    "whole": (_IMAGES, _RNG.normal(size=(2, 3, 4, 5)), (1, 1)),
    "one_pixel": (_IMAGES, _WEIGHT[:, :, :1, :1], (1, 2)),
    "no_example": (_IMAGES[:0], _WEIGHT, (2, 1)),
}
_TRANSPOSED = {
    "": (_SMALL, _WEIGHT, (1, 1)),
    "strides": (_SMALL, _WEIGHT, (2, 3)),
    "odd_spare": (_SMALL, _RNG.normal(size=(2, 3, 3, 3)), (2, 2)),
    "even_spare": (_SMALL, _RNG.normal(size=(2, 3, 4, 2)), (2, 2)),
    "gaps": (_SMALL, _RNG.normal(size=(2, 3, 1, 2)), (3, 4)),
    "no_example": (_SMALL[:0], _WEIGHT, (2, 1)),
}


def _cases(functions: tuple[str, ...], oracle: Any, calls: dict[str, Any]) -> list[Case]:
    return [
        Case(
            function,
            {"x": x, "weight": weight, "stride": stride},
            oracle,
            wrt=("x", "weight") if x.size else (),
            label=label,
        )
        for function in functions
        for label, (x, weight, stride) in calls.items()
    ]


CONCEPT = Concept(
    module=__name__,
    title="Convolution and transposed convolution as (constrained) matrix multiplication",
    kind="ops",
    summary="A convolution is a matrix with few and shared entries; its transpose is the transposed convolution.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 7.1 and 14.10.3",
        "Dumoulin, Visin 2016, A guide to convolution arithmetic for deep learning, section 4.1",
        "Chellapilla, Puri, Simard 2006, High Performance Convolutional Neural Networks (im2col)",
    ),
    differences=(
        Difference(
            "D007",
            "layout of a convolution's weight",
            tf="(height, width, in, out)",
            torch="(out, in, height, width)",
            ours="(out, in, height, width)",
        ),
        Difference(
            "D013",
            "layout of a transposed convolution's weight",
            tf="(height, width, out, in)",
            torch="(in, out, height, width)",
            ours="that of the convolution which it transposes",
            demo=Demo(
                tf="""
                    layer = keras.layers.Conv2DTranspose(6, (3, 2))
                    layer(images)
                    tuple(layer.kernel.shape)
                """,
                torch="""
                    layer = torch.nn.ConvTranspose2d(4, 6, (3, 2))
                    layer(images)
                    layer.weight.shape
                """,
            ),
        ),
        Difference(
            "D014",
            "transposed convolution 'same', odd kernel - stride",
            tf="the odd element is cut from the end",
            torch="padding=1, output_padding=1 cuts it from the start",
            ours="both: conv_transpose2d_same and conv_transpose2d_padded",
        ),
        Difference(
            "D015",
            "transposed convolution 'same', even kernel - stride",
            tf="cut alike on both sides",
            torch="padding=(kernel - stride) // 2 is the same",
            ours="cut alike on both sides",
        ),
        Difference(
            "D016",
            "output_padding",
            tf="the Keras layer still cuts the end",
            torch="more outputs at the end",
            ours="more outputs at the end",
        ),
        Difference(
            "D017",
            "transposed convolution with gaps, kernel < stride",
            tf="Keras fills up to size * stride with zeros",
            torch="(size - 1) * stride + kernel outputs",
            ours="as PyTorch in full, filled up only in 'same'",
        ),
        Difference(
            "D022",
            "order inside a window's column",
            tf="extract_patches: row, column, channel",
            torch="unfold: channel, row, column",
            ours="channel, row, column: that of the weight (out, in, height, width)",
        ),
        Difference(
            "D025",
            "channels first on a CPU",
            tf="float32 only",
            torch="always",
            ours="N C H W, turned to N H W C inside TensorFlow",
            demo=Demo(
                tf="""
                    with tf.device("CPU"):
                        found = tf.nn.conv2d(tf.transpose(images, (0, 3, 1, 2)), kernel, 1, "VALID", data_format="NCHW")
                    found.shape
                """,
                torch="""
                    found = torch.nn.functional.conv2d(images, kernel)
                    found.shape
                """,
            ),
        ),
        Difference(
            "X-conv-empty-batch",
            "convolution of no example",
            tf="in float32 on a CPU the result has the input's shape",
            torch="(0, out, H, W)",
            ours="(0, out, H, W)",
            demo=Demo(
                tf="""
                    found = tf.nn.conv2d(tf.zeros((0, 5, 5, 4)), tf.zeros((3, 3, 4, 6)), 1, "VALID")
                    channels = found.shape[3]
                    channels
                """,
                torch="""
                    found = torch.nn.functional.conv2d(torch.zeros(0, 4, 5, 5), torch.zeros(6, 4, 3, 3))
                    channels = found.shape[1]
                    channels
                """,
            ),
        ),
        Difference(
            "X-conv-no-window",
            "a kernel larger than the image",
            tf="an empty result, or an AbortedError",
            torch="RuntimeError",
            ours="ValueError",
            demo=Demo(
                tf='tf.nn.conv2d(images[:, :2], kernel, 1, "VALID").shape',
                torch="torch.nn.functional.conv2d(images[:, :, :2], kernel).shape",
            ),
        ),
        Difference(
            "X-fold",
            "adding windows back into an image",
            tf="none: a scatter that adds",
            torch="F.fold",
            ours="the sum of all elements that a pixel went to",
            demo=Demo(
                tf='hasattr(tf.nn, "fold")',
                torch='hasattr(torch.nn.functional, "fold")',
            ),
        ),
    ),
    cases=(
        *(
            Case(
                function,
                {"x": x, "window": window, "stride": stride},
                _columns,
                wrt=("x",) if x.size else (),
                label=label,
            )
            for function in ("im2col", "im2col_by_gather")
            for label, x, window, stride in (
                ("", _IMAGES, (3, 2), (1, 1)),
                ("strides", _IMAGES, (2, 3), (2, 3)),
                ("gaps", _IMAGES, (1, 2), (3, 4)),
                ("whole", _IMAGES, (4, 5), (1, 1)),
                ("no_example", _IMAGES[:0], (3, 2), (1, 1)),
            )
        ),
        *(
            Case(function, {"x": _IMAGES, "window": window, "stride": stride}, raises=ValueError, label=label)
            for function in ("im2col", "im2col_by_gather")
            for label, window, stride in (("too_large", (6, 2), (1, 1)), ("no_stride", (3, 2), (0, 1)))
        ),
        *(
            Case(
                "col2im",
                {
                    "columns": _RNG.normal(size=(count, 2 * 6, windows)),
                    "sizes": (4, 5),
                    "window": (3, 2),
                    "stride": stride,
                },
                _image,
                wrt=("columns",) if count else (),
                label=label,
            )
            for label, count, windows, stride in (
                ("", 2, 8, (1, 1)),
                ("strides", 2, 4, (1, 2)),
                ("no_example", 0, 8, (1, 1)),
            )
        ),
        Case(
            "col2im",
            {"columns": np.ones((2, 12, 7)), "sizes": (4, 5), "window": (3, 2), "stride": (1, 1)},
            raises=ValueError,
            label="windows",
        ),
        *(
            Case(
                "toeplitz",
                {"kernel": _SIGNAL[:size].copy(), "length": 7},
                _toeplitz,
                wrt=("kernel",),
                label=f"size_{size}",
            )
            for size in (1, 3, 7)
        ),
        Case("toeplitz", {"kernel": _SIGNAL, "length": 7}, raises=ValueError, label="too_long"),
        *(
            Case(
                "toeplitz_2d",
                {"weight": _WEIGHT, "sizes": sizes, "stride": stride},
                _matrix,
                wrt=("weight",),
                label=label,
            )
            for label, sizes, stride in (
                ("", (4, 3), (1, 1)),
                ("strides", (5, 4), (2, 2)),
                ("one_window", (3, 2), (1, 1)),
            )
        ),
        *_cases(("conv2d_by_im2col", "conv2d_by_toeplitz", "conv2d"), _conv, _CONV),
        *(
            Case(
                function,
                {"x": _IMAGES, "weight": np.ones((2, 3, 5, 1)), "stride": (1, 1)},
                raises=ValueError,
                label="kernel_too_large",
            )
            for function in ("conv2d_by_im2col", "conv2d_by_toeplitz", "conv2d")
        ),
        *_cases(("conv_transpose2d_by_toeplitz", "conv_transpose2d"), _transposed, _TRANSPOSED),
        *_cases(("conv_transpose2d_same",), _transposed_same, _TRANSPOSED),
        *(
            Case(
                "conv_transpose2d_padded",
                {"x": x, "weight": weight, "stride": stride, "padding": padding, "output_padding": output_padding},
                _transposed_padded,
                wrt=("x", "weight") if x.size else (),
                label=label,
            )
            for label, (x, weight, stride), padding, output_padding in (
                ("", _TRANSPOSED["odd_spare"], (1, 1), (0, 0)),
                ("twice", _TRANSPOSED["odd_spare"], (1, 1), (1, 1)),
                ("even", _TRANSPOSED["even_spare"], (1, 0), (0, 1)),
                ("zeros", _TRANSPOSED["gaps"], (0, 0), (2, 3)),
                ("no_example", _TRANSPOSED["no_example"], (1, 0), (1, 0)),
            )
        ),
        Case(
            "conv_transpose2d_padded",
            {"x": _SMALL, "weight": _WEIGHT, "stride": (2, 2), "padding": (0, 0), "output_padding": (0, 2)},
            raises=ValueError,
            label="output_padding",
        ),
    ),
)
