"""What is installed is what was locked: setup.cfg but for Ray, with hashes.

Ray brings 440 MB and pyarrow, with which pandas keeps text in other ways: neither
belongs into the environment of all other tests. `make test-ray` has one of its own.
"""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
ENTRY = re.compile(
    r"^(\S+)==(\S+)[^\\]*((?:\\\n *--hash=sha256:[0-9a-f]{64} ?)+)$", re.M
)


def _needed() -> list[Requirement]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    told = setup["options"]["install_requires"]
    extras = dict(setup["options.extras_require"])
    assert extras.pop("ray").split() == ["ray[data]>=2.51"]  # locked by none
    told += "".join(extras.values())
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return [Requirement(line) for line in lines if not line.startswith("hierclf")]


LOCK = (ROOT / "requirements.lock").read_text()
LOCKED = {canonicalize_name(found[1]): found[2] for found in ENTRY.finditer(LOCK)}


def test_every_line_that_names_a_package_has_hashes() -> None:
    """Nothing is in the lock but versions with the digests of their files."""
    named = [line for line in LOCK.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    assert len(named) == len(ENTRY.findall(LOCK)) > 100


@pytest.mark.parametrize("requirement", _needed(), ids=str)
def test_lock_holds_what_setup_asks_for(requirement: Requirement) -> None:
    """A requirement that was added or raised needs `make lock`."""
    version = LOCKED[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version), version
