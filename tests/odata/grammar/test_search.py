import pytest

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.expr import SearchPhrase, SearchRaw, SearchWord, show
from enrollscope.odata.grammar.option_values import parse_search
from enrollscope.odata.parser import parse


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        pytest.param("blue", "(SearchWord blue)", id="word"),
        pytest.param('"blue green"', "(SearchPhrase blue green)", id="phrase"),
        pytest.param("  blue  ", "(SearchWord blue)", id="blanks-around"),
        pytest.param("a b", "(AND (SearchWord a) (SearchWord b))", id="blank-means-and"),
        pytest.param("a AND b c", "(AND (SearchWord a) (SearchWord b) (SearchWord c))", id="and-is-one-node"),
        pytest.param("a OR b OR c", "(OR (SearchWord a) (SearchWord b) (SearchWord c))", id="or-is-one-node"),
        pytest.param("a OR b c", "(OR (SearchWord a) (AND (SearchWord b) (SearchWord c)))", id="and-before-or"),
        pytest.param("(a OR b) c", "(AND (OR (SearchWord a) (SearchWord b)) (SearchWord c))", id="parentheses"),
        pytest.param("NOT a b", "(AND (SearchNot (SearchWord a)) (SearchWord b))", id="not-before-and"),
        pytest.param("a NOT b", "(AND (SearchWord a) (SearchNot (SearchWord b)))", id="not-behind-a-word"),
        pytest.param(
            "a AND NOT (b OR c)",
            "(AND (SearchWord a) (SearchNot (OR (SearchWord b) (SearchWord c))))",
            id="not-of-parentheses",
        ),
        pytest.param('NOT "a b"', "(SearchNot (SearchPhrase a b))", id="not-of-a-phrase"),
        pytest.param("NOT", "(SearchWord NOT)", id="not-alone-is-a-word"),
        pytest.param("NOT NOT", "(SearchNot (SearchWord NOT))", id="not-of-the-word-not"),
        pytest.param("a AND", "(AND (SearchWord a) (SearchWord AND))", id="and-at-the-end-is-a-word"),
        pytest.param("OR a", "(AND (SearchWord OR) (SearchWord a))", id="or-at-the-start-is-a-word"),
        pytest.param(
            "a and b", "(AND (SearchWord a) (SearchWord and) (SearchWord b))", id="operators-are-in-upper-case"
        ),
        pytest.param(
            "NOTE ORANGE ANDROID",
            "(AND (SearchWord NOTE) (SearchWord ORANGE) (SearchWord ANDROID))",
            id="words-that-begin-like-operators",
        ),
        pytest.param(
            "08/15 x@y.z 100% a;b",
            "(AND (SearchWord 08/15) (SearchWord x@y.z) (SearchWord 100%) (SearchWord a;b))",
            id="punctuation",
        ),
        pytest.param("O'Neil", "(SearchWord O'Neil)", id="quote-inside"),
        pytest.param("grün 😀", "(AND (SearchWord grün) (SearchWord 😀))", id="beyond-ascii"),
        pytest.param("0x80180014", "(SearchWord 0x80180014)", id="error-code"),
    ],
)
def test_search_expressions(text: str, tree: str) -> None:
    """Words and phrases, `NOT` before `AND` before `OR`; an operator that has nothing to join is a word."""
    assert show(parse_search(text)) == tree


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        pytest.param("'blue (gre'", "blue (gre", id="unfinished"),
        pytest.param("'it''s \"'", "it's \"", id="quotes"),
        pytest.param("''", "", id="empty"),
    ],
)
def test_text_in_single_quotes_is_kept_as_it_is(text: str, raw: str) -> None:
    """Single quotes hold what a person is still typing: it is not looked into."""
    assert parse_search(text) == SearchRaw(raw)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        pytest.param("", 0, id="nothing"),
        pytest.param("(a", 2, id="parenthesis-missing"),
        pytest.param("a)", 1, id="parenthesis-too-many"),
        pytest.param("()", 1, id="nothing-in-parentheses"),
        pytest.param('"a', 2, id="quote-missing"),
        pytest.param('""', 2, id="empty-phrase"),
        pytest.param("'a", 2, id="single-quote-missing"),
        pytest.param("'a' b", 4, id="behind-raw-text"),
        pytest.param('a"b"', 1, id="phrase-without-blank"),
    ],
)
def test_search_faults(text: str, position: int) -> None:
    """What is no search expression is refused where it stops."""
    with pytest.raises(SyntaxFault) as caught:
        parse_search(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("text", "node"),
    [
        pytest.param("a%20b".replace("%20", "%3B"), SearchWord("a;b"), id="encoded-semicolon"),
        pytest.param("%22a%20b%22", SearchPhrase("a b"), id="encoded-quotes"),
        pytest.param("%23a", SearchWord("#a"), id="encoded-number-sign"),
        pytest.param("a+b", SearchWord("a+b"), id="plus-is-itself-in-the-abnf"),
        pytest.param("%3B", SearchWord(";"), id="encoded-semicolon-alone"),
    ],
)
def test_search_in_a_url(text: str, node: object) -> None:
    """In a URL the characters that would end the option or the word are encoded."""
    assert parse("searchExpr", text) == node


@pytest.mark.parametrize(
    ("text", "position"),
    [
        pytest.param("a;b", 1, id="plain-semicolon"),
        pytest.param("a%3Bb;c", 5, id="plain-semicolon-behind-an-encoded-one"),
        pytest.param("#a", 0, id="plain-number-sign"),
        pytest.param("a<b", 1, id="plain-less-than"),
    ],
)
def test_search_in_a_url_needs_encoding(text: str, position: int) -> None:
    """A character that a URL cannot hold plainly is refused."""
    with pytest.raises(SyntaxFault) as caught:
        parse("searchExpr", text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        pytest.param("a%3Bb", "(SearchOption (SearchWord a;b))", id="encoded"),
        pytest.param("%3Ba%3B", "(SearchOption (SearchWord ;a;))", id="encoded-around"),
        pytest.param("a;$top=1", "(SearchOption (SearchWord a)) (NumberOption top 1)", id="plain"),
        pytest.param("a%3Bb;top=1", "(SearchOption (SearchWord a;b)) (NumberOption top 1)", id="encoded-then-plain"),
        pytest.param("a%3B$top=1", "(SearchOption (SearchWord a)) (NumberOption top 1)", id="encoded-before-an-option"),
        pytest.param(
            "a%3Bb%3B%20top%3D1", "(SearchOption (SearchWord a;b)) (NumberOption top 1)", id="all-of-it-encoded"
        ),
        pytest.param("a%3B@p=1", "(SearchOption (SearchWord a)) (AliasOption p 1)", id="encoded-before-an-alias"),
        pytest.param(
            "a%20;$top=1", "(SearchOption (SearchWord a)) (NumberOption top 1)", id="blank-before-the-semicolon"
        ),
    ],
)
def test_semicolons_of_a_search_in_parentheses(text: str, printed: str) -> None:
    """A plain one ends the option. An encoded one does where another option follows, for clients that encode all."""
    assert show(parse("queryOptions", f"$expand=m($search={text})")) == f"[(ExpandOption [(ExpandItem m [{printed}])])]"


def test_a_plain_semicolon_in_parentheses_must_be_followed_by_an_option() -> None:
    """It belongs to no word."""
    with pytest.raises(SyntaxFault) as caught:
        parse("queryOptions", "$expand=m($search=a;b)")
    assert caught.value.position == 20
