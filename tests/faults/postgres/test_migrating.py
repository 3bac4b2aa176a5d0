"""A migration from the first revision to the last, while a service of the old version goes on changing events."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.store.history import MIGRATIONS, Migrations
from enrollscope.store.postgres import PostgresStore
from enrollscope.store.postgres_connections import Target
from enrollscope.store.postgres_migrations import migrate
from tests.faults.postgres.storm import Storm, judge, raging, started
from tests.index_tables import index_table
from tests.postgres import Server

pytestmark = pytest.mark.slow

EVENTS = 30_000
FIRST = Migrations(MIGRATIONS.scripts, MIGRATIONS.revisions[:1])

FILL = f"""
INSERT INTO events (tenant_id, id, type, version, event_date_time_ticks, event_date_time_offset, user_id, device_id,
  failure_category, failure_reason, created_ticks, modified_ticks)
SELECT 'many', md5(n::text)::uuid::text, 'enrollmentTroubleshootingEvent', 1, 636188256000000000 + n, 0,
  md5('u' || n % 5000)::uuid::text, md5('d' || n % 9000)::uuid::text, n % 12,
  '0x' || to_hex(n % 3000) || ' at step ' || n % 17, 1, 1
FROM generate_series(1, {EVENTS}) AS n ORDER BY 1, 2
"""  # noqa: S608 - a constant

# Whoever holds one of these keeps every change waiting until its transaction ends. The strongest one is not among
# them: a moment of it exchanges a key, and a vacuum takes it, too; that it is short is what the clients show.
BLOCKING = """
SELECT relation::regclass || ' ' || mode FROM pg_locks
WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND relation IN ('events'::regclass, 'events_index'::regclass, 'changes'::regclass)
  AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock')
"""
MAKING = "SELECT index_relid::regclass::text FROM pg_stat_progress_create_index WHERE datname = current_database()"


@asynccontextmanager
async def watched(url: str, storm: Storm) -> AsyncIterator[tuple[set[str], Counter[str]]]:
    """What kept changes waiting meanwhile, and how many were answered during the making of each index."""
    blocking: set[str] = set()
    answered: Counter[str] = Counter()
    ended = asyncio.Event()

    async def watch() -> None:
        connection = await asyncpg.connect(url)
        while not ended.is_set():
            before = len(storm.done)
            made = {row[0] for row in await connection.fetch(MAKING)}
            blocking.update(row[0] for row in await connection.fetch(BLOCKING))
            await asyncio.sleep(0.01)
            for name in made & {row[0] for row in await connection.fetch(MAKING)}:
                answered[name] += len(storm.done) - before
        await connection.close()

    task = asyncio.create_task(watch())
    try:
        yield blocking, answered
    finally:
        ended.set()
        await task


async def test_changes_go_on_during_a_migration(server: Server, database: str) -> None:
    """None fails, is refused or is lost, and nothing keeps them waiting while an index is made; it stays ready."""
    url = server.url(database)
    await migrate(url, FIRST)
    server.psql(FILL, database)
    server.psql(index_table(SCHEMA).filled_from("events"), database)
    async with started(PostgresStore(Target(url), SCHEMA, FIRST, 4096)) as store, raging(store) as storm:
        async with watched(url, storm) as (blocking, answered):
            assert await migrate(url, MIGRATIONS) == ("0001", MIGRATIONS.revisions[-1])
        await store.check()
        await storm.grown(200)
    assert blocking == set()
    assert answered["events_index_with_text"] > 0  # the one that takes longest
    assert (storm.refused, storm.unknown) == ([], [])
    server.psql(
        "DELETE FROM events WHERE tenant_id = 'many'; DELETE FROM events_index WHERE tenant_id = 'many'", database
    )
    judge(server, database, storm)
