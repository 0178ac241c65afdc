"""DenseNet in Keras 3.

    stem -> dense block -> transition -> ... -> dense block -> batch norm -> relu -> average pooling -> dense

A layer of a dense block adds `growth_rate` channels to all that came before it in the block.

Source: Huang et al. (2017), table 1; names of the parameters as in torchvision.
On this side images are N H W C and a layer finds the size of its input by itself.
"""

import keras
import tensorflow as tf
from keras import layers as keras_layers

from dualnet.concepts.modern_convnets.densenet import BOTTLENECK, MOMENTUM, channel_counts, map_sizes
from dualnet.tf._convolution import Conv2D
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm

__all__ = ["DenseNet"]


def _conv(channels: int, kernel: int, stride: int, bias: bool, name: str) -> keras_layers.Layer:
    law = keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")  # differs: D051, D056
    return Conv2D(  # differs: D001
        channels,
        kernel,
        stride,
        use_bias=bias,
        kernel_initializer=law,
        bias_initializer="zeros",  # differs: D052
        name=name,
    )


def _norm(epsilon: float, name: str) -> keras_layers.Layer:
    return BatchNorm(epsilon, MOMENTUM, name=name)  # differs: D030, D031, D033


class DenseLayer(keras_layers.Layer):
    """A 3x3 convolution of what came before it, beside it; with a bottleneck, a 1x1 convolution comes first."""

    def __init__(self, growth_rate: int, bottleneck: bool, bias: bool, epsilon: float, name: str) -> None:
        super().__init__(name=name)
        self.norm1 = _norm(epsilon, name="norm1")
        self.bottleneck = bottleneck
        if bottleneck:
            self.conv1 = _conv(BOTTLENECK * growth_rate, 1, 1, bias, name="conv1")
            self.norm2 = _norm(epsilon, name="norm2")
            self.conv2 = _conv(growth_rate, 3, 1, bias, name="conv2")
        else:
            self.conv1 = _conv(growth_rate, 3, 1, bias, name="conv1")

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        new = self.conv1(tf.nn.relu(self.norm1(x, training=training)))
        if self.bottleneck:
            new = self.conv2(tf.nn.relu(self.norm2(new, training=training)))
        return tf.concat([x, new], axis=-1)  # N H W C+growth_rate


class Transition(keras_layers.Layer):
    """A 1x1 convolution halves the channels, average pooling halves height and width."""

    def __init__(self, in_channels: int, bias: bool, epsilon: float, name: str) -> None:
        super().__init__(name=name)
        self.norm = _norm(epsilon, name="norm")
        self.conv = _conv(in_channels // 2, 1, 1, bias, name="conv")

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        x = self.conv(tf.nn.relu(self.norm(x, training=training)))
        return tf.nn.avg_pool2d(x, 2, 2, "VALID")  # N H/2 W/2 C/2


@keras.saving.register_keras_serializable("dualnet")
class DenseNet(KerasModel):
    """DenseNet.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        num_classes: units of the output.
        layers: of each dense block.
        growth_rate: channels that each of them adds.
        stem_channels: feature maps of the first convolution.
        bottleneck: a 1x1 convolution to four times the growth rate before each 3x3 one.
        conv_bias: biases in convolutions.
        epsilon: of batch normalization.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: an image too small for so many blocks.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 32,
        num_classes: int = 10,
        layers: tuple[int, ...] = (6, 12, 24, 16),
        growth_rate: int = 32,
        stem_channels: int = 64,
        bottleneck: bool = True,
        conv_bias: bool = False,
        epsilon: float = 1e-5,
    ) -> None:
        super().__init__(name="densenet")
        map_sizes(image_size, len(layers))
        counts = channel_counts(stem_channels, growth_rate, layers)
        self.conv0 = _conv(stem_channels, 7, 2, conv_bias, name="features.conv0")
        self.norm0 = _norm(epsilon, name="features.norm0")
        self.blocks = []
        for i, count in enumerate(layers, start=1):
            for j in range(count):
                name = f"features.denseblock{i}.denselayer{j + 1}"
                self.blocks.append(DenseLayer(growth_rate, bottleneck, conv_bias, epsilon, name=name))
            if i < len(layers):
                self.blocks.append(Transition(counts[i - 1], conv_bias, epsilon, name=f"features.transition{i}"))
        self.norm5 = _norm(epsilon, name="features.norm5")
        self.classifier = keras_layers.Dense(
            num_classes, kernel_initializer="glorot_uniform", bias_initializer="zeros", name="classifier"
        )
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Logits of a batch of images."""
        x = tf.nn.relu(self.norm0(self.conv0(images), training=training))  # N H/2 W/2 C
        # differs: D093; after a ReLU, zeros around the map win no maximum that a real pixel would not give
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        x = tf.nn.max_pool2d(x, 3, 2, "VALID")  # N H/4 W/4 C
        for block in self.blocks:
            x = block(x, training=training)
        x = tf.nn.relu(self.norm5(x, training=training))  # N H/32 W/32 C for four blocks
        return self.classifier(tf.reduce_mean(x, (1, 2)))  # N K
