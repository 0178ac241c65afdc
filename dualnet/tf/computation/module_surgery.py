"""Surgery on a network in Keras 3: its layers are a list, and a model lies between any two of its tensors.

Source: Dive into Deep Learning, sections 6.1 and 7.6.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.computation.module_surgery import KINDS, POOL, Pieces, Summary

__all__ = ["add_module", "children", "layer_summary", "slice_network"]

_KINDS = dict(zip(("Conv2D", "ReLU", "MaxPooling2D", "Flatten", "Dense"), range(len(KINDS)), strict=True))


def _network(filters: tf.Tensor, weight: tf.Tensor, image_size: int) -> keras.Sequential:
    """Convolution, ReLU, pooling, flattening and a dense layer, with these weights and no bias."""
    like = {"dtype": filters.dtype.name}
    outputs, inputs, *window = filters.shape
    parts = [
        keras.Input((image_size, image_size, inputs), **like),
        layers.Conv2D(outputs, tuple(window), use_bias=False, name="convolution", **like),
        layers.ReLU(name="relu", **like),
        layers.MaxPooling2D(POOL, name="pooling", **like),
        layers.Flatten(name="flatten", **like),
        layers.Dense(len(weight), use_bias=False, name="dense", **like),
    ]
    network = keras.Sequential(parts)
    network.set_weights([tf.transpose(filters, (2, 3, 1, 0)), tf.transpose(weight)])  # differs: D007, D008
    return network


def children(filters: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """What the parts of the network are, by the names of their classes.

    Args:
        filters: (C, in, A, B), of the convolution.
        weight: (K, C), of the dense layer.

    Returns:
        (L,) int64, places in `KINDS`.
    """
    network = _network(filters, weight, filters.shape[-1] + POOL - 1)
    return tf.constant(
        [_KINDS[type(layer).__name__] for layer in network.layers], tf.int64
    )  # differs: X-module-children


def slice_network(images: tf.Tensor, filters: tf.Tensor, weight: tf.Tensor, stop: int) -> Pieces:
    """The network cut behind some layer: the first piece finds features, the second reads them.

    Args:
        images: (N, in, H, W).
        filters: (C, in, A, B), of the convolution.
        weight: (K, C), of the dense layer.
        stop: how many layers the first piece has.

    Returns:
        What leaves each piece, and the whole network.

    Raises:
        ValueError: a piece would have no layer.
    """
    network = _network(filters, weight, images.shape[-1])
    if not 0 < stop < len(network.layers):
        raise ValueError(f"stop {stop}: expected 1 to {len(network.layers) - 1}, so that both pieces have a layer")
    cut = network.layers[stop - 1].output
    first, second = keras.Model(network.inputs, cut), keras.Model(cut, network.outputs[0])  # differs: X-module-slice
    pixels = tf.transpose(images, (0, 2, 3, 1))  # N H W in
    features = first(pixels)
    canonical = tf.transpose(features, (0, 3, 1, 2)) if len(features.shape) == 4 else features
    return Pieces(canonical, second(features), network(pixels))


def add_module(images: tf.Tensor, filters: tf.Tensor, weight: tf.Tensor, head: tf.Tensor) -> tf.Tensor:
    """The answer of the network, made longer by a ReLU and a dense layer.

    Args:
        images: (N, in, H, W).
        filters: (C, in, A, B), of the convolution.
        weight: (K, C), of the dense layer.
        head: (M, K), of the new dense layer.

    Returns:
        (N, M).
    """
    network = _network(filters, weight, images.shape[-1])
    new = layers.Dense(len(head), use_bias=False, name="head", dtype=head.dtype.name)
    network.add(layers.ReLU(name="bend", dtype=head.dtype.name))  # differs: X-module-add
    network.add(new)
    new.kernel.assign(tf.transpose(head))
    return network(tf.transpose(images, (0, 2, 3, 1)))


def layer_summary(filters: tf.Tensor, weight: tf.Tensor, image_size: int) -> Summary:
    """What leaves each layer, and how much it learns.

    Args:
        filters: (C, in, A, B), of the convolution.
        weight: (K, C), of the dense layer.
        image_size: height and width of an image in pixels.

    Returns:
        A row for each layer.
    """
    network, shapes = _network(filters, weight, image_size), []
    for layer in network.layers:
        *sizes, channels = layer.output.shape[1:]  # differs: X-module-shapes
        shapes.append([channels, *sizes, 1, 1][:3])
    parameters = [layer.count_params() for layer in network.layers]
    return Summary(children(filters, weight), tf.constant(shapes, tf.int64), tf.constant(parameters, tf.int64))
