"""Entities of any model, made by hypothesis."""

import base64
from collections.abc import Mapping
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Any, assert_never

from hypothesis import strategies as st

from enrollscope.odata.edm.model import ComplexType, EntityType, EnumType, Primitive, Property
from enrollscope.odata.edm.values import Instant

_DAY = 86_400 * 10_000_000

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
"""Any string that can be stored."""

INSTANTS = st.builds(Instant, st.integers(_DAY, 3_652_058 * _DAY), st.integers(-840, 840))
"""Points in time at which every offset stays inside the calendar."""

_INTEGERS = {
    Primitive.BYTE: (0, 255),
    Primitive.SBYTE: (-128, 127),
    Primitive.INT16: (-(2**15), 2**15 - 1),
    Primitive.INT32: (-(2**31), 2**31 - 1),
    Primitive.INT64: (-(2**63), 2**63 - 1),
}
_HUNDREDTHS_OF_A_SECOND = 100


def _time_of_day(hundredths: int) -> str:
    seconds, fraction = divmod(hundredths, _HUNDREDTHS_OF_A_SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:02}".rstrip("0") if fraction else text


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode("ascii")


def _ten_thousandths(count: int) -> str:
    return f"{Decimal(count).scaleb(-4, Context(prec=60)):f}"


def _seconds(count: int) -> str:
    return f"{'-' if count < 0 else ''}PT{abs(count)}S"


_FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.sampled_from(["INF", "-INF"])

JSON: Mapping[Primitive, st.SearchStrategy[Any]] = MappingProxyType(
    {kind: st.integers(*limits) for kind, limits in _INTEGERS.items()}
    | {
        Primitive.BINARY: st.binary(max_size=8).map(_base64url),
        Primitive.BOOLEAN: st.booleans(),
        Primitive.DATE: st.dates().map(str),
        Primitive.DATE_TIME_OFFSET: INSTANTS.map(str),
        Primitive.DECIMAL: st.integers(-(10**30), 10**30).map(_ten_thousandths),
        Primitive.DOUBLE: _FLOATS,
        Primitive.DURATION: st.integers(-(10**9), 10**9).map(_seconds),
        Primitive.GUID: st.uuids().map(str),
        Primitive.SINGLE: _FLOATS,
        Primitive.STRING: TEXT,
        Primitive.TIME_OF_DAY: st.integers(0, 86_400 * _HUNDREDTHS_OF_A_SECOND - 1).map(_time_of_day),
    }
)
"""Values of each primitive type in a body; not NaN, which equals nothing."""


def bodies(entity: EntityType) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that create an entity: any of its properties but the key, in JSON."""
    items = [item for item in entity.all_properties if item.name != entity.key_property.name]
    required = {item.name: _json(item) for item in items if _must_be_sent(item)}
    optional = {item.name: _json(item) for item in items if not _must_be_sent(item)}
    return st.fixed_dictionaries(required, optional=optional)


def _must_be_sent(item: Property) -> bool:
    return not (item.nullable or item.collection or item.computed or item.default is not None)


def _json(item: Property) -> st.SearchStrategy[Any]:
    value = _json_value(item.type)
    if item.nullable:
        value = st.none() | value
    return st.lists(value, max_size=3) if item.collection else value


def _json_value(kind: Primitive | EnumType | ComplexType) -> st.SearchStrategy[Any]:
    match kind:
        case Primitive():
            return JSON[kind]
        case EnumType():
            return st.sampled_from([member.name for member in kind.members if member.name != kind.sentinel])
        case ComplexType():
            required = {item.name: _json(item) for item in kind.properties if _must_be_sent(item)}
            optional = {item.name: _json(item) for item in kind.properties if item.name not in required}
            return st.fixed_dictionaries(required, optional=optional)
        case _:
            assert_never(kind)
