"""One write to the socket for what is written in one turn of the event loop.

The server writes head and body of an answer one after the other. Each write to a socket may wake its reader, and a
reader that is woken for a head alone goes back to sleep; joined, an answer is one system call and one waking.
"""

import asyncio
from typing import Any, Final

_LARGE: Final = 64 * 1024
"""Bytes from which copying them into one piece costs more than a second system call."""


class JoiningTransport:
    """A transport that gathers small writes until the loop's next turn; everything else is the real transport's."""

    __slots__ = ("_call_soon", "_real", "_waiting", "is_closing")

    def __init__(self, real: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._real = real
        self._call_soon = loop.call_soon
        self._waiting: list[bytes] = []
        self.is_closing = real.is_closing

    def write(self, data: bytes) -> None:
        """Send `data` after what was written before it."""
        if not self._waiting:
            self._call_soon(self._flush)
        self._waiting.append(data)
        if len(data) >= _LARGE:
            self._flush()

    def write_eof(self) -> None:
        """End the sending side."""
        self._flush()
        self._real.write_eof()

    def close(self) -> None:
        """Send what waits, then close."""
        self._flush()
        self._real.close()

    def _flush(self) -> None:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            if len(waiting[-1]) >= _LARGE:
                for data in waiting:
                    self._real.write(data)
            else:
                self._real.write(b"".join(waiting))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
