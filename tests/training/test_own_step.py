"""A step of a concept's own: two players who alternate, against plain NumPy and through the training loop."""

import numpy as np
import pytest

import dualnet
from dualnet.interface import Dataset, Exhibit, Optimizer, Recipe, Step
from dualnet.training.exhibits import course, moments
from dualnet.training.loop import train
from parity.recording import draw_batch, draw_state

GAN = dualnet.concept("gan_gaussian")
SETTINGS = GAN.settings()
RULE = Optimizer("sgd", 0.05, momentum=0.9)
STEPS = 3
RNG = np.random.default_rng(67)


def test_every_player_has_a_rate_of_its_own():
    step = Step(lambda *_: (), {"discriminator": 1.0, "generator": 0.1})
    rules = step.optimizers(Optimizer("adam", 0.05, epsilon=1e-3))
    assert rules["discriminator"] == Optimizer("adam", 0.05, epsilon=1e-3)
    assert rules["generator"] == Optimizer("adam", 0.05 * 0.1, epsilon=1e-3)


def test_most_concepts_have_no_step_of_their_own():
    assert dualnet.concept("lenet").step(None) is None


# --- against NumPy ---------------------------------------------------------------------------------------------


class ByHand:
    """The discriminator first, then the generator, by gradients that are written out."""

    def __init__(self, parameters):
        self.parameters, self.velocities = dict(parameters), {n: np.zeros_like(w) for n, w in parameters.items()}

    def judge(self, x, slope):
        """Sum of the losses, gradients by the discriminator's parameters and by x; slope: of the loss by the logit."""
        w, layers = self.parameters, ("hidden.0", "hidden.1", "output")
        inputs = [x]
        for i, layer in enumerate(layers):
            z = inputs[-1] @ w[f"discriminator.{layer}.weight"].T + w[f"discriminator.{layer}.bias"]
            inputs.append(np.tanh(z) if i < 2 else z)
        logits, gradients = inputs[-1], {}
        back = slope(logits)
        for i in (2, 1, 0):
            if i < 2:
                back = back * (1 - inputs[i + 1] ** 2)
            name = f"discriminator.{layers[i]}"
            gradients |= {f"{name}.weight": back.T @ inputs[i], f"{name}.bias": back.sum(axis=0)}
            back = back @ w[f"{name}.weight"]
        return logits, gradients, back

    def update(self, gradients, rate):
        for name, gradient in gradients.items():
            self.velocities[name] = RULE.momentum * self.velocities[name] + gradient
            self.parameters[name] = self.parameters[name] - rate * self.velocities[name]

    def step(self, points, noise):
        """Both losses, each before its player's update."""
        generated = noise @ self.parameters["generator.weight"].T + self.parameters["generator.bias"]
        real, on_real, _ = self.judge(points, lambda z: (sigmoid(z) - 1) / 2)
        fake, on_fake, _ = self.judge(generated, lambda z: sigmoid(z) / 2)
        first = (np.logaddexp(0, -real).sum() + np.logaddexp(0, fake).sum()) / 2
        self.update({name: on_real[name] + on_fake[name] for name in on_real}, RULE.learning_rate)
        fake, _, back = self.judge(generated, lambda z: sigmoid(z) - 1)
        gradients = {"generator.weight": back.T @ noise, "generator.bias": back.sum(axis=0)}
        self.update(gradients, 0.1 * RULE.learning_rate)
        return first, np.logaddexp(0, -fake).sum()


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def trainer_of(backend):
    """A trainer of the GAN from the same weights on each side, and its model."""
    model = dualnet.build("gan_gaussian", backend.name)
    backend.load(model, draw_state(backend.state(model), seed=1))
    twin = dualnet.twin("gan_gaussian", backend.name)
    return backend.trainer(model, GAN.loss(twin, backend), RULE, GAN.step(twin)), model


def test_alternation_follows_the_formulas_by_hand(backend):
    with backend.precision("float64"):
        trainer, model = trainer_of(backend)
        expected = ByHand(backend.state(model).parameters)
        for step in range(STEPS):
            batch, labels = draw_batch(GAN.inputs(SETTINGS), GAN.targets(SETTINGS), step, "float64")
            losses = backend.array(trainer.step([backend.tensor(x) for x in batch.values()], backend.tensor(labels)))
            np.testing.assert_allclose(losses, expected.step(*batch.values()), rtol=1e-12)
        for name, array in backend.state(model).parameters.items():
            np.testing.assert_allclose(array, expected.parameters[name], rtol=1e-12, err_msg=name)
        (memory,) = trainer.memory().items()
        assert memory[0] == "velocity"
        assert memory[1].keys() == expected.velocities.keys()
        for name, array in memory[1].items():
            np.testing.assert_allclose(array, expected.velocities[name], rtol=1e-12, err_msg=name)


# --- what optimizers remember ----------------------------------------------------------------------------------

MEMORIES = {
    "sgd": (Optimizer("sgd", 0.1), set()),
    "momentum": (Optimizer("sgd", 0.1, momentum=0.9), {"velocity"}),
    "adam": (Optimizer("adam", 0.1), {"first_moment", "second_moment"}),
}


@pytest.mark.parametrize(("rule", "kinds"), MEMORIES.values(), ids=MEMORIES)
def test_memories_have_canonical_names_and_shapes(rule, kinds, backend):
    lenet = dualnet.concept("lenet")
    model = dualnet.build("lenet", backend.name)
    trainer = backend.trainer(model, lenet.loss(dualnet.twin("lenet", backend.name), backend), rule)
    trainer.step([backend.tensor(np.ones((3, 1, 28, 28), np.float32), "NCHW")], backend.tensor(np.array([1, 2, 5])))
    memory, parameters = trainer.memory(), backend.state(model).parameters
    assert memory.keys() == kinds
    for arrays in memory.values():
        assert {n: a.shape for n, a in arrays.items()} == {n: a.shape for n, a in parameters.items()}


# --- in the loop -----------------------------------------------------------------------------------------------

POINTS = Dataset(
    "points", "here",
    RNG.normal(size=(13, 2)), np.ones(13, np.int64), RNG.normal(size=(7, 2)), np.ones(7, np.int64),
)  # fmt: skip


@pytest.fixture(scope="module")
def trainings(both):
    def trained(backend):
        epochs, twin = [], dualnet.twin("gan_gaussian", backend.name)
        with backend.precision("float64"):
            model = dualnet.build("gan_gaussian", backend.name)
            start = draw_state(backend.state(model), seed=1)
            backend.load(model, start)
            history = train(
                backend, model, GAN.loss(twin, backend), POINTS,
                Recipe(data="points", optimizer=RULE, batch_size=5, epochs=2),
                GAN.inputs(SETTINGS), GAN.targets(SETTINGS), metric="accuracy", output="NK",
                own=GAN.step(twin), seed=2, after_epoch=epochs.append,
            )  # fmt: skip
            return history, start, backend.state(model), epochs

    return {name: trained(side) for name, side in both.items()}


@pytest.mark.parametrize("side", ["tf", "torch"])
def test_the_loss_is_the_sum_of_the_players_losses(trainings, side):
    history = trainings[side][0]
    assert list(history.players) == ["discriminator", "generator"]
    assert len(history.losses) == 6
    np.testing.assert_allclose(np.sum([*history.players.values()], axis=0), history.losses, rtol=1e-15)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_both_sides_have_the_same_losses(trainings, player):
    tf, torch = (trainings[side][0].players[player] for side in ("tf", "torch"))
    np.testing.assert_allclose(tf, torch, rtol=1e-11)
    assert len(set(tf)) == 6


@pytest.mark.parametrize("side", ["tf", "torch"])
def test_both_players_move(trainings, side):
    _, before, after, _ = trainings[side]
    assert not [n for n, array in after.parameters.items() if np.array_equal(array, before.parameters[n])]


def test_both_sides_end_with_the_same_players(trainings):
    tf, torch = (trainings[side][2].parameters for side in ("tf", "torch"))
    assert tf.keys() == torch.keys()
    for name, array in tf.items():
        np.testing.assert_allclose(array, torch[name], rtol=1e-10, err_msg=name)


def test_every_epoch_can_be_watched(trainings):
    assert trainings["tf"][3] == trainings["torch"][3] == [1, 2]


def test_many_steps_are_one_step_for_each_batch(backend):
    x, noise, order = RNG.normal(size=(11, 2)), RNG.normal(size=(11, 2)), RNG.permutation(11)
    with backend.precision("float64"):
        results = {}
        for way in ("step", "steps"):
            trainer, model = trainer_of(backend)
            inputs, targets = [backend.tensor(x), backend.tensor(noise)], backend.tensor(np.ones(11, np.int64))
            if way == "steps":
                losses = backend.array(trainer.steps(inputs, targets, order, 5))
            else:
                batches = backend.batches(inputs, targets, order, 5)
                losses = np.array([backend.array(trainer.step(*batch)) for batch in batches])
            results[way] = [losses, *backend.state(model).parameters.values()]
    assert results["steps"][0].shape == (3, 2)
    for a, b in zip(results["step"], results["steps"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


# --- what is seen on the way -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epochs", "expected"), [(1, (1,)), (2, (1, 2)), (8, (1, 2, 4, 8)), (20, (1, 2, 4, 8, 16, 20))]
)
def test_models_are_looked_at_more_often_in_the_beginning(epochs, expected):
    assert moments(epochs) == expected


def test_a_course_of_images_has_a_row_for_each_moment():
    looks = {n: Exhibit("samples", "images", {"images": np.full((1, 5, 1, 7, 7), n)}) for n in (1, 2, 4)}
    (found,) = course(looks)
    assert found.title == "samples, after epochs 1, 2, 4"
    np.testing.assert_array_equal(found.arrays["images"][:, 0, 0, 0, 0], [1, 2, 4])


def test_a_course_of_points_is_labelled_by_epoch():
    looks = {n: Exhibit("points", "points", {"points": np.full((3, 2), n)}) for n in (1, 5)}
    (found,) = course(looks)
    np.testing.assert_array_equal(found.arrays["labels"], [1, 1, 1, 5, 5, 5])
    np.testing.assert_array_equal(found.arrays["points"][:, 0], [1, 1, 1, 5, 5, 5])


def test_nothing_seen_is_no_course():
    assert course({}) == ()
