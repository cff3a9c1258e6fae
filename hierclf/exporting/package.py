"""An export: its files, examples, and what is known of it, in one folder."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from hierclf.bundle.info import current_versions
from hierclf.bundle.store import Bundle, load_bundle
from hierclf.exporting.exact import in_single_precision
from hierclf.exporting.options import ExportOptions
from hierclf.exporting.parts import cascade_part, meta_parts, network_parts
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


def export(options: ExportOptions) -> dict[str, float]:
    """Write a part of a bundle for other software, or nothing.

    Parameters
    ----------
    options : ExportOptions
        Which part, in which form.

    Returns
    -------
    differences : dict of str to float
        By the name of the file, how far its numbers were at most from those of the
        bundle in single precision.

    Raises
    ------
    InputError
        If `out` lies in the bundle, the bundle has no such part, the form cannot
        hold it, or what was written does not compute the same.
    BundleError
        If the bundle is refused.
    """
    _keep_apart(options)
    check_new(options.out, overwrite=options.overwrite, mark=EXPORT)
    bundle = load_bundle(options.bundle)
    parts = make_parts(bundle, options)
    differences = {part.file: prove(part) for part in parts}
    with new_folder(options.out, overwrite=options.overwrite, mark=EXPORT) as folder:
        for part in parts:
            write_bytes(folder / part.file, part.content)
            write_bytes(folder / example_of(part), _as_npz(part))
        told = _describe(bundle, options, parts, differences)
        write_json(folder / EXPORT, told)
        write_text(folder / "README.md", render_readme(parts, options, bundle))
    return differences


def _keep_apart(options: ExportOptions) -> None:
    bundle, out = options.bundle.resolve(), options.out.resolve()
    if bundle == out or bundle in out.parents or out in bundle.parents:
        raise InputError(
            f"out: expected a folder apart from the bundle, got {options.out}. A "
            "bundle holds nothing but its own files: choose another --out."
        )


def make_parts(bundle: Bundle, options: ExportOptions) -> list[Part]:
    """Make the files of an export, without writing them."""
    cascade = in_single_precision(bundle.cascade)
    if options.what == "network":
        return network_parts(cascade)
    if options.what == "meta":
        return meta_parts(cascade, options.format)
    return [cascade_part(cascade, options.format)]


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
    differences: dict[str, float],
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
        "versions": current_versions(),
        "files": {
            part.file: {
                "sha256": sha256_bytes(part.content),
                "inputs": {n: list(a.shape[1:]) for n, a in part.inputs.items()},
                "outputs": {n: list(a.shape[1:]) for n, a in part.expected.items()},
                "difference": differences[part.file],
                "n_examples": len(next(iter(part.inputs.values()))),
            }
            for part in parts
        },
    }
