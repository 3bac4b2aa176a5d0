"""Pages as JSON text, which a store may put together, beside records that are written and encoded."""

import asyncio
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import apsw
import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollscope.api.composition import SIGNING_KEYS, compose
from enrollscope.auth.issuer import DevelopmentIssuer, Grant
from enrollscope.auth.keys import generate_signing_keys
from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.layout import TYPE, Layout, Record
from enrollscope.odata.edm.model import ComplexType, EnumType, Model, Primitive, Property
from enrollscope.odata.edm.schema import Schema
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import BadRequest
from enrollscope.odata.json.text_form import TextForm
from enrollscope.odata.json.writer import EntityWriter
from enrollscope.odata.plan.bound import Column
from enrollscope.odata.plan.commands import Actor, Create
from enrollscope.odata.plan.queries import Order, Paging, Query
from enrollscope.odata.plan.requests import Projection, Shown
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel, OmitValues, ProtocolVersion
from enrollscope.settings import Settings
from enrollscope.store.base import PageText, Store
from enrollscope.store.history import MIGRATIONS, History
from enrollscope.store.opening import open_store
from enrollscope.store.sqlite_file import connect
from enrollscope.store.sqlite_functions import register
from enrollscope.store.sqlite_questions import Questions
from enrollscope.store.sqlite_rows import rows_of
from tests.conformance.conftest import SNAPSHOT, Opened
from tests.conformance.library import LAYOUT, LIBRARY
from tests.conformance.questions import RECORDS, orders
from tests.conformance.test_questions import stored
from tests.examples import examples

ENCODER = msgspec.json.Encoder(decimal_format="number")
EVENTS = Layout.of(SCHEMA.whole, SCHEMA.whole.stored_set("events"))
CONTROLS = "".join(map(chr, range(1, 0x20)))
"""Every control character that a string may hold."""

TEXTS = st.none() | st.text(
    st.one_of(
        st.sampled_from('"\\/\x7f\x80\x9f\u2028\u2029\ufeff\uffff\U0001f600\U0010ffff{}[]:,\n' + CONTROLS),
        st.characters(codec="utf-8", exclude_characters="\0"),
    )
)
UNSAYABLE = frozenset(
    (
        *(Primitive.SINGLE, Primitive.DOUBLE, Primitive.DECIMAL),
        *(Primitive.BINARY, Primitive.DURATION, Primitive.TIME_OF_DAY),
    )
)
"""Types whose values are not JSON as they are stored."""

FIRST, LAST = 0, 3_155_378_975_999_999_999
"""Ticks: the ends of the calendar."""

TICKS = st.one_of(
    st.sampled_from((FIRST, LAST)),
    st.integers(FIRST, LAST),
    # Around the ends, where local times leave the calendar, and stored times do so in UTC.
    st.integers(-14 * 36_000_000_000, 14 * 36_000_000_000).flatmap(lambda near: st.sampled_from((near, LAST + near))),
    st.integers(0, LAST // 10_000_000).map(lambda seconds: seconds * 10_000_000),
    st.tuples(st.integers(0, LAST // 10_000_000), st.integers(0, 7), st.integers(0, 9_999_999)).map(
        lambda parts: parts[0] * 10_000_000 + parts[2] // 10 ** parts[1] * 10 ** parts[1]
    ),
)
OFFSETS = st.just(0) | st.integers(-14 * 60, 14 * 60)

FORMATS = (
    JsonFormat(),
    JsonFormat(MetadataLevel.NONE),
    JsonFormat(version=ProtocolVersion.V401),
    JsonFormat(ieee754_compatible=True),
)
PERMISSION = "DeviceManagementManagedDevices.Read.All"
OF_REQUESTS = frozenset((b"request-id", b"client-request-id", b"date"))
"""Headers that differ from answer to answer."""

EVENT_KINDS = ("enrollmentTroubleshootingEvent", "deviceManagementTroubleshootingEvent")


@st.composite
def events(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A type and values as they may be stored, whoever wrote them."""
    name = draw(st.sampled_from((*EVENT_KINDS, "appleVppTokenTroubleshootingEvent")))
    values: dict[str, Any] = {}
    for item in EVENTS.types[name].all_properties:
        if item.name == "id":
            continue
        if item.collection or isinstance(item.type, ComplexType):
            if draw(st.integers(0, 19)) == 0:
                values[item.name] = [] if item.collection else {"context": draw(TEXTS)}
        elif isinstance(item.type, EnumType):
            known = st.sampled_from([member.value for member in item.type.members])
            values[item.name] = draw(st.one_of(known, known, st.integers(-1, 40)))
        elif item.type is Primitive.DATE_TIME_OFFSET:
            values[item.name] = Instant(draw(TICKS), draw(OFFSETS))
        else:
            values[item.name] = draw(TEXTS)
    return name, values


@dataclass(frozen=True)
class Texts:
    """Texts from the file of a store, however long they take; a store gives up what does not come at once."""

    questions: Questions
    connection: apsw.Connection

    @classmethod
    def of(cls, path: Path, schema: Schema) -> "Texts":
        """Read a file that a store has made."""
        connection = connect(path)
        register(connection)
        return cls(Questions(schema, *rows_of(schema)), connection)

    def page(self, tenant: str, query: Query, paging: Paging, form: TextForm) -> PageText | None:
        """See `Store.text`."""
        statements = self.questions.text(query, paging, form)
        if statements is None:
            return None
        return self.questions.run_text(self.connection, statements, tenant, query, paging)


@dataclass(frozen=True)
class Embedded(Opened):
    """A started store, and texts from its file."""

    texts: Texts


@dataclass(frozen=True)
class Asking:
    """Asks for the pages of a tenant as text and as records."""

    opened: Embedded
    model: Model
    layout: Layout
    tenant: str
    projection: Projection
    json_format: JsonFormat = FORMATS[0]
    include_unknown: bool = False

    def writer(self) -> EntityWriter:
        """Writes what is shown."""
        return EntityWriter(
            self.model,
            self.layout,
            projection=self.projection,
            json_format=self.json_format,
            include_unknown=self.include_unknown,
        )

    def compare(self, query: Query, paging: Paging) -> None:
        """Go through all pages. There is a text wherever a form says what the entities are."""
        writer, store, texts = self.writer(), self.opened.store, self.opened.texts
        size = paging.limit - 1
        form = writer.form
        assert form is not None
        exact = all(key.expression.type is not Primitive.DOUBLE for key in query.order)
        while True:
            try:
                page = self.opened.run(store.fetch(self.tenant, query, paging))
            except BadRequest as refusal:
                if exact:
                    with pytest.raises(BadRequest, match=re.escape(refusal.message)):
                        texts.page(self.tenant, query, paging, form)
                return
            shown, more = page.records[:size], page.size > size
            after = shown[-1][-len(query.order) :] if more else ()
            text = texts.page(self.tenant, query, paging, form)
            if exact and all(map(self.says, shown)):
                entities = ENCODER.encode(writer.write_all(list(zip(*shown, strict=True))))[1:-1]
                assert text == PageText(entities, after, page.total)
            else:
                assert text is None
            if not more:
                return
            query, paging = replace(query, resumed=True), replace(paging, after=after)

    def says(self, record: Record) -> bool:
        """Whether a form says what an entity looks like.

        It says nothing of structure, of a number that a closed enumeration has no name for, and of what is not spelt
        as it is stored.
        """
        for item in self.model.shown_as(record[TYPE]).all_properties:
            value = record[self.layout.index[item.name]]
            shown = self.projection.properties is None or item.name in self.projection.properties
            if shown and value is not None and not _said(item, value):
                return False
        return True


def _said(item: Property, stored: Any) -> bool:
    if item.collection or isinstance(item.type, ComplexType):
        return False
    if isinstance(item.type, EnumType):
        return item.type.sentinel is not None or stored in item.type.names
    return item.type not in UNSAYABLE


@contextmanager
def started(path: Path, schema: Schema, history: History) -> Iterator[Embedded]:
    """Start an embedded store."""
    with asyncio.Runner() as runner:
        store = open_store(f"sqlite:///{path}", schema, history=history)
        runner.run(store.start())
        texts = Texts.of(path, schema)
        yield Embedded(store, runner, texts)
        texts.connection.close()
        runner.run(store.close())


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A store of the library."""
    with started(tmp_path_factory.mktemp("library") / "library.db", LIBRARY, SNAPSHOT) as embedded:
        yield embedded


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A store of events."""
    with started(tmp_path_factory.mktemp("events") / "events.db", SCHEMA, MIGRATIONS) as embedded:
        yield embedded


@examples()
@given(RECORDS, orders(), st.integers(2, 4), st.booleans())
def test_a_text_is_the_page_in_any_order(
    library: Embedded,
    entities: list[tuple[str, dict[str, Any]]],
    order: tuple[tuple[Order, ...], list[Any]],
    size: int,
    total: bool,
) -> None:
    """Over any order, null lowest, a text is what its records are written as, and says where the next page begins."""
    tenant, _ = stored(library, entities)
    keys, parameters = order
    model = LIBRARY.view("1")
    projection = Projection(("code", "issued", "title", "returned", "genre", "lent", "pages", "printed", "shelf"))
    paging = Paging(tuple(parameters), size + 1, total=total)
    Asking(library, model, LAYOUT, tenant, projection).compare(Query("works", None, keys), paging)


@examples()
@given(
    st.lists(events(), min_size=1, max_size=6),
    st.sampled_from(("v1.0", "beta")),
    st.sampled_from((Projection(), Projection(("id", "eventDateTime", "enrollmentType")), Projection(("eventName",)))),
    st.sampled_from(FORMATS),
    st.booleans(),
    st.booleans(),
)
def test_a_text_is_the_page_in_every_character(
    embedded: Embedded,
    entities: list[tuple[str, dict[str, Any]]],
    version: str,
    projection: Projection,
    json_format: JsonFormat,
    include_unknown: bool,
    descending: bool,
) -> None:
    """Whatever is stored, a text is what its records are written as, to the byte."""
    tenant = stored_events(embedded, entities)
    model = SCHEMA.view(version)
    first = Order(Column("eventDateTime", Primitive.DATE_TIME_OFFSET), descending)
    query = Query("events", None, (first, Order(Column("id", Primitive.STRING), descending)))
    asking = Asking(embedded, model, EVENTS, tenant, projection, json_format, include_unknown)
    asking.compare(query, Paging((), 3))


def test_a_text_is_the_page_at_the_ends_of_the_calendar(embedded: Embedded) -> None:
    """Where the local time leaves the calendar by one tick, or does not yet, it is printed as ever."""
    instants = [
        Instant(local - offset * 600_000_000, offset)
        for local in (FIRST - 1, FIRST, FIRST + 1, LAST - 1, LAST, LAST + 1)
        for offset in (-840, -61, -1, 0, 1, 59, 840)
    ]
    tenant = stored_events(embedded, [(EVENT_KINDS[0], {"eventDateTime": instant}) for instant in instants])
    order = (Order(Column("eventDateTime", Primitive.DATE_TIME_OFFSET)), Order(Column("id", Primitive.STRING)))
    asking = Asking(embedded, SCHEMA.view("v1.0"), EVENTS, tenant, Projection())
    asking.compare(Query("events", None, order), Paging((), len(instants) + 1))


def test_a_page_longer_than_any_value_of_sqlite_has_no_text(embedded: Embedded) -> None:
    """Each of its records may be shorter: it goes the way of all records."""
    values = {"eventDateTime": Instant(1), "failureReason": "x" * 9_000}
    tenant = stored_events(embedded, [(EVENT_KINDS[0], values)] * 4)
    form = EntityWriter(SCHEMA.view("v1.0"), EVENTS).form
    assert form is not None
    question = tenant, Query("events", None, (Order(Column("id", Primitive.STRING)),)), Paging((), 5), form
    longest = embedded.texts.connection.limit(apsw.SQLITE_LIMIT_LENGTH, 30_000)
    try:
        assert embedded.texts.page(*question) is None
    finally:
        embedded.texts.connection.limit(apsw.SQLITE_LIMIT_LENGTH, longest)
    assert embedded.texts.page(*question) is not None


def stored_events(opened: Opened, entities: list[tuple[str, dict[str, Any]]]) -> str:
    """Write events for a new tenant."""
    tenant = str(uuid.uuid4())
    actor = Actor(tenant, None, "app", "token", "request", 1)
    creations = [Create(actor, "events", f"e{number}", name, values) for number, (name, values) in enumerate(entities)]
    opened.run(opened.store.write_together(creations))
    return tenant


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param({"json_format": JsonFormat(MetadataLevel.FULL)}, False, id="full-metadata"),
        pytest.param({"omit": OmitValues.NULLS}, False, id="without-nulls"),
        pytest.param(
            {"projection": Projection(computed=(Shown(("n",), Primitive.INT32, 0),))}, False, id="computed-value"
        ),
        pytest.param({"json_format": JsonFormat(MetadataLevel.NONE)}, True, id="no-metadata"),
        pytest.param({"include_unknown": True}, True, id="hidden-members"),
    ],
)
def test_what_has_a_form(arguments: dict[str, Any], expected: bool) -> None:
    """There is no form of entities that are more, or less, than what is stored of them."""
    form = EntityWriter(SCHEMA.view("v1.0"), EVENTS, **arguments).form
    assert (form is not None) == expected


class Watched:
    """A store that gives all texts that can be given, and counts them; or gives none."""

    def __init__(self, store: Store, texts: Texts | None) -> None:
        self._store = store
        self._texts = texts
        self.given = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def text(self, tenant: str, query: Query, paging: Paging, form: TextForm) -> PageText | None:
        """See `Store`."""
        text = None if self._texts is None else self._texts.page(tenant, query, paging, form)
        self.given += text is not None
        return text


QUESTIONS = [
    pytest.param("v1.0", "$top=2", True, id="pages"),
    pytest.param("v1.0", "$top=3&$count=true", True, id="count"),
    pytest.param("v1.0", "$top=99&$count=true", True, id="count-on-one-page"),
    pytest.param("v1.0", "$top=0&$count=true", False, id="nothing"),
    pytest.param("v1.0", "$top=3&$skip=2", True, id="skip"),
    pytest.param("v1.0", "$skip=99", True, id="behind-the-end"),
    pytest.param("v1.0", "$top=4&$filter=failureCategory eq 'unknown'", True, id="filter"),
    pytest.param("v1.0", "$filter=userId eq 'nobody'&$count=true", True, id="none"),
    pytest.param("v1.0", "$top=2&$select=id,failureReason", True, id="select"),
    pytest.param("v1.0", "$top=2&$orderby=failureReason desc,osVersion", True, id="order"),
    pytest.param("v1.0", "$top=2&$orderby=length(failureReason)", True, id="order-by-expression"),
    pytest.param("v1.0", "$top=2&$format=application/json;odata.metadata=full", False, id="full-metadata"),
    pytest.param("v1.0", "$top=2&$format=application/json;odata.metadata=none", True, id="no-metadata"),
    pytest.param("v1.0", "$count=true&$format=application/json;IEEE754Compatible=true", True, id="numbers-as-text"),
    pytest.param("v1.0", "$top=2&$compute=length(failureReason) as n&$select=id,n", False, id="computed"),
    pytest.param("v1.0", "$apply=filter(failureCategory eq 'unknown')/skip(1)&$top=2", False, id="steps"),
    pytest.param("v1.0", "$apply=groupby((failureCategory))", False, id="groups"),
    pytest.param("v1.0", "$top=2&$search=x", True, id="search"),
    pytest.param("beta", "$top=2", True, id="beta"),
    pytest.param("beta", "$top=2&$select=eventName,tokenId", True, id="beta-select"),
    pytest.param("beta", "$select=tokenId&$format=application/json;odata.metadata=none", True, id="empty-entities"),
    pytest.param("beta", "$top=2&$filter=eventName ne null", True, id="beta-filter"),
]


SAMPLES: list[tuple[str, dict[str, Any]]] = [
    (
        EVENT_KINDS[number % 2],
        {"eventDateTime": Instant(638_000_000_000_000_000 + number % 5, number), "correlationId": CONTROLS + '\x7f"\\'}
        | (
            {
                "failureReason": (None, "x", "x\u2028y", 'say "x"')[number % 4],
                "osVersion": str(number),
                "failureCategory": number % 3,
                "enrollmentType": number,
            }
            if number % 2 == 0
            else {"eventName": f"é😀{number}"}
        ),
    )
    for number in range(12)
]


@pytest.mark.parametrize(("version", "query", "by_text"), QUESTIONS)
def test_an_answer_is_the_same_from_texts(embedded: Embedded, version: str, query: str, by_text: bool) -> None:
    """Headers, count, links and entities of all pages are the same, whether the store gives texts or records."""
    tenant = stored_events(embedded, SAMPLES)
    texts, records = Watched(embedded.store, embedded.texts), Watched(embedded.store, None)

    async def answers(store: Watched) -> list[tuple[list[tuple[bytes, bytes]], bytes]]:
        """What comes of all pages."""
        keys = await embedded.store.secret(SIGNING_KEYS, generate_signing_keys)
        grant = Grant(tenant_id=tenant, app_id=str(uuid.UUID(int=1)), permissions=(PERMISSION,))
        headers = {"Authorization": f"Bearer {DevelopmentIssuer.of(keys).issue(grant, time.time())}"}
        link = f"http://here/{version}/deviceManagement/troubleshootingEvents?{query}"
        found = []
        async with compose(Settings(database="sqlite:unused"), cast("Store", store), SCHEMA) as application:
            transport = httpx.ASGITransport(application)
            async with httpx.AsyncClient(transport=transport, headers=headers) as client:
                while link:
                    reply = await client.get(link)
                    assert reply.status_code == 200, reply.text
                    found.append(([each for each in reply.headers.raw if each[0] not in OF_REQUESTS], reply.content))
                    link = reply.json().get("@odata.nextLink")
        return found

    expected = embedded.run(answers(records))
    assert embedded.run(answers(texts)) == expected
    assert texts.given == (len(expected) if by_text else 0)
