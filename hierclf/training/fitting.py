"""Fitting a head on a frozen trunk, or a network on frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional

from hierclf.data.balance import upsample
from hierclf.data.rows import take
from hierclf.foundation.seeding import derive_seed, generator
from hierclf.inference.frozen import BATCH_CROPS, FrozenTrunk
from hierclf.inference.precision import resolve_precision
from hierclf.inference.views import make_views
from hierclf.loading.scans import Frame, FrameReader, Scans, batched_frames
from hierclf.networks.heads import Ladder
from hierclf.networks.network import Network
from hierclf.training.checkpoint import Checkpoint
from hierclf.training.history import Epoch
from hierclf.training.linear import fit_linear
from hierclf.training.loop import TrainingRows, Validate, train_network
from hierclf.training.losses import make_loss
from hierclf.training.options import NetworkOptions
from hierclf.training.trunks import ridge_of
from hierclf.transforms.augment import Augmentation, make_augmentation

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Lesson:
    """What a fit is given.

    Parameters
    ----------
    scans : DataFrame or sequence of ndarray, length n_scans
        What to learn from.
    targets : ndarray of int, shape (n_scans,)
        Class positions.
    weights : ndarray of float, shape (n_scans,)
        What the loss of a scan counts.
    costs : ndarray of float, shape (n_classes, n_classes), or None
        Checked cost matrix.
    seed : int
        Decides all that is drawn.
    """

    scans: Scans
    targets: Indices
    weights: NDArray[np.float64]
    costs: NDArray[np.float64] | None
    seed: int

    def rows(self, options: NetworkOptions) -> Indices:
        """Repeat rare classes; each row is a scan."""
        return upsample(self.targets, ratio=options.balance, seed=self.seed)


@dataclass(frozen=True)
class Exam:
    """Scans of other patients, to stop by.

    Parameters
    ----------
    scans : DataFrame or sequence of ndarray, length n_scans
        What to predict.
    targets : ndarray of int, shape (n_scans,)
        Class positions.
    """

    scans: Scans
    targets: Indices

    def mark(self, logits: Tensor) -> tuple[float, float]:
        """Give the cross-entropy and the macro recall of some logits."""
        targets = torch.from_numpy(self.targets)
        loss = float(functional.cross_entropy(logits, targets))
        right = (logits.argmax(dim=1) == targets).numpy()
        recalls = [
            right[self.targets == label].mean() for label in np.unique(self.targets)
        ]
        return loss, float(np.mean(recalls))


def exam_of(
    validation: tuple[Scans, ArrayLike] | None, classes: NDArray[Any]
) -> Exam | None:
    """Keep the validation scans whose class was learned; None where there are none."""
    if validation is None:
        return None
    scans, labels = validation[0], np.asarray(validation[1])
    known = np.isin(labels, classes)
    targets = np.searchsorted(classes, labels[known])
    return Exam(take(scans, np.flatnonzero(known)), targets)


def fit_head(
    head: nn.Module,
    trunk: FrozenTrunk,
    lesson: Lesson,
    options: NetworkOptions,
    *,
    exam: Exam | None,
    checkpoint: Checkpoint,
) -> list[Epoch]:
    """Fit a head on the features of a frozen trunk, in place.

    Parameters
    ----------
    head : torch.nn.Module
        Features to logits.
    trunk : FrozenTrunk
        Gives the features of each view.
    lesson : Lesson
        Scans and targets.
    options : NetworkOptions
        A linear head under ``auto`` or ``lbfgs`` is fitted to its optimum; any
        other goes through the epoch loop.
    exam : Exam, optional
        For the loop's patience and plateau.
    checkpoint : Checkpoint
        For the loop.

    Returns
    -------
    history : list of Epoch
        Empty where there was no loop.
    """
    features = trunk.features(lesson.scans)
    rows = lesson.rows(options)
    loss = make_loss(options.loss, lesson.costs, options.focal_gamma)
    if is_convex(head) and options.optimizer in {"auto", "lbfgs"}:
        scans, views, repeats = _draw_views(
            rows, features.shape[1], options.rounds, lesson.seed
        )
        fit_linear(
            head,
            features[scans, views],
            lesson.targets[scans],
            lesson.weights[scans] * repeats,
            loss=loss,
            penalty=ridge_of(options),
        )
        return []

    _start_normalization(head, features)

    def fetch(scans: Indices, places: Indices, epoch: int) -> Tensor:
        rng = generator(lesson.seed, "view", epoch)
        drawn = rng.integers(features.shape[1], size=len(rows))[places]
        return torch.from_numpy(features[scans, drawn].astype(np.float32))

    validate = _feature_validation(trunk, exam) if exam else None
    data = TrainingRows(rows, lesson.targets, lesson.weights, fetch)
    return train_network(
        head,
        data,
        loss,
        options,
        seed=lesson.seed,
        checkpoint=checkpoint,
        validate=validate,
    )


def is_convex(head: nn.Module) -> TypeGuard[nn.Linear | Ladder]:
    """Tell whether a head has one optimum on fixed features, which is found at once."""
    return isinstance(head, nn.Linear | Ladder)


def _start_normalization(head: nn.Module, features: NDArray[np.floating]) -> None:
    """Start a BatchNorm on fixed features from their own mean and variance.

    Its running averages move a tenth of the way with each batch: after an epoch
    of few batches they would still be those of nothing.
    """
    first = next(head.children(), None)
    if isinstance(first, nn.BatchNorm1d):
        rows = features.reshape(-1, features.shape[2]).astype(np.float32)
        state = {"running_mean": rows.mean(axis=0), "running_var": rows.var(axis=0)}
        for name, value in state.items():
            first.get_buffer(name).copy_(torch.from_numpy(value))


def _draw_views(
    rows: Indices, n_views: int, n_rounds: int, seed: int
) -> tuple[Indices, Indices, Indices]:
    """Give each repeat of a scan another of its views, as a fresh crop would be.

    Returns scans, their views, and how often each pair is to count: a view that
    is drawn again weighs twice instead of standing twice.
    """
    n_rounds = min(n_rounds, n_views)
    turn = _repeat_numbers(rows)[:, None] * n_rounds + np.arange(n_rounds)
    shuffled = generator(seed, "views").permuted(
        np.tile(np.arange(n_views), (int(rows.max()) + 1, 1)), axis=1
    )
    scans = np.repeat(rows, n_rounds)
    views = shuffled[scans, turn.ravel() % n_views]
    pairs, repeats = np.unique(scans * n_views + views, return_counts=True)
    return pairs // n_views, pairs % n_views, repeats


def _repeat_numbers(rows: Indices) -> Indices:
    """Count for each row how often its scan came before."""
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(rows)])
    numbers = np.empty_like(rows)
    numbers[order] = np.arange(len(rows)) - np.repeat(starts, sizes)
    return numbers


def _feature_validation(trunk: FrozenTrunk, exam: Exam) -> Validate:
    features = trunk.features(exam.scans)

    def validate(head: nn.Module) -> tuple[float, float]:
        device = next(head.parameters()).device
        inputs = torch.from_numpy(features.astype(np.float32)).to(device)
        logits = head(inputs.flatten(0, 1)).unflatten(0, inputs.shape[:2])
        return exam.mark(logits.mean(dim=1).cpu())

    return validate


def fit_network(
    network: Network,
    lesson: Lesson,
    options: NetworkOptions,
    *,
    exam: Exam | None,
    checkpoint: Checkpoint,
    reader: FrameReader,
) -> list[Epoch]:
    """Fit a network on augmented frames, in place.

    Parameters
    ----------
    network : Network
        What learns is set by ``options.part``.
    lesson : Lesson
        Scans and targets.
    options : NetworkOptions
        Everything else.
    exam : Exam, optional
        For patience and plateau.
    checkpoint : Checkpoint
        Taken up and written.
    reader : FrameReader
        Gives frames of the side that the views want.

    Returns
    -------
    history : list of Epoch
        One entry for each epoch.
    """
    augment = _augmentation(options)
    network.set_trained_part(
        options.part, n_last=options.n_last, frozen_norm=options.frozen_norm
    )
    network.drawn_window = _drawn_window(options)

    def fetch(scans: Indices, places: Indices, epoch: int) -> Tensor:
        frames = [
            augment(
                _frame(reader, lesson.scans, scan),
                derive_seed(lesson.seed, "augment", epoch, int(place)),
            )
            for scan, place in zip(scans, places, strict=True)
        ]
        return torch.from_numpy(np.stack(frames))[:, None]

    validate = _image_validation(reader, network, exam, options) if exam else None
    history = train_network(
        network,
        TrainingRows(lesson.rows(options), lesson.targets, lesson.weights, fetch),
        make_loss(options.loss, lesson.costs, options.focal_gamma),
        options,
        seed=lesson.seed,
        checkpoint=checkpoint,
        validate=validate,
    )
    network.drawn_window = None
    return history


def _augmentation(options: NetworkOptions) -> Augmentation:
    """Change frames; those of which maps are cut stay as much larger than a crop."""
    views, augment = make_views(options.views), options.augment
    if not views.one_pass:
        return make_augmentation(augment, options.image_size)
    larger = augment.model_copy(update={"crop": min(1.0, augment.crop * views.margin)})
    return make_augmentation(larger, views.frame_side(options.image_size))


def _drawn_window(options: NetworkOptions) -> Callable[[Tensor], Tensor] | None:
    views, size = make_views(options.views), options.image_size
    if not views.one_pass:
        return None
    return partial(views.drawn, side=views.frame_side(size), image_size=size)


def _frame(reader: FrameReader, scans: Scans, place: int) -> Frame:
    if isinstance(scans, pd.DataFrame):
        return reader.read(str(scans["path"].iat[place]))
    return reader.frame_of(scans[place])


def _image_validation(
    reader: FrameReader, network: Network, exam: Exam, options: NetworkOptions
) -> Validate:
    def validate(model: nn.Module) -> tuple[float, float]:
        batches = image_logits(network, reader, exam.scans, options)
        return exam.mark(torch.cat([logits.mean(dim=1) for logits in batches]))

    return validate


def image_logits(
    model: Network, reader: FrameReader, scans: Scans, options: NetworkOptions
) -> Iterator[Tensor]:
    """Score scans batch by batch, every view.

    Parameters
    ----------
    model : Network
        In evaluation mode.
    reader : FrameReader
        Gives frames of the side that the views want.
    scans : DataFrame or sequence of ndarray, length n_scans
        What to score.
    options : NetworkOptions
        Views, image size and precision.

    Yields
    ------
    logits : Tensor, shape (n_batch, n_views, n_classes)
        On the CPU, float32.

    Raises
    ------
    InputError
        If a scan cannot be read.
    """
    views = make_views(options.views)
    device = next(model.parameters()).device
    half = resolve_precision(options.precision) == "bfloat16"
    size = max(1, BATCH_CROPS // views.n_views)
    for frames in batched_frames(reader, scans, size):
        images = torch.from_numpy(frames)[:, None].to(device)
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=half)
        with torch.inference_mode(), autocast:
            maps = views.maps(images, options.image_size, model.featurizer.maps)
            flat = model.of_maps(maps.flatten(0, 1))
        yield flat.float().cpu().reshape(len(frames), views.n_views, -1)
