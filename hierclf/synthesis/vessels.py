"""Blood vessels that branch from the hila, some of them seen on end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hierclf.synthesis.anatomy import Anatomy, Floats, Grid
from hierclf.synthesis.shapes import add_spots

_LEVELS = 5
_TRUNKS = 8
_POINTS = 9
_CONTRAST = 28.0  # attenuation per half width

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class _Segments:
    """Straight pieces of one generation: start, direction, length, half width."""

    x: Numbers
    y: Numbers
    angle: Numbers
    length: Numbers
    width: Numbers

    def fork(self, rng: np.random.Generator) -> _Segments:
        """Let each end split into two narrower pieces."""
        x, y = self.end()
        side = np.stack([-rng.uniform(0.1, 0.6, x.size), rng.uniform(0.1, 0.6, x.size)])
        pairs = np.stack([rng.uniform(0.6, 0.95, x.size) for _ in range(2)])
        return _Segments(
            np.tile(x, 2),
            np.tile(y, 2),
            (self.angle + side).ravel(),
            (self.length * pairs).ravel(),
            np.tile(self.width * 0.70, 2),
        )

    def end(self) -> tuple[Numbers, Numbers]:
        """Where each piece ends."""
        x = self.x + self.length * np.cos(self.angle)
        return x, self.y + self.length * np.sin(self.angle)


def draw_vessels(
    anatomy: Anatomy, grid: Grid, air: Floats, rng: np.random.Generator
) -> Floats:
    """Draw the vessels of both lungs.

    Parameters
    ----------
    anatomy : Anatomy
        Shape of the patient.
    grid : Grid
        Pixels of the scan.
    air : ndarray of float32, shape (size, size)
        Depth of air: vessels are seen against it only.
    rng : numpy.random.Generator
        Of the patient: the same tree in each scan.

    Returns
    -------
    attenuation : ndarray of float32, shape (size, size)
        Of branches, hila, and vessels seen on end.
    """
    parts = [_tree(rng, side) for side in (-1.0, 1.0)] + [_dots(rng)]
    points, width, height = (np.concatenate(part) for part in zip(*parts, strict=True))
    scale = grid.pixels_per_unit()
    sigma = np.maximum(width * scale, 0.55)
    thin = np.minimum(width * scale / sigma, 1)
    pixels = grid.to_pixels(points.astype(np.float32))
    field = add_spots(
        grid.size, pixels, sigma.astype(np.float32), (height * thin).astype(np.float32)
    )
    seen: Floats = anatomy.vessel_density * field * np.minimum(air * 1.5, 1)
    return seen


def _tree(rng: np.random.Generator, side: float) -> tuple[Numbers, Numbers, Numbers]:
    """Grow the vessels of one lung as points with half width and height."""
    fan = np.linspace(-1.45, 1.5, _TRUNKS) + rng.normal(0, 0.12, _TRUNKS)
    down = np.maximum(np.sin(fan), 0)
    pieces = _Segments(
        np.full(_TRUNKS, 0.19),
        -0.02 - 0.02 * side + 0.10 * np.sin(fan),
        fan,
        rng.uniform(0.10, 0.16, _TRUNKS) * (1 + 0.35 * down),
        0.0165 * (1 + 0.4 * down) * rng.uniform(0.8, 1.2, _TRUNKS),
    )
    grown = []
    for _ in range(_LEVELS):
        grown.append(_sample(pieces, side))
        pieces = pieces.fork(rng)
    points, width, height = (np.concatenate(part) for part in zip(*grown, strict=True))
    return points, width, height


def _sample(pieces: _Segments, side: float) -> tuple[Numbers, Numbers, Numbers]:
    """Turn pieces into spots; spots closer than their width add up to a line.

    A vessel of half width w attenuates in proportion to w, and spots of standard
    deviation w at distance d from each other add up to sqrt(2 pi) w / d of one.
    """
    steps = (np.arange(_POINTS) + 0.5)[:, None] / _POINTS
    x = pieces.x + steps * pieces.length * np.cos(pieces.angle)
    y = pieces.y + steps * pieces.length * np.sin(pieces.angle)
    width = np.broadcast_to(pieces.width, x.shape)
    height = np.broadcast_to(_CONTRAST * pieces.length / _POINTS / 2.5, x.shape)
    return np.stack([side * x.ravel(), y.ravel()], 1), width.ravel(), height.ravel()


def _dots(rng: np.random.Generator) -> tuple[Numbers, Numbers, Numbers]:
    """Place vessels seen on end: round like an opacity, rarer away from the hila."""
    number = int(rng.poisson(16 * np.exp(rng.normal(0, 0.55))))
    angle = rng.uniform(0, 2 * np.pi, number)
    away = np.sqrt(rng.uniform(0, 1, number)) * 0.5
    x = 0.40 + 0.7 * away * np.cos(angle)
    y = -0.08 + 1.2 * away * np.sin(angle)
    points = np.stack([rng.choice([-1.0, 1.0], number) * x, y], 1)
    return points, rng.uniform(0.005, 0.010, number), rng.uniform(0.15, 0.45, number)
