"""``hierclf score``: a folder of scans to a table of scores, one row each."""

from __future__ import annotations

from hierclf.console import parse, run
from hierclf.scoring.options import ScoreOptions

PURPOSE = (
    "Score every scan below a folder. Each file gets one row, also one that cannot be "
    "read; --resume goes on after an interruption. Exit 3: some files got no score."
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
        0, or 3 where some files got no score.
    """
    options = parse(ScoreOptions, "score", PURPOSE, argv)
    from hierclf.inference.runtimes import current_runtime  # torch: not before options
    from hierclf.scoring.folder import score_folder

    summary = score_folder(options)
    actions = ", ".join(f"{n} {action}" for action, n in summary.n_actions.items())
    whole = f"; no lungs found in {summary.n_whole}, seen whole"
    print(  # noqa: T201
        f"{summary}{f'; {actions}' if actions else ''}"
        f"{whole if summary.n_whole else ''}, by {current_runtime()}: {options.target}"
    )
    return summary.exit_code


if __name__ == "__main__":
    raise SystemExit(run(main))
