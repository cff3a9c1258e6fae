"""A segmenter as files: by itself in a folder, or in the bundle of a cascade.

Format 1. ``segmenter.json`` names network, training and Dice, and the SHA-256 of
``segmenter.safetensors``. Pages beside them are for people and are never read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import TypeAdapter
from safetensors.torch import load, save
from torch import Tensor

from hierclf.bundle.container import LARGEST, read_exactly
from hierclf.bundle.learner import refusing_anything
from hierclf.bundle.strict_json import parse, refuse, strict_json, to_json
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import explain_os_error, sha256_bytes
from hierclf.networks.unet import UNet, make_unet
from hierclf.segmentation.about import FORMAT_VERSION, SegmenterAbout
from hierclf.segmentation.segmenter import Segmenter
from hierclf.training.state import fill_module

ABOUT = "segmenter.json"
WEIGHTS = "segmenter.safetensors"
_SCHEMA = TypeAdapter(SegmenterAbout)


def pack_weights(network: UNet) -> bytes:
    """Turn a U-Net into the bytes of a safetensors file.

    Parameters
    ----------
    network : UNet
        Trained.

    Returns
    -------
    content : bytes
        Equal for equal weights.

    Raises
    ------
    InputError
        If a weight is no finite number.
    """
    state = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    if not _is_finite(state):
        raise InputError(
            "segmenter: expected finite weights, got NaN or infinity. Train it again "
            "with a lower --learning-rate."
        )
    return save(state)


def pack_segmenter(segmenter: Segmenter) -> dict[str, bytes]:
    """Turn a segmenter into files.

    Parameters
    ----------
    segmenter : Segmenter
        With a `SegmenterAbout` of its weights.

    Returns
    -------
    files : dict of str to bytes
        ``segmenter.json`` and ``segmenter.safetensors``.

    Raises
    ------
    InputError
        If nothing is known of it, or what is known is of other weights.
    """
    weights, about = pack_weights(segmenter.network), segmenter.about
    if not isinstance(about, SegmenterAbout) or about.weights != sha256_bytes(weights):
        raise InputError(
            "segmenter: expected one with what is known of it, got one without. Take "
            "what hierclf segment wrote."
        )
    return {ABOUT: to_json(ABOUT, about.model_dump(mode="json")), WEIGHTS: weights}


def unpack_segmenter(files: Mapping[str, bytes]) -> Segmenter:
    """Build a segmenter from files that anybody may have written.

    Parameters
    ----------
    files : mapping of str to bytes
        Both files.

    Returns
    -------
    segmenter : Segmenter
        Finds the lungs that the one that was packed finds.

    Raises
    ------
    BundleError
        If anything is wrong with them; nothing in them was executed.
    """
    told = strict_json(ABOUT, files[ABOUT])
    version = told.get("format_version") if isinstance(told, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        rule = f"format version {FORMAT_VERSION} or older"
        raise refuse(ABOUT, rule, version, "Install a newer hierclf.")
    about = parse(ABOUT, files[ABOUT], _SCHEMA)
    digest = sha256_bytes(files[WEIGHTS])
    if digest != about.weights:
        raise refuse(WEIGHTS, f"SHA-256 {about.weights[:16]}", digest[:16])
    with refusing_anything(WEIGHTS, "a safetensors file"):
        tensors: dict[str, Tensor] = load(files[WEIGHTS])
    if not _is_finite(tensors):
        raise refuse(WEIGHTS, "finite weights", "NaN or infinity")
    try:
        with torch.random.fork_rng():  # weights are drawn, only to be replaced
            network = make_unet(about.options.backbone, weights="none")
        fill_module("segmenter", network, tensors)
    except InputError as error:
        raise refuse(ABOUT, "a network that its weights fit", error) from error
    return Segmenter(network, about.options.image_size, about)


def load_segmenter(folder: Path) -> Segmenter:
    """Read the segmenter of a folder that `hierclf segment` wrote.

    Parameters
    ----------
    folder : Path
        What else lies in it is not looked at.

    Returns
    -------
    segmenter : Segmenter
        Verified.

    Raises
    ------
    BundleError
        If it is none, or not what was written.
    ResourceError
        If the system does not let it be read.
    """
    files = {}
    for name in (ABOUT, WEIGHTS):
        path = folder / name
        if not path.is_file() or path.is_symlink():
            advice = "Name the folder that hierclf segment wrote."
            raise refuse(str(folder), f"a segmenter with {name}", "none", advice)
        try:
            size = os.stat(path).st_size
            most = LARGEST[path.suffix]
            if size > most:
                raise refuse(name, f"at most {most} bytes", size)
            files[name] = read_exactly(path, size)
        except OSError as error:
            raise explain_os_error(f"read {path}", error) from error
    return unpack_segmenter(files)


def _is_finite(tensors: Mapping[str, Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
