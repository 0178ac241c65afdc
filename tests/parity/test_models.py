"""`parity.compare` and `parity.transfer` on models that are not ours."""

import gc
import types

import numpy as np
import pytest

import dualnet
import parity
from dualnet.interface import ConfigError, StateError
from parity.side import Tape

dualnet.load("torch")
dualnet.load("tf")

import keras  # noqa: E402 - our packages first: they put the frameworks' imports in order
import tensorflow as tf  # noqa: E402
import torch  # noqa: E402
from keras import layers as L  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from parity.keras_functions import EXACT  # noqa: E402

RNG = np.random.default_rng(5)
IMAGES = RNG.normal(size=(6, 3, 16, 12))
LABELS = np.arange(6) % 4


def torch_net(eps=1e-3, momentum=0.01, second=None, glue=lambda x: x, activation=None):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 7, 3, padding=1)
            self.norm = nn.BatchNorm2d(7, eps=eps, momentum=momentum)
            self.pool = nn.MaxPool2d(2)
            self.conv2 = second or nn.Conv2d(7, 5, 3, stride=2, padding=1)
            self.dense1 = nn.Linear(60, 11)
            self.act = activation or nn.ReLU()
            self.dense2 = nn.Linear(11, 4)

        def forward(self, x):
            x = self.pool(F.relu(self.norm(self.conv1(x))))
            x = glue(F.relu(self.conv2(x)))
            return self.dense2(self.act(self.dense1(torch.flatten(x, 1))))

    torch.manual_seed(0)
    return Net()


def keras_net(**changes):
    settings = {"epsilon": 1e-3, "strides": 2, "activation": "relu", **changes}
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((16, 12, 3)),
        L.Conv2D(7, 3, padding="same"),
        L.BatchNormalization(epsilon=settings["epsilon"]),
        L.ReLU(),
        L.MaxPooling2D(2),
        L.ZeroPadding2D(1),
        L.Conv2D(5, 3, strides=settings["strides"], activation="relu"),
        L.Flatten(),
        L.Dense(11, activation=settings["activation"]),
        L.Dense(4),
    ])  # fmt: skip


class Plain(keras.Model):
    """A subclassed model, whose Flatten is a reshape of its own."""

    def __init__(self):
        super().__init__()
        self.conv = L.Conv2D(5, 3, padding="same", activation="relu")
        self.dense = L.Dense(4)

    def call(self, x):
        x = self.conv(x)
        return self.dense(tf.reshape(x, (tf.shape(x)[0], -1)))


PAIRS = {
    "torch and keras": (torch_net, keras_net),
    "keras and torch": (keras_net, torch_net),
    "torch and torch": (torch_net, torch_net),
    "keras and keras": (keras_net, keras_net),
}


MODES = {
    **{f"{name}, eval": (pair, False) for name, pair in PAIRS.items()},
    # the running variance is unbiased in PyTorch alone: see the test of buffers
    **{f"{name}, train": (pair, True) for name, pair in PAIRS.items() if pair[0] is pair[1]},
}


@pytest.mark.parametrize(("pair", "train"), MODES.values(), ids=MODES)
def test_equal_models_agree(pair, train):
    report = parity.compare(pair[0](), pair[1](), IMAGES, loss="cross_entropy", targets=LABELS, train=train)
    assert report.passed, str(report)
    assert report.compared >= 12
    assert report.smallest_passing_limit < 1e-13


@keras.saving.register_keras_serializable("tests")
class Halved(L.Layer):
    """A layer that the engine knows nothing of: it pools."""

    def call(self, x):
        return tf.nn.max_pool2d(x, 2, 2, "VALID")


def test_a_layer_of_your_own_is_paired_by_its_place():
    def mine(pool):
        return keras.Sequential([keras.Input((16, 12, 3)), L.Conv2D(4, 3), pool, L.Conv2D(5, 2)])

    theirs = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 5, 2))
    report = parity.compare(theirs, mine(Halved(name="halved")), IMAGES)
    assert report.passed, str(report)
    assert ("1", "halved") in [pair.names for pair in report.layers]
    wrong = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AvgPool2d(2), nn.Conv2d(4, 5, 2))
    assert [c.where for c in parity.compare(wrong, mine(Halved(name="halved")), IMAGES).culprits] == ["1 | halved"]


@pytest.mark.parametrize("size", [1, 2, (5, 7), (16, 12)])
@pytest.mark.parametrize("images", [IMAGES, IMAGES[:, :, :1, :1]], ids=["images", "one pixel"])
def test_adaptive_pooling_is_known_on_both_sides(size, images):
    theirs = nn.Sequential(nn.AdaptiveAvgPool2d(size), nn.Conv2d(3, 4, 1))
    shape = (*images.shape[2:], 3)
    model = keras.Sequential([keras.Input(shape), L.AdaptiveAveragePooling2D(size), L.Conv2D(4, 1)])
    report = parity.compare(theirs, model, images)
    assert report.passed, str(report)


def test_a_wrong_epsilon_is_the_norm_layers_fault():
    report = parity.compare(torch_net(eps=1e-5), keras_net(), IMAGES)
    assert not report.passed
    (culprit,) = report.culprits
    assert culprit.where.startswith("norm | batch_normalization")
    assert culprit.phase == "forward"


def test_a_wrong_stride_blames_no_layer_behind_it():
    a = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.AdaptiveAvgPool2d(1))
    b = nn.Sequential(nn.Conv2d(3, 4, 3, stride=1), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.AdaptiveAvgPool2d(1))
    assert [c.where for c in parity.compare(a, b, IMAGES).culprits] == ["0 | 0"]


def test_a_wrong_activation_is_blamed_although_it_is_inside_a_layer():
    (culprit,) = parity.compare(torch_net(), keras_net(activation="gelu"), IMAGES).culprits
    assert culprit.kind == "relu"
    assert culprit.where.startswith("act | dense")
    assert culprit.where.endswith("/gelu")


def test_running_variance_differs_as_buffer_and_nowhere_else():
    report = parity.compare(torch_net(), keras_net(), IMAGES, train=True)
    assert {f.name for f in report.failures} == {"float64/train/buffer/norm.running_var"}
    assert [c.phase for c in report.culprits] == ["buffer"]


GLUE = {
    "transposed": (lambda x: x.transpose(2, 3).contiguous().reshape(x.shape), "forward", "another order"),
    "doubled": (lambda x: 2 * x, "forward", "2 times as large"),
    "detached": (lambda x: x.detach(), "backward", "no gradient"),
    "gradient doubled": (lambda x: 2 * x - x.detach(), "backward", ""),
}


@pytest.mark.parametrize(("glue", "phase", "text"), GLUE.values(), ids=GLUE)
def test_faults_between_layers_are_blamed_there(glue, phase, text):
    report = parity.compare(torch_net(), torch_net(glue=glue), IMAGES)
    (culprit,) = report.culprits
    assert culprit.kind == "glue", str(report)
    assert culprit.phase == phase
    assert "conv2" in culprit.where or "relu() 2" in culprit.where
    assert text in culprit.measured


def test_a_faulty_layer_downstream_of_another_is_named_too():
    report = parity.compare(torch_net(eps=1e-5, activation=nn.Tanh()), keras_net(), IMAGES)
    assert [c.where.split(" | ")[0] for c in report.culprits] == ["norm", "act"]


def test_a_subclassed_model_with_its_own_reshape_is_told_of_the_order():
    net = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 16 * 12, 4))
    model = Plain()
    model(np.zeros((1, 16, 12, 3), "float32"))
    (culprit,) = parity.compare(net, model, IMAGES, allow=["2"]).culprits
    assert "another order" in culprit.measured
    assert "dense" in culprit.where


def padded_by_hand(kind):
    """A convolution and a pooling with zeros from a function before them, and another activation at the end."""
    if kind == "torch":

        class Torch(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.pool, self.dense = nn.Conv2d(3, 5, 3, stride=2), nn.AvgPool2d(2), nn.Linear(125, 4)
                self.end = nn.Tanh()

            def forward(self, x):
                x = self.conv(F.pad(x, (0, 1, 1, 0)))
                x = self.pool(F.pad(x, (2, 2, 1, 1), "constant", 0.0))
                return self.end(self.dense(torch.flatten(x, 1)))

        return Torch()
    home = {"tf": tf, "keras": keras.ops}[kind]

    class Keras(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.pool = L.Conv2D(5, 3, strides=2), L.AveragePooling2D(2)
            self.flatten, self.dense, self.end = L.Flatten(), L.Dense(4), L.ReLU()

        def call(self, x):
            x = self.conv(home.pad(x, [[0, 0], [1, 0], [0, 1], [0, 0]]))
            x = self.pool(home.pad(x, [[0, 0], [1, 1], [2, 2], [0, 0]], "constant"))
            return self.end(self.dense(self.flatten(x)))

    model = Keras()
    model(np.zeros((1, 16, 12, 3), "float32"))
    return model


@pytest.mark.parametrize("kind", ["tf", "keras"])
def test_zeros_put_by_a_function_belong_to_the_layer_behind_them(kind):
    split = padded_by_hand(kind)
    report = parity.compare(padded_by_hand("torch"), split, IMAGES)
    assert [culprit.where.partition(" ")[0] for culprit in report.culprits] == ["end"], str(report)


def test_zeros_put_by_a_function_are_a_layers_own_padding():
    ours = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(960, 4), nn.Tanh())

    class Split(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = L.Conv2D(5, 3), L.ReLU()
            self.flatten, self.dense, self.end = L.Flatten(), L.Dense(4), L.Activation("sigmoid")

        def call(self, x):
            x = self.relu(self.conv(tf.pad(tensor=x, paddings=[[0, 0], [1, 1], [1, 1], [0, 0]])))
            return self.end(self.dense(self.flatten(x)))

    theirs = Split()
    theirs(np.zeros((1, 16, 12, 3), "float32"))
    report = parity.compare(ours, theirs, IMAGES)
    assert [culprit.where.partition(" ")[0] for culprit in report.culprits] == ["4"], str(report)


def test_a_norm_without_parameters_is_no_obstacle_to_finding_a_fault():
    ours = nn.Sequential(nn.Linear(7, 5), nn.LayerNorm(5, eps=1e-3, elementwise_affine=False), nn.Linear(5, 3))
    bare = L.LayerNormalization(epsilon=1e-2, center=False, scale=False)
    theirs = keras.Sequential([keras.Input((7,)), L.Dense(5), bare, L.Dense(3)])
    report = parity.compare(ours, theirs, RNG.normal(size=(6, 7)))
    (culprit,) = report.culprits
    assert culprit.where.startswith("1 | "), str(report)
    assert culprit.diagnoses[0].cause == "norm.epsilon"


PERMUTED = {
    "permuted": lambda: [L.ReLU(), L.Permute((3, 1, 2))],
    "permuted before an activation": lambda: [L.Permute((3, 1, 2)), L.ReLU()],
    "and back": lambda: [L.Permute((3, 1, 2)), L.ReLU(), L.Permute((2, 3, 1))],
}


@pytest.mark.parametrize("swapped", [False, True], ids=["torch first", "keras first"])
@pytest.mark.parametrize("way", PERMUTED)
def test_a_flatten_of_permuted_images_has_the_order_of_the_other_side(way, swapped):
    ours = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 14 * 10, 7))
    theirs = keras.Sequential([keras.Input((16, 12, 3)), L.Conv2D(5, 3), *PERMUTED[way](), L.Flatten(), L.Dense(7)])
    report = parity.compare(*((theirs, ours) if swapped else (ours, theirs)), IMAGES)
    assert report.passed, str(report)


def test_a_wrong_permutation_before_a_flatten_is_blamed_there():
    ours = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 14 * 10, 7))
    turned = [L.ReLU(), L.Permute((3, 2, 1)), L.Flatten()]
    theirs = keras.Sequential([keras.Input((16, 12, 3)), L.Conv2D(5, 3), *turned, L.Dense(7)])
    report = parity.compare(ours, theirs, IMAGES)
    assert not report.passed
    assert [culprit.kind for culprit in report.culprits] == ["glue", "flatten"], str(report)


def test_models_are_left_as_they_were_found():
    a, b = torch_net(), keras_net()
    a.train()
    before = {n: t.clone() for n, t in a.state_dict().items()}
    pointers = {n: p.data_ptr() for n, p in a.named_parameters()}
    weights = b.get_weights()
    variables = [v._value for v in b.variables]
    parity.compare(a, b, IMAGES, train=True)
    assert a.training
    assert all(torch.equal(before[n], t) for n, t in a.state_dict().items())
    assert all(t.dtype != torch.float64 for t in a.state_dict().values())
    assert pointers == {n: p.data_ptr() for n, p in a.named_parameters()}
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in a.modules())
    assert all((x == y).all() for x, y in zip(weights, b.get_weights(), strict=True))
    assert all(v._value is x for v, x in zip(b.variables, variables, strict=True))
    assert {v.dtype for v in b.variables} == {"float32"}
    assert b.compute_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_models_are_left_as_they_were_found_after_an_exception():
    a, b = torch_net(), keras_net()
    a.train()
    weights = b.get_weights()
    with pytest.raises(ValueError, match="stop"):
        parity.compare(a, b, IMAGES, loss=lambda outputs, targets: (_ for _ in ()).throw(ValueError("stop")))
    assert a.training
    assert next(a.parameters()).dtype == torch.float32
    assert all((x == y).all() for x, y in zip(weights, b.get_weights(), strict=True))
    assert b.layers[0].compute_dtype == "float32"


def test_layers_without_a_partner_are_listed_and_fail():
    extra = nn.Sequential(nn.Linear(5, 7), nn.Dropout(0.5), nn.Linear(7, 3))
    plain = keras.Sequential([keras.Input((5,)), L.Dense(7), L.Dense(3)])
    x = RNG.normal(size=(4, 5))
    report = parity.compare(extra, plain, x)
    assert report.unpaired == ("a: 1 (dropout)",)
    assert not report.passed
    assert parity.compare(extra, plain, x, allow=["1"]).passed


def test_a_bias_on_one_side_only_is_listed():
    x = RNG.normal(size=(4, 5))
    a, b = nn.Linear(5, 3, bias=False), keras.Sequential([keras.Input((5,)), L.Dense(3)])
    report = parity.compare(a, b, x)
    assert any("dense" in name and ".bias (parameter)" in name for name in report.unpaired)
    assert parity.compare(a, b, x, allow=["*.bias"]).passed


def test_misshapen_weights_are_told_with_both_layers():
    report = parity.compare(nn.Linear(5, 3), keras.Sequential([keras.Input((5,)), L.Dense(4)]), RNG.normal(size=(4, 5)))
    assert not report.passed
    assert any("(3, 5) against (4, 5)" in f.problem for f in report.failures)


def test_pairs_by_hand():
    a, b = (nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 5)) for _ in range(2))
    assert parity.compare(a, b, RNG.normal(size=(4, 5)), pairs={"0": "0"}).passed
    with pytest.raises(ConfigError, match="no layer 'zero' is called"):
        parity.compare(a, b, RNG.normal(size=(4, 5)), pairs={"zero": "0"})


def test_branches_in_another_order_are_paired_by_what_reaches_them():
    class Branches(nn.Module):
        def __init__(self, swapped):
            super().__init__()
            self.a, self.b, self.c, self.d = nn.Linear(5, 7), nn.Linear(7, 7), nn.Linear(5, 7), nn.Linear(7, 7)
            self.end, self.swapped = nn.Linear(7, 2), swapped

        def forward(self, x):
            if self.swapped:
                second = self.d(torch.tanh(self.c(x * 2)))
                first = self.b(torch.sigmoid(self.a(x)))
            else:
                first = self.b(torch.sigmoid(self.a(x)))
                second = self.d(torch.tanh(self.c(x * 2)))
            return self.end(first + second)

    report = parity.compare(Branches(False), Branches(True), RNG.normal(size=(4, 5)))
    assert ("a", "a") in [pair.names for pair in report.layers]


def test_shared_layers_are_paired_once():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.end = nn.Linear(5, 5), nn.Linear(5, 2)

        def forward(self, x):
            return self.end(self.layer(torch.tanh(self.layer(x))))

    inputs = keras.Input((5,))
    dense = L.Dense(5)
    model = keras.Model(inputs, L.Dense(2)(dense(L.Activation("tanh")(dense(inputs)))))
    report = parity.compare(Shared(), model, RNG.normal(size=(4, 5)))
    assert report.passed, str(report)


class LastMaximum(nn.MaxPool2d):
    """Gives the gradient to the last of several equal maxima, where PyTorch gives it to the first."""

    def forward(self, x):
        return super().forward(x.flip(2, 3)).flip(2, 3)


def test_max_pool_ties_are_no_bug():
    x = np.zeros((2, 3, 8, 8))
    x[:, :, 5:, 5:] = RNG.normal(size=(2, 3, 3, 3)) + 3
    report = parity.compare(nn.Sequential(nn.MaxPool2d(2)), nn.Sequential(LastMaximum(2)), x)
    assert report.passed, str(report)
    assert any("ties in 0 | 0" in note for note in report.notes)
    assert [f.name for f in report.findings if f.excluded] == ["float64/eval/gradient/input/0"]


class Sum(nn.Module):
    """A sum in either order, a kink, and a weight."""

    def __init__(self, forwards, scale=1.0):
        super().__init__()
        self.forwards, self.scale, self.relu, self.last = forwards, scale, nn.ReLU(), nn.Linear(4, 2)

    def forward(self, x):
        a, b, c = x.unbind(1)
        return self.last(self.relu((a + b) + c if self.forwards else a + (b + c)) * self.scale)


def test_a_relu_that_rounding_flips_is_no_bug_and_is_told():
    x = np.random.default_rng(0).normal(size=(5, 3, 4))
    x[0, :, 0] = -0.7, -0.2, 0.9  # 1.1e-16 or 0, as it is added up
    x[0, :, 1] = -0.7, 0.2, 0.5  # 5.6e-17 or 0
    report = parity.compare(Sum(True), Sum(False), x)
    assert report.passed, str(report)
    assert any("kinks" in note and "relu" in note for note in report.notes)
    assert any("kinks" in finding.excluded for finding in report.findings)
    assert not parity.compare(Sum(True), Sum(False, scale=1 + 1e-9), x).passed


@pytest.mark.parametrize("slope", [0.3, 0.25])
def test_a_constant_that_keras_rounds_is_told_and_is_no_bug(slope):
    report = parity.compare(
        nn.LeakyReLU(slope), sequential((4,), L.LeakyReLU(slope)), np.linspace(-1, 1, 8).reshape(2, 4)
    )
    assert report.passed, str(report)
    assert any("rounds its constants" in note for note in report.notes) == (slope == 0.3)


def test_a_mask_of_the_other_polarity_is_diagnosed():
    class Masked(nn.Module):
        def __init__(self, allowed):
            super().__init__()
            self.attend, self.mask = nn.MultiheadAttention(6, 2, batch_first=True), ~torch.tensor(allowed)

        def forward(self, x):
            return self.attend(x, x, x, attn_mask=self.mask)[0]

    allowed = np.tril(np.ones((7, 7), bool))
    allowed[6, 0] = False  # a row without any key would be NaN
    x = np.random.default_rng(0).normal(size=(2, 7, 6))
    theirs = keras.Input((7, 6))
    out = L.MultiHeadAttention(2, 3)(theirs, theirs, attention_mask=allowed[None])
    model = keras.Model(theirs, out)
    assert parity.compare(Masked(allowed), model, x).passed
    report = parity.compare(Masked(~allowed), model, x)
    assert {culprit.kind for culprit in report.culprits} == {"attention"}, str(report)
    assert report.culprits[0].diagnoses[0].cause == "attention.mask_polarity", str(report)


def test_a_wrong_gradient_of_a_max_pool_is_one():
    class Wrong(nn.MaxPool2d):
        def forward(self, x):
            out = super().forward(x)
            return out + (out - out.detach())

    (culprit,) = parity.compare(nn.Sequential(nn.MaxPool2d(2)), nn.Sequential(Wrong(2)), IMAGES).culprits
    assert (culprit.kind, culprit.phase) == ("max_pool", "backward")


def test_an_input_without_effect_is_not_tested():
    class Deaf(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Linear(3, 2)

        def forward(self, x, y):
            return self.dense(x) + 0 * y.sum()

    report = parity.compare(Deaf(), Deaf(), [RNG.normal(size=(4, 3)), RNG.normal(size=(4, 5))])
    assert report.not_tested == ("input 1",)
    assert not report.passed
    assert not report.differs
    assert report.verdict.startswith("agree as far as tested; 7 of 7 quantities compared, 0 differ, 1 not tested")
    assert parity.compare(Deaf(), Deaf(), [np.ones((4, 3)), np.ones((4, 5))], allow=["input 1"]).passed


def test_dropout_draws_the_same_on_both_sides():
    a = nn.Sequential(nn.Linear(5, 40), nn.Dropout(0.5), nn.Linear(40, 3))
    b = keras.Sequential([keras.Input((5,)), L.Dense(40), L.Dropout(0.5), L.Dense(3)])
    x = RNG.normal(size=(4, 5))
    assert parity.compare(a, b, x, train=True).passed
    c = keras.Sequential([keras.Input((5,)), L.Dense(40), L.Dropout(0.4), L.Dense(3)])
    (culprit,) = parity.compare(a, c, x, train=True).culprits
    assert culprit.kind == "dropout"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_lower_precisions_are_judged_by_their_own_rounding(dtype):
    report = parity.compare(torch_net(), keras_net(), IMAGES, dtype=dtype)
    assert report.passed, str(report)
    found = [f for f in report.findings if f.name.startswith(f"{dtype}/")]
    assert len(found) == 12
    assert any(f.error > 1e-8 for f in found)
    assert all(f.noise is not None for f in found)


def test_a_loss_of_precision_inside_a_layer_is_found():
    class Rough(nn.Linear):
        def forward(self, x):
            if x.dtype == torch.float32:
                x = x.to(torch.bfloat16).float()
            return super().forward(x)

    report = parity.compare(nn.Linear(5, 3), Rough(5, 3), RNG.normal(size=(4, 5)), dtype="float32")
    assert not report.passed
    assert all(f.name.startswith("float32/") for f in report.failures)


def test_inputs_may_be_channels_last():
    assert parity.compare(torch_net(), keras_net(), IMAGES.transpose(0, 2, 3, 1), layout="NHWC").passed


WRONG = {
    "a dtype": ({"dtype": "int8"}, "dtype 'int8': expected float64"),
    "a layout": ({"layout": "NHHC"}, "layout 'NHHC'"),
    "a loss": ({"loss": "hinge"}, "loss 'hinge': expected cross_entropy or mse"),
}


@pytest.mark.parametrize(("keywords", "message"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_get_one_clear_error(keywords, message):
    with pytest.raises(ConfigError, match=message):
        parity.compare(torch_net(), torch_net(), IMAGES, **keywords)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("cat", "input 0: expected numbers, came <U3"),
        (IMAGES.astype(object), "input 0: expected numbers, came object"),
        (IMAGES[:0], r"input 0: expected a batch of at least one row, came shape \(0, 3, 16, 12\)"),
        (np.where(IMAGES[1, 2, 3, 4] == IMAGES, np.nan, IMAGES), r"came nan at \[1, 2, 3, 4\] and 0 more"),
        (IMAGES[:, :2], r"fails on these inputs \(0: \(6, 2, 16, 12\); layout NCHW\): .*(axis -1|channels)"),
        (
            {"x": IMAGES, "y": IMAGES},
            r"fails on these inputs \(x: \(6, 3, 16, 12\), y: \(6, 3, 16, 12\); layout NCHW\)",
        ),
    ],
    ids=["words", "objects", "nothing", "not a number", "too few channels", "too many"],
)
@pytest.mark.parametrize("pair", [(torch_net, keras_net), (keras_net, torch_net)], ids=["torch", "keras"])
def test_bad_inputs_get_one_clear_error(inputs, message, pair):
    with pytest.raises(ConfigError, match=message):
        parity.compare(pair[0](), pair[1](), inputs)


def test_something_else_than_a_model_is_refused():
    with pytest.raises(ConfigError, match=r"expected a torch.nn.Module or a Keras model or layer, came dict"):
        parity.compare({}, torch_net(), IMAGES)


# --- transfer --------------------------------------------------------------------------------------------------

SEQUENCE, IMAGE, SIGNAL = RNG.normal(size=(3, 7, 5)), RNG.normal(size=(2, 4, 9, 8)), RNG.normal(size=(2, 4, 11))


LAYOUTS = {id(SIGNAL): "NCL"}


class First(nn.Module):
    """The first output of a layer."""

    def __init__(self, layer, pick=lambda out: out[0]):
        super().__init__()
        self.layer, self.pick = layer, pick

    def forward(self, x):
        return self.pick(self.layer(x))


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.attend = nn.MultiheadAttention(6, 2, batch_first=True)
        self.before = nn.Linear(5, 6)

    def forward(self, x):
        x = self.before(x)
        return self.attend(x, x, x, need_weights=False)[0]


def keras_attention():
    x = keras.Input((7, 5))
    y = L.Dense(6)(x)
    return keras.Model(x, L.MultiHeadAttention(2, 3)(y, y))


def sequential(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers])


KINDS = {
    "dense": (lambda: nn.Linear(5, 3), lambda: sequential((7, 5), L.Dense(3)), SEQUENCE),
    "conv 1-D": (lambda: nn.Conv1d(4, 6, 3), lambda: sequential((11, 4), L.Conv1D(6, 3)), SIGNAL),
    "conv 2-D": (lambda: nn.Conv2d(4, 6, (3, 2)), lambda: sequential((9, 8, 4), L.Conv2D(6, (3, 2))), IMAGE),
    "conv 3-D": (
        lambda: nn.Conv3d(2, 3, (3, 2, 2)), lambda: sequential((5, 4, 6, 2), L.Conv3D(3, (3, 2, 2))),
        RNG.normal(size=(2, 2, 5, 4, 6)),
    ),
    "grouped": (
        lambda: nn.Conv2d(4, 6, 3, groups=2), lambda: sequential((9, 8, 4), L.Conv2D(6, 3, groups=2)), IMAGE,
    ),
    "depthwise": (
        lambda: nn.Conv2d(4, 8, 3, groups=4), lambda: sequential((9, 8, 4), L.DepthwiseConv2D(3, depth_multiplier=2)),
        IMAGE,
    ),
    "transposed": (
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2),
        lambda: sequential((9, 8, 4), L.Conv2DTranspose(6, 3, strides=2)), IMAGE,
    ),
    "embedding": (
        lambda: nn.Embedding(13, 4), lambda: sequential((5,), L.Embedding(13, 4)), RNG.integers(0, 13, (3, 5)),
    ),
    "batch norm": (
        lambda: nn.BatchNorm2d(4, eps=1e-3), lambda: sequential((9, 8, 4), L.BatchNormalization()), IMAGE,
    ),
    "layer norm": (
        lambda: nn.LayerNorm(5, eps=1e-3), lambda: sequential((7, 5), L.LayerNormalization()), SEQUENCE,
    ),
    "group norm": (
        lambda: nn.GroupNorm(2, 4, eps=1e-3), lambda: sequential((9, 8, 4), L.GroupNormalization(2)), IMAGE,
    ),
    "rnn": (
        lambda: First(nn.RNN(5, 6, batch_first=True)),
        lambda: sequential((7, 5), L.SimpleRNN(6, return_sequences=True)),
        SEQUENCE,
    ),
    "lstm": (
        lambda: First(nn.LSTM(5, 6, batch_first=True)), lambda: sequential((7, 5), L.LSTM(6, return_sequences=True)),
        SEQUENCE,
    ),
    "gru": (
        lambda: First(nn.GRU(5, 6, batch_first=True)), lambda: sequential((7, 5), L.GRU(6, return_sequences=True)),
        SEQUENCE,
    ),
    "bidirectional lstm": (
        lambda: First(nn.LSTM(5, 6, batch_first=True, bidirectional=True)),
        lambda: sequential((7, 5), L.Bidirectional(L.LSTM(6, return_sequences=True))), SEQUENCE,
    ),
    "stacked lstm": (
        lambda: First(nn.LSTM(5, 6, num_layers=2, batch_first=True)),
        lambda: sequential((7, 5), L.LSTM(6, return_sequences=True), L.LSTM(6, return_sequences=True)), SEQUENCE,
    ),
    "stacked bidirectional gru": (
        lambda: First(nn.GRU(5, 3, num_layers=3, batch_first=True, bidirectional=True)),
        lambda: sequential((7, 5), *(L.Bidirectional(L.GRU(3, return_sequences=True)) for _ in range(3))), SEQUENCE,
    ),
    "attention": (
        lambda: Attending(), lambda: keras_attention(), SEQUENCE,
    ),
    "separable": (
        lambda: nn.Sequential(nn.Conv2d(4, 8, 3, groups=4, bias=False), nn.Conv2d(8, 5, 1), nn.ReLU()),
        lambda: sequential((9, 8, 4), L.SeparableConv2D(5, 3, depth_multiplier=2, activation="relu")), IMAGE,
    ),
    "separable 1-D": (
        lambda: nn.Sequential(nn.Conv1d(4, 4, 3, padding=1, groups=4, bias=False), nn.Conv1d(4, 5, 1)),
        lambda: sequential((11, 4), L.SeparableConv1D(5, 3, padding="same")), SIGNAL,
    ),
    "prelu": (
        lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.PReLU(4)),
        lambda: sequential((9, 8, 4), L.Conv2D(4, 1), L.PReLU(shared_axes=[1, 2])), IMAGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make_torch", "make_keras", "x"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("direction", ["to keras", "to torch"])
def test_weights_move_for_every_kind_of_layer(make_torch, make_keras, x, direction):
    a, b = make_torch(), make_keras()
    _shake(a)
    b.set_weights([np.random.default_rng(1).uniform(0.2, 0.8, w.shape) for w in b.get_weights()])
    models = (a, b) if direction == "to keras" else (b, a)
    report = parity.compare(*models, x, layout=LAYOUTS.get(id(x)))
    assert report.passed, str(report)


@pytest.mark.parametrize(("make_torch", "make_keras", "x"), KINDS.values(), ids=KINDS)
def test_a_round_trip_is_bit_exact(make_torch, make_keras, x):
    a, b, c = make_keras(), make_torch(), make_keras()
    a.set_weights([np.random.default_rng(1).uniform(0.2, 0.8, w.shape) for w in a.get_weights()])
    parity.transfer(a, b, x, layout=LAYOUTS.get(id(x)))
    parity.transfer(b, c, x, layout=LAYOUTS.get(id(x)))
    assert all((v == w).all() for v, w in zip(a.get_weights(), c.get_weights(), strict=True))


def _shake(model):
    with torch.no_grad():
        for tensor in [*model.parameters(), *model.buffers()]:
            if tensor.is_floating_point():
                tensor.uniform_(0.2, 0.8)


def test_transfer_is_for_good():
    a, b = torch_net(), keras_net()
    assert parity.transfer(a, b, IMAGES)["dense2"].startswith("dense")
    assert parity.compare(a, b, IMAGES, transfer=False).passed


def test_transfer_refuses_layers_without_partner_and_changes_nothing():
    a, b = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 3)), sequential((5,), L.Dense(3))
    before = b.get_weights()
    with pytest.raises(StateError, match="nothing was changed"):
        parity.transfer(a, b, RNG.normal(size=(4, 5)))
    assert all((v == w).all() for v, w in zip(before, b.get_weights(), strict=True))


def test_the_report_says_what_it_ran_on():
    report = parity.compare(nn.ReLU(), L.ReLU(), IMAGES, seed=3)
    about = report.environment
    assert (about["a"]["framework"], about["a"]["versions"]["torch"]) == ("torch", torch.__version__)
    assert (about["b"]["model"], about["b"]["versions"]["keras"]) == ("ReLU", keras.__version__)
    assert (about["train"], about["seed"]) == (False, 3)


def test_images_transposed_before_they_are_flattened_are_the_fault_of_the_glue():
    report = parity.compare(torch_net(glue=lambda x: x.transpose(2, 3)), keras_net(), IMAGES)
    assert {culprit.kind for culprit in report.culprits} == {"glue"}
    assert "flatten" in report.culprits[0].where


# --- randomness ------------------------------------------------------------------------------------------------


class Sampling(nn.Module):
    """A variational code: a mean and a spread, and a sample of them, drawn in one way or another."""

    def __init__(self, draw):
        super().__init__()
        self.mean, self.spread, self.draw = nn.Linear(5, 3), nn.Linear(5, 3), draw

    def forward(self, x):
        mean, spread = self.mean(x), self.spread(x)
        return mean + spread * self.draw(mean)


class KerasSampling(keras.Model):
    def __init__(self, draw):
        super().__init__()
        self.mean, self.spread, self.draw = L.Dense(3), L.Dense(3), draw

    def call(self, x):
        mean, spread = self.mean(x), self.spread(x)
        return mean + spread * self.draw(mean)


def tf_random():
    import tensorflow as tf

    return tf.random


DRAWS = {
    "randn_like, keras.random.normal": (torch.randn_like, lambda x: keras.random.normal(x.shape)),
    "randn, tf.random.normal": (lambda x: torch.randn(x.shape), lambda x: tf_random().normal(x.shape, dtype=x.dtype)),
    "normal_, stateless_normal": (
        lambda x: torch.empty_like(x).normal_(0.5, 2.0),
        lambda x: tf_random().stateless_normal(x.shape, [1, 2], 0.5, 2.0, dtype=x.dtype),
    ),
    "rand, keras.random.uniform": (
        lambda x: torch.rand(x.shape) * 4 - 1, lambda x: keras.random.uniform(x.shape, -1.0, 3.0),
    ),
    "distributions": (
        lambda x: torch.distributions.Normal(torch.zeros_like(x), torch.ones_like(x)).rsample(),
        lambda x: keras.random.normal(x.shape),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), DRAWS.values(), ids=DRAWS)
def test_samples_come_from_one_stream_on_both_sides(ours, theirs):
    model = KerasSampling(theirs)
    model(SEQUENCE[:, 0])
    report = parity.compare(Sampling(ours), model, SEQUENCE[:, 0], allow=["spread.*"])
    assert report.passed, str(report)
    assert not parity.compare(Sampling(lambda x: 1.01 * ours(x)), model, SEQUENCE[:, 0]).passed


class Noise(nn.Module):
    def forward(self, x):
        return x + 0.3 * torch.randn_like(x) if self.training else x


NOISE = {
    "gaussian": (Noise, lambda: L.GaussianNoise(0.3)),
    "alpha dropout": (lambda: nn.AlphaDropout(0.4), lambda: L.AlphaDropout(0.4)),
    "spatial dropout": (lambda: nn.Dropout2d(0.4), lambda: L.SpatialDropout2D(0.4)),
}


@pytest.mark.parametrize(("ours", "theirs"), NOISE.values(), ids=NOISE)
def test_noise_layers_draw_the_same_in_train_mode(ours, theirs):
    a = nn.Sequential(nn.Conv2d(4, 6, 3), ours(), nn.Conv2d(6, 2, 1))
    b = sequential((9, 8, 4), L.Conv2D(6, 3), theirs(), L.Conv2D(2, 1))
    report = parity.compare(a, b, IMAGE, train=True, allow=["1"])
    assert report.passed, str(report)


def test_random_functions_are_given_back():
    before = tf_random().normal, keras.src.backend.random.normal
    parity.compare(Sampling(torch.randn_like), Sampling(torch.randn_like), SEQUENCE[:, 0])
    parity.compare(sequential((5,), L.GaussianNoise(0.3)), sequential((5,), L.GaussianNoise(0.3)), SEQUENCE[:, 0])
    assert (tf_random().normal, keras.src.backend.random.normal) == before
    assert not torch.equal(torch.randn(3), torch.randn(3))


# --- both wrong alike ------------------------------------------------------------------------------------------


class Surrogate(torch.autograd.Function):
    """A sign whose gradient is that of the identity."""

    @staticmethod
    def forward(ctx, x):
        return x.sign() * x.abs() ** 1.5

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def ours_of(logits, targets):
    return F.cross_entropy(logits, targets)


LOSSES = {
    "loss.reduction": (lambda y, t: tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(t, y)), nn.Identity),
    "loss.label_smoothing": (
        lambda y, t: tf.reduce_mean(
            keras.losses.categorical_crossentropy(tf.one_hot(t, 3, dtype=y.dtype), y, True, tf.constant(0.1, y.dtype))
        ),
        nn.Identity,
    ),
    "loss.from_logits": (lambda y, t: tf.reduce_mean(-tf.math.log(tf.gather(y, t, axis=1, batch_dims=1))), nn.Softmax),
}


@pytest.mark.parametrize("cause", LOSSES)
def test_a_loss_that_differs_is_blamed_and_explained(cause):
    loss, last = LOSSES[cause]
    ours = nn.Sequential(nn.Linear(4, 3), *([] if last is nn.Identity else [last(-1)]))
    activation = None if last is nn.Identity else "softmax"
    theirs = sequential((4,), L.Dense(3, activation=activation))
    given, targets = RNG.normal(size=(5, 4)), np.arange(5) % 3
    for pair, losses in (((ours, theirs), (ours_of, loss)), ((theirs, ours), (loss, ours_of))):
        (culprit,) = parity.compare(*pair, given, loss=losses, targets=targets).culprits
        assert culprit.where == "the loss"
        assert culprit.diagnoses[0].cause in (cause, "loss.double_softmax")


def test_a_constant_that_keras_rounds_is_no_culprit_beside_a_fault():
    ours = nn.Sequential(nn.Linear(4, 5), nn.LeakyReLU(0.2), nn.Linear(5, 3))
    theirs = sequential((4,), L.Dense(5), L.LeakyReLU(0.2), L.Dense(3))
    ours[2].forward = lambda x: 2 * F.linear(x, ours[2].weight, ours[2].bias)
    report = parity.compare(ours, theirs, RNG.normal(size=(6, 4)))
    assert [culprit.kind for culprit in report.culprits] == ["dense"]
    assert any("float32" in note for note in report.notes)


def test_rescaling_has_float64s_digits_and_keeps_its_own():
    class Scaled(nn.Sequential):
        def forward(self, x):
            return super().forward(x / 255 - 0.3)

    theirs = sequential((9, 8, 4), L.Rescaling(1 / 255, -0.3), L.Conv2D(2, 3))
    assert parity.compare(Scaled(nn.Conv2d(4, 2, 3)), theirs, IMAGE).passed
    assert (theirs.layers[0].scale, theirs.layers[0].offset) == (1 / 255, -0.3)


class Straight(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(5, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.last(Surrogate.apply(self.first(x)))


def test_two_sides_with_the_same_wrong_gradient_are_both_told():
    report = parity.compare(Straight(), Straight(), SEQUENCE[:, 0])
    assert {f.name for f in report.failures} == {f"float64/eval/quotient/gradients of {side}" for side in "ab"}
    allowed = parity.compare(Straight(), Straight(), SEQUENCE[:, 0], allow=["gradients of *"])
    assert allowed.passed, str(allowed)


@pytest.mark.parametrize("train", [False, True])
def test_the_derivative_along_a_direction_is_that_of_the_function(train):
    report = parity.compare(torch_net(), keras_net(), IMAGES, train=train, allow=["*.running_var", "*running_var"])
    own = [f for f in report.findings if "/quotient/" in f.name]
    assert len(own) == 2
    assert all(f.passed and f.error < 1e-6 for f in own)


def test_compiled_and_eager_agree():
    model = nn.Sequential(nn.Linear(5, 6), nn.GELU(), nn.Linear(6, 2))
    report = parity.compare(model, torch.compile(model, backend="eager"), SEQUENCE[:, 0])
    assert report.passed, str(report)


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_an_explained_comparison_leaves_no_memory_behind(pair):
    """A framework's graph is invisible to the collector of garbage: a circle through it would stay for ever."""
    a, b = pair[0](), keras_net(epsilon=1e-2) if pair[1] is keras_net else torch_net(eps=1e-2)
    assert parity.compare(a, b, IMAGES).culprits
    gc.collect()
    assert [kept for kept in gc.get_objects() if type(kept) is Tape] == []


# --- functions between layers ----------------------------------------------------------------------------------


class Functions(keras.Model):
    """Layers, and functions between them."""

    def __init__(self, activation):
        super().__init__()
        self.conv, self.flatten, self.fc, self.activation = L.Conv2D(4, 3), L.Flatten(), L.Dense(3), activation

    def call(self, x, training=None):
        x = tf.nn.max_pool2d(self.activation(self.conv(x)), 2, 2, "VALID")
        x = self.flatten(tf.nn.softplus(x))
        return self.fc(tf.nn.dropout(x, 0.4) if training else x)


class Modules(nn.Module):
    """The same with a module for everything; no layers at all are an identity."""

    def __init__(self, activation):
        super().__init__()
        self.conv, self.activation, self.pool, self.shortcut = (
            nn.Conv2d(3, 4, 3),
            activation,
            nn.MaxPool2d(2),
            nn.Sequential(),
        )
        self.softplus, self.dropout, self.fc = nn.Softplus(threshold=1e9), nn.Dropout(0.4), nn.Linear(4 * 7 * 5, 3)

    def forward(self, x):
        x = self.softplus(self.shortcut(self.pool(self.activation(self.conv(x)))))
        return self.fc(self.dropout(x.flatten(1)))


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(
    "relu", [tf.nn.relu, lambda x: keras.ops.relu(x), keras.activations.relu], ids=["tf", "ops", "keras"]
)
def test_functions_are_partners_of_modules(relu, train):
    pair = Modules(nn.ReLU()), Functions(relu)
    pair[1](np.zeros((1, 16, 12, 3)))
    for a, b in (pair, pair[::-1]):
        report = parity.compare(a, b, IMAGES, train=train, allow=[] if train else ["dropout"])
        assert report.passed, str(report)


def test_a_function_is_blamed_like_a_layer():
    twin = Functions(tf.nn.elu)
    twin(np.zeros((1, 16, 12, 3)))
    report = parity.compare(Modules(nn.ReLU()), twin, IMAGES, train=True)
    assert [culprit.where for culprit in report.culprits] == ["activation | elu() 1"]
    assert report.culprits[0].diagnoses[0].cause == "activation.wrong"


def test_a_function_that_drops_in_train_mode_is_the_partner_of_a_layer():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(5, 6), nn.Linear(6, 2)

        def forward(self, x):
            return self.last(torch.relu(F.dropout(self.first(x), 0.4, training=self.training)))

    twin = sequential((5,), L.Dense(6), L.Dropout(0.4), L.ReLU(), L.Dense(2))
    for train in (False, True):
        report = parity.compare(Net(), twin, SEQUENCE[:, 0], train=train)
        assert report.passed, str(report)


@pytest.mark.parametrize("function", [lambda x: F.dropout(x, 0.4), lambda x: F.dropout(x, 0.4, training=True)])
def test_what_is_called_in_train_mode_alone_is_seen(function):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(5, 6), nn.Linear(6, 2)

        def forward(self, x):
            x = self.first(x)
            return self.last(torch.relu(function(x) if self.training else x))

    twin = sequential((5,), L.Dense(6), L.Dropout(0.4), L.ReLU(), L.Dense(2))
    assert parity.compare(Net(), twin, SEQUENCE[:, 0], train=True).passed


def test_dropout_behind_flatten_draws_the_same_for_the_same_pixel():
    a = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Dropout(0.4), nn.Linear(4 * 14 * 10, 3))
    b = sequential((16, 12, 3), L.Conv2D(4, 3), L.Flatten(), L.Dropout(0.4), L.Dense(3))
    report = parity.compare(a, b, IMAGES, train=True)
    assert report.passed, str(report)


def test_outputs_of_integers_are_compared_beside_floating_ones():
    class Class(nn.Module):
        def __init__(self, largest=True):
            super().__init__()
            self.fc, self.largest = nn.Linear(5, 3), largest

        def forward(self, x):
            y = self.fc(x)
            return y, y.argmax(1) if self.largest else y.argmin(1)

    inputs = keras.Input((5,))
    logits = L.Dense(3)(inputs)
    twin = keras.Model(inputs, [logits, keras.ops.argmax(logits, 1)])
    assert parity.compare(Class(), twin, SEQUENCE[:, 0]).passed
    failed = parity.compare(Class(largest=False), twin, SEQUENCE[:, 0])
    assert {finding.name for finding in failed.failures} == {"float64/eval/output/1"}
    indices = keras.Model(inputs, keras.ops.argmax(logits, 1))
    for models in ((indices, Class()), (nn.Sequential(nn.Linear(5, 3), Argmax()), twin)):
        with pytest.raises(ConfigError, match="every output is of integers"):
            parity.compare(*models, SEQUENCE[:, 0])


class Written(nn.Module):
    """A model of functions alone but for its weights."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, x):
        x = F.elu(F.avg_pool2d(self.conv(x), 2))
        x = F.interpolate(F.softplus(x, threshold=1e9), scale_factor=2, mode="bilinear")
        return F.softmax(self.fc(F.selu(x).mean((2, 3))), dim=-1)


class WrittenTwin(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = L.Conv2D(4, 3, padding="same"), L.Dense(3)

    def call(self, x):
        x = tf.nn.elu(tf.nn.avg_pool2d(self.conv(x), 2, 2, "VALID"))
        x = tf.image.resize(tf.nn.softplus(x), (16, 12))
        return tf.nn.softmax(self.fc(tf.reduce_mean(tf.nn.selu(x), [1, 2])))


def test_models_of_functions_meet_models_of_layers():
    modules = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.AvgPool2d(2), nn.ELU(), nn.Softplus(threshold=1e9),
        nn.Upsample(scale_factor=2, mode="bilinear"), nn.SELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 3), nn.Softmax(-1),
    )  # fmt: skip
    layers = sequential(
        (16, 12, 3), L.Conv2D(4, 3, padding="same"), L.AveragePooling2D(2), L.ELU(), L.Activation("softplus"),
        L.UpSampling2D(interpolation="bilinear"), L.Activation("selu"), L.GlobalAveragePooling2D(), L.Dense(3),
        L.Softmax(),
    )  # fmt: skip
    twin = WrittenTwin()
    twin(np.zeros((1, 16, 12, 3)))
    for a, b in ((Written(), twin), (Written(), layers), (modules, twin), (modules, layers), (Written(), modules)):
        report = parity.compare(a, b, IMAGES)
        assert report.passed, str(report)


def test_images_of_integers_are_resized_as_ever():
    class Resized(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = L.Conv2D(2, 3)

        def call(self, x):
            return self.conv(tf.image.resize(tf.cast(x * 9, tf.int32), (24, 18)))

    twin = Resized()
    twin(np.zeros((1, 16, 12, 3)))
    first = parity.models.side(twin)
    with first.borrowed("float64"):
        images = first.inputs(IMAGES, "NCHW")
        bare, seen = (first.run(images, tape=tape).outputs[0] for tape in (None, Tape()))
    np.testing.assert_array_equal(bare, seen)


EXACTLY = {name: make for _, name, make in EXACT}


def test_resized_images_are_compared_in_float64():
    layers = sequential((16, 12, 3), L.Conv2D(4, 3), L.UpSampling2D((2, 3), interpolation="bilinear"), L.Conv2D(2, 3))
    modules = [
        nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.Upsample(scale_factor=(2, 3), mode="bilinear", align_corners=corners),
            nn.Conv2d(4, 2, 3),
        )
        for corners in (False, True)
    ]  # fmt: skip
    assert parity.compare(modules[0], layers, IMAGES).passed
    (culprit,) = parity.compare(layers, modules[1], IMAGES).culprits
    assert culprit.diagnoses[0].cause == "resize.align_corners"


@pytest.mark.parametrize("size", [(32, 24), (11, 30), (16, 12), (5, 4)])
def test_exact_resizing_is_that_of_tensorflow(size):
    images = np.moveaxis(IMAGES, 1, -1)
    exact = EXACTLY["resize"](tf.image.resize)
    own = exact(images, size).numpy()
    assert own.dtype == np.float64
    np.testing.assert_allclose(own, tf.image.resize(images, size).numpy(), atol=1e-5)  # its places are float32
    assert exact(images, size, "nearest").dtype == tf.image.resize(images, size, "nearest").dtype


@pytest.mark.parametrize("approximate", [False, True])
def test_exact_gelu_is_that_of_both(approximate):
    exact = EXACTLY["gelu"](tf.nn.gelu)(SEQUENCE, approximate).numpy()
    form = "tanh" if approximate else "none"
    np.testing.assert_allclose(exact, F.gelu(torch.tensor(SEQUENCE), approximate=form).numpy(), rtol=1e-14)
    np.testing.assert_allclose(exact, tf.nn.gelu(SEQUENCE, approximate).numpy(), atol=1e-7)
    single = SEQUENCE.astype(np.float32)
    np.testing.assert_array_equal(EXACTLY["gelu"](tf.nn.gelu)(single), tf.nn.gelu(single))


class Gelu(keras.Model):
    """Keeps TensorFlow's function as its own."""

    def __init__(self):
        super().__init__()
        self.first, self.last, self.activation = L.Dense(6), L.Dense(2), tf.nn.gelu

    def call(self, x):
        return self.last(self.activation(self.first(x)))


def test_gelu_agrees_in_float64():
    twin = Gelu()
    twin(np.zeros((1, 5)))
    model = nn.Sequential(nn.Linear(5, 6), nn.GELU(), nn.Linear(6, 2))
    for own in ("gelu", tf.nn.gelu, lambda x: keras.ops.gelu(x, approximate=False)):
        layers = sequential((5,), L.Dense(6, activation=own), L.Dense(2))
        report = parity.compare(model, layers, SEQUENCE[:, 0])
        assert report.passed, str(report)
        assert layers.layers[0].activation is keras.activations.get(own)
    assert parity.compare(model, twin, SEQUENCE[:, 0]).passed
    assert twin.activation is tf.nn.gelu
    tanh = nn.Sequential(nn.Linear(5, 6), nn.GELU("tanh"), nn.Linear(6, 2))
    (culprit,) = parity.compare(tanh, twin, SEQUENCE[:, 0]).culprits
    assert culprit.diagnoses[0].cause == "activation.gelu_form"


ACTIVATIONS = {
    "relu": (nn.ReLU, F.relu), "relu6": (nn.ReLU6, F.relu6), "elu": (nn.ELU, F.elu), "selu": (nn.SELU, F.selu),
    "celu": (nn.CELU, F.celu), "gelu": (nn.GELU, F.gelu), "silu": (nn.SiLU, F.silu), "mish": (nn.Mish, F.mish),
    "softplus": (nn.Softplus, F.softplus), "softsign": (nn.Softsign, F.softsign), "tanh": (nn.Tanh, torch.tanh),
    "sigmoid": (nn.Sigmoid, torch.sigmoid), "hard_sigmoid": (nn.Hardsigmoid, F.hardsigmoid),
    "hard_silu": (nn.Hardswish, F.hardswish), "softmax": (lambda: nn.Softmax(-1), lambda x: x.softmax(-1)),
    "log_softmax": (lambda: nn.LogSoftmax(-1), lambda x: F.log_softmax(x, -1)), "hard_tanh": (nn.Hardtanh, F.hardtanh),
    "log_sigmoid": (nn.LogSigmoid, F.logsigmoid), "tanh_shrink": (nn.Tanhshrink, F.tanhshrink),
    "soft_shrink": (nn.Softshrink, F.softshrink), "hard_shrink": (nn.Hardshrink, F.hardshrink),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_agree_however_they_are_written(name):
    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(5, 6), nn.Linear(6, 2)

        def forward(self, x):
            return self.last(function(self.first(x)))

    module, function = ACTIVATIONS[name]
    within = sequential((5,), L.Dense(6, activation=name), L.Dense(2))
    apart = sequential((5,), L.Dense(6), L.Activation(name), L.Dense(2))
    for a in (nn.Sequential(nn.Linear(5, 6), module(), nn.Linear(6, 2)), Written()):
        for b in (within, apart):
            report = parity.compare(a, b, SEQUENCE[:, 0])
            assert report.passed, str(report)


class Branches(nn.Module):
    """Two branches, joined before a dense layer, which another layer follows that all rows share."""

    def __init__(self, blocked=None):
        super().__init__()
        torch.manual_seed(4)
        self.one, self.two, self.dense, self.shared = nn.Linear(5, 4), nn.Linear(5, 3), nn.Linear(7, 6), nn.Linear(6, 6)
        if blocked:
            layer = getattr(self, blocked)
            layer.forward = lambda x: F.linear(x.detach(), layer.weight, layer.bias)

    def forward(self, x):
        x = self.dense(torch.cat([F.relu(self.one(x)), F.relu(self.two(x))], -1))
        return self.shared(torch.tanh(self.shared(x)))


class BranchesTwin(keras.Model):
    """The same in Keras."""

    def __init__(self, blocked=None):
        super().__init__()
        sizes = {"one": 4, "two": 3, "dense": 6, "shared": 6}
        self.one, self.two, self.dense, self.shared = (L.Dense(size, name=name) for name, size in sizes.items())
        if blocked:
            layer = getattr(self, blocked)
            layer.call = lambda x, training=None: tf.stop_gradient(x) @ layer.kernel + layer.bias

    def call(self, x):
        x = self.dense(tf.concat([tf.nn.relu(self.one(x)), tf.nn.relu(self.two(x))], -1))
        return self.shared(tf.tanh(self.shared(x)))


@pytest.mark.parametrize("layer", ["dense", "shared"])
@pytest.mark.parametrize("broken", ["torch", "tf"])
def test_a_gradient_that_is_blocked_is_blamed_on_that_layer_alone(layer, broken):
    models = Branches(layer if broken == "torch" else None), BranchesTwin(layer if broken == "tf" else None)
    for pair in (models, models[::-1]):
        culprits = parity.compare(*pair, RNG.normal(size=(4, 5))).culprits
        assert "call" in vars(models[1].shared) or (layer, broken) != ("shared", "tf")  # left as it was
        assert {culprit.where for culprit in culprits} == {f"{layer} | {layer}"}
        assert {culprit.diagnoses[0].cause for culprit in culprits} == {"gradient.blocked"}
        assert {"the inputs' times 0" in str(culprit.diagnoses[0].settings) for culprit in culprits} == {True}


class Lazy(nn.Module):
    """Parameters whose shapes follow from the inputs."""

    def __init__(self):
        super().__init__()
        self.dense, self.norm, self.attention = (
            nn.LazyLinear(6),
            nn.LazyBatchNorm1d(),
            nn.MultiheadAttention(6, 2, batch_first=True),
        )

    def forward(self, x):
        x = self.norm(self.dense(x).transpose(1, 2)).transpose(1, 2)
        return self.attention(x, x, x)[0]


class LazyTwin(keras.Model):
    """A model that was not called yet, with a layer that makes its parts when it is."""

    def __init__(self):
        super().__init__()
        self.dense, self.norm = L.Dense(6), L.BatchNormalization(epsilon=1e-5)
        self.attention = L.MultiHeadAttention(2, 3)

    def call(self, x, training=False):
        x = self.norm(self.dense(x), training=training)
        return self.attention(x, x)


def test_models_that_were_never_called_are_built_as_they_are():
    ours, theirs = Lazy(), LazyTwin()
    assert parity.compare(ours, theirs, SEQUENCE).passed
    assert ours.training
    assert {p.dtype for p in ours.parameters()} == {torch.float32}
    assert {v.dtype for v in theirs.variables} == {"float32"}
    assert theirs(SEQUENCE.astype("float32")).dtype == "float32"
    ours, theirs = Lazy(), LazyTwin()
    parity.transfer(theirs, ours, SEQUENCE)
    assert parity.compare(ours, theirs, SEQUENCE, transfer=False).passed


class Attention(nn.Module):
    """Written out: the weights (N, heads, T, T) are no images."""

    def __init__(self, scaled=True):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(6, 6) for _ in range(4))
        self.dropout, self.scale = nn.Dropout(0.3), 3**-0.5 if scaled else 1.0

    def forward(self, x):
        q, k, v = (f(x).unflatten(2, (2, 3)).transpose(1, 2) for f in (self.query, self.key, self.value))
        weights = self.dropout(F.softmax(self.scale * q @ k.mT, -1))
        return self.out((weights @ v).transpose(1, 2).flatten(2)), weights


class AttentionTwin(keras.Model):
    """The same in Keras."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (L.Dense(6) for _ in range(4))
        self.dropout = L.Dropout(0.3)

    def call(self, x, training=False):
        n, t = x.shape[:2]
        q, k, v = (
            tf.transpose(tf.reshape(f(x), (n, t, 2, 3)), (0, 2, 1, 3)) for f in (self.query, self.key, self.value)
        )
        weights = self.dropout(tf.nn.softmax(3**-0.5 * tf.matmul(q, k, transpose_b=True)), training=training)
        return self.out(tf.reshape(tf.transpose(weights @ v, (0, 2, 1, 3)), (n, t, 6))), weights


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("length", [5, 2])
def test_weights_of_an_attention_are_no_images(train, length):
    x = RNG.normal(size=(3, length, 6))
    for pair in ((Attention(), AttentionTwin()), (AttentionTwin(), Attention())):
        report = parity.compare(*pair, x, train=train)
        assert report.passed, str(report)
    culprits = parity.compare(Attention(scaled=False), AttentionTwin(), x, train=train).culprits
    assert {culprit.kind for culprit in culprits} == {"glue"}


class Encoder(keras.Model):
    """`nn.TransformerEncoderLayer` in Keras."""

    def __init__(self, weights=0.2):
        super().__init__()
        self.attention = L.MultiHeadAttention(2, 3, dropout=weights)
        self.norm1, self.norm2 = L.LayerNormalization(epsilon=1e-5), L.LayerNormalization(epsilon=1e-5)
        self.hidden, self.out = L.Dense(9, activation="relu"), L.Dense(6)
        self.dropout1, self.dropout, self.dropout2 = L.Dropout(0.2), L.Dropout(0.2), L.Dropout(0.2)

    def call(self, x):
        x = self.norm1(x + self.dropout1(self.attention(x, x)))
        return self.norm2(x + self.dropout2(self.out(self.dropout(self.hidden(x)))))


@pytest.mark.parametrize("train", [False, True])
def test_a_transformer_encoder_draws_the_same_for_the_weights_of_its_attention(train):
    def ours():
        return nn.TransformerEncoderLayer(6, 2, 9, 0.2, batch_first=True)

    x = RNG.normal(size=(3, 5, 6))
    for pair in ((ours(), Encoder()), (Encoder(), ours())):
        report = parity.compare(*pair, x, train=train)
        assert report.passed, str(report)
    wrong = parity.compare(ours(), Encoder(0.4), x, train=train)
    assert wrong.passed is not train
    assert [c.diagnoses[0].cause for c in wrong.culprits] == ["attention.dropout"] * train


class TimeFirst(nn.Module):
    """Time comes before the batch, as PyTorch has it if nothing is said."""

    def __init__(self):
        super().__init__()
        self.encoder, self.dropout, self.out = (
            nn.TransformerEncoderLayer(6, 2, 9, 0.2),
            nn.Dropout(0.3),
            nn.Linear(6, 2),
        )

    def forward(self, x):
        return self.out(self.dropout(self.encoder(x.transpose(0, 1)))).transpose(0, 1)


@pytest.mark.parametrize("train", [False, True])
def test_time_may_come_before_the_batch(train):
    def theirs(weights=0.2):
        return keras.Sequential([keras.Input((5, 6)), Encoder(weights), L.Dropout(0.3), L.Dense(2)])

    x = RNG.normal(size=(3, 5, 6))
    for pair in ((TimeFirst(), theirs()), (theirs(), TimeFirst())):
        report = parity.compare(*pair, x, train=train)
        assert report.passed, str(report)
    ours = TimeFirst()
    ours.encoder.norm1.eps = 1e-3
    for pair in ((ours, theirs()), (theirs(), ours)):
        (culprit,) = parity.compare(*pair, x, train=train).culprits
        assert culprit.diagnoses[0].cause == "norm.epsilon"


class Fused(Attention):
    """All in one function, which does not give the weights."""

    def forward(self, x):
        q, k, v = (f(x).unflatten(2, (2, 3)).transpose(1, 2) for f in (self.query, self.key, self.value))
        rate = self.dropout.p if self.training else 0.0
        return self.out(F.scaled_dot_product_attention(q, k, v, dropout_p=rate).transpose(1, 2).flatten(2))


class FusedTwin(AttentionTwin):
    """Without the weights."""

    def call(self, x, training=False):
        return super().call(x, training)[0]


@pytest.mark.parametrize("train", [False, True])
def test_an_attention_in_one_function_drops_the_same_weights(train):
    fused = Fused()
    del fused.dropout
    fused.dropout = types.SimpleNamespace(p=0.3)
    report = parity.compare(fused, FusedTwin(), RNG.normal(size=(3, 5, 6)), train=train, allow=["dropout*"])
    assert report.passed, str(report)


class Scaled(nn.Module):
    """A layer of no known kind that drops."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.linspace(1, 2, 5))

    def forward(self, x):
        return F.dropout(self.scale * x, 0.4, self.training)


class ScaledTwin(L.Layer):
    """The same in Keras."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(5,), name="scale")

    def call(self, x, training=False):
        return keras.random.dropout(self.scale * x, 0.4) if training else self.scale * x


@pytest.mark.parametrize("train", [False, True])
def test_a_layer_of_no_known_kind_drops_the_same(train):
    theirs = sequential((5,), L.Dense(5), ScaledTwin(name="scaled"), L.Dense(3))
    ours = nn.Sequential(nn.Linear(5, 5), Scaled(), nn.Linear(5, 3))
    report = parity.compare(ours, theirs, RNG.normal(size=(4, 5)), train=train)
    assert report.passed, str(report)


class Both(nn.Module):
    """Words and numbers, by name."""

    def __init__(self):
        super().__init__()
        self.embed, self.dense, self.out = nn.Embedding(11, 4), nn.Linear(3, 5), nn.Linear(9, 2)

    def forward(self, words, numbers):
        return self.out(torch.cat([self.embed(words).mean(1), torch.tanh(self.dense(numbers))], -1))


class BothTwin(keras.Model):
    """The same in Keras."""

    def __init__(self):
        super().__init__()
        self.embed, self.dense, self.out = L.Embedding(11, 4), L.Dense(5, activation="tanh"), L.Dense(2)

    def call(self, numbers, words):
        return self.out(tf.concat([tf.reduce_mean(self.embed(words), 1), self.dense(numbers)], -1))


class OneDictionary(BothTwin):
    """All in one argument."""

    def call(self, inputs):
        return super().call(**inputs)


def functional():
    words, numbers = keras.Input((5,), dtype="int32", name="words"), keras.Input((3,), name="numbers")
    mean = L.GlobalAveragePooling1D()(L.Embedding(11, 4)(words))
    both = L.Concatenate()([mean, L.Dense(5, activation="tanh")(numbers)])
    return keras.Model({"words": words, "numbers": numbers}, L.Dense(2)(both))


@pytest.mark.parametrize("theirs", [BothTwin, OneDictionary, functional])
def test_inputs_may_be_given_by_name(theirs):
    inputs = {"words": RNG.integers(0, 11, (4, 5)), "numbers": RNG.normal(size=(4, 3))}
    for pair in ((Both(), theirs()), (theirs(), Both())):
        report = parity.compare(*pair, inputs)
        assert report.passed, str(report)
        assert report.compared >= 9


class Gated(nn.Module):
    """A GRU whose states are all read, with time first inside."""

    def __init__(self):
        super().__init__()
        self.gru, self.dense = nn.GRU(5, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.dense(self.gru(x.transpose(0, 1))[0].transpose(0, 1))


class Translator(nn.Module):
    """The states of one LSTM go into another."""

    def __init__(self, exchanged=False):
        super().__init__()
        self.reads, self.writes, self.exchanged = nn.LSTM(5, 6), nn.LSTM(3, 6, batch_first=True), exchanged

    def forward(self, x, y):
        _, (h, c) = self.reads(x.transpose(0, 1))
        return self.writes(y, (c, h) if self.exchanged else (h, c))[0]


class TranslatorTwin(keras.Model):
    """The same in Keras."""

    def __init__(self, **settings):
        super().__init__()
        self.reads = L.LSTM(6, return_state=True, **settings)
        self.writes = L.LSTM(6, return_sequences=True)

    def call(self, x, y):
        _, *states = self.reads(x)
        return self.writes(y, initial_state=states)


def test_states_of_recurrent_layers_are_compared_and_forced():
    inputs = [SEQUENCE, RNG.normal(size=(len(SEQUENCE), 4, 3))]
    for pair in ((Translator(), TranslatorTwin()), (TranslatorTwin(), Translator())):
        report = parity.compare(*pair, inputs)
        assert report.passed, str(report)
    for pair in ((Translator(), TranslatorTwin(activation="relu")), (TranslatorTwin(activation="relu"), Translator())):
        (culprit,) = parity.compare(*pair, inputs).culprits
        assert culprit.diagnoses[0].cause == "rnn.activation"
    (culprit, *_) = parity.compare(Translator(exchanged=True), TranslatorTwin(), inputs).culprits
    assert culprit.kind == "glue"


class Ends(nn.Module):
    """What is read of a recurrent layer: its last step, or its last states."""

    def __init__(self, kind, read):
        super().__init__()
        self.layer, self.read = kind(5, 4, batch_first=True, bidirectional="both" in read), read
        self.dense = nn.Linear(8 if "both" in read else 4, 2)

    def forward(self, x):
        out, states = self.layer(x)
        h = states[0] if isinstance(states, tuple) else states
        return self.dense({"step": out[:, -1], "state": h[-1], "both": torch.cat([*h], -1)}[self.read])


@pytest.mark.parametrize("read", ["step", "state", "both"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_the_last_step_is_the_same_however_it_is_read(kind, read):
    def theirs(**settings):
        layer = getattr(L, {"RNN": "SimpleRNN"}.get(kind, kind))(4, **settings)
        return sequential((7, 5), L.Bidirectional(layer) if read == "both" else layer, L.Dense(2))

    def ours():
        return Ends(getattr(nn, kind), read)

    assert parity.compare(ours(), theirs(), SEQUENCE).passed
    for pair in ((ours(), theirs(activation="sigmoid")), (theirs(activation="sigmoid"), ours())):
        (culprit,) = parity.compare(*pair, SEQUENCE).culprits
        assert culprit.diagnoses[0].cause == "rnn.activation"


PADDED_WORDS = np.array([[3, 4, 5, 0, 0], [1, 2, 3, 4, 0], [7, 8, 9, 10, 0]])


class Reader(nn.Module):
    """Embedded words, of which those with index 0 are padding, and an LSTM's last step or an attention."""

    def __init__(self, attends, hidden=lambda x: x == 0):
        super().__init__()
        self.embed, self.out, self.hidden = nn.Embedding(12, 4), nn.Linear(4, 2), hidden
        self.layer = nn.MultiheadAttention(4, 2, batch_first=True) if attends else nn.LSTM(4, 4, batch_first=True)

    def forward(self, x):
        y = self.embed(x)
        if isinstance(self.layer, nn.LSTM):
            return self.out(self.layer(y)[0][:, -1])
        return self.out(self.layer(y, y, y, key_padding_mask=self.hidden(x))[0])


class AttentiveTwin(keras.Model):
    """The attention in Keras."""

    def __init__(self):
        super().__init__()
        self.embed, self.layer, self.out = L.Embedding(12, 4), L.MultiHeadAttention(2, 2), L.Dense(2)

    def call(self, x):
        y = self.embed(x)
        return self.out(self.layer(y, y, attention_mask=(x != 0)[:, None]))


def test_padding_is_hidden_from_an_attention():
    for pair in ((Reader(True), AttentiveTwin()), (AttentiveTwin(), Reader(True))):
        report = parity.compare(*pair, PADDED_WORDS)
        assert report.passed, str(report)
    wrong = Reader(True, hidden=lambda x: x != 0)
    for pair in ((wrong, AttentiveTwin()), (AttentiveTwin(), wrong)):
        (culprit,) = parity.compare(*pair, PADDED_WORDS).culprits
        assert culprit.diagnoses[0].cause == "attention.mask_polarity"


@pytest.mark.parametrize("masked", [False, True])
def test_steps_that_a_mask_leaves_out_are_diagnosed(masked):
    embed, words = L.Embedding(12, 4, mask_zero=masked), keras.Input((5,), dtype="int32")
    theirs = keras.Sequential([words, embed, L.LSTM(4), L.Dense(2)])
    for pair in ((Reader(False), theirs), (theirs, Reader(False))):
        report = parity.compare(*pair, PADDED_WORDS, allow=["embed*"])
        assert report.passed is not masked, str(report)
        assert [c.diagnoses[0].cause for c in report.culprits] == ["rnn.mask"] * masked


def test_indices_are_the_same_whatever_their_width():
    theirs = keras.Sequential([keras.Input((5,), dtype="int32"), L.Embedding(12, 4), L.LSTM(4), L.Dense(2)])
    wrong = Reader(False)
    wrong.out.forward = lambda x: 2 * F.linear(x, wrong.out.weight, wrong.out.bias)
    (culprit,) = parity.compare(theirs, wrong, PADDED_WORDS).culprits
    assert culprit.kind == "dense"


@pytest.mark.parametrize(("padding", "stride"), [("valid", 2), ("same", 2), ("valid", (1, 2, 3))])
def test_volumes_are_pooled_in_float64(padding, stride):
    x = RNG.normal(size=(2, 3, 6, 5, 8))
    theirs = sequential((6, 5, 8, 3), L.Conv3D(4, 1), L.MaxPooling3D(2, stride, padding))
    own = nn.MaxPool3d(2, stride, ceil_mode=padding == "same")
    report = parity.compare(nn.Sequential(nn.Conv3d(3, 4, 1), own), theirs, x)
    assert report.failures == (), str(report)
    exact = next(make for _, name, make in EXACT if name == "max_pool")(tf.nn.max_pool)
    planes = tf.constant(x.transpose(0, 2, 3, 4, 1))
    single = tf.nn.max_pool(tf.cast(planes, tf.float32), 2, stride, padding.upper())
    np.testing.assert_allclose(exact(planes, 2, stride, padding.upper()), single, rtol=1e-6)


def test_a_gru_that_resets_before_the_product_is_diagnosed():
    def theirs(**settings):
        return sequential((7, 5), L.GRU(6, return_sequences=True, **settings), L.Dense(2))

    for pair in ((Gated(), theirs(reset_after=False)), (theirs(reset_after=False), Gated())):
        (culprit,) = parity.compare(*pair, SEQUENCE).culprits
        assert culprit.diagnoses[0].cause == "gru.reset_after"
    assert parity.compare(theirs(reset_after=False), theirs(reset_after=False), SEQUENCE).passed
    (culprit,) = parity.compare(theirs(reset_after=False, use_bias=False), theirs(use_bias=False), SEQUENCE).culprits
    assert culprit.diagnoses[0].cause == "gru.reset_after"


def test_channels_may_be_last_on_one_side_and_first_on_the_other():
    class Mixed(nn.Module):
        def __init__(self, eps=1e-5):
            super().__init__()
            self.conv, self.norm, self.dense = nn.Conv1d(4, 6, 3), nn.LayerNorm(6, eps=eps), nn.Linear(6, 3)

        def forward(self, x):
            return self.dense(torch.relu(self.norm(self.conv(x).mT)))

    theirs = sequential((11, 4), L.Conv1D(6, 3), L.LayerNormalization(epsilon=1e-5), L.ReLU(), L.Dense(3))
    assert parity.compare(Mixed(), theirs, SIGNAL, layout="NCL").passed
    assert parity.compare(theirs, Mixed(), SIGNAL, layout="NCL").passed
    (culprit,) = parity.compare(Mixed(1e-3), theirs, SIGNAL, layout="NCL").culprits
    assert culprit.diagnoses[0].cause == "norm.epsilon"


class Sliced(keras.Model):
    """A decoder that cuts its feature maps to size itself."""

    def __init__(self):
        super().__init__()
        self.up, self.last = L.Conv2DTranspose(5, 3, strides=2), L.Conv2D(2, 3)

    def call(self, x):
        return self.last(self.up(x)[:, 1:-1, 1:-1])


def cropping():
    return sequential((9, 8, 4), L.Conv2DTranspose(5, 3, strides=2), L.Cropping2D(1), L.Conv2D(2, 3))


def decoder(last=1.0, **settings):
    up = nn.ConvTranspose2d(4, 5, 3, stride=2, **{"padding": 1, **settings})

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.last = up, nn.Conv2d(5, 2, 3)

        def forward(self, x):
            return last * self.last(self.up(x))

    return Decoder()


@pytest.mark.parametrize("swapped", [False, True], ids=["torch first", "keras first"])
@pytest.mark.parametrize("cut", [Sliced, cropping], ids=["slice", "layer"])
def test_a_transposed_convolution_may_be_cropped_behind(cut, swapped):
    def compared(ours):
        return parity.compare(*((cut(), ours) if swapped else (ours, cut())), IMAGE)

    report = compared(decoder())
    assert report.passed, str(report)
    (culprit,) = compared(decoder(last=2.0)).culprits
    assert (culprit.kind, culprit.where.count("output")) == ("glue", 1)
    (culprit,) = compared(decoder(output_padding=1)).culprits
    assert (culprit.kind, culprit.diagnoses[0].cause) == ("conv_transpose", "conv_transpose.output_padding")
    (culprit,) = compared(decoder(padding=0)).culprits  # the layers are equal: nobody crops on one side
    assert culprit.kind == "glue" and "(2, 5, 19, 17)" in culprit.measured


@pytest.mark.parametrize(("first", "where", "cause"), [("conv", "0 | 0", "conv"), ("pool", "1 | 1", "pool")])
def test_other_sizes_from_before_and_borders_that_a_pooling_leaves_out_are_no_crops(first, where, cause):
    class Middle(nn.Module):
        def forward(self, x):
            return x[:, :, 2:17, 2:17]

    def model(bug=""):
        return nn.Sequential(
            nn.Conv2d(4, 5, 3, padding=int(bug != "conv")), nn.MaxPool2d(2, padding=int(bug == "pool")),
            nn.MaxPool2d(2), nn.ConvTranspose2d(5, 3, 5, stride=9), Middle(),
        )  # fmt: skip

    for pair in ((model(), model(first)), (model(first), model())):
        (culprit,) = parity.compare(*pair, RNG.normal(size=(2, 4, 9, 9))).culprits
        assert (culprit.where, culprit.diagnoses[0].cause) == (where, f"{cause}.padding_amount")


def test_a_causal_convolution_may_be_cut_off_behind():
    class Chomped(nn.Module):
        def __init__(self, scale=1.0):
            super().__init__()
            self.first, self.last, self.scale = nn.Conv1d(4, 6, 3, padding=4, dilation=2), nn.Conv1d(6, 2, 1), scale

        def forward(self, x):
            return self.scale * self.last(F.relu(self.first(x)[:, :, :-4]))

    causal = sequential((11, 4), L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu"), L.Conv1D(2, 1))
    report = parity.compare(Chomped(), causal, SIGNAL, layout="NCL")
    assert report.passed, str(report)
    (culprit,) = parity.compare(causal, Chomped(2.0), SIGNAL, layout="NCL").culprits
    assert culprit.kind == "glue"


def test_layers_that_give_back_what_they_are_given_need_no_partner():
    class Lifted(L.Layer):
        def call(self, x):
            return x * 1.0

    class Doubled(nn.Module):
        def forward(self, x):
            return x.mul_(2)

    plain = sequential((5,), L.Dense(6), L.Dense(2))
    for shortcut in (nn.Sequential(), Same()):
        model = nn.Sequential(nn.Linear(5, 6), shortcut, nn.Linear(6, 2))
        assert parity.compare(model, plain, SEQUENCE[:, 0]).passed
        assert parity.compare(model, sequential((5,), L.Dense(6), Given(), L.Dense(2)), SEQUENCE[:, 0]).passed
    busy = sequential((5,), L.Dense(6), Lifted(), L.Dense(2))
    assert parity.compare(model, busy, SEQUENCE[:, 0]).unpaired == ("b: lifted (unknown)",)
    changed = nn.Sequential(nn.Linear(5, 6), Doubled(), nn.Linear(6, 2))
    assert parity.compare(changed, plain, SEQUENCE[:, 0]).unpaired == ("a: 1 (unknown)",)


class Same(nn.Module):
    def forward(self, x):
        return x


class Given(L.Layer):
    def call(self, x):
        return x


class Argmax(nn.Module):
    def forward(self, x):
        return x.argmax(1)
