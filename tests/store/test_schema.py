import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.layout import Layout
from enrollscope.store.history import MIGRATIONS
from enrollscope.store.opening import migrate_store
from enrollscope.store.schema import DIALECT, tables
from enrollscope.store.snapshot import Snapshot
from tests.conformance.library import LAYOUT, LIBRARY
from tests.index_tables import index_table
from tests.postgres import Server, shared_server

_POSTGRESQL: type[Dialect] = postgresql.dialect

# What tables are like, as a server tells it; the tables of the migrations themselves apart.
_DESCRIBING = {
    "columns": "SELECT table_name, column_name, data_type, collation_name, is_nullable, ordinal_position "
    "FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
    "constraints": "SELECT relname, pg_get_constraintdef(pg_constraint.oid), reloptions FROM pg_constraint "
    "JOIN pg_class ON pg_class.oid = conrelid WHERE connamespace = 'public'::regnamespace "
    "AND relname <> 'alembic_version'",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
}


def product_tables() -> MetaData:
    """What the model of the product says."""
    return tables(SCHEMA, [Layout.of(SCHEMA.whole, stored) for stored in SCHEMA.stored])


BOTH = [
    pytest.param(product_tables(), id="product"),
    pytest.param(tables(LIBRARY, [LAYOUT]), id="library"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The PostgreSQL of this test run."""
    with shared_server() as server:
        yield server


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    """A new store of the product, made by its migrations."""
    path = tmp_path / "migrated.db"
    migrate_store(f"sqlite:///{path}", SCHEMA)
    return path


def definitions(connection: apsw.Connection) -> dict[str, str]:
    """Every table and index, spelled without regard to blanks."""
    rows: Iterator[Any] = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*'"
    )
    return {name: " ".join(sql.replace("(", " ( ").replace(")", " ) ").split()) for name, sql in rows}


def test_migrations_lead_to_what_the_model_says(migrated: Path) -> None:
    """Migrating from nothing makes the tables that the model asks for, to the letter."""
    asked = apsw.Connection(":memory:")
    asked.execute(Snapshot(product_tables()).upgrade(None, "sqlite"))
    made = apsw.Connection(str(migrated))
    expected, found = definitions(asked), definitions(made)
    del expected["alembic_version"], found["alembic_version"]
    assert found == expected


# Neither can read an index over an expression back; the test above does.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_alembic_finds_no_difference(migrated: Path) -> None:
    """Alembic, which compares in its own way, would change nothing about a migrated store."""
    engine = create_engine(f"sqlite:///{migrated}", creator=lambda: sqlite3.connect(migrated))
    with engine.connect() as connection:
        ours = {"include_object": lambda item, *_: item.info.get(DIALECT, "sqlite") == "sqlite"}
        differences = compare_metadata(MigrationContext.configure(connection, opts=ours), product_tables())
    engine.dispose()
    assert differences == []


def test_the_revisions_are_those_that_there_are() -> None:
    """The list that a start compares with, without Alembic, is what Alembic finds; there is one line of them."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS.scripts))
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == MIGRATIONS.revisions


@pytest.mark.parametrize("metadata", BOTH)
def test_every_key_and_index_begins_with_the_tenant(metadata: MetaData) -> None:
    """What belongs to tenants is found by tenant first: it is isolated, and can be distributed."""
    for table in metadata.sorted_tables:
        if table.name == "secrets":
            continue
        assert next(iter(table.primary_key.columns)).name == "tenant_id"
        assert not table.foreign_keys
        for index in table.indexes:
            assert str(index.expressions[0]) == f"{table.name}.tenant_id"


@pytest.mark.parametrize("metadata", BOTH)
def test_a_link_and_the_default_order_have_their_indexes(metadata: MetaData) -> None:
    """Navigation and the unfiltered list are what everybody asks: each is one range of an index."""
    (stored,) = [table for table in metadata.sorted_tables if table.name in ("events", "works")]
    names = {index.name: [str(item) for item in index.expressions[1:]] for index in stored.indexes}
    if stored.name == "works":
        assert names == {
            "works_in_order": ["works.issued_ticks", "works.id"],
            "works_of_borrower": ["lower(works.borrower)", "works.issued_ticks", "works.id"],
        }
    assert len(names) == 2


@pytest.mark.parametrize("metadata", BOTH)
def test_the_tables_suit_another_database(metadata: MetaData) -> None:
    """The same declaration makes tables for PostgreSQL, with 64-bit ticks and text that compares by code point."""
    dialect: Dialect = _POSTGRESQL()
    for table in metadata.sorted_tables:
        text = str(CreateTable(table).compile(dialect=dialect))
        assert "STRICT" not in text
        assert 'tenant_id TEXT COLLATE "C" NOT NULL' in text or table.name == "secrets"
        assert "_ticks BIGINT" in text or table.name == "secrets"
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=dialect)).startswith("CREATE INDEX")


def test_a_type_that_does_not_fit_is_refused_by_the_database(migrated: Path) -> None:
    """Tables are strict: a text in a column of numbers is an error, not a text."""
    connection = apsw.Connection(str(migrated))
    with pytest.raises(apsw.ConstraintError):
        connection.execute("INSERT INTO changes VALUES ('t', 'x', 's', 'i', 'k', 1, 1, NULL, 'a', 't', 'c', '', '')")


@pytest.mark.slow
def test_migrations_lead_there_on_postgresql(server: Server) -> None:
    """The same with PostgreSQL, which has index tables, too; what it was given for questions comes on top."""
    statements = ("columns", "constraints", "indexes")
    described: list[dict[str, set[str]]] = []
    for made in (Snapshot(product_tables()), MIGRATIONS):
        with server.database() as database:
            migrate_store(server.url(database), SCHEMA, history=made)
            described.append({name: set(server.psql(_DESCRIBING[name], database).splitlines()) for name in statements})
    expected, found = described
    assert found["columns"] == expected["columns"]
    assert found["constraints"] == expected["constraints"]
    assert found["indexes"] >= expected["indexes"]


def test_the_manual_says_how_to_make_the_index_table_anew() -> None:
    """The statement in docs/operate.md is the one that fits the tables."""
    manual = Path("docs/operate.md").read_text(encoding="utf-8")
    said = " ".join(manual.split())
    for statement in index_table(SCHEMA).filled_from("events").replace('"', "").split(";\n"):
        assert statement in said
