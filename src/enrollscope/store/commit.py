"""Group commit: commands that wait at the same time share a transaction.

There is no timer. While one batch is being committed the next one gathers, and it is as large as the disk makes it. Any
database can stand behind it: it gets batches, one at a time, of each tenant's commands in the order of arrival. Tenants
take turns, so that a single command is in one of the next batches, however many of another tenant wait.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from enrollscope.odata.errors import BadRequest, ServiceUnavailable
from enrollscope.odata.plan.commands import Command
from enrollscope.store.base import Written
from enrollscope.store.batch import Outcome, Together, Unit
from enrollscope.store.fair_queue import FairQueue

_LARGEST_BATCH = 512

_Waiting: TypeAlias = tuple[Unit, "asyncio.Future[Any]"]


def share_of(capacity: int) -> int:
    """How much of a queue one tenant may fill: a quarter. The rest is left to others."""
    return max(1, capacity // 4)


def tenant_of(commands: Sequence[Command]) -> str:
    """The one tenant of commands that belong together.

    Raises:
        BadRequest: they are of several.
    """
    tenants = {command.actor.tenant for command in commands}
    if len(tenants) > 1:
        raise BadRequest("Changes that must succeed together must belong to one tenant.")
    return tenants.pop()


def full(total: int, own: int) -> ServiceUnavailable:
    """What a tenant is told that has too many changes waiting, or some of them and so have others."""
    return ServiceUnavailable(
        f"{total} changes are waiting to be written already, {own} of them of this tenant.",
        headers={"Retry-After": "1"},
    )


def shutting_down() -> ServiceUnavailable:
    """What is said to those who come too late."""
    return ServiceUnavailable("The service is shutting down.", headers={"Retry-After": "5"})


class GroupCommit:
    """The queue in front of a database's writer. Belongs to one event loop.

    Args:
        commit: makes a batch durable as one transaction and returns an outcome for each unit, in their order. When it
            raises, nothing of the batch was written.
        capacity: how many units may wait: commands, or several that belong together.
        share: how many of one tenant; a tenant that has none waiting is let in even when others filled the queue.
        largest: how many commands one batch may hold; more only if they belong together.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Unit]], Awaitable[Sequence[Outcome]]],
        capacity: int,
        share: int | None = None,
        largest: int = _LARGEST_BATCH,
    ) -> None:
        self._commit = commit
        self._capacity = capacity
        self._share = capacity if share is None else share
        self._largest = largest
        self._waiting: FairQueue[_Waiting] = FairQueue()
        self._worker: asyncio.Task[None] | None = None
        self._last = 0
        self._closed = False

    def write(self, command: Command) -> "asyncio.Future[Written]":
        """Have a command committed. One that is cancelled while it still waits is dropped.

        Raises:
            ODataError: the command was refused, or the queue is full or closed.
        """
        return self.queue(command.actor.tenant, command)

    async def write_together(self, commands: Sequence[Command]) -> tuple[Written, ...]:
        """Have several commands of one tenant committed, or none of them. Otherwise as `write`.

        Raises:
            RefusedTogether: one of the commands was refused.
            BadRequest: they are of several tenants, which no transaction spans.
            ODataError: the queue is full or closed.
        """
        if not commands:
            return ()
        written: tuple[Written, ...] = await self.queue(tenant_of(commands), Together(tuple(commands)))
        return written

    def queue(self, tenant: str, unit: Unit) -> "asyncio.Future[Any]":
        """Have a unit committed; for what comes of it see `write` and `write_together`.

        Raises:
            ServiceUnavailable: the queue is full or closed.
        """
        if self._closed:
            raise shutting_down()
        waiting = self._waiting.waiting(tenant)
        if waiting >= self._share or (waiting and len(self._waiting) >= self._capacity):
            raise full(len(self._waiting), waiting)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(tenant, (unit, answer))
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        return answer

    @property
    def busy(self) -> bool:
        """Whether a batch is being committed or waits for it."""
        return self._worker is not None

    async def close(self) -> None:
        """Refuse what comes from now on, and return when what waits is written."""
        self._closed = True
        if self._worker is not None:
            await self._worker

    async def _work(self) -> None:
        while batch := self._take():
            outcomes = await self._outcomes([unit for unit, _ in batch])
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                if answer.done():  # its request was cancelled while the write was under way; the write stands
                    continue
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)
        self._worker = None
        self._last = 0

    def _take(self) -> list[_Waiting]:
        """The next batch, without what was cancelled. The one place that decides who comes first.

        Clients that wait for their answers write in turns: those of one batch send their next commands while the other
        is committed. Equal batches keep everybody busy, so a batch that would be larger than the last one only goes
        half of the way.
        """
        batch: list[_Waiting] = []
        size = 0
        largest = min(self._largest, (self._last + len(self._waiting) + 1) // 2) if self._last else self._largest
        while self._waiting and size < largest:
            unit, answer = waiting = self._waiting.pop()
            if not answer.done():
                batch.append(waiting)
                size += len(unit.commands) if isinstance(unit, Together) else 1
        self._last = size
        return batch

    async def _outcomes(self, units: Sequence[Unit]) -> Sequence[Written | tuple[Written, ...] | Exception]:
        """Commit together, and one by one where that fails: a poisoned command must not fail its neighbours."""
        try:
            return await self._commit(units)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes the answer to those it concerns
            if len(units) == 1:
                return [failure]
        alone: list[Written | tuple[Written, ...] | Exception] = []
        for unit in units:
            alone += await self._outcomes([unit])
        return alone
