from collections.abc import Callable

import pytest

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.expr import show
from enrollscope.odata.grammar.option_values import (
    parse_alias,
    parse_compute,
    parse_expand,
    parse_orderby,
    parse_select,
)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("id,failureCategory", "[(SelectItem id) (SelectItem failureCategory)]", id="properties"),
        pytest.param("id , name", "[(SelectItem id) (SelectItem name)]", id="blanks-around-the-comma"),
        pytest.param("*", "[(SelectItem *)]", id="all"),
        pytest.param("ns.*", "[(SelectItem ns.*)]", id="operations-of-a-schema"),
        pytest.param("microsoft.graph.*", "[(SelectItem microsoft.graph.*)]", id="operations-of-a-dotted-schema"),
        pytest.param("graph.event/category", "[(SelectItem graph.event/category)]", id="cast"),
        pytest.param("a/b/c", "[(SelectItem a/b/c)]", id="nested-property"),
        pytest.param("@a.b,a/@c#d", "[(SelectItem @a.b) (SelectItem a/@c#d)]", id="annotations"),
        pytest.param("f(a,b),ns.g(c)", "[(SelectItem f(a,b)) (SelectItem ns.g(c))]", id="overloads"),
        pytest.param(
            "a($select=b,c)", "[(SelectItem a [(SelectOption [(SelectItem b) (SelectItem c)])])]", id="nested-select"
        ),
        pytest.param(
            "a(filter=b eq 1;$orderby=c desc;$top=1;$skip=2;$count=true)",
            "[(SelectItem a [(FilterOption (eq b 1)) (OrderByOption [(OrderByItem c True)])"
            " (NumberOption top 1) (NumberOption skip 2) (CountOption True)])]",
            id="nested-options",
        ),
        pytest.param(
            "a($search=b c;@p=1)",
            "[(SelectItem a [(SearchOption (AND (SearchWord b) (SearchWord c))) (AliasOption p 1)])]",
            id="search-ends-at-the-semicolon",
        ),
    ],
)
def test_select(text: str, tree: str) -> None:
    """`$select` names properties, with options for those that are collections or complex."""
    assert show(parse_select(text)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("a,b/c", "[(ExpandItem a) (ExpandItem b/c)]", id="paths"),
        pytest.param("a/$ref,b/$count", "[(ExpandItem a/$ref) (ExpandItem b/$count)]", id="references-and-counts"),
        pytest.param("*,a/*/$ref", "[(ExpandItem *) (ExpandItem a/*/$ref)]", id="stars"),
        pytest.param("*($levels=max)", "[(ExpandItem * [(NumberOption levels)])]", id="levels"),
        pytest.param("$value", "[(ExpandItem $value)]", id="media"),
        pytest.param(
            "a/ns.t($expand=b($levels=2))",
            "[(ExpandItem a/ns.t [(ExpandOption [(ExpandItem b [(NumberOption levels 2)])])])]",
            id="nested",
        ),
        pytest.param(
            "a($apply=top(1);$compute=b as c)",
            "[(ExpandItem a [(ApplyOption [(Window top 1)]) (ComputeOption [(ComputeItem b c)])])]",
            id="apply-and-compute",
        ),
        pytest.param("@a.b($top=1)", "[(ExpandItem @a.b [(NumberOption top 1)])]", id="annotation"),
    ],
)
def test_expand(text: str, tree: str) -> None:
    """`$expand` names what is related, with options for it."""
    assert show(parse_expand(text)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("a", "[(OrderByItem a)]", id="ascending-by-default"),
        pytest.param(
            "a asc,b DESC, c", "[(OrderByItem a) (OrderByItem b True) (OrderByItem c)]", id="directions-in-any-case"
        ),
        pytest.param("length(a) mul 2 desc", "[(OrderByItem (mul (length a) 2) True)]", id="expression"),
        pytest.param("desc desc", "[(OrderByItem desc True)]", id="property-named-desc"),
        pytest.param("a/$count", "[(OrderByItem a/$count)]", id="count"),
    ],
)
def test_orderby(text: str, tree: str) -> None:
    """`$orderby` is a list of expressions, each with its direction."""
    assert show(parse_orderby(text)) == tree


def test_compute() -> None:
    """`$compute` gives expressions names."""
    assert show(parse_compute("a add 1 as b, c AS d")) == "[(ComputeItem (add a 1) b) (ComputeItem c d)]"


def test_aliases_hold_expressions() -> None:
    """The value of a parameter alias is an expression, or JSON."""
    assert show(parse_alias("p", '["a",1]')) == "(Array ['a' 1])"
    with pytest.raises(SyntaxFault, match="parameter alias '@p'"):
        parse_alias("p", "a b")


@pytest.mark.parametrize(
    ("read", "text", "position", "expected"),
    [
        pytest.param(parse_select, "", 0, "expected a property or '*'", id="nothing"),
        pytest.param(parse_select, "a,", 2, "expected a property or '*'", id="comma-at-the-end"),
        pytest.param(parse_select, "a b", 2, "expected '/', a comma or the end", id="no-comma"),
        pytest.param(parse_select, "a/", 2, "expected a property or '*'", id="slash-at-the-end"),
        pytest.param(
            parse_select, "a($expand=b)", 2, "expected one of $compute, $count, $filter", id="expand-inside-select"
        ),
        pytest.param(parse_select, "a($top=1;$top=2)", 9, "'top' is given twice", id="option-twice"),
        pytest.param(parse_select, "a(@p=1;@p=2)", 7, "'@p' is given twice", id="alias-twice"),
        pytest.param(parse_select, "a($top=1", 8, "expected ')'", id="parenthesis-missing"),
        pytest.param(parse_select, "a($top)", 6, "expected '='", id="option-without-value"),
        pytest.param(parse_select, "a()", 2, "expected a query option or a parameter", id="empty-parentheses"),
        pytest.param(
            parse_expand, "a/$ref($levels=1)", 7, "expected one of $count, $filter", id="levels-of-references"
        ),
        pytest.param(parse_expand, "a/$count($top=1)", 9, "expected one of $filter, $search", id="top-of-a-count"),
        pytest.param(parse_expand, "*($top=1)", 2, "expected one of $levels", id="top-of-a-star"),
        pytest.param(parse_expand, "a/$ref/b", 6, "found '/b'", id="behind-ref"),
        pytest.param(parse_expand, "a($levels=0)", 10, "expected a positive number or 'max'", id="no-levels"),
        pytest.param(parse_expand, "$ref", 0, "expected a navigation property", id="ref-alone"),
        pytest.param(parse_orderby, "a,", 2, "expected an expression", id="key-missing"),
        pytest.param(parse_orderby, "a up", 2, "expected 'asc', 'desc', a comma or the end", id="unknown-direction"),
        pytest.param(parse_orderby, "a descending", 2, "found 'descending'", id="direction-in-full"),
        pytest.param(parse_compute, "a", 1, "expected 'as'", id="no-alias"),
        pytest.param(parse_compute, "a as", 2, "expected 'as' and a name", id="alias-missing"),
        pytest.param(parse_compute, "a asb", 2, "expected 'as', found 'asb'", id="no-blank-before-the-alias"),
        pytest.param(parse_compute, "a as 1", 5, "expected an alias", id="alias-is-a-number"),
    ],
)
def test_faults(read: Callable[[str], object], text: str, position: int, expected: str) -> None:
    """What does not read is refused where it stops."""
    with pytest.raises(SyntaxFault) as caught:
        read(text)
    assert caught.value.position == position
    assert expected in caught.value.message


@pytest.mark.parametrize("read", [pytest.param(parse_select, id="select"), pytest.param(parse_expand, id="expand")])
def test_select_and_expand_fail_in_graphs_words(read: Callable[[str], object]) -> None:
    """The message begins as Graph's does (contract §4.5)."""
    with pytest.raises(SyntaxFault, match=r"^Parsing OData Select and Expand failed: "):
        read("1")
