"""Rows of a result: one for each file, with a score or with a reason.

``decision`` is ``healthy`` or ``diseased``, by the cut point; ``label`` is the label
that was decided on. They are taken from the full score and not from the six digits
in the file. ``view_spread`` is the standard deviation of the screen's score over the
views of the scan. Where lungs are cut out first, ``lungs_found`` is ``yes``, or ``no``
where there were none and the frame was seen whole. Where only diseased scans are
refined, ``refined`` says so of each. What the guards of a bundle say stands behind it:
``action`` (``accept``, ``reader`` or ``out_of_scope``), and the numbers behind that.

``runtime`` and ``bundle`` are the same in all rows of a file: last digits differ
between runtimes, and in bfloat16 a decision may.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hierclf.cascade.decisions import Decisions
from hierclf.cascade.guards import Guarded, guard_columns
from hierclf.data.csv_table import escape_cell
from hierclf.problem.labels import Hierarchy
from hierclf.scoring.reading import UNREAD, Reading
from hierclf.segmentation.masks import word_of

N_DIGEST = 16
"""Hexadecimal digits of the bundle's digest that stand in each row."""
_NO_LUNGS = word_of(found=False)
Row = list[str]
UNSCORED = "E_SCORE"
"""Code of a scan that was read but could not be scored."""
COPY = "an earlier row is of an equal file"
LAST = ("runtime", "bundle", "sha256", "message")
"""The last columns of every file of rows."""


@dataclass(frozen=True)
class RowFormat:
    """How the rows of one bundle look.

    Parameters
    ----------
    hierarchy : Hierarchy
        Its labels give a column of probabilities each, healthy first.
    digest : str
        Of the bundle; its start stands in each row.
    runtime : str
        What runs its networks.
    guards : tuple of str, default=()
        Columns that its guards fill.
    lungs : bool, default=False
        Whether lungs are cut out first; there is then a column that tells in which
        scans they were found.
    refine_healthy : bool, default=True
        Whether healthy scans have probabilities of diseased labels, too; their cells
        are empty otherwise, and a column tells which scans were refined.
    """

    hierarchy: Hierarchy[Any]
    digest: str
    runtime: str
    guards: tuple[str, ...] = ()
    lungs: bool = False
    refine_healthy: bool = True

    @property
    def columns(self) -> Row:
        """Names of the columns, in their order."""
        probabilities = [f"p_{label}" for label in self.hierarchy.labels]
        first = ["path", "status", "code", "screen_score", "decision", "label"]
        refined = [] if self.refine_healthy else ["refined"]
        seen = ["view_spread", *(["lungs_found"] if self.lungs else []), *self.guards]
        return [*first, *probabilities, *refined, *seen, *LAST]

    @property
    def origin(self) -> dict[str, str]:
        """The cells that all rows share, by column."""
        return {"runtime": self.runtime, "bundle": self.digest[:N_DIGEST]}

    def action_of(self, row: Row) -> str:
        """Give what the guards say to do with a row; '' where they say nothing."""
        return row[self.columns.index("action")] if "action" in self.guards else ""

    def is_whole(self, row: Row) -> bool:
        """Tell whether no lungs were found in the scan of a row."""
        return self.lungs and row[self.columns.index("lungs_found")] == _NO_LUNGS

    def scored(
        self, reading: Reading, told: Decisions, guarded: Guarded | None, place: int
    ) -> Row:
        """Write the row of a scan that has a score.

        Parameters
        ----------
        reading : Reading
            The scan.
        told : Decisions
            Of the scans that it was scored with.
        guarded : Guarded or None
            What the guards say of these.
        place : int
            Its place among them.

        Returns
        -------
        row : list of str
            Numbers with nine significant digits; nothing where a healthy scan was
            not refined.
        """
        decided = int(told.decided[place])
        row = told.probabilities[place]
        probabilities = ["" if np.isnan(p) else _digits(p) for p in row]
        whole = "no" if "" in probabilities else "yes"
        refined = [] if self.refine_healthy else [whole]
        spread = "" if told.view_spread is None else _digits(told.view_spread[place])
        return [
            *(reading.path, "ok", "", _digits(told.screen_score[place])),
            "diseased" if decided else "healthy",
            str(self.hierarchy.labels[decided]),
            *(*probabilities, *refined, spread),
            *([reading.lungs_found] if self.lungs else []),
            *self._guard_cells(guarded, place),
            *(*self.origin.values(), reading.sha256, ""),
        ]

    def _guard_cells(self, guarded: Guarded | None, place: int) -> Row:
        if guarded is None:
            return [""] * len(self.guards)
        columns = guard_columns(guarded, self.hierarchy)
        cells = [columns[name][place] for name in self.guards]
        return [str(c) if isinstance(c, str) else _digits(c) for c in cells]

    def failed(self, reading: Reading, code: str, message: str) -> Row:
        """Write the row of a file that has no score.

        Parameters
        ----------
        reading : Reading
            The file.
        code : str
            Stable name of the reason. Status is ``error`` for what the machine
            is to blame for and for what nobody foresaw, else ``rejected``.
        message : str
            What was expected and what was found.

        Returns
        -------
        row : list of str
            Without scores.
        """
        unforeseen = code in UNREAD or reading.pixels is not None
        status = "error" if unforeseen else "rejected"
        cells = [reading.path, status, code]
        empty = [""] * (len(self.columns) - len(cells) - len(LAST))
        return [*cells, *empty, *self.origin.values(), reading.sha256, message]


def is_digest(cell: str) -> bool:
    """Tell whether a cell holds a SHA-256, or nothing for a file that was not read."""
    return not cell or re.fullmatch("[0-9a-f]{64}", cell) is not None


def start_of(digest: str) -> int:
    """Give the first 64 bits of a SHA-256; zero for none."""
    return int(digest[:16] or "0", 16)


def flag_copies(rows: Iterable[Row], seen: set[int]) -> None:
    """Say in a row that an earlier one is of an equal file.

    Parameters
    ----------
    rows : iterable of list of str
        Their last cell, the message, is filled where it is empty.
    seen : set of int
        First 64 bits of the SHA-256 of each file so far; these are added.
    """
    for row in rows:
        *_, digest, message = row
        if digest:
            number = start_of(digest)
            if number in seen and not message:
                row[-1] = COPY
            seen.add(number)


def _digits(number: np.float64) -> str:
    return format(float(number), ".9g")


def to_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """Turn rows into the bytes of CSV records, formulas escaped."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerows([escape_cell(cell) for cell in row] for row in rows)
    return stream.getvalue().encode("utf-8", "surrogateescape")
