"""`Prefer`: what is honoured is told in `Preference-Applied`, and nothing else is (OData Protocol 4.01 §8.2.8)."""

from typing import Any

import pytest

from tests.api.service import BETA_EVENTS, EVENTS, Client, Service

APPLIED = "preference-applied"
UNKNOWN = "include-unknown-enum-members"


@pytest.mark.parametrize(
    ("path", "prefer", "applied"),
    [
        pytest.param("/{id}", "return=minimal", None, id="entity-return"),
        pytest.param("/{id}", "odata.maxpagesize=5", None, id="entity-page-size"),
        pytest.param("/{id}", UNKNOWN, UNKNOWN, id="entity-unknown-members"),
        pytest.param("/{id}", f"{UNKNOWN}=false", None, id="entity-no-unknown-members"),
        pytest.param("/{id}", "omit-values=nulls", "omit-values=nulls", id="entity-nulls"),
        pytest.param("?", "odata.maxpagesize=5", "odata.maxpagesize=5", id="page-size"),
        pytest.param("?", "maxpagesize=5", "maxpagesize=5", id="page-size-as-written"),
        pytest.param("?", "odata.maxpagesize=5000", "odata.maxpagesize=1000", id="page-size-beyond-ours"),
        pytest.param("?", "odata.maxpagesize=0", None, id="page-size-of-nothing"),
        pytest.param("?$top=2", "odata.maxpagesize=5", "odata.maxpagesize=5", id="page-size-and-top"),
        pytest.param("?", "odata.track-changes", None, id="not-built"),
        pytest.param("?", "odata.continue-on-error, respond-async", None, id="of-no-use-here"),
        pytest.param("?", 'odata.include-annotations="*"', None, id="annotations"),
        pytest.param(
            "?",
            f"omit-values=defaults, return=minimal, {UNKNOWN}, maxpagesize=3",
            f"maxpagesize=3, {UNKNOWN}, omit-values=defaults",
            id="several",
        ),
        pytest.param("/$count", f"{UNKNOWN}, omit-values=nulls", UNKNOWN, id="count"),
    ],
)
def test_only_what_was_honoured_is_named(client: Client, path: str, prefer: str, applied: str | None) -> None:
    """A preference that does not matter to a request, or that is not known, is not claimed."""
    event = client.create()
    reply = client.get(EVENTS + path.format(id=event["id"]), Prefer=prefer)
    assert reply.status_code == 200, reply.text
    assert reply.headers.get(APPLIED) == applied


@pytest.mark.parametrize(
    ("prefer", "status", "applied"),
    [
        pytest.param("return=minimal", 204, "return=minimal", id="minimal"),
        pytest.param("return=representation", 200, "return=representation", id="representation"),
        pytest.param("return=minimal, omit-values=nulls", 204, "return=minimal", id="nothing-to-omit-from"),
        pytest.param(
            "return=representation, omit-values=nulls", 200, "return=representation, omit-values=nulls", id="both"
        ),
        pytest.param("return=nothing", 200, None, id="makes-no-sense"),
    ],
)
def test_writes_name_what_they_honoured(client: Client, prefer: str, status: int, applied: str | None) -> None:
    """PATCH shows the entity unless the client can do without."""
    reply = client.patch(f"{EVENTS}/{client.create()['id']}", {"osVersion": "11"}, Prefer=prefer)
    assert (reply.status_code, reply.headers.get(APPLIED)) == (status, applied)


def dense(value: Any) -> Any:
    """A value without its null properties."""
    if isinstance(value, dict):
        return {name: dense(item) for name, item in value.items() if item is not None}
    return [dense(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("level", ["none", "minimal", "full"])
@pytest.mark.parametrize("omitted", ["nulls", "defaults"])
@pytest.mark.parametrize("query", ["/{id}", "/{id}?$select=osVersion,deviceId,troubleshootingErrorDetails", "?$top=5"])
def test_nulls_can_be_left_out(client: Client, level: str, omitted: str, query: str) -> None:
    """Null properties go, those of complex values too; what is there keeps its order. No other value is a default."""
    details = {"context": "c", "failure": None, "resources": [{"text": None, "link": "l"}]}
    event = client.create(BETA_EVENTS, osVersion="10", troubleshootingErrorDetails=details)
    path, accept = BETA_EVENTS + query.format(id=event["id"]), f"application/json;odata.metadata={level}"
    whole, reduced = client.get(path, Accept=accept), client.get(path, Accept=accept, Prefer=f"omit-values={omitted}")
    assert "null" in whole.text
    assert reduced.json() == dense(whole.json())
    assert list(reduced.json()) == list(dense(whole.json()))


def test_nulls_are_there_unless_the_client_can_do_without(client: Client) -> None:
    """Graph prints nulls, so they are never left out unasked."""
    event = client.create()
    body = client.get(f"{EVENTS}/{event['id']}").json()
    assert body["deviceId"] is None
    assert "deviceId" in body


def test_pages_are_no_longer_than_preferred(service: Service) -> None:
    """`maxpagesize` holds for the page, and its next link leads to the rest."""
    client = service.client()
    keys = {client.create()["id"] for _ in range(5)}
    first = client.get(EVENTS, Prefer="maxpagesize=2").json()
    assert len(first["value"]) == 2
    rest = client.get(first["@odata.nextLink"], Prefer="maxpagesize=100").json()
    assert {event["id"] for event in [*first["value"], *rest["value"]]} == keys
    assert "@odata.nextLink" not in rest
