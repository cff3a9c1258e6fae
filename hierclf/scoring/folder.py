"""A folder of scans to a file of rows, however many there are.

Scans are read ahead by threads, scored in batches and forgotten: memory does not
grow with their number, but for 64 bits of each one's hash, by which equal files are
told, and the names of those that an earlier run had scored.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator

from tqdm import tqdm

from hierclf.bundle.machine import load_for_machine
from hierclf.bundle.store import Bundle
from hierclf.data.folders import list_scans, remark_on_links
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import explain_os_error, locked
from hierclf.loading.scans import read_ahead
from hierclf.scoring.batch import rows_of
from hierclf.scoring.journal import open_journal, part_of
from hierclf.scoring.kept import Kept, take_up
from hierclf.scoring.options import ScoreOptions, ScoreSummary
from hierclf.scoring.reading import Reading, make_reader, refuse_tables
from hierclf.scoring.rows import RowFormat, flag_copies

_log = logging.getLogger(__name__)


def score_folder(options: ScoreOptions, bundle: Bundle | None = None) -> ScoreSummary:
    """Score every scan below a folder and write a row for each.

    The columns are path, status, code, screen_score, decision, label, a
    probability ``p_<label>`` for each label (healthy first), view_spread, lungs_found
    where they are cut out, those of the guards, bundle, sha256 and message; see
    `hierclf.scoring.rows`. A file that cannot be scored gets a row that says why, and
    the others go on. Rows come in the sorted order of the names.

    With `resume` an unfinished file is gone on with; rows that are there stay
    and their scans are not looked at again. Where there is no unfinished file but
    a finished one, scans that are new get rows behind those that are there.

    A file ``.<name>.lock`` stays beside the output; while it is locked, no other
    process can write there.

    Parameters
    ----------
    options : ScoreOptions
        What to score, with what, and where to write.
    bundle : Bundle, optional
        The one of the options, where it is loaded: several folders then load it once.

    Returns
    -------
    summary : ScoreSummary
        Counts of all rows in the file, those of an earlier run included.

    Raises
    ------
    InputError
        If there is no scan (the file then holds a header and nothing else), the
        output exists, or is of another bundle or folder.
    BundleError
        If the bundle is refused.
    ResourceError
        If the output cannot be written or somebody else writes it. What was
        written stays, and `resume` goes on with it; so also after an interrupt.
    """
    _check_options(options)
    if bundle is None:
        bundle = load_for_machine(
            options.bundle, runtime=options.runtime, threads=options.threads
        )
    form = RowFormat(
        bundle.cascade.hierarchy_,
        bundle.digest,
        bundle.guards.columns,
        lungs=bundle.lungs is not None,
    )
    refuse_tables(bundle.cascade)
    try:
        options.out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os_error(f"make {options.out.parent}", error) from error
    links = remark_on_links(options.input)
    if links:
        _log.warning("%s", links)
    with locked(options.out.with_name(f".{options.out.name}.lock")):
        kept = _prepare(options, form)
        codes, actions, n_whole = _score(options, bundle, form, kept)
    if not codes:
        raise InputError(
            f"{options.input}: expected at least one scan (PNG, JPEG, TIFF or DICOM), "
            f"got none. {options.out.name} holds a header only; check the path."
        )
    failed = {code: n for code, n in sorted(codes.items()) if code}
    return ScoreSummary(
        n_ok=codes[""],
        n_failed=failed,
        n_actions={action: n for action, n in sorted(actions.items()) if action},
        n_whole=n_whole,
        n_earlier=len(kept.done),
        digest=bundle.digest,
    )


def _check_options(options: ScoreOptions) -> None:
    if options.out.suffix.lower() != ".csv":  # so it can be no scan either
        raise InputError(
            f"out: expected a name that ends in .csv, got {options.out.name!r}. "
            "Rows are written as CSV."
        )
    if options.resume and options.overwrite:
        raise InputError(
            "resume: expected it without overwrite, got both. Leave one out."
        )
    if not options.input.is_dir():
        raise InputError(
            f"{options.input}: expected a folder of scans, got none. Check the path."
        )


def _prepare(options: ScoreOptions, form: RowFormat) -> Kept:
    """Decide what becomes of rows that are there."""
    if options.overwrite:
        return Kept()
    if not options.resume:
        there = [p for p in (options.out, part_of(options.out)) if p.exists()]
        if there:
            raise InputError(
                f"out: expected a new file, got {there[0]}. Add --resume to go on "
                "with it, --overwrite to replace it, or choose another --out."
            )
        return Kept()
    kept = take_up(options.out, form, batch_size=options.batch_size)
    kept.refuse_other_scans(options.input)
    return kept


def _score(
    options: ScoreOptions,
    bundle: Bundle,
    form: RowFormat,
    kept: Kept,
) -> tuple[Counter[str], Counter[str], int]:
    """Append a row for each scan that has none; count codes and actions of all."""
    codes, actions, n_whole = kept.codes.copy(), kept.actions.copy(), kept.n_whole
    fresh = (
        path
        for path in list_scans(options.input)
        if path.relative_to(options.input).as_posix() not in kept.done
    )
    read = make_reader(bundle.cascade, options.input)
    readings = read_ahead(read, fresh)
    bar = tqdm(desc="score", unit="scan", initial=len(kept.done), disable=None)
    with bar, open_journal(options.out, form.columns, kept.end) as journal:
        for batch in _batches(readings, options.batch_size):
            rows = rows_of(batch, bundle, form)
            flag_copies(rows, kept.seen)
            journal.append(rows)
            codes.update(row[2] for row in rows)
            actions.update(map(form.action_of, rows))
            n_whole += sum(map(form.is_whole, rows))
            bar.update(len(rows))
        journal.finish()
    return codes, actions, n_whole


def _batches(readings: Iterator[Reading], size: int) -> Iterator[list[Reading]]:
    batch: list[Reading] = []
    for reading in readings:
        batch.append(reading)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
