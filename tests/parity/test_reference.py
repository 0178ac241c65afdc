"""Every kind of the NumPy reference against PyTorch, and against Keras where PyTorch has no such form; float64."""

import numpy as np
import pytest

from parity.reference import KINDS, Unsupported, run
from tests.conftest import load

LIMIT = 1e-12


def data(*shape, seed=0):
    return np.random.default_rng(seed + 31 * sum(shape)).normal(size=shape)


def positive(*shape):
    return np.abs(data(*shape)) + 0.1


def noise(*shape):
    return np.random.default_rng(5).uniform(size=shape)


X = data(2, 6, 9, 7)
SEQUENCE = data(3, 5, 7)
LABELS = np.array([0, 3, 1, 4, 2, 3, 0])
WEIGHTS = [0.5, 1.5, 2.0, 0.25, 1.0]
P = np.exp(data(7, 5)) / np.exp(data(7, 5)).sum(1, keepdims=True)
GRADIENTS = data(5, 3, 4)
RATES = [0.5, 0.25, 0.125, 0.0625, 0.03125]


def module(name, *args, **settings):
    """A module in eval mode, its parameters taken from ours."""
    return ("module", name, args, settings)


def function(name, **settings):
    """A function of torch.nn.functional."""
    return ("function", name, (), settings)


def optimizer(name, **settings):
    """An optimizer whose learning rate changes at each step."""
    return ("optimizer", name, (), settings)


def conv_weights(*shape):
    return {"weight": data(*shape), "bias": data(shape[0], seed=1)}


NORM = {"weight": positive(6), "bias": data(6, seed=2)}
RUNNING = {"running_mean": data(6, seed=3), "running_var": positive(6)}


def recurrent_weights(gates, layers=1, directions=("",), inputs=7, hidden=4):
    found = {}
    for layer in range(layers):
        size = inputs if layer == 0 else hidden * len(directions)
        for i, suffix in enumerate(directions):
            for part, width in (("ih", size), ("hh", hidden)):
                seed = layer + 10 * i + len(found)
                found[f"weight_{part}_l{layer}{suffix}"] = data(gates * hidden, width, seed=seed)
                found[f"bias_{part}_l{layer}{suffix}"] = data(gates * hidden, seed=seed)
    return found


ATTENTION = {
    "in_proj_weight": data(18, 6), "in_proj_bias": data(18), "out_proj.weight": data(6, 6), "out_proj.bias": data(6),
}  # fmt: skip
BOTH = ("", "_reverse")
SAME = ((1, 1), (2, 2))

# kind, settings, parameters, inputs, train mode, what PyTorch calls it
CASES = {
    "dense": ("dense", {}, {"weight": data(5, 7), "bias": data(5)}, (data(3, 4, 7),), module("Linear", 7, 5)),
    "dense-no-bias": ("dense", {}, {"weight": data(5, 7)}, (data(3, 7),), module("Linear", 7, 5, bias=False)),
    "embedding": ("embedding", {"padding_idx": 2}, {"weight": data(5, 3)}, (LABELS,), module("Embedding", 5, 3, 2)),
    "conv1d": ("conv", {"stride": 2, "padding": ((3, 3),)}, conv_weights(4, 6, 5), (data(2, 6, 11),),
               module("Conv1d", 6, 4, 5, 2, 3)),
    "conv2d": ("conv", {"stride": (2, 1), "padding": SAME, "dilation": (1, 2), "groups": 2}, conv_weights(4, 3, 3, 2),
               (X,), module("Conv2d", 6, 4, (3, 2), (2, 1), (1, 2), (1, 2), 2)),
    "conv3d": ("conv", {"groups": 3}, conv_weights(6, 1, 2, 3, 2), (data(2, 3, 4, 5, 3),),
               module("Conv3d", 3, 6, (2, 3, 2), groups=3)),
    **{f"conv-{mode}": ("conv", {"padding": SAME, "padding_mode": mode}, conv_weights(4, 6, 3, 3), (X,),
                        module("Conv2d", 6, 4, 3, padding=(1, 2), padding_mode=mode))
       for mode in ("reflect", "replicate", "circular")},
    "conv_transpose1d": ("conv_transpose", {"stride": 3, "padding": 1, "output_padding": 2},
                         {"weight": data(6, 4, 5), "bias": data(4)}, (data(2, 6, 7),),
                         module("ConvTranspose1d", 6, 4, 5, 3, 1, 2)),
    "conv_transpose2d": ("conv_transpose", {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2),
                                            "dilation": (2, 1), "groups": 2},
                         {"weight": data(6, 2, 3, 2), "bias": data(4)}, (X,),
                         module("ConvTranspose2d", 6, 4, (3, 2), (2, 3), (1, 0), (1, 2), 2, dilation=(2, 1))),
    "batch_norm": ("batch_norm", {"eps": 1e-3}, {**NORM, **RUNNING}, (X,), module("BatchNorm2d", 6, 1e-3)),
    "batch_norm-train": ("batch_norm", {"eps": 1e-3, "momentum": 0.25}, {**NORM, **RUNNING}, (X,),
                         module("BatchNorm2d", 6, 1e-3, 0.25)),
    "batch_norm-no-affine": ("batch_norm", {"eps": 1e-3}, RUNNING, (X,),
                             module("BatchNorm2d", 6, 1e-3, affine=False)),
    "layer_norm": ("layer_norm", {"eps": 1e-3, "dims": 2}, {"weight": data(9, 7), "bias": data(9, 7)}, (X,),
                   module("LayerNorm", (9, 7), 1e-3)),
    "group_norm": ("group_norm", {"groups": 3, "eps": 1e-3}, NORM, (X,), module("GroupNorm", 3, 6, 1e-3)),
    "rms_norm": ("rms_norm", {"eps": 1e-3}, {"weight": data(7)}, (X,), module("RMSNorm", 7, 1e-3)),
    "rnn": ("rnn", {"hidden": 4, "layers": 2, "bidirectional": True, "activation": "relu"},
            recurrent_weights(1, 2, BOTH), (SEQUENCE,),
            module("RNN", 7, 4, 2, batch_first=True, bidirectional=True, nonlinearity="relu")),
    "lstm": ("lstm", {"hidden": 4, "layers": 2, "bidirectional": True}, recurrent_weights(4, 2, BOTH), (SEQUENCE,),
             module("LSTM", 7, 4, 2, batch_first=True, bidirectional=True)),
    "gru": ("gru", {"hidden": 4, "layers": 2}, recurrent_weights(3, 2), (SEQUENCE,),
            module("GRU", 7, 4, 2, batch_first=True)),
    "attention": ("attention", {"heads": 3}, ATTENTION, (data(2, 5, 6), data(2, 4, 6), data(2, 4, 6, seed=7)),
                  module("MultiheadAttention", 6, 3, batch_first=True)),
    "max_pool": ("max_pool", {"kernel": (3, 2), "stride": 2, "padding": (1, 0), "dilation": (1, 2), "ceil_mode": True},
                 {}, (X,), module("MaxPool2d", (3, 2), 2, (1, 0), (1, 2), ceil_mode=True)),
    "avg_pool": ("avg_pool", {"kernel": 3, "stride": 2, "padding": 1, "ceil_mode": True}, {}, (data(2, 3, 8, 6),),
                 module("AvgPool2d", 3, 2, 1, ceil_mode=True)),
    "avg_pool-exclude": ("avg_pool", {"kernel": 2, "padding": 1, "count_include_pad": False}, {}, (data(2, 3, 8),),
                         module("AvgPool1d", 2, padding=1, count_include_pad=False)),
    "global_avg_pool": ("global_avg_pool", {"keep_dims": True}, {}, (X,), module("AdaptiveAvgPool2d", 1)),
    "global_max_pool": ("global_max_pool", {"keep_dims": True}, {}, (X,), module("AdaptiveMaxPool2d", 1)),
    "adaptive_avg_pool": ("adaptive_avg_pool", {"size": (4, 5)}, {}, (X,), module("AdaptiveAvgPool2d", (4, 5))),
    "local_response_norm": ("local_response_norm", {"size": 4, "alpha": 0.5, "beta": 0.75, "k": 2.0}, {}, (X,),
                            module("LocalResponseNorm", 4, 0.5, 0.75, 2.0)),
    "relu": ("relu", {}, {}, (X,), module("ReLU")),
    "leaky_relu": ("leaky_relu", {"slope": 0.25}, {}, (X,), module("LeakyReLU", 0.25)),
    "elu": ("elu", {"alpha": 0.5}, {}, (X,), module("ELU", 0.5)),
    "selu": ("selu", {}, {}, (X,), module("SELU")),
    "celu": ("celu", {"alpha": 0.5}, {}, (X,), module("CELU", 0.5)),
    "gelu": ("gelu", {}, {}, (X,), module("GELU")),
    "gelu-tanh": ("gelu", {"approximate": "tanh"}, {}, (X,), module("GELU", "tanh")),
    "sigmoid": ("sigmoid", {}, {}, (X,), module("Sigmoid")),
    "hard_sigmoid": ("hard_sigmoid", {}, {}, (4 * X,), module("Hardsigmoid")),
    "hard_swish": ("hard_swish", {}, {}, (4 * X,), module("Hardswish")),
    "silu": ("silu", {}, {}, (X,), module("SiLU")),
    "tanh": ("tanh", {}, {}, (X,), module("Tanh")),
    "hard_tanh": ("hard_tanh", {"low": -0.5, "high": 2.0}, {}, (3 * X,), module("Hardtanh", -0.5, 2.0)),
    "relu6": ("relu6", {}, {}, (6 * X,), module("ReLU6")),
    "softplus": ("softplus", {"beta": 2.0, "threshold": 5.0}, {}, (6 * X,), module("Softplus", 2.0, 5.0)),
    "softsign": ("softsign", {}, {}, (X,), module("Softsign")),
    "mish": ("mish", {}, {}, (X,), module("Mish")),
    "tanh_shrink": ("tanh_shrink", {}, {}, (X,), module("Tanhshrink")),
    "threshold": ("threshold", {"threshold": 0.1, "value": 20.0}, {}, (X,), module("Threshold", 0.1, 20.0)),
    "softmax": ("softmax", {"axis": 1}, {}, (X,), module("Softmax", 1)),
    "log_softmax": ("log_softmax", {"axis": 2}, {}, (X,), module("LogSoftmax", 2)),
    "prelu": ("prelu", {}, {"weight": data(6)}, (X,), module("PReLU", 6)),
    "dropout": ("dropout", {"rate": 0.3}, {}, (X,), module("Dropout", 0.3)),
    "flatten": ("flatten", {"order": "CHW"}, {}, (X,), module("Flatten")),
    "zero_pad": ("zero_pad", {"padding": ((2, 1), (0, 3))}, {}, (X,), module("ZeroPad2d", (0, 3, 2, 1))),
    "upsample-nearest": ("upsample", {"scale": 1.7}, {}, (X,), module("Upsample", scale_factor=1.7)),
    "upsample-exact": ("upsample", {"size": (11, 5), "half_pixel": True}, {}, (X,),
                       module("Upsample", (11, 5), mode="nearest-exact")),
    "upsample-bilinear": ("upsample", {"scale": (1.5, 2.0), "mode": "bilinear"}, {}, (X,),
                          module("Upsample", scale_factor=(1.5, 2.0), mode="bilinear")),
    "upsample-corners": ("upsample", {"size": (13, 5), "mode": "bilinear", "align_corners": True}, {}, (X,),
                         module("Upsample", (13, 5), mode="bilinear", align_corners=True)),
    "upsample-bicubic": ("upsample", {"size": (13, 5), "mode": "bicubic"}, {}, (X,),
                         module("Upsample", (13, 5), mode="bicubic")),
    "upsample-bilinear-antialias": ("upsample", {"size": (4, 3), "mode": "bilinear", "antialias": True}, {}, (X,),
                                    function("interpolate", size=(4, 3), mode="bilinear", antialias=True)),
    "upsample-bicubic-antialias": ("upsample", {"size": (4, 11), "mode": "bicubic", "antialias": True}, {}, (X,),
                                   function("interpolate", size=(4, 11), mode="bicubic", antialias=True)),
    "identity": ("identity", {}, {}, (X,), module("Identity")),
    "cross_entropy": ("cross_entropy", {}, {}, (data(7, 5), LABELS), function("cross_entropy")),
    "cross_entropy-all": ("cross_entropy", {"label_smoothing": 0.1, "weights": WEIGHTS, "ignore_index": 3}, {},
                          (data(7, 5), LABELS),
                          function("cross_entropy", label_smoothing=0.1, weight=WEIGHTS, ignore_index=3)),
    "cross_entropy-probabilities": ("cross_entropy", {"label_smoothing": 0.1, "weights": WEIGHTS}, {},
                                    (data(7, 5), P),
                                    function("cross_entropy", label_smoothing=0.1, weight=WEIGHTS)),
    "cross_entropy-images": ("cross_entropy", {"reduction": "none"}, {}, (data(2, 5, 3, 2), LABELS[:6].reshape(1, 3, 2)
                             .repeat(2, 0)), function("cross_entropy", reduction="none")),
    "nll": ("nll", {"weights": WEIGHTS, "ignore_index": 3}, {}, (np.log(P), LABELS),
            function("nll_loss", weight=WEIGHTS, ignore_index=3)),
    "binary_cross_entropy": ("binary_cross_entropy", {"pos_weight": [2.0, 0.5, 1.0], "reduction": "sum"}, {},
                             (data(4, 3), noise(4, 3)),
                             function("binary_cross_entropy_with_logits", pos_weight=[2.0, 0.5, 1.0], reduction="sum")),
    "binary_cross_entropy-p": ("binary_cross_entropy", {"from_logits": False}, {}, (noise(4, 3), noise(4, 3)[::-1]),
                               function("binary_cross_entropy")),
    "mse": ("mse", {}, {}, (data(4, 3), data(4, 3, seed=1)), function("mse_loss")),
    "l1": ("l1", {"reduction": "sum"}, {}, (data(4, 3), data(4, 3, seed=1)), function("l1_loss", reduction="sum")),
    "huber": ("huber", {"delta": 0.5}, {}, (data(4, 3), data(4, 3, seed=1)), function("huber_loss", delta=0.5)),
    "smooth_l1": ("smooth_l1", {"beta": 0.5}, {}, (data(4, 3), data(4, 3, seed=1)),
                  function("smooth_l1_loss", beta=0.5)),
    "kl_div": ("kl_div", {"reduction": "batch_mean"}, {}, (np.log(P), P[::-1]),
               function("kl_div", reduction="batchmean")),
    "kl_div-log": ("kl_div", {"log_target": True, "reduction": "sum"}, {}, (np.log(P), np.log(P[::-1])),
                   function("kl_div", log_target=True, reduction="sum")),
    "hinge": ("hinge", {}, {}, (data(2, 3)[:, :1].ravel(), np.array([1.0, -1.0])),
              function("margin_ranking_loss", margin=1.0)),
    "sgd": ("sgd", {"momentum": 0.9, "dampening": 0.25, "weight_decay": 0.125}, {}, (data(3, 4), GRADIENTS),
            optimizer("SGD", momentum=0.9, dampening=0.25, weight_decay=0.125)),
    "sgd-nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}, {}, (data(3, 4), GRADIENTS),
                     optimizer("SGD", momentum=0.9, nesterov=True)),
    "adam": ("adam", {"eps": 1e-2, "weight_decay": 0.125, "betas": (0.75, 0.9)}, {}, (data(3, 4), GRADIENTS),
             optimizer("Adam", eps=1e-2, weight_decay=0.125, betas=(0.75, 0.9))),
    "adam-amsgrad": ("adam", {"eps": 1e-2, "amsgrad": True, "betas": (0.75, 0.9)}, {}, (data(3, 4), GRADIENTS),
                     optimizer("Adam", eps=1e-2, amsgrad=True, betas=(0.75, 0.9))),
    "adamw": ("adamw", {"eps": 1e-2, "weight_decay": 0.125}, {}, (data(3, 4), GRADIENTS),
              optimizer("AdamW", eps=1e-2, weight_decay=0.125)),
    "rmsprop": ("rmsprop", {"rho": 0.75, "eps": 1e-2, "momentum": 0.5, "centered": True}, {}, (data(3, 4), GRADIENTS),
                optimizer("RMSprop", alpha=0.75, eps=1e-2, momentum=0.5, centered=True)),
    "adagrad": ("adagrad", {"initial_accumulator": 0.1, "eps": 1e-2}, {}, (data(3, 4), GRADIENTS),
                optimizer("Adagrad", initial_accumulator_value=0.1, eps=1e-2)),
    "adadelta": ("adadelta", {"rho": 0.75, "eps": 1e-2}, {}, (data(3, 4), GRADIENTS),
                 optimizer("Adadelta", rho=0.75, eps=1e-2)),
}  # fmt: skip
ELSEWHERE = {"add", "multiply", "concat"}
"""Checked below, against NumPy alone."""


@pytest.fixture(scope="module")
def torch():
    load("torch")
    import torch

    return torch


def test_every_kind_is_checked():
    assert {case[0] for case in CASES.values()} | ELSEWHERE == set(KINDS)


@pytest.mark.parametrize("name", CASES)
def test_it_computes_what_torch_computes(name, torch):
    kind, settings, parameters, inputs, (form, called, args, keywords) = CASES[name]
    if form == "optimizer":
        settings = {**settings, "learning_rate": RATES}
    ours = run(kind, settings, parameters, inputs, train=name.endswith("-train"))
    theirs, buffers = globals()[f"by_{form}"](torch, called, args, keywords, parameters, inputs, name)
    assert len(theirs) <= len(ours.outputs)
    for mine, expected in zip(ours.outputs, theirs, strict=False):
        close(mine, expected)
    assert buffers.keys() <= ours.buffers.keys()
    for key, expected in buffers.items():
        close(ours.buffers[key], expected)


def close(mine, expected):
    assert mine.shape == expected.shape
    assert np.abs(mine - expected).max() <= LIMIT * max(1.0, np.abs(expected).max())


def by_module(torch, called, args, keywords, parameters, inputs, name):
    made = getattr(torch.nn, called)(*args, **keywords).double().train(name.endswith("-train"))
    state = {key: torch.tensor(value) for key, value in parameters.items()}
    missing, unexpected = made.load_state_dict(state, strict=False)
    assert not unexpected
    assert all("num_batches" in key for key in missing)
    with torch.no_grad():
        found = made(*map(torch.tensor, inputs))
    buffers = {key: value.numpy() for key, value in made.named_buffers() if "num_batches" not in key}
    return flat(found), buffers


def flat(found):
    if isinstance(found, tuple):
        return [array for part in found for array in flat(part)]
    return [found.numpy()]


def by_function(torch, called, args, keywords, parameters, inputs, name):
    tensors = [torch.tensor(value.copy()) for value in inputs]
    keywords = {key: torch.tensor(v, dtype=torch.float64) if isinstance(v, list) else v for key, v in keywords.items()}
    if called == "margin_ranking_loss":  # max(0, 1 - y (x - 0)): the hinge loss
        tensors = [tensors[0], torch.zeros_like(tensors[0]), tensors[1]]
    return flat(getattr(torch.nn.functional, called)(*tensors, **keywords)), {}


def by_optimizer(torch, called, args, keywords, parameters, inputs, name):
    p = torch.nn.Parameter(torch.tensor(inputs[0]))
    made, values = getattr(torch.optim, called)([p], lr=1.0, **keywords), []
    for rate, gradient in zip(RATES, inputs[1], strict=True):
        made.param_groups[0]["lr"] = rate
        p.grad = torch.tensor(gradient)
        made.step()
        values.append(p.detach().numpy().copy())
    return [np.stack(values)], {}


@pytest.fixture(scope="module")
def keras():
    load("torch")  # before TensorFlow, or PyTorch aborts
    load("tf")
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    yield keras
    keras.config.set_dtype_policy(before)


def test_batch_norm_as_in_keras(keras):
    layer = keras.layers.BatchNormalization(axis=1, momentum=0.75, epsilon=1e-3)
    layer.build((None, 6, 9, 7))
    layer.set_weights([NORM["weight"], NORM["bias"], RUNNING["running_mean"], RUNNING["running_var"]])
    out = np.asarray(layer(X, training=True))
    ours = run("batch_norm", {"eps": 1e-3, "momentum": 0.25, "unbiased": False}, {**NORM, **RUNNING}, (X,), train=True)
    close(ours.outputs[0], out)
    close(ours.buffers["running_var"], np.asarray(layer.moving_variance))


@pytest.mark.parametrize("reset_after", [True, False], ids=["after", "before"])
def test_gru_as_in_keras(reset_after, keras):
    weights = recurrent_weights(3)
    if not reset_after:
        weights["bias_hh_l0"] = np.zeros(12)
    layer = keras.layers.GRU(4, reset_after=reset_after, go_backwards=True)
    layer.build((None, 5, 7))
    order = np.r_[4:8, 0:4, 8:12]  # z r n
    bias = np.stack([weights["bias_ih_l0"][order], weights["bias_hh_l0"][order]])
    kernels = [weights[f"weight_{part}_l0"][order].T for part in ("ih", "hh")]
    layer.set_weights([*kernels, bias if reset_after else bias[0]])
    settings = {"hidden": 4, "reset_after": reset_after, "return_sequences": False, "go_backwards": True}
    close(run("gru", settings, weights, (SEQUENCE,)).outputs[0], np.asarray(layer(SEQUENCE)))


@pytest.mark.parametrize(
    ("kind", "called", "settings", "keywords"),
    [
        ("sgd", "SGD", {"momentum": 0.75, "momentum_form": "keras"}, {"momentum": 0.75}),
        ("sgd", "SGD", {"momentum": 0.75, "nesterov": True, "momentum_form": "keras"},
         {"momentum": 0.75, "nesterov": True}),
        ("sgd", "SGD", {"clip_norm": 0.5}, {"clipnorm": 0.5}),
        ("adam", "Adam", {"eps": 0.125, "eps_inside": True, "betas": (0.75, 0.875), "weight_decay": 0.125,
                          "decoupled": True}, {"epsilon": 0.125, "beta_1": 0.75, "beta_2": 0.875,
                                               "weight_decay": 0.125}),
        ("rmsprop", "RMSprop", {"rho": 0.75, "eps": 0.125, "eps_inside": True, "momentum": 0.5,
                                "momentum_form": "keras"}, {"rho": 0.75, "epsilon": 0.125, "momentum": 0.5}),
        ("adagrad", "Adagrad", {"initial_accumulator": 0.125, "eps": 0.125, "eps_inside": True},
         {"initial_accumulator_value": 0.125, "epsilon": 0.125}),
    ],
    ids=["momentum", "nesterov", "clipnorm", "adam", "rmsprop", "adagrad"],
)  # fmt: skip
def test_optimizers_as_in_keras(kind, called, settings, keywords, keras):
    import tensorflow as tf

    start, p = data(3, 4), keras.Variable(data(3, 4))
    made, values = getattr(keras.optimizers, called)(learning_rate=1.0, **keywords), []
    for rate, gradient in zip(RATES, GRADIENTS, strict=True):
        made.learning_rate = rate
        made.apply([tf.constant(gradient)], [p])
        values.append(np.asarray(p))
    close(run(kind, {**settings, "learning_rate": RATES}, {}, (start, GRADIENTS)).outputs[0], np.stack(values))


@pytest.mark.parametrize("order", ["before", "after"])
def test_loss_from_clipped_probabilities_as_in_keras(order, keras):
    p = P.copy()
    p[0, 0] = 1e-9
    tensor = keras.ops.convert_to_tensor(p)
    if order == "before":
        expected = keras.losses.categorical_crossentropy(np.eye(5)[LABELS], tensor)
    else:
        expected = keras.losses.sparse_categorical_crossentropy(LABELS, tensor)
    settings = {"from_logits": False, "normalise": order, "clip": 1e-7, "reduction": "none"}
    close(run("cross_entropy", settings, {}, (p, LABELS)).outputs[0], np.asarray(expected))


def test_what_joins_branches():
    assert np.array_equal(run("add", {}, {}, (X, 2 * X, X)).outputs[0], 4 * X)
    assert np.array_equal(run("multiply", {}, {}, (X, X)).outputs[0], X * X)
    assert run("concat", {"axis": 1}, {}, (X, X)).outputs[0].shape == (2, 12, 9, 7)


def test_dropout_keeps_what_the_noise_leaves():
    for shape, drawn in (("element", noise(*X.shape)), ("channel", noise(2, 6))):
        out = run("dropout", {"rate": 0.25, "shape": shape}, {}, (X, drawn), train=True).outputs[0]
        kept = (drawn >= 0.25).reshape(*drawn.shape, *(1,) * (X.ndim - drawn.ndim))
        close(out, X * kept / 0.75)


def test_attention_masks(torch):
    query, mask = data(2, 5, 6), np.tril(np.ones((5, 5), bool))
    made = torch.nn.MultiheadAttention(6, 3, batch_first=True).double()
    made.load_state_dict({key: torch.tensor(value) for key, value in ATTENTION.items()})
    x = torch.tensor(query)
    expected = made(x, x, x, attn_mask=torch.tensor(~mask))[0].detach().numpy()
    close(run("attention", {"heads": 3, "causal": True}, ATTENTION, (query,) * 3).outputs[0], expected)
    close(run("attention", {"heads": 3}, ATTENTION, (query, query, query, mask)).outputs[0], expected)


@pytest.mark.parametrize(
    ("kind", "settings", "parameters", "inputs"),
    [
        ("nothing", {}, {}, (X,)),
        ("relu", {"slope": 1.0}, {}, (X,)),
        ("relu", {}, {"weight": X}, (X,)),
        ("relu", {}, {}, (X, X)),
        ("gelu", {"approximate": "erf"}, {}, (X,)),
        ("leaky_relu", {"slope": None}, {}, (X,)),
        ("batch_norm", {}, RUNNING, (X,)),
        ("dense", {}, {}, (X,)),
        ("conv", {"padding": (1, 1, 1)}, conv_weights(4, 6, 3, 3), (X,)),
        ("dropout", {"rate": 0.5, "scale": "both"}, {}, (X,)),
    ],
    ids=["kind", "setting", "parameter", "inputs", "form", "type", "missing", "weight", "rank", "option"],
)
def test_it_never_guesses(kind, settings, parameters, inputs):
    with pytest.raises(Unsupported):
        run(kind, settings, parameters, inputs)


def test_a_large_image_is_no_problem():
    import time

    x, weight = data(1, 64, 56, 56), data(64, 64, 3, 3)
    start = time.perf_counter()
    run("conv", {"padding": 1}, {"weight": weight}, (x,))
    run("max_pool", {"kernel": 3, "stride": 2}, {}, (x,))
    assert time.perf_counter() - start < 5
