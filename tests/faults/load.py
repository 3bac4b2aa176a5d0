"""Many clients that change events at once, and a note of every answer they got."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from tests.wire import EVENTS, Connection


@dataclass(frozen=True, slots=True)
class Answered:
    """One change that the service said was made.

    Attributes:
        kind: as the log of changes calls it.
        reason: the `failureReason` sent with it, which no other change has; empty for a deletion.
        etag: of the event after the change; empty for a deletion.
    """

    kind: str
    key: str
    reason: str = ""
    etag: str = ""


@dataclass(slots=True)
class Load:
    """What the clients did so far.

    Attributes:
        shared: keys of events that every client changes and none deletes.
        answered: in the order of the answers.
        refused: answers that no client should get.
        enough: set when `limit` changes are answered.
    """

    port: int
    token: str
    shared: list[str]
    limit: int
    answered: list[Answered] = field(default_factory=list)
    refused: list[tuple[int, bytes]] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, name: str, clients: int) -> None:
        """Change events from many connections until each of them has broken."""
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(self._client(f"{name}-{number}"))

    async def _client(self, name: str) -> None:
        choose = random.Random(name)  # noqa: S311 - repeatable on purpose
        own: list[str] = []
        sequence = 0
        try:
            async with await Connection.open(self.port) as connection:
                while True:
                    sequence += 1
                    await self._change(connection, f"{name}-{sequence}", choose.random(), own, choose)
        except ConnectionError:
            return  # the service is gone

    async def _change(
        self, connection: Connection, reason: str, chance: float, own: list[str], choose: random.Random
    ) -> None:
        body: dict[str, Any] = {"failureReason": reason, "osVersion": reason}
        if chance < 0.1:
            answer = await connection.ask("POST", EVENTS, self.token, body)
            if self._note(answer.status, 201, answer.body):
                own.append(answer.json["id"])
                self._made(Answered("created", own[-1], reason, answer.headers["etag"]))
        elif chance < 0.15 and own:
            key = own.pop()
            answer = await connection.ask("DELETE", f"{EVENTS}/{key}", self.token)
            if self._note(answer.status, 204, answer.body):
                self._made(Answered("deleted", key))
        else:
            key = choose.choice(self.shared + own)
            answer = await connection.ask("PATCH", f"{EVENTS}/{key}", self.token, body)
            if self._note(answer.status, 200, answer.body):
                self._made(Answered("updated", key, reason, answer.headers["etag"]))

    def _note(self, status: int, expected: int, body: bytes) -> bool:
        if status != expected:
            self.refused.append((status, body))
        return status == expected

    def _made(self, change: Answered) -> None:
        self.answered.append(change)
        if len(self.answered) >= self.limit:
            self.enough.set()
