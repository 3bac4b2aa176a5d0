"""Processes under measurement: started on a free port of loopback, waited for, stopped."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load import BenchFailed

PYTHON = sys.executable
ENROLLSCOPE = [PYTHON, "-m", "enrollscope"]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int, path: str) -> bool:
    """Whether GET gives a 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def running(command: list[str], port: int, path: str) -> Iterator[float]:
    """Run a server until the block ends.

    Yields:
        Seconds from the command to the first 200 at `path`.

    Raises:
        BenchFailed: none came within 30 seconds.
    """
    started = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    try:
        while not answers(port, path):
            if process.poll() is not None or time.perf_counter() - started > 30:
                process.kill()
                raise BenchFailed(f"{' '.join(command)} did not start:\n{process.communicate()[1].decode()}")
            time.sleep(0.005)
        yield time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(30)


def serve(store: Path, port: int) -> list[str]:
    """The command that serves an SQLite store."""
    return [*ENROLLSCOPE, "serve", "--port", str(port), "--database", f"sqlite:///{store}"]


def token(store: Path) -> str:
    """An access token for a store."""
    command = [*ENROLLSCOPE, "token", "--database", f"sqlite:///{store}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
