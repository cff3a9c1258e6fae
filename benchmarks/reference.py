"""A cascade of two networks with TenCrop, as it is written in plain PyTorch.

What the published systems do: both networks in float32, torchvision's TenCrop, softmax
averaged over the crops, a cut point on the screen. Scans are brought to their frames
by our reader, so that labels can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import functional

from hierclf.bundle.store import Bundle
from hierclf.loading.scans import FrameReader
from hierclf.training.estimator import NetworkClassifier

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH = 4


class Crops(Dataset[Tensor]):
    """Ten normalized crops of each scan.

    Parameters
    ----------
    paths : sequence of str
        Scans.
    size : int
        Side of a crop in pixels.
    """

    def __init__(self, paths: Sequence[str], size: int) -> None:
        self.paths = paths
        self.size = size
        self.reader = FrameReader(round(size * 8 / 7))

    def __len__(self) -> int:
        """Count the scans."""
        return len(self.paths)

    def __getitem__(self, place: int) -> Tensor:
        """Give the crops of a scan, shape (10, 3, size, size)."""
        frame = torch.from_numpy(self.reader.read(self.paths[place]))
        color = frame.expand(3, -1, -1)
        crops = torch.stack(functional.ten_crop(color, [self.size, self.size]))
        normal: Tensor = functional.normalize(crops, _MEAN, _STD)
        return normal


@dataclass(frozen=True)
class Reference:
    """Two networks and a cut point.

    Parameters
    ----------
    screen, refine : torch.nn.Module
        Images to logits; the screen's second class is diseased.
    cut_point : float
        A scan is diseased where its mean score is not below.
    size : int
        Side of a crop in pixels.
    """

    screen: nn.Module
    refine: nn.Module
    cut_point: float
    size: int

    def labels(self, paths: Sequence[str]) -> NDArray[np.intp]:
        """Name the label of each scan: 0 is healthy, then the refinement's classes."""
        found = []
        with torch.no_grad():
            for crops in DataLoader(Crops(paths, self.size), batch_size=_BATCH):
                flat = crops.flatten(0, 1)
                score = _mean(self.screen(flat), len(crops))[:, 1]
                stage = _mean(self.refine(flat), len(crops)).argmax(dim=1)
                sick = score >= self.cut_point
                found.append(torch.where(sick, stage + 1, 0))
        labels: NDArray[np.intp] = torch.cat(found).numpy()
        return labels


def _mean(logits: Tensor, n_scans: int) -> Tensor:
    shares = torch.softmax(logits, dim=1)
    return shares.reshape(n_scans, -1, shares.shape[1]).mean(dim=1)


def reference_of(bundle: Bundle) -> Reference:
    """Take the networks of a bundle out of our classes.

    Parameters
    ----------
    bundle : Bundle
        Both stages are networks, the refinement decides for its most probable stage.

    Returns
    -------
    reference : Reference
        With copies of their weights.
    """
    cascade = bundle.cascade
    screen, refine = cascade.screen_, cascade.refine_
    size = screen.resolved_options().image_size
    return Reference(_plain(screen), _plain(refine), cascade.cut_point_, size)


def _plain(stage: NetworkClassifier) -> nn.Module:
    featurizer = stage.network_.featurizer
    parts = featurizer.trunk, featurizer.pool, stage.network_.head
    return nn.Sequential(*parts).float().eval()
