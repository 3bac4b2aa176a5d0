"""What is picked out of collections, one answer for every store."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import BadRequest
from enrollscope.odata.plan.bound import (
    Arithmetic,
    Bound,
    Call,
    Column,
    Compare,
    Comparison,
    Inside,
    Mentions,
    Operator,
    Parameter,
    Present,
    Source,
)
from enrollscope.odata.plan.queries import Order, Paging, Positions, Query
from tests.conformance.conftest import Opened
from tests.conformance.library import LAYOUT
from tests.conformance.oracle import Oracle, Undefined
from tests.conformance.questions import RECORDS, Asking
from tests.conformance.test_questions import stored
from tests.examples import examples

KEYS = (Primitive.STRING, Primitive.INT32, Primitive.DECIMAL, Primitive.INT64, Primitive.DATE)
STRING, INT32, INT64 = Primitive.STRING, Primitive.INT32, Primitive.INT64
TEXT, STARS = Inside(Source(1, ("text",)), STRING), Inside(Source(1, ("stars",)), INT32)
ISSUED = {"issued": Instant(1)}
IMPRINTS = Source("publisher", ("imprints",))


@st.composite
def picking(draw: st.DrawFn) -> tuple[Positions, list[Any]]:
    """What to pick out of some collection, and the literals."""
    asking = Asking(draw)
    with asking.elements() as (collection, variable):
        where = asking.condition(2) if draw(st.booleans()) else None
        order = tuple(
            Order(asking.value(draw(st.sampled_from(KEYS)), 1), draw(st.booleans()))
            for _ in range(draw(st.integers(0, 2)))
        )
        values = tuple(asking.value(draw(st.sampled_from(KEYS)), 1) for _ in range(draw(st.integers(0, 2))))
    bounds: list[Bound | None] = []
    for _ in range(2):
        if number := draw(st.none() | st.integers(0, 3)):
            asking.parameters.append(number)
        bounds.append(Parameter(len(asking.parameters) - 1, INT64) if number else None)
    return Positions(collection, variable, where, order, bounds[0], bounds[1], values), asking.parameters


def picked(opened: Opened, tenant: str, wanted: Positions, parameters: tuple[Any, ...], limit: int = 99) -> list[Any]:
    """What is picked out of each entity, by key."""
    code = Column("code", STRING)
    query = Query("works", None, (Order(code),), computed=(code, wanted))
    records = opened.run(opened.store.fetch(tenant, query, Paging(parameters, limit))).records
    return [json.loads(record[len(LAYOUT.names) + 1] or "[]") for record in records]


def as_shown(record: Record, wanted: Positions, oracle: Oracle) -> list[Any]:
    """What the evaluator picks out, in the form of stores."""
    found = oracle.picked(wanted, record)
    return [[position, *values] if wanted.values else position for position, values in found]


def plain(entries: list[Any], wanted: Positions) -> list[Any]:
    """Decimals that are equal need not be spelt alike."""
    kinds = [value.type for value in wanted.values]
    return [
        [entry[0], *(Decimal(value) if kind is Primitive.DECIMAL and value is not None else value
                     for value, kind in zip(entry[1:], kinds, strict=True))] if kinds else entry
        for entry in entries
    ]  # fmt: skip


@examples(200)
@given(RECORDS, picking())
def test_what_is_picked_out_has_one_answer(
    opened: Opened, entities: list[tuple[str, dict[str, Any]]], asked: tuple[Positions, list[Any]]
) -> None:
    """Whatever is picked out, the store finds the elements and values that the evaluator finds, in its order."""
    wanted, parameters = asked
    tenant, records = stored(opened, entities)
    oracle = Oracle(LAYOUT, parameters, records=records)
    try:
        expected = [as_shown(record, wanted, oracle) for record in records]
    except Undefined:
        return
    try:
        found = picked(opened, tenant, wanted, tuple(parameters))
    except BadRequest:
        reject()  # a database may compute in advance what no item asks for, and refuse that
    assert [plain(entries, wanted) for entries in found] == expected


REVIEWS = [{"text": "bé", "stars": 5}, None, {"text": "a", "stars": None}, {"text": "B", "stars": 5}, {"text": "a"}]
WHOLE = Positions(Source("reviews"), 1)


@pytest.mark.parametrize(
    ("wanted", "parameters", "expected"),
    [
        pytest.param(WHOLE, (), [0, 1, 2, 3, 4], id="everything"),
        pytest.param(replace(WHOLE, where=Present(Source(1))), (), [0, 2, 3, 4], id="no-nulls"),
        pytest.param(
            replace(WHOLE, where=Compare(Comparison.EQ, STARS, Parameter(0, INT32))), (5,), [0, 3], id="condition"
        ),
        pytest.param(replace(WHOLE, where=Mentions(Parameter(0, STRING), (TEXT,))), ("b",), [0, 3], id="search"),
        pytest.param(replace(WHOLE, order=(Order(STARS),)), (), [1, 2, 4, 0, 3], id="null-is-lowest"),
        pytest.param(
            replace(WHOLE, order=(Order(STARS, descending=True), Order(TEXT))), (), [3, 0, 1, 2, 4], id="two-keys"
        ),
        pytest.param(replace(WHOLE, top=Parameter(0, INT64)), (2,), [0, 1], id="top"),
        pytest.param(replace(WHOLE, top=Parameter(0, INT64)), (0,), [], id="top-of-nothing"),
        pytest.param(replace(WHOLE, skip=Parameter(0, INT64)), (3,), [3, 4], id="skip"),
        pytest.param(replace(WHOLE, skip=Parameter(0, INT64)), (10**18 - 1,), [], id="skip-of-all"),
        pytest.param(
            replace(WHOLE, order=(Order(TEXT, descending=True),), skip=Parameter(0, INT64), top=Parameter(1, INT64)),
            (1, 2),
            [2, 4],
            id="order-then-skip-then-top",
        ),
        pytest.param(
            replace(WHOLE, where=Present(Source(1)), values=(STARS, Call("length", (TEXT,), INT32))),
            (),
            [[0, 5, 2], [2, None, 1], [3, 5, 1], [4, None, 1]],
            id="values",
        ),
        pytest.param(Positions(IMPRINTS, 1, order=(Order(Inside(Source(1), STRING)),)), (), [1, 2, 0], id="inside"),
        pytest.param(Positions(Source("keywords"), 1), (), [], id="of-nothing"),
        pytest.param(
            replace(WHOLE, where=Compare(Comparison.EQ, TEXT, Column("title", STRING))), (), [2, 4], id="of-the-entity"
        ),
    ],
)
def test_items_are_picked_out(
    opened: Opened, wanted: Positions, parameters: tuple[Any, ...], expected: list[Any]
) -> None:
    """Condition, order, skip and top take effect in this order; what is equal stays in place, null is an item too."""
    values = {"title": "a", "reviews": REVIEWS, "publisher": {"imprints": ["z", "A", "a"]}}
    tenant, _ = stored(opened, [("work", ISSUED | values)])
    assert picked(opened, tenant, wanted, parameters) == [expected]


def test_each_entity_has_its_own(opened: Opened) -> None:
    """What is picked out of one entity is of that entity, on every page."""
    tenant, _ = stored(opened, [("book", ISSUED | {"keywords": ["b", "a"][:number]}) for number in range(3)])
    wanted = Positions(Source("keywords"), 1, order=(Order(Inside(Source(1), STRING)),))
    assert picked(opened, tenant, wanted, ()) == [[], [0], [1, 0]]
    assert picked(opened, tenant, wanted, (), limit=2) == [[], [0]]


def test_what_cannot_be_computed_is_refused(opened: Opened) -> None:
    """As everywhere else in a question."""
    tenant, _ = stored(opened, [("work", ISSUED | {"reviews": REVIEWS})])
    quotient = Arithmetic(Operator.DIV, Parameter(0, INT32), Parameter(1, INT32), INT32)
    with pytest.raises(BadRequest):
        picked(opened, tenant, replace(WHOLE, values=(quotient,)), (1, 0))
