"""Processes as a container engine or a service manager handles them: started, asked for their health, told to stop."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Started:
    """A process, and the command whose status says whether it is healthy."""

    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]
    health_command: Sequence[str]
    log: Path

    def health(self) -> int:
        """The status of the health command, run once."""
        return run(self.health_command, self.environment).returncode

    def await_health(self) -> None:
        """Return when it is healthy."""
        deadline = time.monotonic() + READY_SECONDS
        while self.health() != 0:
            said = self.log.read_text(encoding="utf-8")
            assert self.process.poll() is None, f"it ended with status {self.process.returncode}:\n{said}"
            assert time.monotonic() < deadline, f"it never became healthy:\n{said}"
            time.sleep(0.1)

    def stop(self, number: int, seconds: int) -> int:
        """Send a signal and wait for the end; the status."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], health_command: Sequence[str], log: Path
) -> Iterator[Started]:
    """A healthy process for as long as the block lasts."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/"
        )
    try:
        running = Started(process, environment, health_command, log)
        running.await_health()
        yield running
    finally:
        process.kill()
        process.wait()


def run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
        cwd="/",
    )
