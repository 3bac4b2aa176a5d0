"""All the connections that the server allows are taken, by others or by a service that runs as many processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import ServiceUnavailable
from enrollscope.odata.plan.commands import Create
from enrollscope.store.base import Store
from enrollscope.store.postgres_connections import Target
from tests.faults.postgres.storm import KIND, STORED, actor, migrated, started, store_at
from tests.postgres import Server

pytestmark = pytest.mark.slow

ALLOWED = 3


@asynccontextmanager
async def role_with_few_connections(server: Server, database: str) -> AsyncIterator[str]:
    """A role that may have `ALLOWED` connections; the URL of the database for it."""
    role = f"few_{database}"
    await migrated(server, database)
    server.psql(
        f"CREATE ROLE {role} LOGIN CONNECTION LIMIT {ALLOWED}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
        database,
    )
    try:
        yield server.url(database, role)
    finally:
        server.psql(f"DROP OWNED BY {role}; DROP ROLE {role}", database)


async def create(store: Store, key: str) -> None:
    """Make an event."""
    await store.write(Create(actor("one", key), STORED, key, KIND, {"eventDateTime": Instant(1)}))


async def test_a_connection_that_is_free_soon(server: Server, database: str) -> None:
    """A change waits for it, and is made."""
    async with role_with_few_connections(server, database) as url, started(store_at(Target(url))) as store:
        others = [await asyncpg.connect(url) for _ in range(ALLOWED)]
        change = asyncio.create_task(create(store, "event"))
        await asyncio.sleep(0.5)
        assert not change.done()
        for other in others:
            await other.close()
        await change
        assert await store.read("one", STORED, "event") is not None


async def test_connections_that_stay_taken(server: Server, database: str) -> None:
    """A change is refused with a time to come back, and is not made."""
    async with (
        role_with_few_connections(server, database) as url,
        started(store_at(Target(url, retry_seconds=0.3))) as store,
    ):
        others = [await asyncpg.connect(url) for _ in range(ALLOWED)]
        with pytest.raises(ServiceUnavailable, match="Nothing was changed") as told:
            await create(store, "event")
        assert int(told.value.headers["Retry-After"]) >= 1
        for other in others:
            await other.close()
        assert await store.read("one", STORED, "event") is None
