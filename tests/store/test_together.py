"""Commands that belong together, in the queue."""

import asyncio
from collections.abc import Sequence

from enrollscope.odata.errors import ResourceNotFound
from enrollscope.odata.plan.commands import Actor, Create
from enrollscope.store.batch import Outcome, Together, Unit, commands_of
from enrollscope.store.commit import GroupCommit

ACTOR = Actor("tenant", None, "app", "token", "request", 0)


def groups(names: str) -> list[list[Create]]:
    """Two commands for each name, such as `a0` and `a1`."""
    return [[Create(ACTOR, "works", f"{name}{number}", "book", {}) for number in range(2)] for name in names]


class Ledger:
    """A database that notes what it is given at once, and fails where it is told to."""

    def __init__(self, poison: str = "") -> None:
        self.commits: list[list[str]] = []
        self._poison = poison

    async def commit(self, units: Sequence[Unit]) -> Sequence[Outcome]:
        """Note the keys of a batch."""
        await asyncio.sleep(0)
        keys = [command.key for command in commands_of(units)]
        if self._poison in keys:
            raise OSError(self._poison)
        self.commits.append(keys)
        return [() if isinstance(unit, Together) else ResourceNotFound("none") for unit in units]


async def test_what_belongs_together_is_one_entry_of_the_queue() -> None:
    """It shares a commit with its neighbours, never spans two, and counts for what it holds."""
    ledger = Ledger()
    queue = GroupCommit(ledger.commit, capacity=10, largest=3)
    await asyncio.gather(*(queue.write_together(group) for group in groups("abc")))
    assert ledger.commits == [["a0", "a1", "b0", "b1"], ["c0", "c1"]]


async def test_a_poisoned_group_fails_alone() -> None:
    """As a poisoned command does; the others are committed one by one."""
    ledger = Ledger("b1")
    queue = GroupCommit(ledger.commit, capacity=10)
    outcomes = await asyncio.gather(*(queue.write_together(group) for group in groups("abc")), return_exceptions=True)
    assert [isinstance(outcome, OSError) for outcome in outcomes] == [False, True, False]
    assert ledger.commits == [["a0", "a1"], ["c0", "c1"]]
