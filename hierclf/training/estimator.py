"""A network as a scikit-learn classifier over a manifest."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn

from hierclf.data.rows import patients_of, row_weights, take
from hierclf.data.split import hold_out, merge_rare
from hierclf.foundation.errors import InputError, ScanError
from hierclf.foundation.progress import Progress
from hierclf.foundation.seeding import derive_seed
from hierclf.inference.frozen import FrozenTrunk, Output
from hierclf.inference.shared import shared_trunk
from hierclf.inference.views import make_views
from hierclf.loading.scans import FrameReader, Preparation, Scans, name_of
from hierclf.networks.backbones import Backbone
from hierclf.networks.heads import make_head
from hierclf.networks.network import Network, make_featurizer
from hierclf.problem.costs import costs_among
from hierclf.training.checkpoint import Checkpoint, names_of, state_of
from hierclf.training.fitting import (
    Exam,
    Lesson,
    exam_of,
    fit_head,
    fit_network,
    is_convex,
)
from hierclf.training.losses import class_balanced_weights
from hierclf.training.options import NetworkOptions
from hierclf.training.trunks import (
    backbone_of,
    head_shape_of,
    probe_of,
    resolved,
    teacher_of,
    trunk_of,
    view_of,
)

Probabilities = NDArray[np.float64]


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A network that names the class of a scan.

    With ``part="head"`` the trunk is frozen: its features are computed once for
    each scan and view of the process (or ever, with `cache`), and only the head
    is fitted. Otherwise the network is trained on augmented frames.

    Parameters
    ----------
    options : NetworkOptions, optional
        Network, views and training; the defaults where it is not given.
    costs : DataFrame or array-like of float, shape (n_classes, n_classes), optional
        Cost matrix for the losses that use one, rows are true classes: an array in
        the order of `classes_`, or a table whose rows and columns are labels (it may
        have more of them than there are classes).
    cache : Path, optional
        Folder for features and decoded frames.
    checkpoints : Path, optional
        Folder for the state after each epoch. A fit of the same scans, labels,
        options and seed goes on where it stopped.
    preparation : Preparation, optional
        What is done to every frame before, in training and afterwards: lungs cut out.
    seed : int, default=0
        Decides weights, order, augmentation and dropout.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels in sorted order.
    network_ : Network
        Featurizer and head, in evaluation mode, on the CPU.
    trunk_ : FrozenTrunk or None
        What computes features where the trunk is frozen.
    history_ : list of Epoch
        Empty where there was no epoch loop.

    Examples
    --------
    >>> stage = NetworkClassifier(NetworkOptions(part="all", epochs=5), seed=1)
    >>> stage.options.epochs
    5
    """

    def __init__(
        self,
        options: NetworkOptions | None = None,
        *,
        costs: ArrayLike | None = None,
        cache: Path | None = None,
        checkpoints: Path | None = None,
        preparation: Preparation | None = None,
        seed: int = 0,
    ) -> None:
        self.options = options
        self.costs = costs
        self.cache = cache
        self.checkpoints = checkpoints
        self.preparation = preparation
        self.seed = seed

    def fit(
        self,
        X: Scans,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        validation: tuple[Scans, ArrayLike] | None = None,
        groups: ArrayLike | None = None,
    ) -> NetworkClassifier:
        """Fit the network.

        Parameters
        ----------
        X : DataFrame or sequence of ndarray, length n_scans
            Manifest rows with a column ``path``, or scans in memory: arrays
            (height, width), float32 in [0, 1].
        y : array-like, shape (n_scans,)
            Labels, at least two different ones.
        sample_weight : array-like of float, shape (n_scans,), optional
            What the loss of each scan counts; scaled to mean 1.
        validation : tuple (X, y), optional
            Scans of other patients for early stopping and plateau. Where these
            are asked for and this is absent, a part of the patients is held
            out.
        groups : array-like, shape (n_scans,), optional
            Patients, where `X` has no column ``patient_id`` that tells them.

        Returns
        -------
        self : NetworkClassifier
            Fitted.

        Raises
        ------
        InputError
            If a scan cannot be read, an option or a weight is wrong, or there is
            one class.
        """
        options = self._options()
        labels, given = np.asarray(y), row_weights(sample_weight, len(X))
        if validation is None and (
            options.patience > 0 or options.schedule == "plateau"
        ):
            patients = patients_of(X, len(labels), groups)
            train, held = self._hold_out(labels, patients)
            validation = (take(X, held), labels[held])
            X, labels = take(X, train), labels[train]
            given = row_weights(given[train], len(train))
        self.classes_, targets = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                f"network: expected at least two classes, got {self.classes_.tolist()}."
                " A stage must have something to decide."
            )
        if options.class_weights == "class_balanced":
            given = given * class_balanced_weights(np.bincount(targets))[targets]
        weights = given / given.mean()
        lesson = Lesson(X, targets, weights, self._costs(), self.seed)
        exam = exam_of(validation, self.classes_)
        checkpoint = Checkpoint(self.checkpoints, self._key(lesson, exam))
        template = backbone_of(
            options.backbone, options.weights, options.weights_dir, self.seed
        )
        with torch.random.fork_rng():
            torch.manual_seed(derive_seed(self.seed, "head"))
            head = make_head(head_shape_of(options), template, len(self.classes_))
        self._fit(template, head, lesson, exam, checkpoint)
        return self

    def _fit(
        self,
        template: Backbone,
        head: nn.Module,
        lesson: Lesson,
        exam: Exam | None,
        checkpoint: Checkpoint,
    ) -> None:
        options = self._options()
        self.trunk_: FrozenTrunk | None = None
        if options.part == "head":
            self.trunk_ = self._frozen(options)
            taught = self._frozen(teacher_of(options))
            self.history_ = fit_head(
                head, taught, lesson, options, exam=exam, checkpoint=checkpoint
            )
            self.network_ = Network(self.trunk_.featurizer, head).eval()
            return
        if options.start == "probe":
            self._probe(head, lesson)
        featurizer = make_featurizer(options.head, copy.deepcopy(template))
        self.network_ = Network(featurizer, head)
        self.history_ = fit_network(
            self.network_,
            lesson,
            options,
            exam=exam,
            checkpoint=checkpoint,
            reader=self._reader(),
        )

    def _probe(self, head: nn.Module, lesson: Lesson) -> None:
        """Fit the head to its optimum on the frozen trunk, one view of each scan.

        A random head tears at the weights of the trunk before it knows anything (Kumar
        et al., "Fine-tuning can distort pretrained features and underperform
        out-of-distribution", ICLR 2022, linear probing then fine-tuning).
        """
        probe = probe_of(self._options())
        if not is_convex(head):
            raise InputError(
                f"start: expected a linear head for probe, got that of "
                f"{probe.backbone}. Pass --start random."
            )
        trunk, nowhere = self._frozen(probe), Checkpoint(None, "")
        fit_head(head, trunk, lesson, probe, exam=None, checkpoint=nowhere)

    def _frozen(self, options: NetworkOptions) -> FrozenTrunk:
        return trunk_of(options, self.cache, self.seed, preparation=self.preparation)

    def try_read(self, X: pd.DataFrame) -> dict[int, ScanError]:
        """Read every scan once, and keep what was computed of it.

        Parameters
        ----------
        X : DataFrame, n_scans rows
            Manifest rows.

        Returns
        -------
        errors : dict of int to ScanError
            What cannot be read, by the position of the row.
        """
        options = self._options()
        if options.part == "head":
            return self.look().try_features(X)[1]
        results = self._reader().read_all(X)
        bar = Progress(results, total=len(X), desc="reading", unit="scan")
        return {i: r for i, r in enumerate(bar) if isinstance(r, ScanError)}

    def use_cache(self, folder: Path) -> None:
        """Keep features and frames in a folder from now on.

        Parameters
        ----------
        folder : Path
            Made when something is written.
        """
        self.cache = folder
        trunk: FrozenTrunk | None = getattr(self, "trunk_", None)
        if trunk is not None:
            trunk.use_cache(folder)

    def predict_views(self, X: Scans) -> Probabilities:
        """Score every view of every scan.

        Parameters
        ----------
        X : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.

        Returns
        -------
        probabilities : ndarray of float, shape (n_scans, n_views, n_classes)
            Columns in the order of `classes_`.

        Raises
        ------
        InputError
            If a scan cannot be read.
        """
        check_is_fitted(self, "network_")
        trunk = self.look() if self.trunk_ is None else self.trunk_
        features = torch.from_numpy(trunk.features(X).astype(np.float32))
        logits = torch.empty(*features.shape[:2], len(self.classes_))
        with torch.inference_mode():
            # scan by scan: products of small matrices round by a row's place in them
            for place, one in enumerate(features):
                logits[place] = self.network_.head(one)
        probabilities: Probabilities = torch.softmax(logits.double(), dim=2).numpy()
        return probabilities

    def predict_proba(self, X: Scans) -> Probabilities:
        """Average the scores of the views.

        Parameters
        ----------
        X : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.

        Returns
        -------
        probabilities : ndarray of float, shape (n_scans, n_classes)
            Rows sum to 1.
        """
        mean: Probabilities = self.predict_views(X).mean(axis=1)
        return mean

    def predict(self, X: Scans) -> NDArray[Any]:
        """Name the most probable class of each scan."""
        labels: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels

    @property
    def knows_order(self) -> bool:
        """Whether one output for each step between ordered classes is fitted."""
        return self._options().output == "ordered"

    @property
    def frame_side(self) -> int:
        """Side in pixels of the frame that views are cut from."""
        options = self._options()
        return make_views(options.views).frame_side(options.image_size)

    def resolved_options(self) -> NetworkOptions:
        """Give the options with what ``auto`` means on this machine, and the ridge."""
        return resolved(self._options())

    def look(
        self, *, views: str | None = None, output: Output = "pooled"
    ) -> FrozenTrunk:
        """Give the trunk as something that computes features and remembers them.

        Parameters
        ----------
        views : str, optional
            Names of other views than those of the options.
        output : {"pooled", "maps"}, default="pooled"
            What is kept of the last map.

        Returns
        -------
        trunk : FrozenTrunk
            Of the fitted network; before ``fit`` the one that a fit would take.

        Raises
        ------
        NotFittedError
            If the trunk learns and was not fitted.
        """
        options = self._options()
        if views:
            options = options.model_copy(update={"views": views})
        network: Network | None = getattr(self, "network_", None)
        if network is not None:
            view = view_of(options, output)
            return shared_trunk(network.featurizer, view, self.cache, self.preparation)
        if options.part != "head":
            check_is_fitted(self, "network_")
        return trunk_of(options, self.cache, self.seed, output, self.preparation)

    def _reader(self) -> FrameReader:
        return FrameReader(self.frame_side, self.cache, self.preparation)

    def _options(self) -> NetworkOptions:
        return self.options if self.options is not None else NetworkOptions()

    def _costs(self) -> NDArray[np.float64] | None:
        if self.costs is None:
            return None
        return costs_among(self.costs, self.classes_)

    def _hold_out(
        self, labels: NDArray[Any], patients: NDArray[Any]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Take a part of the patients for validation."""
        return hold_out(
            merge_rare(labels, patients),
            patients,
            fraction=self._options().validation,
            seed=self.seed,
            least_classes=1,
        )

    def _key(self, lesson: Lesson, exam: Exam | None) -> str:
        options = self._options()
        told = [options.model_dump_json(), str(lesson.seed), str(lesson.costs)]
        told += [state_of(options.weights), name_of(self.preparation)]
        digest = hashlib.sha256("\n".join(told).encode())
        digest.update(lesson.targets.tobytes() + lesson.weights.tobytes())
        digest.update("\n".join(map(str, self.classes_)).encode())
        names = names_of(lesson.scans)
        if exam is not None:
            digest.update(exam.targets.tobytes())
            names += ["", *names_of(exam.scans)]
        for name in names:
            digest.update(name.encode("utf-8", "surrogateescape") + b"\0")
        return digest.hexdigest()
