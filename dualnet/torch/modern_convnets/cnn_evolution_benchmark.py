"""Seven convolutional networks trained on one task, in PyTorch.

    LeNet -> AlexNet -> VGG, network in network -> GoogLeNet, ResNet -> DenseNet

Source: Dive into Deep Learning, section 7.6 and chapter 8.
On this side every step is built anew while it runs.
"""

import torch
from torch import nn

from dualnet.concepts.modern_convnets.cnn_evolution_benchmark import NETWORKS, OPTIMIZER, Course, check_order
from dualnet.interface import choose, initial_state
from dualnet.torch._backend import BACKEND
from dualnet.torch.convnets.lenet import LeNet
from dualnet.torch.modern_convnets.alexnet import AlexNet
from dualnet.torch.modern_convnets.densenet import DenseNet
from dualnet.torch.modern_convnets.googlenet import GoogLeNet
from dualnet.torch.modern_convnets.nin import NetworkInNetwork
from dualnet.torch.modern_convnets.resnet import ResNet
from dualnet.torch.modern_convnets.vgg import VGG

__all__ = ["train_network"]

BUILDERS: dict[str, type[nn.Module]] = {
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
    images: torch.Tensor,
    labels: torch.Tensor,
    test_images: torch.Tensor,
    test_labels: torch.Tensor,
    order: torch.Tensor,
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
    with BACKEND.noise(model, seed):
        trainer = BACKEND.trainer(model, BACKEND.losses["cross_entropy"], OPTIMIZER)
        losses = [trainer.steps([images], labels, rows, batch_size) for rows in BACKEND.array(order)]
    (logits,) = BACKEND.forward(model, [test_images])  # M K
    right = logits.argmax(dim=1) == test_labels
    parameters = sum(array.size for array in start.parameters.values())
    return Course(torch.tensor(parameters), torch.cat(losses), logits, right.to(logits.dtype).mean())
