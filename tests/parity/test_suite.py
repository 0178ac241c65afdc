"""Every check of every concept: one id each."""

import pytest

from parity import suite

CHECKS = suite.checks()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
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
