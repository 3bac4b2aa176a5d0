"""Collections over HTTP: filter, order, selection, count, paging (contract §3.4, §4; §12 rows 16-20)."""

import base64
import itertools
import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from tests.api.service import BETA_EVENTS, EVENTS, Client, Service, my_events, refused, users_events

CAST = "microsoft.graph.enrollmentTroubleshootingEvent"
USER = "0b0b0b0b-1111-4222-8333-444444444444"
SIZE = 40


@pytest.fixture(scope="module")
def crowd(service: Service) -> Client:
    """A tenant with many events: nulls, ties, both offsets of an instant, base events, all of one user or of none."""
    client = service.client(user=USER)
    chance = random.Random(7)  # noqa: S311 - the same events every time
    for number in range(SIZE):
        if number % 8 == 0:
            client.post(EVENTS, {"correlationId": chance.choice([None, "a", "B"])})
            continue
        client.create(
            eventDateTime=chance.choice(["2024-05-01T12:00:00.1234567Z", "2024-05-01T14:00:00.1234567+02:00"])
            if number % 3
            else f"2024-05-{1 + number % 28:02}T00:00:00Z",
            correlationId=chance.choice([None, "", "a", "A", "é", "𐐷", "a'b", "%", "_"]),
            osVersion=chance.choice([None, "10", "11", "9"]),
            failureCategory=chance.choice(["unknown", "authentication", "userAbandonment"]),
            enrollmentType=chance.choice(["unknown", "windowsCoManagement"]),
            userId=USER if number % 2 else None,
        )
    return client


def page(client: Client, path: str, **headers: str) -> dict[str, Any]:
    """One page."""
    reply = client.get(path, **headers)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


def pages(client: Client, path: str) -> Iterator[list[dict[str, Any]]]:
    """Every page, as a client that only follows links sees them."""
    for _ in range(SIZE + 2):
        found = page(client, path)
        yield found["value"]
        if "@odata.nextLink" not in found:
            return
        path = found["@odata.nextLink"]
    raise AssertionError("the links never end")


ORDERS = [
    pytest.param(",".join(f"{name}{way}" for name, way in zip(names, ways, strict=True)).strip(), id=f"order{number}")
    for number, (names, ways) in enumerate(
        [
            *itertools.product(
                [("eventDateTime",), ("correlationId",), ("osVersion",)], [("",), (" desc",), (" asc",)]
            ),
            *itertools.product([("id",), ("enrollmentType",), ("failureCategory",), ("userId",)], [("",), (" desc",)]),
            *itertools.product([("osVersion", "correlationId")], itertools.product(["", " desc"], repeat=2)),
            (("failureCategory", "osVersion", "eventDateTime"), (" desc", "", " desc")),
        ]
    )
]


@pytest.mark.parametrize("order", ORDERS)
def test_paging_shows_everything_once_in_order(crowd: Client, order: str) -> None:
    """Following links with `$top=7` gives what one page gives, under every order, nulls and ties included."""
    query = f"?$orderby={quote(order)}"
    whole = [item["id"] for item in page(crowd, f"{EVENTS}{query}")["value"]]
    assert len(set(whole)) == SIZE
    paged = list(pages(crowd, f"{EVENTS}{query}&$top=7"))
    assert [len(items) for items in paged] == [7, 7, 7, 7, 7, 5]
    assert [item["id"] for items in paged for item in items] == whole


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        pytest.param("correlationId", lambda value: (value is not None, [ord(c) for c in value or ""]), id="text"),
        pytest.param("osVersion", lambda value: (value is not None, value or ""), id="text-with-nulls"),
        pytest.param("failureCategory", ["unknown", "authentication", "userAbandonment", None].index, id="members"),
    ],
)
def test_null_is_lowest_and_text_goes_by_code_point(crowd: Client, name: str, rank: Any) -> None:
    """Ascending puts null first, descending last; letters outside ASCII and the BMP go by code point."""
    values = [item.get(name) for item in page(crowd, f"{EVENTS}/{CAST}?$orderby={name}")["value"]]
    assert values == sorted(values, key=rank)
    down = [item.get(name) for item in page(crowd, f"{EVENTS}/{CAST}?$orderby={name}%20desc")["value"]]
    assert down == values[::-1]


def test_the_newest_event_comes_first(client: Client) -> None:
    """Without `$orderby` the order is by time, newest first, the offset left aside."""
    times = ["2024-05-01T12:00:00Z", "2024-05-01T12:00:00.0000001+02:00", "2024-05-01T12:00:00-01:00"]
    for moment in times:
        client.create(eventDateTime=moment)
    found = [item["eventDateTime"] for item in page(client, EVENTS)["value"]]
    assert found == [times[2], times[0], times[1]]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        pytest.param(EVENTS, "", id="plain"),
        pytest.param(BETA_EVENTS, "", id="beta"),
        pytest.param(f"{EVENTS}/{CAST}", "", id="cast"),
        pytest.param(users_events(USER), "", id="user"),
        pytest.param(my_events(), "", id="me"),
        pytest.param(f"{my_events()}/{CAST}", "", id="my-cast"),
        pytest.param(EVENTS, "&$filter=osVersion%20ne%20null", id="filter"),
        pytest.param(EVENTS, "&$filter=correlationId%20eq%20'a''b'%20or%20true", id="filter-with-quote"),
        pytest.param(EVENTS, "&$filter=eventDateTime%20ge%202024-05-01T00:00:00%2B02:00", id="filter-with-offset"),
        pytest.param(EVENTS, "&$filter=eventDateTime%20ge%202024-05-01T00:00:00+02:00", id="filter-with-raw-plus"),
        pytest.param(EVENTS, "&$select=id&$count=true", id="select-and-count"),
        pytest.param(EVENTS, "&$skip=3", id="skip"),
        pytest.param(EVENTS, "&orderby=osVersion&$FORMAT=json", id="options-of-other-spelling"),
        pytest.param(EVENTS, "&custom=1&&", id="custom-option"),
    ],
)
def test_next_links_are_absolute_and_keep_the_question(crowd: Client, service: Service, path: str, query: str) -> None:
    """A link goes on with the same path and options, and its pages make up the whole."""
    whole = [item["id"] for item in page(crowd, f"{path}?$top=1000{query}")["value"]]
    first = page(crowd, f"{path}?$top=5{query}")
    link = urlsplit(first["@odata.nextLink"])
    assert f"{link.scheme}://{link.netloc}" == service.url
    assert link.path == path
    asked, kept = parse_qs(f"$top=5{query}"), parse_qs(link.query)
    assert {name: value for name, value in kept.items() if name != "$skiptoken"} == {
        name: value for name, value in asked.items() if name != "$skip"
    }
    paged = list(pages(crowd, f"{path}?$top=5{query}"))
    assert [item["id"] for items in paged for item in items] == whole
    assert all(paged)


def test_a_page_is_as_long_as_top_says_and_the_rest_follows(crowd: Client) -> None:
    """`$top` is a page size, as in Graph: the answer has a link while more is there, and none on the last page."""
    assert len(page(crowd, f"{EVENTS}?$top={SIZE - 1}")["value"]) == SIZE - 1
    assert "@odata.nextLink" in page(crowd, f"{EVENTS}?$top={SIZE - 1}")
    for enough in (SIZE, SIZE + 1, 999_999_999):
        found = page(crowd, f"{EVENTS}?$top={enough}")
        assert len(found["value"]) == SIZE
        assert "@odata.nextLink" not in found


def test_top_0_is_an_empty_list_without_a_link(crowd: Client) -> None:
    """`$top=0` shows nothing, and counts if asked."""
    found = page(crowd, f"{EVENTS}?$top=0&$count=true")
    assert (found["value"], found["@odata.count"]) == ([], SIZE)
    assert "@odata.nextLink" not in found


@pytest.mark.parametrize(
    ("skip", "left"),
    [
        pytest.param(0, SIZE, id="nothing"),
        pytest.param(1, SIZE - 1, id="one"),
        pytest.param(SIZE, 0, id="all"),
        pytest.param(10**17, 0, id="far-more-than-all"),
    ],
)
def test_skip_leaves_out_the_first(crowd: Client, skip: int, left: int) -> None:
    """`$skip` counts from the start of the order."""
    whole = [item["id"] for item in page(crowd, EVENTS)["value"]]
    found = [item["id"] for item in page(crowd, f"{EVENTS}?$skip={skip}")["value"]]
    assert (found, len(found)) == (whole[skip:], left)


@pytest.mark.parametrize(
    ("prefer", "length", "applied"),
    [
        pytest.param("odata.maxpagesize=6", 6, "odata.maxpagesize=6", id="4.0"),
        pytest.param("maxpagesize=6", 6, "maxpagesize=6", id="4.01"),
        pytest.param("odata.maxpagesize=0", SIZE, None, id="zero"),
        pytest.param("odata.maxpagesize=many", SIZE, None, id="no-number"),
        pytest.param("odata.track-changes", SIZE, None, id="another-preference"),
    ],
)
def test_a_preferred_page_size_is_kept(crowd: Client, prefer: str, length: int, applied: str | None) -> None:
    """`maxpagesize` lowers the page size, and is told in `Preference-Applied`."""
    reply = crowd.get(EVENTS, Prefer=prefer)
    assert len(reply.json()["value"]) == length
    assert reply.headers.get("preference-applied") == applied
    assert ("@odata.nextLink" in reply.json()) is (length < SIZE)


def test_the_smaller_of_top_and_the_preference_counts(crowd: Client) -> None:
    """Neither widens the other."""
    assert len(page(crowd, f"{EVENTS}?$top=3", Prefer="odata.maxpagesize=6")["value"]) == 3
    assert len(page(crowd, f"{EVENTS}?$top=6", Prefer="odata.maxpagesize=3")["value"]) == 3


def test_the_count_is_the_total(crowd: Client) -> None:
    """`@odata.count` is what matches, paging aside, only when asked for; `/$count` is the same number as bare text."""
    assert "@odata.count" not in page(crowd, EVENTS)
    assert "@odata.count" not in page(crowd, f"{EVENTS}?$count=false")
    for query, total in (("", SIZE), ("&$skip=3", SIZE), ("&$filter=isof('" + CAST + "')", SIZE - 5)):
        found = page(crowd, f"{EVENTS}?$count=true&$top=2{query}")
        assert (found["@odata.count"], len(found["value"])) == (total, 2)
    reply = crowd.get(f"{EVENTS}/$count", Accept="text/plain;q=0.9")
    assert (reply.text, reply.headers["content-type"].partition(";")[0]) == (str(SIZE), "text/plain")
    assert crowd.get(f"{EVENTS}/{CAST}/$count").text == str(SIZE - 5)
    assert (
        crowd.get(f"{EVENTS}/$count?$filter=osVersion eq null").text
        == crowd.get(f"{EVENTS}/$count/?filter=osVersion%20eq%20NULL".replace("NULL", "null")).text
    )
    assert (
        page(crowd, f"{EVENTS}?$count=true", Accept="application/json;IEEE754Compatible=true")["@odata.count"] == "40"
    )
    for accept in ("text/csv", "text/plain;q=0", "text/plain;q=0, */*", "application/json, text/plain;q=0"):
        error = refused(crowd.get(f"{EVENTS}/$count", Accept=accept), 406, "NotAcceptable")
        assert error["target"] == "Accept"


def test_a_page_without_metadata_keeps_count_and_link(crowd: Client) -> None:
    """Level none leaves out everything but what paging needs."""
    found = page(crowd, f"{EVENTS}?$top=2&$count=true", Accept="application/json;odata.metadata=none")
    assert set(found) == {"@odata.count", "@odata.nextLink", "value"}
    assert not any("@" in name for item in found["value"] for name in item)


@pytest.mark.parametrize(
    ("path", "fragment"),
    [
        pytest.param(EVENTS, "deviceManagement/troubleshootingEvents", id="all"),
        pytest.param(f"{EVENTS}/{CAST}", f"deviceManagement/troubleshootingEvents/{CAST}", id="cast"),
        pytest.param(
            f"{EVENTS}?$select=id,eventDateTime",
            "deviceManagement/troubleshootingEvents(id,eventDateTime)",
            id="selected",
        ),
        pytest.param(users_events("u%2F1"), "users('u%2F1')/deviceManagementTroubleshootingEvents", id="user"),
        pytest.param(my_events(), f"users('{USER}')/deviceManagementTroubleshootingEvents", id="me"),
    ],
)
def test_the_context_of_a_collection(crowd: Client, service: Service, path: str, fragment: str) -> None:
    """The context names the collection, the cast and what was selected."""
    found = page(crowd, path)
    assert next(iter(found)) == "@odata.context"
    assert found["@odata.context"] == f"{service.url}/v1.0/$metadata#{fragment}"


def test_every_item_of_a_list_is_as_by_itself(crowd: Client) -> None:
    """An item in a page has the type, tag and properties it has alone, but no context."""
    for item in page(crowd, f"{EVENTS}?$top=9")["value"]:
        alone = crowd.get(f"{EVENTS}/{item['id']}").json()
        assert alone.pop("@odata.context")
        assert item == alone


FILTERS = [
    pytest.param("osVersion eq '10'", lambda item: item.get("osVersion") == "10", id="equal"),
    pytest.param("'10' eq osVersion", lambda item: item.get("osVersion") == "10", id="the-other-way-round"),
    pytest.param("osVersion ne '10'", lambda item: item.get("osVersion") != "10", id="unequal-holds-for-null"),
    pytest.param("not (osVersion eq '10')", lambda item: item.get("osVersion") != "10", id="not-equal-holds-for-null"),
    pytest.param("osVersion eq null", lambda item: item.get("osVersion") is None, id="null"),
    pytest.param("osVersion gt '10'", lambda item: (item.get("osVersion") or "") > "10", id="greater"),
    pytest.param("correlationId eq 'a''b'", lambda item: item["correlationId"] == "a'b", id="doubled-quote"),
    pytest.param("correlationId eq '𐐷'", lambda item: item["correlationId"] == "𐐷", id="outside-the-bmp"),
    pytest.param("correlationId eq 'a'", lambda item: item["correlationId"] == "a", id="case-counts"),
    pytest.param("tolower(correlationId) eq 'a'", lambda item: item["correlationId"] in ("a", "A"), id="tolower"),
    pytest.param("contains(correlationId,'%')", lambda item: "%" in (item["correlationId"] or ""), id="percent"),
    pytest.param(
        "startswith(correlationId,'_')", lambda item: (item["correlationId"] or "")[:1] == "_", id="underscore"
    ),
    pytest.param("endsWith(correlationId,'b')", lambda item: (item["correlationId"] or "")[-1:] == "b", id="endswith"),
    pytest.param("osVersion in ('9','11')", lambda item: item.get("osVersion") in ("9", "11"), id="in"),
    pytest.param(
        "failureCategory eq 'authentication'",
        lambda item: item.get("failureCategory") == "authentication",
        id="member-quoted",
    ),
    pytest.param(
        "failureCategory eq authentication",
        lambda item: item.get("failureCategory") == "authentication",
        id="member-bare",
    ),
    pytest.param(
        "failureCategory eq microsoft.graph.deviceEnrollmentFailureReason'authentication'",
        lambda item: item.get("failureCategory") == "authentication",
        id="member-qualified",
    ),
    pytest.param(
        "failureCategory eq 'AUTHENTICATION'",
        lambda item: item.get("failureCategory") == "authentication",
        id="member-any-case",
    ),
    pytest.param("failureCategory eq '1'", lambda item: item.get("failureCategory") == "authentication", id="number"),
    pytest.param(
        "failureCategory gt 'unknown'",
        lambda item: item.get("failureCategory") in ("authentication", "userAbandonment"),
        id="member-greater",
    ),
    pytest.param(
        "eventDateTime eq 2024-05-01T12:00:00.1234567Z",
        lambda item: item["eventDateTime"].endswith(("12:00:00.1234567Z", "14:00:00.1234567+02:00")),
        id="instant",
    ),
    pytest.param(
        "eventDateTime eq 2024-05-01T14:00:00.1234567+02:00",
        lambda item: item["eventDateTime"].endswith(("12:00:00.1234567Z", "14:00:00.1234567+02:00")),
        id="instant-with-offset",
    ),
    pytest.param(f"{CAST}/osVersion eq null", lambda item: item.get("osVersion") is None, id="cast-or-null"),
    pytest.param(f"isof('{CAST}')", lambda item: "@odata.type" in item, id="isof-quoted"),
    pytest.param(f"isof({CAST})", lambda item: "@odata.type" in item, id="isof"),
    pytest.param(
        "osVersion eq '10' or osVersion eq '9' and failureCategory eq 'unknown'",
        lambda item: (
            item.get("osVersion") == "10" or (item.get("osVersion") == "9" and item.get("failureCategory") == "unknown")
        ),
        id="precedence",
    ),
    pytest.param("true", lambda _: True, id="true"),
    pytest.param("false", lambda _: False, id="false"),
]


@pytest.mark.parametrize(("condition", "holds"), FILTERS)
def test_filters_choose_what_they_say(crowd: Client, condition: str, holds: Any) -> None:
    """What matches is what the condition says of the values a client sees (contract §4.4)."""
    everything = page(crowd, EVENTS)["value"]
    found = page(crowd, f"{EVENTS}?$filter={quote(condition)}")["value"]
    expected = [item["id"] for item in everything if holds(item)]
    assert [item["id"] for item in found] == expected
    assert crowd.get(f"{EVENTS}/$count?$filter={quote(condition)}").text == str(len(expected))


def token_of(client: Client, path: str) -> str:
    """The token behind the first page."""
    link: str = page(client, path)["@odata.nextLink"]
    return link.partition("$skiptoken=")[2]


def test_a_token_tells_nothing_and_serves_only_its_question(crowd: Client, service: Service) -> None:
    """Taken to another question, order, path, version, user or tenant, or changed anywhere, a token is 400."""
    query = "?$top=5&$filter=osVersion%20ne%20null"
    token = token_of(crowd, f"{EVENTS}{query}")
    assert crowd.get(f"{EVENTS}{query}&$skiptoken={token}").status_code == 200
    elsewhere = [
        f"{EVENTS}?$top=5",
        f"{EVENTS}?$top=5&$filter=osVersion%20ne%20'x'",
        f"{EVENTS}{query}&$orderby=osVersion",
        f"{EVENTS}{query}&$orderby=eventDateTime",
        f"{EVENTS}/{CAST}{query}",
        f"{BETA_EVENTS}{query}",
        f"{my_events()}{query}",
        f"{users_events(USER)}{query}",
    ]
    for path in elsewhere:
        assert "Follow @odata.nextLink" in refused(crowd.get(f"{path}&$skiptoken={token}"), 400)["message"], path
    other = service.client(user=USER)
    refused(other.get(f"{EVENTS}{query}&$skiptoken={token}"), 400)
    assert refused(crowd.get(f"{EVENTS}{query}&$skip=2&$skiptoken={token}"), 400)["target"] == "$skip"
    mine = token_of(crowd, f"{my_events()}?$top=5")
    colleague = service.client(crowd.tenant, user="0c0c0c0c-1111-4222-8333-444444444444")
    refused(colleague.get(f"{my_events()}?$top=5&$skiptoken={mine}"), 400)


def tampered(token: str) -> list[str]:
    """Tokens that are nearly the token."""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    flipped = [bytes([*raw[:at], raw[at] ^ 1, *raw[at + 1 :]]) for at in range(len(raw))]
    forged = json.dumps([0, "x"]).encode()
    return [
        *(base64.urlsafe_b64encode(item).rstrip(b"=").decode() for item in flipped),
        base64.urlsafe_b64encode(raw[:16] + forged).rstrip(b"=").decode(),
        token[:-1],
        token[:20],
        f"{token}AAAA",
        f"{token}!",
        f"{token}%00",
        "%C3%A9",
        "x" * 20_000,
        "AAAA",
    ]


def test_a_tampered_token_is_refused_wherever_it_was_touched(crowd: Client) -> None:
    """Every single bit flip, truncation and extension is 400, never another page and never 500."""
    for token in tampered(token_of(crowd, f"{EVENTS}?$top=5")):
        refused(crowd.get(f"{EVENTS}?$top=5&$skiptoken={token}"), 400)


def test_a_token_must_be_spelt_with_its_dollar(crowd: Client) -> None:
    """Without `$` it is a custom option, which means nothing: the first page again."""
    token = token_of(crowd, f"{EVENTS}?$top=5")
    assert page(crowd, f"{EVENTS}?$top=5&skiptoken={token}") == page(crowd, f"{EVENTS}?$top=5&skiptoken=x") | {
        "@odata.nextLink": page(crowd, f"{EVENTS}?$top=5&skiptoken={token}")["@odata.nextLink"]
    }


def test_paging_goes_on_while_events_come_and_go(client: Client) -> None:
    """What is there from the first page to the last is seen exactly once, whatever else is created and deleted."""
    staying = [client.create(osVersion=f"{number:02}")["id"] for number in range(0, 20, 2)]
    leaving = [client.create(osVersion=f"{number:02}")["id"] for number in range(1, 20, 4)]
    seen: list[str] = []
    for items in pages(client, f"{EVENTS}?$orderby=osVersion&$top=3"):
        seen += [item["id"] for item in items]
        if leaving:
            client.delete(f"{EVENTS}/{leaving.pop()}")
        client.create(osVersion="00")
    assert [key for key in seen if key in staying] == staying


@pytest.mark.slow
def test_a_page_holds_at_most_what_the_service_allows(service: Service) -> None:
    """1,000 are a page, also where `$top` asks for more; nothing is lost, the link leads on (contract §12 row 17)."""
    client = service.client()
    batch = [
        {"id": str(number), "method": "POST", "url": "/deviceManagement/troubleshootingEvents"} for number in range(20)
    ]
    content = {"headers": {"Content-Type": "application/json"}, "body": {}}
    for _ in range(51):
        reply = client.post("/v1.0/$batch", {"requests": [item | content for item in batch]})
        assert reply.status_code == 200, reply.text
    for query in ("", "?$top=1020", "?$top=5000"):
        first = page(client, f"{EVENTS}{query}")
        assert len(first["value"]) == 1000
        rest = page(client, first["@odata.nextLink"])
        assert len(rest["value"]) == 20
        assert "@odata.nextLink" not in rest
    assert client.get(f"{EVENTS}/$count").text == "1020"
