"""Values of options that are written as text: names, costs, cut points, models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast, get_args

from pydantic import AfterValidator, BeforeValidator, Field

from hierclf.cascade.choices import parse_deferral
from hierclf.cascade.cut_point import parse_rule
from hierclf.foundation.errors import InputError
from hierclf.metalearners.recipes import parse_model


def split_names(value: object) -> object:
    """Separate names by commas; what is no text is left as it is."""
    if not isinstance(value, str):
        return value
    names = tuple(part.strip() for part in value.split(",") if part.strip())
    if value and not names:
        raise ValueError("names separated by commas")
    return names


Names = Annotated[tuple[str, ...], BeforeValidator(split_names)]
"""Labels; a flag separates them by commas."""


def split_folders(value: object) -> object:
    """Separate folders by commas, but where a folder of that name is there.

    Examples
    --------
    >>> split_folders(["a/bundle, b/bundle", "c"])
    ('a/bundle', 'b/bundle', 'c')
    """
    if isinstance(value, Path):
        return (value,)
    if isinstance(value, str):
        return (value,) if Path(value).exists() else split_names(value)
    if not isinstance(value, list | tuple):
        return value
    parts = [split_folders(part) for part in value]
    return tuple(one for part in parts if isinstance(part, tuple) for one in part)


def _differ(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    places = [folder.resolve() for folder in folders]
    for place, folder in zip(places, folders, strict=True):
        if places.count(place) > 1:
            raise ValueError(
                f"bundle: expected different folders, got {str(folder)!r} twice. "
                "A bundle does not differ from itself."
            )
    return folders


Folders = Annotated[
    tuple[Path, ...],
    BeforeValidator(split_folders),
    AfterValidator(_differ),
    Field(min_length=1),
]
"""Different folders; a flag may be repeated, or separates them by commas."""

CostRule = Literal["none", "recall", "linear", "quadratic"]


def parse_costs(value: object) -> CostRule | tuple[tuple[float, ...], ...]:
    """Read costs as a flag or a file gives them.

    Parameters
    ----------
    value : str, or sequence of float, or sequence of sequences
        ``none``, ``recall``, ``linear`` or ``quadratic`` in the distance of two
        stages, a vector ``5,8,9``, or a matrix whose rows are separated by
        semicolons.

    Returns
    -------
    costs : str or tuple of tuple of float
        A vector has one row.

    Raises
    ------
    InputError
        If it is none of these.

    Examples
    --------
    >>> parse_costs("5,8,9")
    ((5.0, 8.0, 9.0),)
    """
    if value in get_args(CostRule):
        return cast(CostRule, value)
    try:
        if isinstance(value, str):
            rows = [row.split(",") for row in value.split(";")]
        else:
            listed = list(value)  # type: ignore[call-overload]
            rows = listed if isinstance(listed[0], (list, tuple)) else [listed]
        return tuple(tuple(float(cell) for cell in row) for row in rows)
    except (TypeError, ValueError, IndexError) as error:
        raise InputError(
            "costs: expected none, recall, linear, quadratic, a vector like 5,8,9 or "
            f"a matrix like 0,1;2,0, got {value!r}. Rows are true labels."
        ) from error


def _check_cut_point(value: object) -> float | str:
    text = str(value)
    try:
        number = float(text)
    except ValueError:
        return str(parse_rule(text))
    if not 0 <= number <= 1:
        raise ValueError(
            f"cut_point: expected a number in [0, 1] or a rule, got {text}. "
            "Rules: macro_recall, youden, sensitivity>=0.95."
        )
    return number


CutPoint = Annotated[float | str, BeforeValidator(_check_cut_point)]
Adjustment = Literal["tuned"] | Annotated[float, Field(ge=0, le=3)]
Costs = Annotated[
    CostRule | tuple[tuple[float, ...], ...], BeforeValidator(parse_costs)
]


def _check_model(name: str) -> str:
    parse_model(name)
    return name


BEST = "best"
"""In the place of candidates: those that fit the labels."""
ORDERED = "ordered:"
"""Before the refinement of a candidate: it climbs from stage to stage."""


def _check_candidate(name: str) -> str:
    if name == BEST:
        return name
    screen, slash, refine = name.partition("/")
    for model in (screen, *((refine.removeprefix(ORDERED),) if slash else ())):
        parse_model(model)
    return name


def _check_deferral(text: str) -> str:
    if text != "none":
        parse_deferral(text)
    return text


Deferral = Annotated[str, AfterValidator(_check_deferral)]
Model = Annotated[str, AfterValidator(_check_model)]
Candidate = Annotated[str, AfterValidator(_check_candidate)]
