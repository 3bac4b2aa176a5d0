import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from enrollscope.store.base import Store, StoreRefused
from enrollscope.store.opening import migrate_store, open_store
from tests.conformance.conftest import SNAPSHOT
from tests.conformance.library import LIBRARY
from tests.store.disk import failing_disk

NOBODY = 65_534


def library_at(path: Path) -> Store:
    """A store of the library, not started."""
    return open_store(f"sqlite:///{path}", LIBRARY, history=SNAPSHOT)


def make(path: Path) -> None:
    """Make an empty store."""
    migrate_store(f"sqlite:///{path}", LIBRARY, history=SNAPSHOT)


def change(path: Path, *statements: str) -> None:
    """Do something to a database that the store would not do."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def text_file(path: Path) -> None:
    """A text."""
    path.write_text("Dear diary, this is no database. " * 50)


def other_database(path: Path) -> None:
    """Somebody's recipes."""
    change(path, "CREATE TABLE recipes (name TEXT)", "INSERT INTO recipes VALUES ('soup')")


def other_application(path: Path) -> None:
    """An empty database that another program marked as its own."""
    change(path, "PRAGMA application_id = 1234")


def newer_version(path: Path) -> None:
    """A store of a version that does not exist yet."""
    make(path)
    change(path, "UPDATE alembic_version SET version_num = '9999'")


def without_revision(path: Path) -> None:
    """A store whose revision was lost."""
    make(path)
    change(path, "DROP TABLE alembic_version")


def torn(path: Path) -> None:
    """A store whose pages were overwritten."""
    make(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        pytest.param(text_file, "is not an SQLite database", id="not-a-database"),
        pytest.param(other_database, "of another program", id="another-program"),
        pytest.param(other_application, "of another program", id="another-application-id"),
        pytest.param(newer_version, "newer version", id="newer-version"),
        pytest.param(without_revision, "damaged", id="revision-missing"),
        pytest.param(torn, "damaged", id="torn"),
    ],
)
async def test_a_file_that_cannot_be_ours_is_left_alone(
    tmp_path: Path, prepare: Callable[[Path], None], says: str
) -> None:
    """Starting on it, and asking it for a secret, are refused with its name; not one byte of it changes."""
    path = tmp_path / "some.db"
    prepare(path)
    before = path.read_bytes()
    for attempt in (library_at(path).start, lambda: library_at(path).secret("name", lambda: "value")):
        with pytest.raises(StoreRefused) as refusal:
            await attempt()
        assert says in str(refusal.value)
        assert str(path) in str(refusal.value)
    assert path.read_bytes() == before


async def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """A file of no bytes is nobody's, and so is a database with nothing in it."""
    empty, blank = tmp_path / "empty.db", tmp_path / "blank.db"
    empty.touch()
    change(blank, "CREATE TABLE t (a)", "DROP TABLE t")
    for path in (empty, blank):
        store = library_at(path)
        await store.start()
        await store.check()
        await store.close()


async def test_a_new_store_is_its_owners_alone(tmp_path: Path) -> None:
    """The file holds keys, and so do those beside it: nobody else may read them. Missing folders are made."""
    path = tmp_path / "a" / "b" / "library.db"
    store = library_at(path)
    await store.start()
    files = ["library.db", "library.db-shm", "library.db-wal", "library.db.lock"]
    assert sorted(item.name for item in path.parent.iterdir()) == files
    assert not any((path.parent / name).stat().st_mode & 0o077 for name in files)
    assert path.parent.stat().st_mode & 0o077 == 0
    await store.close()


async def test_a_folder_is_no_store(tmp_path: Path) -> None:
    """A folder in the place of the file is refused, and a file that would do is named."""
    with pytest.raises(StoreRefused, match="is a folder"):
        await library_at(tmp_path).start()


async def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """A file in the place of the folder is refused."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreRefused, match="Cannot create"):
        await library_at(tmp_path / "file" / "library.db").start()


@dataclass(frozen=True)
class Unprivileged:
    """A folder that belongs to whom the process is meanwhile: root may do everything, so root becomes nobody."""

    folder: Path


@pytest.fixture
def unprivileged() -> Iterator[Unprivileged]:
    """Be a user for whom permissions count."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    try:
        if root:
            os.chown(folder, NOBODY, -1)
            os.seteuid(NOBODY)
        yield Unprivileged(folder)
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


@pytest.mark.parametrize("existing", [pytest.param(True, id="existing-store"), pytest.param(False, id="new-store")])
async def test_a_read_only_folder_is_refused(unprivileged: Unprivileged, existing: bool) -> None:
    """A folder that takes no files is named, with what to do, and nothing in it changes."""
    path = unprivileged.folder / "library.db"
    if existing:
        make(path)
    before = path.read_bytes() if existing else None
    unprivileged.folder.chmod(0o500)
    with pytest.raises(StoreRefused, match="must be writable"):
        await library_at(path).start()
    assert (path.read_bytes() if path.exists() else None) == before


async def test_a_read_only_file_is_refused(unprivileged: Unprivileged) -> None:
    """A file that cannot be written is named, and left as it is."""
    path = unprivileged.folder / "library.db"
    make(path)
    path.chmod(0o400)
    before = path.read_bytes()
    with pytest.raises(StoreRefused, match="cannot be read and written by this user"):
        await library_at(path).start()
    assert path.read_bytes() == before


HOLDER = """
import asyncio, sys
from enrollscope.store.opening import open_store
from tests.conformance.conftest import SNAPSHOT
from tests.conformance.library import LIBRARY

async def hold():
    store = open_store(sys.argv[1], LIBRARY, history=SNAPSHOT)
    await store.start()
    print("started", flush=True)
    await asyncio.sleep(600)

asyncio.run(hold())
"""


@pytest.mark.slow
def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """One process serves a store; the second learns which one does. When that one is killed, the store is free."""
    path = tmp_path / "library.db"
    command = [sys.executable, "-c", HOLDER, f"sqlite:///{path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "started\n"
            with pytest.raises(StoreRefused, match=f"in use by process {holder.pid}"):
                asyncio.run(library_at(path).start())
            assert asyncio.run(library_at(path).secret("name", lambda: "value")) == "value"
        finally:
            holder.kill()
    assert asyncio.run(started_secret(path)) == "value"


async def started_secret(path: Path) -> str:
    """Start a store, ask it for its secret, and close it."""
    store = library_at(path)
    await store.start()
    try:
        return await store.secret("name", lambda: "other")
    finally:
        await store.close()


LIMITED = """
import asyncio, resource, sys
from enrollscope.store.base import StoreRefused
from enrollscope.store.opening import open_store
from tests.conformance.conftest import SNAPSHOT
from tests.conformance.library import LIBRARY

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
store = open_store(sys.argv[1], LIBRARY, history=SNAPSHOT)
try:
    asyncio.run(store.start() if sys.argv[3] == "start" else store.secret("name", lambda: "value"))
except StoreRefused as refusal:
    print(refusal)
"""


@pytest.mark.slow
@pytest.mark.parametrize("existing", [pytest.param(True, id="existing-store"), pytest.param(False, id="new-store")])
@pytest.mark.parametrize("action", [pytest.param("start", id="start"), pytest.param("secret", id="secret")])
def test_a_disk_that_takes_no_more_is_refused(tmp_path: Path, existing: bool, action: str) -> None:
    """Where nothing can be written any more, starting is refused, the file is unharmed, and works when it is let."""
    path = tmp_path / "library.db"
    if existing:
        make(path)
    before = path.read_bytes() if existing else b""
    command = [sys.executable, "-c", LIMITED, f"sqlite:///{path}", "5000", action]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "library.db" in said
    assert "Traceback" not in said
    assert path.read_bytes() == before
    make(path)


async def test_a_full_disk_is_told_from_a_broken_one(tmp_path: Path) -> None:
    """Without space the remedy is space."""
    with failing_disk() as disk:
        disk.full = True
        with pytest.raises(StoreRefused, match="no space left"):
            await library_at(tmp_path / "library.db").secret("name", lambda: "value")


SECOND = "UPDATE alembic_version SET version_num = 'second'"


@dataclass(frozen=True)
class TwoSteps:
    """A history whose second revision adds a table, or fails half-way."""

    step: str = "CREATE TABLE added (a TEXT) STRICT;"

    @property
    def revisions(self) -> tuple[str, ...]:
        """The revision of the snapshot, and one more."""
        return (*SNAPSHOT.revisions, "second")

    def upgrade(self, current: str | None, dialect: str) -> str:
        """Create, and go on."""
        return f"{SNAPSHOT.upgrade(current, dialect)} {self.step} {SECOND};"


async def test_an_older_store_is_brought_up_to_date(tmp_path: Path) -> None:
    """A store at a known older revision is migrated when it is started, and keeps what it has."""
    path = tmp_path / "library.db"
    old = library_at(path)
    await old.secret("name", lambda: "value")
    new = open_store(f"sqlite:///{path}", LIBRARY, history=TwoSteps())
    await new.start()
    assert await new.secret("name", lambda: "other") == "value"
    await new.check()
    await new.close()
    with pytest.raises(StoreRefused, match="newer version"):
        await old.start()


async def test_a_failed_migration_changes_nothing(tmp_path: Path) -> None:
    """Migrating is one transaction: when a step fails, the store stays at the revision it had."""
    path = tmp_path / "library.db"
    make(path)
    broken = TwoSteps("CREATE TABLE added (a TEXT) STRICT; CREATE TABLE added (a TEXT) STRICT;")
    with pytest.raises(Exception, match="already exists"):
        await open_store(f"sqlite:///{path}", LIBRARY, history=broken).start()
    store = library_at(path)
    await store.start()
    await store.close()
