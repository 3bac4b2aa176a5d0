"""Group commit for many tenants: each has a queue of its own, so that a flood in one keeps nobody else waiting.

A tenant has one batch under way at a time, which keeps the order of its commands; batches of different tenants run side
by side and take turns, oldest first, for whatever the database gives them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from enrollscope.odata.plan.commands import Command
from enrollscope.store.base import Written
from enrollscope.store.batch import Outcome, Together, Unit
from enrollscope.store.commit import GroupCommit, full, share_of, shutting_down, tenant_of


class Lanes:
    """A `GroupCommit` for each tenant that is writing. Belongs to one event loop.

    Args:
        commit: makes a batch of one tenant durable; see `GroupCommit`.
        capacity: how many units may wait in all.
    """

    def __init__(self, commit: Callable[[str, Sequence[Unit]], Awaitable[Sequence[Outcome]]], capacity: int) -> None:
        self._commit = commit
        self._capacity = capacity
        self._share = share_of(capacity)
        self._lanes: dict[str, GroupCommit] = {}
        self._waiting: dict[str, int] = {}
        self._total = 0
        self._closed = False

    def write(self, command: Command) -> "asyncio.Future[Written]":
        """See `GroupCommit.write`."""
        return self._queue(command.actor.tenant, command)

    async def write_together(self, commands: Sequence[Command]) -> Sequence[Written]:
        """See `GroupCommit.write_together`.

        Raises:
            BadRequest: they are of several tenants, which no transaction spans.
        """
        if not commands:
            return ()
        written: tuple[Written, ...] = await self._queue(tenant_of(commands), Together(tuple(commands)))
        return written

    async def close(self) -> None:
        """Refuse what comes from now on, and return when what waits is written."""
        self._closed = True
        for lane in list(self._lanes.values()):
            await lane.close()

    def _queue(self, tenant: str, unit: Unit) -> "asyncio.Future[Any]":
        lane = self._admit(tenant)
        answer = lane.queue(tenant, unit)
        self._waiting[tenant] = self._waiting.get(tenant, 0) + 1
        self._total += 1
        answer.add_done_callback(partial(self._leave, tenant, lane))
        return answer

    def _leave(self, tenant: str, lane: GroupCommit, _: "asyncio.Future[Any]") -> None:
        self._total -= 1
        self._waiting[tenant] -= 1
        if not self._waiting[tenant] and not self._closed and not lane.busy:
            del self._waiting[tenant], self._lanes[tenant]

    def _admit(self, tenant: str) -> GroupCommit:
        if self._closed:
            raise shutting_down()
        waiting = self._waiting.get(tenant, 0)
        # A tenant with nothing in the queue is let in even when it is full: others filled it.
        if waiting and (self._total >= self._capacity or waiting >= self._share):
            raise full(self._total, waiting)
        if tenant not in self._lanes:
            self._lanes[tenant] = GroupCommit(self._of(tenant), self._capacity)
        return self._lanes[tenant]

    def _of(self, tenant: str) -> Callable[[Sequence[Unit]], Awaitable[Sequence[Outcome]]]:
        async def commit(units: Sequence[Unit]) -> Sequence[Outcome]:
            return await self._commit(tenant, units)

        return commit
