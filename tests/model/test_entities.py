import json
from typing import Any

import pytest

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.json.merge import create
from enrollscope.odata.json.writer import EntityWriter, collection_body, context_url
from enrollscope.odata.plan.requests import Projection
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel
from tests.model.reading import BASE, ENROLLMENT, EXAMPLE, LAYOUT, MODELS, NOW, VPP, stored

CONTEXT = "https://graph.example/v1.0/$metadata#deviceManagement/troubleshootingEvents/$entity"
COLLECTION = "https://graph.example/v1.0/deviceManagement/troubleshootingEvents"
FULL = JsonFormat(MetadataLevel.FULL)
NONE = JsonFormat(MetadataLevel.NONE)


def written(record: Record, version: str = "v1.0", context: str | None = None, **options: Any) -> dict[str, Any]:
    """What a client of that version gets."""
    return EntityWriter(MODELS[version], LAYOUT, **options).write(record, context=context, collection=COLLECTION)


def vpp_event() -> Record:
    """A stored event that only beta has a type for."""
    return create(LAYOUT, "6f1c", VPP, {"eventDateTime": NOW, "tokenId": "t", "eventName": "n"})


def test_the_example_of_the_reference_page_comes_back() -> None:
    """GET shows what the documented PATCH wrote: context, type, tag, id, then the properties in declared order."""
    shown = written(stored(EXAMPLE), context=CONTEXT)
    expected = {
        "@odata.context": CONTEXT,
        "@odata.type": "#microsoft.graph.enrollmentTroubleshootingEvent",
        "@odata.etag": 'W/"1"',
        "id": "6f1c",
    } | {name: value for name, value in EXAMPLE.items() if name != "@odata.type"}
    assert json.dumps(shown) == json.dumps(expected)


def test_an_empty_event_is_shown_in_full() -> None:
    """Nulls are written and an empty collection is a list (contract §2.3, §3.5)."""
    assert written(stored({}, "beta"), "beta") == {
        "@odata.etag": 'W/"1"',
        "id": "6f1c",
        "eventDateTime": "2024-05-15T14:13:19.376941Z",
        "correlationId": None,
        "eventName": None,
        "additionalInformation": [],
        "troubleshootingErrorDetails": None,
    }


@pytest.mark.parametrize(
    ("version", "record", "json_format", "expected"),
    [
        pytest.param("v1.0", stored({}), JsonFormat(), None, id="base"),
        pytest.param("v1.0", stored({"osVersion": "1"}), JsonFormat(), ENROLLMENT, id="derived"),
        pytest.param("beta", vpp_event(), JsonFormat(), VPP, id="vpp-on-beta"),
        pytest.param("v1.0", vpp_event(), JsonFormat(), None, id="vpp-on-v1.0-is-base"),
        pytest.param("v1.0", stored({}), FULL, BASE, id="base-in-full"),
        pytest.param("v1.0", vpp_event(), FULL, BASE, id="vpp-on-v1.0-in-full"),
        pytest.param("v1.0", stored({"osVersion": "1"}), NONE, None, id="derived-in-none"),
    ],
)
def test_where_the_type_is_told(version: str, record: Record, json_format: JsonFormat, expected: str | None) -> None:
    """`@odata.type` is there when the type is not the base, always in full, never in none (contract §3.1, §3.3)."""
    shown = written(record, version, json_format=json_format)
    assert shown.get("@odata.type") == (f"#microsoft.graph.{expected}" if expected else None)


def test_a_version_shows_only_what_it_has() -> None:
    """v1.0 leaves out beta's properties, also of a type it does not know (contract §12 row 11)."""
    assert set(written(vpp_event())) == {"@odata.etag", "id", "eventDateTime", "correlationId"}
    assert written(vpp_event(), "beta")["tokenId"] == "t"


@pytest.mark.parametrize(
    ("version", "number", "include_unknown", "shown"),
    [
        pytest.param("v1.0", 12, False, "appleUserEnrollmentWithServiceAccount", id="member"),
        pytest.param("v1.0", 16, False, "unknownFutureValue", id="beta-member-on-v1.0"),
        pytest.param("v1.0", 16, True, "androidEnterpriseFullyManaged", id="beta-member-on-request"),
        pytest.param("beta", 16, False, "androidEnterpriseFullyManaged", id="beta-member-on-beta"),
        pytest.param("beta", 24, False, "unknownFutureValue", id="retired-member"),
        pytest.param("beta", 24, True, "appleACMEDEPUDAModernAuth", id="retired-member-on-request"),
        pytest.param("beta", 13, True, "unknownFutureValue", id="never-published"),
        pytest.param("v1.0", 26, True, "unknownFutureValue", id="the-sentinel-itself"),
    ],
)
def test_members_that_a_version_hides(version: str, number: int, include_unknown: bool, shown: str) -> None:
    """They read as the sentinel unless the client asks for their names (contract §3.6, §12 rows 9, 10)."""
    record = create(LAYOUT, "6f1c", ENROLLMENT, {"eventDateTime": NOW, "enrollmentType": number})
    assert written(record, version, include_unknown=include_unknown)["enrollmentType"] == shown


@pytest.mark.parametrize(
    ("names", "body", "expected"),
    [
        pytest.param(
            ("osVersion", "id"), {"osVersion": "1"}, ["@odata.type", "@odata.etag", "id", "osVersion"], id="two"
        ),
        pytest.param(("osVersion",), {"osVersion": "1"}, ["@odata.type", "@odata.etag", "osVersion"], id="one"),
        pytest.param(("eventDateTime",), {}, ["@odata.etag", "eventDateTime"], id="time"),
        pytest.param(("osVersion",), {}, ["@odata.etag"], id="property-of-another-type"),
    ],
)
def test_select(names: tuple[str, ...], body: dict[str, Any], expected: list[str]) -> None:
    """Only what was asked is there, with the control information; `id` is not added (contract §3.2, §12 row 50)."""
    assert list(written(stored(body), projection=Projection(names, ",".join(names)))) == expected


def test_full_metadata() -> None:
    """Types of values that JSON cannot tell stand before them, and the entity says where it lives (contract §3.1)."""
    body = EXAMPLE | {
        "additionalInformation": [{"name": "n"}],
        "troubleshootingErrorDetails": {"failure": "f", "resources": []},
    }
    shown = written(stored(body, "beta", key="a/b'c"), "beta", context=CONTEXT, json_format=FULL)
    url = f"{COLLECTION}('a%2Fb%27%27c')"
    control = {name: value for name, value in shown.items() if "@" in name}
    assert control == {
        "@odata.context": CONTEXT,
        "@odata.type": f"#microsoft.graph.{ENROLLMENT}",
        "@odata.id": url,
        "@odata.etag": 'W/"1"',
        "@odata.editLink": url,
        "eventDateTime@odata.type": "#DateTimeOffset",
        "additionalInformation@odata.type": "#Collection(microsoft.graph.keyValuePair)",
        "enrollmentType@odata.type": "#microsoft.graph.deviceEnrollmentType",
        "failureCategory@odata.type": "#microsoft.graph.deviceEnrollmentFailureReason",
    }
    names = list(shown)
    assert names.index("eventDateTime@odata.type") + 1 == names.index("eventDateTime")
    assert shown["additionalInformation"] == [
        {"@odata.type": "#microsoft.graph.keyValuePair", "name": "n", "value": None}
    ]
    assert shown["troubleshootingErrorDetails"] == {
        "@odata.type": "#microsoft.graph.deviceManagementTroubleshootingErrorDetails",
        "context": None,
        "failure": "f",
        "failureDetails": None,
        "remediation": None,
        "resources@odata.type": "#Collection(microsoft.graph.deviceManagementTroubleshootingErrorResource)",
        "resources": [],
    }


def test_no_metadata() -> None:
    """Nothing but the properties is left (contract §3.1)."""
    assert list(written(stored({}), context=CONTEXT, json_format=NONE)) == ["id", "eventDateTime", "correlationId"]


@pytest.mark.parametrize(
    ("fragment", "projection", "entity", "expected"),
    [
        pytest.param("deviceManagement/troubleshootingEvents", Projection(), False, "", id="collection"),
        pytest.param("deviceManagement/troubleshootingEvents", Projection(), True, "/$entity", id="entity"),
        pytest.param(
            "deviceManagement/troubleshootingEvents",
            Projection(("osVersion", "id"), "osVersion,id"),
            False,
            "(osVersion,id)",
            id="select-in-the-client's-order",
        ),
        pytest.param(
            "users('alice%40contoso.com')/deviceManagementTroubleshootingEvents",
            Projection(("id",), "id"),
            True,
            "(id)/$entity",
            id="entity-with-select",
        ),
    ],
)
def test_context_urls(fragment: str, projection: Projection, entity: bool, expected: str) -> None:
    """The context names the collection, what was selected, and whether one entity follows (contract §3.2)."""
    found = context_url("https://graph.example/v1.0", fragment, projection, entity=entity)
    assert found == f"https://graph.example/v1.0/$metadata#{fragment}{expected}"


@pytest.mark.parametrize(
    ("json_format", "count", "next_link", "expected"),
    [
        pytest.param(JsonFormat(), None, None, {"@odata.context": "c", "value": []}, id="plain"),
        pytest.param(
            JsonFormat(),
            3,
            "n",
            {"@odata.context": "c", "@odata.count": 3, "@odata.nextLink": "n", "value": []},
            id="count-and-link",
        ),
        pytest.param(
            JsonFormat(), 0, None, {"@odata.context": "c", "@odata.count": 0, "value": []}, id="count-of-nothing"
        ),
        pytest.param(NONE, 3, "n", {"@odata.count": 3, "@odata.nextLink": "n", "value": []}, id="no-metadata"),
        pytest.param(
            JsonFormat(ieee754_compatible=True),
            3,
            None,
            {"@odata.context": "c", "@odata.count": "3", "value": []},
            id="numbers-as-text",
        ),
    ],
)
def test_a_page(json_format: JsonFormat, count: int | None, next_link: str | None, expected: dict[str, Any]) -> None:
    """Context, count and link come before the entities in this order; without metadata two remain (contract §3.1)."""
    found = collection_body([], context="c", json_format=json_format, count=count, next_link=next_link)
    assert json.dumps(found) == json.dumps(expected)


def test_values_appended_to_a_record_do_not_show() -> None:
    """A page's records carry order keys behind the entity; they are not the client's."""
    record = stored(EXAMPLE)
    assert written((*record, 1, "x")) == written(record)
