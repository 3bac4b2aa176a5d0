import pytest

from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import Conflict, ODataError, ServiceUnavailable
from enrollscope.odata.plan.commands import Actor, Create, Delete, Judged, LinkedTo, Precondition, Update
from enrollscope.store.base import RefusedTogether, Written
from enrollscope.store.batch import Outcome, Together, Unit
from enrollscope.store.sqlite_frames import Reply, read_reply, read_units, write_reply, write_units

ACTOR = Actor("tenant", None, "app", "token", "request", 638_000_000_000_000_001)
USER = ACTOR._replace(user="a@example.org")
TYPES = frozenset({"book", "film"})
UPDATE = Update(ACTOR, "works", "1", TYPES, (), {"title": 'a"\\\n', "shown": Instant(5, -60), "pages": None})
BOUND = Update(
    USER,
    "works",
    "2",
    TYPES,
    (LinkedTo("author", "7"),),
    {"parts": [{"name": "x"}], "price": 1.5, "cover": b"\0"},
    Precondition(match=frozenset({3})),
    Judged(frozenset({"film"})),
)
CREATE = Create(USER, "works", "3", "book", {"title": None})
DELETE = Delete(ACTOR, "works", "4", TYPES, ())

UNITS: list[Unit] = [UPDATE, BOUND, CREATE, DELETE, Together((UPDATE, CREATE)), Together(())]


def test_units_arrive_as_they_were() -> None:
    """Each kind of command, alone and with others, whatever it changes; and none at all."""
    arrived = read_units(write_units(UNITS))
    assert arrived == UNITS
    assert [type(unit) for unit in arrived] == [type(unit) for unit in UNITS]
    assert isinstance(arrived[0], Update)
    assert isinstance(arrived[0].actor, Actor)
    assert isinstance(arrived[0].changes["shown"], Instant)
    assert read_units(write_units([])) == []


RECORD = ("1", "book", 2, "title", None, 1.5, b"\0")


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(Written(RECORD), id="changed"),
        pytest.param(Written(RECORD, changed=False), id="nothing-new"),
        pytest.param((Written(RECORD), Written(RECORD, changed=False)), id="together"),
        pytest.param((), id="together-nothing"),
    ],
)
def test_outcomes_arrive_as_they_were(outcome: Outcome) -> None:
    """Also the difference between an entity and several that belong together."""
    (arrived,) = read_reply(write_reply(Reply([outcome]))).outcomes
    assert arrived == outcome
    assert type(arrived) is type(outcome)


def test_refusals_arrive_with_what_they_say() -> None:
    """Of one command, of one among several, and of a whole batch."""
    refused = Conflict("taken", target="id")
    together = RefusedTogether(1, Conflict("taken"))
    first, second = read_reply(write_reply(Reply([refused, together]))).outcomes
    assert isinstance(first, Conflict)
    assert (first.message, first.target) == ("taken", "id")
    assert isinstance(second, RefusedTogether)
    assert (second.place, second.refusal.message) == (1, "taken")
    failure = read_reply(write_reply(Reply(failure=ServiceUnavailable("full", headers={"Retry-After": "1"})))).failure
    assert isinstance(failure, ODataError)
    assert (failure.status, failure.message, failure.headers) == (503, "full", {"Retry-After": "1"})
