"""Runtimes compute one network; the fastest that agrees is taken."""

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from hierclf.foundation.errors import InputError
from hierclf.inference import runtimes, trials
from hierclf.inference.frozen import FrozenTrunk, ViewOptions
from hierclf.inference.precision import resolve_precision
from hierclf.inference.runtimes import (
    RUNTIMES,
    Maps,
    Runtime,
    make_runtime,
    part_size,
    set_runtime,
)
from hierclf.networks.backbones import make_backbone
from hierclf.networks.network import Featurizer, make_featurizer

FLOAT = torch.float32


@pytest.fixture(scope="module")
def featurizer() -> Featurizer:
    torch.manual_seed(0)
    made = make_featurizer("own", make_backbone("test_resnet", weights="none"))
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def by_openvino(featurizer: Featurizer) -> Maps:
    pytest.importorskip("openvino")
    return make_runtime("openvino", featurizer, FLOAT)


@pytest.fixture(autouse=True)
def eager_again() -> Iterator[None]:
    yield
    set_runtime("eager")


def wrong(featurizer: Featurizer, dtype: torch.dtype) -> Maps:
    """Give maps that are no trunk's, and at once."""
    shape = make_runtime("eager", featurizer, dtype)(torch.zeros(1, 1, 64, 64)).shape
    return lambda images: torch.ones(len(images), *shape[1:])


@pytest.mark.parametrize(
    "name",
    [
        "openvino",
        pytest.param("onnxruntime", marks=pytest.mark.slow),
        pytest.param("compiled", marks=pytest.mark.slow),
    ],
)
def test_engines_agree_with_eager(name: str, featurizer: Featurizer) -> None:
    for package in RUNTIMES[name].needs:
        pytest.importorskip(package)
    run = RUNTIMES[name].make(featurizer, FLOAT)
    plain = make_runtime("eager", featurizer, FLOAT)
    with torch.inference_mode():
        for n_images, side in ((3, 64), (1, 64), (2, 96)):
            images = torch.rand(n_images, 1, side, side)
            expected = plain(images)
            found = run(images)
            assert found.dtype == torch.float32
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_openvino_takes_the_number_format(
    featurizer: Featurizer, by_openvino: Maps
) -> None:
    images = torch.rand(2, 1, 64, 64)
    exact = by_openvino(images)
    coarse = make_runtime("openvino", featurizer, torch.bfloat16)(images)
    distance = float((coarse - exact).norm() / exact.norm())
    halves = resolve_precision("auto") == "bfloat16"  # else it computes in float32
    assert (1e-4 if halves else 0) <= distance < 0.05


def test_maps_of_one_batch_stay_when_the_next_is_run(by_openvino: Maps) -> None:
    first = by_openvino(torch.rand(2, 1, 64, 64))
    kept = first.clone()
    by_openvino(torch.rand(2, 1, 64, 64))
    assert torch.equal(first, kept)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_the_maps_of_a_picture_are_the_same_at_any_place_of_a_batch(
    n_threads: int, featurizer: Featurizer
) -> None:
    """The parts of a batch end in any order, and are of one size."""
    pytest.importorskip("openvino")
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        run = make_runtime("openvino", featurizer, FLOAT)
    finally:
        torch.set_num_threads(before)
    images = torch.rand(10, 1, 64, 64)
    expected = make_runtime("eager", featurizer, FLOAT)(images)
    first = run(images)
    torch.testing.assert_close(first, expected, rtol=1e-3, atol=1e-4)
    for turn in range(1, 10):
        turned = run(images.roll(turn, 0)).roll(-turn, 0)
        assert torch.equal(turned, first)


@given(n_images=st.integers(1, 200), n_streams=st.integers(1, 70))
def test_parts_of_a_batch_are_equal_and_none_could_be_done_sooner(
    n_images: int, n_streams: int
) -> None:
    size = part_size(n_images, n_streams)
    rounds = math.ceil(n_images / size / n_streams)
    assert n_images % size == 0
    assert 1 <= size <= 8
    others = [n for n in range(1, 9) if n_images % n == 0]
    assert size * rounds == min(n * math.ceil(n_images / n / n_streams) for n in others)


def test_openvino_reports_to_nobody(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    script = (
        "import socket, sys\n"
        "def refuse(*args): raise SystemExit('it called somebody')\n"
        "socket.socket.connect = refuse\n"
        "from hierclf.inference.runtimes import silent_openvino\n"
        "silent_openvino().convert_model\n"
        "assert sys.modules['openvino_telemetry'] is None\n"
    )
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*ga_cid*"))


def test_lost_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'hierclf\[fast\]'"):
        set_runtime("openvino")
    assert runtimes.current_runtime() == "eager"


def test_unknown_engine_is_told() -> None:
    with pytest.raises(InputError, match="Did you mean 'openvino'"):
        set_runtime("openvno")  # type: ignore[arg-type]


def test_features_of_engines_are_kept_apart(featurizer: Featurizer) -> None:
    pytest.importorskip("openvino")
    digests = set()
    for name in RUNTIMES:
        if RUNTIMES[name].is_there:
            set_runtime(name)  # type: ignore[arg-type]
            digests.add(FrozenTrunk(featurizer, ViewOptions(image_size=64)).digest)
    assert len(digests) == sum(runtime.is_there for runtime in RUNTIMES.values())


def test_trunk_is_run_by_the_engine_of_the_process(
    featurizer: Featurizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "RUNTIMES", {**RUNTIMES, "openvino": Runtime(wrong)})
    set_runtime("openvino")
    view = ViewOptions(image_size=64, views="whole", precision="float32")
    features = FrozenTrunk(featurizer, view).features([np.zeros((64, 64), np.float32)])
    assert np.allclose(features, 1)


def trying(
    monkeypatch: pytest.MonkeyPatch, speeds: dict[str, float], **made: Runtime
) -> None:
    """Set up runtimes of stated speeds; those not named here are not there."""
    known = {"eager": RUNTIMES["eager"], **made}
    absent = Runtime(wrong, needs=("no_such_package",))
    everything = {name: known.get(name, absent) for name in RUNTIMES}
    for module in (runtimes, trials):
        monkeypatch.setattr(module, "RUNTIMES", everything)
    names = iter([name for name in RUNTIMES if name in known])
    monkeypatch.setattr(trials, "_speed", lambda run, images: speeds[next(names)])


def slightly_off(featurizer: Featurizer, dtype: torch.dtype) -> Maps:
    plain = make_runtime("eager", featurizer, dtype)

    def run(images: Tensor) -> Tensor:
        return plain(images) * 1.0005

    return run


def test_fastest_that_agrees_is_taken(
    featurizer: Featurizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = {"eager": 1.0, "openvino": 9.0, "onnxruntime": 3.0}
    trying(
        monkeypatch,
        speeds,
        openvino=Runtime(wrong),
        onnxruntime=Runtime(slightly_off),
    )
    view = ViewOptions(image_size=64, precision="float32")
    trials.use_runtime("auto", lambda: [FrozenTrunk(featurizer, view)])
    assert runtimes.current_runtime() == "onnxruntime"


def test_a_runtime_that_fails_is_not_taken(
    featurizer: Featurizer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> Maps:
        raise RuntimeError("no such operation")

    trying(monkeypatch, {"eager": 1.0}, openvino=Runtime(fail))
    view = ViewOptions(image_size=64, precision="float32")
    trials.use_runtime("auto", lambda: [FrozenTrunk(featurizer, view)])
    assert runtimes.current_runtime() == "eager"
    assert "openvino is left out: no such operation" in caplog.text


def test_the_time_of_all_trunks_counts(
    featurizer: Featurizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not that of the last one alone."""
    trying(monkeypatch, {}, openvino=Runtime(slightly_off))
    speeds = iter([1.0, 0.1, 1.0, 9.0])  # eager and openvino on one, then the other
    monkeypatch.setattr(trials, "_speed", lambda run, images: next(speeds))
    trunks = [
        FrozenTrunk(featurizer, ViewOptions(s, precision="float32")) for s in (64, 96)
    ]
    trials.use_runtime("auto", lambda: trunks)
    assert runtimes.current_runtime() == "eager"


def test_what_takes_long_to_start_is_not_tried(
    featurizer: Featurizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trying(monkeypatch, {"eager": 1.0}, compiled=Runtime(slightly_off, timed=False))
    found = trials.time_runtimes(featurizer, FLOAT, 64)
    assert [trial.name for trial in found] == ["eager"]


def test_bfloat16_may_be_twice_as_far_as_torch_is(
    featurizer: Featurizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Further than that, a runtime computes something else."""

    def further(factor: float) -> Callable[[Featurizer, torch.dtype], Maps]:
        def make(featurizer: Featurizer, dtype: torch.dtype) -> Maps:
            half = make_runtime("eager", featurizer, dtype)
            whole = make_runtime("eager", featurizer, torch.float32)
            return lambda images: half(images) + factor * (half(images) - whole(images))

        return make

    speeds = {"eager": 1.0, "openvino": 2.0, "onnxruntime": 3.0}
    near, far = Runtime(further(1.5)), Runtime(further(3.0))
    trying(monkeypatch, speeds, openvino=near, onnxruntime=far)
    found = trials.time_runtimes(featurizer, torch.bfloat16, 64)
    assert [trial.agrees for trial in found] == [True, True, False]


@pytest.mark.parametrize("n_threads", [1, 4])
def test_openvino_outlives_a_part_that_fails(
    by_openvino: Maps, monkeypatch: pytest.MonkeyPatch, n_threads: int
) -> None:
    """And several threads that ask it at once get their own maps."""
    batches = [torch.rand(4, 1, 64, 64) for _ in range(8)]
    with torch.inference_mode():
        expected = [by_openvino(batch) for batch in batches]
        with monkeypatch.context() as patched:
            patched.setattr(runtimes, "_copied", _no_memory)
            for _ in range(2):
                with pytest.raises(MemoryError):
                    by_openvino(batches[0])
        with ThreadPoolExecutor(n_threads) as pool:
            found = list(pool.map(by_openvino, batches))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def _no_memory(*_: object) -> np.ndarray:
    raise MemoryError


def test_eager_stays_where_nothing_is_faster(
    featurizer: Featurizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = {"eager": 4.0, "onnxruntime": 3.0}
    trying(monkeypatch, speeds, onnxruntime=Runtime(slightly_off))
    view = ViewOptions(image_size=64, precision="float32")
    trials.use_runtime("auto", lambda: [FrozenTrunk(featurizer, view)])
    assert runtimes.current_runtime() == "eager"


def test_distance_is_told(
    featurizer: Featurizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = {"eager": 4.0, "openvino": 5.0}
    trying(monkeypatch, speeds, openvino=Runtime(slightly_off))
    eager, other = trials.time_runtimes(featurizer, FLOAT, 64)
    assert (eager.distance, eager.agrees) == (0, True)
    assert other.distance == pytest.approx(0.0005, rel=1e-2)


@pytest.mark.slow
def test_engines_are_timed_in_bfloat16(
    featurizer: Featurizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "_SECONDS", 0.05)
    found = trials.time_runtimes(featurizer, torch.bfloat16, 64)
    assert {"eager"} <= {trial.name for trial in found}
    assert all(trial.agrees and trial.images_per_s > 0 for trial in found)
