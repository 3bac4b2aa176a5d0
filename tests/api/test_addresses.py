"""Every form of a URL that Graph clients write, and what is said of the others (contract §2.1)."""

import httpx
import pytest

from tests.api.service import EVENTS, Client, Service, refused

CAST = "microsoft.graph.enrollmentTroubleshootingEvent"
MISSING = "Resource not found for the segment"


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents/{id}", id="segment"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents('{id}')", id="parentheses"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents(id='{id}')", id="named-key"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents(ID='{id}')", id="named-key-any-case"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents(%27{id}%27)", id="encoded-quotes"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents%28%27{id}%27%29", id="encoded-parentheses"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents/{ID}", id="guid-in-upper-case"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents('{ID}')", id="guid-in-upper-case-parentheses"),
        pytest.param("/v1.0//deviceManagement/troubleshootingEvents/{id}", id="double-slash-behind-version"),
        pytest.param("/v1.0/deviceManagement///troubleshootingEvents//{id}", id="slashes-everywhere"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents/{id}/", id="trailing-slash"),
        pytest.param("/v1.0/devicemanagement/TROUBLESHOOTINGEVENTS/{id}", id="names-in-any-case"),
        pytest.param("/V1.0/deviceManagement/troubleshootingEvents/{id}", id="version-in-any-case"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents/{id}/" + CAST, id="cast-behind-key"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents/" + CAST + "/{id}", id="cast-before-key"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents('{id}')/" + CAST, id="cast-behind-parentheses"),
        pytest.param(
            "/v1.0/deviceManagement/troubleshootingEvents/{id}/graph.enrollmentTroubleshootingEvent", id="cast-by-alias"
        ),
        pytest.param(
            "/v1.0/deviceManagement/troubleshootingEvents/{id}/MICROSOFT.GRAPH.enrollmenttroubleshootingevent",
            id="cast-in-any-case",
        ),
        pytest.param(
            "/v1.0/deviceManagement/troubleshootingEvents/{id}/microsoft.graph.deviceManagementTroubleshootingEvent",
            id="cast-to-the-declared-type",
        ),
        pytest.param("/beta/deviceManagement/troubleshootingEvents/{id}", id="beta"),
    ],
)
def test_an_event_is_found_under_every_spelling_of_its_address(client: Client, form: str) -> None:
    """All these name the same event; none is answered with a redirect, which SDKs turn into a GET."""
    event = client.create(failureReason="found")
    path = form.replace("{id}", event["id"]).replace("{ID}", event["id"].upper())
    reply = client.get(path)
    assert (reply.status_code, reply.json()["id"]) == (200, event["id"])
    assert client.patch(path, {"osVersion": "11"}).json()["osVersion"] == "11"
    assert client.delete(path).status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/v1.0//deviceManagement/troubleshootingEvents", id="double-slash"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents/", id="trailing-slash"),
        pytest.param("/v1.0/DEVICEMANAGEMENT/troubleshootingevents", id="any-case"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents/" + CAST, id="cast"),
    ],
)
def test_posts_reach_the_collection_under_every_spelling(client: Client, service: Service, path: str) -> None:
    """POST works there too, and `Location` is the canonical address."""
    reply = client.post(path, {"failureReason": "made"})
    assert reply.status_code == 201
    assert reply.json()["@odata.type"] == f"#{CAST}"
    assert reply.headers["location"] == f"{service.url}{EVENTS}/{reply.json()['id']}"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        pytest.param("http://elsewhere.example/v1.0/deviceManagement/troubleshootingEvents/{id}", 200, id="absolute"),
        pytest.param("//v1.0/deviceManagement/troubleshootingEvents/{id}", 200, id="double-slash-before-version"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents/{id}?", 200, id="empty-query"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents/{id}?&&", 200, id="empty-options"),
        pytest.param("/v1.0/deviceManagement/troubleshootingEvents/{id}?custom=1", 200, id="custom-option"),
    ],
)
def test_request_targets_of_every_form_are_read(client: Client, service: Service, target: str, status: int) -> None:
    """The absolute form of RFC 9112 §3.2.2, and queries with nothing in them, or nothing that concerns us."""
    event = client.create()
    head = f"GET {target.replace('{id}', event['id'])} HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n"
    answer = service.raw(f"{head}Authorization: Bearer {client.token}\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert f'"id":"{event["id"]}"'.encode() in answer


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        pytest.param("/", 404, "ResourceNotFound", "/v1.0 or /beta", id="no-version"),
        pytest.param("/v1", 404, "ResourceNotFound", "Invalid version: v1", id="version-of-the-docs-examples"),
        pytest.param("/v2.0/deviceManagement", 404, "ResourceNotFound", "Invalid version: v2.0", id="unknown-version"),
        pytest.param(
            "/deviceManagement/troubleshootingEvents",
            404,
            "ResourceNotFound",
            "Invalid version: deviceManagement",
            id="forgotten-version",
        ),
        pytest.param("/v1.0/devices", 400, "BadRequest", f"{MISSING} 'devices'", id="unknown-first-segment"),
        pytest.param(
            "/v1.0/deviceManagment/x",
            400,
            "BadRequest",
            f"{MISSING} 'deviceManagment'. Did you mean 'deviceManagement'?",
            id="misspelt-first-segment",
        ),
        pytest.param(
            "/v1.0/deviceManagement/troubleshootingEvent",
            400,
            "BadRequest",
            "Did you mean 'troubleshootingEvents'?",
            id="misspelt-navigation",
        ),
        pytest.param(
            "/v1.0/deviceManagement/mobileAppTroubleshootingEvents",
            400,
            "BadRequest",
            f"{MISSING} 'mobileAppTroubleshootingEvents'",
            id="the-sibling-by-name-only",
        ),
        pytest.param(f"{EVENTS}/x/colour", 400, "BadRequest", f"{MISSING} 'colour'", id="behind-an-item"),
        pytest.param(f"{EVENTS}/$count/x", 400, "BadRequest", f"{MISSING} 'x'", id="behind-count"),
        pytest.param("/v1.0/$metadata/x", 400, "BadRequest", f"{MISSING} 'x'", id="behind-metadata"),
        pytest.param(
            f"{EVENTS}/microsoft.graph.enrollmentTroubleshootingEvents",
            400,
            "BadRequest",
            "Did you mean 'microsoft.graph.enrollmentTroubleshootingEvent'?",
            id="misspelt-cast",
        ),
        pytest.param(
            f"{EVENTS}/microsoft.graph.appleVppTokenTroubleshootingEvent",
            400,
            "BadRequest",
            MISSING,
            id="cast-to-a-type-of-beta-only",
        ),
        pytest.param(f"{EVENTS}/microsoft.graph.user", 400, "BadRequest", "not related", id="unrelated-cast"),
        pytest.param(f"{EVENTS}/x/$ref", 400, "BadRequest", "cannot be linked", id="ref-of-an-item"),
        pytest.param(f"{EVENTS}/$ref", 400, "BadRequest", "cannot be linked", id="ref-of-the-collection"),
        pytest.param(f"{EVENTS}('a','b')", 400, "BadRequest", "expected ')'", id="two-keys"),
        pytest.param(f"{EVENTS}()", 400, "BadRequest", "one key", id="no-key"),
        pytest.param(f"{EVENTS}(name='a')", 400, "BadRequest", "'name' is not the key", id="key-of-another-name"),
        pytest.param(f"{EVENTS}(5)", 400, "BadRequest", "single quotes", id="number-for-a-key"),
        pytest.param(f"{EVENTS}/%ZZ", 400, "BadRequest", "two hexadecimal digits", id="bad-escape"),
        pytest.param(f"{EVENTS}/%C3%28", 400, "BadRequest", "not UTF-8", id="escape-that-is-not-utf-8"),
        pytest.param(f"{EVENTS}/{'%20' * 11_000}", 400, "BadRequest", "longer than", id="endless-path"),
        pytest.param(f"{EVENTS}/x/failureReason", 404, "ResourceNotFound", "There is no 'x'", id="single-property"),
        pytest.param(f"{EVENTS}/x/$value", 501, "NotImplemented", "'$value'", id="value"),
        pytest.param(f"{EVENTS}/$filter(id eq 'x')/y", 501, "NotImplemented", "filtered", id="filter-segment"),
        pytest.param("/v1.0/deviceManagement", 501, "NotImplemented", "deviceManagement", id="singleton-itself"),
        pytest.param("/v1.0/users", 501, "NotImplemented", "users", id="set-itself"),
        pytest.param("/v1.0/users/u", 501, "NotImplemented", "users/u", id="a-user"),
        pytest.param("/v1.0/$all", 501, "NotImplemented", "$all", id="all"),
        pytest.param("/v1.0/$nothing", 400, "BadRequest", f"{MISSING} '$nothing'", id="nothing-of-odata"),
        pytest.param(f"{EVENTS}/$nothing", 400, "BadRequest", f"{MISSING} '$nothing'", id="nothing-behind-events"),
        pytest.param(f"{EVENTS}/1/$nothing", 400, "BadRequest", f"{MISSING} '$nothing'", id="nothing-behind-an-event"),
    ],
)
def test_an_address_that_leads_nowhere_says_where_it_went_wrong(
    client: Client, path: str, status: int, code: str, message: str
) -> None:
    """Graph's statuses and texts, with the segment at fault and the nearest name that exists."""
    assert message in refused(client.get(path), status, code)["message"]


def test_a_cast_finds_only_events_of_that_type(client: Client) -> None:
    """A cast segment hides what is of another type: 404 for GET, PATCH and DELETE, before and behind the key."""
    body = {"@odata.type": "#microsoft.graph.deviceManagementTroubleshootingEvent", "correlationId": "base"}
    base = client.post(EVENTS, body).json()["id"]
    for path in (f"{EVENTS}/{base}/{CAST}", f"{EVENTS}/{CAST}/{base}", f"{EVENTS}('{base}')/{CAST}"):
        refused(client.get(path), 404, "ResourceNotFound")
        refused(client.patch(path, {"correlationId": "other"}), 404, "ResourceNotFound")
        refused(client.delete(path), 404, "ResourceNotFound")
    assert client.get(f"{EVENTS}/{base}").json()["correlationId"] == "base"


def test_quotes_slashes_and_blanks_belong_to_a_key(client: Client) -> None:
    """`%2F` is part of its segment and a doubled quote is one quote: the answer names the key that was asked for."""
    for path in ("/users/a%20b%2Fc%27d/", "/users('a%20b%2Fc''d')/", "/users('a b%2Fc%27%27d')/"):
        reply = client.post(f"/v1.0{path}deviceManagementTroubleshootingEvents", {})
        assert reply.json()["userId"] == "a b/c'd"
        assert "/users/a%20b%2Fc%27d/deviceManagementTroubleshootingEvents/" in reply.headers["location"]
        assert client.get(reply.headers["location"]).json() == reply.json()


@pytest.mark.parametrize(
    ("forwarded", "base"),
    [
        pytest.param({}, None, id="as-the-host-header-says"),
        pytest.param({"Host": "graph.example:8443"}, "http://graph.example:8443", id="other-host"),
        pytest.param({"Host": "[::1]:80"}, "http://[::1]:80", id="ipv6"),
        pytest.param({"Host": 'x"><script>'}, None, id="host-that-is-none"),
    ],
)
def test_links_begin_with_the_address_the_client_used(
    client: Client, service: Service, forwarded: dict[str, str], base: str | None
) -> None:
    """`Location` and `@odata.context` are absolute, under the host of the request where that is one."""
    headers = {"Authorization": f"Bearer {client.token}"} | forwarded
    reply = client.http.post(EVENTS, json={}, headers=headers)
    expected = base or service.url
    assert reply.headers["location"].startswith(f"{expected}{EVENTS}/")
    assert reply.json()["@odata.context"].startswith(f"{expected}/v1.0/$metadata#")


def test_a_head_of_a_missing_address_has_no_body(client: Client) -> None:
    """Errors of HEAD are statuses and headers alone (RFC 9110 §9.3.2)."""
    reply: httpx.Response = client("HEAD", "/v1.0/nowhere")
    assert (reply.status_code, reply.content) == (400, b"")
    assert int(reply.headers["content-length"]) > 0
