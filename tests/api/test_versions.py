"""Two views of one store: what v1.0 and beta show and take, and evolvable enumerations (contract §3.6, §12)."""

from typing import Any

import pytest

from tests.api.service import BETA_EVENTS, EVENTS, Client, refused

INCLUDE = {"Prefer": "include-unknown-enum-members"}
HIDDEN = "appleAccountDrivenUserEnrollment"
RETIRED = "appleACMEDEPUDAModernAuth"
MEMBERS = {"unknown", HIDDEN, "windowsCoManagement", RETIRED}
TYPE = "microsoft.graph.deviceEnrollmentType"
CAST_SENTINEL = f"cast('unknownFutureValue',{TYPE})"
CAST_HIDDEN = f"cast('{HIDDEN}',{TYPE})"
THERE_AND_BACK = f"cast(cast(enrollmentType,Edm.Int32),{TYPE})"
TEXT_AND_BACK = f"cast(cast(enrollmentType,Edm.String),{TYPE})"
DETAILS = {
    "context": "c",
    "failure": "f",
    "failureDetails": "d",
    "remediation": "r",
    "resources": [{"text": "{{UPN}}", "link": "https://help.example/{{DeviceGUID}}"}],
}


def both(client: Client, key: str, **headers: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An event as v1.0 and as beta show it."""
    found = [client.get(f"{root}/{key}", **headers) for root in (EVENTS, BETA_EVENTS)]
    assert [reply.status_code for reply in found] == [200, 200]
    return found[0].json(), found[1].json()


def test_beta_shows_more_of_the_same_event(client: Client) -> None:
    """One event, two views: beta's own properties are there in beta, kept through a PATCH by v1.0."""
    body = {
        "osVersion": "10",
        "eventName": "n",
        "additionalInformation": [{"name": "a", "value": "b"}],
        "troubleshootingErrorDetails": DETAILS,
    }
    event = client.post(BETA_EVENTS, body).json()
    assert event.items() >= body.items()
    assert client.patch(f"{EVENTS}/{event['id']}", {"osVersion": "11"}).status_code == 200
    old, new = both(client, event["id"])
    assert new.items() >= (body | {"osVersion": "11"}).items()
    assert not old.keys() & {"eventName", "additionalInformation", "troubleshootingErrorDetails"}
    assert {name for name in old if "@" not in name} < {name for name in new if "@" not in name}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"eventName": "n"}, id="property"),
        pytest.param({"additionalInformation": []}, id="collection"),
        pytest.param({"troubleshootingErrorDetails": None}, id="null"),
        pytest.param({"tokenId": "t"}, id="property-of-a-type-of-beta"),
        pytest.param({"@odata.type": "#microsoft.graph.appleVppTokenTroubleshootingEvent"}, id="type-of-beta"),
    ],
)
def test_v1_refuses_what_only_beta_has(client: Client, body: dict[str, Any]) -> None:
    """A name of beta is unknown in v1.0, for POST and PATCH, and known in beta."""
    event = client.create()
    refused(client.post(EVENTS, body), 400, "ModelValidationFailure")
    refused(client.patch(f"{EVENTS}/{event['id']}", body), 400, "ModelValidationFailure")
    assert client.post(BETA_EVENTS, body).status_code == 201


def test_a_type_that_v1_lacks_reads_as_its_base(client: Client) -> None:
    """An Apple token event is a base event to v1.0: no type, base properties only; beta shows all of it."""
    event = client.post(BETA_EVENTS, {"tokenId": "t", "correlationId": "c"}).json()
    assert event["@odata.type"] == "#microsoft.graph.appleVppTokenTroubleshootingEvent"
    old, new = both(client, event["id"])
    assert {name for name in old if "@" not in name} == {"id", "eventDateTime", "correlationId"}
    assert "@odata.type" not in old
    assert new["tokenId"] == "t"
    assert client.patch(f"{EVENTS}/{event['id']}", {"correlationId": "d"}).json()["correlationId"] == "d"
    assert both(client, event["id"])[1]["tokenId"] == "t"


@pytest.mark.parametrize(
    ("member", "v1", "beta"),
    [
        pytest.param("windowsCoManagement", "windowsCoManagement", "windowsCoManagement", id="member-of-both"),
        pytest.param(HIDDEN, "unknownFutureValue", HIDDEN, id="member-of-beta"),
        pytest.param(RETIRED, "unknownFutureValue", "unknownFutureValue", id="member-of-neither"),
    ],
)
def test_a_member_that_a_version_lacks_reads_as_the_sentinel(client: Client, member: str, v1: str, beta: str) -> None:
    """Without the preference a hidden member reads as `unknownFutureValue`; with it as itself, which is then told."""
    event = client.post(BETA_EVENTS, {"enrollmentType": member}, **INCLUDE).json()
    old, new = both(client, event["id"])
    assert (old["enrollmentType"], new["enrollmentType"]) == (v1, beta)
    old, new = both(client, event["id"], **INCLUDE)
    assert (old["enrollmentType"], new["enrollmentType"]) == (member, member)
    for root in (EVENTS, BETA_EVENTS):
        reply = client.get(f"{root}/{event['id']}", **INCLUDE)
        assert reply.headers["preference-applied"] == "include-unknown-enum-members"
        listed = client.get(root, **INCLUDE)
        assert listed.json()["value"][0]["enrollmentType"] == member
        assert listed.headers["preference-applied"] == "include-unknown-enum-members"


@pytest.mark.parametrize("headers", [{}, INCLUDE])
@pytest.mark.parametrize("root", [EVENTS, BETA_EVENTS])
def test_the_sentinel_cannot_be_created_and_never_destroys_a_value(
    client: Client, root: str, headers: dict[str, str]
) -> None:
    """POST of `unknownFutureValue` is 400; in a PATCH it counts as absent, for clients that echo what they read."""
    refused(client.post(root, {"enrollmentType": "unknownFutureValue"}, **headers), 400, "ModelValidationFailure")
    event = client.post(BETA_EVENTS, {"enrollmentType": HIDDEN}).json()
    item = f"{root}/{event['id']}"
    echo = client.get(item).json() | {"enrollmentType": "unknownFutureValue", "osVersion": "11"}
    assert client.patch(item, echo, **headers).json()["osVersion"] == "11"
    assert client.get(f"{BETA_EVENTS}/{event['id']}").json()["enrollmentType"] == HIDDEN


def test_a_hidden_member_can_be_written_only_on_demand(client: Client) -> None:
    """A member of beta in a v1.0 body is 400 and says how it could be written; with the preference it is taken."""
    event = client.create()
    for reply in (
        client.post(EVENTS, {"enrollmentType": HIDDEN}),
        client.patch(f"{EVENTS}/{event['id']}", {"enrollmentType": HIDDEN}),
    ):
        assert "include-unknown-enum-members" in refused(reply, 400, "ModelValidationFailure")["message"]
    reply = client.patch(f"{EVENTS}/{event['id']}", {"enrollmentType": HIDDEN}, **INCLUDE)
    assert reply.json()["enrollmentType"] == HIDDEN
    assert reply.headers["preference-applied"] == "include-unknown-enum-members"
    created = client.post(EVENTS, {"enrollmentType": HIDDEN}, **INCLUDE)
    assert (created.status_code, created.json()["enrollmentType"]) == (201, HIDDEN)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        pytest.param("windowsazureadjoin", "windowsAzureADJoin", id="lower-case"),
        pytest.param("WINDOWSAZUREADJOIN", "windowsAzureADJoin", id="upper-case"),
    ],
)
def test_members_are_matched_in_any_case_and_written_in_their_own(client: Client, written: str, stored: str) -> None:
    """Lenient in, canonical out."""
    assert client.create(enrollmentType=written)["enrollmentType"] == stored


@pytest.fixture
def enrollments(client: Client) -> dict[str, str]:
    """The key of one event for each of four enrollment types, two of them unknown to v1.0."""
    return {member: client.post(EVENTS, {"enrollmentType": member}, **INCLUDE).json()["id"] for member in MEMBERS}


@pytest.mark.parametrize(
    ("condition", "headers", "expected"),
    [
        pytest.param("eq 'unknownFutureValue'", {}, {HIDDEN, RETIRED}, id="sentinel"),
        pytest.param("ne 'unknownFutureValue'", {}, {"unknown", "windowsCoManagement"}, id="not-the-sentinel"),
        pytest.param("eq unknownFutureValue", {}, {HIDDEN, RETIRED}, id="bare-sentinel"),
        pytest.param(
            "in ('unknownFutureValue','unknown')", {}, {HIDDEN, RETIRED, "unknown"}, id="sentinel-among-others"
        ),
        pytest.param("eq 'unknownFutureValue'", INCLUDE, set(), id="sentinel-with-preference"),
        pytest.param(f"eq '{HIDDEN}'", INCLUDE, {HIDDEN}, id="hidden-with-preference"),
        pytest.param(f"eq '{HIDDEN}'", {}, None, id="hidden"),
        pytest.param(f"eq {HIDDEN}", {}, None, id="bare-hidden"),
        pytest.param("eq microsoft.graph.deviceEnrollmentType'25'", {}, None, id="number-of-hidden"),
        pytest.param(
            "eq microsoft.graph.deviceEnrollmentType'25'", INCLUDE, {HIDDEN}, id="number-of-hidden-with-preference"
        ),
        pytest.param(f"eq {CAST_SENTINEL}", {}, {HIDDEN, RETIRED}, id="cast-to-the-sentinel"),
        pytest.param(f"eq {CAST_SENTINEL}", INCLUDE, set(), id="cast-to-the-sentinel-with-preference"),
        pytest.param(f"eq {CAST_HIDDEN}", {}, set(), id="cast-to-hidden"),
        pytest.param(f"eq {CAST_HIDDEN}", INCLUDE, {HIDDEN}, id="cast-to-hidden-with-preference"),
        pytest.param(f"eq cast(25,{TYPE})", {}, set(), id="cast-of-a-number"),
        pytest.param(f"eq cast(25,{TYPE})", INCLUDE, {HIDDEN}, id="cast-of-a-number-with-preference"),
        pytest.param(f"eq {THERE_AND_BACK}", {}, MEMBERS, id="number-and-back"),
        pytest.param(f"eq {THERE_AND_BACK}", INCLUDE, MEMBERS, id="number-and-back-with-preference"),
        pytest.param(f"eq {TEXT_AND_BACK}", {}, MEMBERS, id="text-and-back"),
        pytest.param(f"eq {TEXT_AND_BACK}", INCLUDE, MEMBERS, id="text-and-back-with-preference"),
    ],
)
def test_filters_see_hidden_members_as_readers_do(
    client: Client, enrollments: dict[str, str], condition: str, headers: dict[str, str], expected: set[str] | None
) -> None:
    """The sentinel stands for every hidden member; naming one needs the preference (contract §3.6)."""
    reply = client.get(f"{EVENTS}?$filter=enrollmentType {condition}", **headers)
    if expected is None:
        assert "Invalid filter clause" in refused(reply, 400)["message"]
    else:
        assert reply.status_code == 200, reply.text
        assert {item["id"] for item in reply.json()["value"]} == {enrollments[member] for member in expected}


@pytest.mark.parametrize("headers", [pytest.param({}, id="plain"), pytest.param(INCLUDE, id="preference")])
def test_a_cast_spells_a_member_as_answers_do(
    client: Client, enrollments: dict[str, str], headers: dict[str, str]
) -> None:
    """The text of a member is the name that the answer has, hidden or not, and no member is without a number."""
    computed = "cast(enrollmentType,Edm.String) as spelt,cast(enrollmentType,Edm.Int32) as number"
    found = client.get(f"{EVENTS}?$compute={computed}&$select=spelt,number,enrollmentType", **headers).json()["value"]
    assert len(found) == len(enrollments)
    assert [item["spelt"] for item in found] == [item["enrollmentType"] for item in found]
    assert None not in [item["number"] for item in found]


@pytest.mark.parametrize("headers", [{}, INCLUDE])
def test_order_follows_the_true_number(client: Client, enrollments: dict[str, str], headers: dict[str, str]) -> None:
    """`$orderby` of an enumeration is by number, for hidden members too."""
    found = client.get(f"{EVENTS}?$orderby=enrollmentType", **headers).json()["value"]
    order = ["unknown", "windowsCoManagement", RETIRED, HIDDEN]
    assert [item["id"] for item in found] == [enrollments[member] for member in order]
