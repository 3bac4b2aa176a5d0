"""What SQLite lacks for OData, registered on a connection: exact arithmetic, Unicode case, the order of decimals.

All are deterministic, and null for null. An error in one of them fails the statement and reaches the client as it is.
A NaN becomes null, because SQLite has none.
"""

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from types import MappingProxyType
from typing import Any

import apsw

from enrollscope.odata.binding.operands import read_text
from enrollscope.odata.edm.literals import write_binary, write_duration, write_number
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import TICKS_PER_SECOND, Duration, Instant
from enrollscope.odata.errors import BadRequest
from enrollscope.store.automata import automaton
from enrollscope.store.json_functions import json_functions, same
from enrollscope.store.names import READERS

_INT64 = 2**63
_TICKS_PER_MINUTE = 60 * TICKS_PER_SECOND

# Read only. Sums and products of any decimals that a client would write are exact; quotients end after 50 digits.
_EXACT = Context(prec=2_000, traps=[])
_QUOTIENT = Context(prec=50, traps=[])


_INFINITIES = MappingProxyType({"INF": math.inf, "-INF": -math.inf})
"""How they are written in JSON."""


def register(connection: apsw.Connection) -> None:
    """Give a connection all functions and collations that statements use."""
    for name, function in (_functions() | json_functions()).items():
        connection.create_scalar_function(f"odata_{name}", _null_for_null(function), deterministic=True)
    connection.create_scalar_function("odata_mentions", mentions, deterministic=True)
    connection.create_scalar_function("odata_same", same, deterministic=True)
    connection.create_aggregate_function("odata_decimal_sum", _DecimalSum)
    connection.create_collation("odata_decimal", compare_decimals)


def mentions(*texts: Any) -> bool:
    """Tell whether the first text is contained in one of the others, in any case; null contains nothing."""
    text, *values = texts
    sought = text.lower()
    return any(value is not None and sought in value.lower() for value in values)


def whole(number: str | float) -> int:
    """A number without a fraction, as an Int64."""
    value = Decimal(number)
    if not value.is_finite():
        raise BadRequest("An arithmetic operation in the query leaves the range of Edm.Int64.")
    return integer(int(value))


class _DecimalSum:
    """The sum of Decimals; null of none."""

    def __init__(self) -> None:
        self._sum: Decimal | None = None

    def step(self, *texts: Any) -> None:
        for text in texts:
            if text is not None:
                self._sum = _EXACT.add(self._sum or Decimal(0), Decimal(text))

    def final(self) -> str | None:
        return None if self._sum is None else decimal_text(self._sum)


def integer(number: int) -> int:
    """Pass a number on that fits into Edm.Int64.

    Raises:
        BadRequest: it does not.
    """
    if not -_INT64 <= number < _INT64:
        raise BadRequest("An arithmetic operation in the query leaves the range of Edm.Int64.")
    return number


def integer_div(left: int, right: int) -> int:
    """Divide and drop the remainder: towards zero, unlike Python."""
    if right == 0:
        raise BadRequest("The query divides an integer by zero (for some entity). Exclude it, or use divby.")
    quotient = abs(left) // abs(right)
    return integer(quotient if (left < 0) == (right < 0) else -quotient)


def integer_mod(left: int, right: int) -> int:
    """The remainder of `integer_div`, with the sign of the left operand."""
    if right == 0:
        raise _modulo_zero()
    return left - right * (abs(left) // abs(right) if (left < 0) == (right < 0) else -(abs(left) // abs(right)))


def double_div(left: float, right: float) -> float:
    """Divide as URL conventions 4.01 §5.1.1.2.5 say: by zero gives an infinity with the sign of the left operand."""
    if right == 0:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left)
    return left / right


def double_mod(left: float, right: float) -> float:
    """The remainder, with the sign of the left operand."""
    if right == 0:
        raise _modulo_zero()
    return math.nan if math.isinf(left) else math.fmod(left, right)


def decimal_div(left: Decimal, right: Decimal) -> Decimal:
    """Divide decimals."""
    if right == 0:
        raise BadRequest("The query divides a decimal number by zero (for some entity). Exclude it, or use divby.")
    return _QUOTIENT.divide(left, right)


def decimal_mod(left: Decimal, right: Decimal) -> Decimal:
    """The remainder, with the sign of the left operand."""
    if right == 0:
        raise _modulo_zero()
    return _EXACT.remainder(left, right)


def compare_decimals(left: str, right: str) -> int:
    """Order two stored Decimals by their values."""
    first, second = Decimal(left), Decimal(right)
    return (first > second) - (first < second)


def decimal_text(value: Decimal) -> str | None:
    """The stored form: no exponent, and no sign of a zero."""
    return None if value.is_nan() else format(value or abs(value), "f")


def substring(text: str, start: int, length: int | None = None) -> str:
    """A part from a zero-based start, or from that many characters before the end (URL conventions 4.01 §5.1.1.5.7).

    A negative length makes it empty: a function that fails for some values would fail for the sake of rows that the
    rest of a condition excludes.
    """
    return text[start:][: length and max(length, 0)]


def _modulo_zero() -> BadRequest:
    return BadRequest("The query takes a remainder of a division by zero (for some entity). Exclude it.")


def _null_for_null(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return call


def _decimal(function: Callable[..., Decimal]) -> Callable[..., str | None]:
    def call(*texts: str) -> str | None:
        return decimal_text(function(*map(Decimal, texts)))

    return call


def _double_rounding(rounding: str) -> Callable[[float], float]:
    def call(number: float) -> float:
        return float(Decimal(number).to_integral_value(rounding)) if math.isfinite(number) else number

    return call


def _decimal_rounding(rounding: str) -> Callable[[str], str | None]:
    return _decimal(lambda number: number.to_integral_value(rounding))


def _reader(kind: Primitive) -> Callable[[str], Any]:
    def call(text: str) -> Any:
        try:
            found = read_text(text, kind)
        except ValueError:
            return None
        return decimal_text(_EXACT.plus(Decimal(found))) if kind is Primitive.DECIMAL else found

    return call


def _functions() -> dict[str, Callable[..., Any]]:
    return {
        "tolower": str.lower,
        "toupper": str.upper,
        "substring": substring,
        "seconds": lambda ticks: decimal_text(_EXACT.divide(Decimal(ticks), Decimal(TICKS_PER_SECOND))),
        "double": float,
        "number": lambda number: float(_INFINITIES.get(number, number)),
        "whole": whole,
        **{f"read_{name}": _reader(kind) for kind, name in READERS.items()},
        "text_of_instant": lambda local, offset: str(Instant(local - offset * _TICKS_PER_MINUTE, offset)),
        "text_of_duration": lambda ticks: write_duration(Duration(ticks)),
        "text_of_double": lambda number: write_number(number + 0.0),
        "text_of_binary": write_binary,
        "matches": lambda text, pattern: automaton(pattern).found_in(text),
        "integer_add": lambda left, right: integer(left + right),
        "integer_sub": lambda left, right: integer(left - right),
        "integer_mul": lambda left, right: integer(left * right),
        "integer_div": integer_div,
        "integer_mod": integer_mod,
        "double_add": lambda left, right: left + right,
        "double_sub": lambda left, right: left - right,
        "double_mul": lambda left, right: left * right,
        "double_div": double_div,
        "double_divby": double_div,
        "double_mod": double_mod,
        "double_round": _double_rounding(ROUND_HALF_UP),
        "double_floor": _double_rounding(ROUND_FLOOR),
        "double_ceiling": _double_rounding(ROUND_CEILING),
        "decimal_add": _decimal(_EXACT.add),
        "decimal_sub": _decimal(_EXACT.subtract),
        "decimal_mul": _decimal(_EXACT.multiply),
        "decimal_div": _decimal(decimal_div),
        "decimal_divby": _decimal(_QUOTIENT.divide),
        "decimal_mod": _decimal(decimal_mod),
        "decimal_round": _decimal_rounding(ROUND_HALF_UP),
        "decimal_floor": _decimal_rounding(ROUND_FLOOR),
        "decimal_ceiling": _decimal_rounding(ROUND_CEILING),
    }
