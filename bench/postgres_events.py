"""Databases full of events, and the service in front of them."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.events import TENANT
from bench.load import BenchFailed, Load
from bench.processes import ENROLLSCOPE, free_port
from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.layout import Layout
from enrollscope.store.index_table import IndexTable
from enrollscope.store.indexes import Indexed
from enrollscope.store.opening import migrate_store
from tests.postgres import Server, binaries
from tests.serving import running

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

    def pgbench(self, script: str, clients: int, seconds: int) -> float:
        """Transactions per second of one kind."""
        path = self.folder / "script.sql"
        path.write_text(script.format(count=self.count, tenant=TENANT), encoding="utf-8")
        command = [str(binaries() / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "1"]
        said = subprocess.run(
            [*command, "-T", str(seconds), "-f", str(path), self.url], capture_output=True, text=True, check=False
        )
        rate = re.search(r"^tps = ([0-9.]+)", said.stdout, re.MULTILINE)
        if rate is None or said.returncode:
            raise BenchFailed(f"pgbench: {said.stderr}")
        return float(rate[1])


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
