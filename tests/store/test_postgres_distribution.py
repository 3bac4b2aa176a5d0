"""What a cluster asks of the tables, as the catalog of a migrated database has it, and how they are spread over one.

Citus itself is not needed: what a migration calls and asks of it stands in for it.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.plan.bound import Column
from enrollscope.odata.plan.commands import Actor, Create
from enrollscope.odata.plan.queries import Order, Paging, Query
from enrollscope.store.base import StoreRefused
from enrollscope.store.history import MIGRATIONS, Migrations
from enrollscope.store.opening import migrate_store
from enrollscope.store.postgres import PostgresStore
from enrollscope.store.postgres_connections import Connection, Target
from enrollscope.store.postgres_migrations import migration_script
from tests.postgres import Server
from tests.tenancy import TABLES_OF_NOBODY, tables_of_tenants

FORMER = Migrations(MIGRATIONS.scripts, MIGRATIONS.revisions[:-1])
SPREAD = "SELECT logicalrelid, partmethod, repmodel FROM pg_dist_partition ORDER BY logicalrelid::text"
CITUS = """
CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char", repmodel "char");
CREATE TABLE calls (called text);
CREATE FUNCTION spread(name regclass, method "char", model "char") RETURNS void LANGUAGE plpgsql AS $$BEGIN
  IF EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = name) THEN
    RAISE 'table "%" is already distributed', name;
  END IF;
  INSERT INTO pg_dist_partition VALUES (name, method, model);
  INSERT INTO calls VALUES (name::text);
END$$;
CREATE FUNCTION create_distributed_table(name regclass, distribution_column text, colocate_with text DEFAULT 'default')
RETURNS void LANGUAGE sql AS $$SELECT spread(name, 'h', 's')$$;
CREATE FUNCTION create_reference_table(name regclass) RETURNS void LANGUAGE sql AS $$SELECT spread(name, 'n', 't')$$;
"""
ON_NODES = (
    *("alembic_version|n|t", "changes|h|s", "events|h|s", "events_index|h|s", "positions|h|s", "secrets|n|t"),
    "upkeep|n|t",
)

KEYS = """
SELECT t.relname, i.relname, indisunique, pg_am.amname, coalesce(
  (SELECT attname FROM pg_attribute WHERE attrelid = t.oid AND attnum = indkey[0]), 'an expression')
FROM pg_index JOIN pg_class AS t ON t.oid = indrelid JOIN pg_class AS i ON i.oid = indexrelid
JOIN pg_am ON pg_am.oid = i.relam WHERE t.relnamespace = 'public'::regnamespace
"""
CONSTRAINTS = "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'x')"
FUNCTIONS = "SELECT proname || ' ' || prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace"


def test_each_table_is_spread_or_copied() -> None:
    """By tenant, if it has one; a table that is new must be added to either."""
    statements = migration_script(MIGRATIONS, None, stored=("events",))
    created = [match[1] for text in statements if (match := re.match(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", text))]
    spread = [match[1] for text in statements if (match := re.search(r"create_distributed_table\('(\w+)', 't", text))]
    copied = [match[1] for text in statements if (match := re.search(r"create_reference_table\('(\w+)'", text))]
    assert sorted(created) == sorted(spread + copied)
    assert set(spread) == tables_of_tenants(SCHEMA)
    assert set(copied) == set(TABLES_OF_NOBODY)


def test_every_key_and_index_begins_with_the_tenant(server: Server, database: str) -> None:
    """But an index that is a hash, has one column and makes nothing unique; nothing refers to another table."""
    migrate_store(server.url(database), SCHEMA)
    found = [line.split("|") for line in server.psql(KEYS, database).splitlines()]
    of_tenants = [row for row in found if row[0] in tables_of_tenants(SCHEMA)]
    assert {row[0] for row in of_tenants} == tables_of_tenants(SCHEMA)
    assert {row[0] for row in found} - tables_of_tenants(SCHEMA) <= set(TABLES_OF_NOBODY)
    apart = [row for row in of_tenants if row[-1] != "tenant_id"]
    assert apart == [["events", "events_by_id", "f", "hash", "id"]]
    assert server.psql(CONSTRAINTS, database) == ""


def test_no_function_of_the_store_reads_a_table_of_tenants(server: Server, database: str) -> None:
    """What a statement reads is all in the statement."""
    migrate_store(server.url(database), SCHEMA)
    bodies = server.psql(FUNCTIONS, database)
    assert "store_put_in_waiting" in bodies
    assert not re.search(rf"\b({'|'.join(tables_of_tenants(SCHEMA))})\b", bodies)


def test_a_distributed_database_is_brought_up_to_date(server: Server, database: str) -> None:
    """What is spread over the nodes stays so, and what a newer revision makes is made."""
    server.psql(CITUS, database)
    url = server.url(database)
    migrate_store(url, SCHEMA, history=FORMER, distributed=True)
    assert tuple(server.psql(SPREAD, database).splitlines()) == ON_NODES
    assert migrate_store(url, SCHEMA, distributed=True).startswith("The tables were brought from revision")
    assert server.psql("SELECT count(*) FROM pg_class WHERE relname = 'events_by_id'", database) == "1"
    assert server.psql("SELECT version_num FROM alembic_version", database) == MIGRATIONS.revisions[-1]
    assert migrate_store(url, SCHEMA, distributed=True).startswith("The tables are up to date")
    assert tuple(server.psql(SPREAD, database).splitlines()) == ON_NODES
    assert server.psql("SELECT count(*) FROM calls", database) == str(len(ON_NODES))


def test_a_table_that_is_not_spread_yet_is_spread(server: Server, database: str) -> None:
    """Beside those that are: a newer revision may have added it."""
    server.psql(CITUS, database)
    migrate_store(server.url(database), SCHEMA, distributed=True)
    server.psql("DELETE FROM pg_dist_partition WHERE logicalrelid = 'changes'::regclass; DELETE FROM calls", database)
    migrate_store(server.url(database), SCHEMA, distributed=True)
    assert server.psql("SELECT called FROM calls", database) == "changes"


def test_tables_of_one_node_are_spread_later(server: Server, database: str) -> None:
    """Without a cluster that is refused, and changes nothing."""
    url = server.url(database)
    migrate_store(url, SCHEMA)
    with pytest.raises(StoreRefused, match="create_distributed_table"):
        migrate_store(url, SCHEMA, distributed=True)
    server.psql(CITUS, database)
    migrate_store(url, SCHEMA, distributed=True)
    assert tuple(server.psql(SPREAD, database).splitlines()) == ON_NODES


@dataclass(frozen=True)
class Recorded(Target):
    """A database that is told of its connections.

    Attributes:
        modes: how each has statements planned.
    """

    modes: list[str | None] = field(default_factory=list)

    async def connect(self, settings: Mapping[str, str] | None = None) -> Connection:
        """See `Target`."""
        self.modes.append((settings or {}).get("plan_cache_mode"))
        return await super().connect(settings)


async def planning(url: str) -> set[str | None]:
    """How a store that changes, reads and lists has its statements planned."""
    target = Recorded(url)
    store = PostgresStore(target, SCHEMA, MIGRATIONS, 100)
    await store.start()
    target.modes.clear()
    actor = Actor("tenant", None, "app", "token", "request", 1)
    await store.write(Create(actor, "events", "key", "enrollmentTroubleshootingEvent", {"eventDateTime": Instant(1)}))
    assert await store.read("tenant", "events", "key") is not None
    time, key = Column("eventDateTime", Primitive.DATE_TIME_OFFSET), Column("id", Primitive.STRING)
    newest = Query("events", None, (Order(time, descending=True), Order(key, descending=True)))
    assert len((await store.fetch("tenant", newest, Paging((), 10))).records) == 1
    assert await store.count("tenant", newest, Paging((), 10)) == 1
    await store.close()
    return set(target.modes) - {None}  # that of upkeep, whose statement has no plan


async def test_in_a_cluster_statements_are_planned_for_their_values(server: Server, database: str) -> None:
    """By them Citus finds the node of a statement: it has no plan without."""
    url = server.url(database)
    await asyncio.to_thread(migrate_store, url, SCHEMA)
    assert await planning(url) == {"force_generic_plan", "force_custom_plan"}
    server.psql("DELETE FROM events; DELETE FROM events_index", database)
    server.psql(CITUS, database)
    assert await planning(url) == {"force_custom_plan"}
