"""The ASGI application: takes a request off the wire, hands it to whatever answers it, puts the reply on the wire.

Requests are dispatched here and not by a router: the first segment says which version's model does the routing.
"""

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from enrollscope.api.errors import failure_reply
from enrollscope.api.messages import (
    Call,
    ClientDisconnected,
    Receive,
    Reply,
    Scope,
    Send,
    client_request_id,
    new_request_id,
    read_headers,
)
from enrollscope.api.operations import Operations
from enrollscope.api.serve import Service
from enrollscope.odata.values import Instant

log = logging.getLogger(__name__)

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_DIAGNOSTIC = (
    '{"ServerInfo":{"DataCenter":"self-hosted","Slice":"E","Ring":"1","ScaleUnit":"001","RoleInstance":"enrollscope"}}'
)
_COMMON_HEADERS = (
    (b"cache-control", b"no-cache"),
    (b"vary", b"Accept-Encoding"),
    (b"strict-transport-security", b"max-age=31536000"),
    (b"x-ms-ags-diagnostic", _DIAGNOSTIC.encode()),
)


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that answers over HTTP.

    Attributes:
        services: version segment → the OData service of that version.
        public_url: under which clients reach this service; `None`: as the `Host` header says.
    """

    services: Mapping[str, Service]
    operations: Operations
    public_url: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection.

        Raises:
            RuntimeError: it is not HTTP; the server then refuses it.
        """
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not spoken here")
        call = self._call(scope)
        try:
            reply = await self._answer(call, receive)
        except ClientDisconnected:
            log.debug("the client left before its request was whole", extra={"request_id": call.request_id})
            return
        await _send(reply, call, send)

    async def _answer(self, call: Call, receive: Receive) -> Reply:
        first, _, rest = call.path.lstrip("/").partition("/")
        service = self.services.get(first) or self.services.get(first.lower())
        try:
            if service is not None:
                return await service.serve(call, rest, receive)
            return await self.operations.serve(call.path, call)
        except ClientDisconnected:
            raise
        except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes the answer
            return failure_reply(failure, call)

    def _call(self, scope: Scope) -> Call:
        headers = read_headers(scope)
        request_id = new_request_id()
        return Call(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            base_url=self.public_url or _origin(scope, headers),
            request_id=request_id,
            client_request_id=client_request_id(headers) or request_id,
            received=Instant.from_unix_nanoseconds(time.time_ns()).ticks,
        )


def _origin(scope: Scope, headers: Mapping[str, str]) -> str:
    """Scheme and host as the client wrote them, or as the server knows them where it wrote none that can be used."""
    host = headers.get("host", "")
    if not _HOST.fullmatch(host):
        address, port = scope.get("server") or ("localhost", None)
        host = str(address) if port is None else f"{address}:{port}"
    return f"{scope['scheme']}://{host}"


async def _send(reply: Reply, call: Call, send: Send) -> None:
    headers = [
        (b"request-id", call.request_id.encode("ascii")),
        (b"client-request-id", call.client_request_id.encode("ascii")),
        *_COMMON_HEADERS,
    ]
    if reply.content_type is not None:
        headers.append((b"content-type", reply.content_type.encode("latin-1")))
    if reply.status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(reply.body)))
    for name, value in reply.headers:
        headers.append((name.encode("latin-1"), value.encode("latin-1")))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
