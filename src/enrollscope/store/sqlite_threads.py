"""Threads that own a connection each, so that SQLite's waits are no waits of the event loop."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

import apsw

T = TypeVar("T")


class _Job(Generic[T]):
    """Work for a connection, and the loop that wants its result."""

    def __init__(self, work: Callable[[apsw.Connection], T], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.answer: asyncio.Future[T] = loop.create_future()
        self.lock = threading.Lock()
        self.abandoned = False
        self.connection: apsw.Connection | None = None

    def run(self, connection: apsw.Connection) -> None:
        with self.lock:
            if self.abandoned:
                return
            self.connection = connection
        try:
            result = self.work(connection)
        except Exception as failure:  # noqa: BLE001 - handed over to whoever waits for the result
            self._finish()
            self.loop.call_soon_threadsafe(self._fail, failure)
        else:
            self._finish()
            self.loop.call_soon_threadsafe(self._succeed, result)

    def abandon(self, *, interrupt: bool) -> None:
        """Drop the work if it has not begun; stop SQLite in the middle of it where that does no harm."""
        with self.lock:
            self.abandoned = True
            if interrupt and self.connection is not None:
                self.connection.interrupt()

    def _finish(self) -> None:
        # Under the lock, so that an interrupt never hits the next job on the connection.
        with self.lock:
            self.connection = None

    def _succeed(self, result: T) -> None:
        if not self.answer.done():
            self.answer.set_result(result)

    def _fail(self, failure: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(failure)


class ConnectionThreads:
    """A few threads that share one queue of work.

    Args:
        name: of the threads, for those who look at a process from outside.
        open_connection: called in this thread, once for each; the threads close what it gives.
        interruptible: whether work whose caller went away is stopped half-way.
    """

    def __init__(
        self, name: str, count: int, open_connection: Callable[[], apsw.Connection], *, interruptible: bool
    ) -> None:
        self._interruptible = interruptible
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        connections = [open_connection() for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._work, args=(connection,), name=f"{name}-{number}", daemon=True)
            for number, connection in enumerate(connections)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[apsw.Connection], T]) -> T:
        """Have a thread do something with its connection, in the order of the calls."""
        job: _Job[T] = _Job(work, asyncio.get_running_loop())
        self._jobs.put(job)  # type: ignore[arg-type]  # the queue holds jobs of every type of result
        try:
            return await job.answer
        except asyncio.CancelledError:
            job.abandon(interrupt=self._interruptible)
            raise

    async def close(self) -> None:
        """Return when the work given so far is done and the connections are closed."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _work(self, connection: apsw.Connection) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                job.run(connection)
        finally:
            connection.close()
