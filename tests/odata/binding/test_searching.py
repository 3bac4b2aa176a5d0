"""`$search` as a condition on every string."""

from typing import Any

import pytest

from enrollscope.odata.errors import BadRequest
from enrollscope.odata.plan.bound import Bound, Combine, Logic, Mentions, Not, Parameter, Quantified
from tests.odata.bound import bind, bind_list, shape

EVERYWHERE = "code label observer owner"
"""The plain strings of an instrument of any type; what is inside of it follows."""


def searched(text: str, path: str = "chief/gear/sky.telescope") -> str:
    """The bound form of a search over telescopes, which have few strings."""
    plan = bind_list(f"$search={text}", path)
    assert plan.query.where is not None
    return shape(plan.query.where, plan.paging.parameters).removeprefix("(and (is telescope) ").removesuffix(")")


def found_by(text: str) -> str:
    """What one text is sought in."""
    return (
        f"(or (mentions {text!r}:String {EVERYWHERE} mount/maker mount/remarks mount/driveMotor/serial) "
        f"(any #1 mount/motors (mentions {text!r}:String #1/serial)))"
    )


def test_every_string_counts() -> None:
    """Also those inside of complex values and collections; nothing that is no string."""
    assert searched("a") == found_by("a")
    assert searched('"a b"') == found_by("a b")


@pytest.mark.parametrize(
    ("text", "outline"),
    [
        pytest.param("a b", "(a and b)", id="both"),
        pytest.param("a AND b", "(a and b)", id="and"),
        pytest.param("a OR b", "(a or b)", id="or"),
        pytest.param("NOT a", "not a", id="not"),
        pytest.param("a or b", "((a and or) and b)", id="a-word-like-others"),
        pytest.param("a OR b NOT c", "(a or (b and not c))", id="precedence"),
        pytest.param("(a OR b) c", "((a or b) and c)", id="parentheses"),
        pytest.param("'a  b\"'", '(a and b")', id="still-typing"),
        pytest.param("''", "", id="nothing-typed-yet"),
    ],
)
def test_operators(text: str, outline: str) -> None:
    """`AND`, `OR` and `NOT` mean what they say; words side by side must all be found."""
    plan = bind_list(f"$search={text}")
    assert plan.query.where is not None
    assert _outline(plan.query.where, plan.paging.parameters) == outline


def _outline(bound: Bound, parameters: tuple[Any, ...]) -> str:
    """How the searches for single texts are joined."""
    match bound:
        case Mentions(text=Parameter(index=index)) | Combine(left=Mentions(text=Parameter(index=index))):
            return str(parameters[index])
        case Combine(operator=Logic.OR, left=left, right=Quantified()):
            return _outline(left, parameters)
        case Combine(operator=logic, left=left, right=right):
            return f"({_outline(left, parameters)} {logic.value} {_outline(right, parameters)})"
        case Not(operand=operand):
            return f"not {_outline(operand, parameters)}"
        case _:
            raise AssertionError(bound)


def test_a_search_narrows_what_a_filter_finds() -> None:
    """Both hold, on the collection and on its count."""
    plan = bind_list("$search=a&$filter=label eq 'b'")
    assert plan.query.where is not None
    assert shape(plan.query.where, plan.paging.parameters).endswith("(eq label 'b':String))")
    assert bind("chief/gear/$count", "$search=a") is not None


@pytest.mark.parametrize(
    ("text", "position"),
    [
        pytest.param("", 0, id="empty"),
        pytest.param("(a", 2, id="open"),
        pytest.param('"a', 2, id="open-phrase"),
        pytest.param("a%00", None, id="nul"),
    ],
)
def test_faults(text: str, position: int | None) -> None:
    """A search that cannot be read is refused, and says where."""
    with pytest.raises(BadRequest) as refused:
        bind_list(f"$search={text}")
    assert refused.value.target == "$search"
    assert refused.value.message.startswith("Invalid search clause: ")
    assert position is None or refused.value.position == position


def test_values_are_parameters() -> None:
    """The text of a client is no part of the shape."""
    plan = bind_list("$search=a")
    assert "a" in plan.paging.parameters
    assert Mentions.__name__ in repr(plan.query.where)
    assert "'a'" not in repr(plan.query)
