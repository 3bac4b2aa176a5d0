from typing import Any

import pytest

from enrollscope.odata.errors import ModelValidationFailure
from tests.model.reading import BASE, ENROLLMENT, EXAMPLE, VPP, changed, created

MISSING_NAME = (
    "The property '{}' does not exist on type 'microsoft.graph.{}'. "
    "Make sure to only use property names that are defined by the type."
)
NOT_ASSIGNABLE = (
    "An entry with type 'microsoft.graph.{}' was found, but it is not assignable to the expected type "
    f"'microsoft.graph.{BASE}'. "
    "The type specified in the entry must be equal to either the expected type or a derived type."
)
NULL = (
    "A null value was found for the property named '{0}', which has the expected type '{1}[Nullable=False]'. "
    "The expected type '{1}[Nullable=False]' does not allow null values."
)
NODE = "An unexpected '{}' node was found when reading from the JSON reader. A '{}' node was expected."
LITERAL = "Cannot convert the literal '{}' to the expected type '{}'."
TYPED = {"@odata.type": f"#microsoft.graph.{ENROLLMENT}"}

# Version, body, start of the message, target. Refused by POST and PATCH alike.
FAULTS = [
    pytest.param("v1.0", [], NODE.format("StartArray", "StartObject"), None, id="array"),
    pytest.param("v1.0", "text", NODE.format("PrimitiveValue", "StartObject"), None, id="string"),
    pytest.param("v1.0", 7, NODE.format("PrimitiveValue", "StartObject"), None, id="number"),
    pytest.param("v1.0", None, NODE.format("PrimitiveValue", "StartObject"), None, id="null"),
    pytest.param("v1.0", {"colour": 1}, MISSING_NAME.format("colour", BASE), "colour", id="unknown"),
    pytest.param(
        "v1.0",
        {"osVersion": "1", "colour": 1},
        MISSING_NAME.format("colour", ENROLLMENT),
        "colour",
        id="unknown-beside",
    ),
    pytest.param(
        "v1.0", TYPED | {"colour": 1}, MISSING_NAME.format("colour", ENROLLMENT), "colour", id="unknown-typed"
    ),
    pytest.param(
        "v1.0",
        {"failurReason": "x"},
        MISSING_NAME.format("failurReason", BASE) + " Did you mean 'failureReason'?",
        "failurReason",
        id="near",
    ),
    pytest.param(
        "v1.0",
        {"FailureReason": "x"},
        MISSING_NAME.format("FailureReason", BASE) + " Did you mean 'failureReason'?",
        "FailureReason",
        id="names-match-exactly",
    ),
    pytest.param(
        "v1.0",
        {"failure_reason": "x"},
        MISSING_NAME.format("failure_reason", BASE) + " Did you mean 'failureReason'?",
        "failure_reason",
        id="alias-with-value",
    ),
    pytest.param("v1.0", {"": 1}, MISSING_NAME.format("", BASE), "", id="empty-name"),
    pytest.param(
        "v1.0", {"eventName": "x"}, MISSING_NAME.format("eventName", BASE), "eventName", id="beta-name-on-v1.0"
    ),
    pytest.param("v1.0", {"tokenId": "x"}, MISSING_NAME.format("tokenId", BASE), "tokenId", id="beta-type-on-v1.0"),
    pytest.param(
        "v1.0",
        {"enrollmentType": "String"},
        "Requested value 'String' was not found.",
        "enrollmentType",
        id="placeholder",
    ),
    pytest.param(
        "v1.0", {"failureCategory": "equals"}, "Requested value 'equals' was not found.", "failureCategory", id="member"
    ),
    pytest.param(
        "v1.0", {"failureCategory": ""}, "Requested value '' was not found.", "failureCategory", id="member-empty"
    ),
    pytest.param(
        "v1.0", {"failureCategory": "1"}, "Requested value '1' was not found.", "failureCategory", id="digits"
    ),
    pytest.param(
        "v1.0",
        {"enrollmentType": "androidEnterpriseFullyManaged"},
        "Requested value 'androidEnterpriseFullyManaged' was not found. "
        "With the header 'Prefer: include-unknown-enum-members'",
        "enrollmentType",
        id="beta-member-on-v1.0",
    ),
    pytest.param(
        "beta",
        {"enrollmentType": "appleACMEBasicBYOD"},
        "Requested value 'appleACMEBasicBYOD' was not found.",
        "enrollmentType",
        id="retired-member",
    ),
    pytest.param(
        "v1.0",
        {"failureCategory": 1},
        LITERAL.format("1", "microsoft.graph.deviceEnrollmentFailureReason"),
        "failureCategory",
        id="member-number",
    ),
    pytest.param("v1.0", {"osVersion": 0}, LITERAL.format("0", "Edm.String"), "osVersion", id="number-for-string"),
    pytest.param("v1.0", {"osVersion": True}, LITERAL.format("true", "Edm.String"), "osVersion", id="true-for-string"),
    pytest.param("v1.0", {"osVersion": 1.5}, LITERAL.format("1.5", "Edm.String"), "osVersion", id="float-for-string"),
    pytest.param(
        "v1.0", {"osVersion": {}}, NODE.format("StartObject", "PrimitiveValue"), "osVersion", id="object-for-string"
    ),
    pytest.param(
        "v1.0", {"osVersion": []}, NODE.format("StartArray", "PrimitiveValue"), "osVersion", id="array-for-string"
    ),
    pytest.param(
        "v1.0",
        {"osVersion": "a\0b"},
        LITERAL.format("a\0b", "Edm.String") + " A string cannot hold",
        "osVersion",
        id="nul",
    ),
    pytest.param(
        "v1.0",
        {"osVersion": "\ud800"},
        LITERAL.format("\\ud800", "Edm.String") + " A string cannot hold half",
        "osVersion",
        id="lone-surrogate",
    ),
    pytest.param(
        "v1.0",
        {"osVersion": 10**400},
        LITERAL.format("a number of about 398 digits", "Edm.String"),
        "osVersion",
        id="huge",
    ),
    pytest.param(
        "v1.0", {"eventDateTime": "X"}, LITERAL.format("X", "Edm.DateTimeOffset"), "eventDateTime", id="no-time"
    ),
    pytest.param(
        "v1.0", {"eventDateTime": 0}, LITERAL.format("0", "Edm.DateTimeOffset"), "eventDateTime", id="time-number"
    ),
    pytest.param(
        "v1.0",
        {"eventDateTime": "2024-05-15T24:00:00Z"},
        LITERAL.format("2024-05-15T24:00:00Z", "Edm.DateTimeOffset") + " The time of day",
        "eventDateTime",
        id="hour-24",
    ),
    pytest.param(
        "v1.0",
        {"eventDateTime": None},
        NULL.format("eventDateTime", "Edm.DateTimeOffset"),
        "eventDateTime",
        id="null-time",
    ),
    pytest.param(
        "v1.0",
        {"enrollmentType": None},
        NULL.format("enrollmentType", "microsoft.graph.deviceEnrollmentType"),
        "enrollmentType",
        id="null-member",
    ),
    pytest.param(
        "beta",
        {"additionalInformation": None},
        NULL.format("additionalInformation", "Collection(microsoft.graph.keyValuePair)") + " Send []",
        "additionalInformation",
        id="null-collection",
    ),
    pytest.param(
        "beta",
        {"additionalInformation": {}},
        NODE.format("StartObject", "StartArray"),
        "additionalInformation",
        id="no-list",
    ),
    pytest.param(
        "beta",
        {"additionalInformation": ["x"]},
        NODE.format("PrimitiveValue", "StartObject"),
        "additionalInformation/0",
        id="item",
    ),
    pytest.param(
        "beta",
        {"additionalInformation": [{}, {"nam": "x"}]},
        MISSING_NAME.format("nam", "keyValuePair") + " Did you mean 'name'?",
        "additionalInformation/1/nam",
        id="name-inside-item",
    ),
    pytest.param(
        "beta",
        {"troubleshootingErrorDetails": {"resources": [{"text": "t", "link": 1}]}},
        LITERAL.format("1", "Edm.String"),
        "troubleshootingErrorDetails/resources/0/link",
        id="value-deep-inside",
    ),
    pytest.param(
        "beta",
        {"troubleshootingErrorDetails": {"resources": None}},
        NULL.format("resources", "Collection(microsoft.graph.deviceManagementTroubleshootingErrorResource)"),
        "troubleshootingErrorDetails/resources",
        id="null-collection-inside",
    ),
    pytest.param(
        "beta",
        {"troubleshootingErrorDetails": {"@odata.type": "#microsoft.graph.keyValuePair"}},
        "An entry with type 'microsoft.graph.keyValuePair' was found, but it is not assignable",
        "troubleshootingErrorDetails/@odata.type",
        id="other-type-inside",
    ),
    pytest.param(
        "v1.0",
        {"@odata.type": "#microsoft.graph.X"},
        "A type named 'microsoft.graph.X' could not be resolved by the model. "
        "When a model is available, each type name must resolve to a valid type.",
        "@odata.type",
        id="type-unknown",
    ),
    pytest.param(
        "v1.0",
        {"@odata.type": f"#microsoft.graph.{VPP}"},
        f"A type named 'microsoft.graph.{VPP}' could not be resolved",
        "@odata.type",
        id="type-of-beta-on-v1.0",
    ),
    pytest.param(
        "v1.0",
        {"@odata.type": "#microsoft.graph.user"},
        NOT_ASSIGNABLE.format("user"),
        "@odata.type",
        id="type-unrelated",
    ),
    pytest.param(
        "beta",
        {"@type": "graph.keyValuePair"},
        NOT_ASSIGNABLE.format("keyValuePair"),
        "@odata.type",
        id="type-not-of-entities",
    ),
    pytest.param(
        "v1.0",
        {"@odata.type": "#microsoft.graph.entity"},
        "Cannot create an abstract class.",
        "@odata.type",
        id="type-abstract",
    ),
    pytest.param("v1.0", {"@odata.type": 5}, LITERAL.format("5", "Edm.String"), "@odata.type", id="type-number"),
]


@pytest.mark.parametrize(("version", "body", "message", "target"), FAULTS)
def test_faults_of_a_body(version: str, body: Any, message: str, target: str | None) -> None:
    """POST and PATCH refuse each fault of contract §3.7 with the text clients know and the path of the property."""
    for write in (created, changed):
        with pytest.raises(ModelValidationFailure) as caught:
            write(body, version)
        assert caught.value.message.startswith(message)
        assert caught.value.target == target


def test_an_unknown_member_lists_the_allowed_ones() -> None:
    """The answer names every member that would do, and none that would not."""
    with pytest.raises(ModelValidationFailure) as caught:
        changed({"enrollmentType": "String"})
    listed = caught.value.message.rpartition(": ")[2].rstrip(".").split(", ")
    assert len(listed) == 13
    assert "appleUserEnrollment" in listed
    assert "unknownFutureValue" not in listed


def test_all_faults_are_told_at_once() -> None:
    """The first fault is the message, those of other properties its details; a flood of them is cut."""
    with pytest.raises(ModelValidationFailure) as caught:
        changed(EXAMPLE | {"enrollmentType": "String", "failureCategory": "String", "osVersion": 0})
    assert caught.value.target == "osVersion"
    assert [detail.target for detail in caught.value.details] == ["enrollmentType", "failureCategory"]
    with pytest.raises(ModelValidationFailure) as caught:
        changed({f"name{number}": number for number in range(100_000)})
    assert len(caught.value.details) < 20


def test_a_long_name_is_cut_in_the_message() -> None:
    """A message stays readable, whatever the client sent."""
    with pytest.raises(ModelValidationFailure) as caught:
        changed({"x" * 1_000_000: "y"})
    assert len(caught.value.message) < 500
    assert caught.value.target is not None
    assert len(caught.value.target) < 200


@pytest.mark.parametrize(
    ("body", "message", "target"),
    [
        pytest.param(
            {"osVersion": "1", "tokenId": "t"},
            "No type has all of the properties 'osVersion', 'tokenId'.",
            "osVersion",
            id="two-types",
        ),
        pytest.param(
            {"@odata.type": f"#microsoft.graph.{BASE}", "osVersion": "1"},
            MISSING_NAME.format("osVersion", BASE),
            "osVersion",
            id="derived-property-of-declared-base",
        ),
        pytest.param(
            {"enrollmentType": "unknownFutureValue"},
            "Requested value 'unknownFutureValue' was not found.",
            "enrollmentType",
            id="sentinel",
        ),
    ],
)
def test_what_only_a_new_event_cannot_be(body: dict[str, Any], message: str, target: str) -> None:
    """A new event has one type, and no value that stands for another."""
    with pytest.raises(ModelValidationFailure) as caught:
        created(body, "beta")
    assert caught.value.message.startswith(message)
    assert caught.value.target == target
