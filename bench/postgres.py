"""The service over HTTP on PostgreSQL, beside others on the same server, in the same run, in turns.

It is measured with one process that serves, and with as many as there are processors:

- a page of 100 by filter, beside a loop in one process that runs the very statement of the service over asyncpg and
  encodes with msgspec, with as many connections as the service has for it;
- GET by key, beside pgbench with a prepared SELECT by key;
- durable PATCH by key, beside pgbench with one prepared transaction for each: UPDATE … RETURNING, INSERT into a log;
- all three beside SAP CAP, the nearest peer, in one process: bare, and with a log of changes, entity tags and
  authentication (`bench/peer.py` says by what). Where CAP wants `If-Match`, both sides get `If-Match: *`.

`growth` measures the three at ten million events beside a hundred thousand, and the memory of the process. After a
checkpoint PostgreSQL logs each page that is changed for the first time as a whole; among ten million events almost
every change is the first one of its pages. So changes are measured twice: just after one, and after seven minutes of
changes, by when the server's buffers have most of what is asked for. Checkpoints are half an hour apart.

It starts a PostgreSQL of its own (`tests/postgres.py` says how it is found; 15 or later), as durable as it comes. CAP
needs Node.js and npm, the ten million need 50 GB of disk for a while. pgbench writes to the events and to a log alone,
not to the index table, in four trips to the server for each change.
"""

import asyncio
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import asyncpg
import httpx
import msgspec
import uvloop
from asyncpg.prepared_stmt import PreparedStatement

from bench import page
from bench.events import TENANT
from bench.load import BenchFailed, Load, run
from bench.machine import described, huge_mebibytes
from bench.page import Figure
from bench.peer import Peer, bare, install, tracked
from bench.postgres_events import Filled, fill, served
from enrollscope.model.events import SCHEMA
from enrollscope.odata.binding.binder import Asked, Binder
from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.grammar.options import parse_options
from enrollscope.odata.plan.commands import ALWAYS
from enrollscope.odata.plan.requests import ReadCollection
from enrollscope.odata.protocol.cursors import CursorSigner
from enrollscope.odata.protocol.headers import Preferences
from enrollscope.store.postgres import IN_ORDER
from enrollscope.store.postgres_questions import postgres_statements
from tests.postgres import Server, own_server

EVENTS = 500_000
FEW, MANY = 100_000, 10_000_000
CONNECTIONS = 32
ROUNDS = 5
ROUNDS_OF_GROWTH = 9
SECONDS = 4
GOAL_GROWTH, GOAL_MEBIBYTES = 0.8, 150
PAGE_SIZE = 100
BARE_CONNECTIONS = 4
WARM_UP_SECONDS = 420
# Two fifths of the memory, the most that PostgreSQL's manual advises, and a checkpoint by time alone.
DURABLE = {
    "shared_buffers": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') * 2 // 5 // 2**20}MB",
    "wal_compression": "lz4",
    "max_wal_size": "24GB",
    "max_connections": "300",
    "maintenance_work_mem": "2GB",
    "checkpoint_timeout": "30min",
}

COLLECTION = "/v1.0/deviceManagement/troubleshootingEvents"
ITEM = COLLECTION + "/{key}"
SINCE = "2020-01-01T00:00:00Z"
PAGE_OPTIONS = f"$top={PAGE_SIZE}&$filter=" + quote(f"failureCategory eq 'authentication' and eventDateTime ge {SINCE}")
FILTER = f"{COLLECTION}?{PAGE_OPTIONS}"
PEER_FILTER = f"{COLLECTION}?$top={PAGE_SIZE}&$orderby=eventDateTime%20desc&$filter=" + quote(
    f"failureCategory eq 1 and eventDateTime ge {SINCE}"
)

PATCH_BODY = '{"failureReason":"0x80180014 seen {n} times","failureCategory":"enrollmentRestrictionsEnforced"}'
PEER_BODY = '{"failureReason":"0x80180014 seen {n} times","failureCategory":9}'
BARE_PATCH = """
\\set n random(1, {count})
BEGIN;
UPDATE events SET failure_reason = '0x80180014 seen ' || :n::text || ' times', failure_category = 9,
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
class Kind:
    """One kind of request, as each side wants it put.

    Attributes:
        paths: this service's and CAP's.
        connections: with how many it is asked for beside CAP, and at each size.
        goal: the least ratio wanted beside CAP.
        bodies: this service's and CAP's.
    """

    name: str
    method: str
    paths: tuple[str, str]
    connections: int
    goal: float
    bodies: tuple[str, str] = ("", "")

    def load(self, filled: Filled) -> Load:
        """What this service is asked for."""
        return filled.load(self.method, self.paths[0], self.bodies[0])


PAGE = Kind(f"page of {PAGE_SIZE} by category", "GET", (FILTER, PEER_FILTER), 8, 3)
GET = Kind("GET by key", "GET", (ITEM, ITEM), 32, 12)
PATCH = Kind("durable PATCH by key", "PATCH", (ITEM, ITEM), 32, 10, (PATCH_BODY, PEER_BODY))
# Changes at last: they take events out of the category that is asked for.
KINDS = (PAGE, GET, PATCH)

GOAL_PAGE = 0.40
BARE = ((GET, BARE_GET, {32: 0.45, 128: 0.45}), (PATCH, BARE_PATCH, {32: 0.70, 128: 0.85}))
"""What pgbench does in the place of a kind, and the least ratios wanted, by the number of connections."""


@dataclass(frozen=True, slots=True)
class Match:
    """Two sides, to be measured in turns."""

    what: str
    processes: int
    ours: Callable[[], float]
    beside: str
    theirs: Callable[[], float]
    goal: float
    rounds: int = ROUNDS

    def played(self) -> Figure:
        """Take both sides in turns, after one round that does not count; prints what came of it."""
        rounds = [self._round(turned=number % 2 == 1) for number in range(self.rounds + 1)][1:]
        first, second = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = statistics.median(one / other for one, other in rounds)
        figure = Figure(self.what, self.processes, first, self.beside, second, ratio, self.goal)
        print(figure.line, flush=True)
        return figure

    def _round(self, *, turned: bool) -> tuple[float, float]:
        """Both rates. Each side goes first in turn, since the service works on for some seconds after changes."""
        if turned:
            theirs = self.theirs()
            return self.ours(), theirs
        return self.ours(), self.theirs()


def main() -> None:
    """Measure beside the bare database and beside CAP, and write the page."""
    with tempfile.TemporaryDirectory() as folder, own_server(DURABLE) as server:
        machine, applications = _machine(server), Path(folder) / "cap"
        install(applications)
        filled = fill(server, "half_a_million", EVENTS, Path(folder))
        with bare(server, applications, EVENTS) as alone, tracked(server, applications, EVENTS) as alike:
            peers = {"bare CAP": alone, "CAP with log, ETags and tokens": alike}
            figures: list[Figure] = []
            for processes in sorted({1, os.cpu_count() or 1}):
                with served(filled, processes) as (address, _):
                    _check_full(address, filled.bearer)
                    figures += [match.played() for match in _matches(filled, address, processes, peers)]
        page.write("postgres", f"{machine}; {EVENTS:,} events", figures)


def _matches(filled: Filled, address: str, processes: int, peers: Mapping[str, Peer]) -> Iterator[Match]:
    for kind in KINDS:
        if kind is PAGE:
            ours = over_http(address, kind.load(filled), kind.connections)
            loop = partial(_bare_pages, filled.url)
            yield Match(_named(kind, kind.connections), processes, ours, "asyncpg and msgspec", loop, GOAL_PAGE)
        for of_kind, script, goals in BARE:
            if of_kind is kind:
                for clients, goal in goals.items():
                    ours = over_http(address, kind.load(filled), clients)
                    transactions = partial(filled.pgbench, script, clients, SECONDS)
                    yield Match(_named(kind, clients), processes, ours, "pgbench", transactions, goal)
        for name, peer in peers.items():
            load = replace(kind.load(filled), if_match=peer.if_match if kind is PATCH else "")
            peer_load = replace(load, path=kind.paths[1], body=kind.bodies[1], token=peer.token)
            ours = over_http(address, load, kind.connections)
            theirs = over_http(peer.address, peer_load, kind.connections)
            yield Match(_named(kind, kind.connections), processes, ours, name, theirs, kind.goal)


def _named(kind: Kind, connections: int) -> str:
    return f"{kind.name}, {connections} connections"


def growth() -> None:
    """Measure at two sizes, and write the page."""
    processes = sorted({1, os.cpu_count() or 1})
    with tempfile.TemporaryDirectory() as folder, own_server(DURABLE) as server:
        # All of them before anything is measured: it ends with a checkpoint.
        many = fill(server, f"events_{MANY}", MANY, Path(folder))
        first, *others = (fill(server, f"events_{FEW}_{number}", FEW, Path(folder)) for number in (0, *processes))
        grow(many, first, dict(zip(processes, others, strict=True)))


def grow(many: Filled, first: Filled, others: Mapping[int, Filled]) -> None:
    """Compare a large database with small ones, just after a checkpoint.

    Args:
        first: for what comes at once.
        others: for what comes later, each for a number of processes: changes take events out of the category.
    """
    machine = _machine(many.server)
    figures: list[Figure] = []
    used = 0.0
    with served(first) as (small, _), served(many) as (large, _):
        figures.append(_grown(PATCH, (first, small), (many, large), 1, ", just after a checkpoint"))
        run(large, PATCH.load(many), connections=PATCH.connections, seconds=WARM_UP_SECONDS)
    for processes, few in others.items():
        with served(few, processes) as (small, _), served(many, processes) as (large, process):
            for filled, address in ((few, small), (many, large)):
                _check_full(address, filled.bearer)
            figures += [_grown(kind, (few, small), (many, large), processes) for kind in KINDS]
            if processes == 1:
                used = _mebibytes(process)
    memory = f"Memory of the one process, at most, under this load: {used:.0f} MiB (goal at most {GOAL_MEBIBYTES})."
    print(memory)
    page.write("growth", f"{machine}; {MANY:,} events beside {FEW:,}", figures, [memory])


def _grown(kind: Kind, small: tuple[Filled, str], large: tuple[Filled, str], processes: int, when: str = "") -> Figure:
    """Compare one kind of request at two sizes, each a database and where it is served."""
    ours, theirs = (over_http(address, kind.load(filled), CONNECTIONS) for filled, address in (large, small))
    what, beside = f"{kind.name}{when}", f"{FEW:,} events"
    return Match(what, processes, ours, beside, theirs, GOAL_GROWTH, ROUNDS_OF_GROWTH).played()


def over_http(address: str, load: Load, connections: int) -> Callable[[], float]:
    """What takes the rate of one side."""
    return lambda: run(address, load, connections=connections, seconds=SECONDS)


def _machine(server: Server) -> str:
    version, huge = server.psql("SHOW server_version"), huge_mebibytes(server.pid)
    buffers = f"{DURABLE['shared_buffers']} of buffers, {huge} MiB in huge pages"
    return f"{described()}; PostgreSQL {version}, {buffers}"


def _check_full(address: str, bearer: str) -> None:
    """See that there are as many events for the page as are asked for.

    Raises:
        BenchFailed: there are fewer, so that the page would be quicker.
    """
    answer = httpx.get(address + FILTER, headers={"Authorization": f"Bearer {bearer}"}, timeout=60)
    found = len(answer.raise_for_status().json()["value"])
    if found != PAGE_SIZE:
        raise BenchFailed(f"the page has {found} events, not {PAGE_SIZE}")


def _bare_pages(url: str) -> float:
    """The statement of the service over as many connections as it uses for it, encoded with msgspec, per second."""
    path = COLLECTION.removeprefix("/v1.0/")
    asked = Asked("GET", path, parse_options(PAGE_OPTIONS), Preferences(), ALWAYS, TENANT, None, PAGE_SIZE)
    plan = Binder(SCHEMA.view("v1.0"), CursorSigner(bytes(32))).bind(asked)
    if not isinstance(plan, ReadCollection):
        raise BenchFailed("the page is no page")
    layouts = {stored.name: Layout.of(SCHEMA.whole, stored) for stored in SCHEMA.stored}
    statement = postgres_statements(SCHEMA, layouts).page(plan.query, plan.paging, of_that_size=True)
    return uvloop.run(_fetched(url, statement.text, statement.values(TENANT, plan.paging))) / SECONDS


async def _fetched(url: str, text: str, values: tuple[object, ...]) -> int:
    """How many pages came in time."""
    encode = msgspec.json.Encoder().encode
    connections = [await asyncpg.connect(url, server_settings=IN_ORDER) for _ in range(BARE_CONNECTIONS)]
    prepared = [await connection.prepare(text) for connection in connections]
    end = time.perf_counter() + SECONDS

    async def ask(statement: "PreparedStatement[asyncpg.Record]") -> int:
        count = 0
        while time.perf_counter() < end:
            encode([tuple(row) for row in await statement.fetch(*values)])
            count += 1
        return count

    counts = await asyncio.gather(*map(ask, prepared))
    for connection in connections:
        await connection.close()
    return sum(counts)


def _mebibytes(process: int) -> float:
    """The most memory of a process so far that was in use at once."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise BenchFailed("the system does not say how much memory a process has")
    return int(found[1]) / 1024
