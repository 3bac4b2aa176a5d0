"""Whatever stands in the options, the answer is 200, or it says what is wrong (400) or not offered (501)."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enrollscope.model.events import SCHEMA
from enrollscope.store.opening import migrate_store
from tests.api.right_questions import right_questions
from tests.api.service import BETA_EVENTS, EVENTS, Client, serving, settings_for, store_of
from tests.examples import examples
from tests.postgres import shared_server

OPTIONS = ("$filter", "$orderby", "$search", "$compute", "$apply", "$select", "$top", "$skip", "$count", "@p")

LANGUAGE = """
    eventDateTime failureReason failureCategory enrollmentType osVersion additionalInformation id deviceId eventName
    troubleshootingErrorDetails troubleshootingErrorDetails/failure troubleshootingErrorDetails/resources tokenId
    additionalInformation/any(a:a/name additionalInformation/any() additionalInformation/$count name value $it unknown
    microsoft.graph.enrollmentTroubleshootingEvent isof(microsoft.graph.enrollmentTroubleshootingEvent) graph.x $root
    'authentication' 'userEnrollment' 'unknownFutureValue' userEnrollment 'x' '' 'it''s' '%_\\' '\U0001f600'
    microsoft.graph.deviceEnrollmentType'userEnrollment' null true false 1 -1 0 2.5 1e400 9223372036854775807 INF NaN
    2017-01-01T00:00:00Z 2017-01-01 14:13:19 9999-12-31T23:59:59.9999999Z 0001-01-01T00:00:00+14:00 duration'P1D'
    1.5e3 duration'P9999999D' binary'AQI=' 01234567-89ab-cdef-0123-456789abcdef geography'SRID=0;Point(1_2)'
    maxdatetime() '0x80180014' "p" eq ne gt ge lt le and or not in has add sub mul div divby mod asc desc as with from
    AND OR NOT contains( startswith( tolower( length( substring( indexof( concat( date( time( year( totalseconds(
    round( case( now() $this cast( hassubset( matchespattern( [1,"a"] {"name":"x"} [{"name":"x","value":osVersion}]
    in[ eq[ hassubsequence( $root/deviceManagement/troubleshootingEvents('x')/osVersion ,Collection(Edm.String))
    geo.distance( isdefined( minute( fractionalseconds( trim( groupby( aggregate( filter( compute( topcount(
    toppercent( concat( identity orderby( top( skip( search( $count sum max average countdistinct ( ) ( ) ( ) , , / :
    ; @p [ ] { } * Edm.String Edm.Int32 ,Edm.String) n m
"""
WORDS = st.sampled_from(LANGUAGE.split())
SPACES = st.sampled_from((" ", " ", " ", "", "  "))
SOUP = st.lists(st.tuples(WORDS, SPACES), min_size=1, max_size=12).map(
    lambda parts: "".join(word.replace("_", " ") if "SRID" in word else word for pair in parts for word in pair)
)

FULL = st.sampled_from(
    (
        "eventDateTime ge 2017-01-01T00:00:00Z and failureCategory eq 'authentication'",
        "additionalInformation/any(a:a/name eq 'x' and a/value ne osVersion) or troubleshootingErrorDetails eq null",
        "case(osVersion eq null:0,true:length(osVersion)) divby 3 gt 0.5",
        "eventDateTime add duration'PT1H' mul 2 lt now() and year(eventDateTime) mod 4 eq 0",
        "eventDateTime add duration'P3000000D' gt now() or date(eventDateTime) sub duration'P3000000D' lt 2000-01-01",
        "year(eventDateTime add duration'P3000000D') gt 1 or hour(eventDateTime sub duration'P1000000D') gt 1",
        "groupby((failureCategory,troubleshootingErrorDetails/failure),aggregate($count as n))/filter(n gt 0)",
        "compute(length(failureReason) as l)/groupby((l),aggregate(l with sum as s))/topcount(2,s)",
        "length(failureReason) as l,eventName as e",
        "id,troubleshootingErrorDetails($select=failure),additionalInformation/name",
        '"a b" OR (NOT c d)',
        "length(failureReason) desc,troubleshootingErrorDetails/failure,eventDateTime sub now()",
        "round(length(osVersion) mul 2.5) eq cast(5,Edm.Decimal) and cast(failureCategory,Edm.String) ne 'x'",
    )
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Something right, with a piece of it missing, doubled, or replaced."""
    text = draw(FULL)
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 12)))
    middle = draw(st.one_of(st.just(""), WORDS, st.just(text[start:end] * 2), st.text(max_size=2)))
    return text[:start] + middle + text[end:]


TEXTS = st.one_of(FULL, SOUP, mutated(), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
QUERIES = st.one_of(right_questions(), st.dictionaries(st.sampled_from(OPTIONS), TEXTS, min_size=1, max_size=3))


@pytest.fixture(scope="module", params=[pytest.param("sqlite", id="sqlite"), pytest.param("postgres", id="postgres")])
def asking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A caller of a service on each kind of store."""
    settings = settings_for(tmp_path_factory.mktemp("any"))
    with ExitStack() as stack:
        if request.param == "postgres":
            server = stack.enter_context(shared_server())
            url = server.url(stack.enter_context(server.database()))
            migrate_store(url, SCHEMA)
            settings = replace(settings, database=url)
        yield stack.enter_context(serving(settings, store_of(settings))).client()


@pytest.fixture(scope="module")
def filled(asking: Client) -> Client:
    """A tenant with events in which everything is there, and ones in which nothing is."""
    client = asking
    details = {"failure": "boom", "context": None, "resources": [{"text": "t", "link": "{{UPN}}"}]}
    client.create(
        BETA_EVENTS,
        eventDateTime="9999-12-31T23:59:59.9999999-14:00",
        failureReason="it's 100% _\\ \U0001f600",
        osVersion="10",
        enrollmentType="appleAccountDrivenUserEnrollment",
        additionalInformation=[{"name": "x", "value": "1"}, {"name": None, "value": None}],
        troubleshootingErrorDetails=details,
    )
    client.create(BETA_EVENTS, eventDateTime="0001-01-01T00:00:00+14:00")
    client.post(BETA_EVENTS, {"eventName": "base"})
    return client


def check(client: Client, path: str, query: dict[str, str]) -> None:
    """Ask, and look at the answer."""
    url = path + "?" + "&".join(f"{name}={quote(text, safe='')}" for name, text in query.items())
    reply = client.get(url)
    assert reply.status_code in (200, 400, 501), (query, reply.text)
    if reply.status_code == 200:
        if not path.endswith("$count"):
            follow(client, reply.json(), query)
        return
    error: dict[str, Any] = reply.json()["error"]
    assert error["code"] in ("BadRequest", "NotImplemented"), (query, reply.text)
    assert error["message"], query
    assert "Traceback" not in reply.text, query
    assert "SELECT " not in reply.text or "SELECT " in str(query), query


def follow(client: Client, page: dict[str, Any], query: dict[str, str]) -> None:
    """Look at the pages of a list, which is short."""
    for _ in range(5):
        assert page["value"] or "@odata.nextLink" not in page, (query, "an empty page with a link")
        if "@odata.nextLink" not in page:
            return
        reply = client.get(page["@odata.nextLink"])
        assert reply.status_code in (200, 501), (query, reply.text)
        if reply.status_code == 501:  # the order compares values that are too long for a link
            return
        page = reply.json()
    raise AssertionError((query, "the links never end"))


EXAMPLES = examples(300)


@pytest.mark.slow
@EXAMPLES
@given(st.sampled_from((EVENTS, BETA_EVENTS, f"{BETA_EVENTS}/$count")), QUERIES)
@example(BETA_EVENTS, {"$filter": " or ".join(["osVersion eq '1'"] * 1900)})
@example(BETA_EVENTS, {"$filter": "osVersion in (" + ",".join(["'1'"] * 3000) + ")"})
@example(BETA_EVENTS, {"$filter": "(" * 60 + "true" + ")" * 60})
@example(BETA_EVENTS, {"$filter": "not " * 3000 + "true"})
@example(BETA_EVENTS, {"$orderby": ",".join(["osVersion"] * 500)})
@example(BETA_EVENTS, {"$orderby": "null,true,1,@p", "$top": "1"})
@example(BETA_EVENTS, {"$search": " ".join(["a"] * 1500)})
@example(BETA_EVENTS, {"$filter": " add ".join(["1"] * 100) + " gt 0"})
@example(BETA_EVENTS, {"$apply": "/".join(["filter(true)"] * 300)})
@example(BETA_EVENTS, {"$apply": "/".join(["top(5)"] * 60)})
@example(
    BETA_EVENTS, {"$apply": "groupby((osVersion),aggregate($count as n))" + "/groupby((n),aggregate($count as n))" * 9}
)
@example(BETA_EVENTS, {"$compute": ",".join(f"length(osVersion) as a{number}" for number in range(400))})
@example(BETA_EVENTS, {"$filter": f"contains([{','.join(['osVersion', '1.5'] * 900)}],['x'])"})
@example(BETA_EVENTS, {"$filter": f"hassubset([{','.join(['osVersion'] * 1900)}],[null])"})
@example(BETA_EVENTS, {"$filter": f"[osVersion] in [{','.join(['[null]'] * 1200)}]"})
@example(BETA_EVENTS, {"$filter": "[" * 55 + "]" * 55 + " eq []"})
@example(BETA_EVENTS, {"$filter": '{"a":' * 55 + "1" + "}" * 55 + " ne {}"})
@example(BETA_EVENTS, {"$filter": "length(" + "concat(additionalInformation," * 40 + "[]" + ")" * 40 + ") gt 1"})
@example(BETA_EVENTS, {"$filter": "additionalInformation/any(a:" * 20 + "true" + ")" * 20})
@example(BETA_EVENTS, {"$orderby": "failureReason,eventDateTime sub now()", "$top": "1"})
def test_no_question_breaks_the_service(filled: Client, path: str, query: dict[str, str]) -> None:
    """Random words of the language, right questions with a fault in them, and text that is nothing at all."""
    check(filled, path, query)


CASES = Path(__file__).parents[3] / "shared" / "odata" / "abnf-dev.json"
if CASES.exists():
    INPUTS = sorted({case["input"] for case in json.loads(CASES.read_text(encoding="utf-8"))})

    @pytest.mark.slow
    @pytest.mark.parametrize("option", [pytest.param(name, id=name) for name in OPTIONS])
    def test_no_official_case_breaks_the_service(filled: Client, option: str) -> None:
        """Each text of the official suite, right or wrong, as the value of each option."""
        for text in INPUTS:
            check(filled, BETA_EVENTS, {option: text, "$filter": "@p"} if option == "@p" else {option: text})
