"""Heads of requests: those of a kept connection often differ in nothing but the request line.

What such a head means is known already, so neither the parser nor anybody else reads it again. Taken for the same is
only what is the same byte for byte, behind a request line without anything unusual; all else goes the long way.
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
_NEVER_AGAIN: Final = frozenset({b"client-request-id", b"transfer-encoding", b"expect", b"upgrade"})
"""Headers that differ in each request, or change how it is read."""


class Target(NamedTuple):
    """What a request line asks for.

    Attributes:
        path: still percent-encoded.
        query: the same, without `?`.
    """

    method: str
    path: bytes
    query: bytes


class Head:
    """All of a request's head but its first line.

    Args:
        fields: names in lower case, and values, in the order of arrival.
    """

    __slots__ = ("_block", "_fields", "_headers", "_length")

    def __init__(self, fields: Sequence[tuple[bytes, bytes]]) -> None:
        self._fields = fields
        self._headers: Headers | None = None
        self._block = b""
        self._length = 0

    @property
    def headers(self) -> Headers:
        """The headers, decoded once."""
        if self._headers is None:
            self._headers = read_headers(self._fields)
        return self._headers

    def keep(self, data: bytes, length: int) -> bool:
        """Remember the head as it came, if it may well come again.

        Args:
            data: one whole request, and nothing else.
            length: of its body.
        """
        line = _LINE.match(data)
        if line is None or any(name in _NEVER_AGAIN for name, _ in self._fields):
            return False
        begin, end = line.end(), len(data) - length
        # Where the first empty line is not where the body begins, whoever sent this wants to be misunderstood.
        if end - begin > _LONGEST_BLOCK or data.find(b"\r\n\r\n", begin - 2) + 4 != end:
            return False
        self._block, self._length = data[begin:end], length
        return True

    def again(self, data: bytes) -> tuple[Target, bytes] | None:
        """What a further request asks for, and its body, if its head is this one and it is there as a whole."""
        end = data.find(b"\n", 0, _LONGEST_LINE) + 1
        behind = end + len(self._block)
        if len(data) != behind + self._length or not data.startswith(self._block, end):
            return None
        line = _LINE.fullmatch(data, 0, end)
        if line is None:
            return None
        method, path, query = line.groups(b"")
        return Target(method.decode("ascii"), path, query), data[behind:]
