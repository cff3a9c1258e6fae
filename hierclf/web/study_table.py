"""Studies as a table: CSV that a spreadsheet opens and does not run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from hierclf.data.csv_table import escape_cell
from hierclf.web.rendering import iso
from hierclf.web.study_rows import StudyRow

_FIRST = ("id", "name", "status", "code", "decision", "label", "action")
_NUMBERS = ("screen_score", "cut_point")
_LAST = ("sha256", "bundle", "uploaded_utc", "finished_utc", "message")


def table_of(rows: Iterable[StudyRow], labels: Sequence[str]) -> Iterator[str]:
    r"""Write studies as CSV, a line at a time.

    Parameters
    ----------
    rows : iterable of StudyRow
        In their order.
    labels : sequence of str
        Each has a column with its probability.

    Yields
    ------
    line : str
        The head first.

    Examples
    --------
    >>> next(table_of([], ["healthy"])).split(",")[7:10]
    ['screen_score', 'cut_point', 'p_healthy']
    """
    yield _line([*_FIRST, *_NUMBERS, *(f"p_{one}" for one in labels), *_LAST])
    for row in rows:
        yield _line(_cells(row, labels))


def _cells(row: StudyRow, labels: Sequence[str]) -> list[str]:
    found = row.result.get("probabilities", {})
    numbers = [row.screen_score, row.result.get("cut_point")]
    numbers += [found.get(label) for label in labels]
    return [
        *(row.id, row.name, row.status, row.code, row.decision, row.label, row.action),
        *("" if one is None else f"{one:.9g}" for one in numbers),
        *(row.sha256, row.bundle, iso(row.created_ms)),
        *(iso(row.finished_ms) if row.finished_ms else "", row.message),
    ]


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(map(escape_cell, cells))
    return text.getvalue()
