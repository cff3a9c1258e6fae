"""``hierclf evaluate``: figures and a report of a bundle on labelled scans."""

from __future__ import annotations

from hierclf.config.commands import EvaluateOptions
from hierclf.console import parse, run

PURPOSE = (
    "Measure a bundle on labelled scans that it was not trained on: figures with "
    "intervals by patient, predictions, a report."
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
        0 when the report is written.
    """
    options = parse(EvaluateOptions, "evaluate", PURPOSE, argv)
    from hierclf.jobs.evaluate import (
        evaluate,  # torch takes seconds: not before the options
    )

    evaluate(options)
    return 0


if __name__ == "__main__":
    raise SystemExit(run(main))
