"""Backbones by name: the networks of the sources, and any of timm's.

A backbone turns images into a feature map. torchvision's networks are taken
where a source names them, because their weights are the published ones; all
others come from timm. ``efficientnet_lite0`` is the default: its ImageNet
weights are installed with the package, so that it works behind a firewall. Those of
its two larger sisters are packages too (``hierclf[lite]``): a stack of several
networks needs no download either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import timm
import torch
from torch import Tensor, nn
from torchvision import models

from hierclf.foundation.choices import choose, nearest
from hierclf.foundation.errors import InputError
from hierclf.networks import weights as sources
from hierclf.networks.attention import ATTENTION
from hierclf.networks.small_cnn import SIDE, WIDTHS, small_cnn, small_cnn_layers

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
State = dict[str, Tensor]


@dataclass(frozen=True)
class Backbone:
    """A trunk and what is needed to feed and to top it.

    Parameters
    ----------
    name : str
        As the user wrote it.
    trunk : torch.nn.Module
        Images ``(n, n_inputs, height, width)`` to maps ``(n, channels, h, w)``.
    n_channels : int
        Channels of the map.
    pool_size : int
        Side of the pooled map that the network's own head wants; 1 is GAP.
    own_layers : torch.nn.Sequential or None
        What the network's own head has before its last linear layer.
    mean, std : tuple of float, length n_inputs
        Normalization of the weights: of three channels, or of gray alone.
    """

    name: str
    trunk: nn.Module
    n_channels: int
    pool_size: int
    own_layers: nn.Sequential | None
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


def _resnet(model: nn.Module) -> nn.Sequential:
    return nn.Sequential(*list(model.children())[:-2])


def _features(model: nn.Module) -> nn.Module:
    return model.get_submodule("features")


def _densenet(model: nn.Module) -> nn.Sequential:
    return nn.Sequential(*_features(model).children(), nn.ReLU(inplace=True))


def _inception(model: nn.Module) -> nn.Sequential:
    outside = {"AuxLogits", "avgpool", "dropout", "fc"}
    kept = [child for name, child in model.named_children() if name not in outside]
    return nn.Sequential(*kept)


def _convolutional_head(model: nn.Module) -> nn.Sequential:
    layers = list(model.get_submodule("classifier").children())
    return nn.Sequential(*layers[:-1])


@dataclass(frozen=True)
class _Recipe:
    n_channels: int
    cut: Callable[[nn.Module], nn.Module]
    pool_size: int = 1
    own_layers: Callable[[nn.Module], nn.Sequential] | None = None
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD


TORCHVISION: Mapping[str, _Recipe] = MappingProxyType(
    {
        "alexnet": _Recipe(256, _features, 6, _convolutional_head),
        "vgg16": _Recipe(512, _features, 7, _convolutional_head),
        "vgg19": _Recipe(512, _features, 7, _convolutional_head),
        "resnet18": _Recipe(512, _resnet),
        "resnet34": _Recipe(512, _resnet),
        "resnet50": _Recipe(2048, _resnet),
        "resnet152": _Recipe(2048, _resnet),
        "densenet121": _Recipe(1024, _densenet),
        "densenet169": _Recipe(1664, _densenet),
        "inception_v3": _Recipe(2048, _inception, mean=HALF, std=HALF),
        "mobilenet_v2": _Recipe(1280, _features),
    }
)
"""torchvision's networks that the sources use, by torchvision's names."""


def _small_cnn() -> Backbone:
    layers = small_cnn_layers()
    return Backbone("small_cnn", small_cnn(), WIDTHS[-1], SIDE, layers, (0.5,), (0.5,))


def _pixels() -> Backbone:
    return Backbone("pixels", nn.Identity(), 1, PIXELS_SIDE, None, (0.0,), (1.0,))


PIXELS_SIDE = 32
WITHOUT_WEIGHTS: Mapping[str, Callable[[], Backbone]] = MappingProxyType(
    {"small_cnn": _small_cnn, "pixels": _pixels}
)
"""Networks that nobody has weights for: Li 2023's, and none at all.

``pixels`` has no layer: its features are the gray values of a scan of 32 x 32, which a
learner may be tried on as a baseline.
"""


def backbone_names() -> tuple[str, ...]:
    """List the names that work without timm's catalogue."""
    return (*sources.LITES, *TORCHVISION, *WITHOUT_WEIGHTS)


def make_backbone(
    name: str, *, weights: str = "imagenet", weights_dir: Path | None = None
) -> Backbone:
    """Build a backbone and give it its weights.

    Parameters
    ----------
    name : str
        One of `backbone_names`, or a convolutional network of timm. Behind a ResNet
        of torchvision may stand ``+se`` or ``+cbam``, see
        `hierclf.networks.attention`.
    weights : str, default="imagenet"
        ``imagenet``, ``none`` (random, from torch's global generator), or a
        path to the state dict of the whole network or of a trunk in a bundle.
        Attention is random but in the latter, and so are the two networks that have
        no weights.
    weights_dir : Path, optional
        Folder to look into before asking the network for ``imagenet``.

    Returns
    -------
    backbone : Backbone
        In training mode, on the CPU, float32.

    Raises
    ------
    InputError
        If the name is unknown, the weights cannot be had or do not fit.
    """
    state = _given_state(name, weights, weights_dir)
    trunk = None if state is None else sources.trunk_in(state)
    if trunk is not None:
        bare = make_backbone(name, weights="none")
        sources.fill(bare.trunk, trunk, f"the trunk {weights}")
        return bare
    plain, plus, kind = name.partition("+")
    if plus:
        return _with_attention(_make(plain, weights, state), kind)
    return _make(name, weights, state)


def _make(name: str, weights: str, state: State | None) -> Backbone:
    if name in WITHOUT_WEIGHTS:
        return _make_weightless(name, weights)
    if name in TORCHVISION:
        return _make_torchvision(name, weights, state)
    return _make_timm(name, weights, state)


def _make_weightless(name: str, weights: str) -> Backbone:
    backbone = WITHOUT_WEIGHTS[name]()
    if weights != "none" and list(backbone.trunk.parameters()):
        raise InputError(
            f"weights: expected none beside {name!r}, got {weights!r}. Nobody has "
            "weights for it: train it whole, --weights none --part all."
        )
    return backbone


def _with_attention(backbone: Backbone, kind: str) -> Backbone:
    add = choose("backbone, attention", kind, ATTENTION)
    if not backbone.name.startswith("resnet") or backbone.name not in TORCHVISION:
        raise InputError(
            f"backbone: expected a ResNet of torchvision before '+{kind}', got "
            f"{backbone.name!r}. Take resnet50+{kind}."
        )
    trunk = add(cast(nn.Sequential, backbone.trunk))
    return replace(backbone, name=f"{backbone.name}+{kind}", trunk=trunk)


def _make_torchvision(name: str, weights: str, state: State | None) -> Backbone:
    recipe = TORCHVISION[name]
    extra = {"init_weights": True} if name == "inception_v3" else {}
    model = models.get_model(name, weights=None, **extra)
    if state is not None:
        sources.fill(model, state, f"the weights of {name}")
    elif weights == "imagenet":
        sources.fill(model, sources.torchvision_imagenet(name), "torchvision's file")
    own = recipe.own_layers(model) if recipe.own_layers else None
    return Backbone(
        name,
        recipe.cut(model),
        recipe.n_channels,
        recipe.pool_size,
        own,
        recipe.mean,
        recipe.std,
    )


def _given_state(name: str, weights: str, folder: Path | None) -> State | None:
    if weights not in {"imagenet", "none"}:
        return sources.read_state(Path(weights))
    if weights == "imagenet" and folder is not None:
        path = sources.local_weights(folder, name.partition("+")[0])
        return sources.read_state(path) if path else None
    return None


def timm_name(name: str) -> str:
    """Give the name by which timm knows a backbone."""
    return f"tf_{name}" if name in sources.LITES else name


def timm_backbone(name: str, weights: str, folder: Path | None) -> Backbone:
    """Build a backbone of timm, also where torchvision has one of that name.

    Parameters
    ----------
    name : str
        A convolutional network of timm, or one of `weights.LITES`.
    weights : str
        See `make_backbone`.
    folder : Path or None
        See `make_backbone`.

    Returns
    -------
    backbone : Backbone
        Its trunk is timm's network without a classifier.

    Raises
    ------
    InputError
        If the name is unknown, the weights cannot be had or do not fit.
    """
    return _make_timm(name, weights, _given_state(name, weights, folder))


def _make_timm(name: str, weights: str, state: State | None) -> Backbone:
    architecture = timm_name(name)
    if not timm.is_model(architecture):
        known = (*backbone_names(), *timm.list_models(f"{name[:3]}*"))
        raise InputError(
            f"backbone: expected one of {', '.join(backbone_names())} or a name of "
            f"timm, got {name!r}. {nearest(name, known)}"
        )
    model: Any = timm.create_model(architecture, pretrained=False)
    if state is None and weights == "imagenet":
        state = _timm_imagenet(name)
    if state is not None:
        sources.fill(model, state, f"the weights of {name}")
    model.reset_classifier(0, "")
    n_channels = _count_channels(name, model)
    mean, std = model.pretrained_cfg["mean"], model.pretrained_cfg["std"]
    return Backbone(name, model, n_channels, 1, None, tuple(mean), tuple(std))


def _timm_imagenet(name: str) -> dict[str, Tensor]:
    if name in sources.LITES:
        return sources.packaged(name)
    try:
        model = timm.create_model(name, pretrained=True)
    except (OSError, RuntimeError) as error:
        raise sources.missing_weights(name, f"{name}.safetensors") from error
    return dict(model.state_dict())


def _count_channels(name: str, model: Any) -> int:
    training = model.training
    size = model.pretrained_cfg["input_size"]
    with torch.inference_mode():
        shape = model.eval()(torch.zeros(1, *size)).shape
    model.train(training)
    if len(shape) != 4 or shape[2] != shape[3]:
        raise InputError(
            f"backbone: expected a convolutional network, got {name!r} whose output "
            f"has shape {tuple(shape)}. Choose one that gives maps, e.g. resnet18."
        )
    return int(shape[1])


def last_blocks(trunk: nn.Module, n_last: int) -> list[nn.Module]:
    """List the modules from the n-th last convolutional block to the output.

    Parameters
    ----------
    trunk : torch.nn.Module
        As `make_backbone` gives it. Its blocks are its children, a child that
        is a plain sequence replaced by its parts.
    n_last : int, at least 1
        How many blocks that hold a convolution.

    Returns
    -------
    modules : list of torch.nn.Module
        These blocks and whatever stands between and behind them, such as a
        normalization.
    """
    parts: list[nn.Module] = []
    for child in trunk.children():
        parts.extend(child.children() if type(child) is nn.Sequential else [child])
    convolutional = [
        place
        for place, part in enumerate(parts)
        if any(isinstance(module, nn.Conv2d) for module in part.modules())
    ]
    return parts[convolutional[-min(n_last, len(convolutional))] :]
