"""Rows of SQLite by key: the statements of the hot path, their text made once for each layout.

They have one shape each, so nothing is compiled per request; questions with conditions go through `statements.py`.
"""
# ruff: noqa: S608 - what is put into the texts are names of the model; values are parameters, always

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apsw
import msgspec

from enrollscope.odata.edm.layout import HEAD, TYPE, Layout, Record
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.schema import Schema
from enrollscope.store.base import Change
from enrollscope.store.batch import Entry, Place, RowChange, spelled
from enrollscope.store.indexes import Indexed
from enrollscope.store.names import quoted

_CHANGE_COLUMNS = (
    "tenant_id, position, stored, id, kind, version, at_ticks, user_id, app_id, token_id, client_request_id, "
    '"before", "after"'
)
_INSERT_CHANGE = f"INSERT INTO changes ({_CHANGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LAST_POSITION = "SELECT coalesce(max(position), 0) FROM changes WHERE tenant_id = ?"
_CHANGES_AFTER = f"SELECT {_CHANGE_COLUMNS} FROM changes WHERE tenant_id = ? AND position > ? ORDER BY position LIMIT ?"


def record_reader(layout: Layout) -> Callable[[Record], Record] | None:
    """What turns a row of SQLite into a record, or `None` when it is one already.

    SQLite has no booleans; everything else comes back as it was put in.
    """
    places = frozenset(
        place
        for place, slot in enumerate(layout.slots, start=len(HEAD))
        if slot.of.type is Primitive.BOOLEAN and not slot.structured
    )
    if not places:
        return None

    def read(row: Record) -> Record:
        return tuple(bool(value) if place in places and value is not None else value for place, value in enumerate(row))

    return read


@dataclass(frozen=True, slots=True)
class KeyedStatements:
    """The statements for the rows of one stored set.

    Attributes:
        indexed: places of the record that an index holds, apart from the key. An UPDATE that names an indexed column
            rewrites the index even for an equal value, which costs a third of the throughput: hence two updates.
        light_places: what `update_light` sets: everything that no index holds.
        full_places: what `update` sets: everything but the key.
    """

    select: str
    insert: str
    update: str
    update_light: str
    delete: str
    indexed: tuple[int, ...]
    light_places: tuple[int, ...]
    full_places: tuple[int, ...]
    read: Callable[[Record], Record] | None

    @classmethod
    def of(cls, layout: Layout, searched: Iterable[str]) -> "KeyedStatements":
        """Write the statements for a layout; `searched` are the properties that some index holds."""
        table = quoted(layout.stored.name)
        columns = [quoted(name) for name in layout.names]
        indexed = tuple(sorted(layout.index[name] for name in searched))
        full = tuple(range(TYPE, len(columns)))
        light = tuple(place for place in full if place not in indexed)
        by_key = "WHERE tenant_id = ? AND id = ?"

        def update(places: tuple[int, ...]) -> str:
            assignments = ", ".join(f"{columns[place]} = ?" for place in places)
            return f"UPDATE {table} SET {assignments}, modified_ticks = ? {by_key}"

        everything = ", ".join(columns)
        marks = ", ".join("?" * (len(columns) + 3))
        return cls(
            select=f"SELECT {everything} FROM {table} {by_key}",
            insert=f"INSERT OR REPLACE INTO {table} (tenant_id, {everything}, created_ticks, modified_ticks)"
            f" VALUES ({marks})",
            update=update(full),
            update_light=update(light),
            delete=f"DELETE FROM {table} {by_key}",
            indexed=indexed,
            light_places=light,
            full_places=full,
            read=record_reader(layout),
        )

    def find(self, connection: apsw.Connection, tenant: str, key: str) -> Record | None:
        """One record by its key."""
        # All rows are fetched, though there is one at most: that ends the statement, and with it the read transaction.
        for row in connection.execute(self.select, (tenant, key)).fetchall():
            return row if self.read is None else self.read(row)
        return None


def rows_of(schema: Schema) -> tuple[dict[str, Layout], dict[str, KeyedStatements]]:
    """For each stored set of a schema: how its records lie, and the statements for its rows."""
    layouts = {stored.name: Layout.of(schema.whole, stored) for stored in schema.stored}
    statements = {
        stored.name: KeyedStatements.of(layouts[stored.name], Indexed.of(schema, stored).properties)
        for stored in schema.stored
    }
    return layouts, statements


@dataclass(frozen=True, slots=True)
class Log:
    """The change log."""

    layouts: Mapping[str, Layout]

    def append(self, connection: apsw.Connection, entries: Sequence[Entry]) -> None:
        """Write entries behind what their tenants have."""
        last: dict[str, Any] = {
            tenant: connection.execute(_LAST_POSITION, (tenant,)).fetchall()[0][0]
            for tenant in {entry.actor.tenant for entry in entries}
        }
        rows: list[tuple[Any, ...]] = []
        for entry in entries:
            actor = entry.actor
            last[actor.tenant] += 1
            key, version, before, after = spelled(self.layouts, entry)
            rows.append(
                (
                    *(actor.tenant, last[actor.tenant], entry.stored, key, entry.kind, version, actor.at),
                    *(actor.user, actor.app, actor.token, actor.client_request),
                    *(_json(before), _json(after)),
                )
            )
        connection.executemany(_INSERT_CHANGE, rows)

    def after(self, connection: apsw.Connection, tenant: str, position: int, limit: int) -> list[Change]:
        """Read entries behind a position, oldest first."""
        rows = connection.execute(_CHANGES_AFTER, (tenant, position, limit)).fetchall()
        return [_change(row) for row in rows]


def _change(row: tuple[Any, ...]) -> Change:
    _, position, stored, key, kind, version, at, user, app, token, client_request, before, after = row
    changed = msgspec.json.decode(before), msgspec.json.decode(after)
    return Change(position, stored, key, kind, version, at, user, app, token, client_request, *changed)


def _json(values: Mapping[str, object]) -> str:
    return msgspec.json.encode(values).decode()


def write_rows(
    connection: apsw.Connection, statements: Mapping[str, KeyedStatements], changes: Sequence[tuple[Place, RowChange]]
) -> None:
    """Write the net change of every row, with one prepared statement for each kind of change."""
    for stored, keyed in statements.items():
        inserts: list[tuple[Any, ...]] = []
        full: list[tuple[Any, ...]] = []
        light: list[tuple[Any, ...]] = []
        deletes: list[tuple[str, str]] = []
        for (tenant, name, key), row in changes:
            if name != stored:
                continue
            before, after, at = row.before, row.after, row.at
            if after is None:
                deletes.append((tenant, key))
            elif before is None or row.created is not None:
                inserts.append((tenant, *after, row.created, at))
            elif any(before[place] != after[place] for place in keyed.indexed):
                full.append((*[after[place] for place in keyed.full_places], at, tenant, key))
            else:
                light.append((*[after[place] for place in keyed.light_places], at, tenant, key))
        for statement, rows in (
            (keyed.delete, deletes),
            (keyed.insert, inserts),
            (keyed.update, full),
            (keyed.update_light, light),
        ):
            if rows:
                connection.executemany(statement, rows)
