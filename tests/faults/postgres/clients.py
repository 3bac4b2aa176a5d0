"""Clients of a served service that keep every answer, and a judge of what came of their changes."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from enrollscope.model.events import SCHEMA
from tests.faults.postgres.storm import agreed_log
from tests.index_tables import strays
from tests.postgres import Server
from tests.serving import run_command, running
from tests.wire import EVENTS, Answer, Connection

ALONE = "2b1f7c54-6c0e-4a8e-9d3a-5f0f6d1c7e22"
"""The tenant of the first client: no change of another waits in the same queue."""

TOGETHER = "2b1f7c54-6c0e-4a8e-9d3a-5f0f6d1c7e23"
"""The tenant of all others."""

PATIENCE_SECONDS = 40


@dataclass(slots=True)
class Client:
    """Changes one event, one change after the other.

    Attributes:
        made: `failureReason` and entity tag of every change that was answered 200.
        refused: the answers 503.
        unknown: the `failureReason` of every change whose outcome the service could not tell.
    """

    connection: Connection
    token: str
    path: str
    made: list[tuple[str, str]] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    _sent: int = 0

    @classmethod
    async def with_event(cls, connection: Connection, token: str) -> "Client":
        """A client with an event of its own."""
        answer = await connection.ask("POST", EVENTS, token, {"failureReason": "0"})
        assert answer.status == 201, answer.body
        return cls(connection, token, f"{EVENTS}/{answer.json['id']}")

    async def change(self) -> int:
        """Change the event once; the status."""
        self._sent += 1
        reason = str(self._sent)
        answer = await self.connection.ask("PATCH", self.path, self.token, {"failureReason": reason})
        if answer.status == 200:
            self.made.append((reason, answer.headers["etag"]))
        elif answer.status == 503:
            self.refused.append(answer)
        else:
            assert answer.json["error"]["code"] == "OutcomeUnknown", answer.body
            self.unknown.append(reason)
        return answer.status

    async def change_until(self, status: int) -> None:
        """Change the event until an answer has this status."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while await self.change() != status:
            assert time.monotonic() < deadline, f"no answer had the status {status}"

    async def change_on(self, stop: asyncio.Event) -> None:
        """Change the event until told to stop."""
        while not stop.is_set():
            if await self.change() != 200:
                await asyncio.sleep(0.1)

    async def read(self) -> tuple[int, str]:
        """Status and `failureReason`."""
        answer = await self.connection.ask("GET", self.path, self.token)
        return answer.status, answer.json["failureReason"]


def token_of(url: str, tenant: str) -> str:
    """An access token of a tenant."""
    result = run_command("token", "--database", url, "--tenant", tenant)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@asynccontextmanager
async def changing(url: str, log: Path, count: int) -> AsyncIterator[list[Client]]:
    """A service on a database and clients on connections of their own, all but the first of which change on and on."""
    alone, together = await asyncio.gather(*(asyncio.to_thread(token_of, url, tenant) for tenant in (ALONE, TOGETHER)))
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        _, address = stack.enter_context(running("--database", url, log=log))
        port = int(address.rpartition(":")[2])
        connections = [await stack.enter_async_context(await Connection.open(port)) for _ in range(count)]
        tokens = [alone] + [together] * (count - 1)
        clients = [await Client.with_event(*each) for each in zip(connections, tokens, strict=True)]
        async with asyncio.TaskGroup() as group:
            for client in clients[1:]:
                group.create_task(client.change_on(stop))
            try:
                yield clients
            finally:
                stop.set()


def judge_clients(server: Server, database: str, clients: list[Client]) -> None:
    """The log has each change that was answered 200 once, at the version told, and no refused one; the events agree.

    A change of unknown outcome is there once or not at all.
    """
    for tenant, own in ((ALONE, clients[:1]), (TOGETHER, clients[1:])):
        log, _ = agreed_log(server, database, tenant)
        for client in own:
            entries = [entry for entry in log if client.path.endswith(entry.key)]
            updates = [(entry.after["failureReason"], f'W/"{entry.version}"') for entry in entries[1:]]
            assert [update for update in updates if update[0] not in client.unknown] == client.made
            assert max(Counter(reason for reason, _ in updates).values(), default=0) <= 1
    assert strays(server, database, SCHEMA) == []
    for answer in [answer for client in clients for answer in client.refused]:
        assert answer.json["error"]["code"] == "ServiceUnavailable"
        assert int(answer.headers["retry-after"]) >= 1
