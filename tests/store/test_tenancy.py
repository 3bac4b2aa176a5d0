"""The reader of statements that the proof of tenancy rests on: what it takes for bound, and what it does not."""

from collections.abc import Sequence
from typing import Any

import pytest
from asyncpg.connection import LoggedQuery

from tests.tenancy import Read, Unbound, Watch, read

ANYWHERE: tuple[Any, Any] = (None, None)
TABLES = frozenset(("events", "events_index", "changes", "positions"))


@pytest.mark.parametrize(
    ("text", "tenants"),
    [
        pytest.param("SELECT id FROM events WHERE tenant_id = $1", {1}, id="one-table"),
        pytest.param(
            "SELECT id FROM events e WHERE $2::text = e.tenant_id AND (a OR b)", {2}, id="any-side-any-number"
        ),
        pytest.param('SELECT id FROM events WHERE tenant_id = $1::text COLLATE "C"', {1}, id="collated"),
        pytest.param(
            "SELECT 1 FROM events e JOIN events_index i ON i.tenant_id = $1 AND i.id = e.id WHERE e.tenant_id = $1",
            {1},
            id="joined-both-compared",
        ),
        pytest.param(
            "SELECT 1 FROM events e, events_index i WHERE i.tenant_id = e.tenant_id AND e.tenant_id = $1",
            {1},
            id="from-one-to-the-next",
        ),
        pytest.param(
            "SELECT 1 FROM events e LEFT JOIN events_index i ON i.tenant_id = e.tenant_id WHERE e.tenant_id = $1",
            {1},
            id="the-side-that-may-be-missing",
        ),
        pytest.param(
            "SELECT (SELECT last FROM positions p WHERE p.tenant_id = e.tenant_id) FROM events e WHERE tenant_id = $1",
            {1},
            id="by-the-query-around",
        ),
        pytest.param("WITH events AS (SELECT 1) SELECT * FROM events", set(), id="a-member-of-with-of-that-name"),
        pytest.param("INSERT INTO events (id, tenant_id) VALUES ('a', $1), ('b', $1)", {1}, id="insert-values"),
        pytest.param(
            "INSERT INTO events (tenant_id) SELECT $1 FROM unnest($2::text[]) AS n (a) UNION ALL SELECT $1",
            {1},
            id="insert-select",
        ),
        pytest.param("UPDATE events SET a = 1 WHERE tenant_id = $1", {1}, id="update"),
        pytest.param("DELETE FROM events e USING unnest($2::text[]) AS n (a) WHERE e.tenant_id = $1", {1}, id="delete"),
        pytest.param("SELECT id FROM events WHERE false", set(), id="nothing-at-all"),
        pytest.param("SELECT value FROM secrets", set(), id="of-nobody"),
        pytest.param("SELECT 1 FROM pg_settings, pg_catalog.pg_class", set(), id="catalog"),
        pytest.param("SET statement_timeout = 1", set(), id="setting"),
    ],
)
def test_a_statement_that_names_its_tenant(text: str, tenants: set[int]) -> None:
    """It tells which parameters are the tenant."""
    assert read(text, TABLES) == Read(frozenset(tenants))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("SELECT id FROM events", id="no-condition"),
        pytest.param("SELECT id FROM events WHERE id = $1", id="another-column"),
        pytest.param("SELECT id FROM events WHERE tenant_id = $1 OR true", id="either-or"),
        pytest.param("SELECT id FROM events WHERE NOT tenant_id = $1", id="not"),
        pytest.param("SELECT id FROM events WHERE false OR a", id="false-or-not"),
        pytest.param("SELECT 1 WHERE false OR EXISTS (SELECT FROM events)", id="false-and-inside-of-it"),
        pytest.param("SELECT id FROM events WHERE tenant_id <> $1", id="other-operator"),
        pytest.param("SELECT id FROM events WHERE tenant_id = ANY($1)", id="several-tenants"),
        pytest.param("SELECT id FROM events WHERE lower(tenant_id) = $1", id="not-the-column-itself"),
        pytest.param("SELECT id FROM events WHERE tenant_id = 'a'", id="written-out"),
        pytest.param("SELECT id FROM events WHERE tenant_id = tenant_id", id="itself"),
        pytest.param("SELECT 1 FROM events e, events_index i WHERE e.tenant_id = $1", id="one-of-two"),
        pytest.param("SELECT 1 FROM events e, events_index i WHERE i.tenant_id = e.tenant_id", id="each-other"),
        pytest.param(
            "SELECT 1 FROM events e LEFT JOIN events_index i ON e.tenant_id = $1 AND i.tenant_id = $1",
            id="a-condition-of-the-other-side",
        ),
        pytest.param(
            "SELECT 1 FROM events e FULL JOIN events_index i ON e.tenant_id = $1 AND i.tenant_id = $1", id="both-sides"
        ),
        pytest.param("SELECT id FROM events WHERE tenant_id = $1 UNION SELECT id FROM events", id="union"),
        pytest.param("SELECT 1 WHERE EXISTS (SELECT FROM events)", id="subquery"),
        pytest.param("SELECT 1 FROM events WHERE tenant_id = $1 ORDER BY (SELECT max(id) FROM changes)", id="order"),
        pytest.param("SELECT 1 FROM (SELECT id FROM events) AS s", id="subquery-in-from"),
        pytest.param(
            "WITH a AS (SELECT id FROM events) SELECT 1 FROM events WHERE tenant_id = $1", id="member-of-with"
        ),
        pytest.param("WITH a AS (DELETE FROM events RETURNING id) SELECT 1", id="delete-in-with"),
        pytest.param("WITH events AS (SELECT 1) SELECT 1 FROM public.events", id="the-table-despite-with"),
        pytest.param("INSERT INTO events (id) VALUES ($1)", id="insert-no-tenant"),
        pytest.param("INSERT INTO events (tenant_id) VALUES ($1), ('b')", id="insert-another"),
        pytest.param(
            "INSERT INTO events (tenant_id) SELECT $1 UNION ALL SELECT n FROM secrets AS n", id="insert-union"
        ),
        pytest.param(
            "INSERT INTO positions (tenant_id, last) VALUES ($1, 1) ON CONFLICT (last) DO UPDATE SET last = 1",
            id="conflict-with-another",
        ),
        pytest.param("UPDATE events SET tenant_id = $2 WHERE tenant_id = $1", id="given-away"),
        pytest.param("UPDATE events e SET a = 1 FROM changes c WHERE e.tenant_id = $1", id="update-from"),
        pytest.param("TRUNCATE events", id="truncate"),
        pytest.param("SELECT * FROM others", id="table-nobody-knows"),
        pytest.param("SELECT store_something($1)", id="function-nobody-knows"),
    ],
)
def test_a_statement_that_does_not(text: str) -> None:
    """It is refused, wherever the tenant is missing."""
    with pytest.raises(Unbound):
        read(text, TABLES)


@pytest.mark.parametrize(
    ("sent", "faults"),
    [
        pytest.param([("BEGIN", ()), ("SELECT", ("a",)), ("SELECT", ("a",)), ("COMMIT", ())], 0, id="one-tenant"),
        pytest.param([("BEGIN", ()), ("SELECT", ("a",)), ("SELECT", ("b",)), ("COMMIT", ())], 1, id="two-tenants"),
        pytest.param([("SELECT", ("a",)), ("SELECT", ("b",))], 0, id="each-by-itself"),
        pytest.param(
            [("BEGIN;", ()), ("SELECT", ("a",)), ("ROLLBACK;", ()), ("BEGIN", ()), ("SELECT", ("b",))],
            0,
            id="one-after-the-other",
        ),
    ],
)
def test_a_transaction_that_spans_tenants(sent: Sequence[tuple[str, tuple[Any, ...]]], faults: int) -> None:
    """It is noticed by the values of the parameters, between its beginning and its end."""
    watch = Watch(TABLES)
    hear = watch.line()
    for text, values in sent:
        query = text.replace("SELECT", "SELECT id FROM events WHERE tenant_id = $1")
        hear(LoggedQuery(query, values, None, 0.0, None, *ANYWHERE))
    assert len(watch.faults) == faults
