"""``hierclf merge``: the rows of all shards of a folder in one table."""

from __future__ import annotations

from hierclf.console import parse, run
from hierclf.foundation.counting import count
from hierclf.scoring.options import MergeOptions

PURPOSE = (
    "Put the shards that hierclf score --shard K/N wrote into one table. A shard that "
    "is missing, unfinished or of another bundle is refused. Exit 3: some files got "
    "no score."
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
    options = parse(MergeOptions, "merge", PURPOSE, argv)
    from hierclf.scoring.merging import merge_shards  # torch: not before the options

    summary = merge_shards(options)
    shards = count(summary.n_shards, "shard")
    print(f"{shards} merged: {summary}: {options.out}")  # noqa: T201
    return summary.exit_code


if __name__ == "__main__":
    raise SystemExit(run(main))
