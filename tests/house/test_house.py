"""The house: sizes, walls, words, and what must not be in it."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from numpydoc.docscrape import FunctionDoc

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "hierclf").rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_rooms_stay_small(path: Path) -> None:
    """Files of 400 lines and bodies of 60 at most; most are far below."""
    assert path.read_text().count("\n") <= 400
    for node in _functions(path):
        body = node.body[1:] if ast.get_docstring(node) else node.body
        if body:
            size = (body[-1].end_lineno or 0) - body[0].lineno + 1
            assert size <= 60, f"{node.name}: {size} lines"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_nothing_opens_foreign_code(path: Path) -> None:
    """No pickle, no eval, no unsafe loaders, no assert, no shell.

    An export as joblib is loaded once, from memory, to prove what was written.
    """
    tree = ast.parse(path.read_text())
    names = [ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)]
    if path.parts[-2:] == ("exporting", "parts.py"):
        names.remove("joblib.load")  # one call, and no other
    called = set(names)
    assert not called & {
        "eval",
        "exec",
        "joblib.load",
        "pickle.load",
        "pickle.loads",
        "yaml.load",
        "os.system",
        "subprocess.run",
    }
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}"
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            safe = {k.arg: ast.unparse(k.value) for k in node.keywords}
            assert safe.get("weights_only") == "True"


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_nothing_is_unfinished(path: Path) -> None:
    with path.open("rb") as stream:
        words = [
            t.string
            for t in tokenize.tokenize(stream.readline)
            if t.type == tokenize.COMMENT
        ]
    marks = re.compile(r"TODO|FIXME|XXX|pragma: no cover")
    assert not [word for word in words if marks.search(word)]
    assert "raise NotImplementedError" not in path.read_text()


def _documented() -> Iterator[tuple[str, object]]:
    for path in FILES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        module = import_module(name.removesuffix(".__init__"))
        for label, item in vars(module).items():
            if getattr(item, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(item):
                yield f"{name}.{label}", item
            elif inspect.isclass(item):
                for inner, method in vars(item).items():
                    if inspect.isfunction(method):
                        yield f"{name}.{label}.{inner}", method


def test_docstrings_name_the_parameters_there_are() -> None:
    wrong = []
    for name, function in _documented():
        told = [p.name for p in FunctionDoc(function)["Parameters"]]
        if not told:
            continue
        listed = [
            part.strip().lstrip("*") for names in told for part in names.split(",")
        ]
        known = [p for p in inspect.signature(function).parameters if p != "self"]  # type: ignore[arg-type]
        if listed != known:
            wrong.append(f"{name}: {listed} but {known}")
    assert not wrong


def test_no_path_of_a_machine() -> None:
    text = "\n".join(path.read_text() for path in FILES)
    for name in ("README.md", "MEASURED.md", "setup.cfg", "Makefile"):
        text += (ROOT / name).read_text()
    assert not re.search(r"(^|[^.\w])/(work|home|root)/", text)


@pytest.mark.parametrize(("told", "found"), [("", "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_unless_somebody_chose_otherwise(told, found) -> None:
    own = {name: os.environ[name] for name in os.environ if name != "OMP_WAIT_POLICY"}
    if told:
        own["OMP_WAIT_POLICY"] = told
    code = "import hierclf, os; print(os.environ['OMP_WAIT_POLICY'])"
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, env=own, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == found
