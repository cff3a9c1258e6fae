"""Threads share few heaps where asked; freed memory is kept where asked."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, threading
from hierclf.foundation.heaps import limit_heaps
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


PAGES = """
import ctypes, mmap, resource, sys
from hierclf.foundation.heaps import keep_memory
told = keep_memory() if sys.argv[1] == "kept" else None
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
size = 64 * 2**20

def use():
    block = ctypes.c_void_p(library.malloc(ctypes.c_size_t(size)))
    ctypes.memset(block, 1, size)
    library.free(block)

use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10): use()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(told, faults * mmap.PAGESIZE / size)
"""


def refilled(how: str, **environment: str) -> tuple[str, float]:
    """What a process says that uses a block again ten times, and how many were new."""
    kept = {k: v for k, v in os.environ.items() if k != "MALLOC_MMAP_MAX_"}
    command = [sys.executable, "-c", PAGES, how]
    told = {"capture_output": True, "text": True, "env": kept | environment}
    said, blocks = subprocess.run(command, check=True, **told).stdout.split()
    return said, float(blocks)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_info"), reason="memory is not glibc's"
)
def test_large_blocks_that_were_freed_are_used_again() -> None:
    assert refilled("free")[1] > 9
    said, blocks = refilled("kept")
    assert said == "True"
    assert blocks < 0.1
    said, blocks = refilled("kept", MALLOC_MMAP_MAX_="65536")
    assert said == "False"
    assert blocks > 9
