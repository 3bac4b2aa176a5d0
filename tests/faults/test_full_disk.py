"""A disk that fills up under a running service, and is freed again."""

import asyncio
from pathlib import Path

import pytest

from tests.faults.launching import with_disk_of
from tests.faults.ledger import faults_of, read_log, replay
from tests.serving import Served, serving
from tests.wire import EVENTS, Connection

pytestmark = pytest.mark.slow

TENANT = "4f6e9a7c-3c0d-4a3c-8c8e-2f6a1b0c9d11"
ROOM = 400_000
"""Bytes that no file may exceed: enough for the tables and some hundred changes."""


async def change_until_refused(served: Served, token: str) -> tuple[str, str, int]:
    """Change one event until the disk is full; its id, its `failureReason` and how many changes were answered."""
    async with await Connection.open(served.port) as connection:
        created = (await connection.ask("POST", EVENTS, token, {"failureReason": "0"})).json
        key = created["id"]
        last = 0
        while True:
            body = {"failureReason": str(last + 1), "osVersion": "long " * 1_000}
            answer = await connection.ask("PATCH", f"{EVENTS}/{key}", token, body)
            if answer.status != 200:
                break
            last += 1
            assert last < 10_000, "the disk never filled"
        assert answer.status == 503
        assert answer.json["error"]["code"] == "ServiceUnavailable"
        assert int(answer.headers["retry-after"]) >= 1
        assert "Nothing was changed" in answer.json["error"]["message"]
        read = await connection.ask("GET", f"{EVENTS}/{key}", token)
        assert (read.status, read.json["failureReason"]) == (200, str(last))
        refused = await connection.ask("PATCH", f"{EVENTS}/{key}", token, body)
        assert refused.status == 503
        assert (await connection.ask("GET", "/healthz", token)).status == 200
    return key, str(last), last


async def change_once_more(served: Served, token: str, key: str) -> tuple[str, int]:
    """What the event was, and the status of a further change."""
    async with await Connection.open(served.port) as connection:
        reason: str = (await connection.ask("GET", f"{EVENTS}/{key}", token)).json["failureReason"]
        answer = await connection.ask("PATCH", f"{EVENTS}/{key}", token, {"failureReason": "room again"})
    return reason, answer.status


def test_a_full_disk_refuses_changes_and_nothing_else(tmp_path: Path) -> None:
    """A change that cannot be made durable answers 503 and changes nothing; reading goes on; with room, all goes on."""
    database = tmp_path / "events.db"
    with serving(database):
        pass  # the tables are made while there is room
    with serving(database, launcher=with_disk_of(ROOM)) as served:
        token = served.token("--tenant", TENANT)
        key, reason, answered = asyncio.run(change_until_refused(served, token))
        assert answered > 10
        assert served.stop() == 0
    with serving(database) as served:
        assert asyncio.run(change_once_more(served, token, key)) == (reason, 200)
        assert served.stop() == 0
    states = replay(read_log(database, TENANT))
    assert states[key].version == answered + 2
    assert faults_of(database) == ["ok"]
