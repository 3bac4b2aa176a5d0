"""A PgBouncer in transaction mode between service and server, under load: nothing answered is lost or there twice."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from enrollscope.odata.errors import ServiceUnavailable
from enrollscope.store.postgres_connections import Connections, Target
from tests.faults.postgres.clients import ALONE
from tests.faults.postgres.storm import judge, migrated, raging, read_log, read_rows, started, store_at
from tests.pgbouncer import Pooler, pooling
from tests.postgres import Server, own_server
from tests.serving import run_command, running
from tests.wire import EVENTS, Connection

pytestmark = pytest.mark.slow

KEEPS = [pytest.param(False, id="keeps-no-statements"), pytest.param(True, id="keeps-statements")]
CLIENTS = 32
CHANGES_EACH = 20
SMALL = {"default_pool_size": "4"}


@contextmanager
def served(pooler: Pooler, database: str, folder: Path, *, prepared: bool) -> Iterator[tuple[int, str]]:
    """Two processes of the service behind a pooler; their port, and a token."""
    url = pooler.url(database)
    result = run_command("token", "--database", url, "--tenant", ALONE)
    assert result.returncode == 0, result.stderr
    settings = {"ENROLLSCOPE_PREPARED_STATEMENTS": "yes" if prepared else "no"}
    with running("--database", url, "--workers", "2", log=folder / "log", settings=settings) as (_, address):
        yield int(address.rpartition(":")[2]), result.stdout.strip()


@dataclass(slots=True)
class Answers:
    """What clients were told.

    Attributes:
        made: version told for each event and each `failureReason`, which no other change has.
        statuses: of all other answers, which a pooler must not lead to.
    """

    made: dict[tuple[str, str], str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)

    async def change_and_read(self, port: int, token: str, number: int, keys: list[str]) -> None:
        """Change events that others change, too; read and ask for each what it is by then."""
        choose = random.Random(number)  # noqa: S311 - repeatable on purpose
        async with await Connection.open(port) as connection:
            for change in range(CHANGES_EACH):
                key, reason = choose.choice(keys), f"{number}-{change}"
                answer = await connection.ask("PATCH", f"{EVENTS}/{key}", token, {"failureReason": reason})
                if answer.status == 200:
                    self.made[key, reason] = answer.headers["etag"]
                    read = await connection.ask("GET", f"{EVENTS}/{key}", token)
                    assert _version(read.json["@odata.etag"]) >= _version(answer.headers["etag"])
                    found = await connection.ask("GET", f"{EVENTS}?$filter=id%20eq%20'{key}'&$count=true", token)
                    assert found.json["@odata.count"] == 1
                else:
                    self.statuses.append(answer.status)


def _version(etag: str) -> int:
    return int(etag.split('"')[1])


async def events(port: int, token: str, count: int) -> list[str]:
    """Make events; their keys."""
    async with await Connection.open(port) as connection:
        answers = [await connection.ask("POST", EVENTS, token, {"failureReason": "0"}) for _ in range(count)]
    return [answer.json["id"] for answer in answers]


@pytest.mark.parametrize("keeping", KEEPS)
async def test_changes_and_reads_of_many(
    server: Server,
    database: str,
    tmp_path: Path,
    keeping: bool,
) -> None:
    """Two processes share four connections to the server: every change answered is in the log once, at that version."""
    await migrated(server, database)
    with (
        pooling(server, database, keeping=keeping, settings=SMALL) as pooler,
        served(pooler, database, tmp_path, prepared=keeping) as (port, token),
    ):
        keys, answers = await events(port, token, 10), Answers()
        await asyncio.gather(*(answers.change_and_read(port, token, number, keys) for number in range(CLIENTS)))
        assert server.psql("SELECT usename FROM pg_stat_activity").splitlines().count(pooler.role) <= 4
    assert answers.statuses == []
    log, _ = read_log(server, database, ALONE)
    updates = [((entry.key, entry.after["failureReason"]), f'W/"{entry.version}"') for entry in log[len(keys) :]]
    assert len(updates) == CLIENTS * CHANGES_EACH
    assert dict(updates) == answers.made
    last = {entry.key: (entry.version, entry.after["failureReason"]) for entry in log}
    assert {key: row[:2] for key, row in read_rows(server, database, ALONE).items()} == last


@pytest.mark.parametrize("keeping", KEEPS)
async def test_a_pooler_that_is_killed_and_comes_back(server: Server, database: str, keeping: bool) -> None:
    """Whatever it was carrying: what became of a commit is looked up, all else is tried again."""
    await migrated(server, database)
    with pooling(server, database, keeping=keeping, settings=SMALL) as pooler:
        target = Target(pooler.url(database), prepared=keeping)
        async with started(store_at(target)) as store, raging(store) as storm:
            for _ in range(8):
                await asyncio.to_thread(pooler.kill)
                await asyncio.to_thread(pooler.start)
                await storm.grown(100)
    assert (storm.unknown, storm.refused) == ([], [])
    judge(server, database, storm)


async def test_a_server_that_crashes_behind_a_pooler() -> None:
    """The pooler soon finds it again, and changes are made again; both ask for passwords."""
    with own_server() as server:
        database = server.new_database()
        await migrated(server, database)
        with pooling(server, database, keeping=False, settings=SMALL) as pooler:
            demand_password(server, pooler.role)
            target = Target(pooler.url(database), prepared=False)
            async with started(store_at(target)) as store, raging(store) as storm:
                for _ in range(2):
                    await asyncio.to_thread(lambda: server.stop("immediate"))
                    await asyncio.to_thread(server.start)
                    await storm.grown(100, seconds=10)
        assert storm.unknown == []
        judge(server, database, storm)


def demand_password(server: Server, role: str) -> None:
    """Have the server believe nobody who says that he is this role."""
    rules = server.data / "pg_hba.conf"
    kept = rules.read_text(encoding="utf-8")
    rules.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n{kept}", encoding="utf-8")
    server.psql("SELECT pg_reload_conf()")


async def test_one_connection_for_all(server: Server, database: str) -> None:
    """Everything takes turns, and is answered."""
    await migrated(server, database)
    with pooling(server, database, keeping=True, settings={"default_pool_size": "1"}) as pooler:
        async with started(store_at(Target(pooler.url(database)))) as store, raging(store) as storm:
            await storm.grown(300)
    assert (storm.unknown, storm.refused) == ([], [])
    judge(server, database, storm)


async def test_connections_that_stay_busy(server: Server, database: str) -> None:
    """Changes and reads are refused in time, with a time to come back; nothing was changed, and later all goes on."""
    await migrated(server, database)
    settings = {"default_pool_size": "1", "query_wait_timeout": "2"}
    with pooling(server, database, keeping=False, settings=settings) as pooler:
        target = Target(pooler.url(database), prepared=False, retry_seconds=1)
        async with started(store_at(target)) as store, raging(store) as storm:
            others = Connections(target, 1)
            async with others.lease() as other:
                await _take(other)
                begun = time.monotonic()
                with pytest.raises(ServiceUnavailable, match="Nothing was changed") as told:
                    await store.read("one", "events", "shared-0")
                assert time.monotonic() - begun < 10
                assert int(told.value.headers["Retry-After"]) >= 1
                await other.execute("ROLLBACK")
            await others.close()
            await storm.grown(100)
    assert storm.refused
    assert storm.unknown == []
    judge(server, database, storm)


async def _take(connection: Any) -> None:
    """Begin a transaction, as soon as the pooler has a connection for it."""
    await connection.execute("BEGIN")
    await connection.execute("SELECT 1")


def test_a_service_that_is_refused(server: Server, database: str) -> None:
    """It ends at once with a message, and its workers with it; nothing is served that would fail later."""
    asyncio.run(migrated(server, database))
    with pooling(server, database, keeping=False) as pooler:
        result = run_command("serve", "--port", "0", "--workers", "2", "--database", pooler.url(database))
    assert result.returncode == 1
    assert "ENROLLSCOPE_PREPARED_STATEMENTS=no" in result.stderr
