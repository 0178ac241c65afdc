"""Weight decay: large weights cost something, so that a model of many weights and few rows learns no noise."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Difference, Exhibit

__all__ = ["CONCEPT", "Course"]


class Course(NamedTuple):
    """How a linear regression changes while it is trained."""

    weights: Any
    """(steps + 1, F, 1): the start, then the weights after each step."""
    biases: Any
    """(steps + 1, 1)."""
    losses: Any
    """(steps,): the mean squared error before each step, without penalty."""


# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(43)
_WEIGHT = _RNG.normal(size=(11, 1))
_ROWS = {"features": _RNG.normal(size=(7, 11)), "targets": _RNG.normal(size=(7, 1))}
_START = {"weight": _WEIGHT, "bias": np.array([0.3])}
_KINK = np.array([[0.0, -0.0], [1.3, -0.7]])


def _training(decay: float, momentum: float = 0.5, steps: int = 5) -> dict[str, Any]:
    """A rate, a decay and a momentum that float32 holds exactly: Keras' own optimizer rounds them."""
    return {**_ROWS, **_START, "decay": decay, "learning_rate": 2**-6, "momentum": momentum, "steps": steps}


# --- the third opinion ---------------------------------------------------------------------------------------


def _course(added: Callable[[Array, float], Array], shrinks: bool = False) -> Callable[..., Course]:
    def course(
        features: Array, targets: Array, weight: Array, bias: Array, decay: float,
        learning_rate: float, momentum: float, steps: int,
    ) -> Course:  # fmt: skip
        """The bias as the weight of one more feature, which is 1 everywhere and does not decay."""
        x = np.column_stack([features, np.ones(len(features))])
        w, decays = np.vstack([weight, bias]), np.array([[1.0]] * len(weight) + [[0.0]])
        velocity, found, losses = np.zeros_like(w), [w], []
        for _ in range(steps):
            losses.append(np.mean((x @ w - targets) ** 2))
            velocity = momentum * velocity + 2 / len(x) * x.T @ (x @ w - targets) + decays * added(w, decay)
            w = w - learning_rate * velocity - learning_rate * shrinks * decay * decays * w
            found.append(w)
        whole = np.stack(found)
        return Course(whole[:, :-1], whole[:, -1], np.array(losses))

    return course


_COUPLED = _course(lambda w, decay: decay * w)
_DECOUPLED = _course(lambda w, decay: 0 * w, shrinks=True)
_L1 = _course(lambda w, decay: decay * np.sign(w))


# --- pictures ------------------------------------------------------------------------------------------------


def _study(call: Call, _: Dataset | None) -> tuple[Exhibit, ...]:
    """200 features, 20 rows for training, 100 for testing: Dive into Deep Learning, section 3.7."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 200))
    targets = features @ np.full((200, 1), 0.01) + 0.05 + rng.normal(0.0, 0.01, (120, 1))
    start = {"weight": rng.normal(size=(200, 1)), "bias": np.zeros(1), "learning_rate": 2**-6, "momentum": 0.0}

    def trained(function: str, decay: float) -> dict[str, Array]:
        train = {"features": features[:20], "targets": targets[:20]}
        return call(function, **train, **start, decay=decay, steps=100)

    def errors(course: dict[str, Array]) -> dict[str, Array]:
        found = features @ course["weights"][:, :, 0].T + course["biases"].T - targets
        squares = {"train": found[:20] ** 2, "test": found[20:] ** 2}
        return {name: values.mean(axis=0) for name, values in squares.items()}

    def norms(course: dict[str, Array]) -> Array:
        return np.linalg.norm(course["weights"][:, :, 0], axis=1)

    without, optimizer = trained("l2_in_loss", 0.0), trained("l2_in_optimizer", 3.0)
    return (
        Exhibit("mean squared error without decay", "lines", errors(without), "step", "error", "log"),
        Exhibit("mean squared error with decay 3", "lines", errors(optimizer), "step", "error", "log"),
        Exhibit(
            "norm of the weights: the two versions of one book",
            "lines",
            {
                "no decay": norms(without),
                "SGD(weight_decay=3): 3 w": norms(optimizer),
                "regularizers.L2(3): 6 w": norms(trained("l2_in_loss", 6.0)),
                "L1": norms(trained("l1", 0.1)),
            },
            "step",
            "norm",
        ),
    )


CONCEPT = Concept(
    module=__name__,
    title="Weight decay: L2 in the loss, in the optimizer, decoupled; L1",
    kind="procedure",
    summary="A penalty on large weights; where it enters decides whether momentum repeats it, and a factor of two.",
    sources=(
        "Krogh, Hertz (1991), A simple weight decay can improve generalization",
        "Loshchilov, Hutter (2019), Decoupled weight decay regularization, algorithm 1",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 3.7 (its PyTorch version adds 3 w to a gradient, "
        "its TensorFlow version, with L2(3), 6 w)",
    ),
    differences=(
        Difference(
            "D145",
            "half the sum of squares",
            tf="tf.nn.l2_loss",
            torch="no function of its own",
            ours="decay / 2 times the sum of squares: the gradient is decay times the weights",
        ),
        Difference(
            "D146",
            "a decay of 3",
            tf="regularizers.L2(3) adds 3 times the sum of squares: 6 w to the gradient",
            torch="SGD(weight_decay=3) adds 3 w to the gradient",
            ours="a decay of 3 adds 3 w, everywhere but in `regularizer`, which is Keras' formula",
        ),
        Difference(
            "D155",
            "the optimizer's rate in float64",
            tf="rounded to float32",
            torch="double",
            ours="double, but in `builtin`: there, a rate that float32 holds is exact",
        ),
        Difference(
            "D163",
            "SGD(weight_decay=...) with momentum",
            tf="decoupled: weights shrink beside the momentum",
            torch="added to the gradient: the momentum repeats it",
            ours="a function for each; `builtin` is what each framework does, the same without momentum",
        ),
        Difference(
            "D175",
            "gradients of a second step",
            tf="a new tape has new ones",
            torch="are added to those of the first unless they are cleared",
            ours="of each step alone",
        ),
    ),
    cases=(
        Case(
            "l2_penalty",
            {"weight": _WEIGHT, "decay": 3.0},
            lambda weight, decay: decay / 2 * (weight**2).sum(),
            wrt=("weight",),
            gradients={"weight": 3 * _WEIGHT},
        ),
        Case(
            "regularizer",
            {"weight": _WEIGHT, "decay": 3.0},
            lambda weight, decay: decay * (weight**2).sum(),
            wrt=("weight",),
            gradients={"weight": 6 * _WEIGHT},
        ),
        Case(
            "l1_penalty",
            {"weight": _WEIGHT, "decay": 0.7},
            lambda weight, decay: decay * abs(weight).sum(),
            wrt=("weight",),
        ),
        Case(
            "l1_penalty",
            {"weight": _KINK, "decay": 0.7},
            lambda weight, decay: decay * abs(weight).sum(),
            wrt=("weight",),
            label="at_kink",
            smooth=False,
            gradients={"weight": 0.7 * np.sign(_KINK)},
        ),
        *(
            Case(function, {"weight": _WEIGHT[:0], "decay": 3.0}, lambda weight, decay: 0.0, label="no_weight")
            for function in ("l2_penalty", "regularizer", "l1_penalty")
        ),
        *(
            Case(function, arguments, oracle, label=label)
            for function, oracle in (
                ("l2_in_loss", _COUPLED),
                ("l2_in_optimizer", _COUPLED),
                ("decoupled", _DECOUPLED),
                ("l1", _L1),
            )
            for label, arguments in (
                ("momentum", _training(3.0)),
                ("plain", _training(3.0, momentum=0.0)),
                ("no_decay", _training(0.0)),
                ("no_step", _training(3.0, steps=0)),
            )
        ),
        Case("builtin", _training(3.0, momentum=0.0), _DECOUPLED),
        Case("builtin", _training(0.0), _DECOUPLED, label="momentum-no_decay"),
    ),
    study=_study,
)
