"""``hierclf train``: from labelled scans to a tuned, evaluated, saved cascade."""

from __future__ import annotations

from hierclf.config.commands import TrainOptions
from hierclf.console import announce, parse, run
from hierclf.data.dataset import check_there

PURPOSE = (
    "Train a cascade on labelled scans: a screen, a tuned cut point, a refinement. "
    "Writes figures with intervals, a report and a bundle that scores new scans."
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
        0 when the run is complete.
    """
    options = parse(TrainOptions, "train", PURPOSE, argv)
    check_there(options.data)
    announce("train")
    from hierclf.jobs.train import train  # torch takes seconds: not before the options

    train(options)
    return 0


if __name__ == "__main__":
    raise SystemExit(run(main))
