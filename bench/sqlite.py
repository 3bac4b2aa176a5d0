"""The embedded store over HTTP: durable PATCH and GET by key, beside the same server answering a constant.

Both sides of a ratio are measured in turns, in one run, by the same generator with the same requests; what is printed
is the median of the rounds. Authentication and change log are on, as they always are.
"""

import http.client
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.constant import Recorded
from bench.events import fill
from bench.load import Load, run
from bench.processes import PYTHON, free_port, running, serve, token

EVENTS = 500_000
CONNECTIONS = 32
SECONDS = 4
ROUNDS = 5
STARTS = 7
ITEM = "/v1.0/deviceManagement/troubleshootingEvents/{key}"
PATCH_BODY = '{"failureReason":"0x80180014 seen {n} times","failureCategory":"enrollmentRestrictionsEnforced"}'
GOAL_PATCH, GOAL_GET, GOAL_START = 0.30, 0.45, 1.0


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="enrollscope-bench-") as folder:
        store, keys = Path(folder, "bench.db"), Path(folder, "keys")
        bearer = token(store)
        print(f"filling {EVENTS:,} events", flush=True)
        fill(store, EVENTS, keys)
        start = statistics.median(_start_once(store) for _ in range(STARTS))
        get = Load("GET", ITEM, bearer, keys)
        patch = Load("PATCH", ITEM, bearer, keys, PATCH_BODY)
        rates: dict[str, list[tuple[float, float]]] = {"GET": [], "PATCH": []}
        port = free_port()
        with running(serve(store, port), port, "/readyz"):
            for load in (get, patch):
                rates[load.method] = list(_rounds(port, load, Path(folder)))
    _report("durable PATCH by key", rates["PATCH"], GOAL_PATCH)
    _report("GET by key", rates["GET"], GOAL_GET)
    print(f"start to ready: {start:.2f} s, median of {STARTS} (goal at most {GOAL_START:.1f} s)")


def _start_once(store: Path) -> float:
    port = free_port()
    with running(serve(store, port), port, "/readyz") as seconds:
        return seconds


def _rounds(port: int, load: Load, folder: Path) -> Iterator[tuple[float, float]]:
    """Rates of the service and of the constant, round by round, after one round of each that does not count."""
    with _constant(port, load, folder) as ceiling_port:
        for number in range(ROUNDS + 1):
            measured = tuple(
                run(f"http://127.0.0.1:{each}", load, connections=CONNECTIONS, seconds=SECONDS)
                for each in (port, ceiling_port)
            )
            if number:
                yield measured[0], measured[1]


@contextmanager
def _constant(port: int, load: Load, folder: Path) -> Iterator[int]:
    """Serve a recording of the service's own answer to this load."""
    recording = folder / f"{load.method}.json"
    recording.write_bytes(msgspec.json.encode(_record(port, load)))
    ceiling_port = free_port()
    with running([PYTHON, "-m", "bench.constant", str(ceiling_port), str(recording)], ceiling_port, "/"):
        yield ceiling_port


def _record(port: int, load: Load) -> Recorded:
    with load.keys.open() as keys:
        path = load.path.replace("{key}", next(keys).strip())
    headers = {"Authorization": f"Bearer {load.token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(load.method, path, load.body.replace("{n}", "0") or None, headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    kept = [(name, value) for name, value in response.getheaders() if name.lower() != "date"]
    return Recorded(response.status, kept, body)


def _report(name: str, rates: list[tuple[float, float]], goal: float) -> None:
    service, ceiling = (statistics.median(column) for column in zip(*rates, strict=True))
    ratio = statistics.median(ours / theirs for ours, theirs in rates)
    print(
        f"{name}: {service:,.0f}/s beside {ceiling:,.0f}/s of a constant: "
        f"ratio {ratio:.2f} (goal at least {goal:.2f}), {CONNECTIONS} connections, median of {ROUNDS} rounds"
    )
