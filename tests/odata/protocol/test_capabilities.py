"""What the annotations say follows from what the binder checks."""

from collections.abc import Iterable

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.functions import FUNCTIONS
from enrollscope.odata.edm.model import Default, Model, NavigationProperty, Primitive, Property
from enrollscope.odata.protocol.capabilities import (
    CAPABILITIES,
    COLLECTION_OPTIONS,
    CORE,
    NOT_YET,
    OFFERED_FUNCTIONS,
    SELECTED_OPTIONS,
    Annotation,
    AnnotationValue,
    annotations_of_collection,
    annotations_of_container,
    annotations_of_property,
    annotations_of_source,
)
from tests.odata.observatory import CURRENT

V1 = SCHEMA.view("v1.0")
BETA = SCHEMA.view("beta")


def told(annotations: Iterable[Annotation]) -> dict[str, AnnotationValue]:
    """Term without its vocabulary → value; each term once."""
    found = list(annotations)
    assert len({item.term for item in found}) == len(found)
    return {item.term.removeprefix(f"{CAPABILITIES}.").removeprefix(f"{CORE}."): item.value for item in found}


def navigation(model: Model, owner: str, name: str) -> NavigationProperty:
    """A navigation property of a model."""
    found = model.entity(owner).find_navigation(name)
    assert found is not None
    return found


def events(model: Model) -> dict[str, AnnotationValue]:
    """What is told of the collection of events."""
    return told(annotations_of_collection(model, navigation(model, "deviceManagement", "troubleshootingEvents")))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param(Property("p", Primitive.STRING), {}, id="nothing-special"),
        pytest.param(Property("p", Primitive.STRING, description="It is."), {"Description": "It is."}, id="described"),
        pytest.param(Property("p", Primitive.STRING, computed=True), {"Computed": True}, id="computed"),
        pytest.param(
            Property("p", Primitive.DATE_TIME_OFFSET, default=Default.NOW), {"ComputedDefaultValue": True}, id="now"
        ),
        pytest.param(Property("p", Primitive.STRING, default="x"), {}, id="constant-default"),
    ],
)
def test_properties(item: Property, expected: dict[str, AnnotationValue]) -> None:
    """Who sets them, and what they are."""
    assert told(annotations_of_property(item)) == expected


def test_collections_tell_what_can_be_asked_of_them() -> None:
    """Every option of a collection is spoken of, and agrees with what the binder takes."""
    found = events(V1)
    assert found["TopSupported"] is ("top" in COLLECTION_OPTIONS)
    assert found["SkipSupported"] is ("skip" in COLLECTION_OPTIONS)
    assert found["CountRestrictions"] == {"Countable": "count" in COLLECTION_OPTIONS}
    assert found["FilterRestrictions"] == {"Filterable": "filter" in COLLECTION_OPTIONS}
    assert found["SortRestrictions"] == {"Sortable": "orderby" in COLLECTION_OPTIONS}
    assert found["SearchRestrictions"] == {"Searchable": "search" in COLLECTION_OPTIONS}
    assert found["SelectSupport"] == {
        "Supported": "select" in COLLECTION_OPTIONS,
        "Expandable": False,
        "Filterable": "filter" in SELECTED_OPTIONS,
        "Searchable": "search" in SELECTED_OPTIONS,
        "TopSupported": "top" in SELECTED_OPTIONS,
        "SkipSupported": "skip" in SELECTED_OPTIONS,
        "ComputeSupported": "compute" in SELECTED_OPTIONS,
        "Countable": "count" in SELECTED_OPTIONS,
        "Sortable": "orderby" in SELECTED_OPTIONS,
    }
    assert found["ExpandRestrictions"] == {"Expandable": False}
    assert found["Description"] == "The troubleshooting events of the tenant."


def test_properties_that_cannot_order_are_named() -> None:
    """Complex ones and collections, those of derived types too, since they can be named without a cast."""
    unfit = ("additionalInformation", "troubleshootingErrorDetails")
    assert events(BETA)["FilterRestrictions"] == {"Filterable": True}
    assert events(BETA)["SortRestrictions"] == {"Sortable": True, "NonSortableProperties": unfit}
    parts = told(annotations_of_collection(CURRENT, navigation(CURRENT, "instrument", "spareParts")))
    sorting = parts["SortRestrictions"]
    assert isinstance(sorting, dict)
    assert {"mount", "bands", "stringList"} <= set(sorting["NonSortableProperties"])
    assert not {"band", "stringValue", "code"} & set(sorting["NonSortableProperties"])


def test_the_container() -> None:
    """Functions in the spelling that filters have, formats as they are sent, batches as they are taken."""
    found = told(annotations_of_container())
    assert found["FilterFunctions"] == tuple(sorted(name.lower() for name in OFFERED_FUNCTIONS))
    assert found["SupportedMetadataFormats"] == ("application/xml", "application/json")
    assert found["ComputeSupported"] is ("compute" in COLLECTION_OPTIONS)
    formats = found["SupportedFormats"]
    assert isinstance(formats, tuple)
    assert all(str(item).startswith("application/json;") for item in formats)
    assert len(set(formats)) == len(formats)
    batch = found["BatchSupport"]
    assert isinstance(batch, dict)
    assert (batch["Supported"], batch["SupportedFormats"]) == (True, ("application/json",))


def test_sources_tell_that_versions_are_checked() -> None:
    """One entry for each collection behind a singleton or an entity set; nothing where there is none."""
    assert told(annotations_of_source(V1, "user")) == {
        "NavigationRestrictions": {
            "RestrictedProperties": (
                {"NavigationProperty": "deviceManagementTroubleshootingEvents", "OptimisticConcurrencyControl": True},
            )
        }
    }
    assert told(annotations_of_source(V1, "entity")) == {}


def test_no_option_is_both_there_and_not() -> None:
    """What is taken is not told to be missing."""
    assert not COLLECTION_OPTIONS & NOT_YET


def test_functions_that_are_offered_exist() -> None:
    """What only places have is not offered."""
    assert all(FUNCTIONS[name.lower()].name == name for name in OFFERED_FUNCTIONS)
    assert "geo.distance" not in OFFERED_FUNCTIONS
