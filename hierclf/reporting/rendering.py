"""Templates to pages: one self-contained file, everything from the data escaped."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hierclf.foundation.counting import count
from hierclf.foundation.files import explain_os_error, write_bytes
from hierclf.pictures.drawing import Picture
from hierclf.reporting.calibration_words import CALIBRATION
from hierclf.results import metric_words, wording


def render(template: str, *, phantom: bool, **values: Any) -> str:
    """Fill a template of this folder.

    Parameters
    ----------
    template : str
        File name.
    phantom : bool
        Whether the numbers are of synthetic scans: it is said at the head, in every
        caption and at the foot.
    **values
        What the template reads.

    Returns
    -------
    page : str
        HTML.
    """
    return _environment(phantom).get_template(template).render(values)


@cache
def _environment(phantom: bool) -> Environment:
    """Give the environment in which templates are compiled once."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=wording.printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["w"] = wording
    environment.globals["count"] = count
    environment.globals["m"] = metric_words
    environment.globals["calibration_words"] = CALIBRATION
    environment.globals["phantom"] = phantom
    environment.globals["mark"] = "PHANTOM, no patients. " if phantom else ""
    return environment


def write_pictures(folder: Path, pictures: Iterable[Picture]) -> None:
    """Write pictures as PNG.

    Parameters
    ----------
    folder : Path
        Made if absent.
    pictures : iterable of Picture
        Each becomes ``<name>.png``.

    Raises
    ------
    ResourceError
        If they cannot be written.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise explain_os_error(f"write {folder}", error) from error
    for picture in pictures:
        write_bytes(folder / f"{picture.name}.png", picture.png)
