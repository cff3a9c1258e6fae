"""JSON of a known form, written by anybody: parsed strictly or refused."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from hierclf.foundation.errors import BundleError, InputError

T = TypeVar("T")


def refuse(
    where: str,
    expected: str,
    got: object,
    advice: str = "Get the bundle again from its source.",
) -> BundleError:
    """Word the refusal of a bundle.

    Parameters
    ----------
    where : str
        File or field.
    expected : str
        The rule.
    got : object
        What was found instead.
    advice : str
        What the user can do.

    Returns
    -------
    error : BundleError
        To be raised.
    """
    return BundleError(f"{where}: expected {expected}, got {got}. {advice}")


def to_json(where: str, value: Any) -> bytes:
    """Write JSON that `strict_json` reads.

    Parameters
    ----------
    where : str
        What it is, for the message.
    value : JSON-like
        Plain values.

    Returns
    -------
    content : bytes
        UTF-8, sorted keys, a line end at the end.

    Raises
    ------
    InputError
        If it holds NaN, infinity, text that is no Unicode, or no plain value.
    """
    try:
        text = json.dumps(
            value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False
        )
        return (text + "\n").encode()
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{where}: expected finite numbers and plain text, got {error}. "
            "Correct the value before it is written."
        ) from error


def strict_json(name: str, content: bytes) -> Any:
    """Parse JSON that may have been made by somebody else.

    Unlike `hierclf.foundation.files.read_json` it takes bytes, since these were
    hashed, and refuses NaN and infinity.

    Parameters
    ----------
    name : str
        File, for the message.
    content : bytes
        Its bytes.

    Returns
    -------
    value : JSON-like
        What it holds.

    Raises
    ------
    BundleError
        If it is no JSON, nested too deeply, or holds a key twice.
    """
    try:
        return json.loads(
            content.decode(), object_pairs_hook=_no_twins, parse_constant=_no_constant
        )
    except RecursionError as error:
        raise refuse(name, "flat JSON", "JSON nested too deeply") from error
    except ValueError as error:
        raise refuse(name, "valid JSON", ascii(str(error))) from error


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def parse(name: str, content: bytes, schema: TypeAdapter[T]) -> T:
    """Parse JSON of a known form; unknown keys and other types are refused.

    Parameters
    ----------
    name : str
        File, for the message.
    content : bytes
        Its bytes.
    schema : TypeAdapter
        The form.

    Returns
    -------
    value : T
        Validated.

    Raises
    ------
    BundleError
        If it is not of that form.
    """
    strict_json(name, content)
    try:
        return schema.validate_json(content, strict=True)
    except ValidationError as error:
        raise refuse(name, "the fields of its format", first_trouble(error)) from error


def first_trouble(error: ValidationError) -> str:
    """Name the first field that pydantic refused, and why, in plain ASCII."""
    trouble = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in trouble["loc"])
    return ascii(f"{field}: {trouble['msg']}")
