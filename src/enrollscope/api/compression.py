"""Answers in gzip, for clients that accept it (RFC 9110 §8.4, §12.5.3).

Entity tags are weak, so an answer has the same tag in either form.
"""

import asyncio
import zlib
from functools import lru_cache

_REMEMBERED = 128
_GZIP_WINDOW = 31
"""zlib's way to say gzip with the largest window."""

_LEVEL = 1
"""Events repeat themselves: the fastest level makes a page a fifth of its size, the default one takes twice as long
for a tenth less."""

_LONG = 128 * 1024
"""Bytes from which compressing takes about a millisecond: longer than the requests beside it should have to wait."""


@lru_cache(_REMEMBERED)
def accepts_gzip(accept_encoding: str) -> bool:
    """Read `Accept-Encoding`."""
    found: dict[str, bool] = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameter = part.partition(";")
        weight = parameter.replace(" ", "").removeprefix("q=").strip("0.")
        found.setdefault(name.strip(), not parameter.strip() or bool(weight))
    return next((found[name] for name in ("gzip", "x-gzip", "*") if name in found), False)


async def compress(body: bytes) -> bytes:
    """Compress a body; a long one in a thread, beside the event loop."""
    return _compress(body) if len(body) < _LONG else await asyncio.to_thread(_compress, body)


def _compress(body: bytes) -> bytes:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return compressor.compress(body) + compressor.flush()
