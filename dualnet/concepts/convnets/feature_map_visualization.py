"""What a convolutional network sees: its feature maps and its kernels as pictures."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, DataError, Dataset, Demo, Difference, Exhibit

__all__ = ["CONCEPT", "FeatureMaps", "check_images", "check_maps"]


class FeatureMaps(NamedTuple):
    """What leaves each layer of the network, caught on the way."""

    conv1: Any
    """(N, C, H, W), before the ReLU."""
    relu1: Any
    """(N, C, H, W)."""
    pool1: Any
    """(N, C, H/2, W/2)."""
    conv2: Any
    """(N, D, H/2, W/2), before the ReLU."""


def check_images(count: int) -> None:
    """ValueError unless there is an image."""
    if count < 1:
        raise ValueError("images of shape (0, ...): expected at least one")


def check_maps(shape: tuple[int, ...], columns: int) -> None:
    """ValueError unless these are maps (C, H, W), at least one, to be shown in at least one column."""
    if len(shape) != 3 or 0 in shape or columns < 1:
        raise ValueError(
            f"maps of shape {tuple(shape)} in {columns} columns: expected (C, H, W), none of them 0, "
            "and at least 1 column"
        )


# Distinct prime sizes, no zeros, no symmetry; an odd image, of which pooling leaves a row and a column out.
_RNG = np.random.default_rng(59)
_IMAGES = _RNG.normal(size=(2, 3, 7, 11))
_WEIGHTS = {
    "kernel1": _RNG.normal(size=(5, 3, 3, 3)),
    "bias1": _RNG.normal(size=5),
    "kernel2": _RNG.normal(size=(2, 5, 3, 3)),
    "bias2": _RNG.normal(size=2),
}
_MAPS = _RNG.normal(size=(5, 2, 3))
_FLAT = _RNG.normal(size=(2, 3, 2, 5))
_FLAT[1, 2] = 0.7
_DARK = _RNG.uniform(-0.9, -0.1, size=_IMAGES.shape)  # where every kernel of _POSITIVE is silent but for its bias
_POSITIVE = {**_WEIGHTS, "kernel1": np.abs(_WEIGHTS["kernel1"]), "bias1": -np.abs(_WEIGHTS["bias1"])}


# --- the third opinion ---------------------------------------------------------------------------------------


def _conv(x: Array, kernel: Array, bias: Array) -> Array:
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(2, 3))
    found: Array = np.einsum("nchwab,dcab->ndhw", windows, kernel) + bias[:, None, None]
    return found


def _feature_maps(images: Array, kernel1: Array, bias1: Array, kernel2: Array, bias2: Array) -> FeatureMaps:
    conv1 = _conv(images, kernel1, bias1)
    relu1 = np.maximum(conv1, 0)
    n, c, h, w = relu1.shape
    pool1 = relu1[:, :, : h // 2 * 2, : w // 2 * 2].reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))
    return FeatureMaps(conv1, relu1, pool1, _conv(pool1, kernel2, bias2))


def _stretched(maps: Array) -> Array:
    low, high = maps.min((2, 3), keepdims=True), maps.max((2, 3), keepdims=True)
    found: Array = (maps - low) / np.where(high > low, high - low, 1)
    return found


def _mosaic(maps: Array, columns: int) -> Array:
    count, height, width = maps.shape
    picture = np.zeros((-(-count // columns) * height, columns * width), maps.dtype)
    for i, one in enumerate(maps):
        row, column = i // columns * height, i % columns * width
        picture[row : row + height, column : column + width] = one
    return picture


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    """A digit, and what four kernels make of it: for edges to the right and downwards, for blobs and for dots."""
    if dataset is None or np.ndim(dataset.test_inputs) != 4:
        raise DataError(
            "feature_map_visualization shows an image: expected a data set of images, such as --data digits"
        )
    images = np.asarray(dataset.test_inputs)[:1, :1].astype(np.float64)
    right = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    dot = np.full((3, 3), -1 / 8)
    dot[1, 1] = 1.0
    kernels = np.stack([right, right.T, np.full((3, 3), 1 / 9), dot])  # A B
    weights = {
        "kernel1": kernels[:, None],
        "bias1": np.zeros(4),
        "kernel2": np.stack([kernels, kernels[::-1]]),
        "bias2": np.zeros(2),
    }
    maps = call("feature_maps", images=images, **weights)
    shown = {name: call("stretched", maps=found)["value"] for name, found in maps.items()}
    return (
        Exhibit("the image", "images", {"images": images[:, None]}),
        *(Exhibit(name, "images", {"images": found[:, :, None]}) for name, found in shown.items()),
        Exhibit("the kernels", "images", {"images": call("stretched", maps=kernels[None])["value"][:, :, None]}),
    )


CONCEPT = Concept(
    module=__name__,
    title="Visualising convolution activations",
    kind="procedure",
    summary="Feature maps, caught while an image passes a network, and kernels are made into pictures to look at.",
    sources=(
        "Zeiler, Fergus (2014), Visualizing and understanding convolutional networks, section 4",
        "Wang et al. (2020), CNN Explainer: learning convolutional neural networks with interactive visualization",
    ),
    differences=(
        Difference("D007", "layout of kernels", tf="(A, B, in, out)", torch="(out, in, A, B)", ours="(out, in, A, B)"),
        Difference(
            "X-conv-no-image",
            "float32 convolution of no image",
            tf="by oneDNN of the input's channels instead of the kernel's, so that adding the bias fails",
            torch="an empty result",
            ours="ValueError",
            demo=Demo(
                tf="""
                    layer = keras.layers.Conv2D(6, 3, dtype="float32")
                    layer(tf.zeros((0, 5, 5, 4))).shape
                """,
                torch="""
                    layer = torch.nn.Conv2d(4, 6, 3)
                    layer(torch.zeros(0, 4, 5, 5)).shape
                """,
            ),
        ),
        Difference(
            "X-feature-maps",
            "what a layer gives within a network",
            tf="a second model with every layer's output ends where one wants to look",
            torch="a hook on each module catches what leaves it",
            ours="the maps by name",
            demo=Demo(
                tf='hasattr(keras.layers.Layer, "register_forward_hook")',
                torch='hasattr(torch.nn.Module, "register_forward_hook")',
            ),
        ),
    ),
    cases=(
        Case("feature_maps", {"images": _IMAGES, **_WEIGHTS}, _feature_maps, wrt=("images", *_WEIGHTS)),
        Case("feature_maps", {"images": _DARK, **_POSITIVE}, _feature_maps, smooth=False, label="silent_maps"),
        Case("feature_maps", {"images": _IMAGES[:0], **_WEIGHTS}, raises=ValueError, label="no_image"),
        *(
            Case("stretched", {"maps": maps}, _stretched, wrt=wrt, label=label)
            for label, maps, wrt in (
                ("maps", _RNG.normal(size=(2, 3, 5, 2)), ("maps",)),
                ("kernels", _WEIGHTS["kernel1"], ("maps",)),
                ("flat_map", _FLAT, ()),
                ("one_pixel", _FLAT[:, :, :1, :1], ()),
            )
        ),
        *(
            Case("mosaic", {"maps": _MAPS, "columns": columns}, _mosaic, wrt=("maps",), label=label)
            for label, columns in (("one_column", 1), ("rest", 3), ("one_row", 5), ("wide", 7))
        ),
        Case("mosaic", {"maps": _MAPS, "columns": 0}, raises=ValueError, label="no_column"),
        Case("mosaic", {"maps": _MAPS[:0], "columns": 2}, raises=ValueError, label="no_map"),
        Case("mosaic", {"maps": _FLAT, "columns": 2}, raises=ValueError, label="four_axes"),
    ),
    study=_study,
    data="digits",
)
