"""Clients of different processes that want to change the same event, each the version it read."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from enrollscope.odata.edm.layout import VERSION
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import PreconditionFailed
from enrollscope.odata.plan.commands import Create, Precondition, Update
from enrollscope.store.base import Store, Written
from enrollscope.store.postgres_connections import Target
from tests.faults.ledger import replay
from tests.faults.postgres.clients import ALONE, token_of
from tests.faults.postgres.storm import KIND, STORED, TYPES, actor, agreed_log, migrated, read_log, started, store_at
from tests.postgres import Server
from tests.serving import running
from tests.wire import EVENTS, Connection

pytestmark = pytest.mark.slow

HOSTS = 2
ROUNDS = 10_000
EVENTS_OF_BATCHES = 20
ROUNDS_OF_BATCHES = 100
TENANT = "race"


async def test_of_two_clients_that_race_one_wins(server: Server, database: str, tmp_path: Path) -> None:
    """Ten thousand times, each at a service of its own, with the one version there is: 200 and 412, never twice 200."""
    url = await migrated(server, database)
    token = await asyncio.to_thread(token_of, url, ALONE)
    async with AsyncExitStack() as stack:
        hosts = [stack.enter_context(running("--database", url, log=tmp_path / str(host))) for host in range(HOSTS)]
        ports = [int(address.rpartition(":")[2]) for _, address in hosts]
        clients = [await stack.enter_async_context(await Connection.open(port)) for port in ports]
        created = await clients[0].ask("POST", EVENTS, token, {"failureReason": "0"})
        path, tag = f"{EVENTS}/{created.json['id']}", created.headers["etag"]
        winners = []
        for number in range(ROUNDS):
            names = [{"failureReason": f"{number}-{host}"} for host in range(HOSTS)]
            answers = await asyncio.gather(
                *(client.ask("PATCH", path, token, name, tag) for client, name in zip(clients, names, strict=True))
            )
            assert sorted(answer.status for answer in answers) == [200, 412]
            tag = next(answer.headers["etag"] for answer in answers if answer.status == 200)
            assert tag == f'W/"{number + 2}"'
            winners.append(next(host for host, answer in enumerate(answers) if answer.status == 200))
    log, _ = agreed_log(server, database, ALONE)
    assert [entry.after["failureReason"] for entry in log[1:]] == [
        f"{number}-{host}" for number, host in enumerate(winners)
    ]
    assert set(winners) == set(range(HOSTS))


async def write(store: Store, key: str, name: str, version: int) -> Written | PreconditionFailed:
    """Change an event if it is at a version."""
    condition = Precondition(match=frozenset({version}))
    changes = {"failureReason": name}
    try:
        return await store.write(Update(actor(TENANT, name), STORED, key, TYPES, (), changes, condition))
    except PreconditionFailed as lost:
        return lost


async def race(stores: tuple[Store, Store], key: str) -> list[int]:
    """Round by round, two changes of the version that the round before left; how many won in each."""
    won = []
    for number in range(ROUNDS_OF_BATCHES):
        outcomes = await asyncio.gather(
            *(write(store, key, f"{key}-{number}-{each}", number + 1) for each, store in enumerate(stores))
        )
        winners = [outcome for outcome in outcomes if isinstance(outcome, Written)]
        assert [winner.record[VERSION] for winner in winners] == [number + 2]
        won.append(len(winners))
    return won


async def test_of_two_that_race_in_batches_one_wins(server: Server, database: str) -> None:
    """Where the batches of two processes share some events: the loser is told, and its neighbours are made."""
    url = await migrated(server, database)
    async with started(store_at(Target(url))) as first, started(store_at(Target(url))) as second:
        keys = [f"event-{number}" for number in range(EVENTS_OF_BATCHES)]
        for key in keys:
            await first.write(Create(actor(TENANT, key), STORED, key, KIND, {"eventDateTime": Instant(1)}))
        won = await asyncio.gather(*(race((first, second), key) for key in keys))
    assert won == [[1] * ROUNDS_OF_BATCHES] * EVENTS_OF_BATCHES
    log, names = read_log(server, database, TENANT)
    assert len(log) == EVENTS_OF_BATCHES * (ROUNDS_OF_BATCHES + 1)
    assert {state.version for state in replay(log).values()} == {ROUNDS_OF_BATCHES + 1}
    assert max(Counter(names).values()) == 1
