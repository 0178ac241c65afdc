"""VGG in Keras 3.

    (3x3 conv -> ReLU, once to four times -> pool 2), five times -> dense -> dense -> dense

Source: Simonyan, Zisserman (2015), table 1; Dive into Deep Learning, section 8.2.
On this side a layer finds the size of its input by itself, and its name says its place in the stack.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.modern_convnets.vgg import convolution_names, last_size
from dualnet.tf._model import KerasModel

__all__ = ["VGG"]


def start() -> dict[str, str]:
    """Keywords of a layer with Xavier's weights and no bias."""
    return {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def block(names: list[str], channels: int) -> list[layers.Layer]:
    """A convolution of 3x3 with ReLU for each name, then pooling by 2."""
    stack: list[layers.Layer] = []
    for name in names:
        stack += [layers.Conv2D(channels, 3, padding="same", **start(), name=name), layers.ReLU()]
    return [*stack, layers.MaxPooling2D(2)]


@keras.saving.register_keras_serializable("dualnet")
class VGG(KerasModel):
    """VGG.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        convolutions: how many each block has.
        channels: feature maps of each block.
        pooled_size: height and width to which the last maps are averaged; 0 leaves them as they are.
        hidden: units of the hidden dense layers.
        dropout: probability that a hidden feature is dropped.
        num_classes: units of the output.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), logits.

    Raises:
        ConfigError: an image too small.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        image_size: int = 32,
        convolutions: tuple[int, ...] = (1, 1, 2, 2, 2),
        channels: tuple[int, ...] = (8, 16, 24, 32, 32),
        pooled_size: int = 0,
        hidden: tuple[int, ...] = (48, 40),
        dropout: float = 0.5,
        num_classes: int = 10,
    ) -> None:
        super().__init__(name="vgg")
        last_size(image_size, len(convolutions))
        features: list[layers.Layer] = []
        for names, maps in zip(convolution_names(convolutions), channels, strict=True):
            features += block(names, maps)
        self.features = keras.Sequential(features, name="features")
        self.avgpool = (
            layers.AdaptiveAveragePooling2D(pooled_size, name="avgpool")
            if pooled_size
            else layers.Identity(name="avgpool")
        )

        classifier: list[layers.Layer] = []
        for i, units in enumerate(hidden):
            classifier += [layers.Dense(units, **start(), name=str(3 * i)), layers.ReLU()]
            classifier += [layers.Dropout(dropout, name=str(3 * i + 2))]
        output = layers.Dense(num_classes, **start(), name=str(3 * len(hidden)))
        self.classifier = keras.Sequential([*classifier, output], name="classifier")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Logits of a batch of images."""
        x = self.avgpool(self.features(images, training=training))  # N H W C
        x = tf.transpose(x, (0, 3, 1, 2))  # differs: D019, N C H W
        x = tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W
        return self.classifier(x, training=training)  # N K
