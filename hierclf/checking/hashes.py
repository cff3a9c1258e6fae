r"""A picture as 256 signs that survive scaling, compression and exposure.

The frame is brought to 64 x 64, its cosine transform taken, and of the 16 x 16 slowest
waves told which lie above their median: the perceptual hash of Buchner's `imagehash`
(``phash(hash_size=16)``), to which the tests compare it. It is not called here, since
from the *waves* follow the hashes of the mirrored and turned picture without another
transform: mirroring changes the sign of the odd waves. A negative has all signs
changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

Waves = NDArray[np.float32]
Signs = NDArray[np.float32]

SIDE = 64
"""Side in pixels of the frame that is hashed."""

N_BITS = 256
_WAVES = 16

FLIPS: Mapping[str, tuple[bool, bool]] = MappingProxyType(
    {
        "": (False, False),
        "mirrored": (False, True),
        "upside down": (True, False),
        "turned by 180 degrees": (True, True),
    }
)
"""Ways to lay a picture: name to whether rows and columns run backwards."""


def waves_of(frame: NDArray[np.float32]) -> Waves:
    """Take the slowest waves of a frame.

    Parameters
    ----------
    frame : ndarray of float32, shape (64, 64), in [0, 1]
        The whole scan, brought to this size.

    Returns
    -------
    waves : ndarray of float32, shape (16, 16)
        Coefficients of the cosine transform of type II.
    """
    waves: Waves = dctn(frame, type=2)[:_WAVES, :_WAVES].astype(np.float32)
    return waves


def signs_of(waves: Waves, flip: str = "") -> Signs:
    """Turn waves into hashes.

    Parameters
    ----------
    waves : ndarray of float32, shape (n_scans, 16, 16)
        From `waves_of`.
    flip : str, default=""
        Key of `FLIPS`: the hash that the picture has when laid so.

    Returns
    -------
    signs : ndarray of float32, shape (n_scans, 256)
        1 above the median of the scan's waves, else -1. Two hashes differ in
        ``(256 - a @ b) / 2`` places.

    Examples
    --------
    >>> ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    >>> one, other = waves_of(ramp)[None], waves_of(ramp[:, ::-1])[None]
    >>> bool((signs_of(one, "mirrored") == signs_of(other)).all())
    True
    """
    rows, columns = FLIPS[flip]
    odd = 1.0 - 2.0 * (np.arange(_WAVES) % 2)
    laid = waves * (odd[:, None] if rows else 1.0) * (odd if columns else 1.0)
    flat = laid.reshape(len(waves), N_BITS)
    above = flat > np.median(flat, axis=1, keepdims=True)
    return np.where(above, np.float32(1), np.float32(-1))
