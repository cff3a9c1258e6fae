"""Rows of all shards of a folder in one file, or a reason why not.

Which shard a file holds stands in its name, and each row proves it: its scan belongs
to one shard only. So nothing but the files is needed, and nothing in them is believed:
a shard that is missing, unfinished, renamed, cut within a row or of another bundle or
runtime is refused. Whole rows that somebody took out of one are not missed.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hierclf.data.csv_table import unescape_cell
from hierclf.foundation.errors import InputError, join_troubles
from hierclf.foundation.files import explain_os_error
from hierclf.scoring.journal import lock_of, open_journal, part_of, refuse_existing
from hierclf.scoring.kept import cells_of, records
from hierclf.scoring.options import MergeOptions, MergeSummary, check_name
from hierclf.scoring.rows import COPY, LAST, Row, flag_copies, is_digest
from hierclf.scoring.shards import Shard, parse_shard

_AT_ONCE = 256
_ORIGIN = slice(-len(LAST), -len(LAST) + 2)


class _Place(NamedTuple):
    """Where a row stands; sorted by the name of its scan."""

    path: str
    shard: int
    start: int
    end: int


def merge_shards(options: MergeOptions) -> MergeSummary:
    """Write the rows of all shards to one file, in the sorted order of the names.

    The file is that of a run on the whole folder, to the byte, where machine, threads
    and batch size were the same. Rows are not held in memory: of each, the name and
    its place in a file.

    Parameters
    ----------
    options : MergeOptions
        The file to write, which also names the shards.

    Returns
    -------
    summary : MergeSummary
        Counts.

    Raises
    ------
    InputError
        If the output exists, a shard is missing or unfinished, there are shards of
        different divisions, or one is of another bundle or runtime, or not what its
        name says.
    ResourceError
        If files cannot be read or written.
    """
    check_name(options.out)
    with lock_of(options.out), ExitStack() as stack:
        if not options.overwrite:
            refuse_existing(options.out, "Add --overwrite to")
        shards = find_shards(options.out)
        paths = [shard.file_of(options.out) for shard in shards]
        try:
            streams = [stack.enter_context(path.open("rb")) for path in paths]
        except OSError as error:
            raise explain_os_error("open the shards", error) from error
        columns, places = _index(shards, paths, streams)
        codes: Counter[str] = Counter()
        seen: set[int] = set()
        with open_journal(options.out, columns, 0) as journal:
            for rows in _rows(places, streams):
                flag_copies(rows, seen)
                codes.update(row[2] for row in rows)
                journal.append(rows)
            journal.finish()
    failed = {code: n for code, n in sorted(codes.items()) if code}
    return MergeSummary(n_shards=len(shards), n_ok=codes[""], n_failed=failed)


def find_shards(out: Path) -> list[Shard]:
    """Find the shards beside a file by their names.

    Parameters
    ----------
    out : Path
        What they are shards of.

    Returns
    -------
    shards : list of Shard
        All of one division, each finished.

    Raises
    ------
    InputError
        If there is none, one is missing or unfinished, or divisions are mixed.
    ResourceError
        If the folder cannot be listed.
    """
    try:
        names = set(os.listdir(out.parent))
    except OSError as error:
        raise explain_os_error(f"list {out.parent}", error) from error
    form = re.compile(
        rf"{re.escape(out.stem)}\.(\d+)-of-(\d+){re.escape(out.suffix)}(?:\.part)?",
        re.ASCII,
    )
    matches = filter(None, map(form.fullmatch, names))
    found = {Shard(int(match[1]), int(match[2])) for match in matches}
    for shard in found:
        parse_shard(str(shard))
    divisions = sorted({shard.of for shard in found})
    if len(divisions) != 1:
        told = ", ".join(map(str, divisions)) or "none"
        raise InputError(
            f"{out}: expected shards {out.stem}.K-of-N{out.suffix} of one N beside it, "
            f"got N: {told}. Move files of other divisions away."
        )
    shards = [Shard(number, divisions[0]) for number in range(1, divisions[0] + 1)]
    _refuse_unfinished(out, shards, names)
    return shards


def _refuse_unfinished(out: Path, shards: list[Shard], names: set[str]) -> None:
    troubles = []
    for shard in shards:
        path = shard.file_of(out)
        state = "none" if path.name not in names else ""
        state = "an unfinished one" if part_of(path).name in names else state
        if state:
            troubles.append(
                f"{path.name}: expected a finished shard, got {state}. Run hierclf "
                f"score with --shard {shard} --resume."
            )
    if troubles:
        raise InputError(join_troubles(troubles))


@dataclass
class _Common:
    """What all shards have: the header; runtime and bundle, where there is a row."""

    header: Row = field(default_factory=list)
    origin: Row = field(default_factory=list)


def _index(
    shards: list[Shard], paths: list[Path], streams: Sequence[BinaryIO]
) -> tuple[Row, list[_Place]]:
    """Look at every row once; give the header, and the places of the rows in order."""
    common = _Common()
    places: list[_Place] = []
    for shard, path, stream in zip(shards, paths, streams, strict=True):
        places += _places(shard, path, stream, common)
    places.sort()
    for one, other in pairwise(places):
        path = paths[one.shard - 1]
        _expect(path, f"one row for {one.path!a}", one.path != other.path)
    return [unescape_cell(cell) for cell in common.header], places


def _places(
    shard: Shard, path: Path, stream: BinaryIO, common: _Common
) -> Iterator[_Place]:
    end = 0
    for start, end, cells in _spans(stream):
        if start == 0:
            common.header = common.header or cells
            is_so = cells == common.header and tuple(cells[-len(LAST) :]) == LAST
            _expect(path, "the columns of scores, and of the other shards", is_so)
            continue
        _expect(path, "as many cells as columns", len(cells) == len(common.header))
        common.origin = common.origin or cells[_ORIGIN]
        runtime, bundle = common.origin
        same = cells[_ORIGIN] == common.origin
        told = " and bundle ".join(cells[_ORIGIN])
        rule = f"rows of runtime {runtime} and bundle {bundle}"
        _expect(path, rule, same, got=f"{told!a}")
        _expect(path, "a SHA-256 or nothing for each file", is_digest(cells[-2]))
        name = unescape_cell(cells[0])
        _expect(path, f"scans of shard {shard}", shard.holds(name))
        yield _Place(name, shard.number, start, end)
    is_whole = end == os.fstat(stream.fileno()).st_size > 0
    _expect(path, "whole rows to the end", is_whole)


def _spans(stream: BinaryIO) -> Iterator[tuple[int, int, Row]]:
    start = 0
    for end, cells in records(stream):
        yield start, end, cells
        start = end


def _expect(path: Path, rule: str, is_so: bool, got: str = "others") -> None:
    if not is_so:
        raise InputError(
            f"{path}: expected {rule}, got {got}. Score this shard anew with the "
            "options, bundle and folder of the others, and --overwrite."
        )


def _rows(places: list[_Place], streams: Sequence[BinaryIO]) -> Iterator[list[Row]]:
    """Read rows in order; what says that one is a copy is decided anew."""
    rows: list[Row] = []
    for place in places:
        stream = streams[place.shard - 1]
        stream.seek(place.start)
        record = stream.read(place.end - place.start)
        row = [unescape_cell(cell) for cell in cells_of(record)]
        row[-1] = "" if row[-1] == COPY else row[-1]
        rows.append(row)
        if len(rows) == _AT_ONCE:
            yield rows
            rows = []
    yield rows
