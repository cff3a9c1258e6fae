"""What scores scans, on whatever engine: files in, rows out, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch

from hierclf.bundle.store import load_bundle
from hierclf.loading.scans import read_ahead
from hierclf.scoring.batch import rows_of
from hierclf.scoring.options import ScoreOptions
from hierclf.scoring.passes import batches, pass_size
from hierclf.scoring.reading import make_reader, refuse_tables
from hierclf.scoring.rows import Row, RowFormat


class Worker:
    """A bundle that was read, and what it is to do.

    Parameters
    ----------
    options : ScoreOptions
        The bundle, the folder that names are relative to, batch size and threads.

    Attributes
    ----------
    digest : str
        Of the bundle, 64 hexadecimal digits.
    form : RowFormat
        How its rows look.
    batch_size : int
        Scans that are written together: those that were asked for, rounded up to whole
        passes.

    Raises
    ------
    BundleError
        If the bundle is refused.
    InputError
        If it does not look at scans.
    """

    def __init__(self, options: ScoreOptions) -> None:
        if options.threads is not None:
            torch.set_num_threads(options.threads)
        self._bundle = load_bundle(options.bundle)
        cascade = self._bundle.cascade
        refuse_tables(cascade)
        self.digest = self._bundle.digest
        self.form = RowFormat(
            cascade.hierarchy_,
            self.digest,
            self._bundle.guards.columns,
            lungs=self._bundle.lungs is not None,
        )
        self._read = make_reader(cascade, options.input)
        self._size = pass_size(cascade, options.batch_size)
        self.batch_size = self._size * -(-options.batch_size // self._size)

    def rows(self, paths: Iterable[Path]) -> Iterator[list[Row]]:
        """Score scans, read ahead by threads.

        Parameters
        ----------
        paths : iterable of Path
            Below the folder; drawn from as rows are taken.

        Yields
        ------
        rows : list of list of str
            Those of a batch.
        """
        readings = read_ahead(self._read, paths)
        for batch in batches(readings, self.batch_size):
            yield rows_of(batch, self._bundle, self.form, self._size)
