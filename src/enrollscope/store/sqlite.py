"""The embedded store: one file, one process.

A process beside this one writes, in group commits. Reads by key, and questions that take no time, run on the event
loop itself: they cost less than handing them to a thread, because the pages they need are nearly always in memory. The
JSON of a page, which SQLite puts together, needs the interpreter for a moment alone and has a thread of its own. What
takes longer goes to a few threads.
"""

import asyncio
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from enrollscope.odata.edm.layout import Layout, Record
from enrollscope.odata.edm.schema import Schema
from enrollscope.odata.errors import ServiceUnavailable
from enrollscope.odata.json.text_form import TextForm
from enrollscope.odata.plan.commands import Command
from enrollscope.odata.plan.queries import Page, Paging, Query
from enrollscope.store.base import Change, PageText, StoreRefused, Written
from enrollscope.store.commit import GroupCommit, share_of
from enrollscope.store.history import History
from enrollscope.store.sqlite_file import FileLock, connect, examine, make_place, migrate, refusing, revision_of
from enrollscope.store.sqlite_frames import Assignment
from enrollscope.store.sqlite_functions import register
from enrollscope.store.sqlite_process import WriterProcess, Writing
from enrollscope.store.sqlite_rows import Log, rows_of
from enrollscope.store.sqlite_threads import ConnectionThreads
from enrollscope.store.sqlite_turns import SELDOM, Brief, Late, Snapshots, Unpromising

if TYPE_CHECKING:
    from enrollscope.store.sqlite_questions import Questions

_QUESTIONS = "enrollscope.store.sqlite_questions"
_WARM_UP_SECONDS = 1.0

_READERS = 2
_SORTED_KIB = 2_000
"""Cache of a reader, and with it how much SQLite sorts before it goes on in a temporary file. Measured, for groups of
500,000 rows: 170 ms with this, as a processor's cache holds it, 260 with 8 MiB, 340 with everything in memory."""

_MAPPED_BYTES = 2**31 - 2**16
"""The most that SQLite maps. A read by key takes a quarter less where pages are mapped and not copied."""

_INSERT_ONCE = "INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"


class SqliteStore:
    """A store in one SQLite file. `base.Store` says what its methods promise.

    Args:
        history: how the tables come to be.
        queue: how many commands may wait to be written.
    """

    def __init__(self, path: Path, schema: Schema, history: History, queue: int) -> None:
        self._path = path
        self._history = history
        self._queue = queue
        self._layouts, self._rows = rows_of(schema)
        self._log = Log(self._layouts)
        self._schema = schema
        self._questions: Questions | None = None
        self._running: _Running | None = None
        self._without_text, self._late = Unpromising(), Unpromising()
        self._warming: asyncio.Task[None] | None = None

    @property
    def layouts(self) -> dict[str, Layout]:
        """See `base.Store`."""
        return self._layouts

    async def start(self) -> None:
        """See `base.Store`."""
        if self._running is None:
            self._running = await asyncio.to_thread(self._open, asyncio.get_running_loop())
            self._warming = asyncio.create_task(self._warm_up())

    async def close(self) -> None:
        """See `base.Store`."""
        running, self._running = self._running, None
        if self._warming is not None:
            self._warming.cancel()
        if running is not None:
            await running.close()

    async def check(self) -> None:
        """See `base.Store`."""
        # On the event loop, as reads by key: it must not wait behind questions that take their time.
        revision = revision_of(self._started().by_key.snapshot(), self._path)
        if revision != self._history.revisions[-1]:
            raise StoreRefused(f"The tables of {self._path} are at revision {revision}: start the service again.")

    def read(self, tenant: str, stored: str, key: str) -> "asyncio.Future[Record | None]":
        """See `base.Store`. The record is there at once: there is nothing to wait for."""
        record = self._rows[stored].find(self._started().by_key.snapshot(), tenant, key)
        found: asyncio.Future[Record | None] = asyncio.get_running_loop().create_future()
        found.set_result(record)
        return found

    def write(self, command: Command) -> "asyncio.Future[Written]":
        """See `base.Store`."""
        return self._started().commits.write(command)

    async def write_together(self, commands: Sequence[Command]) -> Sequence[Written]:
        """See `base.Store`."""
        return await self._started().commits.write_together(commands)

    async def fetch(self, tenant: str, query: Query, paging: Paging) -> Page:
        """See `base.Store`."""
        running, questions = self._started(), await self._loaded()
        statements = questions.page(query, paging)

        def ask(connection: apsw.Connection) -> Page:
            return questions.run_page(connection, statements, tenant, query, paging)

        if not self._late.passes(query):
            try:
                return running.brief.ask(ask)
            except Late:
                self._late.add(query)
        return await running.readers.run(ask)

    async def text(self, tenant: str, query: Query, paging: Paging, form: TextForm) -> PageText | None:
        """See `base.Store`."""
        running, questions, kind = self._started(), self._questions, (tenant, form)
        if questions is None or self._without_text.passes(kind):
            return None
        statements = questions.text(query, paging, form)  # refuses what is too deep even to be looked up
        if statements is None or query in self._late:
            return None

        def ask(connection: apsw.Connection) -> PageText | None:
            return questions.run_text(connection, statements, tenant, query, paging)

        try:
            text = await running.texts.run(lambda _: running.beside.ask(ask))
        except Late:
            self._late.add(query)
            return None
        if text is None:
            self._without_text.add(kind)
        return text

    async def count(self, tenant: str, query: Query, paging: Paging) -> int:
        """See `base.Store`."""
        readers, questions = self._started().readers, await self._loaded()
        statement = questions.count(query)
        return await readers.run(lambda connection: questions.run_count(connection, statement, tenant, paging))

    async def changes(self, tenant: str, after: int, limit: int) -> list[Change]:
        """See `base.Store`."""
        return await self._started().readers.run(lambda connection: self._log.after(connection, tenant, after, limit))

    async def secret(self, name: str, make: Callable[[], str]) -> str:
        """See `base.Store`. Needs no `start`, and works while another process serves the store."""
        return await asyncio.to_thread(self._secret, name, make)

    def _started(self) -> "_Running":
        if self._running is None:
            raise ServiceUnavailable("The store is not open.", headers={"Retry-After": "5"})
        return self._running

    async def _loaded(self) -> "Questions":
        if self._questions is None:
            # Not imported with this module: what it needs takes half of the time that a start may take.
            module = await asyncio.to_thread(importlib.import_module, _QUESTIONS)
            self._questions = module.Questions(self._schema, self._layouts, self._rows)
        return self._questions

    async def _warm_up(self) -> None:
        """Load what questions need soon after the start, so that not even the first one waits for it."""
        await asyncio.sleep(_WARM_UP_SECONDS)
        await self._loaded()

    def _open(self, loop: asyncio.AbstractEventLoop) -> "_Running":
        revision = examine(self._path)
        if revision is None:
            make_place(self._path)  # the lock lies beside the file, in a folder that a first start does not have
        lock = FileLock(self._path.resolve())  # by whatever link it was named, it is one store
        try:
            process = WriterProcess(lock.descriptor)  # it takes its time to come up, and that is used
            try:
                migrate(self._path, self._history, revision)
                assignment = Assignment(self._path, self._schema)
                process.begin(assignment)
                with refusing(self._path):
                    return self._run(lock, Writing(assignment, lock.descriptor, process), loop)
            except BaseException:
                process.end()
                raise
        except BaseException:
            lock.release()
            raise

    def _run(self, lock: FileLock, writing: Writing, loop: asyncio.AbstractEventLoop) -> "_Running":
        readers = ConnectionThreads("store-reader", _READERS, self._reading_connection, interruptible=True)
        aside = self._reading_connection()
        return _Running(
            lock=lock,
            by_key=Snapshots(self._reading_connection(), loop),
            brief=Brief(self._reading_connection()),
            beside=Brief(aside, SELDOM),
            texts=ConnectionThreads("store-texts", 1, lambda: aside, interruptible=True),
            readers=readers,
            writing=writing,
            commits=GroupCommit(writing.commit, self._queue, share_of(self._queue)),
        )

    def _reading_connection(self) -> apsw.Connection:
        connection = connect(self._path)
        register(connection)
        # Without it, SQLite compiles a statement again for each new set of values, in case another plan fits them.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        connection.pragma("query_only", 1)
        connection.pragma("mmap_size", _MAPPED_BYTES)
        connection.pragma("temp_store", "FILE")
        connection.pragma("cache_size", -_SORTED_KIB)
        return connection

    def _secret(self, name: str, make: Callable[[], str]) -> str:
        migrate(self._path, self._history, examine(self._path))
        with refusing(self._path):
            connection = connect(self._path)
            try:
                found = _secret_of(connection, name)
                if found is None:
                    connection.execute(_INSERT_ONCE, (name, make()))
                    found = _secret_of(connection, name)
                if found is None:
                    raise StoreRefused(f"{self._path} loses what is written to it.")
                return found
            finally:
                connection.close()


@dataclass(frozen=True, slots=True)
class _Running:
    """What a started store holds.

    Attributes:
        brief, beside: for brief questions, on the event loop and in the thread of `texts`.
    """

    lock: FileLock
    by_key: Snapshots
    brief: Brief
    beside: Brief
    texts: ConnectionThreads
    readers: ConnectionThreads
    writing: Writing
    commits: GroupCommit

    async def close(self) -> None:
        await self.commits.close()
        await self.readers.close()
        await self.texts.close()
        self.by_key.close()
        self.brief.close()
        await self.writing.close()  # the last connection: SQLite carries the write-ahead log over and removes it
        self.lock.release()


def _secret_of(connection: apsw.Connection, name: str) -> str | None:
    for (value,) in connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchall():
        return str(value)
    return None
