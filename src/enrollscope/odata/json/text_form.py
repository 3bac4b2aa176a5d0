"""How records become JSON text, as values: for a store that can put the text of a page together where the rows lie.

A form says of each stored type what text an entity is made of: constants, and pieces that stand for what a column
holds. It says the same as `odata.json.writer` does with functions, or that it cannot.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from enrollscope.odata.edm.layout import VERSION, Layout
from enrollscope.odata.edm.model import ComplexType, EnumType, Primitive, Property
from enrollscope.odata.json.property_writer import PropertyWriters

_TEXTS: Final = frozenset((Primitive.STRING, Primitive.GUID, Primitive.DATE))
_WHOLE_NUMBERS: Final = frozenset((Primitive.SBYTE, Primitive.BYTE, Primitive.INT16, Primitive.INT32, Primitive.INT64))
_NULL: Final = "null"


class Spelling(Enum):
    """What a piece makes of its column. Null is `Piece.missing` in each of them."""

    TEXT = auto()
    """A JSON string."""
    NUMBER = auto()
    """A whole number, in digits."""
    BOOLEAN = auto()
    """`true` or `false`."""
    INSTANT = auto()
    """A JSON string, as `edm.values.write_instant` prints ticks and offset, which are two columns."""
    MEMBER = auto()
    """What `Piece.members` has for the number, or else `Piece.other`."""
    NOTHING = auto()
    """No form is known of what is not null."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands for the value of a column.

    Attributes:
        columns: as `Layout.names` calls them; two of an instant, else one.
        members: number → JSON.
        other: JSON; `None`: the form does not say.
    """

    spelling: Spelling
    columns: tuple[str, ...]
    missing: str = _NULL
    members: tuple[tuple[int, str], ...] = ()
    other: str | None = None


Part: TypeAlias = str | Piece
"""Of a JSON text: a constant, or a piece that differs from record to record."""


@dataclass(frozen=True, slots=True, eq=False)
class TextForm:
    """The JSON of entities, for each stored type. A form equals itself alone, and so is a quick key.

    Attributes:
        types: stored type → its parts, from brace to brace.
    """

    types: Mapping[str, tuple[Part, ...]]


def entity_parts(
    layout: Layout,
    control: Iterable[tuple[str, str | tuple[str, str]]],
    items: Iterable[Property],
    writers: PropertyWriters,
) -> tuple[Part, ...]:
    """Say what the text of an entity is made of.

    Args:
        control: names of control information, in order, each with the value that is the same in all entities, or with
            what stands before and behind the version in it.
        items: the properties shown, in order.
    """
    members: list[tuple[str, tuple[Part, ...]]] = [(name, _control(layout, value)) for name, value in control]
    members += [(item.name, (_piece(layout, item, writers),)) for item in items]
    parts: list[Part] = ["{"]
    for number, (name, value) in enumerate(members):
        parts += [f"{',' if number else ''}{_json(name)}:", *value]
    return _joined([*parts, "}"])


def _control(layout: Layout, value: str | tuple[str, str]) -> tuple[Part, ...]:
    if isinstance(value, str):
        return (_json(value),)
    before, after = (_json(text)[1:-1] for text in value)
    return (f'"{before}', Piece(Spelling.NUMBER, (layout.names[VERSION],)), f'{after}"')


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Make one constant of neighbouring ones."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, str) and isinstance(last, str):
            found[-1] = last + part
        else:
            found.append(part)
    return tuple(found)


def _piece(layout: Layout, item: Property, writers: PropertyWriters) -> Piece:
    place = layout.index[item.name]
    column = layout.names[place]
    kind = item.type
    if item.collection or isinstance(kind, ComplexType):
        return Piece(Spelling.NOTHING, (column,), "[]" if item.collection else _NULL)
    if isinstance(kind, EnumType):
        members = tuple((number, _json(name)) for number, name in writers.members(kind).items())
        other = None if kind.sentinel is None else _json(kind.sentinel)
        return Piece(Spelling.MEMBER, (column,), members=members, other=other)
    if kind is Primitive.DATE_TIME_OFFSET:
        return Piece(Spelling.INSTANT, (column, layout.names[place + 1]))
    if writers.of_property(item) is not None:
        return Piece(Spelling.NOTHING, (column,))
    return Piece(_spelling(kind), (column,))


def _spelling(kind: Primitive) -> Spelling:
    """Of what is JSON as it is stored."""
    if kind in _TEXTS:
        return Spelling.TEXT
    if kind in _WHOLE_NUMBERS:
        return Spelling.NUMBER
    return Spelling.BOOLEAN if kind is Primitive.BOOLEAN else Spelling.NOTHING


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
