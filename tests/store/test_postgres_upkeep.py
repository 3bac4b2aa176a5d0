import asyncio
import uuid
from collections.abc import Iterator
from functools import partial

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.plan.commands import Actor, Create, Update
from enrollscope.store.history import MIGRATIONS
from enrollscope.store.opening import migrate_store
from enrollscope.store.postgres import PostgresStore
from enrollscope.store.postgres_connections import Connections, Target
from enrollscope.store.postgres_upkeep import Upkeep
from tests.postgres import Server

ACTOR = Actor("tenant", None, "app", "token", "request", 1)
KIND = "enrollmentTroubleshootingEvent"
SOME_TEXT = (
    "INSERT INTO events_index (tenant_id, part, id, type, event_date_time_ticks, strings_lower) "
    "VALUES ('t', 0, 'k', 'x', 1, 'some text')"
)


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """A database with the tables, and with an extension that tells what waits."""
    with server.database() as name:
        migrate_store(server.url(name), SCHEMA)
        server.psql("CREATE EXTENSION pgstattuple", name)
        yield name


def waiting(server: Server, database: str) -> int:
    """Rows of the index table that wait to be put into the index of strings."""
    return int(server.psql("SELECT pending_tuples FROM pgstatginindex('events_index_with_text')", database))


def put_in(server: Server, database: str, seconds: float) -> str:
    """Ask for upkeep as a process of the service does; empty: somebody else was there."""
    return server.psql(f"SELECT store_put_in_waiting({seconds})", database)


async def until_put_in(server: Server, database: str) -> None:
    """Return when nothing waits."""
    for _ in range(200):
        if not await asyncio.to_thread(waiting, server, database):
            return
        await asyncio.sleep(0.05)
    pytest.fail("it still waits")


async def change(store: PostgresStore, reason: str) -> None:
    """Create an event and change it."""
    key = str(uuid.uuid4())
    await store.write(Create(ACTOR, "events", key, KIND, {"failureReason": "before", "eventDateTime": Instant(1)}))
    await store.write(Update(ACTOR, "events", key, frozenset({KIND}), (), {"failureReason": reason}))


async def test_what_waits_is_put_in_after_changes(
    server: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the changes themselves, but soon after them; then nothing runs until the next change."""
    monkeypatch.setattr("enrollscope.store.postgres.Upkeep", partial(Upkeep, seconds=0.2))
    store = PostgresStore(Target(server.url(database)), SCHEMA, MIGRATIONS, 100)
    await store.start()
    try:
        for reason in ("one", "two"):
            await change(store, reason)
            assert waiting(server, database)
            await until_put_in(server, database)
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("seconds", "answer"), [pytest.param(60, "", id="just-done"), pytest.param(0, "0", id="long-ago")]
)
def test_one_of_many_does_it(server: Server, database: str, seconds: float, answer: str) -> None:
    """Whoever comes too soon after another leaves it."""
    assert put_in(server, database, 0) == "0"
    assert put_in(server, database, seconds) == answer


def test_the_role_of_the_service_may_have_it_done(server: Server, database: str) -> None:
    """Only the owner of an index may put in what waits at it; the function is the owner's."""
    role = f"service_{uuid.uuid4().hex}"
    server.psql(f"CREATE ROLE {role}", database)
    try:
        server.psql(SOME_TEXT, database)
        assert waiting(server, database)
        server.psql(f"SET ROLE {role}; SELECT store_put_in_waiting(0)", database)
        assert not waiting(server, database)
    finally:
        server.psql(f"DROP ROLE {role}", database)


def test_nobody_borrows_the_rights_of_the_owner(server: Server, database: str) -> None:
    """The function means its own tables, whatever tables a caller has made."""
    server.psql("UPDATE upkeep SET done = clock_timestamp()", database)
    said = server.psql(
        "CREATE TEMP TABLE upkeep (done timestamptz); INSERT INTO upkeep VALUES ('-infinity'); "
        "SELECT coalesce(store_put_in_waiting(60)::text, 'too soon'), store_put_in_waiting(0); SELECT done FROM upkeep",
        database,
    )
    assert said.split() == ["too", "soon|0", "-infinity"]


@pytest.mark.parametrize("done", [pytest.param("-infinity", id="never"), pytest.param("infinity", id="in-the-future")])
def test_a_clock_that_was_wrong_stops_nothing(server: Server, database: str, done: str) -> None:
    """After a failover the last time may lie ahead."""
    server.psql(f"UPDATE upkeep SET done = '{done}'", database)  # noqa: S608 - one of two words
    assert put_in(server, database, 60) == "0"


async def test_a_failure_is_told_and_tried_again(
    server: Server, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that cannot do it now is asked again after the next change."""
    connections = Connections(Target(server.url(database)), 1)
    upkeep = Upkeep(connections, 0.01)
    server.psql("ALTER FUNCTION store_put_in_waiting RENAME TO elsewhere", database)
    upkeep.changed()
    for _ in range(200):
        if "was not put in" in caplog.text:
            break
        await asyncio.sleep(0.05)
    assert "was not put in" in caplog.text
    server.psql("ALTER FUNCTION elsewhere RENAME TO store_put_in_waiting", database)
    server.psql(SOME_TEXT, database)
    upkeep.changed()
    await until_put_in(server, database)
    await upkeep.close()
    await connections.close()
