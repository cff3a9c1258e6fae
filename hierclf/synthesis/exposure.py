"""From attenuation to gray values: uneven exposure, film curve, quantum noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierclf.synthesis.anatomy import Floats, Grid, between


@dataclass(frozen=True)
class Exposure:
    """How one scan was exposed and developed.

    Attributes
    ----------
    brightness : float
        Shift of the film curve, in units of attenuation.
    contrast : float
        Slope of the film curve.
    gamma : float
        Exponent of the gray values.
    tilt_x, tilt_y : float
        Uneven exposure: attenuation from the middle to an edge.
    noise : float
        Standard deviation of quantum noise at attenuation 0.
    """

    brightness: float = between(-0.22, 0.22)
    contrast: float = between(1.0, 1.2)
    gamma: float = between(0.88, 1.14)
    tilt_x: float = between(-0.18, 0.18)
    tilt_y: float = between(-0.15, 0.15)
    noise: float = between(0.03, 0.055)


def expose(
    attenuation: Floats, exposure: Exposure, grid: Grid, rng: np.random.Generator
) -> Floats:
    r"""Make the picture.

    Parameters
    ----------
    attenuation : ndarray of float32, shape (size, size)
        Sum over everything that the rays passed.
    exposure : Exposure
        How the scan was taken.
    grid : Grid
        Its pixels.
    rng : numpy.random.Generator
        Of the scan: the noise.

    Returns
    -------
    image : ndarray of float32, shape (size, size), in [0, 1]
        Bright where much was passed, as films are shown.

    Notes
    -----
    Noise of :math:`n` counted quanta has the standard deviation
    :math:`1/\sqrt n` in attenuation, and :math:`n` falls with its exponential:
    dense regions are noisier before the film curve flattens them. The curve is
    fixed by chance alone and not by the picture, so that disease changes no
    gray value outside the opacities.
    """
    size = grid.size
    noise = rng.standard_normal((size, size), dtype=np.float32)
    noise *= exposure.noise * np.exp(np.clip(0.25 * attenuation, -0.6, 0.9))
    line = np.linspace(-1, 1, size, dtype=np.float32)
    uneven = exposure.tilt_x * line + (exposure.tilt_y * line)[:, None]
    total = attenuation + noise + uneven + exposure.brightness
    image = 1 / (1 + np.exp(-exposure.contrast * (total - 0.15)))
    return np.asarray(image**exposure.gamma, dtype=np.float32)
