"""Names are found, and misspelt ones answered with the nearest."""

from __future__ import annotations

import copy

import pytest

from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError, ScanError, join_troubles
from hierclf.foundation.seeding import derive_seed, generator


def test_choose_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"views: .*got 'tencorp'. Did you mean 'ten"):
        choose("views", "tencorp", {"tencrop": 1, "center": 2})


def test_choose_lists_all_where_none_is_near() -> None:
    with pytest.raises(InputError, match="Known: a, b"):
        choose("x", "qqqq", {"a": 1, "b": 2})


def test_join_troubles_counts_the_rest() -> None:
    assert join_troubles(["x."] * 7).endswith("(and 2 more of this kind)")
    assert join_troubles(["x."] * 5) == "x. x. x. x. x."


def test_seeds_of_purposes_do_not_move_each_other() -> None:
    assert derive_seed(1, "a") != derive_seed(1, "b") != derive_seed(2, "b")
    first = generator(3, "fold", 1).random(4)
    assert (first == generator(3, "fold", 1).random(4)).all()
    assert (first != generator(3, "fold", 2).random(4)).any()


def test_scan_error_survives_another_process() -> None:
    error = copy.copy(ScanError("E_EMPTY", "expected bytes, got none."))
    assert (error.code, str(error)) == ("E_EMPTY", "expected bytes, got none.")
