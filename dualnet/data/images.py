"""Image files, and what every data set of images does with its pixels."""

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dualnet.interface import Array, ConfigError, DataError

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ENDINGS", "Place", "open_image", "open_zip", "resize", "unit"]

ENDINGS = (".bmp", ".jpeg", ".jpg", ".png", ".webp")
"""The image files that are looked for."""
Place = Path | zipfile.Path
"""A file or folder, on disk or in a zip file."""


def unit(images: Array) -> Array:
    """(N, C, H, W) bytes to float32 in 0-1."""
    return images.astype(np.float32) / np.float32(255)


def resize(images: Array, size: int) -> Array:
    """Bilinear, half-pixel centres: (N, C, H, W) to (N, C, size, size).

    Raises:
        ConfigError: the size is below 1.
    """
    height, width = images.shape[-2:]
    if (height, width) == (size, size):
        return images
    if size < 1:
        raise ConfigError(f"image size {size}: expected at least 1 pixel")
    from scipy.ndimage import zoom  # only here: most data needs no resizing

    factors = (1, 1, size / height, size / width)
    resized: Array = zoom(images, factors, order=1, mode="nearest", grid_mode=True)
    return resized


def open_image(place: Place) -> "Image.Image":
    """An image file in colour, whatever its own mode.

    Raises:
        DataError: it is missing, damaged or no image.
    """
    from PIL import Image  # only here: most data are no image files

    try:
        with place.open("rb") as stream, Image.open(stream) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{place}: cannot be read as an image: {error}") from error


def open_zip(path: Path) -> zipfile.Path:
    """The top of a zip file.

    Raises:
        DataError: it is missing, cut off or no zip file.
    """
    try:
        return zipfile.Path(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as a zip file ({error}); get the file again") from error
