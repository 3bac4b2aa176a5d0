import math
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollscope.odata.edm.literals import FORMS, read_duration, read_enum, write_duration, write_number
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import Duration, Instant, TimeOfDay
from enrollscope.odata.parser import parse

SECOND = 10_000_000


def test_every_primitive_has_a_form() -> None:
    """The table of forms and the primitive types of the model are the same set."""
    assert set(FORMS) == {primitive.value for primitive in Primitive}


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        pytest.param("Edm.Boolean", "TRUE", True, id="boolean-in-any-case"),
        pytest.param("Edm.SByte", "-128", -128, id="smallest-sbyte"),
        pytest.param("Edm.Byte", "255", 255, id="largest-byte"),
        pytest.param("Edm.Int16", "+32767", 32767, id="largest-int16"),
        pytest.param("Edm.Int32", "-2147483648", -(2**31), id="smallest-int32"),
        pytest.param("Edm.Int64", "9223372036854775807", 2**63 - 1, id="largest-int64"),
        pytest.param("Edm.Decimal", "-0.10", Decimal("-0.10"), id="decimal-keeps-its-digits"),
        pytest.param("Edm.Double", "-0.314e1", -3.14, id="double"),
        pytest.param("Edm.Single", "INF", math.inf, id="infinity"),
        pytest.param(
            "Edm.Guid", "01234567-89AB-cdef-0123-456789abcdef", UUID(int=0x0123456789ABCDEF0123456789ABCDEF), id="guid"
        ),
        pytest.param("Edm.Date", "2024-02-29", date(2024, 2, 29), id="leap-day"),
        pytest.param("Edm.TimeOfDay", "23:59", TimeOfDay(86_340 * SECOND), id="time-without-seconds"),
        pytest.param("Edm.TimeOfDay", "00:00:00.000000199", TimeOfDay(1), id="digits-beyond-100-ns-are-cut"),
        pytest.param(
            "Edm.DateTimeOffset",
            "2024-05-15T14:13:19.376941Z",
            Instant.parse("2024-05-15T14:13:19.376941Z"),
            id="instant",
        ),
        pytest.param("Edm.Duration", "P1DT2H3M4.5S", Duration(937_845_000_000), id="duration"),
        pytest.param("Edm.Duration", "-PT0.0000001S", Duration(-1), id="smallest-negative-duration"),
        pytest.param("Edm.Binary", "Zm9vYg", b"foob", id="binary-without-padding"),
        pytest.param("Edm.Binary", "", b"", id="empty-binary"),
        pytest.param("Edm.String", "O'Neil", "O'Neil", id="string"),
    ],
)
def test_text_to_value(type_name: str, text: str, value: object) -> None:
    """Each type reads its own text form."""
    assert FORMS[type_name].read(text) == value


@pytest.mark.parametrize(
    ("type_name", "text"),
    [
        pytest.param("Edm.Boolean", "yes", id="no-boolean"),
        pytest.param("Edm.Byte", "256", id="byte-too-large"),
        pytest.param("Edm.Byte", "-1", id="byte-negative"),
        pytest.param("Edm.SByte", "128", id="sbyte-too-large"),
        pytest.param("Edm.Int32", "2147483648", id="int32-too-large"),
        pytest.param("Edm.Int64", "9" * 400, id="four-hundred-digits"),
        pytest.param("Edm.Int16", "1.0", id="fraction-in-an-integer"),
        pytest.param("Edm.Int16", "٣", id="digit-of-another-script"),
        pytest.param("Edm.Decimal", "NaN", id="decimal-nan"),
        pytest.param("Edm.Decimal", "1" * 101, id="decimal-too-long"),
        pytest.param("Edm.Decimal", ".5", id="decimal-without-integer-part"),
        pytest.param("Edm.Double", "1e999", id="double-too-large"),
        pytest.param("Edm.Double", "inf", id="infinity-in-lower-case"),
        pytest.param("Edm.Guid", "{01234567-89ab-cdef-0123-456789abcdef}", id="guid-in-braces"),
        pytest.param("Edm.Guid", "0123456789abcdef0123456789abcdef", id="guid-without-hyphens"),
        pytest.param("Edm.Date", "2023-02-29", id="no-leap-year"),
        pytest.param("Edm.Date", "0000-01-01", id="year-zero"),
        pytest.param("Edm.Date", "-0001-01-01", id="negative-year"),
        pytest.param("Edm.Date", "20240101", id="date-without-hyphens"),
        pytest.param("Edm.TimeOfDay", "24:00", id="hour-24"),
        pytest.param("Edm.TimeOfDay", "12:00:60", id="leap-second"),
        pytest.param("Edm.DateTimeOffset", "2024-05-15", id="date-alone"),
        pytest.param("Edm.Duration", "P", id="duration-of-nothing"),
        pytest.param("Edm.Duration", "P1DT", id="duration-that-ends-in-t"),
        pytest.param("Edm.Duration", "P1Y", id="duration-in-years"),
        pytest.param("Edm.Duration", "P999999999999D", id="duration-too-long"),
        pytest.param("Edm.Binary", "Zm9v=", id="padding-too-much"),
        pytest.param("Edm.Binary", "Zh", id="bits-left-over"),
        pytest.param("Edm.Binary", "Z+/v", id="base64-that-is-not-url-safe"),
    ],
)
def test_text_without_value(type_name: str, text: str) -> None:
    """Text of another form, or beyond the range of the type, is a ValueError with a clause for the client."""
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        FORMS[type_name].read(text)


@pytest.mark.parametrize(
    ("ticks", "text"),
    [
        pytest.param(0, "PT0S", id="zero"),
        pytest.param(864_000_000_000, "P1D", id="days-alone"),
        pytest.param(-36_000_000_000, "-PT1H", id="negative"),
        pytest.param(937_845_000_000, "P1DT2H3M4.5S", id="all-fields"),
        pytest.param(600_000_001, "PT1M0.0000001S", id="fraction-of-no-seconds"),
        pytest.param(100_000_000, "PT10S", id="ten-seconds-keep-their-zero"),
    ],
)
def test_durations_are_written_canonically(ticks: int, text: str) -> None:
    """Fields that are zero are left out, fractions have no trailing zeros."""
    assert write_duration(Duration(ticks)) == text
    assert read_duration(text) == Duration(ticks)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(Decimal("1E+3"), "1000", id="decimal-without-exponent"),
        pytest.param(Decimal("1E-7"), "0.0000001", id="small-decimal"),
        pytest.param(1e300, "1e+300", id="large-double"),
        pytest.param(math.inf, "INF", id="infinity"),
        pytest.param(-math.inf, "-INF", id="negative-infinity"),
        pytest.param(math.nan, "NaN", id="not-a-number"),
    ],
)
def test_numbers_are_written_as_odata_does(value: float | Decimal, text: str) -> None:
    """Special values have their names, decimals no exponent."""
    assert write_number(value) == text


@pytest.mark.parametrize(
    ("text", "members"),
    [
        pytest.param("authentication", ("authentication",), id="name"),
        pytest.param("1", (1,), id="number"),
        pytest.param("Solid,Yellow,-42,+7", ("Solid", "Yellow", -42, 7), id="several"),
        pytest.param("Grün", ("Grün",), id="beyond-ascii"),
    ],
)
def test_enum_members(text: str, members: tuple[str | int, ...]) -> None:
    """An enum literal holds names and numbers, separated by commas."""
    assert read_enum(text) == members


@pytest.mark.parametrize(
    "text", [pytest.param("", id="empty"), pytest.param("a,", id="gap"), pytest.param("a b", id="blank")]
)
def test_no_enum_members(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="members, separated by commas"):
        read_enum(text)


TICKS = st.integers(min_value=-(2**62), max_value=2**62)
VALUES = st.one_of(
    st.tuples(st.just("Edm.Boolean"), st.booleans()),
    st.tuples(st.just("Edm.Int64"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(
        st.just("Edm.Decimal"),
        st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**20), max_value=10**20),
    ),
    st.tuples(st.just("Edm.Double"), st.floats(allow_nan=False)),
    st.tuples(st.just("Edm.Guid"), st.uuids()),
    st.tuples(st.just("Edm.Date"), st.dates()),
    st.tuples(st.just("Edm.TimeOfDay"), st.integers(0, 86_400 * SECOND - 1).map(TimeOfDay)),
    st.tuples(st.just("Edm.DateTimeOffset"), st.integers(10**15, 3 * 10**18).map(Instant)),
    st.tuples(st.just("Edm.Duration"), TICKS.map(Duration)),
    st.tuples(st.just("Edm.Binary"), st.binary(max_size=20)),
    st.tuples(st.just("Edm.String"), st.text(st.characters(codec="utf-8"), max_size=30)),
)


@given(VALUES)
def test_what_is_written_reads_back(typed: tuple[str, Any]) -> None:
    """The URL literal of any value is read by the grammar as that value, whatever characters it needs encoded."""
    type_name, value = typed
    written = FORMS[type_name].write(value)
    encoded = "".join(f"%{byte:02X}" for byte in written.encode())
    found = parse("primitiveLiteral", encoded).value  # type: ignore[attr-defined]  # the rule yields a literal
    assert found == value or float(found) == float(value)
