"""Records of single scans to means with intervals by patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.evaluation.bootstrap import patient_codes, patient_weights
from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.means import mean_of_scans
from hierclf.explaining.curve_figures import RANDOM_ORDER
from hierclf.explanation.localization import FIGURES
from hierclf.results.explanation import CurveFigures, MapFigures

Records = Sequence[dict[str, Any]]
_LEAST_PATIENTS = 2


def lesion_figures(
    records: Records, *, n_resamples: int, seed: int
) -> tuple[MapFigures, ...]:
    """Average the figures of maps against lesions, of all scans and of each label.

    Parameters
    ----------
    records : sequence of dict
        Of a `hierclf.explaining.lesion_figures.LesionMeter`.
    n_resamples : int
        Patient bootstraps.
    seed : int
        Of the resamples: the same for all maps, so that gains are paired.

    Returns
    -------
    figures : tuple of MapFigures
        Stage by stage; a group of fewer than two patients has none.
    """
    found: list[MapFigures] = []
    table = pd.DataFrame(records)
    if table.empty:
        return ()
    for stage, rows in table.groupby("stage", sort=False):
        labels = sorted(set(rows["truth"])) if rows["truth"].nunique() > 1 else []
        for group in ("", *labels):
            part = rows if not group else rows[rows["truth"] == group]
            if part["patient"].nunique() >= _LEAST_PATIENTS:
                found += _group(str(stage), group, part, n_resamples, seed)
    return tuple(found)


def _group(
    stage: str, group: str, part: pd.DataFrame, n_resamples: int, seed: int
) -> list[MapFigures]:
    codes, n_patients = patient_codes(part["patient"], len(part))
    part = part.assign(code=codes)
    weights = patient_weights(n_patients, n_resamples=n_resamples, seed=seed)
    tables = {
        (str(name), str(method)): rows.set_index("scan")
        for (name, method), rows in part.groupby(["map", "method"], sort=False)
    }
    named = [method for method in part["method"].unique() if method]
    methods = {method: tables[method, method] for method in named}
    found = []
    for (name, method), rows in tables.items():
        gains = {}
        if method and name != method:
            gains = _gains(methods[method], rows, "", weights)
        elif not method:
            for own, table in methods.items():
                gains |= _gains(table, rows, f"{own}: ", weights)
        found.append(
            MapFigures(
                stage=stage,
                group=group,
                map=name,
                method=method,
                n_scans=len(rows),
                n_patients=int(rows["code"].nunique()),
                figures={name: _mean(rows[name], rows, weights) for name in FIGURES},
                gains=gains,
            )
        )
    return found


def _gains(
    own: pd.DataFrame, other: pd.DataFrame, prefix: str, weights: NDArray[np.number]
) -> dict[str, Estimate]:
    """Subtract figures scan by scan."""
    shared = own.loc[other.index]
    return {
        prefix + name: _mean(shared[name] - other[name], shared, weights)
        for name in FIGURES
    }


def _mean(
    values: pd.Series[float], rows: pd.DataFrame, weights: NDArray[np.number]
) -> Estimate:
    found = np.asarray(values, dtype=np.float64)
    return mean_of_scans(found, np.asarray(rows["code"]), weights)


def curve_figures(
    records: Records, *, n_resamples: int, seed: int
) -> tuple[CurveFigures, ...]:
    """Average deletion and insertion.

    Parameters
    ----------
    records : sequence of dict
        Of `hierclf.explaining.curve_figures.measure_curves`.
    n_resamples : int
        Patient bootstraps.
    seed : int
        Of the resamples.

    Returns
    -------
    figures : tuple of CurveFigures
        Stage by stage; a stage with fewer than two patients has none.
    """
    found: list[CurveFigures] = []
    table = pd.DataFrame(records)
    if table.empty:
        return ()
    for stage, rows in table.groupby("stage", sort=False):
        if rows["patient"].nunique() < _LEAST_PATIENTS:
            continue
        codes, n_patients = patient_codes(rows["patient"], len(rows))
        weights = patient_weights(n_patients, n_resamples=n_resamples, seed=seed)
        coded = rows.assign(code=codes)
        parts = {
            str(name): part.set_index("scan")
            for name, part in coded.groupby("map", sort=False)
        }
        for name, part in parts.items():
            found.append(_curve(str(stage), name, part, parts[RANDOM_ORDER], weights))
    return tuple(found)


def _curve(
    stage: str,
    name: str,
    part: pd.DataFrame,
    chance: pd.DataFrame,
    weights: NDArray[np.number],
) -> CurveFigures:
    both = np.mean(np.stack(part["curves"].tolist()), axis=0)
    kinds = ("deletion", "insertion")
    gains = {kind: _mean(part[kind] - chance[kind], part, weights) for kind in kinds}
    return CurveFigures(
        stage=stage,
        map=name,
        n_scans=len(part),
        n_patients=int(part["code"].nunique()),
        deletion=_mean(part["deletion"], part, weights),
        insertion=_mean(part["insertion"], part, weights),
        deletion_curve=tuple(float(v) for v in both[0]),
        insertion_curve=tuple(float(v) for v in both[1]),
        gains={} if name == RANDOM_ORDER else gains,
    )
