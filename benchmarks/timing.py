"""What a process that is timed tells of itself: one line of JSON, the last it prints.

No part of `hierclf` is imported here: rivals run in environments without it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Timed:
    """A folder of pictures that was scored.

    Parameters
    ----------
    n : int
        Pictures.
    seconds : float
        From the first file's opening to the last answer; nothing of imports, of
        loading or of the first pictures, which warm it up.
    labels : dict of str to str
        What was decided, by the name of the file; empty for networks of others.
    more : dict of str to float
        Further figures, by name.
    """

    n: int
    seconds: float
    labels: dict[str, str] = field(default_factory=dict)
    more: dict[str, float] = field(default_factory=dict)


@dataclass
class Clock:
    """Seconds of a block, and of processors meanwhile."""

    seconds: float = 0.0
    processor_s: float = 0.0


@contextmanager
def timed() -> Iterator[Clock]:
    """Time a block by the wall and by this process's processors."""
    clock = Clock()
    start, spent = time.perf_counter(), time.process_time()
    yield clock
    clock.seconds = time.perf_counter() - start
    clock.processor_s = time.process_time() - spent


def report(found: Timed) -> None:
    """Print what was found, with the most memory that this process ever held.

    Not from ``getrusage``, where a process that was just started has its parent's.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    peak_kb = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    print(json.dumps(asdict(found) | {"peak_kb": peak_kb}))
