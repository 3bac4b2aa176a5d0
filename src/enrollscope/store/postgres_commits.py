"""How a batch becomes durable in PostgreSQL, exactly once, whatever happens on the way.

Changes of entities that are there go without locks at first: what the batch concerns is read, and one statement writes
all of it unless a row has changed since (`postgres_writing.py`). If one has, or if nobody knows what came of that
statement, the batch is made again in a transaction that locks its rows: none of them changes any more while the log is
asked whether the change is there, and a statement that is still on its way comes too late for them.

An answer tells what is there, and that may be on this server alone while a commit of somebody else waits for the
replicas, or was broken off while it waited. So what writes nothing commits, too, by way of the tenant's counter: where
replicas are waited for, it is answered when they have it and all before it.

What has no row cannot be locked, nor can a statement name its version: batches that create lock the tenant's counter,
too, without which nobody else can commit. Commands that belong together hold the rows of each until the end, even of
those that change nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import asyncpg

from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.errors import ODataError, OutcomeUnknown
from enrollscope.odata.plan.commands import Create
from enrollscope.store.batch import Batch, Outcome, Together, Unit, commands_of, place_of
from enrollscope.store.postgres_connections import Connection, Connections, Failure, Target, failure_of, unavailable
from enrollscope.store.postgres_poolers import had_no_connection
from enrollscope.store.postgres_retries import persistently, settled
from enrollscope.store.postgres_rows import Mark, Rows

# A row that another transaction holds, or one that takes too long, must not fail those that share a batch with it.
_ONE_MAY_BE_AT_FAULT = (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError)


class _Unsettled(Exception):
    """The connection broke while a commit was under way."""

    def __init__(self, mark: Mark, outcomes: Sequence[Outcome]) -> None:
        super().__init__("commit without an answer")
        self.mark = mark
        self.outcomes = outcomes


@dataclass(frozen=True, slots=True)
class Commits:
    """Commits batches of one tenant each, over connections of its own.

    Attributes:
        changed: is told after each commit that changed something.
    """

    target: Target
    layouts: Mapping[str, Layout]
    rows: Rows
    writers: Connections
    changed: Callable[[], None]

    async def commit(self, tenant: str, units: Sequence[Unit]) -> Sequence[Outcome]:
        """Make a batch durable.

        Raises:
            ODataError: one of its commands may be at fault, so that they are to be tried one by one.
        """
        locking = any(isinstance(unit, Together | Create) for unit in units)

        async def attempt() -> Sequence[Outcome]:
            nonlocal locking
            if not locking:
                try:
                    return await self._at_once(tenant, units)
                except asyncpg.PostgresError as error:
                    if failure_of(error) is not Failure.CONFLICT:
                        raise
                    locking = True
            return await self._with_locks(tenant, units)

        try:
            try:
                return await persistently(self.target.retry_seconds, attempt)
            except _Unsettled as unsettled:
                again = partial(self._again, tenant, units, [unsettled])
                return await settled(self.target.settle_seconds, again)
        except ODataError as failure:
            told = isinstance(failure, OutcomeUnknown)
            if len(units) > 1 and not told and isinstance(failure.__cause__, _ONE_MAY_BE_AT_FAULT):
                raise
            return [failure] * len(units)

    async def _at_once(self, tenant: str, units: Sequence[Unit]) -> Sequence[Outcome]:
        with _unsettled_when_lost() as sent:
            async with self.writers.lease() as connection:
                seen = await self.rows.see(connection, tenant, map(place_of, commands_of(units)), lock=False)
                batch = Batch.over(self.layouts, seen.records)
                batch.apply(units)
                if batch.log:
                    entries = self.rows.entries(batch)
                    sent.now(Mark(tenant, seen.position, entries), batch.outcomes)
                    await self.rows.write(connection, tenant, batch, seen, entries)
                    self.changed()
                elif _shows(batch.outcomes):
                    await self.rows.lock_counter(connection, tenant)
                return batch.outcomes

    async def _with_locks(
        self, tenant: str, units: Sequence[Unit], lost: Sequence[_Unsettled] = ()
    ) -> Sequence[Outcome]:
        """Args: lost: attempts that may have taken effect. If one has, then this is what came of it."""
        with _unsettled_when_lost() as sent:
            async with self.writers.lease() as connection:
                await connection.execute("BEGIN")
                places = list(map(place_of, commands_of(units)))
                seen = await self.rows.see(connection, tenant, places, lock=True)
                if any(isinstance(command, Create) for command in commands_of(units)):
                    # After the rows, as in the statements of others.
                    await self.rows.lock_counter(connection, tenant)
                    seen = await self.rows.see(connection, tenant, places, lock=True)
                # The entries of one may be among those of another.
                for earlier in sorted(lost, key=lambda each: len(each.mark.entries), reverse=True):
                    if await self.rows.holds(connection, earlier.mark):
                        await self.rows.lock_counter(connection, tenant)
                        await _end(connection)
                        return earlier.outcomes
                batch = Batch.over(self.layouts, seen.records)
                batch.apply(units)
                if not batch.log:
                    if _shows(batch.outcomes):
                        await self.rows.lock_counter(connection, tenant)
                    await _end(connection)
                    return batch.outcomes
                entries = self.rows.entries(batch)
                await self.rows.write(connection, tenant, batch, seen, entries)
                sent.now(Mark(tenant, seen.position, entries), batch.outcomes)
                await _end(connection)
                self.changed()
                return batch.outcomes

    async def _again(self, tenant: str, units: Sequence[Unit], lost: list[_Unsettled]) -> Sequence[Outcome]:
        """Make what may have been lost, unless it is there."""
        try:
            return await self._with_locks(tenant, units, lost)
        except _Unsettled as unsettled:
            lost.append(unsettled)
            raise ConnectionResetError("the commit has no answer") from unsettled


@dataclass(slots=True)
class _Sent:
    """What is on its way to be committed, if anything is."""

    mark: Mark | None = None
    outcomes: Sequence[Outcome] = ()

    def now(self, mark: Mark, outcomes: Sequence[Outcome]) -> None:
        """From now on it may take effect."""
        self.mark, self.outcomes = mark, outcomes


@contextmanager
def _unsettled_when_lost() -> Iterator[_Sent]:
    """Raises `_Unsettled` for a connection that is lost once something is on its way."""
    sent = _Sent()
    try:
        yield sent
    except Exception as error:
        refused = isinstance(error, asyncpg.ReadOnlySQLTransactionError) or had_no_connection(error)
        if sent.mark is not None and failure_of(error) is Failure.LOST and not refused:
            raise _Unsettled(sent.mark, sent.outcomes) from error
        raise


def _shows(outcomes: Sequence[Outcome]) -> bool:
    """Whether any of them says of an entity that it is as it was wanted."""
    return any(not isinstance(outcome, Exception) for outcome in outcomes)


async def _end(connection: Connection) -> None:
    done = await connection.execute("COMMIT")
    if done != "COMMIT":
        raise unavailable(f"The database answered a commit with {done}. Nothing was changed.")
