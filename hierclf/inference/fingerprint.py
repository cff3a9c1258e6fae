"""The digest of a trunk's weights, kept with the trunk as long as no tensor changes.

Whether one has changed is read from where it lies, from PyTorch's count of the writes
to it, and from the first values of some: fused optimizers write without counting, and
write all. A write of single values past the count, through ``tensor.data`` or NumPy, is
not seen: nothing here does so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
from torch import Tensor, nn

Stamp = tuple[object, ...]
_SAMPLE, _EVERY = 16, 8


@dataclass
class _Kept:
    """Digests of one state of a module.

    Its tensors are held, so that no other can come to lie in their place.
    """

    stamp: Stamp
    tensors: Mapping[str, Tensor]
    digests: dict[bytes, str] = field(default_factory=dict)


_KEPT: WeakKeyDictionary[nn.Module, _Kept] = WeakKeyDictionary()


def fingerprint(told: bytes, module: nn.Module) -> str:
    """Hash what is told of a module, what it is made of, and its weights.

    Parameters
    ----------
    told : bytes
        What else the digest stands for.
    module : torch.nn.Module
        On the CPU or not.

    Returns
    -------
    digest : str
        64 hexadecimal digits.
    """
    tensors, built = module.state_dict(), repr(module)
    if any(tensor.is_inference() for tensor in tensors.values()):
        return _hashed(told, built, tensors)  # nobody counts the writes to these
    some = list(tensors.values())[::_EVERY]
    stamp = (built, *map(_stamp_of, tensors.items()), *map(_first, some))
    kept = _KEPT.get(module)
    if kept is None or kept.stamp != stamp:
        kept = _KEPT[module] = _Kept(stamp, tensors)
    if told not in kept.digests:
        kept.digests[told] = _hashed(told, built, tensors)
    return kept.digests[told]


def _stamp_of(named: tuple[str, Tensor]) -> Stamp:
    name, one = named
    place = (one.device, one.data_ptr(), one.stride())
    return name, one._version, one.dtype, tuple(one.shape), *place


def _first(tensor: Tensor) -> bytes:
    """Give the values that lie first, in whatever order of the axes."""
    n_values = min(_SAMPLE, tensor.numel())
    return tensor.as_strided((n_values,), (1,)).cpu().numpy().tobytes()


def _hashed(told: bytes, built: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(told)
    digest.update(built.encode())
    for name, tensor in tensors.items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()
