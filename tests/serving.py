"""The service as an operator runs it: a process on a free port of 127.0.0.1, its store in a file."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

COMMAND = (sys.executable, "-m", "enrollscope")
READY_SECONDS = 20
STOP_SECONDS = 20


def environment(**settings: str) -> dict[str, str]:
    """This process's environment, in which nothing but `settings` is set of what the service reads."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENROLLSCOPE_")}
    return kept | settings


def sqlite_url(path: Path) -> str:
    """The URL of an SQLite store in a file."""
    return f"sqlite:///{path}"


def run_command(
    *arguments: str, launcher: Sequence[str] = (), settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of the product that ends by itself.

    Args:
        launcher: what to start the command with, such as a program that lowers a limit first.
    """
    return subprocess.run(
        [*launcher, *COMMAND, *arguments],
        env=environment(**(settings or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=STOP_SECONDS,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class Served:
    """A service that answers.

    Attributes:
        address: scheme, host and port.
        log: the file that holds its standard error.
    """

    process: subprocess.Popen[bytes]
    address: str
    database: Path
    log: Path

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.address.rpartition(":")[2])

    def token(self, *options: str) -> str:
        """An access token, as `enrollscope token` prints it."""
        result = run_command("token", "--database", sqlite_url(self.database), *options)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def ask_to_stop(self) -> None:
        """Send SIGTERM, as service managers do."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Ask it to stop, and wait until it has; the exit status."""
        self.ask_to_stop()
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it as the kernel does when memory runs out: it gets to do nothing more."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)


@contextmanager
def serving(database: Path, *options: str, launcher: Sequence[str] = ()) -> Iterator[Served]:
    """Run `enrollscope serve` on a store until the block ends; what still runs then is killed."""
    log = database.with_name(f"{database.name}.{time.monotonic_ns()}.log")
    with running("--database", sqlite_url(database), *options, log=log, launcher=launcher) as (process, address):
        yield Served(process, address, database, log)


@contextmanager
def running(
    *options: str, log: Path, launcher: Sequence[str] = (), settings: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `enrollscope serve` on whatever store it chooses; yields the process and its address."""
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*launcher, *COMMAND, "serve", "--port", "0", *options],
            env=environment(**(settings or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
    try:
        yield process, _await_ready(process, log)
    finally:
        process.kill()
        process.wait(STOP_SECONDS)


def _await_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the service says where it is, and is ready; its address."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        head, _, _ = log.read_text(encoding="utf-8").partition("\n")
        address = head.rpartition(" on ")[2]
        if address.startswith("http"):
            with httpx.Client(base_url=address, trust_env=False, timeout=READY_SECONDS) as client:
                client.get("/readyz").raise_for_status()
            return address
        time.sleep(0.02)
    raise AssertionError(f"The service did not come up (status {process.poll()}):\n{log.read_text(encoding='utf-8')}")
