"""The entity data model as values: types, properties, navigation, what is stored.

A `schema.Schema` is the one declaration of everything a service has, over all its API versions. A `Model` is what the
clients of one version see of it (`Schema.view`): validation, JSON, `$metadata`, binding all read the `Model`; the store
reads the `Schema`, because a row keeps what an older version cannot show.

A declaration lists the versions it exists in as `views`; `None` means all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TypeAlias

Views: TypeAlias = frozenset[str] | None


class Primitive(Enum):
    """The primitive types of OData 4.01 that a property can have (CSDL 4.01 §3.3)."""

    BINARY = "Edm.Binary"
    BOOLEAN = "Edm.Boolean"
    BYTE = "Edm.Byte"
    DATE = "Edm.Date"
    DATE_TIME_OFFSET = "Edm.DateTimeOffset"
    DECIMAL = "Edm.Decimal"
    DOUBLE = "Edm.Double"
    DURATION = "Edm.Duration"
    GUID = "Edm.Guid"
    INT16 = "Edm.Int16"
    INT32 = "Edm.Int32"
    INT64 = "Edm.Int64"
    SBYTE = "Edm.SByte"
    SINGLE = "Edm.Single"
    STRING = "Edm.String"
    TIME_OF_DAY = "Edm.TimeOfDay"

    @property
    def name_in_model(self) -> str:
        """The qualified name, `Edm.String`."""
        return self.value


class Default(Enum):
    """What a property holds when the creating request leaves it out and no constant would do."""

    NOW = "the time at which the request was received, in UTC"


@dataclass(frozen=True)
class EnumMember:
    """A member name and the number that is stored for it."""

    name: str
    value: int
    views: Views = None


@dataclass(frozen=True)
class EnumType:
    """An enumeration that is not a flags enumeration.

    Attributes:
        members: those that clients of this view see.
        sentinel: the member shown in place of a hidden one (contract §3.6); `None` for a closed enumeration.
        hidden: members of other views, or of none, whose numbers may be stored.
    """

    name: str
    members: tuple[EnumMember, ...]
    sentinel: str | None = None
    description: str = ""
    hidden: tuple[EnumMember, ...] = ()
    namespace: str = "microsoft.graph"

    def __hash__(self) -> int:
        # Expressions carry their types and are hashed for every question: the name is enough to tell types apart.
        return hash(self.name)

    @property
    def name_in_model(self) -> str:
        """The qualified name."""
        return f"{self.namespace}.{self.name}"

    @cached_property
    def values(self) -> Mapping[str, int]:
        """Visible member name → number."""
        return {member.name: member.value for member in self.members}

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Number → name, for visible members."""
        return {member.value: member.name for member in self.members}

    @cached_property
    def hidden_names(self) -> Mapping[int, str]:
        """Number → name, for members that only `include-unknown-enum-members` shows."""
        return {member.value: member.name for member in self.hidden}

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        return {member.name.lower(): member.name for member in (*self.hidden, *self.members)}

    def find(self, name: str, *, include_hidden: bool = False) -> EnumMember | None:
        """Look a member up: the exact name first, then in any case (contract §12 row 12)."""
        exact = self._folded.get(name.lower(), name)
        for member in self.members:
            if member.name in (name, exact):
                return member
        if include_hidden:
            for member in self.hidden:
                if member.name in (name, exact):
                    return member
        return None


@dataclass(frozen=True)
class ComplexType:
    """A structured value without identity."""

    name: str
    properties: tuple["Property", ...]
    description: str = ""
    views: Views = None
    namespace: str = "microsoft.graph"

    @property
    def name_in_model(self) -> str:
        """The qualified name."""
        return f"{self.namespace}.{self.name}"

    @cached_property
    def by_name(self) -> Mapping[str, "Property"]:
        """Exact name → property."""
        return {item.name: item for item in self.properties}

    @cached_property
    def _folded(self) -> Mapping[str, "Property"]:
        return {item.name.lower(): item for item in self.properties}

    def find(self, name: str) -> "Property | None":
        """Look a property up in any case, as Graph does in URLs (contract §2.1)."""
        return self._folded.get(name.lower())


ValueType: TypeAlias = Primitive | EnumType | ComplexType


@dataclass(frozen=True)
class Property:
    """A structural property.

    Attributes:
        collection: the value is a list of `type`, never null; `nullable` then speaks of its elements.
        computed: only the service sets it; clients may send it and are not heard.
        default: stored when a creating request leaves the property out; `None` stores null.
    """

    name: str
    type: ValueType
    nullable: bool = True
    collection: bool = False
    computed: bool = False
    default: str | Default | None = None
    description: str = ""
    views: Views = None


@dataclass(frozen=True)
class Link:
    """What ties the rows of a navigation property to the entity it starts from: `property` equals that entity's key.

    Compared without regard to ASCII case, since Graph compares GUIDs and principal names so (contract §12 row 28).
    """

    property: str


@dataclass(frozen=True)
class NavigationProperty:
    """A contained collection.

    Attributes:
        target: name of the declared entity type.
        stored_in: name of the stored set that holds the entities.
        link: which of that set's rows belong to one source entity; `None`: all of the tenant's.
    """

    name: str
    target: str
    stored_in: str
    link: Link | None = None
    description: str = ""
    views: Views = None


@dataclass(frozen=True)
class EntityType:
    """A structured type with a key, declared once, at its root.

    Attributes:
        properties: the type's own, without inherited ones.
    """

    name: str
    base: "EntityType | None" = None
    abstract: bool = False
    key: str | None = None
    properties: tuple[Property, ...] = ()
    navigation: tuple[NavigationProperty, ...] = ()
    description: str = ""
    views: Views = None
    namespace: str = "microsoft.graph"
    open_type: bool = False

    @property
    def name_in_model(self) -> str:
        """The qualified name."""
        return f"{self.namespace}.{self.name}"

    @cached_property
    def lineage(self) -> tuple["EntityType", ...]:
        """The type and its ancestors, root first."""
        return (*self.base.lineage, self) if self.base else (self,)

    @cached_property
    def all_properties(self) -> tuple[Property, ...]:
        """Inherited properties first."""
        return tuple(item for ancestor in self.lineage for item in ancestor.properties)

    @cached_property
    def key_property(self) -> Property:
        """The key.

        Raises:
            LookupError: no type of the lineage declares one.
        """
        for ancestor in self.lineage:
            if ancestor.key is not None:
                return self.by_name[ancestor.key]
        raise LookupError(f"{self.name} has no key")

    @cached_property
    def by_name(self) -> Mapping[str, Property]:
        """Exact name → property, inherited ones included."""
        return {item.name: item for item in self.all_properties}

    @cached_property
    def _folded(self) -> Mapping[str, Property]:
        return {item.name.lower(): item for item in self.all_properties}

    def find(self, name: str) -> Property | None:
        """Look a property up in any case, as Graph does in URLs (contract §2.1)."""
        return self._folded.get(name.lower())

    def find_navigation(self, name: str) -> NavigationProperty | None:
        """Look a navigation property up in any case."""
        for ancestor in self.lineage:
            for item in ancestor.navigation:
                if item.name.lower() == name.lower():
                    return item
        return None

    def is_a(self, other: "EntityType") -> bool:
        """Tell whether this is `other` or derived from it, by name: the types may come from different views."""
        return any(ancestor.name == other.name for ancestor in self.lineage)


@dataclass(frozen=True)
class EntitySet:
    """An entity set of the container."""

    name: str
    type: str
    views: Views = None


@dataclass(frozen=True)
class Singleton:
    """A single entity of the container.

    Attributes:
        caller_in: name of the entity set whose member with the caller's own key this is, as `me` is one of `users`.
    """

    name: str
    type: str
    caller_in: str | None = None
    views: Views = None


@dataclass(frozen=True)
class StoredSet:
    """Entities that the store keeps: one table, one layout.

    Attributes:
        name: of the table, and of the permissions.
        type: name of the base type; the set holds it and everything derived from it.
        default_order: property names, `-` in front for descending; the key is appended as the last one.
        often_changed: names of properties that are asked for by value and often changed. A store may index them apart
            from the others, so that changing them costs little.
        often_rewritten: names of properties whose texts are often changed, and searched. A store may keep what it knows
            of them apart, too.
    """

    name: str
    type: str
    default_order: tuple[str, ...] = ()
    often_changed: tuple[str, ...] = ()
    often_rewritten: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """What the clients of one API version see."""

    version: str
    namespace: str
    alias: str
    container: str
    enums: tuple[EnumType, ...]
    complexes: tuple[ComplexType, ...]
    entities: tuple[EntityType, ...]
    entity_sets: tuple[EntitySet, ...]
    singletons: tuple[Singleton, ...]
    stored: tuple[StoredSet, ...]
    replacements: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _types(self) -> Mapping[str, EntityType | ComplexType | EnumType]:
        found: dict[str, EntityType | ComplexType | EnumType] = {}
        declared: tuple[EntityType | ComplexType | EnumType, ...] = (*self.enums, *self.complexes, *self.entities)
        for item in declared:
            for name in (item.name, f"{self.namespace}.{item.name}", f"{self.alias}.{item.name}"):
                found[name.lower()] = item
        return found

    def find_type(self, name: str) -> EntityType | ComplexType | EnumType | None:
        """Look a type up by simple, qualified or aliased name, in any case, with or without a leading `#`."""
        return self._types.get(name.removeprefix("#").lower())

    def entity(self, name: str) -> EntityType:
        """The entity type of that simple name.

        Raises:
            LookupError: the view has no such entity type.
        """
        found = self._types.get(name.lower())
        if not isinstance(found, EntityType):
            raise LookupError(name)
        return found

    @cached_property
    def _shown(self) -> Mapping[str, EntityType]:
        shown = {item.name: item for item in self.entities}
        return shown | {hidden: shown[visible] for hidden, visible in self.replacements.items()}

    def shown_as(self, stored_type: str) -> EntityType:
        """The type that stands for a stored one here: itself, or its nearest visible ancestor (contract §12 row 11)."""
        return self._shown[stored_type]

    def stored_as(self, entity: EntityType) -> frozenset[str]:
        """Names of all stored types that are an instance of `entity` for clients of this view."""
        return self._stored_as[entity.name]

    @cached_property
    def _stored_as(self) -> Mapping[str, frozenset[str]]:
        return {
            entity.name: frozenset(name for name, shown in self._shown.items() if shown.is_a(entity))
            for entity in self.entities
        }

    def concrete_types(self, base: EntityType) -> tuple[EntityType, ...]:
        """The instantiable types at and below `base`."""
        return tuple(item for item in self.entities if not item.abstract and item.is_a(base))

    def stored_set(self, name: str) -> StoredSet:
        """The stored set of that name.

        Raises:
            LookupError: there is none.
        """
        for item in self.stored:
            if item.name == name:
                return item
        raise LookupError(name)

    def find_entity_set(self, name: str) -> EntitySet | None:
        """Look an entity set up in any case."""
        return next((item for item in self.entity_sets if item.name.lower() == name.lower()), None)

    def find_singleton(self, name: str) -> Singleton | None:
        """Look a singleton up in any case."""
        return next((item for item in self.singletons if item.name.lower() == name.lower()), None)


def visible_properties(model: Model, declared: EntityType) -> tuple[Property, ...]:
    """The properties of a type and of everything derived from it, each name once."""
    found: dict[str, Property] = {}
    for entity in model.entities:
        if entity.is_a(declared):
            found.update(entity.by_name)
    return tuple(found.values())
