"""``hierclf check``: what is wrong with a data set, before anything is trained."""

from __future__ import annotations

from hierclf.config.checking import CheckOptions
from hierclf.console import parse, run

PURPOSE = (
    "Look for what would make figures on a data set worthless: scans and patients on "
    "several sides, copies, labels that contradict, shortcuts. Exit code 3 if "
    "something severe is found."
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
        3 where a finding is severe, else 0.
    """
    options = parse(CheckOptions, "check", PURPOSE, argv)
    from hierclf.jobs.check import check  # heavy libraries: not before the options

    return check(options)


if __name__ == "__main__":
    raise SystemExit(run(main))
