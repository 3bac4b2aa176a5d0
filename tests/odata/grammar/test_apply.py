import pytest

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.expr import show
from enrollscope.odata.grammar.option_values import parse_apply

ROOT = "$root/orgs,H,id"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("identity", "[(Identity)]", id="identity"),
        pytest.param("filter(a eq 1)", "[(Filter (eq a 1))]", id="filter"),
        pytest.param("filter( a )/top( 5 )/skip(10)", "[(Filter a) (Window top 5) (Window skip 10)]", id="sequence"),
        pytest.param("top(0)", "[(Window top 0)]", id="top-of-zero"),
        pytest.param("orderby(a desc,b)", "[(OrderBy [(OrderByItem a True) (OrderByItem b)])]", id="orderby"),
        pytest.param("search(blue OR green)", "[(SearchStep (OR (SearchWord blue) (SearchWord green)))]", id="search"),
        pytest.param(
            "compute(a add 1 as b,c as d)", "[(Compute [(ComputeItem (add a 1) b) (ComputeItem c d)])]", id="compute"
        ),
        pytest.param("concat(identity,top(1))", "[(Concat [[(Identity)] [(Window top 1)]])]", id="concat"),
        pytest.param("topcount(2,a)", "[(Ranking topcount 2 a)]", id="topcount"),
        pytest.param(
            "bottompercent(50 add 1, a mul b )",
            "[(Ranking bottompercent (add 50 1) (mul a b))]",
            id="expressions-in-a-ranking",
        ),
        pytest.param(
            "topsum($these/$count div 10,a)", "[(Ranking topsum (div $these/$count 10) a)]", id="count-of-these"
        ),
        pytest.param("nest(top(1) as a,identity as b)", "[(Nest [[[(Window top 1)] a] [[(Identity)] b]])]", id="nest"),
        pytest.param("addnested(a/ns.t,filter(b) as c)", "[(Nest a/ns.t [[[(Filter b)] c]])]", id="addnested"),
        pytest.param("join(a as b)", "[(Join a b)]", id="join"),
        pytest.param("outerjoin(a/ns.t as b,top(1))", "[(Join True a/ns.t b [(Window top 1)])]", id="outerjoin"),
        pytest.param("ns.f(a=1)/identity", "[(Custom ns.f(a=1)) (Identity)]", id="custom-function"),
    ],
)
def test_transformations(text: str, tree: str) -> None:
    """A value of `$apply` is a sequence of transformations, first to last."""
    assert show(parse_apply(text)) == tree


@pytest.mark.parametrize(
    ("item", "tree"),
    [
        pytest.param("a with sum as b", "(AggregateItem a sum b)", id="sum"),
        pytest.param("a mul b with average as c", "(AggregateItem (mul a b) average c)", id="expression"),
        pytest.param("a/b with countdistinct as c", "(AggregateItem a/b countdistinct c)", id="path"),
        pytest.param("a with ns.m as b", "(AggregateItem a ns.m b)", id="custom-method"),
        pytest.param("$count as n", "(AggregateItem $count n)", id="count-of-instances"),
        pytest.param("a/$count as n", "(AggregateItem a/$count n)", id="count-of-a-collection"),
        pytest.param("budget", "(AggregateItem budget)", id="custom-aggregate"),
        pytest.param("budget as b", "(AggregateItem budget b)", id="custom-aggregate-with-alias"),
        pytest.param(
            "a with sum from b,c/d with max as e", "(AggregateItem a sum [(FromClause [b c/d] max)] e)", id="from"
        ),
        pytest.param(
            "a with sum from b with max from c with min as d",
            "(AggregateItem a sum [(FromClause [b] max) (FromClause [c] min)] d)",
            id="from-twice",
        ),
        pytest.param("budget from a as b", "(AggregateItem budget [(FromClause [a])] b)", id="custom-aggregate-from"),
    ],
)
def test_aggregates(item: str, tree: str) -> None:
    """What is aggregated, how, over which steps, under which name."""
    assert show(parse_apply(f"aggregate({item},x with min as y)")) == f"[(Aggregate [{tree} (AggregateItem x min y)])]"


@pytest.mark.parametrize(
    ("elements", "tree"),
    [
        pytest.param("a", "a", id="property"),
        pytest.param("a/ns.t/b", "a/ns.t/b", id="path-with-cast"),
        pytest.param("rollup(a/b,a/c)", "(Rollup [a/b a/c])", id="rollup"),
        pytest.param("rollup(H)", "(Rollup H)", id="rollup-of-a-named-hierarchy"),
        pytest.param(
            f"rolluprecursive({ROOT})",
            "(RollupRecursive (HierarchyReference $root/orgs H id))",
            id="rollup-of-a-recursive-hierarchy",
        ),
        pytest.param(
            f"rolluprecursive({ROOT},descendants({ROOT},filter(a)))",
            "(RollupRecursive (HierarchyReference $root/orgs H id)"
            " [(Hierarchy descendants (HierarchyReference $root/orgs H id) [(Filter a)])])",
            id="rollup-of-descendants",
        ),
    ],
)
def test_groups(elements: str, tree: str) -> None:
    """Grouping properties, plain or rolled up, and what happens to each group."""
    assert show(parse_apply(f"groupby(({elements}))")) == f"[(GroupBy [{tree}])]"
    assert show(parse_apply(f"groupby(( z , {elements} ), top(1) )")) == f"[(GroupBy [z {tree}] [(Window top 1)])]"


@pytest.mark.parametrize(
    ("rest", "tree"),
    [
        pytest.param("filter(a)", " [(Filter a)]", id="start"),
        pytest.param("filter(a)/top(1)", " [(Filter a) (Window top 1)]", id="start-in-two-steps"),
        pytest.param("filter(a),2", " [(Filter a)] 2", id="distance"),
        pytest.param("filter(a), keep start", " [(Filter a)] True", id="keep-start"),
        pytest.param("filter(a), 2 , keep start", " [(Filter a)] 2 True", id="distance-and-keep-start"),
    ],
)
def test_hierarchies(rest: str, tree: str) -> None:
    """Ancestors and descendants of start nodes, up to a distance, with or without the start."""
    expected = f"[(Hierarchy ancestors (HierarchyReference $root/orgs H id){tree})]"
    assert show(parse_apply(f"ancestors({ROOT},{rest})")) == expected


@pytest.mark.parametrize(
    ("rest", "tree"),
    [
        pytest.param("preorder", " preorder", id="order"),
        pytest.param("postorder,a desc,b", " postorder [(OrderByItem a True) (OrderByItem b)]", id="siblings"),
        pytest.param("preorder,filter(a)", " preorder [(Filter a)]", id="start"),
        pytest.param("preorder,filter(a),b", " preorder [(Filter a)] [(OrderByItem b)]", id="start-and-siblings"),
    ],
)
def test_traversal(rest: str, tree: str) -> None:
    """A traversal says in which order, of what, and how siblings are sorted."""
    assert show(parse_apply(f"traverse({ROOT},{rest})")) == f"[(Traverse (HierarchyReference $root/orgs H id){tree})]"


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        pytest.param("", 0, "expected a transformation", id="nothing"),
        pytest.param("identity/", 9, "expected a transformation", id="nothing-behind-the-slash"),
        pytest.param("foo(a)", 3, "'foo' is no transformation", id="unknown"),
        pytest.param("identity()", 8, "found '()'", id="identity-with-parentheses"),
        pytest.param("filter()", 7, "expected an expression", id="empty-filter"),
        pytest.param("filter(a", 8, "expected ')'", id="parenthesis-missing"),
        pytest.param("top(a)", 4, "expected a non-negative integer", id="top-of-a-name"),
        pytest.param("top(-1)", 4, "expected a non-negative integer", id="negative-top"),
        pytest.param("concat(identity)", 15, "expected ','", id="concat-of-one"),
        pytest.param("topcount(1)", 10, "expected ','", id="ranking-without-value"),
        pytest.param("aggregate()", 10, "expected an expression", id="nothing-to-aggregate"),
        pytest.param("aggregate(a with sum)", 20, "expected 'as'", id="no-alias"),
        pytest.param("aggregate(a with foo as b)", 17, "expected one of average, countdistinct", id="unknown-method"),
        pytest.param("aggregate(a add b as c)", 18, "expected 'with'", id="expression-without-method"),
        pytest.param("aggregate(a with sum from b as c)", 28, "expected 'with'", id="step-without-method"),
        pytest.param("aggregate($count)", 16, "expected 'as'", id="count-without-alias"),
        pytest.param("groupby(a)", 8, "expected '('", id="groupby-without-inner-parentheses"),
        pytest.param("groupby(())", 9, "expected a property", id="nothing-to-group-by"),
        pytest.param("groupby((a/ns.t))", 15, "expected '/' and a property behind the type", id="grouping-by-a-cast"),
        pytest.param("groupby((a(1)))", 10, "expected ')'", id="key-in-a-grouping-property"),
        pytest.param("groupby((rollup(a/b)))", 19, "expected ',' and a further property", id="rollup-of-one-path"),
        pytest.param("compute(a)", 9, "expected 'as'", id="compute-without-alias"),
        pytest.param("nest(identity)", 13, "expected 'as'", id="nest-without-alias"),
        pytest.param("join(a)", 6, "expected 'as'", id="join-without-alias"),
        pytest.param("ancestors(a,H,id,identity)", 10, "expected '$root/'", id="hierarchy-without-root"),
        pytest.param(f"ancestors({ROOT})", 25, "expected ','", id="hierarchy-without-start"),
        pytest.param(
            f"ancestors({ROOT},aggregate(a))", 26, "expected one of ancestors, bottomcount", id="aggregation-as-start"
        ),
        pytest.param(
            f"ancestors({ROOT},top(1),x)", 33, "expected a distance or 'keep start'", id="neither-distance-nor-start"
        ),
        pytest.param(f"traverse({ROOT},inorder)", 25, "expected 'preorder' or 'postorder'", id="unknown-order"),
    ],
)
def test_faults(text: str, position: int, expected: str) -> None:
    """What is no sequence of transformations is refused where it stops."""
    with pytest.raises(SyntaxFault) as caught:
        parse_apply(text)
    assert caught.value.position == position
    assert caught.value.message.startswith("Invalid apply clause: ")
    assert expected in caught.value.message
