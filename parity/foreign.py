"""Models of anybody's in processes of their own: record one here, the other there, and compare the traces.

A model is named by what makes it: "module:factory", a function without arguments. A trace of such a model tells its
layers by a fingerprint each, so that a layer finds its partner in a trace that another framework made.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dualnet.interface import Array, Arrays, ConfigError, DataError, StateError
from parity.layer import Layer
from parity.models import Job, compare, side
from parity.pair import Pairing, adopt, channels_told, common, pair, parameters_told, uncommon
from parity.report import Report
from parity.side import Call, Forms, Pass, Side, Tape, formed
from parity.trace import Trace, TraceError

__all__ = ["aligned", "is_model", "made", "read_inputs", "record_model", "replayed"]

SIZE = 64
"""Numbers in a fingerprint: a projection keeps angles between activations well enough to tell layers apart."""


def made(name: str) -> Any:
    """What "module:factory" makes; modules are looked for in the working directory, too.

    Raises:
        ConfigError: no such module or function, or it fails.
    """
    module, _, factory = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        function = getattr(importlib.import_module(module), factory)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{name!r}: expected module:factory, a function without arguments ({error})") from error
    try:
        return function()
    except Exception as error:
        raise ConfigError(f"{name!r}: the factory raised {type(error).__name__}: {error}") from error


def read_inputs(path: Path | str) -> dict[str, Array]:
    """The arrays of an .npz file by name, in the order in which they were saved; never unpickled.

    Raises:
        DataError: no such file, damaged, empty, or with objects inside.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise DataError(f"{path}: expected a file of numpy.savez ({error})") from error
    except Exception as error:
        if type(error).__name__ == "BadZipFile":
            raise DataError(f"{path}: expected a file of numpy.savez ({error})") from error
        raise
    if not arrays:
        raise DataError(f"{path}: no array in it")
    return arrays


def record_model(
    model: Any,
    inputs: Any,
    *,
    loss: Any = None,
    targets: Array | None = None,
    train: bool = False,
    seed: int = 0,
    layout: str | None = None,
    weights: Trace | None = None,
    factory: str = "",
) -> Trace:
    """One run of one model in float64: outputs, gradients, buffers, and what its layers made.

    Args:
        model, inputs, loss, targets, train, seed, layout: as in `parity.compare`.
        weights: a trace of the other side, whose weights the run is made with; the model keeps its own.
        factory: what made the model, so that `replayed` can make it again.

    Raises:
        StateError: a layer with parameters has no partner in `weights`, or they do not fit.
    """
    one = side(model)
    job = Job(one, one, inputs, loss, targets, {}, False, train, seed, layout, frozenset())
    with one.borrowed("float64"):
        end, calls = _fingerprinted(job, one)
        if weights is not None:
            _take(weights, one, calls)
            if one.framework == "tf":  # else the loss would weigh the outputs in another order
                theirs = [x[: len(y)] for x, y in zip(_outputs(weights), end.outputs, strict=False)]
                told = channels_told([], theirs, end.outputs, end.moved)
                one.layouts = replace(told, parameters=one.layouts.parameters)
        tape = Tape(noise=job.noise(Pairing([(call, call) for call in calls]), 0))
        found, buffers = job.passed(one, 0, Pairing(), tape)
        quantities: dict[str, Array] = {}
        mode = f"float64/{'train' if train else 'eval'}"
        named = job.arrays.items() if isinstance(job.arrays, Mapping) else enumerate(_listed(job.arrays))
        quantities |= {f"float64/input/{name}": np.asarray(array) for name, array in named}
        for call in _first(calls):
            name, kind = call.layer.name, call.layer.kind
            own = found.parameter_gradients.get(name, {})
            quantities |= {f"float64/weights/{name}.{n}": x for n, x in common(kind, one.get(name)).items()}
            quantities |= {
                f"{mode}/gradient/parameter/{name}.{n}": x for n, x in common(kind, own, gradients=True).items()
            }
            if train:
                quantities |= {f"{mode}/buffer/{name}.{n}": x for n, x in buffers.get(name, {}).items()}
        quantities |= {f"{mode}/output/{i}": x for i, x in enumerate(found.outputs)}
        quantities |= {f"{mode}/gradient/input/{i}": x for i, x in enumerate(found.input_gradients)}
        if found.loss is not None:
            quantities[f"{mode}/loss"] = np.asarray(found.loss)
        quantities |= {f"{mode}/layer/{call.index}": call.outputs[0] for call in tape.calls if call.outputs}
        quantities |= {f"fingerprint/{c.index}/{w}": x for c in calls for w, x in _fingerprint(c).items()}
    about = {
        "model": type(model).__name__, "factory": factory, "backend": one.framework, "seed": seed, "train": train,
        "layout": layout, "calls": [_described(call) for call in calls], "environment": one.about(),
    }  # fmt: skip
    return Trace(quantities, about)


def is_model(trace: Trace) -> bool:
    """Whether a trace is one of `record_model`."""
    return isinstance(trace.about.get("calls"), list)


def aligned(a: Trace, b: Trace) -> tuple[Trace, Trace]:
    """Two traces of models, under the names of the first one; what has no partner keeps its own.

    Raises:
        TraceError: the description of the layers is damaged.
    """
    pairing = pair(*_both(a, b), {}, lambda: _both(a, b))
    layers = {y.layer.name: x.layer.name for x, y in pairing.pairs}
    places = {y.index: x.index for x, y in pairing.pairs}
    alone = {
        side: {c.index for c in calls if not c.real} for side, calls in (("a", pairing.alone_a), ("b", pairing.alone_b))
    }
    forms = parameters_told(pairing.pairs, (str(a.about.get("backend")), str(b.about.get("backend"))))
    for x, y in pairing.pairs:
        if "parameter" in (x.layer.kind, y.layer.kind):  # outside all layers nothing is made
            alone["a"].add(x.index)
            alone["b"].add(y.index)
    left = _formed({n: x for n, x in a.quantities.items() if _kept(n, alone["a"])}, forms[0])
    right = _formed({n: x for n, x in b.quantities.items() if _kept(n, alone["b"])}, forms[1])
    right = {_renamed(n, layers, places): x for n, x in right.items()}
    names = {c.index: c.layer.name or c.layer.kind for c in _calls(a)}
    left, right = ({_named(n, names): x for n, x in arrays.items()} for arrays in (left, right))
    right = {n: _turned(left[n], x) if n in left and _laid_out(n) else x for n, x in right.items()}
    return Trace(left, a.about, a.response, a.errors), Trace(right, b.about, b.response, b.errors)


def _laid_out(name: str) -> bool:
    return "/layer/" in name or "/output/" in name


def _turned(one: Array, other: Array) -> Array:
    """The other with its channels where the one has them: a side alone may take a sequence for an image."""
    if one.ndim == other.ndim > 2 and one.shape != other.shape:
        for turned in (np.moveaxis(other, -1, 1), np.moveaxis(other, 1, -1)):
            if turned.shape == one.shape:
                return turned
    return other


def replayed(a: Trace, b: Trace) -> Report:
    """Both models made again by their factories and compared with the recorded weights and inputs: who is at fault.

    Raises:
        ConfigError: a trace does not say what makes its model.
    """
    models: list[Any] = []
    for trace in (a, b):
        if not trace.about.get("factory"):
            raise ConfigError("replay: a trace does not say what makes its model; record it as MODULE:FACTORY")
        model = made(trace.about["factory"])
        _put_weights(trace, model)
        models.append(model)
    inputs = {n.rpartition("/")[2]: x for n, x in a.quantities.items() if n.startswith("float64/input/")}
    given: Any = list(inputs.values()) if all(name.isdigit() for name in inputs) else inputs
    settings = {name: a.about[name] for name in ("seed", "train", "layout")}
    return compare(models[0], models[1], given, transfer=False, **settings)


def _put_weights(trace: Trace, model: Any) -> None:
    """Give a model the weights of its own trace, as exactly as its dtype can hold them."""
    one = side(model)
    given = {n.rpartition("/")[2]: x for n, x in trace.quantities.items() if n.startswith("float64/input/")}
    job = Job(one, one, list(given.values()), None, None, {}, False, False, 0, trace.about.get("layout"), frozenset())
    with one.borrowed("float64"):
        _, calls = job.seen(0)
    _take(trace, one, calls)


def _take(weights: Trace, one: Side, calls: Sequence[Call]) -> None:
    pairing = pair(_calls(weights), calls, {}, lambda: (_calls(weights), calls))
    if alone := [c.layer.name for c in (*pairing.alone_a, *pairing.alone_b) if c.layer.parameters]:
        raise StateError(f"no partner for {', '.join(alone)} between the trace of weights and the model")
    forms = parameters_told(pairing.pairs, (str(weights.about.get("backend")), one.framework))
    adopt(one, calls, forms[1])
    for theirs, own in pairing.pairs:
        if own.layer.parameters:
            like, given = one.get(own.layer.name), theirs.layer
            arrays = {
                **common(own.layer.kind, like), **formed(given.parameters, forms[0].get(given.name, {}))
            }  # fmt: skip
            for name, array in common(own.layer.kind, like).items():
                if arrays[name].shape != array.shape:
                    raise StateError(f"{own.layer.name}.{name}: {array.shape} here, {arrays[name].shape} in the trace")
            one.put(own.layer.name, uncommon(own.layer.kind, arrays, like))


def _outputs(trace: Trace) -> list[Array]:
    named = {n: x for n, x in trace.quantities.items() if "/output/" in n}
    return [named[n] for n in sorted(named, key=lambda n: int(n.rpartition("/")[2]))]


def _fingerprinted(job: Job, one: Side) -> tuple[Pass, list[Call]]:
    end, calls = job.seen(0)
    marked = job.marked(one, calls, 0)
    return end, [
        replace(call, received=[_projected(x) for x in seen.received[:1]],
                cotangents={0: _projected(seen.cotangents[0])} if 0 in seen.cotangents else {})
        for call, seen in zip(calls, marked, strict=True)
    ]  # fmt: skip


def _projected(array: Array) -> Array:
    flat = np.asarray(array, float).ravel()
    return (
        np.random.default_rng([3, flat.size]).normal(size=(SIZE, flat.size)) @ flat
        if flat.size < 4096
        else _folded(flat)
    )


def _folded(flat: Array) -> Array:
    """The same for many numbers: random signs, then sums of every SIZE-th."""
    signed = flat * np.random.default_rng([3, flat.size]).choice([-1.0, 1.0], flat.size)
    return np.add.reduceat(signed, np.arange(0, flat.size, -(-flat.size // SIZE)))


def _fingerprint(call: Call) -> dict[str, Array]:
    found = {"received": call.received[0]} if call.received else {}
    return found | ({"cotangent": call.cotangents[0]} if 0 in call.cotangents else {})


def _described(call: Call) -> dict[str, Any]:
    return {
        "index": call.index, "name": call.layer.name, "kind": call.layer.kind, "real": call.real,
        "code": call.layer.code, "parameters": sorted(common(call.layer.kind, call.layer.parameters)),
        "outputs": [int(x.size) for x in call.outputs],
    }  # fmt: skip


def _calls(trace: Trace) -> list[Call]:
    try:
        return [_call(trace, told) for told in trace.about["calls"]]
    except (KeyError, TypeError, ValueError) as error:
        raise TraceError(f"the description of the model's layers is damaged ({error!r}); record it again") from error


def _call(trace: Trace, told: Mapping[str, Any]) -> Call:
    name = str(told["name"])
    parameters = {str(n): trace.quantities[f"float64/weights/{name}.{n}"] for n in told["parameters"]}
    seen = {w: trace.quantities.get(f"fingerprint/{told['index']}/{w}") for w in ("received", "cotangent")}
    layer = Layer(name, str(told["kind"]), {}, parameters, str(told["code"]))
    outputs = [np.empty(int(size)) for size in told["outputs"]]
    received = [] if seen["received"] is None else [seen["received"]]
    cotangents = {} if seen["cotangent"] is None else {0: seen["cotangent"]}
    return Call(int(told["index"]), layer, bool(told["real"]), received, outputs, cotangents)


def _both(a: Trace, b: Trace) -> tuple[list[Call], list[Call]]:
    return _calls(a), _calls(b)


def _first(calls: Sequence[Call]) -> list[Call]:
    return list({call.layer.name: call for call in reversed(calls) if call.layer.parameters}.values())


def _listed(arrays: Any) -> list[Array]:
    return list(arrays) if isinstance(arrays, tuple | list) else [arrays]


def _kept(name: str, alone: set[int]) -> bool:
    """All but fingerprints, and what glue made that the other side has no word for."""
    place = name.rpartition("/")[2]
    return not name.startswith("fingerprint/") and not ("/layer/" in name and int(place) in alone)


def _formed(arrays: Arrays, forms: Forms) -> dict[str, Array]:
    """Quantities, the parameters of these layers as their partners hold them."""
    found = {}
    for name, array in arrays.items():
        head, _, last = name.rpartition("/")
        layer, _, own = last.rpartition(".")
        ((new, array),) = formed({own: array}, forms.get(layer, {}) if _of_parameters(head) else {}).items()
        found[f"{head}/{layer}.{new}" if new != own else name] = array
    return found


def _of_parameters(head: str) -> bool:
    return "/parameter" in head or head.endswith(("/weights", "/buffer"))


def _renamed(name: str, layers: Mapping[str, str], places: Mapping[int, int]) -> str:
    head, _, last = name.rpartition("/")
    if head.endswith("/layer"):
        return f"{head}/{places.get(int(last), f'b {last}')}"
    if _of_parameters(head):
        owner = max((layer for layer in layers if last.startswith(f"{layer}.")), key=len, default=None)
        return name if owner is None else f"{head}/{layers[owner]}{last[len(owner) :]}"
    return name


def _named(name: str, names: Mapping[int, str]) -> str:
    """Layers by number and name: "12 conv1"."""
    head, _, last = name.rpartition("/")
    return f"{head}/{last} {names[int(last)]}" if head.endswith("/layer") and last.isdigit() else name
