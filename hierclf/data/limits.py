"""How large a scan may be before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

from hierclf.foundation.errors import InputError, ScanError


@dataclass(frozen=True)
class ReadLimits:
    """What a scan may ask of the machine, and what it must offer.

    All are checked against the header, before pixels are decoded: a few
    kilobytes can claim gigabytes of pixels.

    Parameters
    ----------
    max_pixels : int, default=40_000_000
        Largest accepted width times height.
    max_bytes : int, default=2**28
        Largest accepted file, in bytes.
    min_side : int, default=16
        Shortest accepted side, in pixels.
    max_aspect : float, default=20
        Largest accepted ratio of the longer to the shorter side.

    Raises
    ------
    InputError
        If a limit is under 1.

    Examples
    --------
    >>> ReadLimits().check_size(224, 224)
    >>> ReadLimits(max_pixels=100).check_size(224, 224)
    Traceback (most recent call last):
    ...
    hierclf.foundation.errors.ScanError: expected at most 100 pixels, \
got 224 x 224. Scale the scan down or raise max_pixels.
    """

    max_pixels: int = 40_000_000
    max_bytes: int = 1 << 28
    min_side: int = 16
    max_aspect: float = 20.0

    def __post_init__(self) -> None:
        """Refuse limits that no scan can keep."""
        for name, value in vars(self).items():
            if not value >= 1:
                raise InputError(
                    f"{name}: expected a number of at least 1, got {value}. "
                    "Leave it out to use the default."
                )

    def check_size(self, width: int, height: int) -> None:
        """Refuse a size in pixels that is too large, too small or too long.

        Parameters
        ----------
        width, height : int
            As the header of the scan states them.

        Raises
        ------
        ScanError
            With ``E_TOO_LARGE`` or ``E_TOO_SMALL``.
        """
        if width * height > self.max_pixels:
            raise ScanError(
                "E_TOO_LARGE",
                f"expected at most {self.max_pixels} pixels, got {width} x {height}. "
                "Scale the scan down or raise max_pixels.",
            )
        short, long = sorted((width, height))
        if short < self.min_side or long > self.max_aspect * short:
            raise ScanError(
                "E_TOO_SMALL",
                f"expected sides of at least {self.min_side} pixels and no more than "
                f"{self.max_aspect:g} to 1, got {width} x {height}. "
                "Check that this is a scan.",
            )

    def check_bytes(self, n_bytes: int) -> None:
        """Refuse a file that is empty or too large.

        Parameters
        ----------
        n_bytes : int
            Size of the file.

        Raises
        ------
        ScanError
            With ``E_EMPTY`` or ``E_TOO_LARGE``.
        """
        if n_bytes == 0:
            raise ScanError(
                "E_EMPTY", "expected a scan, got an empty file. Copy it again."
            )
        if n_bytes > self.max_bytes:
            raise ScanError(
                "E_TOO_LARGE",
                f"expected at most {self.max_bytes} bytes, got {n_bytes}. "
                "Check the file or raise max_bytes.",
            )


DEFAULT_LIMITS = ReadLimits()
"""The limits that hold where no others are given."""
