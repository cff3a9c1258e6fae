"""A cache that can make a run slower but not wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hierclf.caching import store
from hierclf.caching.store import ArrayCache, shrink
from hierclf.foundation.errors import InputError

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


def _put(cache: ArrayCache, number: int, age_s: int) -> Path:
    key = f"{number:064x}"
    cache.put(key, np.zeros(1000, dtype=np.uint8))
    path = cache._path(key)
    if path.exists():
        moment = 1_700_000_000 - age_s
        os.utime(path, (moment, moment))
    return path


def test_unused_for_longest_go_first(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HIERCLF_CACHE_GB", "0.00001")  # ten kilobytes
    cache = ArrayCache(tmp_path, "s")
    mine = tmp_path / "mine.txt"
    mine.write_bytes(b"x" * 20_000)
    paths = [_put(cache, number, age_s=100 - number) for number in range(8)]
    assert all(path.exists() for path in paths)
    cache.get(f"{0:064x}")  # used again
    for number in range(8, 11):
        _put(ArrayCache(tmp_path, "other"), number, age_s=0)
    assert mine.exists()
    kept = [path.exists() for path in paths]
    assert kept[0]
    assert kept[1:] == sorted(kept[1:])
    assert not kept[1]
    sizes = [p.stat().st_size for p in tmp_path.rglob("*") if p.is_file() and p != mine]
    assert sum(sizes) <= 10_000 + 1200


def test_foreign_files_stay(tmp_path: Path) -> None:
    """Whoever points a cache at a folder of scans does not lose them."""
    names = ["scan.png", "ab/scan.png", f"{'a' * 24}/ab/scan.png", f"ab/{'c' * 64}"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 100)
    entry = tmp_path / ("a" * 24) / "ab" / ("c" * 64)
    left = entry.with_name(".tmp-1")
    young = entry.with_name(".tmp-2")
    for path in (entry, left, young):
        path.write_bytes(b"x" * 100)
    os.utime(left, (1_700_000_000, 1_700_000_000))
    shrink(tmp_path, 10)
    assert not entry.exists()
    assert not left.exists()
    assert young.exists()  # another process is writing it
    assert all((tmp_path / name).exists() for name in names)


def test_a_tenth_is_made_free(tmp_path: Path) -> None:
    """Else each new entry would search all of them again."""
    folder = tmp_path / ("a" * 24) / "ab"
    folder.mkdir(parents=True)
    for number in range(100):
        (folder / f"{number:064x}").write_bytes(b"x" * 100)
    shrink(tmp_path, 10_000)
    assert len(list(folder.iterdir())) == 100
    shrink(tmp_path, 9_999)
    assert len(list(folder.iterdir())) == 89


def test_two_processes_may_shrink_at_once(tmp_path: Path, monkeypatch) -> None:
    """What the other has removed is no error."""
    cache = ArrayCache(tmp_path, "s")
    for number in range(3):
        _put(cache, number, age_s=0)
    listed = list(store._entries(tmp_path))
    monkeypatch.setattr(store, "_entries", lambda folder: [*listed, tmp_path / "gone"])
    monkeypatch.setattr(Path, "unlink", lambda self: (_ for _ in ()).throw(OSError()))
    shrink(tmp_path, 1)


@pytest.mark.parametrize("told", ["much", "-1", "0", "nan", "inf", ""])
def test_bad_limit_is_told(told: str, tmp_path: Path, monkeypatch) -> None:
    """Fault 77."""
    monkeypatch.setenv("HIERCLF_CACHE_GB", told)
    with pytest.raises(InputError, match="expected a number above 0"):
        ArrayCache(tmp_path, "s")


def test_disk_that_is_full(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By a small disk in memory: what fits is whole, the rest is computed again."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system")
    try:
        cache, arrays = ArrayCache(tmp_path, "s"), {}
        for number in range(16):
            key = f"{number:064x}"
            arrays[key] = np.full(1000, number)  # of 8 kB
            cache.put(key, arrays[key])
        assert sum("No space left" in r.message for r in caplog.records) == 1
        found = {key: ArrayCache(tmp_path, "s").get(key) for key in arrays}
        kept = [key for key, array in found.items() if array is not None]
        assert 0 < len(kept) < 16
        for key in kept:
            np.testing.assert_array_equal(found[key], arrays[key])
        names = [path.name for path in tmp_path.rglob("*") if path.is_file()]
        assert sorted(names) == sorted(kept)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)  # noqa: S607
