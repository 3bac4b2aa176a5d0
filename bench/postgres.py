"""The service over HTTP on PostgreSQL, beside the bare database: same server, same run, in turns.

Each is measured with one process that serves, and with as many as there are processors.

- Durable PATCH by key, beside pgbench with one prepared transaction for each: UPDATE … RETURNING, INSERT into a log.
- GET by key, beside pgbench with a prepared SELECT by key.
- A page of 100 by filter, beside a loop in this process that runs the same SQL over asyncpg and encodes with msgspec.
- `postgres-growth`: the three at ten million events beside those at a hundred thousand; memory of the process. After a
  checkpoint PostgreSQL logs each page that is changed for the first time as a whole; among ten million events almost
  every change is the first one of its pages. So changes are measured twice: just after a checkpoint, and after four
  minutes of them.

It starts a PostgreSQL of its own (`tests/postgres.py` says how it is found; 15 or later), as durable as it comes. For
the ten million it needs 50 GB of disk for a while.
pgbench writes to the events and to a log alone, not to the index table.
"""

import asyncio
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg
import httpx
import msgspec

from bench.events import TENANT
from bench.load import BenchFailed, Load, run
from bench.processes import ENROLLSCOPE, free_port
from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.values import Instant
from enrollscope.store.index_table import IndexPart, IndexTable
from enrollscope.store.indexes import Indexed
from enrollscope.store.opening import migrate_store
from enrollscope.store.postgres import IN_ORDER
from tests.postgres import Server, binaries, own_server
from tests.serving import running

EVENTS = 500_000
FEW, MANY = 100_000, 10_000_000
CONNECTIONS = (32, 128)
ROUNDS = 5
SECONDS = 4
GOALS_PATCH = {32: 0.70, 128: 0.85}
GOAL_GET, GOAL_PAGE, GOAL_GROWTH, GOAL_MEBIBYTES = 0.45, 0.40, 0.8, 150
PAGE_CONNECTIONS = 8
PAGE_SIZE = 100
WARM_UP_SECONDS = 240
# Two fifths of the memory, the most that PostgreSQL's manual advises, and a checkpoint by time alone.
DURABLE = {
    "shared_buffers": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') * 2 // 5 // 2**20}MB",
    "wal_compression": "lz4",
    "max_wal_size": "24GB",
    "max_connections": "300",
    "maintenance_work_mem": "512MB",
    "checkpoint_timeout": "30min",
}

COLLECTION = "/v1.0/deviceManagement/troubleshootingEvents"
ITEM = COLLECTION + "/{key}"
PATCH_BODY = '{"failureReason":"0x80180014 seen {n} times","failureCategory":"enrollmentRestrictionsEnforced"}'
SINCE = "2020-01-01T00:00:00Z"
FILTER = f"{COLLECTION}?$top={PAGE_SIZE}&$filter=" + quote(
    f"failureCategory eq 'authentication' and eventDateTime ge {SINCE}"
)

FILL = """
INSERT INTO events (tenant_id, id, type, version, event_date_time_ticks, event_date_time_offset, correlation_id,
  operating_system, os_version, user_id, device_id, enrollment_type, failure_category, failure_reason,
  created_ticks, modified_ticks)
SELECT '{tenant}', md5(n::text)::uuid::text, 'enrollmentTroubleshootingEvent', 1,
  636188256000000000 + (n::bigint * 102947 % 283824000) * 10000000 + n % 9973, 0, md5('c' || n)::uuid::text,
  (ARRAY['Windows', 'iOS', 'Android', 'macOS'])[1 + n % 4], '10.0.' || n % 30, md5('u' || n % 20000)::uuid::text,
  md5('d' || n % 50000)::uuid::text, n % 13, n % 12,
  (ARRAY['0x80180014', 'UserNotLicensed', 'DeviceCap', '0x801C0003', NULL])[1 + n % 5], 1, 1
FROM generate_series(1, {count}) AS n ORDER BY 2
"""
BARE_PATCH = """
\\set n random(1, {count})
\\set c random(1, 11)
BEGIN;
UPDATE events SET failure_reason = '0x80180014 seen ' || :n::text || ' times', failure_category = :c,
  version = version + 1, modified_ticks = :n
  WHERE tenant_id = '{tenant}' AND id = md5(:n::text)::uuid::text RETURNING *;
INSERT INTO bench_log VALUES ('{tenant}', nextval('bench_position'), 'events', md5(:n::text)::uuid::text, 'updated', 2,
  :n, NULL, 'fdf9f2a9-d3ca-40fa-a620-6bd734c2f9dc', 'Yd4V1UHCDT1Ltr21Iwgwyg', 'd0b3ffb4-0d25-4b4c-8a0c-0c8f2f5c9a51',
  '{{"failureReason":"0x80180014 seen 1 times","failureCategory":"authentication"}}',
  '{{"failureReason":"0x80180014 seen 2 times","failureCategory":"enrollmentRestrictionsEnforced"}}');
COMMIT;
"""
BARE_GET = """
\\set n random(1, {count})
SELECT * FROM events WHERE tenant_id = '{tenant}' AND id = md5(:n::text)::uuid::text;
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with events, and what a load needs to ask for them."""

    server: Server
    name: str
    count: int
    folder: Path
    bearer: str

    @property
    def url(self) -> str:
        """Of the database."""
        return self.server.url(self.name)

    def load(self, method: str, path: str, body: str = "") -> Load:
        """Requests for any of the events."""
        return Load(method, path, self.bearer, self.folder / f"keys-{self.name}", body)

    def pgbench(self, script: str, clients: int) -> float:
        """Transactions per second of one kind."""
        path = self.folder / "script.sql"
        path.write_text(script.format(count=self.count, tenant=TENANT), encoding="utf-8")
        command = [str(binaries() / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "1"]
        said = subprocess.run(
            [*command, "-T", str(SECONDS), "-f", str(path), self.url], capture_output=True, text=True, check=False
        )
        rate = re.search(r"^tps = ([0-9.]+)", said.stdout, re.MULTILINE)
        if rate is None or said.returncode:
            raise BenchFailed(f"pgbench: {said.stderr}")
        return float(rate[1])


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, own_server(DURABLE) as server:
        filled = fill(server, "half_a_million", EVENTS, Path(folder))
        for processes in sorted({1, os.cpu_count() or 1}):
            with served(filled, processes) as (address, _):
                _beside_the_database(filled, address, f"{processes} process{'es' if processes > 1 else ''}")


def _beside_the_database(filled: Filled, address: str, served_by: str) -> None:
    for clients in CONNECTIONS:
        ours = over_http(address, filled.load("PATCH", ITEM, PATCH_BODY), clients)
        name = f"PATCH, {clients} connections, {served_by}"
        report(name, ours, _bare(filled, BARE_PATCH, clients), GOALS_PATCH[clients])
        ours = over_http(address, filled.load("GET", ITEM), clients)
        report(f"GET, {clients} connections, {served_by}", ours, _bare(filled, BARE_GET, clients), GOAL_GET)
    check_full(address, filled)
    ours = over_http(address, filled.load("GET", FILTER), PAGE_CONNECTIONS)
    name = f"page of 100 by filter, {PAGE_CONNECTIONS} connections, {served_by}"
    report(name, ours, lambda: asyncio.run(_bare_pages(filled.url)), GOAL_PAGE)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request."""

    name: str
    method: str
    path: str
    body: str = ""


def growth() -> None:
    """Measure at two sizes and print."""
    patch = Kind("PATCH", "PATCH", ITEM, PATCH_BODY)
    with tempfile.TemporaryDirectory() as folder, own_server(DURABLE) as server:
        few, many = (fill(server, f"events_{count}", count, Path(folder)) for count in (FEW, MANY))
        with served(few) as (small, _), served(many) as (large, _):
            _grown(patch, (few, small), (many, large), "1 process, just after a checkpoint")
            warm_up = many.load(patch.method, patch.path, patch.body)
            run(large, warm_up, connections=CONNECTIONS[0], seconds=WARM_UP_SECONDS)
        for processes in sorted({1, os.cpu_count() or 1}):
            few = fill(server, f"events_{FEW}_{processes}", FEW, Path(folder))
            with served(few, processes) as (small, _), served(many, processes) as (large, process):
                # Changes at last: they take events out of the category that is asked for, soon most of the few.
                for kind in (Kind("page of 100 by filter", "GET", FILTER), Kind("GET", "GET", ITEM), patch):
                    _grown(kind, (few, small), (many, large), f"{processes} process{'es' if processes > 1 else ''}")
                if processes == 1:
                    used = _mebibytes(process)
                    print(f"memory of the process after this load: {used:.0f} MiB (goal at most {GOAL_MEBIBYTES})")


def _grown(kind: Kind, small: tuple[Filled, str], large: tuple[Filled, str], served_by: str) -> None:
    """Compare one kind of request at two sizes, each a database and where it is served."""
    if kind.path == FILTER:
        for filled, address in (large, small):
            check_full(address, filled)
    ours, theirs = (
        over_http(address, filled.load(kind.method, kind.path, kind.body), CONNECTIONS[0])
        for filled, address in (large, small)
    )
    report(f"{kind.name}, {MANY:,} events beside {FEW:,}, {served_by}", ours, theirs, GOAL_GROWTH)


def report(name: str, ours: Callable[[], float], theirs: Callable[[], float], goal: float) -> None:
    """Take both sides in turns, after one round that does not count, and print the medians and their ratio."""
    rounds = [(ours(), theirs()) for _ in range(ROUNDS + 1)][1:]
    first, second = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    print(
        f"{name}: {first:,.0f}/s beside {second:,.0f}/s: ratio {ratio:.2f} (goal at least {goal:.2f}), "
        f"median of {ROUNDS} rounds",
        flush=True,
    )


def fill(server: Server, name: str, count: int, folder: Path) -> Filled:
    """Make a database with events, the same ones each time."""
    print(f"filling {count:,} events", flush=True)
    server.psql(f"CREATE DATABASE {name}")
    url = server.url(name)
    migrate_store(url, SCHEMA)
    indexes = server.psql("SELECT indexdef FROM pg_indexes WHERE indexname ~ '^events_.*(?<!pkey)$'", name).splitlines()
    for text in indexes:
        server.psql(f"DROP INDEX {text.split()[2]}", name)
    server.psql(FILL.format(count=count, tenant=TENANT), name)
    server.psql("CHECKPOINT")
    layout = Layout.of(SCHEMA.whole, SCHEMA.stored[0])
    server.psql(IndexTable.of(layout, Indexed.of(SCHEMA, layout.stored)).filled_from("events"), name)
    server.psql(";".join(indexes), name)
    server.psql("CREATE TABLE bench_log (LIKE changes INCLUDING ALL); CREATE SEQUENCE bench_position", name)
    server.psql("VACUUM ANALYZE", name)
    server.psql("CHECKPOINT")
    keys = server.psql("SELECT id FROM events ORDER BY correlation_id LIMIT 500000", name)
    (folder / f"keys-{name}").write_text(keys + "\n", encoding="utf-8")
    said = subprocess.run(
        [*ENROLLSCOPE, "token", "--database", url, "--tenant", TENANT], capture_output=True, text=True, check=True
    )
    return Filled(server, name, count, folder, said.stdout.strip())


@contextmanager
def served(filled: Filled, processes: int = 1) -> Iterator[tuple[str, int]]:
    """Serve a database with some processes; yields the address and the id of the one that was started."""
    log = filled.folder / f"log-{free_port()}"
    with running("--database", filled.url, "--workers", str(processes), log=log) as (process, address):
        yield address, process.pid


def over_http(address: str, load: Load, connections: int) -> Callable[[], float]:
    """What takes the rate of one side."""
    return lambda: run(address, load, connections=connections, seconds=SECONDS)


def check_full(address: str, filled: Filled) -> None:
    """See that there are as many events for the page as are asked for.

    Raises:
        BenchFailed: there are fewer, so that the page would be quicker.
    """
    answer = httpx.get(address + FILTER, headers={"Authorization": f"Bearer {filled.bearer}"}, timeout=60)
    found = len(answer.raise_for_status().json()["value"])
    if found != PAGE_SIZE:
        raise BenchFailed(f"the page has {found} events, not {PAGE_SIZE}")


def _bare(filled: Filled, script: str, clients: int) -> Callable[[], float]:
    return lambda: filled.pgbench(script, clients)


async def _bare_pages(url: str) -> float:
    """The same SQL over as many connections as the service uses for questions, encoded with msgspec, per second."""
    names = ", ".join(f"e.{name}" for name in Layout.of(SCHEMA.whole, SCHEMA.stored[0]).names)
    sql = (
        f"SELECT {names} FROM events_index AS i JOIN events AS e ON e.tenant_id = i.tenant_id AND e.id = i.id "  # noqa: S608 - names of the model
        f"WHERE i.tenant_id = $1 AND i.part = {IndexPart.CHANGING.value} AND i.failure_category = $2 "
        "AND i.event_date_time_ticks >= $3 "
        f"ORDER BY i.event_date_time_ticks DESC, i.id DESC LIMIT {PAGE_SIZE + 1}"
    )
    values = (TENANT, 1, Instant.parse(SINCE).ticks)
    encode = msgspec.json.Encoder().encode
    end = time.perf_counter() + SECONDS
    count = 0

    async def ask() -> None:
        nonlocal count
        connection = await asyncpg.connect(url, server_settings=IN_ORDER)
        statement = await connection.prepare(sql)
        while time.perf_counter() < end:
            encode([tuple(row) for row in await statement.fetch(*values)])
            count += 1
        await connection.close()

    await asyncio.gather(*(ask() for _ in range(4)))
    return count / SECONDS


def _mebibytes(process: int) -> float:
    """Resident memory of a process."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise BenchFailed("the system does not say how much memory a process has")
    return int(found[1]) / 1024
