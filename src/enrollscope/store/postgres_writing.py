"""What a batch writes to PostgreSQL, as one statement: rows, index tables, the counter of positions and the log.

A statement is a transaction by itself, so a batch takes two trips to the server: one to read, one to write. Rows need
not be locked in between. The statement names the version of each row that it was made for, and fails as a whole when
one is another by now. Its text is made once for each shape of batch; rows travel as one array for each column.
"""
# ruff: noqa: S608 - what is put into the texts are names of the model; values are parameters, always

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, assert_never

from enrollscope.odata.edm.layout import HEAD, KEY, VERSION, Layout
from enrollscope.store.batch import Batch, Place, RowChange
from enrollscope.store.index_table import PART, IndexPart, IndexTable, column_type, sources_of
from enrollscope.store.names import quoted

LOG_COLUMNS = (
    *("position", "stored", "id", "kind", "version", "at_ticks", "user_id", "app_id", "token_id", "client_request_id"),
    *("before", "after"),
)
_LOG_TYPES = ("text", "text", "text", "bigint", "bigint", "text", "text", "text", "text", "text", "text")

_REMEMBERED = 256
"""Statements for so many shapes are kept; clients rarely make more than a few."""


class Way(Enum):
    """How rows are written, in the order in which that is done."""

    DELETE = 1
    UPDATE = 2
    REPLACE = 3
    """Deleted and created again within the batch: every column is another, the time of creation, too."""
    INSERT = 4

    @classmethod
    def of(cls, row: RowChange) -> "Way":
        """The way of one row."""
        if row.after is None:
            return cls.DELETE
        if row.before is None:
            return cls.INSERT
        return cls.UPDATE if row.created is None else cls.REPLACE


@dataclass(frozen=True, slots=True)
class Part:
    """Those rows of a batch that are of one stored set and are written in the same way.

    Attributes:
        places: the columns that travel; the first of them is the key.
    """

    stored: str
    way: Way
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyedTable:
    """The table of a stored set, as statements by key spell it.

    Attributes:
        names: of the columns: those of a record, and the times of creation and of the last change behind it.
        kinds: their types.
        index: the table that is written with the rows.
    """

    table: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    index: IndexTable

    @classmethod
    def of(cls, layout: Layout, index: IndexTable) -> "KeyedTable":
        """Read it off a layout."""
        names = (*layout.names, "created_ticks", "modified_ticks")
        kinds = ("text", "text", "bigint", *map(column_type, layout.slots), "bigint", "bigint")
        return cls(quoted(layout.stored.name), names, kinds, index)

    def places(self, way: Way, rows: Iterable[RowChange]) -> tuple[int, ...]:
        """The columns that some rows need to be written. Each costs time for every row: what stays is left out."""
        match way:
            case Way.DELETE:
                return (KEY,)
            case Way.UPDATE:
                places = {KEY, VERSION, len(self.names) - 1}
                for row in rows:
                    pairs = zip(row.before or (), row.after or (), strict=True)
                    places.update([place for place, (before, after) in enumerate(pairs) if before is not after])
                return tuple(sorted(places))
            case Way.REPLACE | Way.INSERT:
                return tuple(range(len(self.names)))
            case never:
                assert_never(never)


@dataclass(frozen=True, slots=True)
class Writing:
    """The statements that write batches.

    Attributes:
        tables: by the names of the stored sets.
    """

    tables: Mapping[str, KeyedTable]
    _texts: dict[tuple[Part, ...], str] = field(default_factory=dict)

    def statement(
        self, batch: Batch, log: Sequence[tuple[Any, ...]], created: Mapping[Place, int]
    ) -> tuple[str, list[Any]]:
        """The statement for a batch, and its values behind the tenant.

        It fails with SQLSTATE 40001 when a row is not the one that the batch was made for.

        Args:
            log: the entries, each with the values of `LOG_COLUMNS` behind the position.
            created: when each row that was there was created. The version alone would not tell it from one that took
                its place.
        """
        shape: list[Part] = []
        values: list[Any] = []
        number = 0
        for part, rows in self._parts(batch):
            shape.append(part)
            number += len(rows)
            whole = [(*(row.after or (place[-1],)), row.created, row.at) for place, row in rows]
            values += [[each[place] for each in whole] for place in part.places]
            if part.way is not Way.INSERT:
                values.append([row.before[VERSION] for _, row in rows if row.before])
                values.append([created[place] for place, _ in rows])
        values += [number, len(log), *zip(*log, strict=True)]
        return self._text(tuple(shape)), values

    def _parts(self, batch: Batch) -> Iterator[tuple[Part, list[tuple[Place, RowChange]]]]:
        """The rows of a batch by the way they are written, in the order of keys, in which everybody locks them."""
        groups: dict[tuple[str, int], list[tuple[Place, RowChange]]] = {}
        for place, row in sorted(batch.changed(), key=lambda changed: changed[0]):
            groups.setdefault((place[1], Way.of(row).value), []).append((place, row))
        for (stored, value), rows in sorted(groups.items(), key=lambda group: group[0]):
            way = Way(value)
            yield Part(stored, way, self.tables[stored].places(way, (row for _, row in rows))), rows

    def _text(self, shape: tuple[Part, ...]) -> str:
        if shape not in self._texts:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            self._texts[shape] = self._composed(shape)
        return self._texts[shape]

    def _composed(self, shape: tuple[Part, ...]) -> str:
        parameters = _Parameters()
        steps = [
            step
            for number, part in enumerate(shape)
            for step in _steps(self.tables[part.stored], part, number, parameters)
        ]
        rows, entries = parameters.take("bigint"), parameters.take("bigint")
        written, indexed = (
            " + ".join(f"(SELECT count(*) FROM {step.name})" for step in steps if step.of_index is of_index) or "0"
            for of_index in (False, True)
        )
        # The counter is locked until the commit: whatever takes time comes before it. That orders a tenant's positions
        # as its commits are ordered: whoever sees a position sees all below it, so a reader of the log may go on behind
        # the last one it saw. A sequence would not do: its numbers become visible in any order.
        counter = (
            f"INSERT INTO positions AS p (tenant_id, last) SELECT $1, {entries} "
            f"WHERE store_all_written({written}, {rows}) AND {indexed} >= 0 "
            "ON CONFLICT (tenant_id) DO UPDATE SET last = p.last + excluded.last RETURNING last"
        )
        arrays = ", ".join(parameters.take(f"{kind}[]") for kind in _LOG_TYPES)
        places = [f"a{place}" for place, _ in enumerate(_LOG_TYPES)]
        entry = (
            f"INSERT INTO changes (tenant_id, {_listed(LOG_COLUMNS)}) "
            f"SELECT $1, counter.last - {entries} + n.number, {', '.join(f'n.{place}' for place in places)} "
            f"FROM counter, unnest({arrays}) WITH ORDINALITY AS n ({', '.join(places)}, number)"
        )
        named = [*((step.name, step.text) for step in steps), ("counter", counter)]
        return f"WITH {', '.join(f'{name} AS ({text})' for name, text in named)} {entry}"


@dataclass(slots=True)
class _Parameters:
    """Counts the parameters of a statement. The first is the tenant."""

    taken: int = 1

    def take(self, kind: str) -> str:
        """The next one."""
        self.taken += 1
        return f"${self.taken}::{kind}"


@dataclass(frozen=True, slots=True)
class _Step:
    """One member of the statement, which writes rows, or what an index table has of rows that another one wrote."""

    name: str
    text: str
    of_index: bool = False


def _steps(table: KeyedTable, part: Part, number: int, parameters: _Parameters) -> Iterator[_Step]:
    """What writes the rows of a part, and then their index table."""
    written, indexed = f"written_{number}", f"indexed_{number}"
    columns = [quoted(table.names[place]) for place in part.places]
    arrays = [parameters.take(f"{table.kinds[place]}[]") for place in part.places]
    index, listed = quoted(table.index.name), ", ".join(columns)
    if part.way is Way.INSERT:
        rows = f"SELECT $1, {listed} FROM unnest({', '.join(arrays)}) AS n ({listed})"
        returned = f"RETURNING {_listed(table.index.sources)}"
        yield _Step(written, f"INSERT INTO {table.table} (tenant_id, {listed}) {rows} {returned}")
        made = " UNION ALL ".join(
            f"SELECT $1, {kept.value}, w.id, {', '.join(table.index.values(kept, 'w'))} FROM {written} AS w"
            for kept in IndexPart
        )
        into = f"INSERT INTO {index} (tenant_id, {PART}, id, {_listed(table.index.names)})"
        yield _Step(indexed, f"{into} {made} RETURNING 1", of_index=True)
        return
    arrays += [parameters.take("bigint[]"), parameters.take("bigint[]")]
    rows = f"unnest({', '.join(arrays)}) AS n ({listed}, seen_version, seen_created)"
    same = "e.tenant_id = $1 AND e.id = n.id AND e.version = n.seen_version AND e.created_ticks = n.seen_created"
    of_those = f"{written} AS w WHERE i.tenant_id = $1 AND i.id = w.id"
    if part.way is Way.DELETE:
        yield _Step(written, f"DELETE FROM {table.table} AS e USING {rows} WHERE {same} RETURNING e.id")
        every = f"i.{PART} IN ({', '.join(str(kept.value) for kept in IndexPart)})"  # as its key wants it
        yield _Step(indexed, f"DELETE FROM {index} AS i USING {of_those} AND {every} RETURNING 1", of_index=True)
        return
    changed = tuple(table.index.made_of(table.names[place] for place in part.places[1:]))
    sources = sources_of([column for _, made in changed for column in made])
    assignments = ", ".join(f"{name} = n.{name}" for name in columns[1:])
    returned = ", ".join(f"e.{quoted(name)}" for name in dict.fromkeys((HEAD[KEY], *sources)))
    yield _Step(written, f"UPDATE {table.table} AS e SET {assignments} FROM {rows} WHERE {same} RETURNING {returned}")
    for kept, made_of in changed:
        values = ", ".join(f"{quoted(item.name)} = {item.value('w')}" for item in made_of)
        update = f"UPDATE {index} AS i SET {values} FROM {of_those} AND i.{PART} = {kept.value} RETURNING 1"
        yield _Step(f"{indexed}_{kept.value}", update, of_index=True)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))
