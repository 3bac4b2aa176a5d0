"""The file of an SQLite store: whose it is, whether it can be used, and its way from nothing to the current tables.

Everything that could go wrong at start is found here and told the operator, with the file left as it was. The file is
only ever opened through SQLite: closing it behind SQLite's back would drop the locks that SQLite holds on it.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from enrollscope.store.base import StoreRefused
from enrollscope.store.history import History

APPLICATION_ID = 0x4F446174
"""Marks our files in their header, where SQLite keeps a number for that; "ODat" in ASCII."""

_BUSY_MILLISECONDS = 10_000
_PROBE = bytes(65_536)
_ORPHANS_SECONDS, _PAUSE_SECONDS = 20.0, 0.02

# What the planner is told: rows of a table, of one tenant in it, and of the longest prefixes of a key or an index.
_ROWS, _ROWS_OF_A_TENANT, _ROWS_OF_A_PREFIX = 1_000_000, 100_000, (20, 2, 1)

# Table, index and its number of columns, for all that begin with the tenant; a primary key goes by the table's name.
_INDEXES = """
    SELECT t.name, iif(i.origin = 'pk', t.name, i.name), (SELECT count(*) FROM pragma_index_info(i.name)) AS columns
    FROM sqlite_schema AS t JOIN pragma_index_list(t.name) AS i
    WHERE t.type = 'table' AND columns BETWEEN 2 AND 4
"""

_UNUSABLE = (apsw.CantOpenError, apsw.IOError, apsw.ReadOnlyError, apsw.PermissionsError)


class FileLock:
    """Keeps a second service off a store. The kernel lets go of it when the last process that holds it ends.

    Attributes:
        descriptor: of the locked file; a process that inherits it holds the lock as well.
    """

    def __init__(self, store: Path) -> None:
        """Take the lock of the file `store`.

        Raises:
            StoreRefused: another process has it, or the folder takes no files.
        """
        self._path = store.with_name(store.name + ".lock")
        try:
            self.descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreRefused(
                f"Cannot create {self._path}: {error.strerror}. The folder of the store must be writable: "
                "change its owner or mode, or choose another place with --database."
            ) from error
        try:
            self._take()
        except BaseException:
            os.close(self.descriptor)
            raise

    def _take(self) -> None:
        try:
            self._wait_for_orphans()
        except BlockingIOError as error:
            raise StoreRefused(
                f"The store {self._path.with_suffix('')} is in use by process {self._holder()}. One process serves an "
                "SQLite store: stop that one, or give this one another --database."
            ) from error
        try:
            os.ftruncate(self.descriptor, 0)
            written = 0
            while written < len(_PROBE):  # the last that fits is cut short, only the next fails
                written += os.pwrite(self.descriptor, _PROBE[written:], written)
            os.fsync(self.descriptor)
            os.ftruncate(self.descriptor, 0)
            os.pwrite(self.descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            remedy = "Free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "See to the file system"
            raise StoreRefused(
                f"Cannot write to {self._path}: {error.strerror}. {remedy} and start again; the store is untouched."
            ) from error

    def _wait_for_orphans(self) -> None:
        """Take the lock; wait for it where the service that took it is gone and only finishes a last batch."""
        until = time.monotonic() + _ORPHANS_SECONDS
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until or is_running(self._holder()):
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def _holder(self) -> str:
        return os.pread(self.descriptor, 20, 0).strip(b"\0\n ").decode("ascii", "replace") or "unknown"

    def release(self) -> None:
        """Let another process have the store. The lock file stays: removing it would race with the next to take it."""
        os.close(self.descriptor)


def is_running(process: str) -> bool:
    """Whether a process of that number exists; also where it is no number, for then nobody can tell."""
    if not process.isdigit():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def examine(path: Path) -> str | None:
    """Look at a file without changing it: the revision of its tables, or `None` where there are none yet.

    Raises:
        StoreRefused: it is something else than a store of ours, or cannot be read and written.
    """
    if path.is_dir():
        raise StoreRefused(f"{path} is a folder. Name a file in it, such as {path / 'store.db'}.")
    if not path.exists() or path.stat().st_size == 0:
        return None
    if path.stat().st_nlink > 1:
        raise StoreRefused(
            f"{path} has another name, by a hard link, and SQLite would keep a log of changes for each: one would be "
            "lost. Remove one of the names; a symbolic link may take its place."
        )
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise StoreRefused(f"{path} cannot be read and written by this user. Change its owner or mode.")
    with refusing(path):
        connection = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(_BUSY_MILLISECONDS)
            return revision_of(connection, path)
        finally:
            connection.close()


def revision_of(connection: apsw.Connection, path: Path) -> str | None:
    """Read whose an open file is, and how far its tables are; `None`: an empty database.

    Raises:
        StoreRefused: it is an SQLite database of something else.
    """
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()}
    if connection.pragma("application_id") != APPLICATION_ID:
        if not tables and connection.pragma("application_id") == 0:
            return None
        raise StoreRefused(
            f"{path} is an SQLite database of another program. It was left as it is: choose another --database."
        )
    if "alembic_version" not in tables:
        raise StoreRefused(f"{path} lacks the table alembic_version: it is damaged. Restore it from a backup.")
    (row,) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return str(row[0])


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Tell the operator what SQLite has against a file.

    Raises:
        StoreRefused: in place of SQLite's own errors.
    """
    try:
        yield
    except apsw.NotADBError as error:
        raise StoreRefused(
            f"{path} is not an SQLite database. It was left as it is: choose another --database."
        ) from error
    except apsw.CorruptError as error:
        raise StoreRefused(f"{path} is damaged: {error}. Restore it from a backup.") from error
    except apsw.FullError as error:
        raise StoreRefused(f"There is no space left for {path}. Free some and start again.") from error
    except apsw.BusyError as error:
        raise StoreRefused(f"{path} is locked by another program. Close it there and start again.") from error
    except _UNUSABLE as error:
        raise StoreRefused(
            f"{path} cannot be used: {error}. Its folder must be writable, with space left on its disk."
        ) from error


def connect(path: Path) -> apsw.Connection:
    """Open a file for reading and writing, durably: what is committed survives the loss of power."""
    connection = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(_BUSY_MILLISECONDS)
    settings: tuple[tuple[str, Any], ...] = (
        ("synchronous", "FULL"),
        ("fullfsync", 1),  # macOS: fsync alone leaves data in the drive's cache
        ("checkpoint_fullfsync", 1),
        ("trusted_schema", 0),
        ("temp_store", "MEMORY"),
    )
    for name, value in settings:
        connection.pragma(name, value)
    return connection


def make_place(path: Path) -> None:
    """Make the folder and an empty file for its owner alone: a store holds keys. The file may be there already.

    Raises:
        StoreRefused: nothing can be made there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreRefused(
            f"Cannot create {path}: {error.strerror}. Its folder must be writable: change the owner or mode, or choose "
            "another place with --database."
        ) from error


def migrate(path: Path, history: History, revision: str | None) -> None:
    """Bring the tables of a file from `revision`, as `examine` gave it, to the last one, creating the file if need be.

    All or nothing, and safe beside another process that does the same. A new file gets its tables before it is
    switched to a write-ahead log, so that its header says whose it is from the first moment.

    Raises:
        StoreRefused: the tables are newer than this version of the program, or cannot be written.
    """
    head = history.revisions[-1]
    if revision == head:
        return
    if revision is not None and revision not in history.revisions:
        raise StoreRefused(
            f"{path} was made by a newer version of this program: its tables are at revision {revision}, and this "
            f"version knows {head}. It was left as it is: install the newer version."
        )
    if revision is None:
        make_place(path)
    with refusing(path):
        connection = connect(path)
        try:
            connection.execute("BEGIN IMMEDIATE")
            current = revision_of(connection, path)
            if current != head:
                connection.pragma("application_id", APPLICATION_ID)
                # Fetching runs it to its end; a statement that returns a row would hold up those behind it.
                connection.execute(history.upgrade(current, "sqlite")).fetchall()
                _describe_data(connection)
            connection.execute("COMMIT")
        finally:
            connection.close()  # rolls back what is not committed


def _describe_data(connection: apsw.Connection) -> None:
    """Tell SQLite's planner what the tables of a store in use look like.

    Measured statistics would change the plans as data come in, and without any SQLite believes that a tenant has ten
    rows: it would rather walk through a range of time than go to the few rows of one user.
    """
    connection.pragma("analysis_limit", 1)
    connection.execute("ANALYZE")  # makes the tables of statistics
    for (statistics,) in _rows(connection, "SELECT name FROM sqlite_schema WHERE name GLOB 'sqlite_stat[0-9]'"):
        connection.execute(f"DELETE FROM {statistics}")  # noqa: S608 - SQLite's own names
    table: str
    index: str
    columns: int
    for table, index, columns in _rows(connection, _INDEXES):
        estimates = (_ROWS, _ROWS_OF_A_TENANT, *_ROWS_OF_A_PREFIX[1 - columns :])
        connection.execute(
            "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", (table, index, " ".join(map(str, estimates)))
        )


def _rows(connection: apsw.Connection, statement: str) -> list[tuple[Any, ...]]:
    return connection.execute(statement).fetchall()
