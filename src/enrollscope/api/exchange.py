"""What this project's server offers an ASGI application beyond ASGI: a whole body at once, and a whole answer at once.

ASGI hands over bodies and answers in messages, for those who stream. Here nearly every request is there as a whole when
its turn comes, and every answer is ready as a whole. The server puts an `Exchange` among the extensions of the scope;
where there is none, or it declines, there are the messages.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

EXTENSION: Final = "enrollscope.exchange"


class Exchange:
    """One request and its answer."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    @property
    def body(self) -> bytes | None:
        """The body, where all of it has come; `None`: ask for it by `receive`."""
        cycle = self._cycle
        if cycle.more_body or cycle.disconnected or cycle.waiting_for_100_continue:
            return None
        return bytes(cycle.body)

    def answer(self, status: int, head: str, body: bytes) -> bool:
        """Answer, unless it must be done by `send`: then false, and nothing was done.

        Args:
            head: lines of headers, each with its end. They hold no control characters, and neither `Connection` nor
                `Transfer-Encoding`; who calls answers for that.
        """
        cycle = self._cycle
        if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
            return False
        lines = head.encode("latin-1")
        cycle.response_started = cycle.response_complete = True
        parts = [STATUS_LINE[status]]
        for name, value in cycle.default_headers:
            parts += (name, b": ", value, b"\r\n")
        parts.append(lines)
        parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        if cycle.scope["method"] != "HEAD":
            parts.append(body)
        cycle.transport.write(b"".join(parts))
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


def take_exchange(scope: Any) -> Exchange | None:
    """The exchange that the server offers for a request. Left in the scope it would tie both in a cycle of garbage."""
    extensions = scope.get("extensions")
    return None if extensions is None else extensions.pop(EXTENSION, None)
