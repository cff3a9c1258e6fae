"""What of a folder has been scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from hierclf.scoring.options import ScoreSummary
from hierclf.scoring.rows import Row, RowFormat


@dataclass
class Counts:
    """Rows of a file, counted as they are written.

    Parameters
    ----------
    codes : Counter
        How many have which code; '' is that of a score.
    actions : Counter
        How many have which action of the guards.
    n_whole : int
        In how many no lungs were found, where they are cut out.
    n_listed : int
        Scans that were found in the folder, those of other shards too.
    """

    codes: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    n_whole: int = 0
    n_listed: int = 0

    def add(self, rows: Sequence[Row], form: RowFormat) -> None:
        """Count rows."""
        self.codes.update(row[2] for row in rows)
        self.actions.update(map(form.action_of, rows))
        self.n_whole += sum(map(form.is_whole, rows))

    def summary(self, *, n_earlier: int, digest: str) -> ScoreSummary:
        """Sum up.

        Parameters
        ----------
        n_earlier : int
            Rows that an earlier run had written.
        digest : str
            Of the bundle.

        Returns
        -------
        summary : ScoreSummary
            Codes and actions in the order of their names.
        """
        return ScoreSummary(
            n_ok=self.codes[""],
            n_failed={code: n for code, n in sorted(self.codes.items()) if code},
            n_actions={name: n for name, n in sorted(self.actions.items()) if name},
            n_whole=self.n_whole,
            n_earlier=n_earlier,
            digest=digest,
        )
