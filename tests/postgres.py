"""A real PostgreSQL for the tests: started when the first test needs it, stopped when the last is done.

TEST_POSTGRESQL_BIN names the folder of `initdb` and `postgres`; without it they are looked for where Debian puts them
and where `pg_config` says. Any version from 14 on will do.
"""

import fcntl
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OLDEST = 14
SUPERUSER = "postgres"
START_SECONDS = 60

# A stop in mid-flight must recover, and that needs no fsync: only the loss of power does.
SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "max_connections": "200",
    "max_wal_senders": "4",
    "wal_level": "replica",
    "autovacuum_naptime": "5s",
}


class PostgresMissing(Exception):
    """There is no PostgreSQL to test with; says how to get one."""


def binaries() -> Path:
    """The folder with the programs of the newest PostgreSQL that can be found.

    Raises:
        PostgresMissing: there is none, or it is too old.
    """
    named = os.environ.get("TEST_POSTGRESQL_BIN")
    candidates = [Path(named)] if named else _installed()
    for folder in candidates:
        if all((folder / program).is_file() for program in ("initdb", "postgres", "pg_ctl")):
            version = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)
            number = re.search(r"(\d+)", version.stdout)
            if number is not None and int(number[1]) >= OLDEST:
                return folder
    raise PostgresMissing(
        f"No PostgreSQL {OLDEST} or later in {', '.join(map(str, candidates)) or 'any usual place'}. "
        "`scripts/postgresql` installs one where it may; TEST_POSTGRESQL_BIN names the folder of another's programs."
    )


def _installed() -> list[Path]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name.partition(".")[0]))
    for name in ("pg_config", "postgres"):
        program = shutil.which(name)
        if program is not None:
            found.append(Path(program).resolve().parent)
            if name == "pg_config":
                said = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=True)
                found.append(Path(said.stdout.strip()))
    return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def account() -> dict[str, Any]:
    """How to become someone else where this process is root, whom PostgreSQL refuses to serve."""
    if os.getuid() != 0:
        return {}
    for name in (SUPERUSER, "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise PostgresMissing("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`.")


@dataclass(frozen=True)
class Server:
    """A PostgreSQL with a folder of its own, on a port of loopback and a socket in that folder.

    Attributes:
        launcher: what to start its programs with, which then has to become another user where this process is root.
    """

    folder: Path
    port: int
    launcher: tuple[str, ...] = ()

    @classmethod
    def create(
        cls,
        folder: Path,
        settings: Mapping[str, str] = SETTINGS,
        *options: str,
        launcher: tuple[str, ...] = (),
    ) -> "Server":
        """Make an empty cluster, with more options of `initdb`; not started."""
        server = cls(folder, free_port(), launcher)
        server._own()
        common = ("-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        server.program("initdb", "-D", str(server.data), *common, *options)
        server._configure(settings)
        return server

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    def url(self, database: str = "postgres", user: str = SUPERUSER, port: int | None = None) -> str:
        """Where a client finds a database."""
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/{database}"

    def start(self) -> None:
        """Return when it answers."""
        self.control("start", "-l", str(self.folder / "log"), "-t", str(START_SECONDS), "-w")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` with a checkpoint, `immediate` as if it had crashed."""
        self.control("stop", "-m", mode, "-w")

    def kill(self) -> None:
        """End it as `kill -9` of the first process does; the others follow by themselves."""
        os.kill(self.pid, signal.SIGKILL)
        lock = self.data / "postmaster.pid"
        deadline = time.monotonic() + START_SECONDS
        while self.control("status", check=False) == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        lock.unlink(missing_ok=True)

    @property
    def pid(self) -> int:
        """Of the first process."""
        return int((self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])

    def control(self, action: str, *options: str, check: bool = True) -> int:
        """Run `pg_ctl`."""
        return self.program("pg_ctl", action, "-D", str(self.data), *options, check=check)

    def program(self, name: str, *arguments: str, check: bool = True) -> int:
        """Run one of PostgreSQL's own programs as the owner of the cluster; what it says is told when it fails."""
        command = [*self.launcher, str(binaries() / name), *arguments]
        owner = {} if self.launcher else account()
        with tempfile.TemporaryFile() as said:  # not a pipe: a server that goes on running would keep that open
            result = subprocess.run(command, stdout=said, stderr=said, check=False, cwd="/", **owner)
            said.seek(0)
            if check and result.returncode:
                log = self.folder / "log"
                tail = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.is_file() else ""
                raise RuntimeError(f"{' '.join(command)} failed:\n{said.read().decode(errors='replace')}\n{tail}")
        return result.returncode

    def psql(self, sql: str, database: str = "postgres", user: str = SUPERUSER) -> str:
        """Run statements and return what they print, one row a line, `|` between columns."""
        command = [
            str(binaries() / "psql"),
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            self.url(database, user),
        ]
        result = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(f"{sql[:500]}\n{result.stderr}")
        return result.stdout.rstrip("\n")

    def new_database(self, prefix: str = "test") -> str:
        """Create a database and return its name."""
        name = f"{prefix}_{uuid.uuid4().hex}"
        self.psql(f"CREATE DATABASE {name}")
        return name

    @contextmanager
    def database(self, prefix: str = "test") -> Iterator[str]:
        """A database for as long as the block lasts; what is still connected to it then is cut off."""
        name = self.new_database(prefix)
        try:
            yield name
        finally:
            self.psql(f"DROP DATABASE {name} WITH (FORCE)")

    def once(self, name: str, make: Callable[[str], None]) -> str:
        """A database that the processes of this test run share: whoever comes first makes what is in it."""
        with (self.folder / f"{name}.made").open("a+", encoding="ascii") as made:
            fcntl.flock(made, fcntl.LOCK_EX)
            if os.fstat(made.fileno()).st_size == 0:  # what another process wrote while this one waited counts
                self.psql(f"CREATE DATABASE {name}")
                make(name)
                made.write("made")
        return name

    @contextmanager
    def running(self) -> Iterator["Server"]:
        """Run it for as long as the block lasts."""
        self.start()
        try:
            yield self
        finally:
            if self.control("status", check=False) == 0:
                self.stop("immediate")

    def standby(self, folder: Path) -> "Server":
        """A replica that streams from this server, not started. With `synchronous_standby_names` it is waited for."""
        replica = Server(folder, free_port())
        replica._own()
        replica.program("pg_basebackup", "-D", str(replica.data), "-d", self.url(), "-R", "-X", "stream", "-c", "fast")
        replica._configure({})
        return replica

    def _own(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        owner = account()
        if owner:
            self.folder.chmod(0o711)
            os.chown(self.folder, owner["user"], owner["group"])

    def _configure(self, settings: Mapping[str, str]) -> None:
        own = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": str(self.folder)}
        lines = [f"{name} = '{value}'\n" for name, value in {**settings, **own}.items()]
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(lines)


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that a server of another user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="enrollscope-postgresql-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def own_server(settings: Mapping[str, str] = SETTINGS) -> Iterator[Server]:
    """A running server for one test alone, which may stop, crash and replace it."""
    with own_folder() as folder, Server.create(folder / "primary", settings).running() as server:
        yield server


@contextmanager
def shared_server() -> Iterator[Server]:
    """The one server of this test run: whoever comes first starts it, whoever leaves last stops and removes it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    folder = Path(tempfile.gettempdir()) / f"enrollscope-postgresql-{run}"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    lock_file = folder.with_name("enrollscope-postgresql.lock")
    with folder.with_suffix(".users").open("a") as users, lock_file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        server = _found_or_started(folder)
        fcntl.flock(lock, fcntl.LOCK_UN)
        try:
            yield server
        finally:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _stop_if_last(server, folder, users.fileno())


def _found_or_started(folder: Path) -> Server:
    port = folder / "port"
    if port.is_file():
        return Server(folder / "shared", int(port.read_text(encoding="ascii")))
    server = Server.create(folder / "shared")
    server.start()
    port.write_text(str(server.port), encoding="ascii")
    return server


def _stop_if_last(server: Server, folder: Path, users: int) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    server.stop("immediate")
    shutil.rmtree(folder)
    folder.with_suffix(".users").unlink()
