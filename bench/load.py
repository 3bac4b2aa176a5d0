"""Load from a process of its own: wrk, over loopback, for a bounded time."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parent / "requests.lua"


class BenchFailed(Exception):
    """A figure could not be taken; says why."""


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of request, repeated.

    Attributes:
        keys: file of entity ids of one length, each with a line end; each request takes any of them.
        if_match: the value of `If-Match`; without it there is no such header.
    """

    method: str
    path: str
    token: str
    keys: Path
    body: str = ""
    if_match: str = ""


def run(url: str, load: Load, *, connections: int, seconds: int) -> float:
    """Requests answered per second.

    Raises:
        BenchFailed: wrk is missing, or not every answer was a 2xx.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise BenchFailed("wrk is needed: apt-get install wrk")
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPT), url, "--"]
    command += [load.method, load.path, load.token, str(load.keys), load.body, load.if_match]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
    if problem := re.search(r"Non-2xx.*|Socket errors.*", output):
        raise BenchFailed(f"{load.method} {load.path}: {problem[0]}")
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", output)
    if rate is None:
        raise BenchFailed(f"wrk said no rate:\n{output}")
    return float(rate[1])
