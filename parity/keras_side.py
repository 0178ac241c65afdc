"""Keras models as the engine sees them: their leaf layers in order of execution, recorded or forced.

Arrays become canonical here: channels first, PyTorch's parameter layouts.  The activation inside a layer counts as
a layer of its own, so that it meets the separate one of the other side.
"""

import inspect
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.src.models import Functional  # no public name tells a functional model from another
from tensorflow.python.eager import context  # the seed and this switch can be set in public, but not be read
from tensorflow.python.framework.config import is_op_determinism_enabled

from dualnet.interface import Array, Arrays, BackendName, ConfigError
from parity.keras_functions import EXACT, FUNCTIONS, Described, padding
from parity.keras_random import drawing
from parity.layer import Layer
from parity.side import (
    GLUE,
    INTEGERS,
    PADDED,
    RECURRENT,
    Call,
    Form,
    Gate,
    Layouts,
    Padding,
    Pass,
    Rule,
    Tape,
    crop,
    map_arrays,
    output_weights,
    pad,
    with_padding,
    without_ones,
)  # fmt: skip

__all__ = ["KerasSide"]


@dataclass(frozen=True)
class Slot:
    """A variable under its canonical name, with the way to its canonical layout and back."""

    variable: Any
    canonical: Callable[[Array], Array]
    native: Callable[[Array], Array]


class KerasSide:
    """See `parity.side.Side`."""

    framework: BackendName = "tf"
    layouts = Layouts()

    def __init__(self, model: keras.layers.Layer) -> None:
        self.model = model
        self._look()
        self.flattened: dict[str, tuple[int, ...]] = {}
        self.moved_inputs = False
        self.output_images: list[bool] = []
        self.lent: set[int] = set()

    def _look(self) -> None:
        """See what the model consists of."""
        self.layers = {name: layer for layer, name in _names(self.model).items()}
        self.spatial = any(isinstance(layer, SPATIAL) for layer in self.layers.values())
        self.outside = {
            f"{name}.{variable.name}".removeprefix("."): variable
            for name, layer in self.layers.items()
            if not _is_leaf(layer)
            for variable in _own_variables(layer)
            if variable.trainable
        }
        self.parts = {
            f"{name}.{part}": slots
            for name, layer in self.layers.items()
            if isinstance(layer, _BASE_SEPARABLE)
            for part, slots in (("depthwise", _depthwise_slots), ("pointwise", _pointwise_slots))
        }

    @contextmanager
    def borrowed(self, dtype: str, *, training: bool = False) -> Iterator[None]:
        """Within it the model computes in this dtype; afterwards everything is as it was, bit for bit."""
        found = [self.model, *self.model._flatten_layers(include_self=False)]
        found += [layer._functional for layer in found if getattr(layer, "_functional", None)]  # inside a Sequential
        variables = {id(v): v for layer in found for v in layer.variables}.values()
        floating = [v for v in variables if v._dtype.startswith(("float", "bfloat"))]
        kept = [(v, v._value, v._dtype) for v in floating]
        others = [(v._value, v._value.numpy()) for v in variables if not v._dtype.startswith(("float", "bfloat"))]
        policies = [(layer, layer._dtype_policy) for layer in found]
        inputs = [layer for layer in found if isinstance(layer, layers.InputLayer)]
        inputs += [x for layer in found for x in getattr(layer, "_inputs", None) or ()]
        dtypes = [(x, x._dtype) for x in {id(x): x for x in inputs}.values() if x._dtype.startswith("float")]
        grouped = [layer for layer in found if isinstance(layer, _BASE_CONV) and layer.groups > 1]
        # Keras' attention keeps the root of its key's size as a Python number, which would be rounded to float32
        scaled = [layer for layer in found if isinstance(layer, layers.MultiHeadAttention)]
        scales = [layer._inverse_sqrt_key_dim for layer in scaled]
        rescaling = [(layer, layer.scale, layer.offset) for layer in found if isinstance(layer, layers.Rescaling)]
        before = keras.config.dtype_policy(), keras.config.floatx()
        eager = tf.config.functions_run_eagerly()
        try:
            keras.config.set_dtype_policy(dtype)
            if not dtype.startswith("bfloat"):
                keras.config.set_floatx(dtype)
            tf.config.run_functions_eagerly(True)
            policy = keras.dtype_policies.get(dtype)
            for layer, _ in policies:
                layer._dtype_policy = policy
            for variable, value, own in kept:
                if own == dtype and variable.trainable and not training:
                    self.lent.add(id(variable))
                    continue
                variable._value = tf.Variable(tf.cast(value, dtype), trainable=variable.trainable)
                variable._dtype = dtype
            for x, _ in dtypes:
                x._dtype = dtype
            for layer in scaled:
                layer._inverse_sqrt_key_dim = tf.constant(layer.key_dim**-0.5, dtype)
            for layer, scale, offset in rescaling:
                layer.scale, layer.offset = np.asarray(scale, np.float64), np.asarray(offset, np.float64)
            for layer in grouped:
                layer.convolution_op = _grouped(layer, layer.convolution_op)
            exact = [(module, name, make(getattr(module, name))) for module, name, make in EXACT]
            with _instead(exact, found):
                yield
        finally:
            for layer, root in zip(scaled, scales, strict=True):
                layer._inverse_sqrt_key_dim = root
            for layer, scale, offset in rescaling:
                layer.scale, layer.offset = scale, offset
            for layer in grouped:
                layer.__dict__.pop("convolution_op", None)
            self.lent.clear()
            for variable, value, own in kept:
                variable._value, variable._dtype = value, own
            for value, array in others:
                value.assign(array)
            for x, own in dtypes:
                x._dtype = own
            for layer, policy in policies:
                layer._dtype_policy = policy
            tf.config.run_functions_eagerly(eager)
            keras.config.set_floatx(before[1])
            keras.config.set_dtype_policy(before[0])

    def complete(self, inputs: Any) -> None:
        """Build what is not built yet."""
        if not all(layer.built for layer in self.layers.values()):
            self._call(inputs, train=False)
            self._look()  # a layer's own parts are there only now

    def inputs(self, arrays: Any, layout: str | None) -> Any:
        """Native inputs; images in whatever layout become channels last, floating ones of the model's dtype."""
        self.moved_inputs = layout is not None and "C" in layout

        def native(array: Array) -> tf.Tensor:
            if layout and len(layout) == array.ndim:
                array = array.transpose([layout.index(letter) for letter in _channels_last(layout)])
            floating = np.issubdtype(array.dtype, np.floating)
            return tf.cast(array, self.model.compute_dtype) if floating else tf.constant(array)

        return map_arrays(native, arrays)

    # --- layers and their parameters ---

    def slots(self, name: str) -> dict[str, Slot]:
        """The variables of a layer; "value" of a variable outside all layers."""
        if name in self.outside:
            return {"value": _same(self.outside[name])}
        if name in self.parts:
            return self.parts[name](self.layers[name.rpartition(".")[0]])
        layer = self.layers[name]
        found = _slots(layer)
        if (shape := self.flattened.get(name)) and "weight" in found:
            found["weight"] = _behind_flatten(found["weight"], shape)
        told = self.layouts.parameters.get(name, {})
        return {told[n].name if n in told else n: _told(s, told[n]) if n in told else s for n, s in found.items()}

    def get(self, layer: str) -> dict[str, Array]:
        """Copies of a layer's arrays."""
        return {name: slot.canonical(slot.variable.numpy()) for name, slot in self.slots(layer).items()}

    def views(self, layer: str) -> dict[str, Array]:
        """The same without copies: an assignment gives a variable other memory while somebody looks at the old one."""
        return {name: slot.canonical(_view(slot.variable.value)) for name, slot in self.slots(layer).items()}

    def put(self, layer: str, arrays: Arrays) -> None:
        """Set a layer's arrays; their shapes have been checked."""
        for name, slot in self.slots(layer).items():
            array = slot.native(arrays[name])
            if id(slot.variable) in self.lent:  # its memory is the lender's
                self.lent.remove(id(slot.variable))
                slot.variable._value = tf.Variable(tf.cast(array, slot.variable.dtype), trainable=True)
            else:
                slot.variable.assign(array)

    def loose(self) -> list[str]:
        """The variables outside all layers, which the containers use themselves."""
        return list(self.outside)

    # --- running ---

    def run(
        self,
        inputs: Any,
        targets: Any = None,
        loss: Callable[..., Any] | None = None,
        *,
        train: bool = False,
        gradients: bool = True,
        of: Collection[str] | None = None,
        tape: Tape | None = None,
    ) -> Pass:
        """One forward pass, and one backward pass if asked for."""
        sources = [x for x in tf.nest.flatten(inputs) if x.dtype.is_floating]
        with ExitStack() as stack:
            recorder = stack.enter_context(self._taped(tape)) if tape is not None else _Recorder(self, Tape())
            if not gradients:
                arrays, moved = self._outputs(self._call(inputs, train), recorder)
                return Pass(arrays, moved=moved)
            with tf.GradientTape() as gradient_tape:
                gradient_tape.watch(sources)
                recorder.watch = gradient_tape.watch
                outputs = self._call(inputs, train)
                flat = tf.nest.flatten(outputs)
                value = loss(outputs, targets) if loss else self._weighted_sum(flat, recorder)
            names = (name for name in (*self.layers, *self.parts, *self.outside) if of is None or name in of)
            owners = [(name, own, slot) for name in names for own, slot in self.trainable(name)]
            variables = [slot.variable.value for _, _, slot in owners]
            cut, seen = recorder.tape.release()
            starts = [tf.ones_like(value), *map(tf.zeros_like, seen)]
            got = gradient_tape.gradient([value, *seen], [*sources, *variables, *cut], starts)
            got = got[: len(sources) + len(variables)]
        got = [
            np.zeros(v.shape, v.dtype.as_numpy_dtype) if g is None else _view(g)
            for g, v in zip(got, [*sources, *variables], strict=True)
        ]
        arrays, moved = self._outputs(outputs, recorder)
        found = Pass(arrays, value.numpy(), moved=moved)
        found.input_gradients = [_first(g) if self.moved_inputs else g for g in got[: len(sources)]]
        for (name, own, slot), gradient in zip(owners, got[len(sources) :], strict=True):
            found.parameter_gradients.setdefault(name, {})[own] = slot.canonical(gradient)
        return found

    def trainable(self, name: str) -> list[tuple[str, Slot]]:
        """The variables of a layer that are trained."""
        layer = self.layers.get(name)
        if layer is not None and (not _is_leaf(layer) or isinstance(layer, _BASE_SEPARABLE)):
            return []
        if name in self.parts:
            return [(own, slot) for own, slot in self.slots(name).items() if slot.variable.trainable]
        if any(_is_leaf(self.layers[outer]) for outer in _ancestors(name) if outer in self.layers):
            return []
        return [(own, slot) for own, slot in self.slots(name).items() if slot.variable.trainable]

    def _call(self, inputs: Any, train: bool) -> Any:
        """A functional model takes several inputs as one argument, another as many as its `call` has names for."""
        if isinstance(self.model, Functional | keras.Sequential):
            alone = isinstance(inputs, list) and len(inputs) == 1
            return self.model(inputs[0] if alone else inputs, training=train)
        taken = [name for name in inspect.signature(self.model.call).parameters if name not in ("training", "mask")]
        if isinstance(inputs, dict):
            named = set(inputs) <= set(taken)
            return self.model(**inputs, training=train) if named else self.model(inputs, training=train)
        several = len(inputs) == 1 or len(taken) >= len(inputs)
        return self.model(*inputs, training=train) if several else self.model(inputs, training=train)

    def _outputs(self, outputs: Any, recorder: "_Recorder") -> tuple[list[Array], tuple[bool, ...]]:
        flat = tf.nest.flatten(outputs)
        if recorder.images or not self.output_images:  # a bare run does not see where its outputs come from
            self.output_images = [recorder.is_image(t) for t in flat]
        moved = tuple(self.layouts.outputs.get(i, image) for i, image in enumerate(self.output_images))
        return [_first(t.numpy()) if own else t.numpy() for t, own in zip(flat, moved, strict=True)], moved

    def _weighted_sum(self, outputs: Sequence[tf.Tensor], recorder: "_Recorder") -> tf.Tensor:
        floating = [(i, tensor) for i, tensor in enumerate(outputs) if tensor.dtype.is_floating]  # not so indices
        if not floating:
            raise ConfigError(INTEGERS)
        parts = []
        for i, tensor in floating:
            moved = self.output_images[i] if self.output_images else recorder.is_image(tensor)
            moved = self.layouts.outputs.get(i, moved)
            weights = output_weights(i, _first_shape(tensor.shape) if moved else tuple(tensor.shape))
            parts.append(tf.reduce_sum(tensor * tf.cast(_last(weights) if moved else weights, tensor.dtype)))
        return tf.add_n(parts)

    def buffers(self) -> dict[str, dict[str, Array]]:
        """All buffers by layer and name."""
        found: dict[str, dict[str, Array]] = {}
        for name, layer in self.layers.items():
            if _is_leaf(layer):
                arrays = {n: s.variable.numpy() for n, s in self.slots(name).items() if not s.variable.trainable}
                found |= {name: arrays} if arrays else {}
        return found

    def about(self) -> dict[str, Any]:
        """What the model is and runs in; Keras has no mode of its own, but an argument of each call."""
        variables = [v for v in self.model.variables if v.dtype.startswith(("float", "bfloat"))]
        frozen = [v.path for layer in self.layers.values() if not layer.trainable for v in _own_variables(layer)]
        regularisers = [
            f"{name}.{kind}: {type(rule).__name__}"
            for name, layer in self.layers.items()
            for kind in ("kernel_regularizer", "bias_regularizer", "activity_regularizer", "beta_regularizer",
                         "gamma_regularizer", "embeddings_regularizer", "recurrent_regularizer")
            if (rule := getattr(layer, kind, None)) is not None
        ]  # fmt: skip
        devices = {tf.DeviceSpec.from_string(v.value.device).device_type.lower() for v in variables if v.value.device}
        return {
            "framework": "tf",
            "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
            "dtype": ", ".join(sorted({v.dtype for v in variables})),
            "device": ", ".join(sorted(devices)),
            "seed": context.global_seed(),
            "threads": tf.config.threading.get_intra_op_parallelism_threads() or (os.cpu_count() or 1),
            "deterministic": bool(is_op_determinism_enabled()),
            "tf32": tf.config.experimental.tensor_float_32_execution_enabled() and "gpu" in devices,
            "regularisers": regularisers,
            "frozen": frozen,
            "shapes": [tuple(v.shape) for v in self.model.trainable_variables],
        }  # fmt: skip

    def rule(self, native: Any) -> Rule:
        """An optimizer at work on this model."""
        from parity.keras_rule import KerasRule

        return KerasRule(self, native)

    @contextmanager
    def _taped(self, tape: Tape) -> Iterator["_Recorder"]:
        recorder = _Recorder(self, tape)
        watched = [
            (name, layer)
            for name, layer in self.layers.items()
            if _is_leaf(layer)
            and not isinstance(layer, layers.InputLayer)
            and not any(_is_leaf(self.layers[outer]) for outer in _ancestors(name) if outer in self.layers)
        ]
        activations = [(layer, layer.activation) for _, layer in watched if _has_activation(layer)]
        drawn = drawing(tape.sample) if tape.noise else nullcontext()
        with ExitStack() as stack:
            for name, layer in watched:
                stack.enter_context(patch.object(layer, "call", recorder.layer(layer.call, layer, name)))
            for layer, activation in activations:
                stack.enter_context(patch.object(layer, "activation", recorder.activation(activation, layer)))
            pads = [(module, "pad", recorder.pad(module.pad)) for module in (tf, keras.ops)]
            seen = [(module, name, recorder.function(module, name, what)) for module, name, what in FUNCTIONS]
            containers = [layer for layer in self.layers.values() if not _is_leaf(layer)]
            stack.enter_context(_instead([*pads, *seen], containers))
            with drawn:
                yield recorder


@contextmanager
def _instead(functions: Sequence[tuple[Any, str, Any]], found: Sequence[Any]) -> Iterator[None]:
    """Within it, functions of these modules and names are others, also where a layer keeps one as its own."""
    others = {inspect.unwrap(getattr(module, name)): other for module, name, other in functions}
    with ExitStack() as stack:
        for place, name, other in functions:
            stack.enter_context(patch.object(place, name, other))
        for layer in found:
            kept = {name: own for name, own in vars(layer).items() if inspect.isfunction(own)}
            for name, own in kept.items():
                if (other := others.get(inspect.unwrap(own))) is not None:
                    stack.enter_context(patch.object(layer, name, other))
        yield


class _Recorder:
    """Sees every call of a leaf layer, and of the activation inside one."""

    def __init__(self, side: KerasSide, tape: Tape) -> None:
        self.side, self.tape = side, tape
        self.watch: Callable[[Any], None] | None = None
        self.images: dict[int, Any] = {}
        self.channels_first: dict[int, Any] = {}
        """What left a Permute that brings channels to the front: canonical as it is."""
        self.from_flatten: dict[int, tuple[Any, tuple[int, ...]]] = {}
        self.pending: list[tuple[Call, Any]] = []
        self.padded: dict[int, tuple[Any, Padding]] = {}
        self.functions = 0

    def layer(self, call: Callable[..., Any], layer: Any, name: str) -> Callable[..., Any]:
        def calling(*args: Any, **kwargs: Any) -> Any:
            tensors = [t for t in tf.nest.flatten(args) if tf.is_tensor(t)]
            if not tensors or any(isinstance(t, keras.KerasTensor) for t in tf.nest.flatten(args)):
                return call(*args, **kwargs)
            if _described(layer) is _zero_pad:  # belongs to the convolution or pooling behind it
                output = call(*args, **kwargs)
                self.padded[id(output)] = (output, _zero_pad(layer, ())[1]["padding"])
                return output
            if isinstance(layer, _BASE_SEPARABLE):
                return self._separable(layer, name, args[0])
            self._follow(layer, name, tensors)
            described = describe(layer, name, [tuple(t.shape) for t in tensors], self.side)
            if described.kind == "flatten" and id(tensors[0]) in self.channels_first:
                described = replace(described, settings={"order": "CHW"})
            entry, padding = self._open(described, tensors[0], real=described.kind not in GLUE)
            if isinstance(layer, layers.MultiHeadAttention):  # its key is its value where none is given
                query, value, *key = args
                key = kwargs.pop("key", key[0] if key else None)
                args = (query, value if key is None else key, value)
            images = self._moved(entry, tensors[0], _spatial(layer, tensors[0]))
            gated = tf.nest.map_structure(lambda t: self._input(entry, t, images, padding), args)
            if kwargs.get("mask") is not None and entry.layer.kind in RECURRENT:
                self.tape.input(entry, np.asarray(kwargs["mask"]).astype(bool))
            if kwargs.get("initial_state") is not None:
                states = tf.nest.map_structure(lambda t: self._input(entry, t, False), kwargs["initial_state"])
                kwargs = {**kwargs, "initial_state": states}
            drops = self.tape.noise and kwargs.get("training")
            noisy = entry.layer.kind == "dropout" and drops
            with self._inside(entry, images), ExitStack() as stack:
                if isinstance(layer, layers.MultiHeadAttention):
                    _masked(self.tape, entry, kwargs)
                    gated = gated[0], gated[2], gated[1]  # Keras takes the value before the key
                    if drops and layer.dropout:
                        weights = lambda x, training=None: self._drop(x, entry, False)  # noqa: E731
                        stack.enter_context(patch.object(layer._dropout_layer, "call", weights))
                output = self._drop(gated[0], entry, images) if noisy else call(*gated, **kwargs)
            if len(gated) == 1 and tf.is_tensor(gated[0]) and tf.is_tensor(output):
                entry.seen_through(output is gated[0], gated[0].numpy, output.numpy)
            if (turned := self._turned(layer, tensors[0])) is not None:
                passed = self._output(entry, output, image=turned)
                if not turned:
                    self.channels_first[id(passed)] = passed
                return passed
            if not (_has_activation(layer) and entry.outputs):  # else the activation showed what the layer itself made
                output = tf.nest.map_structure(
                    lambda t: self._output(entry, t, self._stays_image(entry, t, images)), output
                )
            if described.kind in ELEMENTWISE and id(tensors[0]) in self.channels_first:
                self.channels_first[id(output)] = output
            return output

        return calling

    def _open(self, layer: Layer, x: Any, *, real: bool) -> tuple[Call, Padding | None]:
        """A call begins; zeros put around its input are its own padding."""
        padding = self.padded.get(id(x), (None, None))[1] if layer.kind in PADDED else None
        return self.tape.open(with_padding(layer, padding), real=real), padding

    @contextmanager
    def _inside(self, call: Call, images: bool) -> Iterator[None]:
        """Within it no function counts as a layer between layers."""
        self.pending.append((call, images))
        try:
            yield
        finally:
            self.pending.pop()

    def pad(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`tf.pad` and `keras.ops.pad` between layers: zeros belong to the convolution or pooling behind them."""
        signature = inspect.signature(function)

        def calling(*args: Any, **kwargs: Any) -> Any:
            output = function(*args, **kwargs)
            given = signature.bind(*args, **kwargs).arguments
            x, pairs, *_ = given.values()
            mode, value = given.get("mode", "constant"), given.get("constant_values")
            if self.pending or str(mode).lower() != "constant" or not isinstance(value, int | float | None) or value:
                return output
            if tf.is_tensor(x) and isinstance(pairs, list | tuple | np.ndarray):
                pairs = np.asarray(pairs)
                if pairs.shape == (len(x.shape), 2) and not pairs[[0, -1]].any():
                    self.padded[id(output)] = (output, tuple(map(tuple, pairs[1:-1].tolist())))
            return output

        return calling

    def _separable(self, layer: Any, name: str, x: tf.Tensor) -> tf.Tensor:
        """A separable convolution as what it is: a depthwise and a pointwise one."""
        for part, compute in (("depthwise", _depthwise_part), ("pointwise", _pointwise_part)):
            n = len(x.shape) - 2
            one = {"kernel_size": layer.kernel_size} if part == "depthwise" else {"kernel_size": (1,) * n}
            stride = _tuple(layer.strides, n) if part == "depthwise" else (1,) * n
            dilation = _tuple(layer.dilation_rate, n) if part == "depthwise" else (1,) * n
            settings = {
                "stride": stride, "dilation": dilation, "groups": x.shape[-1] if part == "depthwise" else 1,
                "padding_mode": "zeros",
                "padding": padding(layer.padding, tuple(x.shape), one["kernel_size"], stride, dilation),
            }  # fmt: skip
            parameters = self.side.views(f"{name}.{part}")
            call = self.tape.open(
                Layer(f"{name}.{part}", "conv", settings, parameters, f"keras.layers.{type(layer).__name__}(...)"),
                real=True,
            )
            x = compute(layer, self._input(call, x, True))
            if part == "depthwise" or not _has_activation(layer):
                x = self._output(call, x, True)
            else:
                with self._inside(call, True):
                    x = layer.activation(x)
        return x

    def activation(self, function: Callable[..., Any], layer: Any) -> Callable[..., Any]:
        described = _function(function)

        def calling(x: tf.Tensor, *args: Any, **kwargs: Any) -> tf.Tensor:
            if not self.pending or isinstance(x, keras.KerasTensor):
                return function(x, *args, **kwargs)
            owner, images = self.pending[-1]
            x = self._output(owner, x, self._stays_image(owner, x, images))
            if described[0] == "unknown":  # what it calls says more
                kept, self.pending = self.pending, []
                try:
                    return function(x, *args, **kwargs)
                finally:
                    self.pending = kept
            inner = self.tape.open(
                Layer(f"{owner.layer.name}/{described[0]}", *described, {}, f"activation={described[0]!r}"), real=False
            )
            image = self._moved(inner, x)
            x = self._input(inner, x, image)
            return self._output(inner, function(x, *args, **kwargs), image)

        return calling

    def function(self, module: Any, name: str, described: Described) -> Callable[..., Any]:
        """A function of TensorFlow's that is a layer, between layers; Keras' own functions end there, too."""
        function: Callable[..., Any] = getattr(module, name)
        signature = inspect.signature(function)

        def calling(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            first, x = next(iter(bound.arguments.items()))
            found = described(bound.arguments) if isinstance(x, tf.Tensor) and x.dtype.is_floating else None
            if found and self.pending and self._draws(found[0]):
                kept = self.tape.sample(tuple(x.shape)) >= found[1]["rate"]
                return x * tf.cast(kept, x.dtype) / tf.constant(1 - found[1]["rate"], x.dtype)
            if not found or self.pending:
                return function(*args, **kwargs)
            self.functions += 1
            layer = Layer(f"{name}() {self.functions}", *found, {}, f"tf.nn.{name}(...)")
            call, padding = self._open(layer, x, real=False)
            images, front = self._moved(call, x), id(x) in self.channels_first
            bound.arguments[first] = x = self._input(call, x, images, padding)
            noisy = layer.kind == "dropout" and self.tape.noise
            with self._inside(call, images):
                output = self._drop(x, call, images) if noisy else function(*bound.args, **bound.kwargs)
            output = self._output(call, tf.cast(output, x.dtype), images)  # resizing makes float32 of everything
            if front:
                self.channels_first[id(output)] = output
            return output

        return calling

    def _draws(self, kind: str) -> bool:
        """Whether a function draws random numbers in a layer of no known kind."""
        return bool(kind == "dropout" and self.tape.noise and self.pending[-1][0].layer.kind == "unknown")

    def is_image(self, tensor: Any) -> bool:
        """Whether channels are last: known from where it comes, or taken for granted with four dimensions or more."""
        seen = self.side.spatial or self.side.moved_inputs
        taken = seen and len(tensor.shape) > 3 and id(tensor) not in self.channels_first
        return id(tensor) in self.images or taken

    def _moved(self, call: Call, tensor: Any, surely: bool = False) -> bool:
        """Whether the channels of what comes to a call are last, and are moved to be first."""
        call.moved = surely or self.side.layouts.calls.get(call.index, self.is_image(tensor))
        return call.moved

    def _turned(self, layer: Any, tensor: Any) -> bool | None:
        """Whether a Permute brings channels to the end (True), or to the front (False); None if it does neither."""
        if not isinstance(layer, layers.Permute):
            return None
        *rest, last = range(1, len(tensor.shape))
        if tuple(layer.dims) == (last, *rest) and self.is_image(tensor):
            return False
        return True if tuple(layer.dims) == (*range(2, last + 1), 1) and id(tensor) in self.channels_first else None

    def _stays_image(self, call: Call, tensor: Any, images: bool) -> bool:
        kind = call.layer.kind
        return images and kind != "flatten" and len(tensor.shape) > (3 if kind == "unknown" else 2)

    def _follow(self, layer: Any, name: str, tensors: list[Any]) -> None:
        """A dense layer behind Flatten has its kernel's rows in the order H W C: remember H, W and C."""
        origin = self.from_flatten.get(id(tensors[0]))
        if origin and isinstance(layer, layers.Dense):
            self.side.flattened[name] = origin[1]

    def _input(self, call: Call, tensor: Any, image: bool, padding: Padding | None = None) -> Any:
        if not tf.is_tensor(tensor):
            return tensor
        origin = self.from_flatten.get(id(tensor))

        state = bool(call.received) and call.layer.kind in RECURRENT  # (N, H) here and (1, N, H) in PyTorch

        def canonical(t: Any) -> Array:
            array = _unflatten(t.numpy(), origin[1]) if origin else _first(t.numpy()) if image else t.numpy()
            return array[None] if state else crop(array, padding)

        if not tensor.dtype.is_floating:
            self.tape.input(call, canonical(tensor))
            return tensor
        if self.tape.forced and self.watch:
            tensor = tf.identity(tensor)
            self.watch(tensor)
            self.tape.cut.append(tensor)
        gate = self.tape.input_gate(call, canonical, _native(image, origin and origin[1], padding))
        passed = self._gate(tensor, gate)
        if self.tape.arrays:
            self.tape.seen.append(passed)
        if origin:
            self.from_flatten[id(passed)] = (passed, origin[1])
        return passed

    def _output(self, call: Call, tensor: Any, image: bool) -> Any:
        if not tf.is_tensor(tensor) or not tensor.dtype.is_floating:
            return tensor
        shape = self._flat_shape(call, tensor)
        state = bool(call.outputs) and call.layer.kind in RECURRENT

        def canonical(t: Any) -> Array:
            array = _unflatten(t.numpy(), shape) if shape else _first(t.numpy()) if image else t.numpy()
            return array[None] if state else without_ones(array, call.layer)

        passed = self._gate(tensor, self.tape.output_gate(call, canonical, _native(image, shape)))
        if self.tape.arrays:
            self.tape.seen.append(passed)
        if image:
            self.images[id(passed)] = passed
        if shape:
            self.from_flatten[id(passed)] = (passed, shape)
        return passed

    def _gate(self, tensor: Any, gate: Gate) -> Any:
        if self.watch:
            return _gate(tensor, gate)
        other = gate.forward(tensor)  # nothing comes back
        return tf.identity(tensor) if other is None else other

    def _flat_shape(self, call: Call, tensor: Any) -> tuple[int, ...] | None:
        """The image that a flat tensor was made from, seen through layers that work on each element alone."""
        if call.layer.kind == "flatten":
            return call.layer.settings.get("shape")
        if call.layer.kind in ELEMENTWISE and len(tensor.shape) == 2:
            for _, (origin, shape) in list(self.from_flatten.items())[-1:]:
                return shape if origin.shape == tensor.shape else None
        return None

    def _drop(self, x: Any, call: Call, image: bool) -> Any:
        rate, noise = call.layer.settings["rate"], self.tape.noise
        shape = _first_shape(x.shape) if image else tuple(x.shape)
        if call.layer.settings.get("shape") == "channel":
            shape = (*shape[:2], *[1] * (len(shape) - 2))
        call.noise = uniform = noise(call, shape) if noise else np.zeros(shape)
        if origin := self.from_flatten.get(id(x)):
            uniform = _flatten(uniform, origin[1])
        kept = (_last(uniform) if image else uniform) >= rate
        return x * tf.cast(kept, x.dtype) / tf.constant(1 - rate, x.dtype)


def _masked(tape: Tape, call: Call, kwargs: Mapping[str, Any]) -> None:
    """What an attention is told by keyword: where it may look."""
    if kwargs.get("use_causal_mask"):
        call.layer = replace(call.layer, settings={**call.layer.settings, "causal": True})
    if (mask := kwargs.get("attention_mask")) is not None:
        tape.input(call, np.asarray(mask).astype(bool))


def _gate(tensor: tf.Tensor, gate: Gate) -> tf.Tensor:
    """Identity that shows what passes, forward and backward, and may put something else in its place."""

    @tf.custom_gradient
    def passing(x: tf.Tensor) -> Any:
        other = gate.forward(x)

        def backward(gradient: tf.Tensor) -> tf.Tensor:
            gradient = tf.convert_to_tensor(gradient)
            instead = gate.backward(gradient)
            back = gradient if instead is None else instead
            return back if back.shape == x.shape else tf.zeros_like(x)

        return tf.identity(x if other is None else other), backward

    return passing(tensor)


def _grouped(layer: Any, convolution: Callable[..., Any]) -> Callable[..., Any]:
    """A grouped convolution group by group: TensorFlow has no gradient of it on a CPU."""

    def convolve(inputs: tf.Tensor, kernel: Any) -> tf.Tensor:
        parts = zip(tf.split(inputs, layer.groups, axis=-1), tf.split(kernel, layer.groups, axis=-1), strict=True)
        return tf.concat([convolution(x, k) for x, k in parts], axis=-1)

    return convolve


def _native(image: bool, flat: tuple[int, ...] | None, padding: Padding | None = None) -> Callable[[Array, Any], Any]:
    def native(array: Array, like: Any) -> Any:
        array = pad(array, padding)
        if flat:
            array = _flatten(array, flat)
        elif image and array.ndim > 2:
            array = _last(array)
        tensor = tf.cast(array, like.dtype)
        return tf.reshape(tensor, like.shape) if tf.size(tensor) == tf.size(like) else tensor

    return native


# --- layouts ---------------------------------------------------------------------------------------------------


def _first(array: Array) -> Array:
    return np.moveaxis(array, -1, 1) if array.ndim > 2 else array


def _last(array: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(array, 1, -1)) if array.ndim > 2 else array


def _first_shape(shape: Sequence[int]) -> tuple[int, ...]:
    return (shape[0], shape[-1], *shape[1:-1])


def _channels_last(layout: str) -> str:
    return layout.replace("C", "") + "C" if "C" in layout else layout


def _unflatten(array: Array, shape: tuple[int, ...]) -> Array:
    """Columns in the order H W C brought into the order C H W."""
    return _first(array.reshape(-1, *shape)).reshape(array.shape)


def _flatten(array: Array, shape: tuple[int, ...]) -> Array:
    """Columns in the order C H W brought into the order H W C."""
    return _last(array.reshape(-1, shape[-1], *shape[:-1])).reshape(array.shape)


def _behind_flatten(slot: Slot, shape: tuple[int, ...]) -> Slot:
    return Slot(
        slot.variable,
        lambda native: _unflatten(slot.canonical(native), shape),
        lambda canonical: slot.native(_flatten(canonical, shape)),
    )


# --- what a layer is -------------------------------------------------------------------------------------------


def _names(model: Any) -> dict[Any, str]:
    """Every layer by its dotted name: the path of attributes or of layer names that leads to it."""
    found: dict[Any, str] = {model: ""}

    def walk(layer: Any, prefix: str) -> None:
        for child in layer._flatten_layers(include_self=False, recursive=False):
            if child not in found:
                name = base = f"{prefix}.{child.name}" if prefix else child.name
                count = 1
                while name in found.values():
                    count += 1
                    name = f"{base}#{count}"
                found[child] = name
                walk(child, name)

    walk(model, "")
    return found


def _ancestors(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def _own_variables(layer: Any) -> list[Any]:
    inner = {id(v) for child in layer._flatten_layers(include_self=False) for v in child.variables}
    return [v for v in layer.variables if id(v) not in inner]


def _is_leaf(layer: Any) -> bool:
    if not any(True for _ in layer._flatten_layers(include_self=False)):
        return bool(layer.variables) or not isinstance(layer, keras.Model)
    return _described(layer) is not None and not isinstance(layer, keras.Model)


def _has_activation(layer: Any) -> bool:
    if not isinstance(
        layer, layers.Dense | layers.EinsumDense | _BASE_CONV | _BASE_DEPTHWISE | _BASE_TRANSPOSE | _BASE_SEPARABLE
    ):
        return False
    return layer.activation is not None and layer.activation is not keras.activations.linear


def _spatial(layer: Any, tensor: Any) -> bool:
    """Whether the layer takes its last axis for channels of an image or a signal."""
    return isinstance(layer, SPATIAL) and len(tensor.shape) > 2


def _view(tensor: Any) -> Array:
    """Without a copy."""
    return np.asarray(tf.convert_to_tensor(tensor))


def describe(layer: Any, name: str, shapes: Sequence[tuple[int, ...]], side: KerasSide) -> Layer:
    """A layer as a `Layer`; of kind "unknown" if there is no better word."""
    found = _described(layer)
    kind, settings = found(layer, shapes[0]) if found else ("unknown", {"class": type(layer).__name__})
    return Layer(name, kind, settings, side.views(name), f"keras.layers.{type(layer).__name__}(...)")


def _described(layer: Any) -> Callable[[Any, tuple[int, ...]], tuple[str, dict[str, Any]]] | None:
    return next((LAYERS[kind] for kind in type(layer).__mro__ if kind in LAYERS), None)


def _tuple(value: Any, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value)


def _conv(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    stride, dilation = layer.strides, layer.dilation_rate
    n = len(layer.kernel_size)
    groups = shape[-1] if isinstance(layer, _BASE_DEPTHWISE) else layer.groups
    return "conv", {
        "stride": _tuple(stride, n), "dilation": _tuple(dilation, n), "groups": groups, "padding_mode": "zeros",
        "padding": padding(layer.padding, shape, layer.kernel_size, _tuple(stride, n), _tuple(dilation, n)),
    }  # fmt: skip


def _conv_transpose(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    n = len(layer.kernel_size)
    strides, kernel = _tuple(layer.strides, n), layer.kernel_size
    crop = [max(k - s, 0) if layer.padding == "same" else 0 for k, s in zip(kernel, strides, strict=True)]
    return "conv_transpose", {
        "stride": strides, "padding": tuple((c // 2, c - c // 2) for c in crop), "groups": 1,
        "output_padding": tuple(max(s - k, 0) for k, s in zip(kernel, strides, strict=True)),
        "dilation": _tuple(layer.dilation_rate, n),
    }  # fmt: skip


def _batch_norm(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    return "batch_norm", {"eps": layer.epsilon, "momentum": 1 - layer.momentum, "unbiased": False, "axis": 1}


def _layer_norm(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    return "layer_norm", {"eps": layer.epsilon, "dims": len(axes)}


def _pool(kind: str) -> Callable[[Any, tuple[int, ...]], tuple[str, dict[str, Any]]]:
    def described(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
        n = len(layer.pool_size)
        return kind, {
            "kernel": tuple(layer.pool_size), "stride": tuple(layer.strides), "dilation": (1,) * n,
            "padding": padding(layer.padding, shape, layer.pool_size, layer.strides, (1,) * n), "ceil_mode": False,
            "count_include_pad": False,
        }  # fmt: skip

    return described


def _adaptive(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    size = tuple(layer.output_size)
    if set(size) == {1}:
        return "global_avg_pool", {}
    return ("identity", {}) if size == shape[1:-1] else ("adaptive_avg_pool", {"size": size})


def _recurrent(kind: str) -> Callable[[Any, tuple[int, ...]], tuple[str, dict[str, Any]]]:
    def described(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
        inner = layer.forward_layer if isinstance(layer, layers.Bidirectional) else layer
        return kind, {
            "hidden": inner.units, "layers": 1, "bidirectional": inner is not layer,
            "activation": keras.activations.serialize(inner.cell.activation),
            "reset_after": getattr(inner.cell, "reset_after", True),
            "return_sequences": inner.return_sequences, "go_backwards": inner.go_backwards, "batch_first": True,
        }  # fmt: skip

    return described


def _bidirectional(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    kind = next(LAYERS[k] for k in type(layer.forward_layer).__mro__ if k in LAYERS)
    return _recurrent(kind(layer.forward_layer, shape)[0])(layer, shape)


def _plain(kind: str, **settings: Any) -> Callable[[Any, tuple[int, ...]], tuple[str, dict[str, Any]]]:
    return lambda layer, shape: (kind, dict(settings))


def _dropout(shape: str) -> Callable[[Any, tuple[int, ...]], tuple[str, dict[str, Any]]]:
    return lambda layer, _: ("dropout", {"rate": layer.rate, "shape": shape, "scale": "train"})


def _relu(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    if layer.negative_slope:
        return "leaky_relu", {"slope": float(layer.negative_slope)}
    return ("relu6", {}) if layer.max_value == 6 else ("relu", {}) if layer.max_value is None else ("unknown", {})


def _upsample(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    mode = getattr(layer, "interpolation", "nearest")
    return "upsample", {
        "scale": _tuple(layer.size, len(shape) - 2), "mode": mode, "align_corners": False, "half_pixel": True,
        "antialias": False,
    }  # fmt: skip


def _concat(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    axis = layer.axis % len(shape)
    return "concat", {"axis": axis if len(shape) < 4 or not axis else 1 if axis == len(shape) - 1 else axis + 1}


def _zero_pad(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    padding = layer.padding if isinstance(layer.padding[0], tuple | list) else (layer.padding,)
    return "zero_pad", {"padding": tuple(tuple(p) for p in padding)}


def _softmax(layer: Any, shape: tuple[int, ...]) -> tuple[str, dict[str, Any]]:
    return "softmax", {"axis": layer.axis}


_BASE_CONV = keras.layers.Conv2D.__mro__[1]
_BASE_DEPTHWISE = keras.layers.DepthwiseConv2D.__mro__[1]
_BASE_TRANSPOSE = keras.layers.Conv2DTranspose.__mro__[1]
_BASE_SEPARABLE = keras.layers.SeparableConv2D.__mro__[1]

LAYERS: dict[type, Callable[[Any, tuple[int, ...]], tuple[str, dict[str, Any]]]] = {
    layers.Dense: _plain("dense"),
    _BASE_SEPARABLE: _plain("conv"), _BASE_CONV: _conv, _BASE_DEPTHWISE: _conv, _BASE_TRANSPOSE: _conv_transpose,
    layers.Embedding: _plain("embedding", padding_idx=None),
    layers.BatchNormalization: _batch_norm, layers.LayerNormalization: _layer_norm,
    layers.GroupNormalization: lambda m, _: ("group_norm", {"groups": m.groups, "eps": m.epsilon}),
    layers.RMSNormalization: lambda m, _: ("rms_norm", {"eps": m.epsilon, "dims": 1}),
    layers.SimpleRNN: _recurrent("rnn"), layers.LSTM: _recurrent("lstm"), layers.GRU: _recurrent("gru"),
    layers.Bidirectional: _bidirectional,
    layers.MultiHeadAttention: lambda m, _: (
        "attention", {"heads": m.num_heads, "scale": m.key_dim**-0.5, "causal": False, "rate": m.dropout}),
    layers.MaxPooling1D: _pool("max_pool"), layers.MaxPooling2D: _pool("max_pool"),
    layers.MaxPooling3D: _pool("max_pool"), layers.AveragePooling1D: _pool("avg_pool"),
    layers.AveragePooling2D: _pool("avg_pool"), layers.AveragePooling3D: _pool("avg_pool"),
    **dict.fromkeys((layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D),
                    _plain("global_avg_pool")),
    **dict.fromkeys((layers.AdaptiveAveragePooling1D, layers.AdaptiveAveragePooling2D, layers.AdaptiveAveragePooling3D),
                    _adaptive),
    **dict.fromkeys((layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D),
                    _plain("global_max_pool")),
    layers.Add: _plain("add"), layers.Multiply: _plain("multiply"), layers.Concatenate: _concat,
    **dict.fromkeys((layers.Subtract, layers.Average, layers.Maximum, layers.Minimum, layers.Dot, layers.Rescaling),
                    _plain("join")),
    **dict.fromkeys((layers.Reshape, layers.Permute, layers.RepeatVector), _plain("reshape")),
    **dict.fromkeys((layers.Cropping1D, layers.Cropping2D, layers.Cropping3D), _plain("crop")),
    layers.ReLU: _relu, layers.PReLU: _plain("prelu"), layers.Softmax: _softmax,
    layers.LeakyReLU: lambda m, _: ("leaky_relu", {"slope": float(m.negative_slope)}),
    layers.ELU: lambda m, _: ("elu", {"alpha": float(m.alpha)}),
    layers.Activation: lambda m, _: _function(m.activation),
    layers.Dropout: _dropout("element"), layers.SpatialDropout1D: _dropout("channel"),
    layers.SpatialDropout2D: _dropout("channel"), layers.SpatialDropout3D: _dropout("channel"),
    **dict.fromkeys((layers.GaussianNoise, layers.GaussianDropout, layers.AlphaDropout), _plain("noise")),
    layers.Flatten: lambda m, shape: ("flatten", {"order": "HWC", "shape": shape[1:]}),
    layers.ZeroPadding1D: _zero_pad, layers.ZeroPadding2D: _zero_pad, layers.ZeroPadding3D: _zero_pad,
    layers.UpSampling1D: _upsample, layers.UpSampling2D: _upsample, layers.UpSampling3D: _upsample,
    layers.Identity: _plain("identity"),
}  # fmt: skip

SPATIAL = (
    _BASE_CONV, _BASE_DEPTHWISE, _BASE_TRANSPOSE, layers.BatchNormalization, layers.MaxPooling1D,
    layers.AveragePooling1D, layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D, layers.ZeroPadding1D,
    layers.UpSampling1D, layers.SpatialDropout1D, layers.GroupNormalization, layers.AdaptiveAveragePooling1D,
    layers.Cropping1D,
)  # fmt: skip
ELEMENTWISE = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "dropout", "identity",
    "softplus", "softsign", "hard_swish", "hard_sigmoid", "mish", "celu", "hard_tanh", "log_sigmoid", "tanh_shrink",
    "soft_shrink", "hard_shrink", "exponential",
)  # fmt: skip

_FUNCTIONS: Mapping[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in ("relu", "relu6", "selu", "silu", "sigmoid", "tanh", "softsign", "mish")},
    "elu": ("elu", {"alpha": 1.0}), "celu": ("celu", {"alpha": 1.0}), "gelu": ("gelu", {"approximate": "none"}),
    "leaky_relu": ("leaky_relu", {"slope": 0.2}), "softplus": ("softplus", {"beta": 1.0, "threshold": None}),
    "hard_sigmoid": ("hard_sigmoid", {"form": "torch"}), "hard_silu": ("hard_swish", {}),
    "softmax": ("softmax", {"axis": -1}), "log_softmax": ("log_softmax", {"axis": -1}), "linear": ("identity", {}),
    **{name: (name, {}) for name in ("log_sigmoid", "tanh_shrink", "exponential")},
    **{name: (name, {"threshold": 0.5}) for name in ("soft_shrink", "hard_shrink")},
    "hard_tanh": ("hard_tanh", {"low": -1.0, "high": 1.0}),
}  # fmt: skip


def _function(function: Any) -> tuple[str, dict[str, Any]]:
    return _FUNCTIONS.get(getattr(function, "__name__", ""), ("unknown", {"class": repr(function)}))


# --- variables -------------------------------------------------------------------------------------------------


def _axes(variable: Any, canonical: Sequence[int]) -> Slot:
    back = np.argsort(canonical)
    return Slot(
        variable,
        lambda a: a.transpose(canonical),
        lambda a: a.transpose(back).reshape(variable.shape),
    )


def _told(slot: Slot, form: Form) -> Slot:
    return Slot(
        slot.variable, lambda a: form.canonical(slot.canonical(a)), lambda a: slot.native(form.native(a))
    )  # fmt: skip


def _same(variable: Any) -> Slot:
    return Slot(variable, lambda a: a, lambda a: a.reshape(variable.shape))


def _kernel(variable: Any) -> Slot:
    n = len(variable.shape)
    return _axes(variable, (n - 1, n - 2, *range(n - 2)))


def _depthwise(variable: Any) -> Slot:
    *size, channels, multiplier = variable.shape
    n = len(size)

    def canonical(a: Array) -> Array:
        return np.ascontiguousarray(a.transpose(n, n + 1, *range(n))).reshape(channels * multiplier, 1, *size)

    def native(a: Array) -> Array:
        return a.reshape(channels, multiplier, *size).transpose(*range(2, n + 2), 0, 1)

    return Slot(variable, canonical, native)


def _heads(variable: Any) -> Slot:
    """A projection (D, H, K) as (H*K, D)."""
    inputs, heads, size = variable.shape
    return Slot(
        variable,
        lambda a: np.ascontiguousarray(a.transpose(1, 2, 0)).reshape(heads * size, inputs),
        lambda a: a.reshape(heads, size, inputs).transpose(2, 0, 1),
    )


def _flat(variable: Any) -> Slot:
    return Slot(variable, lambda a: a.reshape(-1), lambda a: a.reshape(variable.shape))


def _heads_out(variable: Any) -> Slot:
    """A projection (H, K, D) as (D, H*K)."""
    return Slot(
        variable,
        lambda a: np.ascontiguousarray(a.reshape(-1, a.shape[-1]).T),
        lambda a: np.ascontiguousarray(a.T).reshape(variable.shape),
    )


def _gates(variable: Any, order: Sequence[int], count: int, transpose: bool) -> Slot:
    """A recurrent kernel (I, G*H) or bias (G*H) with its gates in PyTorch's order; the order is its own inverse."""

    def ordered(a: Array) -> Array:
        return np.concatenate([np.split(a, count, axis=0)[i] for i in order])

    def canonical(a: Array) -> Array:
        return np.ascontiguousarray(ordered(a.T if transpose else a))

    def native(a: Array) -> Array:
        return ordered(a).T if transpose else ordered(a)

    return Slot(variable, canonical, native)


def _cell_slots(cell: Any, suffix: str = "") -> dict[str, Slot]:
    kind = next(k for k in (layers.LSTMCell, layers.GRUCell, layers.SimpleRNNCell) if isinstance(cell, k))
    order = {layers.LSTMCell: (0, 1, 2, 3), layers.GRUCell: (1, 0, 2), layers.SimpleRNNCell: (0,)}[kind]
    count = len(order)
    found = {
        f"weight_ih_l0{suffix}": _gates(cell.kernel, order, count, True),
        f"weight_hh_l0{suffix}": _gates(cell.recurrent_kernel, order, count, True),
    }
    if cell.bias is not None and len(cell.bias.shape) == 1:
        found[f"bias_l0{suffix}"] = _gates(cell.bias, order, count, False)
    elif cell.bias is not None:
        found[f"bias_l0{suffix}"] = Slot(
            cell.bias,
            lambda a: np.stack([_gates(None, order, count, False).canonical(row) for row in a]),
            lambda a: np.stack([_gates(None, order, count, False).native(row) for row in a]),
        )
    return found


def _slots(layer: Any) -> dict[str, Slot]:
    """The variables of one layer by their canonical names; a layer of unknown kind keeps its own."""
    if isinstance(layer, layers.Bidirectional):
        return {**_cell_slots(layer.forward_layer.cell), **_cell_slots(layer.backward_layer.cell, "_reverse")}
    if isinstance(layer, layers.LSTM | layers.GRU | layers.SimpleRNN):
        return _cell_slots(layer.cell)
    if isinstance(layer, layers.MultiHeadAttention):
        return _attention_slots(layer)
    named: dict[str, Slot] = {}
    for variable in layer.variables if _is_leaf(layer) else _own_variables(layer):
        name = NAMES.get(variable.name, variable.name)
        if variable.name == "kernel" and isinstance(layer, _BASE_DEPTHWISE):
            named["weight"] = _depthwise(variable)
        elif variable.name == "kernel" and isinstance(layer, layers.Dense | _BASE_CONV | _BASE_TRANSPOSE):
            named["weight"] = _kernel(variable)
        elif variable.name == "alpha" and isinstance(layer, layers.PReLU):
            named["weight"] = _flat(variable) if max(variable.shape) == np.prod(variable.shape) else _same(variable)
        elif variable.dtype.startswith(("float", "bfloat")):
            named["weight" if isinstance(layer, layers.RMSNormalization) else name] = _same(variable)
    return named


def _depthwise_slots(layer: Any) -> dict[str, Slot]:
    return {"weight": _depthwise(layer.depthwise_kernel)}


def _pointwise_slots(layer: Any) -> dict[str, Slot]:
    found = {"weight": _kernel(layer.pointwise_kernel)}
    return found if layer.bias is None else {**found, "bias": _same(layer.bias)}


def _depthwise_part(layer: Any, x: tf.Tensor) -> tf.Tensor:
    return keras.ops.depthwise_conv(
        x, layer.depthwise_kernel, layer.strides, layer.padding, layer.data_format, layer.dilation_rate
    )


def _pointwise_part(layer: Any, x: tf.Tensor) -> tf.Tensor:
    y = keras.ops.conv(x, layer.pointwise_kernel, 1, "valid", layer.data_format)
    return y if layer.bias is None else y + layer.bias


def _attention_slots(layer: Any) -> dict[str, Slot]:
    found = {}
    for part, dense in (("q", layer._query_dense), ("k", layer._key_dense), ("v", layer._value_dense)):
        found[f"{part}_proj.weight"] = _heads(dense.kernel)
        if dense.bias is not None:
            found[f"{part}_proj.bias"] = _flat(dense.bias)
    found["out_proj.weight"] = _heads_out(layer._output_dense.kernel)
    if layer._output_dense.bias is not None:
        found["out_proj.bias"] = _same(layer._output_dense.bias)
    return found


NAMES = {
    "kernel": "weight", "gamma": "weight", "embeddings": "weight", "beta": "bias",
    "moving_mean": "running_mean", "moving_variance": "running_var",
}  # fmt: skip
