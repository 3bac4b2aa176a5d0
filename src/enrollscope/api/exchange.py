"""One request and its answer on a connection of this project's server: uvicorn's, with what ASGI has no words for.

ASGI hands over bodies and answers in messages, for those who stream. Here nearly every request is there as a whole when
its turn comes, every answer is ready as a whole, and most answers wait for one thing alone, so that a callback does for
them what would take a task and the coroutines in it. Where that does not hold there are tasks and messages.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from logging import Logger
from typing import Any, NamedTuple, TypeVar

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
from uvicorn.server import ServerState

from enrollscope.api.heads import Head, Target
from enrollscope.api.messages import Headers

T = TypeVar("T")


class Ends(NamedTuple):
    """The two ends of a connection.

    Attributes:
        scheme: `http` or `https`.
        client: address and port; `None` over a socket in the file system.
        server: address and port, or the path of a socket and `None`.
    """

    scheme: str
    client: tuple[str, int] | None
    server: tuple[str, int | None] | None


@dataclass(frozen=True, slots=True)
class Wire:
    """What the exchanges of one connection share.

    Attributes:
        server: of all connections: the headers of every answer, and whatever a stop waits for.
        on_response: called when an answer is out.
    """

    transport: asyncio.Transport
    flow: FlowControl
    ends: Ends
    loop: asyncio.AbstractEventLoop
    logger: Logger
    server: ServerState
    on_response: Callable[[], None]


class Exchange(RequestResponseCycle):
    """One request and its answer.

    Attributes:
        client_request_id: of a request whose head is known: what it has in the place of that head's own.
    """

    # What most exchanges never change is said once for all of them.
    access_log = False
    disconnected = False
    response_started = False
    response_complete = False
    chunked_encoding = None
    expected_content_length = 0
    more_body = True
    client_request_id = b""

    def __init__(
        self, wire: Wire, target: Target, head: Head, *, keep_alive: bool = True, waits_for_continue: bool = False
    ) -> None:
        self.target = target
        self.head = head
        self.body = bytearray()
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = waits_for_continue
        self.transport = wire.transport
        self.flow = wire.flow
        self.logger = wire.logger
        self.default_headers = wire.server.default_headers
        self.on_response = wire.on_response
        self._wire = wire
        self._event: asyncio.Event | None = None

    @property
    def headers(self) -> Headers:
        """The request's."""
        return self.head.headers(self.client_request_id)

    @property
    def ends(self) -> Ends:
        """Who speaks with whom."""
        return self._wire.ends

    @property
    def scope(self) -> Any:  # type: ignore[override]  # uvicorn makes one for every request
        """What sending messages needs to know of the request."""
        return {"method": self.target.method}

    @property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]  # as before
        """What wakes those who wait for more of the body."""
        if self._event is None:
            self._event = asyncio.Event()
            if self.body or not self.more_body or self.disconnected:
                self._event.set()
        return self._event

    @property
    def whole_body(self) -> bytes | None:
        """The body, where all of it has come; `None`: ask for it by `receive`."""
        if self.more_body or self.disconnected or self.waiting_for_100_continue:
            return None
        return bytes(self.body)

    def wake(self) -> None:
        """Tell those who wait that there is more of the body, or that there will be none."""
        if self._event is not None:
            self._event.set()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Have a task do the rest. It is waited for at a stop, and then cancelled."""
        tasks: set[Any] = self._wire.server.tasks

        def end(task: "asyncio.Task[None]") -> None:
            tasks.discard(task)
            defect = None if task.cancelled() else task.exception()
            if defect is not None:
                self.fail(defect)

        task = self._wire.loop.create_task(work)
        tasks.add(task)
        task.add_done_callback(end)

    def when(self, promised: "asyncio.Future[T]", then: Callable[["asyncio.Future[T]"], None]) -> None:
        """Go on by a callback. What is promised is waited for at a stop, and then cancelled."""
        tasks: set[Any] = self._wire.server.tasks

        def go_on(kept: "asyncio.Future[T]") -> None:
            tasks.discard(kept)
            try:
                then(kept)
            except Exception as defect:  # noqa: BLE001 - whatever it is, the client must not wait for ever
                self.fail(defect)

        tasks.add(promised)
        promised.add_done_callback(go_on)

    def answer(self, status: int, head: str, body: bytes) -> bool:
        """Answer, unless it must be done by `send`: then false, and nothing was done.

        Args:
            head: lines of headers, each with its end. They hold no control characters, and neither `Connection` nor
                `Transfer-Encoding`; who calls answers for that.
        """
        if self.response_started or self.disconnected or self.flow.write_paused:
            return False
        own = head.encode("latin-1")
        common = b"".join([b"%b: %b\r\n" % header for header in self.default_headers])
        self.response_started = self.response_complete = True
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        shown = b"" if self.target.method == "HEAD" else body
        self.transport.write(b"".join((STATUS_LINE[status], common, own, end, shown)))
        self.wake()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True

    def fail(self, defect: BaseException) -> None:
        """End what a defect leaves unanswered, so that the client does not wait for ever."""
        self.logger.error("a request failed by a defect outside of its own handling", exc_info=defect)
        if self.response_started:
            self.transport.close()
        else:
            self.run(self.send_500_response())
