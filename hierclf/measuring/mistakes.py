"""Scans that a model was wrong about, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.cascade.decisions import Decisions
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.data.pixels import read_scan
from hierclf.explaining.cases import Case, make_look
from hierclf.explaining.explained import Explained, Explainer
from hierclf.features.readers import readers_of
from hierclf.foundation.errors import InputError, ScanError
from hierclf.pictures.overlays import shade, small, to_jpeg
from hierclf.pictures.thumbnails import thumbnail
from hierclf.problem.labels import Hierarchy
from hierclf.results.run import Mistake, MistakeKind

MAP = "gradcam"
"""The kind of map beside a mistake."""


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


def maps_of(
    mistakes: Iterable[Mistake], manifest: pd.DataFrame, cascade: HierarchicalClassifier
) -> dict[str, bytes]:
    """Draw where the stage that decided saw its evidence in the scans of mistakes.

    Parameters
    ----------
    mistakes : iterable of Mistake
        Which; they were made by this cascade.
    manifest : DataFrame
        Where their files are.
    cascade : HierarchicalClassifier
        Fitted.

    Returns
    -------
    pictures : dict of str to bytes
        The scan with its Grad-CAM as JPEG, by the name of the scan; none of a cascade
        that cannot be explained.
    """
    told = list(mistakes)
    if not told or not readers_of(cascade.screen_):
        return {}
    try:
        explainer = Explainer(cascade)
    except InputError:
        return {}
    paths = dict(zip(manifest["scan"], manifest["path"], strict=True))
    names = list(dict.fromkeys(mistake.scan for mistake in told))
    look = make_look(cascade)
    found = {}
    for scan in names:
        (one,) = explainer.explain([look(Case(scan, paths[scan], patient=scan))])
        if isinstance(one, Explained) and one.look.picture is not None:
            shaded = shade(small(one.look.picture), one.deciding.heats[MAP])
            found[scan] = to_jpeg(shaded)
    return found
