"""Seven convolutional networks trained on one task, in TensorFlow and Keras 3.

    LeNet -> AlexNet -> VGG, network in network -> GoogLeNet, ResNet -> DenseNet

Source: Dive into Deep Learning, section 7.6 and chapter 8.
On this side all steps of an epoch are one graph.
"""

import keras
import tensorflow as tf

from dualnet.concepts.modern_convnets.cnn_evolution_benchmark import NETWORKS, OPTIMIZER, Course, check_order
from dualnet.interface import choose, initial_state
from dualnet.tf._backend import BACKEND
from dualnet.tf.convnets.lenet import LeNet
from dualnet.tf.modern_convnets.alexnet import AlexNet
from dualnet.tf.modern_convnets.densenet import DenseNet
from dualnet.tf.modern_convnets.googlenet import GoogLeNet
from dualnet.tf.modern_convnets.nin import NetworkInNetwork
from dualnet.tf.modern_convnets.resnet import ResNet
from dualnet.tf.modern_convnets.vgg import VGG

__all__ = ["train_network"]

BUILDERS: dict[str, type[keras.Model]] = {
    "lenet": LeNet,
    "alexnet": AlexNet,
    "vgg": VGG,
    "nin": NetworkInNetwork,
    "googlenet": GoogLeNet,
    "resnet": ResNet,
    "densenet": DenseNet,
}


def train_network(
    network: str,
    images: tf.Tensor,
    labels: tf.Tensor,
    test_images: tf.Tensor,
    test_labels: tf.Tensor,
    order: tf.Tensor,
    batch_size: int,
    seed: int,
) -> Course:
    """One network, built, trained and measured.

    Args:
        network: "lenet", "alexnet", "vgg", "nin", "googlenet", "resnet" or "densenet".
        images: (N, 1, 32, 32), in 0-1.
        labels: (N,), 0 to 9.
        test_images, test_labels: M of the same.
        order: (E, N), the rows in the order of each epoch.
        batch_size: rows per step.
        seed: decides the weights at the start and the dropout masks.

    Returns:
        Its size, losses, logits and accuracy.

    Raises:
        ConfigError: an unknown network, or an order that fits neither the rows nor the batches.
    """
    chosen = choose(NETWORKS, network, "network")
    check_order(len(labels), order.shape, batch_size)
    model = BUILDERS[network](**chosen.settings)
    start = initial_state(BACKEND.state(model), chosen.concept.initializers(chosen.settings), seed)
    BACKEND.load(model, start)
    images, test_images = (tf.transpose(x, (0, 2, 3, 1)) for x in (images, test_images))  # differs: D025, N H W C
    with BACKEND.noise(model, seed):
        trainer = BACKEND.trainer(model, BACKEND.losses["cross_entropy"], OPTIMIZER)
        losses = [trainer.steps([images], labels, rows, batch_size) for rows in BACKEND.array(order)]
    (logits,) = BACKEND.forward(model, [test_images])  # M K
    right = tf.argmax(logits, axis=1) == test_labels
    parameters = sum(array.size for array in start.parameters.values())
    return Course(
        tf.constant(parameters, tf.int64), tf.concat(losses, 0), logits, tf.reduce_mean(tf.cast(right, logits.dtype))
    )
