"""A batch of scans to its rows; one that cannot be scored takes no other along."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from hierclf.bundle.store import Bundle
from hierclf.foundation.errors import ResourceError
from hierclf.scoring.reading import Reading
from hierclf.scoring.rows import Row, RowFormat

_log = logging.getLogger(__name__)


def rows_of(batch: Sequence[Reading], bundle: Bundle, form: RowFormat) -> list[Row]:
    """Score a batch of scans.

    Parameters
    ----------
    batch : sequence of Reading
        Scans, and files that are none.
    bundle : Bundle
        What scores them.
    form : RowFormat
        How the rows look.

    Returns
    -------
    rows : list of list of str
        One for each, in their order.
    """
    good = [reading for reading in batch if reading.pixels is not None]
    scored = iter(_score(good, bundle, form))
    return [
        form.failed(reading, reading.code, reading.message)
        if reading.pixels is None
        else next(scored)
        for reading in batch
    ]


def _score(good: Sequence[Reading], bundle: Bundle, form: RowFormat) -> list[Row]:
    """Score scans together, or each by itself where together they cannot be."""
    if not good:
        return []
    try:
        scans = [reading.pixels for reading in good]
        told = bundle.cascade.decide(scans)
        guarded = bundle.guarded(scans, told)
    except ResourceError:
        raise
    except Exception as error:  # noqa: BLE001  # the border of one scan
        _log.debug("no score", exc_info=True)
        if len(good) > 1:
            return [row for one in good for row in _score([one], bundle, form)]
        message = f"expected a score, got {type(error).__name__}. Report this scan."
        return [form.failed(good[0], "E_SCORE", message)]
    finite = np.isfinite(told.probabilities.sum(axis=1))
    message = "expected a finite score, got NaN. Report this scan."
    return [
        form.scored(one, told, guarded, place)
        if is_finite
        else form.failed(one, "E_SCORE", message)
        for place, (one, is_finite) in enumerate(zip(good, finite, strict=True))
    ]
