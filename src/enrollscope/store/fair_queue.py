"""What waits, of many tenants: each one's in the order of arrival, and the tenants in turns."""

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """A queue from which tenants get one item each in turn, so that what one of them has in it delays nobody else."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, deque[T]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        """How many items wait in all."""
        return self._length

    def waiting(self, tenant: str) -> int:
        """How many items of a tenant wait."""
        return len(self._of.get(tenant, ()))

    def append(self, tenant: str, item: T) -> None:
        """Put an item behind those of its tenant; a tenant with none has its turn last."""
        self._of.setdefault(tenant, deque()).append(item)
        self._length += 1

    def pop(self) -> T:
        """Take the item whose turn it is.

        Raises:
            IndexError: none waits.
        """
        if not self._length:
            raise IndexError("nothing waits")
        tenant, items = next(iter(self._of.items()))
        item = items.popleft()
        self._length -= 1
        if items:
            self._of.move_to_end(tenant)
        else:
            del self._of[tenant]
        return item
