from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest

from hierclf.bundle.store import load_bundle
from hierclf.scoring.reading import make_reader


@pytest.fixture(scope="module")
def cascade(bundle):
    return load_bundle(bundle).cascade


def test_scan_is_brought_to_its_frame_without_changing_a_score(cascade, scans):
    read = make_reader(cascade, scans)
    path = scans / "a" / "x.png"
    reading = read(path)
    assert reading.path == "a/x.png"
    assert reading.pixels.shape == (73, 73)  # 64 px and a margin of 8 / 7
    assert reading.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (reading.code, reading.message) == ("", "")
    from hierclf.data.pixels import read_scan

    whole = read_scan(path).pixels
    assert whole.shape != (73, 73)
    ours = cascade.decide([reading.pixels])
    theirs = cascade.decide([whole])
    np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)


def test_the_digest_is_that_of_the_bytes_that_were_decoded(cascade, scans, monkeypatch):
    """Not of a file that was replaced in between."""
    other = (scans / "s01.png").read_bytes()
    monkeypatch.setattr("hierclf.scoring.reading.read_bytes", lambda path: other)
    found = make_reader(cascade, scans)(scans / "s00.png")
    monkeypatch.undo()
    assert found.sha256 == hashlib.sha256(other).hexdigest()
    expected = make_reader(cascade, scans)(scans / "s01.png")
    np.testing.assert_array_equal(found.pixels, expected.pixels)


def test_scan_for_frames_of_two_sizes_stays_as_it_is(bundle_of_two_sizes, scans):
    read = make_reader(load_bundle(bundle_of_two_sizes).cascade, scans)
    from hierclf.data.pixels import read_scan

    whole = read_scan(scans / "s00.png").pixels
    np.testing.assert_array_equal(read(scans / "s00.png").pixels, whole)


def test_what_is_no_scan_says_why(cascade, scans):
    read = make_reader(cascade, scans)
    (scans / "half.png").write_bytes((scans / "s00.png").read_bytes()[:300])
    reading = read(scans / "half.png")
    assert reading.pixels is None
    assert reading.code == "E_TRUNCATED"
    assert "expected a complete PNG file" in reading.message
    assert "half" not in reading.message
    assert len(reading.sha256) == 64


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_waited_for(cascade, scans, make):
    """Fault 43: it became a pipe after it was listed."""
    make(scans / "pipe.png")
    reading = make_reader(cascade, scans)(scans / "pipe.png")
    assert (reading.pixels, reading.code) == (None, "E_NOT_REGULAR")
    assert reading.sha256 == ""


def test_failure_beyond_decoding_is_that_of_one_file(cascade, scans, monkeypatch):
    from hierclf.loading.scans import FrameReader

    def fail(self, pixels):
        raise MemoryError

    monkeypatch.setattr(FrameReader, "frame_of", fail)
    reading = make_reader(cascade, scans)(scans / "s00.png")
    assert (reading.pixels, reading.code) == (None, "E_MEMORY")
    assert len(reading.sha256) == 64
