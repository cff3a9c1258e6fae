"""The strokes that everything is drawn with: ramps, spots and smooth noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hierclf.synthesis.anatomy import Floats


def ramp(distance: Floats, width: float) -> Floats:
    """Rise smoothly from 0 to 1 around a border.

    Parameters
    ----------
    distance : ndarray of float32
        Signed distance from the border.
    width : float
        Length over which it rises, in the unit of `distance`.

    Returns
    -------
    rise : ndarray of float32, in [0, 1]
        ``3 t**2 - 2 t**3`` with t clipped to [0, 1]; 0.5 on the border.
    """
    t = np.clip(distance * (1 / width) + 0.5, 0, 1)
    rise: Floats = t * t * (3 - 2 * t)
    return rise


def ellipsoid(x: Floats, y: Floats, half_x: float, half_y: float) -> Floats:
    """Thickness of an ellipsoid that the rays pass along its third axis.

    Parameters
    ----------
    x, y : ndarray of float32
        Coordinates relative to its center, along its axes.
    half_x, half_y : float
        Half axes.

    Returns
    -------
    thickness : ndarray of float32, in [0, 1]
        1 in the middle, falling to 0 at the outline.
    """
    inside = 1 - (x * (1 / half_x)) ** 2 - (y * (1 / half_y)) ** 2
    return np.sqrt(np.maximum(inside, 0, out=inside), out=inside)


def add_spots(size: int, pixels: Floats, sigma: Floats, height: Floats) -> Floats:
    r"""Add up round Gaussian spots.

    Parameters
    ----------
    size : int
        Side of the picture in pixels.
    pixels : ndarray of float32, shape (n_spots, 2)
        Rows and columns of the centers; those far outside are left out.
    sigma : ndarray of float32, shape (n_spots,)
        Standard deviation in pixels.
    height : ndarray of float32, shape (n_spots,)
        Value in the center of each.

    Returns
    -------
    field : ndarray of float32, shape (size, size)
        :math:`\sum_i h_i \exp(-d_i^2 / 2 \sigma_i^2)`, each spot cut off at
        three standard deviations.
    """
    reaches = np.ceil(3 * sigma).astype(np.intp)
    pad = int(reaches.max(initial=1))
    near = ((pixels > -pad) & (pixels < size - 1 + pad)).all(axis=1)
    side = size + 4 * pad + 2
    total = np.zeros(side * side)
    for reach in np.unique(reaches[near]):
        chosen = near & (reaches == reach)
        index, values = _stamps(pixels[chosen], sigma[chosen], int(reach), side, pad)
        values *= height[chosen, None, None]
        total += np.bincount(index.ravel(), values.ravel(), minlength=total.size)
    edge = slice(2 * pad, 2 * pad + size)
    return total.reshape(side, side)[edge, edge].astype(np.float32)


def _stamps(
    pixels: Floats, sigma: Floats, reach: int, side: int, pad: int
) -> tuple[NDArray[np.intp], Floats]:
    middle = np.rint(pixels).astype(np.intp)
    steps = np.arange(-reach, reach + 1)
    places = middle[:, :, None] + steps  # (n_spots, 2, 2 reach + 1)
    offsets = (places - pixels[:, :, None]).astype(np.float32) / sigma[:, None, None]
    falls = np.exp(-0.5 * offsets * offsets)
    rows, columns = places[:, 0, :, None] + 2 * pad, places[:, 1, None, :] + 2 * pad
    return rows * side + columns, falls[:, 0, :, None] * falls[:, 1, None, :]


def smooth_noise(rng: np.random.Generator, size: int, cells: int) -> Floats:
    """Draw a smooth random field.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    size : int
        Side of the picture in pixels.
    cells : int
        Independent values along a side; the fewer, the smoother.

    Returns
    -------
    field : ndarray of float32, shape (size, size)
        Mean about 0, standard deviation about 0.8; cubic between the values.
    """
    coarse = Image.fromarray(rng.standard_normal((cells, cells), dtype=np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC))
