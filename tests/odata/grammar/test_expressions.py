import math
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.expr import Binary, Literal, Logical, Name, Path, show
from enrollscope.odata.grammar.option_values import parse_filter


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("a eq 1 or b eq 2 and c eq 3", "(or (eq a 1) (and (eq b 2) (eq c 3)))", id="and-before-or"),
        pytest.param("(a eq 1 or b eq 2) and c", "(and (or (eq a 1) (eq b 2)) c)", id="parentheses"),
        pytest.param("a and b and c and d", "(and a b c d)", id="chain-of-and-is-one-node"),
        pytest.param("a or b and c or d", "(or a (and b c) d)", id="chain-of-or-around-and"),
        pytest.param("a and b or c and d", "(or (and a b) (and c d))", id="or-of-ands"),
        pytest.param("a lt b eq c", "(eq (lt a b) c)", id="relational-before-equality"),
        pytest.param("a add b gt c sub d", "(gt (add a b) (sub c d))", id="additive-before-relational"),
        pytest.param("a add b mul c", "(add a (mul b c))", id="multiplicative-before-additive"),
        pytest.param("a sub b sub c", "(sub (sub a b) c)", id="left-associative"),
        pytest.param("a divby b mod c div d", "(div (mod (divby a b) c) d)", id="multiplicative-from-the-left"),
        pytest.param("not a and b", "(and (not a) b)", id="not-before-and"),
        pytest.param("not not a", "(not (not a))", id="not-twice"),
        pytest.param("not(a)", "(not a)", id="not-without-blank"),
        pytest.param("not a in (1,2)", "(not (in a (ListExpr [1 2])))", id="in-before-not"),
        pytest.param(
            "not a has 'x'", "(not (has a enum:EnumMembers(type_name=None, members=('x',))))", id="has-before-not"
        ),
        pytest.param("-a", "(- a)", id="negation"),
        pytest.param("- a add b", "(add (- a) b)", id="negation-before-addition"),
        pytest.param("-(1 add 2)", "(- (add 1 2))", id="negation-of-parentheses"),
        pytest.param("a AND b Or NOT c", "(or (and a b) (not c))", id="operators-in-any-case"),
        pytest.param("a\teq \t 1", "(eq a 1)", id="tabs"),
        pytest.param("  a eq 1  ", "(eq a 1)", id="blanks-around"),
        pytest.param("( a )", "a", id="blanks-in-parentheses"),
        pytest.param("android eq 1", "(eq android 1)", id="name-that-begins-like-an-operator"),
        pytest.param("order eq notes", "(eq order notes)", id="names-that-begin-with-or-and-not"),
        pytest.param("eq eq eq", "(eq eq eq)", id="names-that-are-operators"),
        pytest.param("nullable eq null", "(eq nullable null)", id="name-that-begins-like-null"),
    ],
)
def test_operators_bind_as_the_protocol_says(text: str, tree: str) -> None:
    """Precedence and association follow URL conventions 4.01 §5.1.1.17."""
    assert show(parse_filter(text)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("graph.event/category eq 'x'", "(eq graph.event/category 'x')", id="cast"),
        pytest.param("a/b/c", "a/b/c", id="members"),
        pytest.param("a/@Measures.Unit eq 'kg'", "(eq a/@Measures.Unit 'kg')", id="annotation"),
        pytest.param("a/@Unit#Long eq 'kg'", "(eq a/@Unit#Long 'kg')", id="qualified-annotation"),
        pytest.param("@Core.Messages/$count gt 0", "(gt @Core.Messages/$count 0)", id="annotation-of-the-instance"),
        pytest.param("items/$count gt 0", "(gt items/$count 0)", id="count"),
        pytest.param(
            "items/$count($filter=a eq 1;$search=x) gt 0",
            "(gt items/(Count (eq a 1) (SearchWord x)) 0)",
            id="count-with-options",
        ),
        pytest.param("items/$filter(a eq 1)/$count", "items/$filter((eq a 1))/$count", id="filter-segment"),
        pytest.param("items/$filter(a eq 1)(7)/b", "items/$filter((eq a 1))(7)/b", id="key-behind-filter-segment"),
        pytest.param("items('x')/a", "items('x')/a", id="key"),
        pytest.param("items(a=1,b='x')/c", "items(a=1,b='x')/c", id="key-of-two-parts"),
        pytest.param("items(@k)/a", "items(@k)/a", id="key-by-alias"),
        pytest.param("items/any(i:i/a eq 1)", "items/any(i:(eq i/a 1))", id="any"),
        pytest.param("items/any()", "items/any()", id="any-without-condition"),
        pytest.param("items/ALL( i : i/a )", "items/all(i:i/a)", id="all-in-any-case"),
        pytest.param("x/any(i:i/y/any(j:j eq i/z))", "x/any(i:i/y/any(j:(eq j i/z)))", id="nested-lambdas"),
        pytest.param("ns.f(a=1,b=@p)/c", "ns.f(a=1,b=@p)/c", id="bound-function"),
        pytest.param("f()", "f()", id="function-without-parameters"),
        pytest.param("f(a=b add 1)", "f(a=(add b 1))", id="parameter-is-an-expression"),
        pytest.param("$it/a eq $this", "(eq $it/a $this)", id="instances"),
        pytest.param("$root/people('x')/name eq a", "(eq $root/people('x')/name a)", id="root"),
        pytest.param("@p eq @q/a", "(eq @p @q/a)", id="aliases"),
        pytest.param("grün eq 1", "(eq grün 1)", id="letters-beyond-ascii"),
    ],
)
def test_members_are_read_without_a_model(text: str, tree: str) -> None:
    """Properties, types, functions and enum members all look alike; their segments keep what was written."""
    assert show(parse_filter(text)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("contains(a,'x')", "(contains a 'x')", id="two-arguments"),
        pytest.param("startsWith( a , 'x' )", "(startswith a 'x')", id="any-case-and-blanks"),
        pytest.param(
            "substring(a,1) eq substring(b,1,2)", "(eq (substring a 1) (substring b 1 2))", id="optional-argument"
        ),
        pytest.param("now() gt a", "(gt (now) a)", id="no-arguments"),
        pytest.param("tolower(trim(a)) eq 'x'", "(eq (tolower (trim a)) 'x')", id="nested"),
        pytest.param("geo.length(a) gt 1", "(gt (geo.length a) 1)", id="dotted"),
        pytest.param("case(a:1,true:2)", "(Case [[a 1] [true 2]])", id="case"),
        pytest.param("isof(ns.t)", "(TypeCall isof ns.t)", id="isof"),
        pytest.param("isof('ns.t')", "(TypeCall isof ns.t)", id="isof-quoted-as-scripts-do"),
        pytest.param("isof(a,Edm.String)", "(TypeCall isof a Edm.String)", id="isof-of-an-operand"),
        pytest.param("isof(a, Collection(ns.t) )", "(TypeCall isof a Collection(ns.t))", id="isof-collection"),
        pytest.param("cast(a add 1,Edm.Int64) eq 2", "(eq (TypeCall cast (add a 1) Edm.Int64) 2)", id="cast"),
        pytest.param("cast('1',Edm.Int64) eq 1", "(eq (TypeCall cast '1' Edm.Int64) 1)", id="cast-of-a-string"),
        pytest.param("isdefined(a/b)", "(isdefined a/b)", id="isdefined"),
        pytest.param("contains eq length", "(eq contains length)", id="names-of-functions-as-properties"),
    ],
)
def test_functions_are_calls(text: str, tree: str) -> None:
    """Canonical functions, matched in any case, become calls with the name in lower case."""
    assert show(parse_filter(text)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("a in ('x','y')", "(in a (ListExpr ['x' 'y']))", id="list"),
        pytest.param("a in ( 'x' , null )", "(in a (ListExpr ['x' null]))", id="blanks-and-null"),
        pytest.param("a in ()", "(in a (ListExpr))", id="empty"),
        pytest.param("a in ('x')", "(in a (ListExpr ['x']))", id="one"),
        pytest.param("a in b/c", "(in a b/c)", id="property"),
        pytest.param("a in (b)", "(in a b)", id="property-in-parentheses"),
        pytest.param('a in ["x",1]', "(in a (Array ['x' 1]))", id="json"),
        pytest.param("a in @p", "(in a @p)", id="alias"),
        pytest.param("a in ('x') and b in (1)", "(and (in a (ListExpr ['x'])) (in b (ListExpr [1])))", id="twice"),
    ],
)
def test_the_right_side_of_in(text: str, tree: str) -> None:
    """`in` takes literals in parentheses, or any expression for a collection."""
    assert show(parse_filter(text)) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("[] eq a", "(eq (Array) a)", id="empty-array"),
        pytest.param('[ "a" , b add 1 , null ] eq c', "(eq (Array ['a' (add b 1) null]) c)", id="expressions-as-items"),
        pytest.param(
            '{"a":{"b":[true]}} eq c',
            "(eq (Object [[a (Object [[b (Array [true])]])]]) c)",
            id="nested",
        ),
        pytest.param(r'["\u00e4\n\"\\\/"] eq c', "(eq (Array ['ä\n\"\\/']) c)", id="escapes"),
        pytest.param('["😀", "\\ud83d\\ude00"] eq c', "(eq (Array ['😀' '😀']) c)", id="beyond-the-basic-plane"),
    ],
)
def test_json_in_expressions(text: str, tree: str) -> None:
    """Arrays and objects are JSON whose values may be expressions (ABNF section 5)."""
    assert show(parse_filter(text)) == tree


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        pytest.param("null", Literal("null", None), id="null"),
        pytest.param("True", Literal("boolean", value=True), id="boolean-in-any-case"),
        pytest.param("42", Literal("integer", 42), id="integer"),
        pytest.param("-42", Literal("integer", -42), id="negative-integer"),
        pytest.param("9223372036854775807", Literal("integer", 2**63 - 1), id="largest-integer"),
        pytest.param("9223372036854775808", Literal("decimal", Decimal(2**63)), id="beyond-64-bits"),
        pytest.param("3.14", Literal("decimal", Decimal("3.14")), id="decimal"),
        pytest.param("-1e3", Literal("double", -1000.0), id="double"),
        pytest.param("INF", Literal("double", math.inf), id="infinity"),
        pytest.param("-INF", Literal("double", -math.inf), id="negative-infinity"),
        pytest.param("'it''s'", Literal("string", "it's"), id="string-with-a-quote"),
        pytest.param("''", Literal("string", ""), id="empty-string"),
        pytest.param("'a/b?c#d&e 100%'", Literal("string", "a/b?c#d&e 100%"), id="string-of-reserved-characters"),
        pytest.param("2024-02-29", Literal("date", date(2024, 2, 29)), id="date"),
        pytest.param(
            "2017-01-01T00:01:33.1647467+03:00",
            Literal("dateTimeOffset", Instant.parse("2017-01-01T00:01:33.1647467+03:00")),
            id="instant-to-100-ns",
        ),
        pytest.param(
            "2017-01-01t00:01z", Literal("dateTimeOffset", Instant.parse("2017-01-01T00:01Z")), id="lower-case-t-and-z"
        ),
        pytest.param(
            "abcdef12-89AB-cdef-0123-456789abcdef",
            Literal("guid", UUID("abcdef12-89ab-cdef-0123-456789abcdef")),
            id="guid-that-begins-with-letters",
        ),
        pytest.param("binary'Zm9v'", Literal("binary", b"foo"), id="binary"),
    ],
)
def test_literals_have_kind_and_value(text: str, literal: Literal) -> None:
    """A literal is its kind and a Python value; NaN aside, equal texts of a value are equal."""
    found = parse_filter(text)
    assert isinstance(found, Literal)
    assert (found, type(found.value)) == (literal, type(literal.value))


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        pytest.param("", 0, "expected an expression, found the end", id="nothing"),
        pytest.param("a eq", 4, "expected a blank and an expression, found the end", id="no-right-operand"),
        pytest.param("a and ", 5, "expected a blank and an expression", id="no-operand-behind-and"),
        pytest.param("(a eq)", 5, "expected a blank and an expression, found ')'", id="no-operand-in-parentheses"),
        pytest.param("a eq'x'", 4, "expected a blank and an expression", id="no-blank-behind-the-operator"),
        pytest.param("not a in", 8, "expected a blank and an expression", id="no-set-behind-not"),
        pytest.param("a is 1", 2, "expected an operator or the end, found 'is'", id="unknown-operator"),
        pytest.param("a == 1", 2, "found '=='", id="operator-of-another-language"),
        pytest.param("a eq 1)", 6, "found ')'", id="parenthesis-too-many"),
        pytest.param("(a eq 1", 7, "expected ')', found the end", id="parenthesis-missing"),
        pytest.param("a eq 'x", 7, "begins at position 5 has no closing '", id="quote-missing"),
        pytest.param('a in ["x]', 9, 'begins at position 6 has no closing "', id="json-quote-missing"),
        pytest.param("a eq #", 5, "expected an expression, found '#'", id="strange-character"),
        pytest.param("contains(a)", 10, "expected ',' and another argument", id="too-few-arguments"),
        pytest.param("contains(a,b,c)", 12, "expected ')'", id="too-many-arguments"),
        pytest.param("substring(a,1,2,3)", 15, "expected ')'", id="too-many-optional-arguments"),
        pytest.param("now(1)", 4, "expected ')'", id="argument-where-there-is-none"),
        pytest.param("contain(a,'x')", 9, "did you mean contains?", id="near-name-of-a-function"),
        pytest.param("foo('a','b')", 7, "'foo' is no canonical function", id="unknown-function"),
        pytest.param("a eq 2024-01-01T24:00:00Z", 17, "expected an hour from 00 to 23", id="hour-24"),
        pytest.param("a eq 2024-01-01T10:00:00", 24, "expected a zone: Z, +hh:mm or -hh:mm", id="no-zone"),
        pytest.param("a eq 2024-13-01", 9, "found '-13-01'", id="month-13"),
        pytest.param("a/$value", 2, "expected $count, $filter(…) or a name", id="segment-of-paths-only"),
        pytest.param("a/", 2, "expected a property, a type or $count", id="path-ends-in-slash"),
        pytest.param("a/$count/b", 8, "found '/b'", id="behind-count"),
        pytest.param("any(x:x)", 3, "any(…) must follow a collection", id="any-without-collection"),
        pytest.param("a/all()", 6, "expected the name of a lambda variable", id="all-without-condition"),
        pytest.param("a/any(x)", 7, "expected ':'", id="lambda-without-colon"),
        pytest.param("$foo eq 1", 0, "expected an expression", id="unknown-variable"),
        pytest.param("$root", 5, "expected '/'", id="root-alone"),
        pytest.param("a in (1,b/c)", 9, "expected a literal", id="path-in-a-list"),
        pytest.param("a has 5", 6, "expected an enumeration literal", id="has-a-number"),
        pytest.param("a eq ns.e'x,,y'", 10, "expected names or numbers of members", id="enum-with-a-gap"),
        pytest.param("isof()", 5, "expected an expression", id="isof-of-nothing"),
        pytest.param("cast(a)x", 7, "found 'x'", id="behind-cast"),
        pytest.param("isdefined(1)", 10, "isdefined takes a path", id="isdefined-of-a-literal"),
        pytest.param("case(a)", 6, "expected ':'", id="case-without-value"),
        pytest.param('{"a":1,"a":2}', 0, "given twice", id="object-member-twice"),
        pytest.param(r'["\ud800"]', 1, "half of a surrogate pair", id="half-a-surrogate-pair"),
        pytest.param("f(a=1,a=2)", 6, "'a' is given twice", id="parameter-twice"),
        pytest.param("items/$count($top=1)", 18, "'top' cannot stand here", id="count-takes-no-top"),
        pytest.param("a/an(x:x/b)", 6, "'an' is no function, did you mean any?", id="misspelt-any"),
        pytest.param("a/al(x:x/b)", 6, "'al' is no function, did you mean all?", id="misspelt-all"),
        pytest.param("contain(a)", 9, "did you mean contains?", id="misspelt-function"),
        pytest.param("½ eq 1", 0, "cannot stand here in a name", id="no-letter"),
        pytest.param("a eq duration'P1Y'", 14, "expected a duration such as", id="duration-in-years"),
        pytest.param("ns.t/ns.t/a", 9, "a cast to the same type says nothing", id="same-cast-twice"),
    ],
)
def test_a_fault_tells_place_and_expectation(text: str, position: int, expected: str) -> None:
    """What does not read is refused where it stops, with what would have been right there (contract §4.5)."""
    with pytest.raises(SyntaxFault) as caught:
        parse_filter(text)
    assert caught.value.position == position
    assert caught.value.message.startswith("Invalid filter clause: ")
    assert caught.value.message.endswith(f" at position {position} in '{text.rstrip()}'.")
    assert expected in caught.value.message


def test_positions_are_kept_and_not_compared() -> None:
    """Each node knows where it stood; two spellings of one question are equal all the same."""
    node = parse_filter("ab eq 1 and c")
    assert isinstance(node, Logical)
    comparison = node.operands[0]
    assert isinstance(comparison, Binary)
    assert [node.position, comparison.position, comparison.left.position, comparison.right.position] == [8, 3, 0, 6]
    assert node == parse_filter("(ab  EQ 1)   and (c)")


def test_a_long_text_is_shown_in_part() -> None:
    """A message never repeats megabytes."""
    with pytest.raises(SyntaxFault) as caught:
        parse_filter(f"a eq '{'x' * 5000}' b")
    assert len(caught.value.message) < 400


def test_a_bare_word_is_a_path() -> None:
    """An enum member without quotes cannot be told from a property: the binder decides."""
    assert parse_filter("userEnrollment") == Path((Name("userEnrollment"),))
