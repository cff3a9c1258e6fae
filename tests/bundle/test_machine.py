"""A bundle is run by the runtime that was asked for, and is tested with it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hierclf.bundle import machine
from hierclf.bundle.machine import load_for_machine
from hierclf.foundation.errors import BundleError
from hierclf.inference import runtimes
from hierclf.inference.runtimes import (
    RUNTIMES,
    Maps,
    Runtime,
    current_runtime,
    set_runtime,
)
from hierclf.networks.network import Featurizer
from hierclf.scoring.folder import score_folder
from hierclf.scoring.options import ScoreOptions


@pytest.fixture(autouse=True)
def eager_again() -> Iterator[None]:
    yield
    set_runtime("eager")


def wrong(featurizer: Featurizer, dtype: torch.dtype) -> Maps:
    plain = runtimes.make_runtime("eager", featurizer, dtype)
    return lambda images: 3 * plain(images).flip(1)


def test_scores_are_those_of_eager(
    network_bundle: Path, scans: Callable[..., list[np.ndarray]]
) -> None:
    pytest.importorskip("openvino")
    expected = load_for_machine(network_bundle).cascade.decide(scans(5))
    bundle = load_for_machine(network_bundle, runtime="openvino")
    assert bundle.cascade.screen_.trunk_.options.runtime == "openvino"
    found = bundle.cascade.decide(scans(5))
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=0.05)


def test_an_engine_that_computes_something_else_is_refused(
    network_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {**RUNTIMES, "onnxruntime": Runtime(wrong)}  # no other test shares it
    monkeypatch.setattr(runtimes, "RUNTIMES", broken)
    with pytest.raises(BundleError, match=r"self-test.*try --runtime eager\."):
        load_for_machine(network_bundle, runtime="onnxruntime")


def test_auto_asks_for_every_trunk_once_and_loads_again(
    network_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, begun, load = [], [], machine.load_bundle

    def loaded(folder: Path) -> object:
        begun.append(current_runtime())
        return load(folder)

    monkeypatch.setattr(machine, "load_bundle", loaded)

    def choose(choice: str, trunks: Callable[[], list[object]]) -> None:
        assert choice == "auto"
        asked.extend(trunks())
        set_runtime("openvino")

    pytest.importorskip("openvino")
    monkeypatch.setattr(machine, "use_runtime", choose)
    bundle = load_for_machine(network_bundle, runtime="auto")
    assert begun == ["eager", "openvino"], "the bundle's own runtime, then the choice"
    assert len(asked) == 1, "both stages look with one trunk"
    assert current_runtime() == "openvino"
    assert bundle.cascade.refine_.trunk_.options.runtime == "openvino"


def test_engine_of_an_earlier_load_does_not_stay(network_bundle: Path) -> None:
    pytest.importorskip("openvino")
    load_for_machine(network_bundle, runtime="openvino")
    bundle = load_for_machine(network_bundle)
    assert bundle.cascade.screen_.trunk_.options.runtime == "eager"


@pytest.fixture
def scan_folder(scans: Callable[..., list[np.ndarray]], tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number, scan in enumerate(scans(3)):
        picture = Image.fromarray((scan * 255).astype(np.uint8))
        picture.save(folder / f"{number}.png")
    return folder


@pytest.fixture
def made_by(
    network_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Path]:
    """The same bundle, as if another runtime had made it."""
    info = machine.read_info(network_bundle)

    def make(name: str) -> Path:
        told = info.model_copy(update={"versions": info.versions | {"runtime": name}})
        monkeypatch.setattr(machine, "read_info", lambda folder: told)
        return network_bundle

    return make


def test_a_bundle_is_run_by_what_made_it(made_by: Callable[[str], Path]) -> None:
    """In bfloat16 it decides as it was measured by no other."""
    pytest.importorskip("openvino")
    bundle = load_for_machine(made_by("openvino"))
    assert bundle.cascade.screen_.trunk_.options.runtime == "openvino"
    bundle = load_for_machine(made_by("openvino"), runtime="eager")
    assert bundle.cascade.screen_.trunk_.options.runtime == "eager"


@pytest.mark.parametrize("name", ["unheard-of", "onnxruntime"])
@pytest.mark.parametrize("runtime", [None, "auto"])
def test_torch_stands_in_for_a_runtime_that_is_not_there(
    made_by: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    runtime: Literal["auto"] | None,
) -> None:
    absent = {**RUNTIMES, "onnxruntime": Runtime(wrong, needs=("no_such_package",))}
    monkeypatch.setattr(machine, "RUNTIMES", absent)
    monkeypatch.setattr(machine, "use_runtime", lambda choice, trunks: None)
    load_for_machine(made_by(name), runtime=runtime)
    assert current_runtime() == "eager"
    assert f"it was made by {name}, which cannot be used here" in caplog.text


def test_a_runtime_of_processors_is_not_used_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_both, on_cpu = Runtime(wrong, on_gpu=True), Runtime(wrong)
    assert on_both.is_usable
    assert on_cpu.is_usable
    monkeypatch.setattr(runtimes, "default_device", lambda: torch.device("cuda"))
    assert on_both.is_usable
    assert not on_cpu.is_usable


def test_rows_name_what_computed_them(
    network_bundle: Path, scan_folder: Path, tmp_path: Path
) -> None:
    """And not the runtime of a bundle that was loaded since."""
    pytest.importorskip("openvino")
    bundle = load_for_machine(network_bundle, runtime="openvino")
    load_for_machine(network_bundle, runtime="eager")
    told = {"bundle": network_bundle, "input": scan_folder}
    score_folder(ScoreOptions(**told, out=tmp_path / "s.csv"), bundle)
    assert set(pd.read_csv(tmp_path / "s.csv")["runtime"]) == {"openvino"}
    assert bundle.cascade.screen_.trunk_.options.runtime == "openvino"
