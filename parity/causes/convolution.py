"""Why two convolutions differ: padding, strides, and the many ways to carry a kernel across wrongly."""

from collections.abc import Iterable

import numpy as np

from parity.causes.cause import Array, Cause, Generator, Hypothesis, assume, has, keyword, setting, spatial, without
from parity.layer import Fault, LayerRun

__all__ = ["CAUSES", "around", "geometry", "padding_causes", "same"]

CONV, TRANSPOSED = ("conv",), ("conv_transpose",)
Pairs = tuple[tuple[int, int], ...]


def around(value: int | Iterable[int | tuple[int, int]], rank: int) -> Pairs:
    """Padding as (before, after) per dimension."""
    each = (value,) * rank if isinstance(value, int) else tuple(value)
    return tuple((p, p) if isinstance(p, int) else (int(p[0]), int(p[1])) for p in each)


def _each(value: int | Iterable[int], rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


def geometry(run: LayerRun) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Kernel, stride and dilation of a convolution or pooling, per dimension."""
    rank, has = len(spatial(run)), run.layer.settings
    kernel = run.layer.parameters["weight"].shape[2:] if "weight" in run.layer.parameters else has["kernel"]
    sizes = _each(kernel, rank)
    stride = has.get("stride", 1 if "weight" in run.layer.parameters else None)
    return sizes, sizes if stride is None else _each(stride, rank), _each(has.get("dilation", 1), rank)


def same(run: LayerRun) -> Pairs:
    """What TensorFlow's padding "same" amounts to here: the odd one at the end."""
    found = []
    for n, k, s, d in zip(spatial(run), *geometry(run), strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        found.append((total // 2, total - total // 2))
    return tuple(found)


def _symmetric(run: LayerRun) -> Pairs:
    kernel, _, dilation = geometry(run)
    return tuple((d * (k - 1) // 2,) * 2 for k, d in zip(kernel, dilation, strict=True))


def _padding_same(fault: Fault) -> Iterable[Hypothesis]:
    mine, theirs = (around(side.layer.settings.get("padding", 0), len(spatial(side))) for side in (fault.a, fault.b))
    automatic, symmetric = same(fault.a), _symmetric(fault.a)
    for old, new in ((symmetric, automatic), (automatic, symmetric)):
        if mine == old and old != new:
            yield assume(fault, mine, new, specific=theirs == new, settings={"padding": new})


def _padding_side(fault: Fault) -> Iterable[Hypothesis]:
    mine, theirs = (around(side.layer.settings.get("padding", 0), len(spatial(side))) for side in (fault.a, fault.b))
    mirrored = tuple((after, before) for before, after in mine)
    one_sided = [tuple((total, 0)[::turn] for total in map(sum, mine)) for turn in (1, -1)]
    for new in dict.fromkeys((mirrored, *one_sided)):
        if new != mine:
            yield assume(fault, mine, new, specific=theirs == new, settings={"padding": new})


def _padding_amount(fault: Fault) -> Iterable[Hypothesis]:
    rank = len(spatial(fault.a))
    mine, theirs = (around(side.layer.settings.get("padding", 0), rank) for side in (fault.a, fault.b))
    kernel, _, _ = geometry(fault.a)
    taken = [h.values[1] for other in (_padding_same, _padding_side) for h in other(fault)]
    usual = [((0, 0),) * rank, _symmetric(fault.a), same(fault.a), tuple((k // 2,) * 2 for k in kernel)]
    usual += [tuple((k - 1, 0) for k in kernel), tuple((k - 1,) * 2 for k in kernel)]
    usual += [tuple((before + more, after + more) for before, after in mine) for more in (-1, 1)]
    for new in dict.fromkeys((theirs, *usual)):
        if new != mine and new not in taken and min(min(pair) for pair in new) >= 0:
            yield assume(fault, mine, new, specific=new == theirs, settings={"padding": new})


def _torch_padding(value: Pairs, run: LayerRun) -> str:
    if all(before == after for before, after in value):
        return keyword("padding")(tuple(before for before, _ in value), run)
    fill = ", value=-inf" if run.layer.kind == "max_pool" else ""
    return f"x = F.pad(x, {[amount for pair in reversed(value) for amount in pair]}{fill}), then padding=0"


def _keras_padding(value: Pairs, run: LayerRun) -> str:
    if run.layer.kind == "max_pool":
        return f"x = keras.ops.pad(x, {value} in space, constant_values=-inf), then padding='valid'"
    return f"keras.layers.ZeroPadding{len(spatial(run))}D({value}), then padding='valid'"


def padding_causes(family: str, kinds: tuple[str, ...]) -> tuple[Cause, ...]:
    """The three causes about padding that convolution and pooling share."""
    found: tuple[tuple[str, str, Generator], ...] = (
        ("same", "'same' padding puts the odd zero at the end, symmetric padding does not", _padding_same),
        ("side", "the padding stands on the other side", _padding_side),
        ("amount", "the amounts of padding differ", _padding_amount),
    )
    return tuple(
        Cause(f"{family}.padding_{name}", kinds, title, generator, "padding {}", _torch_padding, _keras_padding)
        for name, title, generator in found
    )


def _weight(fault: Fault, now: str, changed: dict[str, Array]) -> Iterable[Hypothesis]:
    """The kernel, carried across in other ways; those that do not fit its shape or change nothing are left out."""
    weight = fault.a.layer.parameters["weight"]
    for then, new in changed.items():
        if new.shape == weight.shape and not np.array_equal(new, weight):
            yield assume(fault, now, then, parameters={"weight": new})


def _flipped(fault: Fault) -> Iterable[Hypothesis]:
    weight = fault.a.layer.parameters["weight"]
    axes = tuple(range(2, weight.ndim))
    return _weight(fault, "as stored", {"flipped in every spatial dimension": np.flip(weight, axes)})


def _rotated(fault: Fault) -> Iterable[Hypothesis]:
    weight = fault.a.layer.parameters["weight"]
    if weight.ndim < 4:
        return ()
    found = {f"flipped along axis {axis}": np.flip(weight, axis) for axis in range(2, weight.ndim)}
    found |= {f"rotated by {90 * k} degrees": np.rot90(weight, k, axes=(-2, -1)) for k in (1, 3)}
    return _weight(fault, "as stored", found)


def _transposed(fault: Fault) -> Iterable[Hypothesis]:
    weight = fault.a.layer.parameters["weight"]
    if weight.ndim < 4:
        return ()
    return _weight(fault, "(height, width)", {"(width, height)": weight.swapaxes(-1, -2)})


def _channels(fault: Fault) -> Iterable[Hypothesis]:
    weight = fault.a.layer.parameters["weight"]
    return _weight(fault, "as stored", {"input and output channels exchanged": weight.swapaxes(0, 1)})


def _reshaped(fault: Fault) -> Iterable[Hypothesis]:
    weight = fault.a.layer.parameters["weight"]
    last = np.moveaxis(weight, (1, 0), (-2, -1))
    as_stored = last.reshape(weight.shape)
    back = np.moveaxis(weight.reshape(last.shape), (-2, -1), (1, 0))
    return _weight(fault, "transposed", {"reshaped from Keras' order": as_stored, "reshaped to Keras' order": back})


def _depthwise(fault: Fault) -> Iterable[Hypothesis]:
    weight, groups = fault.a.layer.parameters["weight"], fault.a.layer.settings.get("groups", 1)
    if groups == 1 or weight.shape[1] != 1 or len(weight) == groups:
        return
    for then, rows in (("multiplier outermost", (-1, groups)), ("transposed once too often", (groups, -1))):
        order = np.arange(len(weight)).reshape(rows).T.ravel()
        names = [name for name in ("weight", "bias") if has(fault, name)]
        reordered = {name: fault.a.layer.parameters[name][order] for name in names}
        yield assume(fault, "channel outermost", then, parameters={"weight": weight[order]})
        yield assume(fault, "channel outermost", then + ", the bias as well", parameters=reordered)


def _input_groups(fault: Fault) -> Iterable[Hypothesis]:
    groups, x = fault.a.layer.settings.get("groups", 1), fault.a.inputs[0]
    if groups > 1 and x.shape[1] > groups:
        for shape in ((groups, -1), (-1, groups)):
            order = np.arange(x.shape[1]).reshape(shape).T.ravel()
            yield assume(fault, "neighbouring channels", "interleaved channels", inputs=(x[:, order],))


def _input_reversed(fault: Fault) -> Iterable[Hypothesis]:
    yield assume(fault, "as given", "reversed (BGR for RGB)", inputs=(fault.a.inputs[0][:, ::-1],))


def _crop(run: LayerRun) -> Pairs:
    rank = len(spatial(run))
    extra = _each(run.layer.settings.get("output_padding", 0), rank)
    pads = around(run.layer.settings.get("padding", 0), rank)
    return tuple((before, after - more) for (before, after), more in zip(pads, extra, strict=True))


def _crop_side(fault: Fault) -> Iterable[Hypothesis]:
    mine, theirs = _crop(fault.a), _crop(fault.b)
    for by in (None, 1, -1):
        if by is None:
            new = tuple((after, before) for before, after in mine)
        else:
            new = tuple((before + by, after - by) for before, after in mine)
        if new != mine and min(before for before, _ in new) >= 0:
            extra = tuple(max(0, -after) for _, after in new)
            changed = {"padding": tuple((b, max(0, a)) for b, a in new), "output_padding": extra}
            yield assume(fault, mine, new, specific=new == theirs, settings=changed)


KERNEL_TORCH, KERNEL_KERAS = "conv.weight.copy_(the kernel {})", "conv.kernel.assign(the kernel {})"


def _kernel(name: str, title: str, generator: Generator, kinds: tuple[str, ...] = CONV) -> Cause:
    return Cause(f"{kinds[0]}.{name}", kinds, title, generator, "kernel {}", KERNEL_TORCH, KERNEL_KERAS)


CAUSES = (
    *padding_causes("conv", CONV),
    Cause("conv.padding_mode", CONV, "the border is filled in another way",
          setting("padding_mode", "zeros", ("reflect", "replicate", "circular", "zeros")), "padding mode {}",
          keyword("padding_mode"), "x = keras.ops.pad(x, ..., mode='{}') before padding='valid'"),
    Cause("conv.stride", CONV, "the strides differ", setting("stride", 1, (1, 2, 3, 4)), "stride {}",
          keyword("stride"), keyword("strides")),
    Cause("conv.dilation", CONV, "the dilations differ", setting("dilation", 1, (1, 2, 3, 4)), "dilation {}",
          keyword("dilation"), keyword("dilation_rate")),
    Cause("conv.bias_missing", CONV, "one side has no bias", without("bias"), "{}",
          keyword("bias", lambda value: value == "bias"),
          keyword("use_bias", lambda value: value == "bias")),
    _kernel("kernel_flipped", "one side convolves, the other correlates: the kernel is flipped", _flipped),
    _kernel("kernel_transposed", "height and width of the kernel are exchanged", _transposed),
    _kernel("kernel_rotated", "the kernel is rotated or mirrored", _rotated),
    _kernel("channels_transposed", "input and output channels of the kernel are exchanged", _channels),
    _kernel("kernel_reshaped", "the kernel was reshaped where it should have been transposed", _reshaped),
    _kernel("depthwise_order", "channel and multiplier of the depthwise kernel are exchanged", _depthwise),
    Cause("conv.group_order", CONV, "the groups take other input channels", _input_groups, "groups of {}",
          "nn.Conv2d(groups=...) on {}", "keras.layers.Conv2D(groups=...) on {}"),
    Cause("conv.input_reversed", CONV, "the input's channels are in reverse order", _input_reversed, "channels {}",
          "x with its channels {}", "x with its channels {}"),
    Cause("conv_transpose.crop_side", TRANSPOSED, "the full output is cropped on the other side", _crop_side,
          "crop (before, after) {}", "padding=0, then crop the output by {}",
          "padding='valid', then keras.layers.Cropping2D({})"),
    Cause("conv_transpose.output_padding", TRANSPOSED, "the output paddings differ",
          setting("output_padding", 0, (0, 1, 2)), "output padding {}",
          keyword("output_padding"),
          keyword("output_padding")),
    Cause("conv_transpose.stride", TRANSPOSED, "the strides differ", setting("stride", 1, (1, 2, 3, 4)), "stride {}",
          keyword("stride"), keyword("strides")),
    Cause("conv_transpose.bias_missing", TRANSPOSED, "one side has no bias", without("bias"), "{}",
          keyword("bias", lambda value: value == "bias"),
          keyword("use_bias", lambda value: value == "bias")),
    _kernel("kernel_flipped", "the kernel is flipped", _flipped, TRANSPOSED),
    _kernel("channels_transposed", "input and output channels of the kernel are exchanged", _channels, TRANSPOSED),
)  # fmt: skip
