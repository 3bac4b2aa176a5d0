"""What requirements on questions are asked: filters, order, selection, paging, expansion."""

from tests.api.service import BETA_EVENTS, EVENTS
from tests.conformance_page.asking import ALL, ENROLLMENTS, Asking, Probe, each, encoded, finding

CAST = "microsoft.graph.enrollmentTroubleshootingEvent"
REASON = "microsoft.graph.deviceEnrollmentFailureReason"

equality = each(
    finding("failureReason eq 'Milk'", "a"),
    finding("failureReason ne 'Milk'", "bcde"),
    finding("failureReason eq null", "de"),
    finding("failureCategory ne 'authentication'", "bcde"),
)

operators = each(
    finding("osVersion gt '10'", "abd"),
    finding("osVersion ge '10.0' and osVersion le '11'", "ad"),
    finding("osVersion lt '2' or failureReason eq 'Bread'", "abd"),
    finding("not (failureReason eq 'Milk')", "bcde"),
    finding("(length(correlationId) add 2) mul 3 sub 1 eq 8", ALL),
    finding("7 div 2 eq 3 and 7 mod 2 eq 1 and -(3) eq -3", ALL),
)

membership = each(finding("correlationId in ('a','c','x')", "ac"), finding("failureCategory in ('authorization')", "b"))
membership_in_arrays = each(membership, finding('correlationId in ["a","c"]', "ac"))
decimal_division = finding("length(correlationId) divby 2 eq 0.5", ALL)
negative_index = finding("substring(failureReason,-3) eq 'ilk'", "a")
null_logic = each(
    finding("not (failureReason gt 'N')", ALL), finding("failureReason gt 'N' or failureReason eq null", "de")
)
annotation_values = finding("@Org.OData.Core.V1.Description eq null", ALL)
text_cast = finding("eventDateTime ge cast('2025-12-31T00:00:00Z',Edm.DateTimeOffset)", "de")
structural = each(
    finding("troubleshootingErrorDetails eq null", "bcde"),
    finding('additionalInformation eq [{"name":"n1","value":null}]', "b"),
)
filtered_count = finding("additionalInformation/$count($filter=name eq 'n1') gt 0", "ab")

lambdas = each(
    finding("additionalInformation/any(i:i/name eq 'n2' and i/value eq 'v2')", "a"),
    finding("additionalInformation/any()", "ab"),
    finding("troubleshootingErrorDetails/resources/any(r:contains(r/link,'//b.'))", "a"),
    finding("additionalInformation/all(i:i/value ne null)", "acde"),
)

prefixed_literals = each(
    finding(f"failureCategory eq {REASON}'authorization'", "b"),
    finding("totalseconds(duration'PT1H') eq 3600", ALL),
)
bare_literals = each(
    prefixed_literals,
    finding("failureCategory eq 'authorization'", "b"),
    finding("totalseconds('PT1H') eq 3600", ALL),
)
any_case = each(
    finding("CONTAINS(failureReason,'ilk') AND NOT (StartsWith(failureReason,'x'))", "ac"),
    lambda ask: ask.holds(len(ask.events("?$TOP=2&$OrderBy=correlationId DESC")) == 2, "another page"),
)
any_case_of_names = each(
    finding("FAILUREREASON eq 'Milk'", "a"),
    lambda ask: ask.holds(ask.get("/v1.0/DEVICEMANAGEMENT/TroubleshootingEvents").json()["value"], "nothing"),
)

FUNCTIONS = (
    "concat(correlationId,'!') eq 'a!'",
    "contains(failureReason,'il')",
    "endswith(failureReason,'lk')",
    "startswith(failureReason,'Mi')",
    "indexof(failureReason,'ilk') eq 1",
    "length(failureReason) eq 4",
    "substring(failureReason,1) eq 'ilk'",
    "substring(failureReason,1,2) eq 'il'",
    "tolower(failureReason) eq 'milk'",
    "toupper(failureReason) eq 'MILK'",
    "trim(concat(' ',failureReason)) eq 'Milk'",
    "matchesPattern(failureReason,'^Mi')",
    "year(eventDateTime) eq 2024",
    "month(eventDateTime) eq 1",
    "day(eventDateTime) eq 1",
    "hour(eventDateTime) eq 10",
    "minute(eventDateTime) eq 0",
    "second(eventDateTime) eq 0",
    "fractionalseconds(eventDateTime) eq 0.5",
    "date(eventDateTime) eq 2024-01-01",
    "time(eventDateTime) lt 11:00:00",
    "totaloffsetminutes(eventDateTime) eq 0",
    "now() gt eventDateTime",
    "mindatetime() lt eventDateTime",
    "maxdatetime() gt eventDateTime",
    "totalseconds(duration'PT1M') eq 60",
    "round(1.5) eq 2",
    "floor(1.5) eq 1",
    "ceiling(1.5) eq 2",
    "cast(eventDateTime,Edm.String) ne null",
    f"isof({CAST})",
    "case(failureReason eq 'Milk':1,true:2) eq 1",
    "geo.distance(geography'SRID=4326;Point(1 1)',geography'SRID=4326;Point(1 2)') lt 1",
    "hassubset([1,2],[1])",
    "hassubsequence([1,2],[2])",
)


def functions(ask: Asking) -> None:
    """Every canonical function holds for event `a`, or is 501."""
    for condition in FUNCTIONS:
        reply = ask("GET", f"{EVENTS}?$filter={encoded(condition)}")
        ask.wants(reply, 200, 501)
        if reply.status_code == 200:
            ask.holds(
                "a" in {event["correlationId"] for event in reply.json()["value"]}, "without the event it is true of"
            )


VALID = (
    "$search=Milk OR Bread",
    "$compute=length(failureReason) as n",
    "$apply=groupby((failureCategory),aggregate($count as n))",
    "$filter=case(failureReason eq 'Milk':true)",
    "$filter=geo.length(geography'SRID=4326;LineString(1 1,2 2)') gt 1",
    "$filter=@p eq failureReason&@p='Milk'",
    "$filter=$it/failureReason eq 'Milk'",
    "$filter=$root/deviceManagement/id eq 'x'",
    "$select=failureReason,failureCategory",
    "$orderby=length(failureReason) desc,correlationId",
    "$deltatoken=abc",
    "$index=1",
)
PATHS = (
    "/$query",
    "/$filter(failureReason eq 'Milk')",
    "/$each",
    "/@Org.OData.Core.V1.Description",
)
MALFORMED = (
    "$filter=failureReason eq",
    "$filter=(1 eq 1",
    "$orderby=,",
    "$select=(",
    "$top=x",
    "$count=1",
    "$compute=1",
)


def grammar(ask: Asking) -> None:
    """What is valid is answered or 501; what is not is 400."""
    for option in VALID:
        text = "&".join(f"{part.partition('=')[0]}={encoded(part.partition('=')[2])}" for part in option.split("&"))
        ask.wants(ask("GET", f"{EVENTS}?{text}"), 200, 501)
    for option in MALFORMED:
        ask.wants(ask("GET", f"{EVENTS}?{option.replace(' ', '%20')}"), 400)


def whole_grammar(ask: Asking) -> None:
    """Also in paths."""
    grammar(ask)
    for path in PATHS:
        ask.wants(ask("GET", f"{EVENTS}{path.replace(' ', '%20')}"), 200, 404, 405, 501)
    for path in ("/v1.0/$crossjoin(users)", "/v1.0/$all", f"/v1.0/$entity?$id={ask.event('a')}"):
        ask.wants(ask("GET", path), 200, 501)


def select(ask: Asking) -> None:
    """Only what is selected, and the context says so."""
    body = ask.get(f"{ask.event('a')}?$select=failureReason,id").json()
    ask.holds({name for name in body if "@" not in name} == {"failureReason", "id"}, "other properties")
    ask.holds(body["@odata.context"].endswith("(failureReason,id)/$entity"), "another context")


def casts(ask: Asking) -> None:
    """In the path of a collection and of an entity, in a filter, and isof."""
    found = {event["correlationId"] for event in ask.events(f"/{CAST}")}
    ask.holds(found == set(ENROLLMENTS), "other events")
    ask.get(f"{ask.event('a')}/{CAST}")
    ask.wants(ask("GET", f"{ask.event('e')}/{CAST}"), 404)
    ask.finds(f"{CAST}/failureReason eq 'Milk'", "a")
    ask.finds(f"isof({CAST})", ENROLLMENTS)


def top(ask: Asking) -> None:
    """A limit, and no way past it."""
    ask.wants(ask("GET", f"{EVENTS}?$top=-1"), 400)
    ask.holds(ask.events("?$top=0") == [], "events")
    page = ask.get(f"{EVENTS}?$top=2").json()
    ask.holds(len(page["value"]) == 2, "another number")
    ask.holds("@odata.nextLink" not in page, "with a next link to the rest")


def skip(ask: Asking) -> None:
    """The first are left out."""
    names = [event["correlationId"] for event in ask.events("?$orderby=correlationId&$skip=3")]
    ask.holds(names == ["d", "e"], "other events")


def count(ask: Asking) -> None:
    """All that match, whatever the page."""
    body = ask.get(f"{EVENTS}?$count=true&$top=1&$filter={encoded('failureReason ne null')}").json()
    ask.holds(body["@odata.count"] == 3, "another count")
    ask.holds("@odata.count" not in ask.get(f"{EVENTS}?$count=false").json(), "a count")


def count_segment(ask: Asking) -> None:
    """Of the collection, of a collection-valued property, and within an expression."""
    ask.holds(ask.get(f"{EVENTS}/$count").text == "5", "another number")
    ask.finds("additionalInformation/$count gt 1", "a")
    ask.holds(ask.get(f"{ask.event('a', root=BETA_EVENTS)}/additionalInformation/$count").text == "2", "another number")


def restricted_count(ask: Asking) -> None:
    """With a filter, with a search, and within an expression."""
    ask.holds(ask.get(f"{EVENTS}/$count?$filter={encoded('failureReason ne null')}").text == "3", "another number")
    filtered_count(ask)
    ask.holds(ask.get(f"{EVENTS}/$count?$search=Milk").text == "2", "another number")


def orderby(ask: Asking) -> None:
    """Ascending, descending, several, nulls first when ascending."""
    for order, expected in (
        ("correlationId", "abcde"),
        ("correlationId desc", "edcba"),
        ("failureCategory asc,correlationId desc", None),
        ("failureReason,correlationId", "debac"),
    ):
        names = "".join(event["correlationId"] for event in ask.events(f"?$orderby={encoded(order)}"))
        ask.holds(expected is None or names == expected, f"in the order {names}")


def search(ask: Asking) -> None:
    """Words, OR, NOT and phrases."""
    for text, expected in (
        ("Milk", "ac"),
        ("Milk OR Bread", "abc"),
        ("Milk AND Bread", "c"),
        ("Milk NOT Bread", "a"),
        ('"Milk and"', "c"),
    ):
        found = {event["correlationId"] for event in ask.events(f"?$search={encoded(text)}")}
        ask.holds(found == set(expected), f"the events {', '.join(sorted(found))}")


def search_everywhere(ask: Asking) -> None:
    """Of the count as well as of the collection and of what a type segment leaves of it."""
    search(ask)
    ask.holds(ask.get(f"{EVENTS}/{CAST}?$search=Milk").json()["value"], "nothing")
    ask.holds(ask.get(f"{EVENTS}/$count?$search=Milk").text == "2", "another number")


def compute(ask: Asking) -> None:
    """A computed property is shown, filtered by and ordered by."""
    query = "?$compute=length(failureReason)%20as%20n&$filter=n%20gt%204&$orderby=n%20desc&$select=correlationId,n"
    found = [(event["correlationId"], event.get("n")) for event in ask.events(query)]
    ask.holds(found == [("c", 14), ("b", 5)], "something else")


def aliases(ask: Asking) -> None:
    """A parameter alias stands for a literal."""
    found = ask.events(f"?$filter={encoded('failureReason eq @r and osVersion gt @v')}&@r='Milk'&@v='1'")
    ask.holds([event["correlationId"] for event in found] == ["a"], "other events")


def text_for_other_types(ask: Asking) -> None:
    """By a cast always, by itself for those who ask for 4.01; others are answered as Graph answers."""
    text_cast(ask)
    for condition, expected in (
        ("eventDateTime ge '2025-12-31T00:00:00Z'", {"d", "e"}),
        ("year(eventDateTime) eq '2025'", {"d"}),
    ):
        query = f"?$filter={encoded(condition)}"
        found = {event["correlationId"] for event in ask.events(query, root=BETA_EVENTS, OData_MaxVersion="4.01")}
        ask.holds(found == expected, f"the events {', '.join(sorted(found)) or 'none'}")
        ask.wants(ask("GET", f"{BETA_EVENTS}{query}"), 400)


def key_alias(ask: Asking) -> None:
    """A parameter alias stands for the key."""
    ask.get(f"{EVENTS}(@k)?@k='{ask.keys['a']}'")


def keys(ask: Asking) -> None:
    """As a segment and in parentheses."""
    ask.get(ask.event("a"))
    ask.get(f"{EVENTS}('{ask.keys['a']}')")


def without_dollar(ask: Asking) -> None:
    """Every system query option."""
    query = f"?filter={encoded('failureReason ne null')}&orderby=correlationId&top=1"
    body = ask.get(f"{EVENTS}{query}&count=true&select=id,correlationId&format=json").json()
    ask.holds((len(body["value"]), body["@odata.count"]) == (1, 3), "as if some were not there")


def canonical_names(ask: Asking) -> None:
    """Names come back as `$metadata` spells them."""
    body = ask.get(f"{EVENTS.lower()}/{ask.keys['a']}?$SELECT=FAILUREREASON").json()
    ask.holds("failureReason" in body, "other names")
    ask.holds("#deviceManagement/troubleshootingEvents(failureReason)/" in body["@odata.context"], "another context")


def value_segment(ask: Asking) -> None:
    """The bare value of a property."""
    ask.holds(ask.get(f"{ask.event('a')}/failureReason/$value").text == "Milk", "something else")


def selecting(option: str, *names: str) -> Probe:
    """A probe of options inside `$select` for the additional information of event `a`."""

    def probe(ask: Asking) -> None:
        query = f"?$select=additionalInformation({encoded(option)})"
        shown = ask.get(ask.event("a", root=BETA_EVENTS) + query).json()["additionalInformation"]
        ask.holds(
            [item["name"] for item in shown] == list(names), f"the items {', '.join(item['name'] for item in shown)}"
        )

    return probe


def nested_select(ask: Asking) -> None:
    """Properties of a complex value."""
    body = ask.get(f"{ask.event('a', root=BETA_EVENTS)}?$select=troubleshootingErrorDetails($select=failure)").json()
    ask.holds(body["troubleshootingErrorDetails"] == {"failure": "what"}, "other properties")


def nested_select_count(ask: Asking) -> None:
    """The number of items beside them."""
    body = ask.get(f"{ask.event('a', root=BETA_EVENTS)}?$select=additionalInformation($count=true)").json()
    ask.holds(body["additionalInformation@odata.count"] == 2, "without the number")


nested_options = each(selecting("$filter=value eq 'v1'", "n1"), selecting("$top=1;$skip=1", "n2"))
nested_aliases = selecting("$filter=name eq @n;@n='n2'", "n2")


def expanding(options: str = "") -> Probe:
    """A probe of `$expand` where the model has something to expand."""

    def probe(ask: Asking) -> None:
        inner = f"({encoded(options)})" if options else ""
        body = ask.get(f"/v1.0/deviceManagement?$expand=troubleshootingEvents{inner}").json()
        ask.holds(body["troubleshootingEvents"], "without events")

    return probe


def expanding_path(path: str) -> Probe:
    """A probe of `$expand` with a longer path."""
    return lambda ask: ask.holds(ask.get(f"/v1.0/deviceManagement?$expand={path}").json(), "nothing")


def filter_segment(ask: Asking) -> None:
    """A condition within the path."""
    path = f"{EVENTS}/$filter({encoded('failureReason eq ')}'Milk')"
    ask.holds([event["correlationId"] for event in ask.get(path).json()["value"]] == ["a"], "other events")


def pages(ask: Asking) -> None:
    """What does not fit is behind a link, until there is none."""
    names: list[str] = []
    link: str | None = f"{EVENTS}?$orderby=failureReason"
    while link is not None:
        body = ask.get(link, Prefer="odata.maxpagesize=2").json()
        names += [event["correlationId"] for event in body["value"]]
        link = body.get("@odata.nextLink")
    ask.holds(sorted(names) == sorted(ALL), f"{', '.join(names)} in all")


def no_special_headers(ask: Asking) -> None:
    """The questions for which Graph's directory wants `ConsistencyLevel`."""
    ask.finds("failureReason ne 'Milk' and not endswith(failureReason,'x')", "bc")
    count(ask)


def resource_paths(ask: Asking) -> None:
    """Every form of address."""
    keys(ask)
    ask.get(f"{EVENTS}/$count")
    ask.get(f"{EVENTS}/{CAST}")
    ask.get(f"{ask.event('a')}/failureReason")
    value_segment(ask)
    ask.get(f"/v1.0/$entity?$id=deviceManagement/troubleshootingEvents('{ask.keys['a']}')")
    ask.get("/v1.0/$all")
    ask.get("/v1.0/$crossjoin(users)")


def crossjoin(ask: Asking) -> None:
    """Across entity sets."""
    ask.get("/v1.0/$crossjoin(users)")
