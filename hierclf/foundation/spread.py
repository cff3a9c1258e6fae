"""Spreads that features are divided by."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=np.floating)
LEAST = 0.1
"""Of the median spread. Of the 1280 channels of frozen EfficientNet-Lite0 some 200 have
less than that, 60 to 100 of them less than a hundredth: these are next to dead, and in
bfloat16 they are noise (two runtimes differ in them by more than scans do, single scans
by up to a million spreads). See MEASURED.md, *Channels that hardly spread*."""


def steady(spread: NDArray[F]) -> NDArray[F]:
    """Raise spreads that are next to nothing, so that division makes no noise large.

    Parameters
    ----------
    spread : ndarray of float, shape (n_features,)
        Standard deviations of features of one kind, such as channels of a network.

    Returns
    -------
    raised : ndarray of float, shape (n_features,)
        At least a tenth of the median of those that are not zero; 1 if all are.

    Examples
    --------
    >>> steady(np.array([0.0, 1e-6, 0.5, 2.0, 8.0])).tolist()
    [0.125, 0.125, 0.5, 2.0, 8.0]
    >>> steady(np.zeros(2)).tolist()
    [1.0, 1.0]
    """
    alive = spread[spread > 0]
    if not len(alive):
        return np.ones_like(spread)
    raised: NDArray[F] = np.maximum(spread, LEAST * np.median(alive))
    return raised.astype(spread.dtype)
