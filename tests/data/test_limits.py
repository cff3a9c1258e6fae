"""What is too large, too small or empty."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierclf.data.limits import ReadLimits
from hierclf.foundation.errors import InputError, ScanError


@pytest.mark.parametrize("name", ["max_pixels", "max_bytes", "min_side", "max_aspect"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_without_sense(name, value):
    """A limit that no scan can keep is the user's error."""
    with pytest.raises(InputError, match=f"{name}: expected a number of at least 1"):
        ReadLimits(**{name: value})


@given(st.integers(0, 400), st.integers(0, 400))
def test_sizes(width, height):
    """The three rules, and that turning a scan changes nothing."""
    limits = ReadLimits(max_pixels=40_000, min_side=20, max_aspect=4)
    if width * height > 40_000:
        code = "E_TOO_LARGE"
    elif min(width, height) < 20 or max(width, height) > 4 * min(width, height):
        code = "E_TOO_SMALL"
    else:
        code = None
    for sides in ((width, height), (height, width)):
        if code is None:
            limits.check_size(*sides)
            continue
        with pytest.raises(ScanError, match=f"got {sides[0]} x {sides[1]}") as caught:
            limits.check_size(*sides)
        assert caught.value.code == code


def test_largest_size():
    """The limit itself is accepted."""
    ReadLimits(max_pixels=40_000).check_size(200, 200)
    with pytest.raises(ScanError, match="at most 40000 pixels, got 200 x 201"):
        ReadLimits(max_pixels=40_000).check_size(200, 201)


def test_bytes():
    """A file holds something, and not more than allowed."""
    limits = ReadLimits(max_bytes=10)
    limits.check_bytes(1)
    limits.check_bytes(10)
    with pytest.raises(ScanError, match="got an empty file") as caught:
        limits.check_bytes(0)
    assert caught.value.code == "E_EMPTY"
    with pytest.raises(ScanError, match="expected at most 10 bytes, got 11") as caught:
        limits.check_bytes(11)
    assert caught.value.code == "E_TOO_LARGE"
