"""What can be chosen of a cascade, by name; without the libraries that do it."""

from __future__ import annotations

import re
from typing import Literal

from hierclf.foundation.errors import InputError

Calibration = Literal["none", "temperature", "platt", "isotonic"]
Refinement = Literal["plain", "ordered"]
"""Whether the refinement names one of some types, or climbs from stage to stage."""
Fewer = Literal["threecrop", "tencrop_onepass"]
"""Views that can stand for ten crops, at about a quarter of their cost."""
TryViews = Literal["none", Fewer]
_RULE = re.compile(r"(error)<=(0?\.\d+)|(coverage)>=(0?\.\d+)", re.ASCII)


def parse_deferral(text: str) -> tuple[str, float]:
    """Read the rule by which scans are sent to a reader.

    Parameters
    ----------
    text : str
        ``error<=e`` or ``coverage>=c``; numbers in (0, 1).

    Returns
    -------
    kind : {"error", "coverage"}
        Which rule.
    target : float
        Its number.

    Raises
    ------
    InputError
        If it is neither.

    Examples
    --------
    >>> parse_deferral("error<=0.05")
    ('error', 0.05)
    """
    found = _RULE.fullmatch(text.replace(" ", ""))
    groups = [] if found is None else [g for g in found.groups() if g is not None]
    if not groups or float(groups[1]) == 0:
        raise InputError(
            "defer: expected error<=E or coverage>=C with numbers in (0, 1), got "
            f"{text!r}. Write for example error<=0.05."
        )
    return groups[0], float(groups[1])
