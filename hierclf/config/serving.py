"""Options of ``hierclf serve``."""

from __future__ import annotations

import os
from ipaddress import ip_address, ip_network
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from hierclf.config.values import Names
from hierclf.networks.machine import MachineOptions

NOTICE = "Research use only. Not a medical device; not for clinical decisions."


class ServeOptions(MachineOptions):
    """A bundle, where it is served, and what is kept how long."""

    bundle: Path | None = Field(None, description="folder of the bundle")
    bundle_digest: str = Field(
        "",
        pattern="^([0-9a-f]{64})?$",
        description="digest that the bundle must have, 64 hexadecimal digits",
    )
    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8000, ge=1, le=65535, description="port to listen on")
    hosts: Names = Field(
        (), description="further names by which browsers reach it, by commas"
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file, where no proxy speaks TLS for it"
    )
    tls_key: Path | None = Field(None, description="PEM file with its key")
    behind_proxy: bool = Field(
        False,
        description="a proxy speaks TLS and tells who asks by X-Forwarded-For",
    )
    proxies: Names = Field(
        ("127.0.0.1", "::1"),
        description="addresses or networks of proxies that are believed, by commas",
    )
    state: Path = Field(
        Path("~/.local/state/hierclf"),
        description="folder for the secret, uploads, the audit log and SQLite",
    )
    database: str = Field(
        "",
        description="URL of PostgreSQL or MariaDB, or the environment's "
        "HIERCLF_DATABASE; SQLite in --state if not given",
    )
    notice: str = Field(
        NOTICE, min_length=1, max_length=500, description="what every page says below"
    )
    retention_days: int = Field(
        30, ge=1, le=36500, description="days after which a study is deleted"
    )
    upload_mb: int = Field(20, ge=1, le=2048, description="largest upload")
    queue: int = Field(
        64, ge=1, le=100_000, description="studies that may wait; more are put off"
    )
    quota: int = Field(5000, ge=1, description="studies that an account may keep")
    idle_minutes: int = Field(
        30, ge=1, le=1440, description="after which a session ends by itself"
    )
    session_hours: int = Field(
        8, ge=1, le=168, description="after which a session ends in any case"
    )
    create_admin: str = Field(
        "", description="make an administrator of this name, print a password, and end"
    )
    verify_audit: bool = Field(
        False, description="check the chain of the audit log, and end"
    )

    @field_validator("proxies")
    @classmethod
    def _are_addresses(cls, told: tuple[str, ...]) -> tuple[str, ...]:
        for one in told:
            try:
                ip_network(one)
            except ValueError:
                raise ValueError(
                    f"proxies: expected addresses or networks, got {one!r}. Write "
                    "them like 10.0.0.7 or 10.0.0.0/24."
                ) from None
        return told

    @model_validator(mode="after")
    def _reachable_by_tls_only(self) -> ServeOptions:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError(
                "tls_key: expected certificate and key, got one of them. Pass both."
            )
        if not (self.is_loopback or self.tls_key or self.behind_proxy):
            raise ValueError(
                f"host: expected a loopback address without TLS, got {self.host!r}. "
                "Pass --tls-certificate and --tls-key, or --behind-proxy where a "
                "proxy speaks TLS."
            )
        if self.bundle is None and not (self.create_admin or self.verify_audit):
            raise ValueError("bundle: expected a folder, got none. Add --bundle.")
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def folder(self) -> Path:
        """The state folder, ``~`` resolved."""
        return self.state.expanduser().absolute()

    @property
    def database_url(self) -> str:
        """Where accounts and studies are kept; it may hold a password."""
        given = self.database or os.environ.get("HIERCLF_DATABASE", "")
        return given or f"sqlite:///{self.folder / 'hierclf.db'}"
