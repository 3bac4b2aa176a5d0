"""Where two databases differ, each difference named once. Everything else of a statement is the same for both.

What a database lacks it is given as functions of one name in both: `sqlite_functions.py`, `postgres_objects.sql`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from sqlalchemy import ColumnElement, UnaryExpression, case, cast, collate, func, literal, null
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect as Compiler
from sqlalchemy.sql.functions import Function

from enrollscope.odata.bound import Operator, ScalarType
from enrollscope.odata.edm import Primitive
from enrollscope.odata.values import TICKS_PER_SECOND
from enrollscope.store.schema import FLOAT, INTEGER, TEXT

Sql = ColumnElement[Any]

# Unicode's White_Space; SQL's trim() takes away blanks only unless told otherwise.
WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

_EPOCH_SECONDS = 62_135_596_800
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
        """Text compares by its UTF-8 bytes, which is by code point. A Decimal is text and needs a collation."""
        return collate(value, "odata_decimal") if kind is Primitive.DECIMAL else value

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
        return func.strftime("%Y-%m-%d", ticks // TICKS_PER_SECOND - _EPOCH_SECONDS, "unixepoch", type_=TEXT)

    def time_of(self, ticks: Sql) -> Sql:
        """See `Dialect`."""
        seconds = ticks // TICKS_PER_SECOND
        parts = (seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, ticks % TICKS_PER_SECOND)
        # format() prints null as zero
        return case((ticks.is_not(null()), func.format("%02d:%02d:%02d.%07d", *parts, type_=TEXT)))

    def seconds(self, ticks: Sql) -> Sql:
        """See `Dialect`."""
        return own_function("seconds", TEXT, ticks)


def own_function(name: str, kind: Any, *arguments: Sql) -> Function[Any]:
    """A call of one of our own functions, which the database was given."""
    return Function(f"odata_{name}", *arguments, type_=kind)
