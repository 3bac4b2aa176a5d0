"""One stored value to its JSON form, as the clients of one API version see it."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias, assert_never

from enrollscope.odata.edm.model import ComplexType, EnumType, Primitive, Property, ValueType
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.json.primitives import JSON_FORMS
from enrollscope.odata.plan.bound import ScalarType
from enrollscope.odata.plan.requests import Selected
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel, ProtocolVersion

WriteValue: TypeAlias = Callable[[Any], Any]

_AS_TEXT = frozenset({Primitive.INT64, Primitive.DECIMAL})


class _MemberNames(dict[Any, str]):
    """Stored form of a member → the name shown; everything that is not in here shows as the sentinel."""

    def __init__(self, names: Mapping[Any, str], kind: EnumType) -> None:
        super().__init__(names)
        self._kind = kind

    def __missing__(self, stored: Any) -> str:
        if self._kind.sentinel is None:
            raise LookupError(f"{self._kind.name} has no member {stored!r}, and one is stored")
        return self._kind.sentinel


class PropertyWriters:
    """Makes the functions that write values.

    Args:
        include_unknown: show hidden members by name.
    """

    def __init__(self, json_format: JsonFormat, *, include_unknown: bool) -> None:
        self.level = json_format.level
        self.version = json_format.version
        self.prefix = json_format.prefix
        self._format = json_format
        self._include_unknown = include_unknown

    def of_property(self, item: Property, parts: Sequence[Selected] | None = None) -> WriteValue | None:
        """What turns the slot of an entity's property into JSON; `None`: it is JSON as it stands. Never given null.

        Args:
            parts: of a structured value, what of it to write; `None`: all.
        """
        if item.collection:
            return _of_text(partial(_write_elements, self._nested(item.type, parts)))
        match item.type:
            case Primitive():
                return self._primitive(item.type)
            case EnumType():
                return _MemberNames(self.members(item.type), item.type).__getitem__
            case ComplexType():
                return _of_text(self._complex(item.type, parts))
            case _:
                assert_never(item.type)

    def members(self, kind: EnumType) -> Mapping[int, str]:
        """Number → name, of the members that are shown by name."""
        return {**(kind.hidden_names if self._include_unknown else {}), **kind.names}

    def of_computed(self, kind: ScalarType) -> WriteValue | None:
        """The same for a value that a request computes. A point in time is in UTC; no store need know booleans."""
        match kind:
            case Primitive.BOOLEAN:
                return bool
            case Primitive.DATE_TIME_OFFSET:
                return _write_instant
            case _:
                return self.of_property(Property("", kind))

    def _primitive(self, kind: Primitive) -> WriteValue | None:
        if kind in _AS_TEXT and self._format.ieee754_compatible:
            return str
        return JSON_FORMS[kind].write

    def _nested(self, kind: ValueType, parts: Sequence[Selected] | None = None) -> WriteValue | None:
        """The same for a value inside a structured one, which is JSON, in the spelling of the whole schema."""
        match kind:
            case Primitive.DECIMAL:
                return str if self._format.ieee754_compatible else Decimal
            case Primitive.INT64:
                return str if self._format.ieee754_compatible else None
            case Primitive():
                return None
            case EnumType():
                hidden = kind.hidden_names.values() if self._include_unknown else ()
                return _MemberNames({name: name for name in (*hidden, *kind.values)}, kind).__getitem__
            case ComplexType():
                return self._complex(kind, parts)
            case _:
                assert_never(kind)

    def _complex(self, kind: ComplexType, parts: Sequence[Selected] | None = None) -> WriteValue:
        steps = []
        wanted = None if parts is None else {part.name: part.inner for part in parts}
        for item in kind.properties:
            if wanted is not None and item.name not in wanted:
                continue
            convert = self._nested(item.type, None if wanted is None else wanted[item.name])
            steps.append((item, partial(_write_elements, convert) if item.collection else convert))
        types: dict[str, str] | None = None
        if self.level is MetadataLevel.FULL:
            named = ((item.name, type_annotation(item, self.version)) for item in kind.properties)
            types = {name: text for name, text in named if text}
        return partial(_write_complex, kind, tuple(steps), types=types, annotation=f"{self.prefix}type")


def _write_instant(ticks: int) -> str:
    return str(Instant(ticks))


def _of_text(convert: WriteValue) -> WriteValue:
    return lambda stored: convert(json.loads(stored))


def _write_elements(convert: WriteValue | None, values: list[Any]) -> list[Any]:
    if convert is None:
        return values
    return [None if value is None else convert(value) for value in values]


def _write_complex(
    kind: ComplexType,
    steps: tuple[tuple[Property, WriteValue | None], ...],
    value: Mapping[str, Any],
    *,
    types: Mapping[str, str] | None,
    annotation: str,
) -> dict[str, Any]:
    """Write what the view shows of a complex value, also what was declared after it was stored.

    Args:
        types: property → type annotation, at full metadata.
        annotation: the name of control information for a type.
    """
    found: dict[str, Any] = {} if types is None else {annotation: f"#{kind.name_in_model}"}
    for item, convert in steps:
        inner = value.get(item.name)
        if inner is None:
            inner = [] if item.collection else None
        elif convert is not None:
            inner = convert(inner)
        if types is not None and inner is not None and item.name in types:
            found[f"{item.name}{annotation}"] = types[item.name]
        found[item.name] = inner
    return found


def type_annotation(item: Property, version: ProtocolVersion = ProtocolVersion.V4) -> str:
    """The value of `name@odata.type` under full metadata; empty where the JSON tells the type by itself.

    Names of built-in types go without `Edm.`, and since 4.01 without `#` (OData JSON 4.01 §4.6.3). A single complex
    value carries its type inside.
    """
    mark = "#"
    match item.type:
        case Primitive():
            name = item.type.value.removeprefix("Edm.")
            if not item.collection and JSON_FORMS[item.type].self_describing:
                return ""
            mark = "#" if version is ProtocolVersion.V4 else ""
        case EnumType():
            name = item.type.name_in_model
        case ComplexType():
            name = item.type.name_in_model
            if not item.collection:
                return ""
        case _:
            assert_never(item.type)
    return f"{mark}Collection({name})" if item.collection else f"{mark}{name}"
