import asyncio
from collections.abc import Sequence

import pytest

from enrollscope.odata.errors import BadRequest, Conflict, ServiceUnavailable
from enrollscope.odata.plan.commands import Actor, Create
from enrollscope.store.base import Written
from enrollscope.store.batch import Outcome, Together, Unit
from enrollscope.store.commit import GroupCommit
from tests.promises import write


def command(key: str, tenant: str = "tenant") -> Create:
    """A command that can be told from others by its key."""
    return Create(Actor(tenant, None, "app", "token", "request", 1), "works", key, "book", {})


def written(unit: Unit) -> Outcome:
    """What a database would answer: the key as the record."""
    if isinstance(unit, Together):
        return tuple(Written((item.key,)) for item in unit.commands)
    return Written((unit.key,))


class Disk:
    """A database that writes when the test says so, and fails where the test says so."""

    def __init__(self, *poisoned: str) -> None:
        self.poisoned = poisoned
        self.batches: list[list[str]] = []
        self.free = asyncio.Event()

    async def commit(self, units: Sequence[Unit]) -> Sequence[Outcome]:
        """Take a batch, note its keys, and wait until the disk is free."""
        keys = [item.key for unit in units for item in (unit.commands if isinstance(unit, Together) else (unit,))]
        self.batches.append(keys)
        await self.free.wait()
        if any(key in self.poisoned for key in keys):
            raise RuntimeError("the database choked")
        return [Conflict("taken") if keys == ["refused"] else written(unit) for unit in units]


async def begun(queue: GroupCommit, *keys: str, tenant: str = "tenant") -> list["asyncio.Task[Written]"]:
    """Start to write commands in this order, and let them reach the queue."""
    tasks = [asyncio.create_task(write(queue, command(key, tenant))) for key in keys]
    await asyncio.sleep(0)
    return tasks


async def test_what_waits_is_committed_together() -> None:
    """While one batch is written the next one gathers; each is as large as what waited, in the order of arrival."""
    disk = Disk()
    queue = GroupCommit(disk.commit, capacity=10)
    first = await begun(queue, "a", "b")
    await asyncio.sleep(0)
    second = await begun(queue, "c", "d", "e")
    disk.free.set()
    assert [task.record for task in await asyncio.gather(*first, *second)] == [("a",), ("b",), ("c",), ("d",), ("e",)]
    assert disk.batches == [["a", "b"], ["c", "d", "e"]]


async def test_batches_become_equal() -> None:
    """A batch that follows a smaller one goes half of the way, so that clients that write in turns part evenly."""
    disk = Disk()
    queue = GroupCommit(disk.commit, capacity=40)
    first = await begun(queue, "a")
    await asyncio.sleep(0)
    second = await begun(queue, *"bcdefghij")
    disk.free.set()
    await asyncio.gather(*first, *second)
    assert [len(batch) for batch in disk.batches] == [1, 5, 4]


async def test_a_batch_has_a_largest_size() -> None:
    """More than one transaction should hold goes into the next; what belongs together is never parted."""
    disk = Disk()
    disk.free.set()
    queue = GroupCommit(disk.commit, capacity=10, largest=2)
    together = asyncio.ensure_future(queue.write_together([command("b"), command("c"), command("d")]))
    await asyncio.sleep(0)
    await asyncio.gather(together, *(await begun(queue, "e", "f", "g")))
    assert disk.batches == [["b", "c", "d"], ["e", "f"], ["g"]]


async def test_nothing_is_answered_before_it_is_durable() -> None:
    """No caller gets an answer while the database has not said that the commit is done."""
    disk = Disk()
    queue = GroupCommit(disk.commit, capacity=10)
    (task,) = await begun(queue, "a")
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    disk.free.set()
    assert (await task).record == ("a",)


async def test_a_poisoned_command_fails_alone() -> None:
    """When a batch fails as a whole each command is tried by itself, in order, and only the culprit fails."""
    disk = Disk("b")
    disk.free.set()
    queue = GroupCommit(disk.commit, capacity=10)
    outcomes = await asyncio.gather(*(await begun(queue, "a", "b", "c")), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Written, RuntimeError, Written]
    assert disk.batches == [["a", "b", "c"], ["a"], ["b"], ["c"]]


async def test_the_queue_outlives_a_failure() -> None:
    """A failed commit fails its own commands; the next ones are written."""
    disk = Disk("a")
    disk.free.set()
    queue = GroupCommit(disk.commit, capacity=10)
    with pytest.raises(RuntimeError):
        await queue.write(command("a"))
    assert (await queue.write(command("b"))).record == ("b",)


async def test_a_refusal_reaches_the_one_it_concerns() -> None:
    """What the database refuses is raised where the command was given."""
    disk = Disk()
    disk.free.set()
    with pytest.raises(Conflict):
        await GroupCommit(disk.commit, capacity=10).write(command("refused"))


async def test_a_full_queue_refuses_and_recovers() -> None:
    """Beyond its capacity the queue answers at once, with whole seconds to wait, and takes commands again later."""
    disk = Disk()
    queue = GroupCommit(disk.commit, capacity=2)
    under_way = await begun(queue, "a")
    await asyncio.sleep(0)
    waiting = await begun(queue, "b", "c")
    with pytest.raises(ServiceUnavailable) as refusal:
        await queue.write(command("d"))
    assert refusal.value.headers["Retry-After"].isdigit()
    disk.free.set()
    await asyncio.gather(*under_way, *waiting)
    assert (await queue.write(command("e"))).record == ("e",)
    assert disk.batches == [["a"], ["b", "c"], ["e"]]


async def test_tenants_take_turns() -> None:
    """What waits of one keeps no other waiting; each one's own order stays."""
    disk = Disk()
    queue = GroupCommit(disk.commit, capacity=20, largest=4)
    work = await begun(queue, "a1", "a2", "a3", "a4", "a5", tenant="a")
    work += await begun(queue, "b1", "b2", tenant="b")
    work += await begun(queue, "c1", tenant="c")
    disk.free.set()
    await asyncio.gather(*work)
    assert disk.batches == [["a1", "a2", "a3", "a4"], ["a5", "b1", "c1", "b2"]]


async def test_one_tenant_cannot_fill_the_queue() -> None:
    """It has its share; another is let in with a first command even when the rest is full."""
    disk = Disk()
    queue = GroupCommit(disk.commit, capacity=4, share=3, largest=1)
    work = await begun(queue, "under-way", tenant="a")
    work += await begun(queue, "a1", "a2", "a3", tenant="a")
    (refused,) = await begun(queue, "a4", tenant="a")
    work += await begun(queue, "b1", tenant="b")
    work += await begun(queue, "c1", tenant="c")
    (late,) = await begun(queue, "c2", tenant="c")
    disk.free.set()
    await asyncio.gather(*work)
    assert disk.batches[1:] == [["a1"], ["b1"], ["c1"], ["a2"], ["a3"]]
    for task in (refused, late):
        with pytest.raises(ServiceUnavailable):
            await task


async def test_no_transaction_spans_tenants() -> None:
    """Changes that must succeed together are of one tenant."""
    queue = GroupCommit(Disk().commit, capacity=4)
    with pytest.raises(BadRequest):
        await queue.write_together([command("a", "one"), command("b", "other")])
    assert await queue.write_together([]) == ()


async def test_a_cancelled_command_that_waits_is_dropped() -> None:
    """Nobody wants it any more and nothing has begun: it is not written."""
    disk = Disk()
    queue = GroupCommit(disk.commit, capacity=10)
    first = await begun(queue, "a")
    await asyncio.sleep(0)
    dropped, kept = await begun(queue, "b", "c")
    dropped.cancel()
    await asyncio.sleep(0)
    disk.free.set()
    await asyncio.gather(*first, kept)
    assert disk.batches == [["a"], ["c"]]


async def test_a_command_cancelled_too_late_is_written() -> None:
    """Once its batch is under way a command is carried out; its neighbours are answered as ever."""
    disk = Disk()
    queue = GroupCommit(disk.commit, capacity=10)
    gone, kept = await begun(queue, "a", "b")
    await asyncio.sleep(0)
    gone.cancel()
    disk.free.set()
    assert (await kept).record == ("b",)
    assert disk.batches == [["a", "b"]]
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_closing_finishes_what_waits() -> None:
    """What was accepted is written before closing returns; nothing is accepted after it began."""
    disk = Disk()
    queue = GroupCommit(disk.commit, capacity=10)
    accepted = await begun(queue, "a", "b")
    closing = asyncio.ensure_future(queue.close())
    await asyncio.sleep(0)
    with pytest.raises(ServiceUnavailable):
        await queue.write(command("c"))
    assert not closing.done()
    disk.free.set()
    await closing
    assert all(task.done() for task in accepted)
    await queue.close()
