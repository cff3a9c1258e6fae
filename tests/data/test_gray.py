"""Luminance and stretching, against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from hierclf.data.gray import luminance, stretch
from hierclf.foundation.errors import ScanError

DTYPES = [np.uint8, np.uint16, np.uint32]


@pytest.mark.parametrize("dtype", DTYPES)
def test_luminance_exactly(dtype):
    """Against fractions, at every depth."""
    white = np.iinfo(dtype).max
    rgb = np.random.default_rng(0).integers(0, white, (3, 5, 3), dtype, endpoint=True)
    for row, column in np.ndindex(3, 5):
        red, green, blue = (int(value) for value in rgb[row, column])
        exact = Fraction(299 * red + 587 * green + 114 * blue, 1000 * white)
        found = luminance(rgb, white)[row, column]
        assert found == pytest.approx(float(exact), rel=1e-7)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gray_stays_gray(dtype):
    """Three equal channels give exactly their level."""
    white = np.iinfo(dtype).max
    levels = np.linspace(0, white, 256).astype(dtype)[None]
    gray = luminance(np.dstack([levels] * 3), white)
    np.testing.assert_array_equal(gray, (levels / white).astype(np.float32))
    assert gray.dtype == np.float32
    assert gray.max() == 1


def test_luminance_as_pillow():
    """Pillow's own weights, before it rounds."""
    rgb = np.random.default_rng(1).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    pillow = np.asarray(Image.fromarray(rgb).convert("F")) / 255
    np.testing.assert_allclose(luminance(rgb, 255), pillow, atol=1e-7)


@given(
    arrays(
        np.float32,
        (4, 5),
        elements=st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False),
    )
)
def test_stretch(values):
    """The order stays; the ends are 0 and 1; a second time changes nothing."""
    if values.min() == values.max():
        with pytest.raises(ScanError, match="all equal") as caught:
            stretch(values)
        assert caught.value.code == "E_BLANK"
        return
    gray = stretch(values)
    assert gray.dtype == np.float32
    assert (gray.min(), gray.max()) == (0, 1)
    order = np.argsort(values, axis=None)
    assert (np.diff(gray.ravel()[order]) >= 0).all()
    np.testing.assert_array_equal(stretch(gray), gray)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1.7e308])
def test_stretch_not_finite(odd):
    """Neither NaN nor infinity, nor a span that no number can hold."""
    values = np.array([-1.7e308, 0.0, odd])
    with pytest.raises(ScanError, match="expected finite pixels") as caught:
        stretch(values)
    assert caught.value.code == "E_NONFINITE"
