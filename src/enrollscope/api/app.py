"""The ASGI application: takes a request off the wire, hands it to whatever answers it, puts the reply on the wire.

Requests are dispatched here and not by a router: the first segment says which version's model does the routing.
"""

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from enrollscope.api.compression import accepts_gzip, compress
from enrollscope.api.crossorigin import CrossOrigin
from enrollscope.api.errors import failure_reply
from enrollscope.api.exchange import take_exchange
from enrollscope.api.messages import (
    Call,
    ClientDisconnected,
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
from enrollscope.api.serve import Service
from enrollscope.odata.edm.values import unix_ticks
from enrollscope.odata.errors import ServiceUnavailable

log = logging.getLogger(__name__)

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
_COMMON_LINES = "".join(f"{name}: {value}\r\n" for name, value in _COMMON_HEADERS)


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection.

        Raises:
            RuntimeError: it is not HTTP; the server then refuses it.
        """
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not spoken here")
        call = self._call(scope)
        exchange = take_exchange(scope)
        body = RequestBody(None if exchange is None else exchange.body, receive)
        try:
            reply = await self._answer(call, body)
        except ClientDisconnected:
            log.debug("the client left before its request was whole", extra={"request_id": call.request_id})
            return
        content = reply.body
        headers = [] if reply.content_type is None else [("content-type", reply.content_type)]
        if len(content) >= self.compress_from and accepts_gzip(call.headers.get("accept-encoding", "")):
            content = await compress(content)
            headers.append(("content-encoding", "gzip"))
        if reply.status not in (204, 304):
            headers.append(("content-length", str(len(content))))
        if "origin" in call.headers:
            headers += self.cross_origin.headers(call.headers["origin"])
        headers += reply.headers
        # What is refused may close the connection, and is answered in messages.
        if reply.status >= 400 or exchange is None or not exchange.answer(reply.status, _lines(call, headers), content):
            await send({"type": "http.response.start", "status": reply.status, "headers": _fields(call, headers)})
            await send({"type": "http.response.body", "body": content})

    async def _answer(self, call: Call, body: RequestBody) -> Reply:
        first, _, rest = call.path.lstrip("/").partition("/")
        service = self.services.get(first) or self.services.get(first.lower())
        try:
            if call.method == "OPTIONS" and (preflight := self.cross_origin.preflight(call)) is not None:
                return preflight
            if service is not None:
                return await service.serve(call, rest, body)
            return await self.operations.serve(call.path, call)
        except ClientDisconnected:
            raise
        except asyncio.CancelledError:
            # The server cancels a request only at a stop, when it has waited for it long enough. This task is the
            # request and ends with the answer, so there is nobody left to hand the cancellation on to.
            refusal = ServiceUnavailable(
                "The service stopped before the request was whole or its answer ready.", headers={"Retry-After": "5"}
            )
            return failure_reply(refusal, call)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes the answer
            return failure_reply(failure, call)

    def _call(self, scope: Scope) -> Call:
        headers = read_headers(scope)
        request_id = new_request_id()
        return Call(
            method=scope["method"],
            # What is not UTF-8 goes on as it is, so that the parsers can say where it stands.
            path=scope["raw_path"].decode("utf-8", "surrogateescape"),
            query=scope["query_string"].decode("utf-8", "surrogateescape"),
            headers=headers,
            base_url=self.public_url or _origin(scope, headers),
            request_id=request_id,
            client_request_id=client_request_id(headers) or request_id,
            received=unix_ticks(time.time_ns()),
        )


def _lines(call: Call, headers: list[tuple[str, str]]) -> str:
    """All headers of an answer, as they go over the wire."""
    own = "".join([f"{name}: {value}\r\n" for name, value in headers])
    return f"request-id: {call.request_id}\r\nclient-request-id: {call.client_request_id}\r\n{_COMMON_LINES}{own}"


def _fields(call: Call, headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """The same as ASGI has them."""
    ids = [("request-id", call.request_id), ("client-request-id", call.client_request_id)]
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (*ids, *_COMMON_HEADERS, *headers)]


def _origin(scope: Scope, headers: Mapping[str, str]) -> str:
    """Scheme and host as the client wrote them, or as the server knows them where it wrote none that can be used.

    What a proxy says of the client's request counts where the proxy runs on this machine (contract §3.4); anyone else
    could say so, too.
    """
    scheme, host = scope["scheme"], headers.get("host", "")
    if ("x-forwarded-host" in headers or "x-forwarded-proto" in headers) and _is_local(scope):
        # Each proxy appends to what it found: the first one stood nearest to the client.
        forwarded = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
        scheme = forwarded if forwarded in ("http", "https") else scheme
        host = headers.get("x-forwarded-host", host).partition(",")[0].strip()
    if not _HOST.fullmatch(host):
        address, port = scope.get("server") or ("localhost", None)
        host = str(address) if port is None else f"{address}:{port}"
    return f"{scheme}://{host}"


def _is_local(scope: Scope) -> bool:
    """Whether the request came from this machine; over a socket in the file system there is no address."""
    client = scope.get("client")
    return client is None or _is_loopback(client[0])


@lru_cache(128)
def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
