"""Decoding in a child that can be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from hierclf.data import child
from hierclf.data.child import Decoder
from hierclf.data.pixels import read_scan
from hierclf.foundation.errors import ResourceError, ScanError


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as found:
        yield found


@pytest.fixture
def png(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "scan.png")
    return tmp_path / "scan.png"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid_of(decoder: Decoder) -> int:
    process = decoder._child
    assert process is not None
    assert process.pid is not None
    return process.pid


def test_what_the_child_reads_is_what_is_read_here(decoder: Decoder, png: Path) -> None:
    dicom = get_testdata_file("CT_small.dcm")
    for path in (png, Path(str(dicom)), png):
        found, expected = decoder.decode(path), read_scan(path)
        np.testing.assert_array_equal(found.pixels, expected.pixels)
        assert found.pixels.flags.writeable
        assert found.sha256 == expected.sha256
        assert found.warnings == expected.warnings


def test_refusals_come_through_with_their_code(
    decoder: Decoder, tmp_path: Path
) -> None:
    (tmp_path / "page.png").write_bytes(b"<html></html>")
    with pytest.raises(ScanError, match="markup") as error:
        decoder.decode(tmp_path / "page.png")
    assert error.value.code == "E_FORMAT"
    with pytest.raises(ScanError) as gone:
        decoder.decode(tmp_path / "nowhere.png")
    assert gone.value.code == "E_GONE"


def test_a_file_that_takes_too_long_costs_itself(png: Path, tmp_path: Path) -> None:
    """The next file is read as ever, by another child; the first one is gone."""
    slow = tmp_path / "slow"
    slow.symlink_to("slow")  # never read: the child is stopped before
    with Decoder(limit_s=0.5) as decoder:
        decoder.decode(png)
        first = pid_of(decoder)
        os.kill(first, signal.SIGSTOP)
        with pytest.raises(ScanError, match=r"none after 0\.5 s") as error:
            decoder.decode(slow)
        assert error.value.code == "E_TIMEOUT"
        assert not alive(first)
        assert decoder.decode(png).pixels.shape == (40, 30)
        assert pid_of(decoder) != first


def test_a_child_that_dies_of_a_file_costs_itself(png: Path) -> None:
    with Decoder(limit_s=30) as decoder:
        decoder.decode(png)
        first = pid_of(decoder)
        os.kill(first, signal.SIGSTOP)
        killer = threading.Timer(0.3, os.kill, (first, signal.SIGKILL))
        killer.start()
        with pytest.raises(ScanError, match="the end of the decoder") as error:
            decoder.decode(png)
        assert error.value.code == "E_DECODE"
        assert decoder.decode(png).pixels.shape == (40, 30)


def test_a_child_that_died_before_is_replaced(png: Path) -> None:
    with Decoder() as decoder:
        decoder.decode(png)
        first = pid_of(decoder)
        os.kill(first, signal.SIGKILL)
        until = time.monotonic() + 10
        while decoder._child is not None and decoder._child.is_alive():
            assert time.monotonic() < until
        assert decoder.decode(png).pixels.shape == (40, 30)


def test_children_are_replaced_by_and_by(png: Path) -> None:
    with Decoder(most_files=2) as decoder:
        seen = []
        for _ in range(5):
            decoder.start()
            seen.append(pid_of(decoder))
            decoder.decode(png)
    assert seen[0] == seen[1] != seen[2] == seen[3] != seen[4]
    assert not any(alive(pid) for pid in seen)


def test_memory_is_limited(tmp_path: Path) -> None:
    """A file of few bytes and many pixels, below every other limit."""
    path = tmp_path / "large.png"
    Image.new("L", (6000, 6000), 1).save(path)
    with Image.open(path) as image:
        image.putpixel((0, 0), 2)
        image.save(path)
    with Decoder(memory=300 << 20) as decoder:
        with pytest.raises(ScanError) as error:
            decoder.decode(path)
        assert error.value.code in {"E_MEMORY", "E_DECODE"}
    with Decoder() as decoder:
        assert decoder.decode(path).pixels.shape == (6000, 6000)


def test_it_imports_nothing_that_computes() -> None:
    told = "import sys, hierclf.data.child; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_no_process_to_be_had(monkeypatch: pytest.MonkeyPatch, png: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(child.multiprocessing, "get_context", refuse)
    with pytest.raises(ResourceError, match="expected a process, got none"):
        Decoder().decode(png)
