"""The index table of a stored set: what is asked of its rows and often changed, in a table beside it, on PostgreSQL.

When a row changes in a column that some index of its table holds, PostgreSQL writes a new entry to every index of that
table. Indexes of what often changes are therefore on a table of their own, with one row for each row of the set. A
change of such a value rewrites these few, and the row itself stays in its place (a heap-only tuple). Whoever writes
rows writes these in the same statement.

Nothing here needs SQLAlchemy, which takes 0.5 s to import.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from enrollscope.odata.edm.layout import HEAD, KEY, TYPE, Layout, Slot
from enrollscope.odata.edm.model import EnumType, Primitive
from enrollscope.store.indexes import Indexed
from enrollscope.store.names import quoted

IDS, ODD_IDS, GUID_PARTS = "ids_lower", "odd_ids", "guid_parts"


@dataclass(frozen=True, slots=True)
class IndexColumn:
    """One column, and what of the row it is made of.

    Attributes:
        kind: its type in SQL.
        sources: columns of the row.
        function: what makes its value of theirs; `None`: it is the value of the one.
    """

    name: str
    kind: str
    sources: tuple[str, ...]
    function: str | None = None

    def value(self, row: str) -> str:
        """How it is spelled in SQL, of a row that goes by an alias."""
        columns = [f"{row}.{quoted(source)}" for source in self.sources]
        match self.function:
            case None:
                return columns[0]
            case "odata_tolower":
                return f"odata_tolower({columns[0]})"
            case "lower":
                return f"lower(concat_ws(' ', {', '.join(columns)}))"
            case function:
                return f"{function}(ARRAY[{', '.join(columns)}])"


@dataclass(frozen=True, slots=True)
class IndexTable:
    """The columns behind tenant and key.

    Attributes:
        plain: those that hold a value as the row does, under the same name.
        lower: those that hold a string, or a structured value as JSON, in lower case, by the column of the row.
        ids: the columns of the row that are likely to hold GUIDs. Of them are made `ids_lower`, all as one text, and
            `odd_ids` and `guid_parts` (`postgres_objects.sql`).
    """

    name: str
    plain: tuple[IndexColumn, ...]
    lower: tuple[IndexColumn, ...]
    ids: tuple[str, ...]

    @classmethod
    def of(cls, layout: Layout, indexed: Indexed) -> "IndexTable":
        """Read it off the model."""
        names = [HEAD[TYPE], *(layout.names[layout.index[name]] for name in (*indexed.order, *indexed.apart))]
        kinds = dict(zip(layout.names, ("text", "text", "bigint", *map(column_type, layout.slots)), strict=True))
        texts: list[str] = []
        ids = [HEAD[KEY]]
        for slot in layout.slots:
            if slot.structured or slot.of.type is Primitive.STRING:
                (ids if _is_id(slot) else texts).append(slot.name)
        return cls(
            name=index_table_name(layout.stored.name),
            plain=tuple(IndexColumn(name, kinds[name], (name,)) for name in dict.fromkeys(names)),
            lower=tuple(IndexColumn(f"{name}_lower", "text", (name,), "odata_tolower") for name in texts),
            ids=tuple(ids),
        )

    @property
    def columns(self) -> tuple[IndexColumn, ...]:
        """All of them."""
        return (
            *(*self.plain, *self.lower),
            IndexColumn(IDS, "text", self.ids, "lower"),
            IndexColumn(ODD_IDS, "text", self.ids, "odata_odd_ids"),
            IndexColumn(GUID_PARTS, "text[]", self.ids, "odata_guid_parts"),
        )

    def filled_from(self, rows: str) -> str:
        """The statement that makes all of it from the rows, of every tenant. It has to be empty."""
        names = ", ".join(quoted(column.name) for column in self.columns)
        values = ", ".join(column.value("e") for column in self.columns)
        return (
            f"INSERT INTO {quoted(self.name)} (tenant_id, id, {names}) "  # noqa: S608 - names of the model
            f"SELECT e.tenant_id, e.id, {values} FROM {quoted(rows)} AS e ORDER BY 1, 2"
        )

    def made_of(self, changed: Iterable[str]) -> list[IndexColumn]:
        """Those whose values change with some columns of the row."""
        names = frozenset(changed)
        return [column for column in self.columns if not names.isdisjoint(column.sources)]


def index_table_name(stored: str) -> str:
    """The name of the index table of a stored set."""
    return f"{stored}_index"


def sources_of(columns: Sequence[IndexColumn]) -> list[str]:
    """The columns of the row that some columns are made of."""
    return list(dict.fromkeys(source for column in columns for source in column.sources))


def column_type(slot: Slot) -> str:
    """The type of a column of the row, as `schema.scalar_type` gives it to SQLAlchemy."""
    kind = slot.of.type
    if slot.structured:
        return "text"
    if isinstance(kind, EnumType):
        return "bigint"
    match kind:
        case Primitive.BOOLEAN:
            return "boolean"
        case Primitive.BINARY:
            return "bytea"
        case Primitive.SINGLE | Primitive.DOUBLE:
            return "double precision"
        case Primitive.STRING | Primitive.GUID | Primitive.DECIMAL | Primitive.DATE | Primitive.TIME_OF_DAY:
            return "text"
        case _:
            return "bigint"


def _is_id(slot: Slot) -> bool:
    """Whether it is likely to hold a GUID, by its name; where that is wrong, searches are as right."""
    return not slot.structured and slot.name.endswith("_id")
