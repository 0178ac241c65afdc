"""Every cause, put into one side of a layer computed by the reference, must be found, and found first."""

from dataclasses import replace

import numpy as np
import pytest

from parity.causes import CAUSES, diagnose, measured
from parity.layer import Fault, Layer, LayerRun
from parity.reference import run


def data(*shape, seed=0):
    return np.random.default_rng(seed + 31 * sum(shape)).normal(size=shape)


def positive(*shape, seed=0):
    return np.abs(data(*shape, seed=seed)) + 0.3


def uniform(*shape):
    return np.random.default_rng(5).uniform(size=shape)


def computed(kind, settings, parameters, *inputs, train=False):
    """A sound run."""
    layer = Layer(kind, kind, settings, parameters)
    result = run(kind, settings, parameters, inputs, train=train)
    return LayerRun(layer, "torch", inputs, result.outputs, train, result.buffers)


def conv(weight, *shape, **settings):
    return computed("conv", settings, {"weight": data(*weight), "bias": data(weight[0], seed=1)}, data(*shape))


def transposed(weight, **settings):
    parameters = {"weight": data(*weight), "bias": data(weight[1], seed=1)}
    return computed("conv_transpose", settings, parameters, data(2, weight[0], 5, 4))


def pool(kind, **settings):
    return computed(kind, settings, {}, data(2, 3, 8, 7))


AFFINE = {"weight": positive(6), "bias": data(6, seed=2)}
RUNNING = {"running_mean": data(6, seed=3), "running_var": positive(6, seed=4)}
SQUARE = data(4, 6, 6, 5)


def batch_norm(train=False, **settings):
    chosen = {"eps": 1e-5, "momentum": 0.1, "unbiased": True, **settings}
    return computed("batch_norm", chosen, AFFINE | RUNNING, SQUARE, train=train)


def layer_norm(**settings):
    return computed("layer_norm", {"eps": 1e-5, **settings}, {"weight": positive(5), "bias": data(5)}, data(4, 3, 5))


def group_norm(**settings):
    return computed("group_norm", {"groups": 3, "eps": 1e-5, **settings}, AFFINE, SQUARE)


def dense(size=(5, 12)):
    return computed("dense", {}, {"weight": data(*size), "bias": data(size[0])}, data(3, size[1]))


def embedding():
    return computed("embedding", {}, {"weight": data(7, 5)}, np.array([[0, 3, 1], [6, 2, 0]]))


def activation(kind, **settings):
    return computed(kind, settings, {}, 3 * data(4, 5, 6))


def recurrent(kind, gates, *more, inputs=7, directions=("",), **settings):
    parameters = {}
    for i, suffix in enumerate(directions):
        for part, width in (("ih", inputs), ("hh", 4)):
            parameters[f"weight_{part}_l0{suffix}"] = data(4 * gates, width, seed=i + 50 * (part == "hh"))
            parameters[f"bias_{part}_l0{suffix}"] = data(4 * gates, seed=i + width)
    settings = {"hidden": 4, "bidirectional": len(directions) == 2, **settings}
    return computed(kind, settings, parameters, data(3, 5, inputs), *more)


STEPS = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 1, 1]], bool)


def lstm(*more, **settings):
    return recurrent("lstm", 4, *more, **settings)


def gru(**settings):
    return recurrent("gru", 3, **settings)


BOTH = ("", "_reverse")
PROJECTIONS = {
    "in_proj_weight": data(18, 6), "in_proj_bias": data(18), "out_proj.weight": data(6, 6), "out_proj.bias": data(6),
}  # fmt: skip
MASK = np.array([[1, 1, 0, 1], [1, 0, 1, 1], [1, 1, 1, 0], [0, 1, 1, 1], [1, 1, 0, 0]], bool)
QUERY, KEY, VALUE = data(2, 5, 6), data(2, 4, 6), data(2, 4, 6, seed=7)


def attention(*others, train=False, **settings):
    made = computed("attention", {"heads": 2, **settings}, PROJECTIONS, QUERY, KEY, VALUE, *others, train=train)
    return replace(made, outputs=made.outputs[:1])


LABELS = np.array([0, 3, 1, 4, 2, 3, 0])
WEIGHTS = (0.5, 1.5, 2.0, 0.25, 1.0)
P = np.exp(data(7, 5)) / np.exp(data(7, 5)).sum(1, keepdims=True)
P[0, 0], P[1, 3] = 1e-9, 1e-8


def loss(kind="cross_entropy", *inputs, **settings):
    return computed(kind, settings, {}, *(inputs or (data(7, 5), LABELS)))


def error(kind, **settings):
    return loss(kind, data(4, 3), data(4, 3, seed=1), **settings)


RATES = (0.5, 0.25, 0.125, 0.0625, 0.03125)


def optimizer(kind, *norms, rate=0.125, **settings):
    inputs = (data(3, 4), data(5, 3, 4), *norms)
    return computed(kind, {"learning_rate": rate, **settings}, {}, *inputs)


def upsample(**settings):
    return computed("upsample", settings, {}, data(2, 3, 7, 5))


def dropout(train=True, **settings):
    return computed("dropout", {"rate": 0.25, **settings}, {}, SQUARE, uniform(*SQUARE.shape), train=train)


def changed(base, *, outputs=None, parameters=None, **others):
    """What the base would have computed with other settings, parameters, kind, inputs or mode."""
    layer = base.layer
    kind = others.get("kind", layer.kind)
    kept = {} if kind != layer.kind and "settings" in others and others.get("fresh") else layer.settings
    settings = {**kept, **others.get("settings", {})}
    merged = {**layer.parameters, **(parameters(layer.parameters) if parameters else {})}
    merged = {name: value for name, value in merged.items() if value is not None}
    inputs = others["inputs"](base) if "inputs" in others else base.inputs
    result = run(kind, settings, merged, inputs, train=others.get("train", base.train))
    found = (outputs(result.outputs) if outputs else result.outputs)[: len(base.outputs)]
    seen = replace(layer, kind=kind, settings=settings)
    return replace(base, layer=seen, framework="tf", outputs=found, buffers=result.buffers), layer


def setting(**settings):
    return {"settings": settings}


def weights(change):
    return {"parameters": lambda held: {"weight": change(held["weight"])}}


def every(change, prefix=""):
    return {"parameters": lambda held: {n: change(v) for n, v in held.items() if n.startswith(prefix)}}


def gates(*order):
    return every(lambda value: np.concatenate([np.split(value, len(order))[i] for i in order]))


def missing(*names):
    return {"parameters": lambda held: dict.fromkeys(names)}


def first(function):
    return {"outputs": lambda outputs: (function(outputs[0]), *outputs[1:])}


def on_inputs(function):
    return {"inputs": lambda base: function(*base.inputs)}


def exchanged(a, b):
    return {"parameters": lambda held: {a: held[b], b: held[a]}}


def halves(array):
    return np.split(array, 2, axis=-1)


def forget(value):
    i, f, g, o = np.split(value, 4)
    return np.concatenate([i, f + 1, g, o])


def regroup(order):
    return lambda x: (x[:, order],)


def channel_noise(x, noise):
    return x, noise[:, :, 0, 0]


PADDED = conv((4, 6, 3, 3), 2, 6, 8, 7, stride=(2, 2), padding=((1, 1), (1, 1)))
PLAIN = conv((6, 6, 3, 3), 2, 6, 8, 7)
MAX = pool("max_pool", kernel=3, stride=2, padding=1)
AVERAGE = pool("avg_pool", kernel=3, stride=2, padding=1)
UP = transposed((6, 4, 3, 3), stride=2, padding=((1, 1), (1, 1)), output_padding=(1, 1))
LRN = computed("local_response_norm", {"size": 5, "alpha": 0.5, "beta": 0.75, "k": 1.0}, {}, data(2, 9, 3, 4))
PAD = computed("zero_pad", {"padding": ((2, 1), (0, 3))}, {}, data(2, 3, 4, 5))
JOIN = data(2, 3, 4), data(2, 3, 4, seed=1)
HINGE = data(6), np.sign(data(6, seed=1))
Q = np.exp(data(7, 5, seed=1)) / np.exp(data(7, 5, seed=1)).sum(1, keepdims=True)
KL = np.log(P), Q
DEPTH = conv((6, 1, 3, 3), 2, 3, 8, 7, groups=3)
NORMS = positive(5) * 5 + 3

# cause: what one side computes, and what the other side has instead
FORWARD = {
    "conv.padding_same": (PADDED, setting(padding=((0, 1), (1, 1)))),
    "conv.padding_side": (conv((4, 6, 3, 3), 2, 6, 8, 7, padding=((0, 1), (2, 1))),
                          setting(padding=((1, 0), (1, 2)))),
    "conv.padding_amount": (PADDED, setting(padding=((0, 0), (0, 0)))),
    "conv.padding_mode": (PADDED, setting(padding_mode="reflect")),
    "conv.stride": (PLAIN, setting(stride=2)),
    "conv.dilation": (PLAIN, setting(dilation=2)),
    "conv.bias_missing": (PADDED, missing("bias")),
    "conv.kernel_flipped": (PADDED, weights(lambda w: w[:, :, ::-1, ::-1])),
    "conv.kernel_rotated": (PADDED, weights(lambda w: np.rot90(w, axes=(2, 3)))),
    "conv.kernel_transposed": (PADDED, weights(lambda w: w.swapaxes(2, 3))),
    "conv.channels_transposed": (PLAIN, weights(lambda w: w.swapaxes(0, 1))),
    "conv.kernel_reshaped": (PADDED, weights(lambda w: w.transpose(2, 3, 1, 0).reshape(w.shape))),
    "conv.depthwise_order": (DEPTH, weights(lambda w: w.reshape(3, 2, 1, 3, 3).swapaxes(0, 1).reshape(w.shape))),
    "conv.group_order": (conv((4, 3, 3, 3), 2, 6, 8, 7, groups=2), on_inputs(regroup([0, 2, 4, 1, 3, 5]))),
    "conv.input_reversed": (PADDED, on_inputs(lambda x: (x[:, ::-1],))),
    "conv_transpose.crop_side": (UP, setting(padding=((0, 1), (0, 1)), output_padding=(0, 0))),
    "conv_transpose.output_padding": (UP, setting(output_padding=(0, 0))),
    "conv_transpose.stride": (transposed((6, 4, 3, 3)), setting(stride=2)),
    "conv_transpose.bias_missing": (UP, missing("bias")),
    "conv_transpose.kernel_flipped": (UP, weights(lambda w: w[:, :, ::-1, ::-1])),
    "conv_transpose.channels_transposed": (transposed((6, 6, 3, 3)), weights(lambda w: w.swapaxes(0, 1))),
    "pool.padding_same": (MAX, setting(padding=((0, 1), (1, 1)))),
    "pool.padding_side": (pool("max_pool", kernel=3, padding=((0, 1), (1, 2))), setting(padding=((1, 0), (2, 1)))),
    "pool.padding_amount": (MAX, setting(padding=((0, 0), (0, 0)))),
    "pool.count_include_pad": (AVERAGE, setting(count_include_pad=False)),
    "pool.padding_value": (MAX, on_inputs(lambda x: (np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]),))
                           | setting(padding=0)),
    "pool.ceil_mode": (pool("avg_pool", kernel=2, stride=3), setting(ceil_mode=True)),
    "pool.kind": (pool("max_pool", kernel=2), {"kind": "avg_pool"}),
    "pool.stride": (pool("max_pool", kernel=3), setting(stride=1)),
    "pool.kernel": (pool("max_pool", kernel=3, stride=1), setting(kernel=2)),
    "pool.dilation": (pool("max_pool", kernel=3, stride=1), setting(dilation=2)),
    "pool.axes": (pool("global_avg_pool"), first(lambda _: data(2, 3, 8, 7).mean((1, 2)))),
    "pool.bins": (pool("adaptive_avg_pool", size=(2, 2)), setting(size=3)),
    "lrn.alpha": (LRN, setting(divide_alpha_by_size=False)),
    "lrn.size": (LRN, setting(size=2)),
    "lrn.constants": (LRN, setting(k=2.0)),
    "norm.epsilon": (batch_norm(), setting(eps=1e-3)),
    "norm.epsilon_place": (group_norm(eps=1e-3), setting(eps_inside=False)),
    "norm.unbiased_variance": (group_norm(), setting(unbiased=True)),
    "batch_norm.batch_variance": (batch_norm(True), {"train": False, "parameters": lambda held: {
        "running_mean": SQUARE.mean((0, 2, 3)), "running_var": SQUARE.var((0, 2, 3), ddof=1)}}),
    "batch_norm.mode": (batch_norm(), setting(batch_statistics=True)),
    "batch_norm.axis": (batch_norm(), setting(axis=2)),
    "norm.weight_missing": (layer_norm(), missing("weight")),
    "norm.bias_missing": (batch_norm(), missing("bias")),
    "norm.affine_missing": (group_norm(), missing("weight", "bias")),
    "norm.swapped": (batch_norm(), exchanged("weight", "bias")),
    "batch_norm.statistics_not_loaded": (batch_norm(), {"parameters": lambda held: {
        "running_mean": np.zeros(6), "running_var": np.ones(6)}}),
    "batch_norm.statistics_swapped": (computed("batch_norm", {"eps": 1e-5}, AFFINE | {
        "running_mean": positive(6), "running_var": positive(6, seed=4)}, SQUARE),
        exchanged("running_mean", "running_var")),
    "batch_norm.variance_as_deviation": (batch_norm(), {"parameters": lambda held: {
        "running_var": np.sqrt(held["running_var"])}}),
    "group_norm.groups": (group_norm(), setting(groups=2)),
    "group_norm.interleaved": (group_norm(), setting(interleaved=True)),
    "layer_norm.kind": (layer_norm(), {"kind": "rms_norm"}),
    "layer_norm.axes": (computed("layer_norm", {"eps": 1e-5}, {}, data(4, 3, 5)), setting(axes=(1,))),
    "dense.transposed": (dense((6, 6)), weights(np.transpose)),
    "dense.bias_missing": (dense(), missing("bias")),
    "dense.input_order": (dense(), on_inputs(lambda x: (x.reshape(3, 4, 3).swapaxes(1, 2).reshape(3, 12),))),
    "weights.rounded": (dense(), every(lambda value: value.astype(np.float16).astype(float))),
    "settings.float32": (activation("leaky_relu", slope=0.3), setting(slope=float(np.float32(0.3)))),
    "embedding.padding_row": (embedding(), weights(lambda w: w * (np.arange(7) != 0)[:, None])),
    "embedding.offset": (embedding(), weights(lambda w: np.roll(w, -1, 0))),
    "embedding.scaled": (embedding(), first(lambda y: y * np.sqrt(5))),
    "activation.gelu_form": (activation("gelu"), setting(approximate="tanh")),
    "activation.slope": (activation("leaky_relu", slope=0.01), setting(slope=0.237)),
    "activation.alpha": (activation("elu", alpha=1.0), setting(alpha=0.5)),
    "activation.softmax_log": (activation("softmax", axis=1), {"kind": "log_softmax"}),
    "activation.softmax_axis": (activation("softmax", axis=-1), setting(axis=1)),
    "activation.hard_sigmoid_form": (activation("hard_sigmoid"), setting(form="old_keras")),
    "activation.softplus_beta": (activation("softplus"), setting(beta=2.0)),
    "activation.softplus_threshold": (computed("softplus", {"threshold": 5.0}, {}, 10 * data(4, 50)),
                                      setting(threshold=None)),
    "activation.lower_bound": (activation("hard_tanh", low=-1.0), setting(low=0.0)),
    "activation.upper_bound": (activation("hard_tanh", high=1.0), setting(high=6.0)),
    "activation.missing": (activation("tanh"), {"kind": "identity"}),
    "activation.doubled": (activation("sigmoid"), on_inputs(lambda x: (1 / (1 + np.exp(-x)),))),
    "activation.wrong": (activation("relu"), {"kind": "silu"}),
    "activation.fused": (dense(), first(lambda y: np.maximum(y, 0))),
    "gru.reset_after": (gru(), setting(reset_after=False)),
    "gru.update_inverted": (gru(), setting(invert_update=True)),
    "rnn.gate_order": (lstm(), gates(0, 2, 1, 3)),
    "rnn.activation": (recurrent("rnn", 1), setting(activation="relu")),
    "rnn.recurrent_activation": (lstm(), setting(recurrent_activation="old_hard_sigmoid")),
    "rnn.bias_missing": (lstm(), missing("bias_hh_l0")),
    "rnn.bias_doubled": (lstm(), every(lambda value: 2 * value, "bias_ih")),
    "rnn.bias_merged": (gru(), {"parameters": lambda held: {
        "bias_ih_l0": held["bias_ih_l0"] + held["bias_hh_l0"], "bias_hh_l0": None}}),
    "lstm.forget_bias": (lstm(), every(forget, "bias_ih")),
    "rnn.kernels_swapped": (lstm(inputs=4), exchanged("weight_ih_l0", "weight_hh_l0")),
    "rnn.kernel_transposed": (recurrent("rnn", 1), every(np.transpose, "weight_hh")),
    "rnn.directions_swapped": (lstm(directions=BOTH), {"parameters": lambda held: {
        n: held[n.removesuffix("_reverse") if n.endswith("_reverse") else n + "_reverse"] for n in held}}),
    "rnn.direction": (lstm(), setting(go_backwards=True)),
    "rnn.mask": (lstm(STEPS), on_inputs(lambda x, mask: (x,))),
    "rnn.backward_order": (lstm(directions=BOTH), first(
        lambda y: np.concatenate([halves(y)[0], halves(y)[1][:, ::-1]], -1))),
    "rnn.backward_state": (lstm(directions=BOTH, return_sequences=False),
                           setting(return_sequences=True) | first(lambda y: y[:, -1])),
    "rnn.merge_sum": (lstm(directions=BOTH), first(lambda y: sum(halves(y)))),
    "rnn.merge_average": (lstm(directions=BOTH), first(lambda y: sum(halves(y)) / 2)),
    "rnn.return_sequences": (lstm(), setting(return_sequences=False)),
    "rnn.batch_first": (replace(lstm(), outputs=lstm().outputs[:1]),
                        on_inputs(lambda x: (x.swapaxes(0, 1),)) | first(lambda y: y.swapaxes(0, 1))),
    "lstm.cell_returned": (lstm(return_sequences=False), {"outputs": lambda y: (y[2][-1], *y[1:])}),
    "rnn.state_ignored": (lstm(data(1, 3, 4), data(1, 3, 4, seed=1)), on_inputs(lambda x, h, c: (x,))),
    "attention.mask_polarity": (attention(MASK), on_inputs(lambda q, k, v, m: (q, k, v, ~m))),
    "attention.mask_ignored": (attention(MASK), on_inputs(lambda q, k, v, m: (q, k, v))),
    "attention.causal": (attention(), setting(causal=True)),
    "attention.scale": (attention(), setting(scale=1.0)),
    "attention.softmax_axis": (attention(), setting(softmax_over="queries")),
    "attention.heads": (attention(), setting(heads=3)),
    "attention.key_value": (attention(), on_inputs(lambda q, k, v: (q, v, k))),
    "attention.packed_order": (attention(), every(
        lambda value: np.concatenate([np.split(value, 3)[i] for i in (0, 2, 1)]), "in_proj")),
    "attention.head_order": (attention(), {"parameters": lambda held: {
        "out_proj.weight": held["out_proj.weight"][:, np.arange(6).reshape(2, 3).T.ravel()]}}),
    "attention.transposed": (attention(), {"parameters": lambda held: {"out_proj.weight": held["out_proj.weight"].T}}),
    "attention.bias_missing": (attention(), missing("out_proj.bias")),
    "attention.dropout": (attention(uniform(2, 2, 5, 4), train=True, rate=0.3), setting(rate=0.0)),
    "loss.reduction": (error("mse"), setting(reduction="sum")),
    "loss.from_logits": (loss("cross_entropy", P, LABELS, reduction="none"), setting(from_logits=False)),
    "loss.double_softmax": (loss(), on_inputs(lambda x, y: (np.exp(x) / np.exp(x).sum(1, keepdims=True), y))),
    "loss.clip": (loss("cross_entropy", P, LABELS, from_logits=False), setting(clip=1e-7)),
    "loss.normalise": (loss("cross_entropy", positive(7, 5), LABELS, from_logits=False), setting(normalise="before")),
    "loss.label_smoothing": (loss(), setting(label_smoothing=0.1)),
    "loss.smoothing_spread": (loss(label_smoothing=0.3), setting(smooth_over="others")),
    "loss.weight_divisor": (loss(weights=WEIGHTS), setting(divisor="samples")),
    "loss.class_weights": (loss(weights=WEIGHTS), setting(weights=None)),
    "loss.ignore_index": (loss(), setting(ignore_index=0)),
    "loss.log_base": (loss(), setting(log_base=2.0)),
    "loss.pos_weight": (loss("binary_cross_entropy", data(4, 3), uniform(4, 3), pos_weight=3.0),
                        setting(pos_weight=1.0)),
    "loss.huber_form": (error("huber", delta=0.3), {"kind": "smooth_l1", "settings": {"beta": 0.3}, "fresh": True}),
    "loss.huber_width": (error("huber", delta=0.5), setting(delta=1.0)),
    "loss.error": (error("mse"), {"kind": "l1"}),
    "loss.kl_swapped": (loss("kl_div", P, Q, log_input=False), setting(swapped=True)),
    "loss.kl_log_input": (loss("kl_div", P, Q, log_input=False), setting(log_input=True)),
    "loss.kl_log_target": (loss("kl_div", *KL), setting(log_target=True)),
    "loss.hinge_squared": (loss("hinge", *HINGE), setting(squared=True)),
    "loss.factor": (error("mse"), first(lambda y: y / 2)),
    "optimizer.epsilon": (optimizer("adam", eps=1e-8), setting(eps=1e-3)),
    "optimizer.epsilon_place": (optimizer("adam", eps=1e-2), setting(eps_inside=True)),
    "optimizer.bias_correction": (optimizer("adam"), setting(bias_correction=False)),
    "optimizer.amsgrad": (optimizer("adam", betas=(0.5, 0.5)), setting(amsgrad=True)),
    "optimizer.betas": (optimizer("adam"), setting(betas=(0.5, 0.999))),
    "optimizer.rho": (optimizer("rmsprop", rho=0.99), setting(rho=0.9)),
    "optimizer.centered": (optimizer("rmsprop", eps=1e-2), setting(centered=True)),
    "optimizer.initial_accumulator": (optimizer("adagrad"), setting(initial_accumulator=0.1)),
    "optimizer.momentum_form": (optimizer("sgd", rate=RATES, momentum=0.9), setting(momentum_form="keras")),
    "optimizer.nesterov": (optimizer("sgd", momentum=0.9), setting(nesterov=True)),
    "optimizer.dampening": (optimizer("sgd", momentum=0.9), setting(dampening=0.9)),
    "optimizer.momentum": (optimizer("sgd", momentum=0.9), setting(momentum=0.0)),
    "optimizer.decay_coupling": (optimizer("adam", weight_decay=0.1), setting(decoupled=True)),
    "optimizer.decay_times_rate": (optimizer("adamw", weight_decay=0.1), setting(decay_times_rate=False)),
    "optimizer.weight_decay": (optimizer("adamw", weight_decay=0.01), setting(weight_decay=0.0)),
    "optimizer.clip_scope": (optimizer("sgd", NORMS, clip_norm=1.0), setting(clip_norm=None, global_clip=1.0)),
    "optimizer.clip_epsilon": (optimizer("sgd", clip_norm=1.0), setting(clip_eps=1e-6)),
    "optimizer.clipping": (optimizer("sgd", clip_norm=0.3), setting(clip_norm=None)),
    "optimizer.schedule": (optimizer("sgd", rate=RATES), setting(learning_rate=np.array([0.5, *RATES[:-1]]))),
    "optimizer.gradients_accumulated": (optimizer("sgd"), on_inputs(lambda p, g: (p, g.cumsum(0)))),
    "optimizer.state_reset": (optimizer("adam"), setting(reset_each_step=True)),
    "optimizer.sign": (optimizer("adam"), on_inputs(lambda p, g: (p, -g))),
    "optimizer.learning_rate": (optimizer("sgd"), setting(learning_rate=0.0375)),
    "resize.align_corners": (upsample(scale=2, mode="bilinear"), setting(align_corners=True)),
    "resize.half_pixel": (upsample(scale=1.7), setting(half_pixel=True)),
    "resize.cubic": (upsample(scale=2, mode="bicubic"), setting(cubic=-0.5)),
    "resize.antialias": (upsample(size=(3, 3), mode="bilinear"), setting(antialias=True)),
    "resize.mode": (upsample(scale=2), setting(mode="bilinear")),
    "dropout.mode": (dropout(False), {"train": True}),
    "dropout.rate_kept": (dropout(), setting(rate=0.75)),
    "dropout.scale": (dropout(), setting(scale="test")),
    "dropout.shape": (dropout(), on_inputs(channel_noise) | setting(shape="channel")),
    "dropout.rate": (dropout(), setting(rate=0.4)),
    "flatten.order": (computed("flatten", {"order": "CHW"}, {}, data(2, 3, 4, 5)), setting(order="HWC")),
    "zero_pad.amount": (PAD, setting(padding=((0, 3), (2, 1)))),
    "join.order": (computed("concat", {"axis": 1}, {}, *JOIN), on_inputs(lambda a, b: (b, a))),
    "join.axis": (computed("concat", {"axis": 1}, {}, *JOIN), setting(axis=2)),
    "join.branch_missing": (computed("add", {}, {}, *JOIN), {"kind": "identity", "inputs": lambda base: JOIN[:1]}),
}  # fmt: skip
BUFFERS = {
    "batch_norm.momentum_convention": setting(momentum=0.9),
    "batch_norm.momentum": setting(momentum=0.37),
    "batch_norm.running_variance": setting(unbiased=False),
    "batch_norm.not_updated": {"train": False},
}


def fault(id):
    base, change = FORWARD.get(id) or (batch_norm(True), BUFFERS[id])
    return base, *changed(base, **change), "buffer" if id in BUFFERS else "forward"


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("id", [*FORWARD, *BUFFERS])
def test_a_hidden_cause_is_found_first(id, known):
    base, other, layer, phase = fault(id)
    found = diagnose(Fault(base, replace(other, layer=layer if known else Layer("own", "unknown")), phase))
    assert found, measured(Fault(base, other, phase))
    assert found[0].cause == id, [diagnosis.cause for diagnosis in found]
    assert found[0].remaining <= 1e-10
    assert "behaves as if" in found[0].title
    assert all(found[0].settings)
    assert all(found[0].fixes)


@pytest.mark.parametrize(
    "id", [id for id, (_, change) in (FORWARD | {id: (None, c) for id, c in BUFFERS.items()}).items()
           if change.keys() <= {"settings", "kind", "fresh"}]
)  # fmt: skip
def test_a_cause_that_the_settings_show_is_found_first_from_either_side(id):
    base, other, _, phase = fault(id)
    for pair in ((base, other), (other, base)):
        found = diagnose(Fault(*pair, phase))
        assert found[0].cause == id, [diagnosis.cause for diagnosis in found]
        assert "behaves as if" not in found[0].title
        assert found[0].settings[0] != found[0].settings[1]


def test_two_layers_that_override_their_kinds_are_taken_as_they_behave():
    """One says "biased" and is not, the other one says the opposite, and is not either."""
    truly, biased = batch_norm(True, unbiased=True), batch_norm(True, unbiased=False)
    a = replace(truly, layer=replace(truly.layer, settings={**truly.layer.settings, "unbiased": False}))
    b = replace(biased, layer=replace(biased.layer, settings={**biased.layer.settings, "unbiased": True}))
    (found,) = diagnose(Fault(a, b, "buffer"))
    assert found.cause == "batch_norm.running_variance"
    assert found.settings == ("unbiased: True", "unbiased: False")
    assert found.remaining <= 1e-10


def test_two_layers_that_do_nothing_known_have_no_cause():
    a, b = (replace(made, buffers={n: v + 0.1 * i for n, v in made.buffers.items()}) for i, made in enumerate(
        (batch_norm(True), batch_norm(True)), start=1
    ))  # fmt: skip
    assert diagnose(Fault(a, b, "buffer")) == ()


def with_gradients(made):
    """Gradients by the formulas of a dense layer."""
    x, cotangent = made.inputs[0], data(*made.outputs[0].shape, seed=9)
    gradients = {"weight": cotangent.T @ x, "bias": cotangent.sum(0)}
    return replace(made, cotangents=(cotangent,), input_gradients=(cotangent @ made.layer.parameters["weight"],),
                   parameter_gradients=gradients)  # fmt: skip


def gradients_of_batch_norm():
    made = batch_norm(True)
    x, g = SQUARE, data(*SQUARE.shape, seed=9)
    axes, n, scale = (0, 2, 3), x.size // 6, AFFINE["weight"].reshape(6, 1, 1)
    deviation = np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    normal = (x - x.mean(axes, keepdims=True)) / deviation
    terms = g - g.sum(axes, keepdims=True) / n - normal * (g * normal).sum(axes, keepdims=True) / n
    sound = replace(made, cotangents=(g,), input_gradients=(scale * terms / deviation,))
    return sound, replace(sound, input_gradients=(scale * g / deviation,), framework="tf")


def gradients_of_embedding():
    made = embedding()
    gradient = np.zeros((7, 5))
    cotangent = data(2, 3, 5)
    np.add.at(gradient, made.inputs[0], cotangent)
    sound = replace(made, cotangents=(cotangent,), parameter_gradients={"weight": gradient})
    blocked = gradient * (np.arange(7) != 0)[:, None]
    return sound, replace(sound, parameter_gradients={"weight": blocked}, framework="tf")


def gradients_of_hard_sigmoid():
    made = activation("hard_sigmoid", form="torch")
    cotangent = data(*made.outputs[0].shape, seed=9)
    gradients = [cotangent * (np.abs(made.inputs[0]) < 3) * sixth for sixth in (np.float64(np.float32(1 / 6)), 1 / 6)]
    torch, keras = (replace(made, cotangents=(cotangent,), input_gradients=(g,)) for g in gradients)
    return torch, replace(keras, framework="tf")


def scaled_gradients(factor, *, inputs=True):
    def pair():
        sound = with_gradients(dense())
        changed_inputs = tuple(factor * g for g in sound.input_gradients) if inputs else sound.input_gradients
        named = {name: factor * g for name, g in sound.parameter_gradients.items()}
        return sound, replace(sound, input_gradients=changed_inputs, parameter_gradients=named, framework="tf")

    return pair


BACKWARD = {
    "gradient.blocked": scaled_gradients(0.0, inputs=False),
    "gradient.doubled": scaled_gradients(2.0),
    "gradient.sign": scaled_gradients(-1.0),
    "gradient.batch_mean": scaled_gradients(1 / 3),
    "gradient.scaled": scaled_gradients(0.7),
    "batch_norm.detached": gradients_of_batch_norm,
    "embedding.padding_blocked": gradients_of_embedding,
}


@pytest.mark.parametrize("id", BACKWARD)
def test_a_cause_in_the_gradients_is_found_first_and_on_the_right_side(id):
    sound, wrong = BACKWARD[id]()
    for pair, names in (((sound, wrong), "tf"), ((wrong, sound), "tf")):
        found = diagnose(Fault(*pair, "backward"))
        assert found[0].cause == id, [diagnosis.cause for diagnosis in found]
        assert f"the {names} layer" in found[0].title


def test_a_constant_of_float32_in_a_gradient_is_found_without_a_side():
    single, double = gradients_of_hard_sigmoid()  # too near for a difference quotient to tell them apart
    for pair in ((single, double), (double, single)):
        assert [diagnosis.cause for diagnosis in diagnose(Fault(*pair, "backward"))] == ["gradient.float32"]


def test_every_cause_has_a_test():
    assert len({cause.id for cause in CAUSES}) == len(CAUSES) >= 60
    assert {cause.id for cause in CAUSES} == set(FORWARD) | set(BUFFERS) | set(BACKWARD) | {"gradient.float32"}


CLEAN = {id: base for id, (base, _) in FORWARD.items()}


@pytest.mark.parametrize("id", CLEAN)
def test_equal_sides_have_no_cause(id):
    assert diagnose(Fault(CLEAN[id], replace(CLEAN[id], framework="tf"))) == ()


@pytest.mark.parametrize("id", CLEAN)
def test_noise_has_no_cause(id):
    base = CLEAN[id]
    noisy = tuple(y + 0.01 * data(*np.shape(y), seed=77) for y in base.outputs)
    assert diagnose(Fault(base, replace(base, framework="tf", outputs=noisy))) == ()


def test_neither_side_doing_what_its_settings_say_has_no_cause():
    base = dense()
    a, b = (replace(base, outputs=(factor * base.outputs[0],)) for factor in (1.1, 1.2))
    assert diagnose(Fault(a, b)) == ()


def test_gradient_noise_has_no_cause():
    sound = with_gradients(dense())
    noisy = tuple(g + 0.01 * data(*g.shape, seed=77) for g in sound.input_gradients)
    assert diagnose(Fault(sound, replace(sound, input_gradients=noisy), "backward")) == ()


@pytest.mark.parametrize(
    ("base", "change", "expected"),
    [
        (batch_norm(), setting(eps=1e-3, axis=2), "norm.epsilon + batch_norm.axis"),
        (PADDED, setting(padding=((0, 1), (1, 1))) | weights(lambda w: w[:, :, ::-1, ::-1]),
         "conv.padding_same + conv.kernel_flipped"),
        (optimizer("adam", eps=1e-2), setting(eps=1e-3, eps_inside=True), "optimizer.epsilon + "
                                                                          "optimizer.epsilon_place"),
    ],
    ids=["batch_norm", "conv", "adam"],
)  # fmt: skip
def test_two_causes_at_once(base, change, expected):
    other, layer = changed(base, **change)
    if "parameters" in change:
        other = replace(other, layer=replace(layer, settings=other.layer.settings))
    hidden = diagnose(Fault(base, replace(other, layer=layer)))
    assert set(hidden[0].cause.split(" + ")) == set(expected.split(" + "))


def test_the_reader_gets_the_line_of_code():
    base = batch_norm()
    other, _ = changed(base, **setting(eps=1e-3))
    base = replace(base, layer=replace(base.layer, code="nn.BatchNorm2d(6, eps=1e-05)"))
    found = diagnose(Fault(base, other))[0]
    assert found.settings == ("epsilon 1e-05", "epsilon 0.001")
    assert found.fixes == ("nn.BatchNorm2d(6, eps=0.001)", "keras.layers.BatchNormalization(..., epsilon=1e-05)")


X = data(2, 3, 6, 5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda y: 1.5 * y, "b = 1.5 a exactly"),
        (lambda y: y + 0.25, "b = a + 0.25"),
        (lambda y: y + np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1), "one constant for each channel"),
        (lambda y: y + (np.arange(3) == 1).reshape(3, 1, 1) * data(6, 5), "only in the channels [1] of 3"),
        (lambda y: y + (np.arange(6) == 5).reshape(6, 1) * data(6, 5), "along axis 2 only at the last"),
        (lambda y: y + np.pad(np.zeros((4, 3)), 1, constant_values=1) * data(6, 5), "only at the borders"),
        (lambda y: y[:, ::-1], "b is a reversed along axis 1"),
        (lambda y: np.roll(y, 1, 3), "b is a shifted by +1 along axis 3"),
        (lambda y: y.transpose(0, 2, 3, 1), "the same values in another order"),
        (lambda y: y.reshape(2, -1), "the same values in another shape"),
        (lambda y: 0 * y, "side b is 0 everywhere"),
        (lambda y: y.astype(np.float32), "rounding of float32"),
        (lambda y: y + np.nan, "are not finite"),
        (lambda y: y + (y == y.max()), "0.6% of the elements differ"),
    ],
    ids=["factor", "offset", "channel-offset", "channel", "edge", "border", "reversed", "shifted", "order", "shape",
         "zero", "float32", "nan", "share"],
)  # fmt: skip
def test_what_was_measured(change, said):
    base = computed("identity", {}, {}, X)
    assert said in measured(Fault(base, replace(base, outputs=(change(X),))))


def test_a_transposition_is_measured():
    base = computed("identity", {}, {}, data(4, 4))
    assert "axes in the order (1, 0)" in measured(Fault(base, replace(base, outputs=(data(4, 4).T,))))
