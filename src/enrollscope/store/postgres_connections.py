"""Connections to PostgreSQL: how they are made, shared, and what it means when one fails.

Each kind of work has connections of its own, so that a slow question never keeps a change or a read by key waiting.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

import asyncpg

from enrollscope.odata.errors import ServiceUnavailable

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_IDLE_SECONDS = 10
"""After this the server ends a transaction whose client went silent, so that its locks cannot outlive it for long."""
_CONNECT_SECONDS = 5
_ANSWER_MARGIN_SECONDS = 5


class Failure(Enum):
    """What is to be done when a statement failed."""

    LOST = "the connection is gone, or none can be made: try again on another"
    CONFLICT = "another transaction was in the way: try again"
    BUSY = "the server cannot do it now"
    FAULT = "the statement or its values are at fault: trying again would not help"


# SQLSTATE classes and codes (PostgreSQL documentation, appendix A).
_LOST = ("08", "57P", "53300", "25P03", "25006")
_CONFLICT = ("40001", "40P01", "23505")
_BUSY = ("53", "57014", "55P03", "58", "XX001")
_LETS_NOBODY_IN = "could not write init file"
"""Never translated. The file speeds up the next log-in, yet without room for it this one fails."""


def failure_of(error: BaseException) -> Failure:
    """Tell what an error of the driver means.

    25006 says that the server takes no changes: it is a standby, and the primary is elsewhere by now. 53300 says that
    all of the server's connections are taken: one may be free soon, even an idle one of ours. 23505 is a key that
    somebody else created since it was looked for. A cached statement is outdated when tables were migrated below it;
    the driver makes it anew. A server whose disk is full may let nobody in, and says so as if it had a bug (XX000).
    """
    if isinstance(error, asyncpg.InvalidCachedStatementError | asyncpg.OutdatedSchemaCacheError):
        return Failure.CONFLICT
    if isinstance(error, asyncpg.PostgresError):
        if _LETS_NOBODY_IN in str(error):
            return Failure.BUSY
        code = str(error.sqlstate or "")
        for failure, codes in ((Failure.LOST, _LOST), (Failure.CONFLICT, _CONFLICT), (Failure.BUSY, _BUSY)):
            if code.startswith(codes):
                return failure
        return Failure.FAULT
    # TimeoutError is an OSError too, yet it says the same: no answer came over this connection.
    if isinstance(error, OSError | asyncpg.InternalClientError):
        return Failure.LOST
    if isinstance(error, asyncpg.InterfaceError) and ("closed" in str(error) or "closing" in str(error)):
        return Failure.LOST
    return Failure.FAULT


@dataclass(frozen=True, slots=True)
class Target:
    """Where the database is and how to speak with it.

    Attributes:
        prepared: keep prepared statements on the server; a pooler that hands each transaction to another connection
            may not carry them over.
        statement_seconds: how long the server works on one statement before it gives up.
        lock_seconds: how long a change waits for a row that another transaction holds.
        retry_seconds: how long a failed attempt is tried again. A restart of the server fits in.
        settle_seconds: how long a lost answer to a commit is looked for. A failover fits in.
        lease_seconds: how long work waits for a free connection.
    """

    url: str
    prepared: bool = True
    statement_seconds: float = 30
    lock_seconds: float = 2
    retry_seconds: float = 5
    settle_seconds: float = 20
    lease_seconds: float = 10

    @property
    def limits(self) -> Mapping[str, int]:
        """The parameters of the server that bound what a connection may do, in milliseconds."""
        return {
            "statement_timeout": round(self.statement_seconds * 1000),
            "lock_timeout": round(self.lock_seconds * 1000),
            "idle_in_transaction_session_timeout": _IDLE_SECONDS * 1000,
        }

    @property
    def unprepared(self) -> "Target":
        """The same for work that is done once: it leaves nothing behind, whatever stands in front of the server."""
        return replace(self, prepared=False)

    async def connect(self, settings: Mapping[str, str] | None = None) -> Connection:
        """Open a connection; for errors see `failure_of`."""
        limits = {name: str(limit) for name, limit in self.limits.items()}
        own = {"application_name": "enrollscope", **limits, "jit": "off"}
        connection: Connection = await asyncpg.connect(
            self.url,
            timeout=_CONNECT_SECONDS,
            command_timeout=self.statement_seconds + _ANSWER_MARGIN_SECONDS,
            statement_cache_size=512 if self.prepared else 0,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            server_settings=own | dict(settings or {}),
        )
        try:
            # A number that is exact stays text: that is the form in which records hold it.
            await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=str, format="text")
        except BaseException:
            connection.terminate()
            raise
        return connection


@dataclass(slots=True)
class Connections:
    """At most `size` connections, made when they are needed, used by one task at a time in the order of asking.

    Attributes:
        settings: run-time parameters of the server for these connections.
    """

    target: Target
    size: int
    settings: Mapping[str, str] = field(default_factory=dict)
    _idle: list[Connection] = field(default_factory=list)
    _free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.size)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Connection]:
        """A connection for as long as the block lasts. One that the block left broken is not used again.

        Raises:
            ServiceUnavailable: all of them were busy for too long.
        """
        await self._turn()
        try:
            connection = await self._open()
            try:
                yield connection
            except BaseException as error:
                await self._recover(connection, error)
                raise
            finally:
                if not connection.is_closed():
                    self._idle.append(connection)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Close what is idle, once everything that was leased came back."""
        for _ in range(self.size):
            await self._free.acquire()
        idle, self._idle = self._idle, []
        for connection in idle:
            await _close(connection)

    async def _turn(self) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(self.target.lease_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise unavailable(f"All {self.size} connections to the database are busy.") from error

    async def _open(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await self.target.connect(self.settings)

    async def _recover(self, connection: Connection, error: BaseException) -> None:
        if failure_of(error) is Failure.LOST:
            connection.terminate()
            idle, self._idle = self._idle, []
            for other in idle:  # the server behind them may be gone as well
                other.terminate()
        elif connection.is_in_transaction():
            if isinstance(error, Exception):
                await _roll_back(connection)
            else:  # the task was cancelled: it must not wait
                connection.terminate()


async def _roll_back(connection: Connection) -> None:
    try:
        await connection.execute("ROLLBACK")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        connection.terminate()


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=_CONNECT_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


def unavailable(message: str, seconds: int = 2) -> ServiceUnavailable:
    """The answer when the database cannot be used now; `seconds` is when to ask again."""
    return ServiceUnavailable(message, headers={"Retry-After": str(seconds)})
