"""Requests whose heads are the same again: they mean what the parser would have made of them, or go through it."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    """An application that remembers what it was asked, and answers at once."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def begin(self, exchange: Exchange) -> None:
        """Take a request."""
        self.asked.append(Asked(exchange.target, dict(exchange.head.headers), exchange.whole_body))
        assert exchange.answer(200, "content-length: 2\r\n", b"{}")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Look like an ASGI application."""


class Forgetful(EnvelopeProtocol):
    """A protocol for which each head is a new one."""

    def _keep(self, exchange: Exchange, data: bytes) -> None:
        """Keep none."""


async def heard(protocol: type[EnvelopeProtocol], pieces: Sequence[bytes]) -> tuple[list[Asked], int, bool]:
    """What an application hears of a connection, how many answers there are, and whether it was closed."""
    recording = Recording()
    sink = await fed(recording, pieces, protocol)
    return recording.asked, sink.written.count(b"HTTP/1.1 "), sink.closed


LINES = (b"GET /v1.0/a HTTP/1.1", b"GET /v1.0/b?$top=1 HTTP/1.1", b"PATCH /v1.0/a('1') HTTP/1.1", b"HEAD //x HTTP/1.1")
ODD_LINES = (
    b"GET /a#b HTTP/1.1",
    b"GET /\xc3\xa4 HTTP/1.1",
    b"GET /a HTTP/1.0",
    b"GET http://h/a HTTP/1.1",
    b"BREW / HTTP/1.1",
)
HEADS = (
    b"Host: a\r\n",
    b"Host: a\r\nAuthorization: Bearer x\r\nConnection: keep-alive\r\n",
    b"Host: a\r\nContent-Length: 4\r\n",
    b"Host: a\r\nContent-Length: 30\r\n",
    b"Host: a\r\nContent-Length: 0\r\n",
)
ODD_HEADS = (
    b"Host: a\r\nTransfer-Encoding: chunked\r\n",
    b"Host: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n",
    b"Host: a\r\nConnection: close\r\n",
    b"Host: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n",
    b"Host: a\r\nclient-request-id: 1\r\n",
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
def connections(draw: st.DrawFn) -> list[bytes]:
    """Pieces as they come over a connection: requests, several of them at once, and parts of them."""
    pieces: list[bytes] = []
    for sent in draw(st.lists(st.lists(requests, min_size=1, max_size=2).map(b"".join), min_size=2, max_size=6)):
        again = draw(st.integers(1, 3))
        cut = draw(st.one_of(st.none(), st.integers(1, max(1, len(sent) - 1))))
        pieces += [sent] * again if cut is None else [sent[:cut], sent[cut:]]
    return pieces


@given(pieces=connections())
def test_a_head_that_is_known_means_what_the_parser_makes_of_it(pieces: list[bytes]) -> None:
    """Whatever comes, an application hears the same as if each head were parsed, and as many answers go out."""
    assert asyncio.run(heard(EnvelopeProtocol, pieces)) == asyncio.run(heard(Forgetful, pieces))


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
            b"GET /a HTTP/1.1\r\nclient-request-id: 1\r\n\r\n",
            b"GET /a HTTP/1.1\r\nclient-request-id: 1\r\n\r\n",
            False,
            id="own-id",
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
