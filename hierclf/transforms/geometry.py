"""The frame: a decoded scan brought to the square that networks see."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.float32]


def fit_frame(pixels: Frame, side: int) -> Frame:
    """Resize a scan to a square.

    The aspect ratio is given up, as in the sources: a border added on two sides
    would tell a network how large the file was, which in collected data often
    tells the class.

    Parameters
    ----------
    pixels : ndarray of float32, shape (height, width), in [0, 1]
        Luminance.
    side : int, at least 1
        Side of the square in pixels.

    Returns
    -------
    frame : ndarray of float32, shape (side, side), in [0, 1]
        Averaged over areas where it shrinks, bilinear where it grows.

    Examples
    --------
    >>> fit_frame(np.eye(4, dtype=np.float32), 2).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    shrinks = min(pixels.shape) >= side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    frame = cv2.resize(pixels, (side, side), interpolation=method)
    return np.clip(np.asarray(frame, dtype=np.float32), 0.0, 1.0)
