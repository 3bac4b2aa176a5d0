"""The questions that people ask, at a million events: how the server answers each."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import asyncpg
import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.binding.binder import Asked, Binder
from enrollscope.odata.edm.layout import KEY, Layout, Record
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.grammar.options import parse_options
from enrollscope.odata.plan.commands import ALWAYS, Actor, Create, Delete, Update
from enrollscope.odata.plan.queries import Paging, Query
from enrollscope.odata.plan.requests import CountCollection, ReadCollection
from enrollscope.odata.protocol.cursors import CursorSigner
from enrollscope.odata.protocol.headers import Preferences
from enrollscope.store.history import MIGRATIONS, Migrations
from enrollscope.store.opening import migrate_store, open_store
from enrollscope.store.postgres import IN_ORDER
from enrollscope.store.postgres_migrations import migrate
from enrollscope.store.postgres_questions import Questions, postgres_statements
from tests.index_tables import index_table
from tests.postgres import Server

pytestmark = pytest.mark.slow

EVENTS = 1_000_000
TENANT = "tenant-3"
USER = "00000000-0000-0000-0000-000000000007"
DEVICE = "00000000-0000-0000-0000-000000000001"

# A quarter is spread over a few tenants; the one that asks has the rest. What is filled in order is filled fast.
FILL = f"""
INSERT INTO events (tenant_id, id, type, version, event_date_time_ticks, event_date_time_offset, correlation_id,
  operating_system, os_version, user_id, device_id, enrollment_type, failure_category, failure_reason,
  created_ticks, modified_ticks)
SELECT CASE WHEN n % 4 = 0 THEN 'tenant-' || n % 10 ELSE '{TENANT}' END, md5(n::text)::uuid::text,
  'enrollmentTroubleshootingEvent', 1, 636188256000000000 + (n::bigint * 7919 % 2838240000) * 1000000, 0,
  md5('c' || n)::uuid::text, (ARRAY['Windows', 'iOS', 'Android', 'macOS'])[1 + n % 4], '10.0.' || n % 30,
  '00000000-0000-0000-0000-' || lpad((n % 20000)::text, 12, '0'), md5('d' || n % 50000)::uuid::text, n % 13, n % 12,
  '0x' || to_hex(x'80180000'::bigint + n % 3000) || ' at step ' || n % 17, 1, 1
FROM generate_series(1, {{count}}) AS n ORDER BY 1, 2
"""  # noqa: S608 - constants

FILL_SHARED = """
INSERT INTO events (tenant_id, id, type, version, event_date_time_ticks, event_date_time_offset, failure_category,
  created_ticks, modified_ticks)
SELECT 'tenant-' || t, md5(n::text)::uuid::text, 'enrollmentTroubleshootingEvent', 1, 636188256000000000 + n, 0, n % 3,
  1, 1
FROM generate_series(1, 200) AS t, generate_series(1, 300) AS n
"""

LAYOUTS = {stored.name: Layout.of(SCHEMA.whole, stored) for stored in SCHEMA.stored}
INDEX = index_table(SCHEMA)
ACTOR = Actor(TENANT, None, "app", "token", "request", 1)
KINDS = frozenset({"enrollmentTroubleshootingEvent"})


@pytest.fixture(scope="module")
def shared(server: Server) -> str:
    """The URL of a database in which many tenants have the same ids, as after an import of one export into each."""
    return server.url(server.once("shared_ids", partial(fill_shared, server)))


def fill_shared(server: Server, name: str) -> None:
    """Make tables with the same ids for many tenants."""
    migrate_store(server.url(name), SCHEMA)
    server.psql(FILL_SHARED, name)
    server.psql(INDEX.filled_from("events"), name)
    server.psql("VACUUM ANALYZE", name)


@pytest.fixture(scope="module")
def filled(server: Server) -> str:
    """The URL of a database with a million events, which was filled before the indexes were thought of."""

    def make(name: str) -> None:
        first = Migrations(MIGRATIONS.scripts, MIGRATIONS.revisions[:1])
        migrate_store(server.url(name), SCHEMA, history=first)
        indexes = server.psql("SELECT indexdef FROM pg_indexes WHERE indexname ~ '^events_(in|of)_'", name).splitlines()
        server.psql("DROP INDEX events_in_order, events_of_user_id", name)
        server.psql(FILL.format(count=EVENTS), name)
        server.psql(INDEX.filled_from("events"), name)
        server.psql(";".join(indexes), name)
        assert migrate_store(server.url(name), SCHEMA).startswith("The tables were brought from revision 0001")
        server.psql("VACUUM ANALYZE", name)

    return server.url(server.once("a_million", make))


def bound(query: str, path: str = "deviceManagement/troubleshootingEvents") -> ReadCollection | CountCollection:
    """What a request comes to."""
    plan = Binder(SCHEMA.view("beta"), CursorSigner(bytes(32))).bind(
        Asked("GET", path, parse_options(query), Preferences(), ALWAYS, TENANT, None, 100)
    )
    assert isinstance(plan, ReadCollection | CountCollection)
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def explained(url: str, query: Query, paging: Paging, *, count: bool = False) -> dict[str, Any]:
    """Run a statement as the store does, and return the plan with what it took."""
    statements = postgres_statements(SCHEMA, LAYOUTS)
    statement = statements.count(query) if count else statements.page(query, paging)
    assert re.search(r"tenant_id = \$\d+", statement.text)

    async def ask() -> str:
        connection = await asyncpg.connect(url)
        try:
            text = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.text}"
            return str(await connection.fetchval(text, *statement.values(TENANT, paging)))
        finally:
            await connection.close()

    plan: dict[str, Any] = json.loads(asyncio.run(ask()))[0]["Plan"]
    return plan


RANGE = "eventDateTime ge 2019-01-01T00:00:00Z and eventDateTime lt 2019-01-08T00:00:00Z"

AUTHENTICATION = "failureCategory eq 'authentication'"

QUESTIONS = [
    pytest.param("", "events_in_order", id="newest-first"),
    pytest.param(f"$filter={RANGE}", "events_in_order", id="range-of-time"),
    pytest.param(f"$filter=userId eq '{USER}'", "events_by_user", id="user"),
    pytest.param(f"$filter=deviceId eq '{DEVICE}'", "events_by_device", id="device"),
    pytest.param("$filter=correlationId eq 'x'", "events_by_correlation", id="correlation"),
    pytest.param(f"$filter=userId eq '{USER}' and {RANGE}", "events_by_user", id="user-over-time"),
    pytest.param(f"$filter=deviceId eq '{DEVICE}' and {RANGE}", "events_by_device", id="device-over-time"),
    pytest.param(f"$filter=correlationId eq 'x' and {RANGE}", "events_by_correlation", id="correlation-over-time"),
    pytest.param(f"$filter={AUTHENTICATION}", "events_index_by_failure_category", id="category"),
    pytest.param(f"$filter={AUTHENTICATION} and {RANGE}", "events_index_by_failure_category", id="category-over-time"),
    pytest.param("$filter=enrollmentType eq 'userEnrollment'", "events_by_enrollment_type", id="type"),
    pytest.param(
        "$filter=enrollmentType eq 'androidEnterpriseDedicatedDevice'", "events_by_enrollment_type", id="type-in-vain"
    ),
    pytest.param(
        f"$filter=enrollmentType eq 'userEnrollment' and {RANGE}", "events_by_enrollment_type", id="type-over-time"
    ),
    pytest.param("$filter=operatingSystem eq 'iOS'", "events_by_operating_system", id="os"),
    pytest.param("$filter=operatingSystem eq 'visionOS'", "events_by_operating_system", id="os-in-vain"),
    pytest.param(f"$filter=operatingSystem eq 'iOS' and {RANGE}", "events_by_operating_system", id="os-over-time"),
    pytest.param("$filter=contains(failureReason,'801800ff at step 13')", "events_index_with_text", id="rare-reason"),
    pytest.param("$filter=contains(failureReason,'step 13')", "events_in_order", id="frequent-reason"),
    pytest.param("$search=step", "events_in_order", id="search-frequent"),
    pytest.param("$search=0x801800FF", "events_index_with_text", id="search-rare"),
    pytest.param("$search=801800ff", "events_index_with_text", id="search-rare-digits"),
    pytest.param('$search="801800ff at step 13"', "events_index_with_text", id="search-phrase"),
    pytest.param("$search=801800ff step", "events_index_with_text", id="search-rare-and-frequent"),
    pytest.param("$search=0x801800ff OR 801800fe", "events_index_with_text", id="search-either"),
    pytest.param("$search=801800ff OR step", "events_in_order", id="search-either-frequent"),
    pytest.param("$search=0x801800ff NOT Windows", "events_index_with_text", id="search-but-not"),
    pytest.param("$search=NOT Windows", "events_in_order", id="search-not"),
    pytest.param("$search=nothing-like-that", "events_index_with_text", id="search-in-vain"),
    pytest.param("$search=c4ca4238-a0b9-2382-0dcc-509a6f75849b", "events_index_with_text", id="search-guid"),
    pytest.param("$search=509A6F75849B", "events_index_with_text", id="search-end-of-a-guid"),
]


@pytest.mark.parametrize(("query", "indexes"), QUESTIONS)
def test_a_question_is_answered_from_an_index(filled: str, query: str, indexes: str) -> None:
    """No scan of the table: the page comes from the index made for the question, and reads little else."""
    plan = bound(query)
    assert isinstance(plan, ReadCollection)
    top = explained(filled, plan.query, plan.paging)
    kinds = {node["Node Type"] for node in nodes(top)}
    assert not [kind for kind in kinds if "Seq Scan" in kind], kinds
    used = {node["Index Name"] for node in nodes(top) if "Index Name" in node}
    assert any(re.fullmatch(indexes, name) for name in used), used
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 9000


def generic_plan(url: str, query: Query, paging: Paging) -> dict[str, Any]:
    """The plan that the server has for a statement whatever the values, run with some."""
    statement = postgres_statements(SCHEMA, LAYOUTS).page(query, paging, of_that_size=True)
    values = ", ".join(f"'{each}'" if isinstance(each, str) else str(each) for each in statement.values(TENANT, paging))

    async def ask() -> str:
        connection = await asyncpg.connect(url, server_settings=IN_ORDER)
        try:
            await connection.execute(f"PREPARE asked AS {statement.text}")
            return str(await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked ({values})"))
        finally:
            await connection.close()

    plan: dict[str, Any] = json.loads(asyncio.run(ask()))[0]["Plan"]
    return plan


AFTER = (637_000_000_000_000_000, "80000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize("after", [pytest.param((), id="first"), pytest.param(AFTER, id="later")])
@pytest.mark.parametrize(
    ("condition", "index"),
    [
        pytest.param("", "events_in_order", id="newest-first"),
        pytest.param(f"$filter={RANGE}", "events_in_order", id="range-of-time"),
        pytest.param(f"$filter={AUTHENTICATION}", "events_index_by_failure_category", id="category"),
        pytest.param(
            f"$filter={AUTHENTICATION} and {RANGE}", "events_index_by_failure_category", id="category-over-time"
        ),
        pytest.param(
            f"$filter={AUTHENTICATION}&$orderby=eventDateTime,id", "events_index_by_failure_category", id="oldest-first"
        ),
    ],
)
def test_a_range_has_one_plan(filled: str, condition: str, index: str, after: tuple[Any, ...]) -> None:
    """It is a walk along the index, to the end of the page and no further."""
    plan = bound(condition)
    assert isinstance(plan, ReadCollection)
    query = replace(plan.query, resumed=bool(after))
    paging = Paging(plan.paging.parameters, plan.paging.limit, after=after)
    assert Questions(SCHEMA, LAYOUTS).has_one_plan(query, paging)
    top = generic_plan(filled, query, paging)
    kinds = {node["Node Type"] for node in nodes(top)}
    assert kinds <= {"Limit", "Nested Loop", "Index Scan", "Index Only Scan"}
    used = {node["Index Name"] for node in nodes(top) if "Index Name" in node}
    assert used == ({index, "events_by_id"} if index.startswith("events_index") else {index})
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 700


def test_ids_that_tenants_share_are_looked_up_by_the_key(shared: str) -> None:
    """The index of ids alone would lead to the events of all of them: statistics tell the server to leave it."""
    plan = bound(f"$filter={AUTHENTICATION}")
    assert isinstance(plan, ReadCollection)
    top = generic_plan(shared, plan.query, plan.paging)
    used = {node["Index Name"] for node in nodes(top) if "Index Name" in node}
    assert used == {"events_index_by_failure_category", "events_pkey"}
    assert top["Actual Rows"] == 100
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 700


async def test_what_goes_by_key_looks_at_little_else(server: Server) -> None:
    """A read, a creation, a change and a deletion scan no table, and read a few rows for each event."""
    with server.database() as name:
        await migrate(server.url(name), MIGRATIONS)
        server.psql(FILL.format(count=50_000), name)
        server.psql(INDEX.filled_from("events"), name)
        server.psql("VACUUM ANALYZE", name)
        before = looked_at(server, name)
        await by_key(server.url(name))
        scans, rows = (after - then for after, then in zip(looked_at(server, name), before, strict=True))
        assert scans == 0
        assert 40 <= rows < 400


async def test_a_plan_for_keys_is_good_for_any_number_of_events(server: Server) -> None:
    """It is made before there is any, and nobody tells the server of those that come: it goes by the index of ids."""
    with server.database() as name:
        await migrate(server.url(name), MIGRATIONS)
        server.psql("ALTER TABLE events SET (autovacuum_enabled = off)", name)
        keys = server.psql("SELECT md5(n::text)::uuid::text FROM generate_series(1, 10) AS n").splitlines()
        scans, rows = looked_at(server, name)
        store = open_store(server.url(name), SCHEMA)
        await store.start()
        assert [await store.read(TENANT, "events", key) for key in keys] == [None] * 10
        server.psql(FILL.format(count=50_000), name)
        read = [await store.read(TENANT, "events", key) for key in keys]
        await store.close()
        others = (4, 8)  # other tenants'
        assert [record and record[KEY] for record in read] == [
            None if number in others else key for number, key in enumerate(keys, 1)
        ]
        assert looked_at(server, name) == (scans, rows + 10)
        assert used_indexes(server, name) == {"events_by_id": 20}


def test_keys_that_tenants_share_are_read_by_the_primary_key(server: Server) -> None:
    """The index of ids alone would lead to the events of all of them."""
    with server.database() as name:
        fill_shared(server, name)
        (_, rows), used = looked_at(server, name), used_indexes(server, name)
        keys = server.psql("SELECT md5(n::text)::uuid::text FROM generate_series(1, 10) AS n").splitlines()
        assert None not in asyncio.run(read_each(server.url(name), keys))
        assert looked_at(server, name)[1] == rows + 10
        assert used_indexes(server, name) - used == {"events_pkey": 10}


async def read_each(url: str, keys: list[str]) -> list[Record | None]:
    """Read events one by one."""
    store = open_store(url, SCHEMA)
    await store.start()
    records = [await store.read(TENANT, "events", key) for key in keys]
    await store.close()
    return records


async def by_key(url: str) -> None:
    """Create, change, read and delete ten events."""
    store = open_store(url, SCHEMA)
    await store.start()
    for number in range(10):
        key = f"by-key-{number}"
        values = {"eventDateTime": Instant(638_000_000_000_000_000 + number), "failureReason": "by key"}
        await store.write(Create(ACTOR, "events", key, "enrollmentTroubleshootingEvent", values))
        await store.write(Update(ACTOR, "events", key, KINDS, (), {"failureReason": "changed"}))
        assert await store.read(TENANT, "events", key) is not None
        await store.write(Delete(ACTOR, "events", key, KINDS, ()))
    await store.close()


def looked_at(server: Server, name: str) -> tuple[int, int]:
    """Sequential scans of the tables of events so far, and rows that were read through their indexes.

    A connection tells of its last statements when it ends: those of others are waited for. Before version 15 what the
    server says is up to half a second old.
    """
    of_others = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}' AND backend_type = 'client backend'"  # noqa: S608 - a name of ours
    deadline = time.monotonic() + 30
    while server.psql(of_others) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.6)
    counts = server.psql(
        "SELECT sum(seq_scan), sum(idx_tup_fetch) FROM pg_stat_user_tables WHERE relname LIKE 'events%'", name
    )
    scans, rows = counts.split("|")
    return int(scans), int(rows)


def used_indexes(server: Server, name: str) -> Counter[str]:
    """How often each index of events was used so far; see `looked_at` for when that is known."""
    rows = server.psql(
        "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relname LIKE 'events%' AND idx_scan > 0", name
    )
    return Counter({index: int(count) for index, count in (row.split("|") for row in rows.splitlines())})


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param("$filter=failureCategory ne 'authentication'", id="other-operator"),
        pytest.param("$filter=failureCategory eq null", id="null"),
        pytest.param(f"$filter={AUTHENTICATION} and osVersion eq '1'", id="something-else"),
        pytest.param(f"$filter={AUTHENTICATION} or {RANGE}", id="either"),
        pytest.param("$search=step", id="search"),
        pytest.param("$orderby=osVersion", id="other-order"),
        pytest.param("$orderby=eventDateTime desc,id asc", id="both-ways"),
        pytest.param("$compute=length(osVersion) as n&$select=n", id="computed"),
        pytest.param("$apply=groupby((failureCategory))", id="groups"),
        pytest.param("$count=true", id="counted"),
    ],
)
def test_other_questions_are_planned_for_their_values(condition: str) -> None:
    """The best plan depends on how rare something is, or more than a page is asked for."""
    plan = bound(condition)
    assert isinstance(plan, ReadCollection)
    assert not Questions(SCHEMA, LAYOUTS).has_one_plan(plan.query, plan.paging)


HEAD_COLUMNS = ("id", "type", "version")
ORDER_COLUMNS = ("event_date_time_ticks",)


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        pytest.param("$select=osVersion", ("os_version",), id="another-one"),
        pytest.param("$select=eventDateTime", ("event_date_time_offset",), id="what-it-is-ordered-by"),
        pytest.param("$select=osVersion,failureReason", ("os_version", "failure_reason"), id="two"),
        pytest.param("$select=id&$compute=length(osVersion) as n", (), id="not-for-what-is-computed"),
        pytest.param("$select=osVersion&$filter=failureReason eq 'x'", ("os_version",), id="not-for-a-condition"),
    ],
)
def test_a_page_asks_for_what_is_shown(query: str, columns: tuple[str, ...]) -> None:
    """Each value once, and none that nobody looks at."""
    plan = bound(query)
    assert isinstance(plan, ReadCollection)
    text = postgres_statements(SCHEMA, LAYOUTS).page(plan.query, plan.paging).text
    asked = re.findall(r"events\.(\w+) AS", text.partition("FROM")[0])
    assert sorted(asked) == sorted((*HEAD_COLUMNS, *ORDER_COLUMNS, *columns))


@pytest.mark.parametrize(
    ("search", "count"),
    [
        pytest.param("0x801800ff", 334, id="rare"),
        pytest.param("801800ff OR c4ca4238-a0b9-2382-0dcc-509a6f75849b", 335, id="either"),
    ],
)
def test_what_is_rare_is_counted_from_an_index(filled: str, search: str, count: int) -> None:
    """Nothing but what is found, and little else, is looked at."""
    plan = bound(f"$search={search}", "deviceManagement/troubleshootingEvents/$count")
    assert isinstance(plan, CountCollection)
    top = explained(filled, plan.query, plan.paging, count=True)
    used = {node["Index Name"] for node in nodes(top) if "Index Name" in node}
    assert used == {"events_index_with_text", "events_by_id"}
    assert sum(node["Actual Rows"] for node in nodes(top) if node["Node Type"] == "Bitmap Heap Scan") == count
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 6000


def test_a_user_by_navigation_is_answered_from_an_index(filled: str) -> None:
    """Without regard to the case of letters."""
    plan = bound("", f"users/{USER}/deviceManagementTroubleshootingEvents")
    assert isinstance(plan, ReadCollection)
    used = {node.get("Index Name") for node in nodes(explained(filled, plan.query, plan.paging))}
    assert "events_of_user_id" in used


@pytest.mark.parametrize(
    ("key", "index", "most"),
    [
        pytest.param("userId", "events_by_user", 3_000, id="some-users"),
        pytest.param("deviceId", "events_by_device", 3_000, id="some-devices"),
        pytest.param("correlationId", "events_by_correlation", 100, id="some-correlations"),
        pytest.param("failureCategory", "events_index_by_failure_category", EVENTS, id="all-categories"),
    ],
)
def test_groups_are_read_off_an_index(filled: str, key: str, index: str, most: int) -> None:
    """In order, and no further than the page goes: nothing is sorted."""
    plan = bound(f"$apply=groupby(({key}),aggregate($count as n))&$top=50")
    assert isinstance(plan, ReadCollection)
    top = explained(filled, plan.query, plan.paging)
    assert {node["Node Type"] for node in nodes(top)} <= {"Limit", "Aggregate", "Gather Merge", "Index Only Scan"}
    assert {node["Index Name"] for node in nodes(top) if "Index Name" in node} == {index}
    (leaf,) = (node for node in nodes(top) if node["Node Type"] == "Index Only Scan")
    assert leaf["Actual Rows"] * leaf["Actual Loops"] < most
    assert leaf["Heap Fetches"] == 0


def test_a_late_page_costs_what_the_first_does(filled: str) -> None:
    """It begins where the page before ended: nothing is read and thrown away."""
    plan = bound("")
    assert isinstance(plan, ReadCollection)
    first = explained(filled, plan.query, plan.paging)
    late = Query(plan.query.stored, plan.query.where, plan.query.order, resumed=True)
    middle = (637_000_000_000_000_000, "80000000-0000-0000-0000-000000000000")
    later = explained(filled, late, Paging(plan.paging.parameters, plan.paging.limit, after=middle))
    assert first["Actual Rows"] == later["Actual Rows"]
    blocks = [plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in (first, later)]
    assert blocks[1] <= 1.2 * blocks[0] + 10
