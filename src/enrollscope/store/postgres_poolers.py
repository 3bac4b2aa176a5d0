"""A pooler between the service and the server, such as PgBouncer: what must hold before anything is trusted to it.

One that gives each transaction another connection to the server carries nothing over from one to the next: neither
prepared statements, unless it knows them, nor the limits that the service sets for a connection.
"""

import uuid

import asyncpg

from enrollscope.store.base import StoreRefused
from enrollscope.store.postgres_connections import Connection, Target

_KNOWN = "SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE name = $1)"
_LIMITS = "SELECT name, setting::bigint FROM pg_settings WHERE name = ANY($1::text[])"

IGNORED = (
    "Have the pooler ignore what the service says about its limits, as deploy/pgbouncer.ini does: "
    "ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout, jit, "
    "plan_cache_mode, enable_seqscan, enable_sort, enable_bitmapscan, max_parallel_workers_per_gather. "
    "A migration needs the server itself."
)


def had_no_connection(error: BaseException) -> bool:
    """Whether PgBouncer gave up because no connection to the server became free: it has passed nothing on."""
    return isinstance(error, asyncpg.PostgresError) and "query_wait_timeout" in str(error)


async def stands_between(connection: Connection) -> bool:
    """Whether somebody else than the server answered the log-in: the number of the server's process was another."""
    return bool(await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid())


async def check_pooler(connection: Connection, target: Target) -> None:
    """Refuse to work through a pooler that would mix up statements, or let them run and wait without an end.

    Args:
        connection: that keeps no prepared statements, so that a pooler that is refused is left as it was.

    Raises:
        StoreRefused: the pooler, the role or the settings must be changed first.
    """
    if not await stands_between(connection):
        return
    if target.prepared and not await _keeps_statements(connection):
        raise StoreRefused(
            "The database is reached through a pooler that does not keep prepared statements for each of its clients. "
            "Set ENROLLSCOPE_PREPARED_STATEMENTS=no, or have it keep them: PgBouncer 1.21 or later does, with "
            "max_prepared_statements above 0."
        )
    await _check_limits(connection, target)


async def _keeps_statements(connection: Connection) -> bool:
    """Whether the pooler has names of its own for them. Where it passes on ours, those of two clients would collide."""
    async with connection.transaction():
        statement = await connection.prepare("SELECT 1", name=f"probe_{uuid.uuid4().hex}")
        name = statement.get_name()
        passed_on = await connection.fetchval(_KNOWN, name)
        if passed_on:
            await connection.execute(f"DEALLOCATE {name}")
    return not passed_on


async def _check_limits(connection: Connection, target: Target) -> None:
    limits = target.limits
    found = {name: int(value) for name, value in await connection.fetch(_LIMITS, list(limits))}
    missing = [name for name, limit in limits.items() if not 0 < found[name] <= limit]
    if missing:
        role = await connection.fetchval("SELECT quote_ident(current_user)")
        remedy = " ".join(f"ALTER ROLE {role} SET {name} = '{limits[name]}ms';" for name in missing)
        raise StoreRefused(
            "The database is reached through a pooler, so its role must have the limits that the service sets for its "
            "connections elsewhere, or lower ones: without them a change could wait for ever. Run, as a superuser or "
            f"as the role itself: {remedy} Then have the pooler connect anew (PgBouncer: RECONNECT)."
        )
