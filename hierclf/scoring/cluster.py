"""The same rows from the machines of a Ray cluster.

Names of scans go out in blocks, and actors that hold the bundle send back their rows;
this process alone writes them, in the order of the names. So a file that one engine
left unfinished is gone on with by the other. A machine that is lost loses blocks that
Ray hands to another.

Ray is imported nowhere else, and only where it is asked for.
"""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hierclf.foundation.errors import (
    BundleError,
    HierclfError,
    InputError,
    ResourceError,
)
from hierclf.inference.runtimes import current_runtime
from hierclf.scoring.options import ScoreOptions
from hierclf.scoring.rows import Row
from hierclf.scoring.worker import Worker

_BATCHES = 4
"""Batches in a block: rows that come together, and are lost together."""
_QUIET = logging.ERROR
_log = logging.getLogger(__name__)
_Block = dict[str, Any]
_ERRORS: Mapping[str, type[HierclfError]] = MappingProxyType(
    {"bundle": BundleError, "input": InputError, "machine": ResourceError}
)


def rows_on_ray(
    options: ScoreOptions, digest: str, paths: Iterator[Path]
) -> Iterator[list[Row]]:
    """Score scans on a Ray cluster.

    Parameters
    ----------
    options : ScoreOptions
        What every machine must see: the bundle and the folder at the same places. One
        actor takes as many processors as `threads`, one if not given.
    digest : str
        Of the bundle here; those of the machines must be the same.
    paths : iterator of Path
        Scans below the folder. Their names are held in memory.

    Yields
    ------
    rows : list of list of str
        Those of a block, in the order of `paths`.

    Raises
    ------
    BundleError
        If a machine has another bundle.
    ResourceError
        If the cluster is not there, or a machine cannot do its part.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would call home
    names = [os.fsencode(path.relative_to(options.input)) for path in paths]
    if names:
        with _cluster(options.ray_address):
            yield from _told(_scored(options, digest, names))


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Use a cluster, or start one of this machine while the block runs."""
    import ray

    if ray.is_initialized():  # by whoever calls this
        yield
        return
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level=_QUIET)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise ResourceError(
            f"ray_address: expected a cluster at {address}, got '{_last(error)}'. "
            "Start it, or leave --ray-address out."
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _scored(
    options: ScoreOptions, digest: str, names: list[bytes]
) -> Iterator[list[Row]]:
    import ray.data

    logging.getLogger("ray.data").setLevel(_QUIET)  # it tells its plans
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    size = _BATCHES * options.batch_size
    n_blocks = -(-len(names) // size)
    n_threads = options.threads or 1
    n_actors = max(1, int(ray.cluster_resources().get("CPU", 1)) // n_threads)
    places = {"bundle": options.bundle.resolve(), "input": options.input.resolve()}
    machine = {"threads": n_threads, "runtime": current_runtime()}
    told = options.model_copy(update={**machine, **places})
    scored = ray.data.from_items(
        [{"name": name} for name in names], override_num_blocks=n_blocks
    ).map_batches(
        Actor,
        batch_size=size,
        batch_format="numpy",
        fn_constructor_args=(told, digest),
        compute=ray.data.ActorPoolStrategy(
            size=min(n_actors, n_blocks), max_tasks_in_flight_per_actor=2
        ),
        num_cpus=n_threads,
    )
    for block in scored.iter_batches(batch_size=None, batch_format="numpy"):
        rows = [json.loads(row) for row in block["row"]]
        for row in rows:
            if isinstance(row, dict):
                raise _ERRORS[row["kind"]](row["message"])
        yield rows


class Actor:
    """A worker on a machine of the cluster; it reads the bundle with its first block.

    Parameters
    ----------
    options : ScoreOptions
        As for the worker.
    digest : str
        That the bundle must have.
    """

    def __init__(self, options: ScoreOptions, digest: str) -> None:
        self._options = options
        self._digest = digest
        self._worker: Worker | None = None

    def __call__(self, block: _Block) -> _Block:
        """Score a block of scans, named by bytes; rows go back as JSON.

        So does an error of ours: of an exception, Ray would bring back a text only.
        """
        folder = self._options.input
        paths = (folder / os.fsdecode(name) for name in block["name"])
        told: list[Any]
        try:
            self._worker = self._worker or self._started()
            told = [row for batch in self._worker.rows(paths) for row in batch]
        except HierclfError as error:
            kind = next(name for name in _ERRORS if isinstance(error, _ERRORS[name]))
            told = [{"kind": kind, "message": str(error)}]
        return {"row": [json.dumps(row).encode() for row in told]}

    def _started(self) -> Worker:
        where = f"machine {platform.node()!r} of the cluster"
        if not self._options.input.is_dir():
            raise ResourceError(
                f"{where}: expected the folder {self._options.input}, got none. "
                "Every machine must see the scans at the same place."
            )
        worker = Worker(self._options)
        if worker.digest != self._digest:
            raise BundleError(
                f"{where}: expected bundle {self._digest[:16]}, got "
                f"{worker.digest[:16]}. Put the same bundle on every machine."
            )
        return worker


def _told(blocks: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """Turn what Ray says of a failure into one line."""
    from ray.exceptions import RayError

    try:
        yield from blocks
    except RayError as error:
        _log.debug("no rows", exc_info=True)
        raise ResourceError(
            f"engine: expected rows of the cluster, got '{_last(error)}'. What was "
            "written stays; add --resume."
        ) from error


def _last(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]
