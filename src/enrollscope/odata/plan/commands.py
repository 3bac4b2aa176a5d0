"""Changes, as a store is told of them, and the conditions under which they are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeAlias

from enrollscope.odata.errors import ODataError


@dataclass(frozen=True, slots=True)
class LinkedTo:
    """Only entities whose `property` equals `value`, without regard to ASCII case."""

    property: str
    value: str


class Wildcard(Enum):
    """The precondition `*`: whatever version there is."""

    ANY_VERSION = "*"


@dataclass(frozen=True, slots=True)
class Precondition:
    """`If-Match` and `If-None-Match` (RFC 9110 §13.1), as versions; an entity tag that is not ours is version -1."""

    match: frozenset[int] | Wildcard | None = None
    none_match: frozenset[int] | Wildcard | None = None

    def holds(self, version: int) -> bool:
        """Tell whether an entity that exists at `version` passes."""
        if self.match is not None and self.match is not Wildcard.ANY_VERSION and version not in self.match:
            return False
        return self.none_match is None or (
            self.none_match is not Wildcard.ANY_VERSION and version not in self.none_match
        )


ALWAYS = Precondition()


class Actor(NamedTuple):
    """Who makes a change, for the log.

    Attributes:
        at: ticks of `odata.edm.values.Instant`, UTC: when the request was received.
    """

    tenant: str
    user: str | None
    app: str
    token: str
    client_request: str
    at: int


@dataclass(frozen=True, slots=True)
class Create:
    """Put one new entity into a set. `values` as `Layout.value` gives them, defaults filled in."""

    actor: Actor
    stored: str
    key: str
    type: str
    values: Mapping[str, Any]


class Unfit(ODataError):
    """A body does not fit; whoever still has the `json.fit.Fit` knows why."""

    def __init__(self, stored_type: str) -> None:
        super().__init__(stored_type)
        self.stored_type = stored_type


class Fitness(Protocol):
    """Whether the body of an update suits the entity that it meets."""

    def check(self, stored_type: str) -> None:
        """Refuse a body that does not fit.

        Raises:
            ODataError: why it does not; or `Unfit`, where that is known elsewhere.
        """


@dataclass(frozen=True, slots=True)
class Judged:
    """A `json.fit.Fit` without the model and the words: what goes to another process.

    Attributes:
        unfit: the stored types that the body does not fit.
    """

    unfit: frozenset[str]

    def check(self, stored_type: str) -> None:
        """See `Fitness`; the failure is `Unfit`."""
        if stored_type in self.unfit:
            raise Unfit(stored_type)


class Update(NamedTuple):
    """Change one entity: see `odata.json.merge` for what `changes` does to what is stored.

    Attributes:
        fit: to be checked against the stored entity's type before anything is changed; `None`: any type fits.
    """

    actor: Actor
    stored: str
    key: str
    types: frozenset[str]
    links: tuple[LinkedTo, ...]
    changes: Mapping[str, Any]
    precondition: Precondition = ALWAYS
    fit: Fitness | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one entity."""

    actor: Actor
    stored: str
    key: str
    types: frozenset[str]
    links: tuple[LinkedTo, ...]
    precondition: Precondition = ALWAYS


Command: TypeAlias = Create | Update | Delete
