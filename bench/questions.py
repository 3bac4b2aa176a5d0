"""Questions over HTTP beside the same SQL on the same store, bare.

- A page of 100 events by an indexed filter: requests per second, beside a loop in this process that runs the same SQL
  and encodes the rows with msgspec.
- The ten-thousandth page beside the first.
- `$apply=groupby(…)` beside the bare GROUP BY.
"""

import http.client
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import apsw
import msgspec

from bench.events import TENANT, fill
from bench.load import Load, run
from bench.processes import free_port, running, serve, token
from enrollscope.odata.edm.values import Instant

EVENTS = 500_000
ROUNDS = 5
SECONDS = 3
REPEATS = 60
FAR_PAGE = 10_000
PAGE = 45
GOAL_PAGE, GOAL_FAR, GOAL_APPLY = 0.40, 1.2, 1.3

COLLECTION = "/v1.0/deviceManagement/troubleshootingEvents"
FROM, TO = "2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z"
FILTER = f"{COLLECTION}?$top=100&$filter=" + quote(f"eventDateTime ge {FROM} and eventDateTime lt {TO}")
APPLY = f"{COLLECTION}?$apply=" + quote("groupby((failureCategory),aggregate($count as n))")
PAGE_SQL = (
    "SELECT id, type, version, event_date_time_ticks, event_date_time_offset, correlation_id,"
    " managed_device_identifier, operating_system, os_version, user_id, device_id,"
    " enrollment_type, failure_category, failure_reason FROM events"
    " WHERE tenant_id = ? AND event_date_time_ticks >= ? AND event_date_time_ticks < ?"
    " ORDER BY event_date_time_ticks DESC, id DESC LIMIT 101"
)
APPLY_SQL = "SELECT failure_category, count(*) FROM events WHERE tenant_id = ? GROUP BY failure_category"


class Asking:
    """One kept connection to the service."""

    def __init__(self, port: int, bearer: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {bearer}"}

    def get(self, path: str) -> bytes:
        """The body of a 200."""
        self._connection.request("GET", path, headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        assert response.status == 200, body[:500]
        return body


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="enrollscope-bench-") as folder:
        store, keys = Path(folder, "bench.db"), Path(folder, "keys")
        bearer = token(store)
        print(f"filling {EVENTS:,} events", flush=True)
        fill(store, EVENTS, keys)
        port = free_port()
        with running(serve(store, port), port, "/readyz"):
            _pages(port, store, Load("GET", FILTER, bearer, keys))
            asking = Asking(port, bearer)
            _far_page(asking)
            _apply(asking, store)


def _pages(port: int, store: Path, load: Load) -> None:
    ratios, rates = [], []
    for number in range(ROUNDS + 1):
        ours = run(f"http://127.0.0.1:{port}", load, connections=8, seconds=SECONDS)
        bare = _bare_pages(store)
        if number:
            ratios.append(ours / bare)
            rates.append((ours, bare))
    ours, bare = (statistics.median(column) for column in zip(*rates, strict=True))
    print(
        f"page of 100 by filter: {ours:,.0f}/s beside {bare:,.0f}/s of the bare loop: "
        f"ratio {statistics.median(ratios):.2f} (goal at least {GOAL_PAGE:.2f}), median of {ROUNDS} rounds"
    )


def _bare_pages(store: Path) -> float:
    """The same SQL and msgspec, nothing else, per second."""
    connection = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)
    encode = msgspec.json.Encoder().encode
    bounds = (TENANT, Instant.parse(FROM).ticks, Instant.parse(TO).ticks)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        encode(connection.execute(PAGE_SQL, bounds).fetchall())
        count += 1
    connection.close()
    return count / SECONDS


def _far_page(asking: Asking) -> None:
    first = far = f"{COLLECTION}?$top={PAGE}"
    for _ in range(FAR_PAGE - 1):
        link = msgspec.json.decode(asking.get(far))["@odata.nextLink"]
        far = link[link.index("/v1.0") :]
    near_time, far_time = _alternate(lambda: asking.get(first), lambda: asking.get(far))
    print(
        f"page {FAR_PAGE:,} of {PAGE}: {far_time * 1000:.2f} ms beside {near_time * 1000:.2f} ms of page 1: "
        f"ratio {far_time / near_time:.2f} (goal at most {GOAL_FAR:.2f}), median of {REPEATS}"
    )


def _apply(asking: Asking, store: Path) -> None:
    connection = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READONLY)
    ours, bare = _alternate(
        lambda: asking.get(APPLY), lambda: connection.execute(APPLY_SQL, (TENANT,)).fetchall(), repeats=9
    )
    print(
        f"$apply=groupby((failureCategory),aggregate($count as n)): {ours * 1000:.0f} ms beside "
        f"{bare * 1000:.0f} ms of the bare SQL: ratio {ours / bare:.2f} (goal at most {GOAL_APPLY:.2f})"
    )


def _alternate(one: Callable[[], object], other: Callable[[], object], repeats: int = REPEATS) -> tuple[float, float]:
    """Median seconds of each, taken in turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(repeats + 2):
        for which, call in enumerate((one, other)):
            start = time.perf_counter()
            call()
            if number >= 2:
                times[which].append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])
