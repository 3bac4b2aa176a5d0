"""The released msgraph-sdk against a served process: what its users do, and what they must get."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgraph.generated.models.device_enrollment_failure_reason import DeviceEnrollmentFailureReason
from msgraph.generated.models.device_enrollment_type import DeviceEnrollmentType
from msgraph.generated.models.enrollment_troubleshooting_event import EnrollmentTroubleshootingEvent
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.sdk.conftest import USER, USING_THE_SDK, Tenant

pytestmark = list(USING_THE_SDK)

WHEN = datetime(2024, 5, 15, 14, 13, 19, 376941, tzinfo=UTC)


def failure(**changes: Any) -> EnrollmentTroubleshootingEvent:
    """An event as a program makes it, before the service knows of it."""
    event = EnrollmentTroubleshootingEvent(
        event_date_time=WHEN,
        correlation_id="c0ffee",
        operating_system="Windows",
        os_version="10.0.22631.1",
        user_id=USER,
        device_id="device-7",
        enrollment_type=DeviceEnrollmentType.WindowsAzureADJoin,
        failure_category=DeviceEnrollmentFailureReason.Authentication,
        failure_reason="0x80180002",
    )
    for name, value in changes.items():
        setattr(event, name, value)
    return event


def events_of_device_management(tenant: Tenant) -> Any:
    """The root for administrators."""
    return tenant.graph.device_management.troubleshooting_events


def events_of_user(tenant: Tenant) -> Any:
    """The root below a user."""
    return tenant.graph.users.by_user_id(USER).device_management_troubleshooting_events


def events_of_me(tenant: Tenant) -> Any:
    """The root below whoever is signed in."""
    return tenant.graph.me.device_management_troubleshooting_events


EVERY_ROOT = pytest.mark.parametrize(
    ("root", "path"),
    [
        pytest.param(
            events_of_device_management, "/v1.0/deviceManagement/troubleshootingEvents", id="deviceManagement"
        ),
        pytest.param(events_of_user, f"/v1.0/users/{USER}/deviceManagementTroubleshootingEvents", id="user"),
        pytest.param(events_of_me, "/v1.0/me/deviceManagementTroubleshootingEvents", id="me"),
    ],
)


def item(events: Any, key: str | None) -> Any:
    """The builder for one event."""
    return events.by_device_management_troubleshooting_event_id(key)


def body_of(tenant: Tenant) -> Any:
    """The last body that the SDK sent."""
    return json.loads(tenant.sent[-1].content)


@EVERY_ROOT
async def test_an_event_lives_its_whole_life(tenant: Tenant, root: Callable[[Tenant], Any], path: str) -> None:
    """Create, get, patch, list, count and delete work through each root that the SDK has."""
    events = root(tenant)
    created = await events.post(failure())
    got = await item(events, created.id).get()
    patched = await item(events, created.id).patch(EnrollmentTroubleshootingEvent(failure_reason="0x80180014"))
    listed = await events.get()
    count = await events.count.get()
    await item(events, created.id).delete()

    assert type(created) is type(got) is type(patched) is EnrollmentTroubleshootingEvent
    assert (got.failure_reason, patched.failure_reason) == ("0x80180002", "0x80180014")
    assert (got.event_date_time, got.user_id, got.failure_category) == (WHEN, USER, created.failure_category)
    assert [(event.id, event.failure_reason) for event in listed.value] == [(created.id, "0x80180014")]
    assert count == 1
    assert await events.count.get() == 0
    assert {request.url.path.removesuffix(f"/{created.id}").removesuffix("/$count") for request in tenant.sent} == {
        path
    }


async def test_a_created_event_gets_the_type_that_the_sdk_does_not_send(tenant: Tenant) -> None:
    """The SDK names no type in a creation; the properties say which it is, and every value arrives."""
    created = await events_of_device_management(tenant).post(failure())
    assert "@odata.type" not in body_of(tenant)
    stored = await tenant.as_stored(created.id)
    assert stored["@odata.type"] == "#microsoft.graph.enrollmentTroubleshootingEvent"
    assert {name: stored[name] for name in body_of(tenant) if name != "eventDateTime"} == {
        name: value for name, value in body_of(tenant).items() if name != "eventDateTime"
    }
    assert stored["eventDateTime"] == "2024-05-15T14:13:19.376941Z"


async def test_a_naive_time_is_taken_as_utc(tenant: Tenant) -> None:
    """The SDK sends a datetime without a zone as it is, which the protocol forbids and programs do."""
    created = await events_of_device_management(tenant).post(failure(event_date_time=WHEN.replace(tzinfo=None)))
    assert not body_of(tenant)["eventDateTime"].endswith(("Z", "+00:00"))
    assert created.event_date_time == WHEN


async def test_a_fresh_object_changes_what_it_sets(tenant: Tenant) -> None:
    """A PATCH with a new object leaves alone what the object does not set."""
    events = events_of_device_management(tenant)
    key = (await events.post(failure())).id
    before = await tenant.as_stored(key)
    change = EnrollmentTroubleshootingEvent(failure_category=DeviceEnrollmentFailureReason.UserValidation)
    answered = await item(events, key).patch(change)
    after = await tenant.as_stored(key)
    assert answered.failure_category is DeviceEnrollmentFailureReason.UserValidation
    assert {name for name in after if after[name] != before.get(name)} == {"failureCategory", "@odata.etag"}


async def test_an_object_that_was_read_can_be_sent_back(tenant: Tenant) -> None:
    """The echo of a GET changes nothing: not the seventh digit or the offset that Python drops, not the version."""
    events = events_of_device_management(tenant)
    body = {"eventDateTime": "2017-01-01T00:01:33.1647467+03:00", "failureReason": "0x80180002", "deviceId": None}
    key = (await tenant.wire.post("/v1.0/deviceManagement/troubleshootingEvents", json=body)).json()["id"]
    before = await tenant.as_stored(key)
    read = await item(events, key).get()
    answered = await item(events, key).patch(read)
    assert {"id", "@odata.type", "@odata.etag", "eventDateTime"} <= body_of(tenant).keys()
    assert body_of(tenant)["eventDateTime"] == "2017-01-01T00:01:33.164746+03:00"
    assert answered.failure_reason == "0x80180002"
    assert await tenant.as_stored(key) == before
    assert before["eventDateTime"] == "2017-01-01T00:01:33.1647467+03:00"


async def test_an_edited_object_changes_its_edit_alone(tenant: Tenant) -> None:
    """Get, edit, patch: the way most programs change something."""
    events = events_of_device_management(tenant)
    body = {"eventDateTime": "2017-01-01T00:01:33.1647467+03:00", "failureReason": "0x80180002", "osVersion": "10"}
    key = (await tenant.wire.post("/v1.0/deviceManagement/troubleshootingEvents", json=body)).json()["id"]
    before = await tenant.as_stored(key)
    read = await item(events, key).get()
    read.failure_reason = "0x80180014"
    await item(events, key).patch(read)
    after = await tenant.as_stored(key)
    assert {name for name in after if after[name] != before[name]} == {"failureReason", "@odata.etag"}
    assert after["failureReason"] == "0x80180014"


async def test_an_object_read_through_beta_can_be_sent_back(tenant: Tenant) -> None:
    """The v1.0 model keeps what only beta knows as extra data and sends it along; nothing is lost."""
    body = {
        "eventName": "Enrollment failed",
        "additionalInformation": [{"name": "attempt", "value": "3"}],
        "troubleshootingErrorDetails": {
            "context": "Company Portal",
            "failure": "Device limit reached",
            "failureDetails": None,
            "remediation": None,
            "resources": [{"text": "Limits", "link": "https://example.org/limits"}],
        },
        "failureReason": "0x80180013",
    }
    response = await tenant.wire.post("/beta/deviceManagement/troubleshootingEvents", json=body)
    key = response.json()["id"]
    before = await tenant.as_stored(key)
    tenant.graph.request_adapter.base_url = f"{tenant.served.address}/beta"
    events = events_of_device_management(tenant)
    read = await item(events, key).get()
    read.failure_reason = "0x80180014"
    await item(events, key).patch(read)
    after = await tenant.as_stored(key)
    assert "troubleshootingErrorDetails" in body_of(tenant)
    assert {name for name in after if after[name] != before[name]} == {"failureReason", "@odata.etag"}


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        pytest.param(
            lambda: EnrollmentTroubleshootingEvent(additional_data={"failureReason": None}),
            {"failureReason": None},
            id="as-additional-data",
        ),
        pytest.param(
            lambda: EnrollmentTroubleshootingEvent(os_version="11", failure_reason=None),
            {"osVersion": "11"},
            id="never-set",
        ),
    ],
)
async def test_a_none_of_the_constructor_is_no_null(
    tenant: Tenant, change: Callable[[], EnrollmentTroubleshootingEvent], sent: dict[str, Any]
) -> None:
    """What the SDK sends is what changes: a null clears, an attribute that was never set is left alone."""
    events = events_of_device_management(tenant)
    key = (await events.post(failure())).id
    await item(events, key).patch(change())
    assert body_of(tenant) == sent
    stored = await tenant.as_stored(key)
    assert stored["failureReason"] == (None if "failureReason" in sent else "0x80180002")


async def test_an_attribute_set_to_none_clears_the_property(tenant: Tenant) -> None:
    """The SDK writes it in snake case, as no API has it; what the program meant is plain."""
    events = events_of_device_management(tenant)
    key = (await events.post(failure())).id
    read = await item(events, key).get()
    read.failure_reason = None
    answered = await item(events, key).patch(read)
    assert body_of(tenant)["failure_reason"] is None
    assert answered.failure_reason is None
    stored = await tenant.as_stored(key)
    assert (stored["failureReason"], stored["osVersion"]) == (None, "10.0.22631.1")


@pytest.mark.parametrize(
    ("call", "status", "code", "says"),
    [
        pytest.param(lambda one, _: one.get(), 404, "ResourceNotFound", "missing", id="get-missing"),
        pytest.param(lambda one, _: one.delete(), 404, "ResourceNotFound", "missing", id="delete-missing"),
        pytest.param(lambda one, _: one.patch(failure()), 404, "ResourceNotFound", "missing", id="patch-missing"),
        pytest.param(
            lambda _, events: events.post(failure(additional_data={"colour": "red"})),
            400,
            "ModelValidationFailure",
            "The property 'colour' does not exist",
            id="unknown-property",
        ),
        pytest.param(
            lambda _, events: events.post(EnrollmentTroubleshootingEvent(additional_data={"osVersion": 11})),
            400,
            "ModelValidationFailure",
            "Edm.String",
            id="wrong-type",
        ),
    ],
)
async def test_a_refusal_is_an_error_the_sdk_can_read(
    tenant: Tenant, call: Callable[[Any, Any], Any], status: int, code: str, says: str
) -> None:
    """Code, message and both request ids of a refusal arrive in ODataError."""
    events = events_of_device_management(tenant)
    with pytest.raises(ODataError) as caught:
        await call(item(events, "missing"), events)
    error, headers = caught.value, caught.value.response_headers or {}
    assert error.error is not None
    assert (error.response_status_code, error.error.code) == (status, code)
    assert says in (error.error.message or "")
    inner = error.error.inner_error
    assert inner is not None
    assert (inner.request_id, inner.client_request_id) == (headers["request-id"], headers["client-request-id"])
    assert inner.date is not None
    assert abs(inner.date.replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=1)
