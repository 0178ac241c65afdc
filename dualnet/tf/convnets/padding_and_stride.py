"""Padding, stride and dilation, in TensorFlow.

A window stands at every stride-th element of the padded axis, and reads every dilation-th element from there:

    outputs = floor((size + before + after - dilation * (kernel - 1) - 1) / stride) + 1

TensorFlow pads as much as the last window needs ("SAME"); other paddings are put explicitly. Images come as N C H W
and weights as (out, in, height, width); the native operations want N H W C and (height, width, in, out).
"""

import tensorflow as tf

from dualnet.concepts.convnets.padding_and_stride import Padding, Pairs, output_sizes
from dualnet.interface import choose

__all__ = [
    "causal_conv1d",
    "conv2d",
    "conv2d_from_scratch",
    "conv2d_same",
    "output_size",
    "pad",
    "same_padding",
]


# --- sizes --------------------------------------------------------------------------------------------------


def output_size(
    size: tf.Tensor,
    kernel: tf.Tensor,
    before: tf.Tensor,
    after: tf.Tensor,
    stride: tf.Tensor,
    dilation: tf.Tensor,
) -> tf.Tensor:
    """How many windows fit on an axis, element by element over integers that broadcast; 0 if none fits."""
    room = size + before + after - dilation * (kernel - 1) - 1
    return tf.maximum(room // stride + 1, 0)


def same_padding(
    size: tf.Tensor, kernel: tf.Tensor, stride: tf.Tensor, dilation: tf.Tensor, convention: str
) -> Padding:
    """The zeros that "same" means, element by element over integers that broadcast.

    Args:
        size, kernel, stride, dilation: of an axis.
        convention: "tensorflow": so many that there are ceil(size / stride) outputs, the odd one at the end;
            "pytorch": dilation * (kernel - 1) // 2 at both ends, whatever the size.

    Raises:
        ValueError: there is no such convention.
    """
    span = dilation * (kernel - 1) + 1
    needed = tf.maximum((size - 1) // stride * stride + span - size, 0)
    half = tf.broadcast_to((span - 1) // 2, needed.shape)
    return choose(
        {"tensorflow": Padding(needed // 2, needed - needed // 2), "pytorch": Padding(half, half)},
        convention,
        "convention",
    )


def pad(x: tf.Tensor, paddings: Pairs, value: float) -> tf.Tensor:
    """A tensor with so many copies of a value before and after each axis.

    Raises:
        ValueError: there is not one pair of sizes of at least 0 for each axis.
    """
    if len(paddings) != x.ndim or min(map(min, paddings)) < 0:
        raise ValueError(f"paddings {paddings}: expected {x.ndim} pairs of at least 0")
    return tf.pad(x, paddings, constant_values=tf.constant(value, x.dtype))  # differs: D026


# --- convolutions -------------------------------------------------------------------------------------------


def conv2d_from_scratch(
    x: tf.Tensor, weight: tf.Tensor, paddings: Pairs, stride: tuple[int, int], dilation: tuple[int, int]
) -> tf.Tensor:
    """A convolution as a sum over the kernel's elements, each of which reads a grid of pixels.

    Args:
        x: (N, C, H, W).
        weight: (O, C, A, B).
        paddings: ((top, bottom), (left, right)).
        stride, dilation: vertical and horizontal.

    Returns:
        (N, O, H', W') with the sizes of `output_size`.

    Raises:
        ValueError: no window fits, a padding is negative, or a stride or dilation is below 1.
    """
    rows, columns = output_sizes(x.shape[2:], weight.shape[2:], paddings, stride, dilation)
    x = pad(x, ((0, 0), (0, 0), *paddings), 0.0)

    def grid(a: int, b: int) -> tf.Tensor:
        top, left = a * dilation[0], b * dilation[1]
        bottom, right = top + (rows - 1) * stride[0] + 1, left + (columns - 1) * stride[1] + 1
        return x[:, :, top : bottom : stride[0], left : right : stride[1]]  # (N, C, H', W')

    return sum(
        tf.einsum("nchw,oc->nohw", grid(a, b), weight[:, :, a, b])
        for a in range(weight.shape[2])
        for b in range(weight.shape[3])
    )


def conv2d(
    x: tf.Tensor, weight: tf.Tensor, paddings: Pairs, stride: tuple[int, int], dilation: tuple[int, int]
) -> tf.Tensor:
    """`conv2d_from_scratch` by TensorFlow's own operation."""
    output_sizes(x.shape[2:], weight.shape[2:], paddings, stride, dilation)  # differs: X-conv-no-window
    if len(x) == 0:  # differs: X-conv-empty-batch
        return conv2d_from_scratch(x, weight, paddings, stride, dilation)
    x = tf.transpose(pad(x, ((0, 0), (0, 0), *paddings), 0.0), (0, 2, 3, 1))  # (N, H, W, C)  # differs: D025
    kernel = tf.transpose(weight, (2, 3, 1, 0))  # (A, B, C, O)  # differs: D007
    if max(dilation) == 1:
        y = tf.nn.conv2d(x, kernel, stride, "VALID")  # (N, H', W', O)
    else:  # differs: D023
        y = tf.nn.convolution(x, kernel, padding="VALID", dilations=dilation)
        y = y[:, :: stride[0], :: stride[1]]  # (N, H', W', O)
    return tf.transpose(y, (0, 3, 1, 2))  # (N, O, H', W')


def conv2d_same(
    x: tf.Tensor, weight: tf.Tensor, stride: tuple[int, int], dilation: tuple[int, int], convention: str
) -> tf.Tensor:
    """A convolution with the padding of `same_padding`.

    Args:
        x: (N, C, H, W).
        weight: (O, C, A, B).
        stride, dilation: vertical and horizontal.
        convention: "tensorflow" or "pytorch".

    Returns:
        (N, O, ceil(H / stride), ceil(W / stride)); for "pytorch" with an even kernel, possibly one less.

    Raises:
        ValueError: no window fits.
    """
    if convention == "tensorflow" and max(dilation) == 1 and len(x) > 0:  # differs: X-conv-empty-batch
        x = tf.transpose(x, (0, 2, 3, 1))  # (N, H, W, C)
        kernel = tf.transpose(weight, (2, 3, 1, 0))  # (A, B, C, O)
        return tf.transpose(tf.nn.conv2d(x, kernel, stride, "SAME"), (0, 3, 1, 2))  # differs: D001, D002, D004
    size, kernel, steps, gaps = (tf.constant(axes) for axes in (x.shape[2:], weight.shape[2:], stride, dilation))
    before, after = same_padding(size, kernel, steps, gaps, convention)
    paddings = tuple(zip(before.numpy().tolist(), after.numpy().tolist(), strict=True))  # differs: D005
    return conv2d(x, weight, paddings, stride, dilation)


def causal_conv1d(x: tf.Tensor, weight: tf.Tensor, dilation: int) -> tf.Tensor:
    """A convolution over time that sees no later step.

    Args:
        x: (N, C, T).
        weight: (O, C, K).
        dilation: the distance of the steps that it reads.

    Returns:
        (N, O, T).

    Raises:
        ValueError: the dilation is below 1.
    """
    early = dilation * (weight.shape[2] - 1)
    output_sizes(x.shape[2:], weight.shape[2:], ((early, 0),), (1,), (dilation,))
    x = tf.pad(tf.transpose(x, (0, 2, 1)), ((0, 0), (early, 0), (0, 0)))  # (N, early + T, C)  # differs: D006
    kernel = tf.transpose(weight, (2, 1, 0))  # (K, C, O)  # differs: D009
    if len(x) == 0:  # differs: X-conv-empty-batch
        return tf.zeros((0, weight.shape[0], x.shape[1] - early), x.dtype)
    y = tf.nn.convolution(x, kernel, padding="VALID", dilations=dilation)  # (N, T, O)
    return tf.transpose(y, (0, 2, 1))  # (N, O, T)
