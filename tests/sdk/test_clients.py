"""Ways to build the SDK's client, and who it may act as."""

import uuid
from typing import Any

import httpx
import pytest
from msgraph.generated.models.enrollment_troubleshooting_event import EnrollmentTroubleshootingEvent
from msgraph.generated.models.o_data_errors.o_data_error import ODataError

from tests.sdk.conftest import USING_THE_SDK, Tenant, connect
from tests.sdk.test_events import failure

pytestmark = list(USING_THE_SDK)


async def test_a_host_given_to_the_http_client_works(tenant: Tenant) -> None:
    """Then the SDK sends two slashes before the path, in every request, and each of them is answered."""
    sent: list[httpx.Request] = []
    token = tenant.token()
    async with connect(tenant.served, token, sent, base_url=f"{tenant.served.address}/v1.0") as graph:
        events = graph.device_management.troubleshooting_events
        created = await events.post(failure())
        assert created is not None
        assert created.id is not None
        item = events.by_device_management_troubleshooting_event_id(created.id)
        patched = await item.patch(EnrollmentTroubleshootingEvent(failure_reason="0x80180014"))
        page, count = await events.get(), await events.count.get()
        await item.delete()
    assert isinstance(patched, EnrollmentTroubleshootingEvent)
    assert patched.failure_reason == "0x80180014"
    assert page is not None
    assert (len(page.value or []), count) == (1, 1)
    assert {request.url.path.startswith("/v1.0//deviceManagement/") for request in sent} == {True}


async def outcome(call: Any) -> tuple[int | None, str | None, str]:
    """Status, code and message of a call that is refused."""
    with pytest.raises(ODataError) as caught:
        await call
    error = caught.value.error
    assert error is not None
    return caught.value.response_status_code, error.code, error.message or ""


async def test_an_application_without_the_permission_is_told_which(tenant: Tenant) -> None:
    """Reading is allowed with the permission to read; a change answers 403 and names the permission missing."""
    await tenant.graph.device_management.troubleshooting_events.post(failure())
    token = tenant.token("--permission", "DeviceManagementManagedDevices.Read.All")
    async with connect(tenant.served, token, []) as graph:
        page = await graph.device_management.troubleshooting_events.get()
        status, code, message = await outcome(graph.device_management.troubleshooting_events.post(failure()))
    assert page is not None
    assert len(page.value or []) == 1
    assert (status, code) == (403, "Forbidden")
    assert "DeviceManagementManagedDevices.ReadWrite.All" in message


async def test_an_application_has_no_me(tenant: Tenant) -> None:
    """`/me` needs somebody who is signed in."""
    async with connect(tenant.served, tenant.token(), []) as graph:
        status, code, _ = await outcome(graph.me.device_management_troubleshooting_events.get())
    assert (status, code) == (400, "BadRequest")


async def test_a_token_of_somebody_else_is_refused(tenant: Tenant) -> None:
    """A token that this service did not issue answers 401, as an error that the SDK can read."""
    header, claims, signature = tenant.token().split(".")
    forged = f"{header}.{claims}.{signature[:-10]}{'A' * 10}"
    async with connect(tenant.served, forged, []) as graph:
        status, code, _ = await outcome(graph.device_management.troubleshooting_events.get())
    assert (status, code) == (401, "InvalidAuthenticationToken")


async def test_a_tenant_can_neither_see_nor_touch_anothers_events(tenant: Tenant) -> None:
    """What is not of the token's tenant does not exist for it."""
    created = await tenant.graph.device_management.troubleshooting_events.post(failure())
    assert created is not None
    assert created.id is not None
    token = tenant.served.token("--tenant", str(uuid.uuid4()))
    async with connect(tenant.served, token, []) as graph:
        events = graph.device_management.troubleshooting_events
        item = events.by_device_management_troubleshooting_event_id(created.id)
        page = await events.get()
        answers = [await outcome(call) for call in (item.get(), item.patch(failure()), item.delete())]
    assert page is not None
    assert page.value == []
    assert [answer[:2] for answer in answers] == [(404, "ResourceNotFound")] * 3
    assert (await tenant.as_stored(created.id))["failureReason"] == "0x80180002"
