"""Templates to pages: everything from outside is escaped, nothing may be missing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from hierclf import __version__
from hierclf.config.serving import NOTICE
from hierclf.foundation.errors import HierclfError
from hierclf.web.account_rows import SignedIn
from hierclf.web.dependencies import (
    FORM,
    form_token,
    language_of,
    services_of,
    visitor_of,
)
from hierclf.web.result import Box
from hierclf.web.study_rows import StudyRow
from hierclf.web.wording import words

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "app.css": "text/css; charset=utf-8",
        "app.js": "text/javascript; charset=utf-8",
        "icon.svg": "image/svg+xml",
    }
)
"""Files of `STATIC` that are served, and what they are."""
_SPACE = "\N{NO-BREAK SPACE}"
_NOTHING = "\N{EN DASH}"
_EDGES = (0.2, 0.8)


def set_cookie(response: HTMLResponse, name: str, value: str) -> None:
    """Set a cookie that no script reads and no other site sends along."""
    response.set_cookie(name, value, secure=True, httponly=True, samesite="lax")


def page(
    request: Request,
    template: str,
    signed: SignedIn | None,
    *,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """Fill a template.

    Parameters
    ----------
    request : Request
        What is answered.
    template : str
        Name of a file, without its ending.
    signed : SignedIn or None
        Who reads it.
    status : int, default=200
        Of HTTP.
    **values
        What the template reads.

    Returns
    -------
    response : HTMLResponse
        The page. Without a session it sets the cookie that its form belongs to.
    """
    services, language = services_of(request), language_of(request, signed)
    token, nonce = (signed.csrf, "") if signed else form_token(request)
    about, notice = services.supervisor.about, services.options.notice
    t = words(language)
    told = {
        "t": t,
        "language": language,
        "signed": signed,
        "token": token,
        "path": request.url.path,
        "notice": t["notice"] if notice == NOTICE else notice,
        "phantom": about is not None and about.phantom,
    }
    filled = _environment().get_template(f"{template}.html.j2").render(told | values)
    response = HTMLResponse(filled, status)
    if nonce:
        set_cookie(response, FORM, nonce)
    return response


def error_page(
    request: Request, status: int, why: str, *, away: bool = False, code: str = ""
) -> HTMLResponse:
    """Say in a page what went wrong and what to do.

    Parameters
    ----------
    request : Request
        What is answered.
    status : int
        Of HTTP.
    why : str
        Told as it is where there are no better words.
    away : bool, default=False
        Whether the database is: it is not asked whose session it is.
    code : str, default=""
        Why a file is not taken; '' for all else.
    """
    try:
        signed = None if away else visitor_of(request)
    except HierclfError:
        signed = None
    t = words(language_of(request, signed))
    told = t.get(code) or t.get(f"advice_{status}", why)
    advice = f"{told} {why}" if status == 422 and not code else told
    title = t.get(f"title_{status}", t["title_400"])
    values = {"title": title, "advice": advice, "code": status}
    return page(request, "error", signed, status=status, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = (percent, decimal, size, state, score, iso, utc, place, anchor, shares)
    environment.filters |= {one.__name__: one for one in shown} | {"cut": cut_text}
    environment.globals |= {"static": static_place, "version": __version__}
    return environment


@cache
def static_place(name: str) -> str:
    """Name a file for browsers; another content has another name."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


def state(row: StudyRow) -> str:
    """Say in one word what became of a study; what guards say goes first.

    Returns
    -------
    state : str
        ``queued``, ``running``, ``rejected``, ``error``, ``out_of_scope``,
        ``reader``, ``healthy`` or ``diseased``.
    """
    if row.status != "done":
        return row.status
    return row.action if row.action in ("out_of_scope", "reader") else row.decision


def score(row: StudyRow) -> str:
    """Write the screen score of a study; none out of scope, where it means nothing."""
    if row.screen_score is None or state(row) == "out_of_scope":
        return _NOTHING
    return decimal(row.screen_score)


def beside(value: float, cut: float) -> str:
    """Write a score with so many digits that it is seen on its side of the cut point.

    Examples
    --------
    >>> beside(0.8731, 0.42), beside(0.41996, 0.42)
    ('0.873', '0.41996')
    """
    for digits in range(3, 17):
        text = f"{value:.{digits}f}"
        if (float(text) >= cut) == (value >= cut):
            return text
    return repr(value)


def cut_text(value: float) -> str:
    """Write a cut point, at least two decimals and no more than it has.

    Examples
    --------
    >>> cut_text(0.3), cut_text(0.41834)
    ('0.30', '0.41834')
    """
    return max(f"{value:.2f}", f"{value:.9f}".rstrip("0"), key=len)


def percent(share: float) -> str:
    r"""Write a share.

    Examples
    --------
    >>> percent(0.784)
    '78.4\xa0%'
    """
    return f"{100 * share:.1f}{_SPACE}%"


def decimal(value: float) -> str:
    """Write a number with three decimals."""
    return f"{value:.3f}"


def size(n_bytes: int) -> str:
    r"""Write a size.

    Examples
    --------
    >>> size(900), size(1_240_000)
    ('1\xa0kB', '1.2\xa0MB')
    """
    if n_bytes < 1_000_000:
        return f"{max(1, round(n_bytes / 1000))}{_SPACE}kB"
    return f"{n_bytes / 1_000_000:.1f}{_SPACE}MB"


def place(share: float) -> str:
    """Write a place on a scale from 0 to 1, for SVG.

    Examples
    --------
    >>> place(0.5)
    '50.000%'
    """
    return f"{100 * min(max(share, 0.0), 1.0):.3f}%"


def anchor(share: float) -> str:
    """Say to which side words at a place may grow: ``start``, ``middle``, ``end``."""
    if share < _EDGES[0]:
        return "start"
    return "end" if share > _EDGES[1] else "middle"


def shares(boxes: Sequence[Box]) -> str:
    """List the heat of boxes."""
    return ", ".join(percent(box.energy) for box in boxes)


def moment_of(milliseconds: int) -> datetime:
    """Give a time as it is counted in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def iso(milliseconds: int) -> str:
    """Write a time for machines.

    Examples
    --------
    >>> iso(0)
    '1970-01-01T00:00:00Z'
    """
    return f"{moment_of(milliseconds):%Y-%m-%dT%H:%M:%SZ}"


def utc(moment: int | datetime) -> str:
    """Write a time for people; scripts make it local.

    Examples
    --------
    >>> utc(0)
    '1970-01-01 00:00 UTC'
    """
    found = moment_of(moment) if isinstance(moment, int) else moment.astimezone(UTC)
    return f"{found:%Y-%m-%d %H:%M} UTC"
