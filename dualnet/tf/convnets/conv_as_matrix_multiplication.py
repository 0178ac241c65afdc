"""Convolution and transposed convolution as matrix products, in TensorFlow.

A convolution is linear: y = M x for flat images x and y. M holds the weight's elements, each many times, and zeros;
the product with M transposed is the transposed convolution. Images come as N C H W, weights as (out, in, height,
width); the native operations want N H W C and (height, width, in, out).
"""

import tensorflow as tf

from dualnet.concepts.convnets.conv_as_matrix_multiplication import Pair, output_sizes, read_pixels

__all__ = [
    "col2im",
    "conv2d",
    "conv2d_by_im2col",
    "conv2d_by_toeplitz",
    "conv_transpose2d",
    "conv_transpose2d_by_toeplitz",
    "conv_transpose2d_padded",
    "conv_transpose2d_same",
    "im2col",
    "im2col_by_gather",
    "toeplitz",
    "toeplitz_2d",
]


def _flat(x: tf.Tensor) -> tf.Tensor:
    return tf.reshape(x, (len(x), x.shape[1] * x.shape[2] * x.shape[3]))


def _put(rows: tf.Tensor, columns: tf.Tensor, values: tf.Tensor, shape: Pair) -> tf.Tensor:
    """A matrix of zeros but for these values at these places, all three of which broadcast."""
    full = tf.broadcast_static_shape(rows.shape, columns.shape)
    places = tf.stack((tf.broadcast_to(rows, full), tf.broadcast_to(columns, full)), -1)
    return tf.scatter_nd(places, tf.broadcast_to(values, full), tf.constant(shape, places.dtype))


# --- windows as columns -------------------------------------------------------------------------------------


def im2col(x: tf.Tensor, window: Pair, stride: Pair) -> tf.Tensor:
    """Each window as a column, its elements in the order channel, row, column.

    Args:
        x: (N, C, H, W).
        window: (A, B).
        stride: vertical and horizontal.

    Returns:
        (N, C A B, L), the L windows row by row.

    Raises:
        ValueError: no window fits, or a window or stride is below 1.
    """
    rows, columns = output_sizes(x.shape[2:], window, stride)
    pixels = tf.transpose(x, (0, 2, 3, 1))  # (N, H, W, C)  # differs: D025
    patches = tf.image.extract_patches(pixels, (1, *window, 1), (1, *stride, 1), (1, 1, 1, 1), "VALID")
    patches = tf.reshape(patches, (len(x), rows * columns, *window, x.shape[1]))  # (N, L, A, B, C)
    patches = tf.transpose(patches, (0, 4, 2, 3, 1))  # (N, C, A, B, L)  # differs: D022
    return tf.reshape(patches, (len(x), x.shape[1] * window[0] * window[1], rows * columns))  # (N, C A B, L)


def im2col_by_gather(x: tf.Tensor, window: Pair, stride: Pair) -> tf.Tensor:
    """`im2col` by the index of the pixel that each element reads."""
    places = tf.constant(read_pixels(x.shape[1], x.shape[2:], window, stride))  # (C A B, L)
    return tf.gather(_flat(x), places, axis=1)  # (N, C A B, L)


def col2im(columns: tf.Tensor, sizes: Pair, window: Pair, stride: Pair) -> tf.Tensor:
    """The transpose of `im2col`, not its inverse: each pixel is the sum of all elements that read it.

    Args:
        columns: (N, C A B, L).
        sizes: (H, W).
        window: (A, B).
        stride: vertical and horizontal.

    Returns:
        (N, C, H, W).

    Raises:
        ValueError: there are not as many windows of this size.
    """
    rows, count = output_sizes(sizes, window, stride)
    if columns.shape[1] % (window[0] * window[1]) or columns.shape[2] != rows * count:
        raise ValueError(f"columns {tuple(columns.shape)}: expected (N, C * {window[0] * window[1]}, {rows * count})")
    channels = columns.shape[1] // (window[0] * window[1])
    places = tf.constant(read_pixels(channels, sizes, window, stride))  # (C A B, L)
    values = tf.transpose(columns, (1, 2, 0))  # (C A B, L, N)
    pixels = channels * sizes[0] * sizes[1]
    y = tf.math.unsorted_segment_sum(values, places, pixels)  # (C H W, N)  # differs: X-fold
    return tf.reshape(tf.transpose(y), (len(columns), channels, *sizes))  # (N, C, H, W)


# --- the matrix ---------------------------------------------------------------------------------------------


def toeplitz(kernel: tf.Tensor, length: int) -> tf.Tensor:
    """The matrix of a cross-correlation of signals of this length: the kernel (K,) along its diagonals.

    Returns:
        (T - K + 1, T).

    Raises:
        ValueError: the kernel is longer than the signal.
    """
    (count,) = output_sizes((length,), kernel.shape, (1,))
    rows = tf.range(count)[:, None]  # (T - K + 1, 1)
    columns = rows + tf.range(len(kernel))  # (T - K + 1, K)
    return _put(rows, columns, kernel, (count, length))


def toeplitz_2d(weight: tf.Tensor, sizes: Pair, stride: Pair) -> tf.Tensor:
    """The matrix of a convolution of images of this size, flat in the order channel, row, column.

    Args:
        weight: (O, C, A, B).
        sizes: (H, W).
        stride: vertical and horizontal.

    Returns:
        (O L, C H W), doubly block Toeplitz for stride 1.
    """
    outputs, channels = weight.shape[:2]
    places = tf.constant(read_pixels(channels, sizes, weight.shape[2:], stride).T)  # (L, C A B)
    rows = tf.reshape(tf.range(outputs * len(places), dtype=places.dtype), (outputs, -1, 1))  # (O, L, 1)
    shape = (outputs * len(places), channels * sizes[0] * sizes[1])
    return _put(rows, places, tf.reshape(weight, (outputs, 1, -1)), shape)


# --- convolution --------------------------------------------------------------------------------------------


def conv2d_by_im2col(x: tf.Tensor, weight: tf.Tensor, stride: Pair) -> tf.Tensor:
    """A convolution as one product of the flat weight with all columns.

    Args:
        x: (N, C, H, W).
        weight: (O, C, A, B).
        stride: vertical and horizontal.

    Returns:
        (N, O, H', W').
    """
    columns = im2col(x, weight.shape[2:], stride)  # (N, C A B, L)
    y = _flat(weight) @ columns  # (N, O, L)
    return tf.reshape(y, (len(x), len(weight), *output_sizes(x.shape[2:], weight.shape[2:], stride)))


def conv2d_by_toeplitz(x: tf.Tensor, weight: tf.Tensor, stride: Pair) -> tf.Tensor:
    """The same as the product of each flat image with the convolution's matrix."""
    matrix = toeplitz_2d(weight, x.shape[2:], stride)  # (O L, C H W)
    y = tf.matmul(_flat(x), matrix, transpose_b=True)  # (N, O L)
    return tf.reshape(y, (len(x), len(weight), *output_sizes(x.shape[2:], weight.shape[2:], stride)))


def conv2d(x: tf.Tensor, weight: tf.Tensor, stride: Pair) -> tf.Tensor:
    """The same by TensorFlow's own operation."""
    output_sizes(x.shape[2:], weight.shape[2:], stride)  # differs: X-conv-no-window
    if len(x) == 0:  # differs: X-conv-empty-batch
        return conv2d_by_im2col(x, weight, stride)
    pixels = tf.transpose(x, (0, 2, 3, 1))  # (N, H, W, C)
    kernel = tf.transpose(weight, (2, 3, 1, 0))  # (A, B, C, O)  # differs: D007
    return tf.transpose(tf.nn.conv2d(pixels, kernel, stride, "VALID"), (0, 3, 1, 2))  # (N, O, H', W')


# --- transposed convolution ---------------------------------------------------------------------------------


def _full_sizes(x: tf.Tensor, weight: tf.Tensor, stride: Pair) -> Pair:
    height, width = ((n - 1) * s + k for n, s, k in zip(x.shape[2:], stride, weight.shape[2:], strict=True))
    return height, width


def _conv_transpose2d(x: tf.Tensor, weight: tf.Tensor, stride: Pair, sizes: Pair, padding: str) -> tf.Tensor:
    count = max(len(x), 1)
    pixels = tf.pad(tf.transpose(x, (0, 2, 3, 1)), ((0, count - len(x)), (0, 0), (0, 0), (0, 0)))
    kernel = tf.transpose(weight, (2, 3, 1, 0))  # (A, B, C, O)  # differs: D013
    y = tf.nn.conv2d_transpose(pixels, kernel, (count, *sizes, weight.shape[1]), stride, padding)
    return tf.transpose(y, (0, 3, 1, 2))[: len(x)]  # (N, C, H, W)  # differs: X-conv-empty-batch


def conv_transpose2d_by_toeplitz(x: tf.Tensor, weight: tf.Tensor, stride: Pair) -> tf.Tensor:
    """The product with the transposed matrix of a convolution: it goes back to that one's input shape.

    Args:
        x: (N, O, H', W').
        weight: (O, C, A, B), as that convolution has it.
        stride: that convolution's, vertical and horizontal.

    Returns:
        (N, C, (H' - 1) stride + A, (W' - 1) stride + B).
    """
    sizes = _full_sizes(x, weight, stride)
    matrix = toeplitz_2d(weight, sizes, stride)  # (O H' W', C H W)
    return tf.reshape(_flat(x) @ matrix, (len(x), weight.shape[1], *sizes))  # (N, C, H, W)


def conv_transpose2d(x: tf.Tensor, weight: tf.Tensor, stride: Pair) -> tf.Tensor:
    """`conv_transpose2d_by_toeplitz` by TensorFlow's own operation."""
    return _conv_transpose2d(x, weight, stride, _full_sizes(x, weight, stride), "VALID")  # differs: D017


def conv_transpose2d_same(x: tf.Tensor, weight: tf.Tensor, stride: Pair) -> tf.Tensor:
    """A transposed convolution to (N, C, H' stride, W' stride), the odd element cut from the end."""
    sizes = x.shape[2] * stride[0], x.shape[3] * stride[1]
    return _conv_transpose2d(x, weight, stride, sizes, "SAME")  # differs: D014, D015


def conv_transpose2d_padded(
    x: tf.Tensor, weight: tf.Tensor, stride: Pair, padding: Pair, output_padding: Pair
) -> tf.Tensor:
    """A transposed convolution that goes back through a convolution with padding.

    Args:
        x: (N, O, H', W').
        weight: (O, C, A, B).
        stride, padding: of that convolution.
        output_padding: how many more outputs at the end: that convolution's last pixels, which it did not reach.

    Returns:
        (N, C, (H' - 1) stride - 2 padding + A + output_padding, the same for W').

    Raises:
        ValueError: there are as many more outputs as the stride.
    """
    if any(more >= step for more, step in zip(output_padding, stride, strict=True)):
        raise ValueError(f"output padding {output_padding}: expected less than the stride {stride}")
    y = tf.pad(conv_transpose2d(x, weight, stride), ((0, 0), (0, 0), (0, output_padding[0]), (0, output_padding[1])))
    (top, left), (height, width) = padding, y.shape[2:]
    return y[:, :, top : height - top, left : width - left]  # differs: D016
