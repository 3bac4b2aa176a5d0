"""A library of books, served by the code of the product: engine, store and API do the same for any model.

Nothing here is about devices: other names, another key, other types of property, other versions, other permissions.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from enrollscope.api.app import Application
from enrollscope.api.composition import compose
from enrollscope.auth.permissions import Access
from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.model import EntitySet, EntityType, NavigationProperty, Singleton
from enrollscope.settings import Settings
from enrollscope.store.base import Store
from enrollscope.store.opening import open_store
from enrollscope.store.schema import tables
from enrollscope.store.snapshot import Snapshot
from tests.api.service import Client, Service, refused, serving, settings_for
from tests.conformance.library import LIBRARY, THING

READER = "5eade500-1111-4222-8333-444444444444"

HOUSE = EntityType("house", base=THING, navigation=(NavigationProperty("shelves", target="work", stored_in="works"),))
SCHEMA = replace(
    LIBRARY,
    entities=(*LIBRARY.entities, HOUSE),
    entity_sets=(EntitySet("members", "member"),),
    singletons=(Singleton("house", "house"), Singleton("myself", "member", caller_in="members")),
)
WORKS = "/1/house/shelves"

NOVEL: dict[str, Any] = {
    "@odata.type": "#example.library.book",
    "issued": "1851-10-18T09:00:00.0000001-05:00",
    "title": "Moby-Dick; or, The Whale",
    "borrower": None,
    "returned": None,
    "genre": "novel",
    "lent": False,
    "publisher": {"name": "Harper", "address": {"street": "Cliff", "city": "New York"}, "imprints": ["a", "b"]},
    "keywords": ["whale", "sea"],
    "reviews": [{"text": "long", "stars": 5}],
    "pages": 635,
    "printed": 9_007_199_254_740_993,
    "weight": 0.75,
    "price": 1.5,
    "shelf": "0b0b0b0b-1111-4222-8333-444444444444",
}


def permissions(stored: str, access: Access) -> tuple[str, ...]:
    """Who may do what with books."""
    return {
        ("works", Access.READ): ("Library.Read", "Library.Write"),
        ("works", Access.WRITE): ("Library.Write",),
    }[stored, access]


def library(settings: Settings, store: Store) -> contextlib.AbstractAsyncContextManager[Application]:
    """The application over the library."""
    return compose(settings, store, SCHEMA, permissions)


@pytest.fixture(scope="module")
def reading_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The library, served."""
    settings = settings_for(tmp_path_factory.mktemp("library"))
    layouts = [Layout.of(SCHEMA.whole, stored) for stored in SCHEMA.stored]
    store = open_store(settings.database, SCHEMA, history=Snapshot(tables(SCHEMA, layouts)))
    with serving(settings, store, library) as service:
        yield service


@pytest.fixture
def librarian(reading_room: Service) -> Client:
    """Somebody who may write, in a library nobody else uses."""
    return reading_room.client(None, "Library.Write", user=READER)


def titles(client: Client, query: str = "", root: str = WORKS) -> list[str]:
    """The titles of a page."""
    reply = client.get(f"{root}{query}")
    assert reply.status_code == 200, reply.text
    return [item["title"] for item in reply.json()["value"]]


def test_a_book_comes_back_as_it_went_in(librarian: Client, reading_room: Service) -> None:
    """Every type of property survives, under the names and the context of this model."""
    reply = librarian.post(WORKS, NOVEL)
    assert reply.status_code == 201, reply.text
    body = reply.json()
    assert body["@odata.context"] == f"{reading_room.url}/1/$metadata#house/shelves/$entity"
    assert body.items() >= NOVEL.items()
    assert reply.headers["location"] == f"{reading_room.url}{WORKS}/{body['code']}"
    assert librarian.get(f"{WORKS}('{body['code']}')").json() == body


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("printed", "9007199254740993", id="int64"),
        pytest.param("weight", "0.75", id="double"),
        pytest.param("price", "1.5", id="decimal"),
        pytest.param("lent", "false", id="boolean"),
        pytest.param("genre", "novel", id="member"),
        pytest.param("shelf", NOVEL["shelf"], id="guid"),
        pytest.param("issued", NOVEL["issued"], id="instant"),
        pytest.param("publisher/address/city", "New York", id="inside-of-inside"),
    ],
)
def test_each_type_has_a_raw_value(librarian: Client, path: str, expected: str) -> None:
    """Spelt as literals are, but for quotes."""
    book = librarian.post(WORKS, NOVEL).json()["code"]
    reply = librarian.get(f"{WORKS}/{book}/{path}/$value")
    assert (reply.status_code, reply.text) == (200, expected)


def test_a_raw_binary_value_is_bytes(librarian: Client) -> None:
    """Not their base64 form."""
    body = {"@odata.type": "#example.library.audiobook", "issued": NOVEL["issued"], "sample": "-_8"}
    code = librarian.post(WORKS, body).json()["code"]
    reply = librarian.get(f"{WORKS}/{code}/sample/$value")
    assert (reply.content, reply.headers["content-type"]) == (b"\xfb\xff", "application/octet-stream")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("keywords?$filter=$this ne 'sea'", ["whale"], id="filter"),
        pytest.param("keywords?$orderby=$this&$top=1", ["sea"], id="order"),
        pytest.param("publisher/imprints?$skip=1", ["b"], id="inside"),
        pytest.param("reviews?$filter=stars gt 4&$select=text", [{"text": "long"}], id="structures"),
    ],
)
def test_collections_of_any_type_are_asked(librarian: Client, path: str, expected: list[Any]) -> None:
    """Scalars are `$this`."""
    book = librarian.post(WORKS, NOVEL).json()["code"]
    assert librarian.get(f"{WORKS}/{book}/{quote(path, safe='/?$=&')}").json()["value"] == expected
    name, _, query = path.partition("?")
    inner = query.replace("&", ";")
    shown = librarian.get(f"{WORKS}?$select={quote(f'{name}({inner})')}").json()["value"][0]
    for part in name.split("/"):
        shown = shown[part]
    assert shown == expected


def test_a_book_changes_and_goes(librarian: Client) -> None:
    """PATCH merges, conditions are honoured, DELETE deletes."""
    book = librarian.post(WORKS, NOVEL)
    address = book.headers["location"]
    body = {"pages": 636, "publisher": {"address": {"city": "London"}}, "keywords": [], "issued": NOVEL["issued"]}
    changed = librarian.patch(address, body, If_Match=book.headers["etag"]).json()
    assert changed["pages"] == 636
    assert changed["publisher"] == {
        "name": "Harper",
        "address": {"street": "Cliff", "city": "London"},
        "imprints": ["a", "b"],
    }
    assert (changed["keywords"], changed["title"], changed["@odata.etag"]) == ([], NOVEL["title"], 'W/"2"')
    refused(librarian.patch(address, {"pages": 1}, If_Match='W/"1"'), 412, "PreconditionFailed")
    assert librarian.delete(address).status_code == 204
    refused(librarian.get(address), 404, "ResourceNotFound")


def test_the_type_follows_from_the_properties(librarian: Client) -> None:
    """What only an audiobook has makes an audiobook; a cast segment and isof find it."""
    spoken = librarian.post(WORKS, {"issued": "2001-01-01T00:00:00Z", "title": "spoken", "narrator": "n"})
    assert spoken.json()["@odata.type"] == "#example.library.audiobook"
    librarian.post(WORKS, NOVEL)
    assert titles(librarian, "/example.library.audiobook") == ["spoken"]
    assert titles(librarian, "/lib.book") == [NOVEL["title"]]
    assert titles(librarian, "?$filter=isof(example.library.audiobook)") == ["spoken"]
    refused(librarian.get(f"{spoken.headers['location']}/lib.book"), 404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param("genre eq 'poem'", ["b"], id="enumeration"),
        pytest.param("pages gt 200", ["c"], id="int32"),
        pytest.param("printed eq 9007199254740993", ["a"], id="int64"),
        pytest.param("weight lt 0.5", ["a"], id="double"),
        pytest.param("price eq 10.10", ["b"], id="decimal"),
        pytest.param("shelf eq 0b0b0b0b-1111-4222-8333-444444444444", ["c"], id="guid"),
        pytest.param("lent", ["b"], id="boolean"),
        pytest.param("not lent", ["c", "a"], id="boolean-negated"),
        pytest.param("issued ge 2001-01-02T00:00:00Z", ["c", "b"], id="instant"),
        pytest.param("contains(title,'a') or title eq 'c'", ["c", "a"], id="text"),
        pytest.param("returned eq null and pages in (100,300)", ["c", "a"], id="null-and-list"),
    ],
)
def test_filters_know_every_type(librarian: Client, condition: str, expected: list[str]) -> None:
    """The same language over other types, newest first, as this model's default order says."""
    rows: tuple[dict[str, Any], ...] = (
        {"title": "a", "genre": "novel", "pages": 100, "printed": 2**53 + 1, "weight": 0.1, "price": 2, "lent": False},
        {"title": "b", "genre": "poem", "pages": 200, "printed": 2**53, "weight": 0.5, "price": 10.1, "lent": True},
        {"title": "c", "genre": "essay", "pages": 300, "weight": 0.9, "lent": False, "shelf": NOVEL["shelf"]},
    )
    for day, row in enumerate(rows, start=1):
        assert librarian.post(WORKS, row | {"issued": f"2001-01-0{day}T00:00:00Z"}).status_code == 201
    assert titles(librarian, f"?$filter={quote(condition)}") == expected
    assert librarian.get(f"{WORKS}/$count?$filter={quote(condition)}").text == str(len(expected))


def test_paging_goes_over_other_types(librarian: Client) -> None:
    """Next links over a decimal, an Int64 and a boolean with nulls show everything once."""
    for number in range(10):
        row = {
            "price": [None, 1.25, 10][number % 3],
            "printed": 10**15 * number,
            "lent": [None, True, False][number % 3],
        }
        librarian.post(WORKS, row | {"title": str(number), "issued": "2001-01-01T00:00:00Z", "pages": 1})
    for order in ("price", "price%20desc", "printed%20desc", "lent,price", "issued", "code%20desc"):
        whole = titles(librarian, f"?$orderby={order}")
        path, seen = f"{WORKS}?$orderby={order}&$top=3", list[str]()
        while path:
            page = librarian.get(path).json()
            seen += [item["title"] for item in page["value"]]
            path = page.get("@odata.nextLink")
        assert seen == whole
        assert sorted(seen) == [str(number) for number in range(10)]


def test_what_belongs_to_a_member_is_found_below_it(librarian: Client) -> None:
    """The link of this model ties works to members, and `myself` is the caller among them."""
    librarian.post(WORKS, NOVEL)
    loan = librarian.post("/1/myself/loans", {"issued": "2001-01-01T00:00:00Z", "title": "mine"})
    assert loan.json()["borrower"] == READER
    assert loan.json()["@odata.context"].endswith(f"#members('{READER}')/loans/$entity")
    for root in ("/1/myself/loans", f"/1/members/{READER}/loans", f"/1/members('{READER.upper()}')/loans"):
        assert titles(librarian, root=root) == ["mine"]


def test_other_permissions_open_it(reading_room: Service) -> None:
    """The permission table belongs to the model: its names decide, and those of the product mean nothing."""
    for permission, reads, writes in (
        ("Library.Write", 200, 201),
        ("Library.Read", 200, 403),
        ("DeviceManagementManagedDevices.ReadWrite.All", 403, 403),
    ):
        client = reading_room.client(None, permission)
        assert client.get(WORKS).status_code == reads
        reply = client.post(WORKS, NOVEL)
        assert reply.status_code == writes
        if writes == 403:
            assert "Library.Write" in refused(reply, 403, "Forbidden")["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        pytest.param("GET", "/v1.0/house/shelves", None, 404, "Invalid version: v1.0", id="version"),
        pytest.param("GET", "/1/deviceManagement", None, 400, "'deviceManagement'", id="root"),
        pytest.param("GET", f"{WORKS}?$filter=titel eq 'x'", None, 400, "Did you mean 'title'?", id="filter"),
        pytest.param("GET", f"{WORKS}?$select=failureReason", None, 400, "example.library.work", id="select"),
        pytest.param("POST", WORKS, {"title": "x"}, 400, "'issued'", id="required"),
        pytest.param("POST", WORKS, NOVEL | {"genre": "opera"}, 400, "'opera' was not found", id="member"),
        pytest.param("POST", WORKS, NOVEL | {"pages": 2**31}, 400, "2147483647", id="range"),
        pytest.param("POST", WORKS, NOVEL | {"narrator": "n"}, 400, "'narrator'", id="two-types"),
        pytest.param("POST", WORKS, NOVEL | {"shelf": "top"}, 400, "Edm.Guid", id="guid"),
    ],
)
def test_faults_speak_of_this_model(
    librarian: Client, method: str, path: str, body: Any, status: int, message: str
) -> None:
    """Messages name the types, properties and members of the library."""
    reply = librarian(method, path, body)
    assert reply.status_code == status, reply.text
    assert message in reply.json()["error"]["message"]
    assert "microsoft" not in reply.text


def test_the_library_describes_itself(librarian: Client) -> None:
    """Metadata and service document are of this model."""
    metadata = librarian.get("/1/$metadata").text
    assert 'Namespace="example.library"' in metadata
    assert 'Name="audiobook"' in metadata
    assert "troubleshooting" not in metadata.lower()
    names = [item["name"] for item in librarian.get("/1").json()["value"]]
    assert sorted(names) == ["house", "members", "myself"]
