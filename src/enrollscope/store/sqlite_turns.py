"""Reads on the event loop itself, for what costs less than handing it to a thread."""

import asyncio
import time
from collections.abc import Callable, Hashable
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


class Unpromising:
    """Kinds of questions for which something was tried in vain, and which go without it for the next hundred times."""

    def __init__(self) -> None:
        self._left: dict[Hashable, int] = {}

    def __contains__(self, kind: Hashable) -> bool:
        """Whether the next question of a kind goes without."""
        return kind in self._left

    def passes(self, kind: Hashable) -> bool:
        """Whether this question goes without, which is one of the times."""
        left = self._left.pop(kind, 0)
        if left > 1:
            self._left[kind] = left - 1
        return left > 0

    def add(self, kind: Hashable) -> None:
        """Remember what was tried in vain."""
        if len(self._left) >= _REMEMBERED:
            self._left.clear()
        self._left[kind] = _SKIPPED


class Brief:
    """A connection for questions that take no time, as a page along an index does.

    Every question is tried. One that is not through in two milliseconds is stopped, to be asked again in a thread, and
    questions of its kind go there directly for the next hundred times.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._until = 0.0
        self._late = Unpromising()
        connection.set_progress_handler(self._is_late, _STEPS)

    def gives_back(self, kind: Hashable) -> bool:
        """Whether the next question of a kind would not be tried."""
        return kind in self._late

    def ask(self, kind: Hashable, question: Callable[[apsw.Connection], T]) -> T | None:
        """What the question gives, or `None` where it takes longer.

        Args:
            kind: of questions that take as long as each other.
        """
        if self._late.passes(kind):
            return None
        self._until = time.perf_counter() + _LONGEST_SECONDS
        try:
            return question(self._connection)
        except apsw.InterruptError:
            self._late.add(kind)
            return None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _is_late(self) -> bool:
        return time.perf_counter() > self._until
