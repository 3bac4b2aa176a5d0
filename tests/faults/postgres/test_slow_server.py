"""The whole server is slow, or stands still, under load: each change is answered rightly, and is there once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import asyncpg
import pytest

from enrollscope.store.postgres_connections import Connection, Target
from tests.faults.postgres.proxy import Wire
from tests.faults.postgres.storm import Storm, judge, migrated, raging, started, store_at
from tests.postgres import SETTINGS, Server, own_server

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 40
SERVING = "SELECT pid FROM pg_stat_activity WHERE application_name = 'enrollscope' AND datname = ANY($1::text[])"
WRITING = (
    "SELECT DISTINCT datname FROM pg_stat_activity WHERE datname = ANY($1::text[]) AND state = 'active' "
    "AND backend_xid IS NOT NULL AND (query = 'COMMIT' OR query ~ '^WITH' AND query !~ 'INSERT INTO \"events\" ')"
)
"""Where a statement holds rows and commits by itself, or a commit is under way. What creates is no commit yet."""


async def test_a_server_that_is_slow_for_a_while(server: Server, database: str) -> None:
    """Every message takes a tenth of a second there and back: changes wait, and none is refused."""
    await migrated(server, database)
    wire = Wire(server.port)
    target = Target(server.url(database, port=await wire.open()))
    async with started(store_at(target)) as store, raging(store) as storm:
        wire.delay = 0.05
        await storm.grown(100)
        wire.delay = 0
        await storm.grown(200)
    await wire.close()
    assert (storm.unknown, storm.refused) == ([], [])
    judge(server, database, storm)


async def test_a_server_that_stands_still() -> None:
    """For longer than a command may take: who can wait finds out what came of it, who cannot says that nobody knows."""
    with own_server({**SETTINGS, "track_activity_query_size": "64kB"}) as server:
        databases = [server.new_database() for _ in range(2)]
        urls = [await migrated(server, database) for database in databases]
        patient = store_at(Target(urls[0], statement_seconds=0.3, lock_seconds=0.2))
        hasty = store_at(Target(urls[1], statement_seconds=0.3, lock_seconds=0.2, settle_seconds=0.5))
        async with (
            started(patient),
            started(hasty),
            raging(patient) as found_out,
            raging(hasty) as given_up,
        ):
            async with standing_still(server, databases):
                await unknown(given_up)
            await asyncio.gather(found_out.grown(100), given_up.grown(100))
        assert found_out.unknown == []
        for database, storm in zip(databases, (found_out, given_up), strict=True):
            judge(server, database, storm)


async def unknown(storm: Storm) -> None:
    """Return when the outcome of a change could not be told."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not storm.unknown:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.05)


@asynccontextmanager
async def standing_still(server: Server, databases: Collection[str]) -> AsyncIterator[None]:
    """Nothing that serves these databases moves for as long as the block lasts; commits to each are under way."""
    watcher = await asyncpg.connect(server.url(), command_timeout=1)
    stopped: list[int] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await caught_writing(watcher, databases, stopped):
                go_on(stopped)
                await asyncio.sleep(0.01)
        yield
    finally:
        go_on(stopped)
        await watcher.close()


async def caught_writing(watcher: Connection, databases: Collection[str], stopped: list[int]) -> bool:
    """Stop what serves these databases; whether commits to each are under way."""
    stopped += [pid for (pid,) in await watcher.fetch(SERVING, databases)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        return len(await watcher.fetch(WRITING, databases)) == len(databases)
    except TimeoutError:  # one of them was stopped with a lock that the watcher needs
        return False


def go_on(stopped: list[int]) -> None:
    """Have what was stopped go on."""
    while stopped:
        os.kill(stopped.pop(), signal.SIGCONT)
