"""What lies in the file of a store, read with SQLite alone, and what its log of changes says should lie there."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log."""

    position: int
    kind: str
    key: str
    version: int
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """An event at some version; `None` for its properties once it is deleted."""

    version: int
    properties: dict[str, Any] | None


def read_log(database: Path, tenant: str) -> list[Entry]:
    """The log of a tenant, oldest first."""
    query = 'SELECT position, kind, id, version, "before", "after" FROM changes WHERE tenant_id = ? ORDER BY position'
    return [
        Entry(position, kind, key, version, json.loads(before), json.loads(after))
        for position, kind, key, version, before, after in _rows(database, query, tenant)
    ]


def read_versions(database: Path, tenant: str) -> dict[str, int]:
    """The version of each event that is stored for a tenant."""
    return dict(_rows(database, "SELECT id, version FROM events WHERE tenant_id = ?", tenant))


def faults_of(database: Path) -> list[str]:
    """What SQLite's own check of the whole file finds; `ok` alone when nothing is wrong."""
    return [text for (text,) in _rows(database, "PRAGMA integrity_check")]


def replay(log: list[Entry]) -> dict[str, State]:
    """Follow the log from its beginning; each entry must fit what the ones before it made.

    Raises:
        AssertionError: one does not.
    """
    states: dict[str, State] = {}
    for expected, entry in enumerate(log, start=1):
        assert entry.position == expected, f"position {expected} is missing"
        state = states.get(entry.key)
        match entry.kind:
            case "created":
                assert state is None
                assert entry.version == 1
                states[entry.key] = State(1, entry.after)
            case "updated":
                properties = _existing(state, entry)
                assert entry.version == states[entry.key].version + 1
                assert entry.before == {name: properties[name] for name in entry.before}
                assert entry.before.keys() == entry.after.keys()
                states[entry.key] = State(entry.version, properties | entry.after)
            case "deleted":
                assert entry.before == _existing(state, entry)
                states[entry.key] = State(entry.version, None)
            case other:
                raise AssertionError(f"the log has an entry of kind {other}")
    return states


def _existing(state: State | None, entry: Entry) -> dict[str, Any]:
    assert state is not None, f"{entry} changes what was never created"
    assert state.properties is not None, f"{entry} changes what was deleted"
    return state.properties


def _rows(database: Path, query: str, *parameters: str) -> Iterator[Any]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        yield from connection.execute(query, parameters).fetchall()
