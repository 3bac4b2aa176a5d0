"""Times, exact to 100 nanoseconds: points in time with the offset their writer chose, times of day, durations.

`datetime` stops at microseconds and Graph does not (contract §3.5), so an `Edm.DateTimeOffset` is two integers.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple, Self

TICKS_PER_SECOND = 10_000_000
_TICKS_PER_MINUTE = 60 * TICKS_PER_SECOND
_SECONDS_PER_DAY = 86_400
_TICKS_PER_DAY = _SECONDS_PER_DAY * TICKS_PER_SECOND
_UNIX_EPOCH_TICKS = (date(1970, 1, 1).toordinal() - 1) * _TICKS_PER_DAY
_SECONDS = _SECONDS_PER_DAY * date.max.toordinal()
"""Of the calendar, from the year 1 to the year 9999."""

_DATE_TIME_OFFSET = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2})"
    r"(?::([0-9]{2})(?:\.([0-9]{1,12}))?)?"
    r"([Zz]|([+-])([0-9]{2}):([0-9]{2}))?",
    re.ASCII,
)

# Printing happens once per entity shown: the parts that recur are printed once.
_HOUR = tuple(f"T{hour:02}:" for hour in range(24))
_OF_HOUR = tuple(f"{second // 60:02}:{second % 60:02}" for second in range(3600))
_THREE_DIGITS = tuple(f"{number:03}" for number in range(1000))
_DIGIT = "0123456789"


@lru_cache(8192)
def _day_text(days: int) -> str:
    return date.fromordinal(days + 1).isoformat()


@lru_cache(64)
def _offset_text(offset: int) -> str:
    return f"{'+' if offset > 0 else '-'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"


def write_instant(ticks: int, offset: int) -> str:
    """Print in the writer's offset, `Z` for zero, trailing zeros of the fraction trimmed (contract §12 row 13)."""
    local = ticks + offset * _TICKS_PER_MINUTE if offset else ticks
    # Divisors of less than 30 bits: Python takes three times as long for larger ones.
    seconds, fraction = local // TICKS_PER_SECOND, local % TICKS_PER_SECOND
    if not 0 <= seconds < _SECONDS:  # only arithmetic can leave the calendar; print such a time in UTC
        return write_instant(min(max(ticks, 0), _SECONDS * TICKS_PER_SECOND - 1), 0)
    digits = ""
    if fraction:
        digits = f".{_THREE_DIGITS[fraction // 10_000]}{_THREE_DIGITS[fraction // 10 % 1000]}{_DIGIT[fraction % 10]}"
        if not fraction % 10:
            digits = digits.rstrip("0")
    second = seconds % _SECONDS_PER_DAY
    clock = f"{_HOUR[second // 3600]}{_OF_HOUR[second % 3600]}{digits}"
    return f"{_day_text(seconds // _SECONDS_PER_DAY)}{clock}{_offset_text(offset) if offset else 'Z'}"


def unix_ticks(nanoseconds: int) -> int:
    """The ticks of an `Instant` for a reading of `time.time_ns()`."""
    return _UNIX_EPOCH_TICKS + nanoseconds // 100


class Instant(NamedTuple):
    """An `Edm.DateTimeOffset`.

    Two instants are the same point in time when their `ticks` are equal; `offset` only says how to print it.

    Attributes:
        ticks: 100 ns steps since 0001-01-01T00:00:00Z; negative where the local time of year 1 lies before it in UTC.
        offset: minutes east of UTC, -14:00 to +14:00.
    """

    ticks: int
    offset: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `YYYY-MM-DDThh:mm[:ss[.f]][Z|±hh:mm]`.

        Without an offset the time is UTC, because the Python SDK writes naive datetimes so (contract §12 row 14).
        Digits after the seventh are cut off.

        Raises:
            ValueError: the text has another form, or names a time that does not exist; says which.
        """
        match = _DATE_TIME_OFFSET.fullmatch(text)
        if match is None:
            raise ValueError("expected the form 2024-05-15T14:13:19.3769410Z")
        year, month, day, hour, minute, second, fraction, zone, sign, east_hours, east_minutes = match.groups()
        hours, minutes, seconds = int(hour), int(minute), int(second or 0)
        if hours > 23 or minutes > 59 or seconds > 59:
            raise ValueError("the time of day must lie between 00:00:00 and 23:59:59.9999999")
        offset = 0
        if zone is not None and sign is not None:
            offset = int(east_hours) * 60 + int(east_minutes)
            if int(east_minutes) > 59 or offset > 14 * 60:
                raise ValueError("the offset must lie between -14:00 and +14:00")
            offset = -offset if sign == "-" else offset
        try:
            days = date(int(year), int(month), int(day)).toordinal() - 1
        except ValueError as error:
            raise ValueError(f"there is no such day: {error}") from error
        local = days * _TICKS_PER_DAY + (hours * 3600 + minutes * 60 + seconds) * TICKS_PER_SECOND
        if fraction is not None:
            local += int(fraction[:7].ljust(7, "0"))
        return cls(local - offset * _TICKS_PER_MINUTE, offset)

    @classmethod
    def from_unix_nanoseconds(cls, nanoseconds: int) -> Self:
        """Turn a reading of `time.time_ns()` into an instant in UTC."""
        return cls(unix_ticks(nanoseconds))

    def unix_seconds(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z, to the precision of a float."""
        return (self.ticks - _UNIX_EPOCH_TICKS) / TICKS_PER_SECOND

    def __str__(self) -> str:
        """See `write_instant`."""
        return write_instant(*self)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """An `Edm.TimeOfDay`: 100 ns steps since midnight."""

    ticks: int


@dataclass(frozen=True, slots=True)
class Duration:
    """An `Edm.Duration`: 100 ns steps, negative for a duration into the past."""

    ticks: int
