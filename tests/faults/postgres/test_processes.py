"""The service as several processes on one database: killed one by one and all together, under load over HTTP."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from enrollscope.model.events import SCHEMA
from tests.faults.ledger import replay
from tests.faults.load import Load
from tests.faults.postgres.clients import token_of
from tests.faults.postgres.storm import agreed_log, migrated
from tests.index_tables import strays
from tests.postgres import Server
from tests.serving import run_command, running
from tests.wire import EVENTS, Connection

pytestmark = pytest.mark.slow

TENANTS = tuple(f"7f3c1f8e-5b0e-4d55-9f0e-0d6a2f3c9b1{number}" for number in range(3))
CLIENTS = 6
"""Of each tenant, on a connection of its own."""

SHARED = 5
ROUNDS = 3
ENOUGH = 170
"""How many changes each tenant has answered before all is killed."""


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """The workers of a service."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
    return [int(number) for number in text.split()]


def alive(workers: list[int]) -> list[int]:
    """Those that still run."""
    return [worker for worker in workers if Path(f"/proc/{worker}").exists()]


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """End a service and its workers at once."""
    workers = children(process)
    process.kill()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)


async def create_shared(port: int, bearer: str) -> list[str]:
    """Events for every client to change."""
    async with await Connection.open(port) as connection:
        answers = [await connection.ask("POST", EVENTS, bearer, {"failureReason": "none"}) for _ in range(SHARED)]
    return [answer.json["id"] for answer in answers]


async def replaced(process: subprocess.Popen[bytes], dead: int) -> None:
    """Return when another worker is in the place of one that was killed."""
    async with asyncio.timeout(20):
        while len(workers := children(process)) < 2 or dead in workers:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.05)


async def change_until(loads: Sequence[Load], name: str, kill: Callable[[], None]) -> None:
    """Let clients of all tenants change events, and kill something while they do, until no client is left."""
    clients = asyncio.gather(*(load.run(name, CLIENTS) for load in loads))
    async with asyncio.timeout(60):
        await asyncio.gather(*(load.enough.wait() for load in loads))
        kill()
        await clients


async def test_processes_that_are_killed(server: Server, database: str, tmp_path: Path) -> None:
    """A killed worker is replaced; after all are killed a new service goes on. No change is lost, doubled or halved."""
    url = await migrated(server, database)
    tokens = await asyncio.gather(*(asyncio.to_thread(token_of, url, tenant) for tenant in TENANTS))
    rounds: list[list[Load]] = []
    for number in range(ROUNDS):
        with running("--database", url, "--workers", "2", log=tmp_path / f"{number}.log") as (process, address):
            port = int(address.rpartition(":")[2])
            victim = children(process)[0]
            os.kill(victim, signal.SIGKILL)
            await replaced(process, victim)
            rounds.append([Load(port, token, await create_shared(port, token), ENOUGH) for token in tokens])
            await change_until(rounds[-1], f"round-{number}", lambda: kill_all(process))
    for tenant, *loads in zip(TENANTS, *rounds, strict=True):
        judge_loads(server, database, tenant, loads)
    assert strays(server, database, SCHEMA) == []


def judge_loads(server: Server, database: str, tenant: str, loads: Sequence[Load]) -> None:
    """Each answered change of a tenant is in the log once, each unanswered one at most once; the events agree."""
    log, _ = agreed_log(server, database, tenant)
    states = replay(log)
    by_reason = {entry.after.get("failureReason"): entry for entry in log if entry.kind != "deleted"}
    assert [load.refused for load in loads] == [[]] * ROUNDS
    for change in [change for load in loads for change in load.answered]:
        if change.kind == "deleted":
            assert states[change.key].properties is None
        else:
            entry = by_reason[change.reason]
            assert (entry.kind, entry.key, f'W/"{entry.version}"') == (change.kind, change.key, change.etag)
    # A client waits for its answer before it goes on, so each has at most one change that nobody heard of.
    assert 0 <= len(log) - ROUNDS * SHARED - sum(len(load.answered) for load in loads) <= ROUNDS * CLIENTS
    assert len(by_reason) == len([entry for entry in log if entry.kind != "deleted"]) - ROUNDS * SHARED + 1


async def test_workers_end_with_their_supervisor(server: Server, database: str, tmp_path: Path) -> None:
    """Killed so that it cannot say goodbye, it leaves no process behind that goes on serving."""
    url = await migrated(server, database)
    with running("--database", url, "--workers", "2", log=tmp_path / "log") as (process, _):
        workers = children(process)
        process.kill()
        async with asyncio.timeout(20):
            while alive(workers):  # noqa: ASYNC110 - they are other processes
                await asyncio.sleep(0.05)
    assert len(workers) == 2


async def test_stopping_stops_all(server: Server, database: str, tmp_path: Path) -> None:
    """A SIGTERM to the one process that was started ends it and its workers, with status 0."""
    url = await migrated(server, database)
    with running("--database", url, "--workers", "2", log=tmp_path / "log") as (process, _):
        workers = children(process)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 20) == 0
    assert alive(workers) == []


def test_workers_that_refuse_end_the_service(server: Server, database: str) -> None:
    """A database without tables is the same to all of them: the message is shown, the command to run is named."""
    result = run_command("serve", "--port", "0", "--workers", "2", "--database", server.url(database))
    assert result.returncode == 1
    assert "enrollscope migrate --database" in result.stderr
