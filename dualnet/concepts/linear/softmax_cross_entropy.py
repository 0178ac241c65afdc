"""Softmax and cross entropy: the naive form failing, the stable ones, and what is divided by what."""

from typing import Any

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT"]

# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a forgotten row cannot hide.
_RNG = np.random.default_rng(13)
_LOGITS = 2 * _RNG.normal(size=(7, 5))
_LABELS = np.array([2, 0, 4, 1, 1, 3, 2])
_PADDED = np.array([2, -1, 4, 1, -1, 3, -1])
_BLOCK = _RNG.normal(size=(3, 5, 2, 7))
_BLOCK_LABELS = _RNG.integers(0, 5, size=(3, 2, 7))
_WEIGHTS = _RNG.uniform(0.3, 2.0, size=5)
_PROBABILITIES = _RNG.dirichlet(np.ones(5), size=7)
_TARGETS = 0.9 * _RNG.dirichlet(np.ones(5), size=7) + 0.02  # none near 0, where a difference quotient is coarse
_ONE_HOT = np.eye(5)[_LABELS]
_HUGE = np.array([[1e3, -1e3, 998.7], [-3e30, -2e30, 5e30], [-1e3, -999.2, -1002.9]])
_MASKED = np.array([[-np.inf, 0.3, 1.7], [2.1, -np.inf, -np.inf]])
_SMALL = np.array([[-800.0, -1.0], [0.3, 900.0]])  # the first of each is rounded to probability 0
_REDUCTIONS = ("none", "sum", "mean")


# --- the functions, by their definitions --------------------------------------------------------------------


def _log_sum_exp(logits: Array) -> Any:
    return np.logaddexp.reduce(logits, axis=-1)


def _log_softmax(logits: Array) -> Any:
    return logits - _log_sum_exp(logits)[..., None]


def _naive_softmax(logits: Array) -> Any:
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def _reduced(losses: Array, reduction: str) -> Any:
    return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()


def _at_labels(rows: Array, labels: Array) -> Any:
    return np.take_along_axis(rows, labels[..., None], axis=-1)[..., 0]


def _cross_entropy(logits: Array, labels: Array, reduction: str = "mean") -> Any:
    return _reduced(-_at_labels(_log_softmax(logits), labels), reduction)


def _cross_entropy_gradient(logits: Array, labels: Array) -> Any:
    return (np.exp(_log_softmax(logits)) - np.eye(logits.shape[1])[labels]) / len(labels)


def _along_axis(logits: Array, labels: Array, axis: int = 1, reduction: str = "mean") -> Any:
    return _cross_entropy(np.moveaxis(logits, axis, -1), labels, reduction)


def _from_probabilities(probabilities: Array, labels: Array, reduction: str = "mean") -> Any:
    return _reduced(-np.log(_at_labels(probabilities, labels)), reduction)


def _weighted(logits: Array, labels: Array, class_weights: Array, divisor: str = "weights") -> Any:
    weights = class_weights[labels]
    losses = weights * _cross_entropy(logits, labels, "none")
    return losses.sum() / (weights.sum() if divisor == "weights" else len(labels))


def _ignoring(logits: Array, labels: Array, ignored: int = -1) -> Any:
    kept = labels != ignored
    return _cross_entropy(logits[kept], labels[kept]) if kept.any() else 0.0


def _of_distributions(logits: Array, targets: Array, reduction: str = "mean") -> Any:
    return _reduced(-(targets * _log_softmax(logits)).sum(-1), reduction)


def _smoothed(logits: Array, labels: Array, smoothing: float) -> Any:
    classes = logits.shape[1]
    return _of_distributions(logits, (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes)


def _kl_divergence(targets: Array, probabilities: Array, reduction: str = "mean") -> Any:
    terms = np.where(targets > 0, targets * np.log(targets / probabilities), 0)
    return _reduced(terms.sum(-1), reduction)


def _binary(logits: Array, targets: Array, reduction: str = "mean") -> Any:
    return _reduced(targets * np.logaddexp(0, -logits) + (1 - targets) * np.logaddexp(0, logits), reduction)


def _bad_labels(function: str, rows: str) -> list[Case]:
    return [
        Case(function, {rows: _PROBABILITIES, "labels": labels}, raises=error, label=label)
        for label, labels, error in (
            ("label_too_large", np.where(_LABELS == 4, 5, _LABELS), IndexError),
            ("negative_label", np.where(_LABELS == 4, -2, _LABELS), IndexError),
            ("label_of_padding", np.where(_LABELS == 4, -100, _LABELS), IndexError),
            ("column_of_labels", _LABELS[:, None], ValueError),
            ("too_few_labels", _LABELS[:2], ValueError),
        )
    ]


CONCEPT = Concept(
    module=__name__,
    title="Softmax and cross entropy: overflow, reductions, weights, ignored labels",
    kind="ops",
    summary="Minus the log-probability of what happened, computed from logits so that nothing overflows.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 4.1.2 and 4.5.2 (log-sum-exp)",
        "Goodfellow, Bengio, Courville 2016, Deep Learning, sections 3.13 and 4.1 (KL divergence, softmax)",
        "Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2016, Rethinking the Inception Architecture, section 7 (smoothing)",
    ),
    differences=(
        Difference(
            "D029",
            "axis of the classes",
            tf="the last one",
            torch="axis 1",
            ours="an argument; the axis is moved to where each side wants it",
            demo=Demo(
                tf="""
                    logits = cube[..., :5]
                    tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tokens % 5, logits=logits))
                """,
                torch="""
                    logits = cube[..., :5]
                    torch.nn.functional.cross_entropy(logits, tokens % 5)
                """,
            ),
        ),
        Difference(
            "D121",
            "cross entropy from probabilities",
            tf="Keras clips them to 1e-7, unless it finds the logits that they were made from",
            torch="nll_loss of their logarithms",
            ours="their logarithms as they are: infinity for 0",
            demo=Demo(
                tf="keras.losses.CategoricalCrossentropy()([[0.0, 1.0]], [[1 - 1e-9, 1e-9]])",
                torch="torch.nn.functional.nll_loss(torch.tensor([[1 - 1e-9, 1e-9]]).log(), torch.tensor([1]))",
            ),
        ),
        Difference(
            "D122",
            "probabilities whose sum is not 1",
            tf="Keras divides by their sum",
            torch="taken as they are",
            ours="taken as they are",
        ),
        Difference(
            "D127",
            "what a sum with class weights is divided by",
            tf="Keras: the number of rows",
            torch="the sum of the weights",
            ours="an argument; the sum of the weights unless given",
        ),
        Difference(
            "D128",
            "what a sum without ignored rows is divided by",
            tf="Keras: the other rows with ignore_class, all rows with zero weights",
            torch="the other rows",
            ours="the other rows",
        ),
        Difference(
            "D129",
            "all rows ignored",
            tf="0 in Keras",
            torch="NaN",
            ours="0, with gradient 0",
            demo=Demo(
                tf="""
                    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
                    loss(tf.constant([0, 0]), x[:2])
                """,
                torch="""
                    loss = torch.nn.CrossEntropyLoss(ignore_index=0)
                    loss(x[:2], torch.tensor([0, 0]))
                """,
            ),
        ),
        Difference(
            "D132",
            "binary cross entropy from probabilities",
            tf="Keras clips them to 1e-7: at most 16.1",
            torch="cuts the logarithm off at -100",
            ours="from logits only: no bound",
            demo=Demo(
                tf="keras.losses.BinaryCrossentropy()([1.0], [0.0])",
                torch="torch.nn.functional.binary_cross_entropy(torch.tensor([0.0]), torch.tensor([1.0]))",
            ),
        ),
        Difference(
            "D133",
            "KL divergence",
            tf="Keras: targets first, a sum over the classes",
            torch="the logarithm of the probabilities first; mean divides by N K",
            ours="targets first, a sum over the classes; mean divides by N",
        ),
        Difference(
            "D134",
            "KL divergence where a target is 0",
            tf="Keras clips both to 1e-7",
            torch="0, but a gradient of NaN where both are 0",
            ours="0, with gradient 0",
            demo=Demo(
                tf="""
                    target, guess = tf.constant([[0.0, 1.0]], tf.float64), tf.constant([[0.0, 1.0]], tf.float64)
                    with tf.GradientTape() as tape:
                        tape.watch(guess)
                        loss = keras.losses.KLDivergence()(target, guess)
                    loss, tape.gradient(loss, guess)
                """,
                torch="""
                    target, guess = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, 1.0]], requires_grad=True)
                    loss = torch.nn.functional.kl_div(guess.log(), target, reduction="batchmean")
                    loss, *torch.autograd.grad(loss, guess, retain_graph=True)
                """,
            ),
        ),
        Difference(
            "D154",
            "a label that is no class",
            tf="raises InvalidArgumentError; NaN or 0 on a GPU and in a compiled graph",
            torch="raises, but ignores label -100; as an index, -1 is the last class",
            ours="IndexError; inside a TensorFlow graph, TensorFlow's behaviour",
            demo=Demo(
                tf="""
                    label = tf.constant([-100, 1])
                    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=x[:2])
                """,
                torch="""
                    label = torch.tensor([-100, 1])
                    torch.nn.functional.cross_entropy(x[:2], label, reduction="none")
                """,
            ),
        ),
        Difference(
            "D250",
            "one element of each row",
            tf="tf.gather with batch_dims=1",
            torch="torch.gather",
            ours="the same elements",
        ),
        Difference(
            "X-axis-error",
            "an axis that is not there",
            tf="raises ValueError",
            torch="raises IndexError",
            ours="IndexError",
        ),
        Difference(
            "X-binary-tails",
            "binary cross entropy of a confident, right prediction",
            tf="exact: 4e-18 at logit -40 and target 0",
            torch="rounded to 0 on one of the two sides; so is its gradient",
            ours="exact: two softplus terms",
            demo=Demo(
                tf="""
                    logits, targets = tf.constant([-40.0, 40.0], tf.float64), tf.constant([0.0, 1.0], tf.float64)
                    tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
                """,
                torch="""
                    logits, targets = torch.tensor([-40.0, 40.0]), torch.tensor([0.0, 1.0])
                    torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
                """,
            ),
        ),
        Difference(
            "X-smoothing",
            "label smoothing",
            tf="an argument of Keras' losses only",
            torch="an argument",
            ours="an argument; the targets are written out in TensorFlow",
            demo=Demo(
                tf="tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x, label_smoothing=0.1)",
                torch='torch.nn.functional.cross_entropy(x, labels, reduction="none", label_smoothing=0.1)',
            ),
        ),
        Difference(
            "X-target-sum",
            "gradient for targets whose sum is not 1",
            tf="softmax - targets, which is another function's",
            torch="sum * softmax - targets",
            ours="sum * softmax - targets: TensorFlow differentiates the written-out sum",
            demo=Demo(
                tf="tf.nn.softmax_cross_entropy_with_logits(labels=2 * p, logits=x)",
                torch='torch.nn.functional.cross_entropy(x, 2 * p, reduction="none")',
            ),
        ),
    ),
    cases=(
        # the naive form, and where it fails
        Case("naive_softmax", {"logits": _LOGITS}, _naive_softmax, wrt=("logits",)),
        Case("naive_softmax", {"logits": _LOGITS[:0]}, _naive_softmax, wrt=("logits",), label="no_rows"),
        Case("naive_softmax", {"logits": _LOGITS[0]}, _naive_softmax, wrt=("logits",), label="one_row"),
        Case(
            "naive_softmax",
            {"logits": np.array([[1e3, 0.3, 999.0], [-1e3, 1e3, 0.3]])},
            lambda logits: np.array([[np.nan, 0.0, np.nan], [0.0, np.nan, 0.0]]),  # inf / inf, and x / inf
            label="overflow",
        ),
        Case(
            "naive_softmax",
            {"logits": np.array([[-1e3, -999.2, -1002.9]])},
            lambda logits: np.full((1, 3), np.nan),  # 0 / 0
            label="underflow",
        ),
        Case(
            "naive_cross_entropy",
            {"logits": _LOGITS, "labels": _LABELS},
            lambda logits, labels: _cross_entropy(logits, labels, "none"),
            wrt=("logits",),
        ),
        Case(
            "naive_cross_entropy",
            {"logits": _SMALL, "labels": np.array([0, 0])},
            lambda logits, labels: np.full(2, np.inf),  # the true losses are 799 and 899.7
            label="probability_0",
        ),
        Case(
            "naive_cross_entropy",
            {"logits": np.array([[1e3, 0.3]]), "labels": np.array([0])},
            lambda logits, labels: np.array([np.nan]),
            label="overflow",
        ),
        *_bad_labels("naive_cross_entropy", "logits"),
        # the stable forms
        *(
            Case(
                name,
                {"logits": logits},
                oracle,
                wrt=("logits",),
                label=label,
                smooth=label not in ("huge", "masked"),  # no difference quotient there
            )
            for name, oracle in (
                ("log_sum_exp", _log_sum_exp),
                ("log_softmax", _log_softmax),
                ("softmax", lambda logits: np.exp(_log_softmax(logits))),
            )
            for label, logits in (
                ("", _LOGITS),
                ("one_row", _LOGITS[0]),
                ("one_class", _LOGITS[:, :1]),
                ("no_rows", _LOGITS[:0]),
                ("huge", _HUGE),
                ("masked", _MASKED),
            )
        ),
        Case(
            "log_sum_exp",
            {"logits": np.array([[-np.inf, -np.inf], [np.inf, 0.3], [np.nan, 0.3]])},
            lambda logits: np.array([-np.inf, np.inf, np.nan]),
            label="not_finite",
        ),
        Case(
            "log_sum_exp",
            {"logits": np.array([[0.3, 0.3, 0.3]])},
            _log_sum_exp,
            wrt=("logits",),
            label="ties",
            gradients={"logits": np.full((1, 3), 1 / 3)},
        ),
        Case("log_sum_exp", {"logits": np.empty((3, 0))}, lambda logits: np.full(3, -np.inf), label="no_classes"),
        # one label for each row
        *(
            Case(
                "cross_entropy_from_logits",
                {"logits": _LOGITS, "labels": _LABELS, "reduction": reduction},
                _cross_entropy,
                wrt=("logits",),
                label=reduction,
            )
            for reduction in _REDUCTIONS
        ),
        *(
            Case(
                "cross_entropy_from_logits",
                {"logits": logits, "labels": np.array(labels)},
                _cross_entropy,
                wrt=("logits",),
                label=label,
                gradients={"logits": _cross_entropy_gradient(logits, np.array(labels))},
            )
            for label, logits, labels in (
                ("huge", _HUGE, [1, 2, 0]),
                ("masked", _MASKED, [2, 0]),
                ("impossible", _MASKED, [0, 2]),
                ("where_the_naive_form_fails", _SMALL, [0, 0]),
                ("one_class", _LOGITS[:, :1], [0] * 7),
            )
        ),
        *(
            Case(
                "cross_entropy_from_logits",
                {"logits": _LOGITS[:0], "labels": _LABELS[:0], "reduction": reduction},
                lambda logits, labels, reduction, expected=expected: np.array(expected),
                label=f"no_rows_{reduction}",
            )
            for reduction, expected in (("none", []), ("sum", 0.0), ("mean", np.nan))
        ),
        *_bad_labels("cross_entropy_from_logits", "logits"),
        *(
            Case(
                "cross_entropy_along_axis",
                {
                    "logits": np.moveaxis(_BLOCK, 1, axis),
                    "labels": _BLOCK_LABELS,
                    "axis": axis,
                    "reduction": reduction,
                },
                _along_axis,
                wrt=("logits",),
                label=label,
            )
            for label, axis, reduction in (
                ("channels_first", 1, "none"),
                ("channels_last", -1, "mean"),
                ("first", 0, "sum"),
            )
        ),
        Case("cross_entropy_along_axis", {"logits": _LOGITS, "labels": _LABELS}, _along_axis, wrt=("logits",)),
        *(
            Case(
                "cross_entropy_along_axis", {"logits": logits, "labels": labels, "axis": axis}, raises=error, label=name
            )
            for name, logits, labels, axis, error in (
                ("no_such_axis", _BLOCK, _BLOCK_LABELS, 4, IndexError),
                ("other_axis", _BLOCK, _BLOCK_LABELS, 3, ValueError),
                ("one_axis", _LOGITS[0], np.array(2), 0, ValueError),
                ("label_too_large", _BLOCK, _BLOCK_LABELS + 3, 1, IndexError),
            )
        ),
        *(
            Case(
                "cross_entropy_from_probabilities",
                {"probabilities": _PROBABILITIES, "labels": _LABELS, "reduction": reduction},
                _from_probabilities,
                wrt=("probabilities",),
                label=reduction,
            )
            for reduction in _REDUCTIONS
        ),
        Case(
            "cross_entropy_from_probabilities",
            {"probabilities": np.array([[0.3, 0.9], [1e-30, 0.2]]), "labels": np.array([1, 0])},
            _from_probabilities,
            label="unnormalised",
        ),
        Case(
            "cross_entropy_from_probabilities",
            {"probabilities": np.array([[0.0, 1.0], [0.0, 1.0]]), "labels": np.array([1, 0]), "reduction": "sum"},
            lambda probabilities, labels, reduction: np.inf,
            wrt=("probabilities",),
            label="certain",
            gradients={"probabilities": np.array([[0.0, -1.0], [-np.inf, 0.0]])},
        ),
        *_bad_labels("cross_entropy_from_probabilities", "probabilities"),
        *(
            Case(
                "cross_entropy_weighted",
                {"logits": _LOGITS, "labels": _LABELS, "class_weights": _WEIGHTS, "divisor": divisor},
                _weighted,
                wrt=("logits",),
                label=divisor,
            )
            for divisor in ("weights", "rows")
        ),
        *(
            Case(
                "cross_entropy_weighted",
                {"logits": _LOGITS[:rows], "labels": _LABELS[:rows], "class_weights": weights, "divisor": divisor},
                lambda logits, labels, class_weights, divisor: np.nan,  # 0 / 0
                label=label,
            )
            for label, rows, weights, divisor in (
                ("no_rows_weights", 0, _WEIGHTS, "weights"),
                ("no_rows_rows", 0, _WEIGHTS, "rows"),
                ("no_weight", 7, np.zeros(5), "weights"),
            )
        ),
        *(
            Case(
                "cross_entropy_weighted",
                {"logits": _LOGITS, "labels": labels, "class_weights": weights, "divisor": divisor},
                raises=error,
                label=label,
            )
            for label, labels, weights, divisor, error in (
                ("too_few_weights", _LABELS, _WEIGHTS[:3], "weights", ValueError),
                ("no_such_divisor", _LABELS, _WEIGHTS, "classes", ValueError),
                ("label_too_large", _LABELS + 1, _WEIGHTS, "weights", IndexError),
            )
        ),
        *(
            Case(
                "cross_entropy_ignoring",
                {"logits": _LOGITS, "labels": labels, "ignored": ignored},
                _ignoring,
                wrt=("logits",),
                label=label,
            )
            for label, labels, ignored in (
                ("", _PADDED, -1),
                ("a_class", _LABELS, 2),
                ("nothing", _LABELS, -100),
                ("all", np.full(7, -1), -1),
            )
        ),
        Case("cross_entropy_ignoring", {"logits": _LOGITS[:0], "labels": _LABELS[:0]}, _ignoring, label="no_rows"),
        Case("cross_entropy_ignoring", {"logits": _LOGITS, "labels": _PADDED - 1}, raises=IndexError, label="negative"),
        *(
            Case(
                "cross_entropy_smoothed",
                {"logits": _LOGITS, "labels": _LABELS, "smoothing": smoothing},
                _smoothed,
                wrt=("logits",),
                label=label,
            )
            for label, smoothing in (("", 0.1), ("none", 0.0), ("even", 1.0))
        ),
        *(
            Case(
                "cross_entropy_smoothed",
                {"logits": _LOGITS, "labels": labels, "smoothing": smoothing},
                raises=error,
                label=label,
            )
            for label, labels, smoothing, error in (
                ("negative", _LABELS, -0.1, ValueError),
                ("too_large", _LABELS, 1.1, ValueError),
                ("label_too_large", _LABELS + 1, 0.1, IndexError),
            )
        ),
        # a distribution for each row
        *(
            Case(
                "cross_entropy_of_distributions",
                {"logits": _LOGITS, "targets": targets, "reduction": reduction},
                _of_distributions,
                wrt=("logits", "targets"),
                label=label,
            )
            for label, targets, reduction in (
                ("", _TARGETS, "mean"),
                ("one_hot", _ONE_HOT, "none"),
                ("sum_is_not_1", 1.7 * _TARGETS, "sum"),
            )
        ),
        *(
            Case(
                "kl_divergence",
                {"targets": _TARGETS, "probabilities": _PROBABILITIES, "reduction": reduction},
                _kl_divergence,
                wrt=("targets", "probabilities"),
                label=reduction,
            )
            for reduction in _REDUCTIONS
        ),
        Case(
            "kl_divergence",
            {"targets": _TARGETS, "probabilities": _TARGETS, "reduction": "sum"},
            lambda targets, probabilities, reduction: 0.0,
            wrt=("probabilities",),
            label="equal",
            gradients={"probabilities": np.full((7, 5), -1.0)},
        ),
        Case(
            "kl_divergence",
            {
                "targets": np.array([[0.0, 0.0, 1.0], [0.0, 0.4, 0.6]]),
                "probabilities": np.array([[0.0, 0.5, 0.5], [0.3, 0.0, 0.7]]),
                "reduction": "none",
            },
            _kl_divergence,
            wrt=("probabilities",),
            label="zeros",
            smooth=False,
            gradients={"probabilities": np.array([[0.0, 0.0, -2.0], [0.0, -np.inf, -6 / 7]])},
        ),
        *(
            Case(
                "binary_cross_entropy_from_logits",
                {"logits": _LOGITS, "targets": targets, "reduction": reduction},
                _binary,
                wrt=("logits", "targets"),
                label=label,
            )
            for label, targets, reduction in (
                ("", _ONE_HOT, "mean"),
                ("soft", _TARGETS, "sum"),
                ("none", _ONE_HOT, "none"),
            )
        ),
        *(
            Case(
                "binary_cross_entropy_from_logits",
                {"logits": np.array(logits), "targets": np.array(targets), "reduction": "none"},
                _binary,
                wrt=("logits",),
                label=label,
                gradients={"logits": np.array(gradients)},
            )
            for label, logits, targets, gradients in (
                ("zero", [0.0, -0.0, 0.0], [0.0, 1.0, 0.25], [0.5, -0.5, 0.25]),
                ("surely_right", [40.0, -40.0], [1.0, 0.0], [-np.exp(-40.0), np.exp(-40.0)]),
                ("surely_wrong", [40.0, -1e3, 1e3], [0.0, 1.0, 0.0], [1.0, -1.0, 1.0]),
            )
        ),
        *(
            Case(function, {first: _LOGITS, second: _LOGITS[:, :3]}, raises=ValueError, label="other_shape")
            for function, first, second in (
                ("binary_cross_entropy_from_logits", "logits", "targets"),
                ("cross_entropy_of_distributions", "logits", "targets"),
                ("kl_divergence", "targets", "probabilities"),
            )
        ),
        *(
            Case(
                function, {rows: _LOGITS, "labels": _LABELS, "reduction": "average"}, raises=ValueError, label="average"
            )
            for function, rows in (
                ("cross_entropy_from_logits", "logits"),
                ("cross_entropy_along_axis", "logits"),
                ("cross_entropy_from_probabilities", "probabilities"),
            )
        ),
    ),
)
