"""The engine proved by sabotage: every bug is caught, blamed on the right layer, and given its right cause."""

import json

import pytest
from torch import nn
from typer.testing import CliRunner

import dualnet
from dualnet.catalogue import concepts
from dualnet.interface import ConfigError

dualnet.load("torch"), dualnet.load("tf")
from parity import compare, mutate, sabotage  # noqa: E402
from parity.causes.verify import CAUSES  # noqa: E402
from parity.cli import app  # noqa: E402


@pytest.mark.parametrize("bug", mutate.BUGS)
def test_a_bug_is_caught_blamed_and_explained(bug):
    found = list(mutate.outcomes(bug))
    assert found
    assert all(outcome.caught for outcome in found)
    assert all(outcome.blamed for outcome in found)
    assert all(outcome.diagnosed in (True, None) for outcome in found)


def test_there_are_enough_bugs_and_their_causes_are_in_the_catalogue():
    assert len(mutate.BUGS) >= 60
    assert {cause for bug in mutate.BUGS.values() for cause in bug.causes} <= {cause.id for cause in CAUSES}


def test_float32_outputs_alone_miss_some_of_them():
    missed = [o.bug for bug in ("batch-norm-epsilon-1.001e-5", "gradient-doubled") for o in mutate.outcomes(bug)
              if o.missed_by_allclose]  # fmt: skip
    assert {"batch-norm-epsilon-1.001e-5", "gradient-doubled"} == set(missed)


def alarms(seeds, models=None):
    return [(name, seed) for name, seed, agrees in mutate.clean(seeds, models) if not agrees]


def test_clean_models_raise_no_alarm():
    assert not alarms(range(5))


@pytest.mark.parametrize("seed", [164, 180])
def test_gradients_whose_terms_cancel_are_no_alarm(seed):
    """Behind a batch normalization that no relu cuts, another one takes its scale and shift off again."""
    assert not alarms(range(seed, seed + 1), sabotage.models("concepts", "densenet"))


def test_gradients_whose_terms_cancel_are_told():
    (model,) = sabotage.models("concepts", "densenet").values()
    one, other = mutate.built(model, 164)
    reports = [compare(other, one, model.inputs, train=train, allow=["*.running_var"]) for train in (False, True)]
    assert any("cancel" in note for report in reports for note in report.notes)


@pytest.mark.slow
def test_clean_models_raise_no_alarm_over_200_seeds():
    assert not alarms(range(200))


@pytest.mark.slow
@pytest.mark.parametrize("concept", [declared.id for declared in concepts() if declared.kind == "model"])
def test_clean_concepts_raise_no_alarm_over_200_seeds(concept):
    models = sabotage.models("concepts", concept)
    assert len(models) == 1
    assert not alarms(range(200), models)


@pytest.mark.slow
def test_the_score_over_all_concepts_is_good():
    found = list(mutate.outcomes(models=sabotage.models("concepts")))
    assert mutate.score(found)[-1].good, [outcome for outcome in found if not outcome.blamed]


def test_a_keras_twin_is_as_good_a_witness():
    models = {name: model for name, model in sabotage.models("concepts").items() if name == "lenet-relu_max"}
    found = list(mutate.outcomes("conv-kernel-rotated", "conv-bias-dropped", "relu-missing", models=models))
    assert len(found) >= 2
    assert all(outcome.caught and outcome.blamed and outcome.diagnosed for outcome in found)


@pytest.mark.parametrize(
    ("change", "good"),
    [({}, True), ({"caught": False}, False), ({"blamed": False}, False), ({"diagnosed": False}, False)],
    ids=str,
)
def test_a_score_is_good_only_if_all_is_caught_and_nearly_all_explained(change, good):
    (outcome, *_) = mutate.outcomes("dense-bias-dropped")
    found = [mutate.Outcome(**{**vars(outcome), **change})]
    assert mutate.score(found)[-1].good is good


class Corner(nn.Module):
    """Keeps what an output padding does not touch."""

    def forward(self, x):
        return x[..., :9, :9]


def test_a_bug_that_changes_rounding_alone_is_none():
    def model(*cut):
        return mutate.Model(
            lambda: nn.Sequential(nn.ConvTranspose2d(3, 4, 3, stride=2), *cut), mutate.MODELS["image"].inputs
        )

    models = {"whole": model(), "cut": model(Corner())}
    found = mutate.outcomes("transposed-conv-output-padding", models=models)
    assert [outcome.model for outcome in found] == ["whole"]


def run(*arguments):
    return CliRunner().invoke(app, ["mutate", *arguments])


def test_the_command_prints_the_score():
    result = run("dense-bias-dropped", "--models", "small", "--clean", "1")
    assert result.exit_code == 0, result.stdout
    assert "dense" in result.stdout
    assert "0 false alarms" in result.stdout


def test_the_command_prints_json():
    told = json.loads(run("dense-bias-dropped", "--models", "small", "--json").stdout)
    assert told["good"]
    assert told["scores"][-1]["family"] == "all"


def test_the_command_names_its_bugs():
    assert run("--list").stdout.count("\n") >= len(mutate.BUGS)


def test_an_unknown_bug_is_told():
    result = run("no-such-bug")
    assert isinstance(result.exception, ConfigError)
    assert "no-such-bug" in str(result.exception)


def test_unknown_models_are_bad_usage():
    assert run("--models", "large").exit_code == 2
