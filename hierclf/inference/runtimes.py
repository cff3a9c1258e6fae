"""Runtimes: what runs a trunk on this machine.

A runtime is a matter of the machine, as the number of threads is. All of them compute
the same network in the same number format, but sum in another order, so last digits
differ; `hierclf.inference.trials` keeps none that differs by more than rounding does.

OpenVINO (Apache-2.0, a release every few weeks) is the fastest on CPUs that we have
measured: three to four times torch in bfloat16 on a processor with AMX, 1.4 to 2 times
without, see MEASURED.md. ONNX Runtime (MIT) knows float32 only. ``compiled``
(torch.compile) is twice as fast as torch, but takes a minute to compile and half of one
for each further size of a batch; so it is run where it is asked for, and ``auto`` does
not try it.
"""

from __future__ import annotations

import copy
import importlib.util
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError
from hierclf.inference.precision import default_device, warn_if_emulated
from hierclf.networks.choices import RuntimeName
from hierclf.networks.network import Featurizer

Maps = Callable[[Tensor], Tensor]
"""Images ``(n, 1, height, width)`` in [0, 1], on the device, to maps of the trunk."""
_MOST_AT_ONCE = 8


@dataclass(frozen=True)
class Runtime:
    """A way to run a trunk.

    Parameters
    ----------
    make : callable
        Featurizer (float32, on the CPU; it is not changed) and number format to maps.
    needs : tuple of str, default=()
        Packages that must be there, the first of which computes.
    extra : str, default=""
        Extra of hierclf that installs it.
    on_gpu : bool, default=False
        Whether it can use a GPU.
    timed : bool, default=True
        Whether ``auto`` tries it.
    """

    make: Callable[[Featurizer, torch.dtype], Maps]
    needs: tuple[str, ...] = ()
    extra: str = ""
    on_gpu: bool = False
    timed: bool = True

    @property
    def is_there(self) -> bool:
        """Whether its packages are installed."""
        return all(importlib.util.find_spec(name) is not None for name in self.needs)

    @property
    def is_usable(self) -> bool:
        """Whether it is there and can use the device that computes here."""
        return self.is_there and (self.on_gpu or default_device().type == "cpu")


class _MapsOnly(nn.Module):
    """A featurizer without its pooling, as exporters want it."""

    def __init__(self, featurizer: Featurizer) -> None:
        super().__init__()
        self.featurizer = featurizer

    def forward(self, images: Tensor) -> Tensor:
        return self.featurizer.maps(images)


def _eager(featurizer: Featurizer, dtype: torch.dtype) -> Maps:
    runtime = copy.deepcopy(featurizer).to(default_device())
    runtime.trunk.to(dtype)
    runtime.trunk.to(memory_format=torch.channels_last)
    return runtime.maps


def _compiled(featurizer: Featurizer, dtype: torch.dtype) -> Maps:
    compiled: Maps = torch.compile(_eager(featurizer, dtype))
    return compiled


def _openvino(featurizer: Featurizer, dtype: torch.dtype) -> Maps:
    """Run parts of a batch side by side, one thread each.

    On two cores that is 1.15 (EfficientNet-Lite0) to 1.45 times (DenseNet121) as fast
    as both threads on the whole batch, which wait for one another at each layer.
    """
    openvino = silent_openvino()
    threads = torch.get_num_threads()
    core = openvino.Core()
    hints = {
        "INFERENCE_PRECISION_HINT": "bf16" if dtype is torch.bfloat16 else "f32",
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": threads,
        # else processes of one thread each, as shards, all sit on the first core
        "ENABLE_CPU_PINNING": False,
    }

    def make(images: Tensor) -> Maps:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tracing: that sizes are constants
            model = openvino.convert_model(
                _MapsOnly(featurizer), example_input=images[:1]
            )
        model.reshape([-1, *images.shape[1:]])
        queue = openvino.AsyncInferQueue(core.compile_model(model, "CPU", hints))
        one_at_a_time = Lock()

        def run(batch: Tensor) -> Tensor:
            size = part_size(len(batch), len(queue))
            parts = batch.numpy().reshape(-1, size, *batch.shape[1:])
            found: dict[int, Any] = {}

            def keep(request: Any, place: int) -> None:
                try:
                    found[place] = _copied(request.get_output_tensor().data)
                except Exception as error:  # noqa: BLE001  # it would end the process
                    found[place] = error

            with one_at_a_time:
                queue.set_callback(keep)
                try:
                    for place, part in enumerate(parts):
                        queue.start_async([part], place, share_inputs=True)
                finally:  # the parts must outlive what reads them
                    queue.wait_all()
            maps = [found[place] for place in range(len(parts))]
            for one in maps:
                if isinstance(one, Exception):
                    raise one
            # numpy: torch would wake its own threads for it, which costs more
            return torch.from_numpy(np.concatenate(maps))

        return run

    return _made_for_each_size(make)


def _copied(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Copy what OpenVINO overwrites with the next part."""
    return maps.copy()


def part_size(n_images: int, n_streams: int) -> int:
    """Choose how many images of a batch one stream computes at a time.

    Parameters
    ----------
    n_images : int, at least 1
        In the batch.
    n_streams : int, at least 1
        That work side by side.

    Returns
    -------
    size : int
        Of the divisors of `n_images` up to eight (with more, maps fit no cache) those
        with which all are done soonest, and of these the largest. All parts are of one
        size, or the last digits would depend on an image's place.

    Examples
    --------
    >>> part_size(10, 2), part_size(10, 4), part_size(64, 4), part_size(7, 2)
    (5, 1, 8, 1)
    """
    sizes = [size for size in range(1, _MOST_AT_ONCE + 1) if n_images % size == 0]
    return min(
        sizes, key=lambda size: (size * _ceil(n_images // size, n_streams), -size)
    )


def _ceil(number: int, by: int) -> int:
    return -(-number // by)


def _onnxruntime(featurizer: Featurizer, dtype: torch.dtype) -> Maps:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3

    def make(images: Tensor) -> Maps:
        session = onnxruntime.InferenceSession(
            _graph_of(featurizer, images[:1]), options, ["CPUExecutionProvider"]
        )
        return lambda batch: torch.from_numpy(
            session.run(None, {"images": batch.numpy()})[0]
        )

    return _made_for_each_size(make)


def _graph_of(featurizer: Featurizer, images: Tensor) -> bytes:
    """Write the ONNX graph of a featurizer's maps, for any number of images."""
    number = torch.export.Dim("n", min=1, max=1 << 16)
    pair = images.expand(2, -1, -1, -1)  # of a single one the exporter makes a constant
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, on its own future
        program = torch.onnx.export(
            _MapsOnly(featurizer),
            (pair,),
            dynamo=True,
            dynamic_shapes=({0: number},),
            input_names=["images"],
            verbose=False,
        )
    if program is None:
        raise TypeError("torch.onnx.export gave no program")
    graph: bytes = program.model_proto.SerializeToString()
    return graph


def _made_for_each_size(make: Callable[[Tensor], Maps]) -> Maps:
    """Make what runs at the first batch of each height and width."""
    made: dict[tuple[int, ...], Maps] = {}

    def run(images: Tensor) -> Tensor:
        size = tuple(images.shape[1:])
        if size not in made:
            made[size] = make(images)
        return made[size](images.contiguous())

    return run


def silent_openvino() -> ModuleType:
    """Import OpenVINO without its telemetry, which reports each import to its makers.

    Returns
    -------
    openvino : module
        It takes the stub that it has for machines without the telemetry's package.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


RUNTIMES: Mapping[str, Runtime] = MappingProxyType(
    {
        "eager": Runtime(_eager, on_gpu=True),
        "compiled": Runtime(_compiled, on_gpu=True, timed=False),
        "openvino": Runtime(_openvino, ("openvino",), "fast"),
        "onnxruntime": Runtime(_onnxruntime, ("onnxruntime", "onnxscript"), "onnx"),
    }
)
"""Runtimes by name."""


_current: RuntimeName = "eager"


def set_runtime(name: RuntimeName) -> None:
    """Choose what runs the trunks that are built from now on, as torch's threads are.

    Parameters
    ----------
    name : str
        One of `RUNTIMES`.

    Raises
    ------
    InputError
        If there is no such runtime, its packages are not installed, or it is one of
        processors and a GPU computes.
    """
    global _current  # noqa: PLW0603  # one for the process: trunks are shared in it
    runtime = choose("runtime", name, RUNTIMES)
    if not runtime.is_there:
        raise InputError(
            f"runtime: expected {' and '.join(runtime.needs)} to be installed for "
            f"{name!r}, got none. Run pip install 'hierclf[{runtime.extra}]' or take "
            "--runtime eager."
        )
    if not runtime.is_usable:
        raise InputError(
            f"runtime: expected one that can use the GPU, got {name!r}. "
            "Take --runtime eager or compiled."
        )
    _current = name


def current_runtime() -> RuntimeName:
    """Give the runtime of trunks that are built now."""
    return _current


def make_runtime(name: RuntimeName, featurizer: Featurizer, dtype: torch.dtype) -> Maps:
    """Build what runs a featurizer's trunk.

    Parameters
    ----------
    name : str
        One of `RUNTIMES`.
    featurizer : Featurizer
        In float32, on the CPU, in evaluation mode.
    dtype : torch.dtype
        Number format.

    Returns
    -------
    maps : callable
        Images ``(n, 1, height, width)`` to maps ``(n, n_channels, h, w)``, float32.
    """
    warn_if_emulated(dtype)
    return RUNTIMES[name].make(featurizer, dtype)
