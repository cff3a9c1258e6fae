"""The training of a U-Net on scans and masks.

The loss is the mean of binary cross-entropy and of one less the soft Dice coefficient:
the former has a slope everywhere, the latter is what counts (it is what Wu 2020
reports). The loop of the classifiers is not used: it is made for labels, repeats of
rare ones and checkpoints, and a U-Net is trained in minutes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hierclf.foundation.progress import Progress
from hierclf.foundation.seeding import derive_seed, generator
from hierclf.inference.precision import default_device
from hierclf.loading.scans import Frame, read_ahead
from hierclf.networks.unet import UNet, make_unet
from hierclf.segmentation.options import UNetOptions
from hierclf.transforms.scan_and_mask import make_pair_augmentation

Pair = tuple[Frame, NDArray[np.bool_]]
"""A frame and its mask, both of shape (image_size, image_size)."""
Fetch = Callable[[int], Pair]
_WEIGHT_DECAY = 1e-4


def fit_unet(
    n_scans: int, fetch: Fetch, options: UNetOptions, *, seed: int
) -> tuple[UNet, list[float]]:
    """Train a U-Net.

    Parameters
    ----------
    n_scans : int, at least 2
        Scans to train on.
    fetch : callable
        Place of a scan to its frame and mask; called from several threads.
    options : UNetOptions
        Network and training.
    seed : int
        Decides weights, order and augmentation.

    Returns
    -------
    network : UNet
        On the CPU, in evaluation mode.
    losses : list of float
        Mean loss of each epoch.
    """
    from segmentation_models_pytorch.losses import DiceLoss  # a second

    with torch.random.fork_rng():
        torch.manual_seed(derive_seed(seed, "unet"))
        network = make_unet(
            options.backbone, weights=options.weights, weights_dir=options.weights_dir
        )
    network.to(default_device()).train()
    optimizer = torch.optim.AdamW(
        network.parameters(), options.learning_rate, weight_decay=_WEIGHT_DECAY
    )
    soft_dice = DiceLoss("binary")
    losses = []
    for epoch in range(options.epochs):
        rate = 0.5 * (1 + math.cos(math.pi * epoch / options.epochs))
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * rate
        total = 0.0
        for images, masks in _batches(n_scans, fetch, options, seed, epoch):
            optimizer.zero_grad()
            logits = network(images)
            cross = torch.nn.functional.binary_cross_entropy_with_logits(logits, masks)
            loss = (cross + soft_dice(logits, masks)) / 2
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(images)
        losses.append(total / n_scans)
    return network.cpu().eval(), losses


def _batches(
    n_scans: int, fetch: Fetch, options: UNetOptions, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    order = generator(seed, "order", epoch).permutation(n_scans)
    cuts = _cuts(order, options.batch_size)
    change = make_pair_augmentation(options.augment, options.image_size)

    def load(places: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        pairs = [
            change(*fetch(int(place)), derive_seed(seed, "augment", epoch, int(place)))
            for place in places
        ]
        frames, masks = (np.stack(part)[:, None] for part in zip(*pairs, strict=True))
        return torch.from_numpy(frames), torch.from_numpy(masks.astype(np.float32))

    bar = Progress(cuts, desc=f"epoch {epoch + 1}", unit="step", leave=False)
    for images, masks in (pair for _, pair in zip(bar, read_ahead(load, cuts))):  # noqa: B905
        yield images.to(default_device()), masks.to(default_device())


def _cuts(order: NDArray[np.intp], batch_size: int) -> Sequence[NDArray[np.intp]]:
    """Cut an epoch into batches; a single scan joins the batch before it."""
    cuts = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if len(cuts) > 1 and len(cuts[-1]) == 1:  # BatchNorm compares scans
        cuts[-2:] = [np.concatenate(cuts[-2:])]
    return cuts
