"""``hierclf export``: a bundle, or a part of it, for other software."""

from __future__ import annotations

from hierclf.console import parse, run
from hierclf.exporting.options import ExportOptions

PURPOSE = (
    "Write learners, networks or a whole cascade as ONNX, skops or joblib. What was "
    "written is run and compared with the bundle; where they differ, nothing stays."
)


def main(argv: list[str]) -> int:
    """Run the command.

    Parameters
    ----------
    argv : list of str
        Arguments after the verb.

    Returns
    -------
    code : int
        0.
    """
    options = parse(ExportOptions, "export", PURPOSE, argv)
    from hierclf.jobs.export import run_export  # torch: not before the options

    for line in run_export(options):
        print(line)  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(run(main))
