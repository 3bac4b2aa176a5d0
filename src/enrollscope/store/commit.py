"""Group commit: commands that wait at the same time share a transaction.

There is no timer. While one batch is being committed the next one gathers, and it is as large as the disk makes it. Any
database can stand behind it: it gets batches, in the order of arrival, one at a time.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from enrollscope.odata.errors import ServiceUnavailable
from enrollscope.odata.plan.commands import Command
from enrollscope.store.base import Written
from enrollscope.store.batch import Outcome, Together, Unit

_LARGEST_BATCH = 512

_Waiting: TypeAlias = tuple[Unit, "asyncio.Future[Any]"]


class GroupCommit:
    """The queue in front of a database's writer. Belongs to one event loop.

    Args:
        commit: makes a batch durable as one transaction and returns an outcome for each unit, in their order. When it
            raises, nothing of the batch was written.
        capacity: how many units may wait: commands, or several that belong together.
        largest: how many commands one batch may hold; more only if they belong together.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Unit]], Awaitable[Sequence[Outcome]]],
        capacity: int,
        largest: int = _LARGEST_BATCH,
    ) -> None:
        self._commit = commit
        self._capacity = capacity
        self._largest = largest
        self._waiting: deque[_Waiting] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._last = 0
        self._closed = False

    async def write(self, command: Command) -> Written:
        """Have a command committed. When the caller is cancelled, a command that still waits is dropped.

        Raises:
            ODataError: the command was refused, or the queue is full or closed.
        """
        written: Written = await self._queued(command)
        return written

    async def write_together(self, commands: Sequence[Command]) -> tuple[Written, ...]:
        """Have several commands committed, or none of them. Otherwise as `write`.

        Raises:
            RefusedTogether: one of the commands was refused.
            ODataError: the queue is full or closed.
        """
        written: tuple[Written, ...] = await self._queued(Together(tuple(commands)))
        return written

    def _queued(self, unit: Unit) -> "asyncio.Future[Any]":
        if self._closed:
            raise ServiceUnavailable("The service is shutting down.", headers={"Retry-After": "5"})
        if len(self._waiting) >= self._capacity:
            raise ServiceUnavailable(
                f"{self._capacity} changes are waiting to be written already.", headers={"Retry-After": "1"}
            )
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((unit, answer))
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
            unit, answer = waiting = self._waiting.popleft()
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
