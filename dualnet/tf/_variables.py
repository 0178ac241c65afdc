"""Keras variables by canonical name and in canonical layout: owned by the kind of layer, never guessed from a shape."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers

from dualnet.interface import Array, StateError

__all__ = ["Slot", "named_layers", "slots"]


class Slot(NamedTuple):
    """A Keras variable and the way between its layout and the canonical one."""

    variable: Any
    canonical: Callable[[Array], Array] = np.array
    native: Callable[[Array], Array] = np.asarray


def _kernel(variable: Any) -> Slot:
    """differs: D007, D008, D009, D010, D013: Keras' (*kernel, a, b) is (b, a, *kernel)."""
    n = len(variable.shape)
    return Slot(
        variable,
        lambda k: np.array(k.transpose(n - 1, n - 2, *range(n - 2)), order="C"),
        lambda k: k.transpose(*range(2, n), 1, 0),
    )


def _depthwise(variable: Any) -> Slot:
    """differs: D011: Keras' (*kernel, in, multiplier) is (in * multiplier, 1, *kernel)."""
    *kernel, channels, multiplier = variable.shape
    n = len(kernel)
    return Slot(
        variable,
        lambda k: np.array(k.transpose(n, n + 1, *range(n)).reshape(-1, 1, *kernel), order="C"),
        lambda k: k.reshape(channels, multiplier, *kernel).transpose(*range(2, n + 2), 0, 1),
    )


_NORM = {"gamma": ("weight", Slot), "beta": ("bias", Slot)}
_DENSE = {"kernel": ("weight", _kernel), "bias": ("bias", Slot)}
_DEPTHWISE = {"kernel": ("weight", _depthwise), "bias": ("bias", Slot)}
_KINDS: dict[type, Mapping[str, tuple[str, Callable[[Any], Slot]]]] = {
    layers.Dense: _DENSE,
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D), _DENSE),
    **dict.fromkeys((layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose), _DENSE),
    **dict.fromkeys((layers.DepthwiseConv1D, layers.DepthwiseConv2D), _DEPTHWISE),
    layers.Embedding: {"embeddings": ("weight", Slot)},
    layers.BatchNormalization: {
        **_NORM, "moving_mean": ("running_mean", Slot), "moving_variance": ("running_var", Slot),
    },
    layers.LayerNormalization: _NORM,
    layers.GroupNormalization: _NORM,
}  # fmt: skip


def slots(model: keras.Model) -> dict[str, Slot]:
    """Every variable of a built model by canonical name."""
    found: dict[str, Slot] = {}
    for layer in model._flatten_layers():
        for variable in (*layer._trainable_variables, *layer._non_trainable_variables):
            prefix, _, last = _dotted(variable.path, model).rpartition(".")
            last, slot = _kind(layer, last)(variable)
            name = f"{prefix}.{last}" if prefix else last
            if name in found:
                raise StateError(
                    f"{type(model).__name__} (tf) has two variables {name!r}: give its layers distinct names"
                )
            found[name] = slot
    return found


def _kind(layer: Any, name: str) -> Callable[[Any], tuple[str, Slot]]:
    for kind in type(layer).__mro__:
        if kind in _KINDS and name in _KINDS[kind]:
            canonical, slot = _KINDS[kind][name]
            return lambda variable: (canonical, slot(variable))
        if kind.__module__.startswith("keras.") and kind not in keras.Model.__mro__:
            raise StateError(f"no canonical layout is known for {name!r} of the Keras layer {kind.__name__}")
    return lambda variable: (
        name,
        Slot(variable),
    )  # a layer of our own: its variables are canonical as they are


def named_layers(model: keras.Model) -> Iterator[tuple[str, layers.Layer]]:
    """Every layer once, by dotted name: a layer without variables has no path from which to read it."""
    seen: set[int] = set()

    def below(parent: layers.Layer, prefix: str) -> Iterator[tuple[str, layers.Layer]]:
        for layer in parent._flatten_layers(include_self=False, recursive=False):
            if id(layer) not in seen:
                seen.add(id(layer))
                yield prefix + layer.name, layer
                yield from below(layer, f"{prefix}{layer.name}.")

    return below(model, "")


def _dotted(path: str, model: keras.Model) -> str:
    return path.removeprefix(f"{model.name}/").replace("/", ".")
