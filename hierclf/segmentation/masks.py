"""From the probability of lung at every pixel to a mask that can be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

THRESHOLD = 0.5
"""Probability from which a pixel is lung."""
MOST_PARTS = 2
LEAST_RATIO = 0.1
"""Size of the second part over that of the first below which it is no lung: where both
lungs hang together, the next part is an arm or the stomach."""
LEAST_SHARE = 0.05
"""Share of the frame below which a mask is no pair of lungs.

In the chest radiographs of this project's phantoms lungs take 22 to 38 % of the frame;
a single lung beside a white one still takes more than 5 %. A network that has found
next to nothing has failed, and a frame that is nearly black would be a score of
nothing.
"""


def word_of(*, found: bool) -> str:
    """Write whether lungs were found, for the column ``lungs_found`` of tables."""
    return "yes" if found else "no"


@dataclass(frozen=True, eq=False)
class Lungs:
    """What of a frame is lung.

    Parameters
    ----------
    mask : ndarray of bool, shape (side, side)
        True everywhere where none were found: the frame is then seen whole.
    found : bool
        Whether lungs were found.
    """

    mask: NDArray[np.bool_]
    found: bool

    @property
    def word(self) -> str:
        """Whether lungs were found, for a table."""
        return word_of(found=self.found)


def clean_mask(
    probabilities: NDArray[np.floating], *, threshold: float = THRESHOLD
) -> Lungs:
    """Keep two lungs of a map of probabilities, without holes.

    Parameters
    ----------
    probabilities : ndarray of float, shape (height, width), in [0, 1]
        Of lung. NaN is no lung.
    threshold : float, default=THRESHOLD
        From where a pixel is lung.

    Returns
    -------
    lungs : Lungs
        The two largest connected parts (pixels touch by their sides; of parts of one
        size the upper one goes first), their holes filled: opaque lung is lung. The
        second is dropped where it is far smaller, see `LEAST_RATIO`. Where what is left
        takes less than `LEAST_SHARE` of the frame, all of it and ``found=False``.

    Examples
    --------
    >>> map_ = np.zeros((10, 10))
    >>> map_[2:8, 1:4], map_[2:8, 6:9], map_[0, 0] = 0.9, 0.8, 0.9
    >>> lungs = clean_mask(map_)
    >>> lungs.found, int(lungs.mask.sum())
    (True, 36)
    """
    parts, n_parts = ndimage.label(probabilities >= threshold)
    sizes = np.bincount(parts.ravel(), minlength=n_parts + 1)[1:]
    largest = np.argsort(-sizes, kind="stable")[:MOST_PARTS] + 1
    largest = largest[sizes[largest - 1] >= LEAST_RATIO * sizes.max(initial=0)]
    mask: NDArray[np.bool_] = ndimage.binary_fill_holes(np.isin(parts, largest))
    if mask.mean() < LEAST_SHARE:
        return Lungs(np.ones(mask.shape, dtype=np.bool_), found=False)
    return Lungs(mask, found=True)
