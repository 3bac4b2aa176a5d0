"""Events through the user they concern: `users/{id}/…` and `me/…` (contract §12 rows 26-29, 40)."""

import uuid
from typing import Any

import pytest

from tests.api.service import BETA_EVENTS, EVENTS, Client, Service, my_events, refused, users_events

ALICE = "a11ce000-1111-4222-8333-444444444444"
BOB = "b0b00000-1111-4222-8333-444444444444"


@pytest.fixture
def alice(service: Service) -> Client:
    """A signed-in user of a tenant of its own."""
    return service.client(user=ALICE)


def ids(reply: Any) -> list[str]:
    """The keys of a page."""
    assert reply.status_code == 200, reply.text
    return [item["id"] for item in reply.json()["value"]]


@pytest.mark.parametrize(
    ("user_id", "asked"),
    [
        pytest.param(ALICE, ALICE, id="guid"),
        pytest.param(ALICE, ALICE.upper(), id="guid-asked-in-upper-case"),
        pytest.param(ALICE.upper(), ALICE, id="guid-stored-in-upper-case"),
        pytest.param("Alice@Contoso.com", "alice%40contoso.com", id="principal-name-in-any-case"),
        pytest.param("émile", "%C3%A9mile", id="not-ascii"),
    ],
)
def test_an_event_belongs_to_the_user_its_user_id_names(client: Client, user_id: str, asked: str) -> None:
    """The link is equality of `userId` and the segment, without regard to ASCII case; nothing is stored differently."""
    mine = client.create(userId=user_id)
    client.create(userId=BOB)
    client.create()
    assert ids(client.get(users_events(asked))) == [mine["id"]]
    assert client.get(f"{users_events(asked)}/$count").text == "1"
    item = client.get(f"{users_events(asked)}/{mine['id']}")
    assert (item.status_code, item.json()["userId"]) == (200, user_id)


def test_me_is_the_user_of_the_token(alice: Client) -> None:
    """`/me` and the user's own segment, and the SDK's inner spelling of it, reach the same events."""
    mine = alice.create(userId=ALICE)
    alice.create(userId=BOB)
    roots = [my_events(), "/v1.0/ME/devicemanagementtroubleshootingevents", users_events(ALICE)]
    for root in (*roots, users_events("me-token-to-replace")):
        assert ids(alice.get(root)) == [mine["id"]]
        assert alice.get(f"{root}/{mine['id']}").status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("root", [my_events(), users_events("me-token-to-replace")])
def test_me_needs_a_signed_in_user(client: Client, method: str, root: str) -> None:
    """For an application without a user `/me` is 400, in Graph's words."""
    error = refused(client(method, root, {} if method == "POST" else None), 400)
    assert error["message"] == "/me request is only valid with delegated authentication flow."


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_another_users_event_is_not_found(alice: Client, method: str) -> None:
    """Below a user there are only that user's events: all others are 404, and stay as they are."""
    hers = alice.create(userId=BOB)
    nobodys = alice.create()
    base = alice.post(EVENTS, {"correlationId": "base"}).json()
    for event in (hers, nobodys, base):
        for root in (my_events(), users_events(ALICE)):
            body = {"correlationId": "x"} if method == "PATCH" else None
            refused(alice(method, f"{root}/{event['id']}", body), 404, "ResourceNotFound")
        assert alice.get(f"{EVENTS}/{event['id']}").json() == event


@pytest.mark.parametrize("root", [my_events(), users_events(ALICE), users_events(ALICE.upper())])
def test_post_below_a_user_sets_the_user(alice: Client, root: str) -> None:
    """The new event belongs to the user of the path, and is an enrollment event, since it has a user."""
    reply = alice.post(root, {})
    body = reply.json()
    assert reply.status_code == 201
    assert body["@odata.type"] == "#microsoft.graph.enrollmentTroubleshootingEvent"
    assert body["userId"].lower() == ALICE
    assert reply.headers["location"].endswith(f"{root.removeprefix('/v1.0')}/{body['id']}")
    assert alice.get(reply.headers["location"]).json() == body
    assert ids(alice.get(EVENTS)) == [body["id"]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({"userId": BOB}, "for everything here", id="another-user"),
        pytest.param({"userId": ""}, "for everything here", id="nobody"),
        pytest.param(
            {"@odata.type": "#microsoft.graph.deviceManagementTroubleshootingEvent"}, "'userId'", id="type-without-user"
        ),
    ],
)
def test_post_below_a_user_refuses_what_would_not_belong_there(
    alice: Client, body: dict[str, Any], message: str
) -> None:
    """A body that contradicts its path is 400, and nothing is created."""
    assert message in refused(alice.post(users_events(ALICE), body), 400, "ModelValidationFailure")["message"]
    assert ids(alice.get(EVENTS)) == []


@pytest.mark.parametrize(
    "sent", [{"userId": ALICE}, {"userId": ALICE.upper()}, {"userId": None}], ids=["same", "other-case", "null"]
)
def test_post_below_a_user_accepts_the_user_itself(alice: Client, sent: dict[str, Any]) -> None:
    """The user of the path in the body is no contradiction, in whatever case; null says nothing."""
    reply = alice.post(my_events(), sent)
    assert reply.status_code == 201
    assert reply.json()["userId"] == (sent["userId"] or ALICE)


@pytest.mark.parametrize("moved", [BOB, None, ""], ids=["to-another", "to-nobody", "to-an-empty-name"])
def test_patch_below_a_user_cannot_move_an_event_away(alice: Client, moved: str | None) -> None:
    """A PATCH that ends the event's membership is refused under the user, and works in the whole collection."""
    event = alice.create(userId=ALICE)
    reply = alice.patch(f"{my_events()}/{event['id']}", {"userId": moved})
    assert reply.status_code == 400, reply.text
    assert "userId" in refused(reply, 400, "ModelValidationFailure")["message"]
    assert alice.get(f"{EVENTS}/{event['id']}").json() == event
    assert alice.patch(f"{EVENTS}/{event['id']}", {"userId": moved}).status_code == 200
    refused(alice.get(f"{my_events()}/{event['id']}"), 404, "ResourceNotFound")


def test_letters_outside_ascii_differ_by_case(client: Client) -> None:
    """A body that names the user of its path only in another case of `É` would create what the path cannot find."""
    refused(client.post(users_events("%C3%89mile"), {"userId": "émile"}), 400, "ModelValidationFailure")
    assert client.post(users_events("%C3%89mile"), {"userId": "ÉMILE"}).status_code == 201
    assert len(ids(client.get(users_events("%C3%89mile")))) == 1


def test_patch_below_a_user_changes_everything_else(alice: Client) -> None:
    """PATCH and DELETE reach the user's own events; an echo of the whole entity is harmless."""
    event = alice.create(userId=ALICE.upper())
    item = f"{my_events()}/{event['id']}"
    assert alice.patch(item, event | {"osVersion": "11"}).json()["osVersion"] == "11"
    assert alice.patch(item, {"userId": ALICE}).json()["userId"] == ALICE
    assert alice.delete(item).status_code == 204
    refused(alice.get(item), 404, "ResourceNotFound")


def test_an_unknown_user_has_no_events(client: Client) -> None:
    """There is no directory, so nobody is unknown: an empty list and 200."""
    client.create(userId=ALICE)
    reply = client.get(users_events(str(uuid.uuid4())))
    assert ids(reply) == []
    assert "@odata.nextLink" not in reply.json()


def test_base_events_are_invisible_below_a_user(alice: Client) -> None:
    """An event without `userId` belongs to nobody, in both versions, in lists, counts and casts."""
    mine = alice.create(userId=ALICE)
    alice.post(EVENTS, {"correlationId": "base"})
    alice.post(BETA_EVENTS, {"tokenId": "vpp"})
    for version in ("v1.0", "beta"):
        assert ids(alice.get(my_events(version))) == [mine["id"]]
        assert alice.get(f"{my_events(version)}/$count").text == "1"
        cast = f"{my_events(version)}/microsoft.graph.enrollmentTroubleshootingEvent"
        assert ids(alice.get(cast)) == [mine["id"]]
