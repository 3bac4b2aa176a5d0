"""The way of a PostgreSQL database from nothing to the current tables.

Run by an operator, with a role that owns the tables; the service itself needs no such right.
"""

import re
from collections.abc import AsyncIterator, Container, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from enrollscope.store.base import StoreRefused
from enrollscope.store.history import History
from enrollscope.store.index_table import index_table_name
from enrollscope.store.postgres_connections import Connection, Failure, Target, failure_of
from enrollscope.store.postgres_poolers import IGNORED, stands_between

OLDEST_SERVER = 14

# Any two numbers that no other program is likely to lock.
_LOCK = (0x4F446174, 1)

NOTHING = "base"
"""Where there are no tables yet, as Alembic calls it."""

_OWN_OBJECTS = Path(__file__).with_name("postgres_objects.sql")
_TENANT_TABLES = ("changes", "positions")
_COPIED_TABLES = ("secrets", "upkeep", "alembic_version")
_WITHOUT_LIMITS = {"statement_timeout": "0", "lock_timeout": "60s", "idle_in_transaction_session_timeout": "0"}
_WEEK_SECONDS = 7 * 86_400  # the driver's own limit: an index of a large table takes hours
_BROKEN_INDEXES = (
    "SELECT indexrelid::regclass::text AS name FROM pg_index JOIN pg_class ON pg_class.oid = indrelid "
    "WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace"
)
_REVISION = "SELECT version_num FROM alembic_version"

# Citus: a table has a row there once it is distributed ('h') or on every node ('n' with 't').
_CITUS = "SELECT to_regclass('pg_dist_partition') IS NOT NULL"
_SPREAD = (
    "SELECT relname::text FROM pg_dist_partition JOIN pg_class ON pg_class.oid = logicalrelid "
    "WHERE relnamespace = current_schema()::regnamespace AND (partmethod <> 'n' OR repmodel = 't')"
)


def shown(url: str) -> str:
    """The URL of a database without user, password and parameters."""
    parts = urlsplit(url)
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


@asynccontextmanager
async def refusing(url: str) -> AsyncIterator[None]:
    """Tell the operator what the server has against us.

    Raises:
        StoreRefused: in place of the driver's own errors.
    """
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        name, said = shown(url), str(error) or type(error).__name__
        match error:
            case asyncpg.ProtocolViolationError() if "startup parameter" in said:
                remedy = IGNORED
            case asyncpg.InvalidAuthorizationSpecificationError() | asyncpg.InvalidPasswordError():
                remedy = "Check user and password of --database, and pg_hba.conf of the server."
            case asyncpg.InvalidCatalogNameError():
                remedy = "Create the database, or name another with --database."
            case asyncpg.InsufficientPrivilegeError():
                remedy = "The role lacks a right: docs/operate.md lists what the service and a migration need."
            case asyncpg.ReadOnlySQLTransactionError():
                remedy = "It is a replica. Migrate the primary, and start a service there once, which makes the keys."
            case _ if failure_of(error) is Failure.LOST:
                remedy = "Check that the server runs and can be reached from here."
            case _:
                remedy = "The server's log may say more."
        raise StoreRefused(f"{name} cannot be used: {said}. {remedy}") from error


async def revision_of(connection: Connection) -> str | None:
    """How far the tables are; `None`: there are none.

    Raises:
        StoreRefused: there are tables of something else.
    """
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revisions = [row[0] for row in await connection.fetch(_REVISION)]
    if len(revisions) > 1:
        raise StoreRefused("The table alembic_version has several rows: the database is of another program.")
    return str(revisions[0]) if revisions else None


async def check_server(connection: Connection) -> None:
    """Refuse a server on which the store could not keep its promises.

    Raises:
        StoreRefused: it is too old, keeps text in another encoding, or would forget commits.
    """
    version = connection.get_server_version()
    if version.major < OLDEST_SERVER:
        raise StoreRefused(f"The server is PostgreSQL {version.major}; {OLDEST_SERVER} or later is needed.")
    encoding, commits, replicas = await connection.fetchrow(
        "SELECT pg_encoding_to_char(encoding), current_setting('synchronous_commit'), "
        "current_setting('synchronous_standby_names') FROM pg_database WHERE datname = current_database()"
    ) or ("", "", "")
    if encoding != "UTF8":
        raise StoreRefused(
            f"The database is encoded in {encoding}. Create one with ENCODING 'UTF8' TEMPLATE template0."
        )
    if commits == "off":
        raise StoreRefused(
            "The server has synchronous_commit = off, so that a crash would take back changes already answered. "
            "Set it to on, for this role at least: ALTER ROLE … SET synchronous_commit = on."
        )
    if commits == "local" and replicas:
        raise StoreRefused(
            "The server names replicas to wait for (synchronous_standby_names), but has synchronous_commit = local, so "
            "that it waits for none, and a change already answered would be lost with it. Set one as the other means."
        )


def migration_script(
    history: History, current: str | None, *, stored: tuple[str, ...] = (), spread: Container[str] = ()
) -> tuple[str, ...]:
    """The statements from a revision to the last one, in order.

    Args:
        stored: the tables of stored sets, when they are to be distributed over the nodes of a Citus cluster.
        spread: see `distribution`.
    """
    statements: list[str] = []
    if current != history.revisions[-1]:
        statements += _statements(_OWN_OBJECTS.read_text(encoding="utf-8"), ";\n\n")  # first: some indexes need them
        statements += _statements(history.upgrade(current, "postgresql"), ";\n")
    return (*statements, *(distribution(stored, spread) if stored else ()))


def _statements(text: str, end: str) -> list[str]:
    without_comments = re.sub("^--.*\n", "", text + "\n", flags=re.MULTILINE)
    return [statement.strip().removesuffix(";") for statement in without_comments.split(end) if statement.strip()]


def distribution(stored: tuple[str, ...], spread: Container[str] = ()) -> tuple[str, ...]:
    """The statements that spread every table by its tenant, rows of one tenant together (Citus).

    Args:
        spread: the tables that are spread already: Citus refuses to do it again.
    """
    first, *others = (*stored, *map(index_table_name, stored), *_TENANT_TABLES)
    beside = ((first, ""), *((name, f", colocate_with => '{first}'") for name in others))
    return (
        # Nobody puts in what waits at indexes on other nodes, so little may.
        *(
            f"ALTER INDEX IF EXISTS {index_table_name(name)}_with_text RESET (gin_pending_list_limit)"
            for name in stored
        ),
        *(
            f"SELECT create_distributed_table('{name}', 'tenant_id'{together})"
            for name, together in beside
            if name not in spread
        ),
        *(f"SELECT create_reference_table('{name}')" for name in _COPIED_TABLES if name not in spread),
    )


async def is_cluster(connection: Connection) -> bool:
    """Whether the server is the coordinator of a Citus cluster, so that tables may be on its nodes."""
    return bool(await connection.fetchval(_CITUS))


async def _spread(connection: Connection) -> frozenset[str]:
    """The tables that a Citus cluster has spread over its nodes, or copied to all of them."""
    if not await is_cluster(connection):
        return frozenset()
    return frozenset(row[0] for row in await connection.fetch(_SPREAD))


async def migrate(url: str, history: History, *, stored: tuple[str, ...] = ()) -> tuple[str | None, str]:
    """Bring the tables to the last revision; returns the revisions before and after.

    Everything is one transaction, but for indexes that are made CONCURRENTLY: those are made one by one while the
    service goes on writing, and made anew when an earlier attempt broke off.

    Args:
        stored: see `migration_script`. Those of their tables that are distributed already stay as they are.

    Raises:
        StoreRefused: another migration is under way, the tables are newer than this version of the program, the URL
            is of a pooler, or the server refuses a statement; what was not made concurrently is then as before.
    """
    async with refusing(url):
        connection = await Target(url, statement_seconds=_WEEK_SECONDS).unprepared.connect(_WITHOUT_LIMITS)
        try:
            if await stands_between(connection):  # the lock would be of a connection that others get next
                raise StoreRefused(f"{shown(url)} is a pooler. Migrate with the URL of the server itself.")
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *_LOCK):
                raise StoreRefused(f"Another migration of {shown(url)} is under way. Wait for it, then try again.")
            await check_server(connection)
            return await _migrate(connection, url, history, stored)
        finally:
            await connection.close()


async def _migrate(
    connection: Connection, url: str, history: History, stored: tuple[str, ...]
) -> tuple[str | None, str]:
    before, head = await _known_revision(connection, url, history), history.revisions[-1]
    for name in await _broken_indexes(connection):
        await connection.execute(f"DROP INDEX CONCURRENTLY {name}")
    for part in _parts(migration_script(history, before, stored=stored, spread=await _spread(connection))):
        if _is_alone(part[0]):
            await connection.execute(part[0])
            continue
        async with connection.transaction():
            for statement in part:
                await connection.execute(statement)
    return before, head


async def _known_revision(connection: Connection, url: str, history: History) -> str | None:
    revision = await revision_of(connection)
    if revision is not None and revision not in history.revisions:
        raise StoreRefused(newer(url, revision, history.revisions[-1]))
    return revision


def _parts(statements: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """What is one transaction each; a statement that must be in none is alone."""
    together: list[str] = []
    for statement in statements:
        if not _is_alone(statement):
            together.append(statement)
            continue
        if together:
            yield tuple(together)
            together = []
        yield (statement,)
    if together:
        yield tuple(together)


def _is_alone(statement: str) -> bool:
    return " CONCURRENTLY " in statement


async def _broken_indexes(connection: Connection) -> list[str]:
    """An index whose concurrent making broke off is there, is kept up to date, and is of no use."""
    return [str(name) for (name,) in await connection.fetch(_BROKEN_INDEXES)]


async def printed(url: str, history: History, start: str | None, *, stored: tuple[str, ...] = ()) -> str:
    """The script for psql that does what `migrate` would.

    Args:
        start: the revision to begin with, or `NOTHING`; `None` asks the database, and else nobody is asked.
        stored: see `migration_script`.

    Raises:
        StoreRefused: the database cannot be asked, its tables are newer than this version of the program, there is no
            such revision, or only the database could tell what is distributed.
    """
    if start is None:
        async with refusing(url):
            connection = await Target(url).unprepared.connect()
            try:
                current, spread = await _known_revision(connection, url, history), await _spread(connection)
            finally:
                await connection.close()
    else:
        if start not in (NOTHING, *history.revisions):
            raise StoreRefused(f"'{start}' is no revision. There are: {', '.join((NOTHING, *history.revisions))}.")
        if stored and start != NOTHING:
            raise StoreRefused("What is distributed already only the database can tell: print without --from.")
        current, spread = None if start == NOTHING else start, frozenset()
    script = migration_script(history, current, stored=stored, spread=spread)
    return "\n\n".join([*_preamble(current, history.revisions[-1]), *_body(script)]) + "\n"


def _preamble(current: str | None, head: str) -> Iterator[str]:
    yield f"-- For psql, which must not run it as one transaction. From revision {current or NOTHING} to {head}."
    yield "\\set ON_ERROR_STOP on"
    yield "\n".join(f"SET {name} = '{value}';" for name, value in _WITHOUT_LIMITS.items())
    taken = f"pg_try_advisory_lock({_LOCK[0]}, {_LOCK[1]})"
    yield f"DO $$BEGIN IF NOT {taken} THEN RAISE 'Another migration is under way.'; END IF; END$$;"
    if current is not None:
        yield (
            f"DO $$BEGIN IF NOT EXISTS (SELECT FROM alembic_version WHERE version_num = '{current}') THEN "
            f"RAISE 'The tables are not at revision {current}.'; END IF; END$$;"
        )


def _body(script: Sequence[str]) -> Iterator[str]:
    # Looked for when the script runs: it may break off itself, and be run again.
    yield f"SELECT format('DROP INDEX CONCURRENTLY %s', name) FROM ({_BROKEN_INDEXES}) AS broken \\gexec"  # noqa: S608 - a constant
    for part in _parts(script):
        if _is_alone(part[0]):
            yield f"{part[0]};"
        else:
            yield "\n\n".join(("BEGIN;", *(f"{statement};" for statement in part), "COMMIT;"))


def newer(url: str, revision: str, head: str) -> str:
    """What to tell an operator whose tables this version of the program does not know."""
    return (
        f"The tables of {shown(url)} are at revision {revision}, which this version of the program does not know; it "
        f"knows {head}. They were left as they are: install the newer version."
    )
