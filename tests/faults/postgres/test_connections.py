"""What happens to a database happens under load; at the end each answered change is there exactly once."""

import asyncio
import time

import asyncpg
import pytest

from enrollscope.odata.errors import OutcomeUnknown, ServiceUnavailable
from enrollscope.odata.plan.commands import Update
from enrollscope.store.postgres_connections import Target
from tests.faults.postgres.proxy import Cut, Wire
from tests.faults.postgres.storm import STORED, TYPES, Storm, actor, judge, migrated, raging, started, store_at
from tests.postgres import Server, own_server

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("end", [pytest.param("immediate", id="stop"), pytest.param("kill", id="kill")])
async def test_a_server_that_crashes_and_comes_back(end: str) -> None:
    """Whether it is stopped at once or its first process is killed: the store goes on by itself and loses nothing."""
    with own_server() as server:
        database = server.new_database()
        async with started(store_at(Target(await migrated(server, database)))) as store, raging(store) as storm:
            for _ in range(3):
                await asyncio.to_thread(server.kill if end == "kill" else lambda: server.stop("immediate"))
                await asyncio.to_thread(server.start)
                await storm.grown(200)
        assert storm.unknown == []
        judge(server, database, storm)


@pytest.mark.parametrize("cut", [pytest.param(cut, id=cut.name.lower()) for cut in Cut])
async def test_a_connection_cut_at_a_commit(server: Server, database: str, cut: Cut) -> None:
    """Whether the commit took effect is looked up: it is answered if it did, and made again if it did not."""
    await migrated(server, database)
    wire = Wire(server.port, cut)
    port = await wire.open()
    async with started(store_at(Target(server.url(database, port=port)))) as store, raging(store) as storm:
        await storm.grown(2000)
    await wire.close()
    assert wire.cuts >= 20
    assert (storm.unknown, storm.refused) == ([], [])
    judge(server, database, storm)


async def test_connections_that_break_at_any_moment(server: Server, database: str) -> None:
    """Reset all at once, again and again, whatever they are doing."""
    await migrated(server, database)
    wire = Wire(server.port)
    port = await wire.open()
    async with started(store_at(Target(server.url(database, port=port)))) as store, raging(store) as storm:
        for _ in range(25):
            wire.break_all()
            await storm.grown(40)
    await wire.close()
    assert (storm.unknown, storm.refused) == ([], [])
    judge(server, database, storm)


@pytest.mark.parametrize("cut", [pytest.param(cut, id=cut.name.lower()) for cut in Cut])
async def test_an_outcome_that_nobody_can_tell_is_told_as_such(server: Server, database: str, cut: Cut) -> None:
    """Neither a success nor a plain failure: the client must look for itself, and its program must not repeat it."""
    await migrated(server, database)
    wire = Wire(server.port, every=10**9)
    port = await wire.open()
    target = Target(server.url(database, port=port), retry_seconds=0.5, settle_seconds=1)
    async with started(store_at(target)) as store:
        storm = Storm(store, ("one",))
        await storm.begin()
        wire.cut, wire.every, wire.dead_after_cut = cut, 1, True
        with pytest.raises(OutcomeUnknown) as told:
            await store.write(Update(actor("one", "one-lost"), STORED, "shared-0", TYPES, (), {"osVersion": "lost"}))
        assert (told.value.status, told.value.code) == (500, "OutcomeUnknown")
        with pytest.raises(ServiceUnavailable):
            await store.write(Update(actor("one", "one-late"), STORED, "shared-0", TYPES, (), {"osVersion": "late"}))
        storm.unknown.append("one-lost")
        storm.refused.append("one-late")
    await wire.close()
    if cut is Cut.BEFORE:
        judge(server, database, storm)
    found = server.psql("SELECT count(*) FROM changes WHERE client_request_id = 'one-lost'", database)
    assert found == ("0" if cut is Cut.BEFORE else "1")


async def test_a_row_that_somebody_holds(server: Server, database: str) -> None:
    """Changes of it are refused with a time to come back; changes of other events that shared their batch are made."""
    url = await migrated(server, database)
    async with started(store_at(Target(url, lock_seconds=0.3))) as store, raging(store) as storm:
        holder = await asyncpg.connect(url)
        async with holder.transaction():
            await holder.execute("SELECT FROM events WHERE tenant_id = 'one' AND id = 'shared-0' FOR UPDATE")
            held = time.monotonic()
            await storm.grown(500)
            await asyncio.sleep(max(0.0, 5 - (time.monotonic() - held)))
        await holder.close()
        await storm.grown(200)
    assert storm.refused
    assert all(name.startswith("one-") for name in storm.refused)
    assert storm.unknown == []
    judge(server, database, storm)


async def test_a_statement_that_takes_too_long(server: Server, database: str) -> None:
    """It is given up and answered as a failure that can be repeated; its neighbours are made."""
    url = await migrated(server, database)
    server.psql(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "
        "IF new.os_version LIKE '%-7-%' THEN PERFORM pg_sleep(60); END IF; RETURN new; END$$; "
        "CREATE TRIGGER dawdle BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION dawdle()",
        database,
    )
    async with started(store_at(Target(url, statement_seconds=0.4))) as store, raging(store) as storm:
        await storm.grown(500)
    assert storm.refused
    assert {name.split("-")[1] for name in storm.refused} == {"7"}
    judge(server, database, storm)
