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


async def fed(application: Any, pieces: Sequence[bytes], protocol: type[EnvelopeProtocol] = EnvelopeProtocol) -> Sink:
    """What comes back of pieces that reach an application one after the other; it has two turns of the loop for each.

    Args:
        application: takes an `Exchange`; see `enrollscope.api.http.Answers`.
    """
    sink = Sink()
    config = uvicorn.Config(application, http=protocol, lifespan="off", proxy_headers=False, log_config=None)
    config.load()
    connection = protocol(config=config, server_state=ServerState(), app_state={})
    connection.connection_made(sink)
    for piece in pieces:
        if not sink.closed:
            connection.data_received(piece)
            for _ in range(2):
                await asyncio.sleep(0)
    connection.connection_lost(None)
    return sink
