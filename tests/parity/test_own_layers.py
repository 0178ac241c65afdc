"""Layers that a user wrote: what they only move, and what they learn under names and in layouts of their own."""

import numpy as np
import pytest

import parity
from parity import foreign
from parity.trace import Trace
from parity.verdict import compare_traces
from tests.parity.nets import IMAGE, SEQUENCE, F, L, keras, nn, sequential, tf, torch

RNG = np.random.default_rng(5)
ROWS = SEQUENCE[:, 0]


def both_ways(ours, theirs, x, **settings):
    """The reports of two pairs, made anew for each."""
    for pair in ((ours(), theirs()), (theirs(), ours())):
        yield parity.compare(*pair, x, **settings)


class Of(nn.Module):
    """A module of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


# --- without parameters ----------------------------------------------------------------------------------------

MOVED = {
    "flatten": (
        lambda: nn.Sequential(nn.Conv2d(4, 3, 3), Of(lambda x: x.view(len(x), -1)), nn.Linear(126, 2)),
        lambda: sequential((9, 8, 4), L.Conv2D(3, 3), L.Flatten(), L.Dense(2)), IMAGE,
    ),
    "unflatten": (
        lambda: nn.Sequential(nn.Linear(5, 36), Of(lambda x: x.view(-1, 4, 3, 3)), nn.Conv2d(4, 2, 2)),
        lambda: sequential((5,), L.Dense(36), L.Reshape((4, 3, 3)), L.Permute((2, 3, 1)), L.Conv2D(2, 2)), ROWS,
    ),
    "permute": (
        lambda: nn.Sequential(Of(lambda x: x.mT), nn.Conv1d(5, 4, 3), Of(lambda x: x.mT.contiguous()), nn.Linear(4, 2)),
        lambda: sequential((7, 5), L.Conv1D(4, 3), L.Dense(2)), SEQUENCE,
    ),
    "squeeze": (
        lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), Of(lambda x: x[:, :, 0, 0]), nn.Linear(4, 2)),
        lambda: sequential((9, 8, 4), L.GlobalAveragePooling2D(), L.Dense(2)), IMAGE,
    ),
    "keras": (
        lambda: nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 2)),
        lambda: sequential((7, 5), L.Dense(6), L.Lambda(lambda x: keras.ops.reshape(x, (-1, 7, 6))), L.ReLU(),
                           L.Dense(2)),
        SEQUENCE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "x"), MOVED.values(), ids=MOVED)
def test_what_only_moves_values_needs_no_partner(ours, theirs, x):
    for report in both_ways(ours, theirs, x):
        assert report.passed, str(report)


def test_a_fault_beside_a_reshape_is_blamed_alone():
    def ours():
        return nn.Sequential(nn.Linear(5, 36), nn.ReLU(), Of(lambda x: x.view(-1, 4, 3, 3)), nn.Conv2d(4, 2, 2))

    def theirs():
        within = L.Dense(36, activation="tanh")
        return sequential((5,), within, L.Reshape((4, 3, 3)), L.Permute((2, 3, 1)), L.Conv2D(2, 2))

    for report in both_ways(ours, theirs, ROWS):
        (culprit,) = report.culprits
        assert culprit.diagnoses[0].cause == "activation.wrong"


def test_values_moved_to_other_places_are_the_fault_of_the_glue():
    def ours():
        return nn.Sequential(Of(lambda x: x.reshape(-1, 5, 7)), nn.Conv1d(5, 4, 3), Of(lambda x: x.mT), nn.Linear(4, 2))

    for report in both_ways(ours, lambda: sequential((7, 5), L.Conv1D(4, 3), L.Dense(2)), SEQUENCE):
        (culprit,) = report.culprits
        assert culprit.kind == "glue" and "another order" in culprit.measured


COMPUTED = {
    "activation": (Of(lambda x: x * torch.sigmoid(x)), lambda: [L.Conv2D(3, 3, activation="silu")]),
    "pooling": (Of(lambda x: x.mean((2, 3))), lambda: [L.Conv2D(3, 3), L.GlobalAveragePooling2D()]),
    "lambda": (nn.ReLU(), lambda: [L.Conv2D(3, 3), L.Lambda(keras.ops.relu), L.Lambda(lambda x: x + 0.0)]),
}


@pytest.mark.parametrize(("module", "twin"), COMPUTED.values(), ids=COMPUTED)
def test_what_computes_is_the_partner_of_what_computes_the_same(module, twin):
    flat = [] if isinstance(module, Of) and module(torch.ones(1, 3, 2, 2)).ndim == 2 else [nn.Flatten()]
    ours = nn.Sequential(nn.Conv2d(4, 3, 3), module, *flat, nn.LazyLinear(2))
    layers = [*twin(), *([L.Flatten()] if flat else []), L.Dense(2)]
    report = parity.compare(ours, sequential((9, 8, 4), *layers), IMAGE, allow=["lambda_*"])
    assert report.passed, str(report)


def test_layers_at_one_place_are_partners_although_their_outputs_have_other_sizes():
    def ours(padding):
        return nn.Sequential(nn.Conv2d(4, 3, 3), nn.MaxPool2d(3, 1, padding), nn.Conv2d(3, 2, 1))

    def theirs():
        pool = KerasOwn(lambda self, x: tf.nn.max_pool2d(x, 3, 1, "VALID"), None, name="pool")
        return sequential((9, 8, 4), L.Conv2D(3, 3), pool, L.Conv2D(2, 1))

    assert parity.compare(ours(0), theirs(), IMAGE).passed
    for report in both_ways(lambda: ours(1), theirs, IMAGE):
        (culprit,) = report.culprits
        assert set(culprit.where.split(" | ")) == {"1", "pool"}
        assert culprit.diagnoses[0].cause == "pool.padding_amount"


def test_the_order_is_trusted_although_one_side_has_a_layer_more(monkeypatch):
    class Normalized(L.Layer):
        def build(self, shape):
            self.mean = self.add_weight(shape=(shape[-1],), name="mean", initializer="zeros", trainable=False)

        def call(self, x):
            return (x - self.mean) / 255

    monkeypatch.setattr(parity.models.Job, "marked", None)  # the order is enough
    ours = nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5), nn.Linear(5, 5, bias=False))
    theirs = sequential((5,), Normalized(name="norm"), L.Dense(5), L.ReLU(), L.Dense(5), L.Dense(5, use_bias=False))
    job = parity.models.Job(
        *map(parity.models.side, (ours, theirs)), ROWS, None, None, {}, True, False, 0, None, frozenset()
    )
    names = [one for one, _ in job.pairing().names]
    assert names == ["0", "1", "2", "3"]


# --- with parameters -------------------------------------------------------------------------------------------


def parameters(**shapes):
    return {name: nn.Parameter(torch.randn(shape) * 0.3) for name, shape in shapes.items()}


class Own(nn.Module):
    """Parameters and buffers of any names, and a function of the module and its input."""

    def __init__(self, function, buffers=None, **shapes):
        super().__init__()
        self.function = function
        for name, parameter in parameters(**shapes).items():
            self.register_parameter(name, parameter)
        for name, buffer in (buffers or {}).items():
            self.register_buffer(name, buffer)

    def forward(self, x):
        return self.function(self, x)


def layer_norm(eps=1e-3):
    def normalized(self, x):
        return self.gamma * F.layer_norm(x, x.shape[-1:], eps=eps) + self.beta

    return Own(normalized, gamma=(6,), beta=(6,))


def linear(inputs, outputs):
    return Own(lambda self, x: x @ self.W + self.b, W=(inputs, outputs), b=(outputs,))


def batch_norm():
    def normalized(self, x):
        mean, var = self.moving_mean, self.moving_var
        if self.training:
            mean = x.mean((0, 2, 3), keepdim=True)
            var = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
            for buffer, value in ((self.moving_mean, mean), (self.moving_var, var)):
                buffer.copy_(0.99 * buffer + 0.01 * value.detach())
        return self.gamma * (x - mean) / torch.sqrt(var + 1e-3) + self.beta

    buffers = {"moving_mean": torch.zeros(1, 3, 1, 1), "moving_var": torch.ones(1, 3, 1, 1)}
    return Own(normalized, buffers, gamma=(1, 3, 1, 1), beta=(1, 3, 1, 1))


def lstm():
    def steps(self, x):
        h = c = x.new_zeros(len(x), 6)
        made = []
        for row in x.unbind(1):
            i, f, g, o = (row @ self.W + h @ self.U + self.b).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            made.append(h)
        return torch.stack(made, 1)

    return Own(steps, W=(5, 24), U=(6, 24), b=(24,))


class KerasOwn(L.Layer):
    """The same in Keras, with a parameter `w` of some shape, and `b`."""

    def __init__(self, function, w, b=None, **settings):
        super().__init__(**settings)
        self.function, self.shapes = function, {"w": w, "b": b}

    def build(self, shape):
        for name, own in self.shapes.items():
            if own:
                setattr(self, name, self.add_weight(shape=own, name=name, initializer="random_normal"))

    def call(self, x):
        return self.function(self, x)


class Scaled(nn.Module):
    """A parameter outside all layers, where Keras has a layer."""

    def __init__(self):
        super().__init__()
        self.gamma, self.conv, self.last = parameters(g=(3, 1, 1))["g"], nn.Conv2d(4, 3, 3), nn.Conv2d(3, 2, 1)

    def forward(self, x):
        return self.last(self.gamma * self.conv(x))


def dense(outputs, inputs):
    return KerasOwn(lambda self, x: x @ self.w + self.b, (inputs, outputs), (outputs,))


LEARNED = {
    "layer norm": (
        lambda: nn.Sequential(nn.Linear(5, 6), layer_norm(), nn.Linear(6, 2)),
        lambda: sequential((5,), L.Dense(6), L.LayerNormalization(), L.Dense(2)), ROWS,
    ),
    "batch norm": (
        lambda: nn.Sequential(nn.Conv2d(4, 3, 3), batch_norm(), nn.Conv2d(3, 2, 1)),
        lambda: sequential((9, 8, 4), L.Conv2D(3, 3), L.BatchNormalization(), L.Conv2D(2, 1)), IMAGE,
    ),
    "linear": (
        lambda: nn.Sequential(nn.Linear(5, 6), linear(6, 2)), lambda: sequential((5,), L.Dense(6), L.Dense(2)), ROWS,
    ),
    "square": (
        lambda: nn.Sequential(linear(5, 5), nn.Linear(5, 2)), lambda: sequential((5,), L.Dense(5), L.Dense(2)), ROWS,
    ),
    "square in keras": (
        lambda: nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 2)), lambda: sequential((5,), dense(5, 5), L.Dense(2)),
        ROWS,
    ),
    "both": (
        lambda: nn.Sequential(linear(5, 6), linear(6, 2)), lambda: sequential((5,), dense(6, 5), dense(2, 6)), ROWS,
    ),
    "torch": (
        lambda: nn.Sequential(linear(5, 6), nn.Linear(6, 2)), lambda: nn.Sequential(nn.Linear(5, 6), nn.Linear(6, 2)),
        ROWS,
    ),
    "convolution in keras": (
        lambda: nn.Sequential(nn.Conv2d(4, 4, 4), nn.Conv2d(4, 2, 1)),
        lambda: sequential(
            (9, 8, 4), KerasOwn(lambda self, x: tf.nn.conv2d(x, self.w, 1, "VALID") + self.b, (4, 4, 4, 4), (4,)),
            L.Conv2D(2, 1),
        ),
        IMAGE,
    ),
    "lstm": (
        lambda: nn.Sequential(lstm(), nn.Linear(6, 2)),
        lambda: sequential((7, 5), L.LSTM(6, return_sequences=True), L.Dense(2)), SEQUENCE,
    ),
    "scale": (
        Scaled,
        lambda: sequential((9, 8, 4), L.Conv2D(3, 3), KerasOwn(lambda self, x: self.w * x, (3,)), L.Conv2D(2, 1)),
        IMAGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize(("ours", "theirs", "x"), LEARNED.values(), ids=LEARNED)
def test_parameters_may_have_other_names_and_layouts(ours, theirs, x, train):
    for report in both_ways(ours, theirs, x, train=train, steps=2):
        assert report.passed, str(report)


@pytest.mark.parametrize(("ours", "theirs", "x"), LEARNED.values(), ids=LEARNED)
def test_they_are_moved_for_good(ours, theirs, x):
    one, other, again = ours(), theirs(), ours()
    parity.transfer(one, other, x)
    parity.transfer(other, again, x)
    assert parity.compare(one, other, x, transfer=False).passed
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("kind", ["layer norm", "square", "both", "scale", "batch norm"])
def test_traces_of_them_agree(kind, tmp_path):
    ours, theirs, x = LEARNED[kind]
    for one, other in ((ours, theirs), (theirs, ours)):
        traces = [foreign.record_model(one(), x, train=True)]
        traces.append(foreign.record_model(other(), x, train=True, weights=traces[0]))
        for name, trace in zip("ab", traces, strict=True):
            trace.save(tmp_path / name)
        a, b = foreign.aligned(*(Trace.load(tmp_path / name) for name in "ab"))
        report = compare_traces(a, b)
        failures = [finding.name for finding in report.failures if "running_var" not in finding.name]
        assert not failures, str(report)
        assert sum("/gradient/parameter/" in finding.name for finding in report.findings) > 2


def test_an_optimizer_remembers_the_same_of_them():
    pair = lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), lambda: keras.optimizers.SGD(0.1, momentum=0.9)
    ours, theirs, x = LEARNED["layer norm"]
    report = parity.compare(ours(), theirs(), x, steps=3, optimizer=pair)
    assert not [finding.name for finding in report.failures if "/parameter/" in finding.name], str(report)
    assert {"float64/state/velocity/1.weight", "float64/state/velocity/1.bias"} <= {f.name for f in report.findings}


def test_a_fault_in_a_layer_of_ones_own_is_diagnosed():
    def ours():
        return nn.Sequential(nn.Linear(5, 6), layer_norm(1e-5), nn.Linear(6, 2))

    for report in both_ways(ours, LEARNED["layer norm"][1], ROWS):
        (culprit,) = report.culprits
        (diagnosis,) = culprit.diagnoses
        assert diagnosis.cause == "norm.epsilon"
        assert "the torch layer behaves as if epsilon 1e-05" in diagnosis.title


def test_a_model_of_nothing_but_parameters_is_told_by_name():
    ours = Own(lambda self, x: torch.relu(x @ self.W1) @ self.W2, W1=(5, 6), W2=(6, 2))
    report = parity.compare(ours, sequential((5,), L.Dense(6, activation="relu"), L.Dense(2)), ROWS)
    assert "a: the model itself (unknown)" in report.unpaired
    assert [culprit.where for culprit in report.culprits] == ["between the input and the output"]
    assert report.culprits[0].measured
