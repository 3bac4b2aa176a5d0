"""HTTP/1.1 as bytes, for tests that must see every answer: no pool, no retries, nothing hidden."""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

EVENTS = "/v1.0/deviceManagement/troubleshootingEvents"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Connection:
    """One connection, kept alive. Whatever ends it before an answer is whole is a ConnectionError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect to a port of 127.0.0.1."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection."""
        self._writer.close()
        with contextlib.suppress(OSError):  # the other side ended it first, which is what some tests are about
            await self._writer.wait_closed()

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self) -> Answer:
        """Read one answer.

        Raises:
            ConnectionError: the connection ended before it was whole.
        """
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            status_line, *lines = head.decode("latin-1").strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the connection ended before the answer did") from error
        return Answer(int(status_line.split(" ")[1]), headers, body)

    async def ask(self, method: str, path: str, token: str, body: object = None, match: str = "") -> Answer:
        """Send one request and read its answer."""
        await self.send(request(method, path, token, body, match))
        return await self.receive()

    async def ended(self) -> bool:
        """Wait until the other side closes; whether it did so without a further byte."""
        return await self._reader.read(1) == b""


def request(method: str, path: str, token: str, body: object = None, match: str = "") -> bytes:
    """The bytes of one request; with `match` it is made only of that version."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}"]
    if match:
        lines.append(f"If-Match: {match}")
    content = b"" if body is None else json.dumps(body).encode()
    if content:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + content
