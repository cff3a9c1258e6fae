"""Random changes to a training frame together with its mask.

Masks are drawn on few scans, often of one device, and a network that finds lungs must
find them on others. So by default frames are changed far more than for a classifier:
what is a lung does not depend on contrast, sharpness or noise, nor on how dark the
tissue beside it is or what lies there. A network that was trained on phantoms without
these last changes took dark shoulders and necks of real scans for lung. What `augment`
says of albumentations holds here, too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

Frame = NDArray[np.float32]
Mask = NDArray[np.bool_]
_CELLS, _EDGE_PX = 5, 1.5
PairAugmentation = Callable[[Frame, Mask, int], tuple[Frame, Mask]]


class PairOptions(BaseModel):
    """How scans and masks are changed; zero or false switches a change off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizontal_flip: bool = Field(True, description="mirror every second scan")
    rotation_deg: float = Field(
        10.0, ge=0, le=180, description="largest rotation either way, in degrees"
    )
    shift: float = Field(
        0.1, ge=0, lt=1, description="largest shift, as a share of the side"
    )
    zoom: float = Field(
        0.3, ge=0, lt=1, description="largest change of scale, as a share of 1"
    )
    warp: float = Field(
        0.3, ge=0, lt=1, description="largest stretch of a cell of a 5 x 5 grid"
    )
    tissue: float = Field(
        0.8,
        ge=0,
        lt=1,
        description="by how much tissue outside of the lungs becomes darker at most, "
        "more in some places than in others",
    )
    foreign: int = Field(
        4,
        ge=0,
        le=32,
        description="most gray ellipses that are drawn outside of the lungs, as arms, "
        "stomachs and borders are",
    )
    shade: float = Field(
        0.3, ge=0, lt=1, description="largest change of brightness from place to place"
    )
    gamma: float = Field(
        0.8, ge=0, le=4, description="largest exponent of 2 in the gamma, either way"
    )
    contrast: float = Field(
        0.4, ge=0, lt=1, description="largest change of contrast, as a share"
    )
    brightness: float = Field(
        0.2, ge=0, lt=1, description="largest change of brightness, of the full range"
    )
    blur: float = Field(
        0.01, ge=0, lt=1, description="largest Gaussian blur, as a share of the side"
    )
    noise: float = Field(
        0.08, ge=0, le=1, description="largest standard deviation of Gaussian noise"
    )
    inverted: float = Field(
        0.0, ge=0, le=1, description="share of scans that are shown as negatives"
    )


def make_pair_augmentation(options: PairOptions, side: int) -> PairAugmentation:
    """Build the random change of a training frame and its mask.

    Parameters
    ----------
    options : PairOptions
        What may change, and how far.
    side : int
        Side of the frames in pixels.

    Returns
    -------
    change : callable
        Takes a frame of shape (side, side), float32 in [0, 1], its mask and a seed;
        gives both, changed alike in shape. The same seed gives the same change.
    """
    import albumentations

    own = threading.local()  # a pipeline holds the state of its generator

    def change(frame: Frame, mask: Mask, seed: int) -> tuple[Frame, Mask]:
        if not hasattr(own, "pipeline"):
            own.pipeline = albumentations.Compose(_steps(options, side))
        own.pipeline.set_random_seed(seed)
        shaded = _shaded(frame, mask, options, np.random.default_rng(seed))
        told = own.pipeline(image=shaded[:, :, None], mask=mask.astype(np.uint8))
        image = np.clip(told["image"][:, :, 0], 0.0, 1.0).astype(np.float32)
        return image, told["mask"].astype(np.bool_)

    return change


def _shaded(
    frame: Frame, mask: Mask, options: PairOptions, rng: np.random.Generator
) -> Frame:
    """Darken and cover tissue, and change the brightness of all by places."""
    side = frame.shape[0]
    darker = options.tissue * rng.random() * _field(side, rng)
    outside = cv2.GaussianBlur((~mask).astype(np.float32), (0, 0), _EDGE_PX)
    seen = frame * (1 - darker * outside)
    for _ in range(rng.integers(options.foreign + 1)):
        cover = _ellipse(side, rng) * rng.uniform(0.3, 1.0) * outside
        seen = seen * (1 - cover) + rng.random(dtype=np.float32) * cover
    light = 1 + options.shade * (2 * _field(side, rng) - 1)
    shaded: Frame = np.clip(seen * light, 0.0, 1.0)
    return shaded


def _ellipse(side: int, rng: np.random.Generator) -> Frame:
    """Draw an ellipse of up to half the side, shape (side, side), with soft edges."""
    center = [int(place) for place in rng.integers(side, size=2)]
    axes = [int(part) for part in rng.uniform(0.05, 0.25, 2) * side + 1]
    canvas = np.zeros((side, side), dtype=np.float32)
    cv2.ellipse(canvas, center, axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.5, 0.03 * side)))


def _field(side: int, rng: np.random.Generator) -> Frame:
    """Draw a smooth field of values in [0, 1], shape (side, side)."""
    cells = rng.random((_CELLS, _CELLS), dtype=np.float32)
    field = cv2.resize(cells, (side, side), interpolation=cv2.INTER_CUBIC)
    return np.clip(np.asarray(field), 0.0, 1.0)


def _steps(options: PairOptions, side: int) -> list[object]:
    import albumentations as library

    o = options
    flip, warp = library.HorizontalFlip(p=0.5), (-o.warp, o.warp)
    steps: list[tuple[object, object]] = [
        (o.horizontal_flip, flip),
        (o.warp, library.GridDistortion(5, distort_limit=warp, p=0.5)),
        (
            o.rotation_deg or o.shift or o.zoom,
            library.Affine(
                rotate=(-o.rotation_deg, o.rotation_deg),
                translate_percent=(-o.shift, o.shift),
                scale=(1 - o.zoom, 1 + o.zoom),
                border_mode=cv2.BORDER_CONSTANT,
                p=1.0,
            ),
        ),
        (
            o.gamma,
            library.RandomGamma((100 * 2**-o.gamma, 100 * 2**o.gamma), p=1.0),
        ),
        (
            o.contrast or o.brightness,
            library.RandomBrightnessContrast(
                brightness_limit=o.brightness, contrast_limit=o.contrast, p=1.0
            ),
        ),
        (
            o.blur,
            library.GaussianBlur(
                blur_limit=0, sigma_limit=(0.1, max(0.1, o.blur * side)), p=0.5
            ),
        ),
        (
            o.noise,
            library.GaussNoise(std_range=(0.0, o.noise), per_channel=False, p=0.5),
        ),
        (o.inverted, library.InvertImg(p=o.inverted)),
    ]
    return [step for wanted, step in steps if wanted]
