from decimal import Decimal
from typing import Any

import pytest

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.json.merge import create
from enrollscope.odata.json.writer import EntityWriter
from enrollscope.odata.plan.requests import Projection
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel
from tests.odata.observatory import CURRENT, LAYOUT, OLD

FULL = JsonFormat(MetadataLevel.FULL)
AS_TEXT = JsonFormat(ieee754_compatible=True)


def probe(**values: Any) -> Record:
    """A stored probe."""
    return create(LAYOUT, "p1", "probe", {"label": "A", "owner": "o", **values})


def shown(record: Record, name: str, **options: Any) -> Any:
    """One property as a client of the current version sees it."""
    return EntityWriter(CURRENT, LAYOUT, **options).write(record)[name]


@pytest.mark.parametrize(
    ("name", "stored", "plain", "as_text"),
    [
        pytest.param("binaryValue", b"\xff\xef", "_-8=", "_-8=", id="binary"),
        pytest.param("booleanValue", False, False, False, id="boolean"),
        pytest.param("decimalValue", "0.10", Decimal("0.10"), "0.10", id="decimal"),
        pytest.param("doubleValue", float("-inf"), "-INF", "-INF", id="infinite"),
        pytest.param("durationValue", 15_000_000, "PT1.5S", "PT1.5S", id="duration"),
        pytest.param("int64Value", 2**60, 2**60, str(2**60), id="int64"),
        pytest.param("int32Value", 0, 0, 0, id="zero"),
        pytest.param("stringValue", "", "", "", id="empty-string"),
        pytest.param(
            "dateTimeOffsetValue",
            Instant(0, 60),
            "0001-01-01T01:00:00+01:00",
            "0001-01-01T01:00:00+01:00",
            id="instant",
        ),
        pytest.param("decimalList", ["0.10", None], [Decimal("0.10"), None], ["0.10", None], id="decimals"),
        pytest.param("int64List", [1, None], [1, None], ["1", None], id="int64s"),
        pytest.param(
            "dateTimeOffsetList",
            ["2024-01-02T03:04:00Z"],
            ["2024-01-02T03:04:00Z"],
            ["2024-01-02T03:04:00Z"],
            id="instants",
        ),
        pytest.param("bands", ["visible", "aether"], ["visible", "later"], ["visible", "later"], id="members"),
    ],
)
def test_values(name: str, stored: Any, plain: Any, as_text: Any) -> None:
    """Each stored value has its JSON form; `IEEE754Compatible` makes strings of Int64 and Decimal, inside lists too."""
    for options, expected in (({}, plain), ({"json_format": AS_TEXT}, as_text)):
        found = shown(probe(**{name: stored}), name, **options)
        assert (found, type(found)) == (expected, type(expected))


def test_a_structured_value_shows_what_the_view_has() -> None:
    """What the view hides does not show, what was declared later is null or empty, the order is the declared one."""
    mount = {"motors": [{"quality": "fair", "serial": "s"}], "remarks": "r", "band": "gravity"}
    record = create(LAYOUT, "d1", "dish", {"label": "A", "owner": "o", "mount": mount})
    stale = list(record)
    LAYOUT.put(stale, "mount", mount)
    old = EntityWriter(OLD, LAYOUT).write(tuple(stale))["mount"]
    assert old == {
        "maker": None,
        "band": "later",
        "driveMotor": None,
        "motors": [{"serial": "s", "ratio": None, "greased": None, "quality": "fair"}],
    }
    assert list(old) == ["maker", "band", "driveMotor", "motors"]
    current = EntityWriter(CURRENT, LAYOUT).write(tuple(stale))["mount"]
    assert (current["band"], current["remarks"]) == ("gravity", "r")
    hidden = EntityWriter(OLD, LAYOUT, include_unknown=True).write(tuple(stale))["mount"]
    assert hidden["band"] == "gravity"


def test_a_structured_value_from_before_a_property_was_declared() -> None:
    """What was not stored shows as null, a collection as empty."""
    record = list(create(LAYOUT, "d1", "dish", {"label": "A", "owner": "o"}))
    LAYOUT.put(record, "mount", {"maker": "m"})
    mount = EntityWriter(CURRENT, LAYOUT).write(tuple(record))["mount"]
    assert mount == {"maker": "m", "band": None, "driveMotor": None, "motors": [], "remarks": None}


def test_an_abstract_base_leaves_no_entity_without_a_type() -> None:
    """Where the set's own type has no instances, every entity says what it is."""
    for type_name in ("telescope", "antenna", "dish"):
        record = create(LAYOUT, "x", type_name, {"label": "A", "owner": "o", "mirrors": 1})
        assert EntityWriter(OLD, LAYOUT).write(record)["@odata.type"] == f"#example.sky.{type_name}"


def test_full_metadata_names_the_types_of_values() -> None:
    """All but strings and Booleans, in the short spelling for built-in types; lists always; null never."""
    record = probe(int16Value=1, doubleValue=1.5, booleanValue=True, stringValue="s", int16List=[1])
    found = EntityWriter(CURRENT, LAYOUT, json_format=FULL).write(record, collection="https://x/instruments")
    types = {
        name.partition("@")[0]: text for name, text in found.items() if name.endswith("@odata.type") and name[0] != "@"
    }
    assert types["int16Value"] == "#Int16"
    assert types["doubleValue"] == "#Double"
    assert types["int16List"] == "#Collection(Int16)"
    assert types["stringList"] == "#Collection(String)"
    assert types["bands"] == "#Collection(example.sky.band)"
    assert not {"booleanValue", "stringValue", "int32Value", "band"} & types.keys()


def test_a_number_that_no_member_has() -> None:
    """A closed enumeration has no name for it: that is a defect of the store, not something to hide."""
    mount = {"motors": [{"quality": "splendid", "serial": "s"}]}
    record = create(LAYOUT, "d1", "dish", {"label": "A", "owner": "o", "mount": mount})
    with pytest.raises(LookupError):
        EntityWriter(CURRENT, LAYOUT).write(record)


def test_a_projection_of_nothing_that_the_type_has() -> None:
    """Control information alone is left, and the entity is still one."""
    writer = EntityWriter(CURRENT, LAYOUT, projection=Projection(("mirrors",), "mirrors"))
    assert writer.write(probe()) == {"@odata.type": "#example.sky.probe", "@odata.etag": 'W/"1"'}
