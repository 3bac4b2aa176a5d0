"""The grammar of literal values (ABNF section 7): in URLs and, for the rules named …Value, everywhere else.

Text that has the form of a literal and no value, such as the 30th of February, is still a literal: the binder refuses
it.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NoReturn

from enrollscope.odata.edm.literals import (
    read_binary,
    read_date,
    read_decimal,
    read_double,
    read_duration,
    read_enum,
    read_guid,
    read_time_of_day,
)
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.grammar.expr import EnumMembers, Literal, LiteralKind, LiteralValue, Unrepresentable
from enrollscope.odata.grammar.geo import GeoGrammar
from enrollscope.odata.grammar.lexer import NAME

_DATE_FORM = r"-?(?:0[0-9]{3}|[1-9][0-9]{3,})-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME_FORM = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::(?:[0-5][0-9]|60)(?:\.[0-9]{1,12})?)?"

OPERAND = re.compile(
    r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})"
    rf"|({_DATE_FORM}[Tt]{_TIME_FORM}(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))"
    rf"|({_DATE_FORM})"
    rf"|({_TIME_FORM})"
    r"|([+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|-INF\b)"
    r"|'([^'\ud800-\udfff]*(?:''[^'\ud800-\udfff]*)*+)'"
    rf"|({NAME}(?:\.{NAME})*)",
    re.ASCII,
)
"""What an operand can begin with; the numbers of its groups are the constants below."""
GUID, DATE_TIME_OFFSET, DATE, TIME_OF_DAY, NUMBER, STRING, WORD = range(1, 8)

CONSTANTS: Mapping[str, tuple[LiteralKind, LiteralValue]] = MappingProxyType(
    {
        "null": ("null", None),
        "true": ("boolean", True),
        "false": ("boolean", False),
        "INF": ("double", float("inf")),
        "NaN": ("double", float("nan")),
    }
)

_QUOTED_FORMS: Mapping[str, tuple[LiteralKind, Callable[[str], LiteralValue]]] = MappingProxyType(
    {"duration": ("duration", read_duration), "binary": ("binary", read_binary)}
)
_MONTHS: Mapping[str, str] = MappingProxyType({"0": "123456789", "1": "012"})
_DAYS: Mapping[str, str] = MappingProxyType({"0": "123456789", "1": "0123456789", "2": "0123456789", "3": "01"})
_HOURS: Mapping[str, str] = MappingProxyType({"0": "0123456789", "1": "0123456789", "2": "0123"})
_MINUTES: Mapping[str, str] = MappingProxyType(dict.fromkeys("012345", "0123456789"))
_SECONDS: Mapping[str, str] = MappingProxyType({**_MINUTES, "6": "0"})

_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")


def constant(name: str) -> tuple[LiteralKind, LiteralValue] | None:
    """The literal a bare word stands for: `null`, `INF` and `NaN` as spelt here, `true` and `false` in any case."""
    found = CONSTANTS.get(name)
    if found is None and len(name) <= 5 and (lower := name.lower()) in ("true", "false"):
        return CONSTANTS[lower]
    return found


def value_or_reason(read: Callable[[str], LiteralValue], text: str) -> LiteralValue:
    """Read a text that has the right form; one without a value becomes its reason."""
    try:
        return read(text)
    except ValueError as error:
        return Unrepresentable(str(error))


def number(text: str) -> tuple[LiteralKind, LiteralValue]:
    """Tell integers, decimals and doubles apart by their form; integers beyond 64 bits are decimals."""
    if "e" in text or "E" in text or text in ("INF", "-INF", "NaN"):
        return "double", value_or_reason(read_double, text)
    if "." in text or (len(text) > 18 and not -(2**63) <= int(text[:40]) < 2**63):
        return "decimal", value_or_reason(read_decimal, text)
    return "integer", int(text)


class LiteralGrammar(GeoGrammar):
    """Reads literals, and by steps the forms that must tell how far they were right."""

    __slots__ = ()

    def plain_literal(self, kind: int, text: str, start: int) -> Literal:
        """The literal of a match of `OPERAND` in a group other than `WORD`; `text` is without quotes."""
        if self.encoded is not None and kind != STRING:
            self._require_encoded_plus(text, start)
        if kind == STRING:
            return Literal("string", text.replace("''", "'") if "'" in text else text, start)
        if kind == DATE_TIME_OFFSET:
            return Literal("dateTimeOffset", value_or_reason(Instant.parse, text), start)
        if kind == NUMBER:
            form, value = number(text)
            return Literal(form, value, start)
        if kind == GUID:
            return Literal("guid", read_guid(text), start)
        if kind == DATE:
            if self.peek() in ("T", "t"):
                self._unfinished_date_time(start)
            return Literal("date", value_or_reason(read_date, text), start)
        return Literal("timeOfDay", value_or_reason(read_time_of_day, text), start)

    def _require_encoded_plus(self, text: str, start: int) -> None:
        """SIGN: a plus sign of a literal in a URL is always encoded, because a bare one may mean a blank."""
        for index, character in enumerate(text):
            if character == "+" and not self.is_encoded(start + index):
                raise self.refused("'+' must be written as %2B in a URL", start + index)

    def _unfinished_date_time(self, start: int) -> NoReturn:
        self.position = start
        self.date_time_offset()
        raise self.expected("an operator")

    def prefixed_literal(self, prefix: str, start: int) -> Literal:
        """A literal whose quotes follow at the current position: `duration'…'`, `binary'…'`, geo, or an enum type."""
        lower = prefix.lower()
        if lower in ("geography", "geometry"):
            return Literal("geo", self.geo(lower), start)
        opening = self.position
        text = self.quoted()
        if (form := _QUOTED_FORMS.get(lower)) is not None:
            return Literal(form[0], self._value(form[1], text, opening + 1), start)
        if "." not in prefix and self.names is None and lower == "x":
            raise self.expected("a literal", start)
        return Literal("enum", self._enum(text, prefix, opening + 1), start)

    def _value(self, read: Callable[[str], LiteralValue], text: str, start: int) -> LiteralValue:
        try:
            return read(text)
        except ValueError as error:
            raise self.refused(str(error), start) from error

    def _enum(self, text: str, type_name: str | None, start: int) -> EnumMembers:
        try:
            return EnumMembers(type_name, read_enum(text))
        except ValueError as error:
            raise self.refused(str(error), start) from error

    def primitive_literal(self, expected: str = "a literal") -> Literal:
        """PrimitiveLiteral."""
        start = self.position
        match = OPERAND.match(self.text, start)
        if match is None:
            if self.peek() == "'":
                raise self.unclosed("'")
            raise self.expected(expected)
        self.position = match.end()
        kind = match.lastindex or WORD
        if kind != WORD:
            return self.plain_literal(kind, match[kind], start)
        word = match[0]
        if self.peek() == "'":
            return self.prefixed_literal(word, start)
        found = constant(word)
        if found is None:
            raise self.expected(f"{expected} instead of '{word}'")
        return Literal(found[0], found[1], start)

    def enum_literal(self) -> Literal:
        """enumLiteral: members in quotes, with or without the type before them."""
        start = self.position
        type_name = None if self.peek() == "'" else self.dotted("an enumeration literal")
        opening = self.position
        return Literal("enum", self._enum(self.quoted(), type_name, opening + 1), start)

    def _pair(self, table: Mapping[str, str], expected: str) -> None:
        """Two digits; the table says which second ones each first one allows."""
        seconds = table.get(self.peek())
        if seconds is None:
            raise self.expected(expected)
        self.position += 1
        if not self.peek() or self.peek() not in seconds:
            raise self.expected(expected)
        self.position += 1

    def _run(self, allowed: frozenset[str], least: int, most: int, expected: str) -> None:
        start = self.position
        while self.peek() in allowed and self.position - start < most:
            self.position += 1
        if self.position - start < least:
            raise self.expected(expected)

    def date(self) -> Literal:
        """date: a year of four or more digits, a month, a day."""
        start = self.position
        self.skip("-")
        zero = self.peek() == "0"
        self._run(_DIGITS, 4, 4 if zero else len(self.text), "a year of four digits")
        self.need("-")
        self._pair(_MONTHS, "a month from 01 to 12")
        self.need("-")
        self._pair(_DAYS, "a day from 01 to 31")
        return Literal("date", value_or_reason(read_date, self.text[start : self.position]), start)

    def time_of_day(self) -> Literal:
        """TimeOfDayValue."""
        start = self.position
        self._pair(_HOURS, "an hour from 00 to 23")
        self.need(":")
        self._pair(_MINUTES, "a minute from 00 to 59")
        if self.skip(":"):
            self._pair(_SECONDS, "a second from 00 to 59")
            if self.skip("."):
                self._run(_DIGITS, 1, 12, "one to twelve digits")
        return Literal("timeOfDay", value_or_reason(read_time_of_day, self.text[start : self.position]), start)

    def date_time_offset(self) -> Literal:
        """dateTimeOffsetValue; in a URL the same text with `+` and `:` encoded."""
        start = self.position
        self.date()
        if not self.skip("T") and not self.skip("t"):
            raise self.expected("'T' and a time of day")
        self.time_of_day()
        if not self.skip("Z") and not self.skip("z"):
            if self.peek() not in ("+", "-"):
                raise self.expected("a zone: Z, +hh:mm or -hh:mm")
            if self.encoded is not None:
                self._require_encoded_plus(self.peek(), self.position)
            self.position += 1
            self._pair(_HOURS, "an hour from 00 to 23")
            self.need(":")
            self._pair(_MINUTES, "a minute from 00 to 59")
        return Literal("dateTimeOffset", value_or_reason(Instant.parse, self.text[start : self.position]), start)

    def decimal(self) -> Literal:
        """decimalValue, which doubleValue and singleValue are too."""
        start = self.position
        for word in ("NaN", "INF", "-INF"):
            if self.skip(word):
                return Literal("double", float(word), start)
        self._sign()
        self._run(_DIGITS, 1, len(self.text), "a digit")
        if self.skip("."):
            self._run(_DIGITS, 1, len(self.text), "a digit")
        if self.skip("e") or self.skip("E"):
            self._sign()
            self._run(_DIGITS, 1, len(self.text), "a digit")
        kind, value = number(self.text[start : self.position])
        return Literal(kind, value, start)

    def integer(self, digits: int, *, signed: bool = True) -> Literal:
        """sbyteValue, byte, int16Value, …: at most `digits` digits; the binder knows the range."""
        start = self.position
        if signed:
            self._sign()
        self._run(_DIGITS, 1, digits, "a digit")
        return Literal("integer", int(self.text[start : self.position]), start)

    def _sign(self) -> None:
        if self.peek() == "+" and self.encoded is not None:
            self._require_encoded_plus("+", self.position)
        if self.peek() in ("+", "-"):
            self.position += 1

    def guid(self) -> Literal:
        """Guid."""
        start = self.position
        for index, length in enumerate((8, 4, 4, 4, 12)):
            if index:
                self.need("-")
            self._run(_HEX_DIGITS, length, length, f"{length} hexadecimal digits")
        return Literal("guid", read_guid(self.text[start : self.position]), start)

    def boolean(self, *, exact: bool = False) -> Literal:
        """Boolean in any case; `exact` for booleanValue, which is in lower case."""
        start = self.position
        for word, value in (("true", True), ("false", False)):
            if self.text.startswith(word, start) or (not exact and self._word_is(word)):
                self.position += len(word)
                return Literal("boolean", value, start)
        raise self.expected("true or false")

    def null(self) -> Literal:
        """Null."""
        self.need("null")
        return Literal("null", None, self.position - 4)

    def duration(self) -> Literal:
        """DurationValue."""
        start = self.position
        self.skip("-")
        if not self.skip("P") and not self.skip("p"):
            raise self.expected("'P' and a duration")
        self._duration_fields("D")
        if self.skip("T") or self.skip("t"):
            self._duration_fields("HMS")
        return Literal("duration", value_or_reason(read_duration, self.text[start : self.position]), start)

    def _duration_fields(self, units: str) -> None:
        """Numbers with a unit each, in the order of `units`, all of them optional; seconds may have a fraction."""
        while units and self.peek() in _DIGITS:
            self._run(_DIGITS, 1, len(self.text), "a digit")
            if units[-1] == "S" and self.skip("."):
                self._run(_DIGITS, 1, len(self.text), "a digit")
                units = "S"
            unit = self.peek().upper()
            if not unit or unit not in units:
                raise self.expected(" or ".join(units))
            self.position += 1
            units = units[units.index(unit) + 1 :]

    def binary(self) -> Literal:
        """BinaryValue."""
        start = self.position
        self.position = len(self.text)
        return Literal("binary", self._value(read_binary, self.text[start:], start), start)

    def enum_value(self) -> Literal:
        """enumValue: members without quotes."""
        start = self.position
        self.position = len(self.text)
        return Literal("enum", self._enum(self.text[start:], None, start), start)
