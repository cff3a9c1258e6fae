"""One phantom scan from its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hierclf.foundation.seeding import generator
from hierclf.synthesis.anatomy import (
    Anatomy,
    Bools,
    Floats,
    Pose,
    draw,
    make_grid,
)
from hierclf.synthesis.exposure import Exposure, expose
from hierclf.synthesis.opacities import Stage, draw_opacities
from hierclf.synthesis.shapes import smooth_noise
from hierclf.synthesis.skeleton import draw_skeleton
from hierclf.synthesis.thorax import Thorax, draw_thorax
from hierclf.synthesis.vessels import draw_vessels


@dataclass(frozen=True)
class Drawing:
    """One phantom scan with what is known about it.

    Attributes
    ----------
    image : ndarray of float32, shape (size, size), in [0, 1]
        Gray values, dense parts bright; the patient's left is at the right.
    lung_mask : ndarray of bool, shape (size, size)
        The lung fields that neither heart nor diaphragm hides.
    lesion_mask : ndarray of bool, shape (size, size)
        Where opacities were added; a part of `lung_mask`, empty in the healthy.
    stage : {"healthy", "stage1", "stage2", "stage3"}
        The truth.
    profusion : float
        Small opacities per 100 square centimeters of lung.
    """

    image: Floats
    lung_mask: Bools
    lesion_mask: Bools
    stage: Stage
    profusion: float


def draw_scan(
    stage: Stage, *, seed: int = 0, patient: int = 0, scan: int = 0, size: int = 256
) -> Drawing:
    """Draw one scan of one patient.

    Each part has a generator of its own, and the stage reaches none but the
    opacities: with another stage the same patient keeps every gray value
    outside the opacities, and the lung mask.

    Parameters
    ----------
    stage : {"healthy", "stage1", "stage2", "stage3"}
        Disease to show.
    seed : int, default=0
        Root seed.
    patient : int, default=0
        Number of the patient: anatomy, bones, vessels, places of opacities.
    scan : int, default=0
        Number of the scan: pose, exposure, noise, how many opacities show.
    size : int, default=256
        Side of the picture in pixels.

    Returns
    -------
    drawing : Drawing
        The same for the same arguments on the same machine.

    Examples
    --------
    >>> sick = draw_scan("stage3", size=64)
    >>> well = draw_scan("healthy", size=64)
    >>> bool((sick.image == well.image)[~sick.lung_mask].all())
    True
    """

    def stream(*names: str | int) -> np.random.Generator:
        return generator(seed, "phantom", patient, *names)

    anatomy = draw(Anatomy, stream("anatomy"))
    grid = make_grid(size, draw(Pose, stream("pose", scan)))
    thorax = draw_thorax(anatomy, grid)
    total = thorax.attenuation + draw_skeleton(anatomy, grid, thorax, stream("bones"))
    total += draw_vessels(anatomy, grid, thorax.air, stream("vessels"))
    total += _texture(anatomy, thorax, stream("texture"))
    opacities = draw_opacities(
        stage, grid, thorax, stream("opacities"), stream("opacities", scan)
    )
    total += opacities.attenuation
    light = stream("exposure", scan)
    image = expose(total, draw(Exposure, light), grid, light)
    return Drawing(image, thorax.lungs, opacities.mask, stage, opacities.profusion)


def _texture(anatomy: Anatomy, thorax: Thorax, rng: np.random.Generator) -> Floats:
    """Irregularities of the soft tissue, and of the lung between the vessels."""
    size = len(thorax.air)
    soft, coarse, fine = (smooth_noise(rng, size, cells) for cells in (7, 24, 96))
    lung = (0.09 * fine + 0.06 * coarse) * np.minimum(thorax.air * 2, 1)
    texture: Floats = anatomy.texture * (lung + 0.10 * soft)
    return texture
