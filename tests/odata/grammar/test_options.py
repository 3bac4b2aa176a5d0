import pytest

from enrollscope.odata.errors import BadRequest, SyntaxFault
from enrollscope.odata.grammar.expr import show
from enrollscope.odata.grammar.options import NO_OPTIONS, parse_options


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        pytest.param("$filter=a%20eq%201", {"filter": "a eq 1"}, id="encoded-blank"),
        pytest.param("$filter=a+eq+1", {"filter": "a eq 1"}, id="plus-is-a-blank"),
        pytest.param("$filter=a%2Beq%2B1", {"filter": "a+eq+1"}, id="encoded-plus-is-a-plus"),
        pytest.param(
            "$filter=t+ge+2024-01-01T00:00:00+02:00", {"filter": "t ge 2024-01-01T00:00:00+02:00"}, id="plus-of-a-zone"
        ),
        pytest.param(
            "$filter=t+ge+2024-01-01T00%3A00+02%3A00",
            {"filter": "t ge 2024-01-01T00:00+02:00"},
            id="plus-of-a-zone-among-encoded-colons",
        ),
        pytest.param(
            "$filter=t+ge+2024-01-01T00:00:00.5+02:00",
            {"filter": "t ge 2024-01-01T00:00:00.5+02:00"},
            id="plus-behind-a-fraction",
        ),
        pytest.param("$filter=a+in+(11:22:33,+b)", {"filter": "a in (11:22:33, b)"}, id="plus-behind-a-time"),
        pytest.param("$filter=a%20eq%20'x%26y'&$top=1", {"filter": "a eq 'x&y'", "top": "1"}, id="encoded-ampersand"),
        pytest.param("$filter=a%20eq%20'x=y'", {"filter": "a eq 'x=y'"}, id="equals-sign-in-a-value"),
        pytest.param("$filter=a%20eq%20'%F0%9F%98%80'", {"filter": "a eq '😀'"}, id="four-byte-character"),
        pytest.param("filter=a&orderby=b&top=1", {"filter": "a", "orderby": "b", "top": "1"}, id="without-dollar"),
        pytest.param("$FILTER=a&OrderBy=b", {"filter": "a", "orderby": "b"}, id="names-in-any-case"),
        pytest.param("%24filter=a", {"filter": "a"}, id="encoded-dollar"),
        pytest.param("$filter=a eq 'ä'", {"filter": "a eq 'ä'"}, id="plain-letter-beyond-ascii"),
        pytest.param("$skiptoken=x%3D", {"skiptoken": "x="}, id="token"),
        pytest.param("$filter=", {"filter": ""}, id="empty-value"),
        pytest.param("&&$top=1&", {"top": "1"}, id="nothing-between-ampersands"),
    ],
)
def test_system_options_are_cut_and_decoded(query: str, texts: dict[str, str]) -> None:
    """Cut at `&` first, then decoded once (contract §4.2)."""
    assert parse_options(query).texts == texts


def test_no_query() -> None:
    """A request without a query costs nothing."""
    assert parse_options("") is NO_OPTIONS


def test_other_options() -> None:
    """Aliases and options of others are kept apart; the tokens without `$` are options of others."""
    options = parse_options("@p=1&@Q=%27x%27&debug=true&debug=false&flag&skiptoken=a&deltatoken=b")
    assert options.texts == {}
    assert options.aliases == {"p": "1", "Q": "'x'"}
    assert options.custom == {"debug": "false", "flag": "", "skiptoken": "a", "deltatoken": "b"}
    assert show(options.alias("Q")) == "'x'"
    assert options.alias("q") is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("$top=1&$top=2", "Query option '$top' was specified more than once", id="twice"),
        pytest.param("$top=1&top=1", "Query option '$top' was specified more than once", id="both-spellings"),
        pytest.param("$top=1&$TOP=1", "Query option '$top' was specified more than once", id="both-cases"),
        pytest.param("@p=1&@p=1", "Query option '@p' was specified more than once", id="alias-twice"),
        pytest.param("$foo=1", "query parameter '$foo' is not supported", id="unknown"),
        pytest.param("$fliter=1", "Did you mean '$filter'?", id="near-name"),
        pytest.param("$=1", "query parameter '$' is not supported", id="dollar-alone"),
        pytest.param("$filter=%2", "'%' must be followed by two hexadecimal digits", id="half-an-escape"),
        pytest.param("$filter=%zz", "'%' must be followed by two hexadecimal digits", id="no-escape"),
        pytest.param("$filter=%FF", "is not UTF-8", id="no-utf-8"),
        pytest.param("$filter=%C0%80", "is not UTF-8", id="overlong"),
        pytest.param("$filter=%ED%A0%80", "is not UTF-8", id="surrogate"),
        pytest.param("$filter=a eq '\udcff'", "is not UTF-8", id="undecodable-byte"),
        pytest.param("@p=%2", "'%' must be followed by two hexadecimal digits", id="half-an-escape-in-an-alias"),
        pytest.param("x=%FF", "is not UTF-8", id="no-utf-8-in-a-custom-option"),
        pytest.param("%FF=1", "is not UTF-8", id="no-utf-8-in-a-name"),
    ],
)
def test_queries_that_are_refused(query: str, message: str) -> None:
    """Duplicates, unknown system options and bad encodings are 400."""
    with pytest.raises(BadRequest) as caught:
        parse_options(query)
    assert message in caught.value.message
    assert caught.value.target == query.partition("=")[0]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        pytest.param("", (None, None), id="absent"),
        pytest.param("$top=0&$skip=0", (0, 0), id="zero"),
        pytest.param("$top=5&$skip=010", (5, 10), id="leading-zero"),
        pytest.param("$top=999999999999999999", (999999999999999999, None), id="large"),
    ],
)
def test_numbers(query: str, numbers: tuple[int | None, int | None]) -> None:
    """`$top` and `$skip` are non-negative integers."""
    options = parse_options(query)
    assert (options.top(), options.skip()) == numbers


@pytest.mark.parametrize("name", [pytest.param("top", id="top"), pytest.param("skip", id="skip")])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("-1", id="negative"),
        pytest.param("x", id="word"),
        pytest.param("1.0", id="fraction"),
        pytest.param("", id="empty"),
        pytest.param("%2B1", id="sign"),
        pytest.param("%D9%A3", id="digit-of-another-script"),
        pytest.param("9" * 400, id="four-hundred-digits"),
    ],
)
def test_no_numbers(name: str, text: str) -> None:
    """Anything else fails in Graph's words (contract §4.5)."""
    options = parse_options(f"${name}={text}")
    with pytest.raises(BadRequest) as caught:
        getattr(options, name)()
    assert caught.value.message.startswith("The query specified in the URI is not valid. Invalid value '")
    assert f"' for ${name} query option found. The ${name} query option requires a non-negative integer value." in (
        caught.value.message
    )
    assert caught.value.target == f"${name}"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        pytest.param("", False, id="absent"),
        pytest.param("$count=true", True, id="true"),
        pytest.param("$count=False", False, id="false-in-any-case"),
    ],
)
def test_count(query: str, *, count: bool) -> None:
    """`$count` is a boolean."""
    assert parse_options(query).count() is count


def test_no_count() -> None:
    """Another word is refused, not taken for false."""
    with pytest.raises(BadRequest, match="Invalid value '1' for \\$count"):
        parse_options("$count=1").count()


def test_values_are_parsed_when_asked_for() -> None:
    """Each option has its grammar; options that are absent are empty."""
    options = parse_options(
        "$filter=a&$orderby=b&$select=c&$expand=d&$compute=e%20as%20f&$search=g&$apply=identity&$format=json"
    )
    parsed = (
        *(options.filter(), options.orderby(), options.select(), options.expand()),
        *(options.compute(), options.search(), options.apply()),
    )
    assert [show(node) for node in parsed] == [
        *("a", "[(OrderByItem b)]", "[(SelectItem c)]", "[(ExpandItem d)]"),
        *("[(ComputeItem e f)]", "(SearchWord g)", "[(Identity)]"),
    ]
    assert options.text("format") == "json"
    assert NO_OPTIONS.filter() is None
    assert NO_OPTIONS.search() is None
    assert not (*NO_OPTIONS.orderby(), *NO_OPTIONS.select(), *NO_OPTIONS.expand())
    assert not (*NO_OPTIONS.compute(), *NO_OPTIONS.apply())


def test_an_empty_filter_is_a_fault() -> None:
    """An option that is there and empty is not an option that is absent."""
    with pytest.raises(SyntaxFault, match="expected an expression, found the end"):
        parse_options("$filter=").filter()


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("$filter=1 div a gt 0", "$filter", id="one"),
        pytest.param("$filter=1 div a gt 0&$orderby=b desc,c/d&$select=*,e&$search=f&$top=1", "$filter", id="names"),
        pytest.param("$filter=1 div a gt 0&$orderby=length(b)", None, id="two"),
        pytest.param("$orderby=@a&@a=1 div b", "$orderby", id="alias"),
        pytest.param("$select=a($orderby=1 div b)", "$select", id="nested"),
        pytest.param("$compute=1 div a as b&$filter=c", "$compute", id="condition-that-is-a-name"),
    ],
)
def test_the_cause_of_what_goes_wrong_in_the_answering(query: str, cause: str | None) -> None:
    """An option is blamed only where no other one can have caused it; names alone cannot."""
    assert parse_options(query).cause() == cause


@pytest.mark.parametrize("name", ["filter", "orderby", "select", "expand", "compute", "search", "apply"])
def test_a_fault_names_its_option(name: str) -> None:
    """Whoever asks for the value."""
    with pytest.raises(SyntaxFault) as caught:
        getattr(parse_options(f"${name}=)"), name)()
    assert caught.value.target == f"${name}"


@pytest.mark.parametrize(
    ("query", "printed"),
    [
        pytest.param("$search=a%3Bb", "(SearchWord a;b)", id="encoded"),
        pytest.param("$search=a;b", 1, id="plain"),
        pytest.param("search=%C3%A4+b;c%3B", 3, id="plain-behind-encoded-letters"),
        pytest.param("$select=a($search=b%3Bc)", "[(SelectItem a [(SearchOption (SearchWord b;c))])]", id="select"),
        pytest.param("$select=a($search=b;c)", 12, id="select-plain"),
        pytest.param(
            "$select=a($search=b%3Bc;$top=1)",
            "[(SelectItem a [(SearchOption (SearchWord b;c)) (NumberOption top 1)])]",
            id="select-both",
        ),
        pytest.param(
            "$select=a(%24search%3Db%3B%24top%3D1)",
            "[(SelectItem a [(SearchOption (SearchWord b)) (NumberOption top 1)])]",
            id="select-all-encoded",
        ),
        pytest.param("$expand=a($search=b%3Bc)", "[(ExpandItem a [(SearchOption (SearchWord b;c))])]", id="expand"),
        pytest.param("$filter=a/$count($search=b%3Bc) eq 1", "(eq a/(Count (SearchWord b;c)) 1)", id="filter"),
        pytest.param("$filter=a/$count($search=b;c) eq 1", 20, id="filter-plain"),
        pytest.param("$apply=search(a%3Bb)", "[(SearchStep (SearchWord a;b))]", id="apply"),
        pytest.param("$apply=search(a;b)", 8, id="apply-plain"),
    ],
)
def test_semicolons_of_a_search(query: str, printed: str | int) -> None:
    """A semicolon belongs to a word where it came percent-encoded, and ends it or is refused where it came plain."""
    options = parse_options(query)
    read = getattr(options, next(iter(options.texts)))
    if isinstance(printed, str):
        assert show(read()) == printed
    else:
        with pytest.raises(SyntaxFault) as caught:
            read()
        assert caught.value.position == printed
