"""Requests whose heads are the same again: they mean what the parser would have made of them, or go through it."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
import uvicorn
import uvloop
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from enrollscope.api.exchange import Exchange
from enrollscope.api.heads import Target
from enrollscope.api.http import EnvelopeProtocol
from tests.api.connections import fed
from tests.api.service import EVENTS, Client, Service


class Asked(NamedTuple):
    """What reached the application of one request."""

    target: Target
    headers: dict[str, str]
    body: bytes | None


class Recording:
    """An application that remembers what it was asked. It answers at once, a little later, or when it has the body.

    Args:
        seconds: how much later; 0: some turns of the loop.
    """

    def __init__(self, seconds: float = 0) -> None:
        self.asked: list[Asked] = []
        self._seconds = seconds

    def begin(self, exchange: Exchange) -> None:
        """Take a request."""
        self.asked.append(Asked(exchange.target, dict(exchange.headers), exchange.whole_body))
        match len(exchange.target.path) % 3:
            case 0:
                self._answer(exchange)
            case 1:
                loop = asyncio.get_running_loop()
                later: asyncio.Future[None] = loop.create_future()
                exchange.when(later, lambda _: self._answer(exchange))
                loop.call_soon(loop.call_later, self._seconds, later.set_result, None)
            case _:
                exchange.run(self._read(exchange))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Look like an ASGI application."""

    async def _read(self, exchange: Exchange) -> None:
        whole = exchange.whole_body is not None
        while not whole:
            message = await exchange.receive()
            whole = message["type"] == "http.disconnect" or not message.get("more_body")
        self._answer(exchange)

    def _answer(self, exchange: Exchange) -> None:
        exchange.answer(200, "content-length: 2\r\n", b"{}")


class Forgetful(EnvelopeProtocol):
    """A protocol for which each head is a new one."""

    def _keep(self, exchange: Exchange, data: bytes) -> None:
        """Keep none."""


async def heard(
    protocol: type[EnvelopeProtocol], pieces: Sequence[bytes], turns: Sequence[int] = ()
) -> tuple[list[Asked], int, bool]:
    """What an application hears of a connection, how many answers there are, and whether it was closed."""
    recording = Recording()
    sink = await fed(recording, pieces, protocol, turns)
    return recording.asked, sink.written.count(b"HTTP/1.1 "), sink.closed


LINES = (
    b"GET /v1.0/a HTTP/1.1",
    b"GET /v1.0/aa HTTP/1.1",
    b"GET /v1.0/b?$top=1 HTTP/1.1",
    b"POST /v1.0/aaa?x HTTP/1.1",
    b"PATCH /v1.0/a('1') HTTP/1.1",
    b"HEAD //x HTTP/1.1",
)
ODD_LINES = (
    b"GET /a#b HTTP/1.1",
    b"GET /\xc3\xa4 HTTP/1.1",
    b"GET /a HTTP/1.0",
    b"GET http://h/a HTTP/1.1",
    b"BREW / HTTP/1.1",
    b"CONNECT /x HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
)
HEADS = (
    b"Host: a\r\n",
    b"Host: a\r\nAuthorization: Bearer x\r\nConnection: keep-alive\r\n",
    b"Host: a\r\nAuthorization: Bearer y\r\nConnection: keep-alive\r\n",
    b"Host: a\r\nclient-request-id: 1\r\n",
    b"Host: a\r\nclient-request-id: 22\r\n",
    b"Host: a\r\nClient-Request-Id:3\r\nContent-Length: 4\r\n",
    b"Host: a\r\nClient-Request-Id:44\r\nContent-Length: 4\r\n",
    b"Host: a\r\nContent-Length: 4\r\n",
    b"Host: a\r\nContent-Length: 30\r\n",
    b"Host: a\r\nContent-Length: 0\r\n",
)
ODD_HEADS = (
    b"Host: a\r\nTransfer-Encoding: chunked\r\n",
    b"Host: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n",
    b"Host: a\r\nConnection: close\r\n",
    b"Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n",
    b"Host: a\r\nclient-request-id: 1\r\nclient-request-id: 2\r\n",
    b"Host: a\r\nclient-request-id: \r\n",
    b"Host: a\r\nclient-request-id: 1 2\r\n",
    b"Host: a\nX: b\r\n",
    b"Host: a\r\n folded\r\n",
)
BODIES = (b"", b"{  }", b"\r\n\r\n", b"\r\n{}", b"4\r\n{  }\r\n0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n")
ENDS = (b"", b"", b"", b"\r\n", b"\r\n\r\n")

requests = st.builds(
    lambda line, head, body, end: line + b"\r\n" + head + b"\r\n" + body + end,
    st.sampled_from(LINES * 3 + ODD_LINES),
    st.sampled_from(HEADS * 3 + ODD_HEADS),
    st.sampled_from(BODIES),
    st.sampled_from(ENDS),
)


@st.composite
def connections(draw: st.DrawFn) -> tuple[list[bytes], list[int]]:
    """Pieces as they come over a connection, and how soon: few requests, again and again, at once and in parts."""
    pool = draw(st.lists(requests, min_size=1, max_size=3))
    pieces: list[bytes] = []
    for sent in draw(
        st.lists(st.lists(st.sampled_from(pool), min_size=1, max_size=2).map(b"".join), min_size=2, max_size=7)
    ):
        cut = draw(st.one_of(st.just(0), st.just(0), st.integers(1, max(1, len(sent) - 1))))
        pieces += [sent] if not cut else [sent[:cut], sent[cut:]]
    soon = st.sampled_from((0, 0, 1, 2, 3, 10))
    return pieces, draw(st.lists(soon, min_size=len(pieces), max_size=len(pieces)))


@given(connection=connections())
def test_a_head_that_is_known_means_what_the_parser_makes_of_it(connection: tuple[list[bytes], list[int]]) -> None:
    """Whatever comes, an application hears the same as if each head were parsed, and as many answers go out."""
    assert asyncio.run(heard(EnvelopeProtocol, *connection)) == asyncio.run(heard(Forgetful, *connection))


def who(asked: Sequence[Asked]) -> list[str]:
    """Who sent each request."""
    return [each.headers.get("authorization", "") for each in asked]


def sent_by(name: str, path: str = "/v1.0/aa") -> bytes:
    """A request of somebody."""
    return f"GET {path} HTTP/1.1\r\nAuthorization: {name}\r\n\r\n".encode()


async def test_a_request_that_overtakes_the_next_one_gives_it_no_head() -> None:
    """The head of what comes behind a request that waits belongs to nobody but its own request."""
    connect, get = b"CONNECT /xy HTTP/1.1\r\nAuthorization: alice\r\n\r\n", sent_by("bob", "/v1.0/aaa")
    asked, _, _ = await heard(EnvelopeProtocol, [connect[:9], connect[9:] + get, get, get])
    assert who(asked) == ["alice", "bob", "bob", "bob"]


def test_over_sockets_everybody_stays_who_they_are() -> None:
    """With the loop that serves, which looks at its sockets before it does what an answer left to be done."""

    async def talk() -> list[str]:
        recording, loop, state = Recording(0.06), asyncio.get_running_loop(), ServerState()
        config = uvicorn.Config(recording, http=EnvelopeProtocol, lifespan="off", proxy_headers=False, log_config=None)
        config.load()
        server = await loop.create_server(
            lambda: EnvelopeProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        waits, alice, bob = ("alice", "/v1.0/a", 0.02), ("alice", "/v1.0/aa", 0.02), ("bob", "/v1.0/aa", 0.1)
        for name, path, seconds in (waits, alice, bob, bob) * 4:
            writer.write(sent_by(name, path))
            await asyncio.sleep(seconds)
        for _ in range(16):
            await reader.readuntil(b"{}")
        writer.close()
        server.close()
        return who(recording.asked)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(talk()) == ["alice", "alice", "bob", "bob"] * 4


async def test_empty_lines_between_requests_do_not_add_up() -> None:
    """They belong to no head, so they make none too long."""
    pieces = [sent_by("alice"), b"\r\n" * 1000] * 80
    asked, answers, closed = await heard(EnvelopeProtocol, pieces)
    assert (len(asked), answers, closed) == (80, 80, False)


@pytest.mark.parametrize(
    ("first", "second", "known"),
    [
        pytest.param(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /b?c=d HTTP/1.1\r\nHost: a\r\n\r\n", True, id="path"),
        pytest.param(
            b"PATCH /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
            b"PATCH /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]",
            True,
            id="body",
        ),
        pytest.param(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n", False, id="header"),
        pytest.param(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /a HTTP/1.0\r\nHost: a\r\n\r\n", False, id="version"),
        pytest.param(
            b"GET /a HTTP/1.1\r\nclient-request-id: 1\r\nHost: a\r\n\r\n",
            b"GET /a HTTP/1.1\r\nclient-request-id: 22\r\nHost: a\r\n\r\n",
            True,
            id="own-id",
        ),
        pytest.param(
            b"GET /a HTTP/1.1\r\nclient-request-id: 1\r\nHost: a\r\n\r\n",
            b"GET /a HTTP/1.1\r\nclient-request-id: 1 2\r\nHost: a\r\n\r\n",
            False,
            id="own-id-that-is-none",
        ),
    ],
)
async def test_only_what_is_the_same_is_taken_for_known(first: bytes, second: bytes, known: bool) -> None:
    """What is known does not go through the parser; all else does."""
    parsed: list[bytes] = []

    class Watched(EnvelopeProtocol):
        def on_url(self, url: bytes) -> None:
            parsed.append(url)
            super().on_url(url)

    asked, _, _ = await heard(Watched, [first, second])
    assert len(asked) == 2
    assert len(parsed) == (1 if known else 2)


def test_who_sends_a_known_head_is_still_looked_at(service: Service, client: Client) -> None:
    """What is known is what the headers say; whether the caller may go on is found out each time."""
    path = f"{EVENTS}/{client.create()['id']}"
    assert [client.get(path).status_code for _ in range(3)] == [200] * 3
    assert client.delete(path).status_code == 204
    assert [client.get(path).status_code for _ in range(2)] == [404] * 2
    assert service.http.get(path).status_code == 401


def test_every_request_keeps_its_own_id(client: Client) -> None:
    """As the SDKs send it, another one each time."""
    path = f"{EVENTS}/{client.create()['id']}"
    names = [f"request-{number}" for number in range(5)]
    assert [client.get(path, client_request_id=name).headers["client-request-id"] for name in names] == names
