"""What must be done now and then for indexes to stay quick, beside the changes and not within them.

PostgreSQL keeps what is added to an index of strings in a list until there is much of it, and then whoever comes next
puts all of it in, before the own commit: a second, among ten million rows. The more is put in at once the less each
change costs, but every search looks through what waits. So the server is asked to put it in every few seconds while
there are changes, over a connection of its own. Of many processes one does it (`store_put_in_waiting` in
`postgres_objects.sql`).
"""

import asyncio
import logging

import asyncpg

from enrollscope.odata.errors import ServiceUnavailable
from enrollscope.store.postgres_connections import Connections

log = logging.getLogger(__name__)

SECONDS = 5.0
"""At six thousand changes a second some 20 MB wait then, and a search takes 15 ms longer."""

_PUT_IN = "SELECT store_put_in_waiting($1)"


class Upkeep:
    """Belongs to one event loop. Nothing runs while nothing changes.

    Args:
        connections: room for one is enough.
        seconds: from the first change to when the indexes are seen to.
    """

    def __init__(self, connections: Connections, seconds: float = SECONDS) -> None:
        self._connections = connections
        self._seconds = seconds
        self._due = False
        self._task: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """Take note that something was written."""
        self._due = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Leave what waits to others."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while self._due:
                await asyncio.sleep(self._seconds)
                self._due = False
                await self._put_in()
        finally:
            self._task = None

    async def _put_in(self) -> None:
        """A failure is no harm: it is tried again after the next change, and whoever finds too much waiting helps."""
        try:
            async with self._connections.lease() as connection:
                done = await connection.fetchval(_PUT_IN, self._seconds)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            log.warning("what waits at the indexes of strings was not put in: %s", error)
        except ServiceUnavailable as refusal:
            log.warning("what waits at the indexes of strings was not put in: %s", refusal.message)
        else:
            self._due = self._due or done is None  # somebody else was at it, and may have begun before the change
