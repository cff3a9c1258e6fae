"""Soft tissue and air: body, lungs, mediastinum, heart, diaphragm.

Fields are in units of attenuation: what lies behind one another adds up, and
`hierclf.synthesis.exposure` turns the sum into gray values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierclf.synthesis.anatomy import Anatomy, Bools, Floats, Grid
from hierclf.synthesis.shapes import ellipsoid, ramp


@dataclass(frozen=True)
class Thorax:
    """Parts that other parts are drawn against.

    Attributes
    ----------
    attenuation : ndarray of float32, shape (size, size)
        Of everything in this module.
    air : ndarray of float32, shape (size, size), in [0, 1]
        Depth of air that a ray passes.
    clear : ndarray of float32, shape (size, size), in [0, 1]
        1 where neither heart nor mediastinum nor diaphragm hides the lung.
    wall : ndarray of float32, shape (size, size)
        Half width of the rib cage at the height of each pixel.
    """

    attenuation: Floats
    air: Floats
    clear: Floats
    wall: Floats

    @property
    def lungs(self) -> Bools:
        """The lung fields, ndarray of bool, shape (size, size)."""
        return self.clear > 0.5


def draw_thorax(anatomy: Anatomy, grid: Grid) -> Thorax:
    """Draw soft tissue and air.

    Parameters
    ----------
    anatomy : Anatomy
        Shape of the patient.
    grid : Grid
        Pixels of the scan.

    Returns
    -------
    thorax : Thorax
        Its fields.
    """
    wall = _wall(anatomy, grid)
    away = _above_diaphragm(anatomy, grid)
    center = _mediastinum(anatomy, grid)
    heart = _heart(anatomy, grid) * ramp(away + 0.03, 0.08)
    inside = ramp(wall - np.abs(grid.x), 0.025)
    field = inside * ramp(away, 0.025) * ramp(-center - _cupola(anatomy, grid), 0.03)
    depth = np.maximum(1 - (grid.x / np.maximum(wall, 0.05)) ** 2, 0) ** 0.33
    clear = field * np.maximum(1 - 4 * heart, 0)
    air = field * depth * (1 - 0.8 * np.minimum(heart * 2.5, 1))
    column = ramp(center, 0.04) * ramp(away + 0.15, 0.4)
    column *= 0.35 + 0.65 * ramp(grid.y - anatomy.apex, 0.3)
    attenuation = (
        _body(anatomy, grid)
        - 2.2 * air
        + np.maximum(1.1 * column, 1.6 * heart)
        + 0.3 * column
        + 0.7 * _belly(anatomy, grid, wall, away)
        + _breasts(anatomy, grid)
        + _hila(grid)
        - _windpipe(anatomy, grid)
    )
    return Thorax(attenuation, air, clear, wall)


def _wall(anatomy: Anatomy, grid: Grid) -> Floats:
    """Half width of the rib cage at each height: a superellipse to the apex."""
    y = grid.knots()
    power = anatomy.squareness
    rise = np.clip((anatomy.widest - y) / (anatomy.widest - anatomy.apex), 0, 1)
    half = anatomy.half_width * (1 - rise**power) ** (1 / power)
    return grid.along(grid.y, half)


def _above_diaphragm(anatomy: Anatomy, grid: Grid) -> Floats:
    """Height above the domes; the right one (left in the picture) is higher."""
    top = anatomy.base + anatomy.left_drop * ramp(grid.x, 0.2)
    aside = (np.abs(grid.x) - anatomy.dome_peak) * (1 / 0.4)
    steep = np.where(aside > 0, 1.25, 0.6).astype(np.float32)
    return top + anatomy.dome * steep * aside * aside - grid.y


def _mediastinum(anatomy: Anatomy, grid: Grid) -> Floats:
    """Distance inside its border: aortic knob, pulmonary trunk, vena cava."""
    y = grid.knots()
    knob = anatomy.knob * np.exp(-(((y + 0.33) / 0.08) ** 2))
    trunk = 0.07 * np.exp(-(((y - 0.02) / 0.15) ** 2))
    cava = 0.05 * np.exp(-(((y - 0.05) / 0.25) ** 2))
    left = grid.along(grid.y, anatomy.mediastinum + knob + trunk)
    right = grid.along(grid.y, anatomy.mediastinum + cava - 0.01)
    inside: Floats = np.where(grid.x > 0, left, right) - np.abs(grid.x)
    return inside


def _cupola(anatomy: Anatomy, grid: Grid) -> Floats:
    """How far the top of each lung stands away from the mediastinum."""
    rise = 0.16 * np.exp(-(grid.knots() - anatomy.apex) / 0.06)
    return grid.along(grid.y, np.minimum(rise, 1))


def _heart(anatomy: Anatomy, grid: Grid) -> Floats:
    """Thickness of the ventricles and of the right atrium."""
    low = anatomy.base - 0.20
    x, y = grid.x - anatomy.heart_x, grid.y - low
    cos, sin = float(np.cos(anatomy.heart_tilt)), float(np.sin(anatomy.heart_tilt))
    along, aside = x * cos + y * sin, y * cos - x * sin
    main = ellipsoid(along, aside, anatomy.heart_length, anatomy.heart_width)
    main *= ramp(grid.x + 0.05, 0.2)  # the right border is the atrium's
    atrium = ellipsoid(grid.x + 0.04, y - 0.02, anatomy.atrium, 0.34)
    heart: Floats = np.maximum(main, 0.9 * atrium)
    return heart


def _body(anatomy: Anatomy, grid: Grid) -> Floats:
    """Soft tissue with its outline; air outside counts as strongly negative."""
    skin = anatomy.half_width + anatomy.margin
    arms = 0.6 / (1 + np.exp((grid.knots() - anatomy.axilla) / 0.07))
    half = grid.along(grid.y, skin + arms)
    side = half - np.abs(grid.x)
    neck = 0.24 + 0.25 * np.exp((grid.knots() + anatomy.shoulder) / 0.10)
    edge = grid.along(grid.y, np.minimum(neck, 2.5))
    inside = ramp(np.minimum(side, edge - np.abs(grid.x)), 0.02)
    depth = np.sqrt(np.clip(1 - (grid.x / (half + 0.1)) ** 2, 0.02, 1))
    tissue: Floats = inside * (0.35 + 0.95 * depth + 3.8) - 3.8
    return tissue


def _belly(anatomy: Anatomy, grid: Grid, wall: Floats, away: Floats) -> Floats:
    """Organs below the diaphragm, with gas in the stomach on the left."""
    within = ramp(wall + 0.01 - np.abs(grid.x), 0.03)
    flanks = ramp(wall + 0.05 - np.abs(grid.x), 0.45) * ramp(-away - 0.12, 0.3)
    gas = ellipsoid(grid.x - 0.36, grid.y - anatomy.base - 0.19, 0.15, 0.08)
    organs: Floats = np.maximum(within * ramp(0.3 + away, 0.5), flanks)
    return organs * ramp(-away, 0.025) * (1 - anatomy.gas * gas)


def _hila(grid: Grid) -> Floats:
    """Roots of the lungs: the vessels and bronchi too dense to be told apart."""
    x, y = np.abs(grid.x) - 0.22, grid.y + 0.02 + 0.03 * np.sign(grid.x)
    return 0.45 * np.exp(-((x / 0.08) ** 2) - (y / 0.12) ** 2)


def _breasts(anatomy: Anatomy, grid: Grid) -> Floats:
    """Soft tissue in front of the lower zones."""
    x = np.abs(grid.x) - 0.45
    return anatomy.breast * ellipsoid(x, grid.y - anatomy.breast_y, 0.36, 0.34)


def _windpipe(anatomy: Anatomy, grid: Grid) -> Floats:
    """Trachea and main bronchi: air in front of the spine."""
    x = grid.x - anatomy.trachea
    fork = ramp(-0.24 - grid.y, 0.05)
    tube = 0.55 * fork * ramp(0.036 - np.abs(x), 0.022)
    drop = grid.y + 0.24 - 0.75 * np.abs(x)
    bronchi = ramp(0.026 - np.abs(drop), 0.03) * ramp(0.17 - np.abs(x), 0.06)
    return tube + 0.28 * bronchi * (1 - fork)
