"""Run one backend on a concept and write down everything worth comparing, as a `Trace`.

Weights and inputs are drawn in NumPy from one seed, by name, and are exact in float32, so that both sides and
both precisions start from the same numbers. So are the masks of dropout layers, anew for each stage of training.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from dualnet.interface import (
    Array,
    Arrays,
    Backend,
    Case,
    Concept,
    Config,
    Optimizer,
    Spec,
    State,
    named_outputs,
)
from parity.trace import Trace

__all__ = ["OPTIMIZERS", "draw_state", "oracle", "record"]

PRECISIONS = ("float64", "float32")
BATCH = 5
STEPS = 5
ALTERNATIONS = 10
"""Steps of a concept's own: of several players with an optimizer each."""
OPTIMIZERS = {
    "sgd": Optimizer("sgd", 0.05),
    "momentum": Optimizer("sgd", 0.05, momentum=0.9),
    "adam": Optimizer("adam", 0.01, epsilon=1e-3),
}
"""The update rules that every model is compared under, five steps each.

Adam divides by the gradient's own size: with a tiny epsilon it blows the rounding noise of vanishing gradients up to
full steps. A visible epsilon keeps the steps well conditioned, and shows a misplaced one at once.
"""
QUOTIENT_STEP = float(np.cbrt(np.finfo(np.float64).eps))
DEAD = 1e-9
"""A gradient response below this is tried again by changing the array and looking at the outputs."""


def record(
    backend: Backend,
    declared: Concept,
    twin: Any,
    variant: str | None = None,
    config: Config | None = None,
    *,
    seed: int = 0,
) -> Trace:
    """Everything that parity compares of one side of a concept, in float64 and in float32.

    Args:
        backend: the side.
        declared: the concept.
        twin: the module with its functions and builders on this side.
        variant: a named form of it; the first one by default.
        config: settings over the variant's.
        seed: decides weights, inputs and cotangents.

    Raises:
        ConceptError: no such variant.
        ConfigError: no such setting.
    """
    trace = Trace({}, {"backend": backend.name, "concept": declared.id, "seed": seed, "versions": backend.versions()})
    for case in declared.cases:
        _record_case(trace, backend, getattr(twin, case.function, None), case, seed)
    if declared.kind == "model":
        settings = declared.settings(variant, config)
        trace.about.update(variant=variant or declared.default_variant, config=settings)
        for precision in PRECISIONS:
            _record_model(trace, backend, declared, twin, variant, settings, precision, seed)
    return trace


def oracle(declared: Concept, seed: int = 0) -> Trace:
    """The third opinion on every case of a concept, from NumPy and SciPy."""
    trace = Trace({}, {"backend": "oracle", "concept": declared.id, "seed": seed})
    for case in declared.cases:
        if case.raises is not None:
            trace.quantities[f"float64/{case.name}/raises/error"] = _text(case.raises.__name__)
            continue
        for name, value in _oracle_outputs(case, case.args).items():
            trace.quantities[f"float64/{case.name}/output/{name}"] = value
        for name, value in _oracle_gradients(case).items():
            trace.quantities[f"float64/{case.name}/gradient/{name}"] = value
        for name, value in _quotients(case, seed).items():
            trace.quantities[f"float64/{case.name}/quotient/{name}"] = value
    return trace


# --- functions -------------------------------------------------------------------------------------------------


def _record_case(trace: Trace, backend: Backend, function: Any, case: Case, seed: int) -> None:
    for precision in PRECISIONS:
        prefix = f"{precision}/{case.name}"
        args = {n: _cast(v, precision) if isinstance(v, np.ndarray) else v for n, v in case.args.items()}
        native = {n: backend.tensor(v) if isinstance(v, np.ndarray) else v for n, v in args.items()}
        cotangents = _cotangents(case, seed, precision) if case.wrt and case.gradients is None else None
        try:
            with backend.precision(precision):
                outputs, gradients = backend.vjp(function, native, case.wrt, cotangents)
                outputs = {name: backend.array(value) for name, value in outputs.items()}
        except Exception as error:  # whatever a twin raises is a result to compare
            if case.raises is None:
                trace.errors[f"{prefix}/output/value"] = f"{type(error).__name__}: {error}"
            else:
                name = case.raises.__name__ if isinstance(error, case.raises) else type(error).__name__
                trace.quantities[f"{prefix}/raises/error"] = _text(name)
            continue
        if case.raises is not None:
            trace.quantities[f"{prefix}/raises/error"] = _text("nothing was raised")
            continue
        trace.quantities.update({f"{prefix}/output/{name}": value for name, value in outputs.items()})
        trace.quantities.update({f"{prefix}/gradient/{name}": value for name, value in gradients.items()})


def _oracle_outputs(case: Case, args: Mapping[str, Any]) -> dict[str, Array]:
    if case.oracle is None:
        raise ValueError(f"case {case.name!r} has no oracle: it needs one unless it expects an error")
    with np.errstate(all="ignore"):
        return {name: np.array(value) for name, value in named_outputs(case.oracle(**args)).items()}


def _cotangents(case: Case, seed: int, precision: str = "float64") -> dict[str, Array]:
    """Random weights for every floating output: any sum of them tests all of the gradient at once."""
    return {
        name: _cast(_rng(seed, "cotangent", case.name, name).normal(size=value.shape), precision)
        for name, value in _oracle_outputs(case, case.args).items()
        if np.issubdtype(value.dtype, np.floating)
    }


def _oracle_gradients(case: Case) -> dict[str, Array]:
    return {} if case.gradients is None else {name: np.array(value) for name, value in case.gradients.items()}


def _quotients(case: Case, seed: int) -> dict[str, Array]:
    """Central difference quotients of the oracle, contracted with the cotangents, for every element of wrt."""
    if not case.smooth or case.gradients is not None:
        return {}
    cotangents = _cotangents(case, seed)

    def contracted(name: str, array: Array) -> float:
        outputs = _oracle_outputs(case, {**case.args, name: array})
        return float(sum(np.sum(weight * outputs[key]) for key, weight in cotangents.items()))

    found = {}
    for name in case.wrt:
        start = np.array(case.args[name])
        quotient = np.zeros_like(start)
        for index in np.ndindex(start.shape):
            step = QUOTIENT_STEP * max(1.0, abs(float(start[index])))
            up, down = start.copy(), start.copy()
            up[index] += step
            down[index] -= step
            quotient[index] = (contracted(name, up) - contracted(name, down)) / (up[index] - down[index])
        found[name] = quotient
    return found


# --- models ----------------------------------------------------------------------------------------------------


def _record_model(
    trace: Trace,
    backend: Backend,
    declared: Concept,
    twin: Any,
    variant: str | None,
    settings: Config,
    precision: str,
    seed: int,
) -> None:
    specs, target_spec = declared.inputs(settings), declared.targets(settings)
    loss = declared.loss(twin, backend, variant)
    with backend.precision(precision, seed=seed):
        model = declared.build(twin, variant, settings)
        scales = declared.scales, declared.variant(variant).weight_scale
        start = draw_state(backend.state(model), seed, *scales)
        backend.load(model, start)
        put = _Recorder(trace, precision)
        put("weights", {**backend.state(model).parameters, **backend.state(model).buffers}, as_float64=True)

        inputs, targets = draw_batch(specs, target_spec, seed, precision)
        put("input", inputs)
        put("target", {"target": targets})
        native = [backend.tensor(array, specs[name].axes) for name, array in inputs.items()]
        native_targets = backend.tensor(targets, target_spec.axes)
        named_axes = declared.output_axes(settings)

        def outputs(values: list[Any]) -> dict[str, Array]:
            named = zip(named_axes.items(), values, strict=True)
            return {name: backend.array(value, axes) for (name, axes), value in named}

        before = outputs(backend.forward(model, native))
        put("eval/output", before)
        stages = {name: stage.axes for name, stage in declared.stages(settings).items()}
        put("eval/layer", backend.layers(model, native, stages))
        with backend.noise(model, seed):
            found = backend.gradients(model, native, native_targets, loss)
        put("train/output", outputs(found.outputs))
        put("train", {"loss": backend.array(found.loss)})
        put("train/loss", {name: backend.array(term) for name, term in found.terms.items()})
        floating = [name for name, spec in specs.items() if not spec.classes]
        by_input = {n: backend.array(g, specs[n].axes) for n, g in zip(floating, found.inputs, strict=True)}
        put("train/gradient/input", by_input)
        put("train/gradient/parameter", found.parameters)
        put("train/buffer", backend.state(model).buffers)
        if precision == "float64":
            reacts = {f"input {n}": _response(g, inputs[n], found.loss) for n, g in by_input.items()}
            reacts |= {
                f"parameter {n}": _response(g, start.parameters[n], found.loss) for n, g in found.parameters.items()
            }
            for kind, arrays in (("parameter", start.parameters), ("buffer", start.buffers)):
                for name in arrays:
                    if reacts.get(f"{kind} {name}", 0.0) < DEAD:
                        backend.load(model, _changed(start, name, seed))
                        after = outputs(backend.forward(model, native))
                        reacts[f"{kind} {name}"] = max(_relative_change(before[k], after[k]) for k in before)
            trace.response.update(reacts)
        own = declared.step(twin, variant)
        for rule_name, rule in OPTIMIZERS.items():
            backend.load(model, start)
            with backend.noise(model, seed):
                trainer = backend.trainer(model, loss, _shortened(rule, declared.variant(variant).loss_scale), own)
                losses = []
                for step in range(1, (ALTERNATIONS if own else STEPS) + 1):
                    batch, labels = draw_batch(specs, target_spec, seed + 1000 * step, precision)
                    native = [backend.tensor(array, specs[name].axes) for name, array in batch.items()]
                    losses.append(backend.array(trainer.step(native, backend.tensor(labels, target_spec.axes))))
                    state = backend.state(model)
                    put(f"{rule_name}/step{step}/parameter", state.parameters)
                    put(f"{rule_name}/step{step}/buffer", state.buffers)
                    for kind, arrays in trainer.memory().items() if own else ():
                        put(f"{rule_name}/step{step}/{kind}", arrays)
            put(rule_name, {"losses": np.array(losses)})


def _shortened(rule: Optimizer, loss_scale: float) -> Optimizer:
    """The rule for a loss that is a sum: Adam divides by the gradient anyway, the others need a lower rate."""
    return rule if rule.name == "adam" else replace(rule, learning_rate=rule.learning_rate / loss_scale)


class _Recorder:
    """Puts named arrays into a trace under one precision, and refuses what was computed in another."""

    def __init__(self, trace: Trace, precision: str) -> None:
        self.trace, self.precision = trace, precision

    def __call__(self, prefix: str, arrays: Arrays, *, as_float64: bool = False) -> None:
        for name, array in arrays.items():
            full = f"{self.precision}/{prefix}/{name}"
            if np.issubdtype(array.dtype, np.inexact) and array.dtype != self.precision:
                self.trace.errors[full] = f"computed in {array.dtype}, expected {self.precision}"
            else:
                self.trace.quantities[full] = array.astype(np.float64) if as_float64 else array


def draw_state(
    shapes: State, seed: int, scales: Mapping[str, float] = MappingProxyType({}), kernel_scale: float = 1.0
) -> State:
    """Weights for a comparison, by name: spread out so that nothing is dead, and exact in float32.

    Args:
        shapes: what to draw.
        seed: decides every draw.
        scales: factors for some layers, see `dualnet.interface.Concept.scales`.
        kernel_scale: a factor for all kernels, see `dualnet.interface.Variant.weight_scale`.
    """
    factors = {name: prod(scales.get(part, 1.0) for part in name.split(".")) for name in shapes.parameters}
    return State(
        {
            name: factors[name] * _draw(name, array.shape, seed, kernel_scale)
            for name, array in shapes.parameters.items()
        },
        {name: _draw(name, array.shape, seed) for name, array in shapes.buffers.items()},
    )


def _draw(name: str, shape: tuple[int, ...], seed: int, kernel_scale: float = 1.0) -> Array:
    rng, last = _rng(seed, "weights", name), name.rpartition(".")[2]
    if last == "running_var" or (last == "weight" and len(shape) == 1):
        array = rng.uniform(0.5, 1.5, shape)  # scales: around 1, never 0
    elif len(shape) < 2:
        array = rng.uniform(0.1, 0.5, shape) * rng.choice([-1.0, 1.0], shape)
    else:
        fan_in = int(np.prod(shape[1:]))
        if shape[0] > 1:  # a single unit has all its inputs; a transposed kernel has them on the first axis
            fan_in = min(fan_in, shape[0] * int(np.prod(shape[2:])))
        array = rng.normal(0.0, 2.0 * kernel_scale / np.sqrt(max(fan_in, 1)), shape)
    return array.astype(np.float32).astype(np.float64)


def draw_batch(specs: Mapping[str, Spec], target: Spec, seed: int, precision: str) -> tuple[dict[str, Array], Array]:
    """Inputs by name and targets, exact in float32."""
    inputs = {name: _draw_input(spec, _rng(seed, "input", name), precision) for name, spec in specs.items()}
    return inputs, _draw_input(target, _rng(seed, "target"), precision)


def _draw_input(spec: Spec, rng: np.random.Generator, precision: str) -> Array:
    shape = (BATCH, *spec.shape)
    if spec.classes:
        return rng.integers(0, spec.classes, shape)
    if spec.values == "unit":
        return rng.uniform(size=shape).astype(np.float32).astype(precision)
    if spec.values == "uniform_noise":
        return rng.uniform(-1.0, 1.0, shape).astype(np.float32).astype(precision)
    return rng.normal(size=shape).astype(np.float32).astype(precision)


def _changed(state: State, name: str, seed: int) -> State:
    """The same state with one array moved by about a tenth of itself."""
    factor = 1.0 + 0.1 * _rng(seed, "changed", name).uniform(0.5, 1.0)
    parameters, buffers = dict(state.parameters), dict(state.buffers)
    arrays = parameters if name in parameters else buffers
    arrays[name] = arrays[name] * factor
    return State(parameters, buffers)


def _response(gradient: Array, array: Array, loss: Any) -> float:
    """By how much of itself the loss would change if the array changed by as much as it is large."""
    return float(np.linalg.norm(gradient) * np.linalg.norm(array) / max(abs(float(loss)), 1e-300))


def _relative_change(before: Array, after: Array) -> float:
    return float(np.linalg.norm(after - before) / max(float(np.linalg.norm(before)), 1e-300))


def _cast(array: Array, precision: str) -> Array:
    return array.astype(precision) if array.dtype == np.float64 else array


def _text(value: str) -> Array:
    return np.frombuffer(value.encode(), np.uint8)


def _rng(seed: int, *key: str) -> np.random.Generator:
    """One independent stream per key, whatever the order of asking."""
    digest = hashlib.sha256("/".join(key).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], np.uint32).tolist()])
