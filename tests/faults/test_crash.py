"""The service killed in the middle of its work, again and again, on one and the same store."""

import asyncio
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.ledger import Entry, State, faults_of, read_log, read_versions, replay
from tests.faults.load import Answered, Load
from tests.serving import Served, serving
from tests.wire import EVENTS, Connection

pytestmark = pytest.mark.slow

CLIENTS = 24
SHARED = 40
KILLED_AFTER = (50, 400, 1_000, 2_000, 700, 1_500)
"""How many changes each round answers before the service is killed."""


async def create_shared(served: Served, token: str) -> list[str]:
    """Events for every client to change."""
    async with await Connection.open(served.port) as connection:
        answers = [await connection.ask("POST", EVENTS, token, {"failureReason": "none"}) for _ in range(SHARED)]
    return [answer.json["id"] for answer in answers]


async def load_until_killed(served: Served, load: Load, name: str) -> None:
    """Let clients change events, and kill the service while they do."""
    clients = asyncio.create_task(load.run(name, CLIENTS))
    async with asyncio.timeout(60):
        await load.enough.wait()
        served.kill()
        await clients


async def read_events(served: Served, token: str, keys: Iterable[str]) -> dict[str, dict[str, Any] | None]:
    """Each event as the service gives it, or `None` where it says that there is none."""
    found: dict[str, dict[str, Any] | None] = {}
    async with await Connection.open(served.port) as connection:
        for key in keys:
            answer = await connection.ask("GET", EVENTS.replace("/v1.0", "/beta") + f"/{key}", token)
            assert answer.status in (200, 404)
            found[key] = answer.json if answer.status == 200 else None
    return found


def assert_kept(answered: list[Answered], log: list[Entry], states: dict[str, State]) -> None:
    """Every answered change is in the log, at the version that the client was told, and in force or overtaken."""
    by_reason = {entry.after.get("failureReason"): entry for entry in log if entry.kind != "deleted"}
    deleted = {entry.key for entry in log if entry.kind == "deleted"}
    for change in answered:
        if change.kind == "deleted":
            assert change.key in deleted, f"{change} was lost"
            continue
        entry = by_reason.get(change.reason)
        assert entry is not None, f"{change} was lost"
        assert (entry.kind, entry.key, f'W/"{entry.version}"') == (change.kind, change.key, change.etag)
        assert states[change.key].version >= entry.version


def assert_agreement(states: dict[str, State], events: dict[str, dict[str, Any] | None]) -> None:
    """Each event is what its log says, property by property, at the version its log says."""
    for key, state in states.items():
        event = events[key]
        if state.properties is None:
            assert event is None
            continue
        assert event is not None
        assert event["@odata.etag"] == f'W/"{state.version}"'
        shown = {name: value for name, value in event.items() if name not in ("@odata.context", "@odata.etag", "id")}
        assert shown == state.properties


def test_nothing_that_was_answered_is_lost(tmp_path: Path) -> None:
    """After a kill under load the same file serves on: every answered change is there, and log and events agree."""
    database, tenant = tmp_path / "events.db", str(uuid.uuid4())
    with serving(database) as served:
        token = served.token("--tenant", tenant)
        shared = asyncio.run(create_shared(served, token))
        assert served.stop() == 0
    answered: list[Answered] = []
    for number, limit in enumerate(KILLED_AFTER):
        with serving(database) as served:
            before = len(read_log(database, tenant))
            load = Load(served.port, token, shared, limit)
            asyncio.run(load_until_killed(served, load, f"round-{number}"))
        answered += load.answered
        with serving(database) as served:
            log = read_log(database, tenant)
            states = replay(log)
            events = asyncio.run(read_events(served, token, states))
            assert read_versions(database, tenant) == {
                key: state.version for key, state in states.items() if state.properties is not None
            }
            assert served.stop() == 0
        assert load.refused == []
        assert_kept(answered, log, states)
        assert_agreement(states, events)
        # A client waits for its answer before it goes on, so each has at most one change that nobody heard of.
        assert 0 <= len(log) - before - len(load.answered) <= CLIENTS
        assert faults_of(database) == ["ok"]


def test_a_log_that_does_not_fit_is_noticed() -> None:
    """The replay is a judge: it refuses a gap, a version out of order, and a state that was never there."""
    created = Entry(1, "created", "a", 1, {}, {"failureReason": "x", "osVersion": None})
    good = Entry(2, "updated", "a", 2, {"failureReason": "x"}, {"failureReason": "y"})
    assert replay([created, good]) == {"a": State(2, {"failureReason": "y", "osVersion": None})}
    wrong = [
        Entry(3, "updated", "a", 2, {"failureReason": "x"}, {"failureReason": "y"}),
        Entry(2, "updated", "a", 3, {"failureReason": "x"}, {"failureReason": "y"}),
        Entry(2, "updated", "a", 2, {"failureReason": "w"}, {"failureReason": "y"}),
        Entry(2, "updated", "b", 2, {"failureReason": "x"}, {"failureReason": "y"}),
        Entry(2, "deleted", "a", 1, {"failureReason": "w", "osVersion": None}, {}),
    ]
    for entry in wrong:
        with pytest.raises(AssertionError):
            replay([created, entry])
