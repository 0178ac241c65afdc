"""What the autoencoders share: their outputs, their rows, and what there is to see of them. NumPy only."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Config, DataError, Dataset, Demo, Difference, Exhibit, Initializer, Probe, each

__all__ = [
    "CROP",
    "FLATTEN",
    "FLOAT32_SLOPE",
    "GAUSSIAN_SCALES",
    "INITIALIZERS",
    "ONE_HOT",
    "REPEAT",
    "START",
    "Reconstruction",
    "Variational",
    "VariationalLoss",
    "binary_cross_entropy",
    "conditional_exhibits",
    "exhibits",
    "kl_divergence",
    "labelled_images",
    "labelled_pixels",
    "own_images",
    "own_pixels",
    "variational_exhibits",
]

SHOWN = 10
"""Columns of a grid of images."""
SCATTERED = 500
"""Points of a scatter."""


class Reconstruction(NamedTuple):
    """What an autoencoder gives: the reconstruction in 0-1, the code, and the reconstruction's logits."""

    reconstruction: Any
    code: Any
    logits: Any


class Variational(NamedTuple):
    """What a variational autoencoder gives; the latent vector is mean + noise * exp(log_variance / 2)."""

    reconstruction: Any
    mean: Any
    log_variance: Any
    latent: Any
    logits: Any


class VariationalLoss(NamedTuple):
    """Both terms and their sum, summed over batch, latent dimensions and pixels, in nats."""

    total: Any
    divergence: Any
    reconstruction: Any


START = (
    Difference(
        "D051",
        "initial kernels of dense and convolution layers",
        tf="Glorot uniform",
        torch="uniform, bounded by 1/sqrt(fan_in)",
        ours="Glorot (Xavier) uniform, set on both sides",
    ),
    Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
)
FLATTEN = Difference(
    "D019",
    "flattening feature maps, and back",
    tf="(H, W, C)",
    torch="(C, H, W)",
    ours="(C, H, W): the TensorFlow side transposes, so that the dense weights mean the same",
)
CROP = Difference(
    "D014",
    "padding of a transposed convolution",
    tf="'same' crops more at the end; no other amount can be given",
    torch="crops `padding` rows at either end",
    ours="PyTorch's amounts: the TensorFlow side crops by a slice",
)
REPEAT = Difference(
    "D105",
    "nearest neighbours",
    tf="at pixel centres",
    torch="'nearest' takes the floor",
    ours="a whole factor, for which both repeat every pixel",
)
ONE_HOT = Difference(
    "D251",
    "one-hot code of a label that is no class",
    tf="a row of zeros",
    torch="raises",
    ours="labels are 0 to num_classes - 1: data sets are checked before a training begins",
)
FLOAT32_SLOPE = Difference(
    "D199",
    "slope of a leaky ReLU in float64",
    tf="rounded to float32 on its way into the operation",
    torch="exact",
    ours="exact: the TensorFlow side writes the function out",
    demo=Demo(tf="tf.nn.leaky_relu(x, alpha=0.1)", torch="torch.nn.functional.leaky_relu(x, 0.1)"),
)
GAUSSIAN_SCALES = {"mean": 2.0**-4, "log_variance": 2.0**-4}
INITIALIZERS = {"weight": Initializer("xavier_uniform"), "bias": Initializer("constant", 0.0)}


# --- third opinions --------------------------------------------------------------------------------------------


def binary_cross_entropy(logits: Array, targets: Array) -> Array:
    """Elementwise, in nats."""
    found: Array = np.logaddexp(0.0, logits) - targets * logits
    return found


def kl_divergence(mean: Array, log_variance: Array) -> Array:
    """Of each row's Gaussian from the standard normal, in nats."""
    found: Array = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1.0).sum(axis=-1)
    return found


# --- rows ------------------------------------------------------------------------------------------------------


def own_images(dataset: Dataset, config: Config) -> Dataset:
    """Images that aim at themselves."""
    train, test = (each(rows)[0] for rows in (dataset.train_inputs, dataset.test_inputs))
    return replace(dataset, train_inputs=train, train_targets=train, test_inputs=test, test_targets=test)


def own_pixels(dataset: Dataset, config: Config) -> Dataset:
    """Images as rows of pixels (channels first) that aim at themselves."""
    train, test = (flat(each(rows)[0]) for rows in (dataset.train_inputs, dataset.test_inputs))
    return replace(dataset, train_inputs=train, train_targets=train, test_inputs=test, test_targets=test)


def labelled_pixels(dataset: Dataset, config: Config) -> Dataset:
    """Rows of pixels and their labels; the aim is the pixels, followed by the one-hot label if wanted."""
    return _labelled(own_pixels(dataset, config), dataset, config)


def labelled_images(dataset: Dataset, config: Config) -> Dataset:
    """Images and their labels; the aim is the image, followed by a plane of 0 or 1 for every class if wanted."""
    return _labelled(own_images(dataset, config), dataset, config)


def _labelled(own: Dataset, dataset: Dataset, config: Config) -> Dataset:
    def aim(x: Array, labels: Array) -> Array:
        codes = one_hot(labels, config["num_classes"])
        if not config["label_in_reconstruction"]:
            return x
        codes = codes.reshape(*codes.shape, *[1] * (x.ndim - 2))
        return np.concatenate([x, np.broadcast_to(codes, (*codes.shape[:2], *x.shape[2:]))], axis=1)

    train, test = (each(rows)[0] for rows in (own.train_inputs, own.test_inputs))
    return replace(
        own,
        train_inputs=(train, dataset.train_targets),
        train_targets=aim(train, dataset.train_targets),
        test_inputs=(test, dataset.test_targets),
        test_targets=aim(test, dataset.test_targets),
    )


def flat(images: Array) -> Array:
    """(N, C, H, W) to (N, C * H * W)."""
    return images.reshape(len(images), -1)


def one_hot(labels: Array, num_classes: int) -> Array:
    """(N,) to (N, num_classes), float32.

    Raises:
        DataError: what came are no labels 0 .. num_classes - 1.
    """
    if labels.dtype != np.int64 or labels.max() >= num_classes:
        raise DataError(
            f"expected labels 0 to {num_classes - 1}, came {labels.dtype} up to {labels.max()}: choose a data set "
            f"with labels, or set num_classes"
        )
    return np.eye(num_classes, dtype=np.float32)[labels]


# --- to see ----------------------------------------------------------------------------------------------------


def exhibits(probe: Probe, dataset: Dataset, config: Config) -> tuple[Exhibit, ...]:
    """Reconstructions, codes as points, and what lies between two codes."""
    images = each(dataset.test_inputs)[0][:SCATTERED]
    found = probe(flat(images) if "num_features" in config else images)
    codes = found["code"]
    between = _between(codes, dataset.test_targets[:SCATTERED])
    decoded = sigmoid(probe(between, part="decoder", axes="NCHW" if codes.ndim == 4 else "NF")["reconstruction"])
    return (
        _grid("images, and their reconstructions", images[:SHOWN], found["reconstruction"][:SHOWN], like=images),
        _grid("from one code to another", *np.split(decoded, 2), like=images),
        _scatter("codes", flat(codes), dataset.test_targets[:SCATTERED]),
    )


def variational_exhibits(probe: Probe, dataset: Dataset, config: Config) -> tuple[Exhibit, ...]:
    """Reconstructions from the mean, samples, what lies between two means, and means as points."""
    images = each(dataset.test_inputs)[0][:SCATTERED]
    noise = np.zeros((len(images), config["latent"]), np.float32)
    found = probe(flat(images) if "num_features" in config else images, noise)
    means = found["mean"]
    between = _between(means, dataset.test_targets[:SCATTERED])
    drawn = np.random.default_rng(0).normal(size=(3 * SHOWN, config["latent"])).astype(np.float32)
    decoded, sampled = (
        sigmoid(probe(latent, part="decoder", axes="NF")["reconstruction"]) for latent in (between, drawn)
    )
    return (
        _grid("images, and their reconstructions", images[:SHOWN], found["reconstruction"][:SHOWN], like=images),
        _grid("samples", *np.split(sampled, 3), like=images),
        _grid("from one mean to another", *np.split(decoded, 2), like=images),
        _scatter("means", means, dataset.test_targets[:SCATTERED]),
    )


def conditional_exhibits(probe: Probe, dataset: Dataset, config: Config) -> tuple[Exhibit, ...]:
    """Reconstructions from the mean, and a column of samples for every label, one latent vector in each row."""
    images, labels = each(dataset.test_inputs)[0][:SCATTERED], dataset.test_targets[:SCATTERED]
    noise = np.zeros((len(images), config["latent"]), np.float32)
    found = probe(flat(images) if "num_features" in config else images, labels, noise)
    classes = config["num_classes"]
    drawn = np.random.default_rng(0).normal(size=(3, config["latent"])).astype(np.float32)
    latent = np.concatenate([np.repeat(drawn, classes, axis=0), np.tile(np.eye(classes, dtype=np.float32), (3, 1))], 1)
    sampled = sigmoid(probe(latent, part="decoder", axes="NF")["reconstruction"])
    return (
        _grid("images, and their reconstructions", images[:SHOWN], found["reconstruction"][:SHOWN], like=images),
        _grid("one label in each column, one latent vector in each row", *np.split(sampled, 3), like=images),
        _scatter("means", found["mean"], labels),
    )


def sigmoid(x: Array) -> Array:
    """Without overflow."""
    found: Array = 0.5 * (1.0 + np.tanh(0.5 * x))
    return found


def _between(codes: Array, labels: Array) -> Array:
    """Twice as many codes as are shown in a row: from one class to the next, and from the last to the first."""
    first = codes[np.unique(labels, return_index=True)[1]]
    steps = np.linspace(0, 1, SHOWN, dtype=codes.dtype).reshape(-1, *[1] * (codes.ndim - 1))
    return np.concatenate([(1 - steps) * first[i] + steps * first[(i + 1) % len(first)] for i in (0, -1)])


def _grid(title: str, *rows: Array, like: Array) -> Exhibit:
    """Rows of pictures, each shaped like the images; planes beyond their channels are left out."""
    channels, height, width = like.shape[1:]
    size = channels * height * width
    return Exhibit(
        title, "images", {"images": np.stack([flat(r)[:, :size].reshape(-1, *like.shape[1:]) for r in rows])}
    )


def _scatter(title: str, codes: Array, labels: Array) -> Exhibit:
    """Points in the plane: two-dimensional codes as they are, others along their two principal axes."""
    if codes.shape[1] > 2:
        centred = codes - codes.mean(axis=0)
        axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
        signs = np.sign(axes[range(len(axes)), np.abs(axes).argmax(axis=1)])  # an axis has no sign of its own
        codes, title = centred @ (axes * signs[:, None]).T, f"{title}, along two principal axes"
    return Exhibit(title, "points", {"points": codes, "labels": labels})
