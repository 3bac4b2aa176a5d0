"""Many tenants in front of one database."""

import asyncio
from collections.abc import Sequence

import pytest

from enrollscope.odata.errors import BadRequest, ResourceNotFound, ServiceUnavailable
from enrollscope.odata.plan.commands import Actor, Create
from enrollscope.store.batch import Outcome, Unit, commands_of
from enrollscope.store.lanes import Lanes
from tests.promises import write


def command(tenant: str, key: str) -> Create:
    """One command of a tenant."""
    return Create(Actor(tenant, None, "app", "token", "request", 0), "works", key, "book", {})


class Slots:
    """A database with room for a few batches at a time, which notes what it is given, in the order of beginning."""

    def __init__(self, count: int) -> None:
        self.began: list[tuple[str, int]] = []
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.open = asyncio.Event()
        self._slots = asyncio.Semaphore(count)

    async def commit(self, tenant: str, units: Sequence[Unit]) -> Sequence[Outcome]:
        """Take a while."""
        self.running[tenant] = self.running.get(tenant, 0) + 1
        self.most[tenant] = max(self.most.get(tenant, 0), self.running[tenant])
        async with self._slots:
            self.began.append((tenant, len(list(commands_of(units)))))
            await self.open.wait()
        self.running[tenant] -= 1
        return [ResourceNotFound("none") for _ in units]


async def refusals(*work: asyncio.Task[object]) -> list[type]:
    """What each came to."""
    return [type(outcome) for outcome in await asyncio.gather(*work, return_exceptions=True)]


async def test_a_flood_of_one_tenant_keeps_nobody_waiting() -> None:
    """A single request of another tenant is next, however many of the first wait: they share one batch."""
    slots = Slots(1)
    lanes = Lanes(slots.commit, capacity=1000)
    work = [asyncio.create_task(write(lanes, command("flood", f"{number}"))) for number in range(200)]
    await asyncio.sleep(0)
    work.append(asyncio.create_task(write(lanes, command("single", "a"))))
    await asyncio.sleep(0.01)
    slots.open.set()
    assert set(await refusals(*work)) == {ResourceNotFound}
    assert slots.began[:2] == [("flood", 200), ("single", 1)]


async def test_a_tenant_has_one_batch_under_way() -> None:
    """That keeps the order of its commands, with as many connections as there may be."""
    slots = Slots(4)
    lanes = Lanes(slots.commit, capacity=1000)
    work = []
    for number in range(50):
        work += [asyncio.create_task(write(lanes, command(tenant, f"{number}"))) for tenant in "ab"]
        await asyncio.sleep(0)
    slots.open.set()
    await refusals(*work)
    assert slots.most == {"a": 1, "b": 1}
    assert sum(size for tenant, size in slots.began if tenant == "a") == 50


async def test_one_tenant_cannot_fill_the_queue() -> None:
    """It gets a quarter; another is let in, even with its first request when the rest is full."""
    slots = Slots(1)
    lanes = Lanes(slots.commit, capacity=8)
    flood = [asyncio.create_task(write(lanes, command("flood", f"{number}"))) for number in range(5)]
    others = [asyncio.create_task(write(lanes, command(f"tenant-{number}", "a"))) for number in range(10)]
    await asyncio.sleep(0.01)
    slots.open.set()
    assert await refusals(*flood) == [ResourceNotFound] * 2 + [ServiceUnavailable] * 3
    assert await refusals(*others) == [ResourceNotFound] * 10


async def test_a_full_queue_takes_more_when_it_is_empty() -> None:
    """Nothing of a tenant that has left is kept: it may come back as if it were new."""
    slots = Slots(1)
    slots.open.set()
    lanes = Lanes(slots.commit, capacity=4)
    for _ in range(20):
        work = [asyncio.create_task(write(lanes, command("a", "k")))]
        assert await refusals(*work) == [ResourceNotFound]


async def test_no_transaction_spans_tenants() -> None:
    """Changes that must succeed together are of one tenant."""
    lanes = Lanes(Slots(1).commit, capacity=4)
    with pytest.raises(BadRequest):
        await lanes.write_together([command("a", "k"), command("b", "k")])
    assert await lanes.write_together([]) == ()


async def test_closing_waits_for_what_was_accepted() -> None:
    """What waits is written, what comes after is told to come back."""
    slots = Slots(1)
    lanes = Lanes(slots.commit, capacity=100)
    work = [asyncio.create_task(write(lanes, command(tenant, "k"))) for tenant in "abc"]
    await asyncio.sleep(0)
    closing = asyncio.create_task(lanes.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    with pytest.raises(ServiceUnavailable):
        await lanes.write(command("d", "k"))
    slots.open.set()
    await closing
    assert await refusals(*work) == [ResourceNotFound] * 3
