"""What can be said of a network without torch, which takes seconds to import."""

from __future__ import annotations

from typing import Literal

TrainedPart = Literal["head", "last", "all"]
"""Which parameters learn: the head, the head and the last block, or all."""

Precision = Literal["auto", "float32", "bfloat16"]
"""``auto`` is bfloat16 where the processor is faster in it."""

OutputLayer = Literal["softmax", "ordered"]
"""One logit for each class, or one for each step between classes in their order."""

RuntimeName = Literal["eager", "compiled", "openvino", "onnxruntime"]
"""What runs a trunk, see `hierclf.inference.runtimes`."""

RuntimeChoice = Literal["auto", "eager", "compiled", "openvino", "onnxruntime"]
"""``auto`` is the fastest one on this machine that agrees with ``eager``."""
