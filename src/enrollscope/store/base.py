"""What the service asks of a store. Two stores answer: `sqlite.py` and `postgres.py`; one conformance suite tests both.

Every call is bound to one tenant, the only partition of the data. A record that a call returns is committed durably:
a store never shows, and never answers, what a power cut could take back.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import msgspec

from enrollscope.odata.edm.layout import Layout, Record
from enrollscope.odata.errors import ODataError
from enrollscope.odata.json.text_form import TextForm
from enrollscope.odata.plan.commands import Command
from enrollscope.odata.plan.queries import Page, Paging, Query


class Written(msgspec.Struct, frozen=True):
    """What a command came to.

    Attributes:
        record: the entity after it; before it, for a deletion.
        changed: false when an update named nothing but what was stored already: no new version, nothing logged.
    """

    record: Record
    changed: bool = True


@dataclass(frozen=True, slots=True)
class PageText:
    """A page as JSON text.

    Attributes:
        entities: UTF-8, with commas between them.
        after: the values of the order keys of the last of them; empty where no more follow.
        total: set when `Paging.total` asked for it.
    """

    entities: bytes
    after: tuple[Any, ...] = ()
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change log.

    Attributes:
        position: rises with every change of the tenant.
        kind: `created`, `updated` or `deleted`.
        version: the entity's version after the change; the last it had, for a deletion.
        at: ticks, UTC: when the request was received.
        before: property → value before, in OData JSON spelling, of the properties that changed; empty for a creation;
            for a deletion of all properties of the type but the key, and `@odata.type`.
        after: the same afterwards; empty for a deletion, all for a creation.
    """

    position: int
    stored: str
    key: str
    kind: str
    version: int
    at: int
    user: str | None
    app: str
    token: str
    client_request: str
    before: dict[str, Any]
    after: dict[str, Any]


class Store(Protocol):
    """Rows of one schema, kept durably."""

    @property
    def layouts(self) -> dict[str, Layout]:
        """Stored set name → the record form of its entities."""
        ...

    async def start(self) -> None:
        """Open the store and get ready to serve.

        Raises:
            StoreRefused: it cannot be opened, is not ours, or has a schema this version does not know.
        """
        ...

    async def close(self) -> None:
        """Finish the commands under way, then let go of everything. A second call does nothing."""
        ...

    async def check(self) -> None:
        """Return when the store answers and its migrations are current.

        Raises:
            StoreRefused: says what is wrong.
        """
        ...

    def read(self, tenant: str, stored: str, key: str) -> "asyncio.Future[Record | None]":
        """One entity by its key, or `None`. Reads that wait at the same time are answered by one trip.

        A store that is not open refuses at once, with `ServiceUnavailable`; all else comes with the future.
        """
        ...

    def write(self, command: Command) -> "asyncio.Future[Written]":
        """Carry out one command durably, together with its entry in the change log.

        Commands on one entity take effect in the order of the calls. Those that wait at the same time share a commit.
        What is cancelled while it still waits is not carried out.

        Raises:
            ServiceUnavailable: at once: the store is not open, or the queue is full.

        The future raises:
            ResourceNotFound: no entity of that key, those types and links.
            PreconditionFailed: the entity's version does not pass. A missing entity is reported first.
            Conflict: a create names a key that exists.
            ServiceUnavailable: the store cannot write now; nothing was written.
        """
        ...

    async def write_together(self, commands: Sequence[Command]) -> Sequence[Written]:
        """Carry out several commands, in their order, as one: all of them, or none. Otherwise as `write`.

        Raises:
            RefusedTogether: one of them is refused, for a reason that `write` has; nothing was written.
            ServiceUnavailable: the queue is full, or the store cannot write now; nothing was written.
        """
        ...

    async def fetch(self, tenant: str, query: Query, paging: Paging) -> Page:
        """The records that a query matches, in its order, each with the computed values and the order keys appended."""
        ...

    async def text(self, tenant: str, query: Query, paging: Paging, form: TextForm) -> PageText | None:
        """All but the last of the records that `fetch` would give, as JSON; that one only tells that more follow.

        `None`: the form does not say what some of them look like, or `fetch` and a writer are no slower here and now.
        """
        ...

    async def count(self, tenant: str, query: Query, paging: Paging) -> int:
        """How many records match; the order, and what `paging` says of pages, play no part."""
        ...

    async def changes(self, tenant: str, after: int, limit: int) -> list[Change]:
        """The log from behind position `after`, oldest first."""
        ...

    async def secret(self, name: str, make: Callable[[], str]) -> str:
        """The text kept under `name`, made and stored by the first who asks.

        Every process on the store gets the same. Needs no `start`: it makes and migrates the store if need be.
        """
        ...


class RefusedTogether(Exception):
    """Of commands that had to be carried out together, the one at `place` was refused; none of them was done."""

    def __init__(self, place: int, refusal: ODataError) -> None:
        super().__init__(refusal.message)
        self.place = place
        self.refusal = refusal

    def __reduce__(self) -> tuple[type[Self], tuple[int, ODataError]]:
        """Go from one process to another."""
        return type(self), (self.place, self.refusal)


class StoreRefused(Exception):
    """The store cannot be used; the message is for the operator and names the remedy. The store is untouched."""
