"""Rows of PostgreSQL by key: the statements of the hot path, their text made once for each layout.

They work on sets of rows, which travel as one array for each column, so that there is one shape whatever their number.
Every statement is bound to one tenant, its first parameter.
"""
# ruff: noqa: S608 - what is put into the texts are names of the model; values are parameters, always

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec

from enrollscope.odata.edm.layout import HEAD, KEY, VERSION, Layout, Record
from enrollscope.odata.edm.schema import Schema
from enrollscope.store.base import Change
from enrollscope.store.batch import Batch, Entry, RowChange, spelled
from enrollscope.store.index_table import IndexTable, column_type, sources_of
from enrollscope.store.indexes import Indexed
from enrollscope.store.names import quoted
from enrollscope.store.postgres_connections import Connection

_CHANGE_COLUMNS = (
    *("position", "stored", "id", "kind", "version", "at_ticks", "user_id", "app_id", "token_id", "client_request_id"),
    *("before", "after"),
)
_LOG_TYPES = ("text", "text", "text", "bigint", "bigint", "text", "text", "text", "text", "text", "text")
_CHANGES_AFTER = (
    f"SELECT {', '.join(f'{chr(34)}{name}{chr(34)}' for name in _CHANGE_COLUMNS)} FROM changes "
    "WHERE tenant_id = $1 AND position > $2 ORDER BY position LIMIT $3"
)

# The counter of a tenant is locked until the transaction ends. That orders the tenant's positions as its commits are
# ordered: whoever sees a position sees all below it, so a reader of the log may go on behind the last one it saw.
# A sequence would not do: its numbers become visible in any order, and a reader would pass over the late ones.
_ADVANCE = (
    "INSERT INTO positions AS p (tenant_id, last) VALUES ($1, $2) "
    "ON CONFLICT (tenant_id) DO UPDATE SET last = p.last + excluded.last RETURNING last"
)
_APPEND = (
    f"WITH counter AS ({_ADVANCE}), added AS ("
    f"INSERT INTO changes (tenant_id, {', '.join(f'{chr(34)}{name}{chr(34)}' for name in _CHANGE_COLUMNS)}) "
    "SELECT $1, counter.last - $2 + n.number, n.a1, n.a2, n.a3, n.a4, n.a5, n.a6, n.a7, n.a8, n.a9, n.a10, n.a11 "
    f"FROM counter, unnest({', '.join(f'${place}::{kind}[]' for place, kind in enumerate(_LOG_TYPES, start=3))}) "
    f"WITH ORDINALITY AS n ({', '.join(f'a{place}' for place in range(1, 12))}, number)) "
    "SELECT last FROM counter"
)
_ENTRY_AT = (
    "SELECT stored, id, kind, version, at_ticks, user_id, app_id, token_id, client_request_id FROM changes "
    "WHERE tenant_id = $1 AND position = $2"
)


_REMEMBERED = 256
"""Statements for so many sets of columns are kept; clients rarely change more than a few."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the last entry of a batch lies in the log, and what it says.

    Whether it is there tells what came of a transaction whose end nobody saw.
    """

    tenant: str
    position: int
    entry: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class KeyedStatements:
    """The statements for the rows of one stored set.

    Attributes:
        names: of the columns: those of a record, and the times of creation and of the last change behind it.
        columns: the same, quoted.
        kinds: their types.
        index: the table that is written with the rows.
    """

    table: str
    names: tuple[str, ...]
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    find: str
    lock: str
    insert: str
    delete: str
    index: IndexTable
    _updates: dict[tuple[int, ...], str] = field(default_factory=dict)

    @classmethod
    def of(cls, layout: Layout, index: IndexTable) -> "KeyedStatements":
        """Write the statements for a layout."""
        table = quoted(layout.stored.name)
        names = (*layout.names, "created_ticks", "modified_ticks")
        columns = tuple(map(quoted, names))
        kinds = ("text", "text", "bigint", *map(column_type, layout.slots), "bigint", "bigint")
        listed, record = ", ".join(columns), ", ".join(columns[: len(layout.names)])
        by_keys = f"FROM {table} WHERE tenant_id = $1 AND id = ANY($2::text[])"
        return cls(
            table=table,
            names=names,
            columns=columns,
            kinds=kinds,
            find=f"SELECT {record} {by_keys}",
            lock=f"SELECT {record} {by_keys} ORDER BY id FOR UPDATE",
            insert=(
                f"WITH added AS (INSERT INTO {table} (tenant_id, {listed}) SELECT $1, {listed} "
                f"FROM {_unnested(columns, kinds)} RETURNING {_listed(sources_of(index.columns))}) "
                f"INSERT INTO {quoted(index.name)} (tenant_id, id, {_listed(item.name for item in index.columns)}) "
                f"SELECT $1, added.id, {', '.join(item.value('added') for item in index.columns)} FROM added"
            ),
            delete=(
                f"WITH gone AS (DELETE {by_keys}) "
                f"DELETE FROM {quoted(index.name)} WHERE tenant_id = $1 AND id = ANY($2::text[])"
            ),
            index=index,
        )

    def update(self, places: Sequence[int]) -> str:
        """The statement that sets some columns; the first of them is the key."""
        shape = tuple(places)
        if shape not in self._updates:
            if len(self._updates) >= _REMEMBERED:
                self._updates.clear()
            self._updates[shape] = self._update(shape)
        return self._updates[shape]

    def _update(self, places: Sequence[int]) -> str:
        columns, kinds = [self.columns[place] for place in places], [self.kinds[place] for place in places]
        assignments = ", ".join(f"{name} = n.{name}" for name in columns[1:])
        rows = _unnested(columns, kinds)
        update = f"UPDATE {self.table} AS e SET {assignments} FROM {rows} WHERE e.tenant_id = $1 AND e.id = n.id"
        made = self.index.made_of(self.names[place] for place in places[1:])
        if not made:
            return update
        returned = ", ".join(f"e.{quoted(name)}" for name in dict.fromkeys((HEAD[KEY], *sources_of(made))))
        values = ", ".join(f"{quoted(item.name)} = {item.value('written')}" for item in made)
        return (
            f"WITH written AS ({update} RETURNING {returned}) UPDATE {quoted(self.index.name)} AS i SET {values} "
            "FROM written WHERE i.tenant_id = $1 AND i.id = written.id"
        )

    def changed(self, rows: Iterable[RowChange]) -> list[int]:
        """The columns that an update of any of some rows changes, in order, behind the key.

        Each column costs time for every row, so those that nobody changed stay at home.
        """
        places = {KEY, VERSION, len(self.columns) - 1}
        for row in rows:
            pairs = zip(row.before or (), row.after or (), strict=True)
            places.update([place for place, (before, after) in enumerate(pairs) if before is not after])
        return sorted(places)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))


def _unnested(columns: Sequence[str], kinds: Sequence[str]) -> str:
    arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(kinds, start=2))
    return f"unnest({arrays}) AS n ({', '.join(columns)})"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of all stored sets, and their log."""

    layouts: Mapping[str, Layout]
    statements: Mapping[str, KeyedStatements]

    @classmethod
    def of(cls, layouts: Mapping[str, Layout], schema: Schema) -> "Rows":
        """Write the statements for each layout."""
        tables = {name: IndexTable.of(layout, Indexed.of(schema, layout.stored)) for name, layout in layouts.items()}
        return cls(layouts, {name: KeyedStatements.of(layout, tables[name]) for name, layout in layouts.items()})

    async def find(self, connection: Connection, tenant: str, stored: str, keys: Sequence[str]) -> dict[str, Record]:
        """The records of those keys that exist."""
        rows = await connection.fetch(self.statements[stored].find, tenant, keys)
        return {row[KEY]: tuple(row) for row in rows}

    async def lock(self, connection: Connection, tenant: str, stored: str, keys: Iterable[str]) -> dict[str, Record]:
        """As `find`, and nobody else changes these rows before the transaction ends; waits for whoever does now."""
        rows = await connection.fetch(self.statements[stored].lock, tenant, sorted(keys))
        return {row[KEY]: tuple(row) for row in rows}

    async def write(self, connection: Connection, tenant: str, batch: Batch) -> Mark:
        """Write the net change of every row and the whole log, within the transaction that locked the rows."""
        inserts: dict[str, list[RowChange]] = {}
        updates: dict[str, list[RowChange]] = {}
        deletes: dict[str, list[str]] = {}
        for (_, stored, key), row in batch.changed():
            replaced = row.before is not None and row.created is not None
            if row.after is None or replaced:
                deletes.setdefault(stored, []).append(key)
            if row.after is not None:
                (inserts if row.before is None or replaced else updates).setdefault(stored, []).append(row)
        for stored, keys in deletes.items():
            await connection.execute(self.statements[stored].delete, tenant, sorted(keys))
        for stored, rows in updates.items():
            statements = self.statements[stored]
            await self._update(connection, tenant, statements, rows, statements.changed(rows))
        for stored, rows in inserts.items():
            await connection.execute(self.statements[stored].insert, tenant, *zip(*map(_values, rows), strict=True))
        return await self._append(connection, tenant, batch.log)

    async def _update(
        self,
        connection: Connection,
        tenant: str,
        statements: KeyedStatements,
        rows: Sequence[RowChange],
        places: Sequence[int],
    ) -> None:
        values = [_values(row) for row in rows]
        columns = [[each[place] for each in values] for place in places]
        await connection.execute(statements.update(places), tenant, *columns)

    async def _append(self, connection: Connection, tenant: str, entries: Sequence[Entry]) -> Mark:
        rows = [self._entry(entry) for entry in entries]
        last: int = await connection.fetchval(_APPEND, tenant, len(rows), *zip(*rows, strict=True))
        return Mark(tenant, last, rows[-1][: -len(("before", "after"))])

    def _entry(self, entry: Entry) -> tuple[Any, ...]:
        actor = entry.actor
        key, version, before, after = spelled(self.layouts, entry)
        return (
            *(entry.stored, key, entry.kind, version, actor.at),
            *(actor.user, actor.app, actor.token, actor.client_request),
            *(_json(before), _json(after)),
        )

    async def holds(self, connection: Connection, mark: Mark) -> bool:
        """Tell whether the transaction that a mark is of was committed. Waits until it has ended.

        To be called within a transaction of its own, which then keeps others from the tenant's log.
        """
        await connection.execute(_ADVANCE, mark.tenant, 0)
        row = await connection.fetchrow(_ENTRY_AT, mark.tenant, mark.position)
        return row is not None and tuple(row) == mark.entry

    async def changes(self, connection: Connection, tenant: str, after: int, limit: int) -> list[Change]:
        """Read entries of the log behind a position, oldest first."""
        return [_change(row) for row in await connection.fetch(_CHANGES_AFTER, tenant, after, limit)]


def _values(row: RowChange) -> tuple[Any, ...]:
    """The values of a row but the tenant."""
    return (*(row.after or ()), row.created, row.at)


def _change(row: asyncpg.Record) -> Change:
    position, stored, key, kind, version, at, user, app, token, client_request, before, after = row
    changed = msgspec.json.decode(before), msgspec.json.decode(after)
    return Change(position, stored, key, kind, version, at, user, app, token, client_request, *changed)


def _json(values: Mapping[str, object]) -> str:
    return msgspec.json.encode(values).decode()
