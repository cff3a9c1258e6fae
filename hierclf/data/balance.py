"""Up-sampling of rare classes, as row numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError
from hierclf.foundation.seeding import generator

POWERS: Mapping[str, float] = {"equal": 0.0, "he2019": 0.25, "none": 1.0}
"""Named powers of `upsample`."""

Ratio = str | float | Mapping[Any, float]


def upsample(
    labels: ArrayLike, *, ratio: Ratio = "he2019", seed: int
) -> NDArray[np.intp]:
    r"""Repeat rows of rare classes; the row numbers serve training rows only.

    Up-sample after the split: a repeated row on both sides is a leak.

    Parameters
    ----------
    labels : array-like of str or int, shape (n_rows,)
        Class of each training row.
    ratio : str, float or mapping, default="he2019"
        A power in [0, 1], one of its names ``"equal"`` (0, as many rows of each
        class), ``"he2019"`` (0.25) and ``"none"`` (1, as it is), or a mapping
        from every class to its part, for example ``{"a": 16, "b": 25}``.
    seed : int, at least 0
        Root seed.

    Returns
    -------
    rows : ndarray of int, shape (n_rows_after,)
        First all rows in their order, then the repeats class by class. No row of
        a class is repeated more than once oftener than another.

    Raises
    ------
    InputError
        If there is no row, the ratio is unknown or outside [0, 1], or a mapping
        does not give a positive number for every class.

    Notes
    -----
    With :math:`n_k` rows of class k, a power p asks for
    :math:`n_{max} (n_k / n_{max})^p` rows of it. A mapping r asks for
    :math:`r_k \max_j(n_j / r_j)`, the least rows in that ratio that drop none.

    He raised 316 : 2533 : 389 : 79 scans (healthy, stages 1 to 3) to about
    16 : 25 : 16 : 10. No power gives this exactly, since healthy and stage 2
    were raised to the same number. The nearest is 0.249 (least squares of the
    logarithms); 0.25, the fourth root, gives 14.9 : 25 : 15.7 : 10.5, each
    within 7.2 % of the source. A mapping gives the source's ratio itself.
    """
    y = np.asarray(labels)
    if y.ndim != 1 or not y.size:
        raise InputError(
            f"upsample: expected a label for at least one row, got shape {y.shape}. "
            "Pass the label column of the training rows."
        )
    classes, class_of, counts = np.unique(y, return_inverse=True, return_counts=True)
    wanted = np.rint(_targets(classes.tolist(), counts, ratio)).astype(np.intp)
    rng = generator(seed, "upsample")
    repeats = [np.arange(y.size)]
    for k, (have, want) in enumerate(
        zip(counts.tolist(), wanted.tolist(), strict=True)
    ):
        own = np.flatnonzero(class_of == k)
        whole, rest = divmod(want - have, have)
        repeats += [np.tile(own, whole), rng.choice(own, rest, replace=False)]
    return np.concatenate(repeats)


def _targets(
    classes: list[Any], counts: NDArray[np.intp], ratio: Ratio
) -> NDArray[np.float64]:
    if isinstance(ratio, Mapping):
        parts = _parts(classes, ratio)
        scale: float = (counts / parts).max()
        return parts * scale
    power = choose("upsample ratio", ratio, POWERS) if isinstance(ratio, str) else ratio
    if not 0 <= power <= 1:
        raise InputError(
            f"upsample ratio: expected a power in [0, 1], got {power}. "
            "0 makes all classes equal, 1 leaves them as they are."
        )
    most = counts.max()
    targets: NDArray[np.float64] = most * (counts / most) ** power
    return targets


def _parts(classes: list[Any], ratio: Mapping[Any, float]) -> NDArray[np.float64]:
    proper = set(ratio) == set(classes) and all(
        np.isfinite(part) and part > 0 for part in ratio.values()
    )
    if not proper:
        raise InputError(
            f"upsample ratio: expected a positive number for each of {classes}, got "
            f"{dict(ratio)}. Name every class of the training rows."
        )
    return np.array([ratio[name] for name in classes], dtype=np.float64)
