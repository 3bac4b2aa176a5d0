"""Records → JSON-ready values (OData JSON 4.01), compiled once for each way in which answers are asked for.

Control information comes first, then the properties in declared order, inherited ones before own ones. Nulls are
written, an empty collection is `[]`. A Decimal is a `decimal.Decimal`, to be encoded as a JSON number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import repeat
from operator import itemgetter
from typing import Any, TypeAlias
from urllib.parse import quote

from enrollscope.odata.edm.layout import KEY, TYPE, VERSION, Layout, Record
from enrollscope.odata.edm.model import EntityType, Model, Primitive, Property
from enrollscope.odata.edm.values import write_instant
from enrollscope.odata.json.property_writer import PropertyWriters, WriteValue, type_annotation
from enrollscope.odata.json.text_form import Part, TextForm, entity_parts
from enrollscope.odata.plan.requests import Projection
from enrollscope.odata.protocol.etags import AROUND, etag
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel, OmitValues

Finish: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

MakeObject: TypeAlias = Callable[[tuple[str, ...]], Callable[..., Any]]
"""For the names of a JSON object, what makes one of its values in that order."""

Column: TypeAlias = Sequence[Any]
"""One value of each of some records."""

_ReadColumn: TypeAlias = Callable[[Sequence[Column]], Iterable[Any]]
"""From the columns of some records to the JSON values of one property."""

_EVERYTHING = Projection()
_DEFAULT_FORMAT = JsonFormat()

_CONTROL = ("context", "type", "id", "etag", "editLink")
"""The control information of an entity, in the order in which it is written (OData JSON 4.01 §4.6)."""


def _values_of_control(context: Any, type_name: Any, link: Any, tag: Any) -> tuple[Any, ...]:
    """What `_CONTROL` names, in that order: of one entity, of many, or of a form."""
    return context, type_name, link, tag, link


@dataclass(frozen=True, slots=True)
class _Members:
    """What stands in an object.

    Attributes:
        control: the names of control information that is written.
        pick: its values, out of those of all.
        names: of everything, in order: of control information, then of properties.
    """

    control: tuple[str, ...]
    pick: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Steps:
    """How records of one stored type become objects.

    Attributes:
        type_name: for `@odata.type`; empty where the level or the type asks for none.
        members: of an object without a context, and of one with it.
        names, pick: the properties, and what fetches their slots from a record.
        conversions: number of the property, function: for slots that are not JSON as they stand.
        instants: number of the property, slot of its offset.
        collections: numbers of the properties whose null stands for the empty one.
        finish: what is done to the whole entity at last: for what few clients ask for.
        columns: the same for many records at once, column by column.
        items: the properties, without those that are computed.
    """

    type_name: str
    members: tuple[_Members, _Members]
    names: tuple[str, ...]
    pick: Callable[[Record], tuple[Any, ...]]
    conversions: tuple[tuple[int, WriteValue], ...]
    instants: tuple[tuple[int, int], ...]
    collections: tuple[int, ...]
    finish: Finish | None
    columns: tuple[_ReadColumn, ...]
    items: tuple[Property, ...]

    def values(self, record: Record) -> list[Any]:
        """The values of the properties."""
        values = list(self.pick(record))
        for number, slot in self.instants:
            if values[number] is not None:
                values[number] = write_instant(values[number], record[slot])
        for number, convert in self.conversions:
            if values[number] is not None:
                values[number] = convert(values[number])
        for number in self.collections:
            if values[number] is None:
                values[number] = []
        return values


def dictionaries(names: tuple[str, ...]) -> Callable[..., dict[str, Any]]:
    """Make objects as dictionaries; see `MakeObject`."""
    return lambda *values: dict(zip(names, values, strict=True))


class EntityWriter:
    """Writes the records of one stored set for the clients of one API version.

    Args:
        projection: what of each entity; control information is not subject to it.
        include_unknown: enumeration members that the view hides by name, not as the sentinel (contract §3.6).
        omit: properties to leave out for their value. `$metadata` tells of no default values, so null is the only one
            that a client can know, and nulls and defaults are the same.
        objects: makes what `write_one` and `write_all` return; something quicker to encode than a dictionary, say.
    """

    def __init__(
        self,
        model: Model,
        layout: Layout,
        *,
        projection: Projection = _EVERYTHING,
        json_format: JsonFormat = _DEFAULT_FORMAT,
        include_unknown: bool = False,
        omit: OmitValues | None = None,
        objects: MakeObject = dictionaries,
    ) -> None:
        self._objects = objects
        self._layout = layout
        self._plain = not projection.computed and not projection.picked
        self._makers: dict[tuple[str, bool], Callable[..., Any]] = {}
        self._level = json_format.level
        writers = PropertyWriters(json_format, include_unknown=include_unknown)
        self._writers = writers
        self._steps: Mapping[str, _Steps] = {
            name: _steps(model.shown_as(name), layout, projection, writers, omit) for name in layout.types
        }

    def write(self, record: Record, *, context: str | None = None, collection: str = "") -> dict[str, Any]:
        """Write one entity; of the values appended to the record, as in a `Page`, those that it computes.

        Args:
            context: of an answer that is this entity; `None` inside a collection.
            collection: the absolute URL of the entity's collection, for the links of full metadata.
        """
        steps = self._steps[record[TYPE]]
        members = steps.members[context is not None]
        link = entity_url(collection, record[KEY]) if self._level is MetadataLevel.FULL else ""
        control = _values_of_control(context, steps.type_name, link, etag(record[VERSION]))
        entity = dict(zip(members.names, [*members.pick(control), *steps.values(record)], strict=True))
        return entity if steps.finish is None else steps.finish(entity)

    def write_one(self, record: Record, *, context: str | None = None, collection: str = "") -> Any:
        """Write one entity, as `write` does, for an encoder: a dictionary or what `objects` makes."""
        kind = record[TYPE]
        steps = self._steps[kind]
        if steps.finish is not None:
            return self.write(record, context=context, collection=collection)
        make = self._makers.get((kind, context is not None)) or self._maker(kind, context)
        control = _values_of_control(context, steps.type_name, "", etag(record[VERSION]))
        return make(*steps.members[context is not None].pick(control), *steps.values(record))

    def write_all(self, columns: Sequence[Column], *, context: str | None = None, collection: str = "") -> list[Any]:
        """Write entities, as `write` does each of them, for an encoder: dictionaries or what `objects` makes.

        Many are written column by column, in a quarter of the time.

        Args:
            columns: of their records, as in a `Page`.
        """
        kinds = frozenset(columns[TYPE]) if columns else frozenset()
        if any(self._steps[kind].finish is not None for kind in kinds):
            records = zip(*columns, strict=True)
            return [self.write(record, context=context, collection=collection) for record in records]
        if len(kinds) == 1:
            return self._table(next(iter(kinds)), columns, context)
        found: list[Any] = list(columns[TYPE]) if columns else []
        for kind in kinds:
            places = [place for place, each in enumerate(columns[TYPE]) if each == kind]
            some = [[column[place] for place in places] for column in columns]
            for place, entity in zip(places, self._table(kind, some, context), strict=True):
                found[place] = entity
        return found

    @cached_property
    def form(self) -> TextForm | None:
        """What `write_all` does, without a context, as a value; `None` where there is no saying that."""
        if not self._plain or any(steps.finish is not None for steps in self._steps.values()):
            return None
        return TextForm({kind: self._parts(steps) for kind, steps in self._steps.items()})

    def _parts(self, steps: _Steps) -> tuple[Part, ...]:
        members = steps.members[False]
        values = members.pick(_values_of_control("", steps.type_name, "", AROUND))
        return entity_parts(self._layout, zip(members.control, values, strict=True), steps.items, self._writers)

    def _table(self, kind: str, columns: Sequence[Column], context: str | None) -> list[Any]:
        """Entities of one stored type, at a level below full metadata."""
        steps = self._steps[kind]
        make = self._makers.get((kind, context is not None)) or self._maker(kind, context)
        control = _values_of_control(repeat(context), repeat(steps.type_name), repeat(""), map(etag, columns[VERSION]))
        values = [*steps.members[context is not None].pick(control), *[read(columns) for read in steps.columns]]
        return list(map(make, *values)) if values else [make() for _ in columns[TYPE]]

    def _maker(self, kind: str, context: str | None) -> Callable[..., Any]:
        names = self._steps[kind].members[context is not None].names
        make = self._makers[kind, context is not None] = self._objects(names)
        return make


def _steps(
    shown: EntityType,
    layout: Layout,
    projection: Projection,
    writers: PropertyWriters,
    omit: OmitValues | None,
) -> _Steps:
    selected = None if projection.properties is None else frozenset(projection.properties)
    parts = {part.name: part.inner for part in projection.parts}
    items = [item for item in shown.all_properties if selected is None or item.name in selected]
    places = {item.name: layout.index[item.name] for item in items}
    instants = {item.name for item in items if item.type is Primitive.DATE_TIME_OFFSET and not item.collection}
    conversions = {
        item.name: writers.of_property(item, parts.get(item.name)) for item in items if item.name not in instants
    }
    for made in projection.computed:
        places[made.path[0]] = len(layout.names) + made.place
        conversions[made.path[0]] = writers.of_computed(made.type)
    collections = {item.name for item in items if item.collection}
    numbers = {name: number for number, name in enumerate(places)}
    known = [*items, *(Property(made.path[0], made.type) for made in projection.computed)]
    # Clients take an entity without a type for one of the base type (contract §3.3), and do so under a cast, too.
    named = writers.level is MetadataLevel.FULL or shown.name != layout.root.name
    type_name = f"#{shown.name_in_model}" if named else ""
    return _Steps(
        type_name=type_name,
        members=(
            _members(writers, type_name, tuple(places), with_context=False),
            _members(writers, type_name, tuple(places), with_context=True),
        ),
        names=tuple(places),
        pick=_picking(tuple(places.values())),
        conversions=tuple((numbers[name], convert) for name, convert in conversions.items() if convert),
        instants=tuple((numbers[name], places[name] + 1) for name in places if name in instants),
        collections=tuple(numbers[name] for name in places if name in collections),
        finish=_finish(known, writers, omit),
        columns=tuple(
            partial(_instants, place)
            if name in instants
            else _read_column(place, conversions[name], missing=[] if name in collections else None)
            for name, place in places.items()
        ),
        items=tuple(items),
    )


def _members(writers: PropertyWriters, type_name: str, properties: tuple[str, ...], *, with_context: bool) -> _Members:
    """Say what stands in an object; `type_name` is empty where it is not told."""
    full = writers.level is MetadataLevel.FULL
    written = _values_of_control(with_context, bool(type_name), full, tag=True)
    places = tuple(place for place, each in enumerate(written) if each and writers.level is not MetadataLevel.NONE)
    control = tuple(f"{writers.prefix}{_CONTROL[place]}" for place in places)
    return _Members(control, _picking(places), (*control, *properties))


def _picking(places: tuple[int, ...]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    match places:
        case ():
            return lambda _: ()
        case (place,):
            return lambda record: (record[place],)
        case _:
            return itemgetter(*places)


def _read_column(place: int, convert: WriteValue | None, *, missing: Any) -> _ReadColumn:
    if convert is None and missing is None:
        return itemgetter(place)
    return partial(_converted, place, convert or (lambda value: value), missing)


def _converted(place: int, convert: WriteValue, missing: Any, columns: Sequence[Column]) -> list[Any]:
    return [missing if value is None else convert(value) for value in columns[place]]


def _instants(place: int, columns: Sequence[Column]) -> list[str | None]:
    return list(map(_instant, columns[place], columns[place + 1]))


# Whoever looks at a list has most of its events on the next look, too. A text that is known takes a sixth of the time.
@lru_cache(16_384)
def _instant(ticks: int | None, offset: int | None) -> str | None:
    return None if ticks is None or offset is None else write_instant(ticks, offset)


def _finish(items: Iterable[Property], writers: PropertyWriters, omit: OmitValues | None) -> Finish | None:
    if writers.level is MetadataLevel.FULL:
        types = {
            item.name: (f"{item.name}{writers.prefix}type", text)
            for item in items
            if (text := type_annotation(item, writers.version))
        }
        return partial(_annotated, types, omit=omit is not None)
    return _without_nulls if omit is not None else None


def _annotated(types: Mapping[str, tuple[str, str]], entity: Mapping[str, Any], *, omit: bool) -> dict[str, Any]:
    """Put the type, by its name, in front of each value that has one; null needs none."""
    found: dict[str, Any] = {}
    for name, value in (_without_nulls(entity) if omit else entity).items():
        if value is not None and (typed := types.get(name)) is not None:
            found[typed[0]] = typed[1]
        found[name] = value
    return found


def _without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out null properties, those of complex values too; null as an item of a collection stays."""
    return {name: item if type(item) is str else _kept(item) for name, item in value.items() if item is not None}


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        return _without_nulls(value)
    return [_kept(item) for item in value] if isinstance(value, list) else value


def entity_url(collection: str, key: str) -> str:
    """The canonical URL of an entity, the key in parentheses (URL conventions 4.01 §4.3.1)."""
    quoted = key.replace("'", "''")
    return f"{collection}('{quote(quoted, safe='')}')"


def context_url(base: str, fragment: str, projection: Projection = _EVERYTHING, *, entity: bool = False) -> str:
    """The context URL of an answer (contract §3.2).

    Args:
        base: absolute URL of the version root, without a slash at the end.
        fragment: of the collection, percent-encoded.
        entity: the answer is one entity of it.
    """
    selected = f"({projection.written})" if projection.written else ""
    return f"{base}/$metadata#{fragment}{selected}{'/$entity' if entity else ''}"


def collection_body(
    entities: Iterable[Any],
    *,
    context: str,
    json_format: JsonFormat = _DEFAULT_FORMAT,
    count: int | None = None,
    next_link: str | None = None,
) -> dict[str, Any]:
    """The body of a page of entities.

    Args:
        count: of all that match, where it was asked for.
        next_link: absolute URL of the next page; `None` on the last one.
    """
    body: dict[str, Any] = {}
    prefix = json_format.prefix
    if json_format.level is not MetadataLevel.NONE:
        body[f"{prefix}context"] = context
    if count is not None:
        body[f"{prefix}count"] = str(count) if json_format.ieee754_compatible else count
    if next_link is not None:
        body[f"{prefix}nextLink"] = next_link
    body["value"] = list(entities)
    return body
