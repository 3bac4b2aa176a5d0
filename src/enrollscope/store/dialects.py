"""Where two databases differ, each difference named once. Everything else of a statement is the same for both.

What a database lacks it is given as functions of one name in both: `sqlite_functions.py`, `postgres_objects.sql`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol, assert_never

from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    Column,
    ColumnElement,
    UnaryExpression,
    case,
    cast,
    collate,
    distinct,
    func,
    literal,
    null,
    type_coerce,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect as Compiler
from sqlalchemy.sql import operators
from sqlalchemy.sql.functions import Function
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import TICKS_PER_SECOND
from enrollscope.odata.plan.bound import Operator, ScalarType
from enrollscope.odata.plan.queries import Method
from enrollscope.store.schema import BOOLEAN, FLOAT, INTEGER, TEXT, scalar_type

Sql = ColumnElement[Any]

# Unicode's White_Space; SQL's trim() takes away blanks only unless told otherwise.
WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

EPOCH_SECONDS = 62_135_596_800
"""Seconds from 0001-01-01 to 1970-01-01."""


class Dialect(Protocol):
    """What a database does in its own way."""

    @property
    def compiler(self) -> Compiler:
        """SQLAlchemy's dialect, which spells the rest."""
        ...

    def comparable(self, value: Sql, kind: ScalarType) -> Sql:
        """A value whose `=`, `<` and order are those of OData."""
        ...

    def ordered(self, value: Sql, *, descending: bool) -> UnaryExpression[Any]:
        """A key of ORDER BY, with null lowest."""
        ...

    def promoted(self, value: Sql, kind: Primitive, wanted: Primitive) -> Sql:
        """A number brought to a wider type (URL conventions 4.01 §5.1.1.13)."""
        ...

    def arithmetic(self, operator: Operator, kind: Primitive, left: Sql, right: Sql) -> Sql:
        """An operation on two values of one type; durations and instants count as Int64."""
        ...

    def negated(self, kind: Primitive, value: Sql) -> Sql:
        """Arithmetic minus."""
        ...

    def rounded(self, name: str, kind: Primitive, value: Sql) -> Sql:
        """`round` (halves away from zero), `floor` or `ceiling` of a Decimal or Double."""
        ...

    def position(self, text: Sql, part: Sql) -> Sql:
        """Where a part begins, counted in code points from 1; 0: nowhere."""
        ...

    def contains(self, text: Sql, part: Sql) -> Sql:
        """Whether a part is in a text."""
        ...

    def substring(self, text: Sql, start: Sql, length: Sql | None) -> Sql:
        """A part, from a zero-based start; a negative one counts from the end."""
        ...

    def trimmed(self, text: Sql, characters: Sql) -> Sql:
        """Without those characters at both ends."""
        ...

    def cased(self, name: str, text: Sql) -> Sql:
        """`tolower` or `toupper`, by the rules of Unicode."""
        ...

    def date_of(self, ticks: Sql) -> Sql:
        """The stored form of the Date of a local time in ticks."""
        ...

    def time_of(self, ticks: Sql) -> Sql:
        """The stored form of the TimeOfDay of a local time in ticks."""
        ...

    def seconds(self, ticks: Sql) -> Sql:
        """Ticks as a Decimal of seconds."""
        ...

    def day_ticks(self, day: Sql) -> Sql:
        """The ticks at which a Date begins, from its stored form."""
        ...

    def whole(self, number: Sql) -> Sql:
        """A Decimal or Double without a fraction as an Int64; an error where it is none."""
        ...

    def inside(self, json: Sql, path: tuple[str, ...], kind: Primitive) -> Sql:
        """A scalar in JSON, in its stored form; null where anything on the way is. An empty path is the JSON itself."""
        ...

    def elements(self, json: Sql, path: tuple[str, ...], name: str) -> TableValuedAlias:
        """The elements of an array in JSON, one a row, in a column `value`; none where it is null."""
        ...

    def position_of(self, elements: TableValuedAlias) -> Sql:
        """Where in its array an element stands, counted from 0."""
        ...

    def json_array(self, values: list[Sql]) -> Sql:
        """Values as one JSON array."""
        ...

    def json_of_rows(self, entries: Sql) -> Sql:
        """The integers or JSON arrays of several rows, in order, as the text of a JSON array; of none `[]` or null."""
        ...

    def structure(self, json: Sql, path: tuple[str, ...]) -> Sql:
        """What is at a path in JSON, as JSON that our functions take; null where it is null or absent."""
        ...

    def json_of_elements(self, elements: TableValuedAlias) -> Sql:
        """Those elements that are left of `elements`, as a JSON array."""
        ...

    def json_item(self, value: Sql, kind: Primitive) -> Sql:
        """A scalar as JSON; the null of JSON for null."""
        ...

    def json_or_null(self, json: Sql | None) -> Sql:
        """JSON; the null of JSON for null."""
        ...

    def json_list(self, items: list[Sql]) -> Sql:
        """A JSON array of items that are JSON; at most 100."""
        ...

    def json_object(self, names: Sql, values: Sql) -> Sql:
        """A JSON object, of an array of its names and one of its values."""
        ...

    def json_function(self, name: str, *arguments: Sql) -> Sql:
        """A call of one of our own functions that gives JSON."""
        ...

    def matches(self, text: Sql, pattern: Sql) -> Sql:
        """Whether some part of the text matches a pattern of `odata.grammar.patterns`."""
        ...

    def mentions(self, text: Sql, values: list[Sql]) -> Sql:
        """Whether at least one of the values contains the text in any case; never null."""
        ...

    def aggregate(self, method: Method, kind: ScalarType, value: Sql) -> Sql:
        """Many values as one, without the nulls among them."""
        ...


_INTEGERS = frozenset(
    (
        *(Primitive.SBYTE, Primitive.BYTE, Primitive.INT16, Primitive.INT32, Primitive.INT64),
        *(Primitive.DURATION, Primitive.DATE_TIME_OFFSET),
    )
)
FLOATS = frozenset((Primitive.SINGLE, Primitive.DOUBLE))

FAMILIES: Mapping[Primitive, str] = MappingProxyType(
    dict.fromkeys(_INTEGERS, "integer") | dict.fromkeys(FLOATS, "double") | {Primitive.DECIMAL: "decimal"}
)


class SqliteDialect:
    """SQLite, with the functions and the collation of `sqlite_functions.py`."""

    def __init__(self) -> None:
        self._compiler = sqlite.dialect(paramstyle="qmark")

    @property
    def compiler(self) -> Compiler:
        """See `Dialect`."""
        return self._compiler

    def comparable(self, value: Sql, kind: ScalarType) -> Sql:
        """Text compares by its UTF-8 bytes, which is by code point. A Decimal is text and needs a collation.

        The collation of a comparison of Decimals anywhere inside of a value would be that of the value.
        """
        if kind is Primitive.DECIMAL:
            return collate(value, "odata_decimal")
        if isinstance(value, Column | BindParameter) or scalar_type(kind) is not TEXT:
            return value
        if isinstance(value, BinaryExpression) and value.operator is operators.collate:
            return value  # said twice, it would be another expression to the planner
        return collate(value, "BINARY")

    def ordered(self, value: Sql, *, descending: bool) -> UnaryExpression[Any]:
        """Null is lowest by itself."""
        return value.desc() if descending else value.asc()

    def promoted(self, value: Sql, kind: Primitive, wanted: Primitive) -> Sql:
        """Not by CAST where it would not round correctly."""
        before, after = FAMILIES[kind], FAMILIES[wanted]
        if before == after:
            return value
        if after == "decimal":
            return cast(value, TEXT)
        return own_function("double", FLOAT, value) if before == "decimal" else cast(value, FLOAT)

    def arithmetic(self, operator: Operator, kind: Primitive, left: Sql, right: Sql) -> Sql:
        """By functions: SQLite's own integers overflow into floats, and its division by zero is null."""
        result = {"integer": INTEGER, "double": FLOAT, "decimal": TEXT}[FAMILIES[kind]]
        return own_function(f"{FAMILIES[kind]}_{operator.value}", result, left, right)

    def negated(self, kind: Primitive, value: Sql) -> Sql:
        """See `Dialect`."""
        if kind in FLOATS:
            return -value
        return self.arithmetic(Operator.SUB, kind, literal("0" if kind is Primitive.DECIMAL else 0), value)

    def rounded(self, name: str, kind: Primitive, value: Sql) -> Sql:
        """See `Dialect`."""
        return own_function(f"{FAMILIES[kind]}_{name}", TEXT if kind is Primitive.DECIMAL else FLOAT, value)

    def position(self, text: Sql, part: Sql) -> Sql:
        """See `Dialect`."""
        return func.instr(text, part, type_=INTEGER)

    def contains(self, text: Sql, part: Sql) -> Sql:
        """See `Dialect`."""
        return self.position(text, part) > 0

    def substring(self, text: Sql, start: Sql, length: Sql | None) -> Sql:
        """See `Dialect`."""
        return own_function("substring", TEXT, text, start, *(() if length is None else (length,)))

    def trimmed(self, text: Sql, characters: Sql) -> Sql:
        """See `Dialect`."""
        return func.trim(text, characters, type_=TEXT)

    def cased(self, name: str, text: Sql) -> Sql:
        """SQLite's own lower() and upper() know ASCII alone."""
        return own_function(name, TEXT, text)

    def date_of(self, ticks: Sql) -> Sql:
        """See `Dialect`."""
        return func.strftime("%Y-%m-%d", ticks // TICKS_PER_SECOND - EPOCH_SECONDS, "unixepoch", type_=TEXT)

    def time_of(self, ticks: Sql) -> Sql:
        """See `Dialect`."""
        seconds = ticks // TICKS_PER_SECOND
        parts = (seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, ticks % TICKS_PER_SECOND)
        # format() prints null as zero
        return case((ticks.is_not(null()), func.format("%02d:%02d:%02d.%07d", *parts, type_=TEXT)))

    def seconds(self, ticks: Sql) -> Sql:
        """See `Dialect`."""
        return own_function("seconds", TEXT, ticks)

    def day_ticks(self, day: Sql) -> Sql:
        """See `Dialect`."""
        seconds = cast(func.strftime("%s", day), INTEGER) + EPOCH_SECONDS
        return seconds * TICKS_PER_SECOND

    def whole(self, number: Sql) -> Sql:
        """CAST would take the nearest Int64 for what lies beyond."""
        return own_function("whole", INTEGER, number)

    def inside(self, json: Sql, path: tuple[str, ...], kind: Primitive) -> Sql:
        """JSON knows the types that SQLite knows. An infinity is text in JSON."""
        if not path:
            return type_coerce(json, scalar_type(kind))
        value: Sql = func.json_extract(json, _json_path(path), type_=scalar_type(kind))
        return own_function("number", FLOAT, value) if kind in FLOATS else value

    def elements(self, json: Sql, path: tuple[str, ...], name: str) -> TableValuedAlias:
        """See `Dialect`."""
        array = func.json_extract(json, _json_path(path)) if path else json
        return func.json_each(array).table_valued("value", "key", "json", name=name)

    def position_of(self, elements: TableValuedAlias) -> Sql:
        """See `Dialect`."""
        return elements.c.key

    def json_array(self, values: list[Sql]) -> Sql:
        """See `Dialect`."""
        return func.json_array(*values)

    def json_of_rows(self, entries: Sql) -> Sql:
        """What comes out of a subquery is no JSON any more but text."""
        return func.json_group_array(func.json(entries), type_=TEXT)

    def structure(self, json: Sql, path: tuple[str, ...]) -> Sql:
        """See `Dialect`."""
        return func.json_extract(json, _json_path(path), type_=TEXT) if path else json

    def json_of_elements(self, elements: TableValuedAlias) -> Sql:
        """By key, because values of some types cannot be told from others any more."""
        json = elements.c.json.op("->", return_type=TEXT)(elements.c.key)
        items = func.coalesce(func.group_concat(json, literal(",", TEXT)), literal("", TEXT), type_=TEXT)
        return literal("[", TEXT).op("||", return_type=TEXT)(items).op("||", return_type=TEXT)(literal("]", TEXT))

    def json_item(self, value: Sql, kind: Primitive) -> Sql:
        """Truth values are numbers to SQLite."""
        if kind is Primitive.BOOLEAN:
            spelt = case((value, literal("true", TEXT)), (value.is_not(null()), literal("false", TEXT)))
            return self.json_or_null(spelt)
        return self.json_or_null(own_function("json_decimal" if kind is Primitive.DECIMAL else "json", TEXT, value))

    def json_or_null(self, json: Sql | None) -> Sql:
        """See `Dialect`."""
        nothing = literal("null", TEXT)
        return nothing if json is None else func.coalesce(json, nothing, type_=TEXT)

    def json_list(self, items: list[Sql]) -> Sql:
        """See `Dialect`."""
        return self.json_function("json_list", *items)

    def json_object(self, names: Sql, values: Sql) -> Sql:
        """See `Dialect`."""
        return self.json_function("json_object", names, values)

    def json_function(self, name: str, *arguments: Sql) -> Sql:
        """See `Dialect`."""
        return own_function(name, TEXT, *arguments)

    def matches(self, text: Sql, pattern: Sql) -> Sql:
        """See `Dialect`."""
        return own_function("matches", BOOLEAN, text, pattern)

    def mentions(self, text: Sql, values: list[Sql]) -> Sql:
        """One call for all values."""
        return own_function("mentions", BOOLEAN, text, *values)

    def aggregate(self, method: Method, kind: ScalarType, value: Sql) -> Sql:
        """Decimals are text: their sum is one of our functions, their order one of our collations."""
        match method:
            case Method.SUM if kind is Primitive.DECIMAL:
                return own_function("decimal_sum", TEXT, value)
            case Method.AVERAGE if kind is Primitive.DECIMAL:
                return decimal_average(own_function("decimal_sum", TEXT, value), value)
            case Method.AVERAGE:
                return func.avg(value, type_=FLOAT)
            case _:
                return plain_aggregate(method, self.comparable(value, kind), scalar_type(kind))


def plain_aggregate(method: Method, value: Sql, kind: TypeEngine[Any]) -> Sql:
    """The aggregates that databases agree on."""
    match method:
        case Method.COUNT:
            return func.count(type_=INTEGER)
        case Method.COUNT_DISTINCT:
            return func.count(distinct(value), type_=INTEGER)
        case Method.SUM:
            return func.sum(value, type_=kind)
        case Method.MIN:
            return func.min(value, type_=kind)
        case Method.MAX:
            return func.max(value, type_=kind)
        case Method.AVERAGE:
            return func.avg(value, type_=kind)
        case _:
            assert_never(method)


def decimal_average(total: Sql, value: Sql) -> Sql:
    """The average of Decimals, from their sum, to as many digits as any quotient has."""
    count = func.count(value, type_=INTEGER)
    # Of no values the sum is null, and so is the quotient.
    return own_function("decimal_div", TEXT, total, cast(func.nullif(count, 0), TEXT))


def _json_path(path: tuple[str, ...]) -> str:
    """Names of properties, which hold no quotes, as SQLite spells a path."""
    return "$" + "".join(f'."{name}"' for name in path)


def own_function(name: str, kind: Any, *arguments: Sql) -> Function[Any]:
    """A call of one of our own functions, which the database was given."""
    return Function(f"odata_{name}", *arguments, type_=kind)
