"""The page of the model: for all who use it, for it says what the model can do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse

from hierclf.web.account_rows import SignedIn
from hierclf.web.dependencies import Services, language_of, member_of, services_of
from hierclf.web.markdown import markdown
from hierclf.web.rendering import page
from hierclf.web.wording import card_words

router = APIRouter()
Member = Annotated[SignedIn, Depends(member_of)]
REPORT = "report.html"


@router.get("/model")
def model(request: Request, signed: Member) -> HTMLResponse:
    """Show the bundle that scores, and its card."""
    services = services_of(request)
    about = services.supervisor.about
    said = card_words(language_of(request, signed))
    text = about.card if about else ""
    return page(
        request,
        "model",
        signed,
        about=about,
        card=markdown(text, top=2, said=said, language="zh-Hans"),
        has_report=signed.account.is_admin and report_of(services).is_file(),
    )


def report_of(services: Services) -> Path:
    """Name the report that training writes beside the bundle.

    It may show scans: only administrators are given it.
    """
    return Path(services.options.bundle or "").absolute().parent / REPORT
