"""What functions of collections come to, in both databases (URL conventions 4.01 §5.1.1.1, §5.1.1.5, §5.1.1.6)."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from enrollscope.store.json_functions import json_functions, same
from enrollscope.store.opening import migrate_store
from enrollscope.store.postgres_connections import Target
from tests.conformance.conftest import SNAPSHOT
from tests.conformance.library import LIBRARY
from tests.postgres import shared_server


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The URL of a migrated database."""
    with shared_server() as server, server.database() as name:
        migrate_store(server.url(name), LIBRARY, history=SNAPSHOT)
        yield server.url(name)


def in_postgres(url: str, function: str, left: Any, right: Any) -> Any:
    """What a function of PostgreSQL makes of two values."""

    async def ask() -> Any:
        connection = await Target(url).connect()
        try:
            call = f"SELECT odata_{function}(odata_plain($1::jsonb), odata_plain($2::jsonb))"
            return await connection.fetchval(call, json.dumps(left), json.dumps(right))
        finally:
            await connection.close()

    return asyncio.run(ask())


CASES = [
    pytest.param("contains", [4, 1, 3], [1, 3], True, id="contains-the-end"),
    pytest.param("contains", [4, 1, 3], [4, 3], False, id="contains-with-a-gap"),
    pytest.param("contains", [4, 1, 3], [], True, id="contains-nothing"),
    pytest.param("contains", [], [4], False, id="contains-in-nothing"),
    pytest.param("startswith", [4, 1, 3], [4, 1], True, id="startswith"),
    pytest.param("startswith", [4], [4, 1], False, id="startswith-more"),
    pytest.param("endswith", [4, 1, 3], [1, 3], True, id="endswith"),
    pytest.param("endswith", [4, 1, 3], [4, 1], False, id="endswith-the-start"),
    pytest.param("endswith", [3], [1, 3], False, id="endswith-more"),
    pytest.param("endswith", [3], [], True, id="endswith-nothing"),
    pytest.param("indexof", [4, 1, 3, 1, 3], [1, 3], 1, id="indexof-the-first"),
    pytest.param("indexof", [4, 1, 3], [3, 1], -1, id="indexof-nowhere"),
    pytest.param("indexof", [4], [], 0, id="indexof-nothing"),
    pytest.param("hassubset", [4, 1, 3], [1, 3, 4], True, id="subset-in-another-order"),
    pytest.param("hassubset", [4, 1, 3, 1], [1, 1], True, id="subset-twice"),
    pytest.param("hassubset", [1, 2], [1, 1, 2], False, id="subset-not-often-enough"),
    pytest.param("hassubset", [None, 1], [None], True, id="subset-null"),
    pytest.param("hassubset", [None], [None, None], False, id="subset-null-twice"),
    pytest.param("hassubsequence", [4, 1, 3], [4, 3], True, id="subsequence-with-a-gap"),
    pytest.param("hassubsequence", [4, 1, 3, 1], [1, 1], True, id="subsequence-twice"),
    pytest.param("hassubsequence", [4, 1, 3], [1, 3, 4], False, id="subsequence-in-another-order"),
    pytest.param("hassubsequence", [1, 2], [1, 1, 2], False, id="subsequence-not-often-enough"),
    pytest.param("hassubsequence", [1], [], True, id="subsequence-nothing"),
    pytest.param("hassubset", [{"a": 1, "b": None}], [{"a": 1}], True, id="null-is-absent-in-an-object"),
    pytest.param("hassubset", [{"a": {}}], [{"a": None}], False, id="an-empty-object-is-not-null"),
    pytest.param("hassubset", [True], [1], False, id="truth-is-no-number"),
    pytest.param("hassubset", ["1"], [1], False, id="text-is-no-number"),
    pytest.param("hassubset", [1.0, "é"], ["é", 1], True, id="numbers-by-value"),
]


@pytest.mark.parametrize(("name", "left", "right", "expected"), CASES)
def test_collections_in_sqlite(name: str, left: Any, right: Any, expected: Any) -> None:
    """Items are equal as values are; how they are spelt does not matter."""
    function = json_functions()[f"collection_{name}"]
    assert function(json.dumps(left), json.dumps(right)) == expected
    assert function(json.dumps(left, indent=1), json.dumps(right, ensure_ascii=False)) == expected


@pytest.mark.parametrize(("name", "left", "right", "expected"), CASES)
def test_collections_in_postgres(database: str, name: str, left: Any, right: Any, expected: Any) -> None:
    """PostgreSQL agrees."""
    assert in_postgres(database, f"collection_{name}", left, right) == expected


EQUAL = [
    pytest.param({"a": 1, "b": []}, {"a": 1.0}, True, id="empty-is-absent"),
    pytest.param({"a": 1, "b": {"c": None}}, {"b": {}, "a": 1}, True, id="in-any-order"),
    pytest.param([1, 2], [2, 1], False, id="items-in-another-order"),
    pytest.param([None], [], False, id="null-is-an-item"),
    pytest.param([{"a": "x"}], [{"a": "X"}], False, id="case-counts"),
    pytest.param({}, None, False, id="something-and-null"),
    pytest.param(9007199254740993, 9007199254740992.0, False, id="integers-are-exact"),
]


@pytest.mark.parametrize(("left", "right", "expected"), EQUAL)
def test_equality_in_both(database: str, left: Any, right: Any, expected: bool) -> None:
    """Two values are equal if everything in them is."""
    texts = [None if item is None else json.dumps(item) for item in (left, right)]
    assert same(*texts) is expected
    assert in_postgres(database, "same", left, right) is expected


@pytest.mark.parametrize(
    ("items", "numbers", "expected"),
    [
        pytest.param("[1,2,3]", (1,), "[2,3]", id="from"),
        pytest.param("[1,2,3]", (1, 1), "[2]", id="from-and-length"),
        pytest.param("[1,2,3]", (-2,), "[2,3]", id="from-the-end"),
        pytest.param("[1,2,3]", (-9, 2), "[1,2]", id="from-before-the-start"),
        pytest.param("[1,2,3]", (9,), "[]", id="behind-the-end"),
        pytest.param('[ {"a": 1.50} , "x" ]', (0, 1), '[{"a": 1.50}]', id="as-it-is-written"),
        pytest.param("[1]", (0, -1), "[]", id="negative-length"),
    ],
)
def test_a_part_of_a_collection(items: str, numbers: tuple[int, ...], expected: str) -> None:
    """`substring` counts items from 0, or from the end."""
    assert json_functions()["collection_substring"](items, *numbers) == expected
