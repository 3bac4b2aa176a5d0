"""Pages as JSON text, put together by SQLite beside the event loop.

The text is one value of one row, so a thread that reads it needs the interpreter for a moment before and one after.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import apsw

from enrollscope.store.sqlite_threads import ConnectionThreads
from enrollscope.store.sqlite_turns import Brief

T = TypeVar("T")

_STEPS: Final = 100_000
"""Steps of SQLite's machine between two looks at the clock, for which the thread needs the interpreter; about 2 ms."""


class Texts:
    """A thread for pages that take no time; what takes longer is given up (`sqlite_turns.Brief`).

    Args:
        open_connection: called in this thread; `close` closes what it gives.
    """

    def __init__(self, open_connection: Callable[[], apsw.Connection]) -> None:
        connection = open_connection()
        self._brief = Brief(connection, _STEPS)
        self._thread = ConnectionThreads("store-texts", 1, lambda: connection, interruptible=True)

    def skips(self, kind: str) -> bool:
        """Whether to ask would be in vain; this counts as asking."""
        return self._brief.skips(kind)

    async def ask(self, kind: str, question: Callable[[apsw.Connection], T | None]) -> T | None:
        """What the question gives; `None` where it does so itself, and where it takes longer.

        Args:
            kind: the statement's text, say.
        """
        brief = self._brief
        return await self._thread.run(lambda _: brief.ask(kind, question))

    async def close(self) -> None:
        """Return when the thread has ended."""
        await self._thread.close()
