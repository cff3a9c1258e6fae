"""A batch of scans to its rows; one that cannot be scored takes no other along."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np

from hierclf.bundle.store import Bundle
from hierclf.foundation.errors import ResourceError, lacks_memory
from hierclf.scoring.reading import Reading
from hierclf.scoring.rows import UNSCORED, Row, RowFormat

_log = logging.getLogger(__name__)


def rows_of(
    batch: Sequence[Reading], bundle: Bundle, form: RowFormat, size: int
) -> list[Row]:
    """Score a batch of scans.

    Parameters
    ----------
    batch : sequence of Reading
        Scans, and files that are none.
    bundle : Bundle
        What scores them.
    form : RowFormat
        How the rows look.
    size : int
        Scans that are computed together; see `hierclf.scoring.passes`.

    Returns
    -------
    rows : list of list of str
        One for each, in their order.

    Raises
    ------
    ResourceError
        If memory ran out. Scans have the size of the frame here and each pass as many
        of them, so it is none's fault, and another scan would not do better.
    """
    good = [reading for reading in batch if reading.pixels is not None]
    scored = _in_passes(good, bundle, form, size)
    return [
        form.failed(reading, reading.code, reading.message)
        if reading.pixels is None
        else next(scored)
        for reading in batch
    ]


def _in_passes(
    good: Sequence[Reading], bundle: Bundle, form: RowFormat, size: int
) -> Iterator[Row]:
    for start in range(0, len(good), size):
        yield from _score(good[start : start + size], bundle, form, size)


def _score(
    good: Sequence[Reading], bundle: Bundle, form: RowFormat, size: int
) -> list[Row]:
    """Score scans together, or in halves where together they cannot be."""
    try:
        scans = [good[place % len(good)].pixels for place in range(size)]
        told = bundle.cascade.decide(scans, refine_healthy=form.refine_healthy)
        guarded = bundle.guarded(scans, told)
    except ResourceError:
        raise
    except Exception as error:  # the border of one scan
        _log.debug("no score", exc_info=True)
        if lacks_memory(error):
            raise ResourceError(
                f"memory: expected enough to score {size} scans at once, got less. "
                "Lower --batch-size, or add memory; what is written stays, and "
                "--resume goes on with it."
            ) from error
        half = len(good) // 2
        if half:
            halves = good[:half], good[half:]
            return [row for one in halves for row in _score(one, bundle, form, size)]
        message = f"expected a score, got {type(error).__name__}. Report this scan."
        return [form.failed(good[0], UNSCORED, message)]
    blank = (told.decided == 0) & (not form.refine_healthy)
    known = np.where(blank, told.screen_score, told.probabilities.sum(axis=1))
    finite = np.isfinite(known)
    message = "expected a finite score, got NaN. Report this scan."
    return [
        form.scored(one, told, guarded, place)
        if finite[place]
        else form.failed(one, UNSCORED, message)
        for place, one in enumerate(good)
    ]
