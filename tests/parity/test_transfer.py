"""Weights that move, for a comparison and for good."""

import numpy as np
import pytest

import parity
from dualnet.interface import StateError
from tests.parity.nets import IMAGE, IMAGES, SEQUENCE, SIGNAL, L, keras, keras_net, nn, sequential, torch, torch_net

RNG = np.random.default_rng(5)

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
