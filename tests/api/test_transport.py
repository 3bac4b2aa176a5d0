import asyncio
from typing import Any, cast

import pytest

from enrollscope.api.transport import JoiningTransport


class Recorder:
    """The far end of a transport: what reached it, call by call."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def write(self, data: bytes) -> None:
        """Note a piece."""
        self.calls.append(data)

    def write_eof(self) -> None:
        """Note the end."""
        self.calls.append("eof")

    def close(self) -> None:
        """Note the close."""
        self.calls.append("close")

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return "close" in self.calls

    def get_extra_info(self, name: str) -> str:
        """What only the real transport knows."""
        return f"real {name}"


def joining() -> tuple[JoiningTransport, Recorder]:
    """A joining transport and what it writes to."""
    recorder = Recorder()
    return JoiningTransport(cast("asyncio.Transport", recorder), asyncio.get_running_loop()), recorder


LARGE = b"x" * 70_000


@pytest.mark.parametrize(
    ("pieces", "arrived"),
    [
        pytest.param([b"head", b"body"], [b"headbody"], id="joined"),
        pytest.param([b"head", LARGE], [b"head", LARGE], id="large-not-copied"),
        pytest.param([LARGE, b"next"], [LARGE, b"next"], id="order-kept"),
    ],
)
async def test_small_writes_of_a_turn_are_one(pieces: list[bytes], arrived: list[bytes]) -> None:
    """What is written in one turn of the event loop reaches the socket in order, small pieces as one."""
    transport, recorder = joining()
    for piece in pieces:
        transport.write(piece)
    await asyncio.sleep(0)
    assert recorder.calls == arrived


async def test_each_turn_is_sent() -> None:
    """What one turn wrote does not wait for the next to write."""
    transport, recorder = joining()
    transport.write(b"one")
    await asyncio.sleep(0)
    transport.write(b"two")
    await asyncio.sleep(0)
    assert recorder.calls == [b"one", b"two"]


@pytest.mark.parametrize("end", [pytest.param("close", id="close"), pytest.param("write_eof", id="end-of-file")])
async def test_nothing_is_lost_at_the_end(end: str) -> None:
    """What waits is sent before the connection ends."""
    transport, recorder = joining()
    transport.write(b"last")
    getattr(transport, end)()
    await asyncio.sleep(0)
    assert recorder.calls == [b"last", end.removeprefix("write_")]


async def test_the_rest_is_the_real_transport() -> None:
    """Whatever else is asked goes to the real transport."""
    transport, _ = joining()
    assert transport.get_extra_info("peername") == "real peername"
