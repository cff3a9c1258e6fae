"""The shape of a patient, and how the patient stood in front of the detector.

Everything that makes one patient look unlike another is a number drawn from a
range that stands beside its name. No range depends on the stage of disease.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
"""Fields of a picture; float32 wherever they have the size of one."""

Bools = NDArray[np.bool_]

FRAME_CM = 40.0
"""Side of the square frame in centimeters: a common detector format."""

N_RIBS = 11

T = TypeVar("T")


def between(low: float, high: float) -> Any:
    """Declare a number that `draw` takes uniformly from a range.

    Parameters
    ----------
    low, high : float
        Ends of the range.

    Returns
    -------
    declaration : dataclasses.Field
        Field of a dataclass, typed as Any so that it can stand for a float.
    """
    return field(metadata={"range": (low, high)})


def draw(kind: type[T], rng: np.random.Generator) -> T:
    """Draw every number of a dataclass declared with `between`.

    Parameters
    ----------
    kind : type
        A dataclass.
    rng : numpy.random.Generator
        Source of chance; one number is taken per field, in their order.

    Returns
    -------
    drawn : kind
        An instance.
    """
    ranges = {part.name: part.metadata["range"] for part in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: float(rng.uniform(*ends)) for name, ends in ranges.items()})


@dataclass(frozen=True)
class Anatomy:
    """What all scans of a patient share.

    Lengths and positions are in half frame sides: x runs from -1 (left edge of
    the picture, the patient's right) to 1, y from -1 (top) to 1. Densities are
    in units of attenuation or factors of it, angles in radians.
    """

    # lungs and rib cage: largest half width, top, height of the largest width
    half_width: float = between(0.68, 0.82)
    apex: float = between(-0.86, -0.78)
    widest: float = between(0.45, 0.65)
    squareness: float = between(2.6, 3.2)
    # diaphragm: height of the right dome, how much lower the left one is, shape
    base: float = between(0.40, 0.52)
    left_drop: float = between(0.01, 0.09)
    dome: float = between(0.10, 0.20)
    dome_peak: float = between(0.30, 0.42)
    # skin: distance from the ribs, armpit, height of the shoulders
    margin: float = between(0.14, 0.34)
    axilla: float = between(-0.25, -0.05)
    shoulder: float = between(0.90, 1.02)
    # mediastinum and heart; the aortic knob is the bulge on the left
    mediastinum: float = between(0.13, 0.175)
    knob: float = between(0.03, 0.08)
    heart_x: float = between(0.10, 0.15)
    heart_length: float = between(0.36, 0.46)
    heart_width: float = between(0.22, 0.28)
    heart_tilt: float = between(0.55, 0.95)
    atrium: float = between(0.18, 0.23)
    trachea: float = between(-0.03, 0.01)
    # bones
    rib_first: float = between(-0.99, -0.93)
    rib_gap: float = between(0.155, 0.185)
    rib_drop: float = between(0.20, 0.30)
    rib_half: float = between(0.029, 0.038)
    rib_density: float = between(0.28, 0.48)
    clavicle_y: float = between(-0.58, -0.48)
    clavicle_rise: float = between(0.16, 0.34)
    clavicle_bend: float = between(0.01, 0.035)
    scapula: float = between(0.86, 1.04)
    # soft tissue in front, gas in the stomach
    breast: float = between(0.0, 0.35)
    breast_y: float = between(0.30, 0.45)
    gas: float = between(0.0, 0.9)
    # lung markings
    vessel_density: float = between(0.8, 1.2)
    texture: float = between(0.7, 1.3)


@dataclass(frozen=True)
class Pose:
    """How a patient stood when one scan was taken.

    Attributes
    ----------
    turn : float
        Rotation in the plane of the picture, in radians (3 degrees at most).
    shift_x, shift_y : float
        Displacement in half frame sides.
    zoom : float
        Magnification.
    breath : float
        Vertical stretch of the chest: depth of inspiration.
    """

    turn: float = between(-0.052, 0.052)
    shift_x: float = between(-0.035, 0.035)
    shift_y: float = between(-0.03, 0.03)
    zoom: float = between(0.96, 1.03)
    breath: float = between(0.95, 1.03)


@dataclass(frozen=True)
class Grid:
    """Pixels of a scan in the coordinates of the body.

    Attributes
    ----------
    x, y : ndarray of float32, shape (size, size)
        Where the center of each pixel lies in the body, in half frame sides.
    pose : Pose
        The mapping that made them.
    """

    x: Floats
    y: Floats
    pose: Pose

    @property
    def size(self) -> int:
        """Side of the picture in pixels."""
        return int(self.x.shape[0])

    def to_pixels(self, points: Floats) -> Floats:
        """Find where points of the body fall in the picture.

        Parameters
        ----------
        points : ndarray of float32, shape (n_points, 2)
            Their x and y in the body.

        Returns
        -------
        pixels : ndarray of float32, shape (n_points, 2)
            Row and column, 0 at the center of the first pixel; may lie outside.
        """
        pose = self.pose
        cos, sin = np.cos(pose.turn), np.sin(pose.turn)
        x = points[:, 0]
        y = (points[:, 1] + 1) * pose.breath - 1
        across = (x * cos - y * sin) * pose.zoom + pose.shift_x
        down = (x * sin + y * cos) * pose.zoom + pose.shift_y
        half = self.size / 2
        return np.stack([down, across], axis=1).astype(np.float32) * half + half - 0.5

    def pixels_per_unit(self) -> float:
        """Length of half a frame side of the body in pixels."""
        return self.size / 2 * self.pose.zoom

    def along(self, coordinate: Floats, values: Floats) -> Floats:
        """Spread a function of one coordinate over the picture.

        Parameters
        ----------
        coordinate : ndarray of float32, shape (size, size)
            `x` or `y`.
        values : ndarray of float, shape (n_knots,)
            The function at `knots`.

        Returns
        -------
        field : ndarray of float32, shape (size, size)
            Value of the nearest knot.
        """
        scale = (values.size - 1) / (2 * _REACH)
        index = ((coordinate + _REACH) * scale + 0.5).astype(np.intp)
        return values.astype(np.float32)[index]

    def knots(self) -> NDArray[np.float64]:
        """Coordinates at which a function for `along` is wanted, 8 per pixel."""
        return np.linspace(-_REACH, _REACH, 8 * self.size)


_REACH = 1.4
"""No pixel of any pose lies further from the middle of the body than this."""


def make_grid(size: int, pose: Pose) -> Grid:
    """Compute the body coordinates of every pixel.

    Parameters
    ----------
    size : int
        Side of the picture in pixels.
    pose : Pose
        How the patient stood.

    Returns
    -------
    grid : Grid
        `Grid.to_pixels` is its inverse.

    Examples
    --------
    >>> grid = make_grid(4, Pose(0.0, 0.0, 0.0, 1.0, 1.0))
    >>> grid.x[0].tolist()
    [-0.75, -0.25, 0.25, 0.75]
    """
    line = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1).astype(np.float32)
    across = (line - pose.shift_x) / pose.zoom
    down = ((line - pose.shift_y) / pose.zoom)[:, None]
    cos, sin = float(np.cos(pose.turn)), float(np.sin(pose.turn))
    x = across * cos + down * sin
    y = (down * cos - across * sin + 1) / pose.breath - 1
    return Grid(x, y, pose)
