"""How well a mask fits the true one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    r"""Give the Dice coefficient of two masks.

    Parameters
    ----------
    found, truth : ndarray of bool, of one shape
        Masks; the order does not matter.

    Returns
    -------
    dice : float, in [0, 1]
        :math:`2 |A \cap B| / (|A| + |B|)` (Dice, Ecology 26, 1945); NaN where both are
        empty.

    Examples
    --------
    >>> dice(np.array([True, True, False]), np.array([True, False, False]))
    0.6666666666666666
    """
    size = int(found.sum()) + int(truth.sum())
    return 2 * int((found & truth).sum()) / size if size else float("nan")
