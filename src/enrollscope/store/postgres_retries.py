"""Trying again: for how long, and what clients are told in the end."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, assert_never

import asyncpg

from enrollscope.odata.errors import ODataError, OutcomeUnknown
from enrollscope.store.postgres_connections import Failure, failure_of, unavailable

T = TypeVar("T")

_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5


async def persistently(seconds: float, attempt: Callable[[], Awaitable[T]]) -> T:
    """Try something that leaves nothing behind when it fails.

    Raises:
        ServiceUnavailable: the database cannot do it now; nothing was changed.
        Exception: as it came, when trying again would not help.
    """
    pauses = _Pauses(seconds)
    while True:
        try:
            return await attempt()
        except ODataError:
            raise
        except Exception as error:
            match failure_of(error):
                case Failure.FAULT:
                    raise
                case Failure.BUSY:
                    raise unavailable(f"The database cannot do this now ({error}). Nothing was changed.") from error
                case Failure.CONFLICT:
                    if not await pauses.pause():
                        raise unavailable("Others kept changing the same data. Nothing was changed.") from error
                case Failure.LOST:
                    if not await pauses.pause():
                        raise unavailable(f"{_where(error)} Nothing was changed.", 5) from error
                case never:
                    assert_never(never)


def _where(error: Exception) -> str:
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return "The database is a replica, which takes no changes, and there is no primary yet."
    return "The database cannot be reached."


async def settled(seconds: float, settle: Callable[[], Awaitable[T]]) -> T:
    """Find out what came of a commit, or make it, until that succeeds.

    Raises:
        OutcomeUnknown: it did not.
    """
    pauses = _Pauses(seconds)
    while True:
        try:
            return await settle()
        except Exception as error:
            hopeless = failure_of(error) is Failure.FAULT and not isinstance(error, ODataError)
            if hopeless or not await pauses.pause():
                raise OutcomeUnknown(
                    "The connection to the database broke while it was committing, and it cannot be asked what became "
                    "of that: the change was made, or was not. Read the entity before you try again."
                ) from error


class _Pauses:
    """Growing pauses until time is over."""

    def __init__(self, seconds: float) -> None:
        self._end = asyncio.get_running_loop().time() + seconds
        self._next = _PAUSE_SECONDS

    async def pause(self) -> bool:
        """Wait, unless time is over: then false."""
        if asyncio.get_running_loop().time() + self._next > self._end:
            return False
        await asyncio.sleep(self._next)
        self._next = min(2 * self._next, _LONGEST_PAUSE_SECONDS)
        return True
