"""What a process that computes asks of its machine."""

from __future__ import annotations

import torch

from hierclf.foundation.heaps import keep_memory


def prepare_machine(n_threads: int | None) -> None:
    """Make a process ready to run networks.

    Parameters
    ----------
    n_threads : int, optional
        Threads that compute; the number of cores where not given.

    See Also
    --------
    hierclf.foundation.heaps.keep_memory : What it does with memory.
    """
    keep_memory()
    if n_threads is not None:
        torch.set_num_threads(n_threads)
