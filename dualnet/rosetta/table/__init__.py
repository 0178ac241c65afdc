"""The rows of the table, a module for each area."""

from dualnet.rosetta.row import Row
from dualnet.rosetta.table import (
    activations,
    autograd,
    convolutions,
    creation,
    data,
    images,
    indexing,
    initializers,
    layers,
    linear_algebra,
    losses,
    math,
    optimizers,
    pooling,
    recurrent,
    reductions,
    shapes,
)

__all__ = ["AREAS"]

AREAS: dict[str, tuple[Row, ...]] = {
    "tensors": creation.ROWS,
    "shapes": shapes.ROWS,
    "indexing and sorting": indexing.ROWS,
    "math": math.ROWS,
    "reductions": reductions.ROWS,
    "linear algebra": linear_algebra.ROWS,
    "activations": activations.ROWS,
    "convolutions": convolutions.ROWS,
    "pooling": pooling.ROWS,
    "layers": layers.ROWS,
    "recurrent layers and attention": recurrent.ROWS,
    "losses": losses.ROWS,
    "optimizers": optimizers.ROWS,
    "initializers": initializers.ROWS,
    "gradients": autograd.ROWS,
    "random numbers, data, models": data.ROWS,
    "images": images.ROWS,
}
