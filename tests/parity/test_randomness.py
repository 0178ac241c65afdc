"""One stream of random numbers for both sides."""

import numpy as np
import pytest

import parity
from tests.parity.nets import IMAGE, IMAGES, SEQUENCE, F, L, keras, nn, sequential, tf, torch

RNG = np.random.default_rng(5)


def test_dropout_draws_the_same_on_both_sides():
    a = nn.Sequential(nn.Linear(5, 40), nn.Dropout(0.5), nn.Linear(40, 3))
    b = keras.Sequential([keras.Input((5,)), L.Dense(40), L.Dropout(0.5), L.Dense(3)])
    x = RNG.normal(size=(4, 5))
    assert parity.compare(a, b, x, train=True).passed
    c = keras.Sequential([keras.Input((5,)), L.Dense(40), L.Dropout(0.4), L.Dense(3)])
    (culprit,) = parity.compare(a, c, x, train=True).culprits
    assert culprit.kind == "dropout"


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


DRAWS = {
    "randn_like, keras.random.normal": (torch.randn_like, lambda x: keras.random.normal(x.shape)),
    "randn, tf.random.normal": (lambda x: torch.randn(x.shape), lambda x: tf.random.normal(x.shape, dtype=x.dtype)),
    "normal_, stateless_normal": (
        lambda x: torch.empty_like(x).normal_(0.5, 2.0),
        lambda x: tf.random.stateless_normal(x.shape, [1, 2], 0.5, 2.0, dtype=x.dtype),
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
    before = tf.random.normal, keras.src.backend.random.normal
    parity.compare(Sampling(torch.randn_like), Sampling(torch.randn_like), SEQUENCE[:, 0])
    parity.compare(sequential((5,), L.GaussianNoise(0.3)), sequential((5,), L.GaussianNoise(0.3)), SEQUENCE[:, 0])
    assert (tf.random.normal, keras.src.backend.random.normal) == before
    assert not torch.equal(torch.randn(3), torch.randn(3))


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
