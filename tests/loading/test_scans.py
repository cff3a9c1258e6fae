"""Scans are read in order, ahead, and never exchanged."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from hierclf.foundation.errors import InputError, ScanError
from hierclf.loading.scans import FrameReader, batched_frames, read_ahead


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    """Ten scans whose brightness is their number; the fourth is broken."""
    rows = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        image = np.full((20, 20), 20 * number + 10, dtype=np.uint8)
        image[0, 0] += 5
        cv2.imwrite(str(path), image)
        rows.append({"path": str(path), "scan": path.name})
    (tmp_path / "4.png").write_bytes(b"\x89PNG")
    return pd.DataFrame(rows)


def test_read_ahead_keeps_order_and_bound() -> None:
    running, most = set(), [0]
    lock = threading.Lock()
    taken = [0]

    def work(item: int) -> int:
        with lock:
            running.add(item)
            most[0] = max(most[0], item - taken[0])
        time.sleep(0.001 * (item % 3))
        return item * item

    found = []
    for result in read_ahead(work, iter(range(100)), n_threads=3):
        found.append(result)
        taken[0] += 1
    assert found == [i * i for i in range(100)]
    assert most[0] <= 8 * 3 + 1


def test_read_ahead_passes_errors_on() -> None:
    def work(item: int) -> int:
        return 1 // (item - 3)

    with pytest.raises(ZeroDivisionError):
        list(read_ahead(work, range(10)))


def test_broken_scan_takes_its_own_place(manifest: pd.DataFrame) -> None:
    """No scan is answered with the next one's pixels."""
    results = list(FrameReader(8).read_all(manifest))
    assert [i for i, r in enumerate(results) if isinstance(r, ScanError)] == [4]
    for number, result in enumerate(results):
        if not isinstance(result, ScanError):
            assert round(float(np.median(result)) * 255) == 20 * number + 10


def test_batches_refuse_a_broken_scan(manifest: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"4\.png: E_"):
        list(batched_frames(FrameReader(8), manifest, 4))


def test_batches_hold_all_scans(manifest: pd.DataFrame) -> None:
    good = manifest.drop(index=4)
    batches = list(batched_frames(FrameReader(8), good, 4))
    assert [len(batch) for batch in batches] == [4, 4, 1]


def test_cached_frame_is_the_decoded_one(
    manifest: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = manifest["path"][2]
    plain = FrameReader(16).read(path)
    first = FrameReader(16, tmp_path / "cache").read(path)
    again = FrameReader(16, tmp_path / "cache")
    monkeypatch.setattr(FrameReader, "decode", lambda *_: pytest.fail("decoded again"))
    for frame in (first, again.read(path)):
        np.testing.assert_array_equal(plain, frame)


def test_replaced_file_is_decoded_again(manifest: pd.DataFrame, tmp_path: Path) -> None:
    reader = FrameReader(16, tmp_path / "cache")
    path = Path(manifest["path"][2])
    before = reader.read(str(path))
    path.write_bytes(Path(manifest["path"][7]).read_bytes())
    assert np.median(reader.read(str(path))) != np.median(before)
