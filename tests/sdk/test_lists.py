"""Lists as users of the released SDK read them: filtered, ordered, page by page, to the last event."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.enrollment_troubleshooting_event import EnrollmentTroubleshootingEvent
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core.tasks.page_iterator import PageIterator  # type: ignore[import-untyped]  # ships no types

from tests.sdk.conftest import USING_THE_SDK, Tenant, connect
from tests.serving import Served
from tests.wire import EVENTS, Connection

pytestmark = list(USING_THE_SDK)

MANY = 2_500
WRITERS = 8


async def page_of(graph: GraphServiceClient, **parameters: Any) -> Any:
    """One page, asked for with the SDK's own query parameters."""
    events = graph.device_management.troubleshooting_events
    query = events.TroubleshootingEventsRequestBuilderGetQueryParameters(**parameters)
    return await events.get(RequestConfiguration(query_parameters=query))


def number(event: Any) -> int:
    """Which of the many events this is."""
    return int(event.correlation_id)


def each(seen: list[int]) -> Callable[[Any], bool]:
    """A callback that notes every event and wants more."""

    def note(event: Any) -> bool:
        seen.append(number(event))
        return True

    return note


async def create(served: Served, token: str, numbers: range) -> None:
    """Create events one after the other on one connection; every hundredth failed for another reason."""
    async with await Connection.open(served.port) as connection:
        for each in numbers:
            body = {
                "correlationId": str(each),
                "eventDateTime": f"2024-05-15T{each // 60 // 60:02}:{each // 60 % 60:02}:{each % 60:02}.1234567Z",
                "failureCategory": "userValidation" if each % 100 == 0 else "authentication",
                "failureReason": "0x80180002",
            }
            assert (await connection.ask("POST", EVENTS, token, body)).status == 201


@pytest.fixture(scope="module")
def tenant_of_many(served: Served) -> str:
    """The token of a tenant with many events."""
    token = served.token("--tenant", "6d1f2a04-31f8-47a5-9f0e-5a1c2b3d4e5f")

    async def fill() -> None:
        await asyncio.gather(*(create(served, token, range(first, MANY, WRITERS)) for first in range(WRITERS)))

    asyncio.run(fill())
    return token


@pytest.fixture
async def graph(served: Served, tenant_of_many: str) -> AsyncIterator[GraphServiceClient]:
    """The SDK's client for the tenant with many events."""
    async with connect(served, tenant_of_many, []) as graph:
        yield graph


async def test_the_page_iterator_sees_every_event_once(served: Served, tenant_of_many: str) -> None:
    """PageIterator follows every link to the end: all events, each once, newest first, in pages of a thousand."""
    sent: list[Any] = []
    seen: list[int] = []
    async with connect(served, tenant_of_many, sent) as graph:
        iterator = PageIterator(await page_of(graph), graph.request_adapter)
        await iterator.iterate(each(seen))
    assert seen == list(range(MANY))[::-1]
    assert len(sent) == 3


async def test_a_paused_iteration_goes_on_where_it_stopped(graph: GraphServiceClient) -> None:
    """A callback that returns false stops the iteration in the middle of a page; the next call goes on behind it."""
    seen: list[int] = []

    def take_until_multiple_of_7(event: Any) -> bool:
        seen.append(number(event))
        return number(event) % 7 != 0

    first = await page_of(graph, top=100)
    iterator = PageIterator(first, graph.request_adapter)
    await iterator.iterate(take_until_multiple_of_7)
    assert seen == [2499]
    await iterator.iterate(take_until_multiple_of_7)
    assert seen == list(range(2499, 2491, -1))


async def test_the_count_of_many_is_a_number(graph: GraphServiceClient) -> None:
    """`$count` as a path gives what the pages hold, and `$count=true` gives it beside a page."""
    assert await graph.device_management.troubleshooting_events.count.get() == MANY
    page = await page_of(graph, count=True, top=1)
    assert page.odata_count == MANY
    assert page.odata_next_link.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("parameters", "numbers"),
    [
        pytest.param({"top": 3}, [2499, 2498, 2497], id="top"),
        pytest.param({"top": 2, "skip": 2}, [2497, 2496], id="skip"),
        pytest.param({"top": 2, "orderby": ["eventDateTime"]}, [0, 1], id="orderby"),
        pytest.param({"top": 2, "orderby": ["failureCategory desc", "eventDateTime"]}, [0, 100], id="orderby-two"),
        pytest.param({"filter": "correlationId in ('7','8')"}, [8, 7], id="in"),
        pytest.param({"filter": "failureCategory eq 'userValidation' and correlationId gt '9'"}, [900], id="enum"),
        pytest.param({"filter": "eventDateTime lt 2024-05-15T00:00:02Z"}, [1, 0], id="time"),
        pytest.param({"filter": "eventDateTime eq 2024-05-15T02:00:00.1234567+02:00"}, [0], id="offset"),
        pytest.param(
            {"filter": "startswith(correlationId,'249') and endswith(correlationId,'9')"}, [2499, 249], id="text"
        ),
        pytest.param({"filter": "not (osVersion eq null)"}, [], id="null"),
        pytest.param({"top": 0}, [], id="top-nothing"),
    ],
)
async def test_query_options_reach_the_service(
    graph: GraphServiceClient, parameters: dict[str, Any], numbers: list[int]
) -> None:
    """Each option of the SDK has its effect; on derived properties, too, which the SDK cannot cast to."""
    page = await page_of(graph, **parameters)
    assert [number(event) for event in page.value] == numbers


async def test_selected_properties_are_all_there_is(graph: GraphServiceClient) -> None:
    """`$select` leaves the rest unset, and the event keeps its class."""
    page = await page_of(graph, top=1, select=["correlationId"])
    (event,) = page.value
    assert isinstance(event, EnrollmentTroubleshootingEvent)
    assert (event.correlation_id, event.id, event.event_date_time, event.failure_reason) == ("2499", None, None, None)


async def test_an_empty_list_is_a_list(tenant: Tenant) -> None:
    """A tenant without events gets an empty page without a link, and PageIterator ends at once."""
    page = await page_of(tenant.graph)
    assert (page.value, page.odata_next_link) == ([], None)
    seen: list[int] = []
    await PageIterator(page, tenant.graph.request_adapter).iterate(each(seen))
    assert seen == []
