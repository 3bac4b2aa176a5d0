"""A real disk of a few megabytes for a PostgreSQL: memory, mounted where only programs started with `launcher` see it.

That takes root, or a kernel that lets its users have namespaces of their own.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import account

MEGABYTE = 2**20


class DiskRefused(Exception):
    """This machine lets nobody mount anything; says what it takes."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted disk, owned by whom PostgreSQL runs as. It is gone when the last process that sees it has ended."""

    folder: Path
    _shell: subprocess.Popen[str]

    @property
    def launcher(self) -> tuple[str, ...]:
        """What to start a program with, so that it sees the disk; as root also to become PostgreSQL's own user."""
        user = account()
        enter = ("nsenter", "--target", str(self._shell.pid), "--mount")
        if user:
            return (*enter, "--setuid", str(user["user"]), "--setgid", str(user["group"]), "--")
        return (*enter, "--user", "--preserve-credentials", "--")

    @property
    def used(self) -> int:
        """Bytes that are taken."""
        return int(self.say(f"df --output=used --block-size=1 '{self.folder}' | tail -n 1"))

    def resize(self, size: int) -> None:
        """Make it hold so many bytes in all, which may leave no room and must not be less than is used."""
        self.say(f"mount -o remount,size={size} '{self.folder}' && echo done")

    def say(self, command: str) -> str:
        """Have the shell that mounted the disk run a command that prints one line."""
        if self._shell.stdin is None or self._shell.stdout is None:
            raise TypeError("the shell has no pipes")
        self._shell.stdin.write(f"{command}\n")
        self._shell.stdin.flush()
        said = self._shell.stdout.readline().strip()
        if not said:
            raise DiskRefused(
                f"A small disk cannot be had ({command}, status {self._shell.poll()}). It takes root, or a kernel that "
                "lets users make namespaces (unshare --user --map-current-user --keep-caps --mount)."
            )
        return said


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """Mount a disk of so many bytes at an empty folder, for as long as the block lasts."""
    user = account()
    folder.mkdir(parents=True)
    namespaces = ["--mount", "--propagation", "private"]
    if os.getuid() != 0:
        namespaces += ["--user", "--map-current-user", "--keep-caps"]
    options = ["mode=0700", f"size={size}"]
    if user:
        options += [f"uid={user['user']}", f"gid={user['group']}"]
    shell = subprocess.Popen(
        ["unshare", *namespaces, "sh", "-e"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    disk = SmallDisk(folder, shell)
    try:
        disk.say(f"mount -t tmpfs -o {','.join(options)} tmpfs '{folder}' && echo mounted")
        yield disk
    finally:
        shell.communicate()
