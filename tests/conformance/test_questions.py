import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrollscope.odata.bound import Bound, Column
from enrollscope.odata.edm import Primitive
from enrollscope.odata.errors import BadRequest
from enrollscope.odata.layout import KEY, Record
from enrollscope.odata.plan import Actor, Create, Order, Paging, Query
from tests.conformance.conftest import Opened
from tests.conformance.library import LAYOUT
from tests.conformance.oracle import Oracle, Undefined
from tests.conformance.questions import EACH, RECORDS, conditions, each, orders

EXAMPLES = settings(deadline=None, suppress_health_check=list(HealthCheck))


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


@EXAMPLES
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
    oracle = Oracle(LAYOUT, parameters)
    try:
        expected = oracle.ordered(query.order, oracle.matching(where, records))
    except Undefined:
        return
    assert pages(opened, tenant, query, parameters, size) == expected
    assert opened.run(opened.store.count(tenant, query, tuple(parameters))) == len(expected)


@EXAMPLES
@given(RECORDS, orders(), st.integers(1, 3))
def test_pages_follow_any_order(
    opened: Opened, entities: list[tuple[str, dict[str, Any]]], order: tuple[tuple[Order, ...], list[Any]], size: int
) -> None:
    """Over any order, null lowest, the pages hold every entity once, in the order of the evaluator."""
    tenant, records = stored(opened, entities)
    keys, parameters = order
    try:
        expected = Oracle(LAYOUT, parameters).ordered(keys, records)
    except Undefined:
        return
    assert pages(opened, tenant, Query("works", None, keys), parameters, size) == expected


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in EACH])
@settings(EXAMPLES, max_examples=25)
@given(RECORDS, st.data())
def test_a_function_has_one_value(
    opened: Opened, name: str, entities: list[tuple[str, dict[str, Any]]], data: st.DataObject
) -> None:
    """Every function and operator gives, for every entity, the value that the evaluator gives."""
    expression, parameters = data.draw(each(name))
    tenant, records = stored(opened, entities)
    oracle = Oracle(LAYOUT, parameters)
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
