"""What is PostgreSQL's own about the store: its start, its migrations, its connections, its role."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import ServiceUnavailable
from enrollscope.odata.plan.commands import Actor, Create, Delete, Update
from enrollscope.store.base import StoreRefused
from enrollscope.store.history import MIGRATIONS
from enrollscope.store.opening import migrate_store
from enrollscope.store.postgres import PostgresStore
from enrollscope.store.postgres_connections import Connections, Target
from enrollscope.store.postgres_migrations import NOTHING, migrate, printed
from tests.postgres import Server
from tests.roles import owned_database

ACTOR = Actor("tenant", None, "app", "token", "request", 1)
KIND = "enrollmentTroubleshootingEvent"


def store_at(target: Target) -> PostgresStore:
    """A store of the product, not started."""
    return PostgresStore(target, SCHEMA, MIGRATIONS, queue=100)


@asynccontextmanager
async def started(target: Target) -> AsyncIterator[PostgresStore]:
    """A store for as long as the block lasts."""
    store = store_at(target)
    await store.start()
    try:
        yield store
    finally:
        await store.close()


async def used(store: PostgresStore) -> Any:
    """Create, change and read an event; its reason."""
    await store.write(Create(ACTOR, "events", "a", KIND, {"eventDateTime": Instant(1)}))
    await store.write(Update(ACTOR, "events", "a", frozenset({KIND}), (), {"failureReason": "x"}))
    record = await store.read("tenant", "events", "a")
    assert record is not None
    assert len(await store.changes("tenant", 0, 10)) == 2
    return store.layouts["events"].value(record, "failureReason")


async def refusal(url: str) -> str:
    """What the start of a store at a URL is refused with."""
    with pytest.raises(StoreRefused) as refused:
        await store_at(Target(url)).start()
    return str(refused.value)


async def test_a_start_never_makes_tables(server: Server, database: str) -> None:
    """It refuses, and names the command."""
    said = await refusal(server.url(database))
    assert "has no tables yet" in said
    assert "enrollscope migrate --database" in said
    assert server.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database) == "0"


async def test_tables_of_a_newer_version_are_refused(server: Server, database: str) -> None:
    """By the start and by a migration, which leaves them as they are."""
    await migrate(server.url(database), MIGRATIONS)
    server.psql("UPDATE alembic_version SET version_num = '9999'", database)
    assert "install the newer version" in await refusal(server.url(database))
    with pytest.raises(StoreRefused, match="install the newer version"):
        await migrate(server.url(database), MIGRATIONS)


@pytest.mark.parametrize(
    ("database", "user", "says"),
    [
        pytest.param("no_such_database", "postgres", "Create the database", id="no-database"),
        pytest.param("postgres", "nobody_at_all", "Check user and password", id="no-role"),
    ],
)
async def test_a_start_that_fails_says_what_to_do(server: Server, database: str, user: str, says: str) -> None:
    """The server's own words, and a remedy; never the password."""
    said = await refusal(server.url(database, user).replace("@", ":hunter2@"))
    assert says in said
    assert "hunter2" not in said


async def test_a_server_that_is_not_there_is_told_as_such() -> None:
    """With the address that was tried."""
    said = await refusal("postgresql://u@127.0.0.1:1/d")
    assert "127.0.0.1:1/d" in said
    assert "can be reached" in said


async def test_another_encoding_is_refused(server: Server) -> None:
    """Text could be lost in it."""
    server.psql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    try:
        assert "ENCODING 'UTF8'" in await refusal(server.url("latin"))
    finally:
        server.psql("DROP DATABASE latin")


async def test_commits_that_are_forgotten_are_refused(server: Server, database: str) -> None:
    """An answer means that the change is on disk; with synchronous_commit = off it would not be."""
    await migrate(server.url(database), MIGRATIONS)
    server.psql(f"ALTER DATABASE {database} SET synchronous_commit = off")
    assert "synchronous_commit" in await refusal(server.url(database))


async def test_a_migration_beside_another_is_refused(server: Server, database: str) -> None:
    """While the first is at work a second one is refused, printed or not, and changes nothing of what comes of it."""
    url = server.url(database)
    script = await printed(url, MIGRATIONS, NOTHING)
    blocker = await asyncpg.connect(url)
    try:
        await blocker.execute("BEGIN; CREATE TABLE secrets (mine int)")  # the first waits for what becomes of it
        first = asyncio.create_task(migrate(url, MIGRATIONS))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while await asyncio.to_thread(server.psql, waits, database) != "1":
            assert not first.done()
        with pytest.raises(StoreRefused, match=r"Another migration of .* is under way"):
            await migrate(url, MIGRATIONS)
        with pytest.raises(RuntimeError, match="Another migration is under way"):
            await asyncio.to_thread(server.psql, script, database)
        await blocker.execute("ROLLBACK")
        assert await first == (None, MIGRATIONS.revisions[-1])
    finally:
        await blocker.close()


async def test_migrations_at_once(server: Server, database: str) -> None:
    """One of them makes the tables, however they meet; the others are refused or find them made."""
    url = server.url(database)
    outcomes = await asyncio.gather(*(migrate(url, MIGRATIONS) for _ in range(4)), return_exceptions=True)
    refused = [str(outcome) for outcome in outcomes if isinstance(outcome, StoreRefused)]
    assert all("Another migration" in text for text in refused)
    done = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert (None, MIGRATIONS.revisions[-1]) in done
    assert len(refused) + len(done) == 4
    async with started(Target(url)) as store:
        await store.check()


def test_migrating_says_what_it_did(server: Server, database: str) -> None:
    """The first time tables are created, the second time there is nothing to do."""
    url, head = server.url(database), MIGRATIONS.revisions[-1]
    assert migrate_store(url, SCHEMA) == f"The tables were created, at revision {head}."
    assert migrate_store(url, SCHEMA) == f"The tables are up to date, at revision {head}."


def test_a_migration_that_fails_leaves_nothing_behind(server: Server, database: str) -> None:
    """All statements but concurrent ones are one transaction."""
    server.psql("CREATE TABLE secrets (mine int)", database)
    with pytest.raises(StoreRefused, match="already exists"):
        migrate_store(server.url(database), SCHEMA)
    assert server.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database) == "secrets"


def test_an_index_whose_making_broke_off_is_made_anew(server: Server, database: str) -> None:
    """A concurrent one leaves a corpse when it fails, which the next migration must not take for the index."""
    url = server.url(database)
    migrate_store(url, SCHEMA)
    server.psql(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'events_by_user'::regclass; "
        "UPDATE alembic_version SET version_num = '0001'",
        database,
    )
    migrate_store(url, SCHEMA)
    found = server.psql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'events_by_user'::regclass", database)
    assert found == "t"


async def test_the_role_of_the_service_needs_no_more_than_the_manual_says(server: Server) -> None:
    """The grants of docs/operate.md are enough to serve, and not enough to change the tables or the log."""
    with owned_database(server) as owned:
        await migrate(owned.owner_url, MIGRATIONS)
        owned.grant()
        async with started(Target(owned.service_url)) as store:
            assert await used(store) == "x"
            assert await store.secret("s", lambda: "kept") == "kept"
            await store.check()
        connection = await asyncpg.connect(owned.service_url)
        for forbidden in (
            "UPDATE changes SET kind = 'x'",
            "DELETE FROM changes",
            "TRUNCATE events",
            "CREATE TABLE t (i int)",
            "ALTER TABLE events ADD COLUMN i int",
            "UPDATE secrets SET value = 'x'",
            "UPDATE alembic_version SET version_num = 'x'",
            "UPDATE upkeep SET done = now()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
        await connection.close()


async def test_an_event_that_is_created_anew_among_others(server: Server, database: str) -> None:
    """Deleted and created in one commit it is a new row; others in that commit keep the time they were created."""
    url = server.url(database)
    await migrate(url, MIGRATIONS)
    later = ACTOR._replace(at=5)
    async with started(Target(url)) as store:
        for key in "ab":
            await store.write(Create(ACTOR, "events", key, KIND, {"eventDateTime": Instant(1), "osVersion": "old"}))
        await store.write_together(
            [
                Delete(later, "events", "a", frozenset({KIND}), ()),
                Create(later, "events", "a", KIND, {"eventDateTime": Instant(2)}),
                Update(later, "events", "b", frozenset({KIND}), (), {"failureReason": "x"}),
            ]
        )
        record = await store.read("tenant", "events", "a")
        assert record is not None
        assert store.layouts["events"].value(record, "osVersion") is None
    rows = server.psql(
        "SELECT id, version, created_ticks, modified_ticks, event_date_time_ticks, os_version FROM events ORDER BY id",
        database,
    )
    assert rows.splitlines() == ["a|1|5|5|2|", "b|2|1|5|1|old"]


async def test_a_pooler_that_keeps_no_statements(server: Server, database: str) -> None:
    """Told so, the store leaves no prepared statement behind."""
    url = server.url(database)
    await migrate(url, MIGRATIONS)
    async with started(Target(url, prepared=False)) as store:
        assert await used(store) == "x"
    connections = Connections(Target(url, prepared=False), 1)
    async with connections.lease() as connection:
        await connection.fetch("SELECT id FROM events WHERE tenant_id = $1", "tenant")
        assert await connection.fetch("SELECT name FROM pg_prepared_statements WHERE name <> ''") == []
    await connections.close()


async def test_connections_that_are_all_busy(server: Server) -> None:
    """Whoever waits too long is told when to come back; the connection that comes back is used again."""
    connections = Connections(Target(server.url(), lease_seconds=0.1), 1)
    async with connections.lease() as first:
        with pytest.raises(ServiceUnavailable) as told:
            async with connections.lease():
                pass
        assert told.value.headers["Retry-After"]
    async with connections.lease() as second:
        assert second is first
    await connections.close()


async def test_a_failed_transaction_does_not_cost_the_connection(server: Server) -> None:
    """It is rolled back, and the same connection goes on."""
    connections = Connections(Target(server.url()), 1)
    used: list[object] = []

    async def fail() -> None:
        async with connections.lease() as first:
            used.append(first)
            await first.execute("BEGIN")
            await first.execute("SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await fail()
    async with connections.lease() as second:
        assert used == [second]
        assert await second.fetchval("SELECT 1") == 1
    await connections.close()


def test_a_start_waits_for_neither_alembic_nor_sqlalchemy() -> None:
    """What only questions and migrations need is not imported with the store."""
    source = Path(migrate.__code__.co_filename).parent
    for name in ("postgres", "postgres_connections", "postgres_rows", "postgres_migrations", "postgres_retries"):
        text = (source / f"{name}.py").read_text(encoding="utf-8")
        assert not re.search(r"^(import|from) (sqlalchemy|alembic)", text, re.MULTILINE)
