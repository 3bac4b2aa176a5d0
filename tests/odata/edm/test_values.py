import pytest
from hypothesis import given, settings

from enrollscope.odata.edm.values import Instant
from tests.odata.generated import INSTANTS

_DAY = 86_400 * 10_000_000
_END = 3_652_059 * _DAY


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        pytest.param(Instant(0), "0001-01-01T00:00:00Z", id="first"),
        pytest.param(Instant(_END - 1), "9999-12-31T23:59:59.9999999Z", id="last"),
        pytest.param(Instant(1), "0001-01-01T00:00:00.0000001Z", id="seven-digits"),
        pytest.param(Instant(1_000_000), "0001-01-01T00:00:00.1Z", id="zeros-trimmed"),
        pytest.param(Instant(10_000_000), "0001-01-01T00:00:01Z", id="no-fraction"),
        pytest.param(Instant(_DAY, 180), "0001-01-02T03:00:00+03:00", id="east"),
        pytest.param(Instant(_DAY, -570), "0001-01-01T14:30:00-09:30", id="west"),
        pytest.param(Instant(-600_000_000, 1), "0001-01-01T00:00:00+00:01", id="before-year-1-in-utc"),
        pytest.param(Instant(_END, -60), "9999-12-31T23:00:00-01:00", id="after-year-9999-in-utc"),
        pytest.param(Instant(-1), "0001-01-01T00:00:00Z", id="too-early-is-the-first"),
        pytest.param(Instant(_END), "9999-12-31T23:59:59.9999999Z", id="too-late-is-the-last"),
        pytest.param(Instant(0, -60), "0001-01-01T00:00:00Z", id="too-early-there-is-in-utc"),
    ],
)
def test_printing(instant: Instant, text: str) -> None:
    """An instant prints in its own offset, with the digits it needs; outside the calendar, the nearest one in UTC."""
    assert str(instant) == text


@settings(deadline=None)  # a busy machine is no defect
@given(INSTANTS)
def test_what_is_printed_reads_back(instant: Instant) -> None:
    """Printing loses neither a digit nor the offset."""
    assert Instant.parse(str(instant)) == instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2024-05-15T14:13Z", "2024-05-15T14:13:00Z", id="no-seconds"),
        pytest.param("2024-05-15t14:13:19z", "2024-05-15T14:13:19Z", id="small-letters"),
        pytest.param("2024-05-15T14:13:19", "2024-05-15T14:13:19Z", id="no-offset-is-utc"),
        pytest.param("2024-05-15T14:13:19.123456789012Z", "2024-05-15T14:13:19.1234567Z", id="cut-after-seven-digits"),
        pytest.param("2024-01-02T03:04:05.678900+00:00", "2024-01-02T03:04:05.6789Z", id="as-python-prints"),
        pytest.param("2024-01-02T03:04:05-00:00", "2024-01-02T03:04:05Z", id="negative-zero"),
        pytest.param("2024-01-02T03:04:05+14:00", "2024-01-02T03:04:05+14:00", id="farthest-offset"),
    ],
)
def test_reading(text: str, expected: str) -> None:
    """What clients write is taken, and comes back in one form (contract §3.5)."""
    assert str(Instant.parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("2024-05-15", id="date-only"),
        pytest.param("2024-05-15 14:13:19Z", id="blank"),
        pytest.param("2024-05-15T24:00:00Z", id="hour-24"),
        pytest.param("2024-05-15T23:60:00Z", id="minute-60"),
        pytest.param("2024-05-15T23:59:60Z", id="second-60"),
        pytest.param("2023-02-29T00:00:00Z", id="no-such-day"),
        pytest.param("0000-01-01T00:00:00Z", id="year-0"),
        pytest.param("10000-01-01T00:00:00Z", id="year-10000"),
        pytest.param("2024-05-15T00:00:00+14:01", id="offset-too-far"),
        pytest.param("2024-05-15T00:00:00+01:60", id="offset-minute-60"),
        pytest.param("2024-05-15T00:00:00.Z", id="point-without-digits"),
        pytest.param("2024-05-15T00:00:00.1234567890123Z", id="thirteen-digits"),
        pytest.param("٢024-05-15T00:00:00Z", id="digit-of-another-script"),
        pytest.param("2024-05-15T00:00:00Z\n", id="line-end"),
    ],
)
def test_what_is_no_instant(text: str) -> None:
    """Other forms, and times that do not exist, are refused (contract §3.5)."""
    with pytest.raises(ValueError, match=r"expected|must|no such day"):
        Instant.parse(text)
