"""Deletion and insertion: the score of a class while its evidence goes and comes.

The hottest places of a scan are taken away first and the score of the explained class
is followed (deletion: the lower its mean the better), or they come first into a scan
in which nothing is to be seen (insertion: the higher the better), after Petsiuk et
al., "RISE: Randomized input sampling for explanation of black-box models", BMVC 2018,
section 4.1. No outline of a lesion is needed, so it can be measured on any scans. It
tells whether the map is true to the model, not whether the model looks at disease.

One deviation. RISE replaces what is taken away by a constant, and starts the insertion
from a blurred scan. What a network makes of either is arbitrary: on phantoms, a frozen
efficientnet_lite0 calls the heavily blurred scan and the even gray one diseased with a
probability of 1.000, and a curve between two ones tells nothing. So the reference of a
scan is that of `REFERENCES` to which the model gives the least score for the class, the
same in both curves and for all maps. Methods that need a baseline ask for one without
evidence, too (Sundararajan et al., "Axiomatic attribution for deep networks", ICML
2017, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from hierclf.explanation.heatmap import enlarged
from hierclf.foundation.seeding import generator

Floats = NDArray[np.floating]
Score = Callable[[list[NDArray[np.float32]]], NDArray[np.float64]]
"""Frames to the score of the explained class of each."""
N_STEPS = 10
_RANDOM_CELLS = 8


def _blur(share: float) -> Callable[[Floats], Floats]:
    def blur(frame: Floats) -> Floats:
        sigma = share * frame.shape[0]
        return np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma))

    return blur


def _gray(frame: Floats) -> Floats:
    return np.full_like(frame, frame.mean())


REFERENCES: Mapping[str, Callable[[Floats], Floats]] = MappingProxyType(
    {
        "blur 1/32": _blur(1 / 32),
        "blur 1/16": _blur(1 / 16),
        "blur 1/8": _blur(1 / 8),
        "gray": _gray,
        "black": np.zeros_like,
    }
)
"""What a scan without evidence may look like: Gaussian blurs with a standard deviation
in parts of the side, its mean, black."""


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
    """Rank the pixels from the hottest, which is 0, to the coldest.

    Parameters
    ----------
    heat : ndarray of float, shape (side, side)
        The map.

    Returns
    -------
    order : ndarray of int, shape (side, side)
        Equally hot pixels (where a map is 0, there are many) come in the order of a
        fixed smooth random map. By rows they would have a direction; shuffled one by
        one they would grind the texture of the whole scan at once, which lowers a
        score faster than any map.
    """
    ties = random_heat(heat.shape[0], 0, "ties")
    order = np.empty(heat.size, dtype=np.intp)
    places = np.lexsort((-ties.ravel(), -heat.ravel()))
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
    empty = [np.asarray(make(frame), dtype=np.float32) for make in REFERENCES.values()]
    told: NDArray[np.float64] = score([frame, *empty])
    gone, ends = empty[int(told[1:].argmin())], np.array([told[0], told[1:].min()])
    shares = np.arange(1, N_STEPS) / N_STEPS
    asked = []
    for heat in heats:
        order = order_of(heat)
        for share in shares:
            first = order < round(share * frame.size)
            asked += [np.where(first, gone, frame), np.where(first, frame, gone)]
    inner = score(asked).reshape(len(heats), len(shares), 2).transpose(0, 2, 1)
    start = np.broadcast_to(ends[None, :, None], (len(heats), 2, 1))
    return np.concatenate([start, inner, start[:, ::-1]], axis=2)


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
    >>> round(float(area_under(np.linspace(0, 1, N_STEPS + 1))), 6)
    0.5
    """
    return np.asarray(trapezoid(curves, dx=1 / N_STEPS, axis=-1))
