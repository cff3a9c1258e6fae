"""From a bundle to files for other software."""

from __future__ import annotations

from importlib.util import find_spec

from hierclf.exporting.options import ExportOptions
from hierclf.foundation.errors import InputError

_NEEDED = ("onnx", "onnxruntime", "onnxscript", "skl2onnx")


def run_export(options: ExportOptions) -> list[str]:
    """Export, and tell what came out.

    Parameters
    ----------
    options : ExportOptions
        What, in which form, where to.

    Returns
    -------
    lines : list of str
        For the terminal.

    Raises
    ------
    InputError
        If the libraries for it are not installed, or the export fails.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise InputError(
            f"export: expected the packages {', '.join(_NEEDED)}, got none of the name "
            f"{missing[0]}. Install them: pip install 'hierclf[onnx]'."
        )
    from hierclf.exporting.package import export  # only where they are installed

    found = export(options)
    origin = "the bundle in float32" if found.moved else "the bundle"
    lines = [
        f"{options.out / name}: equal to {origin} within {difference:.1g}"
        for name, difference in found.differences.items()
    ]
    if found.moved:
        lines.append(
            "It computes in float32 and the bundle in bfloat16: scores of examples "
            f"moved by up to {found.moved:.2g}, those of scans may move further. "
            "Measure it before it is used."
        )
    if options.format == "joblib":
        lines.append("joblib: loading this file runs code; see README.md beside it.")
    return [*lines, f"how to use it: {options.out / 'README.md'}"]
