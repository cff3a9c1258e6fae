"""A network trained in plain PyTorch, the way such code is mostly written."""

from __future__ import annotations

import timm
import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from benchmarks.rivals.common import timm_name
from benchmarks.rivals.training import Training, by_the_clock, training_arguments

_HALF = 3 * [0.5]


def main() -> None:
    """Train on a folder, epoch by epoch by the clock."""
    told = training_arguments(__doc__)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    steps = [
        transforms.RandomResizedCrop(224, scale=(0.64, 1.0)),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize(_HALF, _HALF),
    ]
    data = datasets.ImageFolder(str(told.input), transforms.Compose(steps))
    name = timm_name(told.network)
    network = timm.create_model(name, num_classes=len(data.classes)).to(device)
    loader = DataLoader(
        data,
        told.batch_size,
        shuffle=True,
        num_workers=told.workers,
        drop_last=True,
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    training = Training(network, optimizer, device, half=told.half)

    def epoch() -> int:
        for images, targets in loader:
            training.step(images, targets)
        return len(loader) * told.batch_size

    by_the_clock(epoch, told.epochs)


if __name__ == "__main__":
    main()
