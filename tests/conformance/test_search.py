"""Searches for a text anywhere in a row: what an index of trigrams may tell must never change what is found."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from enrollscope.odata.edm.layout import KEY, Record
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.plan.bound import (
    Bound,
    Call,
    Column,
    Combine,
    Inside,
    Logic,
    Mentions,
    Not,
    Parameter,
    Quantified,
    Quantifier,
    Source,
)
from enrollscope.odata.plan.commands import Actor, Create
from enrollscope.odata.plan.queries import Order, Paging, Query
from tests.conformance.commands import ISSUED
from tests.conformance.conftest import Opened
from tests.conformance.library import LAYOUT
from tests.conformance.oracle import Oracle

TEXT = Primitive.STRING
SOUGHT = Parameter(0, TEXT)

IDS = (
    "0f3a9c42-7b1d-4e58-9a60-c2d4e6f80135",
    "0F3A9C42-7B1D-4E58-9A60-C2D4E6F80136",
    "12345678-1234-1234-1234-12345678-abc",
    "0f3a9c42-7b1d-4e58-9a60-c2d4e6f8013x",
    "0f3a9c427b1d4e589a60c2d4e6f80137",
    "------------------------------------",
    "deadbeef",
    "dead-beef",
    "W_1%",
)
VALUES = (
    *("", "step 13", "0x801800FF at step 13", "801800ff", "a%b", "a_b", "a\\b", "\\", "%", "_", "axb", "''"),
    *('say "hi"', "tab\there", "two\nlines", "\x01control", "a/b", "{}[]", "null", "name"),
    *("ΌΣΟΣ", "ΟΔΟΣ ΑΒΓ", "\nΣ", "Σ\x01", "ΑΣ.Β", "σς", "İstanbul", "ısı", "\u212aelvin", "Straße", "\ufb01x"),
    *("\U0001d538\U0001f600", "e\u0301", "日本語", *IDS),
)


def texts() -> Iterator[str]:
    """What is stored, parts of it, and the same in other cases."""
    for value in VALUES:
        for part in (value, value[1:], value[2:-2], value[4:14], value[20:32]):
            yield from (part, part.swapcase())


def anywhere(sought: Bound = SOUGHT) -> Bound:
    """The text stands in some string of a work."""
    plain = (
        Column("code", TEXT),
        Column("title", TEXT),
        Inside(Source("publisher", ("name",)), TEXT),
        Inside(Source("publisher", ("address", "street")), TEXT),
    )
    keywords = Mentions(sought, (Inside(Source(1), TEXT),))
    reviews = Mentions(sought, (Inside(Source(2, ("text",)), TEXT),))
    return Combine(
        Logic.OR,
        Combine(Logic.OR, Mentions(sought, plain), Quantified(Quantifier.ANY, Source("keywords"), 1, keywords)),
        Quantified(Quantifier.ANY, Source("reviews"), 2, reviews),
    )


@pytest.fixture(scope="module")
def works(opened: Opened) -> tuple[str, list[Record]]:
    """A tenant, and works that have each of the values somewhere."""
    tenant = str(uuid.uuid4())
    actor = Actor(tenant, None, "app", "token", "request", 1)
    entities: list[tuple[str, dict[str, Any]]] = [(key, {}) for key in IDS]
    for number, value in enumerate(VALUES):
        inside: list[dict[str, Any]] = [
            {"publisher": {"name": value}},
            {"publisher": {"address": {"street": value}}, "title": "x"},
            {"keywords": ["", value]},
            {"reviews": [{"text": value, "stars": 1}]},
        ]
        entities += [(f"title-{number}", {"title": value}), (f"inside-{number}", inside[number % len(inside)])]

    async def write() -> list[Record]:
        creations = [Create(actor, "works", key, "book", {"issued": ISSUED, **values}) for key, values in entities]
        return [(await opened.store.write(creation)).record for creation in creations]

    return tenant, opened.run(write())


@pytest.mark.slow
@pytest.mark.parametrize(
    "condition",
    [
        pytest.param(anywhere(), id="anywhere"),
        pytest.param(Not(anywhere()), id="nowhere"),
        pytest.param(Combine(Logic.OR, anywhere(), anywhere(Parameter(1, TEXT))), id="either"),
        pytest.param(Combine(Logic.AND, anywhere(), anywhere(Parameter(1, TEXT))), id="both"),
        pytest.param(Mentions(SOUGHT, (Column("title", TEXT),)), id="in-one-property"),
        pytest.param(Call("contains", (Column("title", TEXT), SOUGHT), Primitive.BOOLEAN), id="contains"),
        pytest.param(Call("contains", (Column("code", TEXT), SOUGHT), Primitive.BOOLEAN), id="contains-in-an-id"),
    ],
)
def test_a_text_is_found_wherever_it_stands(opened: Opened, works: tuple[str, list[Record]], condition: Bound) -> None:
    """In any case, whatever it is made of, in strings of any kind; and nothing else is."""
    tenant, records = works
    query = Query("works", condition, (Order(Column("code", TEXT), descending=False),))
    for sought in sorted(set(texts())):
        parameters = (sought, "STEP")
        oracle = Oracle(LAYOUT, list(parameters), records=records)
        expected = {record[KEY] for record in oracle.matching(condition, records)}
        page = opened.run(opened.store.fetch(tenant, query, Paging(parameters, len(records))))
        assert {record[KEY] for record in page.records} == expected, sought
        assert opened.run(opened.store.count(tenant, query, Paging(parameters, 1))) == len(expected), sought
