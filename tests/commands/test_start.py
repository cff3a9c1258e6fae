"""What a command says before it imports what takes seconds."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from hierclf.__main__ import _dispatch
from hierclf.console import run
sys.modules["hierclf.jobs.train"] = sys.modules["hierclf.web.server"] = None
code = run(_dispatch, sys.argv[1:])
slow = {"torch", "sklearn", "sqlalchemy", "fastapi"} & set(sys.modules)
print(code, *slow)
"""
LABELLED = ["--healthy", "h", "--out", "o"]


def start(*argv: str) -> tuple[str, list[str]]:
    """Run a command without its slow part; gives what it prints and its lines."""
    command = [sys.executable, "-c", PROGRAM, *argv]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip(), done.stderr.splitlines()


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (["serve", "--bundle", "no/such"], "4", "no/such: expected a folder, got not"),
        (["serve", "--bundle", ".", "--port", "70000"], "2", "port: expected less th"),
        (["train", "--data", "no/such", *LABELLED], "2", "data: expected a folder or"),
    ],
)
def test_simple_mistakes_are_told_at_once(
    argv: list[str], code: str, told: str
) -> None:
    printed, [line] = start(*argv)
    assert printed == code
    assert line.startswith(told)


def test_a_port_that_is_taken_is_told_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        printed, [line] = start("serve", "--bundle", str(tmp_path), "--port", port)
    assert printed == "5"
    assert f"127.0.0.1:{port} to be free, got it taken" in line


def test_a_command_says_that_it_has_begun(tmp_path: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    _, lines = start("serve", "--bundle", str(tmp_path), "--port", port)
    assert lines[0] == "hierclf serve: loading ..."
    _, lines = start("train", "--data", str(tmp_path), *LABELLED)
    assert lines[0] == "hierclf train: loading ..."


def test_only_our_own_progress_is_told() -> None:
    program = """
import logging
from hierclf.console import run
def talk(argv):
    for name in ("onnxscript.optimizer", "hierclf.scoring"):
        logging.getLogger(name).info("%s at work", name)
    logging.getLogger("onnxscript").warning("onnxscript warns")
    return 0
run(talk, [])
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr.splitlines() == ["hierclf.scoring at work", "onnxscript warns"]
