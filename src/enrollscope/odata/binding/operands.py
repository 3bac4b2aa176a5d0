"""Literals as typed parameters.

A literal alone is not always a value: `'red'` is a string until the other side is an enumeration, and the bare word
`red` looks like a property (contract §4.4). So literals stay *loose* until an operator sees both sides.
"""

import math
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from enrollscope.odata.edm.literals import FORMS, read_decimal, time_text
from enrollscope.odata.edm.model import EnumMember, EnumType, Model, Primitive
from enrollscope.odata.edm.values import Duration, Instant, TimeOfDay
from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.grammar.expr import EnumMembers, Geo, Literal, LiteralValue, Unrepresentable
from enrollscope.odata.hints import near_name
from enrollscope.odata.plan.bound import Arithmetic, Bound, Case, Field, In, Null, Operator, Parameter, ScalarType
from enrollscope.odata.plan.promotion import INTEGERS

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)

_MOST_PLACES = 1_000
"""How far the first digit of a text that is taken for a Decimal may stand from the point."""

_QUOTED = frozenset(("string", "duration", "binary", "enum", "geo"))
"""Kinds of literals that are written in quotes."""

_OPERATOR_KINDS = {
    "eq": "Equal",
    "ne": "NotEqual",
    "gt": "GreaterThan",
    "ge": "GreaterThanOrEqual",
    "lt": "LessThan",
    "le": "LessThanOrEqual",
    "in": "In",
    "and": "And",
    "or": "Or",
    "add": "Add",
    "sub": "Subtract",
    "mul": "Multiply",
    "div": "Divide",
    "divby": "Divide",
    "mod": "Modulo",
    "has": "Has",
}


@dataclass(frozen=True, slots=True)
class Word:
    """A bare name that is no property: a member of whatever enumeration stands on the other side, or a mistake."""

    name: str
    position: int


class ClauseFault(Exception):
    """Something in an expression does not fit the model. The clause's caller words the answer."""

    def __init__(self, text: str, position: int) -> None:
        super().__init__(text)
        self.text = text
        self.position = position

    def answer(self, clause: str, target: str) -> BadRequest:
        """Put it in the words of a clause (contract §4.5)."""
        return BadRequest(f"{clause}: {self.text}", target=target, position=self.position)


class UnknownWord(Exception):
    """A word that is neither a property nor, as it turns out, a member of an enumeration."""

    def __init__(self, name: str, position: int) -> None:
        super().__init__(name)
        self.name = name
        self.position = position


def type_name(item: ScalarType | None) -> str:
    """The name of a type for a message."""
    return "null" if item is None else item.name_in_model


class Origin(NamedTuple):
    """The literal that a parameter came from.

    Attributes:
        clause: the query option it stands in.
        position: where, counted in characters of the option's text.
        wanted: the type that the other operand asked for.
        type: the type that it has.
        quoted: it is text in quotes, with or without a prefix.
    """

    clause: str
    position: int
    wanted: ScalarType | None
    type: ScalarType
    quoted: bool


class Operands:
    """Collects the parameters of one question.

    Args:
        texts: a string stands for a value of whatever primitive type is wanted; otherwise of a Duration alone.

    Attributes:
        clause: the query option that is being bound.
        shareable: the shape holds for any literals of the same types.
        timed: the question asks what time it is.
        not_numbers: the values that stand for the literal NaN; see `is_not_a_number`.
    """

    def __init__(self, model: Model, *, include_unknown: bool, texts: bool = False) -> None:
        self.parameters: list[Any] = []
        self.origins: list[Origin | None] = []
        self.clause = ""
        self.shareable = True
        self.timed = False
        self._model = model
        self._include_unknown = include_unknown
        self._texts = texts
        self._variables = 0
        self.not_numbers: list[Bound] = []

    def parameter(self, value: Any, scalar: ScalarType, origin: Origin | None = None) -> Parameter:
        """Keep a value in its stored form (`odata.edm.layout`) and stand for it in the shape."""
        self.parameters.append(value)
        self.origins.append(origin)
        return Parameter(len(self.parameters) - 1, scalar)

    def text(self, text: str) -> Parameter:
        """Keep a string of the client.

        Raises:
            ClauseFault: it holds a character that no stored string can.
        """
        _check_text(text, 0)
        return self.parameter(text, Primitive.STRING)

    def variable(self) -> int:
        """A number for the elements of one collection, not used elsewhere in the question."""
        self._variables += 1
        return self._variables

    def not_a_number(self, kind: ScalarType) -> Bound:
        """NaN. Where it is compared it is known by itself; otherwise it is like one that was computed."""
        self.unshareable()
        infinity = self.parameter(math.inf, kind)
        found = Arithmetic(Operator.SUB, infinity, infinity, kind)
        self.not_numbers.append(found)
        return found

    def is_not_a_number(self, bound: Bound) -> bool:
        """Whether an operand is the literal NaN."""
        return any(bound is each for each in self.not_numbers)

    def unshareable(self) -> None:
        """Note that the shape depends on the value of a literal: no other question may use it."""
        self.shareable = False

    def fix(self, operand: Bound | Literal | Word, wanted: ScalarType | None) -> Bound:
        """Turn a loose operand into a value of the type `wanted`, or of its own type where nothing is wanted.

        Raises:
            ClauseFault: a member that the enumeration lacks.
            UnknownWord: a word that is nothing.
        """
        match operand:
            case Literal(kind=kind):
                if kind == "null":
                    return Null(wanted)
                stored, scalar = self.stored(operand, wanted)
                if is_nan(stored):
                    return self.not_a_number(scalar)
                if kind == "boolean":  # a word, and so a part of the shape
                    return self.parameter(stored, scalar)
                origin = Origin(self.clause, operand.position, wanted, scalar, kind in _QUOTED)
                return self.parameter(stored, scalar, origin)
            case Word(name=name, position=position):
                if isinstance(wanted, EnumType):
                    return self.parameter(self._member(wanted, name, position), wanted)
                raise UnknownWord(name, position)
            case _:
                return operand

    def stored(self, literal: Literal, wanted: ScalarType | None) -> tuple[Any, ScalarType]:
        """The stored form of a literal that is not null, and its type, `wanted` where it can be.

        Raises:
            ClauseFault: it has no value, or none of an enumeration that is wanted.
            NotBuilt: a value that is not offered.
        """
        value = literal.value
        if isinstance(wanted, EnumType):
            return self._enum_number(wanted, literal), wanted
        if isinstance(value, str):
            if isinstance(wanted, Primitive) and (wanted is Primitive.DURATION or self._texts):
                return _of_text(value, wanted, literal.position)
            _check_text(value, literal.position)
            return value, Primitive.STRING
        if isinstance(value, Instant):
            return value.ticks, Primitive.DATE_TIME_OFFSET
        if isinstance(value, Unrepresentable):
            raise ClauseFault(f"The literal has no value here: {value.reason}.", literal.position)
        if isinstance(value, Geo):
            raise NotBuilt("Geographic values are not offered by this service.", position=literal.position)
        if isinstance(value, EnumMembers):
            return self._typed_enum(value, literal.position)
        stored, scalar = _stored(value)
        if wanted is Primitive.DECIMAL and scalar in INTEGERS:
            return str(stored), Primitive.DECIMAL
        return stored, scalar

    def hides(self, item: EnumType) -> bool:
        """Whether members of an enumeration show as its sentinel."""
        return item.sentinel is not None and not self._include_unknown

    def seen(self, item: EnumType) -> tuple[EnumMember, ...]:
        """The members of an enumeration that show by name."""
        return (*item.members, *item.hidden) if self._include_unknown else item.members

    def hidden_numbers(self, item: EnumType, number: int) -> tuple[int, ...]:
        """All stored numbers that read as the sentinel, when `number` is the sentinel's and it stands for others."""
        if not self.hides(item) or item.names.get(number) != item.sentinel:
            return ()
        return (number, *sorted(item.hidden_names))

    def folded(self, bound: Bound) -> Bound:
        """Members of an enumeration that the client does not know, as the one that it sees in their place."""
        kind = bound.type
        if not isinstance(kind, EnumType) or isinstance(bound, Field) or not self.hides(kind):
            return bound
        sentinel = kind.values[kind.sentinel or ""]
        numbers = self.hidden_numbers(kind, sentinel)
        hidden = In(bound, tuple(self.parameter(number, kind) for number in numbers))
        return Case(((hidden, self.parameter(sentinel, kind)),), bound, kind)

    def _typed_enum(self, value: EnumMembers, position: int) -> tuple[int, ScalarType]:
        found = self._model.find_type(value.type_name or "")
        if not isinstance(found, EnumType):
            raise ClauseFault(f"'{value.type_name}' is not an enumeration type.", position)
        return self._members(found, value, position), found

    def _enum_number(self, wanted: EnumType, literal: Literal) -> int:
        match literal.value:
            case str(text):
                if _WHOLE_NUMBER.fullmatch(text):
                    return self._number(wanted, int(text), literal.position)
                return self._member(wanted, text, literal.position)
            case EnumMembers() as members:
                named = members.type_name
                if named is not None and self._model.find_type(named) is not wanted:
                    raise ClauseFault(
                        f"'{named}' is not the type of the other operand, '{wanted.name_in_model}'.", literal.position
                    )
                return self._members(wanted, members, literal.position)
            case _:
                raise ClauseFault(
                    f"'{wanted.name_in_model}' takes a member name in quotes, such as "
                    f"'{wanted.members[0].name}', not a literal of another type.",
                    literal.position,
                )

    def _members(self, wanted: EnumType, value: EnumMembers, position: int) -> int:
        if len(value.members) != 1:
            raise ClauseFault(f"'{wanted.name_in_model}' is not a flags enumeration: name one member.", position)
        (member,) = value.members
        if isinstance(member, int):
            return self._number(wanted, member, position)
        return self._member(wanted, member, position)

    def _member(self, wanted: EnumType, name: str, position: int) -> int:
        found: EnumMember | None = wanted.find(name, include_hidden=self._include_unknown)
        if found is None:
            allowed = ", ".join(member.name for member in wanted.members)
            raise ClauseFault(
                f"The string '{name}' is not a valid enumeration type constant of '{wanted.name_in_model}'. "
                f"Allowed are: {allowed}.{near_name(name, (member.name for member in wanted.members))}",
                position,
            )
        return found.value

    def _number(self, wanted: EnumType, number: int, position: int) -> int:
        if number in wanted.names or (self._include_unknown and number in wanted.hidden_names):
            return number
        raise ClauseFault(f"'{wanted.name_in_model}' has no member with the value {number}.", position)


def is_nan(stored: Any) -> bool:
    """Whether a value in its stored form is NaN."""
    return isinstance(stored, float) and math.isnan(stored)


def _check_text(text: str, position: int) -> None:
    if "\0" in text:
        raise ClauseFault("A string holds the character U+0000, which no value here can.", position)


def _of_text(text: str, wanted: Primitive, position: int) -> tuple[Any, ScalarType]:
    """The stored form and type of a value that is written as a string: of a number, as if it had no quotes."""
    _check_text(text, position)
    try:
        if wanted in INTEGERS:
            number = read_decimal(text)
            return _stored(int(number) if number == number.to_integral_value() else number)
        return read_text(text, wanted), wanted
    except ValueError as error:
        raise ClauseFault(f"'{text[:100]}' is no {wanted.value}: {error}.", position) from error


def read_text(text: str, wanted: Primitive) -> Any:
    """The stored form of the value of a type that a text spells.

    Raises:
        ValueError: it spells none, with a clause that says what would be right.
    """
    value = FORMS[wanted.value].read(text)
    if isinstance(value, Decimal) and abs(value.adjusted()) > _MOST_PLACES:
        raise ValueError("the exponent is out of range")
    return value.ticks if isinstance(value, Instant) else _stored(value)[0]


def _stored(value: LiteralValue) -> tuple[Any, ScalarType]:
    """The stored form and type of a plain literal."""
    match value:
        case bool():
            return value, Primitive.BOOLEAN
        case int():
            return _stored_integer(value)
        case float():
            return value, Primitive.DOUBLE
        case Decimal():
            return format(value, "f"), Primitive.DECIMAL
        case str():
            return value, Primitive.STRING
        case UUID():
            return str(value), Primitive.GUID
        case date():
            return value.isoformat(), Primitive.DATE
        case TimeOfDay(ticks=ticks):
            return time_text(ticks), Primitive.TIME_OF_DAY
        case Duration(ticks=ticks):
            return ticks, Primitive.DURATION
        case bytes():
            return value, Primitive.BINARY
        case _:
            raise TypeError(f"{type(value).__name__} is not a plain literal")


def _stored_integer(value: int) -> tuple[Any, ScalarType]:
    """The smallest integer type that holds a number; a decimal where none does."""
    if -(2**31) <= value < 2**31:
        return value, Primitive.INT32
    return (value, Primitive.INT64) if -(2**63) <= value < 2**63 else (str(value), Primitive.DECIMAL)


def incompatible(operator: str, left: ScalarType | None, right: ScalarType | None, position: int) -> ClauseFault:
    """The fault of an operator between types that do not go together (contract §4.4)."""
    kind = _OPERATOR_KINDS[operator]
    return ClauseFault(
        "A binary operator with incompatible types was detected. Found operand types "
        f"'{type_name(left)}' and '{type_name(right)}' for operator kind '{kind}'.",
        position,
    )
