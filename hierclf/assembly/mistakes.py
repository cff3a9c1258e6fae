"""Scans that a model was wrong about, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.cascade.decisions import Decisions
from hierclf.data.pixels import read_scan
from hierclf.foundation.errors import ScanError
from hierclf.problem.labels import Hierarchy
from hierclf.reporting.results import Mistake, MistakeKind
from hierclf.reporting.thumbnails import thumbnail


def worst_mistakes(
    said: Decisions, manifest: pd.DataFrame, hierarchy: Hierarchy[str], most: int
) -> tuple[Mistake, ...]:
    """List the mistakes that a model was most sure of.

    Parameters
    ----------
    said : Decisions
        On the rows of `manifest`.
    manifest : DataFrame, n_scans rows
        With labels, patients and scans.
    hierarchy : Hierarchy
        Order of the labels.
    most : int
        Of each kind.

    Returns
    -------
    mistakes : tuple of Mistake
        False positives by falling screen score, false negatives by rising one, wrong
        labels by the falling probability of what was said. Of each patient the
        worst of each kind, so that one patient does not fill the list.
    """
    truth = np.asarray(hierarchy.positions(manifest["label"].tolist()))
    score = said.screen_score
    sure = said.probabilities[np.arange(len(truth)), said.decided]
    sick, called = truth > 0, said.decided > 0
    kinds: Mapping[MistakeKind, tuple[NDArray[np.bool_], NDArray[np.float64]]] = {
        "false positive": (~sick & called, -score),
        "false negative": (sick & ~called, score),
        "wrong label": (sick & called & (truth != said.decided), -sure),
    }
    found = []
    for kind, (wrong, order) in kinds.items():
        rows = np.flatnonzero(wrong)
        rows = rows[np.argsort(order[rows], kind="stable")]
        first = ~manifest["patient_id"].iloc[rows].duplicated().to_numpy()
        found += [
            Mistake(
                kind=kind,
                scan=manifest["scan"].iat[row],
                label=hierarchy.labels[truth[row]],
                predicted=hierarchy.labels[said.decided[row]],
                screen_score=float(score[row]),
                probability=float(sure[row]),
            )
            for row in rows[first][:most]
        ]
    return tuple(found)


def thumbnails(mistakes: Iterable[Mistake], manifest: pd.DataFrame) -> dict[str, bytes]:
    """Read the scans of mistakes again and draw them small.

    Parameters
    ----------
    mistakes : iterable of Mistake
        Which.
    manifest : DataFrame
        Where their files are.

    Returns
    -------
    pictures : dict of str to bytes
        JPEG by the name of the scan; without a scan that cannot be read any more.
    """
    paths = dict(zip(manifest["scan"], manifest["path"], strict=True))
    found = {}
    for mistake in mistakes:
        try:
            pixels = read_scan(paths[mistake.scan]).pixels
        except ScanError:
            continue
        found[mistake.scan] = thumbnail(pixels)
    return found
