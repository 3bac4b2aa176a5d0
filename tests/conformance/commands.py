"""Commands on the library, short enough for tests."""

import asyncio
from typing import Any

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.plan.commands import ALWAYS, Actor, Command, Create, Delete, LinkedTo, Precondition, Update
from enrollscope.store.base import Change, Written
from tests.conformance.conftest import Opened
from tests.conformance.library import LAYOUT
from tests.promises import read, write

ISSUED = Instant.parse("2017-01-01T00:01:33.1647467+03:00")
EVERY_TYPE = frozenset(LAYOUT.types)


class Library:
    """The commands of one tenant, with what tests seldom care about filled in."""

    def __init__(self, opened: Opened, tenant: str) -> None:
        self.opened = opened
        self.tenant = tenant

    def actor(self, at: int = 5) -> Actor:
        """Who does it."""
        return Actor(self.tenant, "user", "app", "token", "request", at)

    def create(self, key: str, **values: Any) -> Create:
        """Put a book in."""
        return Create(self.actor(), "works", key, "book", {"issued": ISSUED, **values})

    def update(
        self,
        key: str,
        precondition: Precondition = ALWAYS,
        types: frozenset[str] = EVERY_TYPE,
        links: tuple[LinkedTo, ...] = (),
        **changes: Any,
    ) -> Update:
        """Change a work."""
        return Update(self.actor(), "works", key, types, links, changes, precondition)

    def delete(self, key: str, precondition: Precondition = ALWAYS) -> Delete:
        """Take a work out."""
        return Delete(self.actor(), "works", key, EVERY_TYPE, (), precondition)

    def write(self, command: Command) -> Written:
        """Write one command."""
        return self.opened.run(write(self.opened.store, command))

    def together(self, *commands: Command) -> list[Written | BaseException]:
        """Write at the same time, in this order: the commands share a commit."""

        async def all_at_once() -> list[Written | BaseException]:
            return await asyncio.gather(
                *(write(self.opened.store, command) for command in commands), return_exceptions=True
            )

        return self.opened.run(all_at_once())

    def read(self, key: str) -> Record | None:
        """Read one work."""
        return self.opened.run(read(self.opened.store, self.tenant, "works", key))

    def log(self, after: int = 0, limit: int = 100) -> list[Change]:
        """Read the log."""
        return self.opened.run(self.opened.store.changes(self.tenant, after, limit))
