"""Dropout layers of Keras that draw from `dualnet.noise` instead of TensorFlow's generator."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dualnet.interface import Array
from dualnet.noise import Stream
from dualnet.tf._variables import named_layers

__all__ = ["noise"]

ALPHA = -1.7580993408473766  # the value of SELU far left of 0: Klambauer et al. (2017), section 2
CHANNELS = (layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D)
KINDS = (*CHANNELS, layers.AlphaDropout, layers.Dropout)


@contextmanager
def noise(model: keras.Model, seed: int) -> Iterator[dict[str, Stream]]:
    """See `dualnet.interface.Backend.noise`."""
    replaced: list[layers.Layer] = []
    streams: dict[str, Stream] = {}
    try:
        for name, layer in named_layers(model):
            # A subclass with a call of its own is nobody's dropout but its author's.
            if any(isinstance(layer, kind) and type(layer).call is kind.call for kind in KINDS):
                streams[name] = Stream(seed, name)
                layer.call = _drawing(layer, streams[name])
                replaced.append(layer)
        yield streams
    finally:
        for layer in replaced:
            del layer.call


def _drawing(layer: layers.Layer, stream: Stream) -> Callable[..., tf.Tensor]:
    def call(inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return inputs
        rate = layer.rate
        # A graph is traced once, but calls this function anew in every run.
        keep = tf.numpy_function(lambda shape: _keep(layer, stream, shape), [tf.shape(inputs)], tf.float64)
        keep = tf.cast(tf.ensure_shape(keep, _mask_shape(layer, inputs.shape)), inputs.dtype)
        if isinstance(layer, layers.AlphaDropout):
            return _affine(inputs * keep + ALPHA * (1 - keep), rate)
        return inputs * keep / (1 - rate) if rate < 1 else inputs * keep

    return call


def _mask_shape(layer: layers.Layer, shape: tf.TensorShape) -> list[int | None]:
    n, *middle, last = shape
    return [n, *(1 for _ in middle), last] if isinstance(layer, CHANNELS) else [n, *middle, last]


def _keep(layer: layers.Layer, stream: Stream, shape: Array) -> Array:
    """A mask drawn in the canonical layout: what has height and width, or whole channels to drop, is channels first."""
    n, *middle, last = (int(size) for size in shape)
    if isinstance(layer, CHANNELS):
        return np.moveaxis(stream.keep(layer.rate, (n, last, *(1 for _ in middle))), 1, -1)
    if len(middle) >= 2:
        return np.moveaxis(stream.keep(layer.rate, (n, last, *middle)), 1, -1)
    return stream.keep(layer.rate, tuple(int(size) for size in shape))


def _affine(x: tf.Tensor, rate: float) -> tf.Tensor:
    """Brings mean 0 and variance 1 back after values were set to ALPHA."""
    a = ((1 - rate) * (1 + rate * ALPHA**2)) ** -0.5 if rate < 1 else 0.0
    return a * x - a * ALPHA * rate
