"""Entities of whose collections only some items are shown, with their number and what is computed of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from enrollscope.odata.edm.layout import Layout, Record
from enrollscope.odata.edm.model import Model, Property
from enrollscope.odata.json.property_writer import PropertyWriters, WriteValue, type_annotation
from enrollscope.odata.json.writer import Column, EntityWriter
from enrollscope.odata.plan.requests import Picked, Projection
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel, OmitValues


@dataclass(frozen=True, slots=True)
class _Made:
    """A value that is computed of each item, and the annotation of its type; empty: none."""

    name: str
    place: int
    convert: WriteValue | None
    type: str


class PickedWriter(EntityWriter):
    """Writes entities as `EntityWriter` does, with what `Projection.picked` says of their collections."""

    def __init__(
        self,
        model: Model,
        layout: Layout,
        *,
        projection: Projection,
        json_format: JsonFormat,
        include_unknown: bool,
        omit: OmitValues | None,
    ) -> None:
        super().__init__(
            model,
            layout,
            projection=projection,
            json_format=json_format,
            include_unknown=include_unknown,
            omit=omit,
        )
        writers = PropertyWriters(json_format, include_unknown=include_unknown)
        self._layout = layout
        self._width = len(layout.names)
        self._picked = [(picked, _made(picked, writers)) for picked in projection.picked]
        self._prefix = json_format.prefix
        self._counts_as_text = json_format.ieee754_compatible
        self._omit = omit is not None

    def write_one(self, record: Record, *, context: str | None = None, collection: str = "") -> Any:
        """See `EntityWriter`."""
        return self.write(record, context=context, collection=collection)

    def write_all(self, columns: Sequence[Column], *, context: str | None = None, collection: str = "") -> list[Any]:
        """See `EntityWriter`."""
        return [self.write(record, context=context, collection=collection) for record in zip(*columns, strict=True)]

    def write(self, record: Record, *, context: str | None = None, collection: str = "") -> dict[str, Any]:
        """See `EntityWriter`."""
        fields = list(record)
        for picked, _ in self._picked:
            slot = self._layout.index[picked.path[0]]
            if fields[slot] is not None:
                # Positions alone, or with values, of which none may be shown.
                places = [each[0] if isinstance(each, list) else each for each in self._entries(picked, record)]
                fields[slot] = json.dumps(_only(json.loads(fields[slot]), picked.path[1:], places))
        entity = super().write(tuple(fields), context=context, collection=collection)
        for picked, made in self._picked:
            self._complete(entity, picked, made, record)
        return entity

    def _entries(self, picked: Picked, record: Record) -> Sequence[Any]:
        """The items that were picked out: positions, or positions and values."""
        found: Sequence[Any] = json.loads(record[self._width + picked.place] or "[]")
        return found

    def _complete(self, entity: dict[str, Any], picked: Picked, made: Sequence[_Made], record: Record) -> None:
        """Put the number of the items in front of them, and computed values into them."""
        holder: Any = entity
        for name in picked.path[:-1]:
            holder = holder.get(name)
            if holder is None:
                return
        name = picked.path[-1]
        if name not in holder:
            return
        if made:
            for item, (_, *values) in zip(holder[name], self._entries(picked, record), strict=True):
                if item is not None:
                    self._compute(item, made, values)
        if picked.count is not None:
            count = record[self._width + picked.count]
            following = dict(holder)
            holder.clear()
            for key, value in following.items():
                if key == name:
                    holder[f"{name}{self._prefix}count"] = str(count) if self._counts_as_text else count
                holder[key] = value

    def _compute(self, item: dict[str, Any], made: Sequence[_Made], values: Sequence[Any]) -> None:
        for each in made:
            value = values[each.place]
            if value is None and self._omit:
                continue
            if value is not None:
                if each.convert is not None:
                    value = each.convert(value)
                if each.type:
                    item[f"{each.name}{self._prefix}type"] = each.type
            item[each.name] = value


def _made(picked: Picked, writers: PropertyWriters) -> list[_Made]:
    found = []
    for shown in picked.computed:
        (name,) = shown.path
        typed = type_annotation(Property(name, shown.type), writers.version) or ""
        found.append(
            _Made(
                name,
                shown.place,
                writers.of_computed(shown.type),
                typed if writers.level is MetadataLevel.FULL else "",
            )
        )
    return found


def _only(value: Any, path: Sequence[str], places: Sequence[int]) -> Any:
    """A structured value, with only some items of the collection that the path leads to, in their order."""
    if value is None:
        return None
    if not path:
        return [value[place] for place in places]
    changed: Mapping[str, Any] = {**value, path[0]: _only(value.get(path[0]), path[1:], places)}
    return changed
