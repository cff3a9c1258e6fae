"""Runtimes: what runs a trunk on this machine.

A runtime is a matter of the machine, as the number of threads is: a bundle does not
name one. All of them compute the same network in the same number format, but sum in
another order, so last digits differ; `hierclf.inference.trials` keeps none that differs
by more than rounding does.

OpenVINO (Apache-2.0, a release every few weeks) is the fastest on CPUs that we have
measured: EfficientNet-Lite0 at 256 pixels in bfloat16 at four times the speed of torch,
DenseNet121 at twice. ONNX Runtime (MIT) knows float32 only, which it computes faster
than torch does bfloat16. ``compiled`` (torch.compile) is twice as fast as torch, but
takes a minute to compile and half of one for each further size of a batch; so it is
run where it is asked for, and ``auto`` does not try it.
"""

from __future__ import annotations

import copy
import importlib.util
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType

import torch
from torch import Tensor, nn

from hierclf.foundation.choices import choose
from hierclf.foundation.errors import InputError
from hierclf.inference.precision import default_device
from hierclf.networks.choices import RuntimeName
from hierclf.networks.network import Featurizer

Maps = Callable[[Tensor], Tensor]
"""Images ``(n, 1, height, width)`` in [0, 1], on the device, to maps of the trunk."""


@dataclass(frozen=True)
class Runtime:
    """A way to run a trunk.

    Parameters
    ----------
    make : callable
        Featurizer (float32, on the CPU; it is not changed) and number format to maps.
    needs : str, default=""
        Package that must be there.
    extra : str, default=""
        Extra of hierclf that installs it.
    on_gpu : bool, default=False
        Whether it can use a GPU.
    timed : bool, default=True
        Whether ``auto`` tries it.
    """

    make: Callable[[Featurizer, torch.dtype], Maps]
    needs: str = ""
    extra: str = ""
    on_gpu: bool = False
    timed: bool = True

    @property
    def is_there(self) -> bool:
        """Whether its package is installed."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None


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
    openvino = silent_openvino()
    threads = torch.get_num_threads()
    core = openvino.Core()
    hints = {
        "INFERENCE_PRECISION_HINT": "bf16" if dtype is torch.bfloat16 else "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
    }

    def make(images: Tensor) -> Maps:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tracing: that sizes are constants
            model = openvino.convert_model(
                _MapsOnly(featurizer), example_input=images[:1]
            )
        model.reshape([-1, *images.shape[1:]])
        request = core.compile_model(model, "CPU", hints).create_infer_request()

        def run(batch: Tensor) -> Tensor:
            found = request.infer([batch.numpy()], share_inputs=True)
            return torch.from_numpy(found[0])

        return run

    return _made_for_each_size(make)


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
        "openvino": Runtime(_openvino, "openvino", "fast"),
        "onnxruntime": Runtime(_onnxruntime, "onnxruntime", "onnx"),
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
        If there is no such runtime, or its package is not installed.
    """
    global _current  # noqa: PLW0603  # one for the process: trunks are shared in it
    runtime = choose("runtime", name, RUNTIMES)
    if not runtime.is_there:
        raise InputError(
            f"runtime: expected {runtime.needs} to be installed for {name!r}, got "
            f"none. Run pip install 'hierclf[{runtime.extra}]' or take --runtime eager."
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
    return RUNTIMES[name].make(featurizer, dtype)
