"""Hypothesis strategies: records of the library, and typed questions about them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from hypothesis import strategies as st

from enrollscope.odata.edm.literals import time_text
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.grammar.patterns import parse_pattern, spell_pattern
from enrollscope.odata.plan.bound import (
    Arithmetic,
    Bound,
    Call,
    Case,
    Cast,
    Column,
    Combine,
    Compare,
    Comparison,
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
    SameText,
    ScalarType,
    Size,
    Source,
    TypeIs,
)
from enrollscope.odata.plan.queries import Order
from tests.conformance import spellings, wholes
from tests.conformance.library import GENRE, LAYOUT

FIRST = Instant.parse("0001-01-01T14:00:00Z").ticks
LAST = Instant.parse("9999-12-31T09:59:59.9999999Z").ticks

TEXTS = st.text(st.sampled_from("aAbZ'\"%_\\ é\u00a0İßſ\u1e9e\uffff😀\u3000\t"), max_size=5)
TICKS = st.one_of(st.integers(FIRST, LAST), st.sampled_from((FIRST, LAST, 0x8D24F0C2A7A3B63, 0x8D24F0C2A7A3B64)))
FLOATS = st.one_of(
    st.sampled_from((1e15, 999999999999999.9, 1234567890123456.5, 9999999999999998.0, 1e16, 1e-4, 1e-5, -1e22)),
    st.sampled_from((0.0, 1.5, -1.5, 2.5, 0.49999999999999994, 1e300, -1e300, 2.0**53)),
    st.floats(allow_nan=False).map(lambda number: number + 0.0),
)
DECIMALS = st.decimals(-(10**12), 10**12, places=3, allow_nan=False).map(lambda number: format(number, "f"))
PATTERNS = st.recursive(
    st.sampled_from(
        ("a", "A", "b", ".", "é", "😀", "\\s", "\\S", "\\w", "[^a-zé]", "[%_'\"\\\\]", "\\u0130", "^", "$", "")
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=2).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(("*", "+", "?", "{2}", "{0,1}", "{1,}", "*?"))).map(
            lambda parts: f"({parts[0]}){parts[1]}"
        ),
    ),
    max_leaves=5,
)
SMALL = st.one_of(st.integers(-3, 3), st.sampled_from((2**31 - 1, -(2**31))))
LARGE = st.one_of(SMALL, st.sampled_from((2**63 - 1, -(2**63), 2**53 + 1)))
DAYS = st.dates().map(lambda day: day.isoformat())
CLOCKS = st.integers(0, 864_000_000_000 - 1).map(time_text)
GUIDS = st.uuids().map(str)

OPTIONAL_TEXTS = st.none() | TEXTS
PUBLISHERS = st.none() | st.fixed_dictionaries(
    {"name": OPTIONAL_TEXTS},
    optional={
        "address": st.none() | st.fixed_dictionaries({}, optional={"city": OPTIONAL_TEXTS, "street": OPTIONAL_TEXTS}),
        "imprints": st.lists(TEXTS, max_size=2),
    },
)
REVIEWS = st.fixed_dictionaries({"text": OPTIONAL_TEXTS}, optional={"stars": st.none() | SMALL})

VALUES: dict[ScalarType, st.SearchStrategy[Any]] = {
    Primitive.STRING: TEXTS,
    Primitive.DATE_TIME_OFFSET: TICKS,
    Primitive.DOUBLE: FLOATS,
    Primitive.DECIMAL: DECIMALS,
    Primitive.INT32: SMALL,
    Primitive.INT64: LARGE,
    Primitive.DATE: DAYS,
    Primitive.TIME_OF_DAY: CLOCKS,
    Primitive.GUID: GUIDS,
    Primitive.BOOLEAN: st.booleans(),
    Primitive.BINARY: st.binary(max_size=60),
    Primitive.DURATION: st.integers(-(2**62), 2**62),
    GENRE: st.integers(0, 3),
}

COLUMNS: dict[ScalarType, list[str]] = {}
for _item in LAYOUT.properties.values():
    if not _item.collection and _item.type in VALUES:
        COLUMNS.setdefault(_item.type, []).append(_item.name)

NUMBERS = (Primitive.INT32, Primitive.INT64, Primitive.DECIMAL, Primitive.DOUBLE)
LISTED: tuple[ScalarType, ...] = (
    *NUMBERS,
    Primitive.STRING,
    Primitive.DATE_TIME_OFFSET,
    Primitive.DATE,
    Primitive.TIME_OF_DAY,
    Primitive.GUID,
)


@st.composite
def entities(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A type and values as a creating command has them."""
    name = draw(st.sampled_from(("work", "book", "audiobook")))
    values: dict[str, Any] = {}
    for item in LAYOUT.types[name].all_properties:
        if item.type not in VALUES or item.collection or item.name == "code":
            continue
        if item.nullable and draw(st.integers(0, 3)) == 0:
            continue
        value = draw(VALUES[item.type])
        is_time = item.type is Primitive.DATE_TIME_OFFSET
        values[item.name] = Instant(value, draw(st.sampled_from((0, 840, -840, 330)))) if is_time else value
    values["publisher"] = draw(PUBLISHERS)
    values["keywords"] = draw(st.lists(TEXTS, max_size=3))
    values["reviews"] = draw(st.lists(REVIEWS, max_size=3))
    return name, values


class Asking:
    """Builds expressions; the literals are gathered on the side."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.parameters: list[Any] = []
        self._variables = 0
        self._texts: list[Source] = [
            Source("publisher", ("name",)),
            Source("publisher", ("address", "city")),
            Source("publisher", ("address", "city"), frozenset(("book",))),
        ]
        self._numbers: list[Source] = []

    def pick(self, *choices: Callable[[], Bound]) -> Bound:
        """One of several ways to go on."""
        return self.draw(st.sampled_from(choices))()

    def parameter(self, kind: ScalarType) -> Bound:
        """A literal."""
        self.parameters.append(self.draw(VALUES[kind]))
        return Parameter(len(self.parameters) - 1, kind)

    def column(self, kind: ScalarType) -> Bound:
        """A property of that type."""
        return Column(self.draw(st.sampled_from(COLUMNS[kind])), kind)

    def of_type(self, kind: ScalarType) -> Bound:
        """A property behind a type cast."""
        return OfType(self.column(kind), frozenset(("book",)), kind)

    def of_row(self, kind: ScalarType) -> Bound:
        """A value of another entity, which need not be there."""
        self.parameters.append(self.draw(st.sampled_from(("w0", "w1", "w9"))))
        where: Bound = Compare(
            Comparison.EQ, Column("code", Primitive.STRING), Parameter(len(self.parameters) - 1, Primitive.STRING)
        )
        if self.draw(st.booleans()):
            where = Combine(Logic.AND, where, TypeIs(frozenset(("book", "work"))))
        return OfRow(where, self.pick(lambda: self.column(kind), lambda: self.of_type(kind)), kind)

    def inside(self, kind: ScalarType) -> Bound:
        """A scalar of a structured value, or of an element under consideration."""
        sources = self._texts if kind is Primitive.STRING else self._numbers
        return Inside(self.draw(st.sampled_from(sources)), kind) if sources else self.column(kind)

    def quantified(self, depth: int) -> Bound:
        """A condition on the elements of a collection, or on how many there are."""
        with self.elements() as (collection, variable):
            predicate = self.condition(depth - 1) if self.draw(st.integers(0, 5)) else None
        if self.draw(st.booleans()):
            return Quantified(self.draw(st.sampled_from(Quantifier)), collection, variable, predicate)
        size = Size(collection, variable, predicate)
        return Compare(self.draw(st.sampled_from(Comparison)), size, self.value(Primitive.INT64, 0))

    @contextmanager
    def elements(self) -> Iterator[tuple[Source, int]]:
        """Speak of the elements of some collection. Gives the collection, and the number of the element."""
        variable = self.variable()
        collection, texts, numbers = self.draw(
            st.sampled_from(
                (
                    (Source("keywords"), [Source(variable)], []),
                    (Source("publisher", ("imprints",)), [Source(variable)], []),
                    (Source("reviews"), [Source(variable, ("text",))], [Source(variable, ("stars",))]),
                )
            )
        )
        before = self._texts, self._numbers
        self._texts, self._numbers = [*self._texts, *texts], [*self._numbers, *numbers]
        yield collection, variable
        self._texts, self._numbers = before

    def variable(self) -> int:
        """A number for the elements of a collection."""
        self._variables += 1
        return self._variables

    def about(self, element: Inside) -> Bound:
        """A condition on an element that is a scalar."""
        operator = self.draw(st.sampled_from(Comparison))
        return Compare(operator, element, self.value(element.type, 0))

    def pattern(self) -> Bound:
        """A regular expression in the form that stores get."""
        self.parameters.append(spell_pattern(parse_pattern(self.draw(PATTERNS))))
        return Parameter(len(self.parameters) - 1, Primitive.STRING)

    def case(self, kind: ScalarType, depth: int) -> Bound:
        """A choice."""
        branches = [(self.condition(depth - 1), self.value(kind, 0)) for _ in range(self.draw(st.integers(1, 2)))]
        return Case(tuple(branches), self.pick(lambda: Null(kind), lambda: self.value(kind, 0)), kind)

    def call(self, name: str, kind: Primitive, *arguments: Bound) -> Bound:
        """A function."""
        return Call(name, arguments, kind)

    def value(self, kind: ScalarType, depth: int) -> Bound:
        """An expression of a type."""
        simple = [lambda: self.column(kind), lambda: self.column(kind), lambda: self.parameter(kind)]
        if kind in (Primitive.STRING, Primitive.INT32):
            simple.append(lambda: self.inside(kind))
        if depth <= 0:
            return self.pick(*simple)
        further = [lambda: self.of_type(kind), lambda: self.of_row(kind), lambda: self.case(kind, depth)]
        further += self._deep(kind, depth - 1)
        return self.pick(*simple, *further)

    def _deep(self, kind: ScalarType, depth: int) -> list[Callable[[], Bound]]:
        text = Primitive.STRING
        match kind:
            case Primitive.STRING:
                return [
                    lambda: self.call(
                        self.draw(st.sampled_from(("trim", "tolower", "toupper"))), text, self.value(text, depth)
                    ),
                    lambda: self.call("concat", text, self.value(text, depth), self.value(text, depth)),
                    lambda: self.call("substring", text, self.value(text, depth), self.value(Primitive.INT32, depth)),
                    lambda: self.call(
                        "substring",
                        text,
                        self.value(text, depth),
                        self.value(Primitive.INT32, depth),
                        self.value(Primitive.INT32, depth),
                    ),
                ]
            case Primitive.INT32:
                return [
                    lambda: self.call("length", Primitive.INT32, self.value(text, depth)),
                    lambda: self.call("indexof", Primitive.INT32, self.value(text, depth), self.value(text, depth)),
                    lambda: self._part(Primitive.INT32),
                    lambda: self._arithmetic(Primitive.INT32, depth),
                ]
            case Primitive.INT64:
                return [lambda: self._arithmetic(Primitive.INT64, depth)]
            case Primitive.DOUBLE | Primitive.DECIMAL:
                return [lambda: self._arithmetic(kind, depth), lambda: self._rounded(kind, depth)]
            case Primitive.DATE | Primitive.TIME_OF_DAY:
                name = "date" if kind is Primitive.DATE else "time"
                return [lambda: self.call(name, kind, self._time())]
            case _:
                return []

    def _time(self) -> Bound:
        return self.pick(
            lambda: self.column(Primitive.DATE_TIME_OFFSET),
            lambda: self.of_type(Primitive.DATE_TIME_OFFSET),
            lambda: self.of_row(Primitive.DATE_TIME_OFFSET),
        )

    def _part(self, kind: Primitive) -> Bound:
        on = self.draw(st.sampled_from((Primitive.DATE, Primitive.TIME_OF_DAY, Primitive.DATE_TIME_OFFSET)))
        date_parts, clock_parts = ("year", "month", "day"), ("hour", "minute", "second")
        names = {
            Primitive.DATE: date_parts,
            Primitive.TIME_OF_DAY: clock_parts,
            Primitive.DATE_TIME_OFFSET: (*date_parts, *clock_parts, "totaloffsetminutes"),
        }[on]
        operand = self._time() if on is Primitive.DATE_TIME_OFFSET else self.value(on, 0)
        return self.call(self.draw(st.sampled_from(names)), kind, operand)

    def _rounded(self, kind: Primitive, depth: int) -> Bound:
        name = self.draw(st.sampled_from(("round", "floor", "ceiling")))
        rounded = self.call(name, kind, self.value(kind, depth))
        if kind is Primitive.DOUBLE:
            return rounded
        return self.pick(
            lambda: rounded,
            lambda: self.call("fractionalseconds", Primitive.DECIMAL, self._time()),
            lambda: self.call("fractionalseconds", Primitive.DECIMAL, self.value(Primitive.TIME_OF_DAY, 0)),
            lambda: self.call("totalseconds", Primitive.DECIMAL, self.value(Primitive.DURATION, 0)),
        )

    def _arithmetic(self, kind: Primitive, depth: int) -> Bound:
        narrower = NUMBERS[: NUMBERS.index(kind) + 1]
        if self.draw(st.integers(0, 4)) == 0:
            return Negate(self.value(kind, depth), kind)
        operator = self.draw(st.sampled_from(Operator))
        if operator is Operator.DIVBY and kind in (Primitive.INT32, Primitive.INT64):
            operator = Operator.DIV
        left, right = (self.value(self.draw(st.sampled_from(narrower)), depth) for _ in range(2))
        return Arithmetic(operator, left, right, kind)

    def condition(self, depth: int) -> Bound:
        """A boolean expression."""
        simple = [
            lambda: self._compare(depth - 1),
            lambda: self._compare(depth - 1),
            lambda: self._search(depth - 1),
            self._in,
            lambda: self.column(Primitive.BOOLEAN),
            lambda: TypeIs(self.draw(st.sampled_from((frozenset(("book",)), frozenset(("work", "audiobook")))))),
            lambda: SameText(self.value(Primitive.STRING, 0), self.value(Primitive.STRING, 0)),
            lambda: Present(Source("publisher")),
            lambda: wholes.same(self),
            lambda: wholes.call(self, self.draw(st.sampled_from(wholes.PREDICATES))),
            lambda: Mentions(self.parameter(Primitive.STRING), (self.value(Primitive.STRING, 0),)),
        ]
        if depth <= 0:
            return self.pick(*simple)
        return self.pick(
            *simple,
            lambda: self.quantified(depth),
            lambda: Not(self.condition(depth - 1)),
            lambda: Not(self.condition(depth - 1)),
            lambda: Combine(self.draw(st.sampled_from(Logic)), self.condition(depth - 1), self.condition(depth - 1)),
        )

    def _compare(self, depth: int) -> Bound:
        operator = self.draw(st.sampled_from(Comparison))
        if self.draw(st.integers(0, 3)) == 0:
            numbers = st.sampled_from(NUMBERS)
            return Compare(operator, self.value(self.draw(numbers), depth), self.value(self.draw(numbers), depth))
        kind = self.draw(st.sampled_from([*LISTED, GENRE, Primitive.BOOLEAN]))
        left = self.condition(depth) if kind is Primitive.BOOLEAN else self.value(kind, depth)
        right = self.pick(lambda: self.value(kind, depth), lambda: self.value(kind, 0), lambda: Null(None))
        return Compare(operator, left, right) if self.draw(st.booleans()) else Compare(operator, right, left)

    def _search(self, depth: int) -> Bound:
        name = self.draw(st.sampled_from(("contains", "startswith", "endswith")))
        text = Primitive.STRING
        return self.call(name, Primitive.BOOLEAN, self.value(text, depth), self.value(text, depth))

    def _in(self) -> Bound:
        kind = self.draw(st.sampled_from([*LISTED, GENRE]))
        items = [
            self.pick(lambda: self.parameter(kind), lambda: self.parameter(kind), lambda: Null(None))
            for _ in range(self.draw(st.integers(0, 3)))
        ]
        return In(self.value(kind, 0), tuple(items))


@st.composite
def conditions(draw: st.DrawFn) -> tuple[Bound, list[Any]]:
    """A condition and its parameters."""
    asking = Asking(draw)
    return asking.condition(3), asking.parameters


@st.composite
def orders(draw: st.DrawFn) -> tuple[tuple[Order, ...], list[Any]]:
    """A total order and its parameters."""
    asking = Asking(draw)
    kinds = draw(st.lists(st.sampled_from([*LISTED, GENRE]), max_size=2))
    keys = [Order(asking.value(kind, draw(st.integers(0, 1))), draw(st.booleans())) for kind in kinds]
    return (*keys, Order(Column("code", Primitive.STRING), draw(st.booleans()))), asking.parameters


RECORDS = st.lists(entities(), min_size=1, max_size=7)


def _call(name: str, result: Primitive, *arguments: Primitive) -> Callable[[Asking], Bound]:
    return lambda asking: Call(name, tuple(asking.value(kind, 1) for kind in arguments), result)


def _arithmetic(operator: Operator, kind: Primitive) -> Callable[[Asking], Bound]:
    return lambda asking: Arithmetic(operator, asking.value(kind, 1), asking.value(kind, 0), kind)


def _mixed(operator: Operator, left: Primitive, right: Primitive, result: Primitive) -> Callable[[Asking], Bound]:
    return lambda asking: Arithmetic(operator, asking.value(left, 1), asking.value(right, 0), result)


def _cast(kind: Primitive, wanted: Primitive) -> Callable[[Asking], Bound]:
    return lambda asking: Cast(asking.pick(lambda: asking.column(kind), lambda: asking.value(kind, 1)), wanted)


def _case(kind: ScalarType) -> Callable[[Asking], Bound]:
    return lambda asking: asking.case(kind, 2)


_TEXT, _WHOLE, _BOOL, _EXACT = Primitive.STRING, Primitive.INT32, Primitive.BOOLEAN, Primitive.DECIMAL
_TIME, _CLOCK, _DAY = Primitive.DATE_TIME_OFFSET, Primitive.TIME_OF_DAY, Primitive.DATE
_DIVIDED_INTEGERS = frozenset((Operator.DIVBY,))

CASTS: dict[Primitive, tuple[Primitive, ...]] = {
    Primitive.INT32: (Primitive.INT16, Primitive.INT64, Primitive.DECIMAL, Primitive.DOUBLE, Primitive.STRING),
    Primitive.INT64: (Primitive.INT32, Primitive.DECIMAL, Primitive.DOUBLE, Primitive.STRING),
    Primitive.DECIMAL: (Primitive.INT32, Primitive.INT64, Primitive.DOUBLE, Primitive.STRING),
    Primitive.DOUBLE: (Primitive.INT16, Primitive.INT32, Primitive.INT64, Primitive.STRING),
    **dict.fromkeys((Primitive.GUID, Primitive.DATE, Primitive.TIME_OF_DAY), (Primitive.STRING,)),
    **dict.fromkeys((Primitive.DATE_TIME_OFFSET, Primitive.DURATION, Primitive.BINARY), (Primitive.STRING,)),
}

EACH: dict[str, Callable[[Asking], Bound]] = {
    **{name: _call(name, _BOOL, _TEXT, _TEXT) for name in ("contains", "startswith", "endswith")},
    "indexof": _call("indexof", _WHOLE, _TEXT, _TEXT),
    "length": _call("length", _WHOLE, _TEXT),
    "concat": _call("concat", _TEXT, _TEXT, _TEXT),
    "substring-2": _call("substring", _TEXT, _TEXT, _WHOLE),
    "substring-3": _call("substring", _TEXT, _TEXT, _WHOLE, _WHOLE),
    **{name: _call(name, _TEXT, _TEXT) for name in ("trim", "tolower", "toupper")},
    **{f"{name}-date": _call(name, _WHOLE, _DAY) for name in ("year", "month", "day")},
    **{f"{name}-time": _call(name, _WHOLE, _CLOCK) for name in ("hour", "minute", "second")},
    **{name: _call(name, _WHOLE, _TIME) for name in ("year", "month", "day", "hour", "minute", "second")},
    "totaloffsetminutes": _call("totaloffsetminutes", _WHOLE, _TIME),
    "date": _call("date", _DAY, _TIME),
    "time": _call("time", _CLOCK, _TIME),
    "fractionalseconds": _call("fractionalseconds", _EXACT, _TIME),
    "fractionalseconds-time": _call("fractionalseconds", _EXACT, _CLOCK),
    "matchespattern": lambda asking: asking.call("matchespattern", _BOOL, asking.value(_TEXT, 1), asking.pattern()),
    "totalseconds": _call("totalseconds", _EXACT, Primitive.DURATION),
    "mindatetime": _call("mindatetime", _TIME),
    "maxdatetime": _call("maxdatetime", _TIME),
    **{f"{name}-decimal": _call(name, _EXACT, _EXACT) for name in ("round", "floor", "ceiling")},
    **{f"{name}-integer": _call(name, _EXACT, _WHOLE) for name in ("round", "floor", "ceiling")},
    **{f"{name}-double": _call(name, Primitive.DOUBLE, Primitive.DOUBLE) for name in ("round", "floor", "ceiling")},
    **{
        f"{operator.value}-{kind.value[4:].lower()}": _arithmetic(operator, kind)
        for kind in NUMBERS
        for operator in Operator
        if kind in (_EXACT, Primitive.DOUBLE) or operator not in _DIVIDED_INTEGERS
    },
    "date-add": _mixed(Operator.ADD, _DAY, Primitive.DURATION, _DAY),
    "date-sub": _mixed(Operator.SUB, _DAY, Primitive.DURATION, _DAY),
    "between-dates": _mixed(Operator.SUB, _DAY, _DAY, Primitive.DURATION),
    "time-add": _mixed(Operator.ADD, _TIME, Primitive.DURATION, _TIME),
    "between-times": _mixed(Operator.SUB, _TIME, _TIME, Primitive.DURATION),
    **{
        f"duration-{operator.value}-{kind.value[4:].lower()}": _mixed(
            operator, Primitive.DURATION, kind, Primitive.DURATION
        )
        for operator in (Operator.MUL, Operator.DIV, Operator.DIVBY)
        for kind in (Primitive.INT32, _EXACT, Primitive.DOUBLE)
    },
    **{
        f"cast-{kind.value[4:].lower()}-{wanted.value[4:].lower()}": _cast(kind, wanted)
        for kind, wanteds in CASTS.items()
        for wanted in wanteds
    },
    **{f"read-{kind.value[4:].lower()}": partial(spellings.read, kind=kind) for kind in spellings.TEXTS},
    **{f"case-{kind.name_in_model}": _case(kind) for kind in [*LISTED, GENRE]},
    **{
        f"of-row-{kind.name_in_model}": partial(Asking.of_row, kind=kind)
        for kind in (_TEXT, _WHOLE, _EXACT, _TIME, GENRE)
    },
    "same": wholes.same,
    **{f"collection-{name}": partial(wholes.call, name=name) for name in (*wholes.PREDICATES, "indexof", "length")},
    "any-all-count": lambda asking: asking.quantified(3),
    "inside": lambda asking: asking.inside(_TEXT),
    "present": lambda asking: Present(
        asking.draw(st.sampled_from((Source("publisher"), Source("publisher", ("address",)))))
    ),
    # Nothing that could be refused: whoever has found the text in one value need not compute the next.
    "mentions": lambda asking: Mentions(
        asking.parameter(_TEXT), tuple(asking.value(_TEXT, 0) for _ in range(asking.draw(st.integers(0, 3))))
    ),
    "minus-integer": lambda asking: Negate(asking.value(Primitive.INT64, 1), Primitive.INT64),
    "minus-decimal": lambda asking: Negate(asking.value(_EXACT, 1), _EXACT),
    "minus-double": lambda asking: Negate(asking.value(Primitive.DOUBLE, 1), Primitive.DOUBLE),
}
"""Every function and operator of the engine, by name: builds an expression that has it at the top."""


@st.composite
def each(draw: st.DrawFn, name: str) -> tuple[Bound, list[Any]]:
    """An expression with one function or operator at its top, and its parameters."""
    asking = Asking(draw)
    return EACH[name](asking), asking.parameters
