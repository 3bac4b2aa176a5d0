import contextlib
import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.expr import Logical
from enrollscope.odata.grammar.heights import height
from enrollscope.odata.grammar.lexer import MAX_DEPTH, MAX_HEIGHT, MAX_LENGTH, MAX_NODES
from enrollscope.odata.grammar.option_values import parse_apply, parse_expand, parse_filter, parse_search, parse_select
from enrollscope.odata.grammar.path import parse_path


@pytest.mark.parametrize(
    ("read", "text"),
    [
        pytest.param(parse_filter, "(" * 10_000 + "a" + ")" * 10_000, id="parentheses"),
        pytest.param(parse_filter, "not " * 5_000 + "a", id="not"),
        pytest.param(parse_filter, "- " * 5_000 + "a", id="negation"),
        pytest.param(parse_filter, "trim(" * 5_000 + "a" + ")" * 5_000, id="calls"),
        pytest.param(parse_filter, "[" * 10_000, id="arrays"),
        pytest.param(parse_filter, '{"a":' * 5_000, id="objects"),
        pytest.param(parse_filter, "a/any(x:" * 3_000, id="lambdas"),
        pytest.param(parse_filter, "a/$filter(" * 3_000, id="filter-segments"),
        pytest.param(parse_filter, "f(a=" * 5_000, id="parameters"),
        pytest.param(parse_filter, "case(a:" * 3_000, id="cases"),
        pytest.param(parse_filter, "cast(" * 5_000, id="casts"),
        pytest.param(parse_filter, "a in (" * 5_000, id="lists"),
        pytest.param(parse_filter, "a(b=" * 5_000, id="keys"),
        pytest.param(parse_search, "(" * 10_000, id="search-parentheses"),
        pytest.param(parse_search, "NOT " * 5_000 + "a", id="search-not"),
        pytest.param(parse_apply, "concat(" * 4_000, id="transformations"),
        pytest.param(parse_expand, "a($expand=" * 3_000, id="expand"),
        pytest.param(parse_select, "a($select=" * 3_000, id="select"),
    ],
)
def test_deep_nesting_is_refused(read: Callable[[str], object], text: str) -> None:
    """Nesting is refused at a fixed depth, long before the interpreter's stack ends."""
    with pytest.raises(SyntaxFault, match=f"nested more than {MAX_DEPTH} levels"):
        read(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1" + " add 1" * 3_000, id="sum"),
        pytest.param("a" + " eq a" * 3_000, id="comparisons"),
        pytest.param("a" + " in a" * 3_000, id="memberships"),
        pytest.param("(1" + " add 1" * 3_000 + ")", id="sum-in-parentheses"),
        pytest.param("not a" + " in a" * 3_000, id="memberships-behind-not"),
        pytest.param("x/any(y:1" + " mul 1" * 3_000 + ")", id="product-in-a-lambda"),
    ],
)
def test_high_trees_are_refused(text: str) -> None:
    """A chain of operators is not nested, yet makes a tree that recursion could not walk."""
    with pytest.raises(SyntaxFault, match=f"more than {MAX_HEIGHT} levels"):
        parse_filter(text)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        pytest.param(parse_filter, "isof(" + "'" * 10_000 + ")", id="quotes-around-a-type"),
        pytest.param(parse_filter, "a eq '" + "''" * 10_000, id="quotes-in-a-string"),
        pytest.param(parse_filter, "a." * 10_000, id="dots"),
        pytest.param(parse_filter, "a eq " + "1" * 30_000 + "x", id="digits"),
        pytest.param(parse_select, "a(b)," * 6_000, id="overloads"),
        pytest.param(parse_search, "OR " * 10_000 + ")", id="operators-as-words"),
        pytest.param(parse_path, "a/$filter(" + "/" * 30_000, id="slashes-in-a-filter-segment"),
        pytest.param(parse_path, "a/$filter('" + "'/" * 15_000, id="quotes-in-a-filter-segment"),
        pytest.param(parse_path, "a/b(" + "c=1," * 5_000, id="parameters-in-a-path"),
        pytest.param(parse_path, "%C3%A4" * 5_000 + "(", id="encoded-characters"),
    ],
)
def test_long_nonsense_takes_little_time(read: Callable[[str], object], text: str) -> None:
    """Reading never takes more than time in proportion to the text: a second is a thousand times what it needs."""
    started = time.process_time()
    with contextlib.suppress(SyntaxFault):
        read(text)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("read", "text"),
    [
        pytest.param(parse_filter, "a" + " or a" * MAX_NODES, id="operands"),
        pytest.param(parse_select, "a" + ",a" * MAX_NODES, id="select"),
        pytest.param(parse_select, "a($select=" + "b," * MAX_NODES + "b)", id="select-inside-select"),
        pytest.param(parse_expand, "a" + ",a" * MAX_NODES, id="expand"),
    ],
)
def test_many_parts_are_refused(read: Callable[[str], object], text: str) -> None:
    """The number of operands and items is bounded, however flat they lie."""
    with pytest.raises(SyntaxFault, match=f"more than {MAX_NODES} parts"):
        read(text)


def test_a_long_select_list_is_welcome() -> None:
    """As many items as there may be parts."""
    assert len(parse_select("a" + ",a" * (MAX_NODES - 1))) == MAX_NODES


def test_long_text_is_refused_unread() -> None:
    """Length is checked before anything else."""
    with pytest.raises(SyntaxFault, match=f"longer than {MAX_LENGTH} characters") as caught:
        parse_filter("\x00" * (MAX_LENGTH + 1))
    assert caught.value.position == MAX_LENGTH


def test_wide_filters_are_welcome() -> None:
    """A filter over a thousand ids is one flat node."""
    node = parse_filter(" or ".join(f"id eq '{number}'" for number in range(1_000)))
    assert isinstance(node, Logical)
    assert len(node.operands) == 1_000
    assert height(node) == 4


def test_what_is_read_can_be_walked() -> None:
    """The deepest tree that is read leaves most of the stack to those who walk it."""
    inner = "(" * (MAX_DEPTH - 1) + "a" + " add 1" * 60 + ")" * (MAX_DEPTH - 1)
    assert height(parse_filter(inner)) * 4 < sys.getrecursionlimit()


TOKENS = st.sampled_from(
    [
        *("a", "b.c", "null", "true", "'x'", "''", "1", "-1.5", "2024-01-01", "2024-01-01T00:00:00Z", "P1D", "INF"),
        *(" eq ", " and ", " in ", " has ", " add ", "not ", "-", "(", ")", ",", "/", "[", "]", "{", "}", ":", '"k"'),
        *("$it", "$root", "$count", "$filter(", "any(", "contains(", "cast(", "isof(", "case(", "@p", "#", "geometry'"),
        *(" as ", " with ", ";", "$select=", "aggregate(", "groupby((", "*", "=", "'", '"', "😀", "\udfff", " "),
    ]
)


@given(st.lists(TOKENS, max_size=30).map("".join))
def test_any_text_reads_or_is_a_fault(text: str) -> None:
    """Whatever a client sends, the grammars answer with a node or a fault inside the text, never with a crash."""
    for read in (parse_filter, parse_select, parse_expand, parse_search, parse_apply):
        assert 0 <= fault_position(read, text) <= len(text)


def fault_position(read: Callable[[str], object], text: str) -> int:
    """Where the text is refused; its end, if it is not."""
    try:
        read(text)
    except SyntaxFault as fault:
        return -1 if fault.position is None else fault.position
    return len(text)
