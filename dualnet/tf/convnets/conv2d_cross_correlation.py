"""Cross-correlation and convolution of one channel, in TensorFlow.

    y[i, j] = sum over a, b of x[i + a, j + b] kernel[a, b]

is a cross-correlation, which TensorFlow calls convolution; a true convolution reads x[i - a, j - b].
The native operations want N H W C images and (height, width, in, out) kernels.
"""

import tensorflow as tf

from dualnet.concepts.convnets.conv2d_cross_correlation import padding

__all__ = [
    "conv1d",
    "conv2d",
    "convolve_1d",
    "convolve_2d",
    "cross_correlate_1d",
    "cross_correlate_2d",
    "learned_kernel",
]


def _pad(x: tf.Tensor, paddings: list[tuple[int, int]]) -> tf.Tensor:
    return tf.pad(x, paddings)  # differs: D026 first axis first


# --- from scratch: one shifted copy of the input for each element of the kernel -----------------------------


def _slide_1d(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    count = len(x) - len(kernel) + 1
    return sum(kernel[a] * x[a : a + count] for a in range(len(kernel)))


def _slide_2d(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    height, width = kernel.shape
    rows, columns = x.shape[0] - height + 1, x.shape[1] - width + 1
    return sum(kernel[a, b] * x[a : a + rows, b : b + columns] for a in range(height) for b in range(width))


def cross_correlate_1d(x: tf.Tensor, kernel: tf.Tensor, mode: str) -> tf.Tensor:
    """Each window of a signal weighed by the kernel, from scratch.

    Args:
        x: (T,).
        kernel: (K,).
        mode: "valid", "same" or "full".

    Returns:
        (T - K + 1,), (T,) or (T + K - 1,).

    Raises:
        ValueError: the mode is unknown, or the kernel is empty or larger than the input.
    """
    return _slide_1d(_pad(x, padding(mode, x.shape, kernel.shape)), kernel)


def cross_correlate_2d(x: tf.Tensor, kernel: tf.Tensor, mode: str) -> tf.Tensor:
    """Each window of an image weighed by the kernel, from scratch.

    Args:
        x: (H, W).
        kernel: (A, B).
        mode: "valid", "same" or "full".

    Returns:
        (H - A + 1, W - B + 1), (H, W) or (H + A - 1, W + B - 1).

    Raises:
        ValueError: the mode is unknown, or the kernel is empty or larger than the input.
    """
    return _slide_2d(_pad(x, padding(mode, x.shape, kernel.shape)), kernel)


def convolve_1d(x: tf.Tensor, kernel: tf.Tensor, mode: str) -> tf.Tensor:
    """The true convolution of a signal, as numpy.convolve: `cross_correlate_1d` with all of it flipped."""
    paddings = [(after, before) for before, after in padding(mode, x.shape, kernel.shape)]  # differs: D004, D272
    return _slide_1d(_pad(x, paddings), kernel[::-1])


def convolve_2d(x: tf.Tensor, kernel: tf.Tensor, mode: str) -> tf.Tensor:
    """The true convolution of an image, as scipy.signal.convolve2d: `cross_correlate_2d` with all of it flipped."""
    paddings = [(after, before) for before, after in padding(mode, x.shape, kernel.shape)]  # differs: D004, D272
    return _slide_2d(_pad(x, paddings), kernel[::-1, ::-1])


# --- native -------------------------------------------------------------------------------------------------


def conv1d(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, mode: str) -> tf.Tensor:
    """`cross_correlate_1d` plus a bias (), by TensorFlow's own operation."""
    x = _pad(x, padding(mode, x.shape, kernel.shape))[None, :, None]  # (1, T, 1)
    y = tf.nn.conv1d(x, kernel[:, None, None], stride=1, padding="VALID")  # differs: D009
    return tf.nn.bias_add(y, bias[None])[0, :, 0]  # (T,)


def conv2d(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, mode: str) -> tf.Tensor:
    """`cross_correlate_2d` plus a bias (), by TensorFlow's own operation."""
    x = _pad(x, padding(mode, x.shape, kernel.shape))[None, :, :, None]  # (1, H, W, 1)
    y = tf.nn.conv2d(x, kernel[:, :, None, None], strides=1, padding="VALID")  # differs: D007
    return tf.nn.bias_add(y, bias[None])[0, :, :, 0]  # (H, W)


# --- a kernel found from what it does -----------------------------------------------------------------------


def learned_kernel(
    image: tf.Tensor, target: tf.Tensor, start: tf.Tensor, learning_rate: float, steps: int
) -> tf.Tensor:
    """The kernel after gradient descent on the mean squared error of its valid cross-correlation.

    Args:
        image: (H, W).
        target: (H - A + 1, W - B + 1).
        start: (A, B), the kernel at first.
        learning_rate: per step.
        steps: how many.

    Returns:
        (A, B); itself differentiable by all three tensors.

    Source:
        Dive into Deep Learning, section 7.2.4.
    """
    kernel = start
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            loss = tf.reduce_mean(tf.square(_slide_2d(image, kernel) - target))
        kernel = kernel - learning_rate * tape.gradient(loss, kernel)
    return kernel
