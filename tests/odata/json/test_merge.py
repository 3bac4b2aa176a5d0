import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollscope.odata.edm.layout import VERSION, Record
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.json.merge import create, difference, merge
from tests.conformance.library import LAYOUT

ISSUED = Instant.parse("2017-01-01T00:01:33.1647467+03:00")


def book(**values: Any) -> Record:
    """A stored book."""
    return create(LAYOUT, "b1", "book", {"issued": ISSUED, **values})


def shown(record: Record, name: str) -> Any:
    """The value of one property."""
    return LAYOUT.value(record, name)


@pytest.mark.parametrize(
    ("stored", "change", "expected"),
    [
        pytest.param({"title": "A"}, {"title": "B"}, {"title": "B"}, id="present-changes"),
        pytest.param({"title": "A", "pages": 7}, {"pages": 8}, {"title": "A", "pages": 8}, id="absent-stays"),
        pytest.param({"title": "A"}, {"title": None}, {"title": None}, id="null-clears"),
        pytest.param({"title": "A"}, {"title": ""}, {"title": ""}, id="empty-is-not-null"),
        pytest.param({"keywords": ["a", "b"]}, {"keywords": ["c"]}, {"keywords": ["c"]}, id="collection-replaced"),
        pytest.param({"keywords": ["a"]}, {"keywords": []}, {"keywords": []}, id="collection-emptied"),
        pytest.param(
            {"publisher": {"name": "P", "imprints": ["x"]}},
            {"publisher": {"name": "Q"}},
            {"publisher": {"name": "Q", "address": None, "imprints": ["x"]}},
            id="complex-merges",
        ),
        pytest.param(
            {"publisher": {"name": "P", "address": {"street": "S", "city": "C"}}},
            {"publisher": {"address": {"city": "D"}}},
            {"publisher": {"name": "P", "address": {"street": "S", "city": "D"}, "imprints": []}},
            id="complex-merges-all-the-way-down",
        ),
        pytest.param(
            {},
            {"publisher": {"address": {"city": "D"}}},
            {"publisher": {"name": None, "address": {"street": None, "city": "D"}, "imprints": []}},
            id="complex-from-null-is-whole",
        ),
        pytest.param({"publisher": {"name": "P"}}, {"publisher": None}, {"publisher": None}, id="complex-cleared"),
        pytest.param(
            {"reviews": [{"text": "good", "stars": 5}]},
            {"reviews": [{"stars": 1}]},
            {"reviews": [{"text": None, "stars": 1}]},
            id="items-of-a-collection-do-not-merge",
        ),
        pytest.param(
            {"reviews": [{"stars": 1}]}, {"reviews": [{"stars": True}]}, {"reviews": [{"text": None, "stars": True}]},
            id="json-tells-1-from-true",
        ),
    ],
)  # fmt: skip
def test_an_update_changes_what_is_present(
    stored: dict[str, Any], change: dict[str, Any], expected: dict[str, Any]
) -> None:
    """What a change names is changed, the rest stays, and the version rises by one."""
    before = book(**stored)
    after = merge(LAYOUT, before, change)
    assert json.dumps({name: shown(after, name) for name in expected}) == json.dumps(expected)
    assert after[VERSION] == before[VERSION] + 1


@pytest.mark.parametrize(
    ("stored", "change"),
    [
        pytest.param({"title": "A"}, {}, id="nothing"),
        pytest.param({"title": "A"}, {"title": "A"}, id="scalar"),
        pytest.param({}, {"title": None, "keywords": [], "publisher": None}, id="what-was-never-set"),
        pytest.param({}, {"issued": ISSUED}, id="instant"),
        pytest.param({}, {"issued": Instant(ISSUED.ticks - ISSUED.ticks % 10, 180)}, id="instant-cut-to-microseconds"),
        pytest.param({"keywords": ["a"]}, {"keywords": ["a"]}, id="collection"),
        pytest.param({"publisher": {"name": "P"}}, {"publisher": {}}, id="empty-object"),
        pytest.param({"publisher": {"name": "P"}}, {"publisher": {"address": None, "name": "P"}}, id="other-order"),
        pytest.param({"reviews": [{"stars": 2, "text": "t"}]}, {"reviews": [{"text": "t", "stars": 2}]}, id="in-items"),
    ],
)
def test_an_echo_is_no_change(stored: dict[str, Any], change: dict[str, Any]) -> None:
    """Sending back what is stored makes no new version: the record itself comes back."""
    before = book(**stored)
    assert merge(LAYOUT, before, change) is before


@pytest.mark.parametrize(
    ("sent", "ticks", "offset"),
    [
        pytest.param(Instant(ISSUED.ticks // 10 * 10, 0), ISSUED.ticks, 0, id="cut-to-microseconds-keeps-the-ticks"),
        pytest.param(Instant(ISSUED.ticks, 60), ISSUED.ticks, 60, id="same-time-other-offset"),
        pytest.param(Instant(ISSUED.ticks // 10 * 10 + 1, 180), ISSUED.ticks // 10 * 10 + 1, 180, id="other-digit"),
        pytest.param(Instant(ISSUED.ticks // 10**7 * 10**7), ISSUED.ticks // 10**7 * 10**7, 0, id="cut-to-seconds"),
    ],
)
def test_a_time_keeps_the_digit_that_clients_lose(sent: Instant, ticks: int, offset: int) -> None:
    """A stored time sent back cut to microseconds keeps its ticks and takes the offset sent."""
    assert shown(merge(LAYOUT, book(), {"issued": sent}), "issued") == Instant(ticks, offset)


@given(st.integers(0, 2**61), st.integers(-840, 840), st.integers(-840, 840))
def test_any_time_survives_microseconds(ticks: int, old: int, new: int) -> None:
    """No time of the calendar loses digits to a client that has microseconds."""
    before = create(LAYOUT, "b1", "book", {"issued": Instant(ticks, old)})
    after = merge(LAYOUT, before, {"issued": Instant(ticks - ticks % 10, new)})
    assert shown(after, "issued") == Instant(ticks, new)


def test_a_cleared_time_loses_its_offset() -> None:
    """Null clears both halves."""
    after = merge(LAYOUT, book(returned=ISSUED), {"returned": None})
    assert shown(after, "returned") is None
    assert after[LAYOUT.index["returned"] + 1] is None


@pytest.mark.parametrize(
    ("name", "value", "spelled"),
    [
        pytest.param("title", "T", "T", id="string"),
        pytest.param("genre", 1, "poem", id="enum-by-name"),
        pytest.param("genre", 77, "77", id="enum-number-without-a-name"),
        pytest.param("returned", Instant(ISSUED.ticks, 180), "2017-01-01T00:01:33.1647467+03:00", id="time"),
        pytest.param("lent", True, True, id="boolean"),
        pytest.param("printed", 2**62, 2**62, id="int64"),
        pytest.param("weight", float("-inf"), "-INF", id="infinity"),
        pytest.param("price", str(Decimal("12.50")), "12.50", id="decimal"),
        pytest.param("keywords", ["a"], ["a"], id="collection"),
        pytest.param("publisher", {"name": "P"}, {"name": "P", "address": None, "imprints": []}, id="complex"),
    ],
)
def test_a_difference_speaks_odata_json(name: str, value: Any, spelled: Any) -> None:
    """The log spells values as the wire does, before and after."""
    before = book()
    after = merge(LAYOUT, before, {name: value})
    empty: Any = [] if LAYOUT.properties[name].collection else None
    assert difference(LAYOUT, before, after) == ({name: empty}, {name: spelled})


@pytest.mark.parametrize(
    ("name", "value", "spelled"),
    [
        pytest.param("runningTime", -900_000_000_000, "-P1DT1H", id="duration"),
        pytest.param("sample", b"\xff\xfe", "__4=", id="binary"),
        pytest.param("recorded", "2020-02-29", "2020-02-29", id="date"),
    ],
)
def test_a_creation_is_logged_whole(name: str, value: Any, spelled: Any) -> None:
    """Before a creation is nothing; after it every property of the type, and none of another type."""
    record = create(LAYOUT, "a1", "audiobook", {"issued": ISSUED, name: value})
    before, after = difference(LAYOUT, None, record)
    assert before == {}
    assert after[name] == spelled
    assert after["@odata.type"] == "#example.library.audiobook"
    assert after["title"] is None
    assert after["keywords"] == []
    assert after.keys() - {"@odata.type"} == LAYOUT.types["audiobook"].by_name.keys() - {"code"}


def test_a_deletion_is_logged_whole() -> None:
    """After a deletion is nothing; before it what a creation would log."""
    record = book(title="T")
    assert difference(LAYOUT, record, None) == difference(LAYOUT, None, record)[::-1]


def test_a_changed_offset_is_a_difference() -> None:
    """The same time with another offset is printed otherwise, so it is logged."""
    before = book()
    after = merge(LAYOUT, before, {"issued": Instant(ISSUED.ticks)})
    assert difference(LAYOUT, before, after) == ({"issued": str(ISSUED)}, {"issued": "2016-12-31T21:01:33.1647467Z"})
