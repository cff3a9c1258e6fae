"""A published system as YAML: what it claims, and what is run for each row.

``paper.yml`` holds the claims and nothing that is run. ``base.yml`` holds what all
rows share, and each further file the rows of one table: only what differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    field_validator,
    model_validator,
)

from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError

HERE = Path(__file__).parents[1]
NAMES = ("he_2019", "shen_2022", "wu_2020", "li_2023", "sood_2020")
PHANTOM = "phantom"
Variant = Literal["published", "lite0", "scratch"]
Claim = float | int | str | None


class Strict(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Claims(Strict):
    """One table of the source.

    Parameters
    ----------
    place : str
        Where it stands there.
    unit : {"share", "percent", "count"}
        How it writes its figures.
    figures : dict of str to str
        What it calls them, and what `experiments.papers.figures` calls them.
    rows : dict of str to tuple
        One claim for each figure; words where the source has no number, None where
        it says nothing.
    note : str, default=""
        What is odd about the table.
    """

    place: str
    unit: Literal["share", "percent", "count"] = "share"
    figures: dict[str, str]
    rows: dict[str, tuple[Claim, ...]]
    note: str = ""

    @model_validator(mode="after")
    def _every_figure(self) -> Claims:
        for name, row in self.rows.items():
            if len(row) != len(self.figures):
                raise ValueError(f"{name}: {len(row)} claims, not {len(self.figures)}")
        return self


class Source(Strict):
    """The scans of a source: what they were, how to get them, and their sets here."""

    disease: str
    scans: str
    obtain: str
    own: tuple[str, ...] = ()
    missing: str


class Paper(Strict):
    """A published system and all that it claims."""

    name: str
    citation: str
    data: Source
    tables: dict[str, Claims]
    plots: dict[str, str] = {}
    deviations: tuple[str, ...]

    def claims(self) -> Iterator[tuple[str, str, str, str, Claim]]:
        """Give table, row, the source's word for a figure, ours, and the claim."""
        for table, told in self.tables.items():
            for row, values in told.rows.items():
                for (word, key), value in zip(
                    told.figures.items(), values, strict=True
                ):
                    if value is not None:
                        yield table, row, word, key, value


class Cohort(Strict):
    """The phantoms that stand in for the scans of a source."""

    cases: int
    balanced: bool = True
    size: int = 256


class Row(Strict):
    """What is run for one row of a table.

    Parameters
    ----------
    by : str
        ``job`` is ``hierclf train``; the others are in `experiments.papers.fits`.
    task : {"grades", "screen", "types"}
        Which labels are told apart, see `experiments.papers.sets`.
    data : tuple of str
        Sets of scans that the row may be run on, beside the phantom.
    phantom : Cohort
        The phantoms.
    reads : str
        The column of ``predictions.csv`` that decides.
    train : dict
        Options of ``hierclf train``, as published.
    variants : dict of str to dict
        What a stand-in changes of them; a null takes one away.
    smoke : dict
        What a smoke run changes.
    figures : dict of str to str
        For a row that the source does not have: what is printed of it.
    first : str
        ``table/row`` of the run whose trunk this one starts from.
    first_data : str
        The set that run is on.
    way : str
        For ``leak``: where the class comes from whose channels weigh most.
    learner : str
        For ``literal``: one of `experiments.papers.literal.LEARNERS`.
    lungs : bool
        Cut the lungs out first.
    note : str
        What sets the row apart.
    """

    by: Literal["job", "flat", "last", "leak", "literal", "parameters", "segmenter"] = (
        "job"
    )
    task: Literal["grades", "screen", "types"]
    data: tuple[str, ...]
    phantom: Cohort
    reads: str
    train: dict[str, Any]
    variants: dict[Variant, dict[str, Any]] = {}
    smoke: dict[str, Any] = {}
    figures: dict[str, str] = {}
    first: str = ""
    first_data: str = ""
    way: str = ""
    learner: str = ""
    lungs: bool = False
    note: str = ""

    @field_validator("variants", mode="before")
    @classmethod
    def _left_out(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {name: told for name, told in value.items() if told is not None}


@dataclass(frozen=True)
class Experiment:
    """A paper and the rows of each of its tables."""

    paper: Paper
    rows: dict[str, dict[str, Row]]

    def row(self, place: str) -> Row:
        """Find a row by ``table/row``."""
        table, _, name = place.partition("/")
        return choose("row", name, choose("table", table, self.rows))

    def figures(self, table: str, row: str) -> dict[str, str]:
        """Give what is printed of a row: its own figures, or those of the table."""
        return self.rows[table][row].figures or self.paper.tables[table].figures

    def claimed(self, table: str, row: str) -> bool:
        """Tell whether the source has the row."""
        return row in self.paper.tables[table].rows


def merge(below: dict[str, Any], *above: dict[str, Any]) -> dict[str, Any]:
    """Put mappings on each other, those inside them too.

    Examples
    --------
    >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    """
    merged = dict(below)
    for layer in above:
        for key, value in layer.items():
            inner = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = merge(merged[key], value) if inner else value
    return merged


def load(name: str) -> Experiment:
    """Read a paper and its tables.

    Raises
    ------
    InputError
        If a file is not as it must be, or a table has claims and no rows.
    """
    choose("paper", name, dict.fromkeys(NAMES))
    folder = HERE / name
    paper = _valid(
        Paper, _read(folder / "paper.yml") | {"name": name}, folder / "paper"
    )
    base = _read(folder / "base.yml")
    rows = {}
    for table, claims in paper.tables.items():
        path = folder / f"{table}.yml"
        told = _read(path)
        own = told.pop("rows")
        rows[table] = {
            str(row): _valid(Row, merge(base, told, values or {}), f"{path}, {row}")
            for row, values in own.items()
        }
        if missing := set(claims.rows) - set(rows[table]):
            raise InputError(
                f"{path}: expected every row of the claims, got none called "
                f"{min(missing)!r}. Add it."
            )
    return Experiment(paper, rows)


def _read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def _valid(kind: Any, values: dict[str, Any], where: Any) -> Any:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{where}, {place}: expected another value, got {first['msg']!r}. "
            "Correct the file."
        ) from error
