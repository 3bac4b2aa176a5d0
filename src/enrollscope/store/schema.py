"""The tables, made from the model: two for each stored set, one for the log of changes, one for secrets.

The second one of a set, its index table, is PostgreSQL's alone.

Every key and every index of what belongs to tenants begins with the tenant: that is isolation, and it is what lets the
same tables be distributed. Only a hash index, which has one column, does not (revision 0005).
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    REAL,
    Alias,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    func,
    literal_column,
)
from sqlalchemy.types import TypeEngine

from enrollscope.odata.edm.layout import Layout, Slot
from enrollscope.odata.edm.model import EnumType, Primitive
from enrollscope.odata.edm.schema import Schema
from enrollscope.odata.plan.bound import ScalarType
from enrollscope.store.index_table import GUID_PARTS, IDS, PART, STRINGS, IndexPart, IndexTable
from enrollscope.store.indexes import Indexed

# SQLite's strict tables know few types. Elsewhere text needs telling that it compares by code point, as in OData.
TEXT = Text(collation="C").with_variant(Text(), "sqlite")
INTEGER = BigInteger().with_variant(Integer(), "sqlite")
BOOLEAN = Boolean().with_variant(Integer(), "sqlite")
FLOAT: TypeEngine[Any] = Double().with_variant(REAL(), "sqlite")
BINARY = LargeBinary()

DIALECT = "dialect"
"""What `Table.info` names the one database by that has such a table."""

ROOM_FOR_CHANGES = 85
"""Percent of a page that rows may fill at first: the rest lets a changed row stay in its page."""


def tables(schema: Schema, layouts: Iterable[Layout]) -> MetaData:
    """Every table that a store of this schema has."""
    metadata = MetaData()
    for layout in layouts:
        indexed = Indexed.of(schema, layout.stored)
        _stored_table(metadata, layout, indexed)
        _index_table(metadata, layout, indexed)
    _log_table(metadata)
    Table(
        "secrets",
        metadata,
        Column("name", TEXT, primary_key=True),
        Column("value", TEXT, nullable=False),
        sqlite_strict=True,
    )
    return metadata


def scalar_type(kind: ScalarType) -> TypeEngine[Any]:
    """The type of a column that holds such a value in the form of `odata.edm.layout`."""
    match kind:
        case Primitive.BOOLEAN:
            return BOOLEAN
        case Primitive.BINARY:
            return BINARY
        case Primitive.SINGLE | Primitive.DOUBLE:
            return FLOAT
        case Primitive.STRING | Primitive.GUID | Primitive.DECIMAL | Primitive.DATE | Primitive.TIME_OF_DAY:
            return TEXT
        case _:
            return INTEGER


def _stored_table(metadata: MetaData, layout: Layout, indexed: Indexed) -> None:
    required = {item.name for item in layout.root.all_properties if not item.nullable and not item.collection}
    table = Table(
        layout.stored.name,
        metadata,
        Column("tenant_id", TEXT, primary_key=True),
        Column("id", TEXT, primary_key=True),
        Column("type", TEXT, nullable=False),
        Column("version", INTEGER, nullable=False),
        *(Column(slot.name, _slot_type(slot), nullable=slot.of.name not in required) for slot in layout.slots),
        Column("created_ticks", INTEGER, nullable=False),
        Column("modified_ticks", INTEGER, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_with={"fillfactor": ROOM_FOR_CHANGES},
    )
    order = [_column(table, layout, name) for name in indexed.order]
    _index(table, "in_order", order)
    for name in indexed.links:
        column = _column(table, layout, name)
        _index(table, f"of_{column.name}", [func.lower(column), *order])


def _index_table(metadata: MetaData, layout: Layout, indexed: Indexed) -> None:
    index = IndexTable.of(layout, indexed)
    rows = metadata.tables[layout.stored.name]
    table = Table(
        index.name,
        metadata,
        Column("tenant_id", TEXT),
        Column("id", TEXT),
        Column(PART, SmallInteger(), autoincrement=False),
        *(Column(name, rows.c[name].type, nullable=rows.c[name].nullable) for name in index.plain),
        Column(STRINGS, TEXT),
        Column(IDS, TEXT),
        Column(GUID_PARTS, ARRAY(TEXT)),
        PrimaryKeyConstraint("tenant_id", PART, "id"),
        postgresql_with={"fillfactor": ROOM_FOR_CHANGES},
        info={DIALECT: "postgresql"},
    )
    order = [table.c[_column(rows, layout, name).name] for name in indexed.order]
    for name in indexed.apart:
        column = table.c[_column(rows, layout, name).name]
        key = column.nulls_first() if column.nullable else column
        _index(table, f"by_{column.name}", [key, *order], where=changing(table))


def changing(table: Table | Alias) -> ColumnElement[bool]:
    """Whether a row of an index table is of the part that often changes. Spelled out, as in its indexes."""
    return table.c[PART] == literal_column(str(IndexPart.CHANGING.value), SmallInteger())


def _index(
    table: Table, name: str, columns: Iterable[ColumnElement[Any]], where: ColumnElement[bool] | None = None
) -> None:
    """One direction serves the opposite order too, since the key follows the direction of what comes before it."""
    Index(f"{table.name}_{name}", table.c.tenant_id, *columns, table.c.id, postgresql_where=where)


def _column(table: Table, layout: Layout, name: str) -> Column[Any]:
    return table.c[layout.names[layout.index[name]]]


def _slot_type(slot: Slot) -> TypeEngine[Any]:
    kind = slot.of.type
    return scalar_type(kind) if isinstance(kind, Primitive | EnumType) and not slot.structured else TEXT


def _log_table(metadata: MetaData) -> None:
    Table(
        "changes",
        metadata,
        Column("tenant_id", TEXT, primary_key=True),
        Column("position", INTEGER, primary_key=True, autoincrement=False),
        Column("stored", TEXT, nullable=False),
        Column("id", TEXT, nullable=False),
        Column("kind", TEXT, nullable=False),
        Column("version", INTEGER, nullable=False),
        Column("at_ticks", INTEGER, nullable=False),
        Column("user_id", TEXT),
        Column("app_id", TEXT, nullable=False),
        Column("token_id", TEXT, nullable=False),
        Column("client_request_id", TEXT, nullable=False),
        Column("before", TEXT, nullable=False),
        Column("after", TEXT, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
