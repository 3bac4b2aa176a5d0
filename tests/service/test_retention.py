"""What is older than it must be kept goes, step by step; everything else stays. On both stores."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.layout import KEY
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.plan.commands import Actor, Create, Update
from enrollscope.service.retention import APP, Pace, count_older, remove_older
from enrollscope.store.base import Store
from enrollscope.store.opening import migrate_store, open_store
from tests.postgres import shared_server
from tests.serving import run_command

TENANT = "ba53f291-0c6c-40a3-b4b8-3a6238a11a85"
OTHER = "00000000-0000-0000-0000-000000000001"
KIND = "enrollmentTroubleshootingEvent"
THAN = Instant.parse("2024-01-01T00:00:00Z")


@pytest.fixture(params=[pytest.param("sqlite", id="sqlite"), pytest.param("postgres", id="postgres")])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store without events."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield f"sqlite:///{tmp_path}/events.db"
            return
        server = stack.enter_context(shared_server())
        url = server.url(stack.enter_context(server.database()))
        migrate_store(url, SCHEMA)
        yield url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """The same, started."""
    store = open_store(url, SCHEMA)
    await store.start()
    yield store
    await store.close()


def now() -> Instant:
    """The time of the removal."""
    return Instant.parse("2026-01-01T00:00:00Z")


async def fill(store: Store, tenant: str, count: int) -> None:
    """As many events before the moment as after it; one at that very tick."""
    for number in range(count):
        for side, ticks in (("old", THAN.ticks - 1 - number), ("new", THAN.ticks + number)):
            actor = Actor(tenant, None, "app", "token", "request", 1)
            await store.write(Create(actor, "events", f"{side}-{number}", KIND, {"eventDateTime": Instant(ticks)}))


async def left(store: Store, tenant: str) -> set[str]:
    """Keys of the events that are there."""
    found = [await store.read(tenant, "events", f"{side}-{number}") for side in ("old", "new") for number in range(5)]
    return {record[KEY] for record in found if record is not None}


async def test_only_what_is_too_old_is_removed(store: Store) -> None:
    """To the tick, of this tenant alone, and each with an entry in the log that says what it was."""
    await fill(store, TENANT, 5)
    await fill(store, OTHER, 5)
    assert await count_older(store, TENANT, THAN) == 5
    assert await remove_older(store, TENANT, THAN, now, Pace(step=2, pause=0)) == 5
    assert await left(store, TENANT) == {f"new-{number}" for number in range(5)}
    assert len(await left(store, OTHER)) == 10
    removed = [change for change in await store.changes(TENANT, 0, 100) if change.kind == "deleted"]
    assert [change.key for change in removed] == [f"old-{number}" for number in reversed(range(5))]
    assert {(change.app, change.at) for change in removed} == {(APP, now().ticks)}
    assert removed[-1].before["eventDateTime"] == "2023-12-31T23:59:59.9999999Z"


@pytest.mark.slow
async def test_writers_go_on_meanwhile(store: Store) -> None:
    """Changes are answered between the steps; an event that was made young again stays."""
    await fill(store, TENANT, 5)
    removing = asyncio.create_task(remove_older(store, TENANT, THAN, now, Pace(step=1, pause=0.05)))
    actor = Actor(TENANT, None, "app", "token", "request", 1)
    young = {"eventDateTime": Instant(THAN.ticks)}
    await store.write(Update(actor, "events", "old-0", frozenset({KIND}), (), young))
    assert not removing.done()
    assert await removing == 4
    assert "old-0" in await left(store, TENANT)


async def test_there_may_be_nothing_to_remove(store: Store) -> None:
    """Asked again, it removes nothing."""
    assert await remove_older(store, TENANT, THAN, now) == 0


@pytest.mark.slow
def test_the_command_says_what_it_did(url: str) -> None:
    """A dry run counts; the real one removes, once."""

    async def prepare() -> None:
        store = open_store(url, SCHEMA)
        await store.start()
        await fill(store, TENANT, 3)
        await store.close()

    asyncio.run(prepare())
    said = [
        run_command("retention", "--database", url, "--tenant", TENANT, "--days", "30", *options)
        for options in (["--dry-run"], [], [])
    ]
    assert [result.returncode for result in said] == [0, 0, 0]
    assert [result.stderr.split(" ")[0] for result in said] == ["6", "6", "0"]
    assert ["removed" in result.stderr for result in said] == [False, True, True]
