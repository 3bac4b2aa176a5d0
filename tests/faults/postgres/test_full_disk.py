"""A disk of PostgreSQL fills up under load and has room again: nothing that was answered is lost, nothing is halved."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from enrollscope.store.postgres_connections import Target
from tests.faults.postgres.clients import PATIENCE_SECONDS, changing, judge_clients
from tests.faults.postgres.disk import MEGABYTE, SmallDisk, small_disk
from tests.faults.postgres.storm import Storm, judge, migrated, raging, started, store_at
from tests.postgres import SETTINGS, Server, own_folder

pytestmark = pytest.mark.slow

ROOMY = 256 * MEGABYTE
TIGHT = 2 * MEGABYTE
"""Room for some thousand changes."""

CLIENTS = 4


async def refused(storm: Storm, count: int) -> None:
    """Return when so many changes were refused."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(storm.refused) < count:  # noqa: ASYNC110 - nobody tells of a refusal
            await asyncio.sleep(0.05)


async def stopped(server: Server) -> None:
    """Return when the server has ended."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await asyncio.to_thread(server.control, "status", check=False) == 0:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


@contextmanager
def server_on(folder: Path, *options: str) -> Iterator[tuple[Server, SmallDisk]]:
    """A running server, made with these options of `initdb`, that sees a disk at a folder."""
    with small_disk(folder, ROOMY) as disk:
        place = folder.with_name("server")
        with Server.create(place, SETTINGS, *options, launcher=disk.launcher).running() as server:
            yield server, disk


async def test_a_table_space_without_room(tmp_path: Path) -> None:
    """What needs room answers 503 and is not made; reading goes on; with room, changes go on by themselves."""
    with own_folder() as folder, server_on(folder / "disk") as (server, disk):
        server.psql(f"CREATE TABLESPACE tight LOCATION '{disk.folder}'")
        server.psql("CREATE DATABASE events TABLESPACE tight")
        target = Target(await migrated(server, "events"))
        async with changing(target.url, tmp_path / "log", CLIENTS) as clients:
            client = clients[0]
            await client.read()  # a connection that is not there yet may need room, too
            async with started(store_at(target)) as store, raging(store) as storm:
                disk.resize(disk.used + TIGHT)
                await client.change_until(503)
                assert "No space left on device" in client.refused[-1].json["error"]["message"]
                assert "Nothing was changed" in client.refused[-1].json["error"]["message"]
                assert await client.read() == (200, client.made[-1][0])
                await refused(storm, 20)
                disk.resize(ROOMY)
                await client.change_until(200)
                await storm.grown(300)
        assert [client.unknown for client in clients] == [[]] * CLIENTS
        assert storm.unknown == []
        judge(server, "events", storm)
        judge_clients(server, "events", clients)


async def test_a_log_without_room(tmp_path: Path) -> None:
    """Where PostgreSQL cannot write its log it ends: 503 until it is back, and then all is there that was answered.

    A replica that is gone for good keeps the server from removing old parts of the log. Before it gives up, the server
    breaks off a commit; whether that one took effect, the store finds out afterwards.
    """
    with own_folder() as folder:
        disk_folder = folder / "disk"
        with server_on(disk_folder, f"--waldir={disk_folder}/log", "--wal-segsize=1") as (server, disk):
            server.psql("CREATE DATABASE events")
            target = Target(await migrated(server, "events"), retry_seconds=0.5)
            server.psql("SELECT pg_create_physical_replication_slot('gone', true)")
            async with changing(target.url, tmp_path / "log", CLIENTS) as clients:
                client = clients[0]
                async with started(store_at(target)) as store, raging(store) as storm:
                    disk.resize(disk.used + TIGHT)
                    await stopped(server)
                    await client.change_until(503)
                    assert "Nothing was changed" in client.refused[-1].json["error"]["message"]
                    disk.resize(ROOMY)
                    await asyncio.to_thread(server.start)
                    await client.change_until(200)
                    await storm.grown(300)
            assert "PANIC:  could not write to file" in (server.folder / "log").read_text(encoding="utf-8")
            judge(server, "events", storm)
            judge_clients(server, "events", clients)
