"""Bound expressions to SQL, with OData's null logic.

A comparison in OData is never null, SQL's is. Where a condition only has to hold or not (`holds`), the two do not
differ and the plain comparison stays, which can use an index; where it is a value (below a `not`, or compared itself),
null is made false. Every value of a client is a parameter.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import assert_never

from sqlalchemy import Table, and_, bindparam, case, cast, false, func, literal, null, select, true
from sqlalchemy.sql.elements import Grouping

from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import TICKS_PER_SECOND, Instant
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.plan.bound import (
    Arithmetic,
    Bound,
    Call,
    Case,
    Cast,
    CollectionCall,
    Column,
    Combine,
    Compare,
    Comparison,
    Field,
    In,
    Inside,
    Logic,
    Mentions,
    Negate,
    Not,
    Null,
    OfRow,
    OfType,
    Operator,
    Parameter,
    Present,
    Quantified,
    Same,
    SameText,
    ScalarType,
    Size,
    TypeIs,
)
from enrollscope.odata.plan.promotion import NUMBERS, common_type
from enrollscope.odata.plan.queries import Positions
from enrollscope.store.composites import Composites
from enrollscope.store.conditions import balanced
from enrollscope.store.dialects import FLOATS, WHITE_SPACE, Dialect, Sql, own_function
from enrollscope.store.names import READERS, field_name
from enrollscope.store.schema import BOOLEAN, INTEGER, TEXT, scalar_type
from enrollscope.store.searching import Strings, operands_of
from enrollscope.store.structured import Structured

_INSTANT = Primitive.DATE_TIME_OFFSET
_TICKS_PER_MINUTE = 60 * TICKS_PER_SECOND
_LAST_TICKS = Instant.parse("9999-12-31T23:59:59.9999999Z").ticks

_TIMES = (_INSTANT, Primitive.DATE, Primitive.TIME_OF_DAY, Primitive.DURATION)

_TEXTS = frozenset(("binary", "double", "duration"))
"""What is not spelt as it is stored."""

_NEVER_NULL = (Parameter, Compare, In, SameText, TypeIs, Present, Quantified, Size, Mentions, Same)

# The least and the greatest of each integer type.
_SPANS: Mapping[Primitive, tuple[int, int]] = MappingProxyType(
    {
        Primitive.SBYTE: (-(2**7), 2**7 - 1),
        Primitive.BYTE: (0, 2**8 - 1),
        Primitive.INT16: (-(2**15), 2**15 - 1),
        Primitive.INT32: (-(2**31), 2**31 - 1),
        Primitive.INT64: (-(2**63), 2**63 - 1),
    }
)

# Where the parts stand in `yyyy-mm-dd` and `hh:mm:ss.fffffff`, the stored forms of Date and TimeOfDay.
_PARTS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"year": (1, 4), "month": (6, 2), "day": (9, 2), "hour": (1, 2), "minute": (4, 2), "second": (7, 2)}
)

# How many ticks a unit has, and how many of it make the next.
_CLOCK: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "hour": (3_600 * TICKS_PER_SECOND, 24),
        "minute": (60 * TICKS_PER_SECOND, 60),
        "second": (TICKS_PER_SECOND, 60),
    }
)


class Expressions:
    """Translates expressions over the rows of one stored set, or over what the steps of a query made of them.

    Args:
        columns: what the rows have, under the names that columns of the table or fields of a grouping go by.
        strings: what an index can tell of the rows, where there is one.
    """

    def __init__(
        self,
        layout: Layout,
        table: Table,
        dialect: Dialect,
        columns: Mapping[str, Sql],
        strings: Strings | None = None,
    ) -> None:
        self._layout = layout
        self._table = table
        self._dialect = dialect
        self._columns = columns
        self._strings = strings
        self._structured = Structured(dialect, self)
        self._composites = Composites(dialect, self, self._structured)

    def holds(self, bound: Bound) -> Sql:
        """A condition for WHERE: true where the expression is true, anything else where it is false or null."""
        needed = None if self._strings is None else self._strings.needed(bound, self.value)
        if needed is not None:
            return and_(needed, self.value(bound))
        match bound:
            case Combine(operator=operator):
                return balanced(operator, [self.holds(part) for part in operands_of(bound)])
            case Compare(operator=operator, left=left, right=right):
                return self._compare(operator, left, right)
            case In(operand=operand, items=items):
                return self._in(operand, items)
            case SameText(left=left, right=right):
                return self._same_text(left, right)
            case _:
                return self.value(bound)

    def value(self, bound: Bound) -> Sql:
        """The value of an expression; of a DateTimeOffset the ticks."""
        match bound:
            case Column(property=name):
                return self.column(name)
            case Parameter():
                return bindparam(f"odata_given_{bound.index}", type_=scalar_type(bound.type))
            case Null():
                return null()
            case Field(index=index):
                return self._columns[field_name(index)]
            case TypeIs(types=types):
                return self.type_is(types)
            case OfType(operand=operand, types=types):
                return case((self.type_is(types), self.value(operand)))
            case Inside() | Present() | Quantified() | Size():
                return self._structured.value(bound)
            case OfRow(where=where, operand=operand):
                return self._of_row(where, lambda other: other.value(operand))
            case Same() | CollectionCall():
                return self._composites.value(bound)
            case Combine() | Not() | Compare() | In() | SameText() | Mentions():
                return self._truth(bound)
            case _:
                return self._made(bound)

    def shown(self, item: Bound | Positions) -> Sql:
        """What follows a record."""
        return self._structured.positions(item) if isinstance(item, Positions) else self.value(item)

    def _truth(self, bound: Combine | Not | Compare | In | SameText | Mentions) -> Sql:
        """The value of a condition, null included."""
        match bound:
            case Combine(operator=operator):
                return balanced(operator, [self.value(part) for part in operands_of(bound)])
            case Not(operand=operand):
                return Grouping(~Grouping(self.value(operand)))  # what `~` becomes may bind less than what is around it
            case Compare() | In() | SameText():
                return func.coalesce(self.holds(bound), false(), type_=BOOLEAN)
            case Mentions(text=text, values=values):
                return self._dialect.mentions(self.value(text), [self.value(item) for item in values])
            case _:
                assert_never(bound)

    def _made(self, bound: Call | Arithmetic | Negate | Case | Cast) -> Sql:
        """What is computed of other values."""
        match bound:
            case Call():
                return self._call(bound)
            case Arithmetic():
                return self._arithmetic(bound)
            case Negate(operand=operand, type=kind):
                return self._dialect.negated(_primitive(kind), self._promoted(operand, kind))
            case Case():
                return self._case(bound)
            case Cast(operand=operand, type=kind):
                return self._cast(operand, _primitive(kind))
            case _:
                assert_never(bound)

    def _of_row(self, where: Bound, value: Callable[["Expressions"], Sql]) -> Sql:
        """What is made of another row of the tenant."""
        rows = self._table.alias()
        other = Expressions(self._layout, self._table, self._dialect, dict(rows.c.items()))
        own = rows.c.tenant_id == bindparam("odata_tenant", type_=TEXT)
        return select(value(other)).select_from(rows).where(own, other.holds(where)).scalar_subquery()

    def nullable(self, bound: Bound) -> bool:
        """Whether an expression can be null; true when in doubt."""
        match bound:
            case Column(property=name):
                return bool(self._table.c[self._layout.names[self._layout.index[name]]].nullable)
            case Not(operand=operand):
                return self.nullable(operand)
            case Combine(left=left, right=right):
                return self.nullable(left) or self.nullable(right)
            case Call(arguments=arguments):
                return any(self.nullable(item) for item in arguments)
            case _:
                return not isinstance(bound, _NEVER_NULL)

    def comparable(self, bound: Bound) -> Sql:
        """A value by which rows can be ordered."""
        return self._dialect.comparable(self.value(bound), bound.type or Primitive.STRING)

    def comparable_parameter(self, name: str, like: Bound) -> Sql:
        """A parameter that is compared with what `comparable` makes of an expression."""
        kind = like.type or Primitive.STRING
        return self._dialect.comparable(bindparam(name, type_=scalar_type(kind)), kind)

    def column(self, name: str) -> Sql:
        """The first slot of a property."""
        return self._columns[self._layout.names[self._layout.index[name]]]

    def type_is(self, types: frozenset[str]) -> Sql:
        """The row's stored type is one of these."""
        if types >= self._layout.types.keys():
            return true()
        return self._columns["type"].in_([literal(name, TEXT) for name in sorted(types & self._layout.types.keys())])

    def _compare(self, operator: Comparison, left: Bound, right: Bound) -> Sql:
        if isinstance(left, Null) or isinstance(right, Null):
            return self._compare_with_null(operator, left, right)
        common = _common(left.type, right.type)
        first = self._dialect.comparable(self._promoted(left, common), common)
        second = self._dialect.comparable(self._promoted(right, common), common)
        match operator:
            case Comparison.EQ:
                both = self.nullable(left) and self.nullable(right)
                return first.is_not_distinct_from(second) if both else first == second
            case Comparison.NE:
                return first.is_distinct_from(second)
            case Comparison.GT:
                return first > second
            case Comparison.GE:
                return first >= second
            case Comparison.LT:
                return first < second
            case Comparison.LE:
                return first <= second
            case _:
                assert_never(operator)

    def _compare_with_null(self, operator: Comparison, left: Bound, right: Bound) -> Sql:
        """Only null equals null; in an order it has no place (contract §4.4)."""
        other = self.value(right if isinstance(left, Null) else left)
        match operator:
            case Comparison.EQ:
                return other.is_(null())
            case Comparison.NE:
                return other.is_not(null())
            case _:
                return false()

    def _in(self, operand: Bound, items: tuple[Bound, ...]) -> Sql:
        plain = [item for item in items if isinstance(item, Parameter) and item.type == operand.type]
        others = [item for item in items if item not in plain]
        conditions = [self._compare(Comparison.EQ, operand, item) for item in others]
        if plain and operand.type is not None:
            column = self._dialect.comparable(self.value(operand), operand.type)
            conditions.append(column.in_([self.comparable(item) for item in plain]))
        return balanced(Logic.OR, conditions)

    def _same_text(self, left: Bound, right: Bound) -> Sql:
        first, second = func.lower(self.value(left), type_=TEXT), func.lower(self.value(right), type_=TEXT)
        both = self.nullable(left) and self.nullable(right)
        return first.is_not_distinct_from(second) if both else first == second

    def _promoted(self, bound: Bound, wanted: ScalarType | None) -> Sql:
        value = self.value(bound)
        if bound.type in NUMBERS and wanted in NUMBERS and bound.type != wanted and not isinstance(bound, Null):
            return self._dialect.promoted(value, _primitive(bound.type), _primitive(wanted))
        return value

    def _arithmetic(self, bound: Arithmetic) -> Sql:
        kind = _primitive(bound.type)
        if bound.left.type in NUMBERS and bound.right.type in NUMBERS:
            left, right = self._promoted(bound.left, kind), self._promoted(bound.right, kind)
            return self._dialect.arithmetic(bound.operator, kind, left, right)
        if Primitive.DATE in (bound.left.type, bound.right.type):
            return self._of_dates(bound)
        if bound.operator in (Operator.ADD, Operator.SUB):
            return self._dialect.arithmetic(bound.operator, kind, self.value(bound.left), self.value(bound.right))
        return self._scaled(bound)

    def _of_dates(self, bound: Arithmetic) -> Sql:
        """A date and a duration, or the time between two dates. A date counts as its first moment."""
        sides = [
            self._dialect.day_ticks(self.value(item)) if item.type is Primitive.DATE else self.value(item)
            for item in (bound.left, bound.right)
        ]
        ticks = self._dialect.arithmetic(bound.operator, Primitive.DURATION, *sides)
        return ticks if bound.type is Primitive.DURATION else self._dialect.date_of(_in_calendar(ticks))

    def _scaled(self, bound: Arithmetic) -> Sql:
        """A duration times or divided by a number, rounded to ticks."""
        sides = (bound.left, bound.right)
        kind = Primitive.DOUBLE if any(item.type in FLOATS for item in sides) else Primitive.DECIMAL
        left, right = (self._dialect.promoted(self.value(item), _primitive(item.type), kind) for item in sides)
        operator = Operator.DIV if bound.operator is Operator.DIVBY else bound.operator
        result = self._dialect.arithmetic(operator, kind, left, right)
        return self._dialect.whole(self._dialect.rounded("round", kind, result))

    def _case(self, bound: Case) -> Sql:
        branches = [(self.holds(condition), self._promoted(value, bound.type)) for condition, value in bound.branches]
        return case(*branches, else_=self._promoted(bound.otherwise, bound.type))

    def _cast(self, operand: Bound, wanted: Primitive) -> Sql:
        value, kind = self.value(operand), _primitive(operand.type)
        if wanted is Primitive.STRING:
            return self._as_text(operand, kind)
        if kind is Primitive.STRING:
            return _read(value, wanted)
        span = _SPANS.get(wanted)
        if span is None:
            return self._dialect.promoted(value, kind, wanted)
        if kind not in _SPANS:
            value = self._dialect.rounded("round", kind, value)
        low, high = (self._limit(bound, kind) for bound in span)
        comparable = self._dialect.comparable(value, kind)
        return case((and_(comparable >= low, comparable <= high), self._dialect.whole(value)))

    def _as_text(self, operand: Bound, kind: Primitive) -> Sql:
        """A value as payloads spell it."""
        if kind is _INSTANT:
            return own_function("text_of_instant", TEXT, self._local(operand), self.offset(operand))
        value = self.value(operand)
        if kind is Primitive.TIME_OF_DAY:
            return func.rtrim(func.rtrim(value, literal("0", TEXT)), literal(".", TEXT), type_=TEXT)
        family = "double" if kind in FLOATS else kind.value.removeprefix("Edm.").lower()
        return own_function(f"text_of_{family}", TEXT, value) if family in _TEXTS else cast(value, TEXT)

    def _limit(self, number: int, kind: Primitive) -> Sql:
        """An integer to compare values of a type with."""
        if kind is not Primitive.DECIMAL:
            return literal(number, INTEGER)
        return self._dialect.comparable(literal(str(number), TEXT), kind)

    def _call(self, call: Call) -> Sql:
        name, arguments = call.name, call.arguments
        if not arguments:
            return _moment(name)
        if len(arguments) == 1 and arguments[0].type in _TIMES:
            return self._part(name, arguments[0])
        if name in ("round", "floor", "ceiling"):
            return self._dialect.rounded(name, _primitive(call.type), self._promoted(arguments[0], call.type))
        return self._text_call(name, [self.value(item) for item in arguments])

    def _text_call(self, name: str, values: list[Sql]) -> Sql:
        dialect = self._dialect
        match name, values:
            case "concat", [first, second]:
                return first.op("||", return_type=TEXT)(second)
            case "contains", [text, part]:
                return dialect.contains(text, part)
            case "indexof", [text, part]:
                return dialect.position(text, part) - 1
            case "startswith", [text, part]:
                return self._same(func.substr(text, 1, func.length(part), type_=TEXT), part)
            case "endswith", [text, part]:
                return self._same(func.substr(text, func.length(text) - func.length(part) + 1, type_=TEXT), part)
            case "length", [text]:
                return func.length(text, type_=INTEGER)
            case "substring", [text, start, *rest]:
                return dialect.substring(text, start, rest[0] if rest else None)
            case "trim", [text]:
                return dialect.trimmed(text, literal(WHITE_SPACE, TEXT))
            case "matchespattern", [text, pattern]:
                return dialect.matches(text, pattern)
            case (("tolower" | "toupper"), [text]):
                return dialect.cased(name, text)
            case _:
                raise NotBuilt(f"The function '{name}' is not offered yet.")

    def _same(self, left: Sql, right: Sql) -> Sql:
        return self._dialect.comparable(left, Primitive.STRING) == right

    def _part(self, name: str, operand: Bound) -> Sql:
        """A part of a Date, TimeOfDay, DateTimeOffset or Duration."""
        value = self.value(operand)
        if name == "totalseconds":
            return self._dialect.seconds(value)
        if name == "totaloffsetminutes":
            return case((value.is_not(null()), self.offset(operand)))
        if operand.type is not _INSTANT:  # text of fixed width
            return self._part_of_text(name, value)
        local = self._local(operand)
        match name:
            case "year" | "month" | "day":
                return self._part_of_text(name, self._dialect.date_of(local))
            case "date":
                return self._dialect.date_of(local)
            case "time":
                return self._dialect.time_of(local)
            case "fractionalseconds":
                return self._dialect.seconds(local % TICKS_PER_SECOND)
            case _:
                unit, size = _CLOCK[name]
                return local // unit % size

    def _local(self, operand: Bound) -> Sql:
        """The local time of a DateTimeOffset in ticks; null where arithmetic has left the calendar."""
        local = self.value(operand) + self.offset(operand) * _TICKS_PER_MINUTE
        return local if isinstance(operand, Column) else _in_calendar(local)

    def _part_of_text(self, name: str, text: Sql) -> Sql:
        if name == "fractionalseconds":
            return self._dialect.seconds(cast(func.substr(text, 10, 7), INTEGER))
        start, length = _PARTS[name]
        return cast(func.substr(text, start, length), INTEGER)

    def offset(self, bound: Bound) -> Sql:
        """The offset in minutes of a DateTimeOffset. What a client or the clock gives is in UTC."""
        match bound:
            case Column(property=name):
                return self._columns[self._layout.names[self._layout.index[name] + 1]]
            case OfType(operand=operand, types=types):
                return case((self.type_is(types), self.offset(operand)))
            case OfRow(where=where, operand=operand):
                return self._of_row(where, lambda other: other.offset(operand))
            case Arithmetic(left=left):
                return self.offset(left)
            case Case(branches=branches, otherwise=otherwise):
                offsets = [(self.holds(condition), self.offset(value)) for condition, value in branches]
                return case(*offsets, else_=self.offset(otherwise))
            case _:
                return literal(0, INTEGER)


def _read(text: Sql, wanted: Primitive) -> Sql:
    """The value that a text spells."""
    span = _SPANS.get(wanted)
    form = Primitive.INT64 if span else Primitive.DOUBLE if wanted in FLOATS else wanted
    found = own_function(f"read_{READERS[form]}", scalar_type(form), text)
    return case((found.between(literal(span[0], INTEGER), literal(span[1], INTEGER)), found)) if span else found


def _in_calendar(ticks: Sql) -> Sql:
    """Null for what lies before the year 1 or after the year 9999."""
    return case((ticks.between(literal(0, INTEGER), literal(_LAST_TICKS, INTEGER)), ticks))


def _moment(name: str) -> Sql:
    match name:
        case "now":
            return bindparam("odata_now", type_=INTEGER)
        case "mindatetime":
            return literal(0, INTEGER)
        case "maxdatetime":
            return literal(_LAST_TICKS, INTEGER)
        case _:
            raise NotBuilt(f"The function '{name}' is not offered yet.")


def _primitive(kind: ScalarType | None) -> Primitive:
    if not isinstance(kind, Primitive):
        raise NotBuilt("Arithmetic works on numbers and durations.")
    return kind


def _common(left: ScalarType | None, right: ScalarType | None) -> ScalarType:
    if left is None or right is None:
        return left or right or Primitive.STRING
    return common_type(left, right) or left
