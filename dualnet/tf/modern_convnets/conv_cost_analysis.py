"""What a convolutional network costs, in TensorFlow and Keras 3.

    multiply-adds of a convolution  = weights * H_out * W_out      (each weight, once at each place)
    multiply-adds of a dense layer  = weights

On this side the layers stand on a symbolic input, which has a shape and no numbers.
"""

import math

import keras
import tensorflow as tf
from keras import layers as keras_layers

from dualnet.concepts.modern_convnets.conv_cost_analysis import (
    Comparison,
    Conv,
    Costs,
    FirstDense,
    Layer,
    Memory,
    Pool,
    check_layer,
    deep_stack,
    first_dense_index,
    wide_stack,
)

__all__ = ["deep_against_wide", "first_dense", "layer_costs", "training_memory"]


def native(layer: Layer, shape: tuple[int, ...]) -> keras.Sequential:
    """The layer on inputs of this shape, (H, W, C) or (F,)."""
    if isinstance(layer, Conv):
        channels, kernel, stride, padding, groups = layer
        conv = keras_layers.Conv2D(channels, kernel, stride, groups=groups, kernel_initializer="zeros")
        stack = [keras_layers.ZeroPadding2D(padding), conv]  # differs: D001
    elif isinstance(layer, Pool):
        stack = [keras_layers.ZeroPadding2D(layer.padding), keras_layers.MaxPooling2D(layer.kernel, layer.stride)]
    else:
        stack = [keras_layers.Flatten(), keras_layers.Dense(layer.units, kernel_initializer="zeros")]
    return keras.Sequential([keras.Input(shape), *stack])


def layer_costs(shape: tuple[int, ...], layers: tuple[Layer, ...]) -> Costs:
    """Parameters, multiply-adds and activations of each layer, for one image.

    Args:
        shape: of the image, (C, H, W).
        layers: from the image on.

    Returns:
        Three times (L,) int64.

    Raises:
        ValueError: a layer cannot follow the one before it.
    """
    *places, channels = (*shape[1:], shape[0])
    rows = []
    for layer in layers:
        check_layer((channels, *places), layer)
        module = native(layer, (*places, channels))  # differs: X-shapes-alone
        _, *places, channels = module.output_shape
        weights = sum(math.prod(weight.shape) for weight in module.weights if len(weight.shape) > 1)
        rows.append((module.count_params(), weights * math.prod(places), math.prod(places) * channels))
    return Costs(*tf.unstack(tf.reshape(tf.constant(rows, tf.int64), (-1, 3)), axis=1))


def training_memory(shape: tuple[int, ...], layers: tuple[Layer, ...], batch_size: int, dtype: str) -> Memory:
    """What a training step keeps of parameters, their gradients, and activations.

    Args:
        shape: of an image, (C, H, W).
        layers: from the image on.
        batch_size: images at once.
        dtype: of all of it, as "float32".

    Returns:
        Three times () int64, in bytes; the optimizer's own memory and the framework's are not in it.

    Raises:
        ValueError: a layer cannot follow the one before it.
    """
    costs, item = layer_costs(shape, layers), tf.as_dtype(dtype).size
    parameters = tf.reduce_sum(costs.parameters) * item
    return Memory(parameters, parameters, tf.reduce_sum(costs.activations) * batch_size * item)


def deep_against_wide(channels: int, size: int, kernel: int) -> Comparison:
    """Convolutions of 3x3 in a row against one large one that sees as far.

    Args:
        channels: of the input and of each output.
        size: height and width of the maps, kept by padding.
        kernel: height and width of the large one, odd.

    Returns:
        Three times (2,) int64: deep, then wide.

    Raises:
        ValueError: the kernel is even, or less than 3.

    Source:
        Simonyan, Zisserman (2015), section 2.3.
    """
    stacks = deep_stack(channels, kernel), wide_stack(channels, kernel)
    both = [layer_costs((channels, size, size), stack) for stack in stacks]
    return Comparison(*(tf.stack([tf.reduce_sum(deep), tf.reduce_sum(wide)]) for deep, wide in zip(*both, strict=True)))


def first_dense(shape: tuple[int, ...], layers: tuple[Layer, ...]) -> FirstDense:
    """What the first dense layer costs, and its share of all.

    Args:
        shape: of the image, (C, H, W).
        layers: from the image on.

    Returns:
        Its parameters () int64, and its shares of parameters and multiply-adds () float64.

    Raises:
        ValueError: there is no dense layer, or a layer cannot follow the one before it.
    """
    index = first_dense_index(layers)
    parameters, multiply_adds, _ = layer_costs(shape, layers)
    shares = [
        tf.cast(counts[index], tf.float64) / tf.cast(tf.reduce_sum(counts), tf.float64)
        for counts in (parameters, multiply_adds)
    ]
    return FirstDense(parameters[index], *shares)
