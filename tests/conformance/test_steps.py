"""What steps make of rows, one answer for every store."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import BadRequest
from enrollscope.odata.plan.bound import Bound, Column, Combine, Compare, Comparison, Field, Logic, Parameter
from enrollscope.odata.plan.queries import Aggregation, Group, Keep, Method, Order, Paging, Query
from tests.conformance.conftest import Opened
from tests.conformance.library import GENRE, LAYOUT
from tests.conformance.oracle import Oracle, Undefined
from tests.conformance.questions import RECORDS
from tests.conformance.steps import CODE, PAGES, PRICE, Stepping, Taking, same, stepped
from tests.conformance.test_questions import stored
from tests.examples import examples


def all_rows(opened: Opened, tenant: str, query: Query, parameters: tuple[Any, ...], size: int) -> list[Record]:
    """Everything, read page by page."""
    found: list[Record] = []
    after: tuple[Any, ...] = ()
    while True:
        resumed = Query(query.stored, query.where, query.order, bool(after), query.steps, query.computed)
        page = opened.run(opened.store.fetch(tenant, resumed, Paging(parameters, size, after=after))).records
        found += page
        if len(page) < size or not query.order:
            return found
        after = page[-1][-len(query.order) :]


@examples(150)
@given(RECORDS, stepped(), st.data())
def test_steps_have_one_outcome(
    opened: Opened, entities: list[tuple[str, dict[str, Any]]], stepping: Stepping, data: st.DataObject
) -> None:
    """Whatever the steps are, the store makes of the rows what the evaluator makes of them, page by page."""
    tenant, records = stored(opened, entities)
    order = stepping.order() if stepping.identity else ()
    parameters = tuple(stepping.parameters)
    query = Query("works", None, order, steps=tuple(stepping.steps))
    oracle = Oracle(LAYOUT, parameters, records=records)
    kinds = stepping.row
    size = data.draw(st.integers(1, 3))
    try:
        expected = oracle.ordered(order, Taking(oracle).take(stepping.steps, records))
    except Undefined:
        return
    found = all_rows(opened, tenant, query, parameters, size)
    if kinds is None:
        assert [row[: len(LAYOUT.names)] for row in found] == expected
    else:
        assert len(found) == len(expected)
        for row, wanted in zip(found, expected, strict=True):
            assert all(same(*each) for each in zip(row[: len(kinds)], wanted, kinds, strict=True)), (row, wanted)
    assert opened.run(opened.store.count(tenant, query, Paging(parameters, 1))) == len(expected)


def books(opened: Opened, *books: dict[str, Any]) -> str:
    """Books with these properties, of a tenant of their own."""
    return stored(opened, [("book", {"issued": Instant(number)} | book) for number, book in enumerate(books)])[0]


GENRE_OF = Column("genre", GENRE)
COUNT = Aggregation(Method.COUNT, None, Primitive.INT64)


def test_groups_count_their_members(opened: Opened) -> None:
    """One row a group, null too."""
    tenant = books(opened, {"genre": 1}, {"genre": 0}, {}, {"genre": 1})
    query = Query("works", None, (Order(Field(0, GENRE)),), steps=(Group((GENRE_OF,), (COUNT,)),))
    found = all_rows(opened, tenant, query, (), 2)
    assert [row[:2] for row in found] == [(None, 1), (0, 1), (1, 2)]


def test_without_keys_there_is_one_row(opened: Opened) -> None:
    """Also of nothing: the counts are zero, and there is no greatest."""
    tenant = books(opened)
    greatest = Aggregation(Method.MAX, PAGES, Primitive.INT32)
    distinct = Aggregation(Method.COUNT_DISTINCT, PAGES, Primitive.INT64)
    query = Query("works", None, (), steps=(Group((), (COUNT, greatest, distinct)),))
    assert all_rows(opened, tenant, query, (), 9) == [(0, None, 0)]


def test_equal_decimals_are_one_group(opened: Opened) -> None:
    """However they are spelt."""
    tenant = books(opened, {"price": "1.50"}, {"price": "1.5"}, {"price": "10.0"})
    query = Query("works", None, (Order(Field(0, Primitive.DECIMAL)),), steps=(Group((PRICE,), (COUNT,)),))
    assert [row[1] for row in all_rows(opened, tenant, query, (), 9)] == [2, 1]


def test_a_sum_beyond_64_bits_is_refused(opened: Opened) -> None:
    """Not rounded, and not answered wrongly."""
    tenant = books(opened, {"printed": 2**63 - 1}, {"printed": 1})
    total = Aggregation(Method.SUM, Column("printed", Primitive.INT64), Primitive.INT64)
    with pytest.raises(BadRequest, match="leaves the range"):
        all_rows(opened, tenant, Query("works", None, (), steps=(Group((), (total,)),)), (), 9)


def test_conditions_hold_before_and_after(opened: Opened) -> None:
    """What stands in a step narrows the rows that are grouped; the condition of the query, the groups."""
    tenant = books(opened, {"genre": 1, "pages": 1}, {"genre": 1, "pages": 2}, {"genre": 0, "pages": 9}, {"genre": 2})
    long_ones = Keep(Compare(Comparison.LT, PAGES, Parameter(0, Primitive.INT32)))
    many: Bound = Compare(Comparison.GE, Field(1, Primitive.INT64), Parameter(1, Primitive.INT32))
    both = Combine(Logic.AND, many, Compare(Comparison.EQ, Field(0, GENRE), Parameter(2, GENRE)))
    query = Query("works", both, (Order(Field(0, GENRE)),), steps=(long_ones, Group((GENRE_OF,), (COUNT,))))
    assert [row[:2] for row in all_rows(opened, tenant, query, (5, 2, 1), 9)] == [(1, 2)]


def test_computed_values_follow_the_record(opened: Opened) -> None:
    """Behind the record, and before the order keys."""
    tenant = books(opened, {"pages": 7})
    query = Query("works", None, (Order(CODE),), computed=(PAGES, CODE))
    (row,) = all_rows(opened, tenant, query, (), 9)
    assert row[len(LAYOUT.names) :] == (7, "w0", "w0")
