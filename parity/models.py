"""Two models of anybody's, compared: `compare` and `transfer`.

First both run bare, with equal weights and inputs.  Only if something differs, the second model runs again with
every tensor between its layers replaced by what the first model had there, forward and backward (see
`parity.side`): then each layer, and what lies between the layers, shows its own error and no other.
"""

import platform
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import Any

import numpy as np

from dualnet.interface import Array, Arrays, ConfigError, DualnetError, StateError
from dualnet.process import prepare
from parity.form import form
from parity.layer import Layer
from parity.pair import Pairing, adopt, batch_told, channels_told, common, likened, pair, parameters_told, uncommon
from parity.replay import culprits, tied
from parity.report import Culprit, Finding, LayerPair, Report
from parity.side import Call, Forcing, Layouts, Loss, Pass, Side, Tape, channels_first
from parity.steps import ULP, Trajectory, course, for_side, judged, rule, trajectory, updates
from parity.taylor import directional
from parity.tolerance import FLOAT64_LIMIT, NOISE_FACTOR, ZERO_GRADIENT, distance, largest, relative_l2

__all__ = ["Job", "compare", "side", "transfer"]

LAYOUTS = {4: "NCHW", 5: "NCDHW"}
"""What an input of four or five dimensions is taken for unless a layout is given."""
LOSSES = ("cross_entropy", "mse")
DEAD = 1e-18
"""A gradient below this share of the greatest one is none: that of a float64 rounding is 1e-16."""
KEY_BIAS = "k_proj.bias"
"""Of an attention: it adds the same to all scores of a query, and the softmax takes that off again."""
DRAWS = 3
"""How often a lower precision is tried before a difference counts."""
KINKED = ("relu", "relu6", "leaky_relu", "prelu", "elu", "celu", "selu", "hard_tanh", "hard_sigmoid", "hard_swish")
"""Activations whose derivative jumps."""
KINK = 1e-12
"""Values below this share of the greatest one may be on either side of a kink by rounding alone."""
CONSTANTS_LIMIT = 1e-6
"""What constants that were rounded to float32 may make of a float64 result."""
ROUNDED = ("settings.float32", "gradient.float32")
"""Causes that are no fault of the models: a difference in float64 that cannot be seen in float32."""
FEW = 2
"""Up to so many rows the gradients of all are checked, which are there already; of more rows those of the first."""
CANCELLATION = 1e-14
"""What rounding may leave of a sum that cancels, as a share of the sum of its terms."""
CANCELLED = "the terms of a gradient cancel, and every layer agrees on equal inputs: the rest is their rounding"
MOVED = 2_000_000
"""How many parameters are moved at most to see whether the gradients are those of the function."""
NUDGE = 1e-3
"""How far inputs are moved away from a kink, as a share of their spread."""
UNITS = {"float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}
"""One rounding of each precision: no noise is taken to be smaller."""
SILENT = "true gradient is 0: its noise has no relative error"


def compare(
    a: Any,
    b: Any,
    inputs: Any,
    *,
    loss: str | Callable[..., Any] | tuple[Loss, Loss] | None = None,
    targets: Array | None = None,
    pairs: Mapping[str, str] | None = None,
    transfer: bool = True,
    train: bool = False,
    steps: int = 0,
    optimizer: Any = None,
    dtype: str = "float64",
    seed: int = 0,
    layout: str | None = None,
    allow: Collection[str] = (),
) -> Report:
    """Compare two models: outputs, the gradients of every input and parameter, and in train mode the buffers.

    The models are left as they were found: weights, mode, dtype and hooks, also after an exception.

    Args:
        a, b: a `torch.nn.Module` or a Keras model or layer each, in any order; two of one framework are fine.
        inputs: an array, several in the order of the arguments, or a dictionary by name.
        loss: "cross_entropy" of logits and class indices, "mse", a function of native outputs and targets, or one
            for each side; by default a fixed random weighting of all outputs.
        targets: what the loss needs.
        pairs: layers paired by hand, from a name in a to a name in b; the rest is paired by order, kind and shapes.
        transfer: give b the weights of a for the comparison; False compares the weights as they are.
        train: in train mode; dropout draws the same numbers on both sides.
        steps: train both for so many steps on this batch, in the mode of `train`, and compare all tensors after each,
            and in the end what the optimizers remember.
        optimizer: "sgd", "adam", "rmsprop", "adagrad" or "adadelta" (one rule, in NumPy, on both sides; sgd if nothing
            is said), a `dualnet.interface.Optimizer`, or a pair: a `torch.optim.Optimizer` or a function of the
            parameters, a Keras optimizer or a function without arguments. A pair's rules are also compared apart, on
            equal gradients.
        dtype: "float64" for the verdict alone; "float32", "bfloat16" or "float16" to judge that precision, too, by
            each side's own distance to its float64 result.
        seed: decides the random numbers of dropout.
        layout: the letters of the inputs' axes, as "NHWC"; "NCHW" and "NCDHW" are taken for granted. Each side gets
            its native layout.
        allow: names of layers and parameters ("layer.bias") that may stay without a partner, and of parameters and
            inputs ("input 0") that may be without effect; buffers ("layer.running_var") that may differ. "*" stands
            for anything; "gradients of a" that a's gradients may be others than those of its function.

    Returns:
        A report. If something differs it names the layers at fault and verified causes.

    Raises:
        ConfigError: an unknown layout, dtype, loss, or a pair of layers that do not exist.
        StateError: weights of paired layers do not fit.
    """
    if dtype not in ("float64", "float32", "bfloat16", "float16"):
        raise ConfigError(f"dtype {dtype!r}: expected float64, float32, bfloat16 or float16")
    if steps < 0:
        raise ConfigError(f"steps {steps}: expected 0 or more")
    job = Job(
        side(a), side(b), inputs, loss, targets, dict(pairs or {}), transfer, train, seed, layout, frozenset(allow)
    )
    return job.run(dtype, steps, optimizer)


def transfer(
    src: Any, dst: Any, inputs: Any, *, pairs: Mapping[str, str] | None = None, layout: str | None = None
) -> dict[str, str]:
    """Give a model the weights of another one, for good.

    Args:
        src, dst: the models, of either framework.
        inputs: one batch, to see in which order the layers are called.
        pairs, layout: as in `compare`.

    Returns:
        The names of the paired layers, from src to dst.

    Raises:
        StateError: a layer with parameters has no partner, or they do not fit; nothing was changed.
    """
    job = Job(side(src), side(dst), inputs, None, None, dict(pairs or {}), True, False, 0, layout, frozenset())
    with job.a.borrowed("float64"), job.b.borrowed("float64"):
        pairing = job.pairing()
        alone = [c.layer.name for c in (*pairing.alone_a, *pairing.alone_b) if c.layer.parameters]
    if alone:
        raise StateError(
            f"no partner for {', '.join(alone)}; nothing was changed. Name the pairs by hand: pairs={{...}}"
        )
    _move(job.a, job.b, pairing)
    return {one.layer.name: other.layer.name for one, other in pairing.pairs if one.real}


def side(model: Any) -> Side:
    """A model behind the engine's protocol.

    Raises:
        ConfigError: neither a PyTorch module nor a Keras layer.
    """
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(model).__mro__}
    if "torch.Module" in names:
        prepare("torch")
        from parity.torch_side import TorchSide

        return TorchSide(model)
    if "keras.Layer" in names:
        prepare("tf")
        from parity.keras_side import KerasSide

        return KerasSide(model)
    raise ConfigError(f"expected a torch.nn.Module or a Keras model or layer, came {type(model).__name__}")


@dataclass
class Job:
    """One comparison."""

    a: Side
    b: Side
    arrays: Any
    loss: Any
    targets: Array | None
    hints: dict[str, str]
    transferring: bool
    train: bool
    seed: int
    layout: str | None
    allow: frozenset[str]
    random: bool = False
    """Whether a model draws random numbers outside dropout, in whatever mode."""
    silent: set[str] = field(default_factory=set)
    """Gradients that are rounding noise around 0."""

    def __post_init__(self) -> None:
        for name, array in _named(self.arrays):
            _check(name, np.asarray(array))
        for which, model in enumerate((self.a, self.b)):
            with self._running(which):
                model.complete(self._first_row(which))

    def run(self, dtype: str, steps: int = 0, optimizer: Any = None) -> Report:
        """Pair, move the weights, run, judge; explain what differs."""
        training = steps > 0
        with self.a.borrowed("float64", training=training), self.b.borrowed("float64", training=training):
            pairing = self.pairing()
            report = self._report(pairing)
            if report.failures and (again := self.pairing(trust_order=False)).names != pairing.names:
                other = self._report(again)
                if 2 * len(other.failures) < len(report.failures):
                    pairing, report = again, other
                else:
                    self._report(pairing)  # moves the weights back
            if any("/weights/" not in f.name for f in report.failures):
                report = self._explained(report, pairing)
            if steps and not any(f.problem for f in report.failures):
                report = self._stepped(report, pairing, steps, optimizer)
            exact = [self._quantities(which, pairing) for which in (0, 1)] if dtype != "float64" else []
        return self._rounded(report, pairing, dtype, exact) if exact else report

    def _quantities(self, which: int, pairing: Pairing, draw: int = 0) -> dict[str, Array]:
        """What is compared of one side, by name, from inputs changed by less than their rounding in each draw."""
        model = (self.a, self.b)[which]
        if self.transferring:
            _move(self.a, self.b, pairing)
        kept, self.arrays = self.arrays, _stirred(self.arrays, draw)
        try:
            found, buffers = self.passed(model, which, pairing)
        finally:
            self.arrays = kept
        named = {f"output/{i}": array for i, array in enumerate(found.outputs)}
        named |= {f"gradient/input/{i}": array for i, array in enumerate(found.input_gradients)}
        for both in _layers(pairing):
            layer, name = both[which].layer, both[0].layer.name
            own = common(layer.kind, found.parameter_gradients.get(layer.name, {}), gradients=True)
            named |= {f"gradient/parameter/{name}.{parameter}": array for parameter, array in own.items()}
            own = buffers.get(layer.name, {}) if self.train else {}
            named |= {f"buffer/{name}.{buffer}": array for buffer, array in own.items()}
        return named

    def _rounded(self, report: Report, pairing: Pairing, dtype: str, exact: list[dict[str, Array]]) -> Report:
        """The report with a lower precision: each side by its distance to its own float64 result.

        One side may be `NOISE_FACTOR` times as far away as the other.  Where one is further, both run again on
        inputs changed by less than a rounding: a ReLU or a maximum that rounding flips does so on either side.
        """
        noise: dict[str, list[float]] = {}
        notes = []
        with self.a.borrowed(dtype), self.b.borrowed(dtype):
            for draw in range(DRAWS):
                for which in (0, 1):
                    found = self._quantities(which, pairing, draw)
                    for name in exact[which].keys() & exact[1 - which].keys():
                        error = relative_l2(found[name].astype(np.float64), exact[which][name])
                        noise.setdefault(name, [0.0, 0.0])[which] = max(noise.get(name, [0.0, 0.0])[which], error)
                mode = "train" if self.train else "eval"
                rounding = UNITS[dtype]
                findings = [
                    Finding(f"{dtype}/{mode}/{name}", max(own), NOISE_FACTOR * max(min(own), rounding), min(own),
                            excluded=SILENT if name in self.silent else "")
                    for name, own in sorted(noise.items())
                ]  # fmt: skip
                if all(finding.passed for finding in findings):
                    break
                notes.append(f"{dtype}: {sum(not f.passed for f in findings)} quantities differ on draw {draw + 1}")
        if notes and all(finding.passed for finding in findings):
            notes.append("on both sides inputs changed by less than a rounding do the same: kinks, no bug")
        return replace(report, findings=(*report.findings, *findings)).with_notes(*notes)

    def _stepped(self, report: Report, pairing: Pairing, steps: int, optimizer: Any) -> Report:
        """The report with training steps: the trajectory, and the rules apart."""
        pair = tuple(optimizer) if isinstance(optimizer, tuple | list) else (optimizer or "sgd",) * 2
        if len(pair) != 2:
            raise ConfigError(f"optimizer: expected one for both sides or a pair, came {len(pair)}")
        sides, layers = (self.a, self.b), _layers(pairing)
        start = [
            {name: side.get(name) for both in layers for name in [both[w].layer.name]} for w, side in enumerate(sides)
        ]

        silent = {name.removeprefix("gradient/parameter/") for name in self.silent}

        def restart() -> None:
            for side, own in zip(sides, start, strict=True):
                for name, arrays in own.items():
                    side.put(name, arrays)

        def trained(which: int) -> Trajectory:
            side, update = sides[which], rule(sides[which], pair[which])
            return trajectory(
                side, which, layers, update, steps, lambda k: self._run(side, which, pairing, step=k), silent
            )

        one, other = trained(0), trained(1)
        findings = list(map(self._excused, judged(one, other)))
        if any(not finding.passed for finding in findings):
            restart()
            rng = np.random.default_rng(13)
            for name, arrays in start[0].items():
                nudged = {n: x * (1 + ULP * rng.uniform(-1, 1, x.shape)) for n, x in arrays.items()}
                self.a.put(name, nudged)
            findings = list(map(self._excused, judged(one, other, trained(0))))
        notes = [course(findings, steps)]
        if silent:
            notes.append(f"given no noise for a gradient, as their true one is 0: {', '.join(sorted(silent))}")
        found: list[Culprit] = []
        if pair[0] is not pair[1]:
            restart()
            rules = rule(self.a, pair[0]), rule(self.b, pair[1])
            names = self.a.framework, self.b.framework
            if self.transferring:
                more, found = updates(layers, rules, sides, names, one.gradients)
                findings += more
        restart()
        report = replace(report, findings=(*report.findings, *findings), culprits=(*report.culprits, *found))
        return report.with_notes(*notes)

    def _report(self, pairing: Pairing) -> Report:
        self._lay_out(pairing)
        problems = _move(self.a, self.b, pairing) if self.transferring else []
        passes = self.passed(self.a, 0, pairing), self.passed(self.b, 1, pairing)
        findings = [*problems, *map(self._excused, self._findings(passes, pairing))]
        not_tested = self._dead(passes[0])
        known = [self._known(found) for found, _ in passes]
        del passes  # the gradients are as large as the models
        agree = not self.allow and all(finding.error <= finding.limit for finding in findings)
        findings += self._own_gradients(pairing, known, agree)
        names = (f"{type(side.model).__name__} ({side.framework})" for side in (self.a, self.b))
        return Report(
            " | ".join(names),
            tuple(findings),
            not_tested=not_tested,
            layers=tuple(_layer_pair(p) for p in pairing.pairs if p[0].real or p[1].real),
            unpaired=self._unpaired(pairing),
            environment={"a": _about(self.a), "b": _about(self.b), "train": self.train, "seed": self.seed},
        )

    # --- inputs ---

    def native(self, which: int) -> Any:
        """The inputs of one side."""
        return (self.a, self.b)[which].inputs(self.arrays, self._layout())

    def _layout(self) -> str | None:
        if self.layout:
            if len(set(self.layout)) != len(self.layout) or "N" not in self.layout:
                raise ConfigError(f"layout {self.layout!r}: expected one letter for each axis, as NCHW or NHWC")
            return self.layout
        arrays = self.arrays.values() if isinstance(self.arrays, Mapping) else self.arrays
        arrays = [self.arrays] if isinstance(self.arrays, np.ndarray) else list(arrays)
        return next((LAYOUTS[np.ndim(x)] for x in arrays if np.ndim(x) in LAYOUTS), None)

    def _whole(self) -> bool:
        """Whether gradients are checked on all rows: in train mode, and where there are no more than a few."""
        return self.train or all(len(np.atleast_1d(x)) <= FEW for _, x in _named(self.arrays))

    def _first_row(self, which: int) -> Any:
        return (self.a, self.b)[which].inputs(self._first_rows(), self._layout())

    def _first_rows(self) -> Any:
        few = 2 if self.train else 1  # batch normalization has no statistics of one
        rows = {name: np.asarray(array)[:few] for name, array in _named(self.arrays)}
        return rows if isinstance(self.arrays, Mapping) else list(rows.values())

    # --- layers ---

    def pairing(self, *, trust_order: bool = True) -> Pairing:
        """Which layer is which."""
        self._lay_out(Pairing())
        (end_a, calls_a), (end_b, calls_b) = (self.seen(which) for which in (0, 1))

        def fingerprints() -> tuple[Sequence[Call], Sequence[Call]]:
            return self.marked(self.a, calls_a, 0), self.marked(self.b, calls_b, 1)

        found = pair(calls_a, calls_b, self.hints, fingerprints, trust_order=trust_order)
        turned = [(other, one) for one, other in found.pairs]
        a, b = Layouts(), Layouts()
        if self.b.framework == "tf":
            b = channels_told(found.pairs, end_a.outputs, end_b.outputs, end_b.moved)
        elif self.a.framework == "tf":
            a = channels_told(turned, end_b.outputs, end_a.outputs, end_a.moved)
        if self.b.framework == "torch":
            b = batch_told(found.pairs)
        elif self.a.framework == "torch":
            a = batch_told(turned)
        found.layouts = self._told_parameters(found, a, b)
        self._lay_out(found)
        for call in (*calls_a, *calls_b):
            call.forget()
        return found

    def _told_parameters(self, pairing: Pairing, *layouts: Layouts) -> tuple[Layouts, Layouts]:
        """The layouts, with the parameters of layers of no known kind as their partners have them."""
        forms = parameters_told(pairing.pairs, (self.a.framework, self.b.framework))
        for which, model in enumerate((self.a, self.b)):
            adopt(model, (both[which] for both in pairing.pairs), forms[which])
        a, b = (replace(told, parameters=own) for told, own in zip(layouts, forms, strict=True))
        return a, b

    def _lay_out(self, pairing: Pairing) -> None:
        self.a.layouts, self.b.layouts = pairing.layouts

    def marked(self, model: Side, calls: Sequence[Call], which: int) -> list[Call]:
        """The calls again, with weights that depend on their shapes alone; the model gets its own back."""
        _mark(model, calls)
        try:
            return self.seen(which, gradients=True)[1]
        finally:
            for call in _first_calls(calls):
                model.put(call.layer.name, call.layer.parameters)

    def seen(self, which: int, *, gradients: bool = False) -> tuple[Pass, list[Call]]:
        """A run of one side with the first rows of the inputs: its calls, and the parameters outside all layers.

        What is called may depend on the mode, so it is that of the comparison; dropout drops nothing.
        """
        stream = self.noise(Pairing(), which)
        tape = Tape(noise=lambda call, shape: stream(call, shape) if call.layer.kind == "sample" else np.ones(shape))
        model = (self.a, self.b)[which]
        with _still(model), self._running(which):
            found = model.run(self._first_row(which), train=self.train, gradients=gradients, tape=tape)
        self.random |= tape.samples > 0
        outside = [Layer(name, "parameter", {}, model.get(name)) for name in model.loose()]
        return found, [*tape.calls, *(Call(len(tape.calls) + i, layer, True) for i, layer in enumerate(outside))]

    @contextmanager
    def _running(self, which: int) -> Iterator[None]:
        """Whatever a model raises when it sees the inputs for the first time is told with what it was given."""
        try:
            yield
        except DualnetError:
            raise
        except Exception as error:
            one = (self.a, self.b)[which]
            shapes = ", ".join(f"{name}: {np.shape(array)}" for name, array in _named(self.arrays))
            raise ConfigError(
                f"{'ab'[which]}, {type(one.model).__name__} ({one.framework}), fails on these inputs ({shapes}; layout"
                f" {self._layout() or 'as they are'}): {_first_line(error)}. Give what both models take, or the layout"
            ) from error

    def _unpaired(self, pairing: Pairing) -> tuple[str, ...]:
        alone = [("a", call) for call in pairing.alone_a] + [("b", call) for call in pairing.alone_b]
        found = [
            f"{which}: {c.layer.name or 'the model itself'} ({c.layer.kind})"
            for which, c in alone
            if c.real and not self.allows(c.layer.name)
        ]
        for one, other in _layers(pairing):
            arrays = [common(call.layer.kind, call.layer.parameters) for call in (one, other)]
            for i, call in enumerate((one, other)):
                names = [f"{call.layer.name}.{name}" for name in sorted(arrays[i].keys() - arrays[1 - i].keys())]
                found += [f"{'ab'[i]}: {name} (parameter)" for name in names if not self.allows(name)]
        return tuple(dict.fromkeys(found))

    def allows(self, name: str) -> bool:
        """Whether the caller allowed this layer, parameter or input to be alone or without effect."""
        return any(fnmatchcase(name, pattern) for pattern in self.allow)

    def _excused(self, finding: Finding) -> Finding:
        """A buffer that the caller allowed to differ."""
        name = finding.name.rpartition("/")[2]
        if finding.passed or ".running_" not in name or not self.allows(name):
            return finding
        return replace(finding, excluded="allowed to differ")

    # --- running ---

    def passed(
        self, model: Side, which: int, pairing: Pairing, tape: Tape | None = None
    ) -> tuple[Pass, dict[str, dict[str, Array]]]:
        """One run in the mode of the comparison; the buffers after it; they are put back."""
        with _still(model):
            return self._run(model, which, pairing, tape), model.buffers()

    def _run(self, model: Side, which: int, pairing: Pairing, tape: Tape | None = None, step: int = 0) -> Pass:
        """One run in the mode of the comparison; buffers move."""
        if tape is None and (self.random or self.train):  # what draws in train mode alone has not been seen yet
            tape = Tape(arrays=False, noise=self.noise(pairing, which, step))
        targets = None if self.targets is None else model.inputs(self.targets, None)[0]
        return model.run(self.native(which), targets, self._loss(which), train=self.train, tape=tape)

    def _loss(self, which: int) -> Loss | None:
        if self.loss is None or callable(self.loss):
            return self.loss
        if isinstance(self.loss, tuple):
            return self.loss[which]
        if self.loss not in LOSSES:
            raise ConfigError(f"loss {self.loss!r}: expected {' or '.join(LOSSES)}, a function, or one for each side")
        if (self.a, self.b)[which].framework == "torch":
            from torch.nn import functional as F

            losses: dict[str, Loss] = {"cross_entropy": F.cross_entropy, "mse": F.mse_loss}
            return losses[self.loss]
        import tensorflow as tf

        return {
            "cross_entropy": lambda y, t: tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(t, y)),
            "mse": lambda y, t: tf.reduce_mean(tf.math.squared_difference(y, t)),
        }[self.loss]

    def noise(self, pairing: Pairing, which: int, step: int = 0) -> Callable[[Call, tuple[int, ...]], Array]:
        """Where dropout takes its numbers from: equal ones at paired calls, others in every step."""
        numbers = {p[which].index: i for i, p in enumerate(pairing.pairs)}

        def noise(call: Call, shape: tuple[int, ...]) -> Array:
            own = numbers.get(call.index, 10**6 + call.index)
            bits = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, step, own]))
            return bits.random(shape, dtype=np.float32).astype(np.float64)

        return noise

    # --- the verdict ---

    def _findings(self, passes: Any, pairing: Pairing) -> Iterator[Finding]:
        (one, buffers_a), (other, buffers_b) = passes
        mode = "train" if self.train else "eval"
        for group, ours, theirs in (
            ("output", one.outputs, other.outputs),
            ("gradient/input", one.input_gradients, other.input_gradients),
        ):
            for i, (x, y) in enumerate(zip_longest(ours, theirs)):
                yield _finding(f"float64/{mode}/{group}/{i}", x, y)
        if self.loss is not None:
            yield _finding(f"float64/{mode}/loss", one.loss, other.loss)
        for call_a, call_b in _layers(pairing):
            name = call_a.layer.name
            left = common(call_a.layer.kind, one.parameter_gradients.get(name, {}), gradients=True)
            right = common(call_b.layer.kind, other.parameter_gradients.get(call_b.layer.name, {}), gradients=True)
            scale = max((largest(x) for x in (*left.values(), *right.values())), default=0.0)
            for own in sorted(left.keys() & right.keys()):  # what only one side has is without a partner
                silent = largest(left[own], right[own]) <= ZERO_GRADIENT * scale
                full = f"float64/{mode}/gradient/parameter/{name}.{own}"
                if silent:
                    self.silent.add(f"gradient/parameter/{name}.{own}")
                yield _finding(full, left.get(own), right.get(own), scale if silent else None)
            both = [set(common(call.layer.kind, call.layer.parameters)) for call in (call_a, call_b)]
            for own in sorted((left.keys() ^ right.keys()) & both[0] & both[1]):
                yield _frozen(f"float64/{mode}/gradient/parameter/{name}.{own}", "b" if own in left else "a")
            if self.train:
                left, right = buffers_a.get(name, {}), buffers_b.get(call_b.layer.name, {})
                for own in sorted(left.keys() & right.keys()):
                    yield _finding(f"float64/train/buffer/{name}.{own}", left.get(own), right.get(own))

    def _known(self, found: Pass) -> Pass:
        """What a run already tells of the rows on which gradients are checked: all, or the outputs alone."""
        if not self._whole():
            return Pass([np.atleast_1d(x)[:1] for x in found.outputs])
        return found if self.loss is None else Pass(found.outputs)

    def _own_gradients(self, pairing: Pairing, known: Sequence[Pass], agree: bool) -> list[Finding]:
        """Each side's gradients against its own function.

        Where all gradients of all rows `agree`, those of side a's first row do for b: b need not run backward again.
        """
        one, other = known
        if not one.input_gradients and not one.parameter_gradients:
            one = self._here(0, pairing)
            if agree:
                shared = for_side(self.b, 1, _layers(pairing), one.parameter_gradients)
                other = Pass(other.outputs, None, one.input_gradients, shared)
            else:
                other = self._here(1, pairing)
        return [self._quotient(0, pairing, one), self._quotient(1, pairing, other)]

    def _quotient(self, which: int, pairing: Pairing, here: Pass) -> Finding:
        """One side's gradients against its function; beside a kink, where there is a derivative, if not at it."""
        finding = self._directional(which, pairing, 0.0, here)
        if not finding.passed:
            finding = min(finding, self._directional(which, pairing, NUDGE), key=lambda found: found.error)
        allowed = not finding.passed and self.allows(f"gradients of {'ab'[which]}")
        return replace(finding, excluded="allowed to be another than that of its function") if allowed else finding

    def _directional(self, which: int, pairing: Pairing, nudge: float, here: Pass | None = None) -> Finding:
        """Where the model is, with what is known `here`, or a nudge away.

        A nudge leaves the point where a kink is: dead channels put a ReLU behind them exactly there.
        """
        model = (self.a, self.b)[which]
        mode = "train" if self.train else "eval"
        rng = np.random.default_rng(19)

        def nudged(array: Array) -> Array:
            if not (nudge and array.size and np.issubdtype(array.dtype, np.floating)):
                return array
            return array + nudge * (array.std() or 1.0) * rng.normal(size=array.shape)

        by_name = {name: nudged(array) for name, array in self._rows().items()}
        layers = {layer: model.get(layer) for layer in self._moved(which, pairing)}
        before = model.buffers()
        start = {
            layer: {n: x if n in before.get(layer, {}) else nudged(x) for n, x in held.items()}
            for layer, held in layers.items()
        }
        try:
            if nudge:
                for layer, own in start.items():
                    model.put(layer, own)
            found = here or self._here(which, pairing, by_name)
            moving = [k for k, x in by_name.items() if np.issubdtype(x.dtype, np.floating)]
            given = {
                f"input/{k}": self._laid_out(g, by_name[k]) for k, g in zip(moving, found.input_gradients, strict=False)
            }
            for layer, own in found.parameter_gradients.items():
                given |= {f"{layer}/{name}": g for name, g in own.items() if layer in layers}
            arrays = {f"{layer}/{name}": x for layer, own in start.items() for name, x in own.items()}
            arrays |= {f"input/{k}": x for k, x in by_name.items()}

            def moved(values: Mapping[str, Array]) -> Pass:
                for layer, held in start.items():
                    model.put(layer, {name: values.get(f"{layer}/{name}", x) for name, x in held.items()})
                inputs = {k: values.get(f"input/{k}", x) for k, x in by_name.items()}
                return self._here(which, pairing, inputs, gradients=False)

            tensors = {name: arrays[name] for name in given}
            return directional(f"float64/{mode}/quotient/gradients of {'ab'[which]}", tensors, given, found, moved)
        finally:
            for layer, held in layers.items():
                model.put(layer, held)

    def _here(
        self, which: int, pairing: Pairing, rows: Mapping[Any, Array] | None = None, *, gradients: bool = True
    ) -> Pass:
        """One side on some rows, by default on those whose gradients are checked; gradients of what is moved alone."""
        model, rows = (self.a, self.b)[which], self._rows() if rows is None else rows
        tape = Tape(arrays=False, noise=self.noise(pairing, which)) if self.train or self.random else None
        native = model.inputs(dict(rows) if isinstance(self.arrays, Mapping) else list(rows.values()), self._layout())
        with _still(model):
            return model.run(native, train=self.train, gradients=gradients, of=self._moved(which, pairing), tape=tape)

    def _rows(self) -> dict[Any, Array]:
        """The inputs with which gradients are checked, by name: in eval mode one row is enough, unless few are."""
        return {name: np.asarray(x) for name, x in _named(self.arrays if self._whole() else self._first_rows())}

    def _moved(self, which: int, pairing: Pairing) -> list[str]:
        """The layers whose parameters are moved to check gradients: the smaller ones."""
        room, found = MOVED, []
        for both in sorted(_layers(pairing), key=lambda both: _count(both[which])):
            if (room := room - _count(both[which])) >= 0:
                found.append(both[which].layer.name)
        return found

    def _laid_out(self, gradient: Array, array: Array) -> Array:
        """A canonical gradient in the layout in which the array was given."""
        layout = self._layout()
        if not layout or len(layout) != array.ndim:
            return gradient
        canonical = channels_first(layout)
        return gradient.transpose([canonical.index(letter) for letter in layout])

    def _dead(self, found: Any) -> tuple[str, ...]:
        """Inputs and parameters without any effect on what is compared."""
        one, _ = found
        scale = max((largest(g) for g in one.input_gradients), default=0.0)
        scale = max([scale, *(largest(g) for own in one.parameter_gradients.values() for g in own.values())])
        dead = [f"input {i}" for i, g in enumerate(one.input_gradients) if largest(g) <= DEAD * scale]
        for layer, own in one.parameter_gradients.items():
            dead += [f"{layer}.{name}" for name, g in own.items() if largest(g) <= DEAD * scale and name != KEY_BIAS]
        return tuple(name for name in dead if not self.allows(name))

    # --- the explanation ---

    def _explained(self, report: Report, pairing: Pairing) -> Report:
        """The same report with culprits: found by a run of b that is forced to what a recorded."""
        tape_a = Tape(noise=self.noise(pairing, 0))
        free_b = Tape(noise=self.noise(pairing, 1))
        one, buffers_a = self.passed(self.a, 0, pairing, tape_a)
        self.passed(self.b, 1, pairing, free_b)
        calls_a, calls_b = ({call.index: call for call in tape.calls} for tape in (tape_a, free_b))
        called = [(a, b) for a, b in pairing.pairs if "parameter" not in (a.layer.kind, b.layer.kind)]
        forms = {b.index: form(calls_a[a.index], calls_b[b.index]) for a, b in called}
        tape_b = Tape(noise=self.noise(pairing, 1), forcing=Forcing({i: own.forced for i, own in forms.items()}))
        again, buffers_b = self.passed(self.b, 1, pairing, tape_b)
        layers = []
        calls = [(own.a, own.again(tape_b.calls[i])) for i, own in forms.items()]
        found = culprits(
            calls, one, again, buffers_a, buffers_b,
            frameworks=(self.a.framework, self.b.framework), train=self.train, targets=self.targets,
        )  # fmt: skip
        failing = [finding.name for finding in report.failures]
        found = [c for c in found if c.phase != "buffer" or any(_of_layer(name, c) for name in failing)]
        guilty = {name for culprit in found if culprit.kind != "glue" for name in culprit.where.split(" | ")[:1]}
        for a, b in called:
            if a.real or b.real:
                layers.append(_layer_pair((forms[b.index].a, forms[b.index].b), a.layer.name in guilty))
        report = replace(report, culprits=tuple(found), layers=tuple(layers))
        rounded = [c for c in found if c.diagnoses and c.diagnoses[0].cause in ROUNDED]
        if rounded:
            report = report.with_notes(f"{rounded[0].diagnoses[0].title}: {', '.join(c.where for c in rounded)}")
        if rounded and len(rounded) < len(found):
            report = replace(report, culprits=tuple(c for c in found if c not in rounded))
        elif rounded:
            loose = tuple(f if f.passed else replace(f, limit=CONSTANTS_LIMIT) for f in report.findings)
            report = replace(report, findings=loose)
            return replace(report, culprits=()) if not report.failures else report
        if not found:
            report = _cancelled(report, tape_a.calls)
            if not report.failures:
                return report
        ties = [f"{a.layer.name} | {b.layer.name}" for a, b in calls if tied(a, b)]
        if found or not (ties or (flips := _flipped(called, calls_a, calls_b))):
            return report
        why = (
            f"ties in {', '.join(ties)}: several equal maxima in a window, and each side gives the gradient to another"
        )
        why = why if ties else f"kinks: rounding decides on which side of 0 they are: {flips}"
        return _excluded(report, why, only="/gradient/")


@contextmanager
def _still(model: Side) -> Iterator[None]:
    """Buffers that a run moves are put back."""
    before = model.buffers()
    try:
        yield
    finally:
        for layer, arrays in before.items():
            model.put(layer, {**model.get(layer), **arrays})


def _of_layer(finding: str, culprit: Culprit) -> bool:
    return finding.startswith(f"float64/train/buffer/{culprit.where.split(' | ')[0]}.")


def _about(side: Side) -> dict[str, Any]:
    """What a side is and runs on."""
    own = {name: value for name, value in side.about().items() if name != "shapes"}
    versions = {"python": platform.python_version(), "numpy": np.__version__, **own["versions"]}
    return {**own, "model": type(side.model).__qualname__, "versions": versions}


def _named(arrays: Any) -> list[tuple[Any, Array]]:
    """Each array with its name or number."""
    if isinstance(arrays, Mapping):
        return list(arrays.items())
    return list(enumerate(arrays if isinstance(arrays, tuple | list) else [arrays]))


def _check(name: Any, array: Array) -> None:
    """ConfigError unless an input is a batch of finite numbers."""
    if array.dtype.kind not in "biuf":
        raise ConfigError(f"input {name}: expected numbers, came {array.dtype}")
    if not array.ndim or not len(array):
        raise ConfigError(f"input {name}: expected a batch of at least one row, came shape {array.shape}")
    finite = np.isfinite(array)
    if not finite.all():
        where = [int(i) for i in np.argwhere(~finite)[0]]
        raise ConfigError(
            f"input {name}: expected finite numbers, came {array[tuple(where)]} at {where} and {(~finite).sum() - 1}"
            " more that are not; replace them, as they hide what differs"
        )


def _first_line(error: Exception) -> str:
    """What an error says, without what Keras puts around it."""
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith("Exception encountered when calling")]
    return f"{type(error).__name__}: {told[0].rstrip('.') if told else 'no message'}"


def _count(call: Call) -> int:
    """How many numbers a layer has."""
    return sum(array.size for array in call.layer.parameters.values())


def _stirred(arrays: Any, draw: int) -> Any:
    """Floating inputs changed by less than a float32 rounding; as they are in the first draw."""

    def stirred(array: Any) -> Array:
        array = np.asarray(array)
        if not draw or not np.issubdtype(array.dtype, np.floating):
            return array
        return array * (1 + 2.0**-24 * np.random.default_rng([11, draw]).uniform(-1, 1, array.shape))

    if isinstance(arrays, Mapping):
        return {name: stirred(array) for name, array in arrays.items()}
    return [stirred(array) for array in arrays] if isinstance(arrays, tuple | list) else stirred(arrays)


def _flipped(pairs: Sequence[tuple[Call, Call]], calls_a: Mapping[int, Call], calls_b: Mapping[int, Call]) -> str:
    """Activations with a kink at 0 that rounding alone carried over it, as "relu1 | relu_1: 3 numbers"."""
    found = []
    for a, b in pairs:
        one, other = calls_a[a.index], calls_b[b.index]
        if one.layer.kind in KINKED and one.received and one.received[0].shape == other.received[0].shape:
            x, y = one.received[0], other.received[0]
            flips = (x > 0) != (y > 0)
            if flips.any() and max(largest(x[flips]), largest(y[flips])) <= KINK * largest(x):
                found.append(f"{one.layer.name} | {other.layer.name}: {np.count_nonzero(flips)} numbers")
    return ", ".join(found)


def _cancelled(report: Report, calls: Sequence[Call]) -> Report:
    """Parameters whose gradient is a sum that almost cancels: what is left of it has the rounding of its terms."""
    terms: dict[str, float] = {}
    for call in calls:
        size = max([1.0, *map(largest, (*call.received, *call.outputs))])
        terms[call.layer.name] = terms.get(call.layer.name, 0.0) + size * sum(
            float(np.abs(g).sum()) for g in call.cotangents.values()
        )

    def judged(finding: Finding) -> Finding:
        layer = finding.name.partition("/gradient/parameter/")[2].rpartition(".")[0]
        if finding.passed or finding.problem or finding.values is None or layer not in terms:
            return finding
        apart = abs(finding.values[0] - finding.values[1])
        return replace(finding, excluded=CANCELLED) if apart <= CANCELLATION * terms[layer] else finding

    findings = tuple(map(judged, report.findings))
    names = [f.name.rpartition("/")[2] for f, old in zip(findings, report.findings, strict=True) if f is not old]
    report = replace(report, findings=findings)
    return report.with_notes(f"{CANCELLED}: {', '.join(names)}") if names else report


def _excluded(report: Report, why: str, only: str = "") -> Report:
    """Nobody is at fault, and this is why something (of those names) differs all the same."""
    findings = tuple(
        replace(f, excluded=why) if not f.passed and not f.problem and only in f.name else f for f in report.findings
    )
    return replace(report, findings=findings, culprits=()).with_notes(why)


def _layers(pairing: Pairing) -> list[tuple[Call, Call]]:
    """Each pair of layers once, however often it is called."""
    found: dict[tuple[str, str], tuple[Call, Call]] = {}
    for one, other in pairing.pairs:
        if one.real and other.real:
            found.setdefault((one.layer.name, other.layer.name), (one, other))
    return list(found.values())


def _first_calls(calls: Sequence[Call]) -> list[Call]:
    found: dict[str, Call] = {}
    for call in calls:
        if call.real and call.layer.parameters:
            found.setdefault(call.layer.name, call)
    return list(found.values())


def _mark(model: Side, calls: Sequence[Call]) -> None:
    """Weights that depend on their shapes alone; scales, shifts and biases, which one side may lack, do nothing."""
    for call in _first_calls(calls):
        arrays = common(call.layer.kind, call.layer.parameters)
        marked = {name: _neutral(name, array) for name, array in arrays.items()}
        for name, array in arrays.items():
            if array.ndim > 1:
                rng = np.random.default_rng([len(name), *array.shape])
                marked[name] = rng.normal(size=array.shape) * np.sqrt(2.0 / array[:1].size)
        model.put(call.layer.name, uncommon(call.layer.kind, marked, call.layer.parameters))


def _neutral(name: str, array: Array) -> Array:
    """The value with which a scale, a shift, a bias or a statistic changes nothing."""
    return np.full(array.shape, float(name.rpartition(".")[2] in ("weight", "running_var")))


def _move(source: Side, target: Side, pairing: Pairing) -> list[Finding]:
    """Give each paired layer its partner's weights; what does not fit is a finding, and nothing of it is moved."""
    problems = []
    for one, other in _layers(pairing):
        arrays, own = source.get(one.layer.name), other.layer.parameters
        if {n: a.shape for n, a in arrays.items()} == {n: a.shape for n, a in own.items()}:
            target.put(other.layer.name, arrays)
            continue
        own = target.get(other.layer.name)
        expected = common(other.layer.kind, own)
        arrays = likened(common(one.layer.kind, arrays), expected)
        for name in sorted(arrays.keys() | expected.keys()):
            shapes = [found[name].shape if name in found else None for found in (arrays, expected)]
            if shapes[0] != shapes[1]:
                full = f"float64/weights/{one.layer.name}.{name}"
                text = " against ".join("nothing" if shape is None else str(shape) for shape in shapes)
                if None not in shapes or _matters(name, arrays if name in arrays else expected):
                    problems.append(
                        Finding(full, float("inf"), 0.0, problem=f"{one.layer.name} | {other.layer.name}: {text}")
                    )
        fitting = {n: arrays[n] for n in expected if n in arrays and arrays[n].shape == expected[n].shape}
        target.put(other.layer.name, uncommon(other.layer.kind, {**expected, **fitting}, own))
    return problems


def _matters(name: str, arrays: Arrays) -> bool:
    """Whether a parameter that one side lacks changes anything."""
    return arrays[name].ndim > 1 or bool((arrays[name] != _neutral(name, arrays[name])).any())


def _finding(name: str, left: Array | None, right: Array | None, scale: float | None = None) -> Finding:
    if left is None or right is None:
        return Finding(name, float("inf"), FLOAT64_LIMIT, problem=f"missing in {'a' if left is None else 'b'}")
    if all(np.issubdtype(array.dtype, np.integer) for array in (left, right)):  # each framework has its own for indices
        left, right = left.astype(np.int64), right.astype(np.int64)
    found = distance(left, right, scale=scale)
    return Finding(name, found.error, FLOAT64_LIMIT, None, found.index, found.values, found.problem)


def _frozen(name: str, where: str) -> Finding:
    problem = f"no gradient in {where}: the parameter is frozen there (requires_grad or trainable is False)"
    return Finding(name, float("inf"), FLOAT64_LIMIT, problem=problem)


def _layer_pair(calls: tuple[Call, Call], guilty: bool = False) -> LayerPair:
    one, other = calls
    forward = _worst(zip(one.outputs, other.outputs, strict=False))
    backward = _worst((one.cotangents[i], other.cotangents[i]) for i in one.cotangents.keys() & other.cotangents.keys())
    names = one.layer.name or one.layer.kind, other.layer.name or other.layer.kind
    return LayerPair(names, one.layer.kind, forward, backward, guilty, (one.layer.code, other.layer.code))


def _worst(pairs: Any) -> float:
    errors = [distance(x, y).error for x, y in pairs if x.size]
    return max(errors, default=float("nan"))
