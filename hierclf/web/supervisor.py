"""Keeps a worker alive, and knows what it has loaded."""

from __future__ import annotations

import logging
import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from hierclf.foundation.errors import BundleError
from hierclf.networks.choices import RuntimeChoice
from hierclf.web.result import About

_log = logging.getLogger(__name__)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_POLL_S = 0.2


class Supervisor:
    """Starts a worker, and another one where it ends by itself.

    Parameters
    ----------
    target : callable
        Run in the process; takes `told` and the end of a pipe.
    told : object
        What the worker is given.

    Attributes
    ----------
    about : About or None
        What the worker has loaded; None until it has.
    trouble : str
        Why the bundle was refused; '' where it was not.
    """

    def __init__(self, target: Callable[[Any, Connection], None], told: Any) -> None:
        self._target = target
        self._told = told
        self.about: About | None = None
        self.trouble = ""
        self._ready = threading.Event()
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._pipe: Connection | None = None
        self._process: BaseProcess | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def ready(self) -> bool:
        """Whether a worker has the bundle and is alive."""
        process = self._process
        return self._ready.is_set() and process is not None and process.is_alive()

    @property
    def pid(self) -> int | None:
        """Of the worker."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start a worker and watch it."""
        self._thread.start()

    def wait(self, seconds: float) -> About | None:
        """Wait until a worker has the bundle; None where it has not, or refused it."""
        self._ready.wait(seconds)
        return self.about

    def wake(self) -> None:
        """Say that there may be work."""
        with self._lock:
            if self._pipe is not None:
                try:
                    self._pipe.send(None)
                except OSError:
                    _log.debug("the worker is not there; it looks by itself")

    def stop(self, seconds: float) -> None:
        """End the worker: it may finish what it works on, then it is killed."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(seconds + 5)
        self._close(seconds)

    def _watch(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._end.is_set() and not self.trouble:
            self._launch()
            if self._await_word():
                pause_s = _FIRST_PAUSE_S
                self._await_end()
            self._close(0)
            if self._end.is_set() or self.trouble:
                break
            _log.warning("the worker ended; another is started")
            self._end.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        self._ready.set()  # whoever waits for it need not wait longer

    def _launch(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=self._target, args=(self._told, theirs))
        process.start()
        theirs.close()
        with self._lock:
            self._pipe, self._process = ours, process

    def _await_word(self) -> bool:
        """Wait for what the worker has to say first; False where it ended before."""
        pipe, process = self._pipe, self._process
        if pipe is None or process is None:
            return False
        while not self._end.is_set():
            try:
                if pipe.poll(_POLL_S):
                    return self._heard(pipe.recv())
            except (EOFError, OSError):
                return False
        return False

    def _heard(self, told: object) -> bool:
        if isinstance(told, BundleError):
            self.trouble = str(told)
            return False
        if isinstance(told, About):
            self.about = told
            self._ready.set()
            return True
        return False

    def _await_end(self) -> None:
        process = self._process
        while process is not None and process.is_alive() and not self._end.is_set():
            process.join(_POLL_S)

    def _close(self, seconds: float) -> None:
        with self._lock:
            pipe, process = self._pipe, self._process
            self._pipe = self._process = None
        if pipe is not None:
            pipe.close()  # which tells the worker to end
        if process is not None:
            process.join(seconds)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()


def make_supervisor(
    *,
    bundle: Path,
    url: str,
    state: Path,
    threads: int | None,
    runtime: RuntimeChoice | None = None,
) -> Supervisor:
    """Make the supervisor of a worker that scores; see `hierclf.web.worker.Work`."""
    machine = {"threads": threads, "runtime": runtime}
    return Supervisor(_work, {"bundle": bundle, "url": url, "state": state, **machine})


def _work(told: dict[str, Any], pipe: Connection) -> None:
    """Run a worker; torch is imported here, in its process, and not in the server's."""
    from hierclf.web.worker import Work, run_worker

    run_worker(Work(**told), pipe)
