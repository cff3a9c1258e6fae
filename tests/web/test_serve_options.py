"""Who may reach the server, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from hierclf.config.serving import ServeOptions
from hierclf.console import parse
from hierclf.foundation.errors import InputError


def read(*argv: str) -> ServeOptions:
    return parse(ServeOptions, "serve", "", ["--bundle", "b", *argv])


def test_it_listens_to_this_machine_alone_by_default() -> None:
    assert read().is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_tls(host: str) -> None:
    assert read("--host", host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "scans.example"])  # noqa: S104
def test_others_need_tls(host: str) -> None:
    with pytest.raises(InputError, match="expected a loopback address without TLS"):
        read("--host", host)
    assert not read("--host", host, "--behind-proxy").is_loopback
    read("--host", host, "--tls-certificate", "c", "--tls-key", "k")


def test_proxies_are_addresses_or_networks() -> None:
    assert read("--proxies", "10.0.0.7,fd00::/64").proxies == ("10.0.0.7", "fd00::/64")
    for told in ("*", "proxy.example", "10.0.0.7/24", "0.0.0.0/33", "unix:"):
        with pytest.raises(InputError, match="expected addresses or networks"):
            read("--proxies", told)


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(InputError, match="expected certificate and key, got one"):
        read("--tls-certificate", "c")


def test_a_bundle_is_needed_to_serve_and_not_to_add_an_account() -> None:
    with pytest.raises(InputError, match="bundle: expected a folder, got none"):
        parse(ServeOptions, "serve", "", [])
    parse(ServeOptions, "serve", "", ["--create-admin", "root"])


def test_where_accounts_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HIERCLF_DATABASE", raising=False)
    options = read("--state", str(tmp_path))
    assert options.database_url == f"sqlite:///{tmp_path / 'hierclf.db'}"
    monkeypatch.setenv("HIERCLF_DATABASE", "postgresql://there")
    assert options.database_url == "postgresql://there"
    assert read("--database", "mysql://flag").database_url == "mysql://flag"


def test_a_digest_is_64_hexadecimal_digits() -> None:
    read("--bundle-digest", "0" * 64)
    with pytest.raises(InputError, match="bundle_digest"):
        read("--bundle-digest", "0" * 63)
