import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.json.primitives import JSON_FORMS


def test_every_primitive_has_a_form() -> None:
    """No type of the model is without a reader and a writer."""
    assert set(JSON_FORMS) == set(Primitive)


@pytest.mark.parametrize(
    ("kind", "sent", "stored", "shown"),
    [
        pytest.param(Primitive.BINARY, "_-8=", b"\xff\xef", "_-8=", id="binary"),
        pytest.param(Primitive.BINARY, "_-8", b"\xff\xef", "_-8=", id="binary-without-padding"),
        pytest.param(Primitive.BINARY, "", b"", "", id="binary-empty"),
        pytest.param(Primitive.BOOLEAN, False, False, False, id="boolean"),
        pytest.param(Primitive.BYTE, 255, 255, 255, id="byte-most"),
        pytest.param(Primitive.SBYTE, -128, -128, -128, id="sbyte-least"),
        pytest.param(Primitive.INT16, -32768, -32768, -32768, id="int16-least"),
        pytest.param(Primitive.INT32, 2147483647, 2147483647, 2147483647, id="int32-most"),
        pytest.param(Primitive.INT64, -(2**63), -(2**63), -(2**63), id="int64-least"),
        pytest.param(Primitive.INT64, "9223372036854775807", 2**63 - 1, 2**63 - 1, id="int64-as-text"),
        pytest.param(Primitive.DATE, "2024-02-29", "2024-02-29", "2024-02-29", id="date"),
        pytest.param(
            Primitive.DATE_TIME_OFFSET,
            "2024-05-15T14:13:19.3769410Z",
            Instant.parse("2024-05-15T14:13:19.376941Z"),
            "2024-05-15T14:13:19.376941Z",
            id="instant",
        ),
        pytest.param(
            Primitive.DATE_TIME_OFFSET,
            "2017-01-01T00:01:33.1647467+03:00",
            Instant.parse("2016-12-31T21:01:33.1647467Z")._replace(offset=180),
            "2017-01-01T00:01:33.1647467+03:00",
            id="instant-with-offset",
        ),
        pytest.param(
            Primitive.DATE_TIME_OFFSET,
            "2024-01-02T03:04:05",
            Instant.parse("2024-01-02T03:04:05Z"),
            "2024-01-02T03:04:05Z",
            id="instant-without-offset-is-utc",
        ),
        pytest.param(Primitive.DECIMAL, 3.14, "3.14", Decimal("3.14"), id="decimal"),
        pytest.param(Primitive.DECIMAL, 7, "7", Decimal(7), id="decimal-integer"),
        pytest.param(Primitive.DECIMAL, "0.10", "0.10", Decimal("0.10"), id="decimal-as-text-keeps-digits"),
        pytest.param(Primitive.DECIMAL, "-1.5e3", "-1500", Decimal(-1500), id="decimal-with-exponent"),
        pytest.param(Primitive.DOUBLE, 3, 3.0, 3.0, id="double-from-integer"),
        pytest.param(Primitive.DOUBLE, -1.5e300, -1.5e300, -1.5e300, id="double"),
        pytest.param(Primitive.DOUBLE, "INF", math.inf, "INF", id="double-infinite"),
        pytest.param(Primitive.DOUBLE, "-INF", -math.inf, "-INF", id="double-negative-infinite"),
        pytest.param(Primitive.SINGLE, 0.5, 0.5, 0.5, id="single"),
        pytest.param(Primitive.SINGLE, "-INF", -math.inf, "-INF", id="single-infinite"),
        pytest.param(Primitive.DURATION, "-PT0.5S", -5_000_000, "-PT0.5S", id="duration"),
        pytest.param(Primitive.DURATION, "P1DT1H", 900_000_000_000, "P1DT1H", id="duration-days"),
        pytest.param(
            Primitive.GUID,
            "01234567-89AB-CDEF-0123-456789ABCDEF",
            "01234567-89ab-cdef-0123-456789abcdef",
            "01234567-89ab-cdef-0123-456789abcdef",
            id="guid-in-lower-case",
        ),
        pytest.param(Primitive.STRING, "Zürich 🏔\n", "Zürich 🏔\n", "Zürich 🏔\n", id="string"),
        pytest.param(Primitive.STRING, "", "", "", id="string-empty"),
        pytest.param(Primitive.TIME_OF_DAY, "07:59", "07:59:00.0000000", "07:59:00", id="time-without-seconds"),
        pytest.param(Primitive.TIME_OF_DAY, "07:59:59.5000", "07:59:59.5000000", "07:59:59.5", id="time-of-day"),
    ],
)
def test_what_is_read_and_shown(kind: Primitive, sent: Any, stored: Any, shown: Any) -> None:
    """A JSON value becomes the slot's value, and that becomes the canonical JSON value, each of the exact type."""
    form = JSON_FORMS[kind]
    found = form.read(sent)
    assert (found, type(found)) == (stored, type(stored))
    printed = found if form.write is None else form.write(found)
    assert (printed, type(printed)) == (shown, type(shown))


def test_not_a_number_is_read_and_shown() -> None:
    """NaN has no JSON number and equals nothing, so it is told apart."""
    form = JSON_FORMS[Primitive.DOUBLE]
    found = form.read("NaN")
    assert math.isnan(found)
    assert form.write is not None
    assert form.write(found) == "NaN"


STRINGS = ["", "x", "0", "true"]
NUMBERS = [0, 1, 1.0, 1.5, -1]
OTHERS: list[Any] = [[], {}, True, None]


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        pytest.param(Primitive.BINARY, ["A", "+/8=", "a b=", *NUMBERS, *OTHERS], id="binary"),
        pytest.param(Primitive.BOOLEAN, [*STRINGS, *NUMBERS, [], {}, None], id="boolean"),
        pytest.param(Primitive.BYTE, [-1, 256, 1.0, *STRINGS, *OTHERS], id="byte"),
        pytest.param(Primitive.SBYTE, [-129, 128, 1.0, *STRINGS, *OTHERS], id="sbyte"),
        pytest.param(Primitive.INT16, [-32769, 32768, 1.0, *STRINGS, *OTHERS], id="int16"),
        pytest.param(Primitive.INT32, [-(2**31) - 1, 2**31, 10**400, 1.0, *STRINGS, *OTHERS], id="int32"),
        pytest.param(Primitive.INT64, [-(2**63) - 1, 2**63, str(2**63), 1.0, "", "x", "1.0", *OTHERS], id="int64"),
        pytest.param(Primitive.DATE, ["2023-02-29", "0000-01-01", "2024-1-1", *STRINGS, *NUMBERS, *OTHERS], id="date"),
        pytest.param(
            Primitive.DATE_TIME_OFFSET,
            [
                "2024-05-15",
                "2024-05-15T24:00:00Z",
                "2024-05-15T23:59:60Z",
                "0000-01-01T00:00:00Z",
                "2024-02-30T00:00:00Z",
                "2024-05-15T00:00:00+14:01",
                "2024-05-15 00:00:00Z",
                *STRINGS,
                *NUMBERS,
                *OTHERS,
            ],
            id="instant",
        ),
        pytest.param(
            Primitive.DECIMAL, ["INF", "NaN", "1e999999", "1e-5000", "", "x", math.inf, math.nan, *OTHERS], id="decimal"
        ),
        pytest.param(
            Primitive.DOUBLE, ["1.5", "inf", "nan", math.inf, math.nan, 10**400, *STRINGS, *OTHERS], id="double"
        ),
        pytest.param(Primitive.SINGLE, [3.5e38, -1e39, *STRINGS, *OTHERS], id="single"),
        pytest.param(Primitive.DURATION, ["P", "PT", "P1Y", "1D", *STRINGS, *NUMBERS, *OTHERS], id="duration"),
        pytest.param(
            Primitive.GUID,
            ["0123456789abcdef0123456789abcdef", "{01234567-89ab-cdef-0123-456789abcdef}", *STRINGS, *NUMBERS, *OTHERS],
            id="guid",
        ),
        pytest.param(Primitive.STRING, ["a\0b", "\ud800", "x\udfff", *NUMBERS, *OTHERS], id="string"),
        pytest.param(
            Primitive.TIME_OF_DAY, ["24:00", "12:60", "1:00", "12:00Z", *STRINGS, *NUMBERS, *OTHERS], id="time"
        ),
    ],
)
def test_what_is_refused(kind: Primitive, refused: list[Any]) -> None:
    """Nothing is coerced, nothing is stored that could not be shown again."""
    accepted = []
    for value in refused:
        try:
            JSON_FORMS[kind].read(value)
        except ValueError:
            continue
        accepted.append(value)
    assert accepted == []


_DAY = 86_400 * 10_000_000

VALUES: dict[Primitive, st.SearchStrategy[Any]] = {
    Primitive.BINARY: st.binary(max_size=20),
    # Every offset stays inside the calendar.
    Primitive.DATE_TIME_OFFSET: st.builds(Instant, st.integers(_DAY, 3_652_058 * _DAY), st.integers(-840, 840)),
    Primitive.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False, places=5).map("{:f}".format),
    Primitive.DOUBLE: st.floats(allow_nan=False),
    Primitive.DURATION: st.integers(-(10**17), 10**17),
}


@settings(deadline=None)  # a busy machine is no defect
@given(st.data())
@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name.lower()) for kind in VALUES])
def test_what_is_shown_reads_back(kind: Primitive, data: st.DataObject) -> None:
    """The JSON of a stored value, read again, is that value."""
    form = JSON_FORMS[kind]
    stored = data.draw(VALUES[kind])
    assert form.write is not None
    assert form.read(form.write(stored)) == stored
