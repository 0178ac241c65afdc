"""Minibatches: rows in a given order, a few at a time; what becomes of the last few, and what a mean over them is."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Demo, Difference, Exhibit

__all__ = ["CONCEPT", "Batches", "EpochLoss", "Examples", "check_order"]


class Examples(NamedTuple):
    """Synthetic data."""

    features: Any
    """(N, F)."""
    targets: Any
    """(N, 1)."""


class Batches(NamedTuple):
    """Batches, one after the other."""

    features: Any
    """(R, F)."""
    targets: Any
    """(R, 1)."""
    sizes: Any
    """(S,) int64, rows of each batch; they sum up to R."""


class EpochLoss(NamedTuple):
    """An epoch's loss in two ways, () each."""

    mean_of_batches: Any
    """Each batch counts alike: a row of a short batch counts for more."""
    mean_of_rows: Any
    """Each row counts alike."""


def check_order(order: Array, rows: int, batch_size: int) -> None:
    """ValueError unless batches have a row; IndexError unless the order names rows that are there."""
    if batch_size < 1:
        raise ValueError(f"batch size {batch_size}: expected at least 1")
    if len(order) and not 0 <= order.min() <= order.max() < rows:
        raise IndexError(f"order: expected rows from 0 to {rows - 1}, came {order.min()} to {order.max()}")


# Distinct prime sizes, no zeros, no symmetry; 17 rows in batches of 5 leave one of 2.
_RNG = np.random.default_rng(73)
_FEATURES, _TARGETS, _ORDER = _RNG.normal(size=(17, 3)), _RNG.normal(size=(17, 1)), _RNG.permutation(17)
_LOSSES, _SIZES = _RNG.uniform(size=4), np.array([5, 5, 5, 2])


# --- the third opinion ---------------------------------------------------------------------------------------


def _synthetic(draws: Array, noise: Array, weight: Array, bias: float) -> Examples:
    return Examples(draws, np.einsum("nf,fo->no", draws, weight) + bias + 0.01 * noise)


def _batches(features: Array, targets: Array, order: Array, batch_size: int, drop_last: bool) -> Batches:
    whole, rest = divmod(len(order), batch_size)
    sizes = np.array([batch_size] * whole + [rest] * (rest > 0 and not drop_last), np.int64)
    seen = order[: sizes.sum()]
    return Batches(features[seen], targets[seen], sizes)


def _epoch_loss(losses: Array, sizes: Array) -> EpochLoss:
    return EpochLoss(losses.mean(), np.average(losses, weights=sizes))


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(2048, 1))
    sizes, spread = 2 ** np.arange(10), []
    for size in sizes:
        found = call(
            "native_loader",
            features=rows,
            targets=rows,
            order=rng.permutation(2048),
            batch_size=int(size),
            drop_last=True,
        )
        spread.append(found["features"].reshape(-1, size).mean(1).std())
    curves = {"x": np.log2(sizes), "measured": np.array(spread), "1 / sqrt(size)": rows.std() / np.sqrt(sizes)}
    return (Exhibit("noise of a batch's mean", "lines", curves, "log2 of the batch size", "standard deviation", "log"),)


CONCEPT = Concept(
    module=__name__,
    title="Synthetic data, minibatch iterators, the last partial batch",
    kind="procedure",
    summary="An epoch shows every row once, in batches; one permutation drives both sides, whoever loads.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 3.3",),
    differences=(
        Difference(
            "D282",
            "shuffling by the loader",
            tf="tf.data's shuffle mixes within a buffer",
            torch="DataLoader's shuffle is a permutation of all rows",
            ours="a given permutation",
        ),
        Difference(
            "D288",
            "rows left over by the last whole batch",
            tf="tf.data keeps them, unless drop_remainder",
            torch="DataLoader keeps them, unless drop_last",
            ours="as the caller says",
        ),
        Difference(
            "X-native-loader",
            "the framework's own loader",
            tf="a tf.data.Dataset, a pipeline of operations",
            torch="a DataLoader over a TensorDataset, with a sampler",
            ours="the same batches",
            demo=Demo(
                tf="""
                    batch = next(iter(tf.data.Dataset.from_tensor_slices(x).batch(2)))
                    type(batch) is type(x)
                """,
                torch="""
                    data = torch.utils.data.TensorDataset(x)
                    batch = next(iter(torch.utils.data.DataLoader(data, batch_size=2)))
                    type(batch) is type(x)
                """,
            ),
        ),
    ),
    cases=(
        Case(
            "synthetic_data",
            {"draws": _FEATURES, "noise": _TARGETS, "weight": np.array([[2.0], [-3.4], [0.7]]), "bias": 4.2},
            _synthetic,
            wrt=("draws", "noise", "weight"),
        ),
        *(
            Case(
                function,
                {
                    "features": _FEATURES, "targets": _TARGETS, "order": order, "batch_size": batch_size,
                    "drop_last": drop_last,
                },
                _batches,
                label="-".join(filter(None, (label, "drop_last" if drop_last else "keep_last"))),
            )
            for function in ("generator", "native_loader")
            for drop_last in (False, True)
            for label, order, batch_size in (
                ("", _ORDER, 5),
                ("nothing_left", _ORDER[:15], 5),
                ("too_few_for_one", _ORDER[:3], 5),
                ("one_by_one", _ORDER, 1),
                ("no_row", _ORDER[:0], 5),
            )
        ),
        *(
            Case(
                function,
                {"features": _FEATURES, "targets": _TARGETS, "order": order, "batch_size": size, "drop_last": False},
                raises=error,
                label=label,
            )
            for function in ("generator", "native_loader")
            for label, order, size, error in (
                ("no_such_row", _ORDER + 1, 5, IndexError),
                ("below_0", _ORDER - 1, 5, IndexError),
                ("empty_batches", _ORDER, 0, ValueError),
            )
        ),
        Case("epoch_loss", {"losses": _LOSSES, "sizes": _SIZES}, _epoch_loss, wrt=("losses",)),
        Case("epoch_loss", {"losses": _LOSSES, "sizes": _SIZES[:1].repeat(4)}, _epoch_loss, label="equal_sizes"),
    ),
    study=_study,
)  # fmt: skip
