"""Composite values for the evaluator and for the questions: what they are, when they are equal."""

import math
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.plan.bound import (
    Bound,
    Built,
    CollectionCall,
    Composite,
    Inside,
    Joined,
    Listed,
    Null,
    Part,
    Same,
    ScalarType,
    Source,
    Whole,
)

if TYPE_CHECKING:
    from tests.conformance.oracle import Oracle
    from tests.conformance.questions import Asking

COMPOSITES = (Whole, Listed, Built, Joined, Part)


def value_of(oracle: "Oracle", bound: Same | CollectionCall, record: Record) -> Any:
    """The value of an expression over composite values."""
    if isinstance(bound, Same):
        return _plain(_made(oracle, bound.left, record)) == _plain(_made(oracle, bound.right, record))
    arguments = [_made(oracle, item, record) for item in bound.arguments]
    if None in arguments:
        return None
    whole, *rest = [[_plain(item) for item in argument] for argument in arguments]
    if bound.name == "length":
        return len(whole)
    (part,) = rest
    places = [at for at in range(len(whole) + 1) if len(whole) - at >= len(part) and whole[at : at + len(part)] == part]
    match bound.name:
        case "indexof":
            return min(places, default=-1)
        case "contains":
            return bool(places)
        case "startswith":
            return 0 in places
        case "endswith":
            return len(whole) - len(part) in places
        case "hassubset":
            return not Counter(map(repr, part)) - Counter(map(repr, whole))
        case _:
            return _is_subsequence(whole, part)


def _is_subsequence(whole: list[Any], part: list[Any]) -> bool:
    if not part:
        return True
    if part[0] not in whole:
        return False
    return _is_subsequence(whole[whole.index(part[0]) + 1 :], part[1:])


def _made(oracle: "Oracle", composite: Composite, record: Record) -> Any:
    match composite:
        case Whole(source=source, collection=collection, kept=kept):
            found = oracle.json(source, record)
            if kept is not None:
                passing = oracle.each(found, kept[0], kept[1], record)
                found = [item for item, truth in zip(found or [], passing, strict=True) if truth is True]
            return [] if collection and found is None else found
        case Listed(items=items):
            return [_item(oracle, item, record) for item in items]
        case Built(members=members):
            return {name: _item(oracle, item, record) for name, item in members}
        case Joined(left=left, right=right):
            both = [_made(oracle, item, record) for item in (left, right)]
            return None if None in both else both[0] + both[1]
        case Part(of=of, start=start, length=length):
            items, begin = _made(oracle, of, record), oracle.value(start, record)
            count = math.inf if length is None else oracle.value(length, record)
            if None in (items, begin, count):
                return None
            first = begin if begin >= 0 else max(begin + len(items), 0)
            return [item for place, item in enumerate(items) if first <= place < first + count]


def _item(oracle: "Oracle", item: Bound | Composite, record: Record) -> Any:
    return _made(oracle, item, record) if isinstance(item, COMPOSITES) else oracle.value(item, record)


def _plain(value: Any) -> Any:
    """A value in one form: what is equal is equal then."""
    match value:
        case None | bool() | str():
            return (type(value).__name__, value)
        case list():
            return ("list", [_plain(item) for item in value])
        case dict():
            members = {name: _plain(item) for name, item in value.items() if item is not None and item != []}
            return ("object", sorted(members.items()))
        case _ if math.isinf(value):
            return ("str", "INF" if value > 0 else "-INF")
        case _:
            number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
            return ("number", format(number.normalize() if number else abs(number), "f"))


TEXT = Primitive.STRING
LISTED: tuple[ScalarType, ...] = (
    *(TEXT, TEXT, TEXT, Primitive.INT32, Primitive.INT64, Primitive.DECIMAL, Primitive.DOUBLE, Primitive.BOOLEAN),
    *(Primitive.GUID, Primitive.DATE, Primitive.TIME_OF_DAY, Primitive.DATE_TIME_OFFSET, Primitive.DURATION),
)
PREDICATES = ("contains", "startswith", "endswith", "hassubset", "hassubsequence")


def call(asking: "Asking", name: str) -> Bound:
    """A function of collections; often of one that holds the other."""
    kind = asking.draw(st.sampled_from((*LISTED, "review")))
    whole = collection(asking, kind, 2)
    if name == "length":
        return CollectionCall(name, (whole,), Primitive.INT32)
    parts: tuple[Callable[[], Composite], ...] = (
        lambda: collection(asking, kind, 1),
        lambda: collection(asking, kind, 0),
        lambda: Part(whole, asking.value(Primitive.INT32, 0)),
        lambda: Part(whole, number(asking, 0, 2), number(asking, 0, 2)),
    )
    part = asking.draw(st.sampled_from(parts))()
    return CollectionCall(name, (whole, part), Primitive.INT32 if name == "indexof" else Primitive.BOOLEAN)


def same(asking: "Asking") -> Bound:
    """A comparison of two composite values, often of two that are equal."""
    if asking.draw(st.booleans()):
        return Same(structure(asking), structure(asking))
    kind = asking.draw(st.sampled_from((*LISTED, "review")))
    left = collection(asking, kind, 2)
    rights = (left, Part(left, number(asking, 0, 1)), collection(asking, kind, 1))
    return Same(left, asking.draw(st.sampled_from(rights)))


def number(asking: "Asking", low: int, high: int) -> Bound:
    """A small literal."""
    parameter = asking.parameter(Primitive.INT32)
    asking.parameters[-1] = asking.draw(st.integers(low, high))
    return parameter


def structure(asking: "Asking") -> Composite:
    """A structured value of one of two types."""
    address = Whole(Source("publisher", ("address",)), collection=False)
    name, city = Inside(Source("publisher", ("name",)), TEXT), Inside(Source("publisher", ("address", "city")), TEXT)
    street = Inside(Source("publisher", ("address", "street")), TEXT)
    imprints = Whole(Source("publisher", ("imprints",)), collection=True)
    made = Built((("street", street), ("city", city)))
    choices: tuple[Composite, ...] = (
        address,
        Whole(Source("publisher"), collection=False),
        Whole(Source("publisher"), collection=False),
        Built((("address", address), ("imprints", imprints), ("name", name))),
        Built((("address", made), ("name", name), ("imprints", imprints))),
        made,
        Built((("city", asking.value(TEXT, 0)),)),
        Built(()),
    )
    return asking.draw(st.sampled_from(choices))


def collection(asking: "Asking", kind: ScalarType | str, depth: int) -> Composite:
    """A collection of scalars, or of reviews."""
    choices: list[Callable[[], Composite]] = [lambda: listed(asking, kind), lambda: found(asking, kind)]
    if depth > 0:
        choices += [
            lambda: Joined(collection(asking, kind, depth - 1), collection(asking, kind, depth - 1)),
            lambda: Part(collection(asking, kind, depth - 1), number(asking, -2, 2)),
            lambda: Part(collection(asking, kind, depth - 1), number(asking, -2, 2), number(asking, -1, 2)),
        ]
    return asking.draw(st.sampled_from(choices))()


def listed(asking: "Asking", kind: ScalarType | str) -> Composite:
    """An array."""
    items: list[Bound | Composite] = []
    for _ in range(asking.draw(st.integers(0, 3))):
        if asking.draw(st.integers(0, 4)) == 0:
            items.append(Null(None))
        elif isinstance(kind, str):
            items.append(Built((("stars", asking.value(Primitive.INT32, 0)), ("text", asking.value(TEXT, 0)))))
        else:
            items.append(asking.value(kind, 0))
    return Listed(tuple(items))


def found(asking: "Asking", kind: ScalarType | str) -> Composite:
    """A stored collection, where there is one of that kind, or some of its items."""
    variable = asking.variable()
    if isinstance(kind, str):
        return Whole(Source("reviews"), collection=True)
    if kind is not TEXT:
        return listed(asking, kind)
    source = asking.draw(st.sampled_from((Source("keywords"), Source("publisher", ("imprints",)))))
    kept = (variable, asking.about(Inside(Source(variable), TEXT))) if asking.draw(st.integers(0, 3)) == 0 else None
    return Whole(source, collection=True, kept=kept)
