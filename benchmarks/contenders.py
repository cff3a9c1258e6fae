"""Who is timed, and how one of them is run: a process, timed by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.footprint import footprint

ROOT = Path(__file__).resolve().parents[1]
_BEGINNINGS = {"small": "small JPEGs, ", "frames": "frames, "}
_SAMPLE_S = 0.5
_LONGEST_S = 1800


@dataclass(frozen=True)
class Contender:
    """A way to score a folder.

    Parameters
    ----------
    name : str
        In tables.
    network : str
        Which network it runs.
    command : tuple of str
        Arguments of Python, without the folders.
    scans : {"many", "few", "small", "frames"}, default="many"
        Which folder it gets: many large scans; some of these, for slow ones; many of
        the side of a crop, or of the frame.
    python : str, optional
        Of its own environment.
    package : str, default=""
        What must be there to import; absent ones are said to be.
    work : mapping of str to object, optional
        What it computes for a scan, where that was counted, see `benchmarks.work`.
    """

    name: str
    network: str
    command: tuple[str, ...]
    scans: str = "many"
    python: str = sys.executable
    package: str = ""
    work: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Name it among all."""
        return f"{self.network}, {self.name}"

    def is_there(self) -> bool:
        """Tell whether its environment has its package."""
        if not self.package:
            return True
        told = [
            self.python,
            "-c",
            f"import importlib.util as u; u.find_spec('{self.package}') or exit(1)",
        ]
        return (
            Path(self.python).exists()
            and not subprocess.run(told, check=False).returncode
        )


def beginning(scans: str) -> str:
    """Begin the name of a contender by what its scans are, if they are not large."""
    return _BEGINNINGS.get(scans, "")


RIVALS = {
    "ttach, ten crops, 1 network": ("ttach", "ttach_tencrop"),
    "timm, one view, 1 network": ("timm", "timm_inference"),
    "AUCMEDI, ten augmentations, 1 network": ("aucmedi", "aucmedi_augmenting"),
}
"""Package and script of each rival, by what its row is called."""


def rivals(network: str, environments: Path) -> list[Contender]:
    """List the rivals; each has the environment of its package's name, or ours."""
    found = []
    for name, (package, script) in RIVALS.items():
        own = environments / package / "bin" / "python"
        python = str(own) if own.exists() else sys.executable
        command = ("-m", f"benchmarks.rivals.{script}", "--network", network)
        found.append(
            Contender(name, network, command, "few", python=python, package=package)
        )
    return found


def run(contender: Contender, scans: Path, warm: Path) -> dict[str, Any]:
    """Run a contender once; gives what it printed, and the memory of its processes.

    Raises
    ------
    RuntimeError
        If it fails; with the last lines that it printed.
    """
    told = [contender.python, *contender.command, "--input", str(scans)]
    told += ["--warm", str(warm)]
    with tempfile.TemporaryFile("w+") as troubles:
        process = subprocess.Popen(
            told, cwd=ROOT, stdout=subprocess.PIPE, stderr=troubles, text=True
        )
        with Memory(process.pid) as memory:
            printed, _ = process.communicate(timeout=_LONGEST_S)
        if process.returncode:
            troubles.seek(0)
            lines = troubles.read().splitlines()[-5:]
            raise RuntimeError(f"{contender.key}: " + " | ".join(lines))
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found | {"memory_kb": max(memory.most_kb, found["peak_kb"])}


class Memory:
    """Looks what a process and all below it hold, twice a second.

    Parameters
    ----------
    pid : int
        Of the process. Pages that several of its processes share count once.
    """

    def __init__(self, pid: int) -> None:
        self.most_kb = 0
        self._pid = pid
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(_SAMPLE_S):
            if not os.path.exists(f"/proc/{self._pid}"):
                return
            held = footprint(self._pid).get("all", {"pss": 0})
            self.most_kb = max(self.most_kb, held["pss"])


def interleave(
    contenders: Sequence[Contender], n_rounds: int
) -> list[tuple[int, Contender]]:
    """Order the runs: every contender once, then every one again.

    Whatever makes the machine slower for a while meets all of them alike; every other
    round goes backwards, so that none is always behind the same neighbor.
    """
    return [
        (number, one)
        for number in range(n_rounds)
        for one in (contenders if number % 2 == 0 else contenders[::-1])
    ]
