"""Paging to the end of a long list, in any order, while it changes (contract §4.4)."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from enrollscope.odata.edm.values import Instant
from enrollscope.odata.plan.commands import Actor, Create
from tests.api.service import EVENTS, Client, Service

MANY = 10_000
PAGE = 7
START = Instant.parse("2024-01-01T00:00:00Z").ticks


@pytest.fixture(scope="module")
def crowd(service: Service) -> Client:
    """A tenant with ten thousand events: ties and nulls in everything but the key."""
    client = service.client()
    actor = Actor(client.tenant, None, "app", "token", "request", 1)

    def event(number: int) -> Create:
        values = {
            "eventDateTime": Instant(START + number % 97 * 10_000_000),
            "failureReason": None if number % 11 == 0 else "x" * (number % 5),
            "osVersion": None if number % 7 == 0 else str(number % 13),
            "failureCategory": number % 12,
            "enrollmentType": number % 27,
        }
        return Create(actor, "events", f"e{number:05}", "enrollmentTroubleshootingEvent", values)

    async def fill() -> None:
        for start in range(0, MANY, 1000):
            await asyncio.gather(*(service.store.write(event(number)) for number in range(start, start + 1000)))

    service.run(fill())
    return client


def walk(client: Client, query: str, between: Callable[[int], None] = lambda _: None) -> list[dict[str, Any]]:
    """Everything, as a client that follows links sees it; `between` is called after each page."""
    path, found, number = f"{EVENTS}?{query}&$top={PAGE}", [], 0
    while True:
        reply = client.get(path)
        assert reply.status_code == 200, reply.text
        body = reply.json()
        assert body["value"] or "@odata.nextLink" not in body
        found += body["value"]
        if "@odata.nextLink" not in body:
            return found
        path = body["@odata.nextLink"]
        number += 1
        between(number)


@pytest.mark.slow
@pytest.mark.parametrize(
    "order",
    [
        pytest.param("osVersion desc,failureReason", id="two-properties-with-nulls"),
        pytest.param("length(failureReason),tolower(osVersion) desc", id="expressions-with-nulls"),
        pytest.param("eventDateTime sub now() desc,enrollmentType", id="time-that-goes-on"),
    ],
)
def test_every_event_is_on_exactly_one_page(crowd: Client, order: str) -> None:
    """Ten thousand events, seven at a time: the same set, once each, in order."""
    found = walk(crowd, f"$orderby={quote(order)}&$select=id")
    keys = [item["id"] for item in found]
    assert len(keys) == len(set(keys)) == MANY
    whole: list[str] = []
    path = f"{EVENTS}?$orderby={quote(order)}&$select=id&$top=1000"
    while path:
        body = crowd.get(path).json()
        whole += [item["id"] for item in body["value"]]
        path = body.get("@odata.nextLink", "")
    assert keys == whole


@pytest.mark.slow
def test_what_stays_is_seen_once_while_others_come_and_go(crowd: Client) -> None:
    """Between the pages events are created and deleted, in front of the place that was reached and behind it."""
    passing: list[str] = []

    def between(number: int) -> None:
        if number % 5 == 0:
            passing.append(crowd.create(failureReason="x" * (number % 5), osVersion=str(number % 13))["id"])
        if number % 15 == 0:
            assert crowd.delete(f"{EVENTS}/{passing.pop(0)}").status_code == 204

    found = walk(crowd, f"$orderby={quote('length(failureReason) desc,osVersion')}&$select=id", between)
    staying = [item["id"] for item in found if item["id"].startswith("e")]
    assert len(staying) == len(set(staying)) == MANY
    assert len({item["id"] for item in found}) == len(found)
    for key in passing:
        crowd.delete(f"{EVENTS}/{key}")


@pytest.mark.slow
def test_groups_have_pages_too(crowd: Client) -> None:
    """In the order of their properties, or in any other."""
    apply = quote("groupby((osVersion,failureReason),aggregate($count as n))")
    for order in ("", "&$orderby=" + quote("n desc")):
        found = walk(crowd, f"$apply={apply}{order}")
        groups = [(item["osVersion"], item["failureReason"]) for item in found]
        assert len(groups) == len(set(groups)) == 14 * 6
        assert sum(item["n"] for item in found) == MANY


@pytest.mark.slow
def test_a_count_skips_and_tops_alike(crowd: Client) -> None:
    """`$skip` leaves out the first of the whole, `$count` counts all that match, on every page."""
    query = f"$filter={quote('failureReason eq null')}&$count=true&$skip=900&$select=id"
    found = walk(crowd, query)
    total = (MANY + 10) // 11
    assert len(found) == total - 900
    assert crowd.get(f"{EVENTS}?{query}&$top=1").json()["@odata.count"] == total
