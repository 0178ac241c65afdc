"""Models with random parts train alike on both sides where both draw from one stream."""

import json

import numpy as np
import pytest

from dualnet import cli
from dualnet.training import worker
from dualnet.training.job import Job

MODELS = {
    "a latent vector": ("vae", "fc_500_15", {"hidden": 31}),
    "dropout of rows": ("coral", "digits", {"hidden": [31], "dropout": 0.5}),
    "dropout of maps": ("nin", "cifar", {"channels": [5, 7, 11], "mixers": [5, 7, 11, 7, 11, 10], "image_size": 12}),
    "dropout in three calls": ("gan_fc_mnist", "g75_128_d128", {"hidden": 31}),
}


def losses(side, model, *, shared=True):
    """Of three steps on digits."""
    concept, variant, config = MODELS[model]
    asked = cli.catalogue.concept(concept).variant(variant).recipe.optimizer
    rule = {"name": asked.name, "learning_rate": asked.learning_rate, "momentum": 0.0}
    events = {}
    job = Job(
        backend=side, concept=concept, variant=variant, config=config, data="digits", batch_size=67, steps=3, seed=3,
        optimizer={**rule, "betas": list(asked.betas), "epsilon": asked.epsilon}, shared_noise=shared,
    )  # fmt: skip
    worker.run(job, lambda event, **values: events.update({event: values}), wait=lambda: None)
    return np.array(events["done"]["history"]["losses"])


@pytest.mark.parametrize("model", MODELS)
def test_the_losses_of_both_sides_agree(both, model):
    tf, torch = (losses(side, model) for side in ("tf", "torch"))
    assert len(tf) == 3 and len(set(tf)) == 3
    np.testing.assert_allclose(tf, torch, rtol=1e-4)


def test_by_themselves_both_sides_drop_differently(both):
    tf, torch = (losses(side, "dropout of rows", shared=False) for side in ("tf", "torch"))
    assert (np.abs(tf - torch) > 1e-3 * torch).any()


@pytest.mark.parametrize(
    ("arguments", "shared"),
    [
        (["compare"], [True, True]),
        (["train", "--backend", "tf"], [False]),
        (["train", "--backend", "torch", "--shared-noise"], [True]),
    ],
    ids=["compare", "train", "train if asked"],
)
def test_the_command_says_whose_noise(monkeypatch, arguments, shared):
    jobs = []
    monkeypatch.setattr(cli, "run_jobs", lambda given, *_, **__: jobs.extend(given) or ({}, True))
    command, *options = arguments
    cli.app([command, "vae", *options], standalone_mode=False)
    assert [Job(**json.loads(job.to_json())).shared_noise for job in jobs] == shared
