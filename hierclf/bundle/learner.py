"""Learners on feature tables as skops files: audited, and only then built.

A skops file is a ZIP of arrays and of a schema that names the types to build. Here
both the types and the ways of building them must be on lists that stand in this
file. What skops trusts by itself is far more, and what a file asks for does not
count. No type on the list is compiled; see `hierclf.bundle.compiled`.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UnsupportedTypeException

from hierclf.bundle.compiled import from_plain, to_plain
from hierclf.bundle.strict_json import refuse, strict_json
from hierclf.foundation.errors import BundleError, InputError
from hierclf.metalearners.learners import find_learner

LEARNERS = frozenset(
    {
        "sklearn.calibration.CalibratedClassifierCV",
        "sklearn.decomposition._pca.PCA",
        "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
        "sklearn.dummy.DummyClassifier",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._gb.GradientBoostingClassifier",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.naive_bayes.GaussianNB",
        "sklearn.neighbors._classification.KNeighborsClassifier",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.svm._classes.LinearSVC",
        "sklearn.svm._classes.SVC",
        "sklearn.tree._classes.DecisionTreeClassifier",
    }
)
"""Estimators that a bundle may hold, by the names of their classes."""

_INNER = frozenset(
    {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
        "sklearn.isotonic.IsotonicRegression",
        "sklearn.tree._classes.DecisionTreeRegressor",
    }
)
_PLAIN = frozenset(
    {
        *(f"builtins.{name}" for name in ("bool", "dict", "float", "int", "list")),
        *(f"builtins.{name}" for name in ("str", "tuple")),
        *(f"numpy.{name}" for name in ("bool", "float32", "float64", "int64")),
        *(f"numpy.{name}" for name in ("ndarray", "str_")),
    }
)
_TYPES = LEARNERS | _INNER | _PLAIN
_LOADERS = frozenset(
    {
        *("DictNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode"),
        *("CachedNode", "TupleNode", "TypeNode"),
    }
)
_PROTOCOL = 2  # older ones have loaders that were not read for this list


def dump_learner(where: str, estimator: Any) -> bytes:
    """Write a fitted estimator as a skops file.

    Parameters
    ----------
    where : str
        The stage, for the message.
    estimator : classifier
        Fitted, made of `LEARNERS`.

    Returns
    -------
    content : bytes
        That `load_learner` accepts.

    Raises
    ------
    InputError
        If it holds something that `load_learner` would refuse.
    """
    try:
        content: bytes = skops.io.dumps(to_plain(estimator))
        with zipfile.ZipFile(BytesIO(content)) as archive:
            strange = _strangers(json.loads(archive.read("schema.json")))
    except UnsupportedTypeException:
        strange = {type(estimator).__name__}
    if strange:
        known = ", ".join(sorted(name.rsplit(".", 1)[1] for name in LEARNERS))
        raise InputError(
            f"{where}: expected a network or a learner made of {known}, got "
            f"{', '.join(sorted(strange))}. Use one of these, with whole numbers as "
            "seeds."
        )
    return content


def load_learner(name: str, content: bytes) -> Any:
    """Build an estimator from a skops file that anybody may have written.

    Parameters
    ----------
    name : str
        File, for the message.
    content : bytes
        Its bytes.

    Returns
    -------
    estimator : classifier
        Fitted.

    Raises
    ------
    BundleError
        If the file is no skops file, asks for a type or a way of building that
        is not on the list, or holds arrays that do not fit each other.
    """
    with refusing_anything(name, "a skops file"):
        _refuse_strange(name, _strangers(_schema(name, content)))
        untrusted = set(skops.io.get_untrusted_types(data=content))
        _refuse_strange(name, untrusted - _TYPES)
        return from_plain(skops.io.loads(content, trusted=sorted(_TYPES)))


def check_parts(parts: Any, name: str, n_classes: int) -> tuple[Pipeline, Any]:
    """Check that a learner on features is one, as far as its use goes.

    Parameters
    ----------
    parts : object
        From `load_learner`.
    name : str
        The learner that it should be, by `hierclf.metalearners.learners.LEARNERS`.
    n_classes : int
        Classes that it should decide between.

    Returns
    -------
    learner : Pipeline
        On class positions.
    calibrator : LogisticRegression
        Its scores to probabilities of all classes.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is something else.
    InputError
        If there is no learner of that name.
    """
    learner, calibrator = parts["learner"], parts["calibrator"]
    expected = type(find_learner(name).make(0))
    positions = list(range(n_classes))
    fits = (
        type(learner) is Pipeline
        and type(learner[-1]) is expected
        and learner[-1].classes_.tolist() == positions
        and _is_regression(calibrator, n_classes)
    )
    if not fits:
        raise ValueError(f"no {name} of {n_classes} classes")
    return learner, calibrator


def check_combiner(combiner: Any, n_members: int, n_classes: int) -> Any:
    """Check that what combines a stack does, as far as its use goes.

    Parameters
    ----------
    combiner : object
        From `load_learner`.
    n_members, n_classes : int
        Of the stack.

    Returns
    -------
    combiner : LogisticRegression
        On logarithms of the members' probabilities.

    Raises
    ------
    ValueError, AttributeError
        If it is something else.
    """
    n_logs = n_members * n_classes
    if not _is_regression(combiner, n_classes) or combiner.coef_.shape[1] != n_logs:
        raise ValueError(f"no combination of {n_members} times {n_classes}")
    return combiner


def _is_regression(learner: Any, n_classes: int) -> bool:
    """Whether it is a logistic regression on class positions, and finite."""
    n_rows = 1 if n_classes == 2 else n_classes
    return (
        type(learner) is LogisticRegression
        and learner.classes_.tolist() == list(range(n_classes))
        and learner.coef_.ndim == 2
        and len(learner.coef_) == n_rows
        and learner.intercept_.shape == (n_rows,)
        and bool(np.isfinite(learner.coef_).all())
        and bool(np.isfinite(learner.intercept_).all())
    )


def _refuse_strange(name: str, strange: set[str]) -> None:
    if strange:
        raise refuse(name, "known types only", ascii(", ".join(sorted(strange))))


@contextmanager
def refusing_anything(where: str, expected: str) -> Iterator[None]:
    """Turn whatever foreign content makes a parser raise into a `BundleError`.

    Parameters
    ----------
    where : str
        File, for the message.
    expected : str
        What it should have been.

    Raises
    ------
    BundleError
        Which names the exception but does not quote it.
    """
    try:
        yield
    except BundleError:
        raise
    except Exception as error:  # the border of one file
        raise refuse(where, expected, type(error).__name__) from error


def _schema(name: str, content: bytes) -> Any:
    """Read the schema, and refuse what unpacks to more than it is."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
        total = sum(member.file_size for member in members)
        if not stored or total > len(content) or len(set(names)) != len(names):
            raise refuse(name, "different members, stored as they are", "others")
        odd = [n for n in names if not re.fullmatch(r"schema\.json|\d+\.npy", n)]
        if odd:
            raise refuse(name, "arrays and a schema", ascii(odd[0]))
        schema = strict_json(name, archive.read("schema.json"))
    if schema.get("protocol") != _PROTOCOL:
        raise refuse(name, f"skops protocol {_PROTOCOL}", schema.get("protocol"))
    return schema


def _strangers(node: Any) -> set[str]:
    """Collect the types and loaders of a schema that are not on the lists."""
    if isinstance(node, list):
        return set().union(*map(_strangers, node))
    if not isinstance(node, dict):
        return set()
    found = set().union(*map(_strangers, node.values()))
    if "__class__" in node or "__module__" in node:
        found.add(f"{node.get('__module__')}.{node.get('__class__')}")
    if "__loader__" in node:
        found.add(str(node["__loader__"]))
    return found - _TYPES - _LOADERS
