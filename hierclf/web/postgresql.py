"""PostgreSQL that may fall silent: psycopg itself would wait for ever."""

from __future__ import annotations

from math import inf
from time import monotonic
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.abc import RV, PQGen


class Impatient(Connection[Any]):
    """A connection that is closed where the server says nothing for too long.

    Attributes
    ----------
    answer_s : float
        Seconds of silence that are borne.
    """

    answer_s: float = inf

    def wait(self, gen: PQGen[RV], *told: Any, **named: Any) -> RV:
        """Wait for what psycopg waits for, but no longer."""
        return super().wait(self._in_time(gen), *told, **named)

    def _in_time(self, gen: PQGen[RV]) -> PQGen[RV]:
        until = monotonic() + self.answer_s
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    until = monotonic() + self.answer_s
                elif monotonic() > until:
                    self.close()
                    raise OperationalError("the server is silent")
                wanted = gen.send(ready)
        except StopIteration as end:
            result: RV = end.value
            return result
