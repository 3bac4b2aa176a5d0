"""The ASGI application: takes a request off the wire, hands it to whatever answers it, puts the reply on the wire.

Requests are dispatched here and not by a router: the first segment says which version's model does the routing.
"""

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from enrollscope.api.compression import accepts_gzip, compress
from enrollscope.api.crossorigin import CrossOrigin
from enrollscope.api.errors import failure_reply
from enrollscope.api.exchange import Ends, Exchange
from enrollscope.api.heads import Target
from enrollscope.api.messages import (
    Call,
    ClientDisconnected,
    Headers,
    Receive,
    Reply,
    RequestBody,
    Scope,
    Send,
    client_request_id,
    new_request_id,
    read_headers,
)
from enrollscope.api.operations import Operations
from enrollscope.api.serve import Promised, Service
from enrollscope.odata.edm.values import unix_ticks
from enrollscope.odata.errors import ServiceUnavailable

log = logging.getLogger(__name__)

Begun: TypeAlias = Reply | Promised | Coroutine[Any, Any, Reply]
"""What became of a request at once: an answer, what it waits for, or work for a task."""

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_DIAGNOSTIC = (
    '{"ServerInfo":{"DataCenter":"self-hosted","Slice":"E","Ring":"1","ScaleUnit":"001","RoleInstance":"enrollscope"}}'
)
_COMMON_HEADERS = (
    ("cache-control", "no-cache"),
    ("vary", "Accept-Encoding"),
    ("strict-transport-security", "max-age=31536000"),
    ("x-ms-ags-diagnostic", _DIAGNOSTIC),
)


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that answers over HTTP.

    Attributes:
        services: version segment → the OData service of that version.
        public_url: under which clients reach this service; `None`: as the request says.
        cross_origin: which scripts of other origins may call.
        compress_from: bytes from which an answer is compressed where the client accepts that.
    """

    services: Mapping[str, Service]
    operations: Operations
    public_url: str | None
    cross_origin: CrossOrigin
    compress_from: int

    def begin(self, exchange: Exchange) -> None:
        """Answer one request of this project's server; see `api.http.Answers`."""
        call = self._call(exchange.target, exchange.headers, exchange.ends)
        try:
            body = RequestBody(exchange.whole_body, exchange.receive)  # type: ignore[arg-type]  # its own words for it
            begun = self._begin(call, body)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes the answer
            self._give(exchange, call, failure_reply(failure, call))
            return
        if isinstance(begun, Reply):
            self._give(exchange, call, begun)
        elif not isinstance(begun, Promised):
            exchange.run(self._finish(exchange, call, begun))
        elif begun.future.done():
            self._give(exchange, call, _kept(begun, call))
        else:
            exchange.when(begun.future, lambda _: self._give(exchange, call, _kept(begun, call)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection, of whatever server.

        Raises:
            RuntimeError: it is not HTTP; the server then refuses it.
        """
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not spoken here")
        target = Target(scope["method"], scope["raw_path"], scope["query_string"])
        ends = Ends(scope["scheme"], scope.get("client"), scope.get("server"))
        call = self._call(target, read_headers(scope["headers"]), ends)
        try:
            begun = self._begin(call, RequestBody(None, receive))
        except Exception as failure:  # noqa: BLE001 - as above
            reply: Reply | None = failure_reply(failure, call)
        else:
            reply = await _answer(begun, call)
        if reply is not None:
            await self._send(send, call, reply)

    def _begin(self, call: Call, body: RequestBody) -> Begun:
        first, _, rest = call.path.lstrip("/").partition("/")
        service = self.services.get(first) or self.services.get(first.lower())
        if call.method == "OPTIONS" and (preflight := self.cross_origin.preflight(call)) is not None:
            return preflight
        if service is None:
            return self.operations.serve(call.path, call)
        return service.begin(call, rest, body)

    async def _finish(self, exchange: Exchange, call: Call, begun: Coroutine[Any, Any, Reply]) -> None:
        reply = await _answer(begun, call)
        if reply is not None:
            self._give(exchange, call, reply)

    def _give(self, exchange: Exchange, call: Call, reply: Reply) -> None:
        """Send an answer: in one piece if it is ready as it stands and leaves the connection open."""
        if (
            reply.status >= 400
            or self._is_compressed(call, reply)
            or not exchange.answer(reply.status, _lines(self._headers(call, reply)), reply.body)
        ):
            exchange.run(self._send(exchange.send, call, reply))  # type: ignore[arg-type]  # as above

    async def _send(self, send: Send, call: Call, reply: Reply) -> None:
        if self._is_compressed(call, reply):
            headers = [*reply.headers, ("content-encoding", "gzip")]
            reply = msgspec.structs.replace(reply, body=await compress(reply.body), headers=headers)
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self._headers(call, reply)]
        await send({"type": "http.response.start", "status": reply.status, "headers": fields})
        await send({"type": "http.response.body", "body": reply.body})

    def _is_compressed(self, call: Call, reply: Reply) -> bool:
        return len(reply.body) >= self.compress_from and accepts_gzip(call.headers.get("accept-encoding", ""))

    def _headers(self, call: Call, reply: Reply) -> list[tuple[str, str]]:
        headers = [("request-id", call.request_id), ("client-request-id", call.client_request_id), *_COMMON_HEADERS]
        if reply.content_type is not None:
            headers.append(("content-type", reply.content_type))
        if reply.status not in (204, 304):
            headers.append(("content-length", str(len(reply.body))))
        if "origin" in call.headers:
            headers += self.cross_origin.headers(call.headers["origin"])
        headers += reply.headers
        return headers

    def _call(self, target: Target, headers: Headers, ends: Ends) -> Call:
        request_id = new_request_id()
        return Call(
            method=target.method,
            # What is not UTF-8 goes on as it is, so that the parsers can say where it stands.
            path=target.path.decode("utf-8", "surrogateescape"),
            query=target.query.decode("utf-8", "surrogateescape"),
            headers=headers,
            base_url=self.public_url or headers.origin or _origin(ends, headers),
            request_id=request_id,
            client_request_id=client_request_id(headers) or request_id,
            received=unix_ticks(time.time_ns()),
        )


def _lines(headers: list[tuple[str, str]]) -> str:
    """Headers as they go over the wire."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers])


def _kept(promised: Promised, call: Call) -> Reply:
    """The answer to a request whose promise was kept, or was not."""
    try:
        # Not raised: a failure that holds the frames it came through, and they the future, would be a cycle of garbage.
        broken = promised.future.exception()
        if isinstance(broken, Exception):
            return failure_reply(broken, call)
        return promised.finish(promised.future.result())
    except asyncio.CancelledError:
        return failure_reply(_stopped(), call)
    except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes the answer
        return failure_reply(failure, call)


async def _answer(begun: Begun, call: Call) -> Reply | None:
    """The answer to a request; `None`: nobody waits for it any more."""
    try:
        if isinstance(begun, Reply):
            return begun
        if isinstance(begun, Promised):
            return begun.finish(await begun.future)
        return await begun
    except ClientDisconnected:
        log.debug("the client left before its request was whole", extra={"request_id": call.request_id})
        return None
    except asyncio.CancelledError:
        # The server cancels a request only at a stop, when it has waited for it long enough. This task is the request
        # and ends with the answer, so there is nobody left to hand the cancellation on to.
        return failure_reply(_stopped(), call)
    except Exception as failure:  # noqa: BLE001 - as above
        return failure_reply(failure, call)


def _stopped() -> ServiceUnavailable:
    return ServiceUnavailable(
        "The service stopped before the request was whole or its answer ready.", headers={"Retry-After": "5"}
    )


def _origin(ends: Ends, headers: Headers) -> str:
    """Scheme and host as the client wrote them, or as the server knows them where it wrote none that can be used.

    What a proxy says of the client's request counts where the proxy runs on this machine (contract §3.4); anyone else
    could say so, too.
    """
    scheme, host = ends.scheme, headers.get("host", "")
    if ("x-forwarded-host" in headers or "x-forwarded-proto" in headers) and _is_local(ends):
        # Each proxy appends to what it found: the first one stood nearest to the client.
        forwarded = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
        scheme = forwarded if forwarded in ("http", "https") else scheme
        host = headers.get("x-forwarded-host", host).partition(",")[0].strip()
    if not _HOST.fullmatch(host):
        address, port = ends.server or ("localhost", None)
        host = str(address) if port is None else f"{address}:{port}"
    headers.origin = f"{scheme}://{host}"
    return headers.origin


def _is_local(ends: Ends) -> bool:
    """Whether the request came from this machine; over a socket in the file system there is no address."""
    return ends.client is None or _is_loopback(ends.client[0])


@lru_cache(128)
def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
