"""One property of a JSON body to its stored form.

The value of a property comes out as `Layout.value` gives it. Inside a structured value everything stays in JSON, in the
canonical spelling of the whole schema: member names for enumerations, text for times, a string for a Decimal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, TypeAlias, assert_never

from enrollscope.odata.edm.layout import storage_name
from enrollscope.odata.edm.literals import FORMS
from enrollscope.odata.edm.model import ComplexType, EntityType, EnumType, Model, Primitive, Property
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.json import faults
from enrollscope.odata.json.primitives import JSON_FORMS

TYPE_NAMES = ("@odata.type", "@type")
# An SDK object whose type was cleared says so under the name of its Python attribute.
TYPE_ALIAS = "odata_type"
# Defaults are declared as text; these types are not text in JSON.
_NO_TEXT = frozenset(
    {
        Primitive.BOOLEAN,
        Primitive.BYTE,
        Primitive.DOUBLE,
        Primitive.INT16,
        Primitive.INT32,
        Primitive.SBYTE,
        Primitive.SINGLE,
    }
)
# Stays a string inside structured values: a JSON number would lose digits on its way through a float.
_KEPT = frozenset({Primitive.DECIMAL})
_BINDINGS = ("@odata.bind", "@bind")
MOST_ELEMENTS = 10_000
"""Elements of one collection. An element of two bytes is stored with all its fields and shown in every answer, so that
the limit of the body alone would let one entity grow tenfold and each of its answers take seconds."""


class Absent(Enum):
    """What a reader answers where the body says something that counts as nothing said."""

    ABSENT = "as if the property were not there"


ABSENT = Absent.ABSENT


@dataclass(frozen=True, slots=True)
class Rules:
    """How strictly to read.

    Attributes:
        creating: every property of a new value must come to something; else what is not there stays as it is.
        include_unknown: members that the view hides may be written (contract §3.6).
    """

    creating: bool
    include_unknown: bool


ReadValue: TypeAlias = Callable[[Any, str, Rules], Any]
"""JSON value, path for error targets, rules → stored form or ABSENT. Raises ModelValidationFailure."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Reads the properties of one structured type, or of several that may stand in one place.

    Attributes:
        readers: exact name → reader.
        aliases: the Python SDK's spelling of a name, where it differs → the property (contract §12 row 6).
        types: the types; the first one is named in messages.
    """

    readers: Mapping[str, ReadValue]
    aliases: Mapping[str, Property]
    types: tuple[EntityType | ComplexType, ...]

    def of(self, entity: EntityType) -> "Fields":
        """The same readers for one of the types alone."""
        mine = entity.by_name
        return Fields(
            {name: read for name, read in self.readers.items() if name in mine},
            {alias: item for alias, item in self.aliases.items() if item.name in mine},
            (entity,),
        )

    def read_other(self, name: str, body: Mapping[str, Any], path: str) -> str | None:
        """Deal with a name of `body` that is no property: control information, an alias, or a mistake.

        Returns:
            The property that this clears, or `None` when there is nothing to do.

        Raises:
            ModelValidationFailure: no type here has such a property.
            NotBuilt: the body links or creates another entity.
        """
        if "@" in name:
            if name.endswith(_BINDINGS):
                raise NotBuilt(f"'{faults.printable(name)}' cannot be used: links are not offered here.", target=name)
            return None
        if body[name] is None and name in self.aliases:
            item = self.aliases[name]
            return item.name if item.nullable and not item.collection and not item.computed else None
        if body[name] is None and name == TYPE_ALIAS:
            return None
        for owner in self.types:
            if isinstance(owner, EntityType) and owner.find_navigation(name) is not None:
                raise NotBuilt(f"'{faults.printable(name)}' cannot be written together with its entity.", target=name)
        raise faults.unknown_property(name, self._likely(body), path)

    def _likely(self, body: Mapping[str, Any]) -> list[EntityType | ComplexType]:
        """The types, those first that have everything else that the body names."""
        known = body.keys() & self.readers.keys()
        return sorted(self.types, key=lambda owner: not known <= owner.by_name.keys())


def property_reader(item: Property, model: Model, whole: Property) -> ReadValue:
    """Make the reader of a property of an entity; `whole` is the same property as the whole schema has it."""
    if item.collection:
        return partial(_read_collection, item, _nested_reader(item, model, whole, in_collection=True))
    match item.type:
        case Primitive():
            read: ReadValue = partial(_read_primitive, item.type, JSON_FORMS[item.type].read)
        case EnumType():
            read = partial(_read_member_number, item.type)
        case ComplexType():
            read = _nested_reader(item, model, whole, in_collection=False)
        case _:
            assert_never(item.type)
    return partial(_read_nullable if item.nullable else _read_required, item, read)


def _read_nullable(_item: Property, read: ReadValue, value: Any, path: str, rules: Rules) -> Any:
    return None if value is None else read(value, path, rules)


def _read_required(item: Property, read: ReadValue, value: Any, path: str, rules: Rules) -> Any:
    if value is None:
        raise faults.unexpected_null(item, path)
    return read(value, path, rules)


def _read_primitive(kind: Primitive, read: Callable[[object], Any], value: Any, path: str, _rules: Rules) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise faults.wrong_value(value, kind, path, str(error)) from error


def _read_member_number(kind: EnumType, value: Any, path: str, rules: Rules) -> Any:
    if type(value) is not str:
        raise faults.wrong_value(value, kind, path, "a member is named by a string")
    number = kind.values.get(value)
    if number is not None and value != kind.sentinel:
        return number
    member = kind.find(value, include_hidden=rules.include_unknown)
    if member is None:
        raise faults.unknown_member(value, kind, path)
    if member.name == kind.sentinel:
        # It stands for members this client cannot see. Storing what was echoed would destroy the real one (§3.6).
        if rules.creating:
            raise faults.unknown_member(value, kind, path)
        return ABSENT
    return member.value


def _read_collection(item: Property, read: ReadValue, value: Any, path: str, rules: Rules) -> list[Any]:
    if value is None:
        raise faults.unexpected_null(item, path)
    if type(value) is not list:
        raise faults.wrong_node(value, "StartArray", path)
    if len(value) > MOST_ELEMENTS:
        raise faults.too_many_elements(len(value), MOST_ELEMENTS, path)
    # A collection is replaced whole, so each element is new. What a view hid inside of elements would be lost by an
    # echo of what it shows: a schema must hide nothing there.
    elements = Rules(creating=True, include_unknown=rules.include_unknown)
    return [read(element, f"{path}/{place}", elements) for place, element in enumerate(value)]


def _nested_reader(item: Property, model: Model, whole: Property, *, in_collection: bool) -> ReadValue:
    """Make the reader of a value that stays JSON: an element, or a property of a complex value."""
    match item.type:
        case Primitive():
            read: ReadValue = partial(_read_nested_primitive, item.type)
        case EnumType():
            read = partial(_read_member_name, item.type)
        case ComplexType():
            if not isinstance(whole.type, ComplexType):
                raise TypeError(f"{item.name} is a complex value here and not in the whole schema")
            read = _ComplexReader(item.type, whole.type, model).read
        case _:
            assert_never(item.type)
    if not item.nullable:
        return partial(_read_required_element if in_collection else _read_required, item, read)
    return partial(_read_nullable, item, read)


def _read_required_element(item: Property, read: ReadValue, value: Any, path: str, rules: Rules) -> Any:
    if value is None:
        raise faults.unexpected_null(item, path, element=True)
    return read(value, path, rules)


def _read_nested_primitive(kind: Primitive, value: Any, path: str, rules: Rules) -> Any:
    form = JSON_FORMS[kind]
    stored = _read_primitive(kind, form.read, value, path, rules)
    return stored if form.write is None or kind in _KEPT else form.write(stored)


def _read_member_name(kind: EnumType, value: Any, path: str, rules: Rules) -> Any:
    number = _read_member_number(kind, value, path, rules)
    if number is ABSENT:
        return ABSENT
    return kind.names.get(number) or kind.hidden_names[number]


class _ComplexReader:
    """Reads a complex value. A new one gets all its properties, also those that this view hides."""

    def __init__(self, kind: ComplexType, whole: ComplexType, model: Model) -> None:
        readers: dict[str, ReadValue] = {}
        for item in kind.properties:
            own = whole.by_name[item.name]
            if item.collection:
                readers[item.name] = property_reader(item, model, own)
            else:
                readers[item.name] = _nested_reader(item, model, own, in_collection=False)
        self.kind = kind
        self.model = model
        self.fields = Fields(readers, aliases_of(kind.properties), (kind,))
        self.completion = tuple(Completion.of(item, nested=True) for item in whole.properties)

    def read(self, value: Any, path: str, rules: Rules) -> dict[str, Any]:
        if type(value) is not dict:
            raise faults.wrong_node(value, "StartObject", path)
        self._check_type(value, path)
        found: dict[str, Any] = {}
        cleared: dict[str, Any] = {}
        for name, inner in value.items():
            read = self.fields.readers.get(name)
            if read is not None:
                result = read(inner, f"{path}/{name}", rules)
                if result is not ABSENT:
                    found[name] = result
            elif (clearing := self.fields.read_other(name, value, path)) is not None:
                cleared[clearing] = None
        found = cleared | found
        if rules.creating:
            return {item.name: item.complete(found, self.kind, path) for item in self.completion}
        return found

    def _check_type(self, value: Mapping[str, Any], path: str) -> None:
        declared = declared_type_name(value, path)
        if declared is None:
            return
        target = f"{path}/@odata.type"
        found = self.model.find_type(declared)
        if found is None:
            raise faults.unresolved_type(declared, target)
        if found is not self.kind:
            raise faults.unrelated_type(found, self.kind, target)


@dataclass(frozen=True, slots=True)
class Completion:
    """What a property of a new value holds when the body leaves it out.

    Attributes:
        default: stored form; a collection's is an empty list, made anew each time.
        required: there is nothing it could hold: the body must say.
    """

    item: Property
    default: Any
    required: bool

    @classmethod
    def of(cls, item: Property, *, nested: bool) -> "Completion":
        """Work out the default; `nested`: inside a structured value, where everything is JSON."""
        default = _default(item, nested=nested)
        return cls(item, default, required=default is None and not (item.nullable or item.collection or item.computed))

    @property
    def name(self) -> str:
        """Of the property."""
        return self.item.name

    def complete(self, found: Mapping[str, Any], owner: EntityType | ComplexType, path: str) -> Any:
        """The value found, or the default.

        Raises:
            ModelValidationFailure: there is neither.
        """
        if self.name in found:
            return found[self.name]
        if self.required:
            raise faults.missing_value(self.item, owner, f"{path}/{self.name}" if path else self.name)
        return [] if self.item.collection else self.default


def _default(item: Property, *, nested: bool) -> Any:
    if not isinstance(item.default, str):
        return item.default
    match item.type:
        case EnumType():
            member = item.type.find(item.default, include_hidden=True)
            if member is None:
                raise LookupError(f"{item.name}: {item.type.name} has no member {item.default}")
            return member.name if nested else member.value
        case Primitive():
            form = JSON_FORMS[item.type]
            stored = form.read(FORMS[item.type.value].read(item.default) if item.type in _NO_TEXT else item.default)
            return form.write(stored) if nested and form.write is not None and item.type not in _KEPT else stored
        case ComplexType():
            raise TypeError(f"{item.name}: a complex property has no constant for a default")
        case _:
            assert_never(item.type)


def aliases_of(properties: tuple[Property, ...]) -> dict[str, Property]:
    """The Python SDK's attribute name → property, where the two differ."""
    return {alias: item for item in properties if (alias := storage_name(item.name)) != item.name}


def declared_type_name(body: Mapping[str, Any], path: str) -> str | None:
    """The type that control information names, in the spelling of either version.

    Raises:
        ModelValidationFailure: it is not a string.
    """
    for name in TYPE_NAMES:
        found = body.get(name)
        if found is None:
            continue
        if type(found) is not str:
            raise faults.wrong_value(found, Primitive.STRING, f"{path}/{name}" if path else name)
        return found
    return None
