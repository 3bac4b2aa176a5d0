"""How the service describes itself, over HTTP: which form a client gets, and that what is claimed is true."""

import xml.etree.ElementTree as ET
from typing import Any

import httpx
import pytest

from enrollscope.odata.edm.functions import FUNCTIONS
from tests.api.service import BETA_EVENTS, EVENTS, Client, Service, refused

EDMX = "{http://docs.oasis-open.org/odata/ns/edmx}"
METADATA = "/v1.0/$metadata"
XML = "application/xml;charset=utf-8"
JSON = "application/json;charset=utf-8"
CORE = "@Org.OData.Core.V1"
CAPABILITIES = "@Org.OData.Capabilities.V1"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("*/*", XML, id="anything"),
        pytest.param("", XML, id="empty"),
        pytest.param("application/*", XML, id="application"),
        pytest.param("application/xml", XML, id="xml"),
        pytest.param("application/json", JSON, id="json"),
        pytest.param("application/json;odata.metadata=minimal", JSON, id="json-with-a-parameter"),
        pytest.param("application/json, application/xml", XML, id="both-alike"),
        pytest.param("application/xml;q=0.5, application/json", JSON, id="json-rather"),
        pytest.param("application/json;q=0.5, */*;q=0.1", JSON, id="json-rather-than-anything"),
        pytest.param("application/xml;q=0, */*", JSON, id="anything-but-xml"),
        pytest.param("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", XML, id="browser"),
        pytest.param("application/json;odata=verbose, text/plain, */*; q=0.01", JSON, id="old-odata-library"),
    ],
)
def test_accept_decides_between_xml_and_json(client: Client, accept: str, expected: str) -> None:
    """XML where the client does not care, as every OData service has it; caches are told what the choice hangs on."""
    reply = client.get(METADATA, Accept=accept)
    assert (reply.status_code, reply.headers["content-type"]) == (200, expected)
    assert reply.headers["odata-version"] == "4.0"
    assert "Accept" in reply.headers["vary"]
    if expected == XML:
        assert ET.fromstring(reply.content).tag == f"{EDMX}Edmx"  # noqa: S314  # our own document
    else:
        assert reply.json()["$EntityContainer"] == "microsoft.graph.GraphService"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param("xml", XML, id="xml"),
        pytest.param("application/xml", XML, id="media-type-xml"),
        pytest.param("json", JSON, id="json"),
        pytest.param("JSON", JSON, id="in-capitals"),
        pytest.param("application/json;odata.metadata=full", JSON, id="media-type-json"),
    ],
)
@pytest.mark.parametrize("accept", ["application/xml", "application/json", "text/html"])
def test_format_outweighs_accept(client: Client, wanted: str, expected: str, accept: str) -> None:
    """A link can say which form it means, whatever the program that follows it sends."""
    reply = client("GET", f"{METADATA}?$format={wanted}", Accept=accept)
    assert (reply.status_code, reply.headers["content-type"]) == (200, expected)


@pytest.mark.parametrize("accept", ["text/html", "application/atom+xml", "*/*;q=0", "application/xml;q=0"])
def test_other_forms_are_not_offered(client: Client, accept: str) -> None:
    """406, with the forms there are."""
    error = refused(client.get(METADATA, Accept=accept), 406, "NotAcceptable")
    assert error["message"] == "$metadata is offered as application/xml and application/json."


def test_other_formats_are_not_offered(client: Client) -> None:
    """The option names what it may be."""
    assert "xml or json" in refused(client.get(f"{METADATA}?$format=atom"), 400)["message"]


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_openapi_is_served_for_the_address_that_was_asked(client: Client, service: Service, version: str) -> None:
    """The document names the server it came from, so that tools need nothing else."""
    reply = client.get(f"/{version}/openapi.json")
    assert (reply.status_code, reply.headers["content-type"]) == (200, JSON)
    document = reply.json()
    assert document["openapi"] == "3.1.0"
    assert document["info"]["version"] == version
    assert document["servers"] == [{"url": f"{service.url}/{version}"}]
    assert ("microsoft.graph.appleVppTokenTroubleshootingEvent" in document["components"]["schemas"]) == (
        version == "beta"
    )


def test_openapi_is_json_alone(client: Client) -> None:
    """It is read with GET, and as nothing else."""
    refused(client.get("/v1.0/openapi.json", Accept="application/yaml"), 406, "NotAcceptable")
    reply = client.post("/v1.0/openapi.json", {})
    refused(reply, 405, "MethodNotAllowed")
    assert reply.headers["allow"] == "GET, HEAD"
    refused(client.get("/v1.0/openapi.json/paths"), 400)


DOCUMENTS = ["/v1.0", "/beta/", "/v1.0/$metadata", "/v1.0/%24metadata", "/v1.0/openapi.json"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_anyone_reads_what_describes_the_service(service: Service, path: str) -> None:
    """As in Graph: tools read it before they know how to sign in. It is the same for all."""
    reply = service.http.get(path)
    assert reply.status_code == 200
    assert reply.text == service.client().get(path).text


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_bad_token_is_refused_also_where_none_is_needed(service: Service, path: str) -> None:
    """A client that tries to sign in hears that it failed."""
    refused(service.http.get(path, headers={"Authorization": "Bearer nonsense"}), 401, "InvalidAuthenticationToken")


@pytest.mark.parametrize("path", ["/v1.0/$metadata/x", "/v1.0/$batch", "/v1.0/deviceManagement", "/v1.0/$metadata%2F"])
def test_everything_else_needs_a_token(service: Service, path: str) -> None:
    """Only the documents themselves are open."""
    refused(service.http.get(path), 401, "InvalidAuthenticationToken")


class Claims:
    """What the metadata of a version claims of its container and of one collection."""

    def __init__(self, client: Client, version: str) -> None:
        document = client.get(f"/{version}/$metadata", Accept="application/json").json()
        schema = document["microsoft.graph"]
        self.schema: dict[str, Any] = schema
        self.container: dict[str, Any] = schema["GraphService"]
        self.events: dict[str, Any] = schema["deviceManagement"]["troubleshootingEvents"]

    def of_container(self, term: str) -> Any:
        """The value of a Capabilities term on the container."""
        return self.container[f"{CAPABILITIES}.{term}"]

    def of_events(self, term: str) -> Any:
        """The value of a Capabilities term on the collection of events."""
        return self.events[f"{CAPABILITIES}.{term}"]

    def properties(self) -> dict[str, dict[str, Any]]:
        """Every property that an event can have."""
        kinds = [kind for kind in self.schema.values() if isinstance(kind, dict) and kind.get("$Kind") == "EntityType"]
        found: dict[str, dict[str, Any]] = {}
        for kind in kinds:
            found |= {
                name: item for name, item in kind.items() if name[0] not in "$@" and "$ContainsTarget" not in item
            }
        return found


@pytest.fixture
def claims(client: Client) -> Claims:
    """The claims of v1.0."""
    return Claims(client, "v1.0")


def works(reply: httpx.Response) -> bool:
    """Whether a request was answered; what is refused is refused as wrong or as not there."""
    assert reply.status_code in (200, 400, 501), reply.text
    return reply.status_code == 200


@pytest.mark.parametrize(
    ("term", "member", "query"),
    [
        pytest.param("TopSupported", None, "$top=1", id="top"),
        pytest.param("SkipSupported", None, "$skip=1", id="skip"),
        pytest.param("CountRestrictions", "Countable", "$count=true", id="count"),
        pytest.param("FilterRestrictions", "Filterable", "$filter=id ne null", id="filter"),
        pytest.param("SortRestrictions", "Sortable", "$orderby=id", id="orderby"),
        pytest.param("SearchRestrictions", "Searchable", "$search=word", id="search"),
        pytest.param("SelectSupport", "Supported", "$select=id", id="select"),
        pytest.param("ExpandRestrictions", "Expandable", "$expand=anything", id="expand"),
    ],
)
def test_options_work_where_they_are_claimed(
    client: Client, claims: Claims, term: str, member: str | None, query: str
) -> None:
    """And are refused where they are not."""
    claim = claims.of_events(term)
    assert works(client.get(f"{EVENTS}?{query}")) is (claim if member is None else claim[member])


@pytest.mark.parametrize(
    ("member", "options"),
    [
        pytest.param("Expandable", "$expand=anything", id="expand"),
        pytest.param("Filterable", "$filter=name ne null", id="filter"),
        pytest.param("Searchable", "$search=word", id="search"),
        pytest.param("TopSupported", "$top=1", id="top"),
        pytest.param("SkipSupported", "$skip=1", id="skip"),
        pytest.param("ComputeSupported", "$compute=length(name) as n", id="compute"),
        pytest.param("Countable", "$count=true", id="count"),
        pytest.param("Sortable", "$orderby=name", id="orderby"),
    ],
)
def test_options_inside_of_select_work_where_they_are_claimed(client: Client, member: str, options: str) -> None:
    """And are refused where they are not."""
    claim = Claims(client, "beta").of_events("SelectSupport")[member]
    assert works(client.get(f"{BETA_EVENTS}?$select=additionalInformation({options})")) is claim


def test_computed_columns_work_where_they_are_claimed(client: Client, claims: Claims) -> None:
    """`$compute`."""
    assert works(client.get(f"{EVENTS}?$compute=length(id) as n")) is claims.of_container("ComputeSupported")


CALLS = {
    "concat": "concat(id,'x') ne ''",
    "contains": "contains(id,'x')",
    "endswith": "endswith(id,'x')",
    "indexof": "indexof(id,'x') eq 1",
    "length": "length(id) gt 1",
    "startswith": "startswith(id,'x')",
    "substring": "substring(id,1) ne ''",
    "matchespattern": "matchesPattern(id,'x')",
    "tolower": "tolower(id) ne ''",
    "toupper": "toupper(id) ne ''",
    "trim": "trim(id) ne ''",
    "date": "date(eventDateTime) ge 2000-01-01",
    "day": "day(eventDateTime) ge 1",
    "fractionalseconds": "fractionalseconds(eventDateTime) ge 0",
    "hour": "hour(eventDateTime) ge 1",
    "maxdatetime": "eventDateTime lt maxdatetime()",
    "mindatetime": "eventDateTime gt mindatetime()",
    "minute": "minute(eventDateTime) ge 1",
    "month": "month(eventDateTime) ge 1",
    "now": "eventDateTime lt now()",
    "second": "second(eventDateTime) ge 1",
    "time": "time(eventDateTime) ge 10:00:00",
    "totaloffsetminutes": "totaloffsetminutes(eventDateTime) eq 0",
    "totalseconds": "totalseconds(duration'PT1S') eq 1",
    "year": "year(eventDateTime) ge 2000",
    "ceiling": "ceiling(1.5) eq 2",
    "floor": "floor(1.5) eq 1",
    "round": "round(1.5) eq 2",
    "hassubset": "hassubset([1,2],[1])",
    "hassubsequence": "hassubsequence([1,2],[1])",
    "geo.distance": "geo.distance(geography'Point(0 0)',geography'Point(0 1)') gt 0",
    "geo.intersects": "geo.intersects(geography'Point(0 0)',geography'Polygon((0 0,0 1,1 1,0 0))')",
    "geo.length": "geo.length(geography'LineString(0 0,0 1)') gt 0",
    "isdefined": "isdefined(id)",
}


def test_every_function_of_odata_is_asked_for() -> None:
    """The test below leaves none out."""
    assert CALLS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("function", CALLS)
def test_functions_work_where_they_are_claimed(client: Client, claims: Claims, function: str) -> None:
    """Each function of OData is claimed and works in a filter, or is neither."""
    reply = client.get(f"{EVENTS}?$filter={CALLS[function]}")
    assert works(reply) is (function in claims.of_container("FilterFunctions"))


@pytest.mark.parametrize(("version", "path"), [("v1.0", EVENTS), ("beta", BETA_EVENTS)])
def test_properties_can_be_compared_and_ordered_by_where_that_is_claimed(
    client: Client, version: str, path: str
) -> None:
    """All but those that are named as exceptions."""
    claims = Claims(client, version)
    unfit = claims.of_events("FilterRestrictions").get("NonFilterableProperties", [])
    unsorted = claims.of_events("SortRestrictions").get("NonSortableProperties", [])
    names = claims.properties()
    assert {"eventDateTime", "failureCategory"} <= names.keys()
    for name in names:
        condition = f"{name}/any()" if names[name].get("$Collection") else f"{name} eq null"
        assert works(client.get(f"{path}?$filter={condition}")) is (name not in unfit), name
        assert works(client.get(f"{path}?$orderby={name}")) is (name not in unsorted), name


def test_keys_as_segments(client: Client, claims: Claims) -> None:
    """Members are found by key, and the key can be a segment."""
    event = client.create()
    assert claims.of_events("IndexableByKey") is True
    assert claims.of_container("KeyAsSegmentSupported") is True
    assert client.get(f"{EVENTS}/{event['id']}").json()["id"] == event["id"]
    assert client.get(f"{EVENTS}('{event['id']}')").json()["id"] == event["id"]


def test_writes_are_what_they_are_claimed_to_be(client: Client, claims: Claims) -> None:
    """Insert, update and delete one by one; no upsert, no change of many at once."""
    assert claims.of_events("InsertRestrictions") == {"Insertable": True}
    event = client.create()
    updating, deleting = claims.of_events("UpdateRestrictions"), claims.of_events("DeleteRestrictions")
    assert updating == {"Updatable": True, "Upsertable": False, "FilterSegmentSupported": False}
    assert deleting == {"Deletable": True, "FilterSegmentSupported": False}
    assert client.patch(f"{EVENTS}/{event['id']}", {"correlationId": "x"}).status_code == 200
    assert client.patch(f"{EVENTS}/00000000-0000-7000-8000-000000000000", {"correlationId": "x"}).status_code == 404
    each = f"{EVENTS}/$filter(id eq '{event['id']}')/$each"
    assert client.patch(each, {"correlationId": "y"}).status_code == 501
    assert client.delete(each).status_code == 501
    assert client.delete(f"{EVENTS}/{event['id']}").status_code == 204


def test_versions_are_checked_where_that_is_claimed(client: Client, claims: Claims) -> None:
    """Every way to the events claims it, and a stale version is refused there."""
    for source, name in (
        ("deviceManagement", "troubleshootingEvents"),
        ("users", "deviceManagementTroubleshootingEvents"),
        ("me", "deviceManagementTroubleshootingEvents"),
    ):
        restrictions = claims.container[source][f"{CAPABILITIES}.NavigationRestrictions"]
        assert restrictions == {
            "RestrictedProperties": [{"NavigationProperty": name, "OptimisticConcurrencyControl": True}]
        }
    event = client.create(userId="u")
    body = {"correlationId": "x"}
    for path in (EVENTS, "/v1.0/users/u/deviceManagementTroubleshootingEvents"):
        assert client.patch(f"{path}/{event['id']}", body, If_Match='W/"0"').status_code == 412


def test_properties_that_the_service_sets(client: Client, claims: Claims) -> None:
    """What is computed does not listen to clients; what has a computed default gets one when it is left out."""
    properties = claims.properties()
    computed = {name for name, item in properties.items() if item.get(f"{CORE}.Computed")}
    defaults = {name for name, item in properties.items() if item.get(f"{CORE}.ComputedDefaultValue")}
    assert (computed, defaults) == ({"id"}, {"eventDateTime"})
    event = client.create(id="mine")
    assert event["id"] != "mine"
    assert event["eventDateTime"]


def test_formats_are_produced_where_they_are_claimed(client: Client, claims: Claims) -> None:
    """Each comes back exactly as it is claimed."""
    client.create()
    formats = claims.of_container("SupportedFormats")
    assert len(formats) == 6
    for media_type in formats:
        assert client.get(EVENTS, Accept=media_type).headers["content-type"] == media_type
    for media_type in claims.of_container("SupportedMetadataFormats"):
        assert client.get(METADATA, Accept=media_type).headers["content-type"].startswith(media_type)


def test_protocol_versions(client: Client, claims: Claims) -> None:
    """Answers come in each version that is claimed."""
    versions = claims.container[f"{CORE}.ODataVersions"].split()
    answered = [client.get(EVENTS, OData_MaxVersion=version).headers["odata-version"] for version in versions]
    assert answered == versions == ["4.0", "4.01"]


def test_what_is_claimed_not_to_be_there_is_refused(client: Client, claims: Claims) -> None:
    """Cross joins, queries in a body, and requests that answer later."""
    assert claims.of_container("CrossJoinSupported") is False
    assert client.get("/v1.0/$crossjoin(users)").status_code == 501
    assert claims.of_container("QuerySegmentSupported") is False
    assert client.post(f"{EVENTS}/$query", {}).status_code == 501
    assert claims.of_container("AsynchronousRequestsSupported") is False
    reply = client.get(EVENTS, Prefer="respond-async")
    assert (reply.status_code, "preference-applied" in reply.headers) == (200, False)


def test_batches_are_what_they_are_claimed_to_be(client: Client, claims: Claims) -> None:
    """JSON; no references between requests; no conditions on them."""
    claim = claims.of_container("BatchSupport")
    assert (claim["Supported"], claim["SupportedFormats"]) == (True, ["application/json"])
    create = {
        "id": "1",
        "method": "POST",
        "url": "/deviceManagement/troubleshootingEvents",
        "headers": {"Content-Type": "application/json"},
        "body": {},
    }
    follow = {"id": "2", "method": "GET", "url": "$1", "dependsOn": ["1"]}
    answers = client.post("/v1.0/$batch", {"requests": [create, follow]}).json()["responses"]
    assert claim["ReferencesAcrossChangeSetsSupported"] is False
    assert [answer["status"] for answer in answers] == [201, 501]
    assert claim["RequestDependencyConditionsSupported"] is False
    assert client.post("/v1.0/$batch", {"requests": [create | {"if": "true"}]}).status_code == 501
    assert claim["ContinueOnErrorSupported"] is False
    reply = client.post("/v1.0/$batch", {"requests": [create]}, Prefer="continue-on-error")
    assert "preference-applied" not in reply.headers
