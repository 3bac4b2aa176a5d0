"""How an entity lies in a flat record: the one form in which the store, the merge and the writer exchange entities.

A record is a plain tuple, so that a row comes from a driver to JSON without an object made for it. It begins with the
three slots of the head and goes on with the properties of the set's whole type tree, in declared order. One slot holds
one value; an `Edm.DateTimeOffset` takes two, `…_ticks` and `…_offset`; a complex value or a collection is JSON text.
A property that the entity's type lacks is `None`.

What a slot holds: `str` for String, Guid (canonical lower case), Decimal, Date, TimeOfDay; `int` for the integer types,
enumerations (the member's number), DateTimeOffset and Duration (100 ns ticks); `float`, `bool`, `bytes` as one would
expect.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, cast

from enrollscope.odata.edm.model import ComplexType, EntityType, Model, Primitive, Property, StoredSet
from enrollscope.odata.edm.values import Instant

Record: TypeAlias = tuple[Any, ...]

KEY, TYPE, VERSION = 0, 1, 2
HEAD = ("id", "type", "version")


def storage_name(name: str) -> str:
    """Spell a property name as a column: `osVersion` → `os_version`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@dataclass(frozen=True)
class Slot:
    """One place of a record after the head, and the column that holds it.

    Attributes:
        of: the property whose value it holds.
        part: `ticks` or `offset` for the two halves of a DateTimeOffset, else `value`.
    """

    name: str
    of: Property
    part: str = "value"

    @property
    def structured(self) -> bool:
        """Whether the slot holds JSON text."""
        return self.of.collection or isinstance(self.of.type, ComplexType)


@dataclass(frozen=True)
class Layout:
    """The record form of one stored set. `root` and `types` come from the whole model, not from a version's view."""

    stored: StoredSet
    root: EntityType
    types: Mapping[str, EntityType]

    @classmethod
    def of(cls, whole: Model, stored: StoredSet) -> "Layout":
        """Lay out a set of `whole`, which is `Schema.whole`."""
        root = whole.entity(stored.type)
        return cls(stored, root, {item.name: item for item in whole.concrete_types(root)})

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Everything after the head."""
        found: dict[str, tuple[Slot, ...]] = {}
        for entity in self.types.values():
            for item in entity.all_properties:
                if item is self.root.key_property or item.name == self.root.key_property.name:
                    continue
                found.setdefault(item.name, _slots_of(item))
        return tuple(slot for group in found.values() for slot in group)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names, in record order. The key's is always `id`."""
        return (*HEAD, *(slot.name for slot in self.slots))

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Property name → place of its (first) slot; the key property is at `KEY`."""
        places = {self.root.key_property.name: KEY}
        for place, slot in enumerate(self.slots, start=len(HEAD)):
            places.setdefault(slot.of.name, place)
        return places

    def places_without(self, shown: frozenset[str]) -> frozenset[int]:
        """The places of all slots but the head that hold nothing of these properties."""
        slots = enumerate(self.slots, start=len(HEAD))
        return frozenset(place for place, slot in slots if slot.of.name not in shown)

    @cached_property
    def properties(self) -> Mapping[str, Property]:
        """Name → property, over the whole type tree."""
        return {self.root.key_property.name: self.root.key_property} | {slot.of.name: slot.of for slot in self.slots}

    def value(self, record: Record, name: str) -> Any:
        """The value of a property: an `Instant` for a DateTimeOffset, lists and dicts for structured ones."""
        item, place = self.properties[name], self.index[name]
        stored = record[place]
        if stored is None:
            return [] if item.collection else None
        if item.collection or isinstance(item.type, ComplexType):
            return json.loads(cast("str", stored))
        if item.type is Primitive.DATE_TIME_OFFSET:
            return Instant(stored, record[place + 1])
        return stored

    def put(self, fields: list[Any], name: str, value: Any) -> None:
        """Set a property in a record under construction; `value` as `Layout.value` gives it."""
        item, place = self.properties[name], self.index[name]
        if value is not None and (item.collection or isinstance(item.type, ComplexType)):
            fields[place] = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        elif item.type is Primitive.DATE_TIME_OFFSET and not item.collection:
            fields[place], fields[place + 1] = (None, None) if value is None else value
        else:
            fields[place] = value

    def blank(self, key: str, type_name: str) -> list[Any]:
        """A record under construction: version 1, everything else null."""
        return [key, type_name, 1, *([None] * len(self.slots))]


def _slots_of(item: Property) -> tuple[Slot, ...]:
    name = storage_name(item.name)
    if item.type is Primitive.DATE_TIME_OFFSET and not item.collection:
        return (Slot(f"{name}_ticks", item, "ticks"), Slot(f"{name}_offset", item, "offset"))
    return (Slot(name, item),)
