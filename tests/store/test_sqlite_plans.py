"""How SQLite means to answer the questions that people ask: its plans, at a new store of the product."""

import apsw
import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.plan.bound import (
    Bound,
    Column,
    Combine,
    Compare,
    Comparison,
    Field,
    Logic,
    OfType,
    Parameter,
    SameText,
)
from enrollscope.odata.plan.queries import Aggregation, Group, Method, Order, Paging, Query
from enrollscope.store.opening import migrate_store
from enrollscope.store.sqlite_functions import register
from enrollscope.store.sqlite_questions import Questions
from enrollscope.store.statements import Statement

EVENTS = Layout.of(SCHEMA.whole, SCHEMA.stored[0])
TIME, KEY = Column("eventDateTime", Primitive.DATE_TIME_OFFSET), Column("id", Primitive.STRING)
NEWEST = (Order(TIME, descending=True), Order(KEY, descending=True))
OLDEST = (Order(TIME), Order(KEY))
OF_USER = SameText(Column("userId", Primitive.STRING), Parameter(0, Primitive.STRING))
SINCE = Compare(Comparison.GE, TIME, Parameter(1, Primitive.DATE_TIME_OFFSET))


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> apsw.Connection:
    """A new store of the product."""
    path = tmp_path_factory.mktemp("events") / "events.db"
    migrate_store(f"sqlite:///{path}", SCHEMA)
    connection = apsw.Connection(str(path))
    register(connection)
    return connection


def steps_of(events: apsw.Connection, query: Query, paging: Paging) -> list[str]:
    """How SQLite means to answer."""
    statement: Statement = Questions(SCHEMA, {"events": EVENTS}, {}).page(query, paging)[0]
    explained = events.execute("EXPLAIN QUERY PLAN " + statement.text, statement.values("tenant", paging)).fetchall()
    return [str(step[3]) for step in explained]


@pytest.mark.parametrize(
    ("query", "plan"),
    [
        pytest.param(Query("events", None, NEWEST), "USING INDEX events_in_order (tenant_id=?)", id="newest-first"),
        pytest.param(
            Query("events", None, NEWEST, resumed=True),
            "USING INDEX events_in_order (tenant_id=? AND (event_date_time_ticks,id)<(?,?))",
            id="any-later-page",
        ),
        pytest.param(
            Query("events", None, OLDEST, resumed=True),
            "USING INDEX events_in_order (tenant_id=? AND (event_date_time_ticks,id)>(?,?))",
            id="any-later-page-oldest-first",
        ),
        pytest.param(
            Query("events", SINCE, NEWEST),
            "USING INDEX events_in_order (tenant_id=? AND event_date_time_ticks>?)",
            id="time-range",
        ),
        pytest.param(
            Query("events", OF_USER, NEWEST), "USING INDEX events_of_user_id (tenant_id=? AND <expr>=?)", id="of-a-user"
        ),
        pytest.param(
            Query("events", Combine(Logic.AND, OF_USER, SINCE), NEWEST, resumed=True),
            "USING INDEX events_of_user_id"
            " (tenant_id=? AND <expr>=? AND event_date_time_ticks>? AND (event_date_time_ticks,id)<(?,?))",
            id="later-page-of-a-user",
        ),
    ],
)
def test_a_page_is_a_range_of_an_index(events: apsw.Connection, query: Query, plan: str) -> None:
    """The lists that everybody asks for go to their place in an index and read on: nothing is sorted or passed over."""
    after = (638_000_000_000_000_000, "key") if query.resumed else ()
    steps = steps_of(events, query, Paging(("user", 5), 100, after=after))
    assert len(steps) == 1
    assert steps[0] == f"SEARCH events {plan}"


CATEGORY, USER = Column("failureCategory", Primitive.INT32), Column("userId", Primitive.STRING)
IN_TABLE, ONE_SORTING = "SEARCH events USING PRIMARY KEY (tenant_id=?)", "USE TEMP B-TREE FOR GROUP BY"
COUNT = Aggregation(Method.COUNT, None, Primitive.INT64)
LAST = Aggregation(Method.MAX, TIME, Primitive.DATE_TIME_OFFSET)
FIRST, SECOND, COUNTED = Field(0, Primitive.STRING), Field(1, Primitive.STRING), Field(1, Primitive.INT64)
MANY = Compare(Comparison.GT, COUNTED, Parameter(0, Primitive.INT64))


@pytest.mark.parametrize(
    ("keys", "aggregates", "where", "order", "plan"),
    [
        pytest.param((CATEGORY,), (COUNT,), None, (Order(FIRST),), [IN_TABLE, ONE_SORTING], id="count"),
        pytest.param((USER,), (COUNT, LAST), None, (Order(FIRST),), [IN_TABLE, ONE_SORTING], id="more"),
        pytest.param((USER,), (), None, (Order(FIRST),), [IN_TABLE, ONE_SORTING], id="none"),
        pytest.param(
            (CATEGORY, USER), (COUNT,), None, (Order(FIRST), Order(SECOND)), [IN_TABLE, ONE_SORTING], id="two-keys"
        ),
        pytest.param(
            (USER,), (COUNT,), None, (Order(FIRST, descending=True),), [IN_TABLE, ONE_SORTING], id="descending"
        ),
        pytest.param(
            (OfType(USER, frozenset({"enrollmentTroubleshootingEvent"}), Primitive.STRING),),
            (COUNT,),
            None,
            (Order(FIRST),),
            [IN_TABLE, ONE_SORTING],
            id="of-a-type",
        ),
        pytest.param((USER,), (COUNT,), MANY, (Order(FIRST),), [IN_TABLE, ONE_SORTING], id="only-some-groups"),
        pytest.param(
            (USER,),
            (COUNT,),
            None,
            (Order(COUNTED, descending=True), Order(FIRST, descending=True)),
            [IN_TABLE, ONE_SORTING, "USE TEMP B-TREE FOR ORDER BY"],
            id="largest-first",
        ),
        pytest.param(
            (TIME,),
            (COUNT,),
            None,
            (Order(FIRST),),
            ["SEARCH events USING COVERING INDEX events_in_order (tenant_id=?)"],
            id="indexed",
        ),
    ],
)
def test_groups_are_sorted_once(
    events: apsw.Connection,
    keys: tuple[Bound, ...],
    aggregates: tuple[Aggregation, ...],
    where: Bound | None,
    order: tuple[Order, ...],
    plan: list[str],
) -> None:
    """Groups come in the order of their keys as they are made: nobody waits for all of them to see the first."""
    query = Query("events", where, order, steps=(Group(keys, aggregates),))
    assert steps_of(events, query, Paging((5,), 100)) == plan
