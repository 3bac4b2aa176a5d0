"""A request and a reply as values, and the ASGI messages they come from and go to.

The values are msgspec structs, not dataclasses: they are made for every request, in a third of the time.
"""

import random
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Self, TypeAlias

import msgspec

from enrollscope.odata.errors import BadRequest, RequestEntityTooLarge

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_CLIENT_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_DRAINED = 32 * 1024 * 1024
_RANDOM_BITS = 0xFFFFFFFF_FFFF_0FFF_3FFF_FFFFFFFFFFFF
_VERSION_4 = 0x4000_8000_000000000000


class ClientDisconnected(Exception):
    """The client went away before its request was whole; there is nobody to answer."""


class Headers(dict[str, str]):
    """Lower-case name → value; repeated ones joined by a comma, as RFC 9110 §5.3 allows.

    What was made of them is kept with them, since many requests of a connection bring the very same.

    Attributes:
        origin: scheme and host, as the client sees the service.
        digest: by which the caller is known; see `auth.verifier`.
        wishes: what they ask for.
        json_format: how an answer in JSON is put.
    """

    __slots__ = ("digest", "json_format", "origin", "wishes")

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.origin: str | None = None
        self.digest: bytes | None = None
        self.wishes: Any = None
        self.json_format: Any = None

    def named(self, client_request_id: str) -> Self:
        """The same with another id of the client's, one that can be used."""
        copy = type(self)(self)
        copy["client-request-id"] = client_request_id
        copy.origin, copy.digest, copy.wishes, copy.json_format = (
            self.origin,
            self.digest,
            self.wishes,
            self.json_format,
        )
        return copy


class Call(msgspec.Struct, frozen=True):
    """One request, its body not read yet.

    Attributes:
        path: as sent, still percent-encoded, with its leading slash, without the query.
        query: as sent, still percent-encoded, without `?`.
        base_url: under which clients reach the service, without version and without a trailing slash.
        request_id: ours, a GUID.
        client_request_id: the client's own, or ours where it sent none.
        received: ticks of `odata.edm.values.Instant`, UTC.
        batched: whether it came inside a batch.
    """

    method: str
    path: str
    query: str
    headers: Headers
    base_url: str
    request_id: str
    client_request_id: str
    received: int
    batched: bool = False


class Reply(msgspec.Struct, frozen=True):
    """One answer."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: list[tuple[str, str]] = msgspec.field(default_factory=list)


class RequestBody(msgspec.Struct, frozen=True):
    """The body of a request, which may still be on its way.

    Attributes:
        whole: all of it, where it has come.
        receive: what gives the rest, piece by piece.
    """

    whole: bytes | None
    receive: Receive | None = None


def read_headers(fields: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Decode the request headers; bytes outside ASCII become the Latin-1 characters that HTTP says they are."""
    found = Headers()
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def client_request_id(headers: Mapping[str, str]) -> str | None:
    """The client's own name for its request, if it sent one that can go into logs and back to it (contract §5.4)."""
    sent = headers.get("client-request-id")
    return sent if sent is not None and _CLIENT_REQUEST_ID.fullmatch(sent) else None


def check_client_request_id(headers: Mapping[str, str]) -> None:
    """Refuse a `client-request-id` that cannot be used.

    Raises:
        BadRequest: it is too long, or holds blanks or control characters.
    """
    if "client-request-id" in headers and client_request_id(headers) is None:
        raise BadRequest(
            "client-request-id must be 1 to 128 printable ASCII characters without blanks, a GUID for example.",
            target="client-request-id",
        )


def new_request_id() -> str:
    """A random GUID (version 4, RFC 9562) in text. It names a request and guards nothing."""
    digits = f"{random.getrandbits(128) & _RANDOM_BITS | _VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


async def read_body(body: RequestBody, headers: Mapping[str, str], limit: int) -> bytes:
    """Read the whole body.

    A body over the limit is read on and thrown away, so that the client hears the answer and not a broken pipe.

    Raises:
        RequestEntityTooLarge: it is longer than `limit` bytes.
        ClientDisconnected: it never came.
    """
    announced = headers.get("content-length", "0")
    if not announced.isdigit():
        raise BadRequest("Content-Length must be a whole number.", target="Content-Length")
    if int(announced) > _DRAINED:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while body.receive is not None:
        message = await body.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > _DRAINED:
            raise _too_large(limit)
        if not message.get("more_body", False):
            break
    return within(limit, b"".join(chunks), size)


def within(limit: int, content: bytes, size: int | None = None) -> bytes:
    """A body, if it is not too long.

    Args:
        size: its length, where `content` is not all of it.

    Raises:
        RequestEntityTooLarge: it is longer than `limit` bytes.
    """
    if (len(content) if size is None else size) > limit:
        raise _too_large(limit)
    return content


def _too_large(limit: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(
        f"The request body is longer than {limit} bytes, the most that is taken here.",
        headers={"Connection": "close"},
    )
