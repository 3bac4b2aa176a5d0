"""The start behind a PgBouncer in transaction mode: it works as the manual says, or says what is missing."""

import time
from collections.abc import Iterator, Mapping

import asyncpg
import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.plan.commands import Actor, Create, Update
from enrollscope.store.base import StoreRefused
from enrollscope.store.history import MIGRATIONS
from enrollscope.store.opening import migrate_store
from enrollscope.store.postgres import PostgresStore
from enrollscope.store.postgres_connections import Connections, Target
from tests.pgbouncer import KEEPING, limits, pooler_of, pooling
from tests.postgres import Server

pytestmark = pytest.mark.slow

ACTOR = Actor("tenant", None, "app", "token", "request", 1)
KIND = "enrollmentTroubleshootingEvent"
KEEPS = [pytest.param(False, id="keeps-no-statements"), pytest.param(True, id="keeps-statements")]


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """A new database with the tables."""
    with server.database() as name:
        migrate_store(server.url(name), SCHEMA)
        yield name


async def start(target: Target) -> None:
    """Start a store and close it."""
    store = PostgresStore(target, SCHEMA, MIGRATIONS, queue=100)
    await store.start()
    await store.close()


@pytest.mark.parametrize("keeping", KEEPS)
async def test_events_are_changed_and_read(server: Server, database: str, keeping: bool) -> None:
    """Two stores on one connection to the server take turns with it, statement by statement."""
    with pooling(server, database, keeping=keeping, settings={"default_pool_size": "1"}) as pooler:
        target = Target(pooler.url(database), prepared=keeping)
        stores = [PostgresStore(target, SCHEMA, MIGRATIONS, queue=100) for _ in range(2)]
        for store in stores:
            await store.start()
        for round_ in range(3):
            for store in stores:
                key = f"{round_}-{id(store)}"
                await store.write(Create(ACTOR, "events", key, KIND, {"eventDateTime": Instant(1)}))
                await store.write(Update(ACTOR, "events", key, frozenset({KIND}), (), {"failureReason": key}))
                for reader in stores:
                    record = await reader.read("tenant", "events", key)
                    assert record is not None
                    assert store.layouts["events"].value(record, "failureReason") == key
        assert len(await stores[0].changes("tenant", 0, 100)) == 12
        secrets = {await store.secret("s", lambda: "kept") for store in stores}
        assert secrets == {"kept"}
        for store in stores:
            await store.close()


@pytest.mark.parametrize("keeping", KEEPS)
async def test_limits_hold(server: Server, database: str, keeping: bool) -> None:
    """A statement that takes too long and a wait for a lock end, although no connection can be told when."""
    with pooling(server, database, keeping=keeping) as pooler:
        server.psql(f"ALTER ROLE {pooler.role} SET statement_timeout = '300ms'")
        server.psql(f"ALTER ROLE {pooler.role} SET lock_timeout = '100ms'")
        connections = Connections(Target(pooler.url(database), prepared=keeping), 2)
        async with connections.lease() as first, connections.lease() as second:
            begun = time.monotonic()
            with pytest.raises(asyncpg.QueryCanceledError):
                await first.fetch("SELECT pg_sleep(20)")
            async with first.transaction():
                await first.execute("LOCK TABLE events")
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await second.fetch("SELECT * FROM events")
            assert time.monotonic() - begun < 10
        await connections.close()


REFUSED = [
    pytest.param(
        {"prepared": True},
        {},
        ["ENROLLSCOPE_PREPARED_STATEMENTS=no", "PgBouncer 1.21", "max_prepared_statements"],
        id="statements-that-it-does-not-keep",
    ),
    pytest.param(
        {"prepared": False, "limited": False},
        {},
        [
            "SET statement_timeout = '30000ms';",
            "SET lock_timeout = '2000ms';",
            "SET idle_in_transaction_session_timeout = '10000ms';",
            "RECONNECT",
        ],
        id="a-role-without-limits",
    ),
    pytest.param(
        {"prepared": False},
        {"ignore_startup_parameters": "extra_float_digits"},
        ["ignore_startup_parameters = statement_timeout, lock_timeout,", "deploy/pgbouncer.ini"],
        id="parameters-that-it-refuses",
    ),
    pytest.param(
        {"prepared": False},
        {
            "ignore_startup_parameters": "statement_timeout, lock_timeout, idle_in_transaction_session_timeout, jit, "
            "plan_cache_mode, enable_seqscan",
        },
        ["enable_sort, enable_bitmapscan, max_parallel_workers_per_gather"],
        id="those-of-an-earlier-version",
    ),
    pytest.param(
        {"prepared": False},
        {
            "ignore_startup_parameters": "statement_timeout, lock_timeout, idle_in_transaction_session_timeout, jit",
        },
        ["ignore_startup_parameters = statement_timeout, lock_timeout,", "plan_cache_mode"],
        id="some-parameters-that-it-refuses",
    ),
]


@pytest.mark.parametrize(("how", "settings", "told"), REFUSED)
async def test_a_start_that_is_refused(
    server: Server, database: str, how: dict[str, bool], settings: Mapping[str, str], told: list[str]
) -> None:
    """It says what to change; refused again and again, it leaves nothing on the connections of the others."""
    limited = how.get("limited", True)
    with pooling(
        server, database, keeping=False, limited=limited, settings={"default_pool_size": "1", **settings}
    ) as pooler:
        for _ in range(3):
            with pytest.raises(StoreRefused) as refused:
                await start(Target(pooler.url(database), prepared=how["prepared"]))
            assert [words for words in told if words not in str(refused.value)] == []
        other = await asyncpg.connect(pooler.url(database), statement_cache_size=0)
        assert await other.fetch("SELECT name FROM pg_prepared_statements WHERE name <> ''") == []
        await other.close()


async def test_what_a_refusal_says_helps(server: Server, database: str) -> None:
    """The statements that it names are those that are missing, and after them the start succeeds."""
    with pooling(server, database, keeping=False, limited=False) as pooler:
        target = Target(pooler.url(database), prepared=False)
        with pytest.raises(StoreRefused) as refused:
            await start(target)
        server.psql(str(refused.value).partition("itself: ")[2].partition(" Then")[0])
        pooler.kill()  # its connections to the server would keep what they began with
        pooler.start()
        await start(target)


async def test_limits_that_are_too_wide(server: Server, database: str) -> None:
    """A role that may wait longer than the service does is refused for that alone."""
    with pooling(server, database, keeping=False) as pooler:
        server.psql(f"ALTER ROLE {pooler.role} SET lock_timeout = '1min'")
        with pytest.raises(StoreRefused, match="lock_timeout") as refused:
            await start(Target(pooler.url(database), prepared=False))
        assert "statement_timeout" not in str(refused.value)


@pytest.mark.parametrize("keeping", KEEPS)
def test_a_migration_wants_the_server_itself(server: Server, database: str, keeping: bool) -> None:
    """Through a pooler its lock would stay behind: it is refused, and the next one finds no lock."""
    with pooling(server, database, keeping=keeping) as pooler:
        with pytest.raises(StoreRefused, match=r"is a pooler\. Migrate with the URL of the server itself"):
            migrate_store(pooler.url(database), SCHEMA)
        assert "up to date" in migrate_store(server.url(database), SCHEMA)


def test_the_limits_of_the_manual_are_those_of_the_service(server: Server, database: str) -> None:
    """What the role gets is what a connection gets that goes to the server itself."""
    with pooling(server, database, keeping=False, limited=False) as pooler:
        server.psql(limits(pooler.role))
        names = ", ".join(f"'{name}'" for name in Target("").limits)
        found = server.psql(
            f"SELECT name || ' ' || setting FROM pg_settings WHERE name IN ({names})",  # noqa: S608
            user=pooler.role,
        )
    assert dict(line.split() for line in found.splitlines()) == {
        name: str(limit) for name, limit in Target("").limits.items()
    }


def test_both_kinds_are_tested() -> None:
    """One keeps statements by its version and its settings, the other does not."""
    program, settings = pooler_of(keeping=False)
    assert program.version < KEEPING or settings == {"max_prepared_statements": "0"}
    program, settings = pooler_of(keeping=True)
    assert program.version >= KEEPING
    assert settings == {}
