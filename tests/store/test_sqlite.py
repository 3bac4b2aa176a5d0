import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from enrollscope.odata.edm.layout import VERSION
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import BadRequest, OutcomeUnknown, ServiceUnavailable
from enrollscope.odata.plan.bound import (
    Arithmetic,
    Bound,
    Column,
    Compare,
    Comparison,
    Field,
    Negate,
    Null,
    Operator,
    Parameter,
)
from enrollscope.odata.plan.commands import Actor, Create, Update
from enrollscope.odata.plan.queries import Aggregation, Group, Method, Order, Paging, Query
from enrollscope.store.base import Store, Written
from enrollscope.store.opening import open_store
from enrollscope.store.sqlite_frames import Assignment
from enrollscope.store.sqlite_turns import Brief, Late, Unpromising
from enrollscope.store.sqlite_writer import Writer
from tests.conformance.conftest import SNAPSHOT
from tests.conformance.library import LAYOUT, LIBRARY
from tests.promises import read, write
from tests.store.disk import failing_disk

ACTOR = Actor("tenant", None, "app", "token", "request", 1)
TYPES = frozenset(LAYOUT.types)
ASIDE = Paging((), 1)
KILLS_ITSELF = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.store.test_sqlite import book, library_at

async def main():
    store = library_at(Path(sys.argv[1]))
    await store.start()
    await store.write(book("w1"))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def library_at(path: Path) -> Store:
    """A store of the library, not started."""
    return open_store(f"sqlite:///{path}", LIBRARY, history=SNAPSHOT)


def book(key: str, pages: int = 1, **properties: str) -> Create:
    """Put a book in."""
    return Create(ACTOR, "works", key, "book", {"issued": Instant(7), "pages": pages} | properties)


def change(key: str, pages: int) -> Update:
    """Change a book."""
    return Update(ACTOR, "works", key, TYPES, (), {"pages": pages})


def left_in(folder: Path) -> list[str]:
    """The names of the files in a folder."""
    return sorted(item.name for item in folder.iterdir())


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A started store."""
    opened = library_at(tmp_path / "library.db")
    await opened.start()
    yield opened
    await opened.close()


async def test_closing_leaves_one_file(tmp_path: Path) -> None:
    """What was in the write-ahead log is in the file, and the log is gone; closing again does nothing."""
    path = tmp_path / "library.db"
    store = library_at(path)
    await store.start()
    await store.write(book("w1"))
    await store.close()
    await store.close()
    assert left_in(tmp_path) == ["library.db", "library.db.lock"]
    again = library_at(path)
    await again.start()
    assert await again.read("tenant", "works", "w1") is not None
    await again.close()


async def test_who_heard_of_a_commit_reads_it(tmp_path: Path) -> None:
    """Reads of one turn of the event loop share a snapshot, which is never older than an answer to a write."""
    store = library_at(tmp_path / "library.db")
    await store.start()
    await store.write(book("1"))

    async def change_and_read(pages: int) -> bool:
        version = (await store.write(change("1", pages))).record[VERSION]
        read = await store.read("tenant", "works", "1")
        return read is not None and read[VERSION] >= version

    rounds = [asyncio.gather(*(change_and_read(number * 20 + each) for each in range(20))) for number in range(10)]
    assert all([all(await one) for one in rounds])
    await store.close()


async def test_a_store_closes_in_the_turn_of_a_read(tmp_path: Path) -> None:
    """A read transaction that ends with the turn does not keep the store from closing in it."""
    store = library_at(tmp_path / "library.db")
    await store.start()
    await store.write(book("1"))
    assert await store.read("tenant", "works", "1") is not None
    await store.close()
    assert left_in(tmp_path) == ["library.db", "library.db.lock"]


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    """Before the start and after the end there is a clear refusal, not a failure."""
    store = library_at(tmp_path / "library.db")
    asked = (read(store, "t", "works", "k"), write(store, book("w1")))
    for attempt in (store.check(), *asked, store.changes("t", 0, 1)):
        with pytest.raises(ServiceUnavailable):
            await attempt


@pytest.mark.slow
@pytest.mark.parametrize("fault", [pytest.param("full", id="no-space"), pytest.param("broken", id="io-error")])
async def test_a_failed_commit_is_never_answered_as_done(tmp_path: Path, fault: str) -> None:
    """When the disk fails the batch is refused, nothing of it is there, and the writer works again."""
    path = tmp_path / "library.db"
    store = library_at(path)
    await store.start()
    await store.write(book("w0"))
    await store.close()
    with failing_disk() as disk:
        writer = Writer(Assignment(path, LIBRARY))
        setattr(disk, fault, True)
        with pytest.raises(ServiceUnavailable) as refused:
            writer.commit([book("w1"), change("w0", 2), book("w2")])
        assert refused.value.headers["Retry-After"].isdigit()
        setattr(disk, fault, False)
        again = writer.commit([book("w1"), change("w0", 3)])
        assert [item.record[VERSION] for item in again if isinstance(item, Written)] == [1, 2]
        writer.close()
    await store.start()
    assert [item.key for item in await store.changes("tenant", 0, 10)] == ["w0", "w1", "w0"]
    await store.close()


def processes_of(path: Path) -> list[int]:
    """The processes that have a file open, this one aside."""
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it has ended, or is not ours to look into
            if folder.name.isdigit() and any(link.resolve() == path for link in (folder / "fd").iterdir()):
                found.append(int(folder.name))
    return [number for number in found if number != os.getpid()]


async def test_a_writer_that_dies_is_replaced(store: Store, tmp_path: Path) -> None:
    """What was under way is told to be unknown, and the next change finds another process that writes."""
    await store.write(book("w1"))
    (writer,) = processes_of(tmp_path / "library.db")
    os.kill(writer, signal.SIGSTOP)
    changing = [asyncio.ensure_future(store.write(change("w1", pages))) for pages in (2, 3)]
    await asyncio.sleep(0.05)
    os.kill(writer, signal.SIGKILL)
    outcomes = await asyncio.gather(*changing, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown, OutcomeUnknown]
    assert (await store.write(change("w1", 4))).record[VERSION] == 2
    assert processes_of(tmp_path / "library.db") not in ([], [writer])


@pytest.mark.slow
async def test_the_writer_ends_with_its_service(tmp_path: Path) -> None:
    """A service that ends in whatever way leaves no process behind, and the store free for the next."""
    path = tmp_path / "library.db"
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLS_ITSELF, str(path))
    assert await killed.wait() == -signal.SIGKILL
    store = library_at(path)
    await store.start()
    assert await store.read("tenant", "works", "w1") is not None
    await store.close()
    assert processes_of(path) == []


async def test_readers_do_not_wait_for_a_writer(store: Store, tmp_path: Path) -> None:
    """While another process holds the write lock, reading goes on and writing waits its turn."""
    await store.write(book("w1"))
    other = apsw.Connection(str(tmp_path / "library.db"))
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.ensure_future(store.write(change("w1", 2)))
    await asyncio.sleep(0.05)
    assert await store.read("tenant", "works", "w1") is not None
    assert await store.count("tenant", Query("works", None, ()), ASIDE) == 1
    assert not writing.done()
    other.execute("ROLLBACK")
    other.close()
    assert isinstance(await asyncio.wait_for(writing, 10), Written)


async def ask_slowly(store: Store) -> tuple[Query, list[asyncio.Task[int]]]:
    """Ask a question that takes its time, more often than there are readers."""
    for first in range(0, 4_000, 1_000):  # one tenant may have no more of them waiting
        await asyncio.gather(*(store.write(book(f"w{number}", number)) for number in range(first, first + 1_000)))
    slow: Bound = Column("pages", Primitive.INT32)
    for number in range(60):
        slow = Arithmetic(Operator.ADD, slow, Parameter(number, Primitive.INT32), Primitive.INT32)
    query = Query("works", Compare(Comparison.LT, slow, Parameter(0, Primitive.INT32)), ())
    asked = [asyncio.create_task(store.count("tenant", query, Paging((0,) * 60, 1))) for _ in range(40)]
    await asyncio.sleep(0.2)
    return query, asked


async def test_readiness_and_keys_do_not_wait_for_questions(store: Store) -> None:
    """While questions keep every reader, the store says that it is ready and gives what is asked by its key."""
    _, asked = await ask_slowly(store)
    await store.check()
    assert await store.read("tenant", "works", "w1") is not None
    assert not any(task.done() for task in asked[-10:])
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)


async def test_a_question_nobody_waits_for_is_stopped(store: Store) -> None:
    """A cancelled question does not keep a reader: the next ones are answered long before it would have ended."""
    query, asked = await ask_slowly(store)
    assert not all(task.done() for task in asked)
    begun = time.perf_counter()
    for task in asked:
        task.cancel()
    await asyncio.wait_for(store.count("tenant", Query("works", None, ()), ASIDE), 10)
    waited = time.perf_counter() - begun
    await asyncio.gather(*asked, return_exceptions=True)
    alone = time.perf_counter()
    await store.count("tenant", query, Paging((0,) * 60, 1))
    assert waited < 5 * (time.perf_counter() - alone)


def numbers(connection: apsw.Connection, last: int) -> list[tuple[Any, ...]]:
    """Count, for as long as that takes."""
    counting = "WITH RECURSIVE c (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT max(n) FROM c"
    return connection.execute(counting, (last,)).fetchall()


def test_a_long_question_is_given_back_at_once() -> None:
    """What takes no time is answered; what takes long is stopped in milliseconds, and the next question is asked."""
    brief = Brief(apsw.Connection(":memory:"))
    assert brief.ask(lambda connection: numbers(connection, 10)) == [(10,)]
    begun = time.perf_counter()
    with pytest.raises(Late):
        brief.ask(lambda connection: numbers(connection, 10**9))
    assert time.perf_counter() - begun < 1
    assert brief.ask(lambda connection: numbers(connection, 10)) == [(10,)]
    brief.close()


def test_what_was_tried_in_vain_is_left_alone_a_hundred_times() -> None:
    """A kind that did not keep its promise is passed over a hundred times, the others are not."""
    unpromising = Unpromising()
    unpromising.add("vain")
    assert [unpromising.passes("vain") for _ in range(101)] == [True] * 100 + [False]
    assert "vain" not in unpromising
    assert not unpromising.passes("other")


async def test_what_is_nested_too_deep_is_refused(store: Store) -> None:
    """Depth beyond what can be translated is the client's error, and the next question is answered."""
    deep: Bound = Column("pages", Primitive.INT32)
    for _ in range(400):
        deep = Negate(deep, Primitive.INT32)
    with pytest.raises(BadRequest, match="nested deeper"):
        await store.count("tenant", Query("works", Compare(Comparison.EQ, deep, Null()), ()), ASIDE)
    assert await store.count("tenant", Query("works", None, ()), ASIDE) == 0


LIGHT_START = """
import asyncio, sys
from enrollscope.model.events import SCHEMA
from enrollscope.store.opening import open_store

async def main():
    store = open_store(sys.argv[1], SCHEMA)
    await store.start()
    await store.read("tenant", "events", "key")
    await store.check()
    print(sorted({"alembic", "sqlalchemy"} & set(sys.modules)))
    await store.close()

asyncio.run(main())
"""


@pytest.mark.slow
def test_an_up_to_date_store_starts_light(tmp_path: Path) -> None:
    """Serving an existing store by key imports neither Alembic nor SQLAlchemy, which take over a second together."""
    command = [sys.executable, "-c", LIGHT_START, f"sqlite:///{tmp_path}/events.db"]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)]
    assert said == ["['alembic', 'sqlalchemy']", "[]"]


async def test_what_questions_need_is_loaded_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is closed while it still loads things closes all the same."""
    monkeypatch.setattr("enrollscope.store.sqlite._WARM_UP_SECONDS", 0.0)
    store = library_at(tmp_path / "library.db")
    await store.start()
    await asyncio.sleep(0)
    await store.close()


WRITER = """
import asyncio, itertools, sys
from enrollscope.odata.plan.commands import Actor, Create, Update
from enrollscope.odata.edm.values import Instant
from enrollscope.store.opening import open_store
from tests.conformance.conftest import SNAPSHOT
from tests.conformance.library import LAYOUT, LIBRARY

ACTOR = Actor("tenant", None, "app", "token", "request", 1)

async def main():
    store = open_store(sys.argv[1], LIBRARY, history=SNAPSHOT)
    await store.start()

    async def write(name):
        await store.write(Create(ACTOR, "works", name, "book", {"issued": Instant(1), "pages": 0}))
        for number in itertools.count(1):
            update = Update(ACTOR, "works", name, frozenset(LAYOUT.types), (), {"pages": number})
            written = await store.write(update)
            print(name, written.record[2], flush=True)

    await asyncio.gather(*(write(f"w{number}") for number in range(16)))

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("round_", [pytest.param(number, id=str(number)) for number in range(3)])
def test_every_answered_change_survives_a_kill(tmp_path: Path, round_: int) -> None:
    """A process killed in the middle of writing has kept all it answered; entities and log agree to the last change."""
    path = tmp_path / "library.db"
    answered: dict[str, int] = {}
    command = [sys.executable, "-c", WRITER, f"sqlite:///{path}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for count, line in enumerate(writer.stdout):
            if count == 1_000 + 777 * round_:
                writer.kill()
            if line.endswith("\n"):
                name, version = line.split()
                answered[name] = int(version)
    asyncio.run(compare(path, answered))


async def compare(path: Path, answered: dict[str, int]) -> None:
    """Hold what was answered against what is there, and the entities against the log."""
    store = library_at(path)
    await store.start()
    entries = await store.changes("tenant", 0, 1_000_000)
    latest = {entry.key: entry for entry in entries}
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    for name, version in answered.items():
        record = await store.read("tenant", "works", name)
        assert record is not None
        assert record[VERSION] >= version
        assert latest[name].version == record[VERSION]
        assert latest[name].after["pages"] == LAYOUT.value(record, "pages")
    assert len(answered) == 16
    await store.close()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [pytest.param("cramped", id="no-folder"), pytest.param("full", id="no-space")])
async def test_much_is_sorted_where_there_is_place(tmp_path: Path, fault: str) -> None:
    """What is too much to sort at a time goes on in temporary files, and in memory where there can be none."""
    title = Column("title", Primitive.STRING)
    groups = Group((title,), (Aggregation(Method.COUNT, None, Primitive.INT64),))
    query = Query("works", None, (Order(Field(0, Primitive.STRING)),), steps=(groups,))
    with failing_disk() as disk:
        store = library_at(tmp_path / "library.db")
        await store.start()
        for hundred in range(30):
            titles = {f"w{number}": f"{number:0999}" for number in range(hundred * 100, hundred * 100 + 100)}
            await asyncio.gather(*(store.write(book(key, title=text)) for key, text in titles.items()))
        setattr(disk, fault, True)
        page = await store.fetch("tenant", query, Paging((), 2, total=True))
        assert [(row[0].lstrip("0"), row[1], page.total) for row in page.records] == [("", 1, 3_000), ("1", 1, 3_000)]
        assert await store.count("tenant", query, Paging((), 2)) == 3_000
        assert disk.refusals >= 2
        setattr(disk, fault, False)
        refusals = disk.refusals
        assert await store.fetch("tenant", query, Paging((), 2, total=True)) == page
        assert disk.refusals == refusals
        await store.close()
