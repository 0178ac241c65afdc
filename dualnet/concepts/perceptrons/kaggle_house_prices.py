"""House prices: a table of numbers, categories and gaps becomes a matrix; errors are measured of logarithms."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, DataError, Dataset, Difference, Exhibit

__all__ = ["CONCEPT", "MLP", "Linear"]


class Linear(NamedTuple):
    """A linear regression after training."""

    weight: Any
    """(F,)."""
    bias: Any
    """()."""
    losses: Any
    """(steps,): the mean squared error of a batch's log prices before each step."""


class MLP(NamedTuple):
    """A perceptron with one hidden layer after training."""

    hidden_weight: Any
    """(H, F)."""
    hidden_bias: Any
    """(H,)."""
    output_weight: Any
    """(H,)."""
    output_bias: Any
    """()."""
    losses: Any
    """(steps,): the mean squared error of a batch's log prices before each step."""


# Distinct prime sizes, gaps in two columns, a column without a gap, one that is constant, no symmetry.
_RNG = np.random.default_rng(109)
_NUMBERS = _RNG.normal(size=(11, 5)) * [0.1, 1.0, 20.0, 3.0, 1.0] + [2.0, -0.7, 0.3, 5.0, 0.0]
_NUMBERS[[1, 4], [0, 2]] = np.nan
_NUMBERS[:, 4] = 1.75
_CATEGORIES = np.column_stack([_RNG.integers(1, 4, 11), _RNG.integers(0, 3, 11)])
_FEATURES = _RNG.normal(size=(11, 7))
_PRICES = np.exp(_RNG.normal(12.0, 0.4, 11))
_ORDER = np.concatenate([_RNG.permutation(11)[:10].reshape(2, 5) for _ in range(3)])
_LINEAR = {"weight": _RNG.normal(size=7), "bias": np.array(11.3)}
_MLP = {
    "hidden_weight": _RNG.normal(size=(3, 7)),
    "hidden_bias": _RNG.normal(size=3),
    "output_weight": _RNG.normal(size=3),
    "output_bias": np.array(11.3),
}
_RULE = {"learning_rate": 0.01, "momentum": 0.9, "decay": 0.1}


# --- the third opinion ---------------------------------------------------------------------------------------


def _design_matrix(numbers: Array, categories: Array) -> Array:
    columns = []
    for column in numbers.T:
        known = column[~np.isnan(column)]
        spread = known.std(ddof=1)
        columns.append(np.nan_to_num((column - known.mean()) / (spread if spread > 0 else 1)))
    for column in categories.T:
        columns += [column == code for code in range(column.max() + 1)]
    return np.column_stack(columns).astype(numbers.dtype)


def _linear_predictions(features: Array, weight: Array, bias: Array) -> Any:
    return features @ weight + bias


def _mlp_predictions(
    features: Array, hidden_weight: Array, hidden_bias: Array, output_weight: Array, output_bias: Array
) -> Any:
    return np.maximum(features @ hidden_weight.T + hidden_bias, 0) @ output_weight + output_bias


def _log_rmse(log_predictions: Array, prices: Array) -> Any:
    return np.sqrt(np.mean((log_predictions - np.log(prices)) ** 2))


def _training(
    slopes: Callable[..., tuple[Array, ...]], predictions: Callable[..., Any], result: Any
) -> Callable[..., Any]:
    def trained(
        features: Array,
        prices: Array,
        order: Array,
        learning_rate: float,
        momentum: float,
        decay: float,
        **start: Array,
    ) -> Any:
        found, velocity, losses = [*start.values()], [0.0 * array for array in start.values()], []
        for rows in order:
            x = features[rows]
            gaps = predictions(x, *found) - np.log(prices[rows])
            losses.append(np.mean(gaps**2))
            gradients = slopes(x, 2 * gaps / len(rows), *found)
            for i, gradient in enumerate(gradients):
                decayed = gradient + decay * found[i] * (i % 2 == 0)  # weights, not biases
                velocity[i] = momentum * velocity[i] + decayed
                found[i] = found[i] - learning_rate * velocity[i]
        return result(*found, np.array(losses))

    return trained


def _linear_slopes(x: Array, by_output: Array, weight: Array, bias: Array) -> tuple[Array, ...]:
    return x.T @ by_output, by_output.sum()


def _mlp_slopes(
    x: Array, by_output: Array, hidden_weight: Array, hidden_bias: Array, output_weight: Array, output_bias: Array
) -> tuple[Array, ...]:
    hidden = np.maximum(x @ hidden_weight.T + hidden_bias, 0)
    by_hidden = np.outer(by_output, output_weight) * (hidden > 0)
    return by_hidden.T @ x, by_hidden.sum(0), hidden.T @ by_output, by_output.sum()


_linear = _training(_linear_slopes, _linear_predictions, Linear)
_mlp = _training(_mlp_slopes, _mlp_predictions, MLP)


# --- the competition -----------------------------------------------------------------------------------------

MODELS, KINDS = ("linear", "mlp"), ("train", "validation")
FOLDS, EPOCHS, BATCH, HIDDEN = 5, 40, 64, 64
TRAINING = {"learning_rate": 0.003, "momentum": 0.9, "decay": 0.1}


def _starts(features: int, log_price: Any, rng: np.random.Generator) -> dict[str, dict[str, Array]]:
    """Weights to start with: both models predict about the mean at first."""
    bias = np.array(log_price)
    return {
        "linear": {"weight": np.zeros(features), "bias": bias},
        "mlp": {
            "hidden_weight": rng.normal(0.0, np.sqrt(2 / features), (HIDDEN, features)),
            "hidden_bias": np.zeros(HIDDEN),
            "output_weight": rng.normal(0.0, np.sqrt(1 / HIDDEN), HIDDEN),
            "output_bias": bias,
        },
    }


def _batches(rows: int, rng: np.random.Generator) -> Array:
    """The rows of each batch, in every epoch in another order; what is left over waits for the next one."""
    count = rows // BATCH
    return np.concatenate([rng.permutation(rows)[: count * BATCH].reshape(count, BATCH) for _ in range(EPOCHS)])


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    """5-fold cross-validation of both models: Dive into Deep Learning, section 5.7."""
    if dataset is None or not isinstance(dataset.train_inputs, tuple) or len(dataset.train_inputs) != 2:
        raise DataError("kaggle_house_prices studies numbers and categories with prices: expected --data house_prices")
    numbers, categories = map(np.concatenate, zip(dataset.train_inputs, dataset.test_inputs, strict=True))
    prices, rng = dataset.train_targets, np.random.default_rng(0)
    features = call("design_matrix", numbers=numbers, categories=categories)["value"][: len(prices)]
    parts = np.array_split(rng.permutation(len(prices)), FOLDS)
    errors = {(name, kind): np.zeros(FOLDS) for name in MODELS for kind in KINDS}
    courses: dict[str, Array] = {}
    for index, validation in enumerate(parts):
        train = np.concatenate(parts[:index] + parts[index + 1 :])
        rows = {"features": features[train], "prices": prices[train], "order": _batches(len(train), rng)}
        for name, start in _starts(features.shape[1], np.log(prices[train]).mean(), rng).items():
            model = call(name, **rows, **start, **TRAINING)
            courses.setdefault(name, model.pop("losses").reshape(EPOCHS, -1).mean(axis=1))
            for kind, asked in zip(KINDS, (train, validation), strict=True):
                predicted = call(f"{name}_predictions", features=features[asked], **model)["value"]
                score = call("log_rmse", log_predictions=predicted, prices=prices[asked])["value"]
                errors[name, kind][index] = score
    folds = {f"{name}, {kind}": scores for (name, kind), scores in errors.items()}
    means = {kind: np.array([errors[name, kind].mean() for name in MODELS]) for kind in KINDS}
    return (
        Exhibit("squared error of log prices, first fold", "lines", courses, "epoch", "loss", "log"),
        Exhibit("log-RMSE of each fold", "bars", folds, "fold", "log-RMSE"),
        Exhibit("mean log-RMSE: linear (0), mlp (1)", "bars", means, "", "log-RMSE"),
    )


CONCEPT = Concept(
    module=__name__,
    title="House prices: log-RMSE, standardisation, one-hot columns, 5-fold cross-validation",
    kind="procedure",
    summary="Gaps are filled, numbers standardised, categories become columns; two models compete for the log price.",
    sources=(
        "De Cock (2011), Ames, Iowa: alternative to the Boston housing data",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 5.7 (79 columns become 331)",
        "a public course reports a mean log-RMSE of 0.2827 (training) and 0.4241 (validation) over 5 folds",
    ),
    differences=(
        Difference(
            "D049",
            "standard deviation of a column",
            tf="tf.math.reduce_std divides by n",
            torch="torch.std divides by n - 1",
            ours="by n - 1 over the rows without gap, written out: neither skips NaN",
        ),
        Difference(
            "D161",
            "momentum",
            tf="keras.optimizers.SGD keeps the rate inside the velocity, and rounds it to float32",
            torch="torch.optim.SGD keeps the rate outside",
            ours="outside: v = momentum * v + g; w = w - rate * v",
        ),
    ),
    cases=(
        Case("design_matrix", {"numbers": _NUMBERS, "categories": _CATEGORIES}, _design_matrix),
        Case(
            "design_matrix",
            {"numbers": _NUMBERS, "categories": _CATEGORIES[:, :0]},
            _design_matrix,
            label="no_category",
        ),
        Case(
            "design_matrix", {"numbers": _NUMBERS[:, :0], "categories": _CATEGORIES}, _design_matrix, label="no_number"
        ),
        Case(
            "log_rmse",
            {"log_predictions": np.log(_PRICES) + 0.1 * _FEATURES[:, 0], "prices": _PRICES},
            _log_rmse,
            wrt=("log_predictions",),
        ),
        Case(
            "linear_predictions",
            {"features": _FEATURES, **_LINEAR},
            _linear_predictions,
            wrt=("features", "weight", "bias"),
        ),
        Case("mlp_predictions", {"features": _FEATURES, **_MLP}, _mlp_predictions, wrt=("features", *_MLP)),
        *(
            Case(
                function,
                {"features": _FEATURES, "prices": _PRICES, "order": _ORDER[:steps], **start, **_RULE},
                oracle,
                label=label,
            )
            for function, start, oracle in (("linear", _LINEAR, _linear), ("mlp", _MLP, _mlp))
            for label, steps in (("", 6), ("no_step", 0))
        ),
    ),
    study=_study,
    data="house_prices",
)
