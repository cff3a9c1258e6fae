"""The API against its own description: no request is a server error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from hierclf.web.database import open_database
from hierclf.web.passwords import Hasher
from tests.web.children import ABOUT
from tests.web.conftest import Hours
from tests.web.site import PNG, make_site
from tests.web.test_app import DONE

HOST = {"host": "localhost"}
HOUSE = settings(
    deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, hasher: Hasher) -> Any:
    folder: Path = tmp_path_factory.mktemp("site")
    database = open_database(f"sqlite:///{folder / 'hierclf.db'}")
    site = make_site(database, folder, Hours(), hasher, ABOUT, queue=100_000)
    headers = site.token(site.account("Ann"))
    client = site.browser().client
    files = {"file": ("a.png", PNG)}
    assert client.post("/api/v1/studies", files=files, headers=headers).is_success
    site.finish(DONE)
    yield site.app, HOST | headers
    database.close()


@pytest.mark.parametrize("most", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_no_request_is_a_server_error(told: Any, most: int) -> None:
    """What the description allows, and what it does not, with a token and without."""
    app, headers = told
    place = "/api/v1/openapi.json"
    schema = schemathesis.openapi.from_asgi(place, app, headers=HOST)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 8
    answered: set[int] = set()
    for operation in operations:
        for mode in schemathesis.GenerationMode:

            @settings(HOUSE, max_examples=most)
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                for known in (headers, HOST):
                    answer = case.call(headers=known)
                    answered.add(answer.status_code)
                    assert answer.status_code < 500, answer.text
                    assert answer.headers["x-content-type-options"] == ["nosniff"]

            ask()
    assert answered >= {200, 401, 404, 422}
    assert most < 40 or 201 in answered
