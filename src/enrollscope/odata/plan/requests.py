"""What a request comes to once every name and type in it is checked.

Plain values, testable with no store and no server.

The binder makes a `Plan` from method, path and options; the reader adds what the body says; the store gets a `Query`,
`Create`, `Update` or `Delete` and answers with records (`odata.edm.layout`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from enrollscope.odata.edm.model import EntityType, Property, StoredSet
from enrollscope.odata.plan.bound import Bound, ScalarType, Source
from enrollscope.odata.plan.commands import Fitness


@dataclass(frozen=True, slots=True)
class LinkedTo:
    """Only entities whose `property` equals `value`, without regard to ASCII case."""

    property: str
    value: str


@dataclass(frozen=True, slots=True)
class Scope:
    """The entities that a resource path reaches, and how answers name them.

    Attributes:
        declared: the type that the path promises: decides where `@odata.type` is needed and what may be created.
        types: the stored types that belong; others do not exist here.
        links: what the navigation path demands of each.
        context: the fragment for `@odata.context`, without `/$entity` or a select list, already percent-encoded.
        path: the canonical relative URL of the collection, for `Location` and `@odata.id`, already percent-encoded.
        cast: the type and filter segments behind it, each with a slash in front and percent-encoded.
    """

    stored: StoredSet
    declared: EntityType
    types: frozenset[str]
    links: tuple[LinkedTo, ...]
    context: str
    path: str
    cast: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an order. Null is lowest: first ascending, last descending (contract §4.4)."""

    expression: Bound
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Keep:
    """Only rows for which a condition is true."""

    where: Bound


class Method(Enum):
    """How many values become one (Data Aggregation 4.0 §3.1.3).

    Nulls are not among the values. Of no values, the counts are zero and everything else is null.
    """

    COUNT = "$count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVERAGE = "average"
    COUNT_DISTINCT = "countdistinct"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One aggregate of a group.

    Attributes:
        operand: of the group's rows; `None` for a count of the rows themselves.
    """

    method: Method
    operand: Bound | None
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Group:
    """One row for each combination of keys, with aggregates; without keys one row in all, also of no rows.

    From here on `bound.Field` reads the rows: the keys first, then the aggregates.
    """

    keys: tuple[Bound, ...]
    aggregates: tuple[Aggregation, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows `skip` to `skip + top` of an order; a missing `top` is all of the rest."""

    order: tuple[Order, ...]
    skip: Bound | None = None
    top: Bound | None = None


class Until(Enum):
    """How far a ranking goes: a sum of the values, or that share of the sum of all."""

    SUM = "sum"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Rank:
    """The fewest rows from the start of an order whose values come to an amount. Rows without a value are left out.

    Attributes:
        order: total; its first key is the value.
        amount: of the sum, or of a hundred.
    """

    until: Until
    order: tuple[Order, ...]
    amount: Bound


Step: TypeAlias = Keep | Group | Cut | Rank


@dataclass(frozen=True, slots=True)
class Positions:
    """Where some items of a collection stand in it, counted from 0, as the JSON text of an array. None: `[]` or null.

    Attributes:
        variable: the number by which the expressions know the item.
        where: the condition; `None` for all.
        order: not total; what is equal stays in the order of the collection.
        values: computed of each item. With any, each item of the array is an array of the position and the values.
    """

    source: Source
    variable: int
    where: Bound | None = None
    order: tuple[Order, ...] = ()
    skip: Bound | None = None
    top: Bound | None = None
    values: tuple[Bound, ...] = ()


@dataclass(frozen=True)
class Query:
    """The shape of a question to one stored set: hashable, with the literals outside (`odata.plan.bound`).

    Attributes:
        where: the condition; `None` for everything. Link and type conditions of the scope are part of it, or of the
            first step.
        order: total: the last key is the entity's own.
        resumed: whether `Paging.after` says where to go on.
        steps: what happens to the rows before `where` is asked.
        computed: further values of each row, which follow the record.
    """

    stored: str
    where: Bound | None
    order: tuple[Order, ...]
    resumed: bool = False
    steps: tuple[Step, ...] = ()
    computed: tuple[Bound | Positions, ...] = ()

    @cached_property
    def _hash(self) -> int:
        return hash((self.stored, self.where, self.order, self.resumed, self.steps, self.computed))

    def __hash__(self) -> int:
        # Statements are looked up by their question, and the latest questions are kept: each is hashed in full once.
        return self._hash

    @property
    def width(self) -> int | None:
        """How many values a row has that a grouping made; `None`: the rows are records of entities."""
        for step in reversed(self.steps):
            if isinstance(step, Group):
                return len(step.keys) + len(step.aggregates)
        return None


@dataclass(frozen=True, slots=True)
class Paging:
    """The values that go with a `Query`.

    Attributes:
        parameters: the literals, at the indexes that `bound.Parameter` names.
        limit: how many records at most.
        skip: how many to leave out first.
        after: one value an order key, of the last record seen; what follows it, strictly, is wanted.
        total: also count what `where` matches, paging left aside.
        now: ticks, UTC: what `now()` gives; the same on every page of a question.
    """

    parameters: tuple[Any, ...]
    limit: int
    skip: int = 0
    after: tuple[Any, ...] = ()
    total: bool = False
    now: int = 0


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


@dataclass(frozen=True, slots=True)
class Selected:
    """A part of a structured property to show.

    Attributes:
        inner: of it, the properties to show, canonical spelling; `None`: all.
    """

    name: str
    inner: tuple["Selected", ...] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that the request made: a computed property, or one of a grouped result.

    Attributes:
        path: its name; of a grouping property inside of a complex one, the names from the outside in.
        place: among `Query.computed`, or in the row of a grouping.
    """

    path: tuple[str, ...]
    type: ScalarType
    place: int


@dataclass(frozen=True, slots=True)
class Picked:
    """A collection of which the request picks out some items.

    Attributes:
        path: names of properties, from the entity to the collection.
        place: of the `Positions`, among `Query.computed`.
        count: of the number to show beside the items, likewise; `None`: none is shown.
        computed: shown in each item; the places are among `Positions.values`.
    """

    path: tuple[str, ...]
    place: int
    count: int | None = None
    computed: tuple[Shown, ...] = ()


@dataclass(frozen=True, slots=True)
class Projection:
    """What of an entity to show.

    Attributes:
        properties: names in the order of `$select`, canonical spelling; `None`: all.
        written: the select list as the context URL shows it, or an empty string.
        parts: of the structured properties, those of which only a part is to be shown.
        computed: shown behind the properties.
        picked: the collections that are shown in part.
    """

    properties: tuple[str, ...] | None = None
    written: str = ""
    parts: tuple[Selected, ...] = ()
    computed: tuple[Shown, ...] = ()
    picked: tuple[Picked, ...] = ()


EVERYTHING = Projection()


@dataclass(frozen=True, slots=True)
class ReadCollection:
    """GET on a collection.

    Attributes:
        results: of a grouping, what its rows show; `None`: the rows are entities.
        timed: links to further pages carry the time of the first one.
    """

    scope: Scope
    query: Query
    paging: Paging
    projection: Projection
    page_size: int
    fingerprint: bytes
    results: tuple[Shown, ...] | None = None
    timed: bool = False


@dataclass(frozen=True, slots=True)
class CountCollection:
    """GET on `…/$count`."""

    scope: Scope
    query: Query
    paging: Paging


class ReadEntity(NamedTuple):
    """GET on one entity.

    Attributes:
        question: finds it by its key, with what the projection needs beside the record; `None`: that is nothing.
    """

    scope: Scope
    key: str
    projection: Projection
    precondition: Precondition = ALWAYS
    question: tuple[Query, Paging] | None = None


@dataclass(frozen=True, slots=True)
class ReadProperty:
    """GET on a property of one entity.

    Attributes:
        entity: finds the entity; the projection shows nothing but the property.
        path: from the entity to the property.
        tail: `$value`, `$count` or nothing.
        written: the select list as the context URL shows it, or an empty string.
    """

    entity: ReadEntity
    path: tuple[Property, ...]
    tail: str
    written: str = ""

    @property
    def scope(self) -> Scope:
        """The entities among which it is."""
        return self.entity.scope


@dataclass(frozen=True, slots=True)
class CreateEntity:
    """POST to a collection."""

    scope: Scope
    projection: Projection


class UpdateEntity(NamedTuple):
    """PATCH on one entity."""

    scope: Scope
    key: str
    projection: Projection
    precondition: Precondition = ALWAYS


@dataclass(frozen=True, slots=True)
class DeleteEntity:
    """DELETE on one entity."""

    scope: Scope
    key: str
    precondition: Precondition = ALWAYS


@dataclass(frozen=True, slots=True)
class ReadServiceDocument:
    """GET on the version root."""


@dataclass(frozen=True, slots=True)
class ReadMetadata:
    """GET on `$metadata`.

    Attributes:
        media_type: what `$format` asks for; `None`: `Accept` decides.
    """

    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class ReadOpenApi:
    """GET on the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class RunBatch:
    """POST to `$batch`."""


EntityPlan: TypeAlias = (
    ReadCollection | CountCollection | ReadEntity | ReadProperty | CreateEntity | UpdateEntity | DeleteEntity
)
Plan: TypeAlias = EntityPlan | ReadServiceDocument | ReadMetadata | ReadOpenApi | RunBatch


@dataclass(frozen=True, slots=True)
class Page:
    """What a store answers to a `Query`.

    Attributes:
        records: each a record (`edm.layout`), or the row of a grouping, with the computed values and those of the order
            keys appended.
        total: set when `Paging.total` asked for it.
    """

    records: list[tuple[Any, ...]] = field(default_factory=list)
    total: int | None = None
