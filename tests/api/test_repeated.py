"""Questions asked again in the same words: they mean the same, of what is there now, for whoever asks."""

import uuid

import pytest

from enrollscope.api.repeated import Repeated, Understood, Words
from enrollscope.model.events import SCHEMA
from enrollscope.odata.grammar.options import parse_options
from enrollscope.odata.protocol.headers import NO_PREFERENCES, ProtocolVersion
from tests.api.service import EVENTS, READ, Client, Service, my_events, refused
from tests.odata.bound import bind

QUESTION = f"{EVENTS}?$filter=osVersion eq '10'&$top=2"


def versions(client: Client, question: str, **headers: str) -> list[str]:
    """What the operating systems of a page are."""
    reply = client.get(question, **headers)
    assert reply.status_code == 200, reply.text
    return [each["osVersion"] for each in reply.json()["value"]]


def test_the_same_words_see_what_is_there_now(client: Client) -> None:
    """An answer is never kept, only what the question means."""
    for number in range(3):
        assert len(versions(client, QUESTION)) == min(number, 2)
        client.create(osVersion="10")
    assert "@odata.nextLink" in client.get(QUESTION).json()


def test_who_may_not_read_is_refused_whoever_asked_before(service: Service, client: Client) -> None:
    """The meaning of words is no permission."""
    assert versions(client, QUESTION) == []
    refused(service.client(client.tenant, "User.Read.All").get(QUESTION), 403, "Forbidden")


def test_the_same_words_of_another_tenant_are_another_question(service: Service, client: Client) -> None:
    """Nobody gets what somebody else asked for."""
    client.create(osVersion="10")
    other = service.client()
    for _ in range(2):
        assert versions(client, QUESTION) == ["10"]
        assert versions(other, QUESTION) == []


def test_me_is_whoever_asks(service: Service) -> None:
    """A path may mean something else for each user."""
    tenant, users = str(uuid.uuid4()), [str(uuid.uuid4()) for _ in range(2)]
    for user in users:
        service.client(tenant).create(userId=user, osVersion=user)
    for _ in range(2):
        for user in users:
            assert versions(service.client(tenant, READ, user=user), f"{my_events()}?$top=5") == [user]


def test_headers_belong_to_a_question(client: Client) -> None:
    """What a header asks for is not taken from an earlier request, nor left out."""
    for _ in range(3):
        client.create(osVersion="10")
    question = f"{EVENTS}?$filter=osVersion eq '10'"
    for _ in range(2):
        assert len(versions(client, question)) == 3
        assert len(versions(client, question, Prefer="odata.maxpagesize=1")) == 1
        refused(client.get(question, If_Match='W/"1"'), 412, "PreconditionFailed")
        assert "@context" in client.get(question, OData_MaxVersion="4.01", OData_Version="4.01").json()
        assert "@odata.context" in client.get(question).json()


def test_the_time_goes_on(client: Client) -> None:
    """`now()` is the time of each request."""
    question = f"{EVENTS}?$filter=eventDateTime le now()"
    assert versions(client, question) == []
    client.create(osVersion="10")
    assert versions(client, question) == ["10"]


def understood(query: str) -> Understood:
    """What a question to the events means."""
    plan = bind("deviceManagement/troubleshootingEvents", query, model=SCHEMA.view("v1.0"))
    return Understood(parse_options(query), NO_PREFERENCES, plan)


def words(query: str) -> Words:
    """A question in words."""
    return Words("deviceManagement/troubleshootingEvents", query, "", "tenant", None, ProtocolVersion.V4)


def test_the_latest_questions_are_kept() -> None:
    """So that they do not fill the memory, those that nobody asked for long are forgotten."""
    repeated, meaning = Repeated(), understood("$top=1")
    often = words("$top=0")
    repeated.keep(often, meaning)
    for number in range(1, 1000):
        repeated.keep(words(f"$top={number}"), meaning)
        assert repeated.find(often) is meaning
    kept = [number for number in range(1000) if repeated.find(words(f"$top={number}")) is not None]
    assert kept == [0, *range(1000 - len(kept) + 1, 1000)]
    assert len(kept) == 256


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("$filter=eventDateTime le now()", id="of-the-time"),
        pytest.param(f"$filter=osVersion eq '{'1' * 3000}'", id="long"),
    ],
)
def test_some_questions_are_not_kept(query: str) -> None:
    """They mean something else each time, or take too much memory."""
    repeated = Repeated()
    repeated.keep(words(query), understood(query))
    assert repeated.find(words(query)) is None
