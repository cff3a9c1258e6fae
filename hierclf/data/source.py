"""What a data set is read from, with everything found wrong in it so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hierclf.data.csv_table import Trouble
from hierclf.foundation.errors import InputError, join_troubles

SPLITS = ("train", "val", "test")
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def split_name(text: str) -> str:
    """Give the name of a split its usual form.

    Parameters
    ----------
    text : str
        A folder name or a cell, in any case.

    Returns
    -------
    name : str
        ``train``, ``val`` or ``test``; '' where it is none of them.

    Examples
    --------
    >>> split_name("Validation"), split_name("normal")
    ('val', '')
    """
    return _SPLIT_NAMES.get(text.strip().casefold(), "")


@dataclass
class Source:
    """Rows under way from folders or a file to a data set.

    Parameters
    ----------
    root : Path
        Folder that the scans lie in, absolute and without symbolic links.
    frame : DataFrame of str
        Columns ``path``, ``scan``, ``label`` ('' where unknown) and what else
        was given. Its index orders the troubles.
    file : str
        Name of the manifest; '' where folders were read.
    troubles : list of (int, str)
        What is wrong, each with the row that it belongs to.
    remarks : list of str
        What the user should be told once.
    """

    root: Path
    frame: pd.DataFrame
    file: str = ""
    troubles: list[Trouble] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def complain(self, row: int, rule: str) -> None:
        """Note that a row breaks a rule.

        Parameters
        ----------
        row : int
            Its label in the index of `frame`.
        rule : str
            ``expected ..., got .... <next step>``.
        """
        scan = self.frame["scan"][row]
        place = f"{self.file}, row {row}" if self.file else f"scan {scan!r}"
        self.troubles.append((row, f"{place}: {rule}"))

    def cells(self, column: str) -> Iterable[tuple[int, str]]:
        """Walk over a column.

        Parameters
        ----------
        column : str
            Its name.

        Returns
        -------
        cells : iterable of (int, str)
            Row and text.
        """
        return zip(self.frame.index.tolist(), self.frame[column].tolist(), strict=True)

    def put(self, column: str, cells: list[str]) -> None:
        """Set a column.

        Parameters
        ----------
        column : str
            Its name, new or there already.
        cells : list of str
            One text for each row.
        """
        # object, not str: Arrow strings cannot hold names that are no UTF-8
        self.frame[column] = pd.Series(cells, index=self.frame.index, dtype=object)

    def refuse_troubles(self) -> None:
        """Stop if anything was wrong.

        Raises
        ------
        InputError
            With all troubles in the order of their rows.
        """
        if self.troubles:
            ordered = sorted(self.troubles, key=lambda trouble: trouble[0])
            raise InputError(join_troubles([message for _, message in ordered]))
