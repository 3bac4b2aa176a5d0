"""Answers of OData 4.01, for clients that ask for it: shorter names, nothing else (OData JSON 4.01 §4.6)."""

import re
from typing import Any

import pytest

from tests.api.service import BETA_EVENTS, EVENTS, Client, refused

NEW = {"OData-MaxVersion": "4.01"}
FULL = "application/json;metadata=full"


def renamed(value: Any) -> Any:
    """A 4.0 payload as 4.01 names it: control information without `odata.`, names of built-in types without `#`."""
    if isinstance(value, list):
        return [renamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, item in value.items():
        text = item
        if name.endswith("@odata.type"):
            text = re.sub(r"^#(?=(Collection\()?[A-Z][A-Za-z]+\)?$)", "", item)
        found[name.replace("@odata.", "@")] = renamed(text)
    return found


@pytest.mark.parametrize("level", ["none", "minimal", "full"])
@pytest.mark.parametrize(
    "query",
    [
        pytest.param("/{id}", id="entity"),
        pytest.param("/{id}?$select=osVersion", id="selected"),
        pytest.param("?$top=1&$count=true", id="page"),
    ],
)
def test_4_01_has_the_same_content_under_shorter_names(client: Client, level: str, query: str) -> None:
    """An answer to `OData-MaxVersion: 4.01` is the 4.0 answer but for its names."""
    details = {"context": "c", "failure": "f", "resources": [{"text": "t", "link": "l"}]}
    event = client.create(BETA_EVENTS, troubleshootingErrorDetails=details, additionalInformation=[])
    client.create(BETA_EVENTS)
    path = BETA_EVENTS + query.format(id=event["id"])
    accept = f"application/json;odata.metadata={level}"
    old, new = client.get(path, Accept=accept), client.get(path, Accept=accept, **NEW)
    assert (old.headers["odata-version"], new.headers["odata-version"]) == ("4.0", "4.01")
    assert "odata." not in new.text
    link = new.json().pop("@nextLink", None)
    assert (link is None) == ("@odata.nextLink" not in old.json())
    assert new.json() == renamed(old.json())
    assert new.headers["content-type"] == (
        f"application/json;metadata={level};streaming=true;IEEE754Compatible=false;charset=utf-8"
    )


def test_4_01_names_built_in_types_without_a_mark(client: Client) -> None:
    """`DateTimeOffset` where 4.0 has `#DateTimeOffset`; types of the model keep theirs (OData JSON 4.01 §4.6.3)."""
    body = client.get(f"{EVENTS}/{client.create()['id']}", Accept=FULL, **NEW).json()
    assert body["eventDateTime@type"] == "DateTimeOffset"
    assert body["enrollmentType@type"] == "#microsoft.graph.deviceEnrollmentType"
    assert body["@type"] == "#microsoft.graph.enrollmentTroubleshootingEvent"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/v1.0", id="service-document"),
        pytest.param(EVENTS, id="collection"),
        pytest.param(f"{EVENTS}/$count", id="count"),
        pytest.param(f"{EVENTS}/nowhere", id="error"),
    ],
)
def test_every_answer_names_its_version(client: Client, path: str) -> None:
    """`OData-Version` says in which version an answer is, an error too."""
    assert client.get(path, **NEW).headers["odata-version"] == "4.01"
    assert client.get(path).headers["odata-version"] == "4.0"
    assert client.get(path, **{"OData-MaxVersion": "4.0"}).headers["odata-version"] == "4.0"


def test_the_service_document_of_4_01(client: Client) -> None:
    """It has one piece of control information, which comes first."""
    body = client.get("/v1.0", **NEW).json()
    assert next(iter(body)) == "@context"
    assert renamed(client.get("/v1.0").json()) == body


def test_writes_are_answered_in_the_version_asked_for(client: Client) -> None:
    """POST, PATCH, and their empty answers."""
    created = client.post(EVENTS, {"osVersion": "10"}, **NEW)
    assert (created.status_code, "@context" in created.json()) == (201, True)
    changed = client.patch(created.headers["location"], {"osVersion": "11"}, Prefer="return=minimal", **NEW)
    assert (changed.status_code, changed.headers["odata-version"]) == (204, "4.01")


def test_an_entity_of_4_01_can_be_sent_back(client: Client) -> None:
    """What 4.01 calls the control information is ignored in a body as well (contract §3.8)."""
    event = client.create(osVersion="10")
    path = f"{EVENTS}/{event['id']}"
    body = client.get(path, Accept=FULL, **NEW).json()
    echoed = client.patch(path, body, **{"OData-Version": "4.01"})
    assert (echoed.status_code, echoed.json()) == (200, event)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        pytest.param({"OData-Version": "4.01"}, {"@etag": "now"}, 200, id="current"),
        pytest.param({"OData-Version": "4.01"}, {"@etag": "old"}, 412, id="stale"),
        pytest.param({"OData-Version": "4.01"}, {"@odata.etag": "old"}, 412, id="stale-with-prefix"),
        pytest.param({"OData-Version": "4.01"}, {"@etag": "*"}, 200, id="any"),
        pytest.param({"OData-Version": "4.01"}, {"@etag": 3}, 400, id="no-text"),
        pytest.param({"OData-Version": "4.01"}, {"@etag": "3"}, 400, id="no-tag"),
        pytest.param({"OData-Version": "4.01", "If-Match": "now"}, {"@etag": "old"}, 412, id="header-alone-fits"),
        pytest.param({"OData-Version": "4.01", "If-Match": "old"}, {"@etag": "now"}, 412, id="body-alone-fits"),
        pytest.param({"OData-Version": "4.01", "If-Match": "old"}, {"@etag": "*"}, 412, id="any-and-stale-header"),
        pytest.param({"OData-Version": "4.01", "If-Match": "*"}, {"@etag": "now"}, 200, id="both-fit"),
        pytest.param(NEW, {"@etag": "old"}, 412, id="answer-of-4.01"),
        pytest.param({}, {"@odata.etag": "old"}, 200, id="echo-in-4.0"),
        pytest.param({"OData-Version": "4.0"}, {"@etag": "old"}, 200, id="said-to-be-4.0"),
    ],
)
def test_a_tag_in_a_body_of_4_01_is_a_precondition(
    client: Client, headers: dict[str, str], body: dict[str, Any], status: int
) -> None:
    """Like If-Match, beside which it counts as well; in 4.0 it is an echo, and ignored (contract §12 row 39)."""
    event = client.create(osVersion="10")
    path = f"{EVENTS}/{event['id']}"
    now = client.patch(path, {"osVersion": "11"}).headers["etag"]
    tags = {"old": event["@odata.etag"], "now": now}

    def filled(values: dict[str, Any]) -> dict[str, Any]:
        return {name: tags.get(value, value) for name, value in values.items()}

    reply = client.patch(path, {"osVersion": "12"} | filled(body), **filled(headers))
    assert reply.status_code == status, reply.text
    assert client.get(path).json()["osVersion"] == ("12" if status == 200 else "11")


def test_next_links_lead_on_in_4_01(client: Client) -> None:
    """The page behind the link is in the version that its own request asks for."""
    keys = {client.create()["id"] for _ in range(3)}
    first = client.get(f"{EVENTS}?$top=2", **NEW).json()
    second = client.get(first["@nextLink"], **NEW).json()
    assert {event["id"] for event in [*first["value"], *second["value"]]} == keys
    assert "@odata.context" in client.get(first["@nextLink"]).json()


def test_numbers_become_strings_where_the_client_cannot_read_them(client: Client) -> None:
    """`IEEE754Compatible=true` makes the count a string, as every Int64 (OData JSON 4.01 §3.2)."""
    client.create()
    path, accept = f"{EVENTS}?$count=true", "application/json;IEEE754Compatible=true"
    assert client.get(path).json()["@odata.count"] == 1
    reply = client.get(path, Accept=accept)
    assert reply.json()["@odata.count"] == "1"
    assert "IEEE754Compatible=true" in reply.headers["content-type"]
    assert client.get(path, Accept=accept, **NEW).json()["@count"] == "1"


def test_an_answer_in_another_charset_is_refused(client: Client) -> None:
    """406 rather than UTF-8 that the client cannot read."""
    path = f"{EVENTS}/{client.create()['id']}"
    assert refused(client.get(path, Accept_Charset="iso-8859-1"), 406, "NotAcceptable")["target"] == "Accept-Charset"
    assert client.get(path, Accept_Charset="iso-8859-1, utf-8;q=0.5").status_code == 200
