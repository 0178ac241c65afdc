"""Feature maps and kernels as pictures, in TensorFlow and Keras 3.

    3x3 conv -> ReLU -> max pool 2 -> 3x3 conv

On this side a model may have the output of every layer as its own, and be called with other weights.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.convnets.feature_map_visualization import FeatureMaps, check_images, check_maps

__all__ = ["feature_maps", "mosaic", "stretched"]


def feature_maps(
    images: tf.Tensor, kernel1: tf.Tensor, bias1: tf.Tensor, kernel2: tf.Tensor, bias2: tf.Tensor
) -> FeatureMaps:
    """The activations of every layer of a small network for these images.

    Args:
        images: (N, B, H, W).
        kernel1, bias1: (C, B, 3, 3) and (C,), of the first convolution, which keeps the size.
        kernel2, bias2: (D, C, 3, 3) and (D,), of the second one.

    Returns:
        What leaves each layer, channels first.

    Raises:
        ValueError: there is no image.
    """
    check_images(len(images))  # differs: X-conv-no-image
    dtype = images.dtype.name
    source = keras.Input((*images.shape[2:], images.shape[1]), dtype=dtype)
    conv1 = layers.Conv2D(kernel1.shape[0], 3, padding="same", dtype=dtype)(source)
    relu1 = layers.ReLU(dtype=dtype)(conv1)
    pool1 = layers.MaxPooling2D(2, dtype=dtype)(relu1)
    conv2 = layers.Conv2D(kernel2.shape[0], 3, padding="same", dtype=dtype)(pool1)
    network = keras.Model(source, [conv1, relu1, pool1, conv2])  # differs: X-feature-maps
    weights = [tf.transpose(kernel1, (2, 3, 1, 0)), bias1, tf.transpose(kernel2, (2, 3, 1, 0)), bias2]  # differs: D007
    caught, _ = network.stateless_call(weights, [], tf.transpose(images, (0, 2, 3, 1)))
    return FeatureMaps(*(tf.transpose(maps, (0, 3, 1, 2)) for maps in caught))


def stretched(maps: tf.Tensor) -> tf.Tensor:
    """Each map, or each slice of a kernel, from its least value (0, black) to its greatest (1, white).

    Args:
        maps: (N, C, H, W); kernels are (out, in, A, B).

    Returns:
        The same shape; 0 where all of a map is one value.
    """
    low, high = tf.reduce_min(maps, (2, 3), keepdims=True), tf.reduce_max(maps, (2, 3), keepdims=True)  # N C 1 1
    return (maps - low) / tf.where(high > low, high - low, tf.ones_like(low))


def mosaic(maps: tf.Tensor, columns: int) -> tf.Tensor:
    """All maps of one image in one picture, row by row.

    Args:
        maps: (C, H, W).
        columns: how many side by side.

    Returns:
        (rows * H, columns * W); 0 where no map is left.

    Raises:
        ValueError: there are no maps, or no columns.
    """
    check_maps(maps.shape, columns)
    count, height, width = maps.shape
    rows = -(-count // columns)
    maps = tf.pad(maps, [(0, rows * columns - count), (0, 0), (0, 0)])
    maps = tf.transpose(tf.reshape(maps, (rows, columns, height, width)), (0, 2, 1, 3))  # rows H columns W
    return tf.reshape(maps, (rows * height, columns * width))
