import math
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollscope.odata.edm.layout import KEY, TYPE, VERSION, Record
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.errors import BadRequest, NotBuilt, ODataError
from enrollscope.odata.plan.bound import (
    Arithmetic,
    Bound,
    Call,
    Column,
    Combine,
    Compare,
    Comparison,
    Logic,
    Not,
    OfRow,
    Operator,
    Parameter,
    Quantified,
    Quantifier,
    Source,
)
from enrollscope.odata.plan.commands import Actor, Create
from enrollscope.odata.plan.queries import Order, Paging, Query
from tests.conformance.commands import Library
from tests.conformance.conftest import Opened, through_poolers
from tests.conformance.library import LAYOUT
from tests.conformance.oracle import Oracle, Undefined
from tests.conformance.questions import EACH, RECORDS, conditions, each, orders
from tests.examples import examples


def stored(opened: Opened, entities: list[tuple[str, dict[str, Any]]]) -> tuple[str, list[Record]]:
    """Write entities for a new tenant, all at once."""
    tenant = str(uuid.uuid4())
    actor = Actor(tenant, None, "app", "token", "request", 1)

    async def write() -> list[Record]:
        creations = [
            Create(actor, "works", f"w{number}", name, values) for number, (name, values) in enumerate(entities)
        ]
        return [(await opened.store.write(creation)).record for creation in creations]

    return tenant, opened.run(write())


def pages(opened: Opened, tenant: str, query: Query, parameters: list[Any], size: int) -> list[Record]:
    """Everything, read page by page."""
    found: list[Record] = []
    after: tuple[Any, ...] = ()
    while True:
        resumed = Query(query.stored, query.where, query.order, resumed=bool(after))
        paging = Paging(tuple(parameters), size, after=after)
        page = opened.run(opened.store.fetch(tenant, resumed, paging)).records
        found += [record[: len(LAYOUT.names)] for record in page]
        if len(page) < size:
            return found
        after = page[-1][len(LAYOUT.names) :]


@through_poolers
@examples()
@given(RECORDS, conditions(), orders(), st.integers(1, 3))
def test_a_question_has_one_answer(
    opened: Opened,
    entities: list[tuple[str, dict[str, Any]]],
    condition: tuple[Bound, list[Any]],
    order: tuple[tuple[Order, ...], list[Any]],
    size: int,
) -> None:
    """Whatever is asked, the store finds what the evaluator finds, in its order, page by page, and counts as many."""
    tenant, records = stored(opened, entities)
    where, parameters = condition
    query = Query("works", where, (order[0][-1],))
    oracle = Oracle(LAYOUT, parameters, records=records)
    try:
        expected = oracle.ordered(query.order, oracle.matching(where, records))
    except Undefined:
        return
    assert pages(opened, tenant, query, parameters, size) == expected
    assert opened.run(opened.store.count(tenant, query, Paging(tuple(parameters), 1))) == len(expected)


@examples()
@given(RECORDS, orders(), st.integers(1, 3))
def test_pages_follow_any_order(
    opened: Opened, entities: list[tuple[str, dict[str, Any]]], order: tuple[tuple[Order, ...], list[Any]], size: int
) -> None:
    """Over any order, null lowest, the pages hold every entity once, in the order of the evaluator."""
    tenant, records = stored(opened, entities)
    keys, parameters = order
    try:
        expected = Oracle(LAYOUT, parameters, records=records).ordered(keys, records)
    except Undefined:
        return
    assert pages(opened, tenant, Query("works", None, keys), parameters, size) == expected


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in EACH])
@examples(25)
@given(RECORDS, st.data())
def test_a_function_has_one_value(
    opened: Opened, name: str, entities: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    """Every function and operator gives, for every entity, the value that the evaluator gives."""
    expression, parameters = data.draw(each(name))
    tenant, records = stored(opened, entities)
    oracle = Oracle(LAYOUT, parameters, records=records)
    query = Query("works", None, (Order(expression), Order(Column("code", Primitive.STRING))))
    page = opened.store.fetch(tenant, query, Paging(tuple(parameters), len(records)))
    try:
        expected = {record[KEY]: oracle.value(expression, record) for record in records}
    except Undefined:
        with pytest.raises(BadRequest):
            opened.run(page)
        return
    found = {record[KEY]: record[len(LAYOUT.names)] for record in opened.run(page).records}
    if expression.type is Primitive.DECIMAL:
        found = {key: value if value is None else Decimal(value) for key, value in found.items()}
    assert found == expected


TITLE = Column("title", Primitive.STRING)
PAGES = Column("pages", Primitive.INT32)
CODE = Column("code", Primitive.STRING)
DAY = Column("recorded", Primitive.DATE)
BY_CODE = (Order(CODE),)


def with_pages(opened: Opened, tenant: str, *numbers: int | None) -> Library:
    """Books of so many pages, their keys `w` and their place."""
    library = Library(opened, tenant)
    library.together(*(library.create(f"w{place}", pages=number) for place, number in enumerate(numbers)))
    return library


def keys_of(opened: Opened, tenant: str, where: Bound | None, paging: Paging) -> list[str]:
    """The keys of a page, in the order of the keys."""
    page = opened.run(opened.store.fetch(tenant, Query("works", where, BY_CODE), paging))
    return [record[KEY] for record in page.records]


@pytest.mark.parametrize(
    ("limit", "skip", "expected"),
    [
        pytest.param(2, 0, ["w0", "w1"], id="limit"),
        pytest.param(2, 3, ["w3", "w4"], id="skip"),
        pytest.param(9, 4, ["w4"], id="skip-to-the-end"),
        pytest.param(0, 0, [], id="nothing-wanted"),
        pytest.param(10**30, 10**30, [], id="more-than-a-database-can-count"),
    ],
)
def test_a_page_is_cut_out(opened: Opened, tenant: str, limit: int, skip: int, expected: list[str]) -> None:
    """A page leaves out what is to be skipped and ends at its limit."""
    with_pages(opened, tenant, 1, 2, 3, 4, 5)
    assert keys_of(opened, tenant, None, Paging((), limit, skip)) == expected


@pytest.mark.parametrize(
    ("limit", "skip", "after", "found"),
    [
        pytest.param(1, 0, (), 1, id="less-than-there-is"),
        pytest.param(3, 0, (), 3, id="just-what-there-is"),
        pytest.param(4, 0, (), 3, id="more-than-there-is"),
        pytest.param(0, 0, (), 0, id="nothing"),
        pytest.param(1, 1, (), 1, id="in-the-middle"),
        pytest.param(9, 1, (), 2, id="to-the-end"),
        pytest.param(9, 3, (), 0, id="at-the-end"),
        pytest.param(9, 7, (), 0, id="beyond-the-end"),
        pytest.param(9, 0, ("w2",), 1, id="a-later-page"),
        pytest.param(9, 0, ("w3",), 0, id="nothing-left"),
    ],
)
def test_a_total_counts_beyond_the_page(
    opened: Opened, tenant: str, limit: int, skip: int, after: tuple[str, ...], found: int
) -> None:
    """The total is of all that match, whatever the page, and only given when asked for."""
    with_pages(opened, tenant, 1, 2, 3, 4, None)
    where = Compare(Comparison.GT, PAGES, Parameter(0, Primitive.INT32))
    query = Query("works", where, BY_CODE, resumed=bool(after))
    page = opened.run(opened.store.fetch(tenant, query, Paging((1,), limit, skip, after, total=True)))
    assert (len(page.records), page.total) == (found, 3)
    assert opened.run(opened.store.fetch(tenant, query, Paging((1,), limit, skip, after))).total is None


def test_a_question_stays_within_its_tenant(opened: Opened, tenant: str) -> None:
    """No condition reaches what belongs to another tenant."""
    with_pages(opened, tenant, 1)
    other = tenant + "-other"
    where = Combine(Logic.OR, Compare(Comparison.EQ, PAGES, PAGES), Compare(Comparison.NE, PAGES, PAGES))
    assert keys_of(opened, tenant, where, Paging((), 9)) == ["w0"]
    assert keys_of(opened, other, where, Paging((), 9)) == []
    assert opened.run(opened.store.count(other, Query("works", where, ()), Paging((), 1))) == 0


def test_a_value_of_another_entity_is_of_the_same_tenant(opened: Opened, tenant: str) -> None:
    """Another row is one that the tenant has, whatever its key."""
    with_pages(opened, tenant, 1, 2)
    other = tenant + "-other"
    theirs = Library(opened, other)
    theirs.write(theirs.create("theirs", pages=3))
    of_row = OfRow(Compare(Comparison.EQ, CODE, Parameter(0, Primitive.STRING)), PAGES, Primitive.INT32)
    where = Compare(Comparison.EQ, of_row, Parameter(1, Primitive.INT32))
    assert keys_of(opened, tenant, where, Paging(("w1", 2), 9)) == ["w0", "w1"]
    assert keys_of(opened, tenant, where, Paging(("theirs", 3), 9)) == []
    assert keys_of(opened, other, where, Paging(("theirs", 3), 9)) == ["theirs"]


@examples()
@given(RECORDS, orders(), st.frozensets(st.sampled_from(sorted(LAYOUT.properties))))
def test_what_is_looked_at_is_all_that_is_needed(
    opened: Opened,
    entities: list[tuple[str, dict[str, Any]]],
    order: tuple[tuple[Order, ...], list[Any]],
    shown: frozenset[str],
) -> None:
    """Read for the sake of some properties, records have these, their head and the keys of the order as ever."""
    tenant, records = stored(opened, entities)
    try:
        Oracle(LAYOUT, order[1], records=records).ordered(order[0], records)
    except Undefined:
        return
    whole, some = (
        opened.run(opened.store.fetch(tenant, query, Paging(tuple(order[1]), 9, total=True)))
        for query in (Query("works", None, order[0]), Query("works", None, order[0], shown=shown))
    )
    assert (some.size, some.total) == (whole.size, whole.total)
    hidden = LAYOUT.places_without(shown)
    assert not hidden & {KEY, TYPE, VERSION}
    pairs = [pair for place, pair in enumerate(zip(whole.columns, some.columns, strict=True)) if place not in hidden]
    assert [list(column) for column, _ in pairs] == [list(column) for _, column in pairs]


def test_pages_stay_in_place_while_rows_come_and_go(opened: Opened, tenant: str) -> None:
    """What was there all the time is on exactly one page, whatever is inserted and deleted between them."""
    library = with_pages(opened, tenant, *range(10, 20))
    query = Query("works", None, (Order(PAGES), Order(CODE)))
    seen: list[str] = []
    after: tuple[Any, ...] = ()
    for step in range(5):
        resumed = Query(query.stored, query.where, query.order, resumed=step > 0)
        page = opened.run(opened.store.fetch(tenant, resumed, Paging((), 2, after=after))).records
        seen += [record[KEY] for record in page]
        after = page[-1][-2:]
        library.write(library.create(f"new{step}", pages=step))
        library.write(library.delete(page[0][KEY]))
    assert seen == [f"w{place}" for place in range(10)]


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        pytest.param(Operator.DIV, (7, 0), BadRequest, id="integer-by-zero"),
        pytest.param(Operator.MOD, (7, 0), BadRequest, id="remainder-by-zero"),
        pytest.param(Operator.DIV, (-7, 2), -3, id="quotient-towards-zero"),
        pytest.param(Operator.MOD, (-7, 2), -1, id="remainder-has-the-sign-of-the-left"),
        pytest.param(Operator.ADD, (2**63 - 1, 1), BadRequest, id="beyond-64-bits"),
        pytest.param(Operator.DIV, (-(2**63), -1), BadRequest, id="quotient-beyond-64-bits"),
        pytest.param(Operator.MUL, (-(2**31), 2**31), -(2**62), id="within-64-bits"),
    ],
)
def test_integers_are_exact_or_refused(
    opened: Opened, tenant: str, operator: Operator, values: tuple[int, int], expected: int | type[BadRequest]
) -> None:
    """Integer arithmetic never turns into null or a float behind the client's back."""
    with_pages(opened, tenant, 1)
    long = Primitive.INT64
    expression = Arithmetic(operator, Parameter(0, long), Parameter(1, long), long)
    page = opened.store.fetch(tenant, Query("works", None, (Order(expression), *BY_CODE)), Paging(values, 1))
    if isinstance(expected, int):
        assert opened.run(page).records[0][-2] == expected
    else:
        with pytest.raises(expected):
            opened.run(page)


@pytest.mark.parametrize(
    ("expression", "parameters", "refusal"),
    [
        pytest.param(Compare(Comparison.EQ, TITLE, Parameter(0, TITLE.type)), ("a\0b",), BadRequest, id="nul"),
        pytest.param(
            Compare(Comparison.NE, Column("weight", Primitive.DOUBLE), Parameter(0, Primitive.DOUBLE)),
            (math.nan,),
            NotBuilt,
            id="nan",
        ),
        pytest.param(Call("geo.intersects", (TITLE, TITLE), Primitive.BOOLEAN), (), NotBuilt, id="not-offered"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(
    opened: Opened, tenant: str, expression: Bound, parameters: tuple[Any, ...], refusal: type[ODataError]
) -> None:
    """A question that no store could answer rightly is refused, not answered wrongly."""
    with_pages(opened, tenant, 1)
    with pytest.raises(refusal):
        keys_of(opened, tenant, expression, Paging(parameters, 9))


def chained(logic: Logic, links: list[Bound], leaning: str) -> Bound:
    """Join conditions in one of the ways in which a chain can be bracketed."""
    if len(links) == 1:
        return links[0]
    middle = {"left": len(links) - 1, "right": 1, "balanced": len(links) // 2}[leaning]
    return Combine(logic, chained(logic, links[:middle], leaning), chained(logic, links[middle:], leaning))


@pytest.mark.slow
@pytest.mark.parametrize("logic", [pytest.param(logic, id=logic.value) for logic in Logic])
@pytest.mark.parametrize(
    ("leaning", "count"),
    [
        pytest.param("left", 200, id="left"),
        pytest.param("right", 200, id="right"),
        pytest.param("balanced", 4_000, id="balanced"),
    ],
)
def test_a_long_chain_is_no_deep_one(opened: Opened, tenant: str, logic: Logic, leaning: str, count: int) -> None:
    """A long chain of conditions is answered: it is no deep expression, however it is bracketed."""
    with_pages(opened, tenant, 1, count - 1, count)
    operator = Comparison.EQ if logic is Logic.OR else Comparison.NE
    links: list[Bound] = [Compare(operator, PAGES, Parameter(number, Primitive.INT32)) for number in range(count)]
    expected = ["w0", "w1"] if logic is Logic.OR else ["w2"]
    assert keys_of(opened, tenant, chained(logic, links, leaning), Paging(tuple(range(count)), 9)) == expected


@pytest.mark.parametrize("quantifier", [pytest.param(each, id=each.value) for each in Quantifier])
def test_nothing_is_asked_of_elements_that_are_not_there(opened: Opened, tenant: str, quantifier: Quantifier) -> None:
    """A predicate that divides by zero is refused for those entities alone whose collection has something in it."""
    library = Library(opened, tenant)
    library.write(library.create("w1", pages=0, keywords=[]))
    quotient = Arithmetic(Operator.DIV, PAGES, PAGES, Primitive.INT32)
    predicate = Compare(Comparison.EQ, quotient, Parameter(0, Primitive.INT32))
    query = Query("works", Quantified(quantifier, Source("keywords"), 1, predicate), (Order(CODE),))
    found = opened.run(opened.store.fetch(tenant, query, Paging((1,), 9))).size
    assert found == (quantifier is Quantifier.ALL)
    library.write(library.create("w2", pages=0, keywords=["a"]))
    with pytest.raises(BadRequest, match="zero"):
        opened.run(opened.store.fetch(tenant, query, Paging((1,), 9)))


def test_time_goes_on(opened: Opened, tenant: str) -> None:
    """`now()` is the time that the paging names, so that it can be the same on all pages."""
    with_pages(opened, tenant, 1)
    where = Compare(
        Comparison.GT, Call("now", (), Primitive.DATE_TIME_OFFSET), Parameter(0, Primitive.DATE_TIME_OFFSET)
    )
    assert keys_of(opened, tenant, where, Paging((6,), 9, now=7)) == ["w0"]
    assert keys_of(opened, tenant, where, Paging((7,), 9, now=7)) == []


def test_a_negation_can_be_compared(opened: Opened, tenant: str) -> None:
    """What is denied is the operand of `not` alone."""
    with_pages(opened, tenant, 1, 2)
    two = Compare(Comparison.EQ, PAGES, Parameter(0, Primitive.INT32))
    truth = Parameter(1, Primitive.BOOLEAN)
    for operator, expected in ((Comparison.GE, ["w0"]), (Comparison.LT, ["w1"])):
        assert keys_of(opened, tenant, Compare(operator, Not(two), truth), Paging((2, True), 9)) == expected
