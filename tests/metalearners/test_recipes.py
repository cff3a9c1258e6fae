"""Names of models."""

from __future__ import annotations

import pytest

from hierclf.features.extractor import KINDS
from hierclf.foundation.errors import InputError
from hierclf.metalearners.learners import LEARNERS
from hierclf.metalearners.recipes import (
    FEATURES,
    LEARNER_NAMES,
    ModelName,
    parse_model,
)


def test_names_are_those_of_the_registries():
    """They stand apart so that options are checked before torch is imported."""
    assert set(KINDS) == set(FEATURES)
    assert set(LEARNERS) == set(LEARNER_NAMES)


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("learner", LEARNER_NAMES)
def test_parts(features, learner):
    assert parse_model(f"{features}+{learner}") == ModelName(features, learner)
    assert parse_model(f"{features}+{learner}@8").components == (8,)
    assert parse_model(f"{features}+{learner}@none").components == (None,)


def test_network_has_no_parts():
    assert parse_model("network") == ModelName()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("svm", "expected network, or features.learner"),
        ("", "expected network, or features.learner"),
        ("poled+svm", "Did you mean 'pooled'"),
        ("pooled+svn", "Did you mean 'svm'"),
        ("pooled+svm@", "number of principal components"),
        ("pooled+svm@0", "number of principal components"),
        ("pooled+svm@-3", "number of principal components"),
        ("pooled+svm@1.5", "number of principal components"),
        ("pooled+svm+tree", "expected one of"),
        ("network+svm", "expected one of"),
    ],
)
def test_other_names(name, told):
    with pytest.raises(InputError, match=told):
        parse_model(name)
