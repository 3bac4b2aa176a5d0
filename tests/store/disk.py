"""A disk that fails when a test says so, below SQLite and above the real file system."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apsw


class FailingDisk(apsw.VFS):
    """Passes everything on to the file system, unless it is told to be full or not to keep anything.

    Attributes:
        full: writing fails, as it does without space.
        broken: making what was written durable fails, as it does on an I/O error.
    """

    NAME = "failing"

    def __init__(self) -> None:
        super().__init__(self.NAME, "unix")
        self.full = False
        self.broken = False

    def xOpen(self, name: Any, flags: list[int]) -> "_File":  # noqa: N802 - SQLite's name
        """Open a file on this disk."""
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: Any, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self.disk = disk

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - SQLite's name
        if self.disk.full:
            raise apsw.FullError("no space left on the disk")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        if self.disk.broken:
            raise apsw.IOError("the disk does not answer")
        super().xSync(flags)


@contextmanager
def failing_disk() -> Iterator[FailingDisk]:
    """Have every file that is opened meanwhile lie on a disk that can fail."""
    disk = FailingDisk()
    apsw.set_default_vfs(FailingDisk.NAME)
    try:
        yield disk
    finally:
        apsw.set_default_vfs("unix")
        disk.unregister()
