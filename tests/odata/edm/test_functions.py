import pytest

from enrollscope.odata.edm.functions import FUNCTIONS
from enrollscope.odata.edm.model import Primitive


@pytest.mark.parametrize(
    ("key", "name", "minimum", "maximum"),
    [
        pytest.param("now", "now", 0, 0, id="no-arguments"),
        pytest.param("trim", "trim", 1, 1, id="one"),
        pytest.param("startswith", "startsWith", 2, 2, id="two"),
        pytest.param("substring", "substring", 2, 3, id="two-or-three"),
        pytest.param("geo.distance", "geo.distance", 2, 2, id="dotted"),
    ],
)
def test_functions_are_found_in_lower_case(key: str, name: str, minimum: int, maximum: int) -> None:
    """The key is in lower case, the name as the specification spells it, the numbers of arguments its own."""
    function = FUNCTIONS[key]
    assert (function.name, function.minimum, function.maximum) == (name, minimum, maximum)


def test_every_function_can_be_called() -> None:
    """A function has a signature, or says for what else it is defined."""
    for key, function in FUNCTIONS.items():
        assert key == function.name.lower()
        assert function.signatures or function.beyond
        assert {len(signature.arguments) for signature in function.signatures} <= {function.minimum, function.maximum}


def test_the_canonical_functions_are_all_there() -> None:
    """URL conventions 4.01 §5.1.1.5 to §5.1.1.11 list these, and data aggregation adds isdefined."""
    assert set(FUNCTIONS) == {
        *("concat", "contains", "endswith", "indexof", "length", "startswith", "substring"),
        *("hassubset", "hassubsequence", "matchespattern", "tolower", "toupper", "trim"),
        *("date", "day", "fractionalseconds", "hour", "maxdatetime", "mindatetime", "minute", "month", "now"),
        *("second", "time", "totaloffsetminutes", "totalseconds", "year", "ceiling", "floor", "round"),
        *("geo.distance", "geo.intersects", "geo.length", "isdefined"),
    }


def test_calendar_parts_of_dates_and_instants() -> None:
    """`year` takes an instant or a date and gives an integer."""
    assert [(signature.arguments, signature.result) for signature in FUNCTIONS["year"].signatures] == [
        ((Primitive.DATE_TIME_OFFSET,), Primitive.INT32),
        ((Primitive.DATE,), Primitive.INT32),
    ]
