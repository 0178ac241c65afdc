"""Every check of every concept: one id each."""

from dataclasses import replace

import pytest

from dualnet import catalogue
from parity import suite

LENET = catalogue.concept("lenet")
CHECKS = suite.checks()
HEAVY = {"autoencoders", "convnets", "gans", "metric_and_ordinal", "modern_convnets"}
"""Chapters of which the default run compares one variant of each model."""


def is_slow(check):
    declared = catalogue.concept(check.concept)
    return check.concept in ("cnn_evolution_benchmark", "googlenet") or (
        declared.chapter in HEAVY and bool(check.variant) and check.variant != declared.default_variant
    )


@pytest.mark.parametrize(
    "check",
    [pytest.param(check, id=check.id, marks=[pytest.mark.slow] if is_slow(check) else []) for check in CHECKS],
)
def test_parity(check, both):
    check.run().raise_if_failed()


def test_ids_are_distinct():
    assert len({check.id for check in CHECKS}) == len(CHECKS)


def test_an_unknown_concept_is_refused():
    with pytest.raises(LookupError, match="did you mean lenet"):
        suite.checks("lenett")


def test_every_quantity_belongs_to_a_check(both):
    """No finding of a report is outside all patterns."""
    import re

    for id, variant in (("lenet", "batch_norm"), ("tensor_indexing", None)):
        patterns = [
            re.compile(check.pattern) for check in CHECKS if check.concept == id and check.variant == (variant or "")
        ]
        names = [finding.name.partition(" (")[0] for finding in suite.report(id, variant).findings]
        assert not [name for name in names if not any(pattern.fullmatch(name) for pattern in patterns)]


@pytest.mark.parametrize(("config", "pixels"), [(None, 12), ({}, 28), ({"image_size": 20}, 20)], ids=str)
def test_models_are_compared_in_their_small_size_unless_told_otherwise(both, monkeypatch, config, pixels):
    small = replace(LENET, variants={"x": replace(LENET.variants["relu_max"], small={"image_size": 12})})
    monkeypatch.setattr(suite, "concept", lambda id: small)
    assert suite.record("torch", "lenet", config=config).quantities["float64/input/images"].shape[-1] == pixels


def test_buffers_are_checked_where_the_concept_declares_them(monkeypatch):
    monkeypatch.setattr(suite, "concept", lambda id: replace(LENET, buffers=lambda config: True))
    assert {check.variant for check in suite.checks("lenet") if check.name == "buffers"} == set(LENET.variants)
