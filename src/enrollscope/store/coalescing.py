"""Reads by key that wait at the same time go to the database in one trip. There is no timer: see `commit.py`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from enrollscope.odata.edm.layout import Record

_LARGEST_TRIP = 256

Find: TypeAlias = Callable[[str, str, Sequence[str]], Awaitable[dict[str, Record]]]
"""Tenant, stored set and keys → the records that exist."""

_Waiting: TypeAlias = "dict[str, list[asyncio.Future[Record | None]]]"


class Coalescing:
    """The queue in front of reads by key. Belongs to one event loop.

    Args:
        find: one trip, for one tenant.
        trips: how many may be under way at a time.
    """

    def __init__(self, find: Find, trips: int) -> None:
        self._find = find
        self._trips = trips
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._workers: set[asyncio.Task[None]] = set()

    def read(self, tenant: str, stored: str, key: str) -> "asyncio.Future[Record | None]":
        """One record. Tenants take turns, a trip each."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Record | None] = loop.create_future()
        self._waiting.setdefault((tenant, stored), {}).setdefault(key, []).append(answer)
        if len(self._workers) < self._trips:
            worker = loop.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return answer

    async def close(self) -> None:
        """Return when what waits is answered."""
        await asyncio.gather(*self._workers)

    async def _work(self) -> None:
        while self._waiting:
            (tenant, stored), waiting = next(iter(self._waiting.items()))
            del self._waiting[tenant, stored]
            if len(waiting) > _LARGEST_TRIP:
                rest = {key: waiting.pop(key) for key in list(waiting)[_LARGEST_TRIP:]}
                self._waiting[tenant, stored] = rest  # at the end: others have their turn first
            await self._trip(tenant, stored, waiting)

    async def _trip(self, tenant: str, stored: str, waiting: _Waiting) -> None:
        try:
            found = await self._find(tenant, stored, list(waiting))
        except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes the answer to those who wait
            for answers in waiting.values():
                for answer in answers:
                    if not answer.done():
                        answer.set_exception(failure)
            return
        for key, answers in waiting.items():
            for answer in answers:
                if not answer.done():
                    answer.set_result(found.get(key))
