"""Rules of the ABNF by name, read from text as it stands in a URL."""

import re

import pytest

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.expr import show
from enrollscope.odata.grammar.rules import URL_RULES, VALUE_RULES
from enrollscope.odata.parser import parse


@pytest.mark.parametrize(
    ("rule", "text", "printed"),
    [
        pytest.param("boolean", "tRuE", "true", id="boolean-in-any-case"),
        pytest.param("booleanValue", "false", "false", id="boolean-value"),
        pytest.param("null", "null", "null", id="null"),
        pytest.param(
            "guid", "ABCDEF00-0000-4000-8000-000000000001", "guid:abcdef00-0000-4000-8000-000000000001", id="guid"
        ),
        pytest.param("date", "2012-09-10", "date:2012-09-10", id="date"),
        pytest.param(
            "dateTimeOffsetValue", "2012-09-03T13:52-03:00", "dateTimeOffset:2012-09-03T13:52:00-03:00", id="instant"
        ),
        pytest.param(
            "dateTimeOffsetLiteral",
            "2012-09-03T13%3A52%2B03%3A00",
            "dateTimeOffset:2012-09-03T13:52:00+03:00",
            id="instant-in-a-url",
        ),
        pytest.param("timeOfDayValue", "11:22:33.5", "timeOfDay:TimeOfDay(ticks=409535000000)", id="time"),
        pytest.param("timeOfDayLiteral", "11%3A22", "timeOfDay:TimeOfDay(ticks=409200000000)", id="time-in-a-url"),
        pytest.param("decimalValue", "+1.50", "1.50", id="decimal"),
        pytest.param("doubleValue", "-1e+2", "-100.0", id="double"),
        pytest.param("singleLiteral", "%2B1e%2B2", "100.0", id="signs-in-a-url"),
        pytest.param("sbyteValue", "-7", "-7", id="sbyte"),
        pytest.param("byte", "200", "200", id="byte"),
        pytest.param("int64Literal", "%2B9000000000", "9000000000", id="int64-in-a-url"),
        pytest.param("durationValue", "-P1DT2H", "duration:Duration(ticks=-936000000000)", id="duration"),
        pytest.param("durationLiteral", "'PT1S'", "duration:Duration(ticks=10000000)", id="duration-without-prefix"),
        pytest.param("durationLiteral", "DURATION'PT1S'", "duration:Duration(ticks=10000000)", id="prefix-in-any-case"),
        pytest.param("binaryLiteral", "binary%27Zm9v%27", "binary:b'foo'", id="binary-with-encoded-quotes"),
        pytest.param("binaryValue", "Zm9v", "binary:b'foo'", id="binary-value"),
        pytest.param("stringLiteral", "'O%27%27Neil'", "'O''Neil'", id="encoded-quote-is-a-quote"),
        pytest.param("stringLiteral", "'%E2%82%AC'", "'€'", id="utf-8"),
        pytest.param("stringInUrl", "%22a%5Cu00e4%22", "'aä'", id="json-string"),
        pytest.param(
            "enumValue", "Solid,+1", "enum:EnumMembers(type_name=None, members=('Solid', 1))", id="enum-value"
        ),
        pytest.param(
            "enumLiteral", "a.b'c%2C%2B1'", "enum:EnumMembers(type_name='a.b', members=('c', 1))", id="enum-literal"
        ),
        pytest.param("primitiveValue", "2012-09-10", "date:2012-09-10", id="value-of-a-date"),
        pytest.param("primitiveValue", "PT1S", "duration:Duration(ticks=10000000)", id="value-of-a-duration"),
        pytest.param(
            "primitiveValue",
            "Pending",
            "enum:EnumMembers(type_name=None, members=('Pending',))",
            id="value-of-a-member",
        ),
        pytest.param("primitiveValue", "Zg==", "binary:b'f'", id="value-of-bytes"),
        pytest.param("primitiveValue", "TRUE", "true", id="value-of-a-boolean"),
        pytest.param("odataIdentifier", "G%C3%B6%C3%9Fe_1", "Göße_1", id="identifier"),
        pytest.param("namespace", "a.b.c", "a.b.c", id="namespace"),
        pytest.param("qualifiedTypeName", "Collection(a.b)", "Collection(a.b)", id="collection-type"),
        pytest.param("parameterAlias", "%40p", "@p", id="alias"),
        pytest.param("annotationInQuery", "@a.b%23c", "@a.b#c", id="annotation"),
        pytest.param("boolCommonExpr", "a%20eq%20'b%20c'", "(eq a 'b c')", id="encoded-blanks"),
        pytest.param("commonExpr", "a%2Fb", "a/b", id="encoded-slash"),
        pytest.param("notExpr", "not a", "(not a)", id="not"),
        pytest.param("negateExpr", "- a", "(- a)", id="negation"),
        pytest.param("isofExpr", "isof(a.b)", "(TypeCall isof a.b)", id="isof"),
        pytest.param("castExpr", "cast(a,b.c)", "(TypeCall cast a b.c)", id="cast"),
        pytest.param("anyExpr", "any(x:x/a)", "any(x:x/a)", id="any"),
        pytest.param("allExpr", "all(x:x/a)", "all(x:x/a)", id="all"),
        pytest.param("methodCallExpr", "now()", "(now)", id="method-call"),
        pytest.param("geoLengthMethodCallExpr", "geo.length(a)", "(geo.length a)", id="method-call-by-rule"),
        pytest.param("toLowerMethodCallExpr", "ToLower(a)", "(tolower a)", id="method-call-in-any-case"),
        pytest.param("keyPredicate", "(a=1,b='c')", "[a=1 b='c']", id="key-predicate"),
        pytest.param("topcountTrafo", "topcount(1,a)", "(Ranking topcount 1 a)", id="transformation-by-rule"),
        pytest.param("nestTrafo", "addnested(a,identity as b)", "(Nest a [[[(Identity)] b]])", id="nest-and-addnested"),
        pytest.param("firstMemberExpr", "$it/a", "$it/a", id="first-member"),
        pytest.param("array", "[1,2]", "(Array [1 2])", id="array"),
        pytest.param("object", "%7B%22a%22:1%7D", "(Object [[a 1]])", id="object-with-encoded-braces"),
        pytest.param("filter", "$filter=a", "(FilterOption a)", id="filter"),
        pytest.param("orderby", "OrderBy=a%20desc", "(OrderByOption [(OrderByItem a True)])", id="orderby"),
        pytest.param("top", "$TOP=5", "(NumberOption top 5)", id="top"),
        pytest.param("inlinecount", "$count=true", "(CountOption True)", id="count"),
        pytest.param(
            "format",
            "$format=application/json;odata.metadata=none",
            "(TextOption format application/json;odata.metadata=none)",
            id="format",
        ),
        pytest.param("skiptoken", "$skiptoken=a%26b", "(TextOption skiptoken a&b)", id="skiptoken"),
        pytest.param("schemaversion", "$schemaversion=1.0~a", "(TextOption schemaversion 1.0~a)", id="schemaversion"),
        pytest.param("systemQueryOption", "$index=-1", "(NumberOption index -1)", id="index"),
        pytest.param("aliasAndValue", "@p=[1]", "(AliasOption p (Array [1]))", id="alias-and-value"),
        pytest.param("selectItem", "a/b", "(SelectItem a/b)", id="select-item"),
        pytest.param("expandItem", "a/$ref", "(ExpandItem a/$ref)", id="expand-item"),
        pytest.param("computeItem", "a add 1 as b", "(ComputeItem (add a 1) b)", id="compute-item"),
        pytest.param("applyExpr", "identity/top(1)", "[(Identity) (Window top 1)]", id="apply"),
        pytest.param("groupingProperty", "a/b.c/d", "a/b.c/d", id="grouping-property"),
        pytest.param("caseMethodCallExpr", "case(a:1,true:2)", "(Case [[a 1] [true 2]])", id="case"),
        pytest.param("methodCallExpr", "case(a:1)", "(Case [[a 1]])", id="case-is-a-method-call"),
        pytest.param("boolMethodCallExpr", "endswith(a,'b')", "(endswith a 'b')", id="method-call-that-is-a-condition"),
        pytest.param("parenExpr", "( a add 1 )", "(add a 1)", id="parenthesis"),
        pytest.param("listExpr", "(1, 'a')", "(ListExpr [1 'a'])", id="list"),
        pytest.param("listExpr", "( )", "(ListExpr)", id="empty-list"),
        pytest.param("arrayOrObject", "[1]", "(Array [1])", id="array-or-object-array"),
        pytest.param("arrayOrObject", "%7B%22a%22:1%7D", "(Object [[a 1]])", id="array-or-object-object"),
        pytest.param("valueInUrl", '"a"', "'a'", id="value-in-double-quotes"),
        pytest.param("valueInUrl", "a add 1", "(add a 1)", id="value-that-is-an-expression"),
        pytest.param("searchPhrase", "%22a%20b%22", "(SearchPhrase a b)", id="search-phrase"),
        pytest.param("searchWord", "a%3Bb'", "(SearchWord a;b')", id="search-word"),
        pytest.param("searchWord", "NOT", "(SearchWord NOT)", id="search-word-not"),
        pytest.param("nameAndValue", "a=1 add 2", "(AliasOption a (add 1 2))", id="name-and-value"),
        pytest.param("crossjoin", "$crossjoin(a,b)", "(PathSegment $crossjoin(a,b) $crossjoin [a b])", id="crossjoin"),
        pytest.param(
            "propertyPath",
            "a(1)/b/$count",
            "[(PathSegment a(1) a [1]) (PathSegment b b) (PathSegment $count $count)]",
            id="property-path",
        ),
        pytest.param("context", "#a/$entity", "a/$entity", id="context"),
        pytest.param("contextFragment", "$ref", "$ref", id="context-of-a-reference"),
        pytest.param("contextFragment", "Collection($ref)", "Collection($ref)", id="context-of-references"),
        pytest.param("contextFragment", "Collection(Edm.String)", "Collection(Edm.String)", id="context-of-values"),
        pytest.param("contextFragment", "a.b(c,d/e)", "a.b(c,d/e)", id="context-of-a-type"),
        pytest.param("contextFragment", "a(1)/c.d", "a(1)/c.d", id="context-of-a-type-behind-a-key"),
        pytest.param("contextFragment", "a('b)/(x')/c", "a('b)/(x')/c", id="context-of-a-property"),
        pytest.param("contextFragment", "a(*,b+(c),d.*,@e.f)/$delta", "a(*,b+(c),d.*,@e.f)/$delta", id="context-delta"),
        pytest.param("contextFragment", "a/b.c/$deletedLink", "a/b.c/$deletedLink", id="context-of-a-deleted-link"),
        pytest.param("selectList", "()", "()", id="empty-select-list"),
        pytest.param("filterInPath", "/$filter(a/b eq 1)", "$filter((eq a/b 1))", id="filter-in-a-path"),
        pytest.param("keyPathSegments", "/a%2Fb/c(d)", "[a/b c(d)]", id="key-as-segments"),
        pytest.param("expandOption", "$levels=max", "(NumberOption levels)", id="expand-option"),
        pytest.param("expandOption", "@p=1", "(AliasOption p 1)", id="expand-option-alias"),
        pytest.param("selectOption", "compute=a as b", "(ComputeOption [(ComputeItem a b)])", id="select-option"),
        pytest.param("selectProperty", "a/b.c/d", "(SelectItem a/b.c/d)", id="select-property"),
        pytest.param(
            "selectProperty", "a($top=1)", "(SelectItem a [(NumberOption top 1)])", id="select-of-a-collection"
        ),
        pytest.param(
            "entityCastOptions",
            "$select=a&$id=b(1)&x=y",
            "[(SelectOption [(SelectItem a)]) (TextOption id b(1)) (CustomOption x y)]",
            id="entity-cast-options",
        ),
        pytest.param("primitiveTypeName", "Edm.Int32", "Edm.Int32", id="primitive-type"),
        pytest.param("primitiveTypeName", "Edm.GeographyMultiPoint", "Edm.GeographyMultiPoint", id="geographic-type"),
    ],
)
def test_rules_read_their_texts(rule: str, text: str, printed: str) -> None:
    """A rule is found by its name in the ABNF and yields its node."""
    assert show(parse(rule, text)) == printed


@pytest.mark.parametrize(
    ("rule", "text", "position"),
    [
        pytest.param("boolean", "1", 0, id="no-boolean"),
        pytest.param("booleanValue", "True", 0, id="boolean-value-in-upper-case"),
        pytest.param("null", "NULL", 0, id="null-in-upper-case"),
        pytest.param("guid", "abcdef00-0000", 13, id="guid-too-short"),
        pytest.param("guid", "abcdef00-0000-4000-8000-00000000000g", 35, id="guid-with-a-g"),
        pytest.param("date", "2012-13-10", 6, id="month-13"),
        pytest.param("date", "2012-00-10", 6, id="month-0"),
        pytest.param("date", "2012-01-32", 9, id="day-32"),
        pytest.param("date", "212-01-01", 3, id="year-of-three-digits"),
        pytest.param("date", "02012-01-01", 4, id="year-with-a-leading-zero"),
        pytest.param("dateTimeOffsetValue", "2012-09-03", 10, id="no-time"),
        pytest.param("dateTimeOffsetValue", "2012-09-03T13:52", 16, id="no-zone"),
        pytest.param("dateTimeOffsetValue", "2012-09-03T13:60Z", 14, id="minute-60"),
        pytest.param("dateTimeOffsetValue", "2012-09-03T13:52:61Z", 18, id="second-61"),
        pytest.param("dateTimeOffsetValue", "2012-09-03T13:52:00.Z", 20, id="no-fraction"),
        pytest.param("dateTimeOffsetValue", "2012-09-03T13:52+24:00", 18, id="zone-24"),
        pytest.param("dateTimeOffsetLiteral", "2012-09-03T13:52+03:00", 16, id="plain-plus-in-a-url"),
        pytest.param("timeOfDayValue", "1:00", 1, id="hour-of-one-digit"),
        pytest.param("timeOfDayValue", "11:00:00.1234567890123", 21, id="thirteen-digits"),
        pytest.param("decimalValue", ".5", 0, id="no-integer-part"),
        pytest.param("decimalValue", "5.", 2, id="no-digits-behind-the-point"),
        pytest.param("decimalValue", "1e", 2, id="no-exponent"),
        pytest.param("decimalValue", "%2B1", 0, id="values-are-not-encoded"),
        pytest.param("singleLiteral", "+1", 0, id="plain-plus-of-a-number"),
        pytest.param("byteValue", "-1", 0, id="negative-byte"),
        pytest.param("int16Value", "123456", 5, id="six-digits"),
        pytest.param("durationValue", "+P1D", 0, id="positive-sign"),
        pytest.param("durationValue", "P1H", 2, id="hours-before-t"),
        pytest.param("durationValue", "PT1M2H", 5, id="hours-behind-minutes"),
        pytest.param("durationValue", "PT1.5M", 5, id="fraction-of-a-minute"),
        pytest.param("durationLiteral", "P1D", 0, id="duration-without-quotes"),
        pytest.param("binaryLiteral", "binary'Z'", 7, id="binary-of-one-character"),
        pytest.param("stringLiteral", "a'", 0, id="no-opening-quote"),
        pytest.param("stringLiteral", "'a'b'", 3, id="single-quote-inside"),
        pytest.param("stringLiteral", "'a#b'", 2, id="number-sign-in-a-string"),
        pytest.param("stringLiteral", "'a%zz'", 2, id="bad-escape"),
        pytest.param("stringLiteral", "'a%C3'", 2, id="half-a-character"),
        pytest.param("stringInUrl", '"a', 2, id="json-string-without-end"),
        pytest.param("enumValue", "a,", 0, id="member-missing"),
        pytest.param("primitiveLiteral", "abc", 3, id="bare-word"),
        pytest.param("odataIdentifier", "0a", 0, id="digit-first"),
        pytest.param("odataIdentifier", "a.b", 1, id="dot"),
        pytest.param("parameterAlias", "p", 0, id="no-at-sign"),
        pytest.param("notExpr", "a", 0, id="no-not"),
        pytest.param("isofExpr", "cast(a.b)", 0, id="another-function"),
        pytest.param("anyExpr", "all(x:x)", 0, id="another-quantifier"),
        pytest.param("methodCallExpr", "a", 0, id="no-call"),
        pytest.param("firstMemberExpr", "1", 0, id="no-member"),
        pytest.param("trimMethodCallExpr", "length(a)", 0, id="another-method"),
        pytest.param("filterTrafo", "top(1)", 0, id="another-transformation"),
        pytest.param("filter", "$filter=", 8, id="empty-filter"),
        pytest.param("filter", "$top=1", 0, id="another-option"),
        pytest.param("filter", "$filter a", 7, id="no-equals-sign"),
        pytest.param("top", "$top=-1", 5, id="negative-top"),
        pytest.param("top", "$top=1.5", 6, id="fractional-top"),
        pytest.param("top", "$top=99999999999999999999", 5, id="top-too-large"),
        pytest.param("inlinecount", "$count=1", 7, id="count-of-1"),
        pytest.param("skiptoken", "skiptoken=a", 0, id="token-without-dollar"),
        pytest.param("skiptoken", "$skiptoken=", 11, id="empty-token"),
        pytest.param("schemaversion", "$schemaversion=a/b", 16, id="slash-in-a-version"),
        pytest.param("commonExpr", "a%20eq%20#", 9, id="position-counts-encoded-characters"),
        pytest.param("boolCommonExpr", "'%F0%9F%98%80' eq", 17, id="position-behind-four-byte-character"),
        pytest.param("geographyPoint", "geography'SRID=0;Polygon((1 1,1 1))'", 17, id="another-shape"),
        pytest.param("geometryPoint", "geography'SRID=0;Point(1 1)'", 0, id="another-family"),
        pytest.param("caseMethodCallExpr", "length(a)", 0, id="no-case"),
        pytest.param("caseMethodCallExpr", "case(a)", 6, id="case-without-a-value"),
        pytest.param("boolMethodCallExpr", "length(a)", 0, id="method-call-that-is-no-condition"),
        pytest.param("parenExpr", "a", 0, id="no-parenthesis"),
        pytest.param("parenExpr", "(a", 2, id="parenthesis-that-does-not-end"),
        pytest.param("listExpr", "(a)", 2, id="list-of-a-name"),
        pytest.param("listExpr", "(1,)", 3, id="list-with-a-comma-at-the-end"),
        pytest.param("arrayOrObject", "1", 0, id="neither-array-nor-object"),
        pytest.param("valueInUrl", '"a', 2, id="value-without-a-closing-quote"),
        pytest.param("searchPhrase", "a", 0, id="no-phrase"),
        pytest.param("searchWord", "a b", 2, id="two-search-words"),
        pytest.param("searchWord", "NOT a", 3, id="negated-search-word"),
        pytest.param("searchWord", "a;b", 1, id="search-word-with-a-plain-semicolon"),
        pytest.param("nameAndValue", "@a=1", 0, id="alias-for-a-name"),
        pytest.param("nameAndValue", "a", 1, id="name-without-a-value"),
        pytest.param("crossjoin", "$crossjoin()", 11, id="crossjoin-of-nothing"),
        pytest.param("crossjoin", "$crossjoin", 10, id="crossjoin-without-parentheses"),
        pytest.param("crossjoin", "crossjoin(a)", 0, id="crossjoin-without-dollar"),
        pytest.param("context", "a", 0, id="context-without-a-number-sign"),
        pytest.param("context", "#", 1, id="empty-context"),
        pytest.param("contextFragment", "a/$count", 2, id="context-of-a-count"),
        pytest.param("contextFragment", "a/$entity/b", 9, id="context-behind-its-end"),
        pytest.param("contextFragment", "a(b)/$link", 5, id="context-of-a-link-with-a-select-list"),
        pytest.param("contextFragment", "a(b", 3, id="context-with-a-list-that-does-not-end"),
        pytest.param("contextFragment", "Collection(a.b", 14, id="context-with-a-type-that-does-not-end"),
        pytest.param("contextFragment", "a%20b", 1, id="context-with-a-blank"),
        pytest.param("selectList", "(a,)", 3, id="select-list-with-a-comma-at-the-end"),
        pytest.param("propertyPath", "$all", 0, id="property-path-of-all"),
        pytest.param("propertyPath", "a/$value/b", 8, id="property-path-behind-value"),
        pytest.param("filterInPath", "$filter(a)", 0, id="filter-in-a-path-without-slash"),
        pytest.param("filterInPath", "/$filter(a", 10, id="filter-in-a-path-that-does-not-end"),
        pytest.param("keyPathSegments", "a", 0, id="key-segment-without-slash"),
        pytest.param("keyPathSegments", "/a/b#", 4, id="key-segment-with-a-number-sign"),
        pytest.param("keyPathSegments", "/a/%FF", 3, id="key-segment-that-is-not-utf-8"),
        pytest.param("expandOption", "$index=1", 0, id="no-expand-option"),
        pytest.param("selectOption", "$levels=1", 0, id="no-select-option"),
        pytest.param("selectProperty", "*", 0, id="star-for-a-property"),
        pytest.param("selectProperty", "a.b/c", 0, id="type-in-front-of-a-property"),
        pytest.param("selectProperty", "a/b(c)", 2, id="overload-for-a-property"),
        pytest.param("entityCastOptions", "$select=a", 9, id="entity-cast-options-without-id"),
        pytest.param("entityCastOptions", "$id=a&$top=1", 6, id="entity-cast-options-with-top"),
        pytest.param("primitiveTypeName", "Edm.Strng", 0, id="no-primitive-type"),
        pytest.param("primitiveTypeName", "edm.String", 0, id="primitive-type-in-lower-case"),
    ],
)
def test_rules_refuse_where_reading_stops(rule: str, text: str, position: int) -> None:
    """A fault counts the characters of the URL, not of its decoding."""
    with pytest.raises(SyntaxFault) as caught:
        parse(rule, text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("rule", "text", "reason"),
    [
        pytest.param("date", "-10000-04-01", "the year must lie between 0001 and 9999", id="year-beyond-the-calendar"),
        pytest.param("date", "2023-02-29", "there is no such day", id="no-leap-year"),
        pytest.param(
            "dateTimeOffsetValue", "2016-12-31T23:59:60Z", "the time of day must lie between", id="leap-second"
        ),
        pytest.param("dateTimeOffsetValue", "2024-01-01T00:00-15:00", "the offset must lie between", id="zone-too-far"),
        pytest.param("doubleValue", "1e999", "outside the range of Edm.Double", id="double-too-large"),
        pytest.param("durationValue", "P", "expected a duration", id="empty-duration"),
    ],
)
def test_the_form_is_right_and_there_is_no_value(rule: str, text: str, reason: str) -> None:
    """What the ABNF allows still reads; the node says why it has no value."""
    assert reason in show(parse(rule, text))


@pytest.mark.parametrize(
    ("rule", "text", "quoted"),
    [
        pytest.param("commonExpr", "@a.b#c", "'#' cannot stand here in a name at position 4", id="in-a-name"),
        pytest.param("commonExpr", "a eq <b", "'<' cannot stand here in a name at position 5", id="before-a-name"),
        pytest.param("searchWord", "%C3%A4|b%20c", "found '|b' at position 6", id="behind-a-word"),
    ],
)
def test_faults_quote_what_was_sent(rule: str, text: str, quoted: str) -> None:
    """A character that must be percent-encoded is shown as it came."""
    with pytest.raises(SyntaxFault, match=re.escape(quoted)):
        parse(rule, text)


def test_names_of_a_model_count_where_they_are_given() -> None:
    """A few texts are wrong only because of what the names in them are."""
    names = {
        "primitiveNonKeyProperty": {"price"},
        "complexProperty": {"address"},
        "entityColNavigationProperty": {"items"},
    }
    wrong = {
        ("applyExpr", "groupby((price/amount))"): 14,
        ("resourcePath", "people/address/$value"): 15,
        ("applyExpr", "aggregate(price)"): 15,
        ("applyExpr", "aggregate(items/price sub 1 with sum as s)"): 22,
    }
    for (rule, text), position in wrong.items():
        parse(rule, text)
        with pytest.raises(SyntaxFault) as caught:
            parse(rule, text, names=names)
        assert caught.value.position == position


def test_unknown_rules_are_an_error_of_the_caller() -> None:
    """A misspelt rule is no fault of a client."""
    with pytest.raises(ValueError, match="'boolExpr'"):
        parse("boolExpr", "a")


def test_a_rule_has_one_reader() -> None:
    """No rule is both decoded and not."""
    assert not set(URL_RULES) & set(VALUE_RULES)
