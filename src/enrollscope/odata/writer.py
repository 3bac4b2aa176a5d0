"""Records → JSON-ready values (OData JSON 4.01), compiled once for each way in which answers are asked for.

Control information comes first, then the properties in declared order, inherited ones before own ones. Nulls are
written, an empty collection is `[]`. A Decimal is a `decimal.Decimal`, to be encoded as a JSON number.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any, TypeAlias
from urllib.parse import quote

from enrollscope.odata.edm import EntityType, Model, Primitive, Property
from enrollscope.odata.etags import etag
from enrollscope.odata.headers import JsonFormat, MetadataLevel, OmitValues
from enrollscope.odata.layout import KEY, TYPE, VERSION, Layout, Record
from enrollscope.odata.plan import Projection
from enrollscope.odata.propertywriter import PropertyWriters, WriteValue, type_annotation
from enrollscope.odata.values import Instant

Finish: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

_EVERYTHING = Projection()
_DEFAULT_FORMAT = JsonFormat()


@dataclass(frozen=True, slots=True)
class _Steps:
    """How records of one stored type become objects.

    Attributes:
        type_name: for `@odata.type`; empty where the level or the type asks for none.
        names, pick: the properties, and what fetches their slots from a record.
        conversions: name, slot, function: for slots that are not JSON as they stand.
        instants: name, first slot.
        collections: name, slot: null stands for the empty one.
        finish: what is done to the whole entity at last: for what few clients ask for.
    """

    type_name: str
    names: tuple[str, ...]
    pick: Callable[[Record], tuple[Any, ...]]
    conversions: tuple[tuple[str, int, WriteValue], ...]
    instants: tuple[tuple[str, int], ...]
    collections: tuple[tuple[str, int], ...]
    finish: Finish | None


class EntityWriter:
    """Writes the records of one stored set for the clients of one API version.

    Args:
        projection: what of each entity; control information is not subject to it.
        include_unknown: enumeration members that the view hides by name, not as the sentinel (contract §3.6).
        omit: properties to leave out for their value. `$metadata` tells of no default values, so null is the only one
            that a client can know, and nulls and defaults are the same.
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
    ) -> None:
        self._level = json_format.level
        prefix = json_format.prefix
        self._context, self._type, self._etag = f"{prefix}context", f"{prefix}type", f"{prefix}etag"
        self._id, self._edit_link = f"{prefix}id", f"{prefix}editLink"
        writers = PropertyWriters(json_format, include_unknown=include_unknown)
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
        entity: dict[str, Any] = {}
        if self._level is not MetadataLevel.NONE:
            if context is not None:
                entity[self._context] = context
            if steps.type_name:
                entity[self._type] = steps.type_name
            if self._level is MetadataLevel.FULL:
                link = entity_url(collection, record[KEY])
                entity[self._id] = link
                entity[self._etag] = etag(record[VERSION])
                entity[self._edit_link] = link
            else:
                entity[self._etag] = etag(record[VERSION])
        entity.update(zip(steps.names, steps.pick(record), strict=False))
        for name, place in steps.instants:
            ticks = record[place]
            if ticks is not None:
                entity[name] = str(Instant(ticks, record[place + 1]))
        for name, place, convert in steps.conversions:
            value = record[place]
            if value is not None:
                entity[name] = convert(value)
        for name, place in steps.collections:
            if record[place] is None:
                entity[name] = []
        return entity if steps.finish is None else steps.finish(entity)


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
    known = [*items, *(Property(made.path[0], made.type) for made in projection.computed)]
    # Clients take an entity without a type for one of the base type (contract §3.3), and do so under a cast, too.
    named = writers.level is MetadataLevel.FULL or shown.name != layout.root.name
    return _Steps(
        type_name=f"#{shown.name_in_model}" if named else "",
        names=tuple(places),
        # With one place alone an itemgetter would give the bare value; the second one is dropped by `zip`.
        pick=itemgetter(*places.values(), *([KEY] * (2 - min(len(places), 2)))),
        conversions=tuple((name, places[name], convert) for name, convert in conversions.items() if convert),
        instants=tuple((name, places[name]) for name in places if name in instants),
        collections=tuple((item.name, places[item.name]) for item in items if item.collection),
        finish=_finish(known, writers, omit),
    )


def _finish(items: Iterable[Property], writers: PropertyWriters, omit: OmitValues | None) -> Finish | None:
    if writers.level is MetadataLevel.FULL:
        types = {item.name: text for item in items if (text := type_annotation(item, writers.version))}
        return partial(_annotated, types=types, annotation=f"{writers.prefix}type", omit=omit is not None)
    return _without_nulls if omit is not None else None


def _annotated(entity: Mapping[str, Any], *, types: Mapping[str, str], annotation: str, omit: bool) -> dict[str, Any]:
    """Put the type in front of each value that has one; null needs none."""
    found: dict[str, Any] = {}
    for name, value in (_without_nulls(entity) if omit else entity).items():
        if name in types and value is not None:
            found[f"{name}{annotation}"] = types[name]
        found[name] = value
    return found


def _without_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out null properties, those of complex values too; null as an item of a collection stays."""
    return {name: _kept(item) for name, item in value.items() if item is not None}


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
    entities: Iterable[dict[str, Any]],
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
