"""What is on the wire below OData: broken requests, slow and endless ones, each answered, and the service lives on."""

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator

import pytest

from enrollscope.api.http import EnvelopeProtocol
from tests.api.service import EVENTS, REQUEST_TIMEOUT, Client, Service, read_to_end, refused


@pytest.fixture(autouse=True)
def _lives_on(service: Service, client: Client) -> Iterator[None]:
    """Whatever a test sends, the service reads and writes afterwards."""
    yield
    assert client.get(f"{EVENTS}/{client.create()['id']}").status_code == 200
    assert service.http.get("/readyz").status_code == 200


def request(method: str, path: str, client: Client | None, *lines: str, body: bytes = b"") -> bytes:
    """The bytes of a request that asks for the connection to be closed."""
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    if client is not None:
        head.append(f"Authorization: Bearer {client.token}")
    return "\r\n".join([*head, *lines, "", ""]).encode("latin-1") + body


def status_and_error(answer: bytes) -> tuple[int, dict[str, str]]:
    """The status of a raw answer, and its error; the common headers must be there."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert {b"request-id", b"client-request-id", b"content-type", b"content-length"} <= names, head
    error: dict[str, str] = json.loads(body)["error"]
    return status, error


BROKEN = [
    pytest.param(b"hello\r\n\r\n", id="no-http"),
    pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 32, id="tls"),
    pytest.param(b"GET\r\n\r\n", id="no-path"),
    pytest.param(b"GET /healthz HTTP/9.9\r\n\r\n", id="no-such-version"),
    pytest.param(b"FROBNICATE /healthz HTTP/1.1\r\nHost: x\r\n\r\n", id="no-such-method"),
    pytest.param(b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", id="blank-in-path"),
    pytest.param(b"GET /healthz HTTP/1.1\r\nHost x\r\n\r\n", id="header-without-colon"),
    pytest.param(b"GET /healthz HTTP/1.1\r\nHo st: x\r\n\r\n", id="blank-in-header-name"),
    pytest.param(b"GET /healthz HTTP/1.1\r\nclient-request-id: a\x01b\r\n\r\n", id="control-character-in-header"),
    pytest.param(b"GET /healthz HTTP/1.1\r\nclient-request-id: a\x00b\r\n\r\n", id="nul-in-header"),
    pytest.param(b"POST /v1.0 HTTP/1.1\r\nContent-Length: abc\r\n\r\n", id="content-length-no-number"),
    pytest.param(b"POST /v1.0 HTTP/1.1\r\nContent-Length: -1\r\n\r\n", id="content-length-negative"),
    pytest.param(b"POST /v1.0 HTTP/1.1\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n", id="content-length-endless"),
    pytest.param(b"POST /v1.0 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", id="two-content-lengths"),
    pytest.param(
        b"POST /v1.0 HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="two-lengths"
    ),
    pytest.param(b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", id="bytes-in-path"),
    pytest.param(b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n", id="broken-absolute-form"),
]


@pytest.mark.parametrize("sent", BROKEN)
def test_what_is_no_http_is_400_in_the_envelope(service: Service, sent: bytes) -> None:
    """Even then the answer is JSON that SDKs can read, with the ids of every answer, and the connection ends."""
    status, error = status_and_error(service.raw(sent))
    assert (status, error["code"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 129, id="129-characters"),
        pytest.param("a b", id="blank"),
        pytest.param("a\tb", id="tab"),
        pytest.param("é", id="not-ascii"),
        pytest.param("a, b", id="two-in-one"),
    ],
)
def test_a_client_request_id_that_cannot_be_echoed_is_refused(client: Client, service: Service, value: str) -> None:
    """400 that names the header; the answer carries our own id in its place."""
    answer = service.raw(request("GET", EVENTS, client, f"client-request-id: {value}"))
    status, error = status_and_error(answer)
    assert (status, error["target"]) == (400, "client-request-id")
    own = re.search(rb"\r\nrequest-id: ([^\r]+)", answer)
    assert own is not None
    assert b"\r\nclient-request-id: " + own[1] + b"\r\n" in answer


@pytest.mark.parametrize(
    "value", [pytest.param("x" * 128, id="128-characters"), pytest.param('<"quoted">\\', id="any-printable")]
)
def test_any_printable_client_request_id_comes_back(client: Client, value: str) -> None:
    """128 printable characters are an id, whatever they spell."""
    assert client.get(EVENTS, client_request_id=value).headers["client-request-id"] == value


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        pytest.param([], 401, id="none"),
        pytest.param(["Authorization:"], 401, id="empty"),
        pytest.param(["Authorization: Bearer"], 401, id="no-token"),
        pytest.param(["Authorization: Basic dXNlcjpwYXNz"], 401, id="basic"),
        pytest.param(["Authorization: Bearer {token}", "Authorization: Bearer {token}"], 401, id="twice"),
        pytest.param(["Authorization: Bearer {token}", "Authorization: Basic x"], 401, id="two-schemes"),
        pytest.param(["Authorization: bearer {token}"], 200, id="scheme-in-lower-case"),
        pytest.param(["Authorization:   Bearer   {token}  "], 200, id="blanks"),
        pytest.param(["Authorization: Bearer {token}x"], 401, id="a-character-more"),
        pytest.param(["Authorization: Bearer " + "x" * 20_000], 401, id="20000-characters"),
    ],
)
def test_there_is_one_authorization_header(client: Client, service: Service, lines: list[str], status: int) -> None:
    """Several are none: which of them counts would be anybody's guess."""
    answer = service.raw(request("GET", EVENTS, None, *(line.format(token=client.token) for line in lines)))
    assert int(answer.split(b" ")[1]) == status
    if status == 401:
        assert status_and_error(answer)[1]["code"] == "InvalidAuthenticationToken"
        assert b"\r\nwww-authenticate: Bearer" in answer


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\n" + b"X-Filler: " + b"x" * 200_000 + b"\r\n\r\n", id="endless-header"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n" + b"X-Filler: x\r\n" * 20_000 + b"\r\n", id="20000-headers"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n" + b"x" * 200_000 + b": x\r\n\r\n", id="endless-name"),
        pytest.param(b"GET /healthz?" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", id="endless-query"),
        pytest.param(b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", id="endless-path"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n" + b"X-Filler: x\r\n" * 20_000, id="headers-without-an-end"),
    ],
)
def test_the_head_of_a_request_is_bounded(service: Service, sent: bytes) -> None:
    """Headers and URL are refused before they fill the memory, and the answer says how long they may be."""
    status, error = status_and_error(service.raw(sent))
    assert (status, error["code"]) == (400, "BadRequest")
    assert "bytes" in error["message"]


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"0\r\nX-Trailer: ", id="trailer"),
        pytest.param(b"1;x=", id="chunk-extension"),
    ],
)
@pytest.mark.parametrize("path", [pytest.param("/healthz", id="answered"), pytest.param(EVENTS, id="waited-for")])
def test_what_is_behind_the_head_is_bounded(client: Client, service: Service, path: str, sent: bytes) -> None:
    """Whoever sends a field or a description of a chunk that never ends loses the connection, answered or not."""
    lines = (f"Authorization: Bearer {client.token}", CHUNKED, "Content-Type: application/json")
    method = "GET" if path == "/healthz" else "POST"
    head = request(method, path, None, *lines).replace(b"Connection: close\r\n", b"")
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head + sent)
        with contextlib.suppress(ConnectionError):  # it is over
            for _ in range(1000):
                connection.sendall(b"x" * 65_536)
                time.sleep(0.01)
            pytest.fail("10 seconds of it were taken")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b'4\r\n{"os\r\nc\r\nVersion":"7"\r\n1\r\n}\r\n0\r\n\r\n', 201, id="three-chunks"),
        pytest.param(b'11;x=y\r\n{"osVersion":"7"}\r\n0\r\nX-Trailer: 1\r\n\r\n', 201, id="extension-and-trailer"),
        pytest.param(b"0\r\n\r\n", 400, id="nothing"),
        pytest.param(b"zz\r\n{}\r\n0\r\n\r\n", 400, id="no-length"),
        pytest.param(b"2\r\n{}xx\r\n0\r\n\r\n", 400, id="longer-than-it-says"),
        pytest.param(b"ffffffffffffffffff\r\n{}", 400, id="endless-length"),
    ],
)
def test_chunked_bodies(client: Client, service: Service, body: bytes, status: int) -> None:
    """A body in chunks is the body; chunks that are none are 400."""
    answer = service.raw(request("POST", EVENTS, client, CHUNKED, "Content-Type: application/json", body=body))
    assert int(answer.split(b" ")[1]) == status
    if status == 201:
        assert b'"osVersion":"7"' in answer


def test_a_trailer_is_no_header(client: Client, service: Service) -> None:
    """Fields behind the body came too late to say who asks, or how (RFC 9110 §6.5.1)."""
    trailed = b'11\r\n{"osVersion":"7"}\r\n0\r\n' + f"Authorization: Bearer {client.token}\r\n\r\n".encode()
    answer = service.raw(request("POST", EVENTS, None, CHUNKED, "Content-Type: application/json", body=trailed))
    assert status_and_error(answer)[0] == 401


def test_a_chunked_body_over_the_limit_is_413(client: Client, service: Service) -> None:
    """The limit counts what arrives, not what was announced."""
    chunks = (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 5 + b"0\r\n\r\n"
    answer = service.raw(request("POST", EVENTS, client, CHUNKED, "Content-Type: application/json", body=chunks))
    assert status_and_error(answer)[0] == 413


def test_an_announced_body_that_is_far_too_long_is_refused_unread(client: Client, service: Service) -> None:
    """Nobody waits for a gigabyte that is thrown away."""
    lines = ("Content-Type: application/json", "Content-Length: 1000000000")
    started = time.monotonic()
    status, error = status_and_error(service.raw(request("POST", EVENTS, client, *lines)))
    assert (status, error["code"]) == (413, "RequestEntityTooLarge")
    assert time.monotonic() - started < REQUEST_TIMEOUT


def test_a_body_longer_than_announced_is_another_request(client: Client, service: Service) -> None:
    """What lies behind the announced length is not part of the body (RFC 9112 §6.2)."""
    lines = ("Content-Type: application/json", "Content-Length: 2")
    answer = service.raw(request("POST", EVENTS, client, *lines, body=b'{}{"osVersion": "smuggled"}'))
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"smuggled" not in answer
    assert client.get(f"{EVENTS}/$count").text == "1"


def test_expect_100_continue_is_answered(client: Client, service: Service) -> None:
    """A client that waits for leave to send its body gets it, and one that is refused does not."""
    lines = ("Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue")
    answer = service.raw(request("POST", EVENTS, client, *lines, body=b"{}"))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n")
    assert service.raw(request("POST", EVENTS, None, *lines)).startswith(b"HTTP/1.1 401 ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"", id="nothing-of-the-body"),
        pytest.param(b'{"osVersion"', id="half-of-the-body"),
    ],
)
def test_a_body_that_does_not_come_is_408(client: Client, service: Service, part: bytes) -> None:
    """After the time a request may take the answer is 408, and the connection ends."""
    lines = ("Content-Type: application/json", "Content-Length: 100")
    status, error = status_and_error(service.raw(request("POST", EVENTS, client, *lines, body=part)))
    assert (status, error["code"]) == (408, "RequestTimeout")
    assert f"{REQUEST_TIMEOUT} seconds" in error["message"]
    assert client.get(f"{EVENTS}/$count").text == "0"


@pytest.mark.slow
def test_a_body_that_comes_drop_by_drop_is_408(client: Client, service: Service) -> None:
    """Single bytes do not buy more time."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(
            request("POST", EVENTS, client, "Content-Type: application/json", "Content-Length: 1000", body=b"{")
        )
        connection.settimeout(0.2)
        answer, deadline = b"", time.monotonic() + 4 * REQUEST_TIMEOUT
        while not answer and time.monotonic() < deadline:
            try:
                answer = connection.recv(65_536)
            except TimeoutError:
                connection.sendall(b" ")
        connection.settimeout(20)
        answer += read_to_end(connection)
    assert status_and_error(answer)[0] == 408


@pytest.mark.parametrize(
    "cut", [pytest.param(b'{"osVersion": "gone"', id="in-the-body"), pytest.param(b"", id="before-the-body")]
)
def test_a_client_that_leaves_changes_nothing(client: Client, service: Service, cut: bytes) -> None:
    """Half a request is none."""
    lines = ("Content-Type: application/json", "Content-Length: 1000")
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(request("POST", EVENTS, client, *lines, body=cut))
    assert client.get(f"{EVENTS}/$count").text == "0"


def test_requests_in_a_row_on_one_connection_are_answered_in_order(client: Client, service: Service) -> None:
    """Pipelined requests each get their answer (RFC 9112 §9.3.2), a failed one in between included."""
    one = request("GET", f"{EVENTS}/first", client).replace(b"Connection: close\r\n", b"")
    bad = request("PUT", f"{EVENTS}/second", client).replace(b"Connection: close\r\n", b"")
    answer = service.raw(one + bad + request("GET", f"{EVENTS}/$count", client))
    statuses = re.findall(rb"HTTP/1\.1 (\d+) ", answer)
    assert statuses == [b"404", b"405", b"200"]


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
def test_an_offer_to_change_the_protocol_is_not_taken(client: Client, service: Service, upgrade: str) -> None:
    """Clients that offer HTTP/2 in the clear, as some do with every request, get their answer over HTTP/1.1."""
    lines = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}", "HTTP2-Settings: AAMAAABk")
    write = ("Content-Type: application/json", "Content-Length: 17")
    for sent, expected in (
        (request("GET", f"{EVENTS}/$count", client, *lines), 200),
        (request("POST", EVENTS, client, *lines, *write, body=b'{"osVersion":"7"}'), 201),
    ):
        answer = service.raw(sent)
        assert int(answer.split(b" ")[1]) == expected, answer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: 127", 408, id="half-a-head"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /heal", 200, id="half-a-second-head"),
    ],
)
def test_a_head_that_does_not_come_does_not_keep_the_connection(
    service: Service, monkeypatch: pytest.MonkeyPatch, sent: bytes, status: int | None
) -> None:
    """Who opens connections and says nothing, or not all, loses them after a while."""
    monkeypatch.setattr(EnvelopeProtocol, "head_seconds", 0.5)
    answer = service.raw(sent)
    if status is None:
        assert answer == b""
    else:
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    if b"heal" in sent[20:] or status == 408:
        assert b'"code":"RequestTimeout"' in answer


@pytest.mark.slow
def test_a_connection_is_kept_while_it_is_used(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests now and then go over one connection, however long all of them take; after the last it is closed."""
    monkeypatch.setattr(EnvelopeProtocol, "idle_seconds", 0.5)
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        for _ in range(4):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.3)
        started = time.monotonic()
        assert connection.recv(65_536) == b""
        assert time.monotonic() - started < 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n", id="empty-line"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n", b"a", id="body-unasked-for"),
    ],
)
def test_what_follows_an_answer_does_not_keep_the_connection(
    service: Service, monkeypatch: pytest.MonkeyPatch, first: bytes, then: bytes
) -> None:
    """What is no further request counts as none."""
    monkeypatch.setattr(EnvelopeProtocol, "idle_seconds", 0.5)
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(first)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(then)
        started = time.monotonic()
        assert connection.recv(65_536) == b""
        assert time.monotonic() - started < 5


@pytest.mark.slow
def test_half_a_head_behind_a_request_has_the_time_of_a_head(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is not idle then: the head may take as long as any, and is told when it took too long."""
    monkeypatch.setattr(EnvelopeProtocol, "idle_seconds", 0.2)
    monkeypatch.setattr(EnvelopeProtocol, "head_seconds", 1.0)
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(one + b"\r\n" + one)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        time.sleep(0.5)
        connection.sendall(b"\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_the_head_is_not_hurried_by_slow_answers(client: Client, service: Service) -> None:
    """A body that ends a request and the beginning of the next in one packet are no endless head."""
    body = b'{"osVersion": "' + b"x" * 200_000 + b'"}'
    lines = ("Content-Type: application/json", f"Content-Length: {len(body)}", "Prefer: return=minimal")
    first = request("POST", EVENTS, client, *lines, body=body).replace(b"Connection: close\r\n", b"")
    answer = service.raw(first + request("GET", f"{EVENTS}/$count", client))
    assert re.findall(rb"HTTP/1\.1 (\d+) ", answer) == [b"204", b"200"]


def test_http_1_0_is_answered(client: Client, service: Service) -> None:
    """Old clients get an answer and the end of the connection."""
    sent = f"GET {EVENTS}/$count HTTP/1.0\r\nAuthorization: Bearer {client.token}\r\n\r\n".encode()
    assert service.raw(sent).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("letter", [pytest.param("é".encode(), id="utf-8"), pytest.param(b"\xe9", id="latin-1")])
def test_a_query_that_is_not_percent_encoded_is_refused(client: Client, service: Service, letter: bytes) -> None:
    """Which letters raw bytes mean is anybody's guess: 400 that says what would be right."""
    target = f"{EVENTS}?$filter=osVersion%20eq%20'".encode() + letter + b"'"
    status, error = status_and_error(service.raw(request("GET", EVENTS, client).replace(EVENTS.encode(), target)))
    assert status == 400
    assert "percent-encoded" in error["message"]


def test_a_defect_is_500_in_the_envelope_and_tells_nothing(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw is 500: no trace of the cause in the answer, the cause in the log under the request-id."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("the secret cause")

    monkeypatch.setattr(type(service.store), "read", broken)
    reply = client.get(f"{EVENTS}/x")
    monkeypatch.undo()
    error = refused(reply, 500, "InternalServerError")
    assert "request-id" in error["message"]
    assert "secret" not in reply.text
    assert "Traceback" not in reply.text
