"""`parity.compare` on models that are not ours: pairs, faults of layers, settings, and what it leaves behind."""

import gc

import numpy as np
import pytest

import parity
from dualnet.interface import ConfigError
from parity.side import Tape
from tests.parity.nets import IMAGES, SEQUENCE, L, keras, keras_net, nn, tf, torch, torch_net

RNG = np.random.default_rng(5)

LABELS = np.arange(6) % 4


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


def test_a_faulty_layer_downstream_of_another_is_named_too():
    report = parity.compare(torch_net(eps=1e-5, activation=nn.Tanh()), keras_net(), IMAGES)
    assert [c.where.split(" | ")[0] for c in report.culprits] == ["norm", "act"]


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


def test_the_report_says_what_it_ran_on():
    report = parity.compare(nn.ReLU(), L.ReLU(), IMAGES, seed=3)
    about = report.environment
    assert (about["a"]["framework"], about["a"]["versions"]["torch"]) == ("torch", torch.__version__)
    assert (about["b"]["model"], about["b"]["versions"]["keras"]) == ("ReLU", keras.__version__)
    assert (about["train"], about["seed"]) == (False, 3)


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


class Argmax(nn.Module):
    def forward(self, x):
        return x.argmax(1)
