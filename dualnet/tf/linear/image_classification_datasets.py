"""Image data sets in TensorFlow: both kinds of files are bytes in a row, behind a header or not.

Sources: LeCun et al., The MNIST database; Xiao et al. (2017); Krizhevsky (2009).
"""

import os
from pathlib import Path

import tensorflow as tf

from dualnet.concepts.linear.image_classification_datasets import CIFAR10_ROW, Images, cifar10_files, idx_files

__all__ = ["cifar10", "fashion_mnist", "mnist", "unit"]

Folder = str | os.PathLike[str]


def mnist(folder: Folder, train: bool) -> Images:
    """70,000 handwritten digits of 28x28 pixels.

    Args:
        folder: has ``MNIST/raw`` with the idx files, uncompressed.
        train: the 60,000 for training, or the 10,000 for testing.

    Returns:
        The images (N, 1, H, W) and their labels.

    Raises:
        DataError: a file is missing or damaged.
    """
    return _idx(folder, "MNIST", train)


def fashion_mnist(folder: Folder, train: bool) -> Images:
    """70,000 pictures of clothes, as large as `mnist` and in such files, in ``FashionMNIST/raw``."""
    return _idx(folder, "FashionMNIST", train)


def _idx(folder: Folder, name: str, train: bool) -> Images:
    images, labels = map(_content, idx_files(folder, name, train))  # differs: X-idx-reader
    sizes = tf.reshape(images[8:16], (2, 4))[:, ::-1]  # H and W in four bytes each, the largest first
    height, width = tf.bitcast(sizes, tf.int32).numpy()
    return Images(tf.reshape(images[16:], (-1, 1, height, width)), tf.cast(labels[8:], tf.int64))


def _content(path: Path) -> tf.Tensor:
    """A file's bytes."""
    return tf.io.decode_raw(tf.io.read_file(str(path)), tf.uint8)


def cifar10(folder: Folder, train: bool) -> Images:
    """60,000 colour images of 32x32 pixels in ten classes.

    Args:
        folder: has ``cifar-10-batches-bin`` with the binary version.
        train: the 50,000 for training, or the 10,000 for testing.

    Returns:
        The images (N, 3, 32, 32) and their labels.

    Raises:
        DataError: a file is missing or damaged.
    """
    content = tf.concat([_content(path) for path in cifar10_files(folder, train)], 0)
    rows = tf.reshape(content, (-1, CIFAR10_ROW))  # differs: X-cifar10-reader, N 3073
    return Images(tf.reshape(rows[:, 1:], (-1, 3, 32, 32)), tf.cast(rows[:, 0], tf.int64))


def unit(images: tf.Tensor) -> tf.Tensor:
    """Pixels from 0 to 255 (N, C, H, W) as float32 from 0 to 1."""
    return tf.cast(images, tf.float32) / 255  # differs: D279
