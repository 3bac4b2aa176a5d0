"""Heads of requests: those of a kept connection often differ in nothing but the request line and `client-request-id`.

What such a head means is known already, so neither the parser nor anybody else reads it again. Taken for the same is
only what is the same byte for byte but for that id, behind a request line without anything unusual; all else goes the
long way.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from enrollscope.api.messages import Headers, read_headers

_LINE: Final = re.compile(
    rb"(GET|HEAD|PATCH|POST|DELETE) "
    rb"(/[A-Za-z0-9/_.~%()$'=,@:;&*+!-]*)"
    rb"(?:\?([A-Za-z0-9/_.~%()$'=,@:;&*+!?-]*))?"
    rb" HTTP/1\.1\r\n"
)
_LONGEST_LINE: Final = 8_192
_LONGEST_BLOCK: Final = 8_192
_READ_OTHERWISE: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
"""Headers that change how a request is read."""

_ID_NAME: Final = b"client-request-id"
_ID_LINE: Final = re.compile(rb"\r\nclient-request-id: ?([!-~]{1,128})\r\n", re.IGNORECASE)
_ID: Final = re.compile(rb"[!-~]{1,128}")


class Target(NamedTuple):
    """What a request line asks for.

    Attributes:
        path: still percent-encoded.
        query: the same, without `?`.
    """

    method: str
    path: bytes
    query: bytes


class Again(NamedTuple):
    """A request whose head is known.

    Attributes:
        client_request_id: its own; empty where it has none.
    """

    target: Target
    client_request_id: bytes
    body: bytes


class Head:
    """All of a request's head but its first line.

    Args:
        fields: names in lower case, and values, in the order of arrival.
    """

    __slots__ = ("_after", "_before", "_fields", "_headers", "_length")

    def __init__(self, fields: Sequence[tuple[bytes, bytes]]) -> None:
        self._fields = fields
        self._headers: Headers | None = None
        self._before = b""
        self._after: bytes | None = None
        self._length = 0

    def headers(self, client_request_id: bytes = b"") -> Headers:
        """The headers, decoded once.

        Args:
            client_request_id: what takes the place of the one that they have.
        """
        if self._headers is None:
            self._headers = read_headers(self._fields)
        return self._headers.named(client_request_id.decode("ascii")) if client_request_id else self._headers

    def keep(self, data: bytes, length: int) -> bool:
        """Remember the head as it came, if it may well come again.

        Args:
            data: one whole request, this one, and nothing else.
            length: of its body.
        """
        line = _LINE.match(data)
        names = [name for name, _ in self._fields]
        if line is None or not _READ_OTHERWISE.isdisjoint(names):
            return False
        begin, end = line.end(), len(data) - length
        # Where the first empty line is not where the body begins, whoever sent this wants to be misunderstood.
        if end - begin > _LONGEST_BLOCK or data.find(b"\r\n\r\n", begin - 2) + 4 != end:
            return False
        self._before, self._length = data[begin:end], length
        if _ID_NAME in names:
            own = _ID_LINE.search(data, begin - 2, end)
            if own is None or names.count(_ID_NAME) > 1:
                return False
            self._before, self._after = data[begin : own.start(1)], data[own.end(1) : end]
        return True

    def again(self, data: bytes) -> Again | None:
        """What a further request asks for, if its head is this one and all of it is there."""
        end = data.find(b"\n", 0, _LONGEST_LINE) + 1
        if not data.startswith(self._before, end):
            return None
        behind, own = end + len(self._before), b""
        if self._after is not None:
            stop = data.find(b"\r\n", behind)
            own = data[behind:stop]
            if not data.startswith(self._after, stop) or _ID.fullmatch(own) is None:
                return None
            behind = stop + len(self._after)
        line = _LINE.fullmatch(data, 0, end) if len(data) == behind + self._length else None
        if line is None:
            return None
        method, path, query = line.groups(b"")
        return Again(Target(method.decode("ascii"), path, query), own, data[behind:])
