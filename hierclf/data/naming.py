"""Labels and patients that stand in file names, found by one rule."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hierclf.foundation.errors import InputError

_PARTS = frozenset({"label", "patient_id"})

NameRule = re.Pattern[str]


def compile_rule(text: str) -> NameRule:
    """Compile and check a rule for file names.

    Parameters
    ----------
    text : str
        Regular expression with a named group ``label``, ``patient_id`` or both.

    Returns
    -------
    rule : re.Pattern of str
        To be searched in the path relative to the root, with ``/``.

    Raises
    ------
    InputError
        If it is no regular expression, or its named groups are others.
    """
    try:
        rule = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(
            f"name_rule: expected a regular expression, got {text!r} ({error}). "
            "Write \\ before a character that stands for itself."
        ) from error
    groups = sorted(rule.groupindex)
    if not groups or set(groups) - _PARTS:
        raise InputError(
            f"name_rule: expected named groups 'label' and/or 'patient_id', got "
            f"{groups}. Write for example '(?P<patient_id>[0-9]+)_'."
        )
    return rule


def find_part(rule: NameRule, scans: Iterable[str], part: str) -> list[str]:
    """Find the label or the patient in the names of scans.

    Labels are put in lower case, as those of class folders are; patient ids
    stay as they are written.

    Parameters
    ----------
    rule : re.Pattern of str
        From `compile_rule`.
    scans : iterable of str
        Paths relative to the root, with ``/``.
    part : str
        ``"label"`` or ``"patient_id"``, a group of `rule`.

    Returns
    -------
    found : list of str
        '' where the rule, or its group, does not match.

    Examples
    --------
    >>> rule = compile_rule("(?P<patient_id>person[0-9]+)_(?P<label>bacteria|virus)")
    >>> find_part(rule, ["sick/person7_virus_1.jpeg", "well/im3.jpeg"], "label")
    ['virus', '']
    """
    matches = (rule.search(scan) for scan in scans)
    found = [(match[part] or "").strip() if match else "" for match in matches]
    return [text.lower() for text in found] if part == "label" else found
