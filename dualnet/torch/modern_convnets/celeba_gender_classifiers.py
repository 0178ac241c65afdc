"""Gender by face in PyTorch: the VGG and the ResNets of this chapter with heads for portraits of 128x128 pixels.

    VGG:    five halvings, 4x4 maps -> dense -> dense -> dense
    ResNet: five halvings, 4x4 maps -> 7x7 average pooling over two zeros on every side, 2x2 -> dense

Source: Raschka, deeplearning-models, the notebooks on CelebA.
On this side a model of the sibling is made first, and its weights are drawn anew in place.
"""

from typing import Any

from torch import nn

from dualnet.concepts.modern_convnets.celeba_gender_classifiers import NETWORKS, WEIGHT_STD
from dualnet.interface import choose
from dualnet.torch.modern_convnets.resnet import ResNet
from dualnet.torch.modern_convnets.vgg import VGG

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
) -> nn.Module:
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
        From images (N, in_channels, image_size, image_size) to logits (N, num_classes).

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
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=WEIGHT_STD)  # differs: D051
    return model
