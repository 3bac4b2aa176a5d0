"""What a request comes to once every name and type in it is checked.

Plain values, testable with no store and no server.

The binder makes a `Plan` from method, path and options; the reader adds what the body says; the store gets a `Query`,
`Create`, `Update` or `Delete` and answers with records (`odata.edm.layout`).
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from enrollscope.odata.edm.model import EntityType, Property, StoredSet
from enrollscope.odata.plan.bound import ScalarType
from enrollscope.odata.plan.commands import ALWAYS, LinkedTo, Precondition
from enrollscope.odata.plan.queries import Paging, Query


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
