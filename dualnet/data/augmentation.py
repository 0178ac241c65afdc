"""Augmentation as data: training images varied before either side sees them, so that both see the same pixels."""

from collections.abc import Mapping

import numpy as np

from dualnet.interface import Array, Augmentation, ConfigError, Rows, Spec, each
from dualnet.noise import uniform

__all__ = ["augment", "augmented_rows", "check_augmentation"]


def augment(images: Array, augmentation: Augmentation, *, seed: int, name: str, epoch: int) -> Array:
    """Every image cropped and flipped by numbers that depend on nothing but seed, name, epoch and its index.

    Args:
        images: (N, C, H, W); left as they are.
        augmentation: what is done.
        seed: decides every number.
        name: the input's name.
        epoch: from 0; whichever epochs came before.

    Returns:
        (N, C, H, W), of the same dtype.

    Source:
        He, Zhang, Ren, Sun (2016), Deep residual learning, section 4.2: pad by 4, crop at random, flip at random.
    """
    height, width = images.shape[2:]
    margin = augmentation.padding
    drawn = uniform(seed, f"augmentation.{name}", epoch, (len(images), 3))
    tops, lefts = (drawn[:, :2] * (2 * margin + 1)).astype(int).T
    flips = drawn[:, 2] < 0.5
    padded = np.zeros((images.shape[1], height + 2 * margin, width + 2 * margin), images.dtype)
    result = np.empty_like(images)
    for i, image in enumerate(images):
        padded[:, margin : margin + height, margin : margin + width] = image
        crop = padded[:, tops[i] : tops[i] + height, lefts[i] : lefts[i] + width]
        result[i] = crop[:, :, ::-1] if augmentation.flip and flips[i] else crop
    return result


def augmented_rows(
    rows: Rows, inputs: Mapping[str, Spec], augmentation: Augmentation | None, *, seed: int, epoch: int
) -> Rows:
    """The rows of one epoch: the images among them augmented, each input by numbers of its own; all else as it is."""
    if augmentation is None:
        return rows
    given = ((name, spec) for name, spec in inputs.items() if not spec.drawn)
    varied = tuple(
        augment(array, augmentation, seed=seed, name=name, epoch=epoch) if spec.axes == "NCHW" else array
        for array, (name, spec) in zip(each(rows), given, strict=True)
    )
    return varied if isinstance(rows, tuple) else varied[0]


def check_augmentation(augmentation: Augmentation | None, inputs: Mapping[str, Spec], targets: Spec) -> None:
    """ConfigError if there is nothing to augment, or if the targets would no longer belong to the inputs."""
    if augmentation is None:
        return
    if all(spec.axes != "NCHW" or spec.drawn for spec in inputs.values()):
        raise ConfigError(f"augmentation is of images (N, C, H, W): the model takes {', '.join(inputs)}")
    if targets.axes == "NCHW":
        raise ConfigError("augmentation varies the inputs alone: this model's targets are images, too; leave it out")
