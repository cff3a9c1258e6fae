"""What the figures of a run were measured on."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from hierclf.foundation.errors import ScanCode


def readable(value: Any) -> Any:
    r"""Replace what is no UTF-8 in the strings of a JSON-like value.

    A file name need not be UTF-8; Python carries its odd bytes as half surrogates,
    which no JSON file can hold.

    Parameters
    ----------
    value : JSON-like
        Strings may hold half surrogates.

    Returns
    -------
    value : JSON-like
        The same, with each of them written out.

    Examples
    --------
    >>> readable({"scan": "a\udcff.png"})
    {'scan': 'a\\udcff.png'}
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {readable(key): readable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [readable(part) for part in value]
    return value


Text = Annotated[str, BeforeValidator(readable)]
Json = Annotated[JsonValue, BeforeValidator(readable)]


class Strict(BaseModel):
    """Frozen, without unknown fields and without NaN, so that its JSON is strict."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class UnreadableScan(Strict):
    """A scan that was left out.

    Parameters
    ----------
    scan : str
        Its path relative to the data set.
    code : ScanCode
        Why, in short.
    message : str
        Why, in words.
    """

    scan: Text
    code: ScanCode
    message: Text


class PartFigures(Strict):
    """What one part of a data set holds.

    Parameters
    ----------
    n_scans, n_patients, n_diseased : int
        Scans, their patients, and the diseased ones of the scans.
    """

    n_scans: int
    n_patients: int
    n_diseased: int

    @property
    def prevalence(self) -> float:
        """Share of the scans that are diseased."""
        return self.n_diseased / self.n_scans


class DataFigures(Strict):
    """What the figures were measured on.

    Parameters
    ----------
    name : str
        Of the data set.
    fingerprint : str
        Digest of its scans, labels, patients and splits.
    phantom : bool
        Whether the scans are synthetic. Their figures say nothing about patients.
    n_scans, n_patients : int
        In the whole data set, every split.
    has_patients : bool
        False if every scan counts as its own patient.
    counts : dict of str to dict of str to int
        Scans by label and split, in the order they are to be shown.
    parts : dict of str to PartFigures, optional
        What each split holds.
    n_patients_found : int, optional
        Patients before scans were left out.
    n_set_aside : int, default=0
        Scans of splits that were not asked for; they were not read.
    unreadable : tuple of UnreadableScan, default=()
        Left out.
    remarks : tuple of str, default=()
        What the reader should know of the data.
    """

    name: Text
    fingerprint: str
    phantom: bool
    n_scans: int
    n_patients: int
    has_patients: bool
    counts: dict[str, dict[str, int]]
    parts: dict[str, PartFigures] = Field(default_factory=dict)
    n_patients_found: int | None = None
    n_set_aside: int = 0
    unreadable: tuple[UnreadableScan, ...] = ()
    remarks: tuple[Text, ...] = ()

    @property
    def n_found(self) -> int:
        """Scans before any were left out."""
        return self.n_set_aside + len(self.unreadable) + self.n_scans

    @property
    def reasons(self) -> dict[str, int]:
        """How many scans were left out for each code, the most frequent first."""
        return dict(Counter(scan.code for scan in self.unreadable).most_common())

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits in the order they first appear."""
        return tuple(dict.fromkeys(s for row in self.counts.values() for s in row))
