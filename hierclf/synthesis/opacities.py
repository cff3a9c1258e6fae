"""The disease: small round opacities, and large ones where they grow together.

Profusion is the number of small opacities per area of lung. It rises with the
stage, but its distributions overlap: patients of neighboring stages can look
the same. Nothing else in a phantom depends on the stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hierclf.synthesis.anatomy import (
    FRAME_CM,
    Bools,
    Floats,
    Grid,
    between,
    draw,
)
from hierclf.synthesis.shapes import add_spots
from hierclf.synthesis.thorax import Thorax

Stage = Literal["healthy", "stage1", "stage2", "stage3"]


@dataclass(frozen=True)
class Grade:
    """How much disease a stage shows.

    Attributes
    ----------
    profusion : float
        Median number of small opacities per 100 square centimeters of lung.
    spread : float
        Standard deviation of the logarithm of profusion between patients.
    large : float
        Share of patients who have large opacities.
    masses : tuple of int
        Least and most large opacities of such a patient.
    mass_sigma : tuple of float
        Range of their standard deviation in half frame sides.
    """

    profusion: float
    spread: float = 0.0
    large: float = 0.0
    masses: tuple[int, int] = (1, 1)
    mass_sigma: tuple[float, float] = (0.02, 0.03)


GRADES: Mapping[Stage, Grade] = MappingProxyType(
    {
        "healthy": Grade(0.0),
        "stage1": Grade(12.0, 0.42),
        "stage2": Grade(60.0, 0.26, 0.12, (1, 2), (0.022, 0.034)),
        "stage3": Grade(168.0, 0.28, 0.88, (2, 4), (0.055, 0.090)),
    }
)


@dataclass(frozen=True)
class Habit:
    """How a patient's opacities look, whatever their number."""

    width: float = between(0.0088, 0.0125)
    mixture: float = between(0.05, 0.22)
    contrast: float = between(0.62, 0.86)
    upper: float = between(-0.1, 0.75)
    density: float = between(1.5, 2.1)


@dataclass(frozen=True)
class Opacities:
    """Opacities of one scan.

    Attributes
    ----------
    attenuation : ndarray of float32, shape (size, size)
        What they add.
    mask : ndarray of bool, shape (size, size)
        Where they can be seen; inside the lungs.
    profusion : float
        Small opacities per 100 square centimeters of lung.
    """

    attenuation: Floats
    mask: Bools
    profusion: float


_CANDIDATES = 9000  # enough for the highest profusion after those outside the lungs
_BLOBS = 16


def draw_opacities(
    stage: Stage,
    grid: Grid,
    thorax: Thorax,
    patient: np.random.Generator,
    scan: np.random.Generator,
) -> Opacities:
    """Draw the opacities of one scan.

    Parameters
    ----------
    stage : {"healthy", "stage1", "stage2", "stage3"}
        Stage of the patient.
    grid : Grid
        Pixels of the scan.
    thorax : Thorax
        The lung fields.
    patient : numpy.random.Generator
        Of the patient: habit, profusion, and places, the same in each scan.
    scan : numpy.random.Generator
        Of the scan: it shows somewhat more or fewer of them.

    Returns
    -------
    opacities : Opacities
        None where the stage is healthy.
    """
    lungs = thorax.lungs
    grade, habit = GRADES[stage], draw(Habit, patient)
    level, places = patient.standard_normal(), _places(habit, patient)
    wanted = grade.profusion * np.exp(grade.spread * np.clip(level, -2.5, 2.5))
    wanted *= np.exp(0.10 * np.clip(scan.standard_normal(), -2.5, 2.5))
    area = float(lungs.mean()) * (FRAME_CM / grid.pose.zoom) ** 2 / 100
    pixels = grid.to_pixels(places)
    shown = np.flatnonzero(_hits(lungs, pixels))[: round(wanted * area)]
    small = _draw_small(habit, grid, pixels, patient, shown)
    large = _draw_masses(grade, grid, patient)
    mask = (small > 0.4) | (large > 0.2)
    rows, columns = np.rint(pixels[shown]).astype(np.intp).T
    mask[rows, columns] = True  # also where it is smaller than a pixel
    both = np.maximum(habit.contrast * small, habit.density * large)
    both *= np.clip(2 * thorax.clear - 1, 0, 1)
    return Opacities(both, mask & lungs, len(shown) / area)


def _draw_small(
    habit: Habit,
    grid: Grid,
    pixels: Floats,
    rng: np.random.Generator,
    shown: NDArray[np.intp],
) -> Floats:
    """Draw small round opacities, about 1 high; blur those finer than a pixel."""
    size, strength = rng.uniform((-2, 0.7), (2, 1.3), (len(pixels), 2))[shown].T
    exact = habit.width * np.exp(habit.mixture * size) * grid.pixels_per_unit()
    sigma = np.maximum(exact, 0.5)
    height = strength * (exact / sigma) ** 2
    spots = sigma.astype(np.float32), height.astype(np.float32)
    return add_spots(grid.size, pixels[shown], *spots)


def _places(habit: Habit, rng: np.random.Generator) -> Floats:
    """Draw candidate places in the body, denser in the upper zones."""
    points = rng.uniform((-1, -0.9), (1, 0.8), (_CANDIDATES, 2))
    weight = 1 - habit.upper * np.clip(points[:, 1] + 0.4, 0, 0.9)
    return points[rng.uniform(0, 1.1, _CANDIDATES) < weight].astype(np.float32)


def _hits(lungs: Bools, pixels: Floats) -> Bools:
    rows, columns = np.rint(pixels).astype(np.intp).T
    last = len(lungs) - 1
    inside = (rows >= 0) & (rows <= last) & (columns >= 0) & (columns <= last)
    hits: Bools = inside & lungs[rows.clip(0, last), columns.clip(0, last)]
    return hits


def _draw_masses(grade: Grade, grid: Grid, rng: np.random.Generator) -> Floats:
    """Draw large opacities: lumps of overlapping spots in the upper zones."""
    if rng.uniform() >= grade.large:
        return np.zeros_like(grid.x)
    number = int(rng.integers(grade.masses[0], grade.masses[1] + 1))
    x = rng.choice([-1.0, 1.0], number) * rng.uniform(0.28, 0.52, number)
    y = rng.uniform(-0.55, -0.05, number)
    spread = rng.uniform(*grade.mass_sigma, number)
    scatter = rng.normal(0, 1, (_BLOBS, number, 2)) * spread[:, None] * (1.0, 1.3)
    points = (np.stack([x, y], 1) + scatter).reshape(-1, 2).astype(np.float32)
    widths = spread * rng.uniform(0.35, 0.7, (_BLOBS, number))
    sigma = (widths * grid.pixels_per_unit()).ravel().astype(np.float32)
    height = np.full(sigma.shape, 0.7, dtype=np.float32)
    pile = add_spots(grid.size, grid.to_pixels(points), sigma, height)
    fused: Floats = 1 - np.exp(-1.5 * pile)
    return fused
