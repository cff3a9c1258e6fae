"""Numbers of any range or color to gray values in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierclf.foundation.errors import ScanError

Gray = NDArray[np.float32]

_REC_601 = (299, 587, 114)  # thousandths; Pillow converts RGB to F by the same


def luminance(rgb: NDArray[Any], white: float) -> Gray:
    r"""Weigh color to gray without rounding.

    Parameters
    ----------
    rgb : ndarray of int, shape (height, width, 3)
        Red, green and blue, from 0 to `white`.
    white : float
        The largest value that a channel can take.

    Returns
    -------
    gray : ndarray of float32, shape (height, width), in [0, 1]
        Exactly ``v / white`` where the three channels all equal v, so that a
        gray scan stored as RGB reads the same as one stored as gray.

    Notes
    -----
    :math:`(299 R + 587 G + 114 B) / 1000`, the luma of Rec. 601 [1]_.

    References
    ----------
    .. [1] ITU-R BT.601-7, section 2.5.1.

    Examples
    --------
    >>> luminance(np.array([[[7, 7, 7], [0, 255, 0]]]), 255).round(4).tolist()
    [[0.027499999850988388, 0.5870000123977661]]
    """
    total = np.zeros(rgb.shape[:2])
    for channel, weight in enumerate(_REC_601):
        total += np.multiply(rgb[..., channel], weight, dtype=np.float64)
    total /= 1000
    return np.divide(total, white).astype(np.float32)


def stretch(values: NDArray[Any]) -> Gray:
    """Map the least value to 0 and the greatest to 1.

    For numbers whose possible range says nothing about their real one, such as
    floats. It makes a scan independent of its exposure, and thereby loses it.

    Parameters
    ----------
    values : ndarray of float or int, shape (height, width) or (n_pixels,)
        Numbers of any range.

    Returns
    -------
    gray : ndarray of float32, in [0, 1]
        Of the same shape.

    Raises
    ------
    ScanError
        With ``E_NONFINITE`` if a value is NaN or infinite, with ``E_BLANK`` if
        all are equal.

    Examples
    --------
    >>> stretch(np.array([-1.0, 0.0, 3.0])).tolist()
    [0.0, 0.25, 1.0]
    """
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(high - low):
        raise ScanError(
            "E_NONFINITE",
            "expected finite pixels, got NaN, infinity or their like. "
            "Repair the export of the scan.",
        )
    refuse_blank(low, high)
    gray = values.astype(np.float64)
    gray -= low
    gray /= high - low
    return gray.astype(np.float32)


def refuse_blank(low: float, high: float) -> None:
    """Refuse a scan whose pixels are all equal.

    Parameters
    ----------
    low, high : float
        The least and the greatest pixel.

    Raises
    ------
    ScanError
        With ``E_BLANK``.
    """
    if low == high:
        raise ScanError(
            "E_BLANK",
            "expected a picture, got pixels that are all equal. "
            "Check the acquisition or the window of the scan.",
        )
