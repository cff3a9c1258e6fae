"""``hierclf explain``: where in a scan the evidence for a decision lies."""

from __future__ import annotations

from hierclf.config.explaining import ExplainOptions
from hierclf.console import parse, run

PURPOSE = (
    "Draw maps of the evidence for what a bundle decides: Grad-CAM, Grad-CAM++ and "
    "SCDA of the stage that decided, with contours and boxes. With lesion masks in the "
    "manifest the maps are measured. Exit 3: some scans got no map."
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
        0, or 3 where some scans got no map.
    """
    options = parse(ExplainOptions, "explain", PURPOSE, argv)
    from hierclf.jobs.explain import (
        explain,  # torch takes seconds: not before the options
    )
    from hierclf.reporting.explanation_words import summary_lines

    results = explain(options)
    print("\n".join(summary_lines(results, options.out)))  # noqa: T201
    return 3 if results.n_failed else 0


if __name__ == "__main__":
    raise SystemExit(run(main))
