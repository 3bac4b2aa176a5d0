"""Clients of different processes that want to change the same event, each the version it read."""

import asyncio
from collections import Counter

import pytest

from enrollscope.odata.edm.layout import VERSION
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import PreconditionFailed
from enrollscope.odata.plan.commands import Create, Precondition, Update
from enrollscope.store.base import Store, Written
from enrollscope.store.postgres_connections import Target
from tests.faults.ledger import replay
from tests.faults.postgres.storm import KIND, STORED, TYPES, actor, migrated, read_log, started, store_at
from tests.postgres import Server

pytestmark = pytest.mark.slow

EVENTS = 20
ROUNDS = 500
TENANT = "race"


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
    for number in range(ROUNDS):
        outcomes = await asyncio.gather(
            *(write(store, key, f"{key}-{number}-{each}", number + 1) for each, store in enumerate(stores))
        )
        winners = [outcome for outcome in outcomes if isinstance(outcome, Written)]
        assert [winner.record[VERSION] for winner in winners] == [number + 2]
        won.append(len(winners))
    return won


async def test_of_two_that_race_one_wins(server: Server, database: str) -> None:
    """Ten thousand times, whichever process is first: the other is told, and its change is nowhere."""
    url = await migrated(server, database)
    async with started(store_at(Target(url))) as first, started(store_at(Target(url))) as second:
        keys = [f"event-{number}" for number in range(EVENTS)]
        for key in keys:
            await first.write(Create(actor(TENANT, key), STORED, key, KIND, {"eventDateTime": Instant(1)}))
        won = await asyncio.gather(*(race((first, second), key) for key in keys))
    assert won == [[1] * ROUNDS] * EVENTS
    log, names = read_log(server, database, TENANT)
    assert len(log) == EVENTS * (ROUNDS + 1)
    assert {state.version for state in replay(log).values()} == {ROUNDS + 1}
    assert max(Counter(names).values()) == 1
