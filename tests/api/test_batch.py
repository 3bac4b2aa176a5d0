"""`$batch` over HTTP (contract §7)."""

import base64
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.service import (
    BETA_EVENTS,
    EVENTS,
    READ,
    Client,
    Service,
    refused,
    serving,
    settings_for,
    store_of,
    users_events,
)

BATCH = "/v1.0/$batch"
HERE = EVENTS.removeprefix("/v1.0")
JSON = {"Content-Type": "application/json"}
NO_EVENT = f"{HERE}/00000000-0000-7000-8000-000000000000"


def get(identifier: str, url: str = HERE, **members: Any) -> dict[str, Any]:
    """A request that reads."""
    return {"id": identifier, "method": "GET", "url": url} | members


def post(identifier: str, body: Any, url: str = HERE, **members: Any) -> dict[str, Any]:
    """A request that creates."""
    return {"id": identifier, "method": "POST", "url": url, "headers": JSON, "body": body} | members


def patch(identifier: str, url: str, body: Any, **members: Any) -> dict[str, Any]:
    """A request that changes."""
    return post(identifier, body, url) | {"method": "PATCH"} | members


def run(client: Client, *requests: dict[str, Any], path: str = BATCH) -> dict[str, dict[str, Any]]:
    """Send a batch that is taken, and return its answers by identifier."""
    reply = client.post(path, {"requests": requests})
    assert reply.status_code == 200, reply.text
    answers: list[dict[str, Any]] = reply.json()["responses"]
    assert [answer["id"] for answer in answers] == [item["id"] for item in requests]
    return {answer["id"]: answer for answer in answers}


def statuses(answers: dict[str, dict[str, Any]]) -> dict[str, int]:
    """What each request came to."""
    return {identifier: answer["status"] for identifier, answer in answers.items()}


def correlations(client: Client) -> set[str | None]:
    """What tells the tenant's events apart in these tests."""
    return {event["correlationId"] for event in client.get(EVENTS).json()["value"]}


def test_every_request_gets_the_answer_it_would_get_alone(client: Client) -> None:
    """Same status, headers and body as outside of a batch, in an envelope that is JSON and 200."""
    event = client.create(correlationId="x")
    url = f"{HERE}/{event['id']}"
    delete = {"id": "3", "method": "DELETE", "url": url, "dependsOn": ["1"]}
    answers = run(client, get("1", url), get("2", NO_EVENT), delete)
    alone = client.get(f"/v1.0{NO_EVENT}")
    assert statuses(answers) == {"1": 200, "2": 404, "3": 204}
    assert answers["1"]["body"] == event
    assert answers["1"]["headers"]["ETag"] == event["@odata.etag"]
    assert answers["1"]["headers"]["Content-Type"].startswith("application/json;odata.metadata=minimal;")
    assert answers["2"]["body"]["error"]["message"] == alone.json()["error"]["message"]
    assert "body" not in answers["3"]
    assert all(answer["headers"]["Cache-Control"] == "no-cache" for answer in answers.values())
    assert client.get(f"{EVENTS}/{event['id']}").status_code == 404


def test_the_envelope(client: Client) -> None:
    """Its own content type and version, and the usual headers of every answer."""
    reply = client.post(BATCH, {"requests": [get("1")]}, Accept="*/*")
    assert reply.headers["content-type"] == (
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
    )
    assert reply.headers["odata-version"] == "4.0"
    assert reply.json().keys() == {"responses"}


def test_each_request_has_an_identity_of_its_own(client: Client) -> None:
    """`request-id` differs in each; `client-request-id` is what the request brought, and not inherited."""
    reply = client.post(
        BATCH,
        {"requests": [get("1"), get("2", headers={"client-request-id": "mine"}), get("3", NO_EVENT)]},
        client_request_id="outer",
    )
    headers = {answer["id"]: answer["headers"] for answer in reply.json()["responses"]}
    assert reply.headers["client-request-id"] == "outer"
    identities = {reply.headers["request-id"], *(each["request-id"] for each in headers.values())}
    assert len(identities) == 4
    assert headers["2"]["client-request-id"] == "mine"
    assert headers["1"]["client-request-id"] == headers["1"]["request-id"]
    error = next(answer for answer in reply.json()["responses"] if answer["id"] == "3")["body"]["error"]
    assert error["innerError"]["request-id"] == headers["3"]["request-id"]


def test_no_header_of_the_batch_is_inherited(client: Client) -> None:
    """A preference on the outside says nothing about what is inside."""
    reply = client.post(
        BATCH,
        {"requests": [post("1", {}), post("2", {}, headers=JSON | {"Prefer": "return=minimal"})]},
        Prefer="return=minimal",
    )
    assert [answer["status"] for answer in reply.json()["responses"]] == [201, 204]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(json.loads, 201, id="object"),
        pytest.param(lambda raw: base64.b64encode(raw).decode(), 201, id="base64"),
        pytest.param(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="), 201, id="base64url"),
        pytest.param(lambda raw: raw.decode(), 400, id="json-in-a-string"),
        pytest.param(lambda raw: [json.loads(raw)], 400, id="array"),
        pytest.param(lambda _: 5, 400, id="number"),
        pytest.param(lambda _: base64.b64encode(b"\xff\xfe").decode(), 400, id="not-utf-8"),
    ],
)
def test_bodies(client: Client, body: Any, status: int) -> None:
    """An object, or base64 of one; anything else fails that request alone."""
    raw = '{"correlationId":"ä>?😀"}'.encode()
    answers = run(client, post("1", body(raw)), get("2"))
    assert statuses(answers) == {"1": status, "2": 200}
    assert correlations(client) == ({"ä>?😀"} if status == 201 else set())


def test_formats_other_than_json_are_base64(client: Client) -> None:
    """A bare count, and metadata in XML."""
    client.create()
    answers = run(client, get("1", f"{HERE}/$count"), get("2", "/$metadata", headers={"Accept": "application/xml"}))
    assert base64.b64decode(answers["1"]["body"]) == b"1"
    assert answers["1"]["headers"]["Content-Type"] == "text/plain"
    assert base64.b64decode(answers["2"]["body"]).startswith(b"<?xml")


def test_head_answers_without_a_body(client: Client) -> None:
    """As HTTP has it."""
    answers = run(client, get("1") | {"method": "HEAD"})
    assert answers["1"]["status"] == 200
    assert "body" not in answers["1"]


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("{path}", id="leading-slash"),
        pytest.param("/v1.0{path}", id="from-the-host"),
        pytest.param("{base}/v1.0{path}", id="absolute"),
        pytest.param("{path}?$filter=correlationId eq 'a b'", id="blanks-as-they-are"),
        pytest.param("{path}?%24filter=correlationId%20eq%20%27a%20b%27", id="encoded"),
    ],
)
def test_urls(client: Client, service: Service, url: str) -> None:
    """All spellings that clients have reach the same events."""
    client.create(correlationId="a b")
    answers = run(client, get("1", url.format(path=HERE, base=service.url)))
    assert [event["correlationId"] for event in answers["1"]["body"]["value"]] == ["a b"]


def test_links_lead_out_of_the_batch(client: Client, service: Service) -> None:
    """A next link is the one that the request would get alone: absolute, and it works."""
    for _ in range(2):
        client.create()
    answers = run(client, get("1", f"{HERE}?$top=1"))
    link = answers["1"]["body"]["@odata.nextLink"]
    assert link.startswith(f"{service.url}{EVENTS}?$top=1&$skiptoken=")
    assert len(client.get(link).json()["value"]) == 1


@pytest.mark.parametrize(
    ("part", "status", "told"),
    [
        pytest.param(get("1", "https://elsewhere.example/v1.0/users"), 400, "leads away", id="other-host"),
        pytest.param(post("1", {"requests": []}, "/$batch"), 400, "cannot hold another batch", id="nested"),
        pytest.param(get("1", "/nothing"), 400, "segment 'nothing'", id="unknown-segment"),
        pytest.param(get("1", f"{HERE}?$filter=nope eq 1"), 400, "'nope'", id="bad-filter"),
        pytest.param({"id": "1", "method": "PUT", "url": NO_EVENT}, 405, "not allowed", id="method"),
        pytest.param({"id": "1", "method": "POST", "url": HERE}, 400, "Content-Type", id="post-without-anything"),
        pytest.param(get("1", headers={"Authorization": "Bearer other"}), 400, "no other", id="other-credentials"),
        pytest.param(get("1", headers={"Accept": "image/png"}), 406, "image/png", id="accept"),
        pytest.param(post("1", {"colour": 1}), 400, "'colour' does not exist", id="unknown-property"),
    ],
)
def test_a_request_that_is_wrong_fails_alone(client: Client, part: dict[str, Any], status: int, told: str) -> None:
    """The others do not notice."""
    answers = run(client, part, get("2"))
    assert statuses(answers) == {"1": status, "2": 200}
    assert told in answers["1"]["body"]["error"]["message"]


@pytest.mark.parametrize(
    ("requests", "told"),
    [
        pytest.param([], "holds no request", id="empty"),
        pytest.param([get(str(n)) for n in range(21)], "exceeds the limit: 21 where 20", id="twenty-one"),
        pytest.param([post("1", {}), post("1", {})], "occurs twice", id="same-id"),
        pytest.param([post("1", {}, headers={})], "does not contain a Content-Type header", id="no-content-type"),
        pytest.param([post("1", {}), get("2", dependsOn=["3"])], "depends on '3'", id="unknown-dependency"),
        pytest.param([post("1", {}), post("2", {}, dependsOn=["2"])], "circle", id="circle"),
    ],
)
def test_a_batch_whose_frame_is_wrong_does_nothing(client: Client, requests: list[Any], told: str) -> None:
    """400 for the whole, and not even its good requests are carried out."""
    assert told in refused(client.post(BATCH, {"requests": requests}), 400)["message"]
    assert correlations(client) == set()


def test_twenty_requests_are_taken(client: Client) -> None:
    """As many as Graph takes."""
    answers = run(client, *(post(str(number), {"correlationId": str(number)}) for number in range(20)))
    assert set(statuses(answers).values()) == {201}
    assert correlations(client) == {str(number) for number in range(20)}


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        pytest.param("multipart/mixed; boundary=x", 501, "NotImplemented", id="multipart"),
        pytest.param("text/plain", 400, "BadRequest", id="text"),
        pytest.param("", 400, "BadRequest", id="none"),
    ],
)
def test_batches_come_as_json(client: Client, content_type: str, status: int, code: str) -> None:
    """The multipart format is OData's and told to be missing; others are wrong."""
    refused(client.post(BATCH, b"{}", Content_Type=content_type), status, code)


@pytest.mark.parametrize(
    "body", [pytest.param(b'{"requests": [', id="cut"), pytest.param(b'{"requests":[],"requests":[]}', id="twice")]
)
def test_malformed_json_is_refused(client: Client, body: bytes) -> None:
    """In Graph's words."""
    assert "Unable to read JSON request payload." in refused(client.post(BATCH, body), 400)["message"]


def test_only_post(client: Client) -> None:
    """A batch cannot be read; the answer says how it is sent."""
    reply = client.get(BATCH)
    refused(reply, 405, "MethodNotAllowed")
    assert reply.headers["allow"] == "POST"


def test_a_batch_needs_a_token(service: Service) -> None:
    """401 for the whole, not for each request."""
    reply = service.http.post(BATCH, json={"requests": [get("1")]})
    refused(reply, 401, "InvalidAuthenticationToken")


def test_permissions_are_those_of_each_request(service: Service) -> None:
    """A caller who may read reads, and the writes beside it are forbidden."""
    answers = run(service.client(None, READ), get("1"), post("2", {}))
    assert statuses(answers) == {"1": 200, "2": 403}


def test_a_request_that_depends_on_a_failed_one_is_not_carried_out(client: Client) -> None:
    """424, and so for everything behind it; what depends on a success runs."""
    answers = run(
        client,
        post("4", {"correlationId": "four"}, dependsOn=["3"]),
        post("3", {"correlationId": "three"}, depends_on=["2"]),
        get("2", NO_EVENT, dependsOn=["1"]),
        post("1", {"correlationId": "one"}),
        post("5", {"correlationId": "five"}, dependsOn=["1"]),
    )
    assert statuses(answers) == {"1": 201, "2": 404, "3": 424, "4": 424, "5": 201}
    assert answers["3"]["body"]["error"]["code"] == "FailedDependency"
    assert "'2'" in answers["3"]["body"]["error"]["message"]
    assert correlations(client) == {"one", "five"}


def test_a_request_that_depends_on_a_failed_group_hears_its_name(client: Client) -> None:
    """What is named is what the request names itself, be it the group or one of its requests."""
    answers = run(
        client,
        get("1", NO_EVENT, atomicityGroup="g"),
        post("2", {}, dependsOn=["G"]),
        post("3", {}, dependsOn=["1"]),
        post("4", {}, dependsOn=["2"], atomicityGroup="h"),
        post("5", {}, atomicityGroup="h"),
    )
    assert statuses(answers) == {"1": 400, "2": 424, "3": 424, "4": 424, "5": 424}
    told = [answers[identifier]["body"]["error"]["message"].split("'")[1] for identifier in "2345"]
    assert told == ["G", "1", "2", "2"]


def test_a_dependent_request_sees_what_came_before(client: Client) -> None:
    """A chain of changes to one event takes effect in its order, whatever order it is written in."""
    url = f"{HERE}/{client.create()['id']}"
    chain = [
        patch(str(number), url, {"failureReason": str(number)}, dependsOn=[str(number - 1)] if number else [])
        for number in range(10)
    ]
    answers = run(client, *reversed(chain), get("read", url, dependsOn=["9"]))
    assert [answers[str(number)]["body"]["failureReason"] for number in range(10)] == [str(n) for n in range(10)]
    assert answers["read"]["body"]["failureReason"] == "9"


def test_a_group_takes_effect_as_a_whole(client: Client) -> None:
    """Creations, changes and deletions; each has its own answer, marked with the group."""
    changed, deleted = client.create(correlationId="changed"), client.create(correlationId="deleted")
    answers = run(
        client,
        post("1", {"correlationId": "created"}, atomicityGroup="g"),
        patch("2", f"{HERE}/{changed['id']}", {"correlationId": "new"}, atomicityGroup="g"),
        {"id": "3", "method": "DELETE", "url": f"{HERE}/{deleted['id']}", "atomicityGroup": "g"},
        get("4", dependsOn=["g"]),
    )
    assert statuses(answers) == {"1": 201, "2": 200, "3": 204, "4": 200}
    assert [answers[identifier].get("atomicityGroup") for identifier in "1234"] == ["g", "g", "g", None]
    assert answers["1"]["headers"]["Location"].endswith(answers["1"]["body"]["id"])
    assert {event["correlationId"] for event in answers["4"]["body"]["value"]} == {"created", "new"}


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        pytest.param({"id": "bad", "method": "DELETE", "url": NO_EVENT}, 404, id="missing"),
        pytest.param(
            patch("bad", "{url}", {"correlationId": "x"}, headers=JSON | {"If-Match": '"0"'}), 412, id="stale"
        ),
        pytest.param(patch("bad", "{url}", {"colour": "red"}), 400, id="unknown-property"),
        pytest.param(patch("bad", "{url}", {"@odata.type": "#microsoft.graph.user"}), 400, id="other-type"),
        pytest.param(get("bad", "{url}"), 400, id="a-read"),
        pytest.param(get("bad", "/nothing"), 400, id="unknown-segment"),
    ],
)
@pytest.mark.parametrize(
    "place", [pytest.param(0, id="first"), pytest.param(1, id="middle"), pytest.param(2, id="last")]
)
def test_a_group_that_fails_leaves_nothing(client: Client, place: int, bad: dict[str, Any], status: int) -> None:
    """The request that is refused says why, the others 424; the store and the log are as before."""
    event = client.create(correlationId="kept")
    url = f"{HERE}/{event['id']}"
    members = [
        post("create", {"correlationId": "created"}),
        patch("change", url, {"correlationId": "changed"}),
    ]
    members.insert(place, bad | {"url": bad["url"].format(url=url)})
    answers = run(
        client, *(member | {"atomicityGroup": "g"} for member in members), post("out", {"correlationId": "o"})
    )
    assert statuses(answers) == {"create": 424, "change": 424, "bad": status, "out": 201}
    assert client.get(f"{EVENTS}/{event['id']}").json() == event
    assert correlations(client) == {"kept", "o"}


def test_a_failed_group_is_not_in_the_log(service: Service, client: Client) -> None:
    """Readers of the log never see what did not happen; what did is there once for each change."""
    url = f"{HERE}/{client.create()['id']}"
    good = patch("1", url, {"correlationId": "1"}, atomicityGroup="g")
    run(client, good, {"id": "2", "method": "DELETE", "url": NO_EVENT, "atomicityGroup": "g"})
    run(client, good, patch("2", url, {"correlationId": "2"}, atomicityGroup="g"))
    log = service.run(service.store.changes(client.tenant, 0, 100))
    assert [(change.kind, change.after.get("correlationId")) for change in log] == [
        ("created", None),
        ("updated", "1"),
        ("updated", "2"),
    ]


def test_changes_of_one_event_in_a_group_see_each_other(client: Client) -> None:
    """In the order in which they are written, or in that of their dependencies."""
    url = f"{HERE}/{client.create()['id']}"
    answers = run(
        client,
        patch("1", url, {"correlationId": "1"}, atomicityGroup="g", dependsOn=["2"]),
        patch("2", url, {"operatingSystem": "2"}, atomicityGroup="g"),
    )
    assert (answers["2"]["body"]["correlationId"], answers["2"]["body"]["operatingSystem"]) == (None, "2")
    assert (answers["1"]["body"]["correlationId"], answers["1"]["body"]["operatingSystem"]) == ("1", "2")


def test_users_and_versions(service: Service) -> None:
    """A batch of beta speaks beta, and `/me` is the user of the batch's token."""
    user = str(uuid.uuid4())
    client = service.client(user=user)
    answers = run(
        client,
        post("1", {"eventName": "beta"}, users_events(user, "beta").removeprefix("/beta")),
        get("2", "/me/deviceManagementTroubleshootingEvents", dependsOn=["1"]),
        path="/beta/$batch",
    )
    assert [event["eventName"] for event in answers["2"]["body"]["value"]] == ["beta"]
    assert "eventName" not in client.get(EVENTS).json()["value"][0]
    assert client.get(BETA_EVENTS).json()["value"][0]["userId"] == user


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose operator lets batches be larger, on an address of its own."""
    settings = settings_for(
        tmp_path_factory.mktemp("roomy"), batch_limit=200, public_url="https://graph.example/enrollment"
    )
    with serving(settings, store_of(settings)) as service:
        yield service


def test_the_limit_is_the_operators(roomy: Service) -> None:
    """As many as the setting says, and one more is refused."""
    client = roomy.client()
    answers = run(client, *(post(str(number), {"correlationId": str(number)}) for number in range(200)))
    assert set(statuses(answers).values()) == {201}
    assert len(correlations(client)) == 200
    message = refused(client.post(BATCH, {"requests": [get(str(number)) for number in range(201)]}), 400)["message"]
    assert "201 where 200" in message


def test_absolute_urls_are_those_of_the_public_address(roomy: Service) -> None:
    """Behind a proxy clients know another address than the socket has; that one is ours, and no other."""
    answers = run(
        roomy.client(),
        get("1", f"https://graph.example/enrollment/v1.0{HERE}?$top=0"),
        get("2", f"{roomy.url}/v1.0{HERE}"),
    )
    assert statuses(answers) == {"1": 200, "2": 400}
    assert answers["1"]["body"]["@odata.context"].startswith("https://graph.example/enrollment/v1.0/$metadata#")


def test_a_batch_is_as_long_as_any_body(client: Client) -> None:
    """4 MiB, then 413."""
    reply: httpx.Response = client.post(BATCH, {"requests": [post("1", {"correlationId": "x" * (4 * 2**20)})]})
    refused(reply, 413, "RequestEntityTooLarge")
