"""Connections without a socket: bytes in, bytes out."""

import asyncio
from collections.abc import Sequence
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from enrollscope.api.http import EnvelopeProtocol


class Sink(asyncio.Transport):
    """The other side of a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False
        self.written = b""

    def write(self, data: Any) -> None:
        """Take what was written."""
        self.written += bytes(data)

    def is_closing(self) -> bool:
        """Whether somebody closed it."""
        return self.closed

    def close(self) -> None:
        """Close it."""
        self.closed = True

    def can_write_eof(self) -> bool:
        """Say that nothing can be half closed."""
        return False

    def pause_reading(self) -> None:
        """Take no notice."""

    def resume_reading(self) -> None:
        """Take no notice."""


async def fed(
    application: Any,
    pieces: Sequence[bytes],
    protocol: type[EnvelopeProtocol] = EnvelopeProtocol,
    turns: Sequence[int] = (),
) -> Sink:
    """What comes back of pieces that reach an application one after the other.

    Args:
        application: takes an `Exchange`; see `enrollscope.api.http.Answers`.
        turns: of the loop behind each piece; two where it is not said.
    """
    sink = Sink()
    config = uvicorn.Config(application, http=protocol, lifespan="off", proxy_headers=False, log_config=None)
    config.load()
    connection = protocol(config=config, server_state=ServerState(), app_state={})
    connection.connection_made(sink)
    for piece, several in zip(pieces, turns or [2] * len(pieces), strict=True):
        if not sink.closed:
            connection.data_received(piece)
            await _pass(several)
    await _pass(20)
    connection.connection_lost(ConnectionResetError())  # not closed from this side
    await _pass(2)
    return sink


async def _pass(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
