"""The functions that the store gives to PostgreSQL, at the limits of what numbers can be."""

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import pytest

from enrollscope.odata.binding.operands import read_text
from enrollscope.odata.edm.literals import write_number
from enrollscope.odata.edm.model import Primitive
from enrollscope.store.names import READERS
from enrollscope.store.opening import migrate_store
from enrollscope.store.postgres_connections import Target
from tests.conformance.conftest import SNAPSHOT
from tests.conformance.library import LIBRARY
from tests.postgres import shared_server

INFINITY = math.inf
LARGEST = 1.7976931348623157e308
SMALLEST = 5e-324


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The URL of a migrated database."""
    with shared_server() as server, server.database() as name:
        migrate_store(server.url(name), LIBRARY, history=SNAPSHOT)
        yield server.url(name)


def value(url: str, function: str, *arguments: Any) -> Any:
    """What a function makes of its arguments."""

    async def ask() -> Any:
        connection = await Target(url).connect()
        try:
            marks = ", ".join(f"${place}" for place in range(1, len(arguments) + 1))
            return await connection.fetchval(f"SELECT odata_{function}({marks})", *arguments)
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        pytest.param("double_add", (LARGEST, LARGEST), INFINITY, id="add-overflows"),
        pytest.param("double_add", (LARGEST, 2.0**969), LARGEST, id="add-just-not"),
        pytest.param("double_add", (LARGEST, 2.0**970), INFINITY, id="add-just"),
        pytest.param("double_add", (-LARGEST, -LARGEST), -INFINITY, id="add-below"),
        pytest.param("double_add", (INFINITY, -INFINITY), None, id="add-is-not-a-number"),
        pytest.param("double_add", (SMALLEST, SMALLEST), 2 * SMALLEST, id="add-smallest"),
        pytest.param("double_add", (LARGEST, SMALLEST), LARGEST, id="add-both-ends"),
        pytest.param("double_sub", (SMALLEST, SMALLEST), 0.0, id="sub-to-zero"),
        pytest.param("double_mul", (1e200, -1e200), -INFINITY, id="mul-overflows"),
        pytest.param("double_mul", (2.0**512, 2.0**511), 2.0**1023, id="mul-just-not"),
        pytest.param("double_mul", (2.0**512, 2.0**512), INFINITY, id="mul-just"),
        pytest.param("double_mul", (SMALLEST, SMALLEST), 0.0, id="mul-vanishes"),
        pytest.param("double_mul", (SMALLEST, 0.75), SMALLEST, id="mul-rounds-up-to-smallest"),
        pytest.param("double_mul", (SMALLEST, 0.25), 0.0, id="mul-rounds-down-to-zero"),
        pytest.param("double_mul", (INFINITY, 0.0), None, id="mul-is-not-a-number"),
        pytest.param("double_mul", (0.0, 0.5), 0.0, id="mul-zero"),
        pytest.param("double_div", (LARGEST, SMALLEST), INFINITY, id="div-overflows"),
        pytest.param("double_div", (SMALLEST, LARGEST), 0.0, id="div-vanishes"),
        pytest.param("double_div", (1.0, SMALLEST), INFINITY, id="div-by-smallest"),
        pytest.param("double_div", (0.25, SMALLEST), INFINITY, id="div-below-one-by-smallest"),
        pytest.param("double_div", (3e-16, 0.9), 3e-16 / 0.9, id="div-of-little"),
        pytest.param("double_div", (2.0**-50, SMALLEST), INFINITY, id="div-of-little-by-smallest"),
        pytest.param("double_div", (-1.0, 0.0), -INFINITY, id="div-by-zero"),
        pytest.param("double_div", (0.0, 0.0), None, id="div-zero-by-zero"),
        pytest.param("double_div", (SMALLEST, SMALLEST), 1.0, id="div-smallest"),
        pytest.param("double_div", (INFINITY, INFINITY), None, id="div-is-not-a-number"),
        pytest.param("double_mod", (LARGEST, SMALLEST), math.fmod(LARGEST, SMALLEST), id="mod-both-ends"),
        pytest.param("double_mod", (-7.5, 2.0), -1.5, id="mod-has-the-sign-of-the-left"),
        pytest.param("double_mod", (LARGEST, 3.0), math.fmod(LARGEST, 3.0), id="mod-exact"),
        pytest.param("double_mod", (INFINITY, 3.0), None, id="mod-of-infinity"),
        pytest.param("double_mod", (3.0, INFINITY), 3.0, id="mod-by-infinity"),
        pytest.param("double_round", (0.49999999999999994,), 0.0, id="round-just-below-a-half"),
        pytest.param("double_round", (-2.5,), -3.0, id="round-away-from-zero"),
        pytest.param("double_round", (INFINITY,), INFINITY, id="round-infinity"),
        pytest.param("double", ("1" + "0" * 400,), INFINITY, id="decimal-too-large-for-a-double"),
        pytest.param("double", ("-0." + "0" * 400 + "1",), 0.0, id="decimal-too-small-for-a-double"),
        pytest.param("double", ("0.1",), 0.1, id="decimal-to-nearest-double"),
        pytest.param("decimal_div", ("1", "3"), "0." + "3" * 50, id="quotient-of-fifty-digits"),
        pytest.param("decimal_div", ("200", "3"), "66." + "6" * 47 + "7", id="quotient-rounded"),
        pytest.param("decimal_div", ("0.0002", "3"), "0.0000" + "6" * 49 + "7", id="small-quotient-of-fifty-digits"),
        pytest.param("decimal_div", ("6", "2"), "3", id="exact-quotient"),
        pytest.param("decimal_divby", ("-1", "0"), "-Infinity", id="divby-zero"),
        pytest.param("decimal_divby", ("0", "0"), None, id="divby-zero-of-zero"),
        pytest.param("decimal_sub", ("Infinity", "Infinity"), None, id="decimal-is-not-a-number"),
        pytest.param("substring", ("abc", 2**62), "", id="substring-far-behind"),
        pytest.param("substring", ("abc", -(2**62)), "abc", id="substring-far-before"),
        pytest.param("substring", ("abc", 1, 2**62), "bc", id="substring-endless"),
        pytest.param("toupper", ("straße",), "STRASSE", id="upper-case-that-is-longer"),
        pytest.param("tolower", ("İ",), "i̇", id="lower-case-that-is-longer"),
        pytest.param("time", (863_999_999_999,), "23:59:59.9999999", id="last-tick-of-a-day"),
        pytest.param("date", (3_155_378_975_999_999_999,), "9999-12-31", id="last-day"),
        pytest.param("date", (0,), "0001-01-01", id="first-day"),
        pytest.param("seconds", (-1,), "-0.0000001", id="a-tick-back"),
        *(
            pytest.param("text_of_double", (number,), write_number(number), id=f"text-of-{number!r}")
            for number in (
                *(LARGEST, -LARGEST, SMALLEST, 2.2250738585072014e-308, INFINITY, -INFINITY, 0.0, 1.0, -1.5, 0.1),
                *(0.0001, 0.00001, 1e15, 1e16, 1e22, 1e23, 24736174352931590.0, 9007199254740993.0, 1234567890123456.7),
            )
        ),
        pytest.param("text_of_duration", (-(2**63),), "-P10675199DT2H48M5.4775808S", id="longest-duration"),
        pytest.param("text_of_duration", (0,), "PT0S", id="no-duration"),
        pytest.param("text_of_duration", (864_000_000_000,), "P1D", id="a-day"),
    ],
)
def test_functions_at_their_limits(database: str, function: str, arguments: tuple[Any, ...], expected: Any) -> None:
    """Where the server's own operators would refuse or round, ours give what IEEE 754 and OData say."""
    assert value(database, function, *arguments) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(kind, text, id=f"{kind.name.lower()}-{number}")
        for kind, texts in {
            Primitive.INT64: ("9223372036854775807", "9223372036854775808", "+" + "0" * 39 + "7", "0" * 41, "1.0", ""),
            Primitive.DECIMAL: (
                "+007.50",
                "1.5e-3",
                "1E+3",
                "0e5",
                "1e1000",
                "1e1001",
                "0." + "1" * 98,
                "0." + "1" * 99,
            ),
            Primitive.DOUBLE: (
                *("INF", "-INF", "NaN", "1.7976931348623157e308", "1.7976931348623159e308", "-1e999999"),
                *("5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324", "1e-999999", "9007199254740993"),
                *("9007199254740993." + "0" * 900, "9007199254740993." + "0" * 900 + "1", "0" * 900 + "1e1"),
            ),
            Primitive.DATE: ("2024-02-29", "2023-02-29", "1900-02-29", "0000-01-01", "9999-12-31", "2024-1-01"),
            Primitive.TIME_OF_DAY: ("09:05", "23:59:59", "12:30:45.123456789", "24:00", "12:30:60", "12:30:45."),
            Primitive.DATE_TIME_OFFSET: (
                *(
                    "2024-05-15T14:13",
                    "2024-05-15t14:13:19.37694101z",
                    "0001-01-01T00:00+14:00",
                    "2024-05-15T14:13-14:01",
                ),
                *("2024-02-30T00:00Z", "9999-12-31T23:59:59.9999999-14:00", "2024-05-15T14:13+0200", "2024-05-15"),
            ),
            Primitive.DURATION: ("-P1DT2H3M4.56789012S", "P", "P1DT", "P10675198DT86399S", "P10675199D", "pt5s", "P1Y"),
            Primitive.BINARY: ("", "Zg", "Zg==", "Zg=", "Zm8=", "Zm9v-_-_", "Zh", "+/+/"),
            Primitive.GUID: ("0B0B0B0B-1111-4222-8333-44444444444F", "0b0b0b0b111142228333444444444444"),
            Primitive.BOOLEAN: ("tRUE", "false", "1", " true"),
        }.items()
        for number, text in enumerate(texts)
    ],
)
def test_texts_are_read_as_literals_are(database: str, kind: Primitive, text: str) -> None:
    """A text in the database has the value that it would have as a literal, or none, in the stored form."""
    try:
        expected = read_text(text, kind)
    except ValueError:
        expected = None
    if isinstance(expected, float) and math.isnan(expected):
        expected = None
    assert value(database, f"read_{READERS[kind]}", text) == expected
