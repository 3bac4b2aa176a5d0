"""A service that is asked to stop: it finishes what it has begun, says goodbye to the rest, and ends with status 0."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.faults.load import Load
from tests.serving import Served, serving
from tests.wire import EVENTS, Connection, request

pytestmark = pytest.mark.slow

SOON = 2.0
"""Seconds within which a service stops that has nothing left to do."""

GRACE = 10.0
"""Seconds that a service waits for the requests under way."""


async def create(connection: Connection, token: str) -> str:
    """One event to change."""
    answer = await connection.ask("POST", EVENTS, token, {"failureReason": "none"})
    key: str = answer.json["id"]
    return key


async def read_reason(served: Served, token: str, key: str) -> str:
    """The `failureReason` of an event, as the service gives it."""
    async with await Connection.open(served.port) as connection:
        reason: str = (await connection.ask("GET", f"{EVENTS}/{key}", token)).json["failureReason"]
    return reason


async def wait_for_end(served: Served) -> tuple[int, float]:
    """Exit status, and the seconds from now until then."""
    began = time.monotonic()
    status = await asyncio.to_thread(served.process.wait, 20)
    return status, time.monotonic() - began


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGTERM, id="SIGTERM"), pytest.param(signal.SIGINT, id="SIGINT")]
)
def test_a_request_under_way_is_finished(tmp_path: Path, number: signal.Signals) -> None:
    """A request whose body is still on its way when the signal comes is answered, and its change is kept."""
    database = tmp_path / "events.db"

    async def stop_in_the_middle(served: Served, token: str) -> str:
        async with await Connection.open(served.port) as connection:
            key = await create(connection, token)
            data = request("PATCH", f"{EVENTS}/{key}", token, {"failureReason": "finished"})
            await connection.send(data[:-10])
            await asyncio.sleep(0.2)
            served.process.send_signal(number)
            await asyncio.sleep(0.5)
            await connection.send(data[-10:])
            answer = await connection.receive()
            assert (answer.status, answer.json["failureReason"]) == (200, "finished")
            assert await connection.ended()
        status, seconds = await wait_for_end(served)
        assert status == 0
        assert seconds < SOON
        return key

    with serving(database) as served:
        token = served.token()
        key = asyncio.run(stop_in_the_middle(served, token))
        assert "Traceback" not in served.log.read_text(encoding="utf-8")
    with serving(database) as served:
        assert asyncio.run(read_reason(served, token, key)) == "finished"


def test_every_change_that_was_answered_is_kept(tmp_path: Path) -> None:
    """Under load a stop answers each change or breaks its connection; what was answered is there after a restart."""
    database = tmp_path / "events.db"

    async def stop_under_load(served: Served, token: str) -> Load:
        async with await Connection.open(served.port) as connection:
            shared = [await create(connection, token) for _ in range(20)]
        load = Load(served.port, token, shared, limit=500)
        clients = asyncio.create_task(load.run("clients", 16))
        async with asyncio.timeout(60):
            await load.enough.wait()
            served.ask_to_stop()
            status, seconds = await wait_for_end(served)
            await clients
        assert status == 0
        assert seconds < SOON
        return load

    async def read_last(served: Served, token: str, keys: list[str]) -> dict[str, tuple[str, int]]:
        async with await Connection.open(served.port) as connection:
            answers = [(await connection.ask("GET", f"{EVENTS}/{key}", token)).json for key in keys]
        return {answer["id"]: (answer["failureReason"], version_of(answer["@odata.etag"])) for answer in answers}

    with serving(database) as served:
        token = served.token()
        load = asyncio.run(stop_under_load(served, token))
        assert "Traceback" not in served.log.read_text(encoding="utf-8")
    assert {status for status, _ in load.refused} <= {503}
    with serving(database) as served:
        events = asyncio.run(read_last(served, token, load.shared))
    told = {key: max(changes_of(load, key)) for key in load.shared}
    for key, (version, reason) in told.items():
        assert events[key] == (reason, version), "a stop leaves no change behind that nobody was told of"


def version_of(etag: str) -> int:
    """The version that a tag stands for."""
    return int(etag.removeprefix('W/"').removesuffix('"'))


def changes_of(load: Load, key: str) -> list[tuple[int, str]]:
    """Version and reason of every change of an event that was answered."""
    return [(version_of(change.etag), change.reason) for change in load.answered if change.key == key]


def test_idle_connections_do_not_hold_up_the_stop(tmp_path: Path) -> None:
    """Connections that wait, or never said a word, or stopped in the middle of a header, are just closed."""

    async def stop_among_idle(served: Served, token: str) -> tuple[int, float]:
        connections = [await Connection.open(served.port) for _ in range(60)]
        for connection in connections[:20]:
            await create(connection, token)
        for connection in connections[20:40]:
            await connection.send(b"GET /v1.0/deviceManagement HTTP/1.1\r\nHost: ")
        await asyncio.sleep(0.2)
        served.ask_to_stop()
        status, seconds = await wait_for_end(served)
        assert [await connection.ended() for connection in connections] == [True] * len(connections)
        for connection in connections:
            await connection.close()
        return status, seconds

    with serving(tmp_path / "events.db") as served:
        status, seconds = asyncio.run(stop_among_idle(served, served.token()))
        assert status == 0
        assert seconds < SOON


def test_a_request_that_never_becomes_whole_does_not_hold_up_the_stop_for_ever(tmp_path: Path) -> None:
    """After ten seconds it is answered 503, in the form of every error, and the service ends with status 0."""

    async def stop_before_a_body(served: Served, token: str) -> None:
        async with await Connection.open(served.port) as connection:
            await connection.send(request("POST", EVENTS, token, {"failureReason": "none"})[:-5])
            await asyncio.sleep(0.2)
            served.ask_to_stop()
            status, seconds = await wait_for_end(served)
            answer = await connection.receive()
        assert status == 0
        assert seconds < GRACE + SOON
        assert (answer.status, answer.json["error"]["code"]) == (503, "ServiceUnavailable")
        assert answer.headers["request-id"] == answer.json["error"]["innerError"]["request-id"]

    with serving(tmp_path / "events.db") as served:
        asyncio.run(stop_before_a_body(served, served.token()))
        assert "Traceback" not in served.log.read_text(encoding="utf-8")


def test_a_stopped_service_leaves_one_file(tmp_path: Path) -> None:
    """The write-ahead log is carried over and removed, so that copying the one file is a backup."""
    database = tmp_path / "events.db"

    async def change(served: Served, token: str) -> None:
        async with await Connection.open(served.port) as connection:
            await create(connection, token)

    with serving(database) as served:
        asyncio.run(change(served, served.token()))
        assert served.stop() == 0
    assert {path.name for path in tmp_path.iterdir() if path.suffix != ".log"} == {"events.db", "events.db.lock"}
