"""The OpenAPI document: everything in it can be asked, and everything that can be asked is in it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.binding.binder import Asked, Binder
from enrollscope.odata.edm.model import Model
from enrollscope.odata.errors import MethodNotAllowed
from enrollscope.odata.grammar.options import NO_OPTIONS, parse_options
from enrollscope.odata.metadata.json_schema import Use, entity_schema, property_schema
from enrollscope.odata.metadata.openapi import openapi_document
from enrollscope.odata.plan.commands import ALWAYS
from enrollscope.odata.protocol.cursors import CursorSigner
from enrollscope.odata.protocol.headers import NO_PREFERENCES
from tests.odata.observatory import CURRENT, OLD

V1 = SCHEMA.view("v1.0")
BETA = SCHEMA.view("beta")
USER = "8c9f0c5e-2f1a-4b6f-9a55-0d3c7f1e2a44"
METHODS = ("get", "put", "post", "patch", "delete")
EVENT = "microsoft.graph.deviceManagementTroubleshootingEvent"
ENROLLMENT = "microsoft.graph.enrollmentTroubleshootingEvent"

MODELS = pytest.mark.parametrize(
    "model",
    [
        pytest.param(V1, id="v1.0"),
        pytest.param(BETA, id="beta"),
        pytest.param(OLD, id="observatory-1"),
        pytest.param(CURRENT, id="observatory-2"),
    ],
)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and content of each operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def bind(model: Model, method: str, path: str, query: str = "") -> object:
    """What a request comes to; keys are filled in."""
    options = parse_options(query) if query else NO_OPTIONS
    asked = Asked(
        method=method.upper(),
        path=re.sub(r"\{[^}]*\}", "1", path).lstrip("/"),
        options=options,
        preferences=NO_PREFERENCES,
        precondition=ALWAYS,
        tenant="tenant",
        user=USER,
        page_size=10,
    )
    return Binder(model, CursorSigner(b"0" * 32)).bind(asked)


def references(value: object) -> Iterator[str]:
    """Every reference below a value."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name == "$ref":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@MODELS
def test_every_operation_is_answered(model: Model) -> None:
    """Each path and method binds, and each method that is not described is refused."""
    document = openapi_document(model, 20)
    described = {(path, method) for path, method, _ in operations(document)}
    for path in document["paths"]:
        for method in METHODS:
            if (path, method) in described:
                bind(model, method, path)
            else:
                with pytest.raises(MethodNotAllowed):
                    bind(model, method, path)


@pytest.mark.parametrize("version", [pytest.param("v1.0", id="v1.0"), pytest.param("beta", id="beta")])
def test_every_way_to_events_is_described(version: str) -> None:
    """Three roots; each whole and narrowed to the types that are met there; list, count and member."""
    paths = set(openapi_document(SCHEMA.view(version), 20)["paths"])
    key = "{deviceManagementTroubleshootingEvent-id}"
    users = ("/users/{user-id}/deviceManagementTroubleshootingEvents", "/me/deviceManagementTroubleshootingEvents")
    everything = "/deviceManagement/troubleshootingEvents"
    casts = [(root, f"/{ENROLLMENT}") for root in (*users, everything)]
    if version == "beta":
        # No such event belongs to a user.
        casts.append((everything, "/microsoft.graph.appleVppTokenTroubleshootingEvent"))
    expected = {"/", "/$metadata", "/openapi.json", "/$batch"}
    for root, cast in [*casts, *((root, "") for root in (*users, everything))]:
        expected |= {f"{root}{cast}", f"{root}{cast}/$count", f"{root}/{key}{cast}"}
    assert paths == expected


@MODELS
def test_query_options_that_are_described_are_taken(model: Model) -> None:
    """Each with the values that its schema lists, or its examples."""
    document = openapi_document(model, 20)
    values = {"$count": ["true", "false"], "$top": ["0", "5"], "$skip": ["0", "999999999999999999"]}
    seen = set()
    for path, method, operation in operations(document):
        for parameter in operation.get("parameters", []):
            found = parameter
            if "$ref" in parameter:
                found = document["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
            if found["in"] != "query":
                continue
            samples = values.get(found["name"]) or [
                *(example["value"] for example in found.get("examples", {}).values()),
                *found["schema"].get("items", {}).get("enum", []),
            ]
            assert samples, found["name"]
            for sample in samples:
                bind(model, method, path, f"{found['name']}={sample}")
            seen.add(found["name"])
    assert seen >= {"$filter", "$orderby", "$select", "$top", "$skip", "$count"}


@MODELS
def test_the_document_is_whole(model: Model) -> None:
    """Nothing points to nowhere, no component lies unused, and operations have names of their own."""
    document = openapi_document(model, 20)
    used = set(references(document))
    components = document["components"]
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("headers", "parameters", "responses", "schemas")
        for name in components[kind]
    }
    assert used <= there
    # Of each type there is a schema for each use, also of one that nothing is made of.
    assert not {name for name in there - used if "/schemas/" not in name}
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)


@MODELS
def test_every_operation_can_fail_in_the_ways_all_can(model: Model) -> None:
    """A request that is wrong, not authenticated, not permitted, or that meets a defect."""
    for _, _, operation in operations(openapi_document(model, 20)):
        assert operation["responses"].keys() >= {"400", "401", "403", "406", "500"}


def test_a_batch_has_the_operators_limit() -> None:
    """The document tells as many requests as are taken."""
    schema = openapi_document(V1, 7)["components"]["schemas"]["batchRequest"]
    assert schema["properties"]["requests"]["maxItems"] == 7
    assert openapi_document(V1, 20)["components"]["schemas"]["batchRequest"]["properties"]["requests"]["maxItems"] == 20


def test_bodies_leave_out_what_the_path_says() -> None:
    """Below a user everything belongs to that user, and only what can belong to one is met."""
    document = openapi_document(BETA, 20)
    paths = document["paths"]
    body = paths["/users/{user-id}/deviceManagementTroubleshootingEvents"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    assert schema == {"$ref": f"#/components/schemas/{ENROLLMENT}.create.without.userId"}
    components = document["components"]["schemas"]
    assert "userId" not in components[f"{ENROLLMENT}.create.without.userId"]["properties"]
    assert "userId" in components[f"{ENROLLMENT}.create"]["properties"]
    everywhere = paths["/deviceManagement/troubleshootingEvents"]["post"]["requestBody"]
    names = {item["$ref"].rpartition("/")[2] for item in everywhere["content"]["application/json"]["schema"]["anyOf"]}
    assert names == {
        f"{name}.create" for name in (EVENT, ENROLLMENT, "microsoft.graph.appleVppTokenTroubleshootingEvent")
    }


def test_what_the_service_sets_is_in_answers_alone() -> None:
    """The key of an event is made here; a body that has one is not refused, and not described."""
    event = V1.entity("enrollmentTroubleshootingEvent")
    assert "id" in entity_schema(event, Use.ANSWER)["properties"]
    assert "id" not in entity_schema(event, Use.CREATE)["properties"]
    assert "id" not in entity_schema(event, Use.UPDATE)["properties"]


def test_what_a_new_entity_must_have_is_required() -> None:
    """What cannot be null and has no default: of events nothing, of other models what they say."""
    assert "required" not in entity_schema(V1.entity("enrollmentTroubleshootingEvent"), Use.CREATE)
    telescope = CURRENT.entity("telescope")
    assert set(entity_schema(telescope, Use.CREATE)["required"]) == {"code", "label"}
    assert "required" not in entity_schema(telescope, Use.UPDATE)


@pytest.mark.parametrize(
    ("name", "use", "expected"),
    [
        pytest.param("eventDateTime", Use.ANSWER, {"type": "string", "format": "date-time"}, id="time"),
        pytest.param("correlationId", Use.ANSWER, {"type": ["string", "null"]}, id="nullable-string"),
        pytest.param(
            "correlationId", Use.CREATE, {"type": ["string", "null"], "pattern": r"^[^\u0000]*$"}, id="written-string"
        ),
    ],
)
def test_values(name: str, use: Use, expected: dict[str, Any]) -> None:
    """Types, formats and null."""
    described = property_schema(V1.entity("enrollmentTroubleshootingEvent").by_name[name], use)
    assert {key: value for key, value in described.items() if key != "description"} == expected


def test_nothing_begins_as_the_sentinel() -> None:
    """A hidden member can be met and echoed; it cannot be made."""
    item = V1.entity("enrollmentTroubleshootingEvent").by_name["enrollmentType"]
    assert "unknownFutureValue" in property_schema(item, Use.ANSWER)["enum"]
    assert "unknownFutureValue" in property_schema(item, Use.UPDATE)["enum"]
    assert "unknownFutureValue" not in property_schema(item, Use.CREATE)["enum"]
