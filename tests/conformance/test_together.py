"""Commands that take effect all or not at all."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import Conflict, ODataError, PreconditionFailed, ResourceNotFound
from enrollscope.odata.plan.commands import ALWAYS, Actor, Command, Create, Delete, Precondition, Update
from enrollscope.store.base import RefusedTogether, Store
from tests.conformance.conftest import Opened, through_poolers
from tests.conformance.library import LAYOUT
from tests.promises import read, write

pytestmark = through_poolers

T = TypeVar("T")

ACTOR = Actor("", None, "app", "token", "request", 0)
WORKS = frozenset({"work", "book", "audiobook"})
TITLE = LAYOUT.index["title"]


def create(key: str) -> Create:
    """A new book."""
    return Create(ACTOR, "works", key, "book", {"issued": Instant(0), "title": "new"})


def update(key: str, title: str, version: int | None = None) -> Update:
    """Another title."""
    precondition = ALWAYS if version is None else Precondition(match=frozenset({version}))
    return Update(ACTOR, "works", key, WORKS, (), {"title": title}, precondition)


def delete(key: str) -> Delete:
    """A book less."""
    return Delete(ACTOR, "works", key, WORKS, ())


@dataclass(frozen=True, slots=True)
class Shelf:
    """The works of one tenant."""

    opened: Opened
    tenant: str

    @property
    def store(self) -> Store:
        """The store they are in."""
        return self.opened.store

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one piece of work to its end."""
        return self.opened.run(work)

    def own(self, commands: Sequence[Command]) -> list[Command]:
        """The same commands, made by the tenant."""
        actor = Actor(self.tenant, None, "app", "token", "request", 0)
        return [_of(actor, command) for command in commands]

    def together(self, commands: Sequence[Command]) -> list[Record]:
        """What commands that belong together come to."""
        return [written.record for written in self.run(self.store.write_together(self.own(commands)))]

    def records(self) -> dict[str, Record]:
        """Key → what is stored."""
        found = {key: self.run(read(self.store, self.tenant, "works", key)) for key in "abcd"}
        return {key: record for key, record in found.items() if record is not None}

    def titles(self) -> dict[str, Any]:
        """Key → title."""
        return {key: record[TITLE] for key, record in self.records().items()}

    def logged(self) -> list[tuple[str, str]]:
        """What the log says behind the two creations that every test begins with."""
        return [(change.kind, change.key) for change in self.run(self.store.changes(self.tenant, 0, 100))][2:]


def _of(actor: Actor, command: Command) -> Command:
    match command:
        case Create():
            return Create(actor, command.stored, command.key, command.type, command.values)
        case Update():
            return Update(actor, command.stored, command.key, WORKS, (), command.changes, command.precondition)
        case Delete():
            return Delete(actor, command.stored, command.key, WORKS, ())


@pytest.fixture
def shelf(opened: Opened, tenant: str) -> Shelf:
    """The books `a` and `b`."""
    shelf = Shelf(opened, tenant)
    for command in shelf.own([create("a"), create("b")]):
        opened.run(write(opened.store, command))
    return shelf


def test_all_take_effect(shelf: Shelf) -> None:
    """Each has its own outcome, in order, and its own entry in the log."""
    written = shelf.together([create("c"), update("a", "one"), update("a", "two"), delete("b")])
    assert [record[TITLE] for record in written] == ["new", "one", "two", "new"]
    assert shelf.titles() == {"a": "two", "c": "new"}
    assert shelf.logged() == [("created", "c"), ("updated", "a"), ("updated", "a"), ("deleted", "b")]


@pytest.mark.parametrize(
    ("commands", "place", "refusal"),
    [
        pytest.param([create("c"), update("a", "x"), delete("b"), delete("d")], 3, ResourceNotFound, id="missing"),
        pytest.param([update("a", "x", version=7), create("c")], 0, PreconditionFailed, id="stale"),
        pytest.param([delete("a"), create("b")], 1, Conflict, id="exists"),
        pytest.param([create("c"), create("c")], 1, Conflict, id="created-twice"),
        pytest.param([update("a", "x", 1), update("a", "y", 1)], 1, PreconditionFailed, id="stale-by-its-own-group"),
        pytest.param([delete("a"), update("a", "x")], 1, ResourceNotFound, id="deleted-by-its-own-group"),
    ],
)
def test_one_refusal_undoes_all(
    shelf: Shelf, commands: Sequence[Command], place: int, refusal: type[ODataError]
) -> None:
    """Rows and log are as before, and the caller learns which command it was, and why."""
    before = shelf.records()
    with pytest.raises(RefusedTogether) as refused:
        shelf.together(commands)
    assert (refused.value.place, type(refused.value.refusal)) == (place, refusal)
    assert shelf.records() == before
    assert shelf.logged() == []


def test_neighbours_in_the_same_commit_are_not_touched(shelf: Shelf) -> None:
    """What stands before and behind a group that fails takes effect; what stands behind does not see the group."""
    store = shelf.store
    before, *failing, behind, second, created = shelf.own(
        [
            update("a", "before"),
            update("a", "inside"),
            update("b", "inside"),
            delete("d"),
            update("b", "behind", version=1),
            update("a", "second"),
            create("c"),
        ]
    )

    async def write() -> tuple[object, ...]:
        return await asyncio.gather(
            store.write(before),
            store.write_together(failing),
            store.write(behind),
            store.write_together([second, created]),
            return_exceptions=True,
        )

    assert [isinstance(outcome, RefusedTogether) for outcome in shelf.run(write())] == [False, True, False, False]
    assert shelf.titles() == {"a": "second", "b": "behind", "c": "new"}
    assert shelf.logged() == [("updated", "a"), ("updated", "b"), ("updated", "a"), ("created", "c")]
