"""What a name means in the row that an expression speaks of: an entity, an element, a grouped result."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from enrollscope.odata.edm.model import (
    ComplexType,
    EntityType,
    Model,
    Primitive,
    Property,
    ValueType,
    visible_properties,
)
from enrollscope.odata.plan.bound import Bound, Column, Inside, OfType, ScalarType, Source

_NOT_READ_INSIDE = frozenset({Primitive.DATE_TIME_OFFSET, Primitive.DURATION, Primitive.TIME_OF_DAY, Primitive.BINARY})


@dataclass(frozen=True, slots=True)
class Structure:
    """A value of a complex type."""

    source: Source
    type: ComplexType


@dataclass(frozen=True, slots=True)
class Many:
    """A collection.

    Attributes:
        kept: the number of the element, and what must be true of it, where `/$filter(…)` narrowed the collection.
    """

    source: Source
    type: ValueType
    kept: tuple[int, Bound] | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """The members of a grouped result, or of one structured value in it.

    Attributes:
        members: by their names in lower case.
        spelled: the names as they are written.
    """

    members: Mapping[str, "Found"]
    spelled: tuple[str, ...]

    @property
    def title(self) -> str:
        """See `Row`."""
        return "the result of $apply"

    @property
    def names(self) -> Iterable[str]:
        """See `Row`."""
        return self.spelled

    def find(self, name: str) -> "Found | None":
        """See `Row`."""
        return self.members.get(name.lower())


Found: TypeAlias = Bound | Structure | Many | Branch


class Row(Protocol):
    """What has members that can be named."""

    @property
    def title(self) -> str:
        """What it is, for a message about a name that it lacks."""
        ...

    @property
    def names(self) -> Iterable[str]:
        """Every name it has, for hints."""
        ...

    def find(self, name: str) -> Found | None:
        """Look a name up, in any case."""
        ...


class EntityRow:
    """The entities of a declared type and of the types derived from it, whose properties need no cast."""

    def __init__(self, model: Model, declared: EntityType) -> None:
        self.declared = declared
        self.properties = visible_properties(model, declared)
        self._model = model
        self._found = {item.name.lower(): found_in(Source(item.name), item) for item in self.properties}

    @property
    def title(self) -> str:
        """See `Row`."""
        return f"type '{self.declared.name_in_model}'"

    @property
    def names(self) -> Iterable[str]:
        """See `Row`."""
        return [item.name for item in self.properties]

    def find(self, name: str) -> Found | None:
        """See `Row`."""
        return self._found.get(name.lower())

    def behind_cast(self, cast: EntityType) -> "CastRow":
        """The same entities where they are of a type, null elsewhere."""
        return CastRow(self._model, self.declared, cast)


@dataclass(frozen=True, slots=True)
class CastRow:
    """The properties of the entities of one type; null for all others."""

    model: Model
    declared: EntityType
    cast: EntityType

    @property
    def title(self) -> str:
        """See `Row`."""
        return f"type '{self.cast.name_in_model}'"

    @property
    def names(self) -> Iterable[str]:
        """See `Row`."""
        return [item.name for item in self.cast.all_properties]

    def find(self, name: str) -> Found | None:
        """See `Row`."""
        item = self.cast.find(name)
        if item is None:
            return None
        found = found_in(Source(item.name), item)
        if self.declared.is_a(self.cast) or not any(item.name in each.by_name for each in self.cast.lineage[:-1]):
            return found  # only rows of the type have the property at all
        types = self.model.stored_as(self.cast)
        match found:
            case Structure(source=source, type=kind):
                return Structure(Source(source.of, source.path, types), kind)
            case Many(source=source, type=element):
                return Many(Source(source.of, source.path, types), element)
            case Column():
                return OfType(found, types, found.type)
            case _:
                return found


@dataclass(frozen=True, slots=True)
class StructureRow:
    """The properties of a complex value."""

    of: Structure

    @property
    def title(self) -> str:
        """See `Row`."""
        return f"type '{self.of.type.name_in_model}'"

    @property
    def names(self) -> Iterable[str]:
        """See `Row`."""
        return [item.name for item in self.of.type.properties]

    def find(self, name: str) -> Found | None:
        """See `Row`."""
        item = self.of.type.find(name)
        return None if item is None else found_in(self.of.source.inside(item.name), item)


@dataclass(frozen=True, slots=True)
class ScalarRow:
    """An element of a collection of scalars: it has nothing that could be named."""

    type: ScalarType

    @property
    def title(self) -> str:
        """See `Row`."""
        return f"type '{self.type.name_in_model}'"

    @property
    def names(self) -> Iterable[str]:
        """See `Row`."""
        return ()

    def find(self, name: str) -> Found | None:  # noqa: ARG002 - the signature is that of `Row`
        """See `Row`."""
        return None


def found_in(source: Source, item: Property) -> Found:
    """What a property is, found at `source`."""
    if item.collection:
        return Many(source, item.type)
    if isinstance(item.type, ComplexType):
        return Structure(source, item.type)
    if isinstance(source.of, str) and not source.path:
        return Column(item.name, item.type)
    return Inside(source, item.type)


def element_of(many: Many, variable: int) -> Structure | Inside:
    """The element of a collection that a quantifier looks at."""
    if isinstance(many.type, ComplexType):
        return Structure(Source(variable), many.type)
    return Inside(Source(variable), many.type)


def row_of(element: Structure | Inside) -> Row:
    """The names that an element has."""
    return StructureRow(element) if isinstance(element, Structure) else ScalarRow(element.type)


def named(found: Found) -> str:
    """How a message calls what a path came to."""
    match found:
        case Column(property=name) | OfType(operand=Column(property=name)):
            return f"'{name}'"
        case Structure(source=source) | Many(source=source) | Inside(source=source) if source.path:
            return f"'{source.path[-1]}'"
        case Structure(source=source) | Many(source=source) if isinstance(source.of, str):
            return f"'{source.of}'"
        case _:
            return "This"


def members(row: Row) -> list[Found]:
    """Everything that a row has."""
    return [item for name in row.names if (item := row.find(name)) is not None]


def readable_inside(kind: ScalarType) -> bool:
    """Whether expressions can look at values of a type inside of structured ones, where they are JSON text."""
    return kind not in _NOT_READ_INSIDE
