"""The HTTP protocol of the server: uvicorn's, with what it leaves open towards broken, slow and endless clients.

Whatever is refused here is refused in the Graph envelope. No other protocol is spoken, so an offer to change to one is
passed over, as RFC 9110 §7.8 lets a server do, and the request is answered as if the offer were not there.

What uvicorn does for each request is written out here where it can be had for less: two timers set and stopped, the URL
parsed a second time, a scope and a task for what needs neither.
"""

import asyncio
import time
from typing import Any, ClassVar, Final, Protocol, cast

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from enrollscope.api.errors import error_reply
from enrollscope.api.exchange import Ends, Exchange, Wire
from enrollscope.api.heads import Again, Head, Target
from enrollscope.api.messages import Call, Headers, new_request_id
from enrollscope.api.transport import JoiningTransport
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import BadRequest, ODataError, RequestTimeout

LONGEST_HEAD: Final = 128 * 1024
"""Bytes of URL and headers: room for the longest query option percent-encoded and the longest access token."""

_LINGER_SECONDS: Final = 1.0
"""How long to throw away what comes after a refusal. Closing at once would reset the connection, and the client would
hear of that and not of the refusal."""

_REASONS: Final = {400: "Bad Request", 408: "Request Timeout"}
_FRAMING: Final = (b"content-length", b"transfer-encoding")


class _HeadTooLong(Exception):
    """Stops the parser."""


class Answers(Protocol):
    """What this server can put requests to."""

    def begin(self, exchange: Exchange) -> None:
        """Answer a request, at once or later."""
        ...


class EnvelopeProtocol(HttpToolsProtocol):
    """One connection.

    The application is one that takes an `Exchange`; see `Answers`.

    Attributes:
        head_seconds: how long a client may take from the connection, or from the first byte of a further request, to
            the end of the headers.
        idle_seconds: how long a connection is kept after an answer without a further request.
    """

    head_seconds: ClassVar[float] = 30.0
    idle_seconds: ClassVar[float] = 5.0

    cycle: Exchange
    _wire: Wire

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._begin = cast("Answers", self.app).begin
        self._next: Exchange | None = None
        self._known: Head | None = None
        self._reading = False
        self._begun = 0
        self._in_head = False
        self._head_length = 0
        self._unread = 0
        self._resuming = False
        self._refused = False
        self._unanswered = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None
        self._now = self.loop.time

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(JoiningTransport(transport, self.loop))  # type: ignore[arg-type]  # it acts as one
        ends = Ends(self.scheme or "http", self.client, self.server)
        self._wire = Wire(
            self.transport, self.flow, ends, self.loop, self.logger, self.server_state, self.on_response_complete
        )
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._refused:
            return
        if self._known is not None and not self._reading and self.cycle.response_complete:
            again = self._known.again(data)
            if again is not None:
                self._repeat(self._known, again)
                return
        alone, self._begun = not self._reading, 0
        self._unread += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._resume(data[offer.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse_head(error)
            return
        if self._next is not None:
            # Not at once: what is done for one request after the other stays in the processor's caches.
            self.loop.call_soon(self._start)
            # What came may be another request than the next one: that one waited, and this one waits behind it.
            if alone and self._begun == 1 and not self._reading and self._next is self.cycle:
                self._keep(self._next, data)
        if self._in_head and self._head_timer is None:
            self._start_timer()
        if self._unread > LONGEST_HEAD:
            self._refuse_unread()

    def on_message_begin(self) -> None:
        """See the first byte of a request."""
        if self._resuming:
            return
        self._reading = True
        self._begun += 1
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_head = True
        self._head_length = self._unread = 0
        self._idle_since = None

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        if not self._resuming:
            self._unread = 0
            self._count(len(url))
            self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or pass over a trailer: it came too late to count as a header (RFC 9110 §6.5.1)."""
        if self._resuming:
            return
        self._unread = 0
        self._count(len(name) + len(value))
        if self._in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        if self._resuming:
            return
        self._in_head = False
        self._stop_timer()
        earlier: Exchange | None = self.cycle
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        self.cycle = exchange = Exchange(
            self._wire,
            self._target(),
            Head(self.headers),
            keep_alive=keep_alive,
            waits_for_continue=self.expect_100_continue,
        )
        self._unanswered += 1
        if earlier is None or earlier.response_complete:
            self._next = exchange
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, or pass over it once the answer is out."""
        self._unread = 0
        exchange = self.cycle
        if exchange.response_complete:
            self._idle_since = self._now()
            return
        exchange.body += body
        if len(exchange.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        exchange.wake()

    def on_message_complete(self) -> None:
        """End the body, unless the parser only gave up before it."""
        self._reading = False
        exchange = self.cycle
        if not (exchange.response_complete or self.parser.should_upgrade()):
            exchange.more_body = False
            exchange.wake()

    def on_response_complete(self) -> None:
        """Go on to the next request, or wait for one."""
        self._unanswered -= 1
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._next = cast("Exchange", self.pipeline.pop()[0])
            self.loop.call_soon(self._start)
            return
        if not self._in_head:
            self._idle_since = self._now()
        if self.timeout_keep_alive_task is None:
            self._watch_idleness(self.idle_seconds)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection on which nothing came for a while, or look again later."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None or self.transport.is_closing():
            return
        left = self._idle_since + self.idle_seconds - self._now()
        if left > 0:
            self._watch_idleness(left)
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 and close: where the next request would begin is not known."""
        self._refuse(
            BadRequest(
                f"The request is not HTTP as RFC 9112 defines it: {msg.rstrip('.')}. Look in the URL and the headers "
                "for control characters, for blanks where none may be, and for what must be percent-encoded; the "
                "method must be one that HTTP knows."
            )
        )

    def _watch_idleness(self, seconds: float) -> None:
        """One timer serves many requests: it looks back at the last one, and is not set anew for each."""
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _target(self) -> Target:
        """What the request whose head is there asks for.

        Raises:
            HttpParserInvalidURLError: it is no URL.
            AttributeError: it has no path.
            UnicodeDecodeError: it holds bytes that are no ASCII.
        """
        if self.url.startswith(b"/") and b"#" not in self.url:
            path, _, query = self.url.partition(b"?")
        else:
            parsed = httptools.parse_url(self.url)
            path, query = parsed.path, parsed.query or b""
        path.decode("ascii")  # for what it raises: what reads the path later takes any bytes
        return Target(self.parser.get_method().decode("ascii"), path, query)

    def _start(self) -> None:
        """Have the request whose turn it is answered."""
        exchange, self._next = self._next, None
        if exchange is None:
            return
        try:
            self._begin(exchange)
        except Exception as defect:  # noqa: BLE001 - whatever it is, it must not end the connection without a word
            exchange.fail(defect)

    def _keep(self, exchange: Exchange, data: bytes) -> None:
        """Remember the head of a request that is all that came, so that the next one like it need not be parsed."""
        whole = exchange.keep_alive and not exchange.more_body
        self._known = exchange.head if whole and exchange.head.keep(data, len(exchange.body)) else None

    def _repeat(self, head: Head, again: Again) -> None:
        """Take a whole request whose head is known. The parser stays where it is: in front of the next request."""
        self.cycle = self._next = exchange = Exchange(self._wire, again.target, head)
        exchange.client_request_id = again.client_request_id
        exchange.body = bytearray(again.body)
        exchange.more_body = False
        self._idle_since = None
        self._unread = 0
        self._unanswered += 1
        self.loop.call_soon(self._start)

    def _count(self, length: int) -> None:
        self._head_length += length
        if self._head_length > LONGEST_HEAD:
            raise _HeadTooLong

    def _refuse_unread(self) -> None:
        """End what the parser keeps to itself until all of it is there: a header, a trailer, what describes a chunk."""
        if self._in_head or self._unanswered:
            self._refuse_head(_HeadTooLong())
        else:
            self.transport.close()

    def _refuse_head(self, error: Exception) -> None:
        if isinstance(error, _HeadTooLong) or isinstance(error.__context__, _HeadTooLong):
            self._refuse(BadRequest(f"URL and headers of the request are longer than {LONGEST_HEAD} bytes together."))
        else:
            self.send_400_response("Invalid HTTP request received.")

    def _resume(self, rest: bytes) -> None:
        """Read the body that the parser took for another protocol, with a parser that never heard of one."""
        framing = b"".join(b"%s: %s\r\n" % (name, value) for name, value in self.headers if name in _FRAMING)
        self.parser = httptools.HttpRequestParser(self)
        self._resuming = self._reading = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")
        self._resuming = False
        if rest:
            self.data_received(rest)

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._unanswered:
            self._start_timer()  # the answer to an earlier request goes first
        elif self._in_head:
            self._refuse(RequestTimeout(f"URL and headers were not complete after {self.head_seconds:g} seconds."))
        else:
            self.transport.close()

    def _refuse(self, refusal: ODataError) -> None:
        """Answer without the application, and close."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._stop_timer()
        if self._unanswered:
            # The application waits for a body that nobody reads any more.
            self.cycle.disconnected = True
            self.cycle.wake()
        request_id = new_request_id()
        call = Call(
            "", "", "", Headers(), "", request_id, request_id, Instant.from_unix_nanoseconds(time.time_ns()).ticks
        )
        reply = error_reply(refusal, call)
        head = [
            f"HTTP/1.1 {reply.status} {_REASONS[reply.status]}",
            f"content-type: {reply.content_type}",
            f"content-length: {len(reply.body)}",
            f"request-id: {request_id}",
            f"client-request-id: {request_id}",
            "connection: close",
        ]
        self.transport.write("\r\n".join([*head, "", ""]).encode("ascii") + reply.body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)
