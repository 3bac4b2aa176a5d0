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
        cramped: there is no folder for temporary files.
        refusals: how often something failed.
    """

    NAME = "failing"

    def __init__(self) -> None:
        super().__init__(self.NAME, "unix")
        self.full = False
        self.broken = False
        self.cramped = False
        self.refusals = 0

    def xOpen(self, name: Any, flags: list[int]) -> "_File":  # noqa: N802 - SQLite's name
        """Open a file on this disk; a temporary one has no name."""
        if self.cramped and name is None:
            self.refusals += 1
            raise apsw.CantOpenError("no folder for temporary files")
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: Any, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self.disk = disk

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - SQLite's name
        if self.disk.full:
            self.disk.refusals += 1
            raise apsw.FullError("no space left on the disk")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        if self.disk.broken:
            self.disk.refusals += 1
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
