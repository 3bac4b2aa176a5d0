import xml.etree.ElementTree as ET

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.model import ComplexType, EntityType, EnumType, Model
from enrollscope.odata.metadata.csdl_xml import metadata_xml
from tests.odata.observatory import CURRENT, OLD

EDMX = "{http://docs.oasis-open.org/odata/ns/edmx}"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
V1 = SCHEMA.view("v1.0")
BETA = SCHEMA.view("beta")

MODELS = pytest.mark.parametrize(
    "model",
    [
        pytest.param(V1, id="v1.0"),
        pytest.param(BETA, id="beta"),
        pytest.param(OLD, id="observatory-1"),
        pytest.param(CURRENT, id="observatory-2"),
    ],
)


def schema_of(model: Model) -> ET.Element:
    """The Schema element of a model's metadata."""
    found = ET.fromstring(metadata_xml(model)).find(f"{EDMX}DataServices/{EDM}Schema")  # noqa: S314  # our own document
    assert found is not None
    return found


def named(parent: ET.Element, kind: str, name: str) -> ET.Element:
    """The child of that kind and name."""
    found = parent.find(f"{EDM}{kind}[@Name='{name}']")
    assert found is not None
    return found


def attributes(parent: ET.Element, kind: str) -> list[dict[str, str]]:
    """The attributes of all children of a kind, in order."""
    return [child.attrib for child in parent.findall(f"{EDM}{kind}")]


def test_the_document() -> None:
    """The metadata is one schema in the envelope of OData 4.0, in UTF-8, with the vocabulary it uses."""
    document = metadata_xml(V1)
    assert document.decode("utf-8").startswith("<?xml version='1.0' encoding='utf-8'?>")
    root = ET.fromstring(document)  # noqa: S314  # our own document
    assert (root.tag, root.attrib) == (f"{EDMX}Edmx", {"Version": "4.0"})
    assert [item.get("Namespace") for item in root.findall(f"{EDMX}Reference/{EDMX}Include")] == [
        "Org.OData.Core.V1",
        "Org.OData.Capabilities.V1",
    ]
    assert schema_of(V1).attrib == {"Namespace": "microsoft.graph", "Alias": "graph"}


def test_the_event_types_of_v1() -> None:
    """Properties stand as the CSDL of Graph has them: types by alias, `Nullable` only where false.

    The one facet beyond is the precision of points in time: without it there were no fractions of a second.
    """
    schema = schema_of(V1)
    entity = named(schema, "EntityType", "entity")
    assert entity.attrib == {"Name": "entity", "Abstract": "true"}
    assert [item.get("Name") for item in entity.iter(f"{EDM}PropertyRef")] == ["id"]
    event = named(schema, "EntityType", "deviceManagementTroubleshootingEvent")
    assert event.get("BaseType") == "graph.entity"
    assert attributes(event, "Property") == [
        {"Name": "eventDateTime", "Type": "Edm.DateTimeOffset", "Nullable": "false", "Precision": "7"},
        {"Name": "correlationId", "Type": "Edm.String"},
    ]
    enrollment = named(schema, "EntityType", "enrollmentTroubleshootingEvent")
    assert enrollment.get("BaseType") == "graph.deviceManagementTroubleshootingEvent"
    assert attributes(enrollment, "Property")[-3:] == [
        {"Name": "enrollmentType", "Type": "graph.deviceEnrollmentType", "Nullable": "false"},
        {"Name": "failureCategory", "Type": "graph.deviceEnrollmentFailureReason", "Nullable": "false"},
        {"Name": "failureReason", "Type": "Edm.String"},
    ]


def test_versions_differ() -> None:
    """Beta declares its types, properties and members; v1.0 does not mention them."""
    assert {"appleVppTokenTroubleshootingEvent", "keyValuePair", "tokenId"} <= words(BETA)
    assert not {"appleVppTokenTroubleshootingEvent", "keyValuePair", "tokenId", "eventName"} & words(V1)
    assert "androidEnterpriseFullyManaged" in words(BETA)
    assert not {"androidEnterpriseFullyManaged", "appleACMEBasicBYOD"} & words(V1)
    event = named(schema_of(BETA), "EntityType", "deviceManagementTroubleshootingEvent")
    assert attributes(event, "Property")[-2:] == [
        {"Name": "additionalInformation", "Type": "Collection(graph.keyValuePair)", "Nullable": "true"},
        {"Name": "troubleshootingErrorDetails", "Type": "graph.deviceManagementTroubleshootingErrorDetails"},
    ]


def words(model: Model) -> set[str | None]:
    """Every name that the metadata declares."""
    return {element.get("Name") for element in schema_of(model).iter()}


def test_members_have_their_numbers() -> None:
    """An enumeration lists the members of the version with the values that are stored."""
    members = attributes(named(schema_of(V1), "EnumType", "deviceEnrollmentType"), "Member")
    assert members[0] == {"Name": "unknown", "Value": "0"}
    assert members[-1] == {"Name": "unknownFutureValue", "Value": "26"}
    assert len(members) == 14


def test_the_container_and_the_ways_to_events() -> None:
    """Sets and singletons are in the container; the events are contained in what they are reached by."""
    schema = schema_of(V1)
    container = named(schema, "EntityContainer", "GraphService")
    assert attributes(container, "EntitySet") == [{"Name": "users", "EntityType": "microsoft.graph.user"}]
    assert attributes(container, "Singleton") == [
        {"Name": "deviceManagement", "Type": "microsoft.graph.deviceManagement"},
        {"Name": "me", "Type": "microsoft.graph.user"},
    ]
    events = "Collection(graph.deviceManagementTroubleshootingEvent)"
    for owner, name in (
        ("deviceManagement", "troubleshootingEvents"),
        ("user", "deviceManagementTroubleshootingEvents"),
    ):
        links = attributes(named(schema, "EntityType", owner), "NavigationProperty")
        assert links == [{"Name": name, "Type": events, "ContainsTarget": "true"}]
    assert named(schema, "EntityType", "user").get("OpenType") == "true"


@MODELS
def test_every_description_is_told(model: Model) -> None:
    """What the declaration says of a thing, the metadata says of it."""
    told = [
        item.get("String")
        for item in schema_of(model).iter(f"{EDM}Annotation")
        if item.get("Term") == "Org.OData.Core.V1.Description"
    ]
    structured: list[EntityType | ComplexType] = [*model.entities, *model.complexes]
    declared = [
        *(item.description for item in structured),
        *(item.description for item in model.enums),
        *(own.description for item in structured for own in item.properties),
        *(link.description for item in model.entities for link in item.navigation),
    ]
    assert sorted(filter(None, declared)) == sorted(filter(None, told))


@MODELS
def test_every_type_that_is_named_is_declared(model: Model) -> None:
    """A client can resolve each name: built-in, or declared in the same document."""
    schema = schema_of(model)
    types: list[EntityType | ComplexType | EnumType] = [*model.entities, *model.complexes, *model.enums]
    declared = {f"{prefix}.{item.name}" for item in types for prefix in (model.namespace, model.alias)}
    used = {
        text.removeprefix("Collection(").rstrip(")")
        for element in schema.iter()
        for attribute in ("Type", "BaseType", "EntityType")
        if (text := element.get(attribute))
    }
    assert {name for name in used if not name.startswith("Edm.")} <= declared


def test_facets_are_given_where_their_absence_would_lie() -> None:
    """Without a scale CSDL allows a decimal no fraction, and without a precision a time none. No other type has any."""
    for item in attributes(named(schema_of(CURRENT), "EntityType", "probe"), "Property"):
        name = item["Type"].removeprefix("Collection(").rstrip(")")
        precise = {"Edm.DateTimeOffset", "Edm.Duration", "Edm.TimeOfDay"}
        expected = {"Scale"} if name == "Edm.Decimal" else {"Precision"} if name in precise else set()
        assert item.keys() - {"Name", "Type", "Nullable"} == expected


def test_collections_say_whether_their_items_can_be_null() -> None:
    """Of items nothing is assumed; of a single value, that it can."""
    for item in attributes(named(schema_of(CURRENT), "EntityType", "probe"), "Property"):
        collection = item["Type"].startswith("Collection(")
        assert item.get("Nullable") == ("false" if item["Name"] == "bands" else "true" if collection else None)
