"""The training loop: one for every concept and both backends."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dualnet.data.augmentation import augmented_rows, check_augmentation
from dualnet.data.batching import order
from dualnet.interface import (
    Array,
    Backend,
    Dataset,
    Loss,
    Metric,
    Recipe,
    Rows,
    Spec,
    Step,
    Trainer,
    each,
)
from dualnet.noise import normal, signed
from dualnet.training.history import Epoch, History, Progress

__all__ = ["Start", "duration", "train"]

NOISES = {"noise": normal, "uniform_noise": signed}
EVALUATION_BATCH = 1000
BLOCK = 2**28
"""Bytes of training rows that are native at a time: large images of a whole data set may be gigabytes."""
TICK = 0.1
"""Seconds between two reports of progress."""


class Start(NamedTuple):
    """Where an interrupted training goes on; the weights are the model's."""

    history: History
    memory: Mapping[str, Mapping[str, Array]]
    """See `dualnet.interface.Trainer.memory`."""


def duration(recipe: Recipe, rows: int, limit: int | None = None) -> tuple[int, int]:
    """How many epochs, the last one possibly cut short, and how many steps in all a training has.

    Args:
        recipe: batch size and epochs.
        rows: of training.
        limit: the most steps.
    """
    per_epoch = -(-rows // recipe.batch_size)
    steps = min(recipe.epochs * per_epoch, limit or recipe.epochs * per_epoch)
    return -(-steps // per_epoch), steps


def train(
    backend: Backend,
    model: Any,
    loss: Loss,
    dataset: Dataset,
    recipe: Recipe,
    inputs: Mapping[str, Spec],
    targets: Spec,
    *,
    metric: Metric,
    output: str = "",
    own: Step | None = None,
    limit: int | None = None,
    seed: int = 0,
    report: Callable[[Progress], None] = lambda progress: None,
    after_epoch: Callable[[int], None] = lambda epoch: None,
    start: Start | None = None,
    keep: Callable[[History, Trainer], None] = lambda history, trainer: None,
) -> History:
    """Train a model in place.

    Args:
        backend: the model's side.
        model: a native model.
        loss: native outputs and targets to a native scalar, or to several.
        dataset: training and test rows.
        recipe: optimizer, batch size and epochs; augmentation of the training rows, which is no time in steps.
        inputs, targets: the axes of the rows; noise is drawn anew for every epoch.
        metric: what is measured on the test rows after every epoch.
        output: the axes of the first output, which is measured.
        own: a step of the concept's own, instead of the loss by all parameters.
        limit: the most steps, for a training that ends within an epoch.
        seed: decides the order of the rows, their augmentation, and the noise.
        report: called every tenth of a second.
        after_epoch: called with the number of each epoch, from 1, once it is measured.
        start: where an earlier training of the same kind was interrupted; by default the beginning.
        keep: called after some steps and after every epoch with all that `start` needs.

    Raises:
        ConfigError: the recipe has an augmentation, and the model no images for it.
    """
    check_augmentation(recipe.augmentation, inputs, targets)
    trainer = backend.trainer(model, loss, recipe.optimizer, own)
    rows = len(dataset.train_targets)
    _, steps = duration(recipe, rows, limit)
    per_epoch = -(-rows // recipe.batch_size)
    history, reported = History(players={player: [] for player in own.players} if own else {}), 0.0
    if start:
        history = start.history
        trainer.restore(start.memory, len(history.losses))
    while (done := len(history.losses)) < steps:
        epoch, within = divmod(done, per_epoch)
        chosen = order(rows, seed, epoch)[within * recipe.batch_size : (steps - done + within) * recipe.batch_size]
        varied = augmented_rows(dataset.train_inputs, inputs, recipe.augmentation, seed=seed, epoch=epoch)
        arrays, seconds = _columns(varied, inputs, seed, epoch + 1), 0.0
        for block in _blocks(chosen, [*arrays, dataset.train_targets], recipe.batch_size):
            x = [backend.tensor(array[block], spec.axes) for array, spec in zip(arrays, inputs.values(), strict=True)]
            y = backend.tensor(dataset.train_targets[block], targets.axes)
            for part in _parts(np.arange(len(block)), recipe.batch_size):
                started = time.perf_counter()
                found = backend.array(trainer.steps(x, y, part, recipe.batch_size))  # S, or S P
                seconds += (now := time.perf_counter()) - started
                for player, column in zip(history.players.values(), found.T, strict=False):
                    player += column.tolist()
                history.losses += (found.sum(axis=1) if own else found).tolist()
                if now - reported > TICK:
                    reported = now
                    last = history.epochs[-1].metric if history.epochs else None
                    report(Progress(len(history.losses), steps, history.losses[-1], last))
                if len(history.losses) < min(steps, (epoch + 1) * per_epoch):  # else once it is measured
                    keep(history, trainer)
        value = evaluate(backend, trainer.predict, dataset, inputs, metric, output=output, seed=seed)
        losses = history.losses[epoch * per_epoch :]
        history.epochs.append(Epoch(float(np.mean(losses)), value, seconds, len(chosen)))
        report(Progress(len(history.losses), steps, losses[-1], value))
        after_epoch(epoch + 1)
        keep(history, trainer)
    return history


def _blocks(order: Array, arrays: Sequence[Array], batch_size: int) -> Iterator[Array]:
    """The rows of whole batches at a time: as many as are small enough together."""
    batch_bytes = batch_size * sum(array[:1].nbytes for array in arrays)
    size = max(1, BLOCK // batch_bytes) * batch_size
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _parts(order: Array, batch_size: int) -> Iterator[Array]:
    """The rows of several steps at a time: as many as the caller does in a tick, found while going."""
    start, steps = 0, 1
    while start < len(order):
        began = time.perf_counter()
        yield order[start : start + steps * batch_size]
        start += steps * batch_size
        in_a_tick = TICK * steps / max(time.perf_counter() - began, 1e-6)
        steps = max(1, min(2 * steps, int(in_a_tick)))


def native_inputs(backend: Backend, rows: Rows, inputs: Mapping[str, Spec], seed: int, call: int) -> list[Any]:
    """The rows as native tensors in declared order, with noise from the stream of both sides where it is declared."""
    arrays = _columns(rows, inputs, seed, call)
    return [backend.tensor(array, spec.axes) for array, spec in zip(arrays, inputs.values(), strict=True)]


def _columns(rows: Rows, inputs: Mapping[str, Spec], seed: int, call: int) -> list[Array]:
    given = iter(each(rows))
    count, dtype = len(each(rows)[0]), each(rows)[0].dtype
    return [
        NOISES[spec.values](seed, name, call, (count, *spec.shape)).astype(dtype) if spec.drawn else next(given)
        for name, spec in inputs.items()
    ]


def evaluate(
    backend: Backend,
    predict: Callable[[list[Any]], list[Any]],
    dataset: Dataset,
    inputs: Mapping[str, Spec],
    metric: Metric,
    *,
    output: str = "",
    seed: int = 0,
) -> float:
    """Accuracy (a fraction), mean absolute or mean squared error of the first output on all test rows."""
    total, count = 0.0, len(dataset.test_targets)
    for start in range(0, count, EVALUATION_BATCH):
        rows = slice(start, start + EVALUATION_BATCH)
        part = tuple(array[rows] for array in each(dataset.test_inputs))
        outputs = predict(native_inputs(backend, part, inputs, seed, 0))
        total += _score(backend.array(outputs[0], output), dataset.test_targets[rows], metric)
    return total / count


def _score(outputs: Array, targets: Array, metric: Metric) -> float:
    """The sum over the rows. An accuracy is of scores (N, K), or of the labels (N,) themselves."""
    if metric == "accuracy":
        return float(((outputs.argmax(axis=1) if outputs.ndim > 1 else outputs) == targets).sum())
    errors = outputs - targets
    size = np.abs(errors) if metric == "mean_absolute_error" else np.square(errors)
    return float(size.mean(axis=tuple(range(1, targets.ndim))).sum())
