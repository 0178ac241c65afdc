"""The evolution of convolutional networks: seven of them, from 1998 to 2017, trained on one task from equal weights."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.concepts.convnets import lenet
from dualnet.concepts.modern_convnets import alexnet, densenet, googlenet, nin, resnet, vgg
from dualnet.interface import Array, Case, Concept, Config, ConfigError, Difference, Optimizer

__all__ = ["CONCEPT", "IMAGE_SIZE", "NETWORKS", "OPTIMIZER", "Course", "Network", "check_order"]

IMAGE_SIZE = 32
"""Height and width of the images that all networks take, in pixels."""
OPTIMIZER = Optimizer("adam", 1e-3, epsilon=1e-4)
"""The same for all: the networks are what is compared."""


class Network(NamedTuple):
    """One network in a form that is small enough for every day."""

    year: int
    concept: Concept
    variant: str
    parameters: int
    """Added up by hand from the shapes of the layers: (inputs * kernel + 1) * outputs, two for each normalized map."""
    config: Config
    """Over the variant's."""

    @property
    def settings(self) -> dict[str, Any]:
        """All keywords of its builder."""
        return self.concept.settings(self.variant, {"image_size": IMAGE_SIZE, **self.config})


NETWORKS = {
    "lenet": Network(1998, lenet.CONCEPT, "relu_max", 82_826, {}),
    "alexnet": Network(2012, alexnet.CONCEPT, "cifar", 29_834, {}),
    "vgg": Network(2014, vgg.CONCEPT, "vgg11", 48_578, {}),
    "nin": Network(2014, nin.CONCEPT, "cifar", 18_342, {}),
    "googlenet": Network(2015, googlenet.CONCEPT, "d2l", 95_668, {}),
    "resnet": Network(2015, resnet.CONCEPT, "resnet18", 20_130, {"layers": (1, 1, 1), "channels": (8, 16, 32)}),
    "densenet": Network(
        2017, densenet.CONCEPT, "densenet_d2l", 11_338, {"layers": (2, 2, 2), "growth_rate": 8, "stem_channels": 16}
    ),
}
"""The networks by name, in the order in which they were published."""


class Course(NamedTuple):
    """One network's line of the table, and what is behind it."""

    parameters: Any
    """(), how many numbers are learned."""
    losses: Any
    """(S,), of each batch before its step."""
    logits: Any
    """(M, K), of the test images after the last step."""
    accuracy: Any
    """(), the share of them whose greatest logit is that of their label."""


class Count(NamedTuple):
    """What can be told without training."""

    parameters: int


def check_order(rows: int, order: tuple[int, ...], batch_size: int) -> None:
    """ConfigError unless an order (E, N) has all rows in every epoch, and a batch has at least one."""
    if len(order) != 2 or order[0] < 1 or order[1] != rows or batch_size < 1:
        raise ConfigError(
            f"an order of shape {tuple(order)} in batches of {batch_size}: expected (epochs, {rows}), "
            "and at least 1 epoch and 1 row in a batch"
        )


# Two epochs of two batches, the second one smaller.
_RNG = np.random.default_rng(83)
_DATA: dict[str, Array] = {
    "images": _RNG.uniform(size=(5, 1, IMAGE_SIZE, IMAGE_SIZE)).astype(np.float32).astype(np.float64),
    "labels": np.array([3, 1, 4, 1, 5]),
    "test_images": _RNG.uniform(size=(7, 1, IMAGE_SIZE, IMAGE_SIZE)).astype(np.float32).astype(np.float64),
    "test_labels": np.array([9, 2, 6, 5, 3, 5, 8]),
    "order": np.array([[4, 0, 2, 1, 3], [1, 3, 0, 4, 2]]),
}


def _count(network: str, **_: Any) -> Count:
    return Count(NETWORKS[network].parameters)


CONCEPT = Concept(
    module=__name__,
    title="Evolution of CNNs: seven networks on one vision task",
    kind="procedure",
    summary="One table of size, loss and accuracy, from LeNet to DenseNet: equal weights, batches and dropout masks.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 7.6 and chapter 8",
        "the sources of the seven networks, which their own concepts name",
    ),
    differences=(
        Difference(
            "D025",
            "convolution of images N C H W",
            tf="on a CPU in float32 alone",
            torch="everywhere",
            ours="TensorFlow's are N H W C",
        ),
    ),
    cases=(
        *(
            Case("train_network", {"network": name, **_DATA, "batch_size": 3, "seed": 7}, _count, label=name)
            for name in NETWORKS
        ),
        Case(
            "train_network",
            {"network": "lenet", **_DATA, "batch_size": 0, "seed": 7},
            label="no_batch",
            raises=ConfigError,
        ),
        Case(
            "train_network",
            {"network": "lenet", **_DATA, "order": _DATA["order"][:, :4], "batch_size": 3, "seed": 7},
            label="a_row_too_few",
            raises=ConfigError,
        ),
        Case(
            "train_network",
            {"network": "transformer", **_DATA, "batch_size": 3, "seed": 7},
            label="no_such_network",
            raises=ConfigError,
        ),
    ),
)
