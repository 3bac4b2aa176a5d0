"""The process that writes an SQLite store, beside the one that serves it.

A thread that writes would share the interpreter's lock with the event loop, and each would wait for the other at every
call into SQLite. In a process of its own a batch is carried out while the next requests are read.

`sqlite_process.py` starts it and speaks to it in frames (`sqlite_frames.py`). It gets an `Assignment` first and says
whether it can be carried out, then batches of units, and answers each with a `Reply`. It ends when the socket does,
after what it was doing: signals are the business of the process that serves.
"""

import gc
import signal
import socket
import traceback
from collections.abc import Sequence

import apsw

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.errors import ODataError, ServiceUnavailable
from enrollscope.store.base import StoreRefused
from enrollscope.store.batch import Batch, Outcome, Unit, commands_of, place_of
from enrollscope.store.sqlite_file import connect, refusing
from enrollscope.store.sqlite_frames import (
    Assignment,
    Reply,
    read_units,
    receive,
    receive_value,
    send,
    send_value,
    write_reply,
)
from enrollscope.store.sqlite_rows import Log, rows_of, write_rows

_CHECKPOINT_PAGES = 4_000
"""Pages of 4 KiB in the write-ahead log before they are carried over into the file. Measured: with SQLite's own 1,000
every page is carried over too often, with 16,000 the commit that does it stalls for 0.13 s."""
_LOG_FILE_LIMIT = 64 * 2**20
"""Bytes to which the write-ahead log is cut back after a long reader made it grow."""
_CACHE_KIB = 8_192
_GARBAGE_THRESHOLD = 20_000

_CANNOT_WRITE = (apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, apsw.BusyError, apsw.NoMemError)


class Writer:
    """The one connection that changes a store."""

    def __init__(self, assignment: Assignment) -> None:
        self._layouts, self._statements = rows_of(assignment.schema)
        self._log = Log(self._layouts)
        self._connection = connection = connect(assignment.path)
        connection.pragma("journal_mode", "wal")
        connection.pragma("wal_autocheckpoint", _CHECKPOINT_PAGES)
        connection.pragma("journal_size_limit", _LOG_FILE_LIMIT)
        connection.pragma("cache_size", -_CACHE_KIB)

    def commit(self, units: Sequence[Unit]) -> Sequence[Outcome]:
        """Carry out units in one transaction, on disk when this returns.

        Raises:
            ServiceUnavailable: SQLite cannot write now; nothing was changed.
        """
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                batch = self._apply(units)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except _CANNOT_WRITE as failure:
            raise ServiceUnavailable(
                f"The store cannot write now ({failure}). Nothing was changed.", headers={"Retry-After": "10"}
            ) from failure
        return batch.outcomes

    def close(self) -> None:
        """Let go of the file. The last to do so carries the write-ahead log over into it."""
        self._connection.close()

    def _apply(self, units: Sequence[Unit]) -> Batch:
        rows: dict[tuple[str, str, str], Record | None] = {}
        for tenant, stored, key in map(place_of, commands_of(units)):
            if (tenant, stored, key) not in rows:
                rows[tenant, stored, key] = self._statements[stored].find(self._connection, tenant, key)
        batch = Batch.over(self._layouts, rows)
        batch.apply(units)
        if batch.log:
            write_rows(self._connection, self._statements, batch.changed())
            self._log.append(self._connection, batch.log)
        return batch


def main(descriptor: int) -> None:
    """Write what comes over the socket of that descriptor, until it ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as service:
        try:
            _write(service, receive_value(service))
        except ConnectionError:
            return  # nobody serves any more; whoever was not answered was not told that anything was done


def _write(service: socket.socket, assignment: Assignment) -> None:
    try:
        with refusing(assignment.path):
            writer = Writer(assignment)
    except StoreRefused as refusal:
        send_value(service, refusal)
        return
    try:
        send_value(service, None)
        # What is here now stays, and a batch leaves no cycles: the collector has little to look for.
        gc.freeze()
        gc.set_threshold(_GARBAGE_THRESHOLD, 20, 100)
        while (content := receive(service)) is not None:
            send(service, write_reply(_reply(writer, read_units(content))))
    finally:
        writer.close()


def _reply(writer: Writer, units: Sequence[Unit]) -> Reply:
    try:
        return Reply(writer.commit(units))
    except ODataError as failure:
        return Reply(failure=failure)
    except Exception as failure:  # noqa: BLE001 - whoever serves decides, and logs it; not every exception travels
        return Reply(failure=RuntimeError("".join(traceback.format_exception(failure))))
