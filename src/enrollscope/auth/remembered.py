"""A bounded memory of values that end."""

from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """Values by digest, each until its own time, the least recently used forgotten first.

    Not safe for threads: each event loop has its own.

    Args:
        capacity: how many values are kept at most; at least 1.
    """

    __slots__ = ("_capacity", "_entries")

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"the capacity must be at least 1, not {capacity}")
        self._capacity = capacity
        self._entries: OrderedDict[bytes, tuple[Value, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, digest: bytes, now: float) -> Value | None:
        """Return the value if it has not ended at `now` (Unix seconds), and forget it if it has."""
        entry = self._entries.get(digest)
        if entry is None:
            return None
        value, until = entry
        if now >= until:
            del self._entries[digest]
            return None
        self._entries.move_to_end(digest)
        return value

    def put(self, digest: bytes, value: Value, until: float) -> None:
        """Keep a value until a time in Unix seconds, that moment excluded."""
        self._entries[digest] = (value, until)
        self._entries.move_to_end(digest)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
