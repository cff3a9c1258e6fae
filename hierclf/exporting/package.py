"""An export: its files, examples, and what is known of it, in one folder."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hierclf.bundle.info import current_versions
from hierclf.bundle.store import Bundle, load_bundle
from hierclf.exporting.exact import in_single_precision, moved_by_precision
from hierclf.exporting.options import ExportOptions
from hierclf.exporting.parts import (
    cascade_part,
    example_scans,
    meta_parts,
    network_parts,
)
from hierclf.exporting.proof import Part, prove
from hierclf.exporting.readme import render_readme
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import (
    check_new,
    new_folder,
    sha256_bytes,
    write_bytes,
    write_json,
    write_text,
)

EXPORT = "export.json"


@dataclass(frozen=True)
class Exported:
    """What became of an export.

    Parameters
    ----------
    differences : dict of str to float
        By the name of the file, how far its numbers were at most from those of what
        it was made of.
    moved : float
        How far scores of examples moved since the graph computes in float32 and the
        bundle does not; 0 where both do.
    """

    differences: dict[str, float]
    moved: float


def export(options: ExportOptions) -> Exported:
    """Write a part of a bundle for other software, or nothing.

    Parameters
    ----------
    options : ExportOptions
        Which part, in which form.

    Returns
    -------
    exported : Exported
        What the proof found.

    Raises
    ------
    InputError
        If `out` lies in the bundle, the bundle has no such part, the form cannot
        hold it, what was written does not compute the same, or the bundle computes in
        bfloat16 and the graph may not compute in float32.
    BundleError
        If the bundle is refused.
    """
    _keep_apart(options)
    check_new(options.out, overwrite=options.overwrite, mark=EXPORT)
    bundle = load_bundle(options.bundle)
    parts, moved = make_parts(bundle, options)
    found = Exported({part.file: prove(part) for part in parts}, moved)
    with new_folder(options.out, overwrite=options.overwrite, mark=EXPORT) as folder:
        for part in parts:
            write_bytes(folder / part.file, part.content)
            write_bytes(folder / example_of(part), _as_npz(part))
        told = _describe(bundle, options, parts, found)
        write_json(folder / EXPORT, told)
        page = render_readme(parts, options, bundle, moved)
        write_text(folder / "README.md", page)
    return found


def _keep_apart(options: ExportOptions) -> None:
    bundle, out = options.bundle.resolve(), options.out.resolve()
    if bundle == out or bundle in out.parents or out in bundle.parents:
        raise InputError(
            f"out: expected a folder apart from the bundle, got {options.out}. A "
            "bundle holds nothing but its own files: choose another --out."
        )


def make_parts(bundle: Bundle, options: ExportOptions) -> tuple[list[Part], float]:
    """Make the files of an export, without writing them, and tell what moved."""
    cascade = bundle.cascade
    if bundle.lungs is not None:
        raise InputError(
            "export: expected a bundle that sees whole frames, got one that cuts out "
            "lungs: the cleaning of their masks (largest parts, holes) has no graph. "
            "Score with hierclf, or train without --lungs."
        )
    if options.what == "meta":
        return meta_parts(cascade, options.format), 0.0
    if options.format != "onnx":
        return [cascade_part(cascade, options.format)], 0.0
    exact = in_single_precision(cascade)
    moved = moved_by_precision(cascade, exact, example_scans())
    if moved > 0 and not options.single_precision:
        raise InputError(
            "export: expected a bundle that computes in float32, as its graph would, "
            f"got bfloat16: scores of examples would move by up to {moved:.2g}, and "
            "decisions near the cut point with them. Train with --precision float32, "
            "or pass --single-precision."
        )
    if options.what == "network":
        return network_parts(exact), moved
    return [cascade_part(exact, options.format)], moved


def example_of(part: Part) -> str:
    """Name the file with the examples of a part."""
    return f"{part.file.partition('.')[0]}-example.npz"


def _as_npz(part: Part) -> bytes:
    stream = io.BytesIO()
    arrays = {f"input_{name}": array for name, array in part.inputs.items()}
    arrays |= {f"output_{name}": array for name, array in part.expected.items()}
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _describe(
    bundle: Bundle,
    options: ExportOptions,
    parts: Sequence[Part],
    found: Exported,
) -> dict[str, object]:
    cascade = bundle.cascade
    return {
        "what": options.what,
        "format": options.format,
        "bundle": bundle.digest,
        "data": bundle.info.data.name,
        "phantom": bundle.info.data.phantom,
        "labels": [str(label) for label in cascade.hierarchy_.labels],
        "cut_point": cascade.cut_point_,
        "moved_by_precision": found.moved,
        "versions": current_versions(),
        "files": {
            part.file: {
                "sha256": sha256_bytes(part.content),
                "inputs": {n: list(a.shape[1:]) for n, a in part.inputs.items()},
                "outputs": {n: list(a.shape[1:]) for n, a in part.expected.items()},
                "difference": found.differences[part.file],
                "n_examples": len(next(iter(part.inputs.values()))),
            }
            for part in parts
        },
    }
