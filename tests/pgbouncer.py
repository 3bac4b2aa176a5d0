"""A real PgBouncer for the tests, in transaction mode and set up as the manual says, in front of a test's PostgreSQL.

TEST_PGBOUNCER names the program. Without it there may be two: the system's own, which may be too old to keep prepared
statements, and a newer one that `scripts/pgbouncer` unpacked.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.postgres import Server, account, free_port, own_folder
from tests.roles import EVENTS, statements

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "deploy" / "pgbouncer.ini"
MANUAL = ROOT / "docs" / "operate.md"
UNPACKED = ROOT / ".pgbouncer" / "pgbouncer"
PASSWORD = "only-for-tests"
KEEPING = (1, 21)
"""The first version that carries prepared statements from one connection to the server to the next."""
START_SECONDS = 10
NOTHING: Mapping[str, str] = {}


class PgBouncerMissing(Exception):
    """There is no PgBouncer to test with; says how to get one."""


@dataclass(frozen=True, slots=True)
class Program:
    """A PgBouncer that can be started."""

    path: Path
    version: tuple[int, int]


def programs() -> list[Program]:
    """Those that can be found, oldest first; the last one keeps prepared statements.

    Raises:
        PgBouncerMissing: there is none that does.
    """
    named = os.environ.get("TEST_PGBOUNCER")
    system = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    candidates = [Path(named)] if named else [UNPACKED, *([Path(system)] if system else [])]
    found = sorted(
        (Program(path, _version(path)) for path in candidates if path.is_file()), key=lambda program: program.version
    )
    if not found or found[-1].version < KEEPING:
        raise PgBouncerMissing(
            "No PgBouncer 1.21 or later. `scripts/pgbouncer` gets one where it may; "
            "TEST_PGBOUNCER names another's program."
        )
    return found


def _version(path: Path) -> tuple[int, int]:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    number = re.search(r"(\d+)\.(\d+)", said)
    if number is None:
        raise PgBouncerMissing(f"{path} does not say which version it is: {said}")
    return int(number[1]), int(number[2])


@dataclass(slots=True)
class Pooler:
    """A PgBouncer on a port of loopback, which knows one role by the secret that the server keeps of its password.

    Attributes:
        settings: what differs from deploy/pgbouncer.ini.
    """

    program: Program
    server: Server
    folder: Path
    role: str
    settings: Mapping[str, str]
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """Where a client finds a database."""
        return f"postgresql://{self.role}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Return when it answers."""
        secret = self.server.psql(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{self.role}'")  # noqa: S608
        (self.folder / "users").write_text(f'"{self.role}" "{secret}"\n', encoding="utf-8")
        configuration = self.folder / "pgbouncer.ini"
        with configuration.open("w", encoding="utf-8") as file:
            self._configuration().write(file)
        owner = account()  # it refuses to run as root, and drops that itself
        become = ["-u", pwd.getpwuid(owner["user"]).pw_name] if owner else []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program.path, *become, configuration], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._await_answer(self._process)

    def kill(self) -> None:
        """End it at once: whatever it was carrying is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _configuration(self) -> ConfigParser:
        """deploy/pgbouncer.ini, with this machine's addresses in it."""
        text = SHIPPED.read_text(encoding="utf-8")
        if self.program.version >= KEEPING:
            text = text.replace(";max_prepared_statements", "max_prepared_statements")
        configuration = ConfigParser(interpolation=None)
        configuration.read_string(text)
        own = {"listen_port": str(self.port), "auth_file": str(self.folder / "users"), "unix_socket_dir": ""}
        configuration["pgbouncer"].update({**own, **self.settings})
        configuration["databases"] = {"*": f"host=127.0.0.1 port={self.server.port}"}
        return configuration

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"PgBouncer did not come up:\n{(self.folder / 'log').read_text(encoding='utf-8')}")


def pooler_of(*, keeping: bool) -> tuple[Program, dict[str, str]]:
    """A program that keeps prepared statements, or the oldest there is; and the settings with which it does or not."""
    program = programs()[-1 if keeping else 0]
    return program, {} if keeping or program.version < KEEPING else {"max_prepared_statements": "0"}


@contextmanager
def pooling(
    server: Server,
    database: str,
    *,
    keeping: bool,
    limited: bool = True,
    settings: Mapping[str, str] = NOTHING,
    stored: Sequence[str] = EVENTS,
) -> Iterator[Pooler]:
    """Run a PgBouncer for as long as the block lasts, for a role with the rights of docs/operate.md in a database.

    Args:
        keeping: prepared statements.
        limited: the role has the limits of docs/operate.md.
        settings: what else differs from deploy/pgbouncer.ini.
        stored: the stored sets that the database has tables of.
    """
    role = f"pooled_{uuid.uuid4().hex}"
    server.psql("\n".join(statements(role, stored)), database)
    server.psql(f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
    program, own = pooler_of(keeping=keeping)
    try:
        if limited:
            server.psql(limits(role))
        with own_folder() as folder:
            pooler = Pooler(program, server, folder, role, own | dict(settings))
            try:
                pooler.start()
                yield pooler
            finally:
                pooler.kill()
    finally:
        server.psql(f"DROP OWNED BY {role}; DROP ROLE {role}", database)


def limits(role: str) -> str:
    """The statements of docs/operate.md that limit the role."""
    block = re.search(r"<!-- limits:begin -->\s*```sql\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    if block is None:
        raise AssertionError("docs/operate.md has no limits")
    return block[1].replace("enrollscope_service", role)
