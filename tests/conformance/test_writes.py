import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from enrollscope.odata.edm.layout import KEY, VERSION
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import Conflict, ODataError, PreconditionFailed, ResourceNotFound
from enrollscope.odata.plan.commands import ALWAYS, Command, Create, LinkedTo, Precondition, Update, Wildcard
from enrollscope.store.base import Change, RefusedTogether, Written
from tests.conformance.commands import EVERY_TYPE, ISSUED, Library
from tests.conformance.conftest import Opened, through_poolers
from tests.conformance.library import LAYOUT

pytestmark = through_poolers


@pytest.fixture
def library(opened: Opened, tenant: str) -> Library:
    """The library of a tenant of its own."""
    return Library(opened, tenant)


def test_what_is_written_is_read(library: Library) -> None:
    """A value comes back as it was put in, whatever its type; the tick and the offset of a time too."""
    values = {
        "title": "a 'quoted' \\ % _ 😀 title",
        "borrower": "",
        "returned": Instant.parse("0001-01-01T00:00:00+14:00"),
        "genre": 2,
        "lent": False,
        "publisher": {"name": "P", "address": None, "imprints": ["x"]},
        "keywords": ["b", "a"],
        "pages": -(2**31),
        "printed": 2**63 - 1,
        "weight": 0.1,
        "price": "123456789012345678901234567890.10",
        "shelf": "01234567-89ab-cdef-0123-456789abcdef",
    }
    written = library.write(library.create("w1", **values)).record
    read = library.read("w1")
    assert read == written
    assert read is not None
    assert {name: LAYOUT.value(read, name) for name in values} == values
    assert LAYOUT.value(read, "lent") is False
    assert LAYOUT.value(read, "issued") == ISSUED


def test_binary_and_times_of_day_are_read_as_written(library: Library) -> None:
    """The types that only some entities have come back too."""
    values = {"runningTime": -1, "recorded": "2020-02-29", "broadcast": "23:59:59.9999999", "sample": b"\x00\xff"}
    command = Create(library.actor(), "works", "a1", "audiobook", {"issued": ISSUED, **values})
    record = library.write(command).record
    assert record == library.read("a1")
    assert {name: LAYOUT.value(record, name) for name in values} == values


@pytest.mark.parametrize(
    ("precondition", "outcome"),
    [
        pytest.param(ALWAYS, 3, id="none"),
        pytest.param(Precondition(match=frozenset((2,))), 3, id="current-version"),
        pytest.param(Precondition(match=frozenset((1, 2))), 3, id="one-of-several"),
        pytest.param(Precondition(match=frozenset((1,))), PreconditionFailed, id="stale-version"),
        pytest.param(Precondition(match=frozenset((-1,))), PreconditionFailed, id="foreign-tag"),
        pytest.param(Precondition(match=Wildcard.ANY_VERSION), 3, id="any-version"),
        pytest.param(Precondition(none_match=Wildcard.ANY_VERSION), PreconditionFailed, id="must-not-exist"),
        pytest.param(Precondition(none_match=frozenset((1,))), 3, id="not-that-version"),
    ],
)
def test_a_precondition_decides(library: Library, precondition: Precondition, outcome: int | type[ODataError]) -> None:
    """An update and a deletion happen only at a version that passes, and change nothing otherwise."""
    library.write(library.create("w1", title="A"))
    library.write(library.update("w1", title="B"))
    if isinstance(outcome, int):
        assert library.write(library.update("w1", precondition, title="C")).record[VERSION] == outcome
        return
    for command in (library.update("w1", precondition, title="C"), library.delete("w1", precondition)):
        with pytest.raises(outcome):
            library.write(command)
    record = library.read("w1")
    assert record is not None
    assert record[VERSION] == 2
    assert len(library.log()) == 2


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(lambda library: library.update("nothing", title="B"), id="no-such-key"),
        pytest.param(
            lambda library: library.update("nothing", Precondition(match=frozenset((9,)))), id="missing-beats-stale"
        ),
        pytest.param(
            lambda library: library.update("w1", Precondition(match=frozenset((9,))), frozenset(("audiobook",))),
            id="other-type-beats-stale",
        ),
        pytest.param(
            lambda library: library.update("w1", links=(LinkedTo("borrower", "other"),), title="B"), id="other-link"
        ),
        pytest.param(lambda library: library.update("w2", links=(LinkedTo("borrower", ""),)), id="null-is-no-link"),
        pytest.param(lambda library: library.delete("nothing"), id="delete-nothing"),
    ],
)
def test_what_is_not_there_is_not_found(library: Library, command: Callable[[Library], Command]) -> None:
    """An entity of another key, type or link does not exist for a command, whatever version was asked for."""
    library.write(library.create("w1", borrower="Zoë"))
    library.write(library.create("w2"))
    with pytest.raises(ResourceNotFound):
        library.write(command(library))


@pytest.mark.parametrize(
    ("stored", "asked", "reached"),
    [
        pytest.param("Ann@Example.org", "aNN@eXAMPLE.ORG", True, id="ascii-letters-fold"),
        pytest.param("zoë", "ZOë", True, id="ascii-letters-fold-beside-others"),
        pytest.param("zoË", "zoë", False, id="other-letters-do-not"),
        pytest.param("K", "\u212a", False, id="kelvin-is-no-k"),
    ],
)
def test_links_compare_without_ascii_case(library: Library, stored: str, asked: str, reached: bool) -> None:
    """A link holds for the same text in another case, of ASCII letters alone."""
    library.write(library.create("w1", borrower=stored))
    (outcome,) = library.together(library.update("w1", links=(LinkedTo("borrower", asked),), title="B"))
    assert isinstance(outcome, Written) is reached


def test_a_key_is_given_once(library: Library) -> None:
    """A second entity with the same key is a conflict, also within one commit, and the first one stays."""
    first, second = library.together(library.create("w1", title="A"), library.create("w1", title="B"))
    assert isinstance(first, Written)
    assert isinstance(second, Conflict)
    with pytest.raises(Conflict):
        library.write(library.create("w1", title="C"))
    assert library.read("w1") == first.record


def test_updates_in_one_commit_see_each_other(library: Library) -> None:
    """Commands on one entity take effect in the order in which they came, one version each."""
    library.write(library.create("w1", title="0"))
    stale = Precondition(match=frozenset((1,)))
    outcomes = library.together(
        library.update("w1", stale, title="A"), library.update("w1", stale, title="B"), library.update("w1", pages=7)
    )
    first, second, third = outcomes
    assert isinstance(first, Written)
    assert first.record[VERSION] == 2
    assert isinstance(second, PreconditionFailed)
    assert isinstance(third, Written)
    assert third.record[VERSION] == 3
    assert LAYOUT.value(third.record, "title") == "A"
    assert library.read("w1") == third.record


def test_a_refused_command_leaves_its_neighbours_alone(library: Library) -> None:
    """Whoever shares a commit with a command that is refused is written all the same."""
    library.write(library.create("w1"))
    outcomes = library.together(
        library.update("w1", title="A"),
        library.update("nothing", title="B"),
        library.create("w1"),
        library.create("w2", title="C"),
    )
    assert [type(outcome) for outcome in outcomes] == [Written, ResourceNotFound, Conflict, Written]
    assert [entry.key for entry in library.log()] == ["w1", "w1", "w2"]


def test_an_echo_makes_no_version(library: Library) -> None:
    """An update that says what is stored already answers the entity as it is, and is not logged."""
    before = library.write(library.create("w1", title="A", keywords=["x"])).record
    written = library.write(library.update("w1", title="A", keywords=["x"], issued=ISSUED))
    assert written == Written(before, changed=False)
    assert len(library.log()) == 1


def test_a_deletion_answers_what_was_there(library: Library) -> None:
    """The entity as it was is the answer; afterwards it does not exist, and its key can be given again."""
    created = library.write(library.create("w1", title="A")).record
    assert library.write(library.delete("w1")).record == created
    assert library.read("w1") is None
    assert library.write(library.create("w1", title="B")).record[VERSION] == 1


def test_a_key_can_be_given_anew_within_a_commit(library: Library) -> None:
    """Deleting and creating in one commit leaves the new entity, and both are logged."""
    library.write(library.create("w1", title="A"))
    library.together(library.delete("w1"), library.create("w1", title="B", issued=Instant(7)))
    record = library.read("w1")
    assert record is not None
    assert LAYOUT.value(record, "title") == "B"
    assert [entry.kind for entry in library.log()] == ["created", "deleted", "created"]


def test_what_came_and_went_within_a_commit_is_only_logged(library: Library) -> None:
    """An entity that is created and deleted in one commit leaves its trace in the log."""
    library.together(library.create("w1"), library.update("w1", title="A"), library.delete("w1"))
    assert library.read("w1") is None
    assert [(entry.kind, entry.version) for entry in library.log()] == [("created", 1), ("updated", 2), ("deleted", 2)]


def test_the_log_says_who_changed_what_and_when(library: Library) -> None:
    """An entry holds the actor and the changed properties, before and after, as the wire spells them."""
    library.write(library.create("w1", title="A", genre=0))
    library.write(Update(library.actor(at=77), "works", "w1", EVERY_TYPE, (), {"genre": 1, "title": "A"}))
    entry = library.log()[-1]
    assert entry == Change(
        position=entry.position,
        stored="works",
        key="w1",
        kind="updated",
        version=2,
        at=77,
        user="user",
        app="app",
        token="token",
        client_request="request",
        before={"genre": "novel"},
        after={"genre": "poem"},
    )


def test_the_log_is_read_in_parts(library: Library) -> None:
    """Positions rise with every change of the tenant; what is behind one is read, so many at a time."""
    library.together(*(library.create(f"w{number}") for number in range(5)))
    entries = library.log()
    positions = [entry.position for entry in entries]
    assert positions == sorted(set(positions))
    assert library.log(after=positions[1], limit=2) == entries[2:4]
    assert library.log(after=positions[-1]) == []


def test_tenants_do_not_see_each_other(library: Library) -> None:
    """The same key in two tenants is two entities, with a log each."""
    other = Library(library.opened, library.tenant + "-other")
    library.write(library.create("w1", title="A"))
    other.write(other.create("w1", title="B"))
    library.write(library.delete("w1"))
    record = other.read("w1")
    assert record is not None
    assert LAYOUT.value(record, "title") == "B"
    assert [entry.kind for entry in other.log()] == ["created"]


def test_one_of_many_racing_writers_wins(library: Library) -> None:
    """Of fifty updates that name the same version at the same time exactly one is carried out."""
    library.write(library.create("w1"))
    first = Precondition(match=frozenset((1,)))
    outcomes = library.together(*(library.update("w1", first, pages=number) for number in range(50)))
    assert sum(isinstance(outcome, Written) for outcome in outcomes) == 1


def test_a_flood_of_one_tenant_keeps_nobody_waiting(library: Library) -> None:
    """A single command of another tenant is answered before the last of a thousand that were there before it."""
    other = Library(library.opened, library.tenant + "-other")
    answered: list[str] = []

    async def flooded() -> None:
        store = library.opened.store

        def write(name: str, command: Command) -> "asyncio.Future[Written]":
            future = store.write(command)
            future.add_done_callback(lambda _: answered.append(name))
            return future

        # A connection for each, which takes its time.
        await asyncio.gather(store.write(library.create("first")), store.write(other.create("first")))
        flood = [write("flood", library.create(f"w{number}")) for number in range(1000)]
        await asyncio.sleep(0)
        await asyncio.gather(write("single", other.create("single")), *flood)

    library.opened.run(flooded())
    assert answered.index("single") < 800
    assert len(answered) == 1001
    assert len(other.log()) == 2


def test_commands_together_are_all_carried_out(library: Library) -> None:
    """Commands that belong together see each other and are answered one by one."""
    commands = (library.create("w1", title="A"), library.update("w1", title="B"), library.create("w2"))
    written = library.opened.run(library.opened.store.write_together(commands))
    assert [item.record[KEY] for item in written] == ["w1", "w1", "w2"]
    assert library.read("w1") == written[1].record
    assert len(library.log()) == 3


def test_commands_together_are_all_refused(library: Library) -> None:
    """When one of them is refused, none of them leaves a trace, and a neighbour of them all is written."""
    library.write(library.create("w1", title="A"))
    commands = (library.update("w1", title="B"), library.create("w2"), library.update("nothing"), library.delete("w1"))

    async def beside() -> tuple[Any, Any]:
        store = library.opened.store
        refused, written = await asyncio.gather(
            store.write_together(commands), store.write(library.create("w3")), return_exceptions=True
        )
        return refused, written

    refused, written = library.opened.run(beside())
    assert isinstance(refused, RefusedTogether)
    assert (refused.place, type(refused.refusal)) == (2, ResourceNotFound)
    assert isinstance(written, Written)
    assert library.read("w2") is None
    assert [entry.key for entry in library.log()] == ["w1", "w3"]


def test_a_secret_is_made_once(library: Library) -> None:
    """Whoever asks first makes the secret; everybody gets the same."""
    store, name = library.opened.store, library.tenant
    assert library.opened.run(store.secret(name, lambda: "first")) == "first"
    assert library.opened.run(store.secret(name, lambda: "second")) == "first"


def test_a_started_store_checks_itself(library: Library) -> None:
    """A store that answers and has its tables at the last revision is ready."""
    library.opened.run(library.opened.store.check())
