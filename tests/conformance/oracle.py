"""A plain evaluator of bound expressions over records: what every store must agree with.

Written from the OData URL conventions 4.01 and the rules in `odata/plan/bound.py`, with values as Python has them:
numbers, `Decimal`, text, booleans, `None`. Nothing of the SQL is used here.
"""

import base64
import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from functools import cmp_to_key, partial
from typing import Any

from enrollscope.odata.binding.operands import read_text
from enrollscope.odata.edm.layout import TYPE, Layout, Record
from enrollscope.odata.edm.model import EnumType, Primitive
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
    Quantifier,
    Same,
    SameText,
    ScalarType,
    Size,
    Source,
    TypeIs,
)
from enrollscope.odata.plan.queries import Order, Positions
from tests.conformance.wholes import value_of

EXACT = Context(prec=2_000, traps=[])
FLOATS = (Primitive.SINGLE, Primitive.DOUBLE)
INTEGERS = (Primitive.SBYTE, Primitive.BYTE, Primitive.INT16, Primitive.INT32, Primitive.INT64)


class Undefined(Exception):
    """The question is one that must be refused: a division of integers by zero, a number beyond 64 bits."""


@dataclass(frozen=True)
class Oracle:
    layout: Layout
    parameters: Sequence[Any]
    elements: dict[int, Any] = field(default_factory=dict)
    records: Sequence[Record] = ()

    def matching(self, where: Bound | None, records: Sequence[Record]) -> list[Record]:
        """The records for which a condition holds; null does not."""
        return [record for record in records if where is None or self.value(where, record) is True]

    def ordered(self, order: Sequence[Order], records: Sequence[Record]) -> list[Record]:
        """Records in order, null lowest. Every key of each is computed, needed or not, as a database may."""
        keyed = [([self.value(key.expression, record) for key in order], record) for record in records]

        def compare(left: tuple[list[Any], Record], right: tuple[list[Any], Record]) -> int:
            for key, first, second in zip(order, left[0], right[0], strict=True):
                if first != second:
                    below = first is None or (second is not None and first < second)
                    return -1 if below != key.descending else 1
            return 0

        return [record for _, record in sorted(keyed, key=cmp_to_key(compare))]

    def value(self, bound: Bound, record: Record) -> Any:
        """The value of an expression for a record."""
        match bound:
            case Same() | CollectionCall():
                return value_of(self, bound, record)
            case Column(property=name, type=kind):
                return _read(record[self.layout.index[name]], kind)
            case Parameter(index=index, type=kind):
                return _read(self.parameters[index], kind)
            case Null():
                return None
            case TypeIs(types=types):
                return record[TYPE] in types
            case OfType(operand=operand, types=types):
                return self.value(operand, record) if record[TYPE] in types else None
            case OfRow(where=where, operand=operand):
                other = next((each for each in self.records if self.value(where, each) is True), None)
                return None if other is None else self.value(operand, other)
            case Negate() | Arithmetic() | Call() | Case() | Cast():
                return self._made(bound, record)
            case Field(index=index, type=kind):
                return _read(record[index], kind)
            case Inside() | Present() | Quantified() | Size():
                return self._structured(bound, record)
            case _:
                return self._logic(bound, record)

    def _made(self, bound: Negate | Arithmetic | Call | Case | Cast, record: Record) -> Any:
        match bound:
            case Negate(operand=operand, type=kind):
                return _negated(_promote(self.value(operand, record), kind), kind)
            case Arithmetic():
                return self._arithmetic(bound, record)
            case Call():
                return self._call(bound, record)
            case Cast(operand=operand, type=kind):
                if kind is Primitive.STRING:
                    return _text(self.value(operand, record), operand.type, self._local(operand, record))
                return _cast(self.value(operand, record), kind)
            case Case(branches=branches, otherwise=otherwise, type=kind):
                chosen = next((value for when, value in branches if self.value(when, record) is True), otherwise)
                value = self.value(chosen, record)
                return value if kind is None else _promote(value, kind)

    def _structured(self, bound: Inside | Present | Quantified | Size, record: Record) -> Any:
        found = self.json(bound.source, record)
        match bound:
            case Inside(type=EnumType() as kind):
                return {item.name: item.value for item in (*kind.members, *kind.hidden)}.get(found)
            case Inside(type=kind):
                return _read(found, kind)
            case Present():
                return found is not None
            case Quantified(quantifier=quantifier, predicate=predicate, variable=variable):
                truths = self.each(found, variable, predicate, record)
                return (True in truths) if quantifier is Quantifier.ANY else all(truth is True for truth in truths)
            case Size(predicate=predicate, variable=variable):
                return self.each(found, variable, predicate, record).count(True)

    def json(self, source: Source, record: Record) -> Any:
        """What is found inside of a structured value."""
        if isinstance(source.of, int):
            found = self.elements[source.of]
        elif source.types is not None and record[TYPE] not in source.types:
            return None
        else:
            found = self.layout.value(record, source.of)
        for name in source.path:
            found = None if found is None else found.get(name)
        return found

    def each(self, items: Any, variable: int, predicate: Bound | None, record: Record) -> list[Any]:
        """What a predicate is for each element."""
        truths: list[Any] = []
        for item in items or ():
            self.elements[variable] = item
            truths.append(True if predicate is None else self.value(predicate, record))
        return truths

    def picked(self, wanted: Positions, record: Record) -> list[tuple[int, list[Any]]]:
        """The positions of the elements picked out, each with what is computed of the element."""
        found: list[tuple[list[Any], int, list[Any]]] = []
        for position, item in enumerate(self.json(wanted.source, record) or ()):
            self.elements[wanted.variable] = item
            if wanted.where is None or self.value(wanted.where, record) is True:
                keys = [self.value(key.expression, record) for key in wanted.order]
                found.append((keys, position, [self.value(value, record) for value in wanted.values]))
        # Sorting keeps what is equal in place, so the last key comes first.
        for place, key in reversed(list(enumerate(wanted.order))):
            found.sort(key=partial(_rank_of, place=place), reverse=key.descending)
        skip = 0 if wanted.skip is None else self.value(wanted.skip, record)
        top = len(found) if wanted.top is None else self.value(wanted.top, record)
        return [(position, values) for _, position, values in found[skip:][:top]]

    def _logic(self, bound: Compare | Combine | Not | In | SameText | Mentions, record: Record) -> bool | None:
        match bound:
            case Mentions(text=text, values=values):
                sought = self.value(text, record).lower()
                found = [self.value(item, record) for item in values]
                return any(value is not None and sought in value.lower() for value in found)
            case Compare(operator=comparison, left=left, right=right):
                return self._compare(comparison, left, right, record)
            case Combine(operator=logic, left=left, right=right):
                join = _and if logic is Logic.AND else _or
                return join(self.value(left, record), self.value(right, record))
            case Not(operand=operand):
                value = self.value(operand, record)
                return None if value is None else not value
            case In(operand=operand, items=items):
                return True in [self._compare(Comparison.EQ, operand, item, record) for item in items]
            case SameText(left=left, right=right):
                return _fold(self.value(left, record)) == _fold(self.value(right, record))

    def _compare(self, comparison: Comparison, left: Bound, right: Bound, record: Record) -> bool:
        first, second = self.value(left, record), self.value(right, record)
        if first is None or second is None:
            return comparison in (Comparison.EQ, Comparison.NE) and (comparison is Comparison.EQ) == (first is second)
        if isinstance(first, float) or isinstance(second, float):
            first, second = float(first), float(second)
        return bool(PYTHON[comparison](first, second))

    def _arithmetic(self, bound: Arithmetic, record: Record) -> Any:
        if bound.type in TIMES:
            return self._of_times(bound, record)
        left = _promote(self.value(bound.left, record), bound.type)
        right = _promote(self.value(bound.right, record), bound.type)
        if left is None or right is None:
            return None
        if isinstance(left, float):
            return _float_arithmetic(bound.operator, left, right)
        if right == 0 and bound.operator in (Operator.DIV, Operator.MOD):
            raise Undefined
        if isinstance(left, int):
            return _checked(INTEGER[bound.operator](left, right), bound.type)
        result = DECIMAL[bound.operator](left, right)
        return None if result.is_nan() else result

    def _of_times(self, bound: Arithmetic, record: Record) -> Any:
        left, right = self.value(bound.left, record), self.value(bound.right, record)
        if left is None or right is None:
            return None
        if bound.operator in (Operator.ADD, Operator.SUB):
            ticks = _checked(INTEGER[bound.operator](_ticks(left), _ticks(right)), Primitive.INT64)
            return ticks if bound.type is not Primitive.DATE else _day(ticks)
        kind = Primitive.DOUBLE if isinstance(left, float) or isinstance(right, float) else Primitive.DECIMAL
        left, right = _promote(left, kind), _promote(right, kind)
        result = self._quotient_or_product(bound.operator, left, right)
        if result is None:
            return None
        if math.isinf(result):
            raise Undefined
        return _checked(int(_rounded("round", result)), Primitive.INT64)

    @staticmethod
    def _quotient_or_product(operator: Operator, left: Any, right: Any) -> Any:
        if isinstance(left, float):
            return _float_arithmetic(Operator.MUL if operator is Operator.MUL else Operator.DIV, left, right)
        if right == 0 and operator is not Operator.MUL:
            raise Undefined
        return DECIMAL[operator](left, right)

    def _call(self, call: Call, record: Record) -> Any:
        values = [self.value(item, record) for item in call.arguments]
        if None in values:
            return None
        if call.arguments and call.arguments[0].type in PARTS_OF:
            return _part(call.name, values[0], call.arguments[0].type, self._local(call.arguments[0], record))
        if call.name in ("round", "floor", "ceiling"):
            return _rounded(call.name, _promote(values[0], call.type))
        return FUNCTIONS[call.name](*values)

    def _local(self, bound: Bound, record: Record) -> int:
        """Minutes east of UTC of a DateTimeOffset."""
        match bound:
            case OfType(operand=operand) | Arithmetic(left=operand):
                return self._local(operand, record)
            case OfRow(where=where, operand=operand):
                other = next((each for each in self.records if self.value(where, each) is True), None)
                return 0 if other is None else self._local(operand, other)
            case Case(branches=branches, otherwise=otherwise):
                chosen = (value for when, value in branches if self.value(when, record) is True)
                return self._local(next(chosen, otherwise), record)
            case Column(property=name, type=Primitive.DATE_TIME_OFFSET):
                return int(record[self.layout.index[name] + 1] or 0)
            case _:
                return 0


TIMES = (Primitive.DATE_TIME_OFFSET, Primitive.DATE, Primitive.DURATION)
PARTS_OF = (Primitive.DATE_TIME_OFFSET, Primitive.DATE, Primitive.TIME_OF_DAY, Primitive.DURATION)
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def _substring(text: str, start: int, length: int | None = None) -> str:
    begin = start if start >= 0 else max(len(text) + start, 0)
    return text[begin:] if length is None else text[begin : begin + max(length, 0)]


def _quotient(left: int, right: int) -> int:
    whole = abs(left) // abs(right)
    return whole if (left >= 0) == (right > 0) else -whole


PYTHON: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQ: operator.eq,
    Comparison.NE: operator.ne,
    Comparison.LT: operator.lt,
    Comparison.LE: operator.le,
    Comparison.GT: operator.gt,
    Comparison.GE: operator.ge,
}
INTEGER: dict[Operator, Callable[[int, int], int]] = {
    Operator.ADD: operator.add,
    Operator.SUB: operator.sub,
    Operator.MUL: operator.mul,
    Operator.DIV: _quotient,
    Operator.MOD: lambda left, right: left - right * _quotient(left, right),
}
DECIMAL: dict[Operator, Callable[[Decimal, Decimal], Decimal]] = {
    Operator.ADD: EXACT.add,
    Operator.SUB: EXACT.subtract,
    Operator.MUL: EXACT.multiply,
    Operator.DIV: Context(prec=50, traps=[]).divide,
    Operator.DIVBY: Context(prec=50, traps=[]).divide,
    Operator.MOD: EXACT.remainder,
}
SPANS: dict[ScalarType, tuple[int, int]] = {
    Primitive.INT16: (-(2**15), 2**15 - 1),
    Primitive.INT32: (-(2**31), 2**31 - 1),
    Primitive.INT64: (-(2**63), 2**63 - 1),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
    "length": len,
    "indexof": str.find,
    "substring": _substring,
    "trim": lambda text: text.strip(WHITE_SPACE),
    "tolower": str.lower,
    "toupper": str.upper,
    "concat": operator.add,
    # The form of a pattern that stores get is one that Python reads, too, but for the end of the text.
    "matchespattern": lambda text, pattern: re.search(pattern.replace("$", r"\Z"), text) is not None,
    "mindatetime": lambda: 0,
    "maxdatetime": lambda: date.max.toordinal() * 864_000_000_000 - 1,
}


def _read(stored: Any, kind: ScalarType) -> Any:
    return Decimal(stored) if kind is Primitive.DECIMAL and stored is not None else stored


def _promote(value: Any, kind: ScalarType) -> Any:
    if value is None:
        return None
    if kind in FLOATS:
        return float(value)
    return Decimal(value) if kind is Primitive.DECIMAL else value


def _checked(value: Any, kind: ScalarType) -> Any:
    if kind in INTEGERS and not -(2**63) <= value < 2**63:
        raise Undefined
    return value


def _ticks(value: Any) -> int:
    """A date counts as its first moment."""
    if isinstance(value, str):
        return (date.fromisoformat(value) - date(1, 1, 1)).days * 864_000_000_000
    return int(value)


def _day(ticks: int) -> str | None:
    days = ticks // 864_000_000_000
    return (date(1, 1, 1) + timedelta(days=days)).isoformat() if 0 <= days < date.max.toordinal() else None


def _text(value: Any, kind: ScalarType | None, offset: int) -> str | None:
    """A value as it is spelt in payloads."""
    match kind:
        case _ if value is None:
            return None
        case Primitive.DATE_TIME_OFFSET:
            local = value + offset * 600_000_000
            if not 0 <= local < date.max.toordinal() * 864_000_000_000:
                return None
            day = (date(1, 1, 1) + timedelta(days=local // 864_000_000_000)).isoformat()
            sign, minutes = "-" if offset < 0 else "+", abs(offset)
            zone = f"{sign}{minutes // 60:02}:{minutes % 60:02}" if minutes else "Z"
            return f"{day}T{_clock(local % 864_000_000_000)}{zone}"
        case Primitive.TIME_OF_DAY:
            return str(value).rstrip("0").rstrip(".")
        case Primitive.DURATION:
            return _duration(abs(value), "-" if value < 0 else "")
        case Primitive.BINARY:
            return base64.b64encode(value, b"-_").decode()
        case _ if isinstance(value, float):
            return repr(value + 0.0).replace("inf", "INF")
        case _:
            return format(value or abs(value), "f") if isinstance(value, Decimal) else str(value)


def _clock(ticks: int) -> str:
    seconds, fraction = divmod(ticks, 10_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:07}".rstrip("0") if fraction else text


def _duration(ticks: int, sign: str) -> str:
    days, of_day = divmod(ticks, 864_000_000_000)
    hour, minute = of_day // 36_000_000_000, of_day // 600_000_000 % 60
    seconds = format((Decimal(of_day % 600_000_000).scaleb(-7)).normalize() + 0, "f")
    parts = [f"{hour}H" * bool(hour), f"{minute}M" * bool(minute), f"{seconds}S" * (seconds != "0")]
    clock = "".join(parts) or ("" if days else "0S")
    return f"{sign}P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"


def _cast(value: Any, kind: ScalarType) -> Any:
    if value is None:
        return None
    if isinstance(value, str):
        return _spelt(value, kind)
    if kind not in INTEGERS:
        return _promote(value, kind)
    if isinstance(value, float) and math.isinf(value):
        return None
    whole = value if isinstance(value, int) else int(_rounded("round", value))
    low, high = SPANS[kind]
    return whole if low <= whole <= high else None


def _spelt(text: str, kind: ScalarType) -> Any:
    """What a text stands for where it is a literal of a type."""
    assert isinstance(kind, Primitive)
    try:
        found = read_text(text, kind)
    except ValueError:
        return None
    return None if found != found else _read(found, kind)  # noqa: PLR0124 - true of NaN alone


def _negated(value: Any, kind: ScalarType) -> Any:
    if value is None:
        return None
    return _checked(EXACT.minus(value) if isinstance(value, Decimal) else -value, kind)


def _float_arithmetic(operation: Operator, left: float, right: float) -> float | None:
    if operation is Operator.MOD:
        if right == 0:
            raise Undefined
        result = math.nan if math.isinf(left) else math.fmod(left, right)
    elif operation in (Operator.DIV, Operator.DIVBY):
        result = (math.copysign(math.inf, left) if left else math.nan) if right == 0 else left / right
    else:
        result = {Operator.ADD: left + right, Operator.SUB: left - right, Operator.MUL: left * right}[operation]
    return None if math.isnan(result) else result


def _rounded(name: str, number: Any) -> Any:
    if isinstance(number, float) and math.isinf(number):
        return number
    rounding = {"round": ROUND_HALF_UP, "floor": ROUND_FLOOR, "ceiling": ROUND_CEILING}[name]
    return type(number)(Decimal(number).to_integral_value(rounding))


def _and(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _or(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def _rank_of(found: tuple[list[Any], int, list[Any]], place: int) -> tuple[bool, Any]:
    value = found[0][place]
    return (False, 0) if value is None else (True, value)


def _fold(text: str | None) -> str | None:
    return text and "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text)


def _part(name: str, value: Any, kind: ScalarType | None, offset: int) -> Any:
    if kind is Primitive.DURATION:
        return Decimal(value) / 10_000_000
    if kind is Primitive.DATE:
        return getattr(date.fromisoformat(value), name)
    if kind is Primitive.TIME_OF_DAY:
        hour, minute, second = value.split(":")
        parts = {"hour": int(hour), "minute": int(minute), "second": int(second[:2])}
        return Decimal(second[3:]) / 10_000_000 if name == "fractionalseconds" else parts[name]
    local = value + offset * 600_000_000
    days, of_day = divmod(local, 864_000_000_000)
    day = date(1, 1, 1) + timedelta(days=days)
    clock = f"{of_day // 36_000_000_000:02}:{of_day // 600_000_000 % 60:02}:{of_day // 10_000_000 % 60:02}"
    if name in ("date", "time"):
        return day.isoformat() if name == "date" else f"{clock}.{of_day % 10_000_000:07}"
    if name == "totaloffsetminutes":
        return offset
    if name in ("year", "month", "day"):
        return getattr(day, name)
    return _part(name, f"{clock}.{of_day % 10_000_000:07}", Primitive.TIME_OF_DAY, 0)
