"""Reporting checklists, and where a report answers them.

A report can only tell what a run knows. Why the study was made, how patients were
found and who drew the labels is for its authors to write; an item of that kind is
marked as theirs, and never ticked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["here", "in part", "yours", "not applicable"]


@dataclass(frozen=True)
class Item:
    """One item of a checklist.

    Parameters
    ----------
    number : str
        As its authors count it.
    topic : str
        What it asks for, in few words.
    where : tuple of str
        Sections of the report that answer it, as far as they are there.
    yours : str
        What is left for the authors of a study; '' where nothing is.
    absent : str
        Why the item does not apply; '' where it does.
    needs : tuple of str
        Sections of these without which it is answered in part only.
    """

    number: str
    topic: str
    where: tuple[str, ...] = ()
    yours: str = ""
    absent: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """How a report answers an item.

    Parameters
    ----------
    item : Item
        Which.
    status : {"here", "in part", "yours", "not applicable"}
        Answered, answered but for what is left, not answered, or nothing to answer.
    sections : tuple of (str, str)
        Id and title of the sections that answer it.
    left : str
        What is not in the report; '' where nothing is.
    """

    item: Item
    status: Status
    sections: tuple[tuple[str, str], ...]
    left: str


@dataclass(frozen=True)
class Checklist:
    """A published checklist."""

    name: str
    source: str
    items: tuple[Item, ...]


def answers(
    checklist: Checklist, sections: Sequence[tuple[str, str]]
) -> tuple[Answer, ...]:
    """Look up where a report answers a checklist.

    Parameters
    ----------
    checklist : Checklist
        Which.
    sections : sequence of (str, str)
        Id and title of the sections that the report has.

    Returns
    -------
    answers : tuple of Answer
        One for each item, in order. An item whose sections are missing is the
        author's.

    Examples
    --------
    >>> asked = Checklist("C", "s", (Item("1", "flow", ("data",), "the dates"),))
    >>> [one.status for one in answers(asked, [("data", "Data")])]
    ['in part']
    >>> [one.status for one in answers(asked, [])]
    ['yours']
    """
    titles = dict(sections)
    found = []
    for item in checklist.items:
        present = tuple((key, titles[key]) for key in item.where if key in titles)
        told = [item.yours, *(key for key in item.needs if key not in titles)]
        left = ", ".join(filter(None, told))
        found.append(Answer(item, _status(item, bool(present), left), present, left))
    return tuple(found)


def _status(item: Item, present: bool, left: str) -> Status:
    if item.absent:
        return "not applicable"
    if not present:
        return "yours"
    return "in part" if left else "here"
