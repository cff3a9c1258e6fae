"""The hierarchy of labels."""

from __future__ import annotations

import numpy as np
import pytest

from hierclf.foundation.errors import InputError
from hierclf.problem.labels import Hierarchy, hierarchy_of


def test_order_of_the_stages_is_kept() -> None:
    tree = hierarchy_of(["b", "c", "a"], "c", ["b", "a"], ordered=True)
    assert tree.labels == ("c", "b", "a")
    assert tree.positions(["a", "c"]).tolist() == [2, 0]
    assert tree.is_diseased(np.array(["a", "c"])).tolist() == [True, False]


def test_integer_labels_keep_their_type() -> None:
    assert hierarchy_of(np.array([3, 1, 2])).labels == (1, 2, 3)


@pytest.mark.parametrize(
    ("healthy", "stages", "message"),
    [
        ("helthy", (), "Did you mean 'healthy'"),
        ("healthy", ("s1",), "expected exactly"),
        ("healthy", ("s1", "s3"), "expected exactly"),
    ],
)
def test_wrong_names_refused(
    healthy: str, stages: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        hierarchy_of(["healthy", "s1", "s2"], healthy, stages)


def test_unknown_label_refused() -> None:
    with pytest.raises(InputError, match=r"got 'stage9'. Did you mean 'stage1'"):
        Hierarchy("healthy", ("stage1",)).positions(["stage9"])


def test_twins_and_lone_healthy_refused() -> None:
    with pytest.raises(InputError, match="different labels"):
        Hierarchy("a", ("a",))
    with pytest.raises(InputError, match="a label beside 'a'"):
        Hierarchy("a", ())
