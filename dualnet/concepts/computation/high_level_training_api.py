"""Training by compile and fit, by a training step of one's own in their frame, and by a loop that is written out."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, DataError, Dataset, Demo, Difference, Exhibit, each

__all__ = ["CONCEPT", "Trained"]


class Trained(NamedTuple):
    """Two dense layers, in the canonical layout, and how they came to be so."""

    hidden_weight: Any
    """(H, F)."""
    hidden_bias: Any
    """(H,)."""
    output_weight: Any
    """(K, H)."""
    output_bias: Any
    """(K,)."""
    losses: Any
    """(E,), in nats: the mean over the rows in each epoch, each as it was before the step that it took part in."""


# Distinct prime sizes, no zeros, no symmetry; 17 rows in batches of 5 leave one of 2.
_RNG = np.random.default_rng(59)
_FEATURES, _LABELS = _RNG.normal(size=(17, 7)), _RNG.integers(0, 3, 17)
_HIDDEN, _OUTPUT = _RNG.normal(0.0, 0.4, (11, 7)), _RNG.normal(0.0, 0.4, (3, 11))


# --- the third opinion ---------------------------------------------------------------------------------------


def _trained(
    features: Array, labels: Array, hidden_weight: Array, output_weight: Array,
    learning_rate: float, batch_size: int, epochs: int,
) -> Trained:  # fmt: skip
    """The chain rule by hand."""
    parameters = [hidden_weight, np.zeros(len(hidden_weight)), output_weight, np.zeros(len(output_weight))]
    losses = np.zeros(epochs)
    for epoch in range(epochs):
        for start in range(0, len(labels), batch_size):
            x, y = features[start : start + batch_size], labels[start : start + batch_size]
            inner = x @ parameters[0].T + parameters[1]
            hidden = np.maximum(inner, 0)
            logits = hidden @ parameters[2].T + parameters[3]
            log_probabilities = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
            losses[epoch] -= log_probabilities[range(len(y)), y].sum() / len(labels)
            by_logits = (np.exp(log_probabilities) - np.eye(logits.shape[1])[y]) / len(y)
            by_inner = by_logits @ parameters[2] * (inner > 0)
            gradients = (by_inner.T @ x, by_inner.sum(0), by_logits.T @ hidden, by_logits.sum(0))
            parameters = [p - learning_rate * g for p, g in zip(parameters, gradients, strict=True)]
    hidden_weight, hidden_bias, output_weight, output_bias = parameters
    return Trained(hidden_weight, hidden_bias, output_weight, output_bias, losses)


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    if dataset is None:
        raise DataError("no data set: expected rows with labels")
    rows = each(dataset.train_inputs)[0][:1000]
    features = rows.reshape(len(rows), -1).astype(np.float64)
    rng = np.random.default_rng(7)
    args = {
        "features": features,
        "labels": dataset.train_targets[: len(rows)],
        "hidden_weight": rng.normal(0.0, 0.1, (32, features.shape[1])),
        "output_weight": rng.normal(0.0, 0.1, (int(dataset.train_targets.max()) + 1, 32)),
        "learning_rate": 0.125, "batch_size": 64, "epochs": 8,
    }  # fmt: skip
    curves = {name: call(name, **args)["losses"] for name in ("compile_fit", "custom_train_step", "explicit_loop")}
    return (Exhibit("three ways to train", "lines", {"x": np.arange(1, 9), **curves}, x="epoch", y="loss in nats"),)


CONCEPT = Concept(
    module=__name__,
    title="High-level training API versus explicit training loop",
    kind="procedure",
    summary="compile and fit hide a loop over batches, and end where it ends when it is written out.",
    sources=(
        "Keras, guide on customizing what happens in fit()",
        "PyTorch, tutorial on optimizing model parameters (the explicit loop)",
    ),
    differences=(
        Difference("D008", "layout of a dense weight", tf="(in, out)", torch="(out, in)", ours="(out, in)"),
        Difference(
            "D123",
            "precision of a loss object, and of the loss that fit reports",
            tf="float32, unless the object is told",
            torch="that of what it is given",
            ours="that of the model",
            demo=Demo(
                tf="""
                    keras.config.set_floatx("float32")  # as Keras starts
                    loss = keras.losses.MeanAbsoluteError()
                    keras.config.set_floatx("float64")
                    loss(tf.constant([1.0], tf.float64), tf.constant([1 + 1e-9], tf.float64))
                """,
                torch="""
                    loss = torch.nn.L1Loss()
                    loss(torch.tensor([1 + 1e-9]), torch.tensor([1.0]))
                """,
            ),
        ),
        Difference(
            "D155",
            "precision of the learning rate",
            tf="float32 inside the optimizer",
            torch="double",
            ours="rates that float32 has exactly",
            demo=Demo(
                tf="""
                    keras.config.set_floatx("float32")  # as Keras starts
                    optimizer = keras.optimizers.SGD(0.1)
                    keras.config.set_floatx("float64")
                    parameter = keras.Variable(0.0, dtype="float64")
                    optimizer.apply([tf.ones((), tf.float64)], [parameter])
                    parameter + 0.1
                """,
                torch="""
                    parameter = torch.zeros((), requires_grad=True)
                    optimizer = torch.optim.SGD([parameter], lr=0.1)
                    parameter.grad = torch.ones(())
                    optimizer.step()
                    parameter + 0.1
                """,
            ),
        ),
        Difference(
            "D227",
            "float64 rows given to fit",
            tf="rounded to float32, unless they come in a tf.data.Dataset",
            torch="stay float64",
            ours="stay as they are",
        ),
        Difference(
            "D288",
            "order of the rows in fit",
            tf="shuffled, unless it is told",
            torch="there is no fit; a DataLoader keeps the order",
            ours="kept; the last batch may be smaller, and counts by its rows",
        ),
        Difference(
            "X-fit",
            "compile and fit",
            tf="methods of every model",
            torch="none: a small Trainer of our own",
            ours="the same two calls",
            demo=Demo(
                tf='hasattr(keras.Model, "fit")',
                torch='hasattr(torch.nn.Module, "fit")',
            ),
        ),
        Difference(
            "X-train-step",
            "a training step of one's own within fit",
            tf="a model whose train_step is overridden",
            torch="a Trainer whose train_step is overridden",
            ours="as each side is used to",
            demo=Demo(
                tf='hasattr(keras.Model, "train_step")',
                torch='hasattr(torch.nn.Module, "train_step")',
            ),
        ),
    ),
    cases=tuple(
        Case(
            function,
            {
                "features": _FEATURES, "labels": _LABELS, "hidden_weight": _HIDDEN, "output_weight": _OUTPUT,
                "learning_rate": 0.25, "batch_size": batch_size, "epochs": epochs,
            },
            _trained,
            label=label,
        )
        for function in ("compile_fit", "custom_train_step", "explicit_loop")
        for label, batch_size, epochs in (("one_epoch", 5, 1), ("three_epochs", 5, 3), ("one_batch", 17, 2))
    ),
    study=_study,
    data="digits",
)  # fmt: skip
