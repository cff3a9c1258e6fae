"""Scans decoded in a child process, which can be killed.

A decoder written in C may never return, or take all memory; a thread could not be
stopped. The child reads one file at a time. It imports nothing that computes, so that
it starts in a fraction of a second.
"""

from __future__ import annotations

import multiprocessing
import resource
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

from hierclf.data.border import refused
from hierclf.data.limits import DEFAULT_LIMITS, ReadLimits
from hierclf.data.pixels import Scan, read_scan
from hierclf.foundation.errors import ResourceError, ScanError

LIMIT_S = 10.0
MEMORY = 3 << 30
MOST_FILES = 200
"""After so many files a child is replaced: what its decoders leaked goes with it."""
_START_S = 60.0
_CPU_S = 3600
"""Of a child in all: one that outlives its parent, at work on a file, ends by this."""
_ADVICE = "Export the scan again"


class Decoder:
    """Decodes files in a child that is made when it is needed.

    Parameters
    ----------
    limit_s : float, default=LIMIT_S
        Wall clock seconds for one file.
    memory : int, default=MEMORY
        Bytes of address space.
    most_files : int, default=MOST_FILES
        Files that one child decodes.
    limits : ReadLimits, optional
        Of the scans.
    """

    def __init__(
        self,
        limit_s: float = LIMIT_S,
        memory: int = MEMORY,
        most_files: int = MOST_FILES,
        limits: ReadLimits = DEFAULT_LIMITS,
    ) -> None:
        self._limit_s = limit_s
        self._memory = memory
        self._most_files = most_files
        self._limits = limits
        self._n_files = 0
        self._child: BaseProcess | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Decoder:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        self.close()

    def start(self) -> None:
        """Start the child before there is a file, which then waits no longer.

        Raises
        ------
        ResourceError
            If none can be started.
        """
        self._opened()

    def decode(self, path: Path) -> Scan:
        """Decode a file.

        Parameters
        ----------
        path : Path
            A PNG, JPEG, TIFF or DICOM file.

        Returns
        -------
        scan : Scan
            See `hierclf.data.pixels.read_scan`.

        Raises
        ------
        ScanError
            What `read_scan` raises; ``E_TIMEOUT`` where it took too long, ``E_DECODE``
            where the child died of it.
        ResourceError
            If no child can be started.
        """
        pipe = self._opened()
        self._n_files += 1
        try:
            pipe.send(str(path))
            if not pipe.poll(self._limit_s):
                self.close()
                got = f"none after {self._limit_s:g} s"
                raise refused("E_TIMEOUT", "a decoded scan in time", got, _ADVICE)
            return self._received(pipe)
        except (EOFError, OSError) as error:
            self.close()
            got = "the end of the decoder"
            raise refused("E_DECODE", "a scan", got, _ADVICE) from error
        finally:
            if self._n_files >= self._most_files:
                self.close()

    def _received(self, pipe: Connection) -> Scan:
        told = pipe.recv()
        if isinstance(told, ScanError):
            raise told
        shape, digest, warnings = told
        pixels = np.frombuffer(pipe.recv_bytes(), dtype=np.float32)
        return Scan(pixels.reshape(shape).copy(), digest, warnings)

    def _opened(self) -> Connection:
        if self._pipe is not None and self._child is not None:
            if self._child.is_alive():
                return self._pipe
            self.close()
        try:
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            told = (theirs, self._memory, self._limits)
            child = context.Process(target=_serve, args=told, daemon=True)
            child.start()
            theirs.close()
            ready = ours.poll(_START_S) and ours.recv()
        except (OSError, EOFError) as error:
            raise ResourceError(
                "decoder: expected a process, got none. Look at the memory of this "
                "machine."
            ) from error
        if not ready:
            raise ResourceError(
                "decoder: expected it to start, got nothing. Try again."
            )
        self._pipe, self._child, self._n_files = ours, child, 0
        return ours

    def close(self) -> None:
        """End the child, whatever it does; the next file gets a new one."""
        if self._child is not None:
            self._child.kill()
            self._child.join()
            self._child.close()
        if self._pipe is not None:
            self._pipe.close()
        self._child = self._pipe = None


def _serve(pipe: Connection, memory: int, limits: ReadLimits) -> None:
    """Decode what is asked for, until nobody asks; run in the child."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        pipe.send(True)
        while True:
            for part in _answer(Path(pipe.recv()), limits):
                pipe.send_bytes(part) if isinstance(part, memoryview) else pipe.send(
                    part
                )


def _answer(path: Path, limits: ReadLimits) -> tuple[Any, ...]:
    try:
        scan = read_scan(path, limits)
    except ScanError as error:
        return (error,)
    except ResourceError as error:
        return (ScanError("E_PERM", str(error)),)
    told = (scan.pixels.shape, scan.sha256, scan.warnings)
    return told, scan.pixels.data.cast("B")
