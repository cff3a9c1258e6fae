"""What a benchmark works on: phantom radiographs as JPEGs, networks, and bundles.

DenseNet121 and ResNet50 get random weights, since a benchmark must run where none can
be fetched: speed does not depend on them. Their BatchNorm is measured on phantoms, so
that features are of the order of those of a network that learned. EfficientNet-Lite0
has its ImageNet weights. Heads are fitted on the central view of phantoms, in seconds,
and then look by ten views, exact or in one pass: the labels are compared with those of
plain PyTorch and not with the truth.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.reference import plain_network
from hierclf.bundle.description import describe
from hierclf.bundle.info import DataSummary
from hierclf.bundle.store import save_bundle
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.foundation.progress import Progress
from hierclf.networks.backbones import timm_name
from hierclf.networks.choices import Precision
from hierclf.synthesis.scan import draw_scan
from hierclf.training.estimator import NetworkClassifier
from hierclf.training.options import NetworkOptions

HEALTHY = "healthy"
STAGES = ("stage1", "stage2", "stage3")
SIZE = (1400, 1200)
_DRAWN_SIDE = 320
_QUALITY = 90
_N_DRAWN = 48  # drawing takes longest; a multiple of the number of labels


@dataclass(frozen=True)
class Kind:
    """A network that is measured.

    Parameters
    ----------
    name : str
        As ``--backbone`` takes it.
    shared : bool
        Whether screen and refinement look through one trunk, as ``hierclf train`` has
        it by default; else they are two networks, as when each was trained whole.
    """

    name: str
    shared: bool

    @property
    def architecture(self) -> str:
        """Its name in torchvision or timm."""
        return timm_name(self.name)


KINDS = {
    "densenet121": Kind("densenet121", shared=False),
    "resnet50": Kind("resnet50", shared=False),
    "efficientnet_lite0": Kind("efficientnet_lite0", shared=True),
}


def write_scans(folder: Path, n_scans: int, *, first: int = 0) -> Path:
    """Write phantom radiographs, different pictures all, as large gray JPEGs.

    Parameters
    ----------
    folder : Path
        Made; scans that are there stay.
    n_scans : int
        How many.
    first : int, default=0
        Number of the first patient.

    Returns
    -------
    folder : Path
        With files ``<label>-<patient>.jpg``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = (HEALTHY, *STAGES)
    patients = range(first, first + n_scans)
    for patient in Progress(patients, desc="phantoms"):
        label = labels[patient % len(labels)]
        path = folder / f"{label}-{patient:05d}.jpg"
        if not path.exists():
            cv2.imwrite(str(path), _radiograph(label, patient), _jpeg())
    return folder


def shrink_scans(scans: Path, folder: Path, side: int) -> Path:
    """Write the scans of a folder with sides of so many pixels, under their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(scans.iterdir()):
        place = folder / path.name
        if not place.exists():
            picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(place), small, _jpeg())
    return folder


def _jpeg() -> list[int]:
    return [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]


def _radiograph(label: str, patient: int) -> NDArray[np.uint8]:
    """Bring a phantom to the size of a real scan, with a crop and noise of its own."""
    rng = np.random.default_rng(patient)
    image = _phantom(label, patient % _N_DRAWN)
    top, left = rng.integers(0, _DRAWN_SIDE // 12, 2)
    large = cv2.resize(image[top:, left:], SIZE, interpolation=cv2.INTER_CUBIC)
    noise = rng.normal(0, 0.02, large.shape)
    return np.rint(np.clip(large + noise, 0, 1) * 255).astype(np.uint8)


@lru_cache(maxsize=_N_DRAWN)
def _phantom(label: Any, patient: int) -> NDArray[np.float32]:
    return draw_scan(label, patient=patient, size=_DRAWN_SIDE).image


def read_scans(folder: Path) -> tuple[list[NDArray[np.float32]], NDArray[Any]]:
    """Read what `write_scans` wrote, with the labels in the names."""
    paths = sorted(folder.glob("*.jpg"))
    pictures = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
    scans = [picture.astype(np.float32) / 255 for picture in pictures]
    return scans, np.array([path.name.partition("-")[0] for path in paths])


def write_weights(
    kind: Kind, folder: Path, scans: Sequence[NDArray[np.float32]]
) -> dict[str, str]:
    """Write the weights of both stages; gives what ``--weights`` takes for each."""
    if kind.shared:
        return dict.fromkeys(("screen", "refine"), "imagenet")
    found = {}
    for seed, stage in enumerate(("screen", "refine")):
        torch.manual_seed(seed)
        network = plain_network(kind.architecture, 1000)
        _measure_norms(network, scans)
        path = folder / f"{kind.name}-{stage}.pth"
        torch.save(network.state_dict(), path)
        found[stage] = str(path)
    return found


def _measure_norms(network: nn.Module, scans: Sequence[NDArray[np.float32]]) -> None:
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the plain mean of all batches
    frames = np.stack([cv2.resize(scan, (128, 128)) for scan in scans[:16]])
    images = torch.from_numpy(frames)[:, None].expand(-1, 3, -1, -1)
    with torch.no_grad():
        network.train()((images - 0.45) / 0.225)
    for norm in norms:
        norm.momentum = 0.1


def fit_cascade(
    kind: Kind,
    weights: dict[str, str],
    scans: Sequence[NDArray[np.float32]],
    labels: NDArray[Any],
    *,
    precision: Precision = "auto",
    image_size: int = 224,
) -> HierarchicalClassifier:
    """Fit the heads of a cascade of frozen networks, on the central view."""
    options = NetworkOptions(
        backbone=kind.name, views="center", precision=precision, image_size=image_size
    )
    stages = [
        NetworkClassifier(options.model_copy(update={"weights": weights[stage]}))
        for stage in ("screen", "refine")
    ]
    cascade = HierarchicalClassifier(*stages, healthy=HEALTHY, cut_point=0.5)
    return cascade.fit(list(scans), labels)


def look_by(cascade: HierarchicalClassifier, **changes: Any) -> HierarchicalClassifier:
    """Give a cascade with the same networks that looks by other views, or numbers.

    What runs it is the runtime of the process now.
    """
    changed = copy.copy(cascade)
    for name in ("screen_", "refine_"):
        stage = copy.copy(getattr(cascade, name))
        stage.options = stage.options.model_copy(update=changes)
        stage.trunk_ = stage.look()
        setattr(changed, name, stage)
    return changed


def write_bundle(folder: Path, cascade: HierarchicalClassifier, n_scans: int) -> Path:
    """Write a cascade the way ``hierclf train`` does."""
    labels = [str(label) for label in cascade.hierarchy_.labels]
    data = DataSummary(
        name="phantoms of the benchmark",
        fingerprint="0" * 64,
        n_scans=n_scans,
        phantom=True,
        counts=dict.fromkeys(labels, n_scans // len(labels)),
    )
    about = describe(cascade, data=data, seed=0, options={})
    save_bundle(folder, cascade, about, overwrite=True)
    return folder


def write_plain(folder: Path, kind: Kind, cascade: HierarchicalClassifier) -> Path:
    """Write the networks of a cascade for plain PyTorch; see `benchmarks.reference`.

    A plain network and ours have the same tensors in the same order; the names of ours
    are shorter.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stages = {"screen": cascade.screen_, "refine": cascade.refine_}
    for name, stage in stages.items():
        ours = stage.network_
        plain = plain_network(kind.architecture, len(stage.classes_))
        values = [
            *ours.featurizer.trunk.state_dict().values(),
            *ours.head.state_dict().values(),
        ]
        state = dict(zip(plain.state_dict(), values, strict=True))
        plain.load_state_dict(state)
        torch.save(state, folder / f"{name}.pth")
    about = {name: [str(c) for c in s.classes_] for name, s in stages.items()}
    featurizer = cascade.screen_.network_.featurizer
    normal = {name: getattr(featurizer, name).flatten().tolist() for name in _NORMAL}
    healthy = str(cascade.hierarchy_.healthy)
    about |= {"architecture": kind.architecture, "healthy": healthy, **normal}
    about |= {"cut_point": cascade.cut_point_}
    about |= {"image_size": cascade.screen_.resolved_options().image_size}
    (folder / "networks.json").write_text(json.dumps(about, indent=1))
    return folder


_NORMAL = ("mean", "std")
