"""What cuts the lungs out of frames before any network classifies them.

The mask is found in the frame and not in the scan as it was stored. That costs some
sharpness, but a scan then has the same mask in training, in scoring (where a scan is
brought to its frame at once) and from memory. It is computed in float32, one frame at
a time, so that no score depends on what else was in a batch.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from hierclf.foundation.files import sha256_bytes
from hierclf.inference.precision import default_device
from hierclf.loading.scans import Frame
from hierclf.networks.unet import UNet
from hierclf.segmentation.masks import THRESHOLD, Lungs, clean_mask
from hierclf.transforms.geometry import fit_frame

_CODE = "lungs 1"  # to be raised when the same frame would get another mask
_REMEMBERED = 4096  # masks, in bits: some 8 kB each


class Segmenter:
    """Find the lungs in a frame, and make black what is outside of them.

    It is a `hierclf.loading.scans.Preparation`. It never changes; copies are itself,
    as when scikit-learn clones what holds it.

    Parameters
    ----------
    network : UNet
        Trained.
    image_size : int
        Side in pixels of what the U-Net sees.
    about : object, optional
        What is known of it, for bundles and reports.
    """

    def __init__(self, network: UNet, image_size: int, about: Any = None) -> None:
        self.network = network.eval().requires_grad_(False).to(default_device())
        self.image_size = image_size
        self.about = about
        self.digest = _digest_of(network, image_size)
        self._masks: OrderedDict[str, tuple[NDArray[np.uint8], bool]] = OrderedDict()
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Segmenter:
        """Give itself: it never changes."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave masks of others' scans, and the lock, behind."""
        return Segmenter, (self.network, self.image_size, self.about)

    def __call__(self, frame: Frame) -> Frame:
        """Make black what is outside of the lungs.

        Parameters
        ----------
        frame : ndarray of float32, shape (side, side), in [0, 1]
            Of any side.

        Returns
        -------
        frame : ndarray of float32, shape (side, side), in [0, 1]
            The same where no lungs were found.
        """
        return np.where(self.lungs(frame).mask, frame, np.float32(0))

    def lungs(self, frame: Frame) -> Lungs:
        """Find the lungs, or recall where they are.

        Parameters
        ----------
        frame : ndarray of float32, shape (side, side), in [0, 1]
            Of any side.

        Returns
        -------
        lungs : Lungs
            Mask of the shape of the frame.
        """
        key = sha256_bytes(f"{frame.shape}".encode() + frame.tobytes())
        with self._lock:
            kept = self._masks.get(key)
        if kept is None:
            lungs = clean_mask(self.probabilities(frame))
            self._remember(key, lungs)
            return lungs
        bits = np.unpackbits(kept[0], count=frame.size)
        return Lungs(bits.reshape(frame.shape).astype(np.bool_), kept[1])

    def probabilities(self, frame: Frame) -> Frame:
        """Give the probability of lung at every pixel.

        Parameters
        ----------
        frame : ndarray of float32, shape (side, side), in [0, 1]
            Of any side.

        Returns
        -------
        probabilities : ndarray of float32, shape (side, side), in [0, 1]
            Those of the U-Net, brought from its size to that of the frame.
        """
        image = torch.from_numpy(fit_frame(frame, self.image_size))[None, None]
        with torch.inference_mode():
            logits = self.network(image.to(default_device()))
            small = torch.sigmoid(logits)[0, 0].float().cpu().numpy()
        size = (frame.shape[1], frame.shape[0])
        return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR))

    def _remember(self, key: str, lungs: Lungs) -> None:
        with self._lock:
            self._masks[key] = (np.packbits(lungs.mask), lungs.found)
            while len(self._masks) > _REMEMBERED:
                self._masks.popitem(last=False)


def _digest_of(network: UNet, image_size: int) -> str:
    """Name a segmenter by all that its masks depend on; 64 hexadecimal digits."""
    digest = hashlib.sha256(f"{_CODE} {image_size} {THRESHOLD}".encode())
    digest.update(repr(network).encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()
