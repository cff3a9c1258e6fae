"""A bundle loaded for this machine: its threads, and what runs its networks."""

from __future__ import annotations

from pathlib import Path

import torch

from hierclf.bundle.store import Bundle, load_bundle
from hierclf.features.readers import readers_of, trunk_in
from hierclf.inference.runtimes import current_runtime
from hierclf.inference.trials import use_runtime
from hierclf.networks.choices import RuntimeChoice


def load_for_machine(
    folder: Path, *, runtime: RuntimeChoice = "eager", threads: int | None = None
) -> Bundle:
    """Load a bundle whose networks are run by a runtime.

    Its own test is taken with that runtime, so that one that computes anything else is
    refused.

    Parameters
    ----------
    folder : Path
        The bundle.
    runtime : str, default="eager"
        See `hierclf.inference.runtimes`; ``auto`` takes some seconds to find it.
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
    if threads is not None:
        torch.set_num_threads(threads)
    use_runtime("eager" if runtime == "auto" else runtime, lambda: ())
    bundle = load_bundle(folder)
    if runtime != "auto":
        return bundle
    stages = bundle.cascade.screen_, bundle.cascade.refine_
    readers = [reader for stage in stages for reader in readers_of(stage)]
    trunks = {trunk.digest: trunk for trunk in map(trunk_in, readers)}
    use_runtime("auto", trunks.values)
    return bundle if current_runtime() == "eager" else load_bundle(folder)
