"""What is answered to bad bodies (contract §3.7) and bad queries (§4.5): a status, a code, a message that helps.

After each the event is as it was and the service goes on answering.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.service import BETA_EVENTS, EVENTS, Client, refused

MODEL = "ModelValidationFailure"
BAD = "BadRequest"
UNREADABLE = "Unable to read JSON request payload."
JSON = "application/json"


@pytest.fixture
def event(client: Client) -> Iterator[dict[str, Any]]:
    """An event that is afterwards what it was before, to the byte."""
    created = client.create(
        BETA_EVENTS,
        failureReason="Denied",
        userId="u1",
        troubleshootingErrorDetails={"failure": "f", "resources": [{"text": "t"}]},
    )
    item = f"{BETA_EVENTS}/{created['id']}"
    before = client.get(item)
    yield created
    after = client.get(item)
    assert (after.status_code, after.content) == (200, before.content)
    assert after.headers["etag"] == before.headers["etag"]


BODIES = [
    pytest.param(b"", BAD, UNREADABLE, id="empty"),
    pytest.param(b" \r\n", BAD, UNREADABLE, id="blank"),
    pytest.param(b"{", BAD, UNREADABLE, id="cut-off"),
    pytest.param(b'{"osVersion": "1"', BAD, UNREADABLE, id="not-closed"),
    pytest.param(b'{"osVersion": "1"} x', BAD, UNREADABLE, id="something-behind"),
    pytest.param(b'{"osVersion": "1"}{"osVersion": "2"}', BAD, UNREADABLE, id="two-objects"),
    pytest.param(b"{'osVersion': '1'}", BAD, UNREADABLE, id="single-quotes"),
    pytest.param(b'{"osVersion": "1",}', BAD, UNREADABLE, id="trailing-comma"),
    pytest.param(b'{"osVersion": undefined}', BAD, UNREADABLE, id="undefined"),
    pytest.param(b"osVersion=1", BAD, UNREADABLE, id="form-data"),
    pytest.param(b"<event/>", BAD, UNREADABLE, id="xml"),
    pytest.param(b'{"osVersion": NaN}', BAD, UNREADABLE, id="nan"),
    pytest.param(b'{"osVersion": -Infinity}', BAD, UNREADABLE, id="infinity"),
    pytest.param(b'{"osVersion": 01}', BAD, UNREADABLE, id="leading-zero"),
    pytest.param(b'{"osVersion": "\x01"}', BAD, UNREADABLE, id="raw-control-character"),
    pytest.param(b'{"osVersion": "\xff"}', BAD, "not UTF-8: byte 15", id="not-utf-8"),
    pytest.param(b'{"osVersion": "\xed\xa0\x80"}', BAD, "not UTF-8: byte 15", id="encoded-surrogate"),
    pytest.param(b'{"osVersion": "\xc0\xaf"}', BAD, "not UTF-8: byte 15", id="overlong-utf-8"),
    pytest.param('{"osVersion": "1"}'.encode("utf-16"), BAD, "not UTF-8", id="utf-16"),
    pytest.param(b'\xef\xbb\xbf{"osVersion": "1"}', BAD, UNREADABLE, id="byte-order-mark"),
    pytest.param(rb'{"osVersion": "\ud800"}', BAD, "half of a surrogate pair", id="half-a-surrogate-pair"),
    pytest.param(
        rb'{"osVersion": "\udc00\ud800"}', BAD, "half of a surrogate pair", id="surrogates-the-wrong-way-round"
    ),
    pytest.param(rb'{"osVersion": "\u12"}', BAD, UNREADABLE, id="short-escape"),
    pytest.param(b"[" * 10_000, BAD, "nested more than 64 levels", id="10000-arrays"),
    pytest.param(b'{"a":' * 10_000, BAD, "nested more than 64 levels", id="10000-objects"),
    pytest.param(
        b'{"osVersion": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", BAD, "nested more than 64 levels", id="10000-closed"
    ),
    pytest.param(b'{"osVersion": "1", "osVersion": "2"}', BAD, "'osVersion' occurs twice", id="duplicate-name"),
    pytest.param(rb'{"osVersion": "1", "\u006fsVersion": "2"}', BAD, "occurs twice", id="duplicate-by-escape"),
    pytest.param(
        b'{"troubleshootingErrorDetails": {"failure": "a", "failure": "b"}}', BAD, "occurs twice", id="duplicate-inside"
    ),
    pytest.param(
        b'{"' + b"n" * 100_000 + b'": 1, "' + b"n" * 100_000 + b'": 2}', BAD, "occurs twice", id="endless-duplicate"
    ),
    pytest.param(b'{"osVersion": ' + b"9" * 400 + b"}", BAD, UNREADABLE, id="400-digits"),
    pytest.param(b'{"osVersion": 1e' + b"9" * 400 + b"}", BAD, UNREADABLE, id="400-digits-of-exponent"),
    pytest.param(b"[]", MODEL, "unexpected 'StartArray' node", id="array"),
    pytest.param(b"[" + b"[" * 60 + b"]" * 61, MODEL, "unexpected 'StartArray' node", id="deep-array"),
    pytest.param(b"null", MODEL, "A 'StartObject' node was expected", id="null"),
    pytest.param(b"5", MODEL, "A 'StartObject' node was expected", id="number"),
    pytest.param(b'"text"', MODEL, "A 'StartObject' node was expected", id="string"),
    pytest.param(b'{"colour": 1}', MODEL, "'colour' does not exist on type 'microsoft.graph.", id="unknown-property"),
    pytest.param(b'{"failurReason": "x"}', MODEL, "Did you mean 'failureReason'?", id="misspelt-property"),
    pytest.param(b'{"FailureReason": "x"}', MODEL, "Did you mean 'failureReason'?", id="property-of-other-case"),
    pytest.param(b'{"": 1}', MODEL, "'' does not exist", id="empty-name"),
    pytest.param(b'{"failure_reason": "x"}', MODEL, "Did you mean 'failureReason'?", id="snake-case-with-a-value"),
    pytest.param(b'{"failureCategory": "equals"}', MODEL, "Requested value 'equals' was not found.", id="no-member"),
    pytest.param(b'{"failureCategory": 1}', MODEL, "Cannot convert the literal '1'", id="member-as-number"),
    pytest.param(b'{"failureCategory": ""}', MODEL, "Requested value '' was not found.", id="empty-member"),
    pytest.param(b'{"failureCategory": ["authentication"]}', MODEL, "'StartArray' node", id="member-in-array"),
    pytest.param(
        b'{"failureCategory": "authentication,authorization"}', MODEL, "was not found", id="members-as-if-flags"
    ),
    pytest.param(
        b'{"osVersion": 0}', MODEL, "Cannot convert the literal '0' to the expected type", id="number-for-string"
    ),
    pytest.param(b'{"osVersion": true}', MODEL, "Cannot convert the literal 'true'", id="boolean-for-string"),
    pytest.param(b'{"osVersion": {}}', MODEL, "'StartObject' node", id="object-for-string"),
    pytest.param(rb'{"osVersion": "\u0000"}', MODEL, "U+0000", id="nul-character"),
    pytest.param(rb'{"osVersion": "a\u0000b"}', MODEL, "U+0000", id="nul-inside"),
    pytest.param(b'{"@odata.type": "#microsoft.graph.colour"}', MODEL, "could not be resolved", id="unknown-type"),
    pytest.param(b'{"@odata.type": "#microsoft.graph.user"}', MODEL, "not assignable", id="unrelated-type"),
    pytest.param(b'{"@odata.type": "#microsoft.graph.keyValuePair"}', MODEL, "not assignable", id="complex-type"),
    pytest.param(
        b'{"@odata.type": "#microsoft.graph.entity"}', MODEL, "Cannot create an abstract class", id="abstract"
    ),
    pytest.param(b'{"@odata.type": 5}', MODEL, "'5'", id="type-that-is-no-text"),
    pytest.param(b'{"failureCategory": null}', MODEL, "does not allow null values", id="null-member"),
    pytest.param(b'{"enrollmentType": null}', MODEL, "does not allow null values", id="null-type"),
    pytest.param(b'{"eventDateTime": null}', MODEL, "does not allow null values", id="null-instant"),
    pytest.param(b'{"additionalInformation": null}', MODEL, "Send [] for an empty collection", id="null-collection"),
    pytest.param(
        b'{"additionalInformation": [' + b"{}," * 10_000 + b"{}]}", MODEL, "at most 10000 can", id="10001-elements"
    ),
    pytest.param(
        b'{"troubleshootingErrorDetails": {"resources": [' + b"{}," * 10_000 + b"{}]}}",
        MODEL,
        "'troubleshootingErrorDetails/resources' has 10001 elements",
        id="10001-nested-elements",
    ),
    pytest.param(b'{"eventDateTime": "yesterday"}', MODEL, "'Edm.DateTimeOffset'", id="no-instant"),
    pytest.param(b'{"eventDateTime": "2024-01-01"}', MODEL, "'Edm.DateTimeOffset'", id="date-alone"),
    pytest.param(b'{"eventDateTime": "2024-02-30T00:00:00Z"}', MODEL, "'Edm.DateTimeOffset'", id="no-such-day"),
    pytest.param(b'{"eventDateTime": "2024-01-01T24:00:00Z"}', MODEL, "'Edm.DateTimeOffset'", id="hour-24"),
    pytest.param(b'{"eventDateTime": "2024-01-01T00:00:60Z"}', MODEL, "'Edm.DateTimeOffset'", id="second-60"),
    pytest.param(b'{"eventDateTime": "0000-01-01T00:00:00Z"}', MODEL, "'Edm.DateTimeOffset'", id="year-0"),
    pytest.param(b'{"eventDateTime": "2024-01-01T00:00:00+15:00"}', MODEL, "'Edm.DateTimeOffset'", id="far-offset"),
    pytest.param(b'{"eventDateTime": 1704067200}', MODEL, "Cannot convert the literal '1704067200'", id="unix-time"),
    pytest.param(b'{"troubleshootingErrorDetails": []}', MODEL, "'StartArray' node", id="array-for-complex"),
    pytest.param(
        b'{"troubleshootingErrorDetails": {"colour": 1}}', MODEL, "'colour' does not exist", id="deep-unknown"
    ),
    pytest.param(
        b'{"troubleshootingErrorDetails": {"failure": 1}}', MODEL, "Cannot convert the literal '1'", id="deep"
    ),
    pytest.param(
        b'{"additionalInformation": {"name": "a"}}',
        MODEL,
        "A 'StartArray' node was expected",
        id="object-for-collection",
    ),
    pytest.param(b'{"additionalInformation": [{"nam": "a"}]}', MODEL, "Did you mean 'name'?", id="misspelt-in-element"),
    pytest.param(b'{"tokenId": "t", "osVersion": "1"}', MODEL, "'tokenId'", id="properties-of-two-types"),
]


@pytest.mark.parametrize(("body", "code", "message"), BODIES)
def test_a_bad_body_is_refused_by_patch_and_post(
    client: Client, event: dict[str, Any], body: bytes, code: str, message: str
) -> None:
    """Both writes answer alike: 400, Graph's code and text, and what would be right; nothing is created."""
    for reply in (client.patch(f"{BETA_EVENTS}/{event['id']}", body), client.post(BETA_EVENTS, body)):
        error = refused(reply, 400, code)
        assert message in error["message"]
        assert len(reply.content) < 10_000
        assert ("message" in error["innerError"]) is (code == MODEL)
    assert client.get(f"{BETA_EVENTS}/$count").text == "1"


def test_a_repeated_name_is_found_in_linear_time(client: Client, event: dict[str, Any]) -> None:
    """A repeat behind 50,000 other names is refused at once: meanwhile nobody else is answered."""
    body = b"{%s}" % b",".join(b'"%d":0' % number for number in (*range(50_000), 49_999))
    begun = time.perf_counter()
    error = refused(client.patch(f"{BETA_EVENTS}/{event['id']}", body), 400, BAD)
    assert time.perf_counter() - begun < 5
    assert "'49999' occurs twice" in error["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"@odata.type": "#microsoft.graph.deviceManagementTroubleshootingEvent"}, BAD, id="to-the-base"),
        pytest.param({"@odata.type": "#microsoft.graph.appleVppTokenTroubleshootingEvent"}, BAD, id="to-a-sibling"),
        pytest.param({"tokenId": "t"}, MODEL, id="by-a-property-of-a-sibling"),
    ],
)
def test_a_patch_cannot_change_the_type(client: Client, event: dict[str, Any], body: dict[str, Any], code: str) -> None:
    """The type of an entity stays what it was when created."""
    error = refused(client.patch(f"{BETA_EVENTS}/{event['id']}", body), 400, code)
    assert "microsoft.graph.enrollmentTroubleshootingEvent" in error["message"]


def test_several_faults_of_a_body_are_told_together(client: Client, event: dict[str, Any]) -> None:
    """The first fault is the error; the others are its details, each with its target."""
    body = {"osVersion": 5, "colour": "red", "failureCategory": "none"}
    error = refused(client.patch(f"{BETA_EVENTS}/{event['id']}", body), 400, MODEL)
    targets = [error["target"], *(item["target"] for item in error["details"])]
    assert targets == ["osVersion", "colour", "failureCategory"]
    assert error["innerError"]["message"] == error["message"]


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        pytest.param("", "must contain the Content-Type header declaration", id="none"),
        pytest.param("text/plain", "JSON Content-Type header", id="text"),
        pytest.param("application/x-www-form-urlencoded", "JSON Content-Type header", id="form"),
        pytest.param("application/xml", "JSON Content-Type header", id="xml"),
        pytest.param("application/jsonp", "JSON Content-Type header", id="nearly-json"),
        pytest.param("application/json; charset=utf-16", "UTF-8", id="other-charset"),
    ],
)
def test_the_content_type_of_a_write_must_be_json(
    client: Client, event: dict[str, Any], content_type: str, message: str
) -> None:
    """400 in Graph's words, not 415 (contract §12 row 32)."""
    for method, path in (("PATCH", f"{BETA_EVENTS}/{event['id']}"), ("POST", BETA_EVENTS)):
        error = refused(client(method, path, b"{}", Content_Type=content_type), 400)
        assert message in error["message"]
        assert error["target"] == "Content-Type"


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("application/json;odata.metadata=minimal", id="with-level"),
        pytest.param("Application/JSON; Charset=UTF-8", id="any-case"),
        pytest.param('application/json; charset="utf-8"; IEEE754Compatible=true', id="quoted"),
    ],
)
def test_json_content_types_of_every_form_are_taken(client: Client, content_type: str) -> None:
    """Parameters that change nothing are no obstacle."""
    assert client("POST", EVENTS, b"{}", Content_Type=content_type).status_code == 201


@pytest.mark.parametrize("size", [pytest.param(4 * 2**20 + 1, id="just-over"), pytest.param(5 * 2**20, id="5-MiB")])
@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_a_body_over_the_limit_is_413(client: Client, event: dict[str, Any], method: str, size: int) -> None:
    """4 MiB is the most; the answer arrives although the body is not wanted."""
    path = BETA_EVENTS if method == "POST" else f"{BETA_EVENTS}/{event['id']}"
    body = b'{"osVersion": "' + b"x" * (size - 17) + b'"}'
    assert len(body) == size
    error = refused(client(method, path, body), 413, "RequestEntityTooLarge")
    assert "4194304 bytes" in error["message"]


def test_a_body_of_exactly_the_limit_is_taken(client: Client) -> None:
    """4 MiB fit."""
    body = b'{"osVersion": "' + b"x" * (4 * 2**20 - 17) + b'"}'
    assert client("POST", EVENTS, body, Prefer="return=minimal").status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"@odata.context": 1, "@odata.etag": 2, "@odata.id": [], "@odata.editLink": {}}, id="control"),
        pytest.param({"@context": "x", "@etag": "x", "@id": "x", "@editLink": "x"}, id="control-4.01"),
        pytest.param({"osVersion@odata.type": "#String", "x@odata.navigationLink": "x"}, id="of-properties"),
        pytest.param({"@microsoft.graph.tips": "Use $select", "@vendor.note": None}, id="of-vendors"),
        pytest.param({"id": "something-else"}, id="another-key"),
        pytest.param({"id": None}, id="no-key"),
        pytest.param({"correlation_id": None, "odata_type": None}, id="nulls-of-the-python-sdk"),
        pytest.param({"event_date_time": None, "failure_category": None}, id="nulls-of-what-cannot-be-null"),
        pytest.param({}, id="nothing"),
    ],
)
def test_echoes_are_tolerated(client: Client, event: dict[str, Any], body: dict[str, Any]) -> None:
    """Control information, keys and the SDK's spelling of nothing change nothing (contract §3.8)."""
    reply = client.patch(f"{BETA_EVENTS}/{event['id']}", body)
    assert (reply.status_code, reply.headers["etag"]) == (200, event["@odata.etag"])
    created = client.post(BETA_EVENTS, body)
    assert created.status_code == 201
    assert created.json()["id"] not in (event["id"], "something-else", None)
    client.delete(created.headers["location"])


def test_the_python_sdks_null_clears(client: Client) -> None:
    """`{"failure_reason": null}` is how the Python SDK spells clearing a property."""
    event = client.create(failureReason="Denied", osVersion="10")
    body = client.patch(f"{EVENTS}/{event['id']}", {"failure_reason": None}).json()
    assert (body["failureReason"], body["osVersion"]) == (None, "10")


FILTER = "Invalid filter clause"
SELECT = "Parsing OData Select and Expand failed"
INVALID = "The query specified in the URI is not valid."

QUERIES = [
    pytest.param("$filter=", FILTER, id="empty-filter"),
    pytest.param("$filter=osVersion eq", FILTER, id="cut-off"),
    pytest.param("$filter=osVersion eq '1", FILTER, id="open-string"),
    pytest.param("$filter=(osVersion eq '1'", FILTER, id="open-parenthesis"),
    pytest.param("$filter=osVersion eq '1' x", "at position 17", id="something-behind"),
    pytest.param("$filter=osVersion = '1'", "at position 10", id="equals-sign"),
    pytest.param("$filter=osVersion == '1'", "at position 10", id="two-equals-signs"),
    pytest.param('$filter=osVersion eq "1"', FILTER, id="double-quotes"),
    pytest.param("$filter=colour eq '1'", f"{FILTER}: Could not find a property named 'colour'", id="unknown"),
    pytest.param("$filter=failurReason eq '1'", "Did you mean 'failureReason'?", id="misspelt"),
    pytest.param("$filter='1' eq colour", "Could not find a property named 'colour'", id="unknown-on-the-right"),
    pytest.param("$filter=osVersion", FILTER, id="no-condition"),
    pytest.param("$filter='text'", FILTER, id="text-for-condition"),
    pytest.param("$filter=osVersion eq 5", "incompatible types", id="number-with-string"),
    pytest.param(
        "$filter=eventDateTime ge '2024-01-01T00:00:00Z'", "'Edm.DateTimeOffset' and 'Edm.String'", id="quoted-instant"
    ),
    pytest.param("$filter=eventDateTime ge 2024-01-01", "incompatible types", id="date-with-instant"),
    pytest.param("$filter=eventDateTime ge 2024-13-01T00:00:00Z", FILTER, id="no-such-month"),
    pytest.param("$filter=enrollmentType eq 5", FILTER, id="number-with-member"),
    pytest.param("$filter=failureCategory eq 'none'", "Allowed are: unknown, authentication", id="no-such-member"),
    pytest.param("$filter=enrollmentType eq 'userEnrolment'", "Did you mean 'userEnrollment'?", id="misspelt-member"),
    pytest.param("$filter=enrollmentType eq userEnrolment", "userEnrolment", id="misspelt-word"),
    pytest.param("$filter=failureCategory eq '99'", "no member with the value 99", id="no-such-number"),
    pytest.param("$filter=failureCategory eq '%C2%B2'", "is not a valid enumeration", id="superscript-two"),
    pytest.param("$filter=failureCategory eq '--5'", "is not a valid enumeration", id="two-signs"),
    pytest.param(f"$filter=failureCategory eq '{'9' * 5_000}'", "is not a valid enumeration", id="5000-digits"),
    pytest.param("$filter=failureCategory eq microsoft.graph.deviceEnrollmentType'unknown'", FILTER, id="other-enum"),
    pytest.param("$filter=failureCategory eq microsoft.graph.colour'red'", FILTER, id="no-such-enum"),
    pytest.param("$filter=failureCategory has 'unknown'", "'has' works on flags", id="has"),
    pytest.param("$filter=contains(osVersion)", FILTER, id="too-few-arguments"),
    pytest.param("$filter=contains(osVersion,5)", "No function signature", id="wrong-argument"),
    pytest.param("$filter=contains(failureCategory,'a')", "No function signature", id="member-as-text"),
    pytest.param("$filter=shout(osVersion) eq 'A'", FILTER, id="no-such-function"),
    pytest.param("$filter=not osVersion", FILTER, id="not-of-text"),
    pytest.param("$filter=osVersion add 1 eq 2", "incompatible types", id="sum-with-text"),
    pytest.param("$filter=osVersion in ('1',2)", "incompatible types", id="list-of-two-types"),
    pytest.param("$filter=osVersion/x eq '1'", FILTER, id="into-a-string"),
    pytest.param("$filter=additionalInformation eq 'x'", FILTER, id="collection-compared"),
    pytest.param("$filter=microsoft.graph.colour/osVersion eq '1'", FILTER, id="cast-to-nothing"),
    pytest.param("$filter=microsoft.graph.user/id eq '1'", FILTER, id="cast-to-unrelated"),
    pytest.param("$filter=isof('microsoft.graph.colour')", FILTER, id="isof-nothing"),
    pytest.param("$filter=%FF eq 1", "UTF-8", id="not-utf-8"),
    pytest.param("$filter=%zz eq 1", "hexadecimal", id="bad-escape"),
    pytest.param("$filter=osVersion eq '%00'", "", id="nul"),
    pytest.param(f"$filter={'(' * 1_000}true{')' * 1_000}", FILTER, id="1000-parentheses"),
    pytest.param(f"$filter={'not ' * 1_000}true", FILTER, id="1000-nots"),
    pytest.param(f"$filter=true{' and true' * 3_999}", FILTER, id="endless-conjunction"),
    pytest.param(f"$filter=osVersion eq '{'x' * 40_000}'", "longer than", id="endless-text"),
    pytest.param("$orderby=colour", "Could not find a property named 'colour'", id="order-unknown"),
    pytest.param("$orderby=failurReason desc", "Did you mean 'failureReason'?", id="order-misspelt"),
    pytest.param("$orderby=osVersion down", "Invalid orderby clause", id="order-direction"),
    pytest.param("$orderby=", "Invalid orderby clause", id="order-empty"),
    pytest.param("$orderby=osVersion,", "Invalid orderby clause", id="order-comma"),
    pytest.param("$orderby=additionalInformation", "Invalid orderby clause", id="order-by-collection"),
    pytest.param("$select=colour", f"{SELECT}: Could not find a property named 'colour'", id="select-unknown"),
    pytest.param("$select=failurReason", "Did you mean 'failureReason'?", id="select-misspelt"),
    pytest.param("$select=*,colour", "Could not find a property named 'colour'", id="select-unknown-behind-star"),
    pytest.param("$select=", SELECT, id="select-empty"),
    pytest.param("$select=id,", SELECT, id="select-comma"),
    pytest.param("$select=microsoft.graph.user/id", SELECT, id="select-unrelated-cast"),
    pytest.param("$select=additionalInformation($filter=name eq)", SELECT, id="select-open-comparison"),
    pytest.param("$select=id%2", "hexadecimal", id="select-half-an-escape"),
    pytest.param("$expand=user", "expand", id="expand"),
    pytest.param("$expand=", SELECT, id="expand-empty"),
    pytest.param("$filter=1 div 0 eq 1", "by zero", id="division-by-zero"),
    pytest.param("$filter=1 mod 0 eq 1", "by zero", id="remainder-by-zero"),
    pytest.param("$filter=9223372036854775807 add 1 gt 0", "Edm.Int64", id="overflow"),
    pytest.param("$filter=1 div 0 eq 1&$orderby=osVersion desc&$select=id", "by zero", id="evaluated-beside-names"),
    pytest.param("$apply=aggregate(1 div 0 with sum as s)", "by zero", id="apply-division-by-zero"),
    pytest.param("$compute=1 div 0 as a", "by zero", id="compute-division-by-zero"),
    pytest.param("$top=-1", "requires a non-negative integer value", id="top-negative"),
    pytest.param("$top=x", "Invalid value 'x' for $top query option", id="top-no-number"),
    pytest.param("$top=1.5", "Invalid value '1.5' for $top", id="top-fraction"),
    pytest.param("$top=", "Invalid value '' for $top", id="top-empty"),
    pytest.param("$top=%D9%A3", "for $top", id="top-other-digits"),
    pytest.param("$skip=-1", "Invalid value '-1' for $skip", id="skip-negative"),
    pytest.param("$skip=x", "Invalid value 'x' for $skip", id="skip-no-number"),
    pytest.param("$count=yes", "Invalid value 'yes' for $count", id="count-no-boolean"),
    pytest.param("$count=1", "requires true or false", id="count-number"),
    pytest.param("$top=1&$top=2", "more than once", id="twice"),
    pytest.param("$top=1&top=2", "more than once", id="twice-without-dollar"),
    pytest.param("$top=1&$TOP=1", "more than once", id="twice-in-another-case"),
    pytest.param("$first=1", "'$first' is not supported", id="unknown-option"),
    pytest.param("$=1", "is not supported", id="nameless-option"),
    pytest.param("$skiptoken=abc", "Follow @odata.nextLink", id="token-of-nobody"),
    pytest.param("$skiptoken=", "Follow @odata.nextLink", id="token-empty"),
    pytest.param("$format=xml", "no format", id="format"),
]


@pytest.mark.usefixtures("event")
def test_a_condition_of_items_is_refused_where_there_are_items(client: Client) -> None:
    """Nothing is computed for a collection in which nothing is."""
    question = f"{BETA_EVENTS}?$select=additionalInformation($filter=1 div 0 eq 1)"
    assert client.get(question).json()["value"][0]["additionalInformation"] == []
    other = client.create(BETA_EVENTS, additionalInformation=[{"name": "a"}])
    assert "by zero" in refused(client.get(question), 400)["message"]
    assert client.delete(f"{BETA_EVENTS}/{other['id']}").status_code == 204


@pytest.mark.parametrize(("query", "message"), QUERIES)
def test_a_bad_query_is_refused(client: Client, event: dict[str, Any], query: str, message: str) -> None:
    """400 BadRequest that says what is wrong, in which option and where; the same list is answered right afterwards."""
    reply = client.get(f"{BETA_EVENTS}?{query}")
    error = refused(reply, 400)
    assert message in error["message"]
    assert error["target"] == query.partition("=")[0]
    assert len(reply.content) < 10_000
    assert [item["id"] for item in client.get(BETA_EVENTS).json()["value"]] == [event["id"]]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("?$filter=1 div 0 eq 1&$orderby=length(osVersion)", id="two-options"),
        pytest.param("/$filter(1 div 0 eq 1)?$filter=length(osVersion) gt 1", id="path-or-option"),
    ],
)
def test_a_fault_of_evaluation_blames_no_option_at_random(client: Client, address: str) -> None:
    """Where more than one can have caused it, none is named."""
    client.create(BETA_EVENTS)
    assert "target" not in refused(client.get(BETA_EVENTS + address), 400)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("$filter=geo.length(geography'SRID=0;LineString(0 0,1 1)') lt 5", id="geo"),
        pytest.param("$filter=$root/users/any()", id="root"),
        pytest.param("$apply=concat(identity,identity)", id="concat"),
        pytest.param("$deltatoken=latest", id="delta"),
        pytest.param("$index=1", id="index"),
    ],
)
def test_what_is_not_built_is_501(client: Client, query: str) -> None:
    """Valid OData that is not offered is 501; it is never ignored, and never called wrong."""
    refused(client.get(f"{BETA_EVENTS}?{query}"), 501, "NotImplemented")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        pytest.param("{item}", "$filter=true", id="filter-of-an-item"),
        pytest.param("{item}", "$top=1", id="top-of-an-item"),
        pytest.param("{item}", "$count=true", id="count-of-an-item"),
        pytest.param("{events}/$count", "$top=1", id="top-of-a-count"),
        pytest.param("{events}/$count", "$select=id", id="select-of-a-count"),
        pytest.param("/v1.0", "$filter=true", id="filter-of-the-service"),
        pytest.param("/v1.0/$metadata", "$select=id", id="select-of-the-metadata"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_not_ignored(
    client: Client, event: dict[str, Any], path: str, query: str
) -> None:
    """An option is honoured or refused; the message lists what would be allowed."""
    address = path.format(item=f"{BETA_EVENTS}/{event['id']}", events=BETA_EVENTS)
    error = refused(client.get(f"{address}?{query}"), 400)
    assert "is not allowed. Allowed here are: " in error["message"]
    assert error["target"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("method", "query"),
    [
        pytest.param("PATCH", "$filter=true", id="patch"),
        pytest.param("POST", "$top=1", id="post"),
        pytest.param("DELETE", "$select=id", id="delete"),
    ],
)
def test_a_write_with_an_option_that_makes_no_sense_writes_nothing(
    client: Client, event: dict[str, Any], method: str, query: str
) -> None:
    """Refused before anything happens."""
    path = BETA_EVENTS if method == "POST" else f"{BETA_EVENTS}/{event['id']}"
    refused(client(method, f"{path}?{query}", None if method == "DELETE" else {"osVersion": "x"}), 400)
    assert client.get(f"{BETA_EVENTS}/$count").text == "1"
