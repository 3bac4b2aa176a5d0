"""Migrations of a PostgreSQL database: what is printed of one, and what changes notice of one."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.store.base import StoreRefused
from enrollscope.store.history import MIGRATIONS, Migrations
from enrollscope.store.opening import migrate_store, migration_sql
from enrollscope.store.postgres import PostgresStore
from enrollscope.store.postgres_connections import Target
from enrollscope.store.postgres_migrations import migrate
from tests.postgres import Server, binaries
from tests.serving import run_command

HEAD = MIGRATIONS.revisions[-1]


@pytest.fixture(scope="module")
def current(server: Server) -> Iterator[list[str]]:
    """All that is in a database that was migrated."""
    with server.database() as name:
        migrate_store(server.url(name), SCHEMA)
        yield described(server, name)


def described(server: Server, database: str) -> list[str]:
    """All that is in a database but for the rows, and the revision."""
    command = [str(binaries() / "pg_dump"), "--schema-only", "--dbname", server.url(database)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    # From some minor version on each dump has a random word in two lines of its own.
    lines = [line for line in said.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    return [*lines, server.psql("TABLE alembic_version", database)]


def at_revision(server: Server, database: str, revision: str) -> None:
    """Make the tables as they were at a revision."""
    known = MIGRATIONS.revisions[: MIGRATIONS.revisions.index(revision) + 1]
    migrate_store(server.url(database), SCHEMA, history=Migrations(MIGRATIONS.scripts, known))


def printed(*options: str) -> str:
    """What the command prints."""
    result = run_command("migrate", "--sql", *options)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("revision", [None, *MIGRATIONS.revisions])
@pytest.mark.parametrize("asked", [pytest.param(True, id="asked"), pytest.param(False, id="told")])
def test_what_is_printed_makes_what_a_migration_makes(
    server: Server, database: str, current: list[str], revision: str | None, asked: bool
) -> None:
    """Run by psql, from wherever the database is: because it was asked, or because the revision was named."""
    if revision is not None:
        at_revision(server, database, revision)
    url, start = (server.url(database), None) if asked else ("postgresql://nowhere.invalid/x", revision or "base")
    server.psql(migration_sql(url, SCHEMA, start=start), database)
    assert described(server, database) == current


@pytest.mark.slow
def test_the_command_prints_it(server: Server, database: str) -> None:
    """From the revision of the database or from the one that is named, and nothing is done."""
    url = server.url(database)
    at_revision(server, database, "0004")
    script = printed("--database", url)
    assert script == printed("--database", "postgresql://nowhere.invalid/x", "--from", "0004")
    assert "CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_id " in script
    assert "events_by_user" not in script
    assert server.psql("TABLE alembic_version", database) == "0004"


def test_one_transaction_is_printed_as_one() -> None:
    """What the migration does in one has BEGIN and COMMIT around it; what may be in none has neither."""
    inside = False
    script = migration_sql("postgresql://nowhere.invalid/x", SCHEMA, start="base")
    for statement in script.replace("\\gexec", ";").removesuffix(";\n").split(";\n\n"):
        if statement in ("BEGIN", "COMMIT"):
            assert inside == (statement == "COMMIT")
            inside = not inside
        if "CREATE INDEX CONCURRENTLY " in statement:
            assert not inside
        if statement.startswith(("SET LOCAL", "CREATE TABLE", "ALTER TABLE", "INSERT", "UPDATE")):
            assert inside
    assert not inside


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(("--sql", "--from", "0002"), "There are: base, 0001, 0003", id="no-such-revision"),
        pytest.param(("--from", "0001"), "--from goes with --sql", id="nothing-to-print"),
        pytest.param(("--sql",), "can be reached from here", id="nobody-to-ask"),
    ],
)
def test_what_cannot_be_printed(options: tuple[str, ...], says: str) -> None:
    """It is said why, and nothing is printed."""
    result = run_command("migrate", "--database", "postgresql://127.0.0.1:1/x", *options)
    assert result.returncode != 0
    assert says in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("start", [pytest.param("base", id="nothing"), pytest.param("0003", id="older")])
def test_what_was_printed_for_another_state_is_refused(
    server: Server, database: str, current: list[str], start: str
) -> None:
    """By the script itself, before it changes anything."""
    migrate_store(server.url(database), SCHEMA)
    with pytest.raises(RuntimeError, match=r"already exists|not at revision 0003"):
        server.psql(migration_sql(server.url(database), SCHEMA, start=start), database)
    assert described(server, database) == current


def test_tables_of_a_newer_version_are_not_printed_for(server: Server, database: str) -> None:
    """As a migration refuses them."""
    migrate_store(server.url(database), SCHEMA)
    server.psql("UPDATE alembic_version SET version_num = '9999'", database)
    with pytest.raises(StoreRefused, match="install the newer version"):
        migration_sql(server.url(database), SCHEMA)


@contextmanager
def reading(server: Server, database: str, table: str) -> Iterator[None]:
    """A transaction that has read a table, and does not end."""
    command = [str(binaries() / "psql"), "-XqAt", "-d", server.url(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"BEGIN; LOCK TABLE {table} IN ACCESS SHARE MODE; SELECT 'read';\n")
        assert process.stdout.readline() == "read\n"
        yield
        process.stdin.close()


@pytest.mark.slow
def test_a_printed_migration_that_broke_off_goes_on(server: Server, database: str, current: list[str]) -> None:
    """It waits for a table no longer than the migration itself. Printed anew, it does what is left to do.

    What is left includes indexes that a broken attempt left behind, which are of no use.
    """
    at_revision(server, database, "0003")
    begun = time.monotonic()
    with reading(server, database, "events_index"), pytest.raises(RuntimeError, match="due to lock timeout"):
        server.psql(migration_sql(server.url(database), SCHEMA), database)
    assert time.monotonic() - begun < 30
    assert server.psql("TABLE alembic_version", database) == "0003"
    server.psql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'events_index_key'::regclass", database)
    server.psql(migration_sql(server.url(database), SCHEMA), database)
    assert described(server, database) == current
    assert server.psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid", database) == "0"


def test_a_printed_migration_can_be_run_again(server: Server, database: str, current: list[str]) -> None:
    """An index whose making broke off is made anew by the same script, also where no database was asked for it."""
    at_revision(server, database, "0004")
    script = migration_sql("postgresql://nowhere.invalid/x", SCHEMA, start="0004")
    server.psql("CREATE INDEX events_by_id ON events USING hash (id)", database)
    server.psql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'events_by_id'::regclass", database)
    server.psql(script, database)
    assert described(server, database) == current
    assert server.psql("SELECT count(*) FROM pg_index WHERE NOT indisvalid", database) == "0"


def test_what_is_distributed_is_not_guessed() -> None:
    """Only the database knows it: such a script is printed for a database that can be asked, or that is empty."""
    with pytest.raises(StoreRefused, match="without --from"):
        migration_sql("postgresql://nowhere.invalid/x", SCHEMA, start="0004", distributed=True)


async def test_a_running_store_stays_ready_when_its_tables_move_on(server: Server, database: str) -> None:
    """A newer version migrates before all processes of this one have ended; what that one needs is still there."""
    await migrate(server.url(database), MIGRATIONS)
    store, late = (PostgresStore(Target(server.url(database)), SCHEMA, MIGRATIONS, 10) for _ in range(2))
    await store.start()
    try:
        server.psql("UPDATE alembic_version SET version_num = '9999'", database)
        await store.check()
        with pytest.raises(StoreRefused, match="install the newer version"):
            await late.start()
        for lost in ("UPDATE alembic_version SET version_num = '0001'", "DELETE FROM alembic_version"):
            server.psql(lost, database)
            with pytest.raises(StoreRefused, match="enrollscope migrate"):
                await store.check()
    finally:
        await store.close()
