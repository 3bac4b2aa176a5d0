"""Removing what is older than it must be kept, a little at a time.

An ordinary deletion, entry by entry: it waits its turn among other changes, goes into the log of changes, and leaves
alone what somebody changed in the meantime. Nothing is removed unless an operator asks for it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from enrollscope.odata.edm.layout import KEY, TYPE, VERSION, Record
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import PreconditionFailed, ResourceNotFound
from enrollscope.odata.plan.bound import Column, Compare, Comparison, Parameter
from enrollscope.odata.plan.commands import Actor, Delete, Precondition
from enrollscope.odata.plan.queries import Order, Paging, Query
from enrollscope.store.base import Store

EVENTS = "events"
APP = "retention"
"""Who the log names for what is removed."""

_TIME = Column("eventDateTime", Primitive.DATE_TIME_OFFSET)
_OLDER = Query(
    EVENTS,
    Compare(Comparison.LT, _TIME, Parameter(0, Primitive.DATE_TIME_OFFSET)),
    (Order(_TIME), Order(Column("id", Primitive.STRING))),
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast events are removed.

    Attributes:
        step: how many at a time.
        pause: seconds between two steps, for those who want to write.
    """

    step: int = 200
    pause: float = 0.05


GENTLE = Pace()


async def count_older(store: Store, tenant: str, than: Instant) -> int:
    """How many events of a tenant happened before a moment."""
    return await store.count(tenant, _OLDER, Paging((than.ticks,), 1))


async def remove_older(
    store: Store, tenant: str, than: Instant, now: Callable[[], Instant], pace: Pace = GENTLE
) -> int:
    """Remove the events of a tenant that happened before a moment, oldest first; how many were removed.

    May be stopped at any time and begun anew.

    Args:
        now: the time that the log gives for each step.
    """
    removed = 0
    while True:
        page = await store.fetch(tenant, _OLDER, Paging((than.ticks,), pace.step))
        if not page.records:
            return removed
        actor = Actor(tenant, None, APP, APP, APP, now().ticks)
        outcomes = await asyncio.gather(*(_remove(store, actor, record) for record in page.records))
        removed += sum(outcomes)
        await asyncio.sleep(pace.pause)


async def _remove(store: Store, actor: Actor, record: Record) -> bool:
    """Remove one event as it was seen; false when somebody was faster. The next step looks at it anew."""
    seen = Precondition(match=frozenset({record[VERSION]}))
    try:
        await store.write(Delete(actor, EVENTS, record[KEY], frozenset({record[TYPE]}), (), seen))
    except (PreconditionFailed, ResourceNotFound):
        return False
    return True
