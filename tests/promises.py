"""What a store promises, for those who have coroutines: what is refused at once comes out of these, too."""

import asyncio
from typing import Protocol

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.plan.commands import Command
from enrollscope.store.base import Store, Written


class Writes(Protocol):
    """A store, or a queue in front of one."""

    def write(self, command: Command) -> "asyncio.Future[Written]":
        """Write a command."""
        ...


async def read(store: Store, tenant: str, stored: str, key: str) -> Record | None:
    """What is stored under a key."""
    return await store.read(tenant, stored, key)


async def write(store: Writes, command: Command) -> Written:
    """What became of a command."""
    return await store.write(command)
