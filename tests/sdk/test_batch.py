"""The batch of the released msgraph-sdk against a served process (contract §7)."""

import json
from typing import Any

from kiota_abstractions.request_information import RequestInformation
from msgraph.generated.models.device_enrollment_failure_reason import DeviceEnrollmentFailureReason
from msgraph.generated.models.enrollment_troubleshooting_event import EnrollmentTroubleshootingEvent
from msgraph_core.requests.batch_request_builder import (  # type: ignore[import-untyped]  # ships no types
    BatchRequestBuilder,
)
from msgraph_core.requests.batch_request_content import (  # type: ignore[import-untyped]  # ships no types
    BatchRequestContent,
)
from msgraph_core.requests.batch_request_content_collection import (  # type: ignore[import-untyped]  # ships no types
    BatchRequestContentCollection,
)
from msgraph_core.requests.batch_request_item import (  # type: ignore[import-untyped]  # ships no types
    BatchRequestItem,
)

from tests.sdk.conftest import USING_THE_SDK, Tenant

pytestmark = list(USING_THE_SDK)


def creation(tenant: Tenant, correlation: str) -> RequestInformation:
    """The request by which the SDK creates an event."""
    event = EnrollmentTroubleshootingEvent(
        correlation_id=correlation, failure_category=DeviceEnrollmentFailureReason.Authentication
    )
    found: RequestInformation = tenant.graph.device_management.troubleshooting_events.to_post_request_information(event)
    return found


def listing(tenant: Tenant) -> RequestInformation:
    """The request by which the SDK lists events."""
    found: RequestInformation = tenant.graph.device_management.troubleshooting_events.to_get_request_information()
    return found


async def sent(tenant: Tenant, content: Any) -> Any:
    """Send a batch as the SDK does."""
    return await BatchRequestBuilder(tenant.graph.request_adapter).post(content)


async def correlations(tenant: Tenant) -> set[str | None]:
    """What tells the tenant's events apart."""
    page = await tenant.graph.device_management.troubleshooting_events.get()
    assert page is not None
    assert page.value is not None
    return {event.correlation_id for event in page.value}


async def test_requests_of_the_sdk_are_carried_out(tenant: Tenant) -> None:
    """Creations and a list, in one round trip; statuses come back by the identifiers that the SDK gave."""
    content = BatchRequestContent()
    for correlation in ("one", "two"):
        content.add_request_information(creation(tenant, correlation))
    content.add_request_information(listing(tenant))
    response = await sent(tenant, content)
    assert response.get_response_status_codes() == dict(zip(content.requests, (201, 201, 200), strict=True))
    assert await correlations(tenant) == {"one", "two"}
    (request,) = [each for each in tenant.sent if each.url.path.endswith("/$batch")]
    urls = [part["url"] for part in json.loads(request.content)["requests"]]
    # Without a slash they would be relative to the batch; with a host they lead to this service.
    assert all(
        url.startswith((f"{tenant.served.address}/v1.0/deviceManagement/", "/deviceManagement/")) for url in urls
    )


async def test_dependencies_of_the_sdk_are_kept(tenant: Tenant) -> None:
    """The SDK spells them `depends_on`: what depends on a failure is 424, and what on a success runs behind it."""
    events = tenant.graph.device_management.troubleshooting_events
    missing = BatchRequestItem(
        events.by_device_management_troubleshooting_event_id("none").to_get_request_information(), "missing"
    )
    first = BatchRequestItem(creation(tenant, "first"), "first")
    content = BatchRequestContent()
    for item in (
        missing,
        first,
        BatchRequestItem(creation(tenant, "never"), "never", depends_on=[missing]),
        BatchRequestItem(listing(tenant), "list", depends_on=[first]),
    ):
        content.add_request(item.id, item)
    response = await sent(tenant, content)
    assert response.get_response_status_codes() == {"missing": 404, "first": 201, "never": 424, "list": 200}
    assert await correlations(tenant) == {"first"}
    (request,) = [each for each in tenant.sent if each.url.path.endswith("/$batch")]
    assert [part["depends_on"] for part in json.loads(request.content)["requests"]] == [[], [], ["missing"], ["first"]]


async def test_collections_of_the_sdk_are_split_into_batches_we_take(tenant: Tenant) -> None:
    """The SDK sends more than twenty requests as several batches."""
    content = BatchRequestContentCollection()
    for number in range(45):
        content.add_batch_request_item(BatchRequestItem(creation(tenant, str(number)), str(number)))
    await sent(tenant, content)
    assert await correlations(tenant) == {str(number) for number in range(45)}
