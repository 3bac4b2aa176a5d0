"""The primary is lost, and a replica that streamed from it takes its place."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from enrollscope.store.postgres_connections import Target
from tests.faults.postgres.storm import Storm, judge, migrated, raging, started, store_at
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


def assert_nothing_lost(server: Server, database: str, storm: Storm) -> None:
    """No outcome is unknown, since the new primary could be asked; the rest is the judge's."""
    assert storm.unknown == []
    judge(server, database, storm)
