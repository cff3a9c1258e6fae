"""``hierclf sweep``: every cut point of a bundle on labelled scans."""

from __future__ import annotations

from hierclf.config.commands import SweepOptions
from hierclf.console import parse, run

PURPOSE = (
    "Sweep the cut point of a bundle over labelled scans that it was not trained on. "
    "Changes no bundle; --write-bundle writes a new one with the chosen cut point."
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
        0 when the curve is written.
    """
    options = parse(SweepOptions, "sweep", PURPOSE, argv)
    from hierclf.jobs.sweep import sweep  # torch takes seconds: not before the options

    sweep(options)
    return 0


if __name__ == "__main__":
    raise SystemExit(run(main))
