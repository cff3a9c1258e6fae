"""Two networks and ten crops in plain PyTorch, the way such code is mostly written.

``python -m benchmarks.reference --networks FOLDER --input FOLDER --warm FOLDER`` scores
pictures and prints one line of JSON. It uses nothing of `hierclf`, and must not: it is
what the package is compared with, in speed and in labels. The folder holds
``networks.json``, ``screen.pth`` and ``refine.pth``, see `benchmarks.material`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import models, transforms

from benchmarks.timing import Timed, report, timed

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Folder(Dataset[tuple[Tensor, str]]):
    """The pictures of a folder, each as ten crops.

    Parameters
    ----------
    folder : Path
        Searched with its subfolders.
    transform : callable
        Picture to tensor.
    """

    def __init__(self, folder: Path, transform: Any) -> None:
        self.folder = folder
        self.paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> tuple[Tensor, str]:
        path = self.paths[place]
        picture = Image.open(path).convert("RGB")
        return self.transform(picture), path.relative_to(self.folder).as_posix()


def ten_crops(about: dict[str, Any]) -> transforms.Compose:
    """Build torchvision's usual chain for ten crops."""
    size = about["image_size"]
    side = round(size * 8 / 7)
    to_tensor = transforms.ToTensor()
    normalize = transforms.Normalize(about["mean"], about["std"])

    def stack(crops: tuple[Image.Image, ...]) -> Tensor:
        return torch.stack([normalize(to_tensor(crop)) for crop in crops])

    return transforms.Compose(
        [transforms.Resize((side, side)), transforms.TenCrop(size), stack]
    )


def plain_network(name: str, n_classes: int) -> nn.Module:
    """Build a network of torchvision or, where it has none of that name, of timm."""
    if name in models.list_models():
        return models.get_model(name, weights=None, num_classes=n_classes)
    return timm.create_model(name, num_classes=n_classes)


@dataclass
class Cascade:
    """Two networks, a cut point and the names of the labels, healthy first."""

    screen: nn.Module
    refine: nn.Module
    cut_point: float
    labels: list[str]

    def probabilities(self, network: nn.Module, crops: Tensor) -> Tensor:
        """Average the softmax over the crops of each picture."""
        n_pictures, n_crops = crops.shape[:2]
        scores = torch.softmax(network(crops.flatten(0, 1)), dim=1)
        return scores.view(n_pictures, n_crops, -1).mean(dim=1)

    def __call__(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Give the probability of each label, and which label is decided on."""
        diseased = self.probabilities(self.screen, crops)[:, 1]
        stages = self.probabilities(self.refine, crops)
        table = torch.cat([1 - diseased[:, None], diseased[:, None] * stages], dim=1)
        named = stages.argmax(dim=1) + 1
        return table, torch.where(diseased >= self.cut_point, named, 0)


def load(folder: Path) -> tuple[Cascade, dict[str, Any]]:
    """Load both networks of a folder, and what is told of them."""
    about = json.loads((folder / "networks.json").read_text())
    networks = []
    for stage in ("screen", "refine"):
        network = plain_network(about["architecture"], len(about[stage]))
        state = torch.load(folder / f"{stage}.pth", weights_only=True)
        network.load_state_dict(state)
        networks.append(network.eval().to(DEVICE))
    labels = [about["healthy"], *about["refine"]]
    return Cascade(*networks, about["cut_point"], labels), about


def score(
    cascade: Cascade, data: Folder, *, batch_size: int = 4, n_workers: int = 2
) -> tuple[dict[str, str], dict[str, list[float]]]:
    """Score all pictures; gives their labels and probabilities by name."""
    decided: dict[str, str] = {}
    tables: dict[str, list[float]] = {}
    loader = DataLoader(data, batch_size=batch_size, num_workers=n_workers)
    with torch.no_grad():
        for crops, names in loader:
            table, positions = cascade(crops.to(DEVICE))
            for name, row, place in zip(names, table, positions, strict=True):
                decided[name] = cascade.labels[int(place)]
                tables[name] = row.tolist()
    return decided, tables


def main() -> None:
    """Score two folders, the second by the clock."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=Path, required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--warm", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=4)
    told = parser.parse_args()
    cascade, about = load(told.networks)
    transform = ten_crops(about)
    score(cascade, Folder(told.warm, transform), batch_size=told.batch_size)
    data = Folder(told.input, transform)
    with timed() as clock:
        decided, _ = score(cascade, data, batch_size=told.batch_size)
    report(Timed(n=len(data), seconds=clock.seconds, labels=decided))


if __name__ == "__main__":
    main()
