"""timm: a network trained by the data set, loader and optimizer of its train.py.

Environment: ``pip install timm torch torchvision``. The script itself is not in timm's
wheel; these are its calls, with its defaults but for the batch, the optimizer and the
number format, which are those of all who are timed beside it.
"""

from __future__ import annotations

import torch
from timm import create_model
from timm.data import create_dataset, create_loader, resolve_data_config
from timm.optim import create_optimizer_v2
from timm.utils import AverageMeter

from benchmarks.rivals.common import timm_name
from benchmarks.rivals.training import Training, by_the_clock, training_arguments


def main() -> None:
    """Train on a folder, epoch by epoch by the clock."""
    told = training_arguments(__doc__)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = create_dataset("", root=str(told.input), split="train", is_training=True)
    name = timm_name(told.network)
    network = create_model(name, num_classes=len(data.reader.class_to_idx))
    network.to(device, memory_format=torch.channels_last)
    loader = create_loader(
        data,
        batch_size=told.batch_size,
        is_training=True,
        use_prefetcher=device.type == "cuda",
        re_prob=0.0,
        color_jitter=0.4,
        num_workers=told.workers,
        device=device,
        **resolve_data_config({}, model=network),
    )
    optimizer = create_optimizer_v2(network, opt="adamw", lr=1e-3)
    training = Training(network, optimizer, device, half=told.half)
    losses = AverageMeter()

    def epoch() -> int:
        for images, targets in loader:
            shown = images.contiguous(memory_format=torch.channels_last)
            losses.update(training.step(shown, targets), len(images))
        return len(loader) * told.batch_size

    by_the_clock(epoch, told.epochs)


if __name__ == "__main__":
    main()
