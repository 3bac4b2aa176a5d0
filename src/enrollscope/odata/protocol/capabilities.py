"""What the engine can do, once: the binder checks requests against it, and `$metadata` and OpenAPI tell it.

The annotations are those of the vocabularies Org.OData.Core.V1 and Org.OData.Capabilities.V1. What a client may take
for granted is not annotated; no conformance level is claimed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from enrollscope.odata.edm.functions import FUNCTIONS
from enrollscope.odata.edm.model import ComplexType, Default, Model, NavigationProperty, Property, visible_properties
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel, ProtocolVersion

CORE = "Org.OData.Core.V1"
CAPABILITIES = "Org.OData.Capabilities.V1"
VOCABULARIES = (CORE, CAPABILITIES)

COLLECTION_OPTIONS = frozenset(
    {
        *("apply", "compute", "search", "filter", "orderby", "select"),
        *("top", "skip", "count", "skiptoken", "format"),
    }
)
SELECTED_OPTIONS = frozenset({"compute", "search", "filter", "orderby", "top", "skip", "count", "select"})
"""What may be said inside of `$select` of a collection."""
COUNT_OPTIONS = frozenset({"apply", "search", "filter", "format"})
ENTITY_OPTIONS = frozenset({"compute", "select", "format"})
WRITE_OPTIONS = frozenset({"select", "format"})
DOCUMENT_OPTIONS = frozenset({"format"})
NOT_YET = frozenset({"deltatoken", "index"})
"""Options that OData has for collections, and this service not yet."""

METADATA_FORMATS = ("application/xml", "application/json")
"""What `$metadata` is offered in; the first is what a client gets that does not care."""

OPENAPI_SEGMENT = "openapi.json"
"""Where the OpenAPI document lies below the version root. OData has no address for it."""

_FUNCTIONS_NOT_YET = frozenset({"geo.distance", "geo.intersects", "geo.length"})

OFFERED_FUNCTIONS = frozenset(function.name for function in FUNCTIONS.values()) - _FUNCTIONS_NOT_YET
"""Canonical functions that expressions may call, in the spelling of `edm.functions.FUNCTIONS`."""


def is_sortable(item: Property) -> bool:
    """Whether a property has one value, which can order a collection."""
    return not item.collection and not isinstance(item.type, ComplexType)


class PropertyPath(str):
    """The name of a property, as the value of an annotation."""

    __slots__ = ()


class NavigationPath(str):
    """The name of a navigation property, as the value of an annotation."""

    __slots__ = ()


AnnotationValue: TypeAlias = bool | str | tuple["AnnotationValue", ...] | Mapping[str, "AnnotationValue"]


@dataclass(frozen=True, slots=True)
class Annotation:
    """A term of a vocabulary, by its qualified name, and its value; a mapping is a record."""

    term: str
    value: AnnotationValue


def description_of(text: str) -> Iterator[Annotation]:
    """What the declaration says of something, if it says anything."""
    if text:
        yield Annotation(f"{CORE}.Description", text)


def annotations_of_property(item: Property) -> Iterator[Annotation]:
    """Who sets a property, and what it is."""
    if item.computed:
        yield Annotation(f"{CORE}.Computed", value=True)
    if isinstance(item.default, Default):
        yield Annotation(f"{CORE}.ComputedDefaultValue", value=True)
    yield from description_of(item.description)


def annotations_of_container() -> Iterator[Annotation]:
    """What holds for the whole service."""
    yield Annotation(f"{CORE}.ODataVersions", " ".join(ProtocolVersion))
    formats = [JsonFormat(level, ieee754_compatible=strings) for level in MetadataLevel for strings in (False, True)]
    yield Annotation(f"{CAPABILITIES}.SupportedFormats", tuple(item.content_type for item in formats))
    yield Annotation(f"{CAPABILITIES}.SupportedMetadataFormats", METADATA_FORMATS)
    yield Annotation(f"{CAPABILITIES}.FilterFunctions", tuple(sorted(name.lower() for name in OFFERED_FUNCTIONS)))
    yield Annotation(f"{CAPABILITIES}.KeyAsSegmentSupported", value=True)
    yield Annotation(f"{CAPABILITIES}.AsynchronousRequestsSupported", value=False)
    yield Annotation(f"{CAPABILITIES}.CrossJoinSupported", value=False)
    yield Annotation(f"{CAPABILITIES}.QuerySegmentSupported", value=False)
    yield Annotation(f"{CAPABILITIES}.ComputeSupported", "compute" in COLLECTION_OPTIONS)
    yield Annotation(
        f"{CAPABILITIES}.BatchSupport",
        {
            "Supported": True,
            "ContinueOnErrorSupported": False,
            "ReferencesInRequestBodiesSupported": False,
            "ReferencesAcrossChangeSetsSupported": False,
            "EtagReferencesSupported": False,
            "RequestDependencyConditionsSupported": False,
            "SupportedFormats": ("application/json",),
        },
    )


def annotations_of_collection(model: Model, link: NavigationProperty) -> Iterator[Annotation]:
    """What can be asked of the entities behind a navigation property."""
    known = visible_properties(model, model.entity(link.target))
    unordered = tuple(PropertyPath(item.name) for item in known if not is_sortable(item))
    sorting: dict[str, AnnotationValue] = {"Sortable": "orderby" in COLLECTION_OPTIONS}
    if unordered:
        sorting["NonSortableProperties"] = unordered
    yield Annotation(f"{CAPABILITIES}.IndexableByKey", value=True)
    yield Annotation(f"{CAPABILITIES}.TopSupported", "top" in COLLECTION_OPTIONS)
    yield Annotation(f"{CAPABILITIES}.SkipSupported", "skip" in COLLECTION_OPTIONS)
    yield Annotation(f"{CAPABILITIES}.CountRestrictions", {"Countable": "count" in COLLECTION_OPTIONS})
    yield Annotation(f"{CAPABILITIES}.FilterRestrictions", {"Filterable": "filter" in COLLECTION_OPTIONS})
    yield Annotation(f"{CAPABILITIES}.SortRestrictions", sorting)
    yield Annotation(f"{CAPABILITIES}.SearchRestrictions", {"Searchable": "search" in COLLECTION_OPTIONS})
    yield Annotation(f"{CAPABILITIES}.SelectSupport", _select_support())
    yield Annotation(f"{CAPABILITIES}.ExpandRestrictions", {"Expandable": "expand" in COLLECTION_OPTIONS})
    yield Annotation(f"{CAPABILITIES}.InsertRestrictions", {"Insertable": True})
    yield Annotation(
        f"{CAPABILITIES}.UpdateRestrictions", {"Updatable": True, "Upsertable": False, "FilterSegmentSupported": False}
    )
    yield Annotation(f"{CAPABILITIES}.DeleteRestrictions", {"Deletable": True, "FilterSegmentSupported": False})
    yield from description_of(link.description)


def _select_support() -> Mapping[str, AnnotationValue]:
    inside = {
        "Expandable": "expand",
        "Filterable": "filter",
        "Searchable": "search",
        "TopSupported": "top",
        "SkipSupported": "skip",
        "ComputeSupported": "compute",
        "Countable": "count",
        "Sortable": "orderby",
    }
    return {"Supported": "select" in COLLECTION_OPTIONS} | {
        member: option in SELECTED_OPTIONS for member, option in inside.items()
    }


def annotations_of_source(model: Model, type_name: str) -> Iterator[Annotation]:
    """What holds for the collections that start from a singleton, or from a member of an entity set."""
    restricted: tuple[AnnotationValue, ...] = tuple(
        {"NavigationProperty": NavigationPath(link.name), "OptimisticConcurrencyControl": True}
        for ancestor in model.entity(type_name).lineage
        for link in ancestor.navigation
    )
    if restricted:
        yield Annotation(f"{CAPABILITIES}.NavigationRestrictions", {"RestrictedProperties": restricted})
