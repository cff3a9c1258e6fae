"""Random changes to a training frame, drawn from a seed of our own.

albumentations draws and applies; it is the library that the field uses, and its
2.0.8 is the last release under a free license. It would ask the network for
updates at import, which is switched off here before it is imported.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

Frame = NDArray[np.float32]
Augmentation = Callable[[Frame, int], Frame]


class AugmentOptions(BaseModel):
    """How training frames are changed; zero or false switches a change off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crop: float = Field(
        0.8, gt=0, le=1, description="side of the random crop, as a share of the frame"
    )
    horizontal_flip: bool = Field(True, description="mirror every second frame")
    vertical_flip: bool = Field(False, description="turn every second frame over")
    rotation_deg: float = Field(
        0.0, ge=0, le=180, description="largest rotation either way, in degrees"
    )
    shift: float = Field(
        0.0, ge=0, lt=1, description="largest shift, as a share of the frame"
    )
    zoom: float = Field(
        0.0, ge=0, lt=1, description="largest change of scale, as a share of 1"
    )
    brightness: float = Field(
        0.0, ge=0, lt=1, description="largest change of brightness, as a share of white"
    )
    contrast: float = Field(
        0.0, ge=0, lt=1, description="largest change of contrast, as a share of 1"
    )
    noise: float = Field(
        0.0, ge=0, le=1, description="largest standard deviation of Gaussian noise"
    )


def make_augmentation(options: AugmentOptions, image_size: int) -> Augmentation:
    """Build the random change of one training frame.

    Parameters
    ----------
    options : AugmentOptions
        What may change, and how far.
    image_size : int
        Side of the result in pixels.

    Returns
    -------
    augment : callable
        Takes a frame of shape (side, side), float32 in [0, 1], and a seed;
        gives a frame of shape (image_size, image_size) in [0, 1]. The same seed
        gives the same change, in any thread, process and order.
    """
    import albumentations

    own = threading.local()  # a pipeline holds the state of its generator

    def augment(frame: Frame, seed: int) -> Frame:
        if not hasattr(own, "pipeline"):
            own.pipeline = albumentations.Compose(_steps(options, image_size))
        pipeline = own.pipeline
        pipeline.set_random_seed(seed)
        changed = pipeline(image=frame[:, :, None])["image"][:, :, 0]
        return np.clip(np.asarray(changed, dtype=np.float32), 0.0, 1.0)

    return augment


def _steps(options: AugmentOptions, image_size: int) -> list[object]:
    import albumentations as library

    side = (image_size, image_size)
    area = options.crop**2
    steps: list[object] = []
    if options.rotation_deg or options.shift or options.zoom:
        steps.append(
            library.Affine(
                rotate=(-options.rotation_deg, options.rotation_deg),
                translate_percent=(-options.shift, options.shift),
                scale=(1 - options.zoom, 1 + options.zoom),
                p=1.0,
            )
        )
    steps.append(
        library.RandomResizedCrop(side, scale=(area, area), ratio=(1.0, 1.0), p=1.0)
    )
    if options.horizontal_flip:
        steps.append(library.HorizontalFlip(p=0.5))
    if options.vertical_flip:
        steps.append(library.VerticalFlip(p=0.5))
    if options.brightness or options.contrast:
        steps.append(
            library.RandomBrightnessContrast(
                options.brightness, options.contrast, p=1.0
            )
        )
    if options.noise:
        steps.append(
            library.GaussNoise(std_range=(0.0, options.noise), per_channel=False, p=1.0)
        )
    return steps
