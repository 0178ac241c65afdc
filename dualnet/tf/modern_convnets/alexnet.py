"""AlexNet in Keras 3.

    11x11 conv -> pool -> 5x5 conv -> pool -> 3x3 conv, three times -> pool -> dense -> dense -> dense

Source: Krizhevsky et al. (2012), section 3; Krizhevsky (2014); Dive into Deep Learning, section 8.1.
On this side zeros on both sides are a layer of their own, and local response normalization is written out.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.modern_convnets.alexnet import (
    BIASES,
    EPSILON,
    LRN_ALPHA,
    LRN_BETA,
    LRN_K,
    LRN_SIZE,
    MOMENTUM,
    NORMALIZED,
    POOLED,
    WEIGHT_STD,
    convolution_names,
    dense_names,
    map_sizes,
)
from dualnet.interface import choose
from dualnet.tf._model import KerasModel
from dualnet.tf._normalization import BatchNorm

__all__ = ["AlexNet"]


class LocalResponseNorm(layers.Layer):
    """Each activity divided by those of the channels around it: Krizhevsky et al. (2012), section 3.3."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        reach = LRN_SIZE // 2
        squares = tf.pad(tf.square(x), ((0, 0), (0, 0), (0, 0), (reach, reach)))  # N H W C+4
        total = tf.add_n([squares[..., i : i + x.shape[-1]] for i in range(LRN_SIZE)])  # N H W C
        k, alpha, beta = (tf.constant(value, x.dtype) for value in (LRN_K, LRN_ALPHA, LRN_BETA))
        return x / tf.pow(k + alpha * total, beta)  # differs: D101


def start(initializer: str, bias: float) -> dict[str, keras.Initializer]:
    """Keywords of a layer whose weights are drawn by the initializer, with this bias."""
    normal = keras.initializers.RandomNormal(stddev=WEIGHT_STD)
    kernel = normal if initializer == "normal" else keras.initializers.GlorotUniform()  # differs: D051
    return {"kernel_initializer": kernel, "bias_initializer": keras.initializers.Constant(bias)}  # differs: D052


@keras.saving.register_keras_serializable("dualnet")
class AlexNet(KerasModel):
    """AlexNet.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        channels: feature maps of the five convolutions.
        kernel_sizes: their heights and widths in pixels.
        stem_stride: stride of the first one in pixels.
        paddings: zeros on each side of their inputs, in pixels.
        groups: into how many groups each splits its channels; 2 are the paper's towers.
        normalization: "none", "batch" before or "local_response" after the first two ReLUs.
        pooled_size: height and width to which the last maps are averaged; 0 leaves them as they are.
        hidden: units of the hidden dense layers.
        dropout: probability that a feature is dropped.
        dropout_first: before each hidden dense layer, not after it.
        num_classes: units of the output; 0 for no output layer, for models that go on from the features.
        initializer: "xavier_uniform", or "normal" as in the paper.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits; (N, F), features, without an output layer.

    Raises:
        ConfigError: an unknown normalization or initializer, or an image too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 95,
        channels: tuple[int, ...] = (16, 24, 32, 24, 24),
        kernel_sizes: tuple[int, ...] = (11, 5, 3, 3, 3),
        stem_stride: int = 4,
        paddings: tuple[int, ...] = (2, 2, 1, 1, 1),
        groups: tuple[int, ...] = (1, 1, 1, 1, 1),
        normalization: str = "none",
        pooled_size: int = 3,
        hidden: tuple[int, ...] = (48, 40),
        dropout: float = 0.5,
        dropout_first: bool = True,
        num_classes: int = 10,
        initializer: str = "xavier_uniform",
    ) -> None:
        super().__init__(name="alexnet")
        names = convolution_names(normalization)
        *_, last = map_sizes(image_size, kernel_sizes, stem_stride, paddings)
        biases = choose(BIASES, initializer, "initializer")
        features: list[layers.Layer] = []
        for i, kernel in enumerate(kernel_sizes):
            stride, begin = stem_stride if i == 0 else 1, start(initializer, biases[i])
            features.append(layers.ZeroPadding2D(paddings[i]))  # differs: D001
            features.append(layers.Conv2D(channels[i], kernel, stride, groups=groups[i], **begin, name=names[i]))
            if normalization == "batch" and i in NORMALIZED:
                norm = BatchNorm(EPSILON, MOMENTUM, name=str(int(names[i]) + 1))  # differs: D030, D031, D033
                features.append(norm)
            features.append(layers.ReLU())
            if normalization == "local_response" and i in NORMALIZED:
                features.append(LocalResponseNorm())
            if i in POOLED:
                features.append(layers.MaxPooling2D(3, 2))
        self.features = keras.Sequential(features, name="features")
        pooling = (
            layers.UpSampling2D if last == 1 else layers.AdaptiveAveragePooling2D
        )  # differs: X-adaptive-pool-of-one
        self.pool = pooling(pooled_size) if pooled_size else layers.Identity()

        classifier: list[layers.Layer] = []
        names = dense_names(dropout_first, len(hidden))
        for i, units in enumerate(hidden):
            dense = [layers.Dense(units, **start(initializer, biases[5 + i]), name=names[i]), layers.ReLU()]
            drop = [layers.Dropout(dropout, name=str(3 * i if dropout_first else 3 * i + 2))]
            classifier += drop + dense if dropout_first else dense + drop
        if num_classes:
            classifier.append(layers.Dense(num_classes, **start(initializer, 0.0), name=names[-1]))
        self.classifier = keras.Sequential(classifier, name="classifier")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Logits of a batch of images."""
        x = self.pool(self.features(images, training=training))  # N H W C
        x = tf.transpose(x, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        return self.classifier(x, training=training)  # N K
