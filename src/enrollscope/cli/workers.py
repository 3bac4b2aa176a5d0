"""Several processes that serve one address: started together, replaced when one dies, stopped together.

All accept from one listening socket, which the kernel shares out. A worker that refuses to serve (its store, its
provider) ends them all, because the others would refuse as well.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn

import click

_SHORTEST_LIFE_SECONDS = 1.0
"""A worker that dies sooner is replaced only after a pause of this length."""

Work = Callable[[int, int], int]
"""Number of the worker from 0 on, and a descriptor that reads as ended once the supervisor is gone → exit status."""


@dataclass(slots=True)
class Supervisor:
    """Runs `count` workers. To be used before the process has threads or an event loop: workers are forked.

    Attributes:
        work: what each of them does; when it returns or raises, the worker ends.
    """

    count: int
    work: Work
    _running: dict[int, tuple[int, float]] = field(default_factory=dict)
    _stopping: bool = False
    _status: int = 0

    def run(self) -> int:
        """Return when all workers have ended; the exit status of the whole."""
        lifeline, held = os.pipe()
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, self._on_signal)
        for number in range(self.count):
            self._start(number, lifeline, held)
        while self._running:
            worker, status = os.waitpid(-1, 0)
            if worker in self._running:
                self._ended(worker, status, lifeline, held)
        os.close(held)
        os.close(lifeline)
        return self._status

    def _start(self, number: int, lifeline: int, held: int) -> None:
        worker = os.fork()
        if worker == 0:
            os.close(held)
            for ending in (signal.SIGINT, signal.SIGTERM):
                signal.signal(ending, signal.SIG_DFL)
            _work_and_exit(self.work, number, lifeline)
        self._running[worker] = number, time.monotonic()

    def _ended(self, worker: int, status: int, lifeline: int, held: int) -> None:
        number, started = self._running.pop(worker)
        code = os.waitstatus_to_exitcode(status)
        if self._stopping:
            return
        if code >= 0:  # it ended of its own accord: a refusal, or somebody asked it to
            self._status = code
            self._stop()
            return
        click.echo(
            f"Worker {number} (process {worker}) was ended by signal {-code}; another takes its place.", err=True
        )
        if time.monotonic() - started < _SHORTEST_LIFE_SECONDS:
            time.sleep(_SHORTEST_LIFE_SECONDS)
        if not self._stopping:
            self._start(number, lifeline, held)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        self._stopping = True
        for worker in self._running:
            os.kill(worker, signal.SIGTERM)


def _work_and_exit(work: Work, number: int, lifeline: int) -> NoReturn:
    """Never returns into the supervisor's code, whatever happens."""
    status = 1
    try:
        status = work(number, lifeline)
    except click.ClickException as refusal:
        refusal.show()
        status = refusal.exit_code
    finally:
        os._exit(status)
