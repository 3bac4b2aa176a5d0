"""Every operation: status, headers and body (contract §2.3, §5.4)."""

import re
import uuid
from typing import Any

import httpx
import pytest

from enrollscope.odata.errors import ServiceUnavailable
from enrollscope.store.base import StoreRefused
from tests.api.service import EVENTS, Client, Service, refused

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

# The example of the reference page of "Update enrollmentTroubleshootingEvent", its two placeholders filled in.
EXAMPLE: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.enrollmentTroubleshootingEvent",
    "eventDateTime": "2017-01-01T00:01:33.1647467+03:00",
    "correlationId": "Correlation Id value",
    "managedDeviceIdentifier": "Managed Device Identifier value",
    "operatingSystem": "Operating System value",
    "osVersion": "Os Version value",
    "userId": "User Id value",
    "deviceId": "Device Id value",
    "enrollmentType": "userEnrollment",
    "failureCategory": "authentication",
    "failureReason": "Failure Reason value",
}


def test_create_answers_201_with_the_whole_entity_and_where_it_is(client: Client, service: Service) -> None:
    """POST: 201, the full entity, `Location` as an absolute URL, `ETag`, `OData-Version`."""
    reply = client.post(EVENTS, EXAMPLE)
    body = reply.json()
    assert reply.status_code == 201
    assert body.items() >= EXAMPLE.items()
    assert GUID.fullmatch(body["id"])
    assert reply.headers["location"] == f"{service.url}{EVENTS}/{body['id']}"
    assert reply.headers["etag"] == body["@odata.etag"]
    assert reply.headers["odata-version"] == "4.0"
    assert reply.headers["content-type"] == JSON
    assert client.get(reply.headers["location"]).json() == body


def test_the_reference_example_comes_back_as_it_went_in(client: Client) -> None:
    """PATCH with the example of the reference page answers 200 and every value of it, seventh digit and offset too."""
    event = client.create()
    reply = client.patch(f"{EVENTS}/{event['id']}", EXAMPLE)
    assert reply.status_code == 200
    assert reply.json().items() >= EXAMPLE.items()
    assert reply.json()["id"] == event["id"]
    assert client.get(f"{EVENTS}/{event['id']}").json() == reply.json()


def test_the_reference_example_with_its_placeholders_is_refused_with_the_members(client: Client) -> None:
    """The page's `"String"` in both enumerations is answered with 400 and what could stand there."""
    event = client.create()
    placeholders = EXAMPLE | {"enrollmentType": "String", "failureCategory": "String"}
    error = refused(client.patch(f"{EVENTS}/{event['id']}", placeholders), 400, "ModelValidationFailure")
    assert "Requested value 'String' was not found." in error["message"]
    assert "userEnrollment" in error["message"]
    assert [item["target"] for item in error["details"]] == ["failureCategory"]
    assert "userAbandonment" in error["details"][0]["message"]


def test_only_what_is_present_changes(client: Client) -> None:
    """PATCH leaves alone what it does not name, and null clears."""
    event = client.create(failureReason="Denied", osVersion="10.0", userId="u1")
    reply = client.patch(f"{EVENTS}/{event['id']}", {"osVersion": "11.0", "userId": None})
    changed = {"osVersion": "11.0", "userId": None, "@odata.etag": 'W/"2"'}
    assert reply.json() == event | changed


def test_an_item_is_not_wrapped(client: Client) -> None:
    """GET of an item answers the bare entity with a context, null properties spelt out."""
    event = client.create()
    body = client.get(f"{EVENTS}/{event['id']}").json()
    assert "value" not in body
    assert next(iter(body)) == "@odata.context"
    assert body["failureReason"] is None


def test_delete_answers_204_and_nothing_remains(client: Client) -> None:
    """DELETE: 204 without a body; the event is gone, and a second DELETE is 404."""
    event = client.create()
    path = f"{EVENTS}/{event['id']}"
    reply = client.delete(path)
    assert (reply.status_code, reply.content) == (204, b"")
    assert "content-type" not in reply.headers
    refused(client.get(path), 404, "ResourceNotFound")
    refused(client.delete(path), 404, "ResourceNotFound")


def test_a_body_of_a_delete_is_ignored(client: Client) -> None:
    """DELETE with a body, whatever it is, deletes."""
    event = client.create()
    assert client("DELETE", f"{EVENTS}/{event['id']}", b"{not json").status_code == 204


def test_a_body_of_a_get_is_ignored(client: Client) -> None:
    """GET with a body reads, and the connection stays usable."""
    event = client.create()
    for _ in range(2):
        assert client("GET", f"{EVENTS}/{event['id']}", b"{not json").json() == event


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("00000000-0000-4000-8000-000000000000", id="a-guid"),
        pytest.param("no-guid", id="no-guid"),
        pytest.param("%F0%9F%98%80%20%25", id="encoded"),
        pytest.param("x" * 10_000, id="10000-characters"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "DELETE"])
def test_a_missing_item_is_404_whatever_its_key_looks_like(client: Client, method: str, key: str) -> None:
    """Keys are opaque: one that does not exist is 404 for every method, and PATCH creates nothing."""
    reply = client(method, f"{EVENTS}/{key}", {"osVersion": "11"} if method == "PATCH" else None)
    assert reply.status_code == 404
    assert method == "HEAD" or reply.json()["error"]["code"] == "ResourceNotFound"
    assert len(reply.content) < 3_000


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        pytest.param("deviceManagement/troubleshootingEvents", "GET, HEAD, POST", id="collection"),
        pytest.param("deviceManagement/troubleshootingEvents/x", "GET, HEAD, PATCH, DELETE", id="item"),
        pytest.param("deviceManagement/troubleshootingEvents('x')", "GET, HEAD, PATCH, DELETE", id="item-parentheses"),
        pytest.param("deviceManagement/troubleshootingEvents/$count", "GET, HEAD", id="count"),
        pytest.param("users/u/deviceManagementTroubleshootingEvents", "GET, HEAD, POST", id="users-collection"),
        pytest.param("$metadata", "GET, HEAD", id="metadata"),
        pytest.param("", "GET, HEAD", id="service-document"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "TRACE", "PROPFIND"])
def test_a_method_that_is_not_allowed_is_405_with_allow(client: Client, method: str, path: str, allow: str) -> None:
    """405 tells in `Allow` what would be allowed, and the methods named there are indeed not refused."""
    reply = client(method, f"/v1.0/{path}")
    if method in allow.split(", "):
        assert reply.status_code != 405
    else:
        error = refused(reply, 405, "MethodNotAllowed")
        assert reply.headers["allow"] == allow
        assert allow in error["message"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/healthz", id="health"),
        pytest.param("/common/discovery/v2.0/keys", id="keys"),
    ],
)
def test_operations_are_read_only(client: Client, path: str) -> None:
    """What answers beside the data takes GET and HEAD, without a token."""
    assert client.http.get(path).status_code == 200
    reply = client.http.post(path)
    refused(reply, 405, "MethodNotAllowed")
    assert reply.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("version", ["v1.0", "beta"])
@pytest.mark.parametrize("form", ["{}", "{}?$select=id", "{}/microsoft.graph.enrollmentTroubleshootingEvent"])
def test_head_answers_as_get_without_the_body(client: Client, version: str, form: str) -> None:
    """HEAD has the status and the headers of GET, its length too, and no body (RFC 9110 §9.3.2)."""
    event = client.create()
    path = form.format(f"/{version}/deviceManagement/troubleshootingEvents/{event['id']}")
    got, head = client.get(path), client("HEAD", path)
    assert (head.status_code, head.content) == (200, b"")
    ignored = {"date", "request-id", "client-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in got.headers.items() if k not in ignored
    }
    assert int(head.headers["content-length"]) == len(got.content)


def replies_of_every_kind(client: Client) -> dict[str, httpx.Response]:
    """One answer of each status that a client can provoke."""
    event = client.create()
    item = f"{EVENTS}/{event['id']}"
    return {
        "200": client.get(item),
        "201": client.post(EVENTS, {}),
        "204 of return=minimal": client.patch(item, {}, Prefer="return=minimal"),
        "204": client.delete(f"{EVENTS}/{client.create()['id']}"),
        "304": client.get(item, If_None_Match="*"),
        "400": client.post(EVENTS, {"colour": "red"}),
        "401": client.http.get(EVENTS),
        "404": client.get(f"{EVENTS}/none"),
        "404 of a version": client.get("/v2.0/deviceManagement"),
        "404 of a bare path": client.get("/nothing/here"),
        "405": client("PUT", item, {}),
        "406": client.get(item, Accept="application/atom+xml"),
        "412": client.patch(item, {}, If_Match='W/"99"'),
        "413": client("POST", EVENTS, b'"' + b"x" * (5 * 2**20) + b'"'),
        "501": client.get("/v1.0/deviceManagement"),
    }


def test_every_answer_carries_the_common_headers(client: Client) -> None:
    """`request-id`, `client-request-id` and the caching headers are on every answer, errors too (contract §5.4)."""
    seen = set()
    for kind, reply in replies_of_every_kind(client).items():
        assert kind.startswith(str(reply.status_code)), f"{kind}: {reply.status_code} {reply.text}"
        assert GUID.fullmatch(reply.headers["request-id"]), kind
        assert reply.headers["client-request-id"] == reply.headers["request-id"], kind
        assert reply.headers["cache-control"] == "no-cache", kind
        assert reply.headers["vary"] == "Accept-Encoding", kind
        assert "max-age=31536000" in reply.headers["strict-transport-security"], kind
        assert "ServerInfo" in reply.headers["x-ms-ags-diagnostic"], kind
        assert "date" in reply.headers, kind
        assert bool(reply.content) == ("content-type" in reply.headers), kind
        seen.add(reply.headers["request-id"])
    assert len(seen) == len(replies_of_every_kind(client))


def test_every_error_is_in_the_graph_envelope(client: Client) -> None:
    """Code and message, and an `innerError` with a date SDKs can parse and the ids of the headers (contract §5.1)."""
    errors = {kind: reply for kind, reply in replies_of_every_kind(client).items() if reply.status_code >= 400}
    for kind, reply in errors.items():
        assert reply.headers["content-type"] == "application/json", kind
        assert reply.headers["odata-version"] == "4.0", kind
        assert set(reply.json()) == {"error"}, kind
        error = reply.json()["error"]
        assert re.fullmatch(r"[A-Z][A-Za-z]+", error["code"]), kind
        assert error["message"].strip(), kind
        inner = error["innerError"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", inner["date"]), kind
        assert inner["request-id"] == reply.headers["request-id"], kind
        assert inner["client-request-id"] == reply.headers["client-request-id"], kind


def test_a_clients_own_request_id_comes_back(client: Client) -> None:
    """`client-request-id` is echoed, in errors too, and is not taken for ours."""
    mine = str(uuid.uuid4())
    for path in (f"{EVENTS}/{client.create()['id']}", f"{EVENTS}/none"):
        reply = client.get(path, client_request_id=mine)
        assert reply.headers["client-request-id"] == mine
        assert reply.headers["request-id"] != mine
        if reply.status_code == 404:
            assert reply.json()["error"]["innerError"]["client-request-id"] == mine


def test_a_store_that_cannot_write_is_503_with_a_time_to_come_back(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Retry-After` is whole seconds, at least 1 and below 180, which SDKs wait and then try again (contract §8)."""

    def full(*_: object) -> None:
        raise ServiceUnavailable("Too many changes wait.", headers={"Retry-After": "5"})

    event = client.create()
    monkeypatch.setattr(type(service.store), "write", full)
    for method, path, body in (("POST", EVENTS, {}), ("PATCH", f"{EVENTS}/{event['id']}", {"osVersion": "1"})):
        reply = client(method, path, body)
        assert refused(reply, 503, "ServiceUnavailable")["message"] == "Too many changes wait."
        assert 1 <= int(reply.headers["retry-after"]) < 180
    monkeypatch.undo()
    assert client.get(f"{EVENTS}/{event['id']}").json() == event


def test_a_store_that_is_not_ready_says_why(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """`/readyz` is 503 with the reason while `/healthz` goes on being 200."""

    async def refuse(*_: object) -> None:
        raise StoreRefused("the tables are of yesterday")

    monkeypatch.setattr(type(service.store), "check", refuse)
    reply = service.http.get("/readyz")
    assert "the tables are of yesterday" in refused(reply, 503, "ServiceUnavailable")["message"]
    assert int(reply.headers["retry-after"]) >= 1
    assert service.http.get("/healthz").status_code == 200
