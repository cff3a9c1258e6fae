"""Features of a frozen trunk, computed once for each scan and view.

While a trunk does not learn, the features of a scan never change: they are kept
in memory, and on disk where a cache is given, by the content of the scan. Every
head that is fitted on them, in every fold, then costs what a linear model costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hierclf.caching.store import ArrayCache
from hierclf.foundation.errors import InputError, ScanError, join_troubles
from hierclf.foundation.files import sha256_bytes
from hierclf.foundation.progress import Progress
from hierclf.inference.fingerprint import fingerprint
from hierclf.inference.precision import default_device, dtype_of
from hierclf.inference.runtimes import Maps, current_runtime, make_runtime
from hierclf.inference.seen import (
    Features,
    Memory,
    Pending,
    Unseen,
    content_of,
    key_of,
)
from hierclf.inference.views import make_views
from hierclf.loading.scans import (
    Frame,
    FrameReader,
    Preparation,
    Scans,
    describe_trouble,
    name_of,
    read_ahead,
    read_bytes,
)
from hierclf.networks.choices import Precision, RuntimeName
from hierclf.networks.network import Featurizer

Output = Literal["pooled", "maps"]
BATCH_CROPS = 64
"""Views that are computed at once: batches of scans are not larger."""
_CODE = "features 3"  # to be raised when the same scan would give other features


@dataclass(frozen=True)
class ViewOptions:
    """How a trunk looks at scans.

    Parameters
    ----------
    image_size : int
        Side in pixels of what the network sees.
    views : str
        Name of the views, see `hierclf.inference.views`.
    precision : str
        Number format, see `hierclf.inference.precision`.
    output : {"pooled", "maps"}
        What is kept of the last map: its pooled channels, or all of it.
    runtime : str
        What runs the trunk, see `hierclf.inference.runtimes`; by default the runtime of
        this process.
    """

    image_size: int = 224
    views: str = "tencrop"
    precision: Precision = "auto"
    output: Output = "pooled"
    runtime: RuntimeName = field(default_factory=current_runtime)


def digest_of(
    featurizer: Featurizer,
    options: ViewOptions,
    preparation: Preparation | None = None,
) -> str:
    """Name a trunk by its weights and by how it looks at scans.

    Parameters
    ----------
    featurizer : Featurizer
        On the CPU or not, in float32.
    options : ViewOptions
        Geometry and precision.
    preparation : Preparation, optional
        What is done to each frame before.

    Returns
    -------
    digest : str
        64 hexadecimal digits; equal for equal features.
    """
    told = f"{_CODE} {dtype_of(options.precision)}"
    told += f"{options.image_size} {options.views} {options.output}"
    if options.runtime != "eager":  # whose digests are older than the other runtimes
        told += f" by {options.runtime}"
    return fingerprint((told + name_of(preparation)).encode(), featurizer)


class FrozenTrunk:
    """A trunk that does not learn, with all that it has seen.

    Parameters
    ----------
    featurizer : Featurizer
        Kept in float32 as given, for saving; a copy computes.
    options : ViewOptions
        Geometry and precision.
    cache : Path, optional
        Folder for features; without it they live as long as the process.
    preparation : Preparation, optional
        What is done to each frame before.
    """

    def __init__(
        self,
        featurizer: Featurizer,
        options: ViewOptions,
        cache: Path | None = None,
        preparation: Preparation | None = None,
    ) -> None:
        self.featurizer = featurizer.eval()
        self.options = options
        self.preparation = preparation
        self.digest = digest_of(featurizer, options, preparation)
        self.views = make_views(options.views)
        self._device = default_device()
        self._dtype = dtype_of(options.precision)
        self._kept = np.float32 if self._dtype is torch.float32 else np.float16
        self._run: Maps | None = None
        self.frame_side = self.views.frame_side(options.image_size)
        self._reader = FrameReader(self.frame_side, preparation=preparation)
        self.cache = cache
        self._cache = ArrayCache(cache, self.digest) if cache else None
        self._memory = Memory()

    def __getstate__(self) -> dict[str, Any]:
        """Leave what was seen behind in a copy: scans of others are in it."""
        return {**self.__dict__, "_memory": Memory(), "_run": None}

    def _maps(self, images: Tensor) -> Tensor:
        """Run the trunk; what runs it is built when it is needed first."""
        if self._run is None:
            self._run = make_runtime(self.options.runtime, self.featurizer, self._dtype)
        return self._run(images)

    def use_cache(self, folder: Path) -> None:
        """Keep features in a folder from now on."""
        self.cache = folder
        self._cache = ArrayCache(folder, self.digest)

    @property
    def input_side(self) -> int:
        """Side in pixels of the images that the trunk runs on."""
        blank = torch.zeros(1, 1, self.frame_side, self.frame_side)
        return self.views.cut(blank, self.options.image_size).shape[-1]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Shape of one view's features: ``(n_features,)`` or ``(n_channels, h, w)``."""
        if self.options.output == "pooled":
            return (self.featurizer.n_features,)
        side = self.frame_side
        with torch.inference_mode():
            blank = torch.zeros(1, 1, side, side, device=self._device)
            maps = self.views.maps(blank, self.options.image_size, self._maps)
            return tuple(maps.shape[2:])

    def features(self, scans: Scans) -> Features:
        """Compute or recall the features of scans.

        Parameters
        ----------
        scans : DataFrame or sequence of ndarray, length n_scans
            Manifest rows, or scans in memory.

        Returns
        -------
        features : ndarray of float, shape (n_scans, n_views, *shape)
            Half precision of a bfloat16 trunk, which knows no more; rounded also where
            nothing is cached, so that a cache changes no score.

        Raises
        ------
        InputError
            If a scan cannot be read; it names the first few of them.
        """
        if not isinstance(scans, pd.DataFrame):
            return self._of_memory(scans)
        result, errors = self.try_features(scans)
        if errors:
            raise InputError(
                join_troubles(
                    [describe_trouble(scans, place, e) for place, e in errors.items()]
                )
            )
        return result

    def try_features(
        self, scans: pd.DataFrame
    ) -> tuple[Features, dict[int, ScanError]]:
        """Compute features and collect what could not be read.

        Parameters
        ----------
        scans : DataFrame, n_scans rows
            Manifest rows.

        Returns
        -------
        features : ndarray of float, shape (n_scans, n_views, *shape)
            Zero where a scan was not read.
        errors : dict of int to ScanError
            By the position of the row.
        """
        shape = (len(scans), self.views.n_views, *self.shape)
        result = np.zeros(shape, dtype=self._kept)
        errors: dict[int, ScanError] = {}
        new = []
        for place, path in enumerate(scans["path"]):
            known = self._recall(path)
            if known is None:
                new.append(place)
            else:
                result[place] = known
        if new:
            self._see(scans["path"].iloc[new], new, result, errors)
        return result, errors

    def _recall(self, path: str) -> Features | None:
        try:
            return self._memory.by_file.get(key_of(path))
        except OSError:  # told where it is read
            return None

    def _see(
        self,
        paths: Iterable[str],
        places: list[int],
        result: Features,
        errors: dict[int, ScanError],
    ) -> None:
        pending = Pending()
        with Progress(total=len(places), desc="features", unit="scan") as bar:
            found = read_ahead(self._look_up, paths)
            for place, seen in zip(places, found, strict=True):
                bar.update()
                if isinstance(seen, ScanError):
                    errors[place] = seen
                elif isinstance(seen, Unseen):
                    pending.add(place, seen)
                    if len(pending.places) * self.views.n_views >= BATCH_CROPS:
                        self._finish(pending, result)
                else:
                    result[place] = seen
            self._finish(pending, result)

    def _look_up(self, path: str) -> Features | Unseen | ScanError:
        try:
            key = key_of(path)
            content = read_bytes(path)
            digest = sha256_bytes(content)
            kept = self._cache.get(digest) if self._cache else None
            if kept is not None:
                features: Features = kept.astype(self._kept)
                self._memory.keep(key, features)
                return features
            return Unseen(key, digest, self._reader.decode(content))
        except ScanError as error:
            return error
        except OSError as error:
            return ScanError("E_GONE", error.strerror or "cannot be found")

    def _finish(self, pending: Pending, result: Features) -> None:
        if not pending.places:
            return
        computed = self._compute(np.stack([scan.frame for scan in pending.scans]))
        for place, scan, features in zip(
            pending.places, pending.scans, computed, strict=True
        ):
            result[place] = features
            self._memory.keep(scan.key, features)
            if self._cache:
                self._cache.put(scan.digest, features)
        pending.clear()

    def _of_memory(self, scans: Sequence[Frame] | NDArray[np.object_]) -> Features:
        listed = list(scans)
        digests = [content_of(pixels) for pixels in listed]
        kept = self._memory.recall(digests)
        if kept is not None:
            return kept
        batches = [
            self._compute(np.stack([self._reader.frame_of(pixels) for pixels in part]))
            for part in _parts(listed, max(1, BATCH_CROPS // self.views.n_views))
        ]
        features = np.concatenate(batches)
        self._memory.last = dict(zip(digests, features, strict=True))
        return features

    def of_frames(self, frames: Sequence[Frame]) -> Features:
        """Compute or recall features of scans in memory, one by one from the cache.

        Parameters
        ----------
        frames : sequence of ndarray, length n_scans
            Such as altered copies, which are made anew in each run.

        Returns
        -------
        features : ndarray of float, shape (n_scans, n_views, *shape)
            As `features` gives them.
        """
        cache = self._cache
        if cache is None:
            return self._of_memory(frames)
        digests = [content_of(pixels) for pixels in frames]
        found = {digest: cache.get(digest) for digest in digests}
        new = [k for k, digest in enumerate(digests) if found[digest] is None]
        if new:
            computed = self._of_memory([frames[k] for k in new])
            for k, features in zip(new, computed, strict=True):
                found[digests[k]] = features
                cache.put(digests[k], features)
        kept: list[Any] = [found[digest] for digest in digests]
        return np.stack(kept).astype(self._kept)

    def _compute(self, frames: NDArray[np.float32]) -> Features:
        with torch.inference_mode():
            images = torch.from_numpy(frames)[:, None].to(self._device)
            side = self.options.image_size
            pooled = self.options.output == "pooled"
            pool = self.featurizer.pool if pooled else nn.Identity()
            seen = self.views.maps(images, side, self._maps, pool).cpu().numpy()
        limit = np.finfo(self._kept).max
        features: Features = np.clip(seen, -limit, limit).astype(self._kept)
        return features


def _parts(items: list[Frame], size: int) -> list[list[Frame]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
