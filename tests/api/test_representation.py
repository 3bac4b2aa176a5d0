"""What answers look like: contexts, metadata levels, types, selection, negotiation (contract §3.1-3.4)."""

from typing import Any

import pytest

from tests.api.service import BETA_EVENTS, EVENTS, Client, Service, my_events, refused, users_events

ENROLLMENT = "#microsoft.graph.enrollmentTroubleshootingEvent"
CAST = ENROLLMENT.removeprefix("#")
BASE = "#microsoft.graph.deviceManagementTroubleshootingEvent"
USER = "0b0b0b0b-1111-4222-8333-444444444444"
SET = "deviceManagement/troubleshootingEvents"


def context_of(reply: Any, service: Service, version: str = "v1.0") -> str:
    """The fragment of a context URL, whose base must be right."""
    base, _, fragment = reply.json()["@odata.context"].partition("#")
    assert base == f"{service.url}/{version}/$metadata"
    assert next(iter(reply.json())) == "@odata.context"
    return str(fragment)


@pytest.mark.parametrize(
    ("path", "fragment"),
    [
        pytest.param(f"{EVENTS}/{{id}}", f"{SET}/$entity", id="item"),
        pytest.param(f"{EVENTS}('{{id}}')", f"{SET}/$entity", id="item-in-parentheses"),
        pytest.param(f"{EVENTS.lower()}/{{id}}", f"{SET}/$entity", id="canonical-spelling"),
        pytest.param(f"{EVENTS}/{{id}}/{CAST}", f"{SET}/{CAST}/$entity", id="item-cast"),
        pytest.param(f"{EVENTS}/{CAST}/{{id}}", f"{SET}/{CAST}/$entity", id="cast-item"),
        pytest.param(f"{EVENTS}/{{id}}/graph.enrollmentTroubleshootingEvent", f"{SET}/{CAST}/$entity", id="alias-cast"),
        pytest.param(
            f"{EVENTS}/{{id}}?$select=id,eventDateTime", f"{SET}(id,eventDateTime)/$entity", id="selected-in-order"
        ),
        pytest.param(
            f"{EVENTS}/{{id}}?$select=eventDateTime,ID", f"{SET}(eventDateTime,id)/$entity", id="selected-other-order"
        ),
        pytest.param(
            f"{EVENTS}/{{id}}?$select=failureCategory", f"{SET}(failureCategory)/$entity", id="selected-derived"
        ),
        pytest.param(
            f"{EVENTS}/{{id}}?$select=id,{CAST}/osVersion", f"{SET}(id,{CAST}/osVersion)/$entity", id="selected-by-cast"
        ),
        pytest.param(f"{EVENTS}/{{id}}?$select=*", f"{SET}(*)/$entity", id="selected-all"),
        pytest.param(
            f"{EVENTS}/{{id}}/{CAST}?$select=osVersion", f"{SET}/{CAST}(osVersion)/$entity", id="cast-and-selected"
        ),
        pytest.param(
            f"{users_events(USER)}/{{id}}",
            f"users('{USER}')/deviceManagementTroubleshootingEvents/$entity",
            id="users-item",
        ),
        pytest.param(
            f"{my_events()}/{{id}}", f"users('{USER}')/deviceManagementTroubleshootingEvents/$entity", id="my-item"
        ),
        pytest.param(
            "/v1.0/users/me-token-to-replace/deviceManagementTroubleshootingEvents/{id}",
            f"users('{USER}')/deviceManagementTroubleshootingEvents/$entity",
            id="the-sdks-me",
        ),
    ],
)
def test_the_context_of_an_item(service: Service, path: str, fragment: str) -> None:
    """The context names the path as Graph spells it, `/me` as the user, and the select list in the client's order."""
    client = service.client(user=USER)
    event = client.create(userId=USER)
    assert context_of(client.get(path.replace("{id}", event["id"])), service) == fragment


@pytest.mark.parametrize(
    ("path", "fragment"),
    [
        pytest.param(EVENTS, f"{SET}/$entity", id="events"),
        pytest.param(f"{EVENTS}?$select=id", f"{SET}(id)/$entity", id="selected"),
        pytest.param(
            users_events("alice%40contoso.com"),
            "users('alice%40contoso.com')/deviceManagementTroubleshootingEvents/$entity",
            id="encoded-user",
        ),
        pytest.param(
            users_events("o'neil"), "users('o%27%27neil')/deviceManagementTroubleshootingEvents/$entity", id="quote"
        ),
    ],
)
def test_the_context_of_what_was_created_and_changed(
    client: Client, service: Service, path: str, fragment: str
) -> None:
    """POST and PATCH answer with the context of the item."""
    reply = client.post(path, {"osVersion": "10"})
    assert context_of(reply, service) == fragment
    item = reply.headers["location"] + ("?$select=id" if "select" in path else "")
    assert context_of(client.patch(item, {"osVersion": "11"}), service) == fragment


def test_the_context_of_beta_names_beta(client: Client, service: Service) -> None:
    """Each version's context points to its own metadata."""
    event = client.create(BETA_EVENTS)
    assert context_of(client.get(f"{BETA_EVENTS}/{event['id']}"), service, "beta") == f"{SET}/$entity"


@pytest.mark.parametrize(
    ("created_as", "shown"),
    [
        pytest.param({"osVersion": "10"}, ENROLLMENT, id="derived-inferred"),
        pytest.param({"@odata.type": ENROLLMENT}, ENROLLMENT, id="derived-named"),
        pytest.param({"@odata.type": CAST.upper()}, ENROLLMENT, id="derived-named-loosely"),
        pytest.param({}, None, id="base-inferred"),
        pytest.param({"@odata.type": BASE}, None, id="base-named"),
    ],
)
def test_the_type_is_named_exactly_where_it_is_not_the_declared_one(
    client: Client, created_as: dict[str, Any], shown: str | None
) -> None:
    """Minimal metadata: `@odata.type` on every enrollment event and on no base event, whatever is selected."""
    event = client.post(EVENTS, created_as).json()
    assert event.get("@odata.type") == shown
    for query in ("", "?$select=id", "?$select=correlationId"):
        assert client.get(f"{EVENTS}/{event['id']}{query}").json().get("@odata.type") == shown


def test_the_type_stays_under_a_cast(client: Client) -> None:
    """A cast makes the type the declared one; it is named all the same, since SDKs read a missing one as the base."""
    event = client.create()
    assert client.get(f"{EVENTS}/{event['id']}/{CAST}").json()["@odata.type"] == ENROLLMENT


def test_a_selection_shows_what_was_asked_for_and_no_more(client: Client) -> None:
    """`$select` adds nothing of its own, not even the key; control information is not subject to it."""
    event = client.create(osVersion="10")
    body = client.get(f"{EVENTS}/{event['id']}?$select=osVersion,FAILURECATEGORY").json()
    assert [name for name in body if "@" not in name] == ["osVersion", "failureCategory"]
    assert {name for name in body if "@" in name} == {"@odata.context", "@odata.type", "@odata.etag"}


FORMS = [
    pytest.param(f"application/json;{name}={{}}", id=name) for name in ("odata.metadata", "metadata", "ODATA.METADATA")
]


@pytest.mark.parametrize("form", FORMS)
def test_no_metadata_is_the_bare_values(client: Client, form: str) -> None:
    """Level none: no context, no type, no tag in the body."""
    event = client.create()
    reply = client.get(f"{EVENTS}/{event['id']}", Accept=form.format("none"))
    assert "odata.metadata=none" in reply.headers["content-type"]
    assert reply.json() == {name: value for name, value in event.items() if "@" not in name}
    assert reply.headers["etag"] == event["@odata.etag"]


@pytest.mark.parametrize("form", FORMS)
def test_full_metadata_tells_types_and_links(client: Client, service: Service, form: str) -> None:
    """Level full: the type of each value that JSON cannot tell, the address of the entity, all that minimal has."""
    event = client.create(userId=USER)
    reply = client.get(f"{EVENTS}/{event['id']}", Accept=form.format("full"))
    body = reply.json()
    assert "odata.metadata=full" in reply.headers["content-type"]
    address = f"{service.url}{EVENTS}('{event['id']}')"
    added = {
        "@odata.id": address,
        "@odata.editLink": address,
        "eventDateTime@odata.type": "#DateTimeOffset",
        "enrollmentType@odata.type": "#microsoft.graph.deviceEnrollmentType",
        "failureCategory@odata.type": "#microsoft.graph.deviceEnrollmentFailureReason",
    }
    assert body == event | added
    assert client.get(body["@odata.id"]).status_code == 200


def test_full_metadata_names_the_type_of_a_base_event(client: Client) -> None:
    """Level full has `@odata.type` on every entity."""
    event = client.post(EVENTS, {}).json()
    body = client.get(f"{EVENTS}/{event['id']}", Accept="application/json;odata.metadata=full").json()
    assert body["@odata.type"] == BASE


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("application/json", "minimal", id="json"),
        pytest.param("*/*", "minimal", id="anything"),
        pytest.param("application/*", "minimal", id="any-application"),
        pytest.param("", "minimal", id="empty"),
        pytest.param("application/json;odata=verbose,text/plain, */*; q=0.01", "minimal", id="old-clients"),
        pytest.param("application/json;q=0.5,application/json;odata.metadata=none", "none", id="quality"),
        pytest.param("text/html, application/xml;q=0.9, */*;q=0.8", "minimal", id="a-browser"),
        pytest.param("application/json; charset=utf-8", "minimal", id="charset"),
        pytest.param('application/json;odata.metadata="full"', "full", id="quoted"),
        pytest.param("application/xml", None, id="xml"),
        pytest.param("application/atom+xml", None, id="atom"),
        pytest.param("text/plain;q=0.9", None, id="plain-text"),
        pytest.param("application/json;q=0", None, id="json-excluded"),
        pytest.param("application/json;odata.metadata=most", None, id="no-such-level"),
        pytest.param("application/json;charset=utf-16", None, id="other-charset"),
    ],
)
def test_accept_is_honoured_or_refused(client: Client, accept: str, expected: str | None) -> None:
    """What `Accept` lets through decides the metadata level; what excludes JSON is 406 and says what there is."""
    reply = client.get(f"{EVENTS}/{client.create()['id']}", Accept=accept)
    if expected is None:
        assert "application/json" in refused(reply, 406, "NotAcceptable")["message"]
    else:
        assert (reply.status_code, f"odata.metadata={expected}" in reply.headers["content-type"]) == (200, True)


@pytest.mark.parametrize(
    ("query", "status", "level"),
    [
        pytest.param("$format=json", 200, "minimal", id="short"),
        pytest.param("format=JSON", 200, "minimal", id="without-dollar"),
        pytest.param("$format=application/json", 200, "minimal", id="media-type"),
        pytest.param("$format=application/json;odata.metadata=full", 200, "full", id="with-level"),
        pytest.param("$format=application%2Fjson%3Bodata.metadata%3Dnone", 200, "none", id="encoded"),
        pytest.param("$format=xml", 400, "", id="xml"),
        pytest.param("$format=atom", 400, "", id="atom"),
        pytest.param("$format=application/json;odata.metadata=most", 406, "", id="no-such-level"),
    ],
)
def test_format_overrides_accept(client: Client, query: str, status: int, level: str) -> None:
    """`$format` beats `Accept`, and is not ignored where it asks for what there is not."""
    reply = client.get(f"{EVENTS}/{client.create()['id']}?{query}", Accept="application/xml")
    assert reply.status_code == status, reply.text
    if status == 200:
        assert f"odata.metadata={level}" in reply.headers["content-type"]
    else:
        assert reply.json()["error"]["target"] == "$format"


@pytest.mark.parametrize(
    ("query", "accept", "expected"),
    [
        pytest.param("", "application/xml", "application/xml", id="xml"),
        pytest.param("", "*/*", "application/xml", id="anything"),
        pytest.param("", "application/json", "application/json", id="json"),
        pytest.param("?$format=xml", "application/json", "application/xml", id="format-xml"),
        pytest.param("?$format=application/xml", "application/json", "application/xml", id="format-media-type"),
        pytest.param("?$format=json", "application/xml", "application/json", id="format-json"),
        pytest.param("", "text/csv", 406, id="csv"),
        pytest.param("?$format=atom", "*/*", 400, id="format-atom"),
        pytest.param("?$top=1", "*/*", 400, id="an-option-that-makes-no-sense"),
    ],
)
def test_the_metadata_document_is_xml_or_json(client: Client, query: str, accept: str, expected: str | int) -> None:
    """`$metadata` answers in the form that `$format`, or else `Accept`, asks for, and refuses any other."""
    reply = client.get(f"/v1.0/$metadata{query}", Accept=accept)
    if isinstance(expected, int):
        assert reply.status_code == expected, reply.text
    else:
        assert reply.status_code == 200, reply.text
        assert reply.headers["content-type"].startswith(expected)
        assert reply.headers["odata-version"] == "4.0"
        assert "enrollmentTroubleshootingEvent" in reply.text


def test_the_service_document_lists_the_roots(client: Client, service: Service) -> None:
    """The version root names what can be navigated to, and its context is the metadata document."""
    for path in ("/v1.0", "/v1.0/", "/beta?$format=json"):
        reply = client.get(path)
        assert reply.headers["content-type"].startswith("application/json;odata.metadata=minimal")
        assert reply.json()["@odata.context"] == f"{service.url}/{path[1:5].rstrip('/')}/$metadata"
        assert {"users", "me", "deviceManagement"} <= {item["name"] for item in reply.json()["value"]}


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        pytest.param({}, "4.0", id="none"),
        pytest.param({"OData-MaxVersion": "4.0"}, "4.0", id="max-4.0"),
        pytest.param({"OData-MaxVersion": "4.01"}, "4.01", id="max-4.01"),
        pytest.param({"OData-Version": "4.0", "OData-MaxVersion": "9.9"}, "4.01", id="max-later"),
        pytest.param({"OData-MaxVersion": "3.0"}, None, id="max-below"),
        pytest.param({"OData-MaxVersion": "four"}, None, id="max-no-version"),
        pytest.param({"OData-Version": "3.0"}, None, id="payload-below"),
        pytest.param({"OData-Version": "5.0"}, None, id="payload-beyond"),
        pytest.param({"ConsistencyLevel": "eventual"}, "4.0", id="consistency-level-of-habit"),
        pytest.param({"return-client-request-id": "true"}, "4.0", id="historic-header"),
    ],
)
def test_protocol_versions_are_negotiated(client: Client, headers: dict[str, str], version: str | None) -> None:
    """4.0 is spoken unless the client can read 4.01 and says so; one that reads only older versions hears so."""
    reply = client.get(f"{EVENTS}/{client.create()['id']}", **headers)
    if version is None:
        assert refused(reply, 400)["target"] in headers
    else:
        assert (reply.status_code, reply.headers["odata-version"]) == (200, version)
