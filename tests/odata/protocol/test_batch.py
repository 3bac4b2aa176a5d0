import base64
from typing import Any

import pytest

from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.protocol.batch import (
    BatchPart,
    check_reference,
    part_address,
    part_answer,
    read_batch,
    with_credentials,
)

BASE = "https://graph.example:8443/api"
JSON = {"Content-Type": "application/json"}


def request(identifier: str, **members: Any) -> dict[str, Any]:
    """A request of a batch, with everything it must have."""
    return {"id": identifier, "method": "GET", "url": "/things"} | members


def batch(*requests: Any) -> dict[str, Any]:
    """The payload of a batch."""
    return {"requests": list(requests)}


def order(*requests: Any) -> list[list[str]]:
    """The identifiers of each step, in the order in which steps run."""
    return [[part.id for part in step.parts] for step in read_batch(batch(*requests), 20)]


def test_a_request_is_read_as_it_was_written() -> None:
    """Method in upper case, header names in lower case, everything else as it came."""
    (step,) = read_batch(
        batch(request("1", method="patch", url="things('a')", headers={"If-Match": '"1"', **JSON}, body={"a": [1.5]})),
        20,
    )
    headers = {"if-match": '"1"', "content-type": "application/json"}
    assert step.parts == (BatchPart(0, "1", "PATCH", "things('a')", headers, {"a": [1.5]}),)
    assert (step.atomic, step.after) == (False, ())


def test_absent_and_null_members_are_the_same() -> None:
    """Clients that serialise whole objects write null for what they do not use."""
    unused = dict.fromkeys(("headers", "body", "dependsOn", "depends_on", "atomicityGroup", "if"))
    assert read_batch(batch(request("1", **unused)), 20) == read_batch(batch(request("1")), 20)


@pytest.mark.parametrize(
    ("body", "told", "target"),
    [
        pytest.param([], "'requests'", "requests", id="array"),
        pytest.param(None, "'requests'", "requests", id="null"),
        pytest.param({"request": []}, "'requests'", "requests", id="no-requests"),
        pytest.param({"requests": {}}, "'requests'", "requests", id="requests-no-array"),
        pytest.param(batch(), "holds no request", "requests", id="empty"),
        pytest.param(batch(*(request(str(n)) for n in range(4))), "exceeds the limit: 4", "requests", id="too-many"),
        pytest.param(batch("GET /things"), "must be an object", "requests/0", id="request-no-object"),
        pytest.param(batch(request("1"), {"method": "GET", "url": "/"}), "needs 'id'", "requests/1/id", id="no-id"),
        pytest.param(batch(request("")), "needs 'id'", "requests/0/id", id="empty-id"),
        pytest.param(batch(request("1", id=1)), "needs 'id'", "requests/0/id", id="number-as-id"),
        pytest.param(batch(request("1", method=None)), "needs 'method'", "requests/0/method", id="no-method"),
        pytest.param(batch(request("1", url="")), "needs 'url'", "requests/0/url", id="no-url"),
        pytest.param(batch(request("a"), request("A")), "'A' occurs twice", "requests", id="same-id"),
        pytest.param(batch(request("1", headers=[])), "an object of names", "requests/0/headers", id="headers-array"),
        pytest.param(
            batch(request("1", headers={"A": 1})), "as HTTP allows", "requests/0/headers/A", id="header-number"
        ),
        pytest.param(
            batch(request("1", headers={"A": "b\r\nC: d"})), "as HTTP allows", "requests/0/headers/A", id="header-lines"
        ),
        pytest.param(
            batch(request("1", headers={"A b": "c"})), "as HTTP allows", "requests/0/headers/A b", id="header-name"
        ),
        pytest.param(
            batch(request("1", headers={"a": "1", "A": "2"})), "occurs twice", "requests/0/headers/A", id="header-twice"
        ),
        pytest.param(
            batch(request("1", method="POST", body={})),
            "Write request with id '1' does not contain a Content-Type header.",
            "requests/0/headers",
            id="body-without-content-type",
        ),
        pytest.param(
            batch(request("1", dependsOn="2")), "an array of request", "requests/0/dependsOn", id="depends-on-text"
        ),
        pytest.param(
            batch(request("1", depends_on=[2])), "an array of request", "requests/0/depends_on", id="depends-on-number"
        ),
        pytest.param(
            batch(request("1", dependsOn=["9"])), "'1' depends on '9', which is not", "dependsOn", id="unknown"
        ),
        pytest.param(batch(request("1", dependsOn=["1"])), "circle: '1' → '1'", "dependsOn", id="on-itself"),
        pytest.param(
            batch(request("1", dependsOn=["2"]), request("2", dependsOn=["3"]), request("3", depends_on=["1"])),
            "go round in a circle",
            "dependsOn",
            id="circle",
        ),
        pytest.param(
            batch(request("1", atomicityGroup="")), "'atomicityGroup' must", "requests/0/atomicityGroup", id="group"
        ),
        pytest.param(
            batch(request("1"), request("2", atomicityGroup="1")), "the id of a request", "requests", id="group-as-id"
        ),
        pytest.param(
            batch(request("1", atomicityGroup="g", dependsOn=["g"])), "circle", "dependsOn", id="on-its-own-group"
        ),
        pytest.param(
            batch(request("1", atomicityGroup="g", dependsOn=["2"]), request("2", atomicityGroup="g", dependsOn=["1"])),
            "circle",
            "dependsOn",
            id="circle-in-a-group",
        ),
        pytest.param(
            batch(request("1", dependson=[])), "Did you mean 'dependsOn'?", "requests/0/dependson", id="misspelt"
        ),
    ],
)
def test_a_batch_whose_frame_is_wrong_is_refused_as_a_whole(body: object, told: str, target: str) -> None:
    """Nothing of it runs, so that no client is left with half of what it meant."""
    with pytest.raises(BadRequest) as refusal:
        read_batch(body, 3)
    assert told in refusal.value.message
    assert refusal.value.target == target


def test_conditions_are_told_to_be_missing() -> None:
    """OData has `if`; a request must not run as if it had not been written."""
    with pytest.raises(NotBuilt):
        read_batch(batch(request("1", **{"if": "$2 eq null"})), 20)


def test_annotations_are_ignored() -> None:
    """As everywhere in OData JSON, annotations that are not understood change nothing."""
    assert order(request("1", **{"@example.note": "hello"})) == [["1"]]


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        pytest.param([request("1"), request("2")], [["1"], ["2"]], id="as-sent"),
        pytest.param([request("1", dependsOn=["2"]), request("2")], [["2"], ["1"]], id="later-one-first"),
        pytest.param([request("1"), request("2", depends_on=["1"])], [["1"], ["2"]], id="snake-case"),
        pytest.param([request("a", dependsOn=["B"]), request("b")], [["b"], ["a"]], id="any-case"),
        pytest.param(
            [request("1", atomicityGroup="g"), request("2"), request("3", atomicityGroup="G")],
            [["1", "3"], ["2"]],
            id="group-gathers",
        ),
        pytest.param(
            [request("1", dependsOn=["g"]), request("2", atomicityGroup="g"), request("3", atomicityGroup="g")],
            [["2", "3"], ["1"]],
            id="on-a-group",
        ),
        pytest.param(
            [request("1", dependsOn=["3"]), request("2", atomicityGroup="g"), request("3", atomicityGroup="g")],
            [["2", "3"], ["1"]],
            id="on-a-member-is-on-its-group",
        ),
        pytest.param(
            [request("1", atomicityGroup="g", dependsOn=["2"]), request("2", atomicityGroup="g")],
            [["2", "1"]],
            id="order-inside-a-group",
        ),
        pytest.param(
            [request("1", atomicityGroup="g"), request("2", atomicityGroup="h", dependsOn=["g"])],
            [["1"], ["2"]],
            id="group-on-group",
        ),
    ],
)
def test_everything_runs_behind_what_it_depends_on(requests: list[Any], expected: list[list[str]]) -> None:
    """Any graph without a circle is taken, whatever order it was sent in."""
    assert order(*requests) == expected


def test_a_step_knows_what_it_waits_for() -> None:
    """Each dependency once, as the place of an earlier step."""
    steps = read_batch(
        batch(
            request("last", dependsOn=["a", "g", "a"]),
            request("a"),
            request("b", atomicityGroup="g"),
            request("c", atomicityGroup="g", depends_on=["a"]),
        ),
        20,
    )
    assert [(step.parts[0].id, step.after, step.atomic) for step in steps] == [
        ("a", (), False),
        ("b", (0,), True),
        ("last", (0, 1), False),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"a": 1}, {"a": 1}, id="object"),
        pytest.param([1], [1], id="array"),
        pytest.param("eyJhIjoxfQ==", b'{"a":1}', id="base64"),
        pytest.param("eyJhIjoxfQ", b'{"a":1}', id="base64-unpadded"),
        pytest.param("-_-_", b"\xfb\xff\xbf", id="base64url"),
        pytest.param("no base64!", "no base64!", id="text"),
    ],
)
def test_a_body_is_json_or_base64(body: object, expected: object) -> None:
    """Strings are decoded in either alphabet; one that cannot be decoded is a JSON string."""
    (step,) = read_batch(batch(request("1", headers=JSON, body=body)), 20)
    assert step.parts[0].body == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("/things/1?$top=1&$skip=2", ("things/1", "$top=1&$skip=2"), id="leading-slash"),
        pytest.param("things/1", ("things/1", ""), id="no-slash"),
        pytest.param("//things", ("things", ""), id="two-slashes"),
        pytest.param("/v1/things", ("things", ""), id="path-from-the-host"),
        pytest.param(f"{BASE}/v1/things?$top=1", ("things", "$top=1"), id="absolute"),
        pytest.param("HTTPS://Graph.example:8443/api/v1/things", ("things", ""), id="absolute-in-any-case"),
        pytest.param(f"{BASE}/v1", ("", ""), id="the-root"),
        pytest.param(f"{BASE}/v1?$format=json", ("", "$format=json"), id="the-root-with-a-query"),
        pytest.param("/things#top", ("things", ""), id="fragment"),
        pytest.param("/things?$filter=a eq 'ä/😀'", ("things", "$filter=a%20eq%20'%C3%A4/%F0%9F%98%80'"), id="raw"),
        pytest.param("/things('a%2Fb%20c')?q=%27", ("things('a%2Fb%20c')", "q=%27"), id="encoded-stays"),
        pytest.param("/things?next=http://other/", ("things", "next=http://other/"), id="url-in-the-query"),
    ],
)
def test_addresses_of_our_own(url: str, expected: tuple[str, str]) -> None:
    """Relative to the version root, from the host, or absolute: all lead to the same place."""
    assert part_address(url, BASE, "v1") == expected


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://elsewhere.example/api/v1/things", id="other-host"),
        pytest.param("https://graph.example:8443.evil.example/api/v1/things", id="host-that-begins-alike"),
        pytest.param("https://graph.example:8443@evil.example/api/v1/things", id="host-as-user"),
        pytest.param("http://graph.example:8443/api/v1/things", id="other-scheme"),
        pytest.param("https://graph.example/api/v1/things", id="other-port"),
        pytest.param(f"{BASE}/beta/things", id="other-version"),
        pytest.param(f"{BASE}/v10/things", id="version-that-begins-alike"),
    ],
)
def test_addresses_that_lead_away_are_refused(url: str) -> None:
    """A batch calls nobody else, and stays in its version."""
    with pytest.raises(BadRequest, match="leads away"):
        part_address(url, BASE, "v1")


@pytest.mark.parametrize("url", ["$1", "/$1", "$1/name", "$1?$select=id"])
def test_references_to_other_requests_are_told_to_be_missing(url: str) -> None:
    """OData has them; nothing must be asked for under the name of another request's answer."""
    with pytest.raises(NotBuilt, match="refers to the answer"):
        check_reference(url, {"1", "2"})


@pytest.mark.parametrize("url", ["/$3", "$metadata", "/things/$1", "/1", "https://graph.example/$1"])
def test_other_urls_are_no_references(url: str) -> None:
    """Only the first segment of a relative URL can be one, and only to a request that is there."""
    check_reference(url, {"1", "2"})


def test_a_request_inherits_the_credentials_and_nothing_else() -> None:
    """What speaks of the connection is left out; the token is that of the batch."""
    sent = {"prefer": "return=minimal", "content-length": "7", "host": "other.example"}
    assert with_credentials(sent, "Bearer x") == {"prefer": "return=minimal", "authorization": "Bearer x"}
    assert with_credentials({"authorization": "Bearer x"}, "Bearer x") == {"authorization": "Bearer x"}


def test_other_credentials_are_refused() -> None:
    """Nobody acts as somebody else than the batch says."""
    with pytest.raises(BadRequest, match="can bring no other"):
        with_credentials({"authorization": "Bearer y"}, "Bearer x")


PART = BatchPart(0, "1", "GET", "/things", {})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"a": 1}, {"body": {"a": 1}}, id="json"),
        pytest.param(None, {}, id="none"),
        pytest.param(b"12", {"body": base64.b64encode(b"12").decode()}, id="other-format"),
    ],
)
def test_an_answer(body: object, expected: dict[str, Any]) -> None:
    """JSON stands as it is, other formats as base64, and nothing for no body."""
    headers = {"Content-Type": "x"}
    assert part_answer(PART, 200, headers, body) == {"id": "1", "status": 200, "headers": headers} | expected


def test_an_answer_from_a_group_names_it() -> None:
    """As the request did."""
    part = BatchPart(0, "1", "GET", "/things", {}, group="G")
    assert part_answer(part, 204, {}, None) == {"id": "1", "status": 204, "headers": {}, "atomicityGroup": "G"}
