from typing import Any

import pytest

from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import BadRequest, ModelValidationFailure, NotBuilt
from tests.model.reading import (
    BASE,
    ENROLLMENT,
    EXAMPLE,
    NOW,
    READERS,
    USER,
    VPP,
    changed,
    created,
    scope_of,
    users_scope,
)

VERSIONS = pytest.mark.parametrize("version", [pytest.param("v1.0", id="v1.0"), pytest.param("beta", id="beta")])

TYPED = {"@odata.type": f"#microsoft.graph.{ENROLLMENT}"}


@VERSIONS
def test_the_example_of_the_reference_page(version: str) -> None:
    """The documented body is read to the last digit and offset."""
    type_name, values = created(EXAMPLE, version)
    assert type_name == ENROLLMENT
    assert values["eventDateTime"] == Instant.parse(EXAMPLE["eventDateTime"])
    assert (values["enrollmentType"], values["failureCategory"]) == (1, 1)
    texts = {name for name in EXAMPLE if EXAMPLE[name].endswith(" value")}
    assert {name: values[name] for name in texts} == {name: EXAMPLE[name] for name in texts}


@pytest.mark.parametrize(
    ("version", "body", "type_name"),
    [
        pytest.param("v1.0", {}, BASE, id="nothing"),
        pytest.param("v1.0", {"correlationId": "c"}, BASE, id="base-property"),
        pytest.param("v1.0", {"failureReason": "x"}, ENROLLMENT, id="enrollment-property"),
        pytest.param("v1.0", {"failureReason": None}, ENROLLMENT, id="enrollment-null"),
        pytest.param("v1.0", {"failure_reason": None}, ENROLLMENT, id="enrollment-alias"),
        pytest.param("beta", {"tokenId": "t"}, VPP, id="vpp-property"),
        pytest.param("beta", {"eventName": "n"}, BASE, id="beta-base-property"),
        pytest.param("v1.0", {"@odata.type": f"#microsoft.graph.{ENROLLMENT}"}, ENROLLMENT, id="declared"),
        pytest.param("v1.0", {"@odata.type": f"microsoft.graph.{ENROLLMENT.lower()}"}, ENROLLMENT, id="any-spelling"),
        pytest.param("v1.0", {"@type": f"#graph.{ENROLLMENT}"}, ENROLLMENT, id="declared-4.01"),
        pytest.param("v1.0", {"odata_type": None}, BASE, id="cleared-by-the-sdk"),
    ],
)
def test_the_type_of_a_new_event(version: str, body: dict[str, Any], type_name: str) -> None:
    """The body's type counts; without one the properties tell (contract §12 row 1)."""
    assert created(body, version)[0] == type_name


def test_defaults_of_a_new_event() -> None:
    """What may not be null and is absent is the receipt time and `unknown`; the rest is null or empty (§12 row 3)."""
    assert created({"deviceId": "d"}) == (
        ENROLLMENT,
        {
            "eventDateTime": NOW,
            "correlationId": None,
            "eventName": None,
            "additionalInformation": [],
            "troubleshootingErrorDetails": None,
            "managedDeviceIdentifier": None,
            "operatingSystem": None,
            "osVersion": None,
            "userId": None,
            "deviceId": "d",
            "enrollmentType": 0,
            "failureCategory": 0,
            "failureReason": None,
        },
    )


IGNORED = [
    pytest.param({"@odata.context": "https://graph.example/v1.0/$metadata#x"}, id="context"),
    pytest.param({"@odata.etag": 'W/"3"'}, id="etag"),
    pytest.param({"@odata.id": "x", "@odata.editLink": "y"}, id="links"),
    pytest.param({"@odata.unheard.of": {"a": [1]}}, id="any-odata"),
    pytest.param({"eventDateTime@odata.type": "#DateTimeOffset"}, id="of-a-property"),
    pytest.param({"nothing@odata.type": "#String"}, id="of-no-property"),
    pytest.param({"@context": "x", "@etag": "y", "deviceId@type": "z"}, id="without-odata"),
    pytest.param({"@microsoft.graph.tips": "Use $select."}, id="tips"),
    pytest.param({"id": "another"}, id="id"),
    pytest.param({"id": 5}, id="id-of-any-kind"),
    pytest.param({"odata_type": None}, id="type-cleared-by-the-sdk"),
    pytest.param({"event_date_time": None}, id="alias-of-non-null"),
    pytest.param({"additional_information": None}, id="alias-of-collection"),
    pytest.param({"@odata.type": None}, id="no-type"),
]


@pytest.mark.parametrize("body", IGNORED)
def test_what_is_tolerated(body: dict[str, Any]) -> None:
    """Control information, the id and echoes of clients change nothing (contract §3.8, §12 rows 4 to 6)."""
    assert changed(body, "beta") == {}
    assert created(body, "beta") == created({}, "beta")


@pytest.mark.parametrize(
    ("version", "body", "expected"),
    [
        pytest.param("v1.0", {}, {}, id="nothing"),
        pytest.param("v1.0", {"failureReason": "x"}, {"failureReason": "x"}, id="value"),
        pytest.param("v1.0", {"failureReason": ""}, {"failureReason": ""}, id="empty"),
        pytest.param("v1.0", {"failureReason": None}, {"failureReason": None}, id="null-clears"),
        pytest.param("v1.0", {"failure_reason": None}, {"failureReason": None}, id="alias-clears"),
        pytest.param(
            "v1.0", {"failureReason": "x", "failure_reason": None}, {"failureReason": "x"}, id="name-before-alias"
        ),
        pytest.param("v1.0", {"failureCategory": "BADREQUEST"}, {"failureCategory": 7}, id="member-in-any-case"),
        pytest.param("v1.0", {"enrollmentType": "unknownFutureValue"}, {}, id="sentinel"),
        pytest.param("beta", {"enrollmentType": "UnknownFutureValue"}, {}, id="sentinel-in-any-case"),
        pytest.param(
            "v1.0",
            {"eventDateTime": "2024-01-02T03:04:05"},
            {"eventDateTime": Instant.parse("2024-01-02T03:04:05Z")},
            id="naive-time-is-utc",
        ),
        pytest.param(
            "v1.0",
            {"eventDateTime": "2024-01-02t03:04z"},
            {"eventDateTime": Instant.parse("2024-01-02T03:04:00Z")},
            id="short-time",
        ),
        pytest.param("beta", {"additionalInformation": []}, {"additionalInformation": []}, id="emptied"),
        pytest.param(
            "beta",
            {"additionalInformation": [None, {"value": "v", "@odata.type": "microsoft.graph.keyValuePair"}]},
            {"additionalInformation": [None, {"name": None, "value": "v"}]},
            id="items-are-whole",
        ),
        pytest.param(
            "beta",
            {"troubleshootingErrorDetails": {"failure": None, "failure_details": None, "resources": [{"text": "t"}]}},
            {
                "troubleshootingErrorDetails": {
                    "failureDetails": None,
                    "failure": None,
                    "resources": [{"text": "t", "link": None}],
                }
            },
            id="complex-is-partial",
        ),
        pytest.param(
            "beta", {"troubleshootingErrorDetails": None}, {"troubleshootingErrorDetails": None}, id="complex-null"
        ),
    ],
)
def test_what_a_patch_changes(version: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    """Only what is present changes, and null clears what may be null (contract §3.8)."""
    assert changed(body, version) == expected


@pytest.mark.parametrize(
    ("version", "member", "number"),
    [
        pytest.param("v1.0", "androidEnterpriseFullyManaged", 16, id="beta-member-on-v1.0"),
        pytest.param("v1.0", "appleACMEDEPUDAModernAuth", 24, id="retired-on-v1.0"),
        pytest.param("beta", "appleACMEBasicBYOD", 20, id="retired-on-beta"),
    ],
)
def test_hidden_members_on_request(version: str, member: str, number: int) -> None:
    """`include-unknown-enum-members` lets a client write members that its version hides; the sentinel stays none."""
    body = {"enrollmentType": member}
    assert changed(body, version, include_unknown=True) == {"enrollmentType": number}
    assert created(body, version, include_unknown=True)[1]["enrollmentType"] == number
    assert changed({"enrollmentType": "unknownFutureValue"}, version, include_unknown=True) == {}
    with pytest.raises(ModelValidationFailure):
        created({"enrollmentType": "unknownFutureValue"}, version, include_unknown=True)


@pytest.mark.parametrize(
    ("version", "body", "stored_type", "refusal"),
    [
        pytest.param("v1.0", {"correlationId": "c"}, BASE, None, id="base-property-of-base"),
        pytest.param("v1.0", {"correlationId": "c"}, ENROLLMENT, None, id="base-property-of-derived"),
        pytest.param("v1.0", {"correlationId": "c"}, VPP, None, id="base-property-of-hidden-type"),
        pytest.param("v1.0", {"osVersion": "1"}, ENROLLMENT, None, id="own-property"),
        pytest.param("v1.0", {"osVersion": "1"}, BASE, (ModelValidationFailure, "osVersion"), id="property-of-another"),
        pytest.param("v1.0", {"osVersion": None}, VPP, (ModelValidationFailure, "osVersion"), id="null-of-another"),
        pytest.param(
            "beta", {"osVersion": "1", "tokenId": "t"}, VPP, (ModelValidationFailure, "osVersion"), id="of-two"
        ),
        pytest.param("v1.0", {"enrollmentType": "unknownFutureValue"}, BASE, None, id="sentinel-counts-as-absent"),
        pytest.param("v1.0", TYPED, ENROLLMENT, None, id="same-type"),
        pytest.param("v1.0", TYPED, BASE, (BadRequest, "@odata.type"), id="derived-type"),
        pytest.param(
            "v1.0", {"@odata.type": f"#microsoft.graph.{BASE}"}, ENROLLMENT, (BadRequest, "@odata.type"), id="base-type"
        ),
        pytest.param("v1.0", {"@odata.type": f"#microsoft.graph.{BASE}"}, VPP, None, id="type-as-shown"),
        pytest.param(
            "beta", {"@odata.type": f"#microsoft.graph.{BASE}"}, VPP, (BadRequest, "@odata.type"), id="as-stored"
        ),
    ],
)
def test_a_patch_must_suit_the_stored_type(
    version: str, body: dict[str, Any], stored_type: str, refusal: tuple[type[BadRequest], str] | None
) -> None:
    """The type never changes, and only its own properties can (contract §3.7, §12 row 5)."""
    fit = READERS[version].update(body, scope_of(version)).fit
    if refusal is None:
        fit.check(stored_type)
        return
    with pytest.raises(refusal[0]) as caught:
        fit.check(stored_type)
    assert type(caught.value) is refusal[0]
    assert caught.value.target == refusal[1]


@pytest.mark.parametrize(
    ("body", "user"),
    [
        pytest.param({"failureReason": "x"}, USER, id="absent"),
        pytest.param({"userId": None}, USER, id="null"),
        pytest.param({"userId": USER.upper()}, USER.upper(), id="other-case"),
        pytest.param({}, USER, id="nothing"),
        pytest.param(TYPED, USER, id="declared"),
    ],
)
def test_an_event_created_below_a_user(body: dict[str, Any], user: str) -> None:
    """It is that user's, and so an enrollment event, whatever else the body says (contract §12 rows 27, 28)."""
    type_name, values = READERS["v1.0"].create(body, users_scope("v1.0"), now=NOW)
    assert (type_name, values["userId"]) == (ENROLLMENT, user)


@pytest.mark.parametrize(
    ("body", "target"),
    [
        pytest.param({"userId": "someone else"}, "userId", id="other-user"),
        pytest.param({"userId": ""}, "userId", id="empty-user"),
        pytest.param({"@odata.type": f"#microsoft.graph.{BASE}"}, "@odata.type", id="type-without-user"),
        pytest.param({"tokenId": "t"}, "tokenId", id="property-without-user"),
    ],
)
def test_what_cannot_be_created_below_a_user(body: dict[str, Any], target: str) -> None:
    """An event of another user, or one that has no user, does not belong there."""
    with pytest.raises(ModelValidationFailure) as caught:
        READERS["beta"].create(body, users_scope("beta"), now=NOW)
    assert caught.value.target == target


def test_links_are_not_built() -> None:
    """Binding an entity in a body is valid OData that this service does not offer, and says so."""
    with pytest.raises(NotBuilt):
        changed({"user@odata.bind": "users/x"})
