"""``hierclf shift``: scans of a new ward, without labels."""

from __future__ import annotations

from hierclf.config.shift import ShiftOptions
from hierclf.console import parse, run

PURPOSE = (
    "Estimate the share of diseased scans in a new ward without labels, and show where "
    "the cut point would go - or refuse, where its scans are not like those of "
    "training. Changes no bundle; --write-bundle writes a new one. Exit 3: refused."
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
        0, or 3 where the ward was refused. The page is written in both cases.
    """
    options = parse(ShiftOptions, "shift", PURPOSE, argv)
    from hierclf.jobs.shift import shift  # torch takes seconds: not before the options

    return 3 if shift(options).refused else 0


if __name__ == "__main__":
    raise SystemExit(run(main))
