"""One suite for every store: a second store is one more parameter of `opened`."""

import asyncio
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from enrollscope.odata.edm.layout import Layout
from enrollscope.store.base import Store
from enrollscope.store.opening import migrate_store, open_store
from enrollscope.store.postgres import PostgresStore
from enrollscope.store.schema import tables
from enrollscope.store.snapshot import Snapshot
from tests.conformance.library import LIBRARY
from tests.index_tables import strays
from tests.pgbouncer import pooling
from tests.postgres import Server, shared_server
from tests.roles import owned_database
from tests.tenancy import Watch, WatchedTarget, tables_of_tenants

T = TypeVar("T")

STORED = [stored.name for stored in LIBRARY.stored]
LAYOUTS = [Layout.of(LIBRARY.whole, stored) for stored in LIBRARY.stored]
SNAPSHOT = Snapshot(tables(LIBRARY, LAYOUTS))


STORES = [pytest.param("sqlite", id="sqlite"), pytest.param("postgres", id="postgres")]
POOLED = [
    pytest.param("pooled-unprepared", id="pooled-unprepared", marks=pytest.mark.slow),
    pytest.param("pooled-prepared", id="pooled-prepared", marks=pytest.mark.slow),
]
"""PostgreSQL behind a pooler, which is asked a part of the suite."""

through_poolers = pytest.mark.parametrize("opened", [*STORES, *POOLED], indirect=True, scope="module")


@dataclass(frozen=True)
class Opened:
    """A started store and the event loop it lives on."""

    store: Store
    runner: asyncio.Runner

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one piece of work to its end."""
        return self.runner.run(work)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The PostgreSQL of this test run."""
    with shared_server() as server:
        yield server


@pytest.fixture(scope="module", params=STORES)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A started store of the library; on PostgreSQL as the role of a service, and everything it sends is read."""
    with ExitStack() as stack:
        prepared = request.param != "pooled-unprepared"
        if request.param == "sqlite":
            path: Path = tmp_path_factory.mktemp("store") / "library.db"
            url = f"sqlite:///{path}"
            find_strays = partial(list[str])
        else:
            server: Server = request.getfixturevalue("postgres")
            database = stack.enter_context(owned_database(server))
            migrate_store(database.owner_url, LIBRARY, history=SNAPSHOT)
            database.grant(STORED)
            url = database.service_url
            find_strays = partial(strays, server, database.name, LIBRARY)
            if request.param.startswith("pooled"):
                pooler = stack.enter_context(pooling(server, database.name, keeping=prepared, stored=STORED))
                url = pooler.url(database.name)
        runner = stack.enter_context(asyncio.Runner())
        watch = Watch(tables_of_tenants(LIBRARY))
        store: Store
        if request.param == "sqlite":
            store = open_store(url, LIBRARY, history=SNAPSHOT)
        else:
            store = PostgresStore(WatchedTarget(url, prepared, watch=watch), LIBRARY, SNAPSHOT, 4096)
        runner.run(store.start())
        yield Opened(store, runner)
        runner.run(store.close())
        assert find_strays() == []
        assert watch.faults == []


@pytest.fixture
def tenant() -> str:
    """A tenant that no other test uses."""
    return str(uuid.uuid4())
