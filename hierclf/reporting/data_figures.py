"""What the figures of a run were measured on."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue

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
    unreadable: tuple[UnreadableScan, ...] = ()
    remarks: tuple[Text, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits in the order they first appear."""
        return tuple(dict.fromkeys(s for row in self.counts.values() for s in row))
