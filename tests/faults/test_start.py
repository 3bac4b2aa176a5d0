"""What the service must refuse to start on: it says what is wrong and what would be right, and leaves all as it is."""

import socket
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.launching import obeying_modes, with_disk_of
from tests.serving import run_command, running, serving, sqlite_url

pytestmark = pytest.mark.slow

STORE = "store.db"
Making = Callable[[Path, bytes], None]
"""Puts something into a folder, given the bytes of a store as the product makes it."""


@dataclass(frozen=True, slots=True)
class Bytes:
    """Every file below a folder with its content, to compare."""

    files: dict[Path, bytes]

    @classmethod
    def below(cls, folder: Path) -> "Bytes":
        """Read them all."""
        return cls({path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()})

    def assert_untouched(self, folder: Path) -> None:
        """Everything is as it was; the file of a lock may be new, and what SQLite keeps beside a database it reads."""
        now = Bytes.below(folder).files
        assert {path: now.get(path) for path in self.files} == self.files
        new = {path.suffix: content for path, content in now.items() if path not in self.files}
        assert new.keys() <= {".lock", ".db-shm", ".db-wal"}
        assert new.get(".db-wal", b"") == b""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store as the product makes it."""
    database = tmp_path_factory.mktemp("good") / STORE
    assert run_command("migrate", "--database", sqlite_url(database)).returncode == 0
    return database.read_bytes()


def nothing(folder: Path, _: bytes) -> None:
    """Leave the folder empty."""
    assert list(folder.iterdir()) == []


def store(folder: Path, good: bytes) -> None:
    """Put a good store there."""
    (folder / STORE).write_bytes(good)


def text(folder: Path, _: bytes) -> None:
    """Put a short text file there."""
    (folder / STORE).write_text("Shopping list: milk, bread\n", encoding="utf-8")


def noise(folder: Path, _: bytes) -> None:
    """Put a file there that is as long as a database, and none."""
    (folder / STORE).write_bytes(bytes(number * 7 % 251 for number in range(20_000)))


def foreign(folder: Path, _: bytes) -> None:
    """Put a database of another program there."""
    with closing(sqlite3.connect(folder / STORE)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def foreign_and_versioned(folder: Path, good: bytes) -> None:
    """Put a database of another program there that keeps its migrations with the same tool as we do."""
    foreign(folder, good)
    with closing(sqlite3.connect(folder / STORE)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")


def newer(folder: Path, good: bytes) -> None:
    """Put a store there whose tables a later version of the product has changed."""
    store(folder, good)
    with closing(sqlite3.connect(folder / STORE)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def truncated(folder: Path, good: bytes) -> None:
    """Put a store there that lost its end."""
    store(folder, good[:5_000])


def a_folder(folder: Path, _: bytes) -> None:
    """Put a folder in the place of the store."""
    (folder / STORE).mkdir()


STORES = [
    pytest.param(text, {}, "is not an SQLite database", "another --database", id="text"),
    pytest.param(noise, {}, "is not an SQLite database", "another --database", id="noise"),
    pytest.param(foreign, {}, "is an SQLite database of another program", "another --database", id="foreign"),
    pytest.param(
        foreign_and_versioned, {}, "database of another program", "another --database", id="foreign-versioned"
    ),
    pytest.param(newer, {}, "newer version", "install the newer version", id="newer"),
    pytest.param(truncated, {}, "is damaged", "from a backup", id="truncated"),
    pytest.param(a_folder, {}, "is a folder", "Name a file in it", id="folder"),
    pytest.param(nothing, {".": 0o500}, "Permission denied", "must be writable", id="closed-folder"),
    pytest.param(store, {".": 0o500}, "readonly", "must be writable", id="store-in-closed-folder"),
    pytest.param(store, {STORE: 0o400}, "cannot be read and written", "owner or mode", id="read-only-store"),
    pytest.param(store, {STORE: 0}, "cannot be read and written", "owner or mode", id="unreadable-store"),
]


@contextmanager
def closed(folder: Path, modes: dict[str, int]) -> Iterator[None]:
    """Set modes of a folder and what is in it, for the time of the block."""
    former = {name: (folder / name).stat().st_mode for name in modes}
    try:
        for name, mode in modes.items():
            (folder / name).chmod(mode)
        yield
    finally:
        for name, mode in former.items():
            (folder / name).chmod(mode)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("serve", "--port", "0"), id="serve"),
        pytest.param(("migrate",), id="migrate"),
        pytest.param(("token",), id="token"),
    ],
)
@pytest.mark.parametrize(("make", "modes", "problem", "remedy"), STORES)
def test_an_unusable_store_is_left_as_it_is(
    tmp_path: Path, good: bytes, command: Sequence[str], make: Making, modes: dict[str, int], problem: str, remedy: str
) -> None:
    """Whatever lies where the store should be: one message with its path and a remedy, status 1, no byte changed."""
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder, good)
    before = Bytes.below(folder)
    with closed(folder, modes):
        result = run_command(*command, "--database", sqlite_url(folder / STORE), launcher=obeying_modes())
    assert (result.returncode, result.stdout) == (1, "")
    assert str(folder / STORE) in result.stderr
    assert problem in result.stderr
    assert remedy in result.stderr
    assert "Traceback" not in result.stderr
    before.assert_untouched(folder)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("serve", "--port", "0"), id="serve"),
        pytest.param(("migrate",), id="migrate"),
        pytest.param(("token",), id="token"),
    ],
)
def test_a_place_where_nothing_can_be_made_is_named(command: Sequence[str]) -> None:
    """Not even root can make a folder among the processes; the message says where it was tried."""
    result = run_command(*command, "--database", "sqlite:////proc/enrollscope/store.db")
    assert (result.returncode, result.stdout) == (1, "")
    assert "Cannot create /proc/enrollscope" in result.stderr
    assert "another place with --database" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_first_start_makes_its_place(tmp_path: Path) -> None:
    """A new user has no folder for data yet: it is made, and neither it nor the store can be read by others."""
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": ""}
    log = tmp_path / "log"
    with running(log=log, settings=home):
        (store,) = tmp_path.rglob("enrollscope.db")
        assert str(store) in log.read_text(encoding="utf-8")
        assert [path.stat().st_mode & 0o077 for path in (store.parent, store)] == [0, 0]
        assert len(run_command("token", settings=home).stdout.split()) == 1


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(0, id="not-a-byte"),
        pytest.param(1_000, id="less-than-a-page"),
        pytest.param(20_000, id="less-than-the-tables"),
    ],
)
def test_a_full_disk_is_reported(tmp_path: Path, size: int) -> None:
    """Without room for a new store the service does not start; it does as soon as there is room."""
    database = tmp_path / STORE
    result = run_command("serve", "--port", "0", "--database", sqlite_url(database), launcher=with_disk_of(size))
    assert (result.returncode, result.stdout) == (1, "")
    assert str(database) in result.stderr
    assert "Traceback" not in result.stderr
    with serving(database) as served:
        assert served.stop() == 0


def test_a_second_service_on_a_store_is_refused(tmp_path: Path) -> None:
    """One process serves a store: the second hears which one, and the first serves on; tokens can still be had."""
    database = tmp_path / STORE
    with serving(database) as served:
        before = {path: path.read_bytes() for path in (database, database.with_name(f"{STORE}-wal"))}
        result = run_command("serve", "--port", "0", "--database", sqlite_url(database))
        assert (result.returncode, result.stdout) == (1, "")
        assert f"{database} is in use by process {served.process.pid}." in result.stderr
        assert "another --database" in result.stderr
        assert "Traceback" not in result.stderr
        assert {path: path.read_bytes() for path in before} == before
        assert len(served.token().split()) == 1
        assert served.stop() == 0
    with serving(database) as served:
        assert served.stop() == 0


def test_a_second_service_by_a_link_is_refused(tmp_path: Path) -> None:
    """Whatever link names it, it is the same store: one service has it."""
    database, link = tmp_path / STORE, tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    with serving(database) as served:
        link.symlink_to(database)
        result = run_command("serve", "--port", "0", "--database", sqlite_url(link))
        assert (result.returncode, result.stdout) == (1, "")
        assert f"is in use by process {served.process.pid}." in result.stderr
        assert served.stop() == 0
    with serving(link) as served:
        assert served.stop() == 0


def test_a_store_with_two_names_is_refused(tmp_path: Path) -> None:
    """SQLite would keep a write-ahead log for each name of a hard link, and lose one of them."""
    database, other = tmp_path / STORE, tmp_path / "other.db"
    with serving(database) as served:
        other.hardlink_to(database)
        result = run_command("serve", "--port", "0", "--database", sqlite_url(other))
        assert (result.returncode, result.stdout) == (1, "")
        assert f"{other} has another name" in result.stderr
        assert "Traceback" not in result.stderr
        other.unlink()
        assert served.stop() == 0
    with serving(database) as served:
        assert served.stop() == 0


def test_the_lock_of_a_service_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    """The kernel lets go of it, whatever lies in the file."""
    database = tmp_path / STORE
    with serving(database) as served:
        served.kill()
    with serving(database) as served:
        assert served.stop() == 0


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """The message names the port and the option; the store is not even created."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run_command("serve", "--port", str(port), "--database", sqlite_url(tmp_path / STORE))
    assert (result.returncode, result.stdout) == (1, "")
    assert f"127.0.0.1:{port}" in result.stderr
    assert "in use" in result.stderr
    assert "--port or ENROLLSCOPE_PORT" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "says"),
    [
        pytest.param(("--host", "0.0.0.0"), {}, 1, ["0.0.0.0", "--issuer", "127.0.0.1"], id="open-to-the-world"),
        pytest.param(("--host", "::"), {}, 1, ["::", "--issuer", "127.0.0.1"], id="open-to-the-world-6"),
        pytest.param((), {"ENROLLSCOPE_PROT": "1"}, 1, ["ENROLLSCOPE_PROT", "ENROLLSCOPE_PORT"], id="unknown-variable"),
        pytest.param((), {"ENROLLSCOPE_PORT": "http"}, 1, ["ENROLLSCOPE_PORT", "65535"], id="wrong-variable"),
        pytest.param(("--prot", "1"), {}, 2, ["--prot", "--port"], id="unknown-option"),
        pytest.param(("--page-size", "0"), {}, 1, ["--page-size", "from 1 to"], id="wrong-option"),
        pytest.param(("--workers", "2"), {}, 1, ["--workers 2", "PostgreSQL"], id="two-writers-of-a-file"),
        pytest.param(("--issuer", "https://login.example/t"), {}, 1, ["--audience"], id="issuer-without-audience"),
        pytest.param(("--database", "sqlite:///:memory:"), {}, 1, ["--database", "names no file"], id="no-file"),
        pytest.param(("--database", "events.db"), {}, 1, ["--database", "sqlite:///"], id="no-url"),
        pytest.param(
            ("--issuer", "http://127.0.0.1:1/t", "--audience", "a"),
            {},
            1,
            ["http://127.0.0.1:1/t/.well-known/openid-configuration", "cannot be read"],
            id="provider-out-of-reach",
        ),
    ],
)
def test_wrong_settings_are_refused(
    tmp_path: Path, arguments: Sequence[str], settings: dict[str, str], status: int, says: list[str]
) -> None:
    """A service that cannot mean what it was told does not start; the message names the setting and what is right."""
    defaults = ("--port", "0") if "ENROLLSCOPE_PORT" not in settings else ()
    database = sqlite_url(tmp_path / STORE)
    result = run_command("serve", *defaults, "--database", database, *arguments, settings=settings)
    assert (result.returncode, result.stdout) == (status, "")
    assert [word for word in says if word not in result.stderr] == []
    assert "Traceback" not in result.stderr
