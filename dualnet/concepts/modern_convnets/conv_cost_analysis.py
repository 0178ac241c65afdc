"""What a convolutional network costs: parameters, multiply-adds and memory, layer by layer."""

import math
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Case, Concept, Demo, Difference

__all__ = [
    "CONCEPT", "STACKS", "Comparison", "Conv", "Costs", "Dense", "FirstDense", "Layer", "Memory", "Pool", "check_layer",
    "deep_stack", "first_dense_index", "wide_stack",
]  # fmt: skip


class Conv(NamedTuple):
    """A square convolution with biases."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    """Zeros on every side."""
    groups: int = 1


class Pool(NamedTuple):
    """A square max pooling."""

    kernel: int
    stride: int
    padding: int = 0
    """On every side."""


class Dense(NamedTuple):
    """A dense layer with biases, on whatever comes, flattened."""

    units: int


Layer = Conv | Pool | Dense


class Costs(NamedTuple):
    """Of each layer, int64 (L,)."""

    parameters: Any
    multiply_adds: Any
    """For one image; two floating-point operations each. Adding a bias, comparing and averaging count as nothing."""
    activations: Any
    """Elements that leave the layer, for one image."""


class Memory(NamedTuple):
    """What a training step keeps, in bytes."""

    parameters: Any
    gradients: Any
    activations: Any
    """What leaves each layer, for the backward pass."""


class Comparison(NamedTuple):
    """Two stacks of one receptive field, int64 (2,): deep and narrow, then shallow and wide."""

    parameters: Any
    multiply_adds: Any
    activations: Any


class FirstDense(NamedTuple):
    """The dense layer after the last feature maps."""

    parameters: Any
    parameter_share: Any
    """Of the whole stack's."""
    multiply_add_share: Any
    """Of the whole stack's."""


STACKS: dict[str, tuple[tuple[int, int, int], tuple[Layer, ...]]] = {
    "lenet": (
        (1, 28, 28),
        (Conv(6, 5, 1, 2), Pool(2, 2), Conv(16, 5), Pool(2, 2), Dense(120), Dense(84), Dense(10)),
    ),
    "alexnet": (
        (1, 224, 224),
        (
            Conv(96, 11, 4, 1), Pool(3, 2), Conv(256, 5, 1, 2), Pool(3, 2), Conv(384, 3, 1, 1), Conv(384, 3, 1, 1),
            Conv(256, 3, 1, 1), Pool(3, 2), Dense(4096), Dense(4096), Dense(10),
        ),
    ),
    "vgg11": (
        (1, 224, 224),
        (
            Conv(16, 3, 1, 1), Pool(2, 2), Conv(32, 3, 1, 1), Pool(2, 2), Conv(64, 3, 1, 1), Conv(64, 3, 1, 1),
            Pool(2, 2), Conv(128, 3, 1, 1), Conv(128, 3, 1, 1), Pool(2, 2), Conv(128, 3, 1, 1), Conv(128, 3, 1, 1),
            Pool(2, 2), Dense(4096), Dense(4096), Dense(10),
        ),
    ),
    "nin": (
        (3, 33, 31),
        (Conv(12, 5, 2, 1), Conv(8, 1), Pool(3, 2, 1), Conv(16, 3, 1, 1, groups=4), Conv(10, 1), Conv(7, 2, 3)),
    ),
}  # fmt: skip
"""Shape (C, H, W) of the image and the layers: networks of Dive into Deep Learning (VGG with a quarter of the
channels), and one of small layers without a dense one."""


def check_layer(shape: tuple[int, ...], layer: Layer) -> None:
    """ValueError unless the layer can follow outputs of this shape, (C, H, W) or (F,)."""
    if isinstance(layer, Dense):
        return
    if len(shape) != 3:
        raise ValueError(f"{layer} after features of shape {shape}: expected maps (C, H, W)")
    if layer.kernel > min(shape[1:]) + 2 * layer.padding:
        raise ValueError(f"{layer} has no output: expected maps larger than {shape[1]}x{shape[2]}")
    if isinstance(layer, Pool) and 2 * layer.padding > layer.kernel:
        raise ValueError(f"{layer}: expected a padding of at most half the kernel, or a window sees nothing else")
    if isinstance(layer, Conv) and (shape[0] % layer.groups or layer.channels % layer.groups):
        raise ValueError(f"{layer} after {shape[0]} channels: expected multiples of groups={layer.groups}")


def deep_stack(channels: int, kernel: int) -> tuple[Layer, ...]:
    """As many convolutions of 3x3 as see as far as one of kernel x kernel.

    Raises:
        ValueError: the kernel is even, or less than 3.
    """
    if kernel < 3 or kernel % 2 == 0:
        raise ValueError(f"kernel {kernel}: expected an odd number of at least 3")
    return (Conv(channels, 3, padding=1),) * (kernel // 2)


def wide_stack(channels: int, kernel: int) -> tuple[Layer, ...]:
    """One convolution of kernel x kernel that keeps height and width."""
    return (Conv(channels, kernel, padding=kernel // 2),)


def first_dense_index(layers: tuple[Layer, ...]) -> int:
    """Where the first dense layer stands.

    Raises:
        ValueError: there is none.
    """
    for index, layer in enumerate(layers):
        if isinstance(layer, Dense):
            return index
    raise ValueError("no dense layer: expected at least one Dense among the layers")


# --- the third opinion: windows counted, and every output asked how many inputs it reads -------------------------


def _costs(shape: tuple[int, ...], layers: tuple[Layer, ...]) -> Costs:
    rows = []
    for layer in layers:
        if isinstance(layer, Dense):
            reads, shape = math.prod(shape), (layer.units,)
            kinds = layer.units
        else:
            channels = layer.channels if isinstance(layer, Conv) else shape[0]
            windows = (len(range(0, n + 2 * layer.padding - layer.kernel + 1, layer.stride)) for n in shape[1:])
            reads = shape[0] // layer.groups * layer.kernel**2 if isinstance(layer, Conv) else 0
            kinds, shape = (channels if isinstance(layer, Conv) else 0), (channels, *windows)
        rows.append((kinds * (reads + 1), math.prod(shape) * reads, math.prod(shape)))
    return Costs(*np.array(rows, np.int64).reshape(-1, 3).T)


def _memory(shape: tuple[int, ...], layers: tuple[Layer, ...], batch_size: int, dtype: str) -> Memory:
    parameters, _, activations = (counts.sum() * np.dtype(dtype).itemsize for counts in _costs(shape, layers))
    return Memory(parameters, parameters, batch_size * activations)


def _comparison(channels: int, size: int, kernel: int) -> Comparison:
    deep, pixels = kernel // 2, size**2
    weights = np.array([deep * 9, kernel**2]) * channels**2
    layers = np.array([deep, 1])
    return Comparison(weights + layers * channels, weights * pixels, layers * channels * pixels)


def _first_dense(shape: tuple[int, ...], layers: tuple[Layer, ...]) -> FirstDense:
    costs, index = _costs(shape, layers), [isinstance(layer, Dense) for layer in layers].index(True)
    parameters, multiply_adds = (counts[index] / counts.sum() for counts in costs[:2])
    return FirstDense(costs.parameters[index], parameters, multiply_adds)


_LENET = {"shape": STACKS["lenet"][0], "layers": STACKS["lenet"][1]}

CONCEPT = Concept(
    module=__name__,
    title="Parameter, FLOP and memory accounting; deep-narrow versus shallow-wide convolutions",
    kind="procedure",
    summary="Convolutions have the work, the first dense layer has the weights; small kernels in a row cost less.",
    sources=(
        "Simonyan, Zisserman (2015), Very deep convolutional networks for large-scale image recognition, section 2.3",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 8.1, 8.2 and 8.3",
    ),
    differences=(
        Difference(
            "D001",
            "padding by a number of zeros",
            tf="a layer of its own: convolution and pooling know 'same' and 'valid'",
            torch="an argument of convolution and pooling",
            ours="the same number on every side",
        ),
        Difference(
            "X-shapes-alone",
            "shapes without numbers",
            tf="symbolic inputs: layers on a keras.Input compute nothing, but have weights",
            torch="the meta device: neither inputs nor weights have numbers",
            ours="counted from shapes; nothing is computed",
            demo=Demo(
                tf="""
                    layer = keras.layers.Dense(3)
                    layer(keras.Input((7,)))
                    layer.bias.numpy()
                """,
                torch="""
                    layer = torch.nn.Linear(7, 3, device="meta")
                    layer(torch.empty(5, 7, device="meta"))
                    layer.bias.numpy(force=True)
                """,
            ),
        ),
    ),
    cases=(
        *(
            Case("layer_costs", {"shape": shape, "layers": layers}, _costs, label=label)
            for label, (shape, layers) in STACKS.items()
        ),
        Case("layer_costs", {"shape": (3, 5, 7), "layers": ()}, _costs, label="no_layer"),
        Case("layer_costs", {"shape": (1, 9, 9), "layers": (Conv(2, 11),)}, raises=ValueError, label="too_small"),
        Case("layer_costs", {"shape": (3, 9, 9), "layers": (Conv(4, 1, groups=2),)}, raises=ValueError, label="groups"),
        Case("layer_costs", {"shape": (3, 9, 9), "layers": (Dense(4), Pool(2, 2))}, raises=ValueError, label="no_maps"),
        Case("layer_costs", {"shape": (3, 9, 9), "layers": (Pool(2, 2, 2),)}, raises=ValueError, label="blind_window"),
        *(
            Case("training_memory", {**_LENET, "batch_size": size, "dtype": dtype}, _memory, label=f"{dtype}_{size}")
            for size, dtype in ((128, "float32"), (1, "float64"), (7, "float16"))
        ),
        *(
            Case(
                "deep_against_wide",
                {"channels": channels, "size": size, "kernel": kernel},
                _comparison,
                label=f"{kernel}x{kernel}",
            )
            for channels, size, kernel in ((5, 14, 3), (16, 28, 5), (7, 11, 7), (3, 13, 11))
        ),
        Case("deep_against_wide", {"channels": 5, "size": 9, "kernel": 4}, raises=ValueError, label="even"),
        *(
            Case("first_dense", {"shape": STACKS[name][0], "layers": STACKS[name][1]}, _first_dense, label=name)
            for name in ("lenet", "alexnet", "vgg11")
        ),
        Case(
            "first_dense", {"shape": STACKS["nin"][0], "layers": STACKS["nin"][1]}, raises=ValueError, label="no_dense"
        ),
    ),
)
