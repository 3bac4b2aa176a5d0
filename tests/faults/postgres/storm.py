"""Many clients that change events of several tenants at once, straight on a store, and a judge of what came of it."""
# ruff: noqa: S608 - the names of tenants are ours

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import OutcomeUnknown, ServiceUnavailable
from enrollscope.odata.plan.commands import Actor, Command, Create, Delete, Update
from enrollscope.store.base import Store
from enrollscope.store.history import MIGRATIONS
from enrollscope.store.postgres import PostgresStore
from enrollscope.store.postgres_connections import Target
from enrollscope.store.postgres_migrations import migrate
from tests.faults.ledger import Entry, replay
from tests.index_tables import strays
from tests.postgres import Server

STORED = "events"
KIND = "enrollmentTroubleshootingEvent"
TYPES = frozenset({KIND})
SHARED = 12
TENANTS = ("one", "two", "three")
CLIENTS = 24


def store_at(target: Target) -> PostgresStore:
    """A store of the product, not started."""
    return PostgresStore(target, SCHEMA, MIGRATIONS, queue=4096)


async def migrated(server: Server, database: str) -> str:
    """Make the tables in a database; its URL."""
    await migrate(server.url(database), MIGRATIONS)
    return server.url(database)


@dataclass(slots=True)
class Storm:
    """What the clients did so far. Each change carries a name that no other has, as its client request id.

    Attributes:
        done: names of the changes that were answered with success, and the version told.
        refused: names of those answered with "nothing was changed".
        unknown: names of those whose outcome nobody could tell.
        failures: what else came, which no client should get.
    """

    store: Store
    tenants: tuple[str, ...]
    done: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _answered: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def begin(self) -> None:
        """Create the events that every client changes and none deletes."""
        for tenant in self.tenants:
            for number in range(SHARED):
                await self._send(self._create(tenant, f"shared-{number}", f"{tenant}-begin-{number}"))

    async def run(self, clients: int) -> None:
        """Change events until `stop` is set."""
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(self._client(number))

    async def grown(self, count: int, seconds: float = 60) -> None:
        """Return when so many more changes were answered."""
        wanted = len(self.done) + count
        async with asyncio.timeout(seconds), self._answered:
            await self._answered.wait_for(lambda: len(self.done) >= wanted)

    async def _client(self, number: int) -> None:
        choose = random.Random(number)  # noqa: S311 - repeatable on purpose
        tenant = self.tenants[number % len(self.tenants)]
        own: list[str] = []
        sequence = 0
        while not self.stop.is_set():
            sequence += 1
            name, chance = f"{tenant}-{number}-{sequence}", choose.random()
            if chance < 0.1:
                if await self._send(self._create(tenant, name, name)):
                    own.append(name)
            elif chance < 0.15 and own:
                await self._send(Delete(actor(tenant, name), STORED, own.pop(), TYPES, ()))
            else:
                key = choose.choice([f"shared-{place}" for place in range(SHARED)] + own)
                changes = {"failureReason": name, "osVersion": name}
                await self._send(Update(actor(tenant, name), STORED, key, TYPES, (), changes))

    def _create(self, tenant: str, key: str, name: str) -> Create:
        values = {"eventDateTime": Instant(1), "failureReason": name, "osVersion": name}
        return Create(actor(tenant, name), STORED, key, KIND, values)

    async def _send(self, command: Command) -> bool:
        name = command.actor.client_request
        try:
            written = await self.store.write(command)
        except OutcomeUnknown:
            self.unknown.append(name)
        except ServiceUnavailable:
            self.refused.append(name)
            await asyncio.sleep(0.05)
        except Exception as failure:  # noqa: BLE001 - the judge shows it
            self.failures.append(failure)
            await asyncio.sleep(0.05)
        else:
            self.done[name] = written.record[2]
            async with self._answered:
                self._answered.notify_all()
            return True
        return False


@asynccontextmanager
async def started(store: Store) -> AsyncIterator[Store]:
    """A store for as long as the block lasts."""
    await store.start()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def raging(store: Store) -> AsyncIterator[Storm]:
    """Load on a store for as long as the block lasts; returns when every client has its last answer."""
    storm = Storm(store, TENANTS)
    await storm.begin()
    clients = asyncio.create_task(storm.run(CLIENTS))
    try:
        await storm.grown(200)
        yield storm
    finally:
        storm.stop.set()
        await clients


def actor(tenant: str, name: str) -> Actor:
    """Who makes the change of that name."""
    return Actor(tenant, None, "app", "token", name, 0)


def judge(server: Server, database: str, storm: Storm) -> None:
    """Every answered change is there once, no refused one is, and events and log agree."""
    assert storm.failures == []
    for tenant in storm.tenants:
        log, names = agreed_log(server, database, tenant)
        counted = Counter(names)
        own = [name for name in storm.done if name.startswith(f"{tenant}-")]
        assert [name for name in own if counted[name] != 1] == []
        assert [name for name in storm.refused if counted[name]] == []
        assert counted.keys() <= {*own, *storm.unknown}
        assert max(counted.values()) == 1
        versions = {name: entry.version for name, entry in zip(names, log, strict=True) if entry.kind != "deleted"}
        assert {name: storm.done[name] for name in own if name in versions} == {
            name: versions[name] for name in own if name in versions
        }
    assert strays(server, database, SCHEMA) == []


def agreed_log(server: Server, database: str, tenant: str) -> tuple[list[Entry], list[str]]:
    """The log of a tenant, as `read_log` gives it, once it is whole and the events are what it says of them."""
    log, names = read_log(server, database, tenant)
    assert read_rows(server, database, tenant) == {
        key: (state.version, state.properties["failureReason"], state.properties.get("osVersion"))
        for key, state in replay(log).items()
        if state.properties is not None
    }
    return log, names


def read_log(server: Server, database: str, tenant: str) -> tuple[list[Entry], list[str]]:
    """The log of a tenant, oldest first, and the client request id of each entry."""
    said = server.psql(
        "SELECT json_build_array(position, kind, id, version, before::json, after::json, client_request_id) "
        f"FROM changes WHERE tenant_id = '{tenant}' ORDER BY position",
        database,
    )
    rows: list[list[Any]] = [json.loads(line) for line in said.splitlines()]
    return [Entry(*row[:6]) for row in rows], [row[6] for row in rows]


def read_rows(server: Server, database: str, tenant: str) -> dict[str, tuple[int, str, str | None]]:
    """The version, `failureReason` and `osVersion` of each event of a tenant."""
    said = server.psql(
        f"SELECT json_build_array(id, version, failure_reason, os_version) FROM events WHERE tenant_id = '{tenant}'",
        database,
    )
    return {key: (version, reason, system) for key, version, reason, system in map(json.loads, said.splitlines())}
