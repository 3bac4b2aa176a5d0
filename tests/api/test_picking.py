"""Options inside of `$select`: which items of a collection are shown (OData URL conventions 4.01 §5.1.4)."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.store.opening import migrate_store
from tests.api.service import (
    BETA_EVENTS,
    Client,
    Service,
    my_events,
    refused,
    serving,
    settings_for,
    store_of,
    users_events,
)
from tests.postgres import shared_server

USER = "0b0b0b0b-1111-4222-8333-444444444444"
CAST = "microsoft.graph.enrollmentTroubleshootingEvent"
PAIRS: list[dict[str, Any]] = [
    {"name": "b", "value": "two"},
    {"name": "a", "value": "three"},
    {"name": "c", "value": None},
    {"name": "a", "value": "one"},
]
PAGES = [{"text": "first", "link": "https://a.example"}, {"text": "second", "link": "https://b.example"}]
EVENT = {
    "correlationId": "two",
    "userId": USER,
    "additionalInformation": PAIRS,
    "troubleshootingErrorDetails": {"failure": "what", "resources": PAGES},
}
STRINGS = "application/json;odata.metadata=minimal;IEEE754Compatible=true"


@pytest.fixture(scope="module", params=[pytest.param("sqlite", id="sqlite"), pytest.param("postgres", id="postgres")])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The product, on each kind of store."""
    settings = settings_for(tmp_path_factory.mktemp("picking"))
    with ExitStack() as stack:
        if request.param == "postgres":
            server = stack.enter_context(shared_server())
            url = server.url(stack.enter_context(server.database()))
            migrate_store(url, SCHEMA)
            settings = replace(settings, database=url)
        yield stack.enter_context(serving(settings, store_of(settings)))


@pytest.fixture(scope="module")
def asking(service: Service) -> Client:
    """A user with one event."""
    client = service.client(user=USER)
    client.create(BETA_EVENTS, **EVENT)
    return client


def both(client: Client, select: str, query: str = "", **headers: str) -> dict[str, Any]:
    """The event as the collection shows it, which is as its own address does."""
    options = f"$select={quote(select)}{query}"
    page = client.get(f"{BETA_EVENTS}?{options}", **headers)
    assert page.status_code == 200, page.text
    (listed,) = page.json()["value"]
    key = client.get(BETA_EVENTS).json()["value"][0]["id"]
    one = client.get(f"{BETA_EVENTS}/{key}?{options}", **headers)
    assert one.status_code == 200, one.text
    body: dict[str, Any] = one.json()
    assert {name: value for name, value in body.items() if name not in ("@odata.context", "@context")} == listed
    return body


def pairs(*places: int) -> list[Mapping[str, Any]]:
    """Some of the pairs."""
    return [PAIRS[place] for place in places]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param("$filter=name eq 'a'", pairs(1, 3), id="filter"),
        pytest.param("$filter=contains(value,'t') and name ne 'b'", pairs(1), id="filter-with-functions"),
        pytest.param("$filter=$this/value eq null", pairs(2), id="filter-of-this"),
        pytest.param("$filter=value eq $it/correlationId", pairs(0), id="filter-by-the-event"),
        pytest.param("$orderby=name", pairs(1, 3, 0, 2), id="order-keeps-equal-ones-in-place"),
        pytest.param("$orderby=name desc,value", pairs(2, 0, 3, 1), id="order-by-two"),
        pytest.param("$orderby=value", pairs(2, 3, 1, 0), id="null-is-lowest"),
        pytest.param("$orderby=length(value) desc", pairs(1, 0, 3, 2), id="order-by-a-function"),
        pytest.param("$top=2", pairs(0, 1), id="top"),
        pytest.param("$top=0", [], id="top-of-nothing"),
        pytest.param("$skip=3", pairs(3), id="skip"),
        pytest.param("$skip=9", [], id="skip-of-everything"),
        pytest.param("$search=T", pairs(0, 1), id="search-in-any-case"),
        pytest.param("$search=t NOT h", pairs(0), id="search-with-not"),
        pytest.param("$search=t;o", [], id="search-with-an-encoded-semicolon"),
        pytest.param('$search="thr" OR one;$top=1;$skip=1', pairs(3), id="search-with-a-phrase"),
        pytest.param("$top=1;$skip=1;$orderby=value desc;$filter=value ne null", pairs(1), id="in-any-order"),
        pytest.param("top=1;filter=name eq 'a'", pairs(1), id="without-dollar"),
        pytest.param("$filter=name eq @n;@n='a'", pairs(1, 3), id="alias"),
        pytest.param("@n='a';$filter=name eq @n", pairs(1, 3), id="alias-first"),
        pytest.param("$filter=name in @n;@n=['a','c']", pairs(1, 2, 3), id="alias-of-a-list"),
        pytest.param("$filter=name eq @n", [], id="alias-without-a-value"),
        pytest.param("$count=false", PAIRS, id="no-count"),
        pytest.param("$select=name;$filter=value eq 'one'", [{"name": "a"}], id="part-of-each"),
        pytest.param("$compute=length(value) as size;$filter=size gt 3;$select=name,size",
                     [{"name": "a", "size": 5}], id="computed"),
        pytest.param("$compute=length(value) as size;$orderby=size desc;$top=1",
                     [{"name": "a", "value": "three", "size": 5}], id="computed-beside-all"),
        pytest.param("$compute=length(value) as s,s mul 2 as d,s gt 3 as l;$select=d,l;$skip=1;$top=2",
                     [{"d": 10, "l": True}, {"d": None, "l": False}], id="computed-of-computed"),
        pytest.param("$compute=length(value) as size;$select=name;$top=1", [{"name": "b"}], id="computed-not-selected"),
        pytest.param("$compute=length(value) as size;$select=*;$top=1",
                     [{"name": "b", "value": "two", "size": 3}], id="computed-and-everything"),
        pytest.param("$compute=length(value) divby 2.5e0 as half;$select=half;$top=1", [{"half": 1.2}], id="double"),
        pytest.param("$compute=0.1 add length(value) as more;$select=more;$top=1", [{"more": 3.1}], id="decimal"),
        pytest.param("$compute=null as nothing;$select=nothing;$top=1", [{"nothing": None}], id="null"),
    ],
)  # fmt: skip
def test_items_are_picked_out(asking: Client, options: str, expected: list[Any]) -> None:
    """In the order of OData: compute, search, filter, orderby, skip, top; in lists and by key."""
    assert both(asking, f"additionalInformation({options})")["additionalInformation"] == expected


def test_an_alias_of_the_request_holds_inside(asking: Client) -> None:
    """And gives way to one that is given there, for that one alone."""
    select = (
        "additionalInformation($filter=name eq @n),troubleshootingErrorDetails/resources($filter=text eq @n;@n='first')"
    )
    body = both(asking, select, "&@n='b'")
    assert body["additionalInformation"] == pairs(0)
    assert body["troubleshootingErrorDetails"] == {"resources": PAGES[:1]}


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        pytest.param("troubleshootingErrorDetails/resources($skip=1)", {"resources": PAGES[1:]}, id="path"),
        pytest.param("troubleshootingErrorDetails($select=failure,resources($top=1;$select=text))",
                     {"failure": "what", "resources": [{"text": "first"}]}, id="nested"),
        pytest.param("troubleshootingErrorDetails($select=resources($count=true;$top=0))",
                     {"resources@odata.count": 2, "resources": []}, id="counted"),
    ],
)  # fmt: skip
def test_collections_inside_of_values_are_picked_from(asking: Client, select: str, expected: dict[str, Any]) -> None:
    """As those of the event are."""
    assert both(asking, select)["troubleshootingErrorDetails"] == expected


@pytest.mark.parametrize(
    ("query", "select"),
    [
        pytest.param("", f"{CAST}/additionalInformation($top=1)", id="cast"),
        pytest.param("&$apply=filter(correlationId eq 'two')/topcount(1,length(correlationId))",
                     "additionalInformation($top=1)", id="apply"),
        pytest.param("&$compute=length(correlationId) as n&$filter=n eq 3", "n,additionalInformation($top=1)",
                     id="compute"),
        pytest.param("&$search=two", "additionalInformation($top=1)", id="search"),
    ],
)  # fmt: skip
def test_other_options_of_the_list_go_with_it(asking: Client, query: str, select: str) -> None:
    """Whatever the rows come from."""
    (event,) = asking.get(f"{BETA_EVENTS}?$select={quote(select)}{query}").json()["value"]
    assert event["additionalInformation"] == PAIRS[:1]


def test_everything_with_one_collection_in_part(asking: Client) -> None:
    """`*` selects the rest."""
    body = both(asking, "*,additionalInformation($top=1),troubleshootingErrorDetails/resources($top=1)")
    assert body["additionalInformation"] == PAIRS[:1]
    assert body["troubleshootingErrorDetails"]["failure"] == "what"
    assert body["troubleshootingErrorDetails"]["resources"] == PAGES[:1]
    assert body["correlationId"] == "two"


@pytest.mark.parametrize(
    ("headers", "name", "count"),
    [
        pytest.param({}, "additionalInformation@odata.count", 2, id="minimal"),
        pytest.param(
            {"Accept": "application/json;odata.metadata=none"}, "additionalInformation@odata.count", 2, id="none"
        ),
        pytest.param({"OData_MaxVersion": "4.01"}, "additionalInformation@count", 2, id="version-4.01"),
        pytest.param({"Accept": STRINGS}, "additionalInformation@odata.count", "2", id="as-a-string"),
    ],
)
def test_a_count_is_of_what_the_filter_leaves(
    asking: Client, headers: dict[str, str], name: str, count: int | str
) -> None:
    """Before skip and top; it stands in front of the items."""
    body = both(asking, "id,additionalInformation($count=true;$filter=name eq 'a';$top=1)", **headers)
    assert body["additionalInformation"] == pairs(1)
    assert body[name] == count
    assert list(body).index(name) == list(body).index("additionalInformation") - 1


def test_full_metadata_names_the_types_of_what_is_computed(asking: Client) -> None:
    """As it does for properties."""
    select = "additionalInformation($compute=mindatetime() as t,length(name) as n;$select=t,n;$top=1)"
    body = both(asking, select, Accept="application/json;odata.metadata=full")
    (item,) = body["additionalInformation"]
    assert (item["n@odata.type"], item["n"]) == ("#Int32", 1)
    assert item["t@odata.type"] == "#DateTimeOffset"


def test_nulls_can_be_left_out_of_what_is_computed(asking: Client) -> None:
    """By preference, as elsewhere."""
    select = "additionalInformation($compute=length(value) as n;$skip=2;$top=1)"
    assert both(asking, select, Prefer="omit-values=nulls")["additionalInformation"] == [{"name": "c"}]


@pytest.mark.parametrize(
    "root",
    [
        pytest.param(f"{BETA_EVENTS}/{CAST}", id="cast"),
        pytest.param(users_events(USER, "beta"), id="user"),
        pytest.param(my_events("beta"), id="me"),
    ],
)
def test_every_address_takes_the_options(asking: Client, root: str) -> None:
    """Lists and single events, also where there is none: 404 stays 404."""
    query = "?$select=additionalInformation($top=1;$count=true)"
    (listed,) = asking.get(f"{root}{query},id").json()["value"]
    one = asking.get(f"{root}/{listed['id']}{query}").json()
    assert one["additionalInformation"] == listed["additionalInformation"] == PAIRS[:1]
    assert one["@odata.context"].endswith("(additionalInformation)/$entity")
    refused(asking.get(f"{root}/nothing{query}"), 404, "ResourceNotFound")


def test_an_event_without_the_collection_has_none(client: Client) -> None:
    """Zero items, also of the value inside of a value that is null; and other users' events stay hidden."""
    key = client.create()["id"]
    query = "?$select=additionalInformation($count=true;$top=1),troubleshootingErrorDetails/resources($count=true)"
    body = client.get(f"{BETA_EVENTS}/{key}{query}").json()
    assert (body["additionalInformation@odata.count"], body["additionalInformation"]) == (0, [])
    assert body["troubleshootingErrorDetails"] is None
    refused(client.get(f"{users_events(USER, 'beta')}/{key}{query}"), 404, "ResourceNotFound")


def test_conditions_on_the_version_hold(asking: Client) -> None:
    """With options as without."""
    address = f"{BETA_EVENTS}/{asking.get(BETA_EVENTS).json()['value'][0]['id']}?$select=additionalInformation($top=1)"
    tag = asking.get(address).headers["etag"]
    assert asking.get(address, If_None_Match=tag).status_code == 304
    refused(asking.get(address, If_Match='W/"99"'), 412, "PreconditionFailed")


def test_pages_and_questions_go_on_as_they_do(client: Client) -> None:
    """Picking goes with filters, computed properties, counts and next links."""
    for number in range(5):
        client.create(BETA_EVENTS, correlationId=str(number), additionalInformation=PAIRS[:number])
    path: str | None = (
        f"{BETA_EVENTS}?$select=n,additionalInformation($orderby=value desc;$top=1;$count=true)&$top=2&$count=true"
        "&$compute=length(correlationId) as n&$filter=correlationId ne '0'&$orderby=correlationId"
    )
    seen: list[Any] = []
    while path:
        body = client.get(path).json()
        assert body["@odata.count"] == 4
        seen += [(each["n"], each["additionalInformation@odata.count"], *each["additionalInformation"])
                 for each in body["value"]]  # fmt: skip
        path = body.get("@odata.nextLink")
    assert seen == [(1, 1, PAIRS[0]), (1, 2, PAIRS[0]), (1, 3, PAIRS[0]), (1, 4, PAIRS[0])]


@pytest.mark.parametrize(
    ("select", "status", "message"),
    [
        pytest.param("additionalInformation($filter=nam eq 'a')", 400, "Did you mean 'name'?", id="misspelt"),
        pytest.param("additionalInformation($filter=correlationId eq 'a')", 400,
                     "named 'correlationId' on type 'microsoft.graph.keyValuePair'", id="of-the-event"),
        pytest.param("additionalInformation($filter=name)", 400, "A condition is needed", id="no-condition"),
        pytest.param("additionalInformation($filter=name eq 1)", 400, "incompatible types", id="wrong-type"),
        pytest.param("additionalInformation($orderby=nme)", 400, "Did you mean 'name'?", id="order-misspelt"),
        pytest.param("additionalInformation($compute=1 as name)", 400, "'name' is taken", id="name-taken"),
        pytest.param("additionalInformation($compute=1 as n;$select=m)", 400, "named 'm'", id="not-computed"),
        pytest.param("additionalInformation($top=-1)", 400, "non-negative integer", id="negative"),
        pytest.param("additionalInformation($top=1000000000000000000)", 400, "too large", id="too-large"),
        pytest.param("additionalInformation($count=1)", 400, "", id="no-boolean"),
        pytest.param("additionalInformation($top=1;$top=2)", 400, "given twice", id="twice"),
        pytest.param("additionalInformation($expand=a)", 400, "expected one of $compute, $count", id="expand"),
        pytest.param("additionalInformation($top=1),additionalInformation($skip=1)", 400, "selected twice", id="both"),
        pytest.param("additionalInformation,additionalInformation($top=1)", 400, "selected twice", id="whole-and-part"),
        pytest.param("additionalInformation($top=1),additionalInformation", 400, "selected twice", id="part-and-whole"),
        pytest.param("troubleshootingErrorDetails($top=1)", 400, "is no collection", id="no-collection"),
        pytest.param("failureReason($top=1)", 400, "is no collection", id="text"),
        pytest.param("troubleshootingErrorDetails($compute=length(failure) as n)", 501, "collections alone", id="one"),
        pytest.param("additionalInformation($filter=name eq @a;@a=@a)", 400, "defined by itself", id="endless-alias"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_is(asking: Client, select: str, status: int, message: str) -> None:
    """With the place in the whole text of `$select`, for lists and single events alike."""
    for address in (BETA_EVENTS, f"{BETA_EVENTS}/x"):
        error = refused(
            asking.get(f"{address}?$select={quote(select)}"),
            status,
            "BadRequest" if status == 400 else "NotImplemented",
        )
        assert message in error["message"]


def test_the_answer_to_a_change_takes_names_alone(asking: Client) -> None:
    """What it shows is what was written; nothing is asked of the store again."""
    query = "?$select=additionalInformation($top=1)"
    for reply in (asking.post(f"{BETA_EVENTS}{query}", {}), asking.patch(f"{BETA_EVENTS}/x{query}", {})):
        assert "the answer to a change" in refused(reply, 501, "NotImplemented")["message"]


def test_literals_do_not_stick(asking: Client) -> None:
    """Two requests that differ in a literal alone have two answers."""
    for name, expected in (("a", pairs(1, 3)), ("b", pairs(0))):
        assert both(asking, f"additionalInformation($filter=name eq '{name}')")["additionalInformation"] == expected
