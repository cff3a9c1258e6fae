from __future__ import annotations

import copy
import io
import json
import os
import pickle
import zipfile
from functools import partial

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from hierclf.bundle.learner import dump_learner, load_learner
from hierclf.bundle.store import load_bundle
from hierclf.foundation.errors import BundleError, InputError


@pytest.fixture(scope="module")
def fitted(rows, labels):
    return LogisticRegression().fit(rows(), labels)


@pytest.fixture(scope="module")
def content(fitted) -> bytes:
    return dump_learner("screen", fitted)


def _rewrite(content: bytes, change, **options) -> bytes:
    """Change the schema of a skops file."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w") as new,
    ):
        for name in old.namelist():
            member = old.read(name)
            if name == "schema.json":
                member = json.dumps(change(json.loads(member))).encode()
            new.writestr(name, member, **options)
    return target.getvalue()


def test_learner_comes_back(fitted, content, rows):
    loaded = load_learner("screen.skops", content)
    np.testing.assert_array_equal(
        loaded.predict_proba(rows(1)), fitted.predict_proba(rows(1))
    )


def test_function_in_a_learner_is_neither_saved_nor_run(
    fitted, rows, labels, learner_bundle, resign, tmp_path
):
    """Fault 65: skops itself would ask for it as a trusted type."""
    marker = tmp_path / "ran"
    evil = make_pipeline(
        FunctionTransformer(os.system, kw_args={"command": f"touch {marker}"}),
        LogisticRegression(),
    )
    evil.steps[1] = (evil.steps[1][0], fitted)
    with pytest.raises(InputError, match=r"got posix\.system, .*FunctionTransformer"):
        dump_learner("screen", evil)
    (learner_bundle / "screen.skops").write_bytes(skops.io.dumps(evil))
    resign(learner_bundle)
    with pytest.raises(BundleError, match=r"known types only, got 'posix\.system"):
        load_bundle(learner_bundle)
    assert not marker.exists()


def _node(loader: str, module: str, name: str, **more):
    return {"__loader__": loader, "__module__": module, "__class__": name, **more}


def _plain(text: str):
    return _node("JsonNode", "builtins", "str", content=text, is_json=True)


def _call(command: str):
    arguments = _node("TupleNode", "builtins", "tuple", content=[_plain(command)])
    logistic = _node(
        "ObjectNode", "sklearn.linear_model._logistic", "LogisticRegression"
    )
    system = _node("FunctionNode", "posix", "system", content="system")
    return {
        "function": system,
        "type": _node("TypeNode", "posix", "system"),
        "constructor": _node(
            "ConstructorFromReduceNode", "posix", "system", content=arguments
        ),
        "operator": _node(
            "OperatorFuncNode", "operator", "methodcaller", attrs=arguments
        ),
        "partial": _node(
            "PartialNode",
            "functools",
            "partial",
            content={"func": system, "args": arguments, "kwds": {}, "namespace": {}},
        ),
        "method": _node(
            "MethodNode",
            "sklearn.linear_model._logistic",
            "LogisticRegression",
            content={"func": "fit", "obj": logistic},
        ),
        "reduce": _node(
            "TreeNode",
            "posix",
            "system",
            content=_plain("{}"),
            **{"__reduce__": {"args": arguments}},
        ),
        "loss": _node(
            "LossNode",
            "subprocess",
            "Popen",
            content=_plain("{}"),
            **{"__reduce__": {"args": arguments}},
        ),
        "object": _node("ObjectNode", "subprocess", "Popen", content=arguments),
        "slice": _node(
            "SliceNode",
            "builtins",
            "str",
            content={"start": 0, "stop": 1, "step": 1},
        ),
        "bytes": _node("BytesNode", "builtins", "bytes", file="schema.json"),
        "unknown": _node("EvalNode", "builtins", "eval", content=arguments),
    }


@pytest.mark.parametrize("kind", sorted(_call("")))
@pytest.mark.parametrize("deep", [False, True])
def test_every_way_of_calling_something_is_refused(content, kind, deep, tmp_path):
    """Fault 65: also where a trusted type is built in an untrusted way."""
    node = _call(f"touch {tmp_path / 'ran'}")[kind]

    def change(schema):
        if not deep:
            return {**schema, **node}
        attributes = schema["content"]["content"]
        attributes["C"] = node
        return schema

    with pytest.raises(BundleError, match=r"screen\.skops: expected known types only"):
        load_learner("screen.skops", _rewrite(content, change))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda schema: {**schema, "protocol": 0}, "expected skops protocol 2, got 0"),
        (lambda schema: {**schema, "protocol": 3}, "expected skops protocol 2, got 3"),
        (lambda schema: [], "a skops file, got AttributeError"),
        (lambda schema: {"protocol": 2}, "a skops file, got KeyError"),
        (lambda schema: json.loads("[" * 300 + "]" * 300), "a skops file"),
    ],
)
def test_schema_of_another_form(content, change, reason):
    """Fault 65."""
    with pytest.raises(BundleError, match=reason):
        load_learner("screen.skops", _rewrite(content, change))


def test_scaler_in_place_of_a_classifier(learner_bundle, resign, rows):
    """Fault 65."""
    from sklearn.preprocessing import StandardScaler

    scaler = dump_learner("screen", StandardScaler().fit(rows()))
    (learner_bundle / "screen.skops").write_bytes(scaler)
    resign(learner_bundle)
    with pytest.raises(
        BundleError, match=r"expected a classifier of .False, True., got"
    ):
        load_bundle(learner_bundle)


@pytest.mark.parametrize("suffix", ["skops", "safetensors"])
def test_pickle_with_the_name_of_something_else(
    learner_bundle, network_bundle, resign, suffix, tmp_path
):
    """Fault 64."""
    evil = pickle.dumps(partial(os.system, f"touch {tmp_path / 'ran'}"))
    folder = learner_bundle if suffix == "skops" else network_bundle
    name = "screen.skops" if suffix == "skops" else "screen-head.safetensors"
    (folder / name).write_bytes(evil)
    resign(folder)
    with pytest.raises(
        BundleError, match=f"{name}: expected a {suffix} file, got [A-Z]"
    ):
        load_bundle(folder)
    assert not (tmp_path / "ran").exists()


def test_pickled_array_in_a_learner(content, tmp_path):
    """Fault 64: an array of objects is a pickle inside of a .npy file."""

    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'ran'}",)

    array = io.BytesIO()
    np.save(array, np.array([Evil()], dtype=object), allow_pickle=True)
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w") as new,
    ):
        for name in old.namelist():
            is_array = name.endswith(".npy")
            new.writestr(name, array.getvalue() if is_array else old.read(name))
    with pytest.raises(BundleError, match="expected a skops file, got ValueError"):
        load_learner("screen.skops", target.getvalue())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("comment", [b"", b"x" * 60_000])
def test_bomb(content, comment):
    """Fault 66: members are stored as they are, so nothing unpacks to more."""
    target = io.BytesIO(_rewrite(content, dict, compress_type=zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = comment
    with pytest.raises(BundleError, match="expected different members, stored as they"):
        load_learner("screen.skops", target.getvalue())


def test_members_that_share_their_bytes(content):
    """Fault 66: one array listed a hundred times unpacks to a hundred."""
    target = io.BytesIO(content)
    with zipfile.ZipFile(target, "a") as archive:
        first = archive.filelist[0]
        for number in range(100):
            again = copy.copy(first)
            again.filename = f"{number}.npy"
            archive.filelist.append(again)
        archive.comment = b"so that the list is written again"
    with pytest.raises(BundleError, match="expected different members, stored as they"):
        load_learner("screen.skops", target.getvalue())


@pytest.mark.parametrize("name", ["../evil.npy", "/etc/evil.npy", "evil.py", "1.npy/x"])
def test_odd_member(content, name):
    """Fault 66."""
    target = io.BytesIO(content)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, b"")
    with pytest.raises(BundleError, match="expected arrays and a schema, got"):
        load_learner("screen.skops", target.getvalue())


def test_second_schema(content):
    """Fault 66: what was audited would not be what is built."""
    target = io.BytesIO(content)
    with (
        zipfile.ZipFile(target, "a") as archive,
        pytest.warns(UserWarning, match="Dup"),
    ):
        archive.writestr("schema.json", b"{}")
    with pytest.raises(BundleError, match="expected different members"):
        load_learner("screen.skops", target.getvalue())


def test_altered_files_raise_nothing_but_bundle_errors(content):
    """Three hundred files with one to four bytes changed."""
    rng = np.random.default_rng(0)
    n_refused = 0
    for _ in range(300):
        altered = bytearray(content)
        for place in rng.integers(0, len(altered), rng.integers(1, 5)):
            altered[place] = rng.integers(256)
        try:
            load_learner("screen.skops", bytes(altered))
        except BundleError:
            n_refused += 1
    assert n_refused > 100
