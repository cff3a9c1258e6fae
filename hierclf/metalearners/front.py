"""What stands before a learner: standardization, and principal components.

Tables are wide: SCDA features of a scan are 62,720 numbers, those of 2,000 scans half a
gigabyte. They are taken in parts that fit into the processor's cache, which gives the
same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from hierclf.foundation.spread import steady

Floats = NDArray[np.float64]
_COLUMNS_AT_ONCE = 2048
_VALUES_AT_ONCE = 1 << 22


def front_of(table: Floats, components: int | None, seed: int) -> Pipeline:
    """Standardize, and turn to principal components as far as there are so many."""
    steps: list[tuple[str, Any]] = [("scale", StandardScaler())]
    if components is not None and components < min(table.shape):
        steps.append(("pca", PCA(components, random_state=seed)))
    return Pipeline(steps)


def fit_front(front: Pipeline, table: Floats, *, alike: bool) -> Floats:
    """Fit what `front_of` gives, and turn the same rows.

    A column has its own mean and variance, so some columns are taken at a time: for all
    at once scikit-learn makes copies of the whole in double precision.

    Parameters
    ----------
    front : Pipeline
        Not fitted; it is fitted in place.
    table : ndarray of float, shape (n_rows, n_features)
        Finite.
    alike : bool
        Whether columns are of one kind, as channels of networks are: those that hardly
        spread are then not raised to the spread of the others, see
        `hierclf.foundation.spread`.

    Returns
    -------
    turned : ndarray of float, shape (n_rows, n_features) or (n_rows, n_components)
        As ``front.fit_transform(table)`` gives it, but for such columns.
    """
    scale, *others = (step for _, step in front.steps)
    width = table.shape[1]
    parts = [
        clone(scale).fit(table[:, columns[0] : columns[-1] + 1])
        for columns in np.array_split(np.arange(width), _n_parts(width))
    ]
    for name in ("mean_", "var_", "scale_"):
        setattr(scale, name, np.concatenate([getattr(part, name) for part in parts]))
    if alike:
        scale.scale_ = steady(np.sqrt(scale.var_))
    scale.n_samples_seen_, scale.n_features_in_ = parts[0].n_samples_seen_, width
    turned: Floats = scale.transform(table)
    for step in others:  # what it is given is nobody else's, and may be overwritten
        turned = step.set_params(copy=False).fit_transform(turned)
        step.set_params(copy=True)
    return turned


def _n_parts(width: int) -> int:
    """Take no part of a few columns, which numpy would sum in another order."""
    return max(1, width // _COLUMNS_AT_ONCE)


def through(front: Pipeline, table: Floats) -> Floats:
    """Turn features of new scans to what a learner sees, in double precision.

    In single precision the last digit would depend on the order of a sum, and a tree
    that splits there would answer otherwise in an exported graph.
    """
    if len(front) == 1:
        turned: Floats = front.transform(table.astype(np.float64))
        return turned
    n_rows = max(1, _VALUES_AT_ONCE // table.shape[1])
    parts = [
        front.transform(table[start : start + n_rows].astype(np.float64))
        for start in range(0, max(len(table), 1), n_rows)
    ]
    return np.concatenate(parts)
