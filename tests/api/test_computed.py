"""`$compute` at the address of one event (OData URL conventions 4.01 §5.1.3)."""

from typing import Any

import pytest

from tests.api.service import BETA_EVENTS, EVENTS, Client, Service, my_events, refused, users_events

USER = "0b0b0b0b-1111-4222-8333-444444444444"
CAST = "microsoft.graph.enrollmentTroubleshootingEvent"
COMPUTE = "$compute=length(failureReason) as size,concat(osVersion,'!') as loud"
LONGER = "troubleshootingErrorDetails/resources/$count as pages,date(eventDateTime) as day"


@pytest.fixture(scope="module")
def event(service: Service) -> tuple[Client, str]:
    """A user with one event, and its key."""
    client = service.client(user=USER)
    made = client.create(
        BETA_EVENTS, userId=USER, failureReason="Milk", osVersion="10", eventDateTime="2024-05-01T23:30:00-02:00"
    )
    return client, made["id"]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(f"{EVENTS}/{{key}}", id="v1"),
        pytest.param(f"{BETA_EVENTS}/{{key}}", id="beta"),
        pytest.param(f"{BETA_EVENTS}('{{key}}')", id="key-in-parentheses"),
        pytest.param(f"{BETA_EVENTS}/{CAST}/{{key}}", id="behind-a-type"),
        pytest.param(f"{BETA_EVENTS}/{{key}}/{CAST}", id="before-a-type"),
        pytest.param(f"{users_events(USER)}/{{key}}", id="of-a-user"),
        pytest.param(f"{my_events()}/{{key}}", id="mine"),
    ],
)
def test_every_address_of_an_event_computes(event: tuple[Client, str], address: str) -> None:
    """Computed properties are shown with all others, or alone where they alone are selected."""
    client, key = event
    path = address.format(key=key)
    whole = client.get(f"{path}?{COMPUTE}").json()
    assert (whole["size"], whole["loud"], whole["id"]) == (4, "10!", key)
    reply = client.get(f"{path}?{COMPUTE}&$select=loud,size,failureReason")
    body: dict[str, Any] = {name: value for name, value in reply.json().items() if not name.startswith("@")}
    assert body == {"loud": "10!", "size": 4, "failureReason": "Milk"}
    assert reply.json()["@odata.context"].endswith("(loud,size,failureReason)/$entity")
    assert reply.headers["ETag"] == client.get(path).headers["ETag"]


def test_the_event_is_what_its_collection_shows(event: tuple[Client, str]) -> None:
    """The same question of the collection has the same answer, in every format."""
    client, key = event
    query = f"$compute={LONGER}&$select=pages,day"
    for accept in ("application/json", "application/json;odata.metadata=full", "application/json;odata.metadata=none"):
        one = client.get(f"{BETA_EVENTS}/{key}?{query}", accept=accept).json()
        (same,) = client.get(f"{BETA_EVENTS}?{query}", accept=accept).json()["value"]
        one.pop("@odata.context", None)
        assert one == same
        assert (one["pages"], one["day"]) == (0, "2024-05-01")


def test_what_is_asked_beside(event: tuple[Client, str]) -> None:
    """Preconditions, aliases, times and 4.01 go together with it."""
    client, key = event
    path = f"{BETA_EVENTS}/{key}"
    tag = client.get(path).headers["ETag"]
    assert client("GET", f"{path}?{COMPUTE}", if_none_match=tag).status_code == 304
    assert client("GET", f"{path}?{COMPUTE}", if_match='W/"other"').status_code == 412
    assert client("HEAD", f"{path}?{COMPUTE}").status_code == 200
    assert client.get(f"{path}?$compute=concat(osVersion,@p) as x&@p='y'").json()["x"] == "10y"
    assert client.get(f"{path}?$compute=now() gt eventDateTime as past").json()["past"] is True
    text = "eventDateTime gt '2024-01-01T00:00:00Z'"
    assert client.get(f"{path}?$compute={text} as x", OData_MaxVersion="4.01").json()["x"] is True
    refused(client("GET", f"{path}?$compute={text} as x"), 400, "BadRequest")


def test_what_cannot_be_asked(event: tuple[Client, str]) -> None:
    """It is refused as it is for collections; an event that is not there is not there."""
    client, key = event
    path = f"{BETA_EVENTS}/{key}"
    refused(client("GET", f"{path}?$compute=length(failureReson) as n"), 400, "BadRequest")
    refused(client("GET", f"{path}?$compute=1 div 0 as n"), 400, "BadRequest")
    refused(client("GET", f"{BETA_EVENTS}/no-such-key?{COMPUTE}"), 404, "ResourceNotFound")
    refused(client("PATCH", f"{path}?{COMPUTE}", {"osVersion": "11"}), 501, "NotImplemented")
    refused(client("GET", f"{users_events('Bob')}/{key}?{COMPUTE}"), 404, "ResourceNotFound")
    assert client.get(path).json()["osVersion"] == "10"
