"""Another cut point for a bundle whose weights stay as they are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from hierclf.bundle.container import read_container, write_container
from hierclf.bundle.guard_files import deferral_at
from hierclf.bundle.info import BundleInfo, Revision
from hierclf.bundle.store import parse_info, tell
from hierclf.bundle.strict_json import first_trouble
from hierclf.cascade.cut_point import CutPointChoice
from hierclf.foundation.errors import InputError


def with_cut_point(
    source: Path,
    target: Path,
    *,
    threshold: float,
    choice: CutPointChoice | None,
    reason: str,
    overwrite: bool = False,
) -> str:
    """Write a bundle again with another cut point; weights stay byte for byte.

    A deferral is fitted again: what it promises depends on the cut point.

    Parameters
    ----------
    source : Path
        A bundle. It stays as it is.
    target : Path
        The new one.
    threshold : float, in [0, 1]
        Its cut point.
    choice : CutPointChoice or None
        How it was chosen; None for a given number.
    reason : str
        Why, for the model card.
    overwrite : bool, default=False
        Replace a bundle at `target`.

    Returns
    -------
    digest : str
        Of the new bundle, which names that of `source` as its parent.

    Raises
    ------
    BundleError
        If `source` is no bundle, or not what was written.
    InputError
        If the cut point lies outside [0, 1], or `target` exists.
    ResourceError
        If it cannot be written.
    """
    container = read_container(source)
    info = parse_info(container.files)
    try:
        revision = Revision(
            created_utc=datetime.now(UTC).replace(microsecond=0),
            parent=container.digest,
            cut_point=info.cut_point,
            reason=reason,
        )
        deferral = deferral_at(info, container.files, threshold)
        changed = {"cut_point": threshold, "choice": choice, "deferral": deferral}
        revisions = (*info.revisions, revision)
        revised = BundleInfo(**{**dict(info), **changed, "revisions": revisions})
    except ValidationError as error:
        raise InputError(
            f"cut point: expected a number in [0, 1] and a reason, got "
            f"{first_trouble(error)}. Correct it."
        ) from error
    files = {**container.files, **tell(revised)}
    return write_container(target, files, overwrite=overwrite)
