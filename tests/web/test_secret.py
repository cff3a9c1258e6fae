"""The secret of an installation."""

from __future__ import annotations

import secrets
import stat
from pathlib import Path

import pytest

from hierclf.foundation.errors import InputError, ResourceError
from hierclf.web.secret import is_signed, read_secret, sign


@pytest.fixture(autouse=True)
def no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIERCLF_SECRET", raising=False)


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    found = read_secret(tmp_path)
    assert len(found) >= 32
    assert read_secret(tmp_path) == found
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_two_installations_differ(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert read_secret(tmp_path) != read_secret(tmp_path / "a")


@pytest.mark.parametrize("weak", ["changeme", "secret" * 10, "a" * 64, "short" + "1"])
def test_weak_ones_are_refused(
    weak: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text(weak)
    with pytest.raises(InputError, match="expected a random secret"):
        read_secret(tmp_path)
    monkeypatch.setenv("HIERCLF_SECRET", weak)
    with pytest.raises(InputError, match=r"^HIERCLF_SECRET: expected"):
        read_secret(tmp_path)


def test_the_environment_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = secrets.token_urlsafe(48)
    monkeypatch.setenv("HIERCLF_SECRET", given)
    assert read_secret(tmp_path) == given.encode()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResourceError):
        read_secret(tmp_path / "nowhere")


def test_a_signature_holds_for_its_purpose_and_value() -> None:
    secret = b"s" * 32
    told = sign(secret, "form", "value")
    assert is_signed(secret, "form", "value", told)
    assert not is_signed(secret, "form", "valuE", told)
    assert not is_signed(secret, "other", "value", told)
    assert not is_signed(b"t" * 32, "form", "value", told)
    assert not is_signed(secret, "form", "value", "")
    # purpose and value are not run together
    assert sign(secret, "a", "bc") != sign(secret, "ab", "c")
