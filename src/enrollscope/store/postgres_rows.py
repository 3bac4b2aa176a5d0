"""Rows of PostgreSQL by key: what is read of them, and what became of a batch. `postgres_writing.py` writes them.

Statements work on sets of rows, so that there is one shape whatever their number. Each is bound to one tenant, its
first parameter.
"""
# ruff: noqa: S608 - what is put into the texts are names of the model; values are parameters, always

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from enrollscope.odata.edm.layout import KEY, Layout, Record
from enrollscope.odata.edm.schema import Schema
from enrollscope.store.base import Change
from enrollscope.store.batch import Batch, Entry, Place, spelled
from enrollscope.store.index_table import IndexTable
from enrollscope.store.indexes import Indexed
from enrollscope.store.names import quoted
from enrollscope.store.postgres_connections import Connection
from enrollscope.store.postgres_writing import LOG_COLUMNS, KeyedTable, Writing

_CHANGES_AFTER = (
    f"SELECT {', '.join(map(quoted, LOG_COLUMNS))} FROM changes "
    "WHERE tenant_id = $1 AND position > $2 ORDER BY position LIMIT $3"
)
_ENTRY_KEY, _TOLD = 1, -len(("before", "after"))
_LAST = "SELECT last FROM positions WHERE tenant_id = $1"
_LOCK_COUNTER = (
    "INSERT INTO positions AS p (tenant_id, last) VALUES ($1, 0) ON CONFLICT (tenant_id) DO UPDATE SET last = p.last"
)
_ENTRIES = (
    "SELECT stored, id, kind, version, at_ticks, user_id, app_id, token_id, client_request_id FROM changes "
    "WHERE tenant_id = $1 AND position > $2 AND id = ANY($3::text[])"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a batch concerns, as it was when somebody looked.

    Attributes:
        records: by place; `None` where there is none.
        created: when those that are there were created, in ticks.
        position: of a change in the tenant's log: what is written for the batch lies behind it.
    """

    records: Mapping[Place, Record | None]
    created: Mapping[Place, int]
    position: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The entries of a batch, and a position in the log behind which they lie if it was committed."""

    tenant: str
    position: int
    entries: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Reading:
    """The statements that read rows of one stored set by their keys: for answers; before a change; and to keep them.

    They take the keys in the order in which they are to be locked.
    """

    find: str
    see: str
    lock: str

    @classmethod
    def of(cls, layout: Layout) -> "_Reading":
        record = ", ".join(f"e.{quoted(name)}" for name in layout.names)
        row = f"SELECT * FROM {quoted(layout.stored.name)} AS e WHERE e.tenant_id = $1 AND e.id = k.id OFFSET 0"
        # Each key by itself, whatever the statistics say: the server does not take such a sub-select apart. For one key
        # it goes by the index of ids, in two buffers; for `id = ANY($2)` it goes down the primary key.
        by_keys, locked = (
            f"FROM unnest($2::text[]) AS k (id), LATERAL ({each}) AS e" for each in (row, f"{row} FOR UPDATE")
        )
        see = f"SELECT {record}, e.created_ticks, ({_LAST})"
        return cls(f"SELECT {record} {by_keys}", f"{see} {by_keys}", f"{see} {locked}")


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of all stored sets, and their log."""

    layouts: Mapping[str, Layout]
    _reading: Mapping[str, _Reading]
    _writing: Writing

    @classmethod
    def of(cls, layouts: Mapping[str, Layout], schema: Schema) -> "Rows":
        """Write the statements for each layout."""
        tables = {name: IndexTable.of(layout, Indexed.of(schema, layout.stored)) for name, layout in layouts.items()}
        keyed = {name: KeyedTable.of(layout, tables[name]) for name, layout in layouts.items()}
        return cls(layouts, {name: _Reading.of(layout) for name, layout in layouts.items()}, Writing(keyed))

    async def find(self, connection: Connection, tenant: str, stored: str, keys: Sequence[str]) -> dict[str, Record]:
        """The records of those keys that exist."""
        rows = await connection.fetch(self._reading[stored].find, tenant, keys)
        return {row[KEY]: tuple(row) for row in rows}

    async def see(self, connection: Connection, tenant: str, places: Iterable[Place], *, lock: bool) -> Seen:
        """Read what a batch concerns.

        Args:
            lock: nobody else changes these rows before the transaction ends; whoever does now is waited for.
        """
        keys: dict[str, list[str]] = {}
        for _, stored, key in sorted(set(places)):
            keys.setdefault(stored, []).append(key)
        records: dict[Place, Record | None] = {}
        created: dict[Place, int] = {}
        position: int | None = None
        for stored, wanted in keys.items():
            records.update({(tenant, stored, key): None for key in wanted})
            reading = self._reading[stored]
            for row in await connection.fetch(reading.lock if lock else reading.see, tenant, wanted):
                *record, at, position = row
                place = (tenant, stored, record[KEY])
                records[place], created[place] = tuple(record), at
        if position is None:
            position = await connection.fetchval(_LAST, tenant)
        return Seen(records, created, position or 0)

    def entries(self, batch: Batch) -> list[tuple[Any, ...]]:
        """What a batch adds to the log: the values of `LOG_COLUMNS` behind the position."""
        return [self._entry(entry) for entry in batch.log]

    async def write(
        self, connection: Connection, tenant: str, batch: Batch, seen: Seen, entries: Sequence[tuple[Any, ...]]
    ) -> None:
        """Write the net change of every row and the whole log, all or nothing.

        Outside of a transaction this is committed when it returns.

        Raises:
            SerializationError: a row is not the one that was seen.
        """
        text, values = self._writing.statement(batch, entries, seen.created)
        await connection.execute(text, tenant, *values)

    async def lock_counter(self, connection: Connection, tenant: str) -> None:
        """Let nobody else commit changes of a tenant before the transaction ends; whoever does now is waited for."""
        await connection.execute(_LOCK_COUNTER, tenant)

    async def holds(self, connection: Connection, mark: Mark) -> bool:
        """Tell whether the log has all of what a mark is of."""
        entries = {entry[:_TOLD] for entry in mark.entries}
        keys = list({entry[_ENTRY_KEY] for entry in entries})
        rows = await connection.fetch(_ENTRIES, mark.tenant, mark.position, keys)
        return entries <= {tuple(row) for row in rows}

    async def changes(self, connection: Connection, tenant: str, after: int, limit: int) -> list[Change]:
        """Read entries of the log behind a position, oldest first."""
        return [_change(row) for row in await connection.fetch(_CHANGES_AFTER, tenant, after, limit)]

    def _entry(self, entry: Entry) -> tuple[Any, ...]:
        actor = entry.actor
        key, version, before, after = spelled(self.layouts, entry)
        return (
            *(entry.stored, key, entry.kind, version, actor.at),
            *(actor.user, actor.app, actor.token, actor.client_request),
            *(_json(before), _json(after)),
        )


def _change(row: asyncpg.Record) -> Change:
    position, stored, key, kind, version, at, user, app, token, client_request, before, after = row
    changed = msgspec.json.decode(before), msgspec.json.decode(after)
    return Change(position, stored, key, kind, version, at, user, app, token, client_request, *changed)


def _json(values: Mapping[str, object]) -> str:
    return msgspec.json.encode(values).decode()
