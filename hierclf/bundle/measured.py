"""How good a bundle is, read from the words of its card.

The card is the one place where a bundle says what was measured when it was trained; it
is text, so that every bundle that was ever written can be read. What the text does not
say is left out, and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

PERFORMANCE = "performance"
_NUMBER = r"(\d+(?:\.\d+)?)"
_ON = re.compile(r"Measured on (\d+) scans? of (?:(\d+) patients?|unknown patients)\b")
_BELOW = re.compile(
    rf"^- Macro recall of .+ minus that of (.+): \N{{MINUS SIGN}}{_NUMBER} points, "
    r"(lower)?",
    re.MULTILINE,
)


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Figure(_Told):
    """A share with its interval of 95 % by patient."""

    value: float = Field(ge=0, le=1)
    low: float | None = Field(None, ge=0, le=1)
    high: float | None = Field(None, ge=0, le=1)


class Below(_Told):
    """A baseline that had more macro recall on the same scans."""

    baseline: str
    loss: float = Field(ge=0, le=1, description="baseline less cascade")
    is_shown: bool = Field(description="whether the interval of the loss excludes 0")


class Measured(_Told):
    """What a card says of scans that were held out."""

    n_scans: int
    n_patients: int | None = Field(description="None where patients are unknown")
    macro_recall: Figure | None
    sensitivity: Figure | None
    specificity: Figure | None
    below: tuple[Below, ...]


def read_measured(card: Mapping[str, str]) -> Measured | None:
    r"""Read from the card of a bundle what was measured.

    Parameters
    ----------
    card : mapping of str to str
        Markdown by heading, as in `hierclf.bundle.info.BundleInfo`.

    Returns
    -------
    measured : Measured or None
        None where the card does not say on how many scans.

    Examples
    --------
    >>> told = "Measured on 80 scans of 45 patients.\n| Sensitivity | 94.5 % |  |"
    >>> read_measured({"performance": told}).sensitivity.value
    0.945
    """
    text = card.get(PERFORMANCE, "").replace("\N{NO-BREAK SPACE}", " ")
    found = _ON.search(text)
    if found is None:
        return None
    return Measured(
        n_scans=int(found[1]),
        n_patients=None if found[2] is None else int(found[2]),
        macro_recall=_figure(text, "Macro recall"),
        sensitivity=_figure(text, "Sensitivity"),
        specificity=_figure(text, "Specificity"),
        below=tuple(
            Below(baseline=name, loss=_share(points), is_shown=bool(lower))
            for name, points, lower in _BELOW.findall(text)
        ),
    )


def _figure(text: str, title: str) -> Figure | None:
    ends = rf"(?:{_NUMBER} to {_NUMBER} %)?"
    row = rf"^\| {title} \| {_NUMBER} % \| {ends} \|"
    found = re.search(row, text, re.MULTILINE)
    if found is None:
        return None
    value, low, high = (None if one is None else _share(one) for one in found.groups())
    return None if value is None else Figure(value=value, low=low, high=high)


def _share(percent: str) -> float:
    return round(float(percent) / 100, 6)
