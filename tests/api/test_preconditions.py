"""Entity tags and preferences (contract §3.4, §12 row 39; RFC 9110 §13; OData Protocol 4.01 §8.2.8)."""

import pytest

from tests.api.service import EVENTS, Client, refused

CURRENT, STALE = 'W/"1"', 'W/"77"'


@pytest.mark.parametrize(
    ("headers", "get", "write"),
    [
        pytest.param({}, 200, 200, id="none"),
        pytest.param({"If-Match": CURRENT}, 200, 200, id="match-current"),
        pytest.param({"If-Match": '"1"'}, 200, 200, id="match-current-as-strong"),
        pytest.param({"If-Match": "*"}, 200, 200, id="match-any"),
        pytest.param({"If-Match": f"{STALE}, {CURRENT}"}, 200, 200, id="match-one-of-list"),
        pytest.param({"If-Match": STALE}, 412, 412, id="match-stale"),
        pytest.param({"If-Match": 'W/"abc"'}, 412, 412, id="match-foreign"),
        pytest.param({"If-Match": 'W/"01"'}, 412, 412, id="match-leading-zero"),
        pytest.param({"If-Match": "1"}, 400, 400, id="match-unquoted"),
        pytest.param({"If-Match": ""}, 400, 400, id="match-empty"),
        pytest.param({"If-None-Match": CURRENT}, 304, 412, id="none-match-current"),
        pytest.param({"If-None-Match": "*"}, 304, 412, id="none-match-any"),
        pytest.param({"If-None-Match": STALE}, 200, 200, id="none-match-stale"),
        pytest.param({"If-None-Match": "1"}, 400, 400, id="none-match-unquoted"),
        pytest.param({"If-Match": CURRENT, "If-None-Match": CURRENT}, 304, 412, id="both-the-second-fails"),
        pytest.param({"If-Match": STALE, "If-None-Match": CURRENT}, 412, 412, id="both-fail"),
        pytest.param({"If-Match": CURRENT, "If-None-Match": STALE}, 200, 200, id="both-hold"),
    ],
)
def test_preconditions_are_honoured_by_every_method(
    client: Client, headers: dict[str, str], get: int, write: int
) -> None:
    """A condition that fails is 412, but 304 for a read that `If-None-Match` spares; nothing changes then."""
    event = client.create()
    item = f"{EVENTS}/{event['id']}"
    for method in ("GET", "HEAD"):
        reply = client(method, item, **headers)
        assert reply.status_code == get
        if get in (200, 304):
            assert reply.headers["etag"] == CURRENT
        if get == 304:
            assert reply.content == b""
    patched = client.patch(item, {"osVersion": "11"}, **headers)
    assert patched.status_code == write
    assert client.get(item).json()["osVersion"] == ("11" if write == 200 else None)
    if write == 412:
        error = refused(patched, 412, "PreconditionFailed")
        assert "read it again" in error["message"]
    if write != 200:
        assert client.delete(item, **headers).status_code == write
        assert client.get(item).json() == event


def test_a_missing_entity_beats_its_precondition(client: Client) -> None:
    """What is not there is 404, whatever version was expected."""
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        refused(client(method, f"{EVENTS}/none", body, If_Match="*"), 404, "ResourceNotFound")


def test_a_collection_is_at_no_version(client: Client) -> None:
    """A POST that demands a version of the collection fails, and creates nothing."""
    error = refused(client.post(EVENTS, {}, If_Match=CURRENT), 412, "PreconditionFailed")
    assert error["target"] == "If-Match"
    assert client.get(f"{EVENTS}/$count").text == "0"


def test_the_tag_follows_every_change_and_nothing_else(client: Client) -> None:
    """A change makes a new tag; reading, and writing what is there already, do not."""
    event = client.create(osVersion="10")
    item = f"{EVENTS}/{event['id']}"
    tags = [event["@odata.etag"]]
    for body in ({"osVersion": "10"}, {}, event, {"osVersion": "11"}, {"osVersion": "10"}):
        reply = client.patch(item, body)
        assert reply.status_code == 200
        assert reply.headers["etag"] == reply.json()["@odata.etag"] == client.get(item).headers["etag"]
        tags.append(reply.headers["etag"])
    assert tags == ['W/"1"', 'W/"1"', 'W/"1"', 'W/"1"', 'W/"2"', 'W/"3"']


def test_an_echoed_tag_in_the_body_is_no_precondition(client: Client) -> None:
    """SDKs echo `@odata.etag` of an older read in a PATCH; it does not stand in the way."""
    event = client.create()
    item = f"{EVENTS}/{event['id']}"
    client.patch(item, {"osVersion": "11"})
    assert client.patch(item, event | {"failureReason": "late"}).json()["failureReason"] == "late"


def test_delete_needs_the_version_it_names(client: Client) -> None:
    """DELETE with the current tag deletes."""
    event = client.create()
    assert client.delete(f"{EVENTS}/{event['id']}", If_Match=event["@odata.etag"]).status_code == 204


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        pytest.param("return=minimal", "return=minimal", id="minimal"),
        pytest.param("Return = Minimal", "return=minimal", id="minimal-any-case"),
        pytest.param("return=representation", "return=representation", id="representation"),
        pytest.param("return=minimal, return=representation", "return=minimal", id="the-first-counts"),
        pytest.param("return=something", None, id="unknown-value"),
        pytest.param("respond-async", None, id="unknown-preference"),
        pytest.param("odata.maxpagesize=5", None, id="not-for-writes"),
        pytest.param('return="minimal"; x=y', "return=minimal", id="quoted-with-parameter"),
        pytest.param(
            "include-unknown-enum-members, return=minimal",
            "return=minimal, include-unknown-enum-members",
            id="two",
        ),
    ],
)
def test_return_preferences(client: Client, prefer: str, applied: str | None) -> None:
    """`return=minimal` is 204 with the headers that stand for the body; what was honoured is told, and only that."""
    minimal = applied is not None and "return=minimal" in applied
    created = client.post(EVENTS, {"osVersion": "10"}, Prefer=prefer)
    assert created.status_code == (204 if minimal else 201)
    changed = client.patch(created.headers["location"], {"osVersion": "11"}, Prefer=prefer)
    assert changed.status_code == (204 if minimal else 200)
    for reply in (created, changed):
        assert reply.headers.get("preference-applied") == applied
        assert bool(reply.content) is not minimal
        assert "etag" in reply.headers
    if minimal:
        assert created.headers["odata-entityid"] == created.headers["location"]
        assert changed.headers["etag"] == 'W/"2"'
    assert client.get(created.headers["location"]).json()["osVersion"] == "11"


def test_preferences_that_concern_writes_are_not_applied_to_reads(client: Client) -> None:
    """`return=minimal` on a GET has no effect and is not said to have one."""
    event = client.create()
    reply = client.get(f"{EVENTS}/{event['id']}", Prefer="return=minimal")
    assert (reply.status_code, reply.json()) == (200, event)
    assert "preference-applied" not in reply.headers
