"""What becomes of requests whose application has a defect: nobody waits for ever, and others are served."""

import asyncio
import gc
import logging
import uuid
from typing import Any

import pytest

from enrollscope.api.exchange import Exchange
from tests.api.connections import fed
from tests.api.service import EVENTS, Client, Service

REQUEST = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"


class Defective:
    """An application that fails at once, in a callback or in a task, before its answer or behind it."""

    def __init__(self, where: str, *, answered: bool) -> None:
        self._where = where
        self._answered = answered

    def begin(self, exchange: Exchange) -> None:
        """Fail."""
        match self._where:
            case "at-once":
                self._fail(exchange)
            case "callback":
                future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                exchange.when(future, lambda _: self._fail(exchange))
                future.set_result(None)
            case _:
                exchange.run(self._work(exchange))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Look like an ASGI application."""

    async def _work(self, exchange: Exchange) -> None:
        self._fail(exchange)

    def _fail(self, exchange: Exchange) -> None:
        if self._answered:
            assert exchange.answer(200, "content-length: 0\r\n", b"")
        raise ZeroDivisionError("a defect")


@pytest.mark.parametrize("where", ["at-once", "callback", "task"])
@pytest.mark.parametrize("answered", [False, True])
async def test_a_defect_of_the_application_ends_its_request(
    where: str, answered: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """500 where nothing went out yet; the cause is logged, and the connection ends."""
    with caplog.at_level(logging.ERROR):
        sink = await fed(Defective(where, answered=answered), [REQUEST, b""])
    assert sink.written.startswith(b"HTTP/1.1 200 OK" if answered else b"HTTP/1.1 500 Internal Server Error")
    assert sink.written.count(b"HTTP/1.1 ") == 1
    assert sink.closed
    assert any("a defect" in str(record.exc_info) for record in caplog.records)


def test_a_refused_write_leaves_nothing_for_the_collector(client: Client, service: Service) -> None:
    """A storm of refusals is forgotten as it goes, bodies and tokens with it."""
    path = f"{EVENTS}/{uuid.uuid4()}"

    async def held() -> int:
        return sum(isinstance(each, Exchange) for each in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = service.run(held())
        for _ in range(50):
            assert client.patch(path, {"osVersion": "1"}).status_code == 404
        assert service.run(held()) <= before + 2
    finally:
        gc.enable()
