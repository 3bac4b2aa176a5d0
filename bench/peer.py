"""SAP CAP, the nearest peer: its two applications installed, filled with the same events, run, and a token for one.

`bench/cap/bare` is CAP alone. `bench/cap/tracked` adds what this service does for each request, by what CAP has for it:

- a log of changes by `@cap-js/change-tracking`, whose triggers write a record for each property that changed;
- entity tags by `@odata.etag` on the `modifiedAt` of `managed`; CAP then refuses a change without `If-Match`;
- `@requires: 'authenticated-user'` and `auth.kind: jwt`: `@sap/xssec` verifies a bearer token of RS256 by a key that it
  fetches once from the issuer, and remembers the tokens that it verified, as CAP has it by default. The issuer is a
  file server on loopback, bound as that of SAP's XS advanced is, whose address may be any.

They are two processes that share `node_modules`: authentication and plugins are those of a whole process of CAP.

Both run as in production, with two settings in CAP's favour: a connection to the database for each of 32 clients (10,
the default, and 20 were not clearly slower, but have a request wait, and refuse it after a second), and SQL that makes
no JSON where none is needed (`sql_simple_queries`), which saves up to a tenth. Null is first in its indexes, since CAP
has it last where the newest come first: PostgreSQL's own order would have it sort a twelfth of the table for each page.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import RSAKey

from bench.load import BenchFailed
from bench.processes import answers, free_port, running
from tests.postgres import SUPERUSER, Server

SOURCE = Path(__file__).parent / "cap"
START_SECONDS = 60
TOKEN_SECONDS = 24 * 60 * 60
CLIENT = "events-on-cap"

FILL = """
ALTER TABLE bench_events DISABLE TRIGGER USER;
INSERT INTO bench_events (id, eventdatetime, correlationid, operatingsystem, osversion, userid, deviceid,
  enrollmenttype, failurecategory, failurereason{columns})
SELECT md5(n::text)::uuid::text, TIMESTAMP '2017-01-01' + (n::bigint * 102947 % 283824000) * INTERVAL '1 second',
  md5('c' || n)::uuid::text, (ARRAY['Windows', 'iOS', 'Android', 'macOS'])[1 + n % 4], '10.0.' || n % 30,
  md5('u' || n % 20000)::uuid::text, md5('d' || n % 50000)::uuid::text, n % 13, n % 12,
  (ARRAY['0x80180014', 'UserNotLicensed', 'DeviceCap', '0x801C0003', NULL])[1 + n % 5]{values}
FROM generate_series(1, {count}) AS n ORDER BY 1;
ALTER TABLE bench_events ENABLE TRIGGER USER;
CREATE INDEX ON bench_events (eventdatetime NULLS FIRST, id);
CREATE INDEX ON bench_events (lower(userid), eventdatetime NULLS FIRST, id);
CREATE INDEX ON bench_events (userid, eventdatetime NULLS FIRST, id);
CREATE INDEX ON bench_events (deviceid, eventdatetime NULLS FIRST, id);
CREATE INDEX ON bench_events (correlationid, eventdatetime NULLS FIRST, id);
CREATE INDEX ON bench_events (failurecategory, eventdatetime NULLS FIRST, id);
CREATE EXTENSION pg_trgm;
CREATE INDEX ON bench_events USING gin (failurereason gin_trgm_ops);
"""
MANAGED = {
    "columns": ", createdat, createdby, modifiedat, modifiedby",
    "values": ", TIMESTAMP '2026-01-01', 'anonymous', TIMESTAMP '2026-01-01', 'anonymous'",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """An application of CAP that answers.

    Attributes:
        token: what it wants as a bearer; the bare one ignores it.
        if_match: what a change has to carry as `If-Match`.
    """

    address: str
    token: str = field(default="-", repr=False)
    if_match: str = ""


def install(folder: Path) -> None:
    """Put both applications in a folder, with the packages they name.

    Raises:
        BenchFailed: there is no npm.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise BenchFailed("npm is needed: apt-get install npm")
    shutil.copytree(SOURCE, folder)
    subprocess.run([npm, "install", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True, timeout=300)


@contextmanager
def bare(server: Server, folder: Path, count: int) -> Iterator[Peer]:
    """Run CAP alone, with so many events."""
    with _application(server, folder / "bare", FILL.format(count=count, columns="", values="")) as address:
        yield Peer(address)


@contextmanager
def tracked(server: Server, folder: Path, count: int) -> Iterator[Peer]:
    """Run CAP with a log of changes, entity tags and authentication, with so many events."""
    with _issuer(folder / "issuer") as (issuer, token):
        binding = {"clientid": CLIENT, "xsappname": CLIENT, "url": issuer}
        environment = {"cds_requires_auth_credentials": json.dumps(binding)}
        with _application(server, folder / "tracked", FILL.format(count=count, **MANAGED), environment) as address:
            yield Peer(address, token, "*")


@contextmanager
def _issuer(folder: Path) -> Iterator[tuple[str, str]]:
    """Publish a key where CAP looks for it; yields the address and a token signed with that key."""
    folder.mkdir()
    key = RSAKey.generate_key(2048, {"kid": "bench", "use": "sig", "alg": "RS256"})
    (folder / "token_keys").write_text(json.dumps({"keys": [key.as_dict(private=False)]}), encoding="utf-8")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    now = int(time.time())
    token = jwt.encode(
        {"alg": "RS256", "kid": "bench", "jku": f"{address}/token_keys"},
        {"iss": address, "aud": [CLIENT], "cid": CLIENT, "exp": now + TOKEN_SECONDS, "user_name": "bench", "scope": []},
        key,
    )
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with running(command, port, "/token_keys"):
        yield address, token


@contextmanager
def _application(server: Server, folder: Path, fill: str, more: Mapping[str, str] | None = None) -> Iterator[str]:
    database = f"cap_{folder.name}"
    server.psql(f"CREATE DATABASE {database}")
    credentials = {"host": "127.0.0.1", "port": server.port, "user": SUPERUSER, "password": "-", "database": database}
    port = free_port()
    environment = os.environ | {
        "NODE_ENV": "production",
        "PORT": str(port),
        "cds_requires_db_credentials": json.dumps(credentials),
        **(more or {}),
    }
    programs = folder.parent / "node_modules" / ".bin"
    subprocess.run([programs / "cds-deploy"], cwd=folder, env=environment, check=True, capture_output=True, timeout=120)
    server.psql(fill, database)
    server.psql("VACUUM ANALYZE", database)
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [programs / "cds-serve", "all"], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=said
        )
    try:
        _await_answer(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _await_answer(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(port, "/health"):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise BenchFailed(f"CAP did not start:\n{log.read_text(encoding='utf-8')}")
        time.sleep(0.1)
