"""A site with people and studies in it, and a browser that fills its forms."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image
from starlette.testclient import TestClient

from hierclf.bundle.measured import Below, Figure, Measured
from hierclf.web.account_rows import AccountRow
from hierclf.web.database import Database
from hierclf.web.passwords import Hasher
from hierclf.web.queue import Outcome
from hierclf.web.result import About, Box, Result, StageShown
from hierclf.web.study_rows import StudyRow
from tests.web.conftest import Hours
from tests.web.site import PASSWORD, make_site

DIGEST = hashlib.sha256(b"bundle").hexdigest()
LABELS = ("healthy", "mild", "severe")
SICK = {"healthy": 0.2, "mild": 0.3, "severe": 0.5}
WELL = {"healthy": 0.9, "mild": 0.06, "severe": 0.04}
ABOUT = About(
    digest=DIGEST,
    labels=LABELS,
    ordered=True,
    cut_point=0.42,
    rule="macro_recall",
    guards=("action", "scope"),
    lungs=True,
    data="ward",
    phantom=False,
    n_scans=400,
    created_utc=datetime(2026, 11, 20, tzinfo=UTC),
    version="0.1.0",
    card="# ward\n\n## Limits\n\nOne <site>.\n",
    measured=Measured(
        n_scans=80,
        n_patients=45,
        macro_recall=Figure(value=0.876, low=0.622, high=0.945),
        sensitivity=Figure(value=0.9),
        specificity=None,
        below=(
            Below(baseline="flat", loss=0.064, is_shown=False),
            Below(baseline="<b>", loss=0.123, is_shown=True),
        ),
    ),
)
_COPIED = ("decision", "label", "action", "screen_score", "bundle")


def result_of(shares: Mapping[str, float], **other: Any) -> Result:
    """What a cascade might have said."""
    score = 1 - shares["healthy"]
    sick = score >= ABOUT.cut_point
    label = max(list(shares)[1:], key=lambda one: shares[one]) if sick else "healthy"
    asked = {"screen": "diseased"} | ({"refine": label} if sick else {})
    box = Box(left=1, top=2, right=5, bottom=6, energy=0.625)
    stages = [
        StageShown.model_validate(
            {"stage": stage, "asked": of, "score": 0.75, "picture": f"heat-{stage}"}
            | {"boxes": (box,)}
        )
        for stage, of in asked.items()
    ]
    told: dict[str, Any] = {
        "decision": "diseased" if sick else "healthy",
        "label": label,
        "screen_score": score,
        "cut_point": ABOUT.cut_point,
        "probabilities": dict(shares),
        "action": "accept",
        "label_set": (label,),
        "view_spread": 0.03125,
        "lungs_found": "yes",
        "warnings": (),
        "stages": tuple(stages),
        "height": 8,
        "width": 8,
        "bundle": DIGEST,
        "sha256": DIGEST,
        "seconds": 0.8,
    }
    return Result.model_validate(told | other)


class Browser(TestClient):
    """A client that fills the forms of pages."""

    def token(self) -> str:
        """Read the token of a form."""
        page = self.get("/account")
        page = self.get("/sign-in") if page.status_code == 303 else page
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert found
        return found[1]

    def submit(self, place: str, **fields: str) -> Any:
        """Send a form with its token."""
        return self.post(place, data=fields | {"csrf": self.token()})


class Ward:
    """A site with an administrator, Ada, and a member, Ben."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        hours: Hours,
        hasher: Hasher,
        **told: Any,
    ) -> None:
        self.folder = folder
        self._site = make_site(database, folder, hours, hasher, ABOUT, **told)
        self.services = self._site.services
        create = self.services.accounts.create
        self.ada: AccountRow = create("Ada", PASSWORD, is_admin=True)[0]
        self.ben: AccountRow = create("Ben", PASSWORD)[0]

    def browser(self, name: str = "") -> Browser:
        """Open a browser in which somebody is signed in."""
        told = {"base_url": "https://localhost", "follow_redirects": False}
        found = Browser(self._site.app, **told)
        if name:
            answer = found.submit("/sign-in", name=name, password=PASSWORD)
            assert answer.status_code == 303
        return found

    def study(
        self, result: Result | None = None, *, name: str = "scan.png", **told: Any
    ) -> StudyRow:
        """Make a study of Ben, finished where it is told how."""
        source = self.folder / "upload"
        source.write_bytes(name.encode())
        owner, batch = told.pop("owner", self.ben), told.pop("batch", "")
        studies = self.services.studies
        row = studies.accept(
            owner.id, name, source, sha256="a" * 64, size=1_240_000, batch=batch
        )
        if result is not None:
            told |= {"status": "done", "result": result.model_dump(mode="json")}
            told |= {one: getattr(result, one) for one in _COPIED}
            Image.new("L", (8, 8), 90).save(studies.path(row.id, "scan.png"))
        if told:
            self._site.queue.claim(100)
            assert self._site.queue.finish(row.id, Outcome(**told))
        return studies.get(owner.id, row.id) or row

    def lines(self) -> list[str]:
        """What was done, from the audit log."""
        return [one.what for one in self.services.audit.newest_first(1)][::-1]
