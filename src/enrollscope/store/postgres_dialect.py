"""PostgreSQL's side of `dialects.Dialect`."""

from typing import Any

from sqlalchemy import Column, UnaryExpression, case, cast, collate, false, func, literal, or_
from sqlalchemy import column as named_column
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, array, asyncpg
from sqlalchemy.engine import Dialect as Compiler
from sqlalchemy.sql.elements import False_, Null, True_
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import Date, Numeric

from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import TICKS_PER_SECOND
from enrollscope.odata.plan.bound import Operator, ScalarType
from enrollscope.odata.plan.queries import Method
from enrollscope.store.dialects import FAMILIES, FLOATS, Sql, decimal_average, own_function, plain_aggregate
from enrollscope.store.schema import BOOLEAN, FLOAT, INTEGER, TEXT, scalar_type

_TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND


class PostgresDialect:
    """PostgreSQL from version 14 on, with the functions of `postgres_objects.sql`. Text is collated by code point."""

    def __init__(self) -> None:
        self._compiler: Compiler = asyncpg.dialect()  # type: ignore[no-untyped-call]  # its constructor has no annotations

    @property
    def compiler(self) -> Compiler:
        """Its parameters are numbered: `$1`, `$2`."""
        return self._compiler

    def comparable(self, value: Sql, kind: ScalarType) -> Sql:
        """A Decimal is stored as text."""
        return cast(value, Numeric()) if kind is Primitive.DECIMAL else value

    def ordered(self, value: Sql, *, descending: bool) -> UnaryExpression[Any]:
        """Null is highest unless told otherwise; where there is none, saying so would keep an index from being used."""
        if isinstance(value, True_ | False_ | Null):
            value = func.coalesce(value)  # a bare constant would be refused
        key = value.desc() if descending else value.asc()
        if isinstance(value, Column) and not value.nullable:
            return key
        return key.nulls_last() if descending else key.nulls_first()

    def promoted(self, value: Sql, kind: Primitive, wanted: Primitive) -> Sql:
        """See `Dialect`."""
        before, after = FAMILIES[kind], FAMILIES[wanted]
        if before == after:
            return value
        if after == "decimal":
            return cast(value, TEXT)
        return own_function("double", FLOAT, value) if before == "decimal" else cast(value, FLOAT)

    def arithmetic(self, operator: Operator, kind: Primitive, left: Sql, right: Sql) -> Sql:
        """By functions: a double that overflows is an error to the server, and a Decimal is stored as text."""
        result = {"integer": INTEGER, "double": FLOAT, "decimal": TEXT}[FAMILIES[kind]]
        return own_function(f"{FAMILIES[kind]}_{operator.value}", result, left, right)

    def negated(self, kind: Primitive, value: Sql) -> Sql:
        """See `Dialect`."""
        if kind in FLOATS:
            return -value
        zero = literal("0", TEXT) if kind is Primitive.DECIMAL else literal(0, INTEGER)
        return self.arithmetic(Operator.SUB, kind, zero, value)

    def rounded(self, name: str, kind: Primitive, value: Sql) -> Sql:
        """See `Dialect`."""
        return own_function(f"{FAMILIES[kind]}_{name}", TEXT if kind is Primitive.DECIMAL else FLOAT, value)

    def position(self, text: Sql, part: Sql) -> Sql:
        """See `Dialect`."""
        return func.strpos(text, part, type_=INTEGER)

    def contains(self, text: Sql, part: Sql) -> Sql:
        """See `Dialect`."""
        return self.position(text, part) > 0

    def substring(self, text: Sql, start: Sql, length: Sql | None) -> Sql:
        """See `Dialect`."""
        return own_function("substring", TEXT, text, start, *(() if length is None else (length,)))

    def trimmed(self, text: Sql, characters: Sql) -> Sql:
        """See `Dialect`."""
        return func.btrim(text, characters, type_=TEXT)

    def cased(self, name: str, text: Sql) -> Sql:
        """The collation by code point knows the case of ASCII alone."""
        return own_function(name, TEXT, text)

    def date_of(self, ticks: Sql) -> Sql:
        """See `Dialect`."""
        return own_function("date", TEXT, ticks)

    def time_of(self, ticks: Sql) -> Sql:
        """See `Dialect`."""
        return own_function("time", TEXT, ticks)

    def seconds(self, ticks: Sql) -> Sql:
        """See `Dialect`."""
        return own_function("seconds", TEXT, ticks)

    def day_ticks(self, day: Sql) -> Sql:
        """See `Dialect`."""
        days: Sql = cast(day, Date()).op("-", return_type=INTEGER)(cast(literal("0001-01-01", TEXT), Date()))
        return days * _TICKS_PER_DAY

    def whole(self, number: Sql) -> Sql:
        """See `Dialect`."""
        return cast(number, INTEGER)

    def inside(self, json: Sql, path: tuple[str, ...], kind: Primitive) -> Sql:
        """What comes out of JSON is text."""
        text = cast(json, JSON).op("#>>", return_type=TEXT)(cast(array(list(path)), ARRAY(TEXT)))
        return collate(text, "C") if scalar_type(kind) is TEXT else cast(text, scalar_type(kind))

    def elements(self, json: Sql, path: tuple[str, ...], name: str) -> TableValuedAlias:
        """See `Dialect`."""
        found = cast(json, JSON).op("#>", return_type=JSON())(cast(array(list(path)), ARRAY(TEXT)))
        elements = case((func.json_typeof(found) == literal("array", TEXT), found))
        return func.json_array_elements(elements).table_valued(
            named_column("value", JSON), with_ordinality="ordinality", name=name
        )

    def position_of(self, elements: TableValuedAlias) -> Sql:
        """See `Dialect`."""
        position: Sql = elements.c.ordinality - literal(1, INTEGER)
        return position

    def json_array(self, values: list[Sql]) -> Sql:
        """See `Dialect`."""
        return func.json_build_array(*values)

    def json_of_rows(self, entries: Sql) -> Sql:
        """See `Dialect`."""
        return cast(func.json_agg(entries), TEXT)

    def structure(self, json: Sql, path: tuple[str, ...]) -> Sql:
        """See `Dialect`."""
        return self.json_function("structure", cast(json, JSON), cast(array(list(path)), ARRAY(TEXT)))

    def json_of_elements(self, elements: TableValuedAlias) -> Sql:
        """See `Dialect`."""
        return self.json_function("plain", func.jsonb_agg(elements.c.value))

    def json_item(self, value: Sql, kind: Primitive) -> Sql:
        """An infinity is text in JSON."""
        if kind is Primitive.DECIMAL:
            return self.json_or_null(self.json_function("json_decimal", cast(value, Numeric())))
        if kind in FLOATS:
            return self.json_or_null(self.json_function("json", value))
        return self.json_or_null(func.to_jsonb(cast(value, scalar_type(kind)), type_=JSONB()))

    def json_or_null(self, json: Sql | None) -> Sql:
        """See `Dialect`."""
        nothing = cast(literal("null", TEXT), JSONB())
        return nothing if json is None else func.coalesce(json, nothing, type_=JSONB())

    def json_list(self, items: list[Sql]) -> Sql:
        """See `Dialect`."""
        return func.to_jsonb(cast(array(items), ARRAY(JSONB())), type_=JSONB())

    def json_object(self, names: Sql, values: Sql) -> Sql:
        """See `Dialect`."""
        return self.json_function("json_object", names, values)

    def json_function(self, name: str, *arguments: Sql) -> Sql:
        """See `Dialect`."""
        return own_function(name, JSONB(), *arguments)

    def matches(self, text: Sql, pattern: Sql) -> Sql:
        """The server's regular expressions know that form, and are followed without trial and error."""
        return text.op("~", return_type=BOOLEAN)(pattern)

    def mentions(self, text: Sql, values: list[Sql]) -> Sql:
        """See `Dialect`."""
        sought = self.cased("tolower", text)
        found = [self.position(self.cased("tolower", value), sought) > 0 for value in values]
        return func.coalesce(or_(false(), *found), false(), type_=BOOLEAN)

    def aggregate(self, method: Method, kind: ScalarType, value: Sql) -> Sql:
        """Sums of integers are numeric to the server, and its averages have fewer digits than ours."""
        comparable = self.comparable(value, kind)
        if method is Method.AVERAGE:
            if kind is Primitive.DECIMAL:
                return decimal_average(cast(func.sum(comparable), TEXT), value)
            return cast(func.avg(comparable), FLOAT)
        found = plain_aggregate(method, comparable, scalar_type(kind))
        if method in (Method.COUNT, Method.COUNT_DISTINCT):
            return found
        return cast(found, scalar_type(kind)) if method is Method.SUM or kind is Primitive.DECIMAL else found
