"""The flat classifier of ``hierclf train`` alone, for rows that read nothing else.

A run fits it beside a cascade, in whose folds each stage is fitted once more. Of the 58
fits of a learner on SCDA features that a row of five folds took, it reads five.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.assembly.assessment import flat_table
from hierclf.assembly.models import Builder
from hierclf.cascade.hierarchical import Folds
from hierclf.config.commands import TrainOptions
from hierclf.problem.labels import Hierarchy


def flat_system(
    options: TrainOptions,
    manifest: pd.DataFrame,
    hierarchy: Hierarchy[str],
    folds: Folds,
) -> NDArray[np.str_]:
    """Predict each tested scan as the column ``flat`` of ``predictions.csv`` does.

    Parameters
    ----------
    options : TrainOptions
        Of the run.
    manifest : DataFrame, n_scans rows
        All scans.
    hierarchy : Hierarchy
        Its labels.
    folds : list of (train, test)
        Patient-disjoint rows.

    Returns
    -------
    said : ndarray of str, shape (n_scans,)
        '' for scans that no fold tests.
    """
    builder = Builder(options, hierarchy, cache=options.cache, checkpoints=None)
    names = np.asarray(hierarchy.labels)
    said = np.full(len(manifest), "", dtype=object)
    for train, test in folds:
        seen = manifest.iloc[train]
        plain = builder.flat().fit(seen, seen["label"].to_numpy())
        table = flat_table(plain, manifest.iloc[test], hierarchy)
        said[test] = names[table.argmax(axis=1)]
    return said.astype(np.str_)
