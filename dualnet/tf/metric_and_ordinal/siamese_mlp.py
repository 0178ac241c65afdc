"""A siamese network in Keras 3.

    left, right -> the same three dense layers -> Euclidean distance -> contrastive loss

Source: Hadsell, Chopra, LeCun (2006), equation 4; Raschka, deeplearning-models, metric/siamese-1.
On this side a layer that is called twice shares its weights; so it is in PyTorch.
"""

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.metric_and_ordinal.siamese_mlp import MARGIN, SiameseOutput
from dualnet.tf._model import KerasModel

__all__ = ["Siamese", "contrastive_loss", "euclidean_distance", "siamese_loss"]

START = {"kernel_initializer": "glorot_uniform", "bias_initializer": "zeros"}  # differs: D051, D052


def euclidean_distance(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Euclidean distance of each row to its partner; its gradient is 0 where they are equal.

    Args:
        left, right: (N, F).

    Returns:
        (N,).
    """
    squared = tf.reduce_sum(tf.square(left - right), axis=1)
    apart = squared > 0
    root = tf.sqrt(tf.where(apart, squared, tf.ones_like(squared)))  # differs: D205
    return tf.where(apart, root, tf.zeros_like(squared))


def contrastive_loss(distance: tf.Tensor, same: tf.Tensor, margin: float) -> tf.Tensor:
    """Squared distance of pairs of one class, squared lack of distance of others, averaged over the pairs.

    Args:
        distance: (N,).
        same: (N,), 1 for a pair of one class, 0 for another.
        margin: distance from which on a pair of different classes costs nothing.

    Returns:
        (), in squared units of the distance.
    """
    lack = tf.nn.relu(margin - distance)  # differs: D201
    return tf.reduce_mean(tf.where(same == 1, tf.square(distance), tf.square(lack)))


def siamese_loss(outputs: SiameseOutput, same: tf.Tensor) -> tf.Tensor:
    """Contrastive loss with the concept's margin, the mean over the pairs."""
    return contrastive_loss(outputs.distance, same, MARGIN)


@keras.saving.register_keras_serializable("dualnet")
class Siamese(KerasModel):
    """One multilayer perceptron for two images.

    Args:
        num_features: pixels of an image.
        hidden: units of the hidden layers.
        embedding: dimensions of an embedding.
        relu_embedding: cut embeddings off below 0.

    Input shape: left and right, (N, num_features) each, in 0-1.
    Output shape: same (N,), integers; distance (N,); left and right (N, embedding).
    """

    def __init__(
        self,
        *,
        num_features: int = 784,
        hidden: tuple[int, ...] = (256, 256),
        embedding: int = 2,
        relu_embedding: bool = False,
    ) -> None:
        super().__init__(name="siamese")
        self.hidden = [layers.Dense(units, **START, name=f"hidden.{i}") for i, units in enumerate(hidden)]
        self.embedding = layers.Dense(embedding, **START, name="embedding")
        self.relu_embedding = relu_embedding
        self(keras.Input((num_features,)), keras.Input((num_features,)))  # creates the variables

    def call(self, left: tf.Tensor, right: tf.Tensor, training: bool | None = None) -> SiameseOutput:
        """Embeddings of both images of each pair, and their distance."""
        left, right = self.embed(left), self.embed(right)  # N embedding
        distance = euclidean_distance(left, right)  # N
        return SiameseOutput(tf.cast(distance < MARGIN / 2, tf.int64), distance, left, right)

    def embed(self, pixels: tf.Tensor) -> tf.Tensor:
        """Embeddings of a batch of images."""
        x = pixels
        for layer in self.hidden:
            x = tf.nn.relu(layer(x))  # N F
        x = self.embedding(x)  # N embedding
        return tf.nn.relu(x) if self.relu_embedding else x
