"""A bundle loaded for this machine: its threads, and what runs its networks."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import get_args

from hierclf.bundle.info import RUNTIME
from hierclf.bundle.store import Bundle, load_bundle, read_info
from hierclf.features.readers import readers_of, trunk_in
from hierclf.foundation.errors import BundleError
from hierclf.inference.machine import prepare_machine
from hierclf.inference.runtimes import RUNTIMES, current_runtime, set_runtime
from hierclf.inference.trials import use_runtime
from hierclf.networks.choices import RuntimeChoice, RuntimeName

_log = logging.getLogger(__name__)


def load_for_machine(
    folder: Path, *, runtime: RuntimeChoice | None = None, threads: int | None = None
) -> Bundle:
    """Load a bundle whose networks are run by a runtime.

    Its own test is taken with that runtime, so that one that computes anything else is
    refused; see `hierclf.bundle.self_test` for what is only warned of.

    Parameters
    ----------
    folder : Path
        The bundle.
    runtime : str, optional
        See `hierclf.inference.runtimes`; ``auto`` takes some seconds to find it. By
        default what the bundle was made by, or torch where that cannot be used here.
    threads : int, optional
        That compute; the number of cores where not given.

    Returns
    -------
    bundle : Bundle
        Verified.

    Raises
    ------
    BundleError
        If it is damaged, foreign, or scores otherwise than it once did.
    InputError
        If the runtime is not installed.
    """
    prepare_machine(threads)
    named = None if runtime == "auto" else runtime
    first = named or _own_runtime(folder)
    set_runtime(first)
    bundle = _load(folder)
    if runtime != "auto":
        return bundle
    stages = bundle.cascade.screen_, bundle.cascade.refine_
    readers = [reader for stage in stages for reader in readers_of(stage)]
    trunks = {trunk.digest: trunk for trunk in map(trunk_in, readers)}
    use_runtime("auto", trunks.values)
    return bundle if current_runtime() == first else _load(folder)


def _load(folder: Path) -> Bundle:
    """Load a bundle; where that fails by another runtime than torch, say so."""
    try:
        return load_bundle(folder)
    except BundleError as error:
        if current_runtime() == "eager":
            raise
        raise BundleError(
            f"{error} Or {current_runtime()} cannot run it here: try --runtime eager."
        ) from error


def _own_runtime(folder: Path) -> RuntimeName:
    """Name what a bundle was made by, where that can be used here."""
    made_by = read_info(folder).versions.get(RUNTIME, "eager")
    names: tuple[RuntimeName, ...] = get_args(RuntimeName)
    usable = (name for name in names if name == made_by and RUNTIMES[name].is_usable)
    found = next(usable, None)
    if found is None:
        _log.warning(
            "bundle: it was made by %s, which cannot be used here. Install it, or "
            "measure the bundle by what is here (hierclf evaluate).",
            made_by,
        )
    return found or "eager"
