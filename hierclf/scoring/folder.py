"""A folder of scans to a file of rows, however many there are.

Scans are read ahead by threads, scored in batches and forgotten: memory does not
grow with their number, but for 64 bits of each one's hash, by which equal files are
told, and the names of those that an earlier run had scored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from hierclf.bundle.store import Bundle
from hierclf.data.folders import list_scans, remark_on_links
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import explain_os_error
from hierclf.foundation.progress import Progress
from hierclf.scoring.counts import Counts
from hierclf.scoring.journal import lock_of, open_journal, refuse_existing
from hierclf.scoring.kept import Kept, begin_copy, take_up
from hierclf.scoring.options import ScoreOptions, ScoreSummary, check_name
from hierclf.scoring.rows import Row, flag_copies
from hierclf.scoring.worker import Worker

_log = logging.getLogger(__name__)


def score_folder(options: ScoreOptions, bundle: Bundle | None = None) -> ScoreSummary:
    """Score every scan below a folder and write a row for each.

    The columns are path, status, code, screen_score, decision, label, a
    probability ``p_<label>`` for each label (healthy first), view_spread, lungs_found
    where they are cut out, those of the guards, runtime, bundle, sha256 and message:
    see `hierclf.scoring.rows`. A file that cannot be scored gets a row that says why,
    and the others go on. Rows come in the sorted order of the names.

    With `shard` only the scans of that part get rows, in a file of its own beside
    `out`. A shard of a folder may hold no scan: its file is then a header, and all is
    well.

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
        output exists, or is of another bundle, runtime or folder.
    BundleError
        If the bundle is refused.
    ResourceError
        If the output cannot be written or somebody else writes it. What was
        written stays, and `resume` goes on with it; so also after an interrupt.
    """
    _check_options(options)
    worker = Worker(options, bundle)
    out = options.target
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os_error(f"make {out.parent}", error) from error
    links = remark_on_links(options.input)
    if links:
        _log.warning("%s", links)
    if (options.input / "manifest.csv").is_file():
        _log.warning(
            "manifest.csv is not read: every picture below %s gets a row, masks as "
            "well, if there are any.",
            options.input,
        )
    with lock_of(out):
        kept = _prepare(options, worker)
        counts = _score(options, worker, kept)
    if not counts.n_listed and not counts.codes:
        raise InputError(
            f"{options.input}: expected at least one scan (PNG, JPEG, TIFF or DICOM), "
            f"got none. {out.name} holds a header only; check the path."
        )
    return counts.summary(n_earlier=len(kept.done), digest=worker.digest)


def _check_options(options: ScoreOptions) -> None:
    check_name(options.out)
    if options.resume and options.overwrite:
        raise InputError(
            "resume: expected it without overwrite, got both. Leave one out."
        )
    several = options.resume or options.shard is not None or options.engine == "ray"
    if several and options.runtime == "auto":
        raise InputError(
            "runtime: expected one by its name beside --resume, --shard and --engine "
            "ray, got auto, which may find another one each time. Let auto find it on "
            "a few scans, and pass the name that it tells."
        )
    if options.engine == "ray" and find_spec("ray") is None:
        raise InputError(
            "engine: expected the package ray, got none of the name. "
            "Install it: pip install 'hierclf[ray]'."
        )
    if not options.input.is_dir():
        raise InputError(
            f"{options.input}: expected a folder of scans, got none. Check the path."
        )


def _prepare(options: ScoreOptions, worker: Worker) -> Kept:
    """Decide what becomes of rows that are there."""
    if options.overwrite:
        return Kept()
    if not options.resume:
        refuse_existing(options.target, "Add --resume to go on with it, --overwrite to")
        return Kept()
    kept = take_up(options.target, worker.form)
    kept.refuse_other_scans(options.input)
    begin_copy(options.target)  # only now: merge takes what is left for unfinished
    return kept


def _score(options: ScoreOptions, worker: Worker, kept: Kept) -> Counts:
    """Append a row for each scan that has none; count codes and actions of all."""
    form, seen = worker.form, kept.seen
    counts = Counts(kept.codes.copy(), kept.actions.copy(), kept.n_whole)
    engine = _engine(options, worker)
    bar = Progress(desc="score", unit="scan", initial=len(kept.done))
    with bar, open_journal(options.target, form.columns, kept.end) as journal:
        for rows in engine(_pending(options, kept, counts)):
            flag_copies(rows, seen)
            journal.append(rows)
            counts.add(rows, form)
            bar.update(len(rows))
        journal.finish()
    return counts


def _pending(options: ScoreOptions, kept: Kept, counts: Counts) -> Iterator[Path]:
    """List the scans that need a row here."""
    for path in list_scans(options.input):
        counts.n_listed += 1
        name = path.relative_to(options.input).as_posix()
        mine = options.shard is None or options.shard.holds(name)
        if mine and name not in kept.done:
            yield path


def _engine(
    options: ScoreOptions, worker: Worker
) -> Callable[[Iterator[Path]], Iterator[list[Row]]]:
    if options.engine == "local":
        return worker.rows
    from hierclf.scoring.cluster import rows_on_ray  # only where it is asked for

    return partial(rows_on_ray, options, worker.digest)
