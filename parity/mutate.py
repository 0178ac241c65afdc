# ruff: noqa: E501 - the table of bugs reads best with one bug on a line
"""Porting bugs on purpose, to see whether each is caught, blamed on the right layer and given its right cause.

A bug is put into one layer of a PyTorch model; the other side is the model as it was, or its Keras twin.
Bugs that a comparison of float32 outputs with ``allclose(atol=1e-5)`` does not see are marked: they are the point.
"""

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from dualnet.interface import Array, ConfigError
from parity import compare, transfer
from parity.side import Pass
from parity.tolerance import ZERO_GRADIENT, distance, largest

__all__ = ["BUGS", "MODELS", "Bug", "Model", "Outcome", "Score", "built", "check", "clean", "outcomes", "score"]


ROUNDING = 1e-13
"""What another order of a float64 sum may change of its scale."""
FAMILIES = {
    "convolution": ("conv", "transposed conv"),
    "normalization": ("batch norm", "layer norm", "group norm"),
    "pooling": ("max pool", "average pool"),
    "activation": ("relu", "gelu", "leaky relu", "elu", "softmax", "silu"),
    "recurrent": ("rnn", "lstm", "gru"),
    "between layers": ("residual", "branches", "tokens", "flatten"),
}
"""What is counted together; any other place by itself."""


@dataclass(frozen=True)
class Bug:
    """One bug.

    Args:
        title: "where: what".
        layer: the class of layers that it can befall.
        inject: changes one such layer in place.
        causes: the ids of the causes that should be named, or of which one should; empty if none of the catalogue is it.
        train: whether it shows in train mode alone.
        models: where it changes anything; everywhere without any.
        fits: which layers of the class it can befall.
        glue: whether what it breaks lies between layers.
    """

    title: str
    layer: type[nn.Module] | tuple[type[nn.Module], ...]
    inject: Callable[[Any], None]
    causes: tuple[str, ...] = ()
    train: bool = False
    models: tuple[str, ...] = ()
    fits: Callable[[Any], bool] = lambda module: True
    glue: bool = False

    @property
    def id(self) -> str:
        """The title as one word."""
        return re.sub(r"[^a-z0-9.]+", "-", self.title.lower()).strip("-")

    @property
    def family(self) -> str:
        """Where it strikes."""
        where = self.title.partition(":")[0]
        return next((family for family, members in FAMILIES.items() if where in members), where)

    def befalls(self, module: nn.Module) -> bool:
        """Whether it can be put into this layer."""
        had = not isinstance(self.inject, Weights) or self.inject.fits(module)
        return isinstance(module, self.layer) and had and self.fits(module)


@dataclass(frozen=True)
class Model:
    """A model to put bugs into.

    Args:
        build: makes it.
        inputs: what it is given.
        other: makes the other side, of either framework; by default the same model without the bug.
    """

    build: Callable[[], nn.Module]
    inputs: Any
    other: Callable[[], Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a bug."""

    bug: str
    model: str
    layer: str
    caught: bool
    blamed: bool
    diagnosed: bool | None
    missed_by_allclose: bool


def outcomes(*ids: str, models: Mapping[str, Model] | None = None) -> Iterator[Outcome]:
    """Put each bug into the first layer of every model that it fits and where it does anything, and compare.

    Args:
        ids: of the bugs; all without any.
        models: by name; the small ones of `MODELS` without any.

    Raises:
        ConfigError: no such bug.
    """
    check(ids)
    for bug in [BUGS[id] for id in ids] or BUGS.values():
        for name, model in (MODELS if models is None else models).items():
            if bug.models and name in MODELS and name not in bug.models:
                continue
            layers = [path for path, module in model.build().named_modules() if bug.befalls(module)]
            for layer in layers:
                broken, other = built(model)
                whole = copy.deepcopy(broken)
                bug.inject(broken.get_submodule(layer))
                if not _runs(broken, model.inputs):  # the framework itself says that shapes do not fit
                    break
                if _changes(whole, broken, model.inputs, bug.train):
                    yield _outcome(bug, name, model.inputs, broken, other, layer)
                    break


def check(ids: Sequence[str]) -> None:
    """ConfigError unless all of these are ids of bugs."""
    if unknown := [id for id in ids if id not in BUGS]:
        raise ConfigError(f"no bug {unknown[0]!r}: choose from {', '.join(BUGS)}")


def clean(seeds: range, models: Mapping[str, Model] | None = None) -> Iterator[tuple[str, int, bool]]:
    """Compare every model without any bug, with other weights for each seed.

    Yields:
        The model's name, the seed, and whether nothing is blamed: random weights may leave a branch dead, and untested.
    """
    for name, model in (MODELS if models is None else models).items():
        for seed in seeds:
            one, other = built(model, seed)
            for train in (False, True):
                report = compare(other, one, model.inputs, train=train, allow=["*.running_var"])
                yield name, seed, report.compared > 0 and not report.differs


@dataclass(frozen=True)
class Score:
    """How many of some outcomes were caught, blamed on the right layer, and given the right cause."""

    family: str
    bugs: int
    placements: int
    caught: int
    blamed: int
    known: int
    """Those whose cause is in the catalogue."""
    diagnosed: int
    missed_by_allclose: int

    @property
    def good(self) -> bool:
        """Every bug caught, 95 % blamed on the right layer, 90 % of the known ones given the right cause."""
        return (
            self.caught == self.placements
            and self.blamed >= 0.95 * self.placements
            and self.diagnosed >= 0.9 * self.known
        )


def score(found: Sequence[Outcome]) -> tuple[Score, ...]:
    """One score for each family of bugs, and in the end one for all."""
    families: dict[str, list[Outcome]] = {}
    for outcome in found:
        families.setdefault(BUGS[outcome.bug].family, []).append(outcome)
    return tuple(_score(name, own) for name, own in [*families.items(), ("all", list(found))])


def _score(family: str, found: Sequence[Outcome]) -> Score:
    known = [outcome for outcome in found if outcome.diagnosed is not None]
    return Score(
        family,
        len({outcome.bug for outcome in found}),
        len(found),
        sum(outcome.caught for outcome in found),
        sum(outcome.blamed for outcome in found),
        len(known),
        sum(bool(outcome.diagnosed) for outcome in known),
        sum(outcome.missed_by_allclose for outcome in found),
    )


def built(model: Model, seed: int = 3) -> tuple[nn.Module, Any]:
    """A model whose scales, shifts and statistics all matter, and its other side with equal weights."""
    torch.manual_seed(seed)
    one = model.build()
    with torch.no_grad():
        for name, tensor in [*one.named_parameters(), *one.named_buffers()]:
            if tensor.dim() == 1 and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5) if name.endswith(("weight", "_var")) else tensor.uniform_(0.1, 0.5)
            elif tensor.is_floating_point() and not tensor.any():  # zeros would hide what comes before them
                tensor.normal_(std=0.3)
    if model.other is None:
        return one, copy.deepcopy(one)
    other = model.other()
    transfer(one, other, model.inputs)
    return one, other


def _runs(model: nn.Module, inputs: Any) -> bool:
    try:
        _outputs(model, inputs)
    except RuntimeError:
        return False
    return True


def _changes(whole: nn.Module, broken: nn.Module, inputs: Any, train: bool) -> bool:
    """Whether a bug does more than round: there is no other order of one channel, nor a relu of what is positive."""

    def everything(model: nn.Module) -> list[Array]:
        torch.manual_seed(0)
        found, buffers = _run(model, inputs, "float64", train=train)
        named = [*found.parameter_gradients.values(), *buffers.values()]
        return [*found.outputs, *found.input_gradients, *(own[name] for own in named for name in sorted(own))]

    pairs = list(zip(everything(whole), everything(broken), strict=True))
    silent = ZERO_GRADIENT * max(largest(*pair) for pair in pairs)
    return any(distance(x, y).error > ROUNDING for x, y in pairs if x.shape != y.shape or largest(x, y) > silent)


def _outcome(bug: Bug, name: str, inputs: Any, broken: nn.Module, other: Any, layer: str) -> Outcome:
    report = compare(other, broken, inputs, train=bug.train)
    if bug.glue:
        blamed = bool(report.culprits) and all(c.kind == "glue" and layer in c.where for c in report.culprits)
    else:
        blamed = {culprit.where.split(" | ")[-1] for culprit in report.culprits} == {layer}
    named = {
        part for culprit in report.culprits for first in culprit.diagnoses[:1] for part in first.cause.split(" + ")
    }
    return Outcome(
        bug.id,
        name,
        layer,
        not report.passed,
        blamed,
        bool(named) and named <= set(bug.causes) if bug.causes else None,
        _allclose(other, broken, inputs),
    )


def _allclose(other: Any, broken: nn.Module, inputs: Array) -> bool:
    """What is done without an engine: float32 outputs in eval mode, against a tolerance from memory."""
    a, b = _outputs(other, inputs), _outputs(broken, inputs)
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-5)


def _outputs(model: Any, inputs: Any) -> Array:
    return _run(model, inputs, "float32", gradients=False)[0].outputs[0]


def _run(
    model: Any, inputs: Any, dtype: str, *, train: bool = False, gradients: bool = True
) -> tuple[Pass, dict[str, dict[str, Array]]]:
    """A bare run, and the buffers after it."""
    from parity.models import side

    one = side(model)
    with one.borrowed(dtype):
        return one.run(one.inputs(inputs, "NCHW"), train=train, gradients=gradients), one.buffers()


# --- ways to break a layer -------------------------------------------------------------------------------------


def setting(**values: Any) -> Callable[[Any], None]:
    """Other settings."""

    def inject(module: Any) -> None:
        for name, value in values.items():
            setattr(module, name, value)

    return inject


class Weights:
    """Computing with changed weights, as if they had been converted wrongly."""

    def __init__(self, **changes: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.changes = changes

    def __call__(self, module: Any) -> None:
        inner = copy.copy(module)

        def forward(*args: Any, **kwargs: Any) -> Any:
            inner.training = module.training
            changed = {name: change(getattr(module, name)) for name, change in self.changes.items()}
            return functional_call(inner, changed, args, kwargs)

        module.forward = forward

    def fits(self, module: Any) -> bool:
        """Whether the layer has these weights: a convolution may lack its bias."""
        return all(getattr(module, name, None) is not None for name in self.changes)


def computing(function: Callable[[Any, torch.Tensor], torch.Tensor]) -> Callable[[Any], None]:
    """Computing something else."""

    def inject(module: Any) -> None:
        module.forward = lambda x: function(module, x)

    return inject


def around(
    before: Callable[[Any], Any] = lambda x: x, after: Callable[[Any], Any] = lambda x: x
) -> Callable[[Any], None]:
    """Something else done to what comes in or goes out."""

    def inject(module: Any) -> None:
        forward = module.forward
        module.forward = lambda *args: after(forward(*map(before, args)))

    return inject


def _drop(module: Any, name: str) -> None:
    setattr(module, name, None)


def _conv(module: Any, x: torch.Tensor, pads: tuple[int, int, int, int], mode: str = "constant") -> torch.Tensor:
    padded = F.pad(x, pads, mode=mode)
    return F.conv2d(padded, module.weight, module.bias, module.stride, 0, module.dilation, module.groups)


def _norm(
    m: Any, x: torch.Tensor, mean: Any, var: Any, eps: float | None = None, outside: bool = False
) -> torch.Tensor:
    shape = (1, -1, *[1] * (x.dim() - 2))
    mean, var, gamma, beta = (v.reshape(shape) for v in (mean, var, m.weight, m.bias))
    eps = m.eps if eps is None else eps
    return (x - mean) / (var.sqrt() + eps if outside else (var + eps).sqrt()) * gamma + beta


def _batch_statistics(m: Any, x: torch.Tensor) -> torch.Tensor:
    axes = [0, *range(2, x.dim())]
    return _norm(m, x, x.mean(axes), x.var(axes, unbiased=False))


def _swap(tensor: torch.Tensor, *order: int) -> torch.Tensor:
    parts = tensor.chunk(len(order))
    return torch.cat([parts[i] for i in order])


def _rows_cols(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.transpose(-1, -2)


def _forget_bias(tensor: torch.Tensor) -> torch.Tensor:
    hidden = len(tensor) // 4
    return torch.cat([tensor[:hidden], tensor[hidden : 2 * hidden] + 1, tensor[2 * hidden :]])


def _biased_variance(m: Any, x: torch.Tensor) -> torch.Tensor:
    axes = [0, *range(2, x.dim())]
    with torch.no_grad():
        m.running_mean.mul_(1 - m.momentum).add_(m.momentum * x.mean(axes))
        m.running_var.mul_(1 - m.momentum).add_(m.momentum * x.var(axes, unbiased=False))
    return _batch_statistics(m, x)


def _layer_norm(m: Any, x: torch.Tensor, unbiased: bool = False, centre: bool = True) -> torch.Tensor:
    mean = x.mean(-1, keepdim=True) if centre else 0.0
    spread = x.var(-1, keepdim=True, unbiased=unbiased) if centre else x.square().mean(-1, keepdim=True)
    return (x - mean) / (spread + m.eps).sqrt() * m.weight + m.bias


class _Blocked(torch.autograd.Function):
    """Identity whose gradient is multiplied by a factor."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, factor: float) -> torch.Tensor:
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        return gradient * ctx.factor, None


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.Tanh())
        self.join: Callable[..., torch.Tensor] = lambda x, y: x + y

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.join(x, self.body(x))


class _Branches(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.left = nn.Conv2d(channels, channels, 1)
        self.right = nn.Conv2d(channels, channels, 3, padding=1)
        self.join: Callable[..., torch.Tensor] = lambda x, y: torch.cat([x, y], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.join(self.left(x), self.right(x))


class _Tokens(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(channels, channels, 3, stride=3)
        self.project = nn.Linear(channels, 5)
        self.join: Callable[..., torch.Tensor] = lambda x: x.flatten(2).transpose(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens: torch.Tensor = self.project(self.join(self.patch(x)))
        return tokens


def joining(function: Callable[..., torch.Tensor]) -> Callable[[Any], None]:
    """Other glue in a module that has its glue in an attribute."""
    return setting(join=function)


def _padded(conv: Any) -> bool:
    return bool(conv.kernel_size == (3, 3) and conv.padding == conv.stride == conv.dilation == (1, 1))


_ALL = (
    Bug("conv: padding (0, 2) instead of (1, 1)", nn.Conv2d, computing(lambda m, x: _conv(m, x, (0, 2, 0, 2))), ("conv.padding_side", "conv.padding_amount"), fits=_padded),
    Bug("conv: padding (2, 0) instead of (1, 1)", nn.Conv2d, computing(lambda m, x: _conv(m, x, (2, 0, 2, 0))), ("conv.padding_side", "conv.padding_amount"), fits=_padded),
    Bug("conv: no padding", nn.Conv2d, setting(padding=(0, 0)), ("conv.padding_amount",), fits=_padded),
    Bug("conv: reflected border", nn.Conv2d, computing(lambda m, x: _conv(m, x, (1, 1, 1, 1), "reflect")), ("conv.padding_mode",), fits=_padded),
    Bug("conv: repeated border", nn.Conv2d, computing(lambda m, x: _conv(m, x, (1, 1, 1, 1), "replicate")), ("conv.padding_mode",), fits=_padded),
    Bug("conv: kernel rotated", nn.Conv2d, Weights(weight=lambda w: w.flip(2, 3)), ("conv.kernel_flipped",)),
    Bug("conv: kernel H and W swapped", nn.Conv2d, Weights(weight=_rows_cols), ("conv.kernel_transposed",)),
    Bug("conv: kernel flipped left to right", nn.Conv2d, Weights(weight=lambda w: w.flip(3)), ("conv.kernel_rotated",)),
    Bug("conv: input channels reversed", nn.Conv2d, Weights(weight=lambda w: w.flip(1)), ("conv.input_reversed",), fits=lambda m: m.in_channels > 1),
    Bug("conv: bias dropped", nn.Conv2d, Weights(bias=torch.zeros_like), ("conv.bias_missing",)),
    Bug("conv: bias added twice", nn.Conv2d, Weights(bias=lambda b: 2 * b), ()),
    Bug("conv: dilation 2", nn.Conv2d, setting(dilation=(2, 2), padding=(2, 2)), ("conv.dilation", "conv.padding_amount"), fits=_padded),
    Bug("conv: stride 2", nn.Conv2d, setting(stride=(2, 2)), ("conv.stride",), models=("image",)),
    Bug("transposed conv: kernel rotated", nn.ConvTranspose2d, Weights(weight=lambda w: w.flip(2, 3)), ("conv_transpose.kernel_flipped",)),
    Bug("transposed conv: output padding", nn.ConvTranspose2d, setting(output_padding=(1, 1)), ("conv_transpose.output_padding",)),
    Bug("transposed conv: bias dropped", nn.ConvTranspose2d, Weights(bias=torch.zeros_like), ("conv_transpose.bias_missing",)),
    Bug("batch norm: epsilon 1e-3", nn.BatchNorm2d, setting(eps=1e-3), ("norm.epsilon",)),
    Bug("batch norm: epsilon 1.001e-5", nn.BatchNorm2d, setting(eps=1.001e-5), ("norm.epsilon",)),
    Bug("batch norm: epsilon outside the root", nn.BatchNorm2d, computing(lambda m, x: _norm(m, x, m.running_mean, m.running_var, outside=True)), ("norm.epsilon_place",)),
    Bug("batch norm: scale dropped", nn.BatchNorm2d, Weights(weight=torch.ones_like), ("norm.weight_missing",)),
    Bug("batch norm: shift dropped", nn.BatchNorm2d, Weights(bias=torch.zeros_like), ("norm.bias_missing",)),
    Bug("batch norm: scale and shift swapped", nn.BatchNorm2d, computing(lambda m, x: F.batch_norm(x, m.running_mean, m.running_var, m.bias, m.weight, False, 0.0, m.eps)), ("norm.swapped",)),
    Bug("batch norm: statistics not loaded", nn.BatchNorm2d, Weights(running_mean=torch.zeros_like, running_var=torch.ones_like), ("batch_norm.statistics_not_loaded",)),
    Bug("batch norm: batch statistics in eval mode", nn.BatchNorm2d, computing(_batch_statistics), ("batch_norm.mode",)),
    Bug("batch norm: running statistics in train mode", nn.BatchNorm2d, computing(lambda m, x: _norm(m, x, m.running_mean, m.running_var)), ("batch_norm.mode",), train=True),
    Bug("batch norm: momentum is the share kept", nn.BatchNorm2d, setting(momentum=0.9), ("batch_norm.momentum", "batch_norm.momentum_convention",), train=True),
    Bug("batch norm: momentum 0.01", nn.BatchNorm2d, setting(momentum=0.01), ("batch_norm.momentum", "batch_norm.momentum_convention",), train=True),
    Bug("batch norm: biased running variance", nn.BatchNorm2d, computing(_biased_variance), ("batch_norm.running_variance",), train=True),
    Bug("layer norm: epsilon 1e-3", nn.LayerNorm, setting(eps=1e-3), ("norm.epsilon",)),
    Bug("layer norm: unbiased variance", nn.LayerNorm, computing(lambda m, x: _layer_norm(m, x, unbiased=True)), ("norm.unbiased_variance",)),
    Bug("layer norm: mean not taken off", nn.LayerNorm, computing(lambda m, x: _layer_norm(m, x, centre=False)), ("layer_norm.kind",)),
    Bug("layer norm: shift dropped", nn.LayerNorm, Weights(bias=torch.zeros_like), ("norm.bias_missing",)),
    Bug("group norm: one group", nn.GroupNorm, setting(num_groups=1), ("group_norm.groups",)),
    Bug("group norm: epsilon 1e-3", nn.GroupNorm, setting(eps=1e-3), ("norm.epsilon",)),
    Bug("max pool: average instead", nn.MaxPool2d, computing(lambda m, x: F.avg_pool2d(x, m.kernel_size, m.stride, m.padding)), ("pool.kind",)),
    Bug("max pool: padding 1", nn.MaxPool2d, setting(padding=1), ("pool.padding_amount",)),
    Bug("max pool: ceil", nn.MaxPool2d, setting(ceil_mode=True), ("pool.ceil_mode",)),
    Bug("average pool: padding not counted", nn.AvgPool2d, setting(count_include_pad=False), ("pool.count_include_pad",)),
    Bug("average pool: maximum instead", nn.AvgPool2d, computing(lambda m, x: F.max_pool2d(x, m.kernel_size, m.stride, m.padding)), ("pool.kind",)),
    Bug("dense: bias dropped", nn.Linear, Weights(bias=torch.zeros_like), ("dense.bias_missing",)),
    Bug("dense: square kernel not transposed", nn.Linear, Weights(weight=_rows_cols), ("dense.transposed",), fits=lambda m: m.in_features == m.out_features),
    Bug("relu: missing", nn.ReLU, computing(lambda m, x: x + 0), ("activation.missing",)),
    Bug("relu: leaky", nn.ReLU, computing(lambda m, x: F.leaky_relu(x, 0.01)), ("activation.wrong",)),
    Bug("relu: capped at 6", nn.ReLU, computing(lambda m, x: F.relu6(10 * x) / 10), ()),
    Bug("gelu: tanh form", nn.GELU, setting(approximate="tanh"), ("activation.gelu_form",)),
    Bug("gelu: relu instead", nn.GELU, computing(lambda m, x: F.relu(x)), ("activation.wrong",)),
    Bug("leaky relu: slope 0.3", nn.LeakyReLU, setting(negative_slope=0.3), ("activation.slope",)),
    Bug("elu: alpha 1.5", nn.ELU, setting(alpha=1.5), ("activation.alpha",)),
    Bug("softmax: other axis", nn.Softmax, setting(dim=1), ("activation.softmax_axis",), models=("rnn",)),
    Bug("softmax: logarithm", nn.Softmax, computing(lambda m, x: F.log_softmax(x, m.dim)), ("activation.softmax_log",)),
    Bug("silu: sigmoid instead", nn.SiLU, computing(lambda m, x: torch.sigmoid(x)), ("activation.wrong",)),
    Bug("lstm: gates in another order", nn.LSTM, Weights(weight_ih_l0=lambda w: _swap(w, 0, 1, 3, 2), weight_hh_l0=lambda w: _swap(w, 0, 1, 3, 2), bias_ih_l0=lambda w: _swap(w, 0, 1, 3, 2), bias_hh_l0=lambda w: _swap(w, 0, 1, 3, 2)), ("rnn.gate_order",)),
    Bug("lstm: one bias missing", nn.LSTM, Weights(bias_hh_l0=torch.zeros_like), ("rnn.bias_missing",)),
    Bug("lstm: forget bias 1 added", nn.LSTM, Weights(bias_ih_l0=_forget_bias), ("lstm.forget_bias",)),
    Bug("gru: gates in another order", nn.GRU, Weights(weight_ih_l0=lambda w: _swap(w, 1, 0, 2), weight_hh_l0=lambda w: _swap(w, 1, 0, 2), bias_ih_l0=lambda w: _swap(w, 1, 0, 2), bias_hh_l0=lambda w: _swap(w, 1, 0, 2)), ("rnn.gate_order",)),
    Bug("gru: one bias missing", nn.GRU, Weights(bias_hh_l0=torch.zeros_like), ("rnn.bias_missing",)),
    Bug("rnn: relu", nn.RNN, computing(lambda m, x: nn.Module.__call__(_relu_rnn(m), x)), ("rnn.activation",)),
    Bug("embedding: rows shifted by one", nn.Embedding, Weights(weight=lambda w: w.roll(1, 0)), ("embedding.offset",)),
    Bug("embedding: row 0 zeroed", nn.Embedding, Weights(weight=lambda w: torch.cat([torch.zeros_like(w[:1]), w[1:]])), ("embedding.padding_row",)),
    Bug("dropout: rate is the share kept", nn.Dropout, setting(p=0.7), ("dropout.rate_kept", "dropout.rate",), train=True),
    Bug("upsample: bilinear", nn.Upsample, setting(mode="bilinear", align_corners=False), ("resize.mode",)),
    Bug("flatten: other order", nn.Flatten, computing(lambda m, x: x.permute(0, 2, 3, 1).flatten(1)), ("flatten.order",), models=("flat",)),
    Bug("gradient: blocked", nn.Linear, around(before=lambda x: x.detach()), ("gradient.blocked",)),
    Bug("gradient: doubled", nn.ReLU, around(after=lambda x: _Blocked.apply(x, 2.0)), ("gradient.doubled",)),
    Bug("gradient: of the other sign", nn.ReLU, around(after=lambda x: _Blocked.apply(x, -1.0)), ("gradient.sign",)),
    Bug("residual: skip missing", _Residual, joining(lambda x, y: y + 0), glue=True),
    Bug("residual: branch missing", _Residual, joining(lambda x, y: x + 0), glue=True),
    Bug("residual: skip doubled", _Residual, joining(lambda x, y: 2 * x + y), glue=True),
    Bug("residual: branch scaled", _Residual, joining(lambda x, y: x + 0.1 * y), glue=True),
    Bug("residual: skip detached", _Residual, joining(lambda x, y: x.detach() + y), glue=True),
    Bug("residual: product instead of sum", _Residual, joining(lambda x, y: x * y), glue=True),
    Bug("branches: joined in another order", _Branches, joining(lambda x, y: torch.cat([y, x], 1)), glue=True),
    Bug("branches: gradient of one dropped", _Branches, joining(lambda x, y: torch.cat([x, y.detach()], 1)), glue=True),
    Bug("tokens: reshaped instead of transposed", _Tokens, joining(lambda x: x.reshape(len(x), -1, x.shape[1])), glue=True),
    Bug("tokens: height and width exchanged", _Tokens, joining(lambda x: x.transpose(2, 3).flatten(2).transpose(1, 2)), glue=True),
)  # fmt: skip
BUGS = {bug.id: bug for bug in _ALL}
"""Every bug by its id."""


def _relu_rnn(module: Any) -> nn.Module:
    inner = copy.copy(module)
    inner.__dict__.pop("forward", None)
    inner.nonlinearity, inner.mode = "relu", "RNN_RELU"
    return inner


# --- models to break -------------------------------------------------------------------------------------------


class _First(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first: torch.Tensor = self.layer(x)[0]
        return first


def _image_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 6, 3, padding=1), nn.GroupNorm(2, 6), nn.SiLU(), nn.AvgPool2d(3, 2, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 6), nn.Dropout(0.3), nn.Linear(6, 4), nn.Softmax(-1),
    )  # fmt: skip


def _branched_net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), _Residual(4), _Branches(4), _Tokens(8))


def _flat_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2), nn.ELU(0.7), nn.Flatten(), nn.Linear(4 * 6 * 5, 9), nn.GELU(), nn.Linear(9, 9),
        nn.LeakyReLU(0.1), nn.Linear(9, 3),
    )  # fmt: skip


def _decoder() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(5, 4, 3, stride=2), nn.Tanh(),
        nn.Upsample(scale_factor=2), nn.Conv2d(4, 3, 3, padding=1), nn.Sigmoid(),
    )  # fmt: skip


def _sequence_net(kind: type[nn.Module]) -> Callable[[], nn.Module]:
    return lambda: nn.Sequential(
        nn.Embedding(17, 5), nn.LayerNorm(5), _First(kind(5, 6, batch_first=True)), nn.Linear(6, 6), nn.Tanh(),
        nn.Linear(6, 3), nn.Softmax(-1),
    )  # fmt: skip


_RNG = np.random.default_rng(2)
_IMAGES = _RNG.normal(size=(4, 3, 13, 12))
_WORDS = np.concatenate([np.arange(17), _RNG.integers(0, 17, 4 * 7 - 17)]).reshape(4, 7)
MODELS = {
    "image": Model(_image_net, _IMAGES),
    "branched": Model(_branched_net, _IMAGES),
    "flat": Model(_flat_net, _IMAGES),
    "decoder": Model(_decoder, _IMAGES),
    "lstm": Model(_sequence_net(nn.LSTM), _WORDS),
    "gru": Model(_sequence_net(nn.GRU), _WORDS),
    "rnn": Model(_sequence_net(nn.RNN), _WORDS),
}
"""Small models that together have every kind of layer that a bug can befall."""
