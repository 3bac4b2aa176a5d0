"""Texts that are literals of a type, or nearly."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.plan.bound import Bound, Cast, Parameter

if TYPE_CHECKING:
    from tests.conformance.questions import Asking

_INTEGERS = ("0", "-0", "+7", "007", "127", "-129", "255", "256", "32768", "2147483647", "2147483648", "1.0", "1e1")
_LONG = ("9223372036854775807", "-9223372036854775808", "9223372036854775808", "1" * 40, "0" * 39 + "5", "0" * 41)
_DECIMALS = (
    "1.50",
    "-0.00",
    "0e5",
    "1e-3",
    "1.5E+3",
    "1e1000",
    "1e1001",
    "1e-1000",
    "1e-1001",
    "1.",
    ".5",
    "1e1234567",
)
_DOUBLES = (
    *("INF", "-INF", "+INF", "NaN", "inf", "1.7976931348623157e308", "1.7976931348623159e308", "1e309", "1e999999"),
    *(
        "5e-324",
        "2.4703282292062328e-324",
        "2.4703282292062327e-324",
        "-1e-400",
        "1e-999999",
        "0.1",
        "9007199254740993",
    ),
    *("1" + "0" * 400 + "e-400", "0." + "0" * 400 + "1e401", "9007199254740993." + "0" * 900 + "1", "1" * 310),
)
_DATES = (
    "2024-02-29",
    "2023-02-29",
    "1900-02-29",
    "2000-02-29",
    "0001-01-01",
    "9999-12-31",
    "0000-01-01",
    "2024-04-31",
)
_MORE_DATES = ("2024-4-1", "10000-01-01", "-0001-01-01", "2024-13-01", "2024-00-10", "2024-12-00")
_CLOCKS = ("00:00", "09:05", "23:59:59.9999999", "23:59:59.99999999999", "12:30:45", "12:30:45.5", "24:00", "12:60")
_MORE_CLOCKS = ("12:30:60", "1:30", "12:30:45.", "12:30:45.1234567890123", "12:30.5")
_ZONES = ("Z", "z", "", "+00:00", "-14:00", "+14:00", "+14:01", "+05:60", "+5:00", "+0500")
_DURATIONS = (
    *("P1D", "PT1H", "-PT1M", "+PT1S", "P1DT2H3M4.5S", "PT0.12345678S", "pt5s", "P", "PT", "P1DT", "1D", "P1Y", "P1M"),
    *("P10675198D", "P10675199D", "PT999999999999S", "P10675198DT23H59M59.9999999S", "PT1.S", "-P0D", "P1D1H"),
)
_BINARIES = ("", "Zg", "Zg==", "Zg=", "Zm8", "Zm8=", "Zm9v", "Zm9", "-_-_", "+/+/", "Zm9vZg==", "Zm9v==", "Z", "Zh")
_GUID = "0B0b0b0b-1111-4222-8333-44444444444f"
_INSTANTS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from((*_DATES, *_MORE_DATES)),
    st.sampled_from(("T", "t", " ", "")),
    st.sampled_from((*_CLOCKS, *_MORE_CLOCKS)),
    st.sampled_from(_ZONES),
)


def _nearly(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts, some of them with what does not belong there."""
    around = st.sampled_from((" {}", "{} ", "{}\n", "\u0663{}", "{}x"))
    return st.one_of(texts, texts, texts, st.tuples(around, texts).map(lambda each: each[0].format(each[1])))


def _numbers(*texts: str) -> st.SearchStrategy[str]:
    return _nearly(st.one_of(st.sampled_from(texts), st.integers().map(str), st.floats(allow_nan=False).map(repr)))


TEXTS: Mapping[Primitive, st.SearchStrategy[str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (Primitive.INT16, Primitive.INT32, Primitive.INT64),
            _numbers(*_INTEGERS, *_LONG),
        ),
        Primitive.DECIMAL: _numbers(*_INTEGERS, *_LONG, *_DECIMALS),
        Primitive.DOUBLE: _numbers(*_INTEGERS, *_LONG, *_DECIMALS, *_DOUBLES),
        Primitive.BOOLEAN: _nearly(st.sampled_from(("true", "FALSE", "tRue", "1", "0", "", "yes"))),
        Primitive.GUID: _nearly(st.sampled_from((_GUID, _GUID.upper(), _GUID.replace("-", ""), f"{{{_GUID}}}"))),
        Primitive.DATE: _nearly(st.one_of(st.sampled_from((*_DATES, *_MORE_DATES)), st.dates().map(str))),
        Primitive.TIME_OF_DAY: _nearly(st.one_of(st.sampled_from((*_CLOCKS, *_MORE_CLOCKS)), st.times().map(str))),
        Primitive.DATE_TIME_OFFSET: _nearly(_INSTANTS),
        Primitive.DURATION: _nearly(st.sampled_from(_DURATIONS)),
        Primitive.BINARY: _nearly(st.sampled_from(_BINARIES)),
    }
)
"""For each type that a text can be cast to."""


def read(asking: "Asking", kind: Primitive) -> Bound:
    """A text as a value of another type."""
    if not asking.draw(st.integers(0, 4)):
        return Cast(asking.value(Primitive.STRING, 1), kind)
    asking.parameters.append(asking.draw(TEXTS[kind]))
    return Cast(Parameter(len(asking.parameters) - 1, Primitive.STRING), kind)
