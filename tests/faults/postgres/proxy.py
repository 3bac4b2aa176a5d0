"""A wire between a client and PostgreSQL that can be cut at a commit: before it reaches the server, or behind it."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum

_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""The message of the simple query protocol, with its length."""
_SYNC = b"S\x00\x00\x00\x04"
"""The last message for a statement with parameters: outside of a transaction the server then commits."""
_KINDS = (b"created", b"updated", b"deleted")
"""What only the parameters of a statement that writes to the log hold."""


class Cut(Enum):
    """Where the wire breaks."""

    BEFORE = "the server never sees the commit"
    AFTER = "the server commits, and the client never hears of it"


@dataclass(slots=True)
class Wire:
    """Forwards connections to a server. Within a transaction a statement that writes counts as a commit, too.

    Attributes:
        cut: what happens to every `every`-th commit; `None`: nothing.
        delay: how many seconds whatever comes is kept, on its way to the server and back.
        dead: refuse new connections and break those that are.
        cuts: how many commits were cut.
        was_cut: set once one was.
    """

    target: int
    cut: Cut | None = None
    every: int = 10
    delay: float = 0
    dead: bool = False
    dead_after_cut: bool = False
    commits: int = 0
    cuts: int = 0
    was_cut: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Break everything."""
        self.break_all()
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def break_all(self) -> None:
        """Reset every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.dead:
            writer.transport.abort()
            return
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.target)
        pair = {writer, server_writer}
        self._writers |= pair
        back = asyncio.create_task(self._forward(server_reader, writer))
        self._tasks.add(back)
        try:
            await self._forward_to_server(reader, server_writer, server_reader, back)
        except ConnectionError:
            pass  # one side is gone; the other is told below
        finally:
            back.cancel()
            for each in pair:
                each.transport.abort()
            self._writers -= pair
            self._tasks.discard(back)

    async def _forward_to_server(
        self,
        reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        back: asyncio.Task[None],
    ) -> None:
        while data := await reader.read(65_536):
            # "B" binds parameters to a statement.
            while data[:1] == b"B" and not data.endswith(_SYNC) and (more := await reader.read(65_536)):
                data += more
            commits = data == _COMMIT or (data[:1] == b"B" and any(kind in data for kind in _KINDS))
            if commits and self._is_to_be_cut():
                if self.cut is Cut.AFTER:
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                    server_writer.write(data)
                    await server_reader.read(1)  # the server has answered: it is done
                self.dead = self.dead_after_cut
                return
            await asyncio.sleep(self.delay)
            server_writer.write(data)
            await server_writer.drain()

    def _is_to_be_cut(self) -> bool:
        self.commits += 1
        if self.cut is None or self.commits % self.every:
            return False
        self.cuts += 1
        self.was_cut.set()
        return True

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            return
        writer.close()
