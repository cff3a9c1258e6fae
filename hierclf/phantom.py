"""``hierclf phantom``: make a cohort of synthetic chest radiographs."""

from __future__ import annotations

from collections.abc import Iterable

from hierclf.console import parse, run
from hierclf.foundation.counting import count
from hierclf.foundation.progress import Progress
from hierclf.synthesis.cohort import PhantomOptions, make_cohort

PURPOSE = (
    "Make phantoms: synthetic chest radiographs, healthy and with stages 1 to 3 of "
    "small opacities, with masks and a manifest. They test software, not medicine."
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
        0 when the cohort is complete.
    """
    options = parse(PhantomOptions, "phantom", PURPOSE, argv)

    def progress(numbers: Iterable[int]) -> Iterable[int]:
        bar: Iterable[int] = Progress(
            numbers, total=options.cases, desc="phantoms", unit="scan"
        )
        return bar

    folder = make_cohort(options, progress)
    print(f"{count(options.cases, 'phantom')}: {folder / 'manifest.csv'}")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(run(main))
