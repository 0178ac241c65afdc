"""Surgery on a network: its parts listed, a piece cut out, a layer added, and a table of what leaves each layer."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "KINDS", "POOL", "Pieces", "Summary"]

KINDS = ("convolution", "relu", "pooling", "flatten", "dense")
"""What a layer may be; the functions answer with places in this list."""
POOL = 4
"""Window and stride of the pooling, in pixels."""


class Pieces(NamedTuple):
    """A network cut in two."""

    features: Any
    """What leaves the first piece: (N, C, H, W), or (N, F) behind the flattening."""
    logits: Any
    """(N, K): what the second piece makes of it."""
    whole: Any
    """(N, K): what the uncut network answers."""


class Summary(NamedTuple):
    """A row for each layer."""

    kinds: Any
    """(L,) int64, places in `KINDS`."""
    shapes: Any
    """(L, 3) int64: C, H and W of what leaves the layer, or features, 1 and 1."""
    parameters: Any
    """(L,) int64: how many numbers it learns."""


# Distinct prime sizes, no zeros, no symmetry. Pooling leaves a single pixel: the order of flattening cannot differ.
_RNG = np.random.default_rng(41)
_IMAGES = _RNG.normal(size=(2, 3, 6, 6))
_NETWORK = {"filters": _RNG.normal(size=(5, 3, 3, 3)), "weight": _RNG.normal(size=(7, 5))}
_HEAD = _RNG.normal(size=(11, 7))


# --- the third opinion ---------------------------------------------------------------------------------------


def _steps(images: Array, filters: Array, weight: Array) -> list[Array]:
    windows = np.lib.stride_tricks.sliding_window_view(images, filters.shape[2:], (2, 3))
    x = np.einsum("nchwab,ocab->nohw", windows, filters)
    bent = np.maximum(x, 0)
    pooled = bent.max((2, 3), keepdims=True)
    flat = pooled[:, :, 0, 0]
    return [x, bent, pooled, flat, flat @ weight.T]


def _cut(images: Array, filters: Array, weight: Array, stop: int) -> Pieces:
    steps = _steps(images, filters, weight)
    return Pieces(steps[stop - 1], steps[-1], steps[-1])


def _longer(images: Array, filters: Array, weight: Array, head: Array) -> Array:
    found: Array = np.maximum(_steps(images, filters, weight)[-1], 0) @ head.T
    return found


def _summary(filters: Array, weight: Array, image_size: int) -> Summary:
    channels, size = len(filters), image_size - filters.shape[2] + 1
    shapes = [(channels, size, size)] * 2 + [(channels, 1, 1)] * 2 + [(len(weight), 1, 1)]
    return Summary(np.arange(5), np.array(shapes), np.array([filters.size, 0, 0, 0, weight.size]))


CONCEPT = Concept(
    module=__name__,
    title="Listing children, slicing a network, adding modules, layer summaries",
    kind="procedure",
    summary="A network is a list of layers that can be read, cut and made longer; the pieces share its parameters.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 6.1 and 7.6 (the table of LeNet's shapes)",),
    differences=(
        Difference(
            "D007",
            "layout of images and kernels",
            tf="N H W C, (A, B, in, out)",
            torch="N C H W, (out, in, A, B)",
            ours="PyTorch's, at the function's border",
        ),
        Difference("D008", "layout of a dense weight", tf="(in, out)", torch="(out, in)", ours="(out, in)"),
        Difference(
            "X-module-children",
            "the parts of a network",
            tf="the list layers",
            torch="the iterator children(), or named_children()",
            ours="as each side is used to",
            demo=Demo(
                tf="""
                    network = keras.Sequential([keras.layers.Dense(3), keras.layers.ReLU()])
                    len(network.layers)
                """,
                torch="""
                    network = torch.nn.Sequential(torch.nn.Linear(7, 3), torch.nn.ReLU())
                    len(network.children())
                """,
            ),
        ),
        Difference(
            "X-module-slice",
            "a piece of a network",
            tf="a model between two of its tensors, or a Sequential of some layers",
            torch="network[a:b]",
            ours="the layers of the whole network, not copies",
            demo=Demo(
                tf="""
                    network = keras.Sequential([keras.layers.Dense(3), keras.layers.ReLU()])
                    network[:1](x).shape
                """,
                torch="""
                    network = torch.nn.Sequential(torch.nn.Linear(7, 3), torch.nn.ReLU())
                    network[:1](x).shape
                """,
            ),
        ),
        Difference(
            "X-module-add",
            "one layer more",
            tf="add, of a Sequential",
            torch="add_module, of any module, with a name",
            ours="as each side is used to",
            demo=Demo(
                tf='hasattr(keras.Model, "add")',
                torch='hasattr(torch.nn.Module, "add_module")',
            ),
        ),
        Difference(
            "X-module-shapes",
            "what leaves a layer",
            tf="known to each layer of a built network: layer.output.shape",
            torch="seen when something passes: a forward hook",
            ours="the same table",
            demo=Demo(
                tf="""
                    network = keras.Sequential([keras.Input((7,)), keras.layers.Dense(3), keras.layers.ReLU()])
                    hasattr(network.layers[0], "output")
                """,
                torch="""
                    network = torch.nn.Sequential(torch.nn.Linear(7, 3), torch.nn.ReLU())
                    hasattr(network[0], "output")
                """,
            ),
        ),
    ),
    cases=(
        Case("children", _NETWORK, lambda filters, weight: np.arange(5)),
        *(
            Case("slice_network", {"images": _IMAGES, **_NETWORK, "stop": stop}, _cut, label=f"behind_{kind}")
            for stop, kind in enumerate(KINDS[:-1], 1)
        ),
        Case("add_module", {"images": _IMAGES, **_NETWORK, "head": _HEAD}, _longer),
        Case("layer_summary", {**_NETWORK, "image_size": 6}, _summary),
        *(
            Case(
                "slice_network", {"images": _IMAGES, **_NETWORK, "stop": stop}, raises=ValueError, label=f"stop_{stop}"
            )
            for stop in (0, 5)
        ),
    ),
)
