"""Scans read for scoring, each with the digest of what was decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.data.border import refusing
from hierclf.data.pixels import decode_scan
from hierclf.features.readers import preparation_of, readers_of
from hierclf.foundation.errors import InputError, ScanError
from hierclf.foundation.files import sha256_bytes
from hierclf.loading.scans import Frame, FrameReader, read_bytes
from hierclf.segmentation.masks import Lungs
from hierclf.segmentation.segmenter import Segmenter

UNREAD = frozenset({"E_PERM", "E_GONE", "E_CHANGED", "E_MEMORY"})
"""Codes that tell of the machine and not of the scan."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One file: its pixels, or why there are none.

    Parameters
    ----------
    path : str
        Relative to the folder, with ``/``.
    sha256 : str
        Of the bytes that were decoded; '' where none were read.
    pixels : ndarray of float32, shape (height, width), or None
        The scan.
    code, message : str
        Why there is none; '' where there is one.
    lungs_found : {"yes", "no", ""}
        Whether lungs were found; '' where nothing looks for them.
    """

    path: str
    sha256: str
    pixels: Frame | None
    code: str = ""
    message: str = ""
    lungs_found: str = ""


def refuse_tables(cascade: HierarchicalClassifier) -> None:
    """Stop if a cascade looks at feature tables.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Of a bundle.

    Raises
    ------
    InputError
        If its screen is no network.
    """
    if not readers_of(cascade.screen_):
        raise InputError(
            "bundle: expected stages that look at scans, got learners on feature "
            "tables. Take a bundle with networks."
        )


def shrinker(cascade: HierarchicalClassifier) -> Callable[[Frame], Frame]:
    """Bring scans to the frame of a cascade's networks, where all want the same one."""
    readers = (*readers_of(cascade.screen_), *readers_of(cascade.refine_))
    sides = {reader.frame_side for reader in readers}
    return FrameReader(sides.pop()).frame_of if len(sides) == 1 else _as_it_is


def lungs_in(cascade: HierarchicalClassifier) -> Callable[[Frame], Lungs | None]:
    """Make the function that tells what a cascade sees of a scan.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Of networks.

    Returns
    -------
    look : callable
        Scan to its lungs; to None where these are not cut out. The mask is remembered,
        so that the network that asks for it need not wait.
    """
    lungs = preparation_of(cascade.screen_)
    if not isinstance(lungs, Segmenter):
        return lambda pixels: None
    frames = FrameReader(readers_of(cascade.screen_)[0].frame_side)
    return lambda pixels: lungs.lungs(frames.frame_of(pixels))


def make_reader(
    cascade: HierarchicalClassifier, folder: Path
) -> Callable[[Path], Reading]:
    """Make the function that reads a scan for a cascade.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Of networks. If all of them look at frames of one size, a scan is brought
        to it at once: that takes a thread's time instead of the network's, and
        a few kilobytes instead of the whole scan. It changes no score.
    folder : Path
        What paths are relative to.

    Returns
    -------
    read : callable
        Path to `Reading`; it raises nothing that is the fault of one file.
    """
    shrink, look = shrinker(cascade), lungs_in(cascade)

    def read(path: Path) -> Reading:
        name, digest = path.relative_to(folder).as_posix(), ""
        try:
            content = read_bytes(str(path))
            digest = sha256_bytes(content)
            with refusing("E_DECODE", "a scan"):
                pixels = shrink(decode_scan(content).pixels)
            lungs = look(pixels)
            return Reading(
                name, digest, pixels, lungs_found=lungs.word if lungs else ""
            )
        except ScanError as error:
            return Reading(name, digest, None, error.code, str(error))

    return read


def _as_it_is(pixels: Frame) -> Frame:
    return pixels
