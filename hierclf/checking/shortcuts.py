"""How well the label is told by what is no picture of the body.

A forest predicts the label from facts of the file, of the manifest, of the border of
the scan and of its grays, each scan by a forest of other patients; the frozen features
of a network, where there are any, show what the picture itself is worth. What such a
figure means depends on the facts:

* *file* and *manifest*: size, color mode, compression, scanner, date, whatever columns
  there are. None of them is the disease, so an area above one half is a shortcut.
* *border*: body and table reach to the frame, so it tells some labels honestly (0.86 in
  children's radiographs, where pneumonia changes how they are held and framed); a
  letter or mark that stands with one label makes it tell nearly everything.
* *pixels*: brightness, contrast and bytes. Bytes measure texture where all scans are
  compressed alike, and disease changes brightness. Never more than a remark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hierclf.data.inner_folds import inner_folds
from hierclf.evaluation.bootstrap import patient_codes, patient_weights
from hierclf.evaluation.intervals import Estimate, bootstrap_estimate
from hierclf.evaluation.roc import roc_auc
from hierclf.foundation.seeding import derive_seed

Floats = NDArray[np.float64]
Family = Literal["file", "manifest", "records", "expected", "border", "pixels", "image"]

LEAST_PATIENTS = 5
"""Patients that a label must have to be told from others: one for each fold."""

_FOLDS, _TREES = 5, 100
_MOST_NAMES = 20


class Probe(BaseModel):
    """How well some facts tell the label.

    Parameters
    ----------
    family : {"file", "manifest", "records", "expected", "border", "pixels", "image"}
        Where the facts come from; ``records`` are file and manifest together,
        ``expected`` columns of the manifest that may tell the label.
    name : str
        The fact; '' for all of the family together.
    facts : tuple of str
        What was looked at.
    auc : Estimate
        Area under the ROC curve, the mean over each label against the others, out of
        fold by patient.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family
    name: str
    facts: tuple[str, ...]
    auc: Estimate


class Prober:
    """Predict the labels of a set from facts.

    Parameters
    ----------
    labels, patients : array-like of str, shape (n_scans,)
        Of each scan.
    n_resamples : int, at least 1
        Patient bootstraps of each interval.
    seed : int
        Of folds, forests and bootstraps.

    Attributes
    ----------
    rows : ndarray of int
        Scans whose label has at least `LEAST_PATIENTS` patients.
    """

    def __init__(
        self, labels: Any, patients: Any, *, n_resamples: int, seed: int
    ) -> None:
        every = pd.DataFrame({"label": labels, "patient": patients})
        n_patients = every.groupby("label")["patient"].nunique()
        many = n_patients.index[n_patients >= LEAST_PATIENTS]
        self.rows = np.flatnonzero(every["label"].isin(many))
        kept = every.iloc[self.rows]
        self._labels = kept["label"].to_numpy().astype(str)
        self._patients = kept["patient"].to_numpy().astype(str)
        self._n_resamples = n_resamples
        self._seed = seed

    @property
    def works(self) -> bool:
        """Whether there are two labels to be told apart."""
        return len(np.unique(self._labels)) > 1

    def together(self, family: Family, facts: pd.DataFrame) -> Probe | None:
        """Probe all facts of a family at once.

        Parameters
        ----------
        family : Family
            Where they come from; ``image`` is predicted by logistic regression.
        facts : DataFrame, n_scans rows
            Numbers or names.

        Returns
        -------
        probe : Probe or None
            None where there is nothing that differs.
        """
        return self._probe(family, "", facts)

    def alone(self, family: Family, facts: pd.DataFrame) -> list[Probe]:
        """Probe each fact of a family by itself; see `together`."""
        found = [self._probe(family, str(name), facts[[name]]) for name in facts]
        return [probe for probe in found if probe is not None]

    def _probe(self, family: Family, name: str, facts: pd.DataFrame) -> Probe | None:
        table = encode_facts(facts.iloc[self.rows])
        if table.empty or not self.works:
            return None
        make = _regression if family == "image" else _forest
        scores = self._held_out(table.to_numpy(), make)
        auc = self._area(scores)
        told = () if family == "image" else tuple(map(str, table.columns))
        return Probe(family=family, name=name, facts=told, auc=auc)

    def _held_out(self, table: Floats, make: Callable[[int, int], Any]) -> Floats:
        names = np.unique(self._labels)
        scores = np.zeros((len(table), len(names)))
        folds = inner_folds(
            self._labels, self._patients, n_folds=_FOLDS, seed=self._seed
        )
        for place, (train, test) in enumerate(folds):
            learner = make(len(train), derive_seed(self._seed, "shortcuts", place))
            learner.fit(table[train], self._labels[train])
            columns = np.searchsorted(names, learner.classes_)
            scores[np.ix_(test, columns)] = learner.predict_proba(table[test])
        return scores

    def _area(self, scores: Floats) -> Estimate:
        codes, n_patients = patient_codes(self._patients, len(scores))
        weights = patient_weights(
            n_patients, n_resamples=self._n_resamples, seed=self._seed
        )
        areas, draws = [], []
        for column, name in enumerate(np.unique(self._labels)):
            case, score = self._labels == name, scores[:, column]
            areas.append(float(roc_auc(case, score)[0]))
            draws.append(roc_auc(case, score, weights, codes))
        return bootstrap_estimate(float(np.mean(areas)), np.mean(draws, axis=0))


def _forest(n_scans: int, seed: int) -> Any:
    """Make a forest whose leaves hold half a percent of the scans, and two at least."""
    return RandomForestClassifier(
        _TREES, min_samples_leaf=max(2, n_scans // 200), random_state=seed
    )


def _regression(_n_scans: int, _seed: int) -> Any:
    """Make a regression for features: ridge, fixed, since many scans are few here."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=300))


def encode_facts(facts: pd.DataFrame) -> pd.DataFrame:
    """Turn facts into numbers that a tree can split.

    Parameters
    ----------
    facts : DataFrame
        Cells of text or numbers; None, NaN and '' where a fact is missing.

    Returns
    -------
    table : DataFrame of float32
        Numbers as they are, ISO dates in days, names by their place in the alphabet;
        NaN for what is missing, which a tree splits off too. Columns that never
        change are left out, and names that are no kinds but identifiers: more than
        20 of them, and more than a tenth of the scans.

    Examples
    --------
    >>> facts = pd.DataFrame({"mode": ["L", "RGB", "L"], "dpi": ["72", "", "96"],
    ...                       "same": ["x"] * 3})
    >>> encode_facts(facts).to_dict("list")
    {'mode': [0.0, 1.0, 0.0], 'dpi': [72.0, nan, 96.0]}
    """
    columns = {name: _numbers(facts[name]) for name in facts}
    kept = {
        name: column.to_numpy(dtype=np.float32)
        for name, column in columns.items()
        if column is not None and column.nunique(dropna=False) > 1
    }
    return pd.DataFrame(kept, index=facts.index)


def _numbers(column: pd.Series) -> pd.Series | None:
    text = column.where(column.astype(object) != "", None)
    given = text.dropna()
    numbers = pd.to_numeric(given, errors="coerce")
    if numbers.notna().all():
        return numbers.reindex(column.index).astype(float)
    dates = pd.to_datetime(
        given.astype(str), format="ISO8601", errors="coerce", utc=True
    )
    if dates.notna().all():
        days = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
        return days.reindex(column.index).astype(float)
    names = given.astype(str)
    if names.nunique() > max(_MOST_NAMES, len(column) // 10):
        return None
    codes, _ = pd.factorize(names, sort=True)
    return pd.Series(codes.astype(float), names.index).reindex(column.index)


def probe_all(
    prober: Prober,
    families: Mapping[Family, pd.DataFrame],
    *,
    alone: Sequence[Family] = ("file", "manifest", "expected", "pixels"),
) -> list[Probe]:
    """Probe each family together, and the facts of some alone.

    Parameters
    ----------
    prober : Prober
        Knows the labels.
    families : mapping of str to DataFrame, n_scans rows
        Facts by family.
    alone : sequence of str, optional
        Families whose facts are probed one by one as well.

    Returns
    -------
    probes : list of Probe
        Each family, followed by its facts.
    """
    found: list[Probe] = []
    for family, facts in families.items():
        whole = prober.together(family, facts)
        if whole is None:
            continue
        found.append(whole)
        if family in alone and len(whole.facts) > 1:
            found += prober.alone(family, facts[list(whole.facts)])
    return found
