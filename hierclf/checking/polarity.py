"""Scans whose grays run the other way: black where all others are white.

Compared is the slow part of each scan, without its mean gray, with the median of the
set. The mean gray itself is not looked at: local contrast enhancement makes it the
same for both kinds.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.checking.findings import Finding
from hierclf.checking.hashes import Waves
from hierclf.foundation.counting import count

Floats = NDArray[np.float64]

OPPOSED = 0.4
"""Likeness below its negative is that of an inverted scan.

Of 11,016 real scans (four sets) 27 lie below -0.69, all of them inverted; the next has
-0.11. Of scans that are inverted on purpose it finds 99.7 % and more where scans are
alike (radiographs), and 70 % where they differ most.
"""
LEAST_SCANS = 20
"""Below, a median says little."""


def likeness(waves: Waves) -> Floats:
    """Correlate each scan with the median of all.

    Parameters
    ----------
    waves : ndarray of float32, shape (n_scans, 16, 16)
        As `hierclf.checking.hashes.waves_of` gives them.

    Returns
    -------
    likeness : ndarray of float, shape (n_scans,), in [-1, 1]
        Correlation of the grays of the frames, of which the slow waves are left; 0 for
        a scan of one gray.
    """
    scaled = waves.astype(np.float64)
    scaled[:, 0, :] /= np.sqrt(2)  # now products of waves are those of pixels
    scaled[:, :, 0] /= np.sqrt(2)
    scaled[:, 0, 0] = 0
    table = _of_length_one(scaled.reshape(len(scaled), -1))
    found: Floats = table @ _of_length_one(np.median(table, axis=0))
    return found


def _of_length_one(rows: Floats) -> Floats:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: Floats = rows / np.where(lengths > 0, lengths, 1)
    return scaled


def judge_polarity(manifest: pd.DataFrame, waves: Waves) -> list[Finding]:
    """Find scans that are inverted beside the others.

    Parameters
    ----------
    manifest : DataFrame, n_scans rows
        Column ``scan``.
    waves : ndarray of float32, shape (n_scans, 16, 16)
        Of the same scans.

    Returns
    -------
    findings : list of Finding
        One at most; none where there are too few scans, or most are unlike the
        median.
    """
    if len(waves) < LEAST_SCANS:
        return []
    found = likeness(waves)
    inverted = found < -OPPOSED
    if not inverted.any() or (found > OPPOSED).mean() <= 0.5:
        return []
    scans = tuple(manifest["scan"].to_numpy()[inverted].tolist())
    looks = "looks" if len(scans) == 1 else "look"
    return [
        Finding(
            code="inverted",
            severity="warning",
            message=f"{count(len(scans), 'scan')} {looks} inverted beside the others, "
            f"black for white (correlation with the set's median below -{OPPOSED:g}).",
            scans=scans,
        )
    ]
