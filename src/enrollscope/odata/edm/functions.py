"""The canonical functions of OData URL conventions 4.01 §5.1.1.5-5.1.1.12, each described once.

Names are matched in any case (§5.1.1.4); the keys of `FUNCTIONS` are in lower case, `Function.name` is the spelling of
the specification. `cast`, `isof` and `case` are not here: they take types and branches, and have nodes of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from enrollscope.odata.edm.model import Primitive

_Types: TypeAlias = tuple[Primitive, ...]

_BOOLEAN = Primitive.BOOLEAN
_DATE = Primitive.DATE
_DECIMAL = Primitive.DECIMAL
_DOUBLE = Primitive.DOUBLE
_DURATION = Primitive.DURATION
_INSTANT = Primitive.DATE_TIME_OFFSET
_INTEGER = Primitive.INT32
_STRING = Primitive.STRING
_TIME = Primitive.TIME_OF_DAY


@dataclass(frozen=True, slots=True)
class Signature:
    """One overload: the types of its arguments and of its result."""

    arguments: _Types
    result: Primitive


@dataclass(frozen=True, slots=True)
class Function:
    """A canonical function.

    Attributes:
        signatures: the overloads over primitive values, the preferred one first.
        minimum: how many arguments it takes at least.
        maximum: how many arguments it takes at most.
        beyond: what else it is defined for that no signature can say, such as `collections`; None for nothing.
    """

    name: str
    signatures: tuple[Signature, ...]
    minimum: int
    maximum: int
    beyond: str | None = None


def _function(
    name: str, *signatures: tuple[_Types, Primitive], beyond: str | None = None, arguments: int | None = None
) -> Function:
    """Describe a function; how many arguments it takes follows from its signatures, or is `arguments` without them."""
    lengths = [len(types) for types, _ in signatures] or [arguments or 0]
    overloads = tuple(Signature(types, result) for types, result in signatures)
    return Function(name, overloads, min(lengths), max(lengths), beyond)


_COLLECTIONS = "collections"
_SPATIAL = "geographic and geometric values"

_DECLARED = (
    # §5.1.1.5 strings and collections
    _function("concat", ((_STRING, _STRING), _STRING), beyond=_COLLECTIONS),
    _function("contains", ((_STRING, _STRING), _BOOLEAN), beyond=_COLLECTIONS),
    _function("endsWith", ((_STRING, _STRING), _BOOLEAN), beyond=_COLLECTIONS),
    _function("indexOf", ((_STRING, _STRING), _INTEGER), beyond=_COLLECTIONS),
    _function("length", ((_STRING,), _INTEGER), beyond="collections and streams"),
    _function("startsWith", ((_STRING, _STRING), _BOOLEAN), beyond=_COLLECTIONS),
    _function(
        "substring",
        ((_STRING, _INTEGER), _STRING),
        ((_STRING, _INTEGER, _INTEGER), _STRING),
        beyond=_COLLECTIONS,
    ),
    # §5.1.1.6 collections
    _function("hasSubset", beyond=_COLLECTIONS, arguments=2),
    _function("hasSubsequence", beyond=_COLLECTIONS, arguments=2),
    # §5.1.1.7 strings
    _function("matchesPattern", ((_STRING, _STRING), _BOOLEAN)),
    _function("toLower", ((_STRING,), _STRING)),
    _function("toUpper", ((_STRING,), _STRING)),
    _function("trim", ((_STRING,), _STRING)),
    # §5.1.1.8 date and time
    _function("date", ((_INSTANT,), _DATE)),
    _function("day", ((_INSTANT,), _INTEGER), ((_DATE,), _INTEGER)),
    _function("fractionalSeconds", ((_INSTANT,), _DECIMAL), ((_TIME,), _DECIMAL)),
    _function("hour", ((_INSTANT,), _INTEGER), ((_TIME,), _INTEGER)),
    _function("maxDateTime", ((), _INSTANT)),
    _function("minDateTime", ((), _INSTANT)),
    _function("minute", ((_INSTANT,), _INTEGER), ((_TIME,), _INTEGER)),
    _function("month", ((_INSTANT,), _INTEGER), ((_DATE,), _INTEGER)),
    _function("now", ((), _INSTANT)),
    _function("second", ((_INSTANT,), _INTEGER), ((_TIME,), _INTEGER)),
    _function("time", ((_INSTANT,), _TIME)),
    _function("totalOffsetMinutes", ((_INSTANT,), _INTEGER)),
    _function("totalSeconds", ((_DURATION,), _DECIMAL)),
    _function("year", ((_INSTANT,), _INTEGER), ((_DATE,), _INTEGER)),
    # §5.1.1.9 arithmetic
    _function("ceiling", ((_DECIMAL,), _DECIMAL), ((_DOUBLE,), _DOUBLE)),
    _function("floor", ((_DECIMAL,), _DECIMAL), ((_DOUBLE,), _DOUBLE)),
    _function("round", ((_DECIMAL,), _DECIMAL), ((_DOUBLE,), _DOUBLE)),
    # §5.1.1.11 geography and geometry
    _function("geo.distance", beyond=_SPATIAL, arguments=2),
    _function("geo.intersects", beyond=_SPATIAL, arguments=2),
    _function("geo.length", beyond=_SPATIAL, arguments=1),
    # Data Aggregation 4.0 §7.1
    _function("isDefined", beyond="paths", arguments=1),
)

FUNCTIONS: Mapping[str, Function] = MappingProxyType({function.name.lower(): function for function in _DECLARED})
