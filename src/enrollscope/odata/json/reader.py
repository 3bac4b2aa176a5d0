"""JSON body → checked values. Absent, null and wrong are three things.

Works on decoded JSON; bytes are for others. Names of properties match exactly, unlike in URLs. The first few faults of
a body are reported together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from enrollscope.odata.edm.model import Default, EntityType, Model, Property
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import ErrorDetail, ModelValidationFailure
from enrollscope.odata.json import faults
from enrollscope.odata.json.fit import Fit
from enrollscope.odata.json.property_reader import (
    ABSENT,
    Completion,
    Fields,
    ReadValue,
    Rules,
    aliases_of,
    declared_type_name,
    property_reader,
)
from enrollscope.odata.plan.commands import LinkedTo
from enrollscope.odata.plan.requests import Scope

_MOST_FAULTS = 10
_MOST_FITS = 256
_UPDATING = tuple(Rules(creating=False, include_unknown=each) for each in (False, True))


class Changes(NamedTuple):
    """What the body of an update says: for `plan.commands.Update`.

    Attributes:
        values: property → value as `Layout.value` gives it; a complex value holds only the fields that change.
        fit: to be checked against the type of the stored entity.
    """

    values: Mapping[str, Any]
    fit: Fit


@dataclass(frozen=True, slots=True)
class _Place:
    """What may stand at one kind of path.

    Attributes:
        fields: by the type that the body declares, and under `None` for a body that declares none.
        computed: properties that only the service sets.
        fixed: these, and the keys, which an update cannot change.
        creatable: types that can be created there, base types first.
        shown: stored type → the type shown for it, of all that may be met there.
    """

    declared: EntityType
    fields: Mapping[str | None, Fields]
    computed: frozenset[str]
    fixed: frozenset[str]
    creatable: tuple[EntityType, ...]
    shown: Mapping[str, EntityType]
    fits: dict[tuple[frozenset[str], str | None], Fit] = field(default_factory=dict)

    def fit(self, names: frozenset[str], declared: EntityType | None) -> Fit:
        """What a body of these properties fits. Equal bodies share it, so that it is made, and sent on, but once."""
        key = names, None if declared is None else declared.name
        found = self.fits.get(key)
        if found is None:
            if len(self.fits) >= _MOST_FITS:
                self.fits.clear()
            found = self.fits[key] = Fit(names, declared, self.shown)
        return found


class BodyReader:
    """Reads the bodies of one API version.

    Args:
        model: what clients of that version see.
        whole: everything declared: a new entity also gets the defaults of properties that the version hides.
    """

    def __init__(self, model: Model, whole: Model) -> None:
        self._model = model
        self._whole = whole
        self._completions = {
            item.name: tuple(Completion.of(own, nested=False) for own in item.all_properties if own.name != _key(item))
            for item in whole.entities
            if not item.abstract and _has_key(item)
        }
        # One entry for each way in which the model lets a path narrow a set: few, and known to the model.
        self._places: dict[tuple[str, frozenset[str]], _Place] = {}

    def create(
        self, body: object, scope: Scope, *, now: Instant, include_unknown: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """Read the body of a POST.

        Without `@odata.type` the type is the least derived one that has all the properties named (contract §12 row 1).
        Properties left out get their defaults; those that tie the entity to the path get the path's value.

        Args:
            now: when the request was received, in UTC.
            include_unknown: `Prefer: include-unknown-enum-members` was sent.

        Returns:
            The stored type's name, and every property of that type. The key is there only where it is not computed and
            the client chose one.

        Raises:
            ModelValidationFailure: the body does not fit the model; `details` holds further faults.
            NotBuilt: the body creates or links other entities.
        """
        content = _object(body)
        place = self._place(scope)
        declared = self._declared(content, scope)
        fields = place.fields[None if declared is None else declared.name]
        rules = Rules(creating=True, include_unknown=include_unknown)
        values = _read(content, fields, place.computed, rules)
        for link in scope.links:
            sent = values.get(link.property)
            if sent is None:
                values[link.property] = link.value
            elif not _same_key(sent, link.value):
                raise _elsewhere(link, sent)
        entity = _inferred(values, place) if declared is None else declared
        return entity.name, self._completed(entity, values, now)

    def update(self, body: object, scope: Scope, *, include_unknown: bool = False) -> Changes:
        """Read the body of a PATCH.

        The names are those of any type that the path can reach; `Changes.fit` tells whether they suit the one met.

        Raises:
            ModelValidationFailure: the body does not fit the model; `details` holds further faults.
            NotBuilt: the body creates or links other entities.
        """
        content = _object(body)
        place = self._place(scope)
        declared = self._declared(content, scope)
        fields = place.fields[None if declared is None else declared.name]
        rules = _UPDATING[include_unknown]
        values = _read(content, fields, place.fixed, rules)
        for link in scope.links:
            sent = values.get(link.property, link.value)
            if sent is None or not _same_key(sent, link.value):
                raise _elsewhere(link, sent)
        return Changes(values, place.fit(frozenset(values), declared))

    def _place(self, scope: Scope) -> _Place:
        key = (scope.declared.name, scope.types)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = self._make_place(scope)
        return found

    def _make_place(self, scope: Scope) -> _Place:
        shown = {name: self._model.shown_as(name) for name in sorted(scope.types)}
        here = {item.name for item in shown.values()}
        types = tuple(item for item in self._model.entities if item.name in here)
        fields = self._fields(types, scope.declared)
        computed = frozenset(item.name for owner in types for item in owner.all_properties if item.computed)
        return _Place(
            declared=scope.declared,
            fields={None: fields} | {item.name: fields.of(item) for item in self._model.concrete_types(scope.declared)},
            computed=computed,
            fixed=computed | {_key(owner) for owner in types},
            creatable=tuple(item for item in types if not item.abstract and item.name in scope.types),
            shown=shown,
        )

    def _fields(self, types: tuple[EntityType, ...], first: EntityType) -> Fields:
        readers: dict[str, ReadValue] = {}
        properties: dict[str, Property] = {}
        for owner in types:
            whole = self._whole.entity(owner.name).by_name
            for item in owner.all_properties:
                if item.name not in readers:
                    readers[item.name] = property_reader(item, self._model, whole[item.name])
                    properties[item.name] = item
        named = (first, *(item for item in types if item.name != first.name))
        return Fields(readers, aliases_of(tuple(properties.values())), named)

    def _declared(self, body: Mapping[str, Any], scope: Scope) -> EntityType | None:
        name = declared_type_name(body, "")
        if name is None:
            return None
        target = "@odata.type"
        found = self._model.find_type(name)
        if found is None:
            raise faults.unresolved_type(name, target)
        if not isinstance(found, EntityType):
            raise faults.unrelated_type(found, scope.declared, target)
        if found.abstract:
            raise faults.abstract_type(found, target)
        if not found.is_a(scope.declared):
            raise faults.unrelated_type(found, scope.declared, target)
        missing = [link.property for link in scope.links if link.property not in found.by_name]
        if missing:
            raise ModelValidationFailure(
                f"A '{found.name_in_model}' cannot be reached by this path: it has no property '{missing[0]}'.",
                target=target,
            )
        return found

    def _completed(self, entity: EntityType, values: Mapping[str, Any], now: Instant) -> dict[str, Any]:
        complete = {item.name: item.complete(values, entity, "") for item in self._completions[entity.name]}
        key = _key(entity)
        if key in values:
            complete[key] = values[key]
        for name, value in complete.items():
            if value is Default.NOW:
                complete[name] = now
        return complete


def _same_key(left: str, right: str) -> bool:
    """Compare as links do: without regard to ASCII case, and to that of no other letter."""
    return left.encode().lower() == right.encode().lower()


def _elsewhere(link: LinkedTo, sent: str | None) -> ModelValidationFailure:
    return ModelValidationFailure(
        f"'{link.property}' is '{faults.printable(link.value)}' for everything here, and the body says "
        f"'{faults.literal(sent)}'. Leave it out, or write to a collection that is not bound to it.",
        target=link.property,
    )


def _key(entity: EntityType) -> str:
    return entity.key_property.name


def _has_key(entity: EntityType) -> bool:
    return any(ancestor.key is not None for ancestor in entity.lineage)


def _object(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise faults.wrong_node(body, "StartObject", "")
    return body


def _read(body: Mapping[str, Any], fields: Fields, ignored: frozenset[str], rules: Rules) -> dict[str, Any]:
    """Read the properties of an entity.

    Raises:
        ModelValidationFailure: the first fault; the ones behind it, up to a limit, are its details.
    """
    values: dict[str, Any] = {}
    cleared: dict[str, Any] = {}
    found: list[ModelValidationFailure] = []
    readers = fields.readers
    for name, value in body.items():
        if name in ignored:
            continue
        read = readers.get(name)
        try:
            if read is not None:
                result = read(value, name, rules)
                if result is not ABSENT:
                    values[name] = result
            elif (clearing := fields.read_other(name, body, "")) is not None:
                cleared[clearing] = None
        except ModelValidationFailure as fault:
            found.append(fault)
            if len(found) == _MOST_FAULTS:
                break
    if found:
        first, *others = found
        first.details = tuple(ErrorDetail(item.code, item.message, item.target) for item in others)
        raise first
    return cleared | values if cleared else values


def _inferred(values: Mapping[str, Any], place: _Place) -> EntityType:
    names = values.keys()
    fitting = [item for item in place.creatable if names <= item.by_name.keys()]
    if not fitting:
        raise _no_type(values, place)
    # A base type with all the properties is meant before its derived types.
    least = [item for item in fitting if not any(item is not other and item.is_a(other) for other in fitting)]
    if len(least) > 1:
        raise faults.ambiguous_type(least)
    return least[0]


def _no_type(values: Mapping[str, Any], place: _Place) -> ModelValidationFailure:
    own = [name for name in values if name not in place.declared.by_name] or list(values)
    return faults.no_common_type(own, place.creatable, own[0] if own else "@odata.type")
