r"""Deletion and insertion: does the score follow the map?

The hottest places of a scan are taken away first and the score of the explained class
is followed (deletion: the lower its mean the better), or they come first into a scan
in which nothing is to be seen (insertion: the higher the better), after Petsiuk et
al., "RISE: Randomized input sampling for explanation of black-box models", BMVC 2018,
section 4.1. No outline of a lesion is needed, so it can be measured on any scans. It
tells whether the map is true to the model, not whether the model looks at disease.

One deviation. What is taken away is not set to a constant but blurred, in both curves:
a gray or black patch in a radiograph makes edges, and black is the color of air.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hierclf.explanation.heatmap import enlarged
from hierclf.foundation.seeding import generator

Floats = NDArray[np.floating]
Score = Callable[[list[NDArray[np.float32]]], NDArray[np.float64]]
"""Frames to the score of the explained class of each."""
N_STEPS = 12
_BLUR = 1 / 16
_RANDOM_CELLS = 8


def blurred(frame: Floats) -> NDArray[np.float32]:
    """Blur a frame until nothing but large shapes is left.

    Parameters
    ----------
    frame : ndarray of float32, shape (side, side)
        The frame.

    Returns
    -------
    blurred : ndarray of float32, shape (side, side)
        By a Gaussian with a standard deviation of a sixteenth of the side.
    """
    sigma = _BLUR * frame.shape[0]
    source = np.ascontiguousarray(frame, dtype=np.float32)
    return np.asarray(cv2.GaussianBlur(source, (0, 0), sigma), dtype=np.float32)


def random_heat(side: int, seed: int, *names: str | int) -> Floats:
    """Draw a map that says nothing, as smooth as those of networks are.

    Parameters
    ----------
    side : int
        Side of the frame in pixels.
    seed : int
        Root seed.
    *names : str or int
        Of the scan.

    Returns
    -------
    heat : ndarray of float32, shape (side, side), in [0, 1]
        Random values of 8 x 8 cells, interpolated.
    """
    rng = generator(seed, "random heat", *names)
    return enlarged(rng.random((_RANDOM_CELLS, _RANDOM_CELLS)), side)


def order_of(heat: Floats) -> NDArray[np.intp]:
    """Number the pixels from the hottest, which is 0, to the coldest.

    Parameters
    ----------
    heat : ndarray of float, shape (side, side)
        The map.

    Returns
    -------
    order : ndarray of int, shape (side, side)
        Equally hot pixels come in the order of a fixed shuffle: where a map is 0, the
        order of rows would be a direction.
    """
    shuffled = generator(0, "ties").permutation(heat.size)
    order = np.empty(heat.size, dtype=np.intp)
    places = np.lexsort((shuffled, -heat.ravel()))
    order[places] = np.arange(heat.size)
    return order.reshape(heat.shape)


def curves_of(
    frame: NDArray[np.float32], heats: Sequence[Floats], score: Score
) -> NDArray[np.float64]:
    """Follow the score of one scan while places are taken away or put in.

    Parameters
    ----------
    frame : ndarray of float32, shape (side, side)
        The scan as square.
    heats : sequence of ndarray of float, each of shape (side, side)
        Maps of the scan whose orders are compared.
    score : callable
        See `Score`.

    Returns
    -------
    curves : ndarray of float, shape (n_heats, 2, N_STEPS + 1)
        Deletion and insertion of each map; column i is the score when ``i / N_STEPS``
        of the pixels were changed.
    """
    gone = blurred(frame)
    shares = np.arange(1, N_STEPS) / N_STEPS
    asked = [frame, gone]
    for heat in heats:
        order = order_of(heat)
        for share in shares:
            first = order < round(share * frame.size)
            asked += [np.where(first, gone, frame), np.where(first, frame, gone)]
    said = np.asarray(score(asked))
    inner = said[2:].reshape(len(heats), len(shares), 2).transpose(0, 2, 1)
    ends = np.broadcast_to(said[:2], (len(heats), 2))
    start, end = ends[:, :, None], ends[:, ::-1, None]
    return np.concatenate([start, inner, end], axis=2)


def area_under(curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the mean height of curves over the share of pixels, by trapezoids.

    Parameters
    ----------
    curves : ndarray of float, shape (..., N_STEPS + 1)
        Scores.

    Returns
    -------
    areas : ndarray of float, shape (...)
        In the unit of the score.

    Examples
    --------
    >>> float(area_under(np.linspace(0, 1, N_STEPS + 1)))
    0.5
    """
    areas: NDArray[np.float64] = np.trapezoid(curves, dx=1 / N_STEPS, axis=-1)
    return areas
