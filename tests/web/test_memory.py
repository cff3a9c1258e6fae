"""Threads of the server share few heaps."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys

import pytest

from hierclf.web import server

PROGRAM = """
import ctypes, sys, threading
from hierclf.web.memory import limit_heaps
told = limit_heaps() if sys.argv[1] == "limited" else None
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
start = threading.Barrier(12)

def work():
    start.wait()
    library.malloc(100_000)  # while Python lets the others go on
    start.wait()

threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(told, flush=True)
library.malloc_info(0, ctypes.c_void_p.in_dll(library, "stdout"))
library.fflush(None)
"""


def heaps(how: str, **environment: str) -> tuple[str, int]:
    """What a process with twelve threads says, and how many heaps it has."""
    kept = {k: v for k, v in os.environ.items() if k != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", PROGRAM, how]
    told = {"capture_output": True, "text": True, "env": kept | environment}
    text = subprocess.run(command, check=True, **told).stdout
    return text.split()[0], len(re.findall(r"<heap nr=", text))


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_info"), reason="memory is not glibc's"
)
def test_threads_share_few_heaps() -> None:
    assert heaps("free")[1] > 2
    assert heaps("limited") == ("True", 2)
    chosen, number = heaps("limited", MALLOC_ARENA_MAX="5")
    assert chosen == "False"
    assert 2 < number <= 5


def test_the_server_limits_them_before_it_has_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class ReachedError(Exception):
        pass

    def limit() -> None:
        raise ReachedError

    monkeypatch.setattr(server, "limit_heaps", limit)
    monkeypatch.setattr(server, "open_state", lambda _: pytest.fail("too late"))
    with pytest.raises(ReachedError):
        server.serve(None)  # type: ignore[arg-type]
