"""The HTTP protocol of the server: uvicorn's, with what it leaves open towards broken, slow and endless clients.

Whatever is refused here is refused in the Graph envelope. No other protocol is spoken, so an offer to change to one is
passed over, as RFC 9110 §7.8 lets a server do, and the request is answered as if the offer were not there.
"""

import asyncio
import time
from typing import Any, ClassVar, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from enrollscope.api.errors import error_reply
from enrollscope.api.exchange import EXTENSION, Exchange
from enrollscope.api.messages import Call, new_request_id
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


class EnvelopeProtocol(HttpToolsProtocol):
    """One connection.

    Attributes:
        head_seconds: how long a client may take from the connection, or from the first byte of a further request, to
            the end of the headers.
    """

    head_seconds: ClassVar[float] = 30.0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = False
        self._head_length = 0
        self._unread_head = 0
        self._resuming = False
        self._refused = False
        self._unanswered = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(JoiningTransport(transport, self.loop))  # type: ignore[arg-type]  # it acts as one
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._refused:
            return
        self._unset_keepalive_if_required()
        began_in_head = self._in_head
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._resume(data[offer.args[0] :])
            return
        except httptools.HttpParserError as error:
            self._refuse_head(error)
            return
        if began_in_head and self._in_head:
            # The parser keeps a header to itself until all of it is there.
            self._unread_head += len(data)
            if self._unread_head > LONGEST_HEAD:
                self._refuse_head(_HeadTooLong())

    def on_message_begin(self) -> None:
        """See the first byte of a request."""
        if self._resuming:
            return
        super().on_message_begin()
        self._in_head = True
        self._head_length = self._unread_head = 0
        if self._head_timer is None:
            self._start_timer()

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        if not self._resuming:
            self._count(len(url))
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer."""
        if not self._resuming:
            self._count(len(name) + len(value))
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        if not self._resuming:
            self._in_head = False
            self._stop_timer()
            super().on_headers_complete()  # raises where the URL is none
            self.scope["extensions"] = {EXTENSION: Exchange(self.cycle)}  # type: ignore[dict-item]  # an object, not data
            self._unanswered += 1

    def on_message_complete(self) -> None:
        """End the body, unless the parser only gave up before it."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        self._unanswered -= 1
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer 400 and close: where the next request would begin is not known."""
        self._refuse(
            BadRequest(
                f"The request is not HTTP as RFC 9112 defines it: {msg.rstrip('.')}. Look in the URL and the headers "
                "for control characters, for blanks where none may be, for what must be percent-encoded, and for more "
                "than 64 KiB in one of them; the method must be one that HTTP knows."
            )
        )

    def _count(self, length: int) -> None:
        self._head_length += length
        if self._head_length > LONGEST_HEAD:
            raise _HeadTooLong

    def _refuse_head(self, error: Exception) -> None:
        if isinstance(error, _HeadTooLong) or isinstance(error.__context__, _HeadTooLong):
            self._refuse(BadRequest(f"URL and headers of the request are longer than {LONGEST_HEAD} bytes together."))
        else:
            self.send_400_response("Invalid HTTP request received.")

    def _resume(self, rest: bytes) -> None:
        """Read the body that the parser took for another protocol, with a parser that never heard of one."""
        framing = b"".join(b"%s: %s\r\n" % (name, value) for name, value in self.headers if name in _FRAMING)
        self.parser = httptools.HttpRequestParser(self)
        self._resuming = True
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
            self.cycle.message_event.set()
        request_id = new_request_id()
        call = Call("", "", "", {}, "", request_id, request_id, Instant.from_unix_nanoseconds(time.time_ns()).ticks)
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
