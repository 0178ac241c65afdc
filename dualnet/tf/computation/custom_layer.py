"""Layers of one's own in Keras 3: ``build`` creates the parameters, ``call`` uses them.

Source: Dive into Deep Learning, section 6.5.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from dualnet.tf._model import KerasModel

__all__ = ["CenteredMLP", "MyDenseMLP"]


@keras.saving.register_keras_serializable("dualnet")
class Centered(layers.Layer):
    """A layer without parameters: takes the mean of all numbers off each.

    Input shape and output shape: any.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """The centred batch."""
        return x - tf.reduce_mean(x)


@keras.saving.register_keras_serializable("dualnet")
class MyDense(layers.Layer):
    """A layer with parameters: x @ weight + bias.

    Args:
        units: features of the output.
        options: what every Keras layer takes, as its name.

    Input shape: (N, inputs).
    Output shape: (N, units).
    """

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create the parameters, once the features of the input are known."""
        shape = (input_shape[-1], self.units)
        self.weight = self.add_weight(
            name="weight", shape=shape, initializer="glorot_uniform"
        )  # differs: X-layer-build
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """The rows, mapped."""
        return x @ self.weight + self.bias  # N F

    def get_config(self) -> dict[str, Any]:
        """The arguments of ``__init__``."""
        return {**super().get_config(), "units": self.units}  # differs: X-layer-config


@keras.saving.register_keras_serializable("dualnet")
class CenteredMLP(KerasModel):
    """Two dense layers with a `Centered` one between them.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.

    Input shape: (N, image_size, image_size, 1).
    Output shape: (N, num_classes), logits.
    """

    def __init__(self, *, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__(name="centered_mlp")
        start = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052
        self.flatten = layers.Flatten(name="flatten")
        self.hidden = layers.Dense(hidden, name="hidden", **start)
        self.centered = Centered(name="centered")
        self.output_layer = layers.Dense(num_classes, name="output", **start)
        self(keras.Input((image_size, image_size, 1)))  # creates the variables

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Logits of a batch of images."""
        x = self.hidden(self.flatten(images))  # N F
        x = tf.nn.relu(self.centered(x))  # N F
        return self.output_layer(x)  # N K


@keras.saving.register_keras_serializable("dualnet")
class MyDenseMLP(KerasModel):
    """Two `MyDense` layers.

    Args:
        image_size: height and width of the image in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.

    Input shape: (N, image_size, image_size, 1).
    Output shape: (N, num_classes), logits.
    """

    def __init__(self, *, image_size: int = 8, hidden: int = 32, num_classes: int = 10) -> None:
        super().__init__(name="my_dense_mlp")
        self.flatten = layers.Flatten(name="flatten")
        self.hidden = MyDense(hidden, name="hidden")
        self.output_layer = MyDense(num_classes, name="output")
        self(keras.Input((image_size, image_size, 1)))  # creates the variables

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Logits of a batch of images."""
        x = tf.nn.relu(self.hidden(self.flatten(images)))  # N F
        return self.output_layer(x)  # N K
