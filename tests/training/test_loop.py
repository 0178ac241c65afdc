"""The training loop: its bookkeeping on a backend of a few lines of NumPy, and both real sides against each other."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dualnet
from dualnet.data import order
from dualnet.interface import Dataset, Initializer, Optimizer, Recipe, Spec, State, StateError, initial_state
from dualnet.noise import normal
from dualnet.training import loop
from dualnet.training.history import Epoch, History
from dualnet.training.loop import train
from dualnet.training.results import divergence

# --- history ---------------------------------------------------------------------------------------------------


def history(*epochs, losses=()):
    return History(list(losses), [Epoch(0.5, 0.25, seconds, samples) for seconds, samples in epochs])


def test_the_first_epoch_does_not_count_for_the_speed():
    assert history((100.0, 37), (2.0, 37), (3.0, 41)).samples_per_second == (37 + 41) / 5


def test_the_only_epoch_counts_for_the_speed():
    assert history((4.0, 37)).samples_per_second == 37 / 4


@pytest.mark.parametrize("epochs", [(), ((0.0, 37),), ((1.0, 37), (0.0, 37))], ids=["none", "no time", "later no time"])
def test_no_time_is_no_speed(epochs):
    assert history(*epochs).samples_per_second == 0.0


def test_a_history_survives_json():
    before = History([1.5, 0.1, 1 / 3], [Epoch(0.8, 0.75, 1.25, 37), Epoch(1 / 3, 0.5, 0.75, 37)])
    written = json.loads(json.dumps(before.to_dict()))
    assert History.from_dict(written) == before
    assert written["samples_per_second"] == 37 / 0.75


def test_the_losses_of_players_survive_json():
    before = History([1.5], [Epoch(0.8, 0.75, 1.25, 37)], {"discriminator": [1.0], "generator": [0.5]})
    assert History.from_dict(json.loads(json.dumps(before.to_dict()))) == before


def test_histories_share_nothing():
    first, second = History(), History()
    first.losses.append(1.0)
    assert second.losses == []


# --- divergence ------------------------------------------------------------------------------------------------

NAN, INF = math.nan, math.inf
CURVES = {
    "equal": ([0.5, 0.25], [0.5, 0.25], 0.0, None),
    "empty": ([], [], 0.0, None),
    "rounding": ([1.0, 2.0], [1.0, 2.0 - 2e-6], 1e-6, None),
    "relative to the larger one": ([4.0], [5.0], 0.2, 1),
    "the same the other way round": ([5.0], [4.0], 0.2, 1),
    "the first step above rounding, from 1": ([1.0, 1.0, 1.0, 1.0], [1.0, 1.0 + 5e-6, 1.0 + 3e-5, 2.0], 0.5, 3),
    "small losses count as large ones": ([1e-9], [2e-9], 0.5, 1),
    "negative losses": ([-4.0], [-5.0], 0.2, 1),
    "both zero": ([0.0], [-0.0], 0.0, None),
    "one zero": ([0.0], [1e-30], 1.0, 1),
    "one NaN": ([1.0, NAN], [1.0, 1.0], INF, 2),
    "both NaN": ([1.0, NAN], [1.0, NAN], INF, 2),
    "one infinite": ([INF, 1.0], [1.0, 1.0], INF, 1),
    "opposite infinities": ([INF], [-INF], INF, 1),
}


@pytest.mark.parametrize("curves", CURVES)
def test_divergence(curves):
    a, b, largest, first = CURVES[curves]
    found = divergence(History(a), History(b))
    assert found.largest == pytest.approx(largest, rel=1e-9)
    assert found.first_step == first


def test_curves_of_different_length_are_not_compared():
    with pytest.raises(ValueError):
        divergence(History([1.0, 2.0]), History([1.0]))


@settings(derandomize=True, deadline=None)
@given(curves=st.lists(st.tuples(st.floats(), st.floats())))
def test_divergence_is_never_nan_and_does_not_depend_on_the_side(curves):
    a, b = History([x for x, _ in curves]), History([y for _, y in curves])
    found = divergence(a, b)
    assert found.largest >= 0
    assert divergence(b, a) == found
    assert (found.first_step is None) == (found.largest <= 1e-5)


# --- starting weights ------------------------------------------------------------------------------------------

SHAPES = {"block.norm.weight": (5,), "block.conv.weight": (5, 3, 7, 7), "head.weight": (11, 13), "head.bias": (11,)}
LAWS = {
    "weight": Initializer("xavier_uniform"),
    "norm.weight": Initializer("constant", 1.5),
    "bias": Initializer("normal", 0.1),
}


def state(shapes=SHAPES, **buffers):
    return State({name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, buffers)


def test_the_longest_suffix_decides():
    found = initial_state(state(), LAWS, seed=0).parameters
    np.testing.assert_array_equal(found["block.norm.weight"], np.full(5, 1.5))
    assert len(np.unique(found["block.conv.weight"])) == 5 * 3 * 7 * 7


def test_the_order_of_the_laws_does_not_decide():
    backwards = dict(reversed(LAWS.items()))
    for name, array in initial_state(state(), LAWS, seed=3).parameters.items():
        np.testing.assert_array_equal(initial_state(state(), backwards, seed=3).parameters[name], array)


def test_a_suffix_is_whole_names():
    with pytest.raises(StateError, match=r"no initializer for 'reweight': the concept declares weight"):
        initial_state(state({"reweight": (2, 3)}), {"weight": Initializer("constant", 1.0)}, seed=0)


def test_a_whole_name_is_a_suffix():
    found = initial_state(state({"weight": (2, 3)}), {"weight": Initializer("constant", 1.5)}, seed=0)
    np.testing.assert_array_equal(found.parameters["weight"], np.full((2, 3), 1.5))


@pytest.mark.parametrize("laws", [{}, {"weight": LAWS["weight"], "norm.weight": LAWS["norm.weight"]}], ids=len)
def test_a_parameter_without_a_law_is_refused_by_name(laws):
    shapes = {"head.bias": SHAPES["head.bias"]}
    with pytest.raises(StateError, match=f"'head.bias': the concept declares {', '.join(laws) or 'none'}"):
        initial_state(state(shapes), laws, seed=0)


def test_names_decide_the_draw_not_their_order():
    backwards = dict(reversed(SHAPES.items()))
    first, second = initial_state(state(), LAWS, seed=5), initial_state(state(backwards), LAWS, seed=5)
    for name in SHAPES:
        np.testing.assert_array_equal(first.parameters[name], second.parameters[name])


def test_seeds_differ():
    a, b = (initial_state(state(), LAWS, seed=seed).parameters["head.weight"] for seed in (0, 1))
    assert not np.intersect1d(a, b).size


def test_parameters_of_one_shape_differ():
    found = initial_state(state({"a.weight": (7, 7), "b.weight": (7, 7)}), LAWS, seed=0).parameters
    assert not np.intersect1d(found["a.weight"], found["b.weight"]).size


def test_buffers_stay_as_they_are():
    mean = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(initial_state(state(mean=mean), LAWS, seed=0).buffers["mean"], [1.0, 2.0, 3.0])


def test_xavier_follows_fan_in_and_fan_out():
    drawn = initial_state(state({"conv.weight": (64, 32, 5, 5)}), LAWS, seed=0).parameters["conv.weight"]
    bound = math.sqrt(6 / (25 * (64 + 32)))
    assert 0.999 * bound < np.abs(drawn).max() <= bound
    assert drawn.std() == pytest.approx(bound / math.sqrt(3), rel=0.01)


@pytest.mark.parametrize(("law", "fan"), [("he_normal", 32), ("he_normal_fan_out", 64)])
def test_he_follows_the_named_fan(law, fan):
    drawn = Initializer(law).draw((64, 32, 5, 5), np.random.default_rng(0))
    assert drawn.std() == pytest.approx(math.sqrt(2 / (25 * fan)), rel=0.01)
    assert abs(drawn).max() > 3.5 * drawn.std()  # not truncated


@pytest.mark.parametrize("variant", dualnet.concept("lenet").variants)
def test_both_sides_start_with_the_same_weights(both, variant):
    concept, drawn = dualnet.concept("lenet"), {}
    for name, backend in both.items():
        model = dualnet.build("lenet", name, variant=variant)
        laws = concept.initializers(concept.settings(variant))
        start = initial_state(backend.state(model), laws, seed=7)
        backend.load(model, start)
        drawn[name] = backend.state(model)
    for a, b in zip(drawn["tf"], drawn["torch"], strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    assert drawn["tf"].parameters


# --- the loop's bookkeeping ------------------------------------------------------------------------------------

ROWS, TEST_ROWS, BATCH, EPOCHS = 23, 17, 5, 3
RNG = np.random.default_rng(29)
LINE = Dataset(
    "line", "here",
    RNG.normal(size=(ROWS, 2)), RNG.normal(size=(ROWS, 1)),
    RNG.normal(size=(TEST_ROWS, 2)), RNG.normal(size=(TEST_ROWS, 1)),
)  # fmt: skip
RATE = 0.03
RECIPE = Recipe(data="line", optimizer=Optimizer("sgd", RATE), batch_size=BATCH, epochs=EPOCHS)


class Numpy:
    """Linear regression by hand behind as much of the protocol as the loop uses. Every step takes a second."""

    def __init__(self):
        self.now, self.seen, self.evaluated, self.weights = 0.0, [], [], np.array([[0.7], [-0.3]])

    def tensor(self, array, axes=""):
        return array

    def array(self, tensor, axes=""):
        return np.array(tensor)

    def trainer(self, model, loss, optimizer, own=None):
        return self

    def batches(self, inputs, targets, order, batch_size):
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            yield [x[rows] for x in inputs], targets[rows]

    def step(self, inputs, targets):
        self.now += 1.0
        self.seen.append(inputs[0])
        error = inputs[0] @ self.weights - targets
        self.weights = self.weights - RATE * 2 * inputs[0].T @ error / len(error)
        return np.square(error).mean()

    def steps(self, inputs, targets, order, batch_size):
        return [self.step(*batch) for batch in self.batches(inputs, targets, order, batch_size)]

    def predict(self, inputs):
        self.now += 100.0
        self.evaluated.append(len(inputs[0]))
        return [inputs[0] @ self.weights]


FEATURES = {"features": Spec("NF", (2,))}


def run(monkeypatch, backend=None, **changes):
    backend, reports = backend or Numpy(), []
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: backend.now))
    keywords = {"metric": "mean_squared_error", "seed": 4, "report": reports.append, **changes}
    return train(backend, None, None, LINE, RECIPE, FEATURES, Spec("NF", (1,)), **keywords), backend, reports


def by_hand(seed=4):
    """Losses before each step, and the test error after each epoch."""
    weights, losses, errors = np.array([[0.7], [-0.3]]), [], []
    for epoch in range(EPOCHS):
        rows = order(ROWS, seed, epoch)
        for start in range(0, ROWS, BATCH):
            x, y = (values[rows[start : start + BATCH]] for values in (LINE.train_inputs, LINE.train_targets))
            losses.append(np.mean((x @ weights - y) ** 2))
            weights = weights - RATE * 2 * x.T @ (x @ weights - y) / len(x)
        errors.append(np.mean((LINE.test_inputs @ weights - LINE.test_targets) ** 2))
    return losses, errors


def test_losses_are_those_before_each_step(monkeypatch):
    found, _, _ = run(monkeypatch)
    np.testing.assert_allclose(found.losses, by_hand()[0], rtol=1e-12)


def test_every_epoch_ends_with_its_metric_on_the_test_rows(monkeypatch):
    found, _, _ = run(monkeypatch)
    np.testing.assert_allclose([epoch.metric for epoch in found.epochs], by_hand()[1], rtol=1e-12)


def test_the_loss_of_an_epoch_is_the_mean_of_its_steps(monkeypatch):
    found, _, _ = run(monkeypatch)
    expected = np.reshape(found.losses, (EPOCHS, 5)).mean(axis=1)
    np.testing.assert_allclose([epoch.loss for epoch in found.epochs], expected, rtol=1e-12)


def test_every_epoch_sees_every_row_once_in_its_order(monkeypatch):
    _, backend, _ = run(monkeypatch)
    for epoch in range(EPOCHS):
        seen = backend.seen[5 * epoch : 5 * epoch + 5]
        assert [len(batch) for batch in seen] == [5, 5, 5, 5, 3]
        np.testing.assert_array_equal(np.concatenate(seen), LINE.train_inputs[order(ROWS, 4, epoch)])


def test_evaluation_is_no_training_time(monkeypatch):
    found, _, _ = run(monkeypatch)
    assert [epoch.seconds for epoch in found.epochs] == [5.0] * EPOCHS
    assert [epoch.samples for epoch in found.epochs] == [ROWS] * EPOCHS
    assert found.samples_per_second == ROWS / 5


def test_the_seed_decides_the_order(monkeypatch):
    assert run(monkeypatch, seed=5)[0].losses != run(monkeypatch, seed=4)[0].losses


def test_progress_is_told_at_every_tick_and_epoch(monkeypatch):
    found, _, reports = run(monkeypatch)
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10, 11, 12, 13, 14, 15, 15]
    assert {report.steps for report in reports} == {15}
    assert [report.loss for report in reports] == [found.losses[report.step - 1] for report in reports]
    metrics = [None] * 5 + [found.epochs[0].metric] * 6 + [found.epochs[1].metric] * 6 + [found.epochs[2].metric]
    assert [report.metric for report in reports] == metrics


def test_between_ticks_the_backend_is_left_alone(monkeypatch):
    """As many steps at once as fit into a tick, at most twice as many as before: 1, 2, 2 of each epoch's 5."""
    monkeypatch.setattr(loop, "TICK", 3.5)
    found, _, reports = run(monkeypatch)
    assert [report.step for report in reports][:4] == [5, 5, 6, 10]  # ticks at 5 s; 106 s, after evaluation; 110 s
    np.testing.assert_allclose(found.losses, by_hand()[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("limit", "samples"), [(1, [5]), (5, [23]), (7, [23, 10]), (15, [23, 23, 23]), (99, [23, 23, 23])]
)
def test_a_limit_ends_a_training_within_an_epoch(monkeypatch, limit, samples):
    found, _, reports = run(monkeypatch, limit=limit)
    steps = min(limit, 15)
    np.testing.assert_allclose(found.losses, by_hand()[0][:steps], rtol=1e-12)
    assert [epoch.samples for epoch in found.epochs] == samples
    assert {report.steps for report in reports} == {steps} == {reports[-1].step}


@pytest.mark.parametrize("batch", [1, 7, TEST_ROWS, 1000])
def test_evaluation_in_batches_is_evaluation_at_once(monkeypatch, batch):
    monkeypatch.setattr(loop, "EVALUATION_BATCH", batch)
    found, backend, _ = run(monkeypatch)
    assert sum(backend.evaluated) == EPOCHS * TEST_ROWS
    assert max(backend.evaluated) == min(batch, TEST_ROWS)
    np.testing.assert_allclose([epoch.metric for epoch in found.epochs], by_hand()[1], rtol=1e-12)


@pytest.mark.parametrize("batch", [1, 7, TEST_ROWS, 1000])
def test_accuracy_is_the_fraction_of_right_rows(monkeypatch, batch):
    monkeypatch.setattr(loop, "EVALUATION_BATCH", batch)
    scores = RNG.normal(size=(TEST_ROWS, 3))
    labels = scores.argmax(axis=1)
    labels[[2, 3, 5, 16]] = (labels[[2, 3, 5, 16]] + 1) % 3
    dataset = Dataset("d", "here", scores, labels, scores, labels)
    backend = Numpy()
    found = loop.evaluate(backend, lambda inputs: inputs, dataset, {"scores": Spec("NK", (3,))}, "accuracy")
    assert found == pytest.approx(13 / 17, rel=1e-15)


def test_squared_errors_are_averaged_over_all_outputs():
    outputs, targets = RNG.normal(size=(TEST_ROWS, 2, 3)), RNG.normal(size=(TEST_ROWS, 2, 3))
    dataset = Dataset("d", "here", outputs, targets, outputs, targets)
    inputs = {"x": Spec("NTF", (2, 3))}
    found = loop.evaluate(Numpy(), lambda inputs: inputs, dataset, inputs, "mean_squared_error")
    assert found == pytest.approx(np.square(outputs - targets).mean(), rel=1e-12)


def test_labels_that_a_model_gives_itself_are_counted():
    ranks, targets = np.array([0, 3, 2, 5, 1]), np.array([0, 1, 2, 2, 1])
    dataset = Dataset("d", "here", ranks, targets, ranks, targets)
    found = [
        loop.evaluate(Numpy(), lambda inputs: inputs, dataset, {"x": Spec("N")}, metric)
        for metric in ("accuracy", "mean_absolute_error", "mean_squared_error")
    ]
    assert found == [3 / 5, 5 / 5, 13 / 5]


NOISY = {"a": Spec("NF", (2,)), "noise": Spec("NF", (3,), values="noise"), "b": Spec("N")}


def test_noise_stands_where_it_is_declared_and_is_new_at_every_call():
    a, b = RNG.normal(size=(7, 2)), RNG.normal(size=7)
    first, again, later = (loop.native_inputs(Numpy(), (a, b), NOISY, 5, call) for call in (1, 1, 2))
    assert first[0] is a and first[2] is b
    np.testing.assert_array_equal(first[1], again[1])
    assert first[1].shape == (7, 3) and first[1].dtype == a.dtype
    assert not np.intersect1d(first[1], later[1]).size


def test_uniform_noise_lies_between_minus_one_and_one():
    specs = {"a": Spec("NF", (2,)), "noise": Spec("NF", (11,), values="uniform_noise")}
    drawn = loop.native_inputs(Numpy(), RNG.normal(size=(997, 2)), specs, 5, 1)[1]
    assert abs(drawn.mean()) < 0.02 and drawn.std() == pytest.approx(1 / math.sqrt(3), rel=0.02)
    assert -1.0 <= drawn.min() < -0.99 and 0.99 < drawn.max() < 1.0


def test_the_noise_of_a_training_is_normal():
    drawn = normal(3, "noise", 1, (997, 11))
    assert abs(drawn.mean()) < 0.04 and abs(drawn.std() - 1) < 0.03
    assert abs((drawn < -1).mean() - 0.1587) < 0.015
    np.testing.assert_array_equal(drawn, drawn.astype(np.float32))


# --- both sides ------------------------------------------------------------------------------------------------

IMAGES = Dataset(
    "noise", "here",
    RNG.uniform(0.1, 1.0, (13, 1, 28, 28)), RNG.integers(0, 10, 13),
    RNG.uniform(0.1, 1.0, (7, 1, 28, 28)), RNG.integers(0, 10, 7),
)  # fmt: skip
TRAININGS = {
    "adam": ("relu_max", Optimizer("adam", 1e-3, epsilon=1e-4)),
    "momentum and batch norm": ("batch_norm", Optimizer("sgd", 0.1, momentum=0.9)),
}


def trained(backend, variant, rule):
    """A whole training in float64: its history and the state that it ends with."""
    concept = dualnet.concept("lenet")
    settings = concept.settings(variant)
    inputs, targets = concept.inputs(settings), concept.targets(settings)
    with backend.precision("float64"):
        model = dualnet.build("lenet", backend.name, variant=variant)
        backend.load(model, initial_state(backend.state(model), concept.initializers(settings), seed=1))
        recipe = Recipe(data="noise", optimizer=rule, batch_size=5, epochs=2)
        loss = concept.loss(dualnet.twin("lenet", backend.name), backend, variant)
        found = train(backend, model, loss, IMAGES, recipe, inputs, targets, metric="accuracy", seed=2)
        return found, backend.state(model)


@pytest.fixture(scope="module")
def trainings(both):
    return {
        name: {side: trained(both[side], *training) for side in ("tf", "torch")} for name, training in TRAININGS.items()
    }


@pytest.mark.parametrize("training", TRAININGS)
def test_both_loss_curves_agree_in_float64(trainings, training):
    tf, torch = (trainings[training][side][0] for side in ("tf", "torch"))
    assert len(tf.losses) == 6
    assert len(set(tf.losses)) == 6
    np.testing.assert_allclose(tf.losses, torch.losses, rtol=1e-11, atol=0)
    assert [epoch.metric for epoch in tf.epochs] == [epoch.metric for epoch in torch.epochs]


@pytest.mark.parametrize("training", TRAININGS)
def test_both_end_with_the_same_weights_in_float64(trainings, training):
    tf, torch = (trainings[training][side][1] for side in ("tf", "torch"))
    for ours, theirs in zip(tf, torch, strict=True):
        assert ours.keys() == theirs.keys()
        for name, array in ours.items():
            assert array.dtype == np.float64
            # A bias before batch normalization has no gradient but rounding: its layer gives the scale.
            layer = name.rpartition(".")[0]
            scale = max(np.abs(other).max() for key, other in theirs.items() if key.startswith(layer))
            np.testing.assert_allclose(array, theirs[name], rtol=0, atol=1e-10 * scale, err_msg=name)


@pytest.mark.parametrize("side", ["tf", "torch"])
def test_training_changes_every_parameter_and_buffer(trainings, side):
    """Two curves of a model that does not move would agree, too."""
    history, (parameters, buffers) = trainings["momentum and batch norm"][side]
    concept = dualnet.concept("lenet")
    laws = concept.initializers(concept.settings("batch_norm"))
    before = initial_state(State(parameters, buffers), laws, seed=1).parameters
    still = [name for name, array in parameters.items() if np.array_equal(array, before[name])]
    assert not still
    assert not [name for name, array in buffers.items() if np.isin(array, (0.0, 1.0)).any()]
    assert history.losses[0] == pytest.approx(math.log(10), rel=0.5)


def test_linear_regression_follows_the_formula_by_hand(backend):
    """A third opinion: the same losses as plain NumPy, on either side."""
    with backend.precision("float64"):
        model = dualnet.build("linear_regression", backend.name)
        (weight,) = (name for name in backend.state(model).parameters if name.endswith("weight"))
        (bias,) = backend.state(model).parameters.keys() - {weight}
        backend.load(model, State({weight: np.array([[0.7, -0.3]]), bias: np.zeros(1)}, {}))
        found = train(
            backend, model, backend.losses["squared_error"], LINE, RECIPE, FEATURES, Spec("NF", (1,)),
            metric="mean_squared_error", seed=4,
        )  # fmt: skip
    weights, offset, losses = np.array([[0.7], [-0.3]]), 0.0, []
    for epoch in range(EPOCHS):
        rows = order(ROWS, 4, epoch)
        for start in range(0, ROWS, BATCH):
            x, y = (values[rows[start : start + BATCH]] for values in (LINE.train_inputs, LINE.train_targets))
            error = x @ weights + offset - y
            losses.append(np.mean(error**2))
            weights, offset = weights - RATE * 2 * x.T @ error / len(x), offset - RATE * 2 * error.mean()
    np.testing.assert_allclose(found.losses, losses, rtol=1e-12, atol=0)
    expected = np.mean((LINE.test_inputs @ weights + offset - LINE.test_targets) ** 2)
    assert found.epochs[-1].metric == pytest.approx(expected, rel=1e-12)
