"""What lies between layers and behind them: reshapes, borders, gradients that stop, and the loss."""

import numpy as np
import pytest

import parity
from tests.parity.nets import IMAGE, IMAGES, SEQUENCE, F, L, keras, keras_net, nn, sequential, tf, torch, torch_net

RNG = np.random.default_rng(5)


class Plain(keras.Model):
    """A subclassed model, whose Flatten is a reshape of its own."""

    def __init__(self):
        super().__init__()
        self.conv = L.Conv2D(5, 3, padding="same", activation="relu")
        self.dense = L.Dense(4)

    def call(self, x):
        x = self.conv(x)
        return self.dense(tf.reshape(x, (tf.shape(x)[0], -1)))


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


def test_a_wrong_gradient_of_a_max_pool_is_one():
    class Wrong(nn.MaxPool2d):
        def forward(self, x):
            out = super().forward(x)
            return out + (out - out.detach())

    (culprit,) = parity.compare(nn.Sequential(nn.MaxPool2d(2)), nn.Sequential(Wrong(2)), IMAGES).culprits
    assert (culprit.kind, culprit.phase) == ("max_pool", "backward")


def test_images_transposed_before_they_are_flattened_are_the_fault_of_the_glue():
    report = parity.compare(torch_net(glue=lambda x: x.transpose(2, 3)), keras_net(), IMAGES)
    assert {culprit.kind for culprit in report.culprits} == {"glue"}
    assert "flatten" in report.culprits[0].where


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


def test_layers_that_give_back_what_they_are_given_need_no_partner():
    class Lifted(L.Layer):
        def call(self, x):
            return x * 1.5

    class Doubled(nn.Module):
        def forward(self, x):
            return x.mul_(2)

    plain = sequential((5,), L.Dense(6), L.Dense(2))
    for shortcut in (nn.Sequential(), Same()):
        model = nn.Sequential(nn.Linear(5, 6), shortcut, nn.Linear(6, 2))
        assert parity.compare(model, plain, SEQUENCE[:, 0]).passed
        assert parity.compare(model, sequential((5,), L.Dense(6), Given(), L.Dense(2)), SEQUENCE[:, 0]).passed
    busy = sequential((5,), L.Dense(6), Lifted(), L.Dense(2))
    short = nn.Sequential(nn.Linear(5, 6), nn.Linear(6, 2))
    assert parity.compare(short, busy, SEQUENCE[:, 0]).unpaired == ("b: lifted (unknown)",)
    (culprit,) = parity.compare(model, busy, SEQUENCE[:, 0]).culprits
    assert culprit.where == "1 | lifted"
    changed = nn.Sequential(nn.Linear(5, 6), Doubled(), nn.Linear(6, 2))
    assert parity.compare(changed, plain, SEQUENCE[:, 0]).unpaired == ("a: 1 (unknown)",)


class Same(nn.Module):
    def forward(self, x):
        return x


class Given(L.Layer):
    def call(self, x):
        return x
