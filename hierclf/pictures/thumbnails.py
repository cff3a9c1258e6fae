"""Scans as small pictures."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 224
"""Longer side in pixels."""


def thumbnail(pixels: NDArray[np.floating]) -> bytes:
    """Draw a scan small.

    Parameters
    ----------
    pixels : ndarray of float, shape (height, width), in [0, 1]
        As it was read.

    Returns
    -------
    jpeg : bytes
        In the same proportions, its longer side at most `SIDE` pixels; without the
        data that a file carries beside its pixels.
    """
    steps = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(steps)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, format="JPEG", quality=85)
    return out.getvalue()


def data_uri(picture: bytes) -> str:
    r"""Give a JPEG or PNG as the source of an image.

    Examples
    --------
    >>> data_uri(b"\x89PNG and so on")
    'data:image/png;base64,iVBORyBhbmQgc28gb24='
    """
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
