"""The page beside an export: how to use it, and what to beware of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hierclf.bundle.self_test import STEP_LEARNERS
from hierclf.bundle.store import Bundle
from hierclf.exporting.graphs import FRAMES
from hierclf.exporting.learner_graphs import TABLE
from hierclf.exporting.options import ExportOptions
from hierclf.exporting.proof import Part
from hierclf.features.readers import leaves_of
from hierclf.metalearners.ordinal import OrdinalClassifier
from hierclf.metalearners.stacking import LEARNED, LEAST, ProbabilityStack

_ONNX = """import numpy as np
import onnxruntime

example = np.load("{stem}-example.npz")
session = onnxruntime.InferenceSession("{file}")
inputs = {{i.name: example["input_" + i.name] for i in session.get_inputs()}}
names = [o.name for o in session.get_outputs()]
for name, found in zip(names, session.run(names, inputs)):
    print(name, found.shape, np.abs(found - example["output_" + name]).max())
"""
_SKOPS = """import numpy as np
import skops.io

example = np.load("{stem}-example.npz")
types = skops.io.get_untrusted_types(file="{file}")
print(types)  # read the list before it is trusted
learner = skops.io.load("{file}", trusted=types)
{ask}
"""
_JOBLIB = """import joblib
import numpy as np

example = np.load("{stem}-example.npz")
learner = joblib.load("{file}")  # runs code: only if you made the file
{ask}
"""
_ASK_TABLE = """print(learner.predict_proba(example["input_features"]))"""
_ASK_SCANS = """print(learner.predict(list(example["input_frames"])))"""
_ASK_ROWS = """print(learner.predict(example["input_features"]))"""

SKOPS = """A skops file is read before anything is built from it. It needs the same
versions of scikit-learn and hierclf."""
PRECISION = """**This graph computes in float32, the bundle in bfloat16.** Scores of
synthetic examples moved by up to {moved:.2g}; on real scans up to 0.24 was seen,
and up to 5 of 100 decisions near a cut point were others. Measure the graph on your
scans before it is used, or train with `--precision float32`, which has no such
difference."""
OUTPUTS = """`screen_score` is the probability of being diseased; `probabilities` are
those of the labels in their order, before any adjustment; `decided` is the position of
the label that was decided on, by the cut point and then by what the bundle decides
stages by. It need not be the most probable label."""
FRAME = """import cv2
import numpy as np

def frame_of(path, side):  # 8-bit PNG or JPEG; 16 bits are divided by 65535
    pixels = cv2.imread(path, cv2.IMREAD_COLOR).astype(np.float32) / 255
    gray = pixels @ np.float32([0.114, 0.587, 0.299])  # blue, green, red
    area = min(gray.shape) >= side
    method = cv2.INTER_AREA if area else cv2.INTER_LINEAR
    return np.clip(cv2.resize(gray, (side, side), interpolation=method), 0, 1)
"""

WARNING = """**Loading a joblib file runs whatever code is in it.** Load it only where
you know who made it and that nobody has touched it since; `export.json` has its
SHA-256. It needs the same versions of Python, scikit-learn and hierclf. ONNX and skops
run no code of the file; ONNX needs none of these."""


STEPS = """A forest, a boosting, a tree and neighbors answer in steps. Where a feature
lies on the edge of one, its last digit decides, and the networks of a graph give
features whose last digits differ from those of the bundle. On equal features trees
gave equal answers for 700,000 random rows; neighbors gave 3 of 50,000 others, by up
to 0.07, where two were equally far, and others again far from all training rows."""


def _has_steps(bundle: Bundle) -> bool:
    stages = (bundle.cascade.screen_, bundle.cascade.refine_)
    members = [leaf for stage in stages for leaf in leaves_of(stage)]
    return any(getattr(member, "learner", "") in STEP_LEARNERS for member in members)


def render_readme(
    parts: Sequence[Part], options: ExportOptions, bundle: Bundle, moved: float
) -> str:
    """Write the page.

    Parameters
    ----------
    parts : sequence of Part
        Of the export.
    options : ExportOptions
        What was asked for.
    bundle : Bundle
        Where it comes from.
    moved : float
        How far scores of examples moved by the precision of the graph.

    Returns
    -------
    text : str
        Markdown with a snippet for each file.
    """
    labels = [str(label) for label in bundle.cascade.hierarchy_.labels]
    phantom = " **It was trained on phantoms: synthetic pictures.**"
    lines = [
        f"# {options.what} as {options.format}",
        "",
        f"From the bundle `{bundle.digest}`, trained on {bundle.info.data.name}."
        + (phantom if bundle.info.data.phantom else ""),
        "Research use; not a medical device.",
        "",
        f"Labels in their order, healthy first: {', '.join(labels)}. A scan is called "
        f"diseased where its screen score is not below {bundle.cascade.cut_point_:g}.",
        "",
    ]
    stages = {"screen": bundle.cascade.screen_, "refine": bundle.cascade.refine_}
    lines += [line for name, stage in stages.items() for line in _made_of(name, stage)]
    stacks = [n for n, s in stages.items() if isinstance(s, ProbabilityStack)]
    combined = {f"{name}.{options.format}" for name in stacks}
    lines += [_about(part, combined=part.file in combined) for part in parts]
    if options.format == "joblib":
        lines += ["", WARNING]
    if options.format == "skops":
        lines += ["", SKOPS]
    if options.what == "cascade" and options.format == "onnx":
        lines += ["", OUTPUTS]
    if moved:
        lines += ["", PRECISION.format(moved=moved)]
    if options.format == "onnx" and _has_steps(bundle):
        lines += ["", STEPS]
    if any(_takes_frames(part) for part in parts):
        told = "Frames from image files (DICOM: after modality and VOI LUT):"
        lines += ["", told, "", "```python", FRAME.rstrip(), "```"]
    for part in parts:
        lines += ["", f"## {part.file}", "", "```python", snippet(part, options), "```"]
    return "\n".join([*lines, ""])


def _made_of(name: str, stage: Any) -> list[str]:
    """Say what a stage is put together from; nothing of a single model."""
    if isinstance(stage, ProbabilityStack):
        return _stacked(name, stage)
    if not isinstance(stage, OrdinalClassifier):
        return []
    if len(stage.rungs_) < len(stage.order_) - 1:
        return [f"The {name} knows the order of the labels.", ""]
    steps = enumerate(stage.order_[:-1])
    told = ", ".join(f"`{name}-{n}` (above {label})" for n, label in steps)
    return [f"The {name} asks of a scan whether it is above a label: {told}.", ""]


def _stacked(name: str, stack: ProbabilityStack) -> list[str]:
    """Say which models a stage is made of, and how."""
    how = {
        LEARNED: "by logistic regression on the logarithms of their probabilities "
        f"(below {LEAST:g} they count as that), model after model",
        "mean": "by the mean of their probabilities",
        "geometric": "by the geometric mean of their probabilities, scaled to sum 1",
    }[stack.combine]
    members = [f"`{name}-{n}` ({told})" for n, (told, _) in enumerate(stack.members)]
    return [f"The {name} combines {', '.join(members)} {how}.", ""]


def _takes_frames(part: Part) -> bool:
    """Whether it is a graph on squares and not a cascade on scans of any size."""
    framed = any(name.startswith(FRAMES) for name in part.inputs)
    return framed and part.file.endswith(".onnx")


def _about(part: Part, *, combined: bool) -> str:
    told = []
    for name, array in part.inputs.items():
        shape = ", ".join(["n", *map(str, array.shape[1:])])
        told.append(f"`{name}` ({shape})")
    text = f"`{part.file}` takes {' and '.join(told)}, float32"
    if _takes_frames(part):
        return (
            f"{text}: the whole scan as gray values in [0, 1] (its largest possible "
            "value is 1, MONOCHROME1 inverted), resized to that square without "
            "keeping the aspect ratio, as shown below."
        )
    if combined:
        return f"{text}: those logarithms; it is the combination alone."
    if TABLE in part.inputs:
        return (
            f"{text}: features as the network of the bundle gives them; "
            "`--what network` writes that."
        )
    return f"{text}: scans of any size as gray values in [0, 1]."


def snippet(part: Part, options: ExportOptions) -> str:
    """Give the lines of Python that run a part on its examples."""
    form = {"onnx": _ONNX, "skops": _SKOPS, "joblib": _JOBLIB}[options.format]
    ask = _ASK_TABLE
    if options.what == "cascade":
        ask = _ASK_SCANS if FRAMES in part.inputs else _ASK_ROWS
    stem = part.file.partition(".")[0]
    return form.format(file=part.file, stem=stem, ask=ask).rstrip()
