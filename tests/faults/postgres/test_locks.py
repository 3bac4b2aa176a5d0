"""Other sessions hold what changes need, or want what changes hold: they wait, and try again what is broken off."""
# ruff: noqa: S608 - the names of events are ours

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import asyncpg
import pytest

from enrollscope.odata.edm.layout import VERSION
from enrollscope.odata.errors import PreconditionFailed, ResourceNotFound
from enrollscope.odata.plan.commands import Precondition, Update
from enrollscope.store.base import Store, Written
from enrollscope.store.postgres_connections import Connection, Target
from tests.faults.postgres.storm import (
    STORED,
    TENANTS,
    TYPES,
    Storm,
    actor,
    judge,
    migrated,
    raging,
    read_log,
    started,
    store_at,
)
from tests.postgres import Server

pytestmark = pytest.mark.slow

T = TypeVar("T")

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
OF_SHARED = "WHERE tenant_id = 'one' AND id = 'shared-{}'"


def made(storm: Storm) -> dict[str, int]:
    """How many changes of each tenant were answered with success so far."""
    return {tenant: sum(name.startswith(f"{tenant}-") for name in storm.done) for tenant in TENANTS}


@pytest.mark.parametrize(
    "lock_seconds", [pytest.param(10, id="for-less-than-they-wait"), pytest.param(0.3, id="for-longer")]
)
async def test_a_counter_that_somebody_holds(server: Server, database: str, lock_seconds: float) -> None:
    """Changes of its tenant wait for it, and are made or refused; those of others go on meanwhile."""
    url = await migrated(server, database)
    async with started(store_at(Target(url, lock_seconds=lock_seconds))) as store, raging(store) as storm:
        holder = await asyncpg.connect(url)
        async with holder.transaction():
            await holder.execute("SELECT FROM positions WHERE tenant_id = 'one' FOR UPDATE")
            await asyncio.sleep(0.2)  # what was made before is answered
            before = made(storm)
            await asyncio.sleep(1)
            meanwhile = made(storm)
        await holder.close()
        await storm.grown(300)
    assert meanwhile["one"] == before["one"] < made(storm)["one"]
    assert min(meanwhile[tenant] - before[tenant] for tenant in TENANTS[1:]) > 0
    assert storm.unknown == []
    assert {name.partition("-")[0] for name in storm.refused} == (set() if lock_seconds > 1 else {"one"})
    judge(server, database, storm)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something for which the server breaks off a transaction that is to be tried again.

    Attributes:
        setting: of the database.
        says: what the server logs.
        crosswise: the other session wants what the change holds, too.
    """

    setting: str
    says: str
    crosswise: bool = False


CONFLICTS = [
    pytest.param(
        Conflict("default_transaction_isolation = 'repeatable read'", "could not serialize access"),
        id="serialization",
    ),
    pytest.param(Conflict("deadlock_timeout = '1s'", "deadlock detected", crosswise=True), id="deadlock"),
]


@pytest.mark.parametrize("conflict", CONFLICTS)
@pytest.mark.parametrize(
    ("theirs", "answer"),
    [
        pytest.param("UPDATE events SET version = 9", PreconditionFailed, id="changed"),
        pytest.param("DELETE FROM events", ResourceNotFound, id="deleted"),
    ],
)
async def test_of_changes_that_are_broken_off_those_that_can_be_are_made(
    server: Server, database: str, conflict: Conflict, theirs: str, answer: type[Exception]
) -> None:
    """They share a batch. Each is answered by what the other session has left of its event."""

    async def both(store: Store) -> Sequence[object]:
        return await asyncio.gather(*(store.write(change(number)) for number in range(2)), return_exceptions=True)

    first, second = await broken_off(server, database, conflict, theirs, both)
    assert isinstance(first, Written), first
    assert first.record[VERSION] == 2
    assert type(second) is answer, second
    assert tried(server, database) == [("shared-0", 2)]


@pytest.mark.parametrize("conflict", CONFLICTS)
async def test_a_change_that_is_broken_off_is_made(server: Server, database: str, conflict: Conflict) -> None:
    """Once the other session has ended, which left everything as it was; the client hears of nothing else."""

    async def together(store: Store) -> Sequence[Written]:
        return await store.write_together([change(number) for number in range(2)])

    written = await broken_off(server, database, conflict, "UPDATE events SET version = version", together)
    assert [each.record[VERSION] for each in written] == [2, 2]
    assert tried(server, database) == [("shared-0", 2), ("shared-1", 2)]


async def broken_off(
    server: Server, database: str, conflict: Conflict, theirs: str, work: Callable[[Store], Awaitable[T]]
) -> T:
    """Change two events while another session does something to the second; what comes of it."""
    url = await migrated(server, database)
    server.psql(f"ALTER DATABASE {database} SET {conflict.setting}")
    log = server.folder / "log"
    async with started(store_at(Target(url))) as store:
        await Storm(store, ("one",)).begin()
        other = await asyncpg.connect(
            url, server_settings={"deadlock_timeout": "1min"}
        )  # it is not the one to give way
        logged = log.stat().st_size
        async with other.transaction():
            await other.execute(f"{theirs} {OF_SHARED.format(1)}")
            outcome = asyncio.ensure_future(work(store))
            await blocked_by(other)
            if conflict.crosswise:
                await other.execute(f"UPDATE events SET version = version {OF_SHARED.format(0)}")
        await other.close()
        answers = await outcome
    assert conflict.says in log.read_bytes()[logged:].decode()
    return answers


def tried(server: Server, database: str) -> list[tuple[str, int]]:
    """Event and version of each change that was made."""
    entries, names = read_log(server, database, "one")
    return [(entry.key, entry.version) for entry, name in zip(entries, names, strict=True) if name.startswith("try-")]


def change(number: int) -> Update:
    """A change of an event as it was created."""
    precondition = Precondition(frozenset({1}))
    return Update(
        actor("one", f"try-{number}"), STORED, f"shared-{number}", TYPES, (), {"failureReason": "tried"}, precondition
    )


async def blocked_by(other: Connection) -> None:
    """Return when somebody waits for what a session holds."""
    async with asyncio.timeout(10):
        while not await other.fetchval(BLOCKED):  # noqa: ASYNC110 - it is another session
            await asyncio.sleep(0.01)
