"""The hierarchy of labels: healthy, or one of several diseased ones."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from hierclf.foundation.choices import nearest
from hierclf.foundation.errors import InputError

L = TypeVar("L", bound=Hashable)


@dataclass(frozen=True)
class Hierarchy(Generic[L]):
    """A two-level tree: healthy, and diseased with its stages or types.

    Parameters
    ----------
    healthy : label
        The label that the screen decides against.
    diseased : tuple of label, at least one
        The stages or types, in the order of severity where there is one.
    ordered : bool, default=False
        Whether `diseased` is an order. Only then do quadratic kappa and ordered
        costs mean something.

    Raises
    ------
    InputError
        If a label stands twice, or no diseased label is left.

    Examples
    --------
    >>> tree = Hierarchy("healthy", ("stage1", "stage2"), ordered=True)
    >>> tree.labels
    ('healthy', 'stage1', 'stage2')
    >>> tree.is_diseased(["healthy", "stage2"]).tolist()
    [False, True]
    """

    healthy: L
    diseased: tuple[L, ...]
    ordered: bool = False

    def __post_init__(self) -> None:
        """Refuse twins and an empty diseased side."""
        if len(set(self.labels)) != len(self.labels):
            raise InputError(
                f"hierarchy: expected different labels, got {list(self.labels)}. "
                "Name each label once; healthy is no stage."
            )
        if not self.diseased:
            raise InputError(
                f"hierarchy: expected a label beside {self.healthy!r}, got none. "
                "A screen needs healthy and diseased scans."
            )

    @property
    def labels(self) -> tuple[L, ...]:
        """All labels, healthy first."""
        return (self.healthy, *self.diseased)

    def is_diseased(self, y: Iterable[L]) -> NDArray[np.bool_]:
        """Tell the diseased from the healthy.

        Parameters
        ----------
        y : iterable of label, shape (n_scans,)
            Labels of this hierarchy.

        Returns
        -------
        diseased : ndarray of bool, shape (n_scans,)
            True where the label is not the healthy one.
        """
        return np.fromiter((label != self.healthy for label in y), dtype=bool)

    def positions(self, y: Iterable[L]) -> NDArray[np.intp]:
        """Give each label its number: 0 is healthy, then the diseased in their order.

        Parameters
        ----------
        y : iterable of label, shape (n_scans,)
            Labels of this hierarchy.

        Returns
        -------
        positions : ndarray of int, shape (n_scans,)
            Index into `labels`.

        Raises
        ------
        InputError
            If a label is none of the hierarchy's.
        """
        index = {label: place for place, label in enumerate(self.labels)}
        try:
            return np.fromiter((index[label] for label in y), dtype=np.intp)
        except KeyError as error:
            stranger = error.args[0]
            hint = nearest(str(stranger), [str(label) for label in self.labels])
            raise InputError(
                f"labels: expected one of {list(self.labels)}, got {stranger!r}. {hint}"
            ) from error


def hierarchy_of(
    y: Sequence[Any] | NDArray[Any],
    healthy: Any = None,
    stages: Sequence[Any] = (),
    *,
    ordered: bool = False,
) -> Hierarchy[Any]:
    """Find the hierarchy of a set of labels.

    Parameters
    ----------
    y : sequence of label, shape (n_scans,)
        The labels that occur.
    healthy : label, optional
        The healthy one; the first in sorted order where it is not given.
    stages : sequence of label, optional
        The diseased ones in their order; all others in sorted order where it
        is not given.
    ordered : bool, default=False
        Whether the stages are an order of severity.

    Returns
    -------
    hierarchy : Hierarchy
        Of exactly the labels that occur.

    Raises
    ------
    InputError
        If `healthy` does not occur, or `stages` are not the other labels.

    Examples
    --------
    >>> hierarchy_of(["b", "a", "c"], healthy="b").labels
    ('b', 'a', 'c')
    """
    found = np.unique(np.asarray(y)).tolist()
    first = found[0] if healthy is None else healthy
    if first not in found:
        names = [str(label) for label in found]
        raise InputError(
            f"healthy: expected a label of the data, got {healthy!r}. "
            f"{nearest(str(healthy), names)}"
        )
    others = [label for label in found if label != first]
    if stages and sorted(map(str, stages)) != sorted(map(str, others)):
        raise InputError(
            f"stages: expected exactly {[str(label) for label in others]} in any "
            f"order, got {[str(label) for label in stages]}. "
            "Name every diseased label of the data once."
        )
    return Hierarchy(first, tuple(stages) if stages else tuple(others), ordered)
