"""A dense layer over a feature map is a convolution whose window is the whole map."""

from typing import Any

import numpy as np

from dualnet.interface import Array, Case, Concept, Difference

__all__ = ["CONCEPT", "Sizes", "check_features"]

Sizes = tuple[int, int, int]
"""Channels, height and width of the feature map that a dense layer was made for."""


def check_features(features: int, sizes: Sizes) -> None:
    """ValueError unless a dense weight for so many features fits a feature map of these sizes."""
    if features != sizes[0] * sizes[1] * sizes[2]:
        raise ValueError(f"a weight for {features} features: expected channels * height * width of {tuple(sizes)}")


# Distinct sizes, no zeros, no symmetry: a flatten order of another axis first cannot hide.
_RNG = np.random.default_rng(61)
_MAPS = _RNG.normal(size=(2, 3, 4, 5))
_WEIGHT = _RNG.normal(size=(7, 60))
_BIAS = _RNG.normal(size=7)
_LARGER = _RNG.normal(size=(2, 3, 6, 7))
_SIZES = (3, 4, 5)
# The toy example of Raschka's "Replacing a fully connected layer by a convolutional layer": 14.9 and 19.0.
_TOY = {
    "x": np.array([[[[1.0, 2.0], [3.0, 4.0]]]]),
    "weight": np.array([[1.1, 1.2, 1.3, 1.4], [1.5, 1.6, 1.7, 1.8]]),
    "bias": np.array([1.9, 2.0]),
}
_FORMS = ("dense", "dense_as_convolution", "dense_as_1x1_convolution")


# --- the third opinion ---------------------------------------------------------------------------------------


def _dense(x: Array, weight: Array, bias: Array) -> Any:
    return np.einsum("nchw,ochw->no", x, weight.reshape(-1, *x.shape[1:])) + bias


def _slid(x: Array, weight: Array, bias: Array, sizes: Sizes) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(x, sizes[1:], (2, 3))
    return np.einsum("nchwab,ocab->nohw", windows, weight.reshape(-1, *sizes)) + bias[:, None, None]


def _places(sizes: Sizes) -> Array:
    """Where each feature of the order row, column, channel stands in the order channel, row, column."""
    channels, height, width = sizes
    return np.array(
        [c * height * width + i * width + j for i in range(height) for j in range(width) for c in range(channels)]
    )


CONCEPT = Concept(
    module=__name__,
    title="Replacing a fully connected layer by an equivalent convolution",
    kind="ops",
    summary="The weights stay, only their shape changes; then the layer slides over larger images, too.",
    sources=(
        "Long, Shelhamer, Darrell 2015, Fully Convolutional Networks for Semantic Segmentation, section 3.1",
        "Raschka, Deep Learning Models, Replacing Fully-Connected by Equivalent Convolutional Layers",
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
            "D008",
            "layout of a dense weight",
            tf="(in, out): y = x W",
            torch="(out, in): y = x W^T",
            ours="(out, in)",
        ),
        Difference(
            "D019",
            "order of the features that a feature map is flattened to",
            tf="row, column, channel",
            torch="channel, row, column",
            ours="channel, row, column: TensorFlow's rows of the weight are put into its own order",
        ),
        Difference(
            "X-conv-empty-batch",
            "convolution of no example",
            tf="in float32 on a CPU the result has the input's shape",
            torch="(0, out, H, W)",
            ours="(0, out, H, W)",
        ),
    ),
    cases=(
        *(
            Case(function, args, _dense, wrt=("x", "weight", "bias") if args["x"].size else (), label=label)
            for function in _FORMS
            for label, args in (
                ("", {"x": _MAPS, "weight": _WEIGHT, "bias": _BIAS}),
                ("toy", _TOY),
                ("one_pixel", {"x": _MAPS[:, :, :1, :1], "weight": _WEIGHT[:, :3], "bias": _BIAS}),
                ("no_example", {"x": _MAPS[:0], "weight": _WEIGHT, "bias": _BIAS}),
            )
        ),
        *(
            Case(function, {"x": _LARGER, "weight": _WEIGHT, "bias": _BIAS}, raises=ValueError, label="another_size")
            for function in _FORMS
        ),
        *(
            Case(
                "slide",
                {"x": x, "weight": _WEIGHT, "bias": _BIAS, "sizes": _SIZES},
                _slid,
                wrt=("x", "weight", "bias") if x.size else (),
                label=label,
            )
            for label, x in (("", _LARGER), ("one_window", _MAPS), ("no_example", _LARGER[:0]))
        ),
        Case(
            "slide",
            {"x": _MAPS, "weight": _WEIGHT, "bias": _BIAS, "sizes": (3, 5, 5)},
            raises=ValueError,
            label="sizes",
        ),
        Case(
            "kernel_of_dense",
            {"weight": _WEIGHT, "sizes": _SIZES},
            lambda weight, sizes: weight.reshape(-1, *sizes),
            wrt=("weight",),
        ),
        Case("kernel_of_dense", {"weight": _WEIGHT, "sizes": (3, 4, 4)}, raises=ValueError, label="sizes"),
        Case(
            "dense_of_kernel",
            {"kernel": _WEIGHT.reshape(7, 3, 4, 5)},
            lambda kernel: kernel.reshape(len(kernel), -1),
            wrt=("kernel",),
        ),
        Case(
            "channels_last_weight",
            {"weight": _WEIGHT, "sizes": _SIZES},
            lambda weight, sizes: weight.T[_places(sizes)],
            wrt=("weight",),
        ),
        Case("channels_last_weight", {"weight": _WEIGHT, "sizes": (4, 4, 4)}, raises=ValueError, label="sizes"),
        Case(
            "channels_first_weight",
            {"kernel": _WEIGHT.T.copy(), "sizes": _SIZES},
            lambda kernel, sizes: kernel.T[:, np.argsort(_places(sizes))],
            wrt=("kernel",),
        ),
        Case(
            "channels_first_weight", {"kernel": _WEIGHT.T.copy(), "sizes": (1, 4, 5)}, raises=ValueError, label="sizes"
        ),
    ),
)
