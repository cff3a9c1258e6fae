"""What an export is made of, and the proof that it computes the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from hierclf.foundation.errors import InputError

Arrays = Mapping[str, NDArray[np.generic]]
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Part:
    """One file of an export.

    Parameters
    ----------
    file : str
        Its name.
    content : bytes
        All of it.
    inputs : mapping of str to ndarray
        Examples.
    expected : mapping of str to ndarray
        What the original makes of them.
    run : callable
        Content and inputs to what the file makes of them.
    """

    file: str
    content: bytes
    inputs: Arrays
    expected: Arrays
    run: Callable[[bytes, Arrays], Arrays]


def run_onnx(content: bytes, inputs: Arrays) -> Arrays:
    """Run a graph on the CPU.

    Parameters
    ----------
    content : bytes
        An ONNX model.
    inputs : mapping of str to ndarray
        By the names of its inputs.

    Returns
    -------
    outputs : dict of str to ndarray
        By the names of its outputs.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def prove(part: Part) -> float:
    """Run a part on its examples and compare.

    Parameters
    ----------
    part : Part
        As it will be written.

    Returns
    -------
    difference : float
        The largest of any number, in probability or in the unit of a feature.

    Raises
    ------
    InputError
        If it is above `TOLERANCE` (for features, times their largest size), or a
        decision is another.
    """
    try:
        found = part.run(part.content, part.inputs)
    except Exception as error:  # whatever a library raises at a graph of another
        raise _unequal(part, "a file that can be run", type(error).__name__) from error
    worst = 0.0
    for name, expected in part.expected.items():
        got = np.asarray(found[name])
        if got.shape != expected.shape:
            raise _unequal(part, f"{name} of shape {expected.shape}", str(got.shape))
        if np.issubdtype(expected.dtype, np.floating):
            wanted = expected.astype(np.float64)
            size = max(1.0, float(np.abs(wanted).max()))
            moved = float(np.abs(got.astype(np.float64) - wanted).max()) / size
            if not moved <= TOLERANCE:
                rule = f"{name} within {TOLERANCE:g} of the original"
                raise _unequal(part, rule, f"a difference of {moved:.2g}")
            worst = max(worst, moved)
        elif (got != expected).any():
            raise _unequal(part, f"the decisions in {name}", "others")
    return worst


def _unequal(part: Part, rule: str, got: str) -> InputError:
    return InputError(
        f"export, {part.file}: expected {rule}, got {got}. Nothing was written; take "
        "another --format, or another learner."
    )
