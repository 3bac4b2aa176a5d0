"""The service beside SAP CAP, the nearest peer: the same entity on the same PostgreSQL server, asked for the same.

CAP has the indexes that this service has; it runs without authentication and keeps no log of changes. It needs Node.js
and npm, which installs the versions of `bench/cap/package.json`.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from bench.load import BenchFailed
from bench.postgres import (
    COLLECTION,
    CONNECTIONS,
    DURABLE,
    EVENTS,
    FILTER,
    ITEM,
    PAGE_CONNECTIONS,
    PATCH_BODY,
    SINCE,
    fill,
    over_http,
    report,
    served,
)
from bench.processes import answers, free_port
from tests.postgres import SUPERUSER, Server, own_server

SOURCE = Path(__file__).parent / "cap"
START_SECONDS = 60
GOAL_PATCH, GOAL_GET, GOAL_PAGE = 10, 12, 3
BODY = '{"failureReason":"0x80180014 seen {n} times","failureCategory":9}'
CAP_FILTER = f"{COLLECTION}?$top=100&$orderby=eventDateTime%20desc&$filter=" + quote(
    f"failureCategory eq 1 and eventDateTime ge {SINCE}"
)
COPY = f"""
INSERT INTO bench_events (id, eventdatetime, correlationid, operatingsystem, osversion, userid, deviceid,
  enrollmenttype, failurecategory, failurereason)
SELECT md5(n::text)::uuid::text, TIMESTAMP '2017-01-01' + (n::bigint * 102947 % 283824000) * INTERVAL '1 second',
  md5('c' || n)::uuid::text, (ARRAY['Windows', 'iOS', 'Android', 'macOS'])[1 + n % 4], '10.0.' || n % 30,
  md5('u' || n % 20000)::uuid::text, md5('d' || n % 50000)::uuid::text, n % 13, n % 12,
  (ARRAY['0x80180014', 'UserNotLicensed', 'DeviceCap', '0x801C0003', NULL])[1 + n % 5]
FROM generate_series(1, {EVENTS}) AS n ORDER BY 1;
CREATE INDEX ON bench_events (eventdatetime, id);
CREATE INDEX ON bench_events (lower(userid), eventdatetime, id);
CREATE INDEX ON bench_events (userid, eventdatetime, id);
CREATE INDEX ON bench_events (deviceid, eventdatetime, id);
CREATE INDEX ON bench_events (correlationid, eventdatetime, id);
CREATE INDEX ON bench_events (failurecategory, eventdatetime, id);
CREATE EXTENSION pg_trgm;
CREATE INDEX ON bench_events USING gin (failurereason gin_trgm_ops);
"""  # noqa: S608 - a constant


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, own_server(DURABLE) as server:
        filled = fill(server, "half_a_million", EVENTS, Path(folder))
        with cap(server, Path(folder) / "cap") as peer, served(filled) as (address, _):
            for name, method, paths, bodies, connections, goal in (
                ("PATCH", "PATCH", (ITEM, ITEM), (PATCH_BODY, BODY), CONNECTIONS[0], GOAL_PATCH),
                ("GET", "GET", (ITEM, ITEM), ("", ""), CONNECTIONS[0], GOAL_GET),
                ("page of 100 by filter", "GET", (FILTER, CAP_FILTER), ("", ""), PAGE_CONNECTIONS, GOAL_PAGE),
            ):
                ours = over_http(address, filled.load(method, paths[0], bodies[0]), connections)
                theirs = over_http(peer, filled.load(method, paths[1], bodies[1]), connections)
                report(f"{name}, {connections} connections, beside SAP CAP", ours, theirs, goal)


@contextmanager
def cap(server: Server, folder: Path) -> Iterator[str]:
    """Run CAP with as many events; yields its address."""
    npm = shutil.which("npm")
    if npm is None:
        raise BenchFailed("npm is needed: apt-get install npm")
    shutil.copytree(SOURCE, folder)
    subprocess.run([npm, "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=300)
    server.psql("CREATE DATABASE cap")
    credentials = {"host": "127.0.0.1", "port": server.port, "user": SUPERUSER, "password": "-", "database": "cap"}
    port = free_port()
    environment = os.environ | {
        "NODE_ENV": "production",
        "PORT": str(port),
        "cds_requires_db_credentials": json.dumps(credentials),
    }
    programs = folder / "node_modules" / ".bin"
    subprocess.run([programs / "cds-deploy"], cwd=folder, env=environment, check=True, capture_output=True, timeout=120)
    server.psql(COPY, "cap")
    server.psql("VACUUM ANALYZE", "cap")
    process = subprocess.Popen(
        [programs / "cds-serve", "all"], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _await_answer(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _await_answer(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(port, f"{COLLECTION}?$top=1"):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise BenchFailed(f"CAP did not start:\n{process.communicate()[1].decode()}")
        time.sleep(0.1)
