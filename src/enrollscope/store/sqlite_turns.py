"""Reads on the event loop itself, for what costs less than handing it to a thread."""

import asyncio
import time
from collections.abc import Callable
from typing import Final, TypeVar

import apsw

T = TypeVar("T")

_LONGEST_SECONDS: Final = 0.002
"""How long others may be kept waiting by a question on the loop."""
_STEPS: Final = 2_000
"""Steps of SQLite's machine between two looks at the clock; about 50 µs."""
_SKIPPED: Final = 100
_REMEMBERED: Final = 1_024


class Snapshots:
    """A connection for reads by key. Those of one turn of the loop share a snapshot, and its locks.

    A snapshot is as new as the turn in which it was taken, and whoever heard of a commit did so in an earlier one.
    """

    def __init__(self, connection: apsw.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._taken = False

    def snapshot(self) -> apsw.Connection:
        """The connection, in a read transaction that ends with this turn."""
        if not self._taken:
            self._connection.execute("BEGIN")
            self._taken = True
            self._loop.call_soon(self._release)
        return self._connection

    def close(self) -> None:
        """Close the connection, also in the turn of a read."""
        self._release()
        self._connection.close()

    def _release(self) -> None:
        if self._taken:
            self._taken = False
            self._connection.execute("COMMIT")


class Brief:
    """A connection for questions that take no time, as a page along an index does.

    Every question is tried. One that is not through in two milliseconds is stopped, to be asked again in a thread, and
    questions of its kind go there directly for the next hundred times.
    """

    def __init__(self, connection: apsw.Connection, steps: int = _STEPS) -> None:
        self._connection = connection
        self._until = 0.0
        self._skipping: dict[str, int] = {}
        connection.set_progress_handler(self._is_late, steps)

    def ask(self, kind: str, question: Callable[[apsw.Connection], T]) -> T | None:
        """What the question gives, which is never `None`; that says that it takes longer.

        Args:
            kind: the statement's text, say.
        """
        if self.skips(kind):
            return None
        self._until = time.perf_counter() + _LONGEST_SECONDS
        try:
            return question(self._connection)
        except apsw.InterruptError:
            if len(self._skipping) >= _REMEMBERED:
                self._skipping.clear()
            self._skipping[kind] = _SKIPPED
            return None

    def skips(self, kind: str) -> bool:
        """Whether it is known of a kind that it takes longer; this counts as asking."""
        skipping = self._skipping.get(kind, 0)
        if skipping:
            self._skipping[kind] = skipping - 1
        return skipping > 0

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _is_late(self) -> bool:
        return time.perf_counter() > self._until
