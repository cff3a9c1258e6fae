"""What scores scans, on whatever engine: files in, rows out, in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from hierclf.bundle.machine import load_for_machine
from hierclf.bundle.store import Bundle
from hierclf.foundation.errors import InputError
from hierclf.inference.runtimes import set_runtime
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
        The bundle, the folder that names are relative to, batch size, threads, runtime.
    bundle : Bundle, optional
        The bundle, where it was loaded before.

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
        If it does not look at scans, or needs the stages of healthy ones, too.
    """

    def __init__(self, options: ScoreOptions, bundle: Bundle | None = None) -> None:
        self._bundle = bundle or load_for_machine(
            options.bundle, runtime=options.runtime, threads=options.threads
        )
        set_runtime(self._bundle.runtime)  # of networks that are built now, too
        cascade = self._bundle.cascade
        refuse_tables(cascade)
        refine_healthy = options.refine == "all"
        if not refine_healthy and self._bundle.guards.deferral is not None:
            raise InputError(
                "refine: expected all beside a bundle that sends scans to a reader, "
                "got diseased. That is decided by all probabilities; leave it out."
            )
        self.digest = self._bundle.digest
        self.form = RowFormat(
            cascade.hierarchy_,
            self.digest,
            self._bundle.runtime,
            self._bundle.guards.columns,
            lungs=self._bundle.lungs is not None,
            refine_healthy=refine_healthy,
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
