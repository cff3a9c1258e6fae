"""The maps of one stage in one scan, as they are shown and measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
SCREEN, REFINE = "screen", "refine"


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of one scan.

    Parameters
    ----------
    reader : int
        Which reader of the stage, from 0.
    number : int
        Of the channel.
    said : float
        Sum over its weighted cells, the mean of the views: what it adds to the score.
    heat : ndarray of float32, shape (side, side)
        Its weighted map in the frame; negative where it speaks against the class.
    """

    reader: int
    number: int
    said: float
    heat: Floats


@dataclass(frozen=True, eq=False)
class StageMap:
    """The evidence of one stage in one scan.

    Parameters
    ----------
    stage : {"screen", "refine"}
        Which.
    asked : str
        The class whose evidence is shown: ``diseased``, or a diseased label.
    score : float, in [0, 1]
        What the stage said of it: P(diseased), or P(label | diseased).
    heats : dict of str to ndarray of float32, shape (side, side)
        Maps in the frame, by method.
    regions : dict of str to ndarray of bool, shape (side, side)
        What is outlined, by method.
    seen : ndarray of bool, shape (side, side)
        Where the stage looked.
    channels : tuple of Channel
        The strongest.
    """

    stage: str
    asked: str
    score: float
    heats: dict[str, Floats]
    regions: dict[str, Bools]
    seen: Bools
    channels: tuple[Channel, ...]
