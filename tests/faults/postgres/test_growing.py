"""The ways of docs/scale.md beyond one server: a service on a replica, and the recovery of a moment."""
# ruff: noqa: S608 - what is put in is ours

import asyncio
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from enrollscope.odata.edm.values import Instant
from enrollscope.odata.plan.commands import Command, Create, Update
from enrollscope.store.postgres_connections import Target
from tests.faults.postgres.clients import token_of
from tests.faults.postgres.storm import KIND, STORED, TYPES, actor, migrated, started, store_at
from tests.postgres import SETTINGS, Server, account, binaries, free_port, own_folder
from tests.serving import run_command, running
from tests.wire import EVENTS

pytestmark = pytest.mark.slow

DOCUMENT = (Path(__file__).parents[3] / "docs" / "scale.md").read_text(encoding="utf-8")
TENANT = "6d1f7c54-6c0e-4a8e-9d3a-5f0f6d1c7e55"
WAIT_SECONDS = 30


def block(name: str) -> str:
    """What the document shows between its marks of that name."""
    found = re.search(rf"<!-- {name}:begin -->\s*```\w*\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """For everything here; the servers' user may write to it."""
    with own_folder() as folder:
        folder.chmod(0o777)
        yield folder


@pytest.fixture(scope="module")
def primary(folder: Path) -> Iterator[Server]:
    """A server that keeps its log as the document says."""
    server = Server.create(folder / "primary", SETTINGS)
    run_as_owner(f"mkdir {folder}/wal", server)
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(block("archive").replace("/backup", str(folder)))
    with server.running():
        yield server


def run_as_owner(commands: str, server: Server) -> None:
    """Run commands of a shell as a server's own user, with PostgreSQL's programs at hand."""
    environment = {"PATH": f"{binaries()}:/usr/bin:/bin", "PGPORT": str(server.port), "PGHOST": str(server.folder)}
    result = subprocess.run(
        ["bash", "-euc", commands], env=environment, cwd="/", capture_output=True, text=True, check=False, **account()
    )
    assert result.returncode == 0, result.stderr


@contextmanager
def client(database: str, token: str, log: Path) -> Iterator[httpx.Client]:
    """A client of a service on a database."""
    with (
        running("--database", database, log=log) as (_, address),
        httpx.Client(
            base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=20.0
        ) as client,
    ):
        yield client


def until(server: Server, database: str, question: str) -> None:
    """Return when a question is answered with yes."""
    deadline = time.monotonic() + WAIT_SECONDS
    while server.psql(question, database) != "t":
        assert time.monotonic() < deadline, question
        time.sleep(0.05)


def catch_up(standby: Server, primary: Server) -> None:
    """Return when a replica has all that is on its primary now."""
    until(standby, "postgres", f"SELECT pg_last_wal_replay_lsn() >= '{primary.psql('SELECT pg_current_wal_lsn()')}'")


def test_a_service_on_a_replica(primary: Server, folder: Path, tmp_path: Path) -> None:
    """It needs the keys that a service on the primary made; then it answers reads, and refuses changes with 503."""
    with primary.standby(folder / "standby").running() as standby, primary.database() as database:
        asyncio.run(migrated(primary, database))
        catch_up(standby, primary)
        hosts = f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/{database}"
        replica = f"{hosts}?target_session_attrs=standby"
        early = run_command("serve", "--port", "0", "--database", replica)
        assert (early.returncode, "start a service there once" in early.stderr) == (1, True)
        token = token_of(primary.url(database), TENANT)
        with client(f"{hosts}?target_session_attrs=read-write", token, tmp_path / "primary.log") as writing:
            created = writing.post(EVENTS, json={"failureReason": "0x80180014"}).json()
            catch_up(standby, primary)
            with client(replica, token, tmp_path / "replica.log") as reading:
                for question in ("", "$filter=contains(failureReason,'8018')&$count=true", "$search=80180014"):
                    page = reading.get(f"{EVENTS}?{question}").json()
                    assert [event["id"] for event in page["value"]] == [created["id"]]
                assert reading.get(f"{EVENTS}/{created['id']}").json()["failureReason"] == "0x80180014"
                refused = reading.patch(f"{EVENTS}/{created['id']}", json={"failureReason": "x"})
                assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
                assert "replica" in refused.json()["error"]["message"]
                assert reading.get("/readyz").status_code == 200
            assert writing.get(f"{EVENTS}/{created['id']}").json()["failureReason"] == "0x80180014"


async def write(server: Server, database: str, command: Command) -> None:
    """Have a store make a change."""
    async with started(store_at(Target(server.url(database)))) as store:
        await store.write(command)


def created(reason: str) -> Create:
    """The command that creates the event."""
    return Create(actor("one", reason), STORED, "a", KIND, {"eventDateTime": Instant(1), "failureReason": reason})


def changed(reason: str) -> Update:
    """A command that changes it."""
    return Update(actor("one", reason), STORED, "a", TYPES, (), {"failureReason": reason})


def test_recovery_of_a_moment(primary: Server, folder: Path) -> None:
    """The commands of the document bring back what was there before a mistake, and changes go on from there."""
    database = primary.new_database()
    asyncio.run(migrated(primary, database))
    asyncio.run(write(primary, database, created("first")))
    restored = Server(folder / "restored", free_port())

    def told(name: str) -> str:
        text = re.sub(r"/backup\b", str(folder), block(name)).replace("/restored", str(restored.data))
        text = text.replace("db1/enrollscope", f"127.0.0.1:{restored.port}/{database}")
        return text.replace("replicator@db1", f"postgres@127.0.0.1:{primary.port}")

    for _ in range(4):  # every night
        run_as_owner(told("base"), primary)
    assert {path.name for path in folder.glob("base*")} == {"base", "base.before"}
    (needed,) = re.findall(r"file (\w+)", (folder / "base.before" / "backup_label").read_text("utf-8").splitlines()[0])
    assert min(path.name for path in (folder / "wal").iterdir() if len(path.name) == len(needed)) >= needed
    asyncio.run(write(primary, database, changed("right")))
    state = "SELECT string_agg(e::text, ',') FROM events e UNION ALL SELECT string_agg(c::text, ',') FROM changes c"
    before = primary.psql(state, database)
    moment = primary.psql("SELECT clock_timestamp()")
    asyncio.run(write(primary, database, changed("wrong")))
    primary.psql("DELETE FROM events", database)
    segment = primary.psql("SELECT pg_walfile_name(pg_switch_wal())")
    until(primary, "postgres", f"SELECT last_archived_wal >= '{segment}' FROM pg_stat_archiver")
    run_as_owner(f"mkdir {restored.folder}\n{told('restore')}", primary)
    target = re.sub("2026-[^']*", moment, told("target"))
    assert moment in target
    own = f"port = {restored.port}\nunix_socket_directories = '{restored.folder}'\n"
    with (restored.data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(target + own)
    try:
        run_as_owner(told("promote"), restored)
        until(restored, database, "SELECT NOT pg_is_in_recovery()")
        assert restored.psql(state, database) == before
        asyncio.run(write(restored, database, changed("after")))
        assert restored.psql("SELECT version, failure_reason FROM events", database) == "3|after"
    finally:
        restored.control("stop", "-m", "immediate", check=False)
