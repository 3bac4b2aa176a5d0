"""Reads that keep others waiting, and so take no time: on the event loop itself, or in the one thread for pages."""

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Final, TypeVar

import apsw

T = TypeVar("T")

_LONGEST_SECONDS: Final = 0.002
"""How long others may be kept waiting by a question."""
_STEPS: Final = 2_000
"""Steps of SQLite's machine between two looks at the clock; about 50 µs."""
SELDOM: Final = 20_000
"""The same for a thread beside the event loop, where whoever looks has to wait for the interpreter: a page of 100 is
through before the first look."""
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


class Late(Exception):
    """A question was not through in the time that it had."""


class Brief:
    """A connection for questions that take no time, as a page along an index does: what takes longer is stopped.

    It belongs to one thread, be it that of the event loop or another.

    Args:
        steps: of SQLite's machine between two looks at the clock.
    """

    def __init__(self, connection: apsw.Connection, steps: int = _STEPS) -> None:
        self._connection = connection
        self._until = 0.0
        connection.set_progress_handler(self._is_late, steps)

    def ask(self, question: Callable[[apsw.Connection], T]) -> T:
        """What the question gives.

        Raises:
            Late: it was stopped, at the first look at the clock after two milliseconds.
        """
        self._until = time.perf_counter() + _LONGEST_SECONDS
        try:
            return question(self._connection)
        except apsw.InterruptError as error:
            raise Late from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _is_late(self) -> bool:
        return time.perf_counter() > self._until
