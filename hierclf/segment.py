"""``hierclf segment``: a network that finds lungs, trained on masks."""

from __future__ import annotations

from hierclf.config.segmenting import SegmentOptions
from hierclf.console import parse, run

PURPOSE = (
    "Train a U-Net on masks of lungs, measure it on held-out patients, and write it "
    "for train --lungs."
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
        0 when the segmenter is complete.
    """
    options = parse(SegmentOptions, "segment", PURPOSE, argv)
    from hierclf.jobs.segment import segment  # torch: not before the options

    about = segment(options)
    print(f"{about.told}: {options.out}")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(run(main))
