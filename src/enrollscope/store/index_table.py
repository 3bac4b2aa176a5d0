"""The index table of a stored set: what is asked of its rows and often changed, in a table beside it, on PostgreSQL.

When a row changes in a column that some index of its table holds, PostgreSQL writes a new entry to every index of that
table, and to an index of strings one for each run of characters in it. Indexes of what often changes are therefore on a
table of their own, which has two rows for each row of the set: one of what often changes, and one of the strings that
hardly ever do. A change rewrites the first of them, which is short, and the row itself stays in its place (a heap-only
tuple). The part stands before the id in its key, so that what changes meet of it is little. Whoever writes rows writes
these in the same statement.

Nothing here needs SQLAlchemy, which takes 0.5 s to import.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from enrollscope.odata.edm.layout import HEAD, KEY, TYPE, Layout, Slot
from enrollscope.odata.edm.model import EnumType, Primitive
from enrollscope.store.indexes import Indexed
from enrollscope.store.names import quoted

PART, STRINGS, IDS, GUID_PARTS = "part", "strings_lower", "ids_lower", "guid_parts"


class IndexPart(IntEnum):
    """The rows of an index table that belong to a row of the set, by what stands for them in the column `part`."""

    CHANGING = 0
    LASTING = 1


@dataclass(frozen=True, slots=True)
class IndexColumn:
    """One column of one part, and what of the row it is made of.

    Attributes:
        sources: columns of the row.
        made: the value in SQL, with `{0}` for the alias of the row.
    """

    name: str
    sources: tuple[str, ...]
    made: str

    def value(self, row: str) -> str:
        """How it is spelled in SQL, of a row that goes by an alias."""
        return self.made.format(row)


@dataclass(frozen=True, slots=True)
class IndexTable:
    """The columns behind tenant, part and key.

    Attributes:
        plain: those that hold a value as the row does, under the same name, with their types in SQL. The lasting part
            has only those of them that are never null.
        parts: what is kept in each part: values as they are; strings, and structured values as JSON, joined in lower
            case; of the columns that are likely to hold GUIDs all as one text, and what `postgres_objects.sql` makes of
            them.
        ids: those columns of the row.
    """

    name: str
    plain: Mapping[str, str]
    parts: Mapping[IndexPart, tuple[IndexColumn, ...]]
    ids: tuple[str, ...]

    @classmethod
    def of(cls, layout: Layout, indexed: Indexed) -> "IndexTable":
        """Read it off the model."""
        kinds = dict(zip(layout.names, ("text", "text", "bigint", *map(column_type, layout.slots)), strict=True))
        required = (HEAD[TYPE], *(layout.names[layout.index[name]] for name in indexed.order))
        apart, rewritten = (
            tuple(layout.names[layout.index[name]] for name in names) for names in (indexed.apart, indexed.rewritten)
        )
        plain = tuple(dict.fromkeys((*required, *apart)))
        strings = [slot for slot in layout.slots if slot.structured or slot.of.type is Primitive.STRING]
        ids = (HEAD[KEY], *(slot.name for slot in strings if _is_id(slot)))
        texts = [slot.name for slot in strings if not _is_id(slot)]
        changing = [name for name in texts if name in (*apart, *rewritten)]
        lasting = [name for name in texts if name not in changing]
        return cls(
            name=index_table_name(layout.stored.name),
            plain={name: kinds[name] for name in plain},
            parts={
                IndexPart.CHANGING: (*map(_plain, plain), *_joined(changing)),
                IndexPart.LASTING: (*map(_plain, dict.fromkeys(required)), *_joined(lasting, ids), *_of_ids(ids)),
            },
            ids=ids,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns behind the key."""
        return (*self.plain, STRINGS, IDS, GUID_PARTS)

    def values(self, part: IndexPart, row: str) -> list[str]:
        """What one part has in all columns, in SQL, of a row that goes by an alias."""
        made = {column.name: column.value(row) for column in self.parts[part]}
        return [made.get(name, "NULL") for name in self.names]

    def filled_from(self, rows: str) -> str:
        """The statements that make all of it from the rows, of every tenant. It has to be empty."""
        names = ", ".join(map(quoted, self.names))
        return ";\n".join(
            f"INSERT INTO {quoted(self.name)} (tenant_id, {PART}, id, {names}) "  # noqa: S608 - names of the model
            f"SELECT e.tenant_id, {part.value}, e.id, {', '.join(self.values(part, 'e'))} FROM {quoted(rows)} AS e "
            "ORDER BY 1, 3"
            for part in IndexPart
        )

    def made_of(self, changed: Iterable[str]) -> Iterator[tuple[IndexPart, list[IndexColumn]]]:
        """What changes with some columns of the row, by the part that it is in."""
        names = frozenset(changed)
        for part, columns in self.parts.items():
            made = [column for column in columns if not names.isdisjoint(column.sources)]
            if made:
                yield part, made

    @property
    def sources(self) -> list[str]:
        """The columns of the row that anything is made of."""
        return sources_of([column for columns in self.parts.values() for column in columns])


def _plain(name: str) -> IndexColumn:
    return IndexColumn(name, (name,), f"{{0}}.{quoted(name)}")


def _joined(texts: Sequence[str], ids: Sequence[str] = ()) -> Iterator[IndexColumn]:
    """Strings as one text, with those ids that are no GUIDs."""
    values = [f"{{0}}.{quoted(name)}" for name in texts]
    if ids:
        values.append(f"odata_odd_ids({_array(ids)})")
    if values:
        yield IndexColumn(STRINGS, (*texts, *ids), f"odata_tolower(concat_ws(E'\\n', {', '.join(values)}))")


def _of_ids(ids: Sequence[str]) -> Iterator[IndexColumn]:
    listed = ", ".join(f"{{0}}.{quoted(name)}" for name in ids)
    yield IndexColumn(IDS, tuple(ids), f"lower(concat_ws(' ', {listed}))")
    yield IndexColumn(GUID_PARTS, tuple(ids), f"odata_guid_parts({_array(ids)})")


def _array(names: Sequence[str]) -> str:
    return f"ARRAY[{', '.join(f'{{0}}.{quoted(name)}' for name in names)}]"


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
