"""The contract: what a concept declares, and what a backend must be able to do.

Nothing here knows a framework.  ``concepts/`` fills these records in; the twins in ``tf/`` and ``torch/`` follow
them; ``parity`` and ``training`` drive any twin through the `Backend` protocol alone.

Axes are written in letters: N batch, C channels, D H W depth, height and width, T time, F features, K classes.
Canonical arrays are channels first ("NCHW"), as in PyTorch; the TensorFlow backend converts at the seam.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BACKENDS",
    "Array",
    "Arrays",
    "Augmentation",
    "Backend",
    "BackendConflictError",
    "BackendName",
    "Call",
    "Carried",
    "Case",
    "CheckpointError",
    "Concept",
    "ConceptError",
    "Config",
    "ConfigError",
    "Counter",
    "DataError",
    "Dataset",
    "Demo",
    "Difference",
    "DualnetError",
    "Exhibit",
    "Gradients",
    "Initializer",
    "Kind",
    "Loss",
    "Metric",
    "MissingFrameworkError",
    "Optimizer",
    "Probe",
    "Recipe",
    "Rows",
    "Spec",
    "Stage",
    "State",
    "StateError",
    "Step",
    "Trainer",
    "Variant",
    "check_fit",
    "check_memory",
    "choose",
    "each",
    "initial_state",
    "loss_terms",
    "named_outputs",
    "total",
]

T = TypeVar("T")
Array = NDArray[Any]
Arrays = Mapping[str, Array]
Config = Mapping[str, Any]
Kind = Literal["ops", "model", "procedure"]
Metric = Literal["accuracy", "mean_absolute_error", "mean_squared_error"]
Loss = Callable[[Any, Any], Any]
"""From native outputs and native targets to a native scalar, or to a named tuple of them: the first is minimised."""
Rows = Array | tuple[Array, ...]
"""(N, ...); of several inputs, one such array for each, in declared order."""
BackendName = Literal["tf", "torch"]
BACKENDS: Mapping[BackendName, tuple[str, ...]] = {"tf": ("tensorflow", "keras"), "torch": ("torch",)}
"""The backends, and the packages without which each cannot be loaded."""


# --- errors: each says what was expected, what came, where, and what to do -------------------------------------


class DualnetError(Exception):
    """The base of all errors raised by dualnet."""


class MissingFrameworkError(DualnetError, ImportError):
    """A backend was asked for whose framework is not installed."""


class BackendConflictError(DualnetError, RuntimeError):
    """The process is set up so that a backend would not do what its name says."""


class ConceptError(DualnetError, LookupError):
    """A concept, a twin or a variant does not exist, or exists twice."""


class ConfigError(DualnetError, ValueError):
    """A setting is unknown or has a value that cannot work."""


class DataError(DualnetError, ValueError):
    """A data set is missing, truncated or corrupt."""


class CheckpointError(DualnetError, ValueError):
    """A checkpoint is missing, damaged, or of another training."""


class StateError(DualnetError, ValueError):
    """Named arrays do not fit the model they are loaded into."""


# --- what a concept declares -----------------------------------------------------------------------------------


class Demo(NamedTuple):
    """A difference as code that is executed: statements, and an expression at the end, whose values are compared.

    A text may use `np`, its framework's modules and the inputs of `dualnet.rosetta.inputs`; what it makes is float64
    unless it says otherwise. Instead of having a value it may raise.
    """

    tf: str
    torch: str


@dataclass(frozen=True)
class Difference:
    """One point where the two frameworks behave differently, and what the twins do about it."""

    id: str
    what: str
    _: KW_ONLY
    tf: str
    torch: str
    ours: str
    demo: Demo | None = None
    """Needed where no row of `dualnet.rosetta` shows it."""


@dataclass(frozen=True, eq=False)
class Case:
    """One call of a function that both twins export, with its third opinion.

    Args:
        function: the exported name.
        args: keyword arguments. Every NumPy array becomes a native tensor of the same dtype and shape.
        oracle: the same function in NumPy or SciPy, called with the same keywords.
        wrt: the arguments to differentiate by; each must be a floating array.
        label: tells apart several cases of one function.
        smooth: False at a kink or tie, where a difference quotient means nothing.
        gradients: the vector-Jacobian products expected there, for a cotangent of ones.
        raises: the error type that both sides raise instead of returning.
    """

    function: str
    args: Mapping[str, Any]
    oracle: Callable[..., Any] | None = None
    _: KW_ONLY
    wrt: tuple[str, ...] = ()
    label: str = ""
    smooth: bool = True
    gradients: Arrays | None = None
    raises: type[Exception] | None = None

    @property
    def name(self) -> str:
        """The function's name, and the label if there is one."""
        return f"{self.function}-{self.label}" if self.label else self.function


class Spec(NamedTuple):
    """A model's input, output or target: its axes in letters, its shape without the batch axis."""

    axes: str
    shape: tuple[int, ...] = ()
    classes: int = 0
    """Labels 0 .. classes - 1 (int64) instead of real numbers."""
    values: Literal["real", "unit", "noise", "uniform_noise"] = "real"
    """Which real numbers: any; in 0-1, as pixels; or standard normal ones, or uniform ones between -1 and 1, that the
    model draws where none are given."""

    @property
    def drawn(self) -> bool:
        """Whether the model draws it where none is given."""
        return self.values.endswith("noise")


@dataclass(frozen=True)
class Dataset:
    """Training and test rows.

    Args:
        name: the data set.
        source: where it was read from.
        train_inputs, train_targets, test_inputs, test_targets: (N, ...) each; of several inputs, a tuple of such.
    """

    name: str
    source: str
    train_inputs: Rows
    train_targets: Array
    test_inputs: Rows
    test_targets: Array

    def check(self, inputs: Mapping[str, Spec], targets: Spec) -> None:
        """DataError unless the rows are what a model takes: inputs of these shapes, noise aside, and such targets."""
        given = {name: spec for name, spec in inputs.items() if not spec.drawn}
        rows = each(self.train_inputs)
        if len(given) != len(rows):
            count = "one input" if len(rows) == 1 else f"{len(rows)} inputs"
            raise DataError(f"data set {self.name!r} has {count}, the model takes {len(given)}: {', '.join(given)}")
        for array, spec in zip(rows, given.values(), strict=True):
            if array.shape[1:] != spec.shape:
                raise DataError(
                    f"data set {self.name!r} has rows of shape {array.shape[1:]}, the model takes "
                    f"{spec.shape} ({spec.axes[1:]}): choose another data set, or another model configuration"
                )
        labels = self.train_targets.dtype == np.int64
        if labels != bool(targets.classes):
            kind = "labels" if labels else "real numbers"
            raise DataError(f"data set {self.name!r} has {kind} as targets, the model expects the other kind")
        if labels and (found := int(max(self.train_targets.max(), self.test_targets.max()))) >= targets.classes:
            raise DataError(
                f"data set {self.name!r} has label {found}, the model tells {targets.classes} classes apart: "
                f"set num_classes={found + 1}"
            )


def each(rows: Rows) -> tuple[Array, ...]:
    """The rows of every input, also where there is only one."""
    return rows if isinstance(rows, tuple) else (rows,)


class Exhibit(NamedTuple):
    """One thing to see of a trained model or of a study; drawn for both sides next to each other."""

    title: str
    kind: Literal["images", "points", "histogram", "bars", "lines", "regions", "graph"]
    arrays: Arrays
    """``images``: "images" (rows, columns, C, H, W), in 0-1. ``points``: "points" (N, 2) and their "labels" (N,).
    ``histogram``: values (N,) by name. ``bars``: heights (K,) by name. ``lines``: heights (N,) by name, over "x" (N,)
    where it is given. ``regions``: "labels" (Y, X) of the plane at "x" (X,) and "y" (Y,), with the "points" (N, 2) that
    have "point_labels" (N,) in it. ``graph``: value and gradient (2,) of each node, in the
    order of computing; a name like "z <- W x" says what a node is made of."""
    x: str = ""
    y: str = ""
    """What the axes mean."""
    scale: Literal["linear", "log"] = "linear"
    """Of the vertical axis."""


Call = Callable[..., dict[str, Array]]
"""A twin's functions in NumPy, in float64: a name and keyword arguments to what that function gives, by name."""


Probe = Callable[..., dict[str, Array]]
"""A trained model in NumPy: canonical inputs to outputs by name, in evaluation.

With ``part="decoder", axes="NF"`` that part of the model alone answers, in the axes of the model's first output;
with ``output="generated"`` in those of another one.
"""


class Stage(NamedTuple):
    """What leaves the layer of this name: canonical axes and the shape without the batch axis."""

    axes: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Initializer:
    """How a parameter starts.

    By ``xavier_uniform`` (Glorot & Bengio 2010, eq. 16), ``he_normal`` or ``he_normal_fan_out`` (He et al. 2015,
    eq. 10 and 14: they keep the variance of what flows forward and of the gradients that flow back), ``normal``,
    ``constant``, or ``descending``: from 1 to 1/n in equal steps.
    """

    law: Literal["xavier_uniform", "he_normal", "he_normal_fan_out", "normal", "constant", "descending"]
    value: float = 0.0
    """The standard deviation of ``normal``; the value of ``constant``."""

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """One draw in float64. The canonical layout (out, in, *kernel) tells fan-in and fan-out."""
        if self.law == "constant":
            return np.full(shape, self.value)
        if self.law == "descending":
            return np.arange(shape[0], 0, -1) / shape[0]
        if self.law == "normal":
            return rng.normal(0.0, self.value, shape)
        receptive = int(np.prod(shape[2:], dtype=int))
        if self.law.startswith("he_normal"):
            fan = receptive * shape[0 if self.law == "he_normal_fan_out" else 1]
            return rng.normal(0.0, float(np.sqrt(2.0 / fan)), shape)
        bound = float(np.sqrt(6.0 / (receptive * (shape[0] + shape[1]))))
        return rng.uniform(-bound, bound, shape)


@dataclass(frozen=True)
class Optimizer:
    """An update rule, written out; each backend follows this formula, whatever its native one does.

    ``sgd`` (Sutskever et al. 2013, section 2, in PyTorch's form): ``v = momentum * v + g``;
    ``w = w - learning_rate * v``, with v = g at the first step.

    ``adam`` (Kingma & Ba 2015, algorithm 1): ``m = beta1 * m + (1 - beta1) * g``;
    ``v = beta2 * v + (1 - beta2) * g * g``; ``w = w - learning_rate * m_hat / (sqrt(v_hat) + epsilon)`` with
    ``m_hat = m / (1 - beta1 ** t)`` and ``v_hat = v / (1 - beta2 ** t)``.

    All constants act in double precision (per step, not per epoch).
    """

    name: Literal["sgd", "adam"]
    learning_rate: float
    _: KW_ONLY
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        if self.name not in ("sgd", "adam"):
            raise ConfigError(f"optimizer {self.name!r} is unknown: choose sgd or adam")
        if not 0.0 < self.learning_rate < float("inf"):
            raise ConfigError(f"learning rate {self.learning_rate!r}: expected a finite number above 0")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Optimizer":
        """What `dataclasses.asdict` made of one, also after JSON has made a list of the betas."""
        return cls(**{**values, "betas": tuple(values["betas"])})

    @property
    def remembers(self) -> tuple[str, ...]:
        """What it keeps of each parameter from step to step; see `Trainer.memory`."""
        if self.name == "adam":
            return ("first_moment", "second_moment")
        return ("velocity",) if self.momentum else ()


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How training images are varied, anew in every epoch.

    Args:
        padding: pixels of zeros around an image, out of which a crop of its own size is taken at random.
        flip: mirror left and right with probability 1/2.
    """

    padding: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise ConfigError(f"padding {self.padding}: expected a whole number of at least 0")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train: data, optimizer, epochs, batch size, how images are varied if they are, and the size of the model.

    `config` has settings over the variant's.
    """

    data: str
    optimizer: Optimizer
    batch_size: int
    epochs: int
    augmentation: Augmentation | None = None
    config: Config = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in (("batch size", self.batch_size), ("epochs", self.epochs)):
            if value < 1:
                raise ConfigError(f"{name} {value}: expected a whole number of at least 1")


class Step(NamedTuple):
    """A training step of a concept's own: several parts of a model, each with an optimizer and a loss of its own."""

    function: Callable[[Any, Mapping[str, Any], list[Any], Any], Any]
    """From native model, optimizers by part, inputs and targets to the loss of every part, in order."""
    players: Mapping[str, float]
    """The parts, and the learning rate of each as a multiple of the recipe's."""

    def optimizers(self, rule: Optimizer) -> dict[str, Optimizer]:
        """The update rule of each part."""
        return {part: replace(rule, learning_rate=rule.learning_rate * rate) for part, rate in self.players.items()}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One named form of a model: which builder of the twins, with which settings, trained how."""

    builder: str
    config: Config = field(default_factory=dict)
    loss: str = "cross_entropy"
    """The name of a loss in the twins, or of one that every backend has (`Backend.losses`)."""
    recipe: Recipe
    """For every day, on small data."""
    published: Recipe | None = None
    """The source's, in full size, where it trained on data that can be had."""
    about: str = ""
    claim: str = ""
    """What the source reports of it, on which data and trained how; and the correction where that is wrong."""
    loss_scale: float = 1.0
    """How many terms of ordinary size the loss sums up: the engine's plain gradient steps are this much shorter."""
    weight_scale: float = 1.0
    """The engine's random kernels are this much of their usual size: many layers multiply up what is too large."""
    step: str = ""
    """The name of the twins' own training step; by default one optimizer minimises the loss by all parameters."""
    players: Mapping[str, float] = field(default_factory=dict)
    """With a step of its own: see `Step.players`."""
    small: Config = field(default_factory=dict)
    """Settings over `config` under which the two sides are compared quickly: fewer pixels, channels and layers."""


@dataclass(frozen=True, kw_only=True)
class Concept:
    """What a concept is, told without a framework. One per file in ``concepts/``, named ``CONCEPT``.

    Every concept has a title, a one-sentence summary and its sources. ``ops`` and ``model`` concepts may list
    `cases` for the functions of their twins; a ``model`` has the fields from `config` on.
    """

    module: str
    """``__name__`` of the declaring file: it gives the id and the chapter."""
    title: str
    kind: Kind
    summary: str
    sources: tuple[str, ...]
    covers: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    cases: tuple[Case, ...] = ()

    config: Config = field(default_factory=dict)
    variants: Mapping[str, Variant] = field(default_factory=dict)
    """The first one is the default."""
    inputs: Callable[[Config], Mapping[str, Spec]] = lambda config: {}
    targets: Callable[[Config], Spec] = lambda config: Spec("N")
    outputs: Mapping[str, str] | Callable[[Config], Mapping[str, str]] = field(default_factory=dict)
    """In the order in which the model gives them, with their axes; a function where the settings decide."""
    stages: Callable[[Config], Mapping[str, Stage]] = lambda config: {}
    initializers: Callable[[Config], Mapping[str, Initializer]] = lambda config: {}
    """From the last part of a parameter's name ("weight", "bias") to how it starts."""
    buffers: Callable[[Config], bool] = lambda config: bool(config.get("batch_norm"))
    """Whether the model keeps arrays that no gradient changes, as batch normalization does."""
    scales: Mapping[str, float] = field(default_factory=dict)
    """From the name of a layer or parameter to a power of two that multiplies the weights of a comparison there, so
    that what follows (an exponential, a margin, a rounding) is met where it bends.
    """
    metric: Metric = "accuracy"
    """What is measured of the first output on the test rows."""
    rows: Callable[[Dataset, Config], Dataset] = lambda dataset, config: dataset
    """From a data set to what this model takes and aims at: its own inputs as targets, pairs of rows, ..."""
    exhibits: Callable[[Probe, Dataset, Config], tuple[Exhibit, ...]] = lambda probe, dataset, config: ()
    """What there is to see of it once it is trained, on a data set as it was before `rows`."""
    study: Callable[[Call, Dataset | None], tuple[Exhibit, ...]] | None = None
    """What there is to see of a concept that is no model, by calls of its functions."""
    data: str = ""
    """The data set that a study is given by default; empty if it needs none."""
    watch: Callable[[Probe, Config], Exhibit] | None = None
    """What there is to see of it after an epoch, images or points: one exhibit shows how it changes."""

    @property
    def id(self) -> str:
        """The file's name: the whole key."""
        return self.module.rpartition(".")[2]

    @property
    def chapter(self) -> str:
        """The folder's name."""
        return self.module.split(".")[-2]

    @property
    def default_variant(self) -> str:
        """The name of the first variant; empty if the concept is no model."""
        return next(iter(self.variants), "")

    def variant(self, name: str | None = None) -> Variant:
        """The variant of this name, or the default one.

        Raises:
            ConceptError: there is none of this name.
        """
        name = name or self.default_variant
        if name not in self.variants:
            raise ConceptError(
                f"concept {self.id!r} has no variant {name!r}: choose one of "
                f"{', '.join(self.variants) or '(none, it is of kind ' + self.kind + ')'}"
            )
        return self.variants[name]

    def settings(self, variant: str | None = None, config: Config | None = None) -> dict[str, Any]:
        """Every builder keyword with its value: defaults, then the variant's, then the caller's; lists become tuples.

        Raises:
            ConfigError: a keyword is unknown.
        """
        config = {name: tuple(value) if isinstance(value, list) else value for name, value in (config or {}).items()}
        if unknown := sorted(config.keys() - self.config.keys()):
            raise ConfigError(
                f"concept {self.id!r} has no setting {', '.join(map(repr, unknown))}: "
                f"it takes {', '.join(self.config) or 'none'}"
            )
        for name, value in config.items():
            if not _alike(value, self.config[name]):
                default = self.config[name]
                raise ConfigError(
                    f"concept {self.id!r}: setting {name!r} is {value!r}, expected {_kind(default)} like {default!r}"
                )
        return {**self.config, **self.variant(variant).config, **config}

    def output_axes(self, settings: Config) -> Mapping[str, str]:
        """The outputs of a model of these settings, in order, with their axes."""
        return self.outputs(settings) if callable(self.outputs) else self.outputs

    def build(self, twin: Any, variant: str | None = None, config: Config | None = None) -> Any:
        """A native model by the variant's builder in a twin."""
        return getattr(twin, self.variant(variant).builder)(**self.settings(variant, config))

    def loss(self, twin: Any, backend: "Backend", variant: str | None = None) -> Loss:
        """The variant's loss: a function of a twin, or one that every backend has."""
        name = self.variant(variant).loss
        found: Loss = getattr(twin, name, None) or choose(backend.losses, name, f"{self.id}: loss")
        return found

    def step(self, twin: Any, variant: str | None = None) -> Step | None:
        """The variant's own training step in a twin; None if it has none."""
        chosen = self.variant(variant)
        return Step(getattr(twin, chosen.step), chosen.players) if chosen.step else None


def _alike(value: Any, default: Any) -> bool:
    """Whether a setting is of its default's type: a number for a number, and so on within tuples."""
    if isinstance(default, tuple | list):
        return isinstance(value, tuple | list) and all(_alike(part, default[0]) for part in value)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, Real):  # a NumPy number is one, too
        return isinstance(value, Real if isinstance(default, float) else Integral)
    return isinstance(value, type(default))


def _kind(default: Any) -> str:
    return {tuple: "several values", list: "several values", int: "a whole number", float: "a number"}.get(
        type(default), f"a {type(default).__name__}"
    )


def choose(options: Mapping[str, T], name: str, setting: str) -> T:
    """The option of this name, or a ConfigError that lists them all."""
    if name not in options:
        raise ConfigError(f"{setting} {name!r} is unknown: choose one of {', '.join(options)}")
    return options[name]


# --- what a backend does ---------------------------------------------------------------------------------------


class State(NamedTuple):
    """A model's arrays by canonical dotted name, in canonical layout; buffers are what no gradient changes."""

    parameters: dict[str, Array]
    buffers: dict[str, Array]


def check_fit(expected: Mapping[str, tuple[int, ...]], arrays: Arrays, where: str) -> None:
    """StateError unless the arrays have exactly the expected names and shapes."""
    problems = [f"missing {name} {shape}" for name, shape in expected.items() if name not in arrays]
    problems += [f"unknown {name} {array.shape}" for name, array in arrays.items() if name not in expected]
    problems += [
        f"{name}: expected {shape}, came {arrays[name].shape}"
        for name, shape in expected.items()
        if name in arrays and arrays[name].shape != shape
    ]
    if problems:
        raise StateError(f"the arrays do not fit {where}; nothing was changed: {'; '.join(problems)}")


def check_memory(rule: Optimizer, shapes: Mapping[str, tuple[int, ...]], memory: Mapping[str, Arrays]) -> None:
    """StateError unless this is what such a rule remembers of parameters of these shapes; of some it may be nothing."""
    if memory.keys() - rule.remembers:
        raise StateError(
            f"{rule.name} remembers {' and '.join(rule.remembers) or 'nothing'} of a parameter, came "
            f"{', '.join(memory)}: give the update rule that these arrays are from"
        )
    for kind, arrays in memory.items():
        check_fit({name: shapes[name] for name in arrays if name in shapes}, arrays, f"the {kind} of {rule.name}")


def initial_state(state: State, initializers: Mapping[str, Initializer], seed: int) -> State:
    """The starting weights of both sides: each parameter drawn by its concept's law, by name, from one seed.

    Args:
        state: the model's state; gives names and shapes, and the buffers as they are.
        initializers: from the end of a parameter's name ("weight", "norm.weight") to its law; the longest fits.
        seed: decides every draw.

    Raises:
        StateError: a parameter fits no law.
    """
    drawn = {}
    for index, (name, array) in enumerate(sorted(state.parameters.items())):
        law = initializers.get(_longest_suffix(name, initializers))
        if law is None:
            raise StateError(f"no initializer for {name!r}: the concept declares {', '.join(initializers) or 'none'}")
        drawn[name] = law.draw(array.shape, np.random.default_rng([seed, index]))
    return State(drawn, state.buffers)


def _longest_suffix(name: str, suffixes: Mapping[str, Initializer]) -> str:
    return max((s for s in suffixes if f".{name}".endswith(f".{s}")), key=len, default="")


def named_outputs(value: Any) -> dict[str, Any]:
    """What a function returned, by name: the fields of a named tuple, "0", "1", ... of a tuple, or "value"."""
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    if isinstance(value, tuple | list):
        return {str(i): part for i, part in enumerate(value)}
    return {"value": value}


def loss_terms(value: Any) -> dict[str, Any]:
    """The terms of a loss by name; none if it is a single number."""
    return named_outputs(value) if isinstance(value, tuple) else {}


def total(value: Any) -> Any:
    """The scalar to be minimised, of what a loss returned."""
    return value[0] if isinstance(value, tuple) else value


class Gradients(NamedTuple):
    """One backward pass, all of it native but the parameters, which are canonical."""

    loss: Any
    outputs: list[Any]
    inputs: list[Any]
    parameters: dict[str, Array]
    terms: dict[str, Any]
    """Every term of the loss by name, the minimised one first; empty if it is a single number."""


class Carried(NamedTuple):
    """What an optimizer takes along from one file or framework to another."""

    rule: Optimizer
    memory: Mapping[str, Arrays]
    """See `Trainer.memory`."""
    steps: int
    """Taken so far."""


class Counter(Protocol):
    """How many masks a dropout layer has drawn; set it, and the next ones follow on that many."""

    calls: int


class Trainer(Protocol):
    """One model being trained, as fast as the framework allows."""

    def step(self, inputs: list[Any], targets: Any) -> Any:
        """One update in train mode; returns the native mean loss before it, without waiting for it.

        With a `Step` of its own: the losses of all players, (P,).
        """

    def steps(self, inputs: list[Any], targets: Any, order: Array, batch_size: int) -> Any:
        """One update for each of `Backend.batches` of the same arguments; returns their native losses.

        Returns:
            (S,), or (S, P) of P players.
        """

    def predict(self, inputs: list[Any]) -> list[Any]:
        """Native outputs in evaluation mode, in declared order, without gradients."""

    def memory(self) -> dict[str, dict[str, Array]]:
        """What the optimizers remember: velocity, first_moment or second_moment by canonical parameter name."""

    def restore(self, memory: Mapping[str, Arrays], steps: int) -> None:
        """Let the optimizers remember this after so many steps, as if they had taken them.

        A parameter that it does not have starts anew.

        Raises:
            StateError: it is not what they remember; nothing is changed.
        """


class Backend(Protocol):
    """The seam. Everything beyond it is NumPy."""

    name: BackendName
    losses: Mapping[str, Loss]

    def versions(self) -> dict[str, str]:
        """Versions, device, threads and numeric flags, for the record."""

    def precision(self, dtype: str, *, seed: int | None = None) -> AbstractContextManager[None]:
        """Within it, models are built and computed in this floating type, with no reduced-precision shortcut.

        With a seed, the framework's own random numbers start from it.
        """

    def tensor(self, array: Array, axes: str = "") -> Any:
        """A canonical array as a native tensor of the same dtype, in native layout; empty axes: as it is."""

    def array(self, tensor: Any, axes: str = "") -> Array:
        """A native tensor as a canonical array: a copy, never a view."""

    def state(self, model: Any) -> State:
        """Copies of all parameters and buffers."""

    def load(self, model: Any, state: State) -> None:
        """Set all parameters and buffers; StateError on anything missing, extra or misshapen, changing nothing."""

    def save(self, path: Path, model: Any, kept: Carried | None = None) -> None:
        """Write a file of the framework's own: a model's weights, and an optimizer with what it remembers."""

    def open(self, path: Path, build: Callable[[str], Any]) -> tuple[Any, Carried | None]:
        """A model with the weights in a file of the framework's own, and what an optimizer remembers if it is told.

        Args:
            path: the file.
            build: makes a model of a floating type.

        Raises:
            CheckpointError: it is damaged, or holds what would have to be unpickled.
            StateError: it has the weights of another model.
        """

    def forward(self, model: Any, inputs: list[Any], *, train: bool = False) -> list[Any]:
        """The outputs in declared order, without gradients."""

    def gradients(self, model: Any, inputs: list[Any], targets: Any, loss: Loss) -> Gradients:
        """Outputs, loss and gradients in train mode; buffers move as in training."""

    def layers(self, model: Any, inputs: list[Any], stages: Mapping[str, str]) -> dict[str, Array]:
        """What leaves each named layer in evaluation mode, from name to canonical array; stages maps to axes."""

    def vjp(
        self,
        function: Callable[..., Any],
        args: Mapping[str, Any],
        wrt: tuple[str, ...],
        cotangents: Arrays | None,
    ) -> tuple[dict[str, Any], dict[str, Array]]:
        """A function's outputs by name, and its vector-Jacobian products for the arguments in wrt."""

    def trainer(self, model: Any, loss: Loss, optimizer: Optimizer, own: Step | None = None) -> Trainer:
        """A trainer that updates this model in place: by the loss, or by a step of the concept's own."""

    def noise(self, model: Any, seed: int) -> AbstractContextManager[Mapping[str, Counter]]:
        """Within it, every dropout layer of the model draws its masks from `dualnet.noise`, not from the framework.

        A layer's n-th call in train mode has the n-th mask of its dotted name, kept where the number is at least
        the rate; counting starts anew here. A trainer made within it keeps these streams in its graphs.
        It gives the counters by that name.
        """

    def batches(
        self, inputs: list[Any], targets: Any, order: Array, batch_size: int
    ) -> Iterator[tuple[list[Any], Any]]:
        """Native batches of native tensors, rows in this order, the last one possibly smaller."""
