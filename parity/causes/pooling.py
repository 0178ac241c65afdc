"""Why two poolings differ: borders, windows, and local response normalisation's constants."""

from collections.abc import Iterable

import numpy as np

from parity.causes.cause import Cause, Hypothesis, assume, keyword, setting, spatial
from parity.causes.convolution import around, padding_causes
from parity.layer import Fault
from parity.reference.pooling import KINDS

__all__ = ["CAUSES"]

POOLS, MAX, AVERAGE = ("max_pool", "avg_pool"), ("max_pool",), ("avg_pool",)
GLOBAL, LRN = ("global_avg_pool", "global_max_pool"), ("local_response_norm",)
OTHER = {
    "max_pool": "avg_pool",
    "avg_pool": "max_pool",
    "global_avg_pool": "global_max_pool",
    "global_max_pool": "global_avg_pool",
}


def _other_kind(fault: Fault) -> Iterable[Hypothesis]:
    kind, settings = fault.a.layer.kind, fault.a.layer.settings
    kept = {name: value for name, value in settings.items() if name in KINDS[OTHER[kind]].settings}
    yield assume(fault, kind, OTHER[kind], specific=fault.b.layer.kind == OTHER[kind], kind=OTHER[kind], settings=kept)


def _zeros_win(fault: Fault) -> Iterable[Hypothesis]:
    """Padding the input itself, so that a zero is the maximum among negative values."""
    x, pads = fault.a.inputs[0], around(fault.a.layer.settings.get("padding", 0), len(spatial(fault.a)))
    padded = np.pad(x, [(0, 0), (0, 0), *pads])
    yield assume(fault, "left out", "zeros that can win", inputs=(padded,), settings={"padding": 0})


def _border_counts(fault: Fault) -> Iterable[Hypothesis]:
    """With explicit zeros before a pooling without padding, the zeros count."""
    mine = fault.a.layer.settings.get("count_include_pad", True)
    theirs = fault.b.layer.settings.get("count_include_pad", True)
    yield assume(fault, mine, not mine, specific=mine != theirs, settings={"count_include_pad": not mine})


def _wrong_axes(fault: Fault) -> Iterable[Hypothesis]:
    """The mean over height and width of an array in the other layout."""
    x = fault.a.inputs[0]
    axes = tuple(range(1, x.ndim - 1))
    keep = bool(fault.a.layer.settings.get("keep_dims", False))
    pool = np.max if fault.a.layer.kind == "global_max_pool" else np.mean
    outputs = {
        "the first two of channels first": lambda _: (np.asarray(pool(x, axis=axes, keepdims=keep)),),
        "the last ones of channels last": lambda _: (
            np.asarray(pool(np.moveaxis(x, 1, -1), axis=tuple(range(2, x.ndim)), keepdims=keep)),
        ),
    }
    for then, computed in outputs.items():
        yield assume(fault, "the spatial ones", then, outputs=computed)


def _windows(fault: Fault) -> Iterable[int]:
    size = int(fault.a.layer.settings["size"])
    return (2 * size + 1, (size - 1) // 2, size + 1, size - 1)


def _divided(fault: Fault) -> Iterable[Hypothesis]:
    mine = fault.a.layer.settings.get("divide_alpha_by_size", True)
    theirs = fault.b.layer.settings.get("divide_alpha_by_size", True)
    words = {True: "divided by the window's size", False: "as it is"}
    specific = mine != theirs
    changed = {"divide_alpha_by_size": not mine}
    yield assume(fault, words[mine], words[not mine], specific=specific, settings=changed)


CAUSES = (
    *padding_causes("pool", POOLS),
    Cause("pool.count_include_pad", AVERAGE, "one side counts the padding in its means, the other does not",
          _border_counts, "count_include_pad {}", keyword("count_include_pad"),
          "divide keras.ops.average_pool(x, ...) by that of ones: count_include_pad {}"),
    Cause("pool.padding_value", MAX, "the padding's zeros take part in the maximum", _zeros_win, "padding {}",
          keyword("padding"), "keras.layers.MaxPooling2D(padding='same'): padding {}"),
    Cause("pool.ceil_mode", POOLS, "one side rounds the number of windows up, the other down",
          setting("ceil_mode", False, (True, False)), "ceil_mode {}", keyword("ceil_mode"),
          "keras.layers.MaxPooling2D(padding='same' or 'valid') for ceil_mode {}"),
    Cause("pool.kind", (*POOLS, *GLOBAL), "one side takes means, the other maxima", _other_kind, "{}",
          "the module that computes {}", "the layer that computes {}"),
    Cause("pool.stride", POOLS, "the strides differ", setting("stride", None, (1, 2, 3, 4)), "stride {}",
          keyword("stride"), keyword("strides")),
    Cause("pool.kernel", POOLS, "the windows differ", setting("kernel", None, (2, 3, 4, 5)), "window {}",
          keyword("kernel_size"), keyword("pool_size")),
    Cause("pool.dilation", POOLS, "the dilations differ", setting("dilation", 1, (1, 2, 3)), "dilation {}",
          keyword("dilation"), "tf.nn.pool(x, ..., dilations={})"),
    Cause("pool.axes", GLOBAL, "one side pools over the channels: the layout is another", _wrong_axes, "axes {}",
          "x.mean(dim=(2, 3)) on (N, C, H, W): {}", "GlobalAveragePooling2D(data_format='channels_last'): {}"),
    Cause("pool.bins", ("adaptive_avg_pool",), "the sizes of the output differ",
          setting("size", None, (1, 2, 3, 4, 5, 6, 7)), "output size {}",
          keyword("output_size"),
          keyword("output_size")),
    Cause("lrn.alpha", LRN, "PyTorch divides alpha by the window's size, TensorFlow does not", _divided, "alpha {}",
          "nn.LocalResponseNorm(alpha=alpha * size) for alpha {}", "tf.nn.lrn(alpha=alpha / size) for alpha {}"),
    Cause("lrn.size", LRN, "the windows differ: PyTorch counts channels, TensorFlow a radius",
          setting("size", None, _windows), "window of {} channels",
          keyword("size"), keyword("depth_radius", lambda size: size // 2)),
    Cause("lrn.constants", LRN, "the added constants differ", setting("k", 1.0, (1.0, 2.0)), "k {}",
          keyword("k"), keyword("bias")),
)  # fmt: skip
