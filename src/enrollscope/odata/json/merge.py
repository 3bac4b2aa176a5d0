"""What an update makes of an entity, and what a change log says of it.

Pure functions over records. Both run once per write, so they look at what changed and at nothing else.
Inside a structured value everything is in its JSON spelling already; only the slots of a record have a stored form.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from enrollscope.odata.edm.layout import HEAD, KEY, TYPE, VERSION, Layout, Record
from enrollscope.odata.edm.literals import write_binary, write_duration, write_number
from enrollscope.odata.edm.model import ComplexType, EnumType, Primitive, Property
from enrollscope.odata.edm.values import Duration, Instant

_TICKS_PER_MICROSECOND = 10
_INSTANT = Primitive.DATE_TIME_OFFSET


def create(layout: Layout, key: str, type_name: str, values: Mapping[str, Any]) -> Record:
    """The first version of an entity: what `values` leaves out is null, also inside structured values."""
    fields = layout.blank(key, type_name)
    for name, value in values.items():
        item = layout.properties[name]
        if isinstance(item.type, ComplexType) and not item.collection:
            layout.put(fields, name, _merged(item.type, None, value))
        else:
            layout.put(fields, name, _complete(item, value))
    return tuple(fields)


def merge(layout: Layout, record: Record, changes: Mapping[str, Any]) -> Record:
    """The next version of a record, or the same object when `changes` says nothing new.

    Only what is present changes and null clears. A complex value merges field by field, all the way down; one that was
    null becomes an object whose other fields are null. A collection is replaced whole (OData protocol 4.01 §11.4.3).

    A DateTimeOffset that equals the stored one cut to microseconds keeps the stored ticks, because the SDKs that
    echo an entity lose its seventh digit (contract §3.5); the offset is taken over.

    Args:
        changes: property → value as `Layout.value` gives it; only properties that the record's type has.
    """
    fields = list(record)
    properties, index = layout.properties, layout.index
    for name, value in changes.items():
        item, place = properties[name], index[name]
        if item.collection:
            _put_structure(fields, place, _complete(item, value))
        elif isinstance(item.type, ComplexType):
            stored = fields[place]
            before = None if stored is None or value is None else json.loads(stored)
            _put_structure(fields, place, _merged(item.type, before, value))
        elif item.type is _INSTANT:
            fields[place], fields[place + 1] = (None, None) if value is None else _kept_digits(fields[place], value)
        else:
            fields[place] = value
    after = tuple(fields)
    if after == record:
        return record
    fields[VERSION] += 1
    return tuple(fields)


def difference(layout: Layout, before: Record | None, after: Record | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What changed, before and after, in OData JSON spelling over the whole schema.

    A creation has nothing before it and a deletion nothing after it: the other side then holds every property of the
    entity's type but the key, and its `@odata.type`. A Decimal is a string, as under `IEEE754Compatible=true`.
    """
    if before is None or after is None:
        return (
            {} if before is None else _everything(layout, before),
            {} if after is None else _everything(layout, after),
        )
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    slots = layout.slots
    for place, left in enumerate(before):
        if left != after[place] and place >= len(HEAD):
            item = slots[place - len(HEAD)].of
            if item.name not in old:
                old[item.name] = _spelled(layout, before, item)
                new[item.name] = _spelled(layout, after, item)
    return old, new


def _kept_digits(stored: int | None, value: Instant) -> tuple[int, int]:
    if stored is not None and value[0] == stored - stored % _TICKS_PER_MICROSECOND:
        return stored, value[1]
    return value


def _put_structure(fields: list[Any], place: int, value: Any) -> None:
    """Store as JSON text, unless that would only spell anew what is there: an echo is no change."""
    stored = fields[place]
    if value is None:
        fields[place] = None
    elif stored is None or not _same_json(json.loads(stored), value):
        fields[place] = json.dumps(value, ensure_ascii=False, separators=(",", ":")) if stored or value != [] else None


def _same_json(left: Any, right: Any) -> bool:
    """Compare as JSON does: 1, 1.0 and true are three values, the order of names is none."""
    return left == right and json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _merged(kind: ComplexType, before: Mapping[str, Any] | None, changes: Mapping[str, Any] | None) -> Any:
    if changes is None:
        return None
    result = {item.name: [] if item.collection else None for item in kind.properties} | dict(before or {})
    for name, value in changes.items():
        item = kind.by_name[name]
        if isinstance(item.type, ComplexType) and not item.collection:
            result[name] = _merged(item.type, result[name], value)
        else:
            result[name] = _complete(item, value)
    return result


def _complete(item: Property, value: Any) -> Any:
    """A collection whose objects have all their fields; anything else as it is."""
    if not item.collection:
        return value
    if not isinstance(item.type, ComplexType):
        return value or []
    return [_merged(item.type, None, element) for element in value or ()]


def _everything(layout: Layout, record: Record) -> dict[str, Any]:
    kind = layout.types[record[TYPE]]
    found: dict[str, Any] = {"@odata.type": f"#{kind.name_in_model}"}
    for item in kind.all_properties:
        if layout.index[item.name] != KEY:
            found[item.name] = _spelled(layout, record, item)
    return found


def _spelled(layout: Layout, record: Record, item: Property) -> Any:
    value = layout.value(record, item.name)
    if isinstance(item.type, EnumType) and not item.collection:
        return None if value is None else item.type.names.get(value, str(value))
    if value is None or isinstance(value, str | list | dict):
        return value
    match item.type:
        case Primitive.DATE_TIME_OFFSET:
            return str(value)
        case Primitive.DURATION:
            return write_duration(Duration(value))
        case Primitive.BINARY:
            return write_binary(value)
        case Primitive.SINGLE | Primitive.DOUBLE:
            return value if math.isfinite(value) else write_number(value)
        case _:
            return value
