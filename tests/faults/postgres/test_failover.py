"""The primary is lost, and a replica that streamed from it takes its place."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from enrollscope.odata.plan.commands import Update
from enrollscope.store.base import StoreRefused
from enrollscope.store.postgres_connections import Target
from tests.faults.postgres.storm import (
    STORED,
    TYPES,
    Storm,
    actor,
    judge,
    migrated,
    raging,
    started,
    store_at,
)
from tests.postgres import SETTINGS, Server, own_server

pytestmark = pytest.mark.slow


@contextmanager
def pair() -> Iterator[tuple[Server, Server]]:
    """A primary and a replica that every commit waits for."""
    folder = Path(tempfile.mkdtemp(prefix="enrollscope-replica-"))
    folder.chmod(0o711)
    try:
        with own_server(SETTINGS) as primary, primary.standby(folder / "standby").running() as standby:
            primary.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.psql("SELECT pg_reload_conf()")
            yield primary, standby
    finally:
        shutil.rmtree(folder)


async def replicating(primary: Server) -> None:
    """Return when the replica is waited for."""
    async with asyncio.timeout(30):
        while primary.psql("SELECT sync_state FROM pg_stat_replication") != "sync":  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.1)


async def test_a_promoted_replica_has_everything_that_was_answered() -> None:
    """The store finds the new primary by itself, and asks there what became of its commits."""
    with pair() as (primary, standby):
        await replicating(primary)
        database = primary.new_database()
        await migrated(primary, database)
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        url = f"postgresql://postgres@{hosts}/{database}?target_session_attrs=read-write"
        async with started(store_at(Target(url))) as store, raging(store) as storm:
            await asyncio.to_thread(primary.kill)
            await asyncio.to_thread(standby.control, "promote", "-w")
            await storm.grown(500)
        assert_nothing_lost(standby, database, storm)


async def test_a_change_is_answered_when_the_replica_has_it_whoever_was_asked() -> None:
    """The primary restarts with a change that the replica never got: finding it in its log is not enough to answer."""
    with pair() as (primary, standby):
        await replicating(primary)
        database = primary.new_database()
        await migrated(primary, database)
        async with started(store_at(Target(primary.url(database)))) as store:
            storm = Storm(store, ("one",))
            await storm.begin()
            standby.stop("immediate")
            change = Update(actor("one", "alone"), STORED, "shared-0", TYPES, (), {"failureReason": "alone"})
            answer = asyncio.ensure_future(store.write(change))
            await waiting_for_the_replica(primary)
            await asyncio.to_thread(primary.stop, "immediate")
            await asyncio.to_thread(primary.start)
            await waiting_for_the_replica(primary)
            assert primary.psql("SELECT count(*) FROM changes WHERE client_request_id = 'alone'", database) == "1"
            assert not answer.done()
            await asyncio.to_thread(standby.start)
            assert (await answer).changed
        primary.kill()
        standby.control("promote", "-w")
        assert standby.psql("SELECT count(*) FROM changes WHERE client_request_id = 'alone'", database) == "1"


async def test_what_changes_nothing_is_answered_when_the_replica_has_what_it_tells_of() -> None:
    """The event is as the client wants it, by a change that may be on the primary alone."""
    with pair() as (primary, standby):
        await replicating(primary)
        database = primary.new_database()
        await migrated(primary, database)
        async with started(store_at(Target(primary.url(database)))) as store:
            await Storm(store, ("one",)).begin()
            change = Update(actor("one", "first"), STORED, "shared-0", TYPES, (), {"failureReason": "same"})
            again = Update(actor("one", "again"), STORED, "shared-0", TYPES, (), {"failureReason": "same"})
            await store.write(change)
            standby.stop("immediate")
            answer = asyncio.ensure_future(store.write(again))
            await waiting_for_the_replica(primary)
            assert not answer.done()
            await asyncio.to_thread(standby.start)
            assert not (await answer).changed


async def test_a_server_that_waits_for_no_replica_that_it_names_is_refused() -> None:
    """An operator who names one means that changes are there, too."""
    with pair() as (primary, _):
        database = primary.new_database()
        url = await migrated(primary, database)
        primary.psql(f"ALTER DATABASE {database} SET synchronous_commit = local")
        with pytest.raises(StoreRefused, match="synchronous_standby_names"):
            await store_at(Target(url)).start()


async def waiting_for_the_replica(primary: Server) -> None:
    """Return when a commit waits, on a server that may be starting."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(told, primary, waiting):  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.1)


def told(server: Server, question: str) -> bool:
    """Whether a server that may be starting counts any."""
    try:
        return server.psql(question) != "0"
    except RuntimeError:
        return False


def assert_nothing_lost(server: Server, database: str, storm: Storm) -> None:
    """No outcome is unknown, since the new primary could be asked; the rest is the judge's."""
    assert storm.unknown == []
    judge(server, database, storm)
