import pytest

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.expr import show
from enrollscope.odata.grammar.lexer import MAX_LENGTH
from enrollscope.odata.grammar.path import PathSegment, parse_path


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        pytest.param("", [], id="root"),
        pytest.param("/", [], id="slash"),
        pytest.param(
            "deviceManagement/troubleshootingEvents", ["deviceManagement", "troubleshootingEvents"], id="plain"
        ),
        pytest.param("//a///b/", ["a", "b"], id="repeated-and-trailing-slashes"),
        pytest.param("users/alice%40contoso.com", ["users", "alice@contoso.com"], id="encoded-key"),
        pytest.param("users/a%20b%2Fc%27d", ["users", "a b/c'd"], id="encoded-slash-belongs-to-the-key"),
        pytest.param("a/O'Neil", ["a", "O'Neil"], id="quote-in-a-key"),
        pytest.param("a/%F0%9F%98%80", ["a", "😀"], id="four-byte-character"),
        pytest.param("a/1+1", ["a", "1+1"], id="plus-is-a-plus"),
        pytest.param("a/%2525", ["a", "%25"], id="decoded-once"),
        pytest.param("a/b)", ["a", "b)"], id="parenthesis-in-a-key"),
        pytest.param("a/(b)", ["a", "(b)"], id="parentheses-without-name"),
        pytest.param("a/$count", ["a", "$count"], id="count"),
        pytest.param("a/ns.t/b", ["a", "ns.t", "b"], id="cast"),
        pytest.param("a/-1", ["a", "-1"], id="ordinal"),
    ],
)
def test_segments_are_cut_before_they_are_decoded(raw: str, texts: list[str]) -> None:
    """Repeated slashes collapse, `%2F` is part of its segment (contract §2.1)."""
    segments = parse_path(raw)
    assert [segment.text for segment in segments] == texts
    assert [segment.name for segment in segments] == texts
    assert {segment.arguments for segment in segments} <= {None}


@pytest.mark.parametrize(
    ("raw", "name", "arguments"),
    [
        pytest.param("events('x')", "events", "'x'", id="key"),
        pytest.param("events(%27x%27)", "events", "'x'", id="encoded-quotes"),
        pytest.param("events%28%27x%27%29", "events", "'x'", id="encoded-parentheses"),
        pytest.param("events('O''Neil')", "events", "'O''Neil'", id="doubled-quote"),
        pytest.param("events('a%2Fb')", "events", "'a/b'", id="encoded-slash"),
        pytest.param("events('a)b(')", "events", "'a)b('", id="parentheses-in-a-key"),
        pytest.param("events(7)", "events", "7", id="number"),
        pytest.param(
            "events(3f2a0a80-0000-4000-8000-00000000000a)",
            "events",
            "guid:3f2a0a80-0000-4000-8000-00000000000a",
            id="guid",
        ),
        pytest.param("events(id='x')", "events", "id='x'", id="named-key"),
        pytest.param("items(order=1, item='a')", "items", "order=1 item='a'", id="compound-key"),
        pytest.param("events(@k)", "events", "@k", id="alias"),
        pytest.param("f()", "f", "", id="function"),
        pytest.param("ns.f(a=@p,b=null)", "ns.f", "a=@p b=null", id="bound-function"),
        pytest.param("$crossjoin(a,b)", "$crossjoin", "a b", id="crossjoin"),
    ],
)
def test_parentheses(raw: str, name: str, arguments: str) -> None:
    """Behind a name, parentheses hold a key or parameters."""
    segment = parse_path(f"a/{raw}")[1]
    assert segment.name == name
    assert show(segment.arguments) == f"[{arguments}]"
    assert segment.position == 2


@pytest.mark.parametrize(
    ("raw", "predicate", "others"),
    [
        pytest.param("a/$filter(b%20eq%201)/$count", "(eq b 1)", ["a", "$count"], id="encoded"),
        pytest.param("a/$filter(b/c eq 'x/y')/d", "(eq b/c 'x/y')", ["a", "d"], id="slashes-inside"),
        pytest.param("a/$filter(b eq ')')/d", "(eq b ')')", ["a", "d"], id="parenthesis-in-quotes"),
        pytest.param("a/$filter(@p)", "@p", ["a"], id="alias"),
        pytest.param("a/$filter%28b/c%29", "b/c", ["a"], id="encoded-parentheses"),
    ],
)
def test_filter_segments(raw: str, predicate: str, others: list[str]) -> None:
    """`$filter(…)` holds an expression, whose slashes do not cut the path."""
    segments = parse_path(raw)
    assert show(segments[1].predicate) == predicate
    assert [segment.name for segment in (segments[0], *segments[2:])] == others


@pytest.mark.parametrize(
    ("raw", "position"),
    [
        pytest.param("a/%zz", 2, id="no-escape"),
        pytest.param("a/b%2", 3, id="half-an-escape"),
        pytest.param("a/%FF", 2, id="no-utf-8"),
        pytest.param("a/b|c", 3, id="character-that-must-be-encoded"),
        pytest.param("a/b%20c\udcff", 7, id="undecodable-byte"),
        pytest.param("a/b(c)", 5, id="name-as-key"),
        pytest.param("a/b('x'y)", 7, id="behind-a-key"),
        pytest.param("a/b('x','y')", 7, id="two-keys-without-names"),
        pytest.param("a/b(c=1,c=2)", 8, id="name-twice"),
        pytest.param("a/b(c=d)", 7, id="value-is-a-name"),
        pytest.param("a/b(%27%27%27)", 14, id="quote-missing"),
        pytest.param("a/$filter(b eq)", 14, id="bad-condition"),
        pytest.param("x" * (MAX_LENGTH + 1), MAX_LENGTH, id="too-long"),
    ],
)
def test_paths_that_are_refused(raw: str, position: int) -> None:
    """A fault counts the characters of the raw path."""
    with pytest.raises(SyntaxFault) as caught:
        parse_path(raw)
    assert caught.value.position == position


def test_long_keys_are_keys() -> None:
    """A key of ten thousand characters reads; it names nothing, and that is for others to say."""
    assert parse_path(f"a/{'x' * 10_000}")[1] == PathSegment("x" * 10_000, "x" * 10_000)
