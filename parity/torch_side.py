"""PyTorch models as the engine sees them: their leaf layers in order of execution, recorded or forced.

Functions called outside layers (``F.relu``, ``torch.flatten``) count as layers of their own where they have a kind.
"""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from functools import wraps
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from dualnet.interface import Array, Arrays, BackendName, ConfigError
from parity.layer import Layer
from parity.side import (
    GLUE,
    INTEGERS,
    PADDED,
    RECURRENT,
    Call,
    Gate,
    Layouts,
    Noise,
    Padding,
    Pass,
    Rule,
    Tape,
    channels_first,
    crop,
    formed,
    map_arrays,
    output_weights,
    pad,
    with_padding,
    without_ones,
)  # fmt: skip
from parity.torch_random import SAMPLERS

__all__ = ["TorchSide"]


class TorchSide:
    """See `parity.side.Side`."""

    framework: BackendName = "torch"
    layouts = Layouts()

    def __init__(self, model: nn.Module) -> None:
        self.called = model
        self.model: nn.Module = getattr(model, "_orig_mod", model)  # what torch.compile was given
        self.names = {module: name for name, module in self.model.named_modules()}
        self.stacks = {m: _split(m) for m in self.names if isinstance(m, nn.RNNBase) and m.num_layers > 1}
        self.parts = {
            f"{self.names[m]}.l{k}".removeprefix("."): p for m, own in self.stacks.items() for k, p in enumerate(own)
        }
        self.names |= {part: name for name, part in self.parts.items()}
        self.owners = {
            id(parameter): (name, own)
            for name, part in self.parts.items()
            for own, parameter in part.named_parameters()
        }

        self.owned: dict[str, tuple[str, str]] = {}
        self.lent = False

    @contextmanager
    def borrowed(self, dtype: str, *, training: bool = False) -> Iterator[None]:
        """Within it the model computes in this dtype; afterwards everything is as it was, bit for bit."""
        tensors = [*self.model.parameters(), *self.model.buffers()]
        kept = [(tensor, tensor.data, tensor.grad) for tensor in tensors]
        buffers = [(b, b.detach().clone()) for b in self.model.buffers()]
        modes = [(module, module.training) for module in self.model.modules()]
        inplace = [module for module in self.model.modules() if getattr(module, "inplace", False) is True]
        before = torch.get_default_dtype()
        try:
            torch.set_default_dtype(getattr(torch, dtype))
            self.lent = True
            for tensor in tensors:
                if tensor.is_floating_point():
                    changing = training or not isinstance(tensor, nn.Parameter)
                    tensor.data = tensor.data.to(getattr(torch, dtype), copy=changing)
            for module in inplace:
                module.inplace = False
            yield
        finally:
            torch.set_default_dtype(before)
            self.lent = False
            for tensor, data, gradient in kept:
                tensor.data, tensor.grad = data, gradient
            for buffer, value in buffers:
                buffer.data.copy_(value)
            for module in inplace:
                module.inplace = True
            for module, training in modes:
                module.training = training

    def complete(self, inputs: Any) -> None:
        """Make the parameters of lazy modules."""
        if not any(is_lazy(tensor) for tensor in (*self.model.parameters(), *self.model.buffers())):
            return
        modes = [(module, module.training) for module in self.model.modules()]
        self.model.eval()
        try:
            with torch.no_grad():
                self.model(**inputs) if isinstance(inputs, Mapping) else self.model(*inputs)
        finally:
            for module, training in modes:
                module.training = training

    def inputs(self, arrays: Any, layout: str | None) -> Any:
        """Native inputs; images in whatever layout become channels first, floating ones of the model's dtype."""

        def native(array: Array) -> torch.Tensor:
            if layout and len(layout) == array.ndim:
                array = array.transpose([layout.index(letter) for letter in channels_first(layout)])
            tensor = torch.tensor(np.ascontiguousarray(array))
            return tensor.to(torch.get_default_dtype()) if tensor.is_floating_point() else tensor

        return map_arrays(native, arrays)

    # --- layers and their parameters ---

    def tensors(self, layer: str) -> dict[str, torch.Tensor]:
        """The parameters and buffers of a layer, by its own names; "value" of a parameter outside all layers."""
        module = self.parts.get(layer) or _part(self.model, layer)
        if isinstance(module, nn.Parameter):  # outside all layers
            return {"value": module}
        found = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        return {name: t for name, t in found.items() if not name.endswith("num_batches_tracked")}

    def formed(self, layer: str, arrays: Arrays) -> dict[str, Array]:
        """A layer's arrays by canonical name, as the other side tells where the layer is of no known kind."""
        return formed(arrays, self.layouts.parameters.get(layer, {}))

    def own(self, layer: str, arrays: Arrays) -> dict[str, Array]:
        """Canonical arrays by the layer's own names."""
        told = {form.name: (name, form) for name, form in self.layouts.parameters.get(layer, {}).items()}
        return {told[n][0] if n in told else n: told[n][1].native(a) if n in told else a for n, a in arrays.items()}

    def get(self, layer: str) -> dict[str, Array]:
        """Copies of a layer's arrays."""
        return self.formed(layer, {name: _array(tensor) for name, tensor in self.tensors(layer).items()})

    def put(self, layer: str, arrays: Arrays) -> None:
        """Set a layer's arrays; their shapes have been checked."""
        arrays = self.own(layer, arrays)
        with torch.no_grad():
            for name, tensor in self.tensors(layer).items():
                if self.lent and isinstance(tensor, nn.Parameter):  # its memory is the lender's
                    tensor.data = torch.empty_like(tensor)
                tensor.copy_(torch.tensor(arrays[name]))

    def loose(self) -> list[str]:
        """The parameters outside all layers, which the containers use themselves."""
        return [name for name, _ in self.model.named_parameters() if self.owner(name) == (name, "value")]

    # --- running ---

    def run(
        self,
        inputs: Sequence[Any],
        targets: Any = None,
        loss: Callable[..., Any] | None = None,
        *,
        train: bool = False,
        gradients: bool = True,
        of: Collection[str] | None = None,
        tape: Tape | None = None,
    ) -> Pass:
        """One forward pass, and one backward pass if asked for."""
        self.model.train(train)
        sources: list[torch.Tensor] = []

        def source(x: torch.Tensor) -> torch.Tensor:
            x = x.detach().requires_grad_(gradients and x.is_floating_point())
            sources.extend([x] if x.requires_grad else [])
            return x

        given = _map(source, inputs)
        with ExitStack() as stack:
            stack.enter_context(torch.enable_grad() if gradients else torch.no_grad())
            if tape is not None:
                stack.enter_context(self._taped(tape))
            called = self.called if tape is None else self.model
            outputs = called(**given) if isinstance(given, Mapping) else called(*given)
        flat = _flatten(outputs)
        found = Pass([_array(t) for t in flat])
        if gradients:
            value = loss(outputs, targets) if loss else _weighted_sum(flat)
            trained = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
            parameters = {name: p for name, p in trained.items() if of is None or self.owner(name)[0] in of}
            cut, seen = tape.release() if tape else ([], [])
            wanted = [*sources, *parameters.values(), *cut]
            starts = [torch.ones_like(value), *map(torch.zeros_like, seen)]
            got = torch.autograd.grad([value, *seen], wanted, starts, materialize_grads=True)
            found.loss = _array(value)
            found.input_gradients = [_array(g) for g in got[: len(sources)]]
            for name, g in zip(parameters, got[len(sources) :], strict=False):
                layer, parameter = self.owner(name)
                found.parameter_gradients.setdefault(layer, {}).update(self.formed(layer, {parameter: _view(g)}))
        return found

    def buffers(self) -> dict[str, dict[str, Array]]:
        """All buffers by layer and name."""
        found: dict[str, dict[str, Array]] = {}
        for name, buffer in self.model.named_buffers():
            layer, own = self.owner(name)
            if own != "value" and not name.endswith("num_batches_tracked"):
                found.setdefault(layer, {}).update(self.formed(layer, {own: _array(buffer)}))
        return found

    def owner(self, name: str) -> tuple[str, str]:
        """Layer and own name of a parameter; a layer of a known kind owns what is inside it, a container nothing."""
        if name not in self.owned:
            self.owned[name] = self._owner(name)
        return self.owned[name]

    def _owner(self, name: str) -> tuple[str, str]:
        parts = name.split(".")
        if self.parts and (found := self.owners.get(id(self._tensor(name)))):
            return found
        ends = [end for end in range(len(parts)) if _is_leaf(self.model.get_submodule(".".join(parts[:end])))]
        return (".".join(parts[: ends[0]]), ".".join(parts[ends[0] :])) if ends else (name, "value")

    def about(self) -> dict[str, Any]:
        """What the model is and runs in."""
        tensors = [*self.model.parameters(), *(b for b in self.model.buffers() if b.is_floating_point())]
        modes = {module.training for module in self.model.modules()}
        frozen = [name for name, p in self.model.named_parameters() if not p.requires_grad]
        return {
            "framework": "torch",
            "versions": {"torch": torch.__version__},
            "mode": {frozenset({True}): "train", frozenset({False}): "eval"}.get(frozenset(modes), "mixed"),
            "dtype": ", ".join(sorted({str(t.dtype).removeprefix("torch.") for t in tensors})),
            "device": ", ".join(sorted({str(t.device.type) for t in tensors})),
            "seed": torch.initial_seed(),
            "threads": torch.get_num_threads(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "tf32": torch.get_float32_matmul_precision() != "highest",
            "frozen": frozen,
            "shapes": [tuple(p.shape) for p in self.model.parameters()],
        }

    def rule(self, native: Any) -> Rule:
        """An optimizer at work on this model."""
        from parity.torch_rule import TorchRule

        return TorchRule(self, native)

    def _tensor(self, name: str) -> torch.Tensor:
        path, _, own = name.rpartition(".")
        tensor: torch.Tensor = getattr(self.model.get_submodule(path), own)
        return tensor

    @contextmanager
    def _taped(self, tape: Tape) -> Iterator[None]:
        recorder = _Recorder(self, tape)
        hooks = []
        for module in [*self.model.modules(), *self.parts.values()]:
            if module not in self.stacks and _is_leaf(module) and not self._inside_leaf(module):
                hooks.append(module.register_forward_pre_hook(recorder.before, with_kwargs=True))
                hooks.append(module.register_forward_hook(recorder.after, with_kwargs=True))
        try:
            for module, parts in self.stacks.items():
                module.forward = _stacked(module, parts)
            dropped = {name: getattr(recorder, name)(getattr(F, name)) for name in INSIDE} if tape.noise else {}
            with patch.multiple(F, **dropped) if dropped else nullcontext(), recorder:
                yield
        finally:
            for module in self.stacks:
                del module.forward
            for hook in hooks:
                hook.remove()

    def _inside_leaf(self, module: nn.Module) -> bool:
        parts = self.names[module].split(".")
        if module in self.parts.values():
            return False
        return any(_is_leaf(self.model.get_submodule(".".join(parts[:i]))) for i in range(len(parts)) if parts[0])


class _Recorder(TorchFunctionMode):
    """Sees every call of a leaf layer, and of a function that is one."""

    def __init__(self, side: TorchSide, tape: Tape) -> None:
        super().__init__()
        self.side, self.tape, self.depth = side, tape, 0
        self.open: list[tuple[Call | None, int]] = []
        """The calls that have not ended, and how often the first input of each had been changed in place."""
        self.padded: dict[int, tuple[torch.Tensor, Padding]] = {}
        self.functions = 0

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.depth += 1
        if self.depth > 1:
            return None
        shapes = [tuple(t.shape) for t in _flatten(args)]
        layer = describe(module, name := self.side.names[module], shapes)
        if name in self.side.layouts.parameters:
            layer = replace(layer, parameters=self.side.formed(name, layer.parameters))
        if layer.kind == "zero_pad":  # belongs to the convolution or pooling behind it
            self.open.append((None, 0))
            return None
        padding = self.padded.get(id(args[0]), (None, None))[1] if layer.kind in PADDED else None
        call = self.tape.open(with_padding(layer, padding), real=layer.kind not in GLUE)
        gated = self._gate_inputs(call, args, padding)
        self.open.append((call, gated[0]._version if gated and torch.is_tensor(gated[0]) else 0))
        if layer.kind == "attention" and (allowed := _allowed(**kwargs)) is not None:
            self.tape.input(call, allowed)
        return gated, kwargs

    def after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        self.depth -= 1
        if self.depth:
            return None
        call, version = self.open.pop()
        if call is None:
            self.padded[id(output)] = (output, _zero_pad(module)[1]["padding"])
            return None
        if len(args) == 1 and torch.is_tensor(args[0]) and args[0]._version == version and torch.is_tensor(output):
            call.seen_through(output is args[0], lambda: _array(args[0]), lambda: _array(output))
        if call.layer.kind == "dropout" and self.tape.noise and module.training and _calls_its_own(module):
            output = self._drop(args[0], call, self.tape.noise)
        return self._gate_outputs(call, output)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        func, kwargs = inspect.unwrap(func), kwargs or {}
        if self.tape.noise and func in SAMPLERS:
            return SAMPLERS[func](self.tape.sample, func, *args, **kwargs)
        if func is ATTENDING and _drops_weights(*args, **kwargs) and self.tape.noise:
            with self:
                return _attended(F.dropout, *args, **kwargs)
        if func is nn.functional.pad and not self.depth:
            output = func(*args, **kwargs)
            if padding := _zeros_around(*args, **kwargs):
                self.padded[id(output)] = (output, padding)
            return output
        if self.depth or not args or func not in FUNCTIONS:
            return func(*args, **kwargs)
        described = FUNCTIONS[func](*args, **kwargs)
        if described is None:
            return func(*args, **kwargs)
        kind, settings = described
        self.depth += 1
        try:
            self.functions += 1
            name = f"{func.__name__}() {self.functions}"
            call = self.tape.open(Layer(name, kind, settings, {}, f"{func.__name__}(...)"), real=False)
            gated = self._gate_inputs(call, tuple(args))
            if kind == "dropout" and self.tape.noise and _drops(*args, **kwargs):
                return self._gate_outputs(call, self._drop(gated[0], call, self.tape.noise))
            return self._gate_outputs(call, func(*gated, **{k: v for k, v in kwargs.items() if k != "inplace"}))
        finally:
            self.depth -= 1

    def dropout(self, function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        """F.dropout with the engine's numbers for the weights of an attention, and in a layer of no known kind."""

        @wraps(function)
        def dropping(x: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
            call = self.open[-1][0] if self.open else None
            kind = call.layer.kind if call else ""
            if call is None or kind not in ("attention", "unknown") or not training or not p or not self.tape.noise:
                return function(x, p, training, inplace)
            if kind == "unknown":
                return x * torch.tensor(self.tape.sample(tuple(x.shape)) >= p) / (1 - p)
            heads = call.layer.settings["heads"]
            shape = tuple(x.shape) if x.dim() == 4 else (len(x) // heads, heads, *x.shape[1:])
            return self._drop(x.reshape(shape), call, self.tape.noise).reshape(x.shape)

        return dropping

    def scaled_dot_product_attention(self, function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        """The same of the function that computes the whole attention."""

        @wraps(function)
        def attending(*args: Any, **kwargs: Any) -> torch.Tensor:
            within = self.open and self.open[-1][0] is not None and _drops_weights(*args, **kwargs)
            return _attended(F.dropout, *args, **kwargs) if within else function(*args, **kwargs)

        return attending

    def _gate_inputs(
        self, call: Call, args: tuple[Any, ...], padding: Padding | None = None
    ) -> tuple[Any, ...]:  # fmt: skip
        turned = self._turned(call)

        def gate(tensor: torch.Tensor) -> torch.Tensor:
            first = turned and not (call.received and call.layer.kind in RECURRENT)  # states have no time
            if not tensor.is_floating_point():
                self.tape.input(call, _canonical(tensor, first))
                return tensor
            if self.tape.forced and torch.is_grad_enabled() and not tensor.requires_grad:
                tensor = tensor.detach().requires_grad_()
                self.tape.cut.append(tensor)
            gate = self.tape.input_gate(call, lambda t: crop(_canonical(t, first), padding), _native(first, padding))
            return self._passed(tensor, gate)

        return _map(gate, args)

    def _passed(self, tensor: torch.Tensor, gate: Gate) -> torch.Tensor:
        passed = _gate(tensor, gate)
        if self.tape.arrays and passed.requires_grad:
            self.tape.seen.append(passed)
        return passed

    def _turned(self, call: Call) -> bool:
        """Whether time comes before the batch: as the layer says, or as the other side tells."""
        call.moved = self.side.layouts.calls.get(call.index, _sequence_first(call.layer))
        return call.moved

    def _drop(self, x: torch.Tensor, call: Call, noise: Noise) -> torch.Tensor:
        rate, turned = call.layer.settings["rate"], self._turned(call) and x.dim() == 3
        shape = (x.shape[1], x.shape[0], *x.shape[2:]) if turned else tuple(x.shape)
        if call.layer.settings.get("shape") == "channel":
            shape = (*shape[:2], *[1] * (x.dim() - 2))
        call.noise = noise(call, shape)
        kept = torch.tensor((call.noise.swapaxes(0, 1) if turned else call.noise) >= rate)
        return x * kept.to(x.dtype) / (1 - rate)

    def _gate_outputs(self, call: Call, output: Any) -> Any:
        turned = self._turned(call)

        def gate(tensor: torch.Tensor) -> torch.Tensor:
            if not tensor.is_floating_point():
                return tensor
            first = turned and not call.outputs
            canonical = lambda t: without_ones(_canonical(t, first), call.layer)  # noqa: E731
            return self._passed(tensor, self.tape.output_gate(call, canonical, _native(first)))

        return _map(gate, output)


def _gate(tensor: torch.Tensor, gate: Gate) -> torch.Tensor:
    if torch.is_grad_enabled():
        passed: torch.Tensor = _Gate.apply(tensor, gate)
        return passed
    other = gate.forward(tensor)  # nothing comes back
    return tensor if other is None else other


class _Gate(torch.autograd.Function):
    """Identity that shows what passes, forward and backward, and may put something else in its place."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, gate: Any) -> torch.Tensor:
        ctx.gate, ctx.shape = gate, tensor.shape
        other = gate.forward(tensor)
        return (tensor if other is None else other).clone()  # a view could not be changed in place

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        other = ctx.gate.backward(gradient)
        back = gradient if other is None else other
        return back if back.shape == ctx.shape else back.new_zeros(ctx.shape), None


def _split(stack: Any) -> list[nn.RNNBase]:
    """The layers of a stack of recurrent layers, one by one, with the same parameters."""
    kind: Any = next(kind for kind in (nn.LSTM, nn.GRU, nn.RNN) if isinstance(stack, kind))
    more = {"nonlinearity": stack.nonlinearity} if kind is nn.RNN else {}
    if stack.proj_size:
        more["proj_size"] = stack.proj_size
    width = (stack.proj_size or stack.hidden_size) * (2 if stack.bidirectional else 1)
    found = []
    for k in range(stack.num_layers):
        size = width if k else stack.input_size
        part = kind(
            size, stack.hidden_size, bias=stack.bias, batch_first=stack.batch_first, bidirectional=stack.bidirectional,
            device="meta", **more,
        )  # fmt: skip
        for name in dict(part.named_parameters()):
            setattr(part, name, getattr(stack, name.replace("_l0", f"_l{k}")))
        found.append(part)
    return found


def _stacked(stack: Any, parts: Sequence[nn.RNNBase]) -> Callable[..., Any]:
    """The forward of a stack that calls its layers one after the other."""

    def forward(x: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        each = 2 if stack.bidirectional else 1
        last = []
        for k, part in enumerate(parts):
            part.training = stack.training
            own = None if state is None else _map(lambda t, k=k: t[k * each : (k + 1) * each], state)  # type: ignore[misc]
            x, after = part(x, own)
            last.append(after)
            if stack.dropout and stack.training and k + 1 < len(parts):
                x = F.dropout(x, stack.dropout, True)
        if isinstance(last[0], tuple):
            return x, tuple(torch.cat(of_layers) for of_layers in zip(*last, strict=True))
        return x, torch.cat(last)

    return forward


def _calls_its_own(module: nn.Module) -> bool:
    """Whether a dropout computes what its class says: what overrides that is not replaced, but compared."""
    kind: Any = next(kind for kind in type(module).__mro__ if kind in MODULES)
    return type(module).forward is kind.forward and "forward" not in module.__dict__


ATTENDING = F.scaled_dot_product_attention
INSIDE = ("dropout", "scaled_dot_product_attention")
"""What `nn.MultiheadAttention` calls where no mode of functions sees it."""


def _allowed(
    attn_mask: torch.Tensor | None = None, key_padding_mask: torch.Tensor | None = None, **_: Any
) -> Array | None:  # fmt: skip
    """Where an attention may look: True forbids in its own masks, and allows in Keras."""
    masks = [attn_mask, None if key_padding_mask is None else key_padding_mask[:, None]]
    told = [~_array(mask) for mask in masks if mask is not None and mask.dtype == torch.bool]
    return None if not told else told[0] if len(told) == 1 else told[0] & told[1]


def _drops_weights(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, *_: Any, enable_gqa: bool = False,
    **__: Any,
) -> bool:  # fmt: skip
    return dropout_p > 0 and not enable_gqa


def _attended(
    dropout: Callable[..., torch.Tensor], query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
    attn_mask: torch.Tensor | None = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, **_: Any,
) -> torch.Tensor:  # fmt: skip
    """Scaled dot-product attention step by step."""
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None:
        hidden = attn_mask.dtype == torch.bool
        scores = scores.masked_fill(~attn_mask, -torch.inf) if hidden else scores + attn_mask
    return dropout(scores.softmax(-1), dropout_p, True) @ value


def _map(function: Callable[[torch.Tensor], torch.Tensor], value: Any) -> Any:
    if torch.is_tensor(value):
        return function(value)
    if isinstance(value, dict):
        return {name: _map(function, part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        parts = [_map(function, part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _weighted_sum(outputs: Sequence[torch.Tensor]) -> torch.Tensor:
    floating = [(i, t) for i, t in enumerate(outputs) if t.is_floating_point()]  # not so indices
    if not floating:
        raise ConfigError(INTEGERS)
    return torch.stack([(t * torch.tensor(output_weights(i, tuple(t.shape))).to(t)).sum() for i, t in floating]).sum()


def _flatten(value: Any) -> list[torch.Tensor]:
    if torch.is_tensor(value):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [t for part in value for t in _flatten(part)] if isinstance(value, tuple | list) else []


def _array(tensor: torch.Tensor) -> Array:
    return _view(tensor).copy(order="C")


def _view(tensor: torch.Tensor) -> Array:
    """Without a copy where there need not be one."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def _part(model: nn.Module, name: str) -> nn.Module | nn.Parameter:
    path, _, own = name.rpartition(".")
    part: nn.Module | nn.Parameter = getattr(model.get_submodule(path), own) if own else model
    return part


def _sequence_first(layer: Layer) -> bool:
    return layer.kind in RECURRENT and not layer.settings.get("batch_first", True)


def _canonical(tensor: torch.Tensor, turned: bool) -> Array:
    """The array, of a sequence whose time comes first with the batch before it."""
    array = _array(tensor)
    return array.swapaxes(0, 1).copy() if turned and array.ndim == 3 else array


def _native(turned: bool, padding: Padding | None = None) -> Callable[[Array, torch.Tensor], torch.Tensor]:
    def native(array: Array, like: torch.Tensor) -> torch.Tensor:
        array = pad(array, padding)
        if turned and array.ndim == 3:
            array = array.swapaxes(0, 1)
        tensor = torch.tensor(np.ascontiguousarray(array)).to(like.dtype)
        return tensor.reshape(like.shape) if tensor.numel() == like.numel() else tensor

    return native


# --- what a module is ------------------------------------------------------------------------------------------


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None or describe_module(module, ()) is not None


def describe(module: nn.Module, name: str, shapes: Sequence[tuple[int, ...]]) -> Layer:
    """A module as a `Layer`; of kind "unknown" if there is no better word."""
    kind, settings = describe_module(module, shapes) or ("unknown", {"class": type(module).__name__})
    if kind == "adaptive_avg_pool" and shapes and settings["size"] == shapes[0][2:]:
        kind, settings = "identity", {}
    buffers = {n: _array(t) for n, t in module.named_buffers() if not n.endswith("num_batches_tracked")}
    parameters = {n: _view(t) for n, t in module.named_parameters()} | buffers
    return Layer(name, kind, settings, parameters, f"nn.{module!r}".split("\n")[0])


def describe_module(module: nn.Module, shapes: Sequence[tuple[int, ...]]) -> tuple[str, dict[str, Any]] | None:
    """Kind and settings of a module, by its class and its ancestors'."""
    for kind in type(module).__mro__:
        if kind in MODULES:
            return MODULES[kind](module)
    return None


def _tuple(value: Any, n: int) -> tuple[int, ...]:
    return (value,) * n if isinstance(value, int) else tuple(value)


def _conv(m: Any) -> tuple[str, dict[str, Any]]:
    n = len(m.kernel_size)
    if m.padding == "same":
        total = [d * (k - 1) for d, k in zip(m.dilation, m.kernel_size, strict=True)]
        padding = tuple((t // 2, t - t // 2) for t in total)
    else:
        padding = tuple((p, p) for p in _tuple(0 if m.padding == "valid" else m.padding, n))
    return "conv", {
        "stride": m.stride, "padding": padding, "dilation": m.dilation, "groups": m.groups,
        "padding_mode": m.padding_mode,
    }  # fmt: skip


def _conv_transpose(m: Any) -> tuple[str, dict[str, Any]]:
    padding = tuple((p, p) for p in m.padding)
    return "conv_transpose", {
        "stride": m.stride, "padding": padding, "output_padding": m.output_padding, "dilation": m.dilation,
        "groups": m.groups,
    }  # fmt: skip


def _batch_norm(m: Any) -> tuple[str, dict[str, Any]]:
    return "batch_norm", {"eps": m.eps, "momentum": m.momentum, "unbiased": True, "axis": 1}


def _pool(kind: str, n: int) -> Callable[[Any], tuple[str, dict[str, Any]]]:
    def described(m: Any) -> tuple[str, dict[str, Any]]:
        return kind, pool_settings(
            n, m.kernel_size, m.stride, m.padding, getattr(m, "dilation", 1), m.ceil_mode,
            getattr(m, "count_include_pad", True),
        )  # fmt: skip

    return described


def pool_settings(
    n: int, kernel: Any, stride: Any, padding: Any, dilation: Any = 1, ceil: bool = False, include: bool = True
) -> dict[str, Any]:
    """Settings of a pooling layer over n dimensions, from PyTorch's arguments."""
    return {
        "kernel": _tuple(kernel, n), "stride": _tuple(kernel if stride in (None, ()) else stride, n),
        "padding": tuple((p, p) for p in _tuple(padding, n)), "dilation": _tuple(dilation, n), "ceil_mode": ceil,
        "count_include_pad": include,
    }  # fmt: skip


def _adaptive(n: int) -> Callable[[Any], tuple[str, dict[str, Any]]]:
    def described(m: Any) -> tuple[str, dict[str, Any]]:
        size = _tuple(m.output_size, n)
        return ("global_avg_pool", {}) if size == (1,) * n else ("adaptive_avg_pool", {"size": size})

    return described


def _recurrent(kind: str) -> Callable[[Any], tuple[str, dict[str, Any]]]:
    def described(m: Any) -> tuple[str, dict[str, Any]]:
        return kind, {
            "hidden": m.hidden_size, "layers": m.num_layers, "bidirectional": m.bidirectional,
            "activation": getattr(m, "nonlinearity", "tanh"), "reset_after": True, "return_sequences": True,
            "go_backwards": False, "batch_first": m.batch_first,
        }  # fmt: skip

    return described


def _plain(kind: str, **settings: Any) -> Callable[[Any], tuple[str, dict[str, Any]]]:
    return lambda module: (kind, dict(settings))


def _dropout(shape: str) -> Callable[[Any], tuple[str, dict[str, Any]]]:
    return lambda m: ("dropout", {"rate": m.p, "shape": shape, "scale": "train"})


def _upsample(m: Any) -> tuple[str, dict[str, Any]] | None:
    if m.scale_factor is None:
        return None
    align = bool(m.align_corners)
    mode = {"linear": "bilinear"}.get(m.mode, m.mode)
    return "upsample", {
        "scale": _tuple(m.scale_factor if isinstance(m.scale_factor, tuple) else int(m.scale_factor), 2),
        "mode": mode, "align_corners": align, "half_pixel": not align, "antialias": False,
    }  # fmt: skip


def _zeros_around(
    x: torch.Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Padding | None:
    """What `F.pad` adds to each axis of images (N, C, ...); None if it is anything but zeros around the pixels."""
    spatial = x.ndim - 2
    if mode != "constant" or value or min(pad) < 0 or len(pad) > 2 * spatial:
        return None
    pairs = [*zip(pad[::2], pad[1::2], strict=True)]
    return tuple(reversed(pairs + [(0, 0)] * (spatial - len(pairs))))


def _zero_pad(m: Any) -> tuple[str, dict[str, Any]]:
    return "zero_pad", {"padding": tuple(zip(m.padding[::2], m.padding[1::2], strict=True))[::-1]}


MODULES: dict[type, Callable[[Any], tuple[str, dict[str, Any]] | None]] = {
    nn.Linear: _plain("dense"),
    nn.Conv1d: _conv, nn.Conv2d: _conv, nn.Conv3d: _conv,
    nn.ConvTranspose1d: _conv_transpose, nn.ConvTranspose2d: _conv_transpose, nn.ConvTranspose3d: _conv_transpose,
    nn.Embedding: lambda m: ("embedding", {"padding_idx": m.padding_idx}),
    nn.BatchNorm1d: _batch_norm, nn.BatchNorm2d: _batch_norm, nn.BatchNorm3d: _batch_norm,
    nn.LayerNorm: lambda m: ("layer_norm", {"eps": m.eps, "dims": len(m.normalized_shape)}),
    nn.GroupNorm: lambda m: ("group_norm", {"groups": m.num_groups, "eps": m.eps}),
    nn.RMSNorm: lambda m: ("rms_norm", {"eps": m.eps, "dims": len(m.normalized_shape)}),
    nn.RNN: _recurrent("rnn"), nn.LSTM: _recurrent("lstm"), nn.GRU: _recurrent("gru"),
    nn.MultiheadAttention: lambda m: (
        "attention", {"heads": m.num_heads, "scale": m.head_dim**-0.5, "causal": False, "rate": m.dropout}),
    nn.MaxPool1d: _pool("max_pool", 1), nn.MaxPool2d: _pool("max_pool", 2), nn.MaxPool3d: _pool("max_pool", 3),
    nn.AvgPool1d: _pool("avg_pool", 1), nn.AvgPool2d: _pool("avg_pool", 2), nn.AvgPool3d: _pool("avg_pool", 3),
    nn.AdaptiveAvgPool1d: _adaptive(1), nn.AdaptiveAvgPool2d: _adaptive(2), nn.AdaptiveAvgPool3d: _adaptive(3),
    nn.LocalResponseNorm: lambda m: ("local_response_norm", {
        "size": m.size, "alpha": m.alpha, "beta": m.beta, "k": m.k, "divide_alpha_by_size": True}),
    nn.ReLU: _plain("relu"), nn.ReLU6: _plain("relu6"), nn.SELU: _plain("selu"), nn.Sigmoid: _plain("sigmoid"),
    nn.Tanh: _plain("tanh"), nn.SiLU: _plain("silu"), nn.Hardswish: _plain("hard_swish"), nn.Mish: _plain("mish"),
    nn.Hardsigmoid: _plain("hard_sigmoid", form="torch"), nn.Softsign: _plain("softsign"),
    nn.LeakyReLU: lambda m: ("leaky_relu", {"slope": m.negative_slope}),
    nn.ELU: lambda m: ("elu", {"alpha": m.alpha}), nn.CELU: lambda m: ("celu", {"alpha": m.alpha}),
    nn.GELU: lambda m: ("gelu", {"approximate": m.approximate}),
    nn.Hardtanh: lambda m: ("hard_tanh", {"low": m.min_val, "high": m.max_val}),
    nn.Softplus: lambda m: ("softplus", {"beta": m.beta, "threshold": m.threshold}),
    nn.Softmax: lambda m: ("softmax", {"axis": m.dim}), nn.LogSoftmax: lambda m: ("log_softmax", {"axis": m.dim}),
    nn.PReLU: _plain("prelu"), nn.LogSigmoid: _plain("log_sigmoid"), nn.Tanhshrink: _plain("tanh_shrink"),
    nn.Softshrink: lambda m: ("soft_shrink", {"threshold": m.lambd}),
    nn.Hardshrink: lambda m: ("hard_shrink", {"threshold": m.lambd}),
    nn.AlphaDropout: _plain("noise"), nn.FeatureAlphaDropout: _plain("noise"),
    nn.Dropout: _dropout("element"), nn.Dropout1d: _dropout("channel"), nn.Dropout2d: _dropout("channel"),
    nn.Dropout3d: _dropout("channel"),
    nn.Flatten: lambda m: ("flatten", {"order": "CHW"}) if (m.start_dim, m.end_dim) == (1, -1) else None,
    nn.ZeroPad1d: _zero_pad, nn.ZeroPad2d: _zero_pad, nn.ZeroPad3d: _zero_pad,
    nn.Upsample: _upsample, nn.Identity: _plain("identity"), nn.Unflatten: _plain("reshape"),
}  # fmt: skip


def _f_flatten(x: Any, start_dim: int = 0, end_dim: int = -1, **_: Any) -> Any:
    return ("flatten", {"order": "CHW"}) if (start_dim, end_dim) == (1, -1) and x.dim() > 2 else None


def _f_max_pool(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, **_: Any
) -> Any:
    return "max_pool", pool_settings(x.dim() - 2, kernel_size, stride, padding, dilation, ceil_mode)


def _f_avg_pool(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, *_: Any,
) -> Any:  # fmt: skip
    return "avg_pool", pool_settings(x.dim() - 2, kernel_size, stride, padding, 1, ceil_mode, count_include_pad)


def _f_adaptive(x: Any, output_size: Any) -> Any:
    n = x.dim() - 2
    return ("global_avg_pool", {}) if _tuple(output_size, n) == (1,) * n else None


def _f_plain(kind: str) -> Callable[..., Any]:
    return lambda *args, **kwargs: (kind, {})


def _f_dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return "dropout", {"rate": p, "shape": "element", "scale": "train"}


def _drops(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> bool:
    return training


def _f_softmax(kind: str) -> Callable[..., Any]:
    return lambda x, dim=None, *_, **__: (kind, {"axis": dim}) if x.dim() < 4 else None  # scores of attention


def _f_interpolate(
    x: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Any:  # fmt: skip
    if scale_factor is None:
        shape = tuple(x.shape[2:])
        scale_factor = tuple(n / own for n, own in zip(_tuple(size, len(shape)), shape, strict=True))
    whole = x.dim() == 4 and all(float(n).is_integer() for n in _tuple(scale_factor, 2))
    if not whole or antialias:
        return None
    scale = tuple(int(n) for n in _tuple(scale_factor, 2))
    return _upsample(SimpleNamespace(scale_factor=scale, mode=mode, align_corners=align_corners))


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    F.relu: _f_plain("relu"), torch.relu: _f_plain("relu"), torch.Tensor.relu: _f_plain("relu"),
    **dict.fromkeys((F.sigmoid, torch.sigmoid, torch.Tensor.sigmoid), _f_plain("sigmoid")),
    **dict.fromkeys((F.tanh, torch.tanh, torch.Tensor.tanh), _f_plain("tanh")),
    F.silu: _f_plain("silu"), F.relu6: _f_plain("relu6"), F.hardswish: _f_plain("hard_swish"),
    F.selu: _f_plain("selu"), F.mish: _f_plain("mish"), F.softsign: _f_plain("softsign"),
    F.hardsigmoid: lambda x, inplace=False: ("hard_sigmoid", {"form": "torch"}),
    F.hardtanh: lambda x, min_val=-1.0, max_val=1.0, inplace=False: ("hard_tanh", {"low": min_val, "high": max_val}),
    F.logsigmoid: _f_plain("log_sigmoid"), F.tanhshrink: _f_plain("tanh_shrink"),
    F.softshrink: lambda x, lambd=0.5: ("soft_shrink", {"threshold": lambd}),
    F.hardshrink: lambda x, lambd=0.5: ("hard_shrink", {"threshold": lambd}),
    **dict.fromkeys((torch.exp, torch.Tensor.exp), _f_plain("exponential")),
    F.elu: lambda x, alpha=1.0, inplace=False: ("elu", {"alpha": alpha}),
    F.celu: lambda x, alpha=1.0, inplace=False: ("celu", {"alpha": alpha}),
    F.softplus: lambda x, beta=1.0, threshold=20.0: ("softplus", {"beta": beta, "threshold": threshold}),
    F.gelu: lambda x, approximate="none": ("gelu", {"approximate": approximate}),
    F.leaky_relu: lambda x, negative_slope=0.01, inplace=False: ("leaky_relu", {"slope": negative_slope}),
    **dict.fromkeys((F.softmax, torch.softmax, torch.Tensor.softmax), _f_softmax("softmax")),
    **dict.fromkeys((F.log_softmax, torch.log_softmax, torch.Tensor.log_softmax), _f_softmax("log_softmax")),
    **dict.fromkeys((F.max_pool1d, F.max_pool2d, F.max_pool3d), _f_max_pool),
    **dict.fromkeys((F.avg_pool1d, F.avg_pool2d, F.avg_pool3d), _f_avg_pool), F.interpolate: _f_interpolate,
    F.adaptive_avg_pool2d: _f_adaptive, torch.flatten: _f_flatten, torch.Tensor.flatten: _f_flatten,
    F.dropout: _f_dropout,
}  # fmt: skip
