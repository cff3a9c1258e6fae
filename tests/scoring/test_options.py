from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from hierclf.foundation.errors import InputError
from hierclf.scoring.folder import score_folder
from hierclf.scoring.options import ScoreOptions, ScoreSummary

PLACES = {"bundle": Path("b"), "input": Path("i"), "out": Path("o.csv")}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0),
        ("batch_size", -1),
        ("batch_size", 10**6),
        ("batch_size", float("nan")),
        ("threads", 0),
        ("threads", 257),
        ("n_threads", 2),
        ("resme", True),
    ],
)
def test_options_that_cannot_be(name, value):
    """Fault 72."""
    with pytest.raises(ValidationError, match=name):
        ScoreOptions(**PLACES, **{name: value})


def test_an_address_without_a_cluster_is_refused():
    with pytest.raises(ValidationError, match="expected --engine ray beside it"):
        ScoreOptions(**PLACES, ray_address="auto")


@pytest.mark.parametrize("name", ["bundle", "input", "out"])
def test_places_must_be_named(name):
    given = {key: value for key, value in PLACES.items() if key != name}
    with pytest.raises(ValidationError, match=f"{name}\n  Field required"):
        ScoreOptions(**given)


def test_every_option_explains_itself():
    assert all(field.description for field in ScoreOptions.model_fields.values())


@pytest.mark.parametrize(("failed", "code"), [({}, 0), ({"E_EMPTY": 1}, 3)])
def test_exit_code(failed, code):
    summary = ScoreSummary(n_ok=1, n_failed=failed, n_earlier=0, digest="0" * 64)
    assert summary.exit_code == code


@pytest.mark.parametrize(
    "more", [{"resume": True}, {"shard": "1/2"}, {"engine": "ray"}]
)
def test_parts_of_one_result_are_of_one_runtime(tmp_path, more):
    options = ScoreOptions(
        bundle=tmp_path, input=tmp_path, out=tmp_path / "s.csv", runtime="auto", **more
    )
    with pytest.raises(InputError, match="pass the name that it tells"):
        score_folder(options)
