"""Known porting bugs, put into the TensorFlow side of LeNet: each must be seen, at the stage where it first shows."""

import numpy as np
import pytest

from parity.suite import record, report
from parity.verdict import compare_traces


class Instead:
    """A module with some of its functions replaced."""

    def __init__(self, module, **functions):
        self.module, self.functions = module, functions

    def __getattr__(self, name):
        return self.functions.get(name) or getattr(self.module, name)


def flatten_order(patch, lenet, tf):
    patch.setattr(lenet, "tf", Instead(tf, transpose=lambda x, order: x))


def epsilon(patch, lenet, tf):
    patch.setattr(lenet, "EPSILON", 1e-3)


def momentum(patch, lenet, tf):
    patch.setattr(lenet, "MOMENTUM", 0.9)


def biased_variance(patch, lenet, tf):
    patch.setattr(
        lenet.BatchNorm, "call", lambda self, x, training=None: super(lenet.BatchNorm, self).call(x, training)
    )


def detached_statistics(patch, lenet, tf):
    def moments(x, axes):
        return [tf.stop_gradient(part) for part in tf.nn.moments(x, axes)]

    patch.setattr("dualnet.tf._normalization.tf", Instead(tf, nn=Instead(tf.nn, moments=moments)))


def activation(patch, lenet, tf):
    patch.setitem(lenet.ACTIVATIONS, "relu", tf.nn.elu)


def average_for_maximum(patch, lenet, tf):
    patch.setitem(lenet.POOLINGS, "max", tf.nn.avg_pool2d)


def kernel_flipped(patch, lenet, tf):
    from dualnet.tf import _variables

    slot = _variables._kernel

    def flipped(variable):
        found = slot(variable)
        if len(variable.shape) != 4:
            return found
        return found._replace(
            native=lambda k: found.native(k[..., ::-1, ::-1]), canonical=lambda k: found.canonical(k[::-1, ::-1])
        )

    for kind, names in _variables._KINDS.items():
        if "kernel" in names:
            patch.setitem(_variables._KINDS, kind, {**names, "kernel": ("weight", flipped)})


def missing_bias(patch, lenet, tf):
    call = lenet.DenseBlock.call
    patch.setattr(
        lenet.DenseBlock, "call", lambda self, x, training=None: call(self, x, training) - self.linear.bias * 0.5
    )


def summed_loss(patch, lenet, tf):
    from dualnet.tf._backend import BACKEND

    loss = BACKEND.losses["cross_entropy"]
    patch.setattr(BACKEND, "losses", {"cross_entropy": lambda logits, labels: 5 * loss(logits, labels)})


def gradient_blocked(patch, lenet, tf):
    patch.setitem(lenet.ACTIVATIONS, "relu", lambda x: tf.nn.relu(x) * 0.5 + tf.stop_gradient(tf.nn.relu(x) * 0.5))


def adam_epsilon_before_correction(patch, lenet, tf):
    from dualnet.tf import _training

    class KerasAdam(_training._Adam):
        def apply(self, gradients):
            t = self.steps.assign_add(1.0)
            b1, b2 = self.rule.betas
            rate = self.rule.learning_rate * tf.sqrt(1 - b2**t) / (1 - b1**t)
            for variable, m, v, g in zip(self.variables, self.first, self.second, gradients, strict=True):
                m.assign(b1 * m + (1 - b1) * g)
                v.assign(b2 * v + (1 - b2) * g * g)
                variable.assign_sub(tf.cast(rate, g.dtype) * m / (tf.sqrt(v) + self.rule.epsilon))

    patch.setattr(_training, "_Adam", KerasAdam)


def rate_rounded_to_float32(patch, lenet, tf):
    from dualnet.tf import _training

    patch.setattr(_training, "_exact", lambda value, like: tf.cast(value, like.dtype))


def half_precision_inside(patch, lenet, tf):
    def rounded(x):
        return tf.nn.relu(tf.cast(tf.cast(x, tf.bfloat16), x.dtype) if x.dtype == tf.float32 else x)

    patch.setitem(lenet.ACTIVATIONS, "relu", rounded)


def weight_off_by_a_little(patch, lenet, tf):
    call = lenet.LeNet.call
    patch.setattr(lenet.LeNet, "call", lambda self, x, training=None: call(self, x, training) * (1 + 1e-9))


def not_a_number(patch, lenet, tf):
    call = lenet.LeNet.call
    patch.setattr(lenet.LeNet, "call", lambda self, x, training=None: call(self, x, training) * np.nan)


def another_name(patch, lenet, tf):
    from dualnet.tf import _variables

    dense = {**_variables._DENSE, "bias": ("offset", _variables.Slot)}
    patch.setitem(_variables._KINDS, lenet.layers.Dense, dense)


# bug, variant, stages that agree in spite of it, a stage that differs
BUGS = [
    (flatten_order, "relu_max", (), "float64/eval/output/"),
    (epsilon, "batch_norm", (), "float64/eval/output/"),
    (momentum, "batch_norm", ("float64/eval/", "float64/train/output/"), "float64/train/buffer/"),
    (biased_variance, "batch_norm", ("float64/eval/", "float64/train/output/"), "float64/train/buffer/"),
    (detached_statistics, "batch_norm", ("float64/eval/", "float64/train/output/"), "float64/train/gradient/"),
    (activation, "relu_max", (), "float64/eval/output/"),
    (average_for_maximum, "relu_max", (), "float64/eval/layer/block1"),
    (kernel_flipped, "relu_max", (), "float64/eval/layer/block1"),
    (missing_bias, "relu_max", ("float64/eval/layer/block2",), "float64/eval/layer/hidden.0"),
    (summed_loss, "relu_max", ("float64/eval/", "float64/train/output/"), "float64/train/loss"),
    (gradient_blocked, "relu_max", ("float64/eval/", "float64/train/output/"), "float64/train/gradient/"),
    (adam_epsilon_before_correction, "relu_max", ("float64/train/", "float64/sgd/"), "float64/adam/step1/"),
    (rate_rounded_to_float32, "relu_max", ("float64/train/", "float32/"), "float64/sgd/step1/"),
    (half_precision_inside, "relu_max", ("float64/",), "float32/eval/output/"),
    (weight_off_by_a_little, "relu_max", ("float64/eval/layer/", "float32/"), "float64/eval/output/"),
    (not_a_number, "relu_max", (), "float64/eval/output/"),
    (another_name, "relu_max", (), "float64/train/gradient/parameter/output.offset"),
]


@pytest.mark.parametrize(("bug", "variant", "agreeing", "differing"), BUGS, ids=[bug.__name__ for bug, *_ in BUGS])
def test_bug_is_caught_where_it_first_shows(bug, variant, agreeing, differing, both, monkeypatch):
    import tensorflow as tf

    from dualnet.tf.convnets import lenet

    assert report("lenet", variant).passed
    right = healthy(both["torch"], variant)
    bug(monkeypatch, lenet, tf)
    found = compare_traces(right, record(both["tf"], "lenet", variant))
    failed = [finding.name for finding in found.failures]
    assert any(name.startswith(differing) for name in failed), failed
    assert not [name for name in failed if name.startswith(agreeing)] or not agreeing


TRACES = {}


def healthy(backend, variant):
    if variant not in TRACES:
        TRACES[variant] = record(backend, "lenet", variant)
    return TRACES[variant]
