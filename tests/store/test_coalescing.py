"""Reads by key that wait at the same time."""

import asyncio
from collections.abc import Sequence

import pytest

from enrollscope.odata.edm.layout import Record
from enrollscope.store.coalescing import Coalescing


class Trips:
    """A database that notes which keys it is asked for."""

    def __init__(self, failing: str = "") -> None:
        self.made: list[tuple[str, list[str]]] = []
        self._failing = failing

    async def find(self, tenant: str, stored: str, keys: Sequence[str]) -> dict[str, Record]:
        """Every key but those that begin with x exists."""
        self.made.append((tenant, list(keys)))
        await asyncio.sleep(0.001)
        if tenant == self._failing:
            raise OSError(tenant)
        return {key: (key, stored) for key in keys if not key.startswith("x")}


async def test_reads_share_trips() -> None:
    """What waits goes together, each key once; each reader gets its own record, or none."""
    trips = Trips()
    reads = Coalescing(trips.find, trips=1)
    found = await asyncio.gather(*(reads.read("t", "works", key) for key in ("a", "b", "a", "x")))
    assert found == [("a", "works"), ("b", "works"), ("a", "works"), None]
    assert trips.made == [("t", ["a", "b", "x"])]


async def test_tenants_never_share_a_trip() -> None:
    """And each stored set has its own: a trip is one statement."""
    trips = Trips()
    reads = Coalescing(trips.find, trips=1)
    await asyncio.gather(reads.read("t", "works", "a"), reads.read("u", "works", "a"), reads.read("t", "others", "a"))
    assert trips.made == [("t", ["a"]), ("u", ["a"]), ("t", ["a"])]


async def test_a_long_trip_is_made_in_parts_and_others_come_between() -> None:
    """One tenant that reads a thousand keys at once does not keep another waiting for all of them."""
    trips = Trips()
    reads = Coalescing(trips.find, trips=1)
    many = asyncio.gather(*(reads.read("many", "works", f"k{number}") for number in range(1000)))
    one = asyncio.ensure_future(reads.read("one", "works", "a"))
    assert len(set(await many)) == 1000
    assert await one == ("a", "works")
    assert [(tenant, len(keys)) for tenant, keys in trips.made] == [
        ("many", 256),
        ("one", 1),
        ("many", 256),
        ("many", 256),
        ("many", 232),
    ]


async def test_a_trip_that_fails_fails_those_who_shared_it() -> None:
    """And nobody else."""
    reads = Coalescing(Trips(failing="bad").find, trips=2)
    outcomes = await asyncio.gather(
        *(reads.read(tenant, "works", "a") for tenant in ("bad", "good", "bad")), return_exceptions=True
    )
    assert [isinstance(outcome, OSError) for outcome in outcomes] == [True, False, True]


async def test_a_reader_that_goes_away_harms_nobody() -> None:
    """Cancelled while the trip is under way, it only misses its answer."""
    reads = Coalescing(Trips().find, trips=1)
    gone, stays = (asyncio.ensure_future(reads.read("t", "works", "a")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == ("a", "works")
    with pytest.raises(asyncio.CancelledError):
        await gone
    await reads.close()
