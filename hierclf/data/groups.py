"""Columns of a manifest by which scans are parted into groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.data.manifest_csv import MASK_COLUMNS
from hierclf.foundation.choices import nearest
from hierclf.foundation.errors import InputError

AUTO = "auto"
NONE = "none"
MOST_VALUES = 10
"""Values of a column up to which each makes a group of its own."""

MISSING = "not given"
_OWN = frozenset({"path", "scan", "label", "patient_id", "split", *MASK_COLUMNS})


def parse_group(text: str) -> tuple[str, float | None]:
    """Read the name of a column, and behind a colon the width of its bands.

    Parameters
    ----------
    text : str
        ``sex``, or ``age:10``.

    Returns
    -------
    column : str
        Its name.
    width : float or None
        Of the bands; None where there are none.

    Raises
    ------
    InputError
        If the width is no positive number.

    Examples
    --------
    >>> parse_group("sex"), parse_group("age:10")
    (('sex', None), ('age', 10.0))
    """
    column, colon, told = text.partition(":")
    if not colon:
        return column, None
    width = _number(told)
    if not column or not 0 < width < math.inf:
        raise InputError(
            "subgroups: expected a column, or one with the width of its bands like "
            f"age:10, got {text!r}. Correct it."
        )
    return column, width


def groups_of(manifest: pd.DataFrame, asked: Sequence[str]) -> dict[str, list[str]]:
    """Name the group of each scan, column by column.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        Cells are text.
    asked : sequence of str
        Columns as `parse_group` reads them. ``auto`` stands for every column that is
        not the package's own and has 2 to `MOST_VALUES` values or consists of
        numbers (but for whole ones that are all different, which are names of
        something); ``none`` for none.

    Returns
    -------
    groups : dict of str to list of str, each of length n_scans
        Numbers with more than `MOST_VALUES` values are parted in quarters of about as
        many scans, or in bands where a width is given. Empty cells make the group
        ``not given``.

    Raises
    ------
    InputError
        If there is no such column, it has too many values, or bands are asked of what
        is no number.

    Examples
    --------
    >>> table = pd.DataFrame({"path": ["a", "b", "c"], "age": ["39", "40", "61"]})
    >>> groups_of(table, ["age:20"])
    {'age': ['20 to 39', '40 to 59', '60 to 79']}
    """
    others = [name for name in manifest.columns if name not in _OWN]
    found: dict[str, list[str]] = {}
    for text in asked:
        if text == AUTO:
            found |= {
                name: cells for name in others if (cells := _tried(manifest, name))
            }
        elif text != NONE:
            column, width = parse_group(text)
            if column not in others:
                raise InputError(
                    f"subgroups: expected a further column of the manifest, got "
                    f"{column!r}. {nearest(column, others)}"
                )
            found[column] = _parted(manifest, column, width)
    return found


def _tried(manifest: pd.DataFrame, column: str) -> list[str]:
    """Part the scans by a column; empty where it makes no groups."""
    try:
        cells = _parted(manifest, column, None)
    except InputError:
        return []
    told = [cell for cell in manifest[column].fillna("") if cell]
    named = len(set(told)) == len(told) > MOST_VALUES and all(map(str.isdigit, told))
    return cells if len(set(cells)) > 1 and not named else []


def _parted(manifest: pd.DataFrame, column: str, width: float | None) -> list[str]:
    cells = [str(cell).strip() for cell in manifest[column].fillna("")]
    given = np.array([bool(cell) for cell in cells])
    values = sorted({cell for cell in cells if cell})
    numbers = np.array([_number(cell) for cell in cells])
    if width is None and len(values) <= MOST_VALUES:
        return [cell or MISSING for cell in cells]
    if strange := [v for v in values if not math.isfinite(_number(v))]:
        rule = f"at most {MOST_VALUES} values" if width is None else "numbers only"
        raise InputError(
            f"subgroups, {column}: expected {rule}, got {len(values)}, such as "
            f"{strange[0]!r}. Name another column."
        )
    cut: Callable[[NDArray[np.float64]], list[str]]
    cut = _quarters if width is None else lambda some: _bands(some, width)
    named = iter(cut(numbers[given]))
    return [next(named) if told else MISSING for told in given]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _bands(values: NDArray[np.float64], width: float) -> list[str]:
    lows = np.floor(values / width) * width
    whole = width.is_integer() and bool((values == np.floor(values)).all())
    if whole:
        return [f"{low:g} to {low + width - 1:g}" for low in lows]
    return [f"{low:g} to below {low + width:g}" for low in lows]


def _quarters(values: NDArray[np.float64]) -> list[str]:
    edges = np.quantile(values, [0.25, 0.5, 0.75])
    places = np.searchsorted(edges, values, side="left")
    names = {}
    for place in np.unique(places):
        mine = values[places == place]
        names[int(place)] = f"{mine.min():g} to {mine.max():g}"
    return [names[int(place)] for place in places]
