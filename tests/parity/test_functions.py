"""Functions between layers, and what rounding does in some of them."""

import numpy as np
import pytest

import parity
from parity.keras_functions import EXACT
from parity.side import Tape
from tests.parity.nets import IMAGE, IMAGES, SEQUENCE, F, L, keras, keras_net, nn, sequential, tf, torch, torch_net

RNG = np.random.default_rng(5)


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
