"""The ceiling: the same ASGI server, parser and loop, answering a constant of the size of a real answer.

    python -m bench.constant PORT STATUS_FILE

reads what to answer, headers and body, from a file made from a real answer of the service.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
import uvloop


class Recorded(msgspec.Struct):
    """A real answer, as it was."""

    status: int
    headers: list[tuple[str, str]]
    body: str


def application(recorded: Recorded) -> Any:
    """Build the ASGI application that answers everything with it, reading the request's body first as any must."""
    start = {
        "type": "http.response.start",
        "status": recorded.status,
        "headers": [(name.encode(), value.encode()) for name, value in recorded.headers],
    }
    end = {"type": "http.response.body", "body": recorded.body.encode()}

    async def answer(_scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send(start)
        await send(end)

    return answer


async def _serve(port: int, recorded: Recorded) -> None:
    config = uvicorn.Config(
        application(recorded),
        port=port,
        http="httptools",
        proxy_headers=False,
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1]), msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=Recorded)))
