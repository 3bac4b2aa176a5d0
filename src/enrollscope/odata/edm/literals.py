"""Each Edm primitive once: its text in a URL, and the Python value (CSDL 4.01 §4.4, ABNF section 7).

Readers take the text between the quotes, decoded, and raise `ValueError` with a clause that says what would be right.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any
from uuid import UUID

from enrollscope.odata.edm.values import TICKS_PER_SECOND, Duration, Instant, TimeOfDay

_TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
_MAX_DURATION_DAYS = 10_675_199  # beyond it ticks no longer fit into 64 bits

_MAX_DECIMAL_LENGTH = 100

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,6})?", re.ASCII)
_GUID = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
_DATE = re.compile(r"-?(?:0[0-9]{3}|[1-9][0-9]{3,})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", re.ASCII)
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,12}))?)?", re.ASCII)
_DURATION = re.compile(
    r"([+-])?P(?:([0-9]{1,12})D)?(?:T(?:([0-9]{1,12})H)?(?:([0-9]{1,12})M)?(?:([0-9]{1,12})(?:\.([0-9]+))?S)?)?",
    re.ASCII | re.IGNORECASE,
)
_BASE64URL = re.compile(
    r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]=?|[A-Za-z0-9_-][AQgw](?:==)?)?", re.ASCII
)
_ENUM_MEMBER = re.compile(r"[^\W\d]\w*")
_SPECIAL_NUMBERS = frozenset({"INF", "-INF", "NaN"})


def read_boolean(text: str) -> bool:
    """Edm.Boolean, in any case."""
    match text.lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise ValueError("expected true or false")


def _integer_reader(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if _INTEGER.fullmatch(text) is None or not low <= int(text) <= high:
            raise ValueError(f"expected an integer between {low} and {high}")
        return int(text)

    return read


def read_decimal(text: str) -> Decimal:
    """Edm.Decimal; not `INF` and `NaN`, which need a property with variable scale."""
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError("expected a decimal number such as -3.14")
    if len(text) > _MAX_DECIMAL_LENGTH:
        raise ValueError(f"a number has at most {_MAX_DECIMAL_LENGTH} characters")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError("the exponent is out of range") from error


def read_double(text: str) -> float:
    """Edm.Double; `1e999` is refused, it is not `INF`."""
    if text in _SPECIAL_NUMBERS:
        return float(text)
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError("expected a number such as -3.14e8, INF, -INF or NaN")
    value = float(text)
    if math.isinf(value):
        raise ValueError("the number lies outside the range of Edm.Double")
    return value


def read_guid(text: str) -> UUID:
    """Edm.Guid: hyphens are needed, braces are not allowed."""
    if _GUID.fullmatch(text) is None:
        raise ValueError("expected a GUID such as 01234567-89ab-cdef-0123-456789abcdef")
    return UUID(text)


def read_date(text: str) -> date:
    """Edm.Date, of the years 1 to 9999."""
    if _DATE.fullmatch(text) is None:
        raise ValueError("expected a date such as 2024-05-15")
    if len(text) != 10 or text.startswith("0000"):
        raise ValueError("the year must lie between 0001 and 9999")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"there is no such day: {error}") from error


def read_time_of_day(text: str) -> TimeOfDay:
    """Edm.TimeOfDay; digits after the seventh are cut off."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("expected a time of day such as 14:13:19.376941")
    hour, minute, second, fraction = match.groups()
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 59:
        raise ValueError("the time of day must lie between 00:00:00 and 23:59:59.9999999")
    seconds = (int(hour) * 60 + int(minute)) * 60 + int(second or 0)
    return TimeOfDay(seconds * TICKS_PER_SECOND + int((fraction or "0")[:7].ljust(7, "0")))


def read_duration(text: str) -> Duration:
    """Edm.Duration, a dayTimeDuration of XML Schema; digits after the seventh are cut off."""
    match = _DURATION.fullmatch(text)
    if match is None or text[-1] in "PpTt":
        raise ValueError("expected a duration such as P1DT12H30M5.5S")
    sign, days, hours, minutes, seconds, fraction = match.groups()
    total = ((int(days or 0) * 24 + int(hours or 0)) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    if total >= _MAX_DURATION_DAYS * 86_400:
        raise ValueError(f"a duration is shorter than {_MAX_DURATION_DAYS} days")
    ticks = total * TICKS_PER_SECOND + int((fraction or "0")[:7].ljust(7, "0"))
    return Duration(-ticks if sign == "-" else ticks)


def read_binary(text: str) -> bytes:
    """Edm.Binary: base64url (RFC 4648 §5), padding optional."""
    if _BASE64URL.fullmatch(text) is None:
        raise ValueError("expected base64url text such as Zm9v")
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except binascii.Error as error:
        raise ValueError("expected base64url text such as Zm9v") from error


def read_enum(text: str) -> tuple[str | int, ...]:
    """The text between the quotes of an enum literal: members or numbers, separated by commas."""
    members: list[str | int] = []
    for part in text.split(","):
        if _ENUM_MEMBER.fullmatch(part) is not None:
            members.append(part)
        elif _INTEGER.fullmatch(part) is not None:
            members.append(int(part))
        else:
            raise ValueError("expected names or numbers of members, separated by commas")
    return tuple(members)


def write_number(value: float | Decimal) -> str:
    """Print a number as OData does: `INF`, `-INF`, `NaN`, no exponent in a decimal."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"


def write_time_of_day(value: TimeOfDay) -> str:
    """Print `hh:mm:ss` and the fraction, without trailing zeros."""
    seconds, fraction = divmod(value.ticks, TICKS_PER_SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:07}".rstrip("0") if fraction else text


def time_text(ticks: int) -> str:
    """A time of day in the stored form: `hh:mm:ss.fffffff`, so that times compare and are equal as texts."""
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:07}"


def write_duration(value: Duration) -> str:
    """Print in canonical form: days, hours, minutes, seconds, the zero ones left out."""
    days, ticks = divmod(abs(value.ticks), _TICKS_PER_DAY)
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    parts = f"{seconds // 3600}H" if seconds >= 3600 else ""
    parts += f"{seconds // 60 % 60}M" if seconds // 60 % 60 else ""
    if fraction:
        parts += f"{seconds % 60}.{fraction:07}".rstrip("0") + "S"
    elif seconds % 60 or not (days or parts):
        parts += f"{seconds % 60}S"
    return f"{'-' if value.ticks < 0 else ''}P{f'{days}D' if days else ''}{f'T{parts}' if parts else ''}"


def write_binary(value: bytes) -> str:
    """Print as base64url with padding."""
    return base64.urlsafe_b64encode(value).decode()


def write_quoted(value: str) -> str:
    """Print a string literal of a URL, before percent-encoding."""
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Form:
    """How one primitive type is written.

    Attributes:
        read: text without quotes and prefix to value; raises ValueError with a clause for the client.
        write: value to the literal of a URL, quotes and prefix included, not percent-encoded.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str]


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "Edm.Binary": Form(read_binary, lambda value: f"binary'{write_binary(value)}'"),
        "Edm.Boolean": Form(read_boolean, lambda value: "true" if value else "false"),
        "Edm.Byte": Form(_integer_reader(0, 2**8 - 1), str),
        "Edm.Date": Form(read_date, date.isoformat),
        "Edm.DateTimeOffset": Form(Instant.parse, str),
        "Edm.Decimal": Form(read_decimal, write_number),
        "Edm.Double": Form(read_double, write_number),
        "Edm.Duration": Form(read_duration, lambda value: f"duration'{write_duration(value)}'"),
        "Edm.Guid": Form(read_guid, str),
        "Edm.Int16": Form(_integer_reader(-(2**15), 2**15 - 1), str),
        "Edm.Int32": Form(_integer_reader(-(2**31), 2**31 - 1), str),
        "Edm.Int64": Form(_integer_reader(-(2**63), 2**63 - 1), str),
        "Edm.SByte": Form(_integer_reader(-(2**7), 2**7 - 1), str),
        "Edm.Single": Form(read_double, write_number),
        "Edm.String": Form(str, write_quoted),
        "Edm.TimeOfDay": Form(read_time_of_day, write_time_of_day),
    }
)
"""By the name of the type. `Edm.Single` values are kept as doubles; storing rounds them."""
