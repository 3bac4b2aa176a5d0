"""Group commit: commands that wait at the same time share a transaction.

There is no timer. While one batch is being committed the next one gathers, and it is exactly as large as the disk
makes it. Any database can stand behind it: it gets batches, in the order of arrival, one at a time.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from enrollscope.odata.errors import ServiceUnavailable
from enrollscope.odata.plan import Command
from enrollscope.store.base import Written
from enrollscope.store.batch import Outcome

_LARGEST_BATCH = 512


class GroupCommit:
    """The queue in front of a database's writer. Belongs to one event loop.

    Args:
        commit: makes a batch durable as one transaction and returns an outcome for each command, in their order. When
            it raises, nothing of the batch was written.
        capacity: how many commands may wait.
        largest: how many commands one batch may hold.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Command]], Awaitable[Sequence[Outcome]]],
        capacity: int,
        largest: int = _LARGEST_BATCH,
    ) -> None:
        self._commit = commit
        self._capacity = capacity
        self._largest = largest
        self._waiting: deque[tuple[Command, asyncio.Future[Written]]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    async def write(self, command: Command) -> Written:
        """Have a command committed. When the caller is cancelled, a command that still waits is dropped.

        Raises:
            ODataError: the command was refused, or the queue is full or closed.
        """
        if self._closed:
            raise ServiceUnavailable("The service is shutting down.", headers={"Retry-After": "5"})
        if len(self._waiting) >= self._capacity:
            raise ServiceUnavailable(
                f"{self._capacity} changes are waiting to be written already.", headers={"Retry-After": "1"}
            )
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Written] = loop.create_future()
        self._waiting.append((command, answer))
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        return await answer

    async def close(self) -> None:
        """Refuse what comes from now on, and return when what waits is written."""
        self._closed = True
        if self._worker is not None:
            await self._worker

    async def _work(self) -> None:
        while batch := self._take():
            commands = [command for command, _ in batch]
            outcomes = await self._outcomes(commands)
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                if answer.done():  # its request was cancelled while the write was under way; the write stands
                    continue
                if isinstance(outcome, Written):
                    answer.set_result(outcome)
                else:
                    answer.set_exception(outcome)
        self._worker = None

    def _take(self) -> list[tuple[Command, "asyncio.Future[Written]"]]:
        """The next batch, without what was cancelled. The one place that decides who comes first."""
        batch: list[tuple[Command, asyncio.Future[Written]]] = []
        while self._waiting and len(batch) < self._largest:
            waiting = self._waiting.popleft()
            if not waiting[1].done():
                batch.append(waiting)
        return batch

    async def _outcomes(self, commands: Sequence[Command]) -> Sequence[Written | Exception]:
        """Commit together, and one by one where that fails: a poisoned command must not fail its neighbours."""
        try:
            return await self._commit(commands)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes the answer to those it concerns
            if len(commands) == 1:
                return [failure]
        alone: list[Written | Exception] = []
        for command in commands:
            alone += await self._outcomes([command])
        return alone
