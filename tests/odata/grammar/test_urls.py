import pytest

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.expr import show
from enrollscope.odata.grammar.urls import AbsoluteUri, RelativeUri
from enrollscope.odata.parser import parse


@pytest.mark.parametrize(
    ("text", "root", "path"),
    [
        pytest.param("http://localhost/", "http://localhost/", None, id="root-of-a-host"),
        pytest.param(
            "HTTPS://example.org:8443/v1.0/", "HTTPS://example.org:8443/v1.0/", None, id="scheme-in-any-case-and-port"
        ),
        pytest.param("http://[::1]:80/a", "http://[::1]:80/", ["a"], id="ip-version-6"),
        pytest.param(
            "http://h/svc/events('x')/category", "http://h/svc/", ["events", "category"], id="key-ends-the-root"
        ),
        pytest.param("http://h/svc/$metadata", "http://h/svc/", ["$metadata"], id="dollar-ends-the-root"),
        pytest.param("http://h/svc/events?$top=1", "http://h/svc/", ["events"], id="query"),
    ],
)
def test_absolute_urls(text: str, root: str, path: list[str] | None) -> None:
    """A service root and what follows it."""
    uri = parse("odataUri", text)
    assert isinstance(uri, AbsoluteUri)
    assert uri.service_root == root
    assert (None if uri.relative is None else [segment.name for segment in uri.relative.path]) == path


def test_names_of_a_model_end_the_root() -> None:
    """Where the entity sets are known, the first of them ends the service root."""
    uri = parse("odataUri", "http://h/svc/events/x/category", names={"entitySetName": {"events"}})
    assert isinstance(uri, AbsoluteUri)
    assert uri.service_root == "http://h/svc/"


@pytest.mark.parametrize(
    ("text", "path", "options"),
    [
        pytest.param("events?", ["events"], "[]", id="empty-query"),
        pytest.param(
            "events(1)/items/$count?$filter=a&x=y",
            ["events", "items", "$count"],
            "[(FilterOption a) (CustomOption x y)]",
            id="count",
        ),
        pytest.param("$batch?$format=json", ["$batch"], "[(TextOption format json)]", id="batch"),
        pytest.param("$entity?$id=urn:a", ["$entity"], "[(TextOption id urn:a)]", id="entity"),
        pytest.param(
            "$entity/ns.t?id=events(1)&$select=a",
            ["$entity", "ns.t"],
            "[(TextOption id events(1)) (SelectOption [(SelectItem a)])]",
            id="entity-with-cast",
        ),
        pytest.param("$all/ns.t", ["$all", "ns.t"], "[]", id="all"),
        pytest.param("$crossjoin(a,b)/$query", ["$crossjoin", "$query"], "[]", id="crossjoin"),
        pytest.param(
            "a/$filter(@p)/$each/ns.act?@p=b/c", ["a", "$filter", "$each", "ns.act"], "[(AliasOption p b/c)]", id="each"
        ),
        pytest.param("a?!x='1'&%40p=2", ["a"], "[(CustomOption !x '1') (AliasOption p 2)]", id="custom-and-alias"),
        pytest.param(
            "a?$top=1&$top=2", ["a"], "[(NumberOption top 1) (NumberOption top 2)]", id="duplicates-are-for-the-service"
        ),
    ],
)
def test_relative_urls(text: str, path: list[str], options: str) -> None:
    """A resource path, and the options of a query in their order."""
    uri = parse("odataRelativeUri", text)
    assert isinstance(uri, RelativeUri)
    assert [segment.name for segment in uri.path] == path
    assert show(uri.options) == options


@pytest.mark.parametrize(
    ("text", "context"),
    [
        pytest.param("$metadata", None, id="none"),
        pytest.param("$metadata#Products", "Products", id="collection"),
        pytest.param("$metadata?$format=json#Products(ID,Name)/$entity", "Products(ID,Name)/$entity", id="entity"),
        pytest.param("$metadata#Products%28'a%2Fb%23')/Name", "Products('a/b#')/Name", id="encoded"),
    ],
)
def test_context_urls(text: str, context: str | None) -> None:
    """The metadata document with a fragment; of no other address is one a part."""
    for rule, root in (("odataRelativeUri", ""), ("odataUri", "http://h/svc/")):
        uri = parse(rule, root + text)
        relative = uri.relative if isinstance(uri, AbsoluteUri) else uri
        assert isinstance(relative, RelativeUri)
        assert relative.context == context


@pytest.mark.parametrize(
    ("rule", "text", "position"),
    [
        pytest.param("odataUri", "ftp://h/", 0, id="another-scheme"),
        pytest.param("odataUri", "http:/h/", 4, id="one-slash"),
        pytest.param("odataUri", "http:///a", 7, id="no-host"),
        pytest.param("odataUri", "http://[1]/a", 8, id="no-address"),
        pytest.param("odataUri", "http://h", 8, id="no-path"),
        pytest.param("odataUri", "http://h/a?$top=x", 16, id="positions-count-from-the-start"),
        pytest.param("odataRelativeUri", "", 0, id="nothing"),
        pytest.param("odataRelativeUri", "$entity?$select=a", 17, id="entity-without-id"),
        pytest.param("odataRelativeUri", "$metadata/a", 9, id="behind-metadata"),
        pytest.param("odataRelativeUri", "$metadata#", 10, id="empty-context"),
        pytest.param("odataRelativeUri", "$metadata?$format=json#a/", 25, id="context-with-a-slash-at-the-end"),
        pytest.param("odataRelativeUri", "a#b", 1, id="fragment-of-a-resource"),
        pytest.param("odataUri", "http://h/$metadata#a(", 21, id="context-of-a-whole-url"),
        pytest.param("odataRelativeUri", "a.b", 1, id="qualified-set"),
        pytest.param("odataRelativeUri", ".a", 0, id="dot-first"),
        pytest.param("resourcePath", "a//b", 2, id="empty-segment"),
        pytest.param("resourcePath", "a/$foo", 2, id="unknown-dollar-segment"),
        pytest.param("resourcePath", "a/$ref/$count", 6, id="behind-ref"),
        pytest.param("resourcePath", "a/$value/b", 8, id="behind-value"),
        pytest.param("resourcePath", "a/ns.t/ns.t", 11, id="same-cast-twice"),
        pytest.param("resourcePath", "a('b/c')", 4, id="plain-slash-in-quotes"),
        pytest.param("resourcePath", "a('b'", 5, id="parenthesis-missing"),
        pytest.param("resourcePath", "a(b=c)", 5, id="value-is-a-name"),
        pytest.param("queryOptions", "$filter =a", 7, id="blank-before-the-equals-sign"),
        pytest.param("queryOptions", "$top=1&$foo=1", 7, id="unknown-option"),
        pytest.param("queryOptions", "a=1&&b=2", 4, id="nothing-between-ampersands"),
        pytest.param("queryOptions", "$top=1&$filter=a eq", 19, id="second-option"),
        pytest.param("queryOptions", "$search=#1", 8, id="plain-number-sign"),
        pytest.param("queryOptions", "@p=", 3, id="alias-without-value"),
        pytest.param("customQueryOption", "a#=1", 1, id="number-sign-in-a-name"),
        pytest.param("customQueryOption", "a=1#", 3, id="number-sign-in-a-value"),
    ],
)
def test_faults(rule: str, text: str, position: int) -> None:
    """A fault counts the characters of the whole text."""
    with pytest.raises(SyntaxFault) as caught:
        parse(rule, text)
    assert caught.value.position == position
