"""Scans that were decided wrongly, as the report shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hierclf.evaluation.summary import Table
from hierclf.pictures.thumbnails import data_uri
from hierclf.results.run import Mistake, MistakeKind


@dataclass(frozen=True)
class MistakeFigure:
    """A wrongly decided scan with its pictures.

    Parameters
    ----------
    mistake : Mistake
        What was said of it.
    picture, map : str or None
        Sources of images: the scan, and where the model looked in it.
    """

    mistake: Mistake
    picture: str | None
    map: str | None


def mistake_figures(
    mistakes: Iterable[Mistake],
    thumbnails: Mapping[str, bytes],
    maps: Mapping[str, bytes],
) -> dict[MistakeKind, list[MistakeFigure]]:
    """Put mistakes, scans and maps together.

    Parameters
    ----------
    mistakes : iterable of Mistake
        In their order.
    thumbnails, maps : mapping of str to bytes
        JPEG or PNG by the name of the scan; either may lack some.

    Returns
    -------
    figures : dict of str to list of MistakeFigure
        By kind.
    """
    found: dict[MistakeKind, list[MistakeFigure]] = {}
    for mistake in mistakes:
        pictures = (thumbnails.get(mistake.scan), maps.get(mistake.scan))
        sources = [None if one is None else data_uri(one) for one in pictures]
        found.setdefault(mistake.kind, []).append(MistakeFigure(mistake, *sources))
    return found


def totals_of(table: Table) -> dict[MistakeKind, int]:
    """Count the mistakes in a confusion matrix, healthy first.

    Examples
    --------
    >>> told = {"labels": ("0", "1", "2"), "classes": ()}
    >>> totals_of(Table(confusion=((9, 1, 2), (3, 8, 4), (5, 6, 7)), **told))
    {'false positive': 3, 'false negative': 8, 'wrong label': 10}
    """
    healthy, *diseased = table.confusion
    right = sum(row[place] for place, row in enumerate(diseased, start=1))
    return {
        "false positive": sum(healthy[1:]),
        "false negative": sum(row[0] for row in diseased),
        "wrong label": sum(sum(row[1:]) for row in diseased) - right,
    }
