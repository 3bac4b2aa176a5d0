"""The store on PostgreSQL: any number of processes serve one database.

Changes go in group commits (`lanes.py`, `postgres_commits.py`); reads by key share trips (`coalescing.py`). What can be
tried again without harm is tried again for a while (`postgres_retries.py`): everything, as long as nothing was
committed. What became of a commit whose answer got lost is looked up in the log.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from enrollscope.odata.edm.layout import Layout, Record
from enrollscope.odata.edm.schema import Schema
from enrollscope.odata.json.text_form import TextForm
from enrollscope.odata.plan.commands import Command
from enrollscope.odata.plan.queries import Page, Paging, Query
from enrollscope.store.base import Change, PageText, StoreRefused, Written
from enrollscope.store.coalescing import Coalescing
from enrollscope.store.history import History
from enrollscope.store.lanes import Lanes
from enrollscope.store.postgres_commits import Commits
from enrollscope.store.postgres_connections import Connection, Connections, Target, unavailable
from enrollscope.store.postgres_migrations import check_server, is_cluster, newer, refusing, revision_of, shown
from enrollscope.store.postgres_poolers import check_pooler
from enrollscope.store.postgres_retries import persistently
from enrollscope.store.postgres_rows import Rows
from enrollscope.store.postgres_upkeep import Upkeep

if TYPE_CHECKING:
    from enrollscope.store.postgres_questions import Questions

T = TypeVar("T")

_WRITERS = 4
_KEY_READERS = 2
_ASKERS = 4
_PAGERS = 4
_KEEPERS = 1
_QUESTIONS = "enrollscope.store.postgres_questions"
_WARM_UP_SECONDS = 1.0

# Statements by key, and ranges of an index, have one good plan, whatever the values.
ONE_PLAN = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "max_parallel_workers_per_gather": "0",
}
# Without the values the server takes every tenant for one of middling size, and would sort all of a large one's rows.
IN_ORDER = ONE_PLAN | {"enable_sort": "off", "enable_bitmapscan": "off"}
# A question's best plan depends on them: whether a category is rare, how long a range of time is. By them a cluster
# finds the node that a statement is for: it has no plan without.
_BY_VALUES = {"plan_cache_mode": "force_custom_plan"}

_SECRET = "SELECT value FROM secrets WHERE name = $1"  # noqa: S105 - a statement, not a secret
_INSERT_ONCE = "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING"


class PostgresStore:
    """A store in one PostgreSQL database. `base.Store` says what its methods promise.

    Args:
        history: how the tables come to be; this store never migrates, it refuses to start.
        queue: how many commands may wait to be written.
    """

    def __init__(self, target: Target, schema: Schema, history: History, queue: int) -> None:
        self._target = target
        self._schema = schema
        self._history = history
        self._layouts = {stored.name: Layout.of(schema.whole, stored) for stored in schema.stored}
        self._rows = Rows.of(self._layouts, schema)
        self._queue = queue
        self._questions: Questions | None = None
        self._running: _Running | None = None
        self._warming: asyncio.Task[None] | None = None

    @property
    def layouts(self) -> dict[str, Layout]:
        """See `base.Store`."""
        return self._layouts

    async def start(self) -> None:
        """See `base.Store`."""
        if self._running is None:
            always = _BY_VALUES if await self._examine() else {}
            writers = Connections(self._target, _WRITERS, ONE_PLAN | always)
            upkeep = Upkeep(keepers := Connections(self._target, _KEEPERS))
            commits = Commits(self._target, self._layouts, self._rows, writers, upkeep.changed)
            self._running = _Running(
                Lanes(commits.commit, self._queue),
                Coalescing(self._find, _KEY_READERS),
                upkeep,
                writers,
                Connections(self._target, _KEY_READERS, ONE_PLAN | always),
                Connections(self._target, _ASKERS, _BY_VALUES),
                Connections(self._target, _PAGERS, IN_ORDER | always),
                keepers,
            )
            self._warming = asyncio.create_task(self._warm_up())

    async def close(self) -> None:
        """See `base.Store`."""
        running = self._running
        if self._warming is not None:
            self._warming.cancel()
        if running is not None:
            await running.close()
        self._running = None

    async def check(self) -> None:
        """See `base.Store`. Tables that moved on since the start, to a revision not known here, can still be used."""
        async with refusing(self._target.url), self._started().askers.lease() as connection:
            if await revision_of(connection) in (None, *self._history.revisions):
                await self._check_revision(connection)

    def read(self, tenant: str, stored: str, key: str) -> "asyncio.Future[Record | None]":
        """See `base.Store`."""
        return self._started().reads.read(tenant, stored, key)

    def write(self, command: Command) -> "asyncio.Future[Written]":
        """See `base.Store`."""
        return self._started().commits.write(command)

    async def write_together(self, commands: Sequence[Command]) -> Sequence[Written]:
        """See `base.Store`."""
        return await self._started().commits.write_together(commands)

    async def fetch(self, tenant: str, query: Query, paging: Paging) -> Page:
        """See `base.Store`."""
        questions = await self._loaded()
        running = self._started()
        if questions.has_one_plan(query, paging):
            return await self._ask(
                lambda connection: questions.range(connection, tenant, query, paging), running.pagers
            )
        return await self._ask(lambda connection: questions.page(connection, tenant, query, paging), running.askers)

    async def text(self, tenant: str, query: Query, paging: Paging, form: TextForm) -> PageText | None:  # noqa: ARG002
        """See `base.Store`. JSON costs more in the server than it saves here."""
        return None

    async def count(self, tenant: str, query: Query, paging: Paging) -> int:
        """See `base.Store`."""
        questions = await self._loaded()
        askers = self._started().askers
        return await self._ask(lambda connection: questions.count(connection, tenant, query, paging), askers)

    async def changes(self, tenant: str, after: int, limit: int) -> list[Change]:
        """See `base.Store`."""
        askers = self._started().askers
        return await self._ask(lambda connection: self._rows.changes(connection, tenant, after, limit), askers)

    async def secret(self, name: str, make: Callable[[], str]) -> str:
        """See `base.Store`. Needs no `start`."""
        async with refusing(self._target.url):
            connection = await self._target.unprepared.connect()
            try:
                await self._check_revision(connection)
                found = await connection.fetchval(_SECRET, name)
                if found is None:
                    await connection.execute(_INSERT_ONCE, name, make())
                    found = await connection.fetchval(_SECRET, name)
                return str(found)
            finally:
                await connection.close()

    def _started(self) -> "_Running":
        if self._running is None:
            raise unavailable("The store is not open.", 5)
        return self._running

    async def _loaded(self) -> "Questions":
        if self._questions is None:
            # Not imported with this module: what it needs takes half of the time that a start may take.
            module = await asyncio.to_thread(importlib.import_module, _QUESTIONS)
            self._questions = module.Questions(self._schema, self._layouts)
        return self._questions

    async def _warm_up(self) -> None:
        """Load what questions need soon after the start, so that not even the first one waits for it."""
        await asyncio.sleep(_WARM_UP_SECONDS)
        await self._loaded()

    async def _examine(self) -> bool:
        """Refuse what cannot be used. Returns whether its tables may be on the nodes of a cluster."""
        async with refusing(self._target.url):
            connection = await self._target.unprepared.connect(IN_ORDER)  # all that a pooler may refuse
            try:
                await check_server(connection)
                await check_pooler(connection, self._target)
                await self._check_revision(connection)
                return await is_cluster(connection)
            finally:
                await connection.close()

    async def _check_revision(self, connection: Connection) -> None:
        revision, head = await revision_of(connection), self._history.revisions[-1]
        if revision == head:
            return
        if revision is not None and revision not in self._history.revisions:
            raise StoreRefused(newer(self._target.url, revision, head))
        state = "has no tables yet" if revision is None else f"has its tables at revision {revision}, not {head}"
        raise StoreRefused(
            f"{shown(self._target.url)} {state}. Run: enrollscope migrate --database URL, with a role that may create "
            "tables."
        )

    async def _find(self, tenant: str, stored: str, keys: Sequence[str]) -> dict[str, Record]:
        async def find() -> dict[str, Record]:
            async with self._started().key_readers.lease() as connection:
                return await self._rows.find(connection, tenant, stored, keys)

        return await persistently(self._target.retry_seconds, find)

    async def _ask(self, work: Callable[[Connection], Awaitable[T]], connections: Connections) -> T:
        async def ask() -> T:
            async with connections.lease() as connection:
                return await work(connection)

        return await persistently(self._target.retry_seconds, ask)


@dataclass(frozen=True, slots=True)
class _Running:
    """What a started store holds."""

    commits: Lanes
    reads: Coalescing
    upkeep: Upkeep
    writers: Connections
    key_readers: Connections
    askers: Connections
    pagers: Connections
    keepers: Connections

    async def close(self) -> None:
        await self.commits.close()
        await self.reads.close()
        await self.upkeep.close()
        for connections in (self.writers, self.key_readers, self.askers, self.pagers, self.keepers):
            await connections.close()
