"""Gender by face in Keras 3: the VGG and the ResNets of this chapter with heads for portraits of 128x128 pixels.

    VGG:    five halvings, 4x4 maps -> dense -> dense -> dense
    ResNet: five halvings, 4x4 maps -> 7x7 average pooling over two zeros on every side, 2x2 -> dense

Source: Raschka, deeplearning-models, the notebooks on CelebA.
On this side an initializer gives equal numbers when it is asked twice: each kernel has one of its own.
"""

from typing import Any

import keras

from dualnet.concepts.modern_convnets.celeba_gender_classifiers import NETWORKS, WEIGHT_STD
from dualnet.interface import choose
from dualnet.tf.modern_convnets.resnet import ResNet
from dualnet.tf.modern_convnets.vgg import VGG

__all__ = ["gender_classifier"]


def gender_classifier(
    *,
    network: str = "vgg",
    in_channels: int = 3,
    image_size: int = 128,
    layers: tuple[int, ...] = (2, 2, 4, 4, 4),
    channels: tuple[int, ...] = (64, 128, 256, 512, 512),
    hidden: tuple[int, ...] = (4096, 4096),
    num_classes: int = 2,
) -> keras.Model:
    """A VGG or a ResNet that tells two kinds of portraits apart.

    Args:
        network: "vgg", or a ResNet by its blocks: "basic" or "bottleneck".
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        layers: convolutions of each block of the VGG, blocks of each stage of a ResNet.
        channels: feature maps of each of them.
        hidden: units of the VGG's hidden dense layers; a ResNet has none.
        num_classes: units of the output.

    Returns:
        From images (N, image_size, image_size, in_channels) to logits (N, num_classes).

    Raises:
        ConfigError: an unknown network, or an image too small.
    """
    choose(NETWORKS, network, "network")
    shared: dict[str, Any] = {
        "in_channels": in_channels, "image_size": image_size, "channels": channels, "num_classes": num_classes,
    }  # fmt: skip
    if network != "vgg":
        return ResNet(block=network, layers=layers, pool="padded", **shared)
    model = VGG(convolutions=layers, hidden=hidden, dropout=0.0, **shared)
    for variable in model.trainable_variables:
        if variable.name == "kernel":
            law = keras.initializers.RandomNormal(stddev=WEIGHT_STD)  # differs: D051
            variable.assign(law(variable.shape, variable.dtype))
    return model
