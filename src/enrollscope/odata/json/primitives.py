"""Each Edm primitive between JSON and a record's slot (OData JSON 4.01 §7.1; `edm.layout` says what a slot holds).

Readers take a decoded JSON value and raise `ValueError` with a clause that says what would be right, or with nothing to
add where the value is of the wrong JSON kind. Nothing is coerced: `0` is no string, `"1"` no Int32 and `1.0` no integer
(contract §12 row 48). Int64 and Decimal may come as strings, because that is how `IEEE754Compatible` spells them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from enrollscope.odata.edm.literals import (
    FORMS,
    read_binary,
    read_decimal,
    read_double,
    read_duration,
    read_time_of_day,
    time_text,
    write_binary,
    write_duration,
    write_number,
)
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import Duration, Instant

_LARGEST_SINGLE: Final = 3.4028234663852886e38
_LONGEST_DECIMAL: Final = 400


@dataclass(frozen=True, slots=True)
class JsonForm:
    """How one primitive type goes into and out of JSON.

    Attributes:
        read: JSON value to slot value; `Instant` for a DateTimeOffset. Raises ValueError.
        write: slot value to JSON-ready value; `None` where both are the same. A Decimal becomes `decimal.Decimal`,
            which the encoder must print as a number.
        self_describing: a reader knows the type from the JSON alone, so full metadata need not name it.
    """

    read: Callable[[object], Any]
    write: Callable[[Any], Any] | None = None
    self_describing: bool = False


def _text(value: object) -> str:
    if type(value) is not str:
        raise ValueError
    return value


def read_string(value: object) -> str:
    """Edm.String: no U+0000, which PostgreSQL cannot keep, and no half of a surrogate pair, which UTF-8 cannot."""
    if type(value) is not str:
        raise ValueError
    if "\0" in value:
        raise ValueError("a string cannot hold the character U+0000")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError("a string cannot hold half of a surrogate pair") from error
    return value


def _boolean(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError
    return value


def _whole(bits: int, *, signed: bool = True, as_text: bool = False) -> Callable[[object], int]:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    form = FORMS["Edm.Int64"]

    def read(value: object) -> int:
        if as_text and type(value) is str:
            return int(form.read(value))
        if type(value) is not int:
            raise ValueError
        if not low <= value <= high:
            raise ValueError(f"expected an integer between {low} and {high}")
        return value

    return read


def _number(value: object) -> float:
    """A JSON number, or one of the three that JSON has no number for."""
    if type(value) is str and value in {"INF", "-INF", "NaN"}:
        return read_double(value)
    if type(value) not in {int, float, Decimal}:
        raise ValueError
    try:
        number = float(value)  # type: ignore[arg-type]  # one of the three types above
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("the number lies outside the range of Edm.Double")
    return number


def _single(value: object) -> float:
    number = _number(value)
    if math.isfinite(number) and abs(number) > _LARGEST_SINGLE:
        raise ValueError("the number lies outside the range of Edm.Single")
    return number


def _decimal(value: object) -> str:
    match value:
        case bool():
            raise ValueError
        case str():
            number = read_decimal(value)
        case float() if math.isfinite(value):
            number = Decimal(repr(value))
        case int() | Decimal():
            number = Decimal(value)
        case _:
            raise ValueError
    if (
        not number.is_finite()
        or abs(number.adjusted()) > _LONGEST_DECIMAL
        or len(number.as_tuple().digits) > _LONGEST_DECIMAL
    ):
        raise ValueError(f"a decimal number has at most {_LONGEST_DECIMAL} digits on either side of the point")
    return write_number(number)


def _guid(value: object) -> str:
    return str(FORMS["Edm.Guid"].read(_text(value)))


def _date(value: object) -> str:
    return str(FORMS["Edm.Date"].read(_text(value)))


def _time_of_day(value: object) -> str:
    return time_text(read_time_of_day(_text(value)).ticks)


def _write_time_of_day(stored: str) -> str:
    """Print a stored time of day without the zeros at its end."""
    return stored.rstrip("0").rstrip(".") if "." in stored else stored


def _duration(value: object) -> int:
    return read_duration(_text(value)).ticks


def _write_duration(ticks: int) -> str:
    return write_duration(Duration(ticks))


def _write_double(value: float) -> float | str:
    return value if math.isfinite(value) else write_number(value)


_WHOLE = {
    Primitive.SBYTE: _whole(8),
    Primitive.BYTE: _whole(8, signed=False),
    Primitive.INT16: _whole(16),
    Primitive.INT32: _whole(32),
    Primitive.INT64: _whole(64, as_text=True),
}

JSON_FORMS: Final[Mapping[Primitive, JsonForm]] = MappingProxyType(
    {primitive: JsonForm(read) for primitive, read in _WHOLE.items()}
    | {
        Primitive.BINARY: JsonForm(lambda value: read_binary(_text(value)), write_binary),
        Primitive.BOOLEAN: JsonForm(_boolean, self_describing=True),
        Primitive.DATE: JsonForm(_date),
        Primitive.DATE_TIME_OFFSET: JsonForm(lambda value: Instant.parse(_text(value)), str),
        Primitive.DECIMAL: JsonForm(_decimal, Decimal),
        Primitive.DOUBLE: JsonForm(_number, _write_double),
        Primitive.DURATION: JsonForm(_duration, _write_duration),
        Primitive.GUID: JsonForm(_guid),
        Primitive.SINGLE: JsonForm(_single, _write_double),
        Primitive.STRING: JsonForm(read_string, self_describing=True),
        Primitive.TIME_OF_DAY: JsonForm(_time_of_day, _write_time_of_day),
    }
)
