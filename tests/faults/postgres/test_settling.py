"""Commits whose answers got lost, and what must hold while nobody knows what came of them."""

import asyncio

import asyncpg
import pytest

from enrollscope.odata.edm.layout import VERSION
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import OutcomeUnknown
from enrollscope.odata.plan.commands import Create, Delete, Precondition, Update
from enrollscope.store.base import RefusedTogether
from enrollscope.store.postgres_connections import Target
from tests.faults.postgres.proxy import Cut, Wire
from tests.faults.postgres.storm import KIND, STORED, TYPES, Storm, actor, judge, migrated, started, store_at
from tests.postgres import Server

pytestmark = pytest.mark.slow

KEYS = ("shared-0", "shared-1")
CUTS = [pytest.param(cut, id=cut.name.lower()) for cut in Cut]


def update(name: str, key: str, reason: str, match: int | None = None) -> Update:
    """A change of one event, under a precondition if there is a version."""
    precondition = Precondition(None if match is None else frozenset({match}))
    return Update(actor("one", name), STORED, key, TYPES, (), {"failureReason": reason}, precondition)


async def test_a_batch_of_unknown_outcome_is_not_tried_one_by_one(server: Server, database: str) -> None:
    """Its rows are held when the log is to be asked: each client hears that nobody knows, and nothing is made again."""
    url = await migrated(server, database)
    wire = Wire(server.port, every=10**9)
    target = Target(server.url(database, port=await wire.open()), lock_seconds=0.2, retry_seconds=0.5, settle_seconds=1)
    async with started(store_at(target)) as store:
        storm = Storm(store, ("one",))
        await storm.begin()
        holder = await asyncpg.connect(url)
        async with holder.transaction():
            await holder.execute("SELECT FROM events WHERE tenant_id = 'one' AND id = 'shared-0' FOR UPDATE")
            wire.cut, wire.every = Cut.BEFORE, 1
            both = (store.write(update(f"lost-{number}", f"shared-{number}", "lost")) for number in range(2))
            told = await asyncio.gather(*both, return_exceptions=True)
        await holder.close()
        assert [type(answer) for answer in told] == [OutcomeUnknown, OutcomeUnknown]
        assert wire.cuts == 1
    await wire.close()
    judge(server, database, storm)
    assert server.psql("SELECT count(*) FROM changes WHERE client_request_id LIKE 'lost-%'", database) == "0"


@pytest.mark.parametrize("cut", CUTS)
async def test_what_is_created_and_gone_again_is_logged_once(server: Server, database: str, cut: Cut) -> None:
    """No row is left that could tell; the log does."""
    await migrated(server, database)
    wire = Wire(server.port, cut)
    async with started(store_at(Target(server.url(database, port=await wire.open())))) as store:
        values = {"eventDateTime": Instant(1), "failureReason": "brief"}
        wire.commits = wire.every - 2  # the statement that writes counts, too
        await asyncio.gather(
            store.write(Create(actor("one", "came"), STORED, "brief", KIND, values)),
            store.write(Delete(actor("one", "went"), STORED, "brief", TYPES, ())),
        )
        assert wire.cuts == 1
    await wire.close()
    assert server.psql("SELECT string_agg(kind, ',' ORDER BY position) FROM changes", database) == "created,deleted"
    assert server.psql("SELECT count(*) FROM events", database) == "0"


async def test_what_one_attempt_did_is_not_taken_for_what_another_would_have_done(
    server: Server, database: str
) -> None:
    """A batch is lost, somebody changes one of its events, and the batch without that is lost as well, but made."""
    url = await migrated(server, database)
    wire = Wire(server.port, every=10**9)
    async with started(store_at(Target(server.url(database, port=await wire.open())))) as store:
        await Storm(store, ("one",)).begin()
        other = await asyncpg.connect(url)
        transaction = other.transaction()
        await transaction.start()
        await other.execute(
            "UPDATE events SET version = 9, os_version = 'other' WHERE tenant_id = 'one' AND id = 'shared-0'"
        )
        wire.cut, wire.every = Cut.BEFORE, 1
        both = (store.write(update(f"try-{number}", f"shared-{number}", "tried", match=1)) for number in range(2))
        answers = asyncio.gather(*both, return_exceptions=True)
        await wire.was_cut.wait()
        wire.cut, wire.every, wire.commits = Cut.AFTER, 10, 8
        await transaction.commit()
        await other.close()
        refused, made = await answers
        assert wire.cuts == 2
    await wire.close()
    assert type(refused).__name__ == "PreconditionFailed"
    assert not isinstance(made, BaseException)
    assert server.psql("SELECT string_agg(id, ',') FROM changes WHERE client_request_id LIKE 'try-%'", database) == (
        "shared-1"
    )


async def test_what_belongs_together_has_one_winner(server: Server, database: str) -> None:
    """Each demands that the other's event is as it was, and says so by a change that changes nothing."""
    target = Target(await migrated(server, database))
    async with started(store_at(target)) as one, started(store_at(target)) as two:
        await Storm(one, ("one",)).begin()
        reason = one.layouts[STORED].index["failureReason"]
        for number in range(100):
            records = [await one.read("one", STORED, key) or () for key in KEYS]
            versions, reasons = ([record[place] for record in records] for place in (VERSION, reason))
            answers = await asyncio.gather(
                one.write_together(
                    (
                        update("still", KEYS[0], reasons[0], versions[0]),
                        update(f"one-{number}", KEYS[1], f"one-{number}"),
                    )
                ),
                two.write_together(
                    (
                        update("still", KEYS[1], reasons[1], versions[1]),
                        update(f"two-{number}", KEYS[0], f"two-{number}"),
                    )
                ),
                return_exceptions=True,
            )
            assert sorted(isinstance(answer, RefusedTogether) for answer in answers) == [False, True], answers
