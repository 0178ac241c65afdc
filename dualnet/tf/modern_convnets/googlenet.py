"""GoogLeNet in Keras 3.

    7x7 conv, pool -> 1x1 and 3x3 conv, pool -> 2 blocks, pool -> 5 blocks, pool -> 2 blocks -> mean -> dense

Source: Szegedy et al. (2015), table 1; torchvision (names, normalization); Dive into Deep Learning, section 8.4.
On this side the channels, along which the paths are joined, are the last axis, and what is padded is padded by hand.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.modern_convnets.googlenet import (
    AUXILIARY_SIZE,
    AUXILIARY_WEIGHT,
    EPSILON,
    MOMENTUM,
    Logits,
    Loss,
    map_sizes,
    scaled,
)
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm

__all__ = ["GoogLeNet", "weighted_cross_entropy"]


def weighted_cross_entropy(outputs: Logits, targets: tf.Tensor) -> Loss:
    """Cross entropy of the main classifier, plus a fraction of that of each auxiliary one.

    Args:
        outputs: three times (N, K), logits.
        targets: (N,), labels.

    Returns:
        Their weighted sum and each of them, means over the batch in nats.
    """
    main, aux1, aux2 = (
        tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)) for logits in outputs
    )
    return Loss(main + AUXILIARY_WEIGHT * (aux1 + aux2), main, aux1, aux2)


class ConvBlock(layers.Layer):
    """Convolution, then batch normalization or a bias, then ReLU."""

    def __init__(
        self, channels: int, kernel: int, batch_norm: bool, stride: int = 1, padding: int = 0, *, name: str
    ) -> None:
        super().__init__(name=name)
        self.pad = layers.ZeroPadding2D(padding)  # differs: D001
        self.conv = layers.Conv2D(
            channels,
            kernel,
            stride,
            use_bias=not batch_norm,
            kernel_initializer="glorot_uniform",  # differs: D051
            bias_initializer="zeros",  # differs: D052
            name="conv",
        )
        # differs: D030, D031, D033
        self.bn = BatchNorm(EPSILON, MOMENTUM, name="bn") if batch_norm else layers.Identity()

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        return tf.nn.relu(self.bn(self.conv(self.pad(x)), training=training))  # N H W C


class Inception(layers.Layer):
    """1x1; 1x1 and 3x3; 1x1 and 5x5; pooling and 1x1: the maps of the four paths one after another."""

    def __init__(self, channels: tuple[int, ...], kernel: int, batch_norm: bool, name: str) -> None:
        super().__init__(name=name)
        one, squeezed3, three, squeezed5, five, pooled = channels
        self.branch1 = ConvBlock(one, 1, batch_norm, name="branch1")
        self.branch2 = keras.Sequential(
            [ConvBlock(squeezed3, 1, batch_norm, name="0"), ConvBlock(three, 3, batch_norm, padding=1, name="1")],
            name="branch2",
        )
        self.branch3 = keras.Sequential(
            [
                ConvBlock(squeezed5, 1, batch_norm, name="0"),
                ConvBlock(five, kernel, batch_norm, padding=kernel // 2, name="1"),
            ],
            name="branch3",
        )
        self.branch4 = keras.Sequential(
            [layers.MaxPooling2D(3, 1, "same"), ConvBlock(pooled, 1, batch_norm, name="1")], name="branch4"
        )

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return tf.concat([branch(x, training=training) for branch in branches], -1)  # N H W 4*C


class MaxPool(layers.Layer):
    """Max pooling with stride 2 that pads both sides or rounds up."""

    def __init__(self, size: int, padding: bool, name: str) -> None:
        super().__init__(name=name)
        self.size, self.padding = size, padding

    def call(self, x: tf.Tensor) -> tf.Tensor:
        # Rounding up: the last window may reach one pixel beyond the end.
        rows, columns = [(1, 1) if self.padding else (0, (n - self.size) % 2) for n in x.shape[1:3]]
        lowest = x.dtype.min
        x = tf.pad(x, ((0, 0), rows, columns, (0, 0)), constant_values=lowest)  # differs: D093, D095
        return tf.nn.max_pool2d(x, self.size, 2, "VALID")  # N H/2 W/2 C


class Auxiliary(layers.Layer):
    """A classifier in the middle: the maps averaged to 4x4, a 1x1 convolution, two dense layers."""

    def __init__(self, width: int, batch_norm: bool, dropout: float, num_classes: int, name: str) -> None:
        super().__init__(name=name)
        self.pool = layers.AdaptiveAveragePooling2D(AUXILIARY_SIZE)
        self.conv = ConvBlock(2 * width, 1, batch_norm, name="conv")
        self.fc1 = dense(16 * width, name="fc1")
        self.dropout = layers.Dropout(dropout, name="dropout")
        self.fc2 = dense(num_classes, name="fc2")

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = self.conv(self.pool(x), training=training)  # N 4 4 C
        x = tf.transpose(x, (0, 3, 1, 2))  # differs: D019, N C 4 4
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*4*4
        return self.fc2(self.dropout(tf.nn.relu(self.fc1(x)), training=training))  # N K


def dense(features: int, name: str) -> layers.Dense:
    """A dense layer with Xavier's weights and no bias."""
    return layers.Dense(features, kernel_initializer="glorot_uniform", bias_initializer="zeros", name=name)


@keras.saving.register_keras_serializable("dualnet")
class GoogLeNet(KerasModel):
    """GoogLeNet.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        width: maps of the first convolution, a multiple of 4; those of all other layers follow, 64 is the paper's.
        kernel_size: of the widest path of each block; torchvision has 3.
        pool_padding: poolings pad both sides, instead of rounding up.
        last_pool: height and width of the last pooling window, 2 or 3.
        batch_norm: normalise before every ReLU of a convolution.
        auxiliary: with the classifiers behind blocks 4a and 4d, in evaluation as well.
        dropout: probability that a feature is dropped before the output.
        auxiliary_dropout: the same in the auxiliary classifiers.
        num_classes: units of each output.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits; with auxiliary classifiers three of them.

    Raises:
        ConfigError: a width that is no multiple of 4, or an image too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 64,
        width: int = 8,
        kernel_size: int = 5,
        pool_padding: bool = False,
        last_pool: int = 3,
        batch_norm: bool = False,
        auxiliary: bool = True,
        dropout: float = 0.4,
        auxiliary_dropout: float = 0.7,
        num_classes: int = 10,
    ) -> None:
        super().__init__(name="googlenet")
        map_sizes(image_size, pool_padding, last_pool)
        self.conv1 = ConvBlock(width, 7, batch_norm, stride=2, padding=3, name="conv1")
        self.maxpool1 = MaxPool(3, pool_padding, name="maxpool1")
        self.conv2 = ConvBlock(width, 1, batch_norm, name="conv2")
        self.conv3 = ConvBlock(3 * width, 3, batch_norm, padding=1, name="conv3")
        self.maxpool2 = MaxPool(3, pool_padding, name="maxpool2")
        for name, channels in scaled(width).items():
            block = Inception(channels, kernel_size, batch_norm, name=f"inception{name}")
            setattr(self, f"inception{name}", block)
            if auxiliary and name in ("4a", "4d"):
                place = "aux1" if name == "4a" else "aux2"
                setattr(self, place, Auxiliary(width, batch_norm, auxiliary_dropout, num_classes, name=place))
        self.maxpool3 = MaxPool(3, pool_padding, name="maxpool3")
        self.maxpool4 = MaxPool(last_pool, pool_padding, name="maxpool4")
        self.auxiliary = auxiliary
        self.dropout = layers.Dropout(dropout, name="dropout")
        self.fc = dense(num_classes, name="fc")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor | Logits:
        """Logits of a batch of images, of the auxiliary classifiers as well if there are any."""
        x = self.maxpool1(self.conv1(images, training=training))  # N H/4 W/4 C
        x = self.conv3(self.conv2(x, training=training), training=training)
        x = self.inception3a(self.maxpool2(x), training=training)  # N H/8 W/8 C
        x = self.maxpool3(self.inception3b(x, training=training))  # N H/16 W/16 C
        first = x = self.inception4a(x, training=training)
        x = self.inception4c(self.inception4b(x, training=training), training=training)
        second = x = self.inception4d(x, training=training)
        x = self.maxpool4(self.inception4e(x, training=training))  # N H/32 W/32 C
        x = self.inception5b(self.inception5a(x, training=training), training=training)
        x = tf.reduce_mean(x, (1, 2))  # N C
        logits = self.fc(self.dropout(x, training=training))  # N K
        if not self.auxiliary:
            return logits
        return Logits(logits, self.aux1(first, training=training), self.aux2(second, training=training))
