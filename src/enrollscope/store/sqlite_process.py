"""The serving side of the process that writes an SQLite store (`sqlite_writer.py`)."""

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import cast

from enrollscope.odata.errors import ODataError, OutcomeUnknown, ServiceUnavailable
from enrollscope.odata.json.fit import Fit
from enrollscope.odata.plan.commands import Unfit, Update
from enrollscope.store.base import RefusedTogether, StoreRefused, Written
from enrollscope.store.batch import Outcome, Together, Unit
from enrollscope.store.sqlite_frames import (
    LENGTH,
    Assignment,
    Reply,
    framed,
    read_reply,
    receive_value,
    send_value,
    write_units,
)

log = logging.getLogger(__name__)

_PROGRAM = "from enrollscope.store.sqlite_writer import main; main({})"
_STARTING_SECONDS = 30.0


class WriterProcess:
    """A process, from its start to its end.

    Args:
        lock: descriptor of the store's lock, which the process holds as well: when the service is killed, nobody else
            may write before the last batch is through.
    """

    def __init__(self, lock: int) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(_STARTING_SECONDS)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - a program of ours, and a number
                [sys.executable, "-P", "-c", _PROGRAM.format(theirs.fileno())],
                pass_fds=(theirs.fileno(), lock),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # what a terminal sends to the service in front of it is not for this one
            )

    def begin(self, assignment: Assignment) -> None:
        """Give it its store, and wait until that is open.

        Raises:
            StoreRefused: it cannot be opened, or the process did not come up.
        """
        try:
            send_value(self._socket, assignment)
            refusal: StoreRefused | None = receive_value(self._socket)
        except OSError as error:
            raise StoreRefused(f"The process that writes to {assignment.path} does not come up: {error}.") from error
        if refusal is not None:
            raise refusal

    async def ask(self, units: Sequence[Unit]) -> Reply | None:
        """Have a batch carried out; `None`: the process ended without an answer."""
        reader, writer = self._streams or await self._connected()
        try:
            writer.write(framed(write_units(units)))
            (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
            return read_reply(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def close(self) -> None:
        """Return when the process has ended: at once, for it has nothing to do."""
        if self._streams is not None:
            self._streams[1].close()
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """As `close`, for a process that has not begun."""
        self._socket.close()
        self._process.wait()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._socket.settimeout(0)
        self._streams = await asyncio.open_connection(sock=self._socket)
        return self._streams


class Writing:
    """The process that writes, and another one should it die. For one batch at a time."""

    def __init__(self, assignment: Assignment, lock: int, process: WriterProcess) -> None:
        self._assignment = assignment
        self._lock = lock
        self._process: WriterProcess | None = process

    async def commit(self, units: Sequence[Unit]) -> Sequence[Outcome]:
        """Have units carried out in one transaction; they are on disk when this returns.

        Raises:
            ServiceUnavailable: SQLite cannot write now, or there is no process that could; nothing was changed.
        """
        process = self._process or await self._another()
        reply = await process.ask(units)
        if reply is None:
            log.error("the process that writes to the store ended in the middle of a batch")
            self._process = None
            await process.close()
            return [_unknown()] * len(units)
        if reply.failure is not None:
            raise reply.failure
        return [
            outcome if type(outcome) is Written else _explained(unit, outcome)
            for unit, outcome in zip(units, reply.outcomes, strict=True)
        ]

    async def close(self) -> None:
        """Let the process end."""
        if self._process is not None:
            await self._process.close()

    async def _another(self) -> WriterProcess:
        try:
            self._process = await asyncio.to_thread(begun, self._assignment, self._lock)
        except (OSError, StoreRefused) as error:
            raise ServiceUnavailable(
                f"The store cannot write now ({error}). Nothing was changed.", headers={"Retry-After": "10"}
            ) from error
        return self._process


def begun(assignment: Assignment, lock: int) -> WriterProcess:
    """Start a process for a store that is ready for it.

    Raises:
        StoreRefused: see `WriterProcess.begin`.
        OSError: no process can be started.
    """
    process = WriterProcess(lock)
    try:
        process.begin(assignment)
    except BaseException:
        process.end()
        raise
    return process


def _explained(unit: Unit, outcome: Outcome) -> Outcome:
    """Say why a body does not fit, which the other process cannot."""
    match unit, outcome:
        case Update(fit=Fit() as fit), Unfit(stored_type=stored_type):
            return fit.refusal(stored_type) or outcome
        case Together(commands), RefusedTogether(place=place, refusal=refusal):
            return RefusedTogether(place, cast("ODataError", _explained(commands[place], refusal)))
        case _:
            return outcome


def _unknown() -> OutcomeUnknown:
    return OutcomeUnknown(
        "The process that writes to the store ended while it was at it: the change was made, or was not. Read the "
        "entity before you try again."
    )
