"""Properties by themselves: `…/{id}/failureReason`, `/$value`, `/$count` (OData protocol 4.01 §11.2.4)."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.service import BETA_EVENTS, EVENTS, Client, Service, my_events, refused, users_events

USER = "0b0b0b0b-1111-4222-8333-444444444444"
CAST = "microsoft.graph.enrollmentTroubleshootingEvent"
PAIRS: list[dict[str, Any]] = [
    {"name": "b", "value": "two"},
    {"name": "a", "value": "three"},
    {"name": "c", "value": None},
]
PAGES = [{"text": "first", "link": "https://a.example"}, {"text": "second", "link": "https://b.example"}]
DETAILS = {"context": None, "failure": "what", "failureDetails": None, "remediation": None, "resources": PAGES}
EVENT: dict[str, Any] = {
    "eventDateTime": "2017-01-01T00:01:33.1647467+03:00",
    "failureReason": "déjà vu / 100 %",
    "enrollmentType": "userEnrollment",
    "userId": USER,
    "additionalInformation": PAIRS,
    "troubleshootingErrorDetails": DETAILS,
}
INFORMATION = "additionalInformation"
FULL = {"Accept": "application/json;odata.metadata=full"}
NONE = {"Accept": "application/json;odata.metadata=none"}


@pytest.fixture(scope="module")
def asking(service: Service) -> Client:
    """A user with one event."""
    client = service.client(user=USER)
    client.create(BETA_EVENTS, **EVENT)
    return client


@pytest.fixture(scope="module")
def key(asking: Client) -> str:
    """The event's key."""
    found: str = asking.get(EVENTS).json()["value"][0]["id"]
    return found


def answered(client: Client, path: str, **headers: str) -> dict[str, Any]:
    """A body without its context."""
    reply = client.get(path, **headers)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("application/json;")
    body: dict[str, Any] = reply.json()
    return {name: value for name, value in body.items() if name not in ("@odata.context", "@context")}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("failureReason", {"value": EVENT["failureReason"]}, id="text"),
        pytest.param("FAILUREREASON", {"value": EVENT["failureReason"]}, id="any-case"),
        pytest.param("eventDateTime", {"value": EVENT["eventDateTime"]}, id="time"),
        pytest.param("enrollmentType", {"value": "userEnrollment"}, id="member"),
        pytest.param(INFORMATION, {"value": PAIRS}, id="collection"),
        pytest.param("troubleshootingErrorDetails", DETAILS, id="structure"),
        pytest.param("troubleshootingErrorDetails/failure", {"value": "what"}, id="inside"),
        pytest.param(
            "troubleshootingErrorDetails/microsoft.graph.deviceManagementTroubleshootingErrorDetails/failure",
            {"value": "what"},
            id="inside-by-type",
        ),
        pytest.param("troubleshootingErrorDetails/resources", {"value": PAGES}, id="collection-inside"),
        pytest.param(f"{CAST}/failureReason", {"value": EVENT["failureReason"]}, id="behind-a-cast"),
        pytest.param(f"{INFORMATION}?$filter=name ne 'a'", {"value": [PAIRS[0], PAIRS[2]]}, id="filter"),
        pytest.param(f"{INFORMATION}?$orderby=value desc&$top=1&$skip=1", {"value": [PAIRS[1]]}, id="order"),
        pytest.param(f"{INFORMATION}?$count=true&$top=1&$filter=value ne null",
                     {"@odata.count": 2, "value": PAIRS[:1]}, id="count"),
        pytest.param(f"{INFORMATION}?$search=thr", {"value": [PAIRS[1]]}, id="search"),
        pytest.param(f"{INFORMATION}?$compute=length(value) as n&$select=n&$filter=n gt 3",
                     {"value": [{"n": 5}]}, id="compute"),
        pytest.param(f"{INFORMATION}?$filter=name eq @n&@n='a'", {"value": [PAIRS[1]]}, id="alias"),
        pytest.param("troubleshootingErrorDetails?$select=failure,resources($top=1)",
                     {"failure": "what", "resources": PAGES[:1]}, id="select"),
        pytest.param("failureReason?$format=json", {"value": EVENT["failureReason"]}, id="format"),
    ],
)  # fmt: skip
def test_a_property_is_read_by_itself(asking: Client, key: str, path: str, body: dict[str, Any]) -> None:
    """Single values and collections as `value`, complex values bare; of collections what the options ask."""
    address = f"{BETA_EVENTS}/{key}/{quote(path, safe='/?$&=@()')}"
    assert answered(asking, address) == body
    head = asking("HEAD", address)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("failureReason", EVENT["failureReason"], id="text"),
        pytest.param("id", None, id="key"),
        pytest.param("eventDateTime", EVENT["eventDateTime"], id="time"),
        pytest.param("enrollmentType", "userEnrollment", id="member"),
        pytest.param("troubleshootingErrorDetails/failure", "what", id="inside"),
        pytest.param(f"{CAST}/failureReason", EVENT["failureReason"], id="behind-a-cast"),
    ],
)
@pytest.mark.parametrize(
    "accept",
    [
        pytest.param("*/*", id="anything"),
        pytest.param("text/plain", id="text"),
        pytest.param("application/json", id="json"),
    ],
)
def test_a_raw_value_is_text(asking: Client, key: str, path: str, value: str | None, accept: str) -> None:
    """As it stands, in UTF-8, whoever asks."""
    reply = asking.get(f"{BETA_EVENTS}/{key}/{path}/$value", Accept=accept)
    assert (reply.status_code, reply.text) == (200, value or key)
    assert reply.headers["content-type"] == "text/plain;charset=utf-8"
    assert reply.headers["odata-version"] == "4.0"


@pytest.mark.parametrize(
    ("path", "number"),
    [
        pytest.param(f"{INFORMATION}/$count", 3, id="all"),
        pytest.param("troubleshootingErrorDetails/resources/$count", 2, id="inside"),
        pytest.param(f"{CAST}/{INFORMATION}/$count", 3, id="behind-a-cast"),
        pytest.param(f"{INFORMATION}/$count?$filter=value ne null", 2, id="filter"),
        pytest.param(f"{INFORMATION}/$count?$search=t&$filter=name eq 'a'", 1, id="search"),
    ],
)
def test_a_collection_is_counted(asking: Client, key: str, path: str, number: int) -> None:
    """As a number in plain text, of all items or of those that pass."""
    reply = asking.get(f"{BETA_EVENTS}/{key}/{quote(path, safe='/?$&=')}")
    assert (reply.status_code, reply.text) == (200, str(number))
    assert reply.headers["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("root", "path", "fragment"),
    [
        pytest.param(EVENTS, "failureReason", "deviceManagement/troubleshootingEvents('{}')/failureReason", id="plain"),
        pytest.param(EVENTS, f"{CAST}/failureReason",
                     f"deviceManagement/troubleshootingEvents('{{}}')/{CAST}/failureReason", id="cast"),
        pytest.param(f"{EVENTS}/{CAST}", "failureReason",
                     f"deviceManagement/troubleshootingEvents('{{}}')/{CAST}/failureReason", id="cast-before-the-key"),
        pytest.param(users_events(USER), "osversion",
                     f"users('{USER}')/deviceManagementTroubleshootingEvents('{{}}')/osVersion", id="user"),
        pytest.param(my_events("beta"), "troubleshootingErrorDetails/failure",
                     f"users('{USER}')/deviceManagementTroubleshootingEvents('{{}}')/troubleshootingErrorDetails/failure",
                     id="me"),
        pytest.param(BETA_EVENTS, "troubleshootingErrorDetails?$select=failure,context",
                     "deviceManagement/troubleshootingEvents('{}')/troubleshootingErrorDetails(failure,context)",
                     id="select"),
        pytest.param(BETA_EVENTS, "troubleshootingErrorDetails?$select=*",
                     "deviceManagement/troubleshootingEvents('{}')/troubleshootingErrorDetails(*)",
                     id="select-everything"),
    ],
)  # fmt: skip
def test_the_context_names_the_property(
    asking: Client, service: Service, key: str, root: str, path: str, fragment: str
) -> None:
    """The entity by its key, and the way from there; on all three roots."""
    event = asking.patch(f"{EVENTS}/{key}", {"osVersion": "10"})
    assert event.status_code == 200
    body = asking.get(f"{root}/{key}/{path}").json()
    assert body["@odata.context"] == f"{service.url}/{root.split('/')[1]}/$metadata#{fragment.format(key)}"


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        pytest.param("eventDateTime", FULL,
                     {"@odata.type": "#DateTimeOffset", "value": EVENT["eventDateTime"]}, id="full"),
        pytest.param("failureReason", FULL, {"value": EVENT["failureReason"]}, id="full-of-text"),
        pytest.param(f"{INFORMATION}?$select=name&$top=1", FULL,
                     {"@odata.type": "#Collection(microsoft.graph.keyValuePair)",
                      "value": [{"@odata.type": "#microsoft.graph.keyValuePair", "name": "b"}]},
                     id="full-of-collection"),
        pytest.param("troubleshootingErrorDetails?$select=failure", FULL,
                     {"@odata.type": "#microsoft.graph.deviceManagementTroubleshootingErrorDetails", "failure": "what"},
                     id="full-of-structure"),
        pytest.param(f"{INFORMATION}?$count=true&$top=0", NONE, {"@odata.count": 3, "value": []}, id="none"),
        pytest.param(f"{INFORMATION}?$count=true&$top=0", {"OData_MaxVersion": "4.01"},
                     {"@count": 3, "value": []}, id="4.01"),
        pytest.param("troubleshootingErrorDetails?$select=failure,context", {"Prefer": "omit-values=nulls"},
                     {"failure": "what"}, id="omit-values"),
    ],
)  # fmt: skip
def test_control_information_is_as_it_is_asked_for(
    asking: Client, key: str, path: str, headers: dict[str, str], body: dict[str, Any]
) -> None:
    """By level and by version; without metadata there is no context."""
    assert answered(asking, f"{BETA_EVENTS}/{key}/{path}", **headers) == body
    assert ("@odata.context" in asking.get(f"{BETA_EVENTS}/{key}/{path}", **headers).json()) is (
        headers is not NONE and "OData_MaxVersion" not in headers
    )


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("osVersion", id="text"),
        pytest.param("osVersion/$value", id="raw"),
        pytest.param("troubleshootingErrorDetails", id="structure"),
    ],
)
def test_null_is_no_content(client: Client, path: str) -> None:
    """204, with the version of the event; an empty collection is none of that."""
    key = client.create()["id"]
    for headers in ({}, {"Prefer": "omit-values=nulls"}):
        reply = client.get(f"{BETA_EVENTS}/{key}/{path}", **headers)
        assert (reply.status_code, reply.content, reply.headers["etag"]) == (204, b"", 'W/"1"')
    assert answered(client, f"{BETA_EVENTS}/{key}/{INFORMATION}") == {"value": []}
    assert client.get(f"{BETA_EVENTS}/{key}/{INFORMATION}/$count").text == "0"


def test_what_is_not_there_is_not_found(client: Client, asking: Client, key: str) -> None:
    """No event, another tenant's, another user's, one without the property, the inside of null: 404."""
    base = client.post(EVENTS, {"correlationId": "base"}).json()["id"]
    event = client.create()["id"]
    for path in (
        f"{EVENTS}/nothing/failureReason",
        f"{EVENTS}/nothing/failureReason/$value",
        f"{BETA_EVENTS}/nothing/{INFORMATION}/$count",
        f"{EVENTS}/{key}/failureReason",
        f"{users_events(USER)}/{event}/failureReason",
        f"{EVENTS}/{base}/failureReason",
        f"{EVENTS}/{base}/failureReason/$value",
        f"{EVENTS}/{base}/{CAST}/failureReason",
        f"{BETA_EVENTS}/{event}/troubleshootingErrorDetails/failure",
        f"{BETA_EVENTS}/{event}/troubleshootingErrorDetails/resources/$count",
    ):
        refused(client.get(path), 404, "ResourceNotFound")
    assert asking.get(f"{EVENTS}/{key}/failureReason").status_code == 200


MISSING = "Resource not found for the segment"


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        pytest.param("failureReson", 400, "Did you mean 'failureReason'?", id="misspelt"),
        pytest.param("failureReason()", 400, MISSING, id="call"),
        pytest.param("failureReason/x", 400, f"{MISSING} 'x'", id="behind-text"),
        pytest.param("failureReason/$count", 400, "no collection", id="count-of-text"),
        pytest.param("failureReason/$value/x", 400, f"{MISSING} 'x'", id="behind-value"),
        pytest.param("failureReason/$ref", 400, "cannot be linked", id="ref"),
        pytest.param("troubleshootingErrorDetails/failur", 400, "Did you mean 'failure'?", id="misspelt-inside"),
        pytest.param("troubleshootingErrorDetails/$value", 400, "no raw value", id="value-of-a-structure"),
        pytest.param(f"{INFORMATION}/$value", 400, "no raw value", id="value-of-a-collection"),
        pytest.param(f"{INFORMATION}/name", 400, f"{MISSING} 'name'", id="inside-a-collection"),
        pytest.param(f"{INFORMATION}/0", 501, "items of 'additionalInformation'", id="item-by-number"),
        pytest.param(f"{INFORMATION}/$filter(name eq 'a')", 501, "items of", id="filter-segment"),
        pytest.param("$value", 501, "'$value'", id="value-of-an-event"),
        pytest.param("failureReason?$top=1", 400, "'Top' is not allowed", id="top-of-text"),
        pytest.param("failureReason/$value?$format=json", 400, "'Format' is not allowed", id="format-of-a-value"),
        pytest.param(f"{INFORMATION}/$count?$top=1", 400, "'Top' is not allowed", id="top-of-a-count"),
        pytest.param("troubleshootingErrorDetails?$filter=failure eq 'x'", 400, "'Filter' is not allowed", id="one"),
        pytest.param(f"{INFORMATION}?$apply=aggregate($count as n)", 501, "$apply is not offered", id="apply"),
        pytest.param("troubleshootingErrorDetails?$compute=1 as n", 501, "$compute is not offered", id="compute"),
        pytest.param("failureReason?$compute=1 as n", 400, "'Compute' is not allowed", id="compute-of-text"),
        pytest.param(f"{INFORMATION}?$expand=x", 400, "to expand", id="expand"),
        pytest.param(f"{INFORMATION}?$select=x", 400, "named 'x'", id="select-nothing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(asking: Client, key: str, path: str, status: int, message: str) -> None:
    """As everywhere: 400 with what is wrong, 501 for what is right and not offered."""
    error = refused(
        asking.get(f"{BETA_EVENTS}/{key}/{quote(path, safe='/?$&=()')}"),
        status,
        "BadRequest" if status == 400 else "NotImplemented",
    )
    assert message in error["message"]


@pytest.mark.parametrize(
    ("query", "target", "message"),
    [
        pytest.param("$filter=nam eq 'a'", "$filter", "Invalid filter clause: Could not find", id="filter"),
        pytest.param("$orderby=nam", "$orderby", "Invalid orderby clause: Could not find", id="orderby"),
        pytest.param("$compute=nam as n", "$compute", "Invalid compute clause: Could not find", id="compute"),
        pytest.param("$filter=name eq", "$filter", "expected", id="syntax"),
        pytest.param("$top=x", "$top", "non-negative integer", id="number"),
        pytest.param("$count=x", "$count", "true or false", id="count"),
    ],
)
def test_faults_name_the_option(asking: Client, key: str, query: str, target: str, message: str) -> None:
    """In the words that it has on collections of events."""
    error = refused(asking.get(f"{BETA_EVENTS}/{key}/{INFORMATION}?{quote(query, safe='$=')}"), 400, "BadRequest")
    assert message in error["message"]
    assert error["target"] == target


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("PUT", "failureReason", 501, id="put"),
        pytest.param("PATCH", "failureReason", 501, id="patch"),
        pytest.param("DELETE", "failureReason", 501, id="delete"),
        pytest.param("PUT", "failureReason/$value", 501, id="put-value"),
        pytest.param("DELETE", "failureReason/$value", 501, id="delete-value"),
        pytest.param("POST", INFORMATION, 501, id="post-item"),
        pytest.param("POST", "failureReason", 405, id="post"),
        pytest.param("POST", "failureReason/$value", 405, id="post-value"),
        pytest.param("PATCH", f"{INFORMATION}/$count", 405, id="patch-count"),
        pytest.param("DELETE", f"{INFORMATION}/$count", 405, id="delete-count"),
    ],
)
def test_properties_are_only_read(asking: Client, key: str, method: str, path: str, status: int) -> None:
    """What OData has besides is 501, everything else 405 with the methods that there are."""
    reply = asking(method, f"{BETA_EVENTS}/{key}/{path}", {"value": "x"})
    refused(reply, status, "NotImplemented" if status == 501 else "MethodNotAllowed")
    assert reply.headers.get("allow") == (None if status == 501 else "GET, HEAD")
    assert asking.get(f"{EVENTS}/{key}/failureReason").json()["value"] == EVENT["failureReason"]


def test_the_version_of_the_event_is_the_versions_of_its_properties(client: Client) -> None:
    """Conditional requests spare what has not changed."""
    key = client.create(failureReason="a")["id"]
    for path in (f"{EVENTS}/{key}/failureReason", f"{EVENTS}/{key}/failureReason/$value"):
        tag = client.get(path).headers["etag"]
        assert client.get(path, If_None_Match=tag).status_code == 304
        assert client.get(path, If_Match=tag).status_code == 200
        refused(client.get(path, If_Match='W/"99"'), 412, "PreconditionFailed")


def test_who_takes_neither_text_nor_json_gets_nothing(asking: Client, key: str) -> None:
    """406, for JSON and for bare values."""
    for path in ("failureReason", "failureReason/$value", f"{INFORMATION}/$count"):
        assert asking.get(f"{BETA_EVENTS}/{key}/{path}", Accept="image/png").status_code == 406
    assert asking.get(f"{BETA_EVENTS}/{key}/failureReason", Accept="text/plain").status_code == 406


def test_reading_a_property_takes_the_permission_to_read(service: Service, asking: Client, key: str) -> None:
    """That of the event."""
    stranger = service.client(asking.tenant, "Other.Permission", user=USER)
    assert stranger.get(f"{EVENTS}/{key}/failureReason").status_code == 403
    assert asking.get(f"{EVENTS}/{key}/failureReason").status_code == 200
