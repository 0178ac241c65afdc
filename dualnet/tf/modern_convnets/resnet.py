"""ResNet in Keras 3.

    stem -> stages of residual blocks -> average pooling -> dense

Every stage but the first halves height and width. A block adds what its convolutions find to its input.

Source: He et al. (2015), table 1; names of the parameters as in torchvision.
On this side images are N H W C and a layer finds the size of its input by itself.
"""

import keras
import tensorflow as tf
from keras import layers as keras_layers

from dualnet.concepts.modern_convnets.resnet import EXPANSION, MOMENTUM, PADDED_POOL, head_size, map_sizes
from dualnet.interface import choose
from dualnet.tf._convolution import Conv2D
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm

__all__ = ["ResNet"]


def _conv(channels: int, kernel: int, stride: int, bias: bool, name: str) -> keras_layers.Layer:
    law = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")  # differs: D051, D056
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


class Shortcut(keras_layers.Layer):
    """The identity, or a 1x1 convolution (with batch normalization if wanted) where a block changes the shape."""

    def __init__(self, in_channels: int, channels: int, stride: int, bias: bool, norm: bool, epsilon: float) -> None:
        super().__init__(name="downsample")
        changes = stride != 1 or in_channels != channels
        self.conv = _conv(channels, 1, stride, bias, name="0") if changes else None
        self.norm = _norm(epsilon, name="1") if changes and norm else None

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if self.conv is not None:
            x = self.conv(x)  # N H/stride W/stride C
        if self.norm is not None:
            x = self.norm(x, training=training)
        return x


class BasicBlock(keras_layers.Layer):
    """Two 3x3 convolutions beside a shortcut: He et al. (2015), figure 5, left."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        version: str,
        bias: bool,
        shortcut_norm: bool,
        epsilon: float,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self.conv1 = _conv(channels, 3, stride, bias, name="conv1")
        self.bn1 = _norm(epsilon, name="bn1")
        self.conv2 = _conv(channels, 3, 1, bias, name="conv2")
        self.bn2 = _norm(epsilon, name="bn2")
        self.downsample = Shortcut(in_channels, channels, stride, bias, shortcut_norm, epsilon)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        residual = tf.nn.relu(self.bn1(self.conv1(x), training=training))  # N H/stride W/stride C
        residual = self.bn2(self.conv2(residual), training=training)
        return tf.nn.relu(residual + self.downsample(x, training=training))


class Bottleneck(keras_layers.Layer):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut: He et al. (2015), figure 5, right."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int,
        version: str,
        bias: bool,
        shortcut_norm: bool,
        epsilon: float,
        name: str,
    ) -> None:
        super().__init__(name=name)
        wide = EXPANSION["bottleneck"] * channels
        stride1, stride2 = choose({"v1": (stride, 1), "v1.5": (1, stride)}, version, "version")
        self.conv1 = _conv(channels, 1, stride1, bias, name="conv1")
        self.bn1 = _norm(epsilon, name="bn1")
        self.conv2 = _conv(channels, 3, stride2, bias, name="conv2")
        self.bn2 = _norm(epsilon, name="bn2")
        self.conv3 = _conv(wide, 1, 1, bias, name="conv3")
        self.bn3 = _norm(epsilon, name="bn3")
        self.downsample = Shortcut(in_channels, wide, stride, bias, shortcut_norm, epsilon)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        residual = tf.nn.relu(self.bn1(self.conv1(x), training=training))  # N H W C
        residual = tf.nn.relu(self.bn2(self.conv2(residual), training=training))  # N H/stride W/stride C
        residual = self.bn3(self.conv3(residual), training=training)  # N H/stride W/stride 4*C
        return tf.nn.relu(residual + self.downsample(x, training=training))


BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


@keras.saving.register_keras_serializable("dualnet")
class ResNet(KerasModel):
    """ResNet.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        num_classes: units of the output; 0 for no output layer, for models that go on from the features.
        block: "basic" (18 and 34 layers) or "bottleneck" (50, 101 and 152 layers).
        layers: blocks of each stage; there are four for ImageNet, three in the paper for CIFAR-10.
        channels: feature maps of each stage; a bottleneck gives four times as many.
        stem: "imagenet", 7x7 at stride 2 and max pooling, or "cifar", 3x3 at stride 1.
        version: where a bottleneck strides: "v1", in its first 1x1 convolution, or "v1.5", in its 3x3 one.
        pool: "global" average pooling, or "padded", 7x7 at stride 1 over a map with two zeros on every side.
        conv_bias: biases in convolutions.
        shortcut_norm: batch normalization after a convolution on a shortcut.
        epsilon: of batch normalization.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits; (N, F), features, without an output layer.

    Raises:
        ConfigError: an unknown block, stem, version or pool.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 28,
        num_classes: int = 10,
        block: str = "basic",
        layers: tuple[int, ...] = (2, 2, 2, 2),
        channels: tuple[int, ...] = (64, 128, 256, 512),
        stem: str = "imagenet",
        version: str = "v1.5",
        pool: str = "global",
        conv_bias: bool = False,
        shortcut_norm: bool = True,
        epsilon: float = 1e-5,
    ) -> None:
        super().__init__(name="resnet")
        head_size(map_sizes(image_size, stem, len(layers))[-1], pool)
        kind = choose(BLOCKS, block, "block")
        self.stem, self.pool = stem, pool
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.conv1 = _conv(channels[0], kernel, stride, conv_bias, name="conv1")
        self.bn1 = _norm(epsilon, name="bn1")
        inputs = channels[0]
        self.blocks = []
        for i, count in enumerate(layers):
            for j in range(count):
                stride = 2 if i > 0 and j == 0 else 1
                settings = (inputs, channels[i], stride, version, conv_bias, shortcut_norm, epsilon)
                self.blocks.append(kind(*settings, name=f"layer{i + 1}.{j}"))
                inputs = EXPANSION[block] * channels[i]
        start = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}
        self.fc = (
            keras_layers.Dense(num_classes, **start, name="fc") if num_classes else keras_layers.Identity(name="fc")
        )
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Logits of a batch of images."""
        x = tf.nn.relu(self.bn1(self.conv1(images), training=training))  # N H/2 W/2 C
        if self.stem == "imagenet":
            # differs: D093; after a ReLU, zeros around the map win no maximum that a real pixel would not give
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
            x = tf.nn.max_pool2d(x, 3, 2, "VALID")  # N H/4 W/4 C
        for block in self.blocks:
            x = block(x, training=training)  # N H/32 W/32 C for four stages
        if self.pool == "global":
            x = tf.reduce_mean(x, (1, 2))  # N C
        else:
            window, zeros = PADDED_POOL
            x = tf.pad(x, [[0, 0], [zeros, zeros], [zeros, zeros], [0, 0]])  # differs: D091
            x = tf.transpose(tf.nn.avg_pool2d(x, window, 1, "VALID"), (0, 3, 1, 2))  # differs: D019, N C H W
            x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        return self.fc(x)  # N K
