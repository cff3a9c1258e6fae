"""A cache that can make a run slower but not wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hierclf.caching.store import ArrayCache

KEY = "ab" * 32


def test_keeps_arrays(tmp_path: Path) -> None:
    cache = ArrayCache(tmp_path, "net 1")
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    assert cache.get(KEY) is None
    cache.put(KEY, array)
    found = ArrayCache(tmp_path, "net 1").get(KEY)
    assert found is not None
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, array)


def test_spaces_do_not_mix(tmp_path: Path) -> None:
    ArrayCache(tmp_path, "net 1").put(KEY, np.ones(3))
    assert ArrayCache(tmp_path, "net 2").get(KEY) is None


def test_damaged_entry_counts_as_absent(tmp_path: Path) -> None:
    """Fault 111: any flipped byte and any truncation is noticed."""
    cache = ArrayCache(tmp_path, "s")
    cache.put(KEY, np.arange(4))
    (path,) = [p for p in tmp_path.rglob("*") if p.is_file()]
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert cache.get(KEY) is None
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert cache.get(KEY) is None
    path.write_bytes(whole)
    assert cache.get(KEY) is not None


def test_unwritable_folder_warns_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault 110: a file where the folder should be; root may write anywhere else."""
    (tmp_path / "file").write_text("")
    cache = ArrayCache(tmp_path / "file", "s")
    cache.put(KEY, np.ones(2))
    cache.put(KEY, np.ones(2))
    assert cache.get(KEY) is None
    assert caplog.text.count("going on without one") == 1


def test_processes_share_a_folder(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path;"
        "from hierclf.caching.store import ArrayCache\n"
        "cache = ArrayCache(Path(sys.argv[1]), 's')\n"
        "for i in range(200):\n"
        "    cache.put(f'{i % 20:064x}', np.full(2000, i % 20))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    writers = [subprocess.Popen(command) for _ in range(2)]
    cache = ArrayCache(tmp_path, "s")
    while any(writer.poll() is None for writer in writers):
        for i in range(20):
            found = cache.get(f"{i:064x}")
            assert found is None or (found == i).all()
    assert all(writer.returncode == 0 for writer in writers)
    assert all(cache.get(f"{i:064x}") is not None for i in range(20))
