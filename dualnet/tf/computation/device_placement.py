"""Devices in TensorFlow: operations run on the one that a context names, and fetch their tensors.

Source: Dive into Deep Learning, section 6.7.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from dualnet.concepts.computation.device_placement import Copies

__all__ = ["copy", "cpu", "gpu", "try_gpu"]


@contextmanager
def _float32() -> Iterator[None]:
    """Products of float32 numbers in full precision."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)  # differs: D260
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def _product(x: tf.Tensor, device: str) -> tf.Tensor:
    with tf.device(device), _float32():  # differs: X-device-choice
        return x @ tf.transpose(x)


def _gpu_or_cpu(index: int) -> str:
    exists = 0 <= index < len(tf.config.list_logical_devices("GPU"))
    return f"GPU:{index}" if exists else "CPU:0"


def cpu(x: tf.Tensor) -> tf.Tensor:
    """The products of the rows (N, F) with each other, (N, N), by the CPU."""
    return _product(x, "CPU:0")


def gpu(x: tf.Tensor, index: int = 0) -> tf.Tensor:
    """The products of the rows (N, F) with each other, (N, N), by the GPU of this number.

    Raises:
        ValueError: there is none.
    """
    count = len(tf.config.list_logical_devices("GPU"))
    if not 0 <= index < count:
        raise ValueError(f"GPU {index}: this machine has {count}; try_gpu takes the CPU where there is none")
    return _product(x, f"GPU:{index}")


def try_gpu(x: tf.Tensor, index: int = 0) -> tf.Tensor:
    """The products of the rows (N, F) with each other, (N, N), by the GPU of this number, or else by the CPU."""
    return _product(x, _gpu_or_cpu(index))


def copy(x: tf.Tensor) -> Copies:
    """A copy on the first GPU, or on the CPU where there is none; it is changed, and the original is not.

    Args:
        x: any shape.

    Returns:
        The copies, of the same shape.
    """
    with tf.device(_gpu_or_cpu(0)):
        there = tf.identity(x)  # differs: X-device-copy
    with tf.device(x.device):
        back = tf.identity(there)
    with tf.device(there.device):
        there = there + 1
    return Copies(back, there, x)
