"""Tables of text in CSV files: read with the row numbers of a spreadsheet.

Every cell stays text, so that patient ``007`` is not patient 7. Bytes that are
no UTF-8 are kept by ``surrogateescape``: a manifest can name a file whose name
is no UTF-8. A cell that a spreadsheet would run as a formula is written with an
apostrophe in front, and read back without it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hierclf.foundation.errors import InputError, join_troubles
from hierclf.foundation.files import explain_os_error, write_text

_FORMULA_STARTS = tuple("=+-@\t\r\n'")
_DELIMITERS = ",;\t"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

Record = tuple[int, list[str]]
Trouble = tuple[int, str]
"""Row number and the complete message about that row."""


@dataclass(frozen=True)
class Table:
    """The cells of a CSV file.

    Parameters
    ----------
    name : str
        Name of the file, for messages.
    frame : DataFrame of str
        One row for each row of the file that is not blank. The index is the
        row number as a spreadsheet shows it; the header is row 1. Columns
        without a name are left out.
    troubles : list of (int, str)
        Rows with too many or too few cells; they stand in `frame` cut or
        filled up with ''.
    """

    name: str
    frame: pd.DataFrame
    troubles: list[Trouble]


_NEGATIVE = re.compile(r"-\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)


def escape_cell(cell: str) -> str:
    """Keep a spreadsheet from running a cell as a formula.

    Parameters
    ----------
    cell : str
        Any text.

    Returns
    -------
    safe : str
        With an apostrophe in front where the text starts like a formula (or
        with an apostrophe, so that `unescape_cell` is its exact inverse). A plain
        negative number is none.

    Examples
    --------
    >>> escape_cell("=cmd"), escape_cell("scan.png")
    ("'=cmd", 'scan.png')
    >>> escape_cell("-0.5"), escape_cell("-1+2")
    ('-0.5', "'-1+2")
    """
    if _NEGATIVE.fullmatch(cell):
        return cell
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def unescape_cell(cell: str) -> str:
    """Undo `escape_cell`.

    Parameters
    ----------
    cell : str
        A cell of a file, written by this package or by somebody else.

    Returns
    -------
    text : str
        Without the apostrophe that `escape_cell` put in front.
    """
    escaped = cell.startswith("'") and cell[1:].startswith(_FORMULA_STARTS)
    return cell[1:] if escaped else cell


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Write a CSV file whole or not at all.

    Parameters
    ----------
    path : Path
        Final name; its folder exists.
    columns : sequence of str
        The header.
    rows : iterable of sequence of str
        The cells; formulas are escaped.

    Raises
    ------
    ResourceError
        If it cannot be written.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows([escape_cell(cell) for cell in row] for row in rows)
    write_text(path, stream.getvalue())


def read_table(path: Path, *, key: str) -> Table:
    """Read a CSV file: UTF-8 with or without BOM, any line ends, ``,`` ``;`` or tab.

    Parameters
    ----------
    path : Path
        File to read.
    key : str
        A column that it should have: the delimiter is the one that shows it,
        or the one that splits the header into most cells.

    Returns
    -------
    table : Table
        Its cells, unescaped.

    Raises
    ------
    InputError
        If it is empty, no CSV, no UTF-8, or a column name stands twice.
    ResourceError
        If the system does not let it be read.
    """
    text = _read_text(path)
    delimiter = _delimiter(text, key)
    records = _records(path.name, text, delimiter)
    filled = [(row, cells) for row, cells in records if _is_filled(cells)]
    if not filled:
        raise InputError(
            f"{path.name}: expected a header with a column {key!r}, got an empty "
            "file. Write one row for each scan below a header."
        )
    (_, header), *rows = filled
    names = [name.strip() for name in header]
    _check_header(path.name, names)
    troubles = [
        (
            row,
            f"{path.name}, row {row}: expected {len(names)} cells as in the header, "
            f"got {len(cells)}. Quote cells that hold a {delimiter!r}.",
        )
        for row, cells in rows
        if len(cells) != len(names)
    ]
    return Table(path.name, _frame(names, rows), troubles)


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: expected a CSV file, got no such file. Check the path."
        ) from error
    except OSError as error:
        raise explain_os_error(f"read {path.name}", error) from error
    if content.startswith(_UTF16_MARKS) or b"\0" in content:
        raise InputError(
            f"{path.name}: expected text in UTF-8, got UTF-16 or binary content. "
            "Save it as 'CSV UTF-8'."
        )
    return content.decode("utf-8-sig", "surrogateescape")


def _records(name: str, text: str, delimiter: str) -> list[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[Record] = []
    try:
        for row, cells in enumerate(reader, start=1):
            records.append((row, cells))
    except csv.Error as error:
        raise InputError(
            f"{name}, row {len(records) + 1}: expected a CSV row, got {error}. "
            "Close every quotation mark and write one inside a cell twice."
        ) from error
    return records


def _delimiter(text: str, key: str) -> str:
    def fitness(delimiter: str) -> tuple[bool, int]:
        names = [name.strip() for name in _header(text, delimiter)]
        return key in names, len(names)

    return max(_DELIMITERS, key=fitness)


def _header(text: str, delimiter: str) -> list[str]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return next(filter(_is_filled, reader), [])
    except csv.Error:
        return []


def _is_filled(cells: list[str]) -> bool:
    return any(map(str.strip, cells))


def _check_header(file: str, names: list[str]) -> None:
    twins = sorted({name for name in names if name and names.count(name) > 1})
    troubles = [
        f"{file}, row 1: expected different column names, got {name!r} "
        f"{names.count(name)} times. Rename or delete one."
        for name in twins
    ]
    if troubles:
        raise InputError(join_troubles(troubles))


def _frame(names: list[str], rows: list[Record]) -> pd.DataFrame:
    width = len(names)
    cells = [
        [unescape_cell(c) for c in (*row, *[""] * width)][:width] for _, row in rows
    ]
    # object, not str: Arrow strings cannot hold names that are no UTF-8
    frame = pd.DataFrame(
        cells, columns=names, index=[row for row, _ in rows], dtype=object
    )
    return frame.loc[:, [name != "" for name in names]]
