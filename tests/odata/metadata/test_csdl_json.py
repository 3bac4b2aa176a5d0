from typing import Any

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.model import ComplexType, EntityType, EnumType, Model
from enrollscope.odata.metadata.csdl_json import metadata_json
from tests.odata.observatory import CURRENT, OLD

V1 = SCHEMA.view("v1.0")
BETA = SCHEMA.view("beta")
DESCRIPTION = "@Org.OData.Core.V1.Description"

MODELS = pytest.mark.parametrize(
    "model",
    [
        pytest.param(V1, id="v1.0"),
        pytest.param(BETA, id="beta"),
        pytest.param(OLD, id="observatory-1"),
        pytest.param(CURRENT, id="observatory-2"),
    ],
)


def declared(model: Model) -> dict[str, Any]:
    """The one schema of the document."""
    found: dict[str, Any] = metadata_json(model)[model.namespace]
    return found


def facets(item: dict[str, Any]) -> dict[str, Any]:
    """What is said of something, its annotations left aside."""
    return {name: value for name, value in item.items() if "@" not in name}


def test_the_document() -> None:
    """One schema, the container by its qualified name, and the vocabularies that are used."""
    document = metadata_json(V1)
    assert document.keys() == {"$Version", "$EntityContainer", "$Reference", "microsoft.graph"}
    assert document["$Version"] == "4.0"
    assert document["$EntityContainer"] == "microsoft.graph.GraphService"
    vocabularies = "https://oasis-tcs.github.io/odata-vocabularies/vocabularies"
    assert document["$Reference"] == {
        f"{vocabularies}/Org.OData.Core.V1.json": {"$Include": [{"$Namespace": "Org.OData.Core.V1"}]},
        f"{vocabularies}/Org.OData.Capabilities.V1.json": {"$Include": [{"$Namespace": "Org.OData.Capabilities.V1"}]},
    }
    assert document["microsoft.graph"]["$Alias"] == "graph"


def test_the_event_types_of_v1() -> None:
    """The defaults of this format differ from those of XML: what can be null says so, what is a string does not."""
    schema = declared(V1)
    assert facets(schema["entity"]).keys() == {"$Kind", "$Abstract", "$Key", "id"}
    assert schema["entity"]["$Key"] == ["id"]
    assert facets(schema["entity"]["id"]) == {}
    event = facets(schema["deviceManagementTroubleshootingEvent"])
    assert (event["$Kind"], event["$BaseType"]) == ("EntityType", "graph.entity")
    assert facets(event["eventDateTime"]) == {"$Type": "Edm.DateTimeOffset", "$Precision": 7}
    assert facets(event["correlationId"]) == {"$Nullable": True}
    assert facets(schema["enrollmentTroubleshootingEvent"]["enrollmentType"]) == {"$Type": "graph.deviceEnrollmentType"}


def test_collections_and_complex_types_of_beta() -> None:
    """A collection is marked; whether it can be null speaks of its items."""
    schema = declared(BETA)
    event = schema["deviceManagementTroubleshootingEvent"]
    assert facets(event["additionalInformation"]) == {
        "$Collection": True,
        "$Type": "graph.keyValuePair",
        "$Nullable": True,
    }
    pair = facets(schema["keyValuePair"])
    assert pair["$Kind"] == "ComplexType"
    assert facets(pair["name"]) == {"$Nullable": True}


def test_enumerations() -> None:
    """Members with their numbers."""
    kind = facets(declared(V1)["deviceEnrollmentType"])
    assert kind.pop("$Kind") == "EnumType"
    assert list(kind.items())[:2] == [("unknown", 0), ("userEnrollment", 1)]
    assert kind["unknownFutureValue"] == 26


def test_the_container_and_the_ways_to_events() -> None:
    """Sets and singletons are in the container; the events are contained in what they are reached by."""
    schema = declared(V1)
    container = schema["GraphService"]
    assert container["$Kind"] == "EntityContainer"
    assert facets(container["users"]) == {"$Collection": True, "$Type": "graph.user"}
    assert facets(container["me"]) == {"$Type": "graph.user"}
    assert facets(schema["deviceManagement"]["troubleshootingEvents"]) == {
        "$Kind": "NavigationProperty",
        "$Collection": True,
        "$Type": "graph.deviceManagementTroubleshootingEvent",
        "$ContainsTarget": True,
    }


@MODELS
def test_everything_declared_is_there_and_nothing_else(model: Model) -> None:
    """Each type with its own members, and its description where it has one."""
    schema = {name: value for name, value in declared(model).items() if name not in ("$Alias", model.container)}
    types: list[EntityType | ComplexType | EnumType] = [*model.enums, *model.complexes, *model.entities]
    assert schema.keys() == {item.name for item in types}
    for item in types:
        told = schema[item.name]
        if isinstance(item, EnumType):
            names = {member.name for member in item.members}
        else:
            names = {own.name for own in item.properties}
            names |= {link.name for link in item.navigation} if isinstance(item, EntityType) else set()
        assert {name for name in told if name[0] not in "$@"} == names
        assert told.get(DESCRIPTION, "") == item.description
