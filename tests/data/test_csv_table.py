"""Tables of text: delimiters, encodings, row numbers, formulas."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hierclf.data.csv_table import (
    escape_cell,
    read_table,
    unescape_cell,
    write_table,
)
from hierclf.foundation.errors import InputError, ResourceError

FILE_TEXT = st.binary(max_size=12).map(
    lambda content: content.replace(b"\0", b"").decode("utf-8", "surrogateescape")
)


def save(folder: Path, content: str | bytes) -> Path:
    path = folder / "manifest.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_delimiters_line_ends_and_marks_are_read_as_pandas_reads_them(
    tmp_path: Path, delimiter: str, line_end: str, mark: bytes
) -> None:
    """Fault 50: BOM, CRLF and other delimiters."""
    rows = ["path|label|age", "a b.png|kl0|007", 'ü.png|"x, y; z"|', "c.png|NA|1e5"]
    text = line_end.join(row.replace("|", delimiter) for row in rows) + line_end
    table = read_table(save(tmp_path, mark + text.encode()), key="path")
    expected = pd.read_csv(
        io.StringIO(text), sep=delimiter, dtype=object, keep_default_na=False
    )
    assert list(table.frame.columns) == ["path", "label", "age"]
    assert table.frame.to_numpy().tolist() == expected.to_numpy().tolist()
    assert table.frame["age"].tolist() == ["007", "", "1e5"]
    assert table.troubles == []


def test_the_delimiter_is_the_one_that_shows_the_key(tmp_path: Path) -> None:
    text = "label, with, commas;path\nx;a.png\n"
    table = read_table(save(tmp_path, text), key="path")
    assert table.frame["path"].tolist() == ["a.png"]


def test_without_the_key_the_delimiter_is_the_one_with_most_cells(
    tmp_path: Path,
) -> None:
    table = read_table(save(tmp_path, "file;label;id\na.png;x;1\n"), key="path")
    assert list(table.frame.columns) == ["file", "label", "id"]


def test_row_numbers_are_those_of_a_spreadsheet(tmp_path: Path) -> None:
    text = 'path,note\na.png,"two\nlines"\n\n,\nb.png,\n'
    frame = read_table(save(tmp_path, text), key="path").frame
    assert frame["path"].to_dict() == {2: "a.png", 5: "b.png"}
    assert frame["note"][2] == "two\nlines"


def test_a_header_may_stand_below_blank_lines_and_hold_quoted_line_ends(
    tmp_path: Path,
) -> None:
    frame = read_table(save(tmp_path, '\n\npath;"a\nb"\nx;y\n'), key="path").frame
    assert frame.to_dict() == {"path": {4: "x"}, "a\nb": {4: "y"}}


def test_rows_of_another_width_are_troubles(tmp_path: Path) -> None:
    table = read_table(save(tmp_path, "path,label\na,b,c\nd\ne,f\n"), key="path")
    assert [row for row, _ in table.troubles] == [2, 3]
    assert table.troubles[0][1].startswith(
        "manifest.csv, row 2: expected 2 cells as in the header, got 3."
    )
    assert table.frame.to_numpy().tolist() == [["a", "b"], ["d", ""], ["e", "f"]]


def test_a_duplicate_header_is_named(tmp_path: Path) -> None:
    """Fault 50: duplicate header."""
    with pytest.raises(InputError, match=r"row 1: .*different .*got 'label' 3 times"):
        read_table(save(tmp_path, "path,label,label, label\n"), key="path")


def test_columns_without_a_name_are_left_out(tmp_path: Path) -> None:
    frame = read_table(save(tmp_path, ",path,,\n0,a.png,,\n"), key="path").frame
    assert frame.to_dict() == {"path": {2: "a.png"}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "expected a header with a column 'path', got an empty file"),
        (b"\n \n", "expected a header with a column 'path', got an empty file"),
        ("path,label\n".encode("utf-16"), "expected text in UTF-8, got UTF-16"),
        ("path,label\n".encode("utf-16-le"), "expected text in UTF-8, got UTF-16"),
        (b'path,label\na,"b\nc,d\n', "row 2: expected a CSV row, got unexpected end"),
        (b'path,label\na,b\nc,"d"e\n', "row 3: expected a CSV row, got ',' expected"),
    ],
)
def test_what_is_no_table_is_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        read_table(save(tmp_path, content), key="path")


def test_what_the_system_does_not_read_is_a_resource_error(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"read .*: the system answered"):
        read_table(tmp_path, key="path")


@pytest.mark.parametrize("cell", ["=cmd", "+1", "-x.png", "@a", "\tq", "\rq", "\nq"])
def test_no_cell_starts_like_a_formula_in_the_file(tmp_path: Path, cell: str) -> None:
    """Fault 46: '=cmd' and leading '-'."""
    path = tmp_path / "table.csv"
    write_table(path, ["path"], [[cell]])
    raw = path.read_bytes().decode().split("path\r\n")[1].lstrip('"')
    assert raw.startswith("'")
    assert read_table(path, key="path").frame["path"].tolist() == [cell]


def test_an_apostrophe_of_somebody_else_is_kept() -> None:
    assert unescape_cell("'t Hooft") == "'t Hooft"


@settings(deadline=None)
@given(st.text())
def test_escaping_is_undone_exactly(cell: str) -> None:
    assert unescape_cell(escape_cell(cell)) == cell


@settings(deadline=None)
@given(st.lists(st.tuples(FILE_TEXT, FILE_TEXT), min_size=1, max_size=6))
def test_any_text_is_read_back(rows: list[tuple[str, str]]) -> None:
    """Fault 46: names with any bytes, the line ends of all systems included."""
    cells = [[f"{key}.", other] for key, other in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, ["path", "other"], cells)
        assert read_table(path, key="path").frame.to_numpy().tolist() == cells
        content = path.read_bytes().decode("utf-8", "surrogateescape")
    foreign = list(csv.reader(io.StringIO(content, newline="")))
    assert [[unescape_cell(c) for c in row] for row in foreign[1:]] == cells
