"""What a cause is, and the words to write one in.

A fault is read in one direction: side `a` is the *base*, whose settings explain what it computed; side `b` is the
*target*. A hypothesis changes the base so that the reference may give what the target computed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from parity.layer import Fault, LayerRun

__all__ = [
    "Cause", "Generator", "Hypothesis", "Outputs", "assume", "call", "first", "has", "keyword", "number", "scaled",
    "setting", "spatial", "without",
]  # fmt: skip

Array = NDArray[Any]
Outputs = Callable[[tuple[Array, ...]], tuple[Array, ...]]


@dataclass(frozen=True)
class Hypothesis:
    """One way in which the base could be changed.

    Args:
        run: the base, changed.
        values: what the base has, and what it has changed, in the words of the cause's setting.
        specific: whether the two sides' own settings show this difference; otherwise it is a guess.
        outputs: what happens to the reference's outputs afterwards, if anything.
    """

    run: "LayerRun"
    values: tuple[Any, Any]
    specific: bool = False
    outputs: Outputs | None = None


Generator = Callable[["Fault"], Iterable[Hypothesis]]
Remedy = str | Callable[[Any, "LayerRun"], str]


@dataclass(frozen=True)
class Cause:
    """A known way in which two layers come to differ.

    Args:
        id: its name in the catalogue, "family.what".
        kinds: the kinds of layers it can befall; empty for all.
        title: what is wrong, in one sentence.
        hypotheses: what to try.
        setting: how one side's value is named, as "epsilon {}".
        torch, keras: a line of code that gives the layer a value.
        phases: where it can show.
    """

    id: str
    kinds: tuple[str, ...]
    title: str
    hypotheses: Generator
    setting: str
    torch: Remedy
    keras: Remedy
    phases: tuple[str, ...] = ("forward", "train")

    def concerns(self, fault: "Fault") -> bool:
        """Whether it could explain a fault of this kind and phase."""
        return fault.phase in self.phases and (not self.kinds or fault.a.layer.kind in self.kinds)

    def says(self, value: Any) -> str:
        """The text of a setting."""
        return self.setting.format(_text(value))

    def fix(self, run: "LayerRun", value: Any) -> str:
        """The line of code that gives a run's layer the value."""
        remedy = self.torch if run.framework == "torch" else self.keras
        return remedy.format(_text(value)) if isinstance(remedy, str) else remedy(value, run)


def assume(
    fault: "Fault",
    now: Any,
    then: Any,
    *,
    specific: bool = False,
    outputs: Outputs | None = None,
    kind: str | None = None,
    settings: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Array | None] | None = None,
    **changed: Any,
) -> Hypothesis:
    """The hypothesis that the base has other settings or parameters (None: none at all), inputs, mode, or gradients."""
    layer = fault.a.layer
    if kind is not None and kind != layer.kind:
        layer = replace(layer, kind=kind, settings=dict(settings or {}))
    elif settings:
        layer = replace(layer, settings={**layer.settings, **settings})
    if parameters:
        merged = {**layer.parameters, **parameters}
        layer = replace(layer, parameters={name: value for name, value in merged.items() if value is not None})
    return Hypothesis(replace(fault.a, layer=layer, **changed), (now, then), specific, outputs)


def setting(
    name: str, default: Any, guesses: Sequence[Any] | Callable[["Fault"], Iterable[Any]] = (), **others: Any
) -> Generator:
    """The base has the target's value of a setting, or one of the values often met; `others` are changed with it."""

    def hypotheses(fault: "Fault") -> Iterable[Hypothesis]:
        mine = fault.a.layer.settings.get(name, default)
        theirs = fault.b.layer.settings.get(name, default)
        tried: list[Any] = [mine]
        for value in (theirs, *(guesses(fault) if callable(guesses) else guesses)):
            if not any(_same(value, other) for other in tried):
                tried.append(value)
                yield assume(fault, mine, value, specific=_same(value, theirs), settings={name: value, **others})

    return hypotheses


def without(*names: str, fill: float | None = None) -> Generator:
    """Either side lacks a parameter that the other has."""

    def hypotheses(fault: "Fault") -> Iterable[Hypothesis]:
        mine, theirs = fault.a.layer.parameters, fault.b.layer.parameters
        for name in names:
            if name in mine:
                change = None if fill is None else np.full_like(mine[name], fill)
                yield assume(fault, name, f"no {name}", specific=name not in theirs, parameters={name: change})
            elif name in theirs:
                yield assume(fault, f"no {name}", name, specific=True, parameters={name: theirs[name]})

    return hypotheses


def first(function: Callable[[Array], Array]) -> Outputs:
    """A function of the first output alone."""
    return lambda outputs: (function(outputs[0]), *outputs[1:])


def scaled(factor: float) -> Outputs:
    """The first output, multiplied."""
    return first(lambda output: factor * output)


def has(fault: "Fault", *names: str) -> bool:
    """Whether the base has all of these parameters."""
    return all(name in fault.a.layer.parameters for name in names)


def spatial(run: "LayerRun") -> tuple[int, ...]:
    """The spatial lengths of the first input."""
    return run.inputs[0].shape[2:]


CLASSES = {
    "dense": ("nn.Linear", "keras.layers.Dense"),
    "embedding": ("nn.Embedding", "keras.layers.Embedding"),
    "conv": ("nn.Conv{n}d", "keras.layers.Conv{n}D"),
    "conv_transpose": ("nn.ConvTranspose{n}d", "keras.layers.Conv{n}DTranspose"),
    "batch_norm": ("nn.BatchNorm{n}d", "keras.layers.BatchNormalization"),
    "layer_norm": ("nn.LayerNorm", "keras.layers.LayerNormalization"),
    "group_norm": ("nn.GroupNorm", "keras.layers.GroupNormalization"),
    "rms_norm": ("nn.RMSNorm", "keras.layers.RMSNormalization"),
    "max_pool": ("nn.MaxPool{n}d", "keras.layers.MaxPooling{n}D"),
    "avg_pool": ("nn.AvgPool{n}d", "keras.layers.AveragePooling{n}D"),
    "adaptive_avg_pool": ("nn.AdaptiveAvgPool{n}d", "keras.layers.AdaptiveAveragePooling{n}D"),
    "local_response_norm": ("nn.LocalResponseNorm", "tf.nn.lrn"),
    "rnn": ("nn.RNN", "keras.layers.SimpleRNN"),
    "lstm": ("nn.LSTM", "keras.layers.LSTM"),
    "gru": ("nn.GRU", "keras.layers.GRU"),
    "attention": ("nn.MultiheadAttention", "keras.layers.MultiHeadAttention"),
    "leaky_relu": ("nn.LeakyReLU", "keras.layers.LeakyReLU"),
    "elu": ("nn.ELU", "keras.layers.ELU"),
    "celu": ("nn.CELU", "keras.ops.celu"),
    "gelu": ("nn.GELU", "keras.ops.gelu"),
    "softmax": ("nn.Softmax", "keras.layers.Softmax"),
    "log_softmax": ("nn.LogSoftmax", "keras.ops.log_softmax"),
    "softplus": ("nn.Softplus", "keras.ops.softplus"),
    "hard_tanh": ("nn.Hardtanh", "keras.ops.clip"),
    "dropout": ("nn.Dropout", "keras.layers.Dropout"),
    "upsample": ("nn.Upsample", "keras.layers.UpSampling{n}D"),
    "concat": ("torch.cat", "keras.layers.Concatenate"),
    "cross_entropy": ("F.cross_entropy", "keras.losses.SparseCategoricalCrossentropy"),
    "nll": ("F.nll_loss", "keras.losses.SparseCategoricalCrossentropy"),
    "binary_cross_entropy": ("F.binary_cross_entropy_with_logits", "keras.losses.BinaryCrossentropy"),
    "kl_div": ("F.kl_div", "keras.losses.KLDivergence"),
    "mse": ("F.mse_loss", "keras.losses.MeanSquaredError"),
    "l1": ("F.l1_loss", "keras.losses.MeanAbsoluteError"),
    "huber": ("F.huber_loss", "keras.losses.Huber"),
    "smooth_l1": ("F.smooth_l1_loss", "keras.losses.Huber"),
    "hinge": ("F.hinge_embedding_loss", "keras.losses.Hinge"),
    "sgd": ("torch.optim.SGD", "keras.optimizers.SGD"),
    "adam": ("torch.optim.Adam", "keras.optimizers.Adam"),
    "adamw": ("torch.optim.AdamW", "keras.optimizers.AdamW"),
    "rmsprop": ("torch.optim.RMSprop", "keras.optimizers.RMSprop"),
    "adagrad": ("torch.optim.Adagrad", "keras.optimizers.Adagrad"),
    "adadelta": ("torch.optim.Adadelta", "keras.optimizers.Adadelta"),
}
"""What a kind is called in PyTorch and in Keras, for remedies; {n} is the number of spatial dimensions."""


def keyword(argument: str, value: Callable[[Any], Any] = lambda value: value) -> Callable[[Any, "LayerRun"], str]:
    """The layer's own line of code, or its class's name, with one keyword argument set."""

    def remedy(given: Any, run: "LayerRun") -> str:
        names = CLASSES.get(run.layer.kind, (run.layer.kind, run.layer.kind))
        name = names[run.framework != "torch"].format(n=max(run.inputs[0].ndim - 2, 1))
        return call(run.layer.code or f"{name}(...)", argument, value(given))

    return remedy


def call(code: str, argument: str, value: Any) -> str:
    """A line of code that calls something, with a keyword argument set."""
    head, _, inner = code.rpartition(")")[0].partition("(")
    arguments = [part for part in _arguments(inner) if not part.replace(" ", "").startswith(f"{argument}=")]
    return f"{head}({', '.join([*arguments, f'{argument}={_text(value, quoted=True)}'])})"


def number(value: float) -> float:
    """A measured number, freed of its rounding errors where it is a short one."""
    return float(f"{value:.9g}")


def _arguments(inner: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for i, letter in enumerate(inner):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            parts.append(inner[start:i].strip())
            start = i + 1
    return [part for part in (*parts, inner[start:].strip()) if part]


def _text(value: Any, *, quoted: bool = False) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.9g}"
    return repr(value) if quoted else str(value)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)
