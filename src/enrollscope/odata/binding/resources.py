"""Resource paths against the model: which entities a URL reaches (contract §2.1, §3.2)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple, TypeAlias
from urllib.parse import quote

from enrollscope.odata.edm.model import ComplexType, EntityType, Model, NavigationProperty, Property, visible_properties
from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.grammar.expr import Alias, Argument, Expr, Literal, Path
from enrollscope.odata.grammar.options import NO_OPTIONS, Options
from enrollscope.odata.grammar.path import PathSegment, parse_path
from enrollscope.odata.hints import near_name
from enrollscope.odata.plan.commands import LinkedTo
from enrollscope.odata.plan.requests import Scope
from enrollscope.odata.protocol.capabilities import OPENAPI_SEGMENT

_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
"""Keys of this form compare equal in any case (contract §2.1); those that are made here are in lower case."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
"""What can only be a key, or the name of something else, but neither a type nor anything encoded."""

_MOST_COLLECTIONS = 64

_PLAIN_IN_PATH = "()',:=@$!*"
"""What may stand in a path segment as it is (RFC 3986 §3.3), of the characters that expressions have."""

ME_TOKEN = "me-token-to-replace"  # noqa: S105 - no secret: how the SDKs spell `/me` inside themselves (contract §2.1)


@dataclass(frozen=True, slots=True)
class ServiceRoot:
    """The version root: the service document."""


@dataclass(frozen=True, slots=True)
class MetadataDocument:
    """`$metadata`."""


@dataclass(frozen=True, slots=True)
class OpenApiDocument:
    """The OpenAPI document."""


@dataclass(frozen=True, slots=True)
class BatchEndpoint:
    """`$batch`."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A contained collection, as a whole or narrowed by type segments and `$filter(…)` segments.

    Attributes:
        predicates: what the latter demand.
    """

    scope: Scope
    predicates: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class CollectionCount:
    """`…/$count`; otherwise as `Collection`."""

    scope: Scope
    predicates: tuple[Expr, ...] = ()


class Member(NamedTuple):
    """One entity of a collection."""

    scope: Scope
    key: str


@dataclass(frozen=True, slots=True)
class PropertyOf:
    """A property of one entity.

    Attributes:
        path: from the entity to the property.
        tail: `$value`, `$count` or nothing.
    """

    scope: Scope
    key: str
    path: tuple[Property, ...]
    tail: str = ""


Resource: TypeAlias = (
    ServiceRoot
    | MetadataDocument
    | OpenApiDocument
    | BatchEndpoint
    | Collection
    | CollectionCount
    | Member
    | PropertyOf
)

_KNOWN_SEGMENTS = frozenset(
    {"$all", "$apply", "$count", "$crossjoin", "$each", "$entity", "$filter", "$query", "$ref", "$root", "$value"}
)
"""Segments of OData's own (URL conventions 4.01 §4): whatever else begins with `$` is wrong."""

_BESIDE_THE_DATA: Mapping[str, Resource] = MappingProxyType(
    {"$metadata": MetadataDocument(), "$batch": BatchEndpoint(), OPENAPI_SEGMENT: OpenApiDocument()}
)


class Resources:
    """Resolves the paths of one API version."""

    def __init__(self, model: Model) -> None:
        self._model = model
        # Of collections that belong to nobody in particular: as many as the model has navigation properties.
        self._scopes: dict[tuple[str, str], Scope] = {}
        # Raw path of a collection → its scope: most requests name one entity of a collection named before.
        self._collections: dict[str, Scope] = {}
        # The same for requests that name such a collection itself.
        self._whole: dict[str, Collection] = {}

    def find(self, path: str, user: str | None, options: Options = NO_OPTIONS) -> Resource:
        """Find what a raw path, still percent-encoded, names. For the rest see `resolve`.

        Args:
            options: those of the request, whose parameter aliases may stand for keys (URL conventions 4.01 §5.3).
        """
        if (whole := self._whole.get(path)) is not None:
            return whole
        prefix, _, last = path.rpartition("/")
        plain = _PLAIN_KEY.fullmatch(last) is not None
        if plain and (scope := self._collections.get(prefix)) is not None:
            return Member(scope, _canonical(last))
        segments = parse_path(path)
        if options.aliases:
            return self.resolve(_unaliased(segments, options), user)
        resource = self.resolve(segments, user)
        if plain and isinstance(resource, Member) and not resource.scope.links:
            if len(self._collections) >= _MOST_COLLECTIONS:
                self._collections.clear()
            self._collections[prefix] = resource.scope
        if isinstance(resource, Collection) and not resource.predicates and not resource.scope.links:
            if len(self._whole) >= _MOST_COLLECTIONS:
                self._whole.clear()
            self._whole[path] = resource
        return resource

    def resolve(self, segments: tuple[PathSegment, ...], user: str | None) -> Resource:
        """Find what a path names.

        Args:
            user: the caller's own key, for `me`; `None` for an application.

        Raises:
            BadRequest: a segment that nothing here has, in Graph's words; `me` without a user; a key where none can be.
            NotBuilt: a resource that OData knows and this service does not offer.
        """
        if not segments:
            return ServiceRoot()
        first, *rest = segments
        if first.text in _BESIDE_THE_DATA:
            if rest:
                raise _unknown(rest[0], ())
            return _BESIDE_THE_DATA[first.text]
        if first.name in _KNOWN_SEGMENTS:
            raise NotBuilt(f"'{first.name[:100]}' is not offered at this address.", target=first.name[:100])
        source, path, context, rest = self._source(first, rest, user)
        if not rest:
            raise NotBuilt(f"'{path[:200]}' itself cannot be read here; go on to what it contains.")
        return self._contained(source, path, context, rest)

    def _source(
        self, first: PathSegment, rest: list[PathSegment], user: str | None
    ) -> tuple[tuple[EntityType, str | None], str, str, list[PathSegment]]:
        """The entity where navigation starts: its type and key, and how URLs and contexts spell it."""
        singleton = self._model.find_singleton(first.name)
        if singleton is not None and first.arguments is None:
            entity = self._model.entity(singleton.type)
            if singleton.caller_in is None:
                return (entity, None), singleton.name, singleton.name, rest
            return (entity, _caller(user)), singleton.name, _context_of(singleton.caller_in, _caller(user)), rest
        entity_set = self._model.find_entity_set(first.name)
        if entity_set is None:
            singletons = [item.name for item in self._model.singletons]
            raise _unknown(first, [*singletons, *(item.name for item in self._model.entity_sets)])
        if first.arguments is not None:
            key = _key_of(first, self._model.entity(entity_set.type))
        elif rest:
            key, rest = rest[0].text, rest[1:]
        else:
            raise NotBuilt(f"'{entity_set.name}' itself cannot be read here; name one and what it contains.")
        entity = self._model.entity(entity_set.type)
        if key == ME_TOKEN:
            key = _caller(user)
        path = f"{entity_set.name}/{quote(key, safe='')}"
        return (entity, key), path, _context_of(entity_set.name, key), rest

    def _contained(
        self, source: tuple[EntityType, str | None], path: str, context: str, rest: list[PathSegment]
    ) -> Resource:
        entity, key = source
        first, *rest = rest
        navigation = entity.find_navigation(first.name)
        if navigation is None:
            known = [item.name for ancestor in entity.lineage for item in ancestor.navigation]
            raise _unknown(first, known)
        scope = self._scope(navigation, key, f"{path}/{navigation.name}", f"{context}/{navigation.name}")
        if first.arguments is not None:
            return self._member(scope, _key_of(first, scope.declared), rest)
        if not rest:
            return Collection(scope)
        return self._inside(scope, rest)

    def _scope(self, navigation: NavigationProperty, key: str | None, path: str, context: str) -> Scope:
        if key is not None:
            return self._new_scope(navigation, key, path, context)
        scope = self._scopes.get((path, context))
        if scope is None:
            scope = self._scopes[path, context] = self._new_scope(navigation, key, path, context)
        return scope

    def _new_scope(self, navigation: NavigationProperty, key: str | None, path: str, context: str) -> Scope:
        declared = self._model.entity(navigation.target)
        links = () if navigation.link is None or key is None else (LinkedTo(navigation.link.property, key),)
        types = self._model.stored_as(declared)
        if links:
            # What lacks the linking property belongs to nobody, and is not found here (contract §12 row 28).
            name = links[0].property
            holders = (item for item in self._model.concrete_types(declared) if name in item.by_name)
            types = frozenset().union(*(self._model.stored_as(item) for item in holders))
        return Scope(self._model.stored_set(navigation.stored_in), declared, types, links, context, path)

    def _inside(self, scope: Scope, rest: list[PathSegment]) -> Resource:
        """What follows a collection: a count, conditions, a type, or a key."""
        predicates: list[Expr] = []
        while rest:
            first, *rest = rest
            if first.text == "$count":
                if rest:
                    raise _unknown(rest[0], ())
                return CollectionCount(scope, tuple(predicates))
            if first.predicate is not None and first.arguments is None:
                predicates.append(first.predicate)
                scope = replace(scope, cast=f"{scope.cast}/{quote(first.text, safe=_PLAIN_IN_PATH)}")
                continue
            _refuse_dollar(first)
            cast = self._cast(scope, first)
            if cast is not None and first.arguments is None:
                scope = cast
                continue
            if predicates:
                raise NotBuilt("One entity of a filtered collection is not offered at this address.")
            if cast is not None:
                return self._member(cast, _key_of(first, cast.declared), rest)
            return self._member(scope, first.text, rest)
        return Collection(scope, tuple(predicates))

    def _member(self, scope: Scope, key: str, rest: list[PathSegment]) -> Resource:
        if not rest:
            return Member(scope, _canonical(key))
        first = rest[0]
        cast = self._cast(scope, first)
        if cast is not None:
            if first.arguments is not None:
                raise _unknown(first, ())
            return self._member(cast, key, rest[1:])
        _refuse_ref(first)
        if first.text in _KNOWN_SEGMENTS:
            raise NotBuilt(f"'{first.name[:100]}' of an entity is not offered.", target=first.name[:100])
        path = [_property(first, visible_properties(self._model, scope.declared))]
        for place, segment in enumerate(rest[1:], start=2):
            if segment.text in ("$value", "$count"):
                if place < len(rest):
                    raise _unknown(rest[place], ())
                return PropertyOf(scope, _canonical(key), tuple(path), _tail(path[-1], segment))
            self._go_into(path, segment)
        return PropertyOf(scope, _canonical(key), tuple(path))

    def _go_into(self, path: list[Property], segment: PathSegment) -> None:
        """Go on from a property to one inside of it, which is added to the path."""
        found = path[-1]
        _refuse_ref(segment)
        if found.collection:
            if segment.text in _KNOWN_SEGMENTS or segment.name == "$filter" or segment.text.lstrip("-").isdecimal():
                raise NotBuilt(f"What a path says of the items of '{found.name}' is not offered, but for $count.")
            raise _unknown(segment, ("$count",))
        if not isinstance(found.type, ComplexType):
            raise _unknown(segment, ("$value",))
        if segment.arguments is not None or self._model.find_type(segment.text) is not found.type:
            path.append(_property(segment, found.type.properties))

    def _cast(self, scope: Scope, segment: PathSegment) -> Scope | None:
        """The scope narrowed by a type segment; `None` where the segment is none."""
        namespace = segment.name.rpartition(".")[0].lower()
        if namespace not in (self._model.namespace.lower(), self._model.alias.lower()):
            return None
        found = self._model.find_type(segment.name)
        if not isinstance(found, EntityType):
            known = [f"{self._model.namespace}.{item.name}" for item in self._model.concrete_types(scope.declared)]
            raise _unknown(segment, known)
        if not found.is_a(scope.declared) and not scope.declared.is_a(found):
            raise BadRequest(
                f"The type '{found.name_in_model}' in the path is not related to '{scope.declared.name_in_model}'.",
                target=segment.text,
            )
        if scope.declared.is_a(found):
            return scope
        return replace(
            scope,
            declared=found,
            types=scope.types & self._model.stored_as(found),
            context=f"{scope.context}/{found.name_in_model}",
            cast=f"{scope.cast}/{found.name_in_model}",
        )


def _property(segment: PathSegment, known: Sequence[Property]) -> Property:
    found = next((item for item in known if item.name.lower() == segment.text.lower()), None)
    if found is None:
        raise _unknown(segment, [item.name for item in known])
    return found


def _tail(item: Property, segment: PathSegment) -> str:
    """What stands behind the last property of a path."""
    if segment.text == "$count" and not item.collection:
        raise BadRequest(f"'{item.name}' is no collection, so there is nothing to count.", target="$count")
    if segment.text == "$value" and (item.collection or isinstance(item.type, ComplexType)):
        raise BadRequest(f"'{item.name}' has no raw value; only a single primitive value has one.", target="$value")
    return segment.text


def _canonical(key: str) -> str:
    return key.lower() if not key.islower() and _GUID.fullmatch(key) else key


def _context_of(entity_set: str, key: str) -> str:
    quoted = key.replace("'", "''")
    return f"{entity_set}('{quote(quoted, safe='')}')"


def _caller(user: str | None) -> str:
    if user is None:
        raise BadRequest("/me request is only valid with delegated authentication flow.")
    return user


def _unaliased(segments: tuple[PathSegment, ...], options: Options) -> tuple[PathSegment, ...]:
    """The same path with keys in place of the aliases that stand for them."""
    return tuple(
        segment if not segment.arguments else replace(segment, arguments=_without_aliases(segment.arguments, options))
        for segment in segments
    )


def _without_aliases(arguments: tuple[Argument, ...], options: Options) -> tuple[Argument, ...]:
    return tuple(replace(item, value=_meant(item.value, options)) for item in arguments)


def _meant(value: Expr, options: Options) -> Expr:
    seen: set[str] = set()
    while (alias := _alias_in(value)) is not None and alias.name not in seen:
        seen.add(alias.name)
        given = options.alias(alias.name)
        if given is None:
            break
        value = given
    return value


def _alias_in(value: Expr) -> Alias | None:
    match value:
        case Path(segments=(Alias() as alias,)):
            return alias
        case _:
            return None


def _key_of(segment: PathSegment, entity: EntityType) -> str:
    """The key in the parentheses behind a name."""
    arguments = segment.arguments or ()
    if len(arguments) != 1:
        raise BadRequest(f"'{segment.name}' takes one key in parentheses, such as {segment.name}('…').")
    (argument,) = arguments
    name = entity.key_property.name
    if argument.name is not None and argument.name.lower() != name.lower():
        raise BadRequest(f"'{argument.name}' is not the key of '{segment.name}'; that is '{name}'.")
    if (alias := _alias_in(argument.value)) is not None:
        raise BadRequest(
            f"The alias '@{alias.name}' stands for no key: the request must give it one, such as @{alias.name}='…'.",
            target=f"@{alias.name}",
        )
    if not isinstance(argument.value, Literal) or not isinstance(argument.value.value, str):
        raise BadRequest(f"The key in parentheses behind '{segment.name}' must be a string in single quotes.")
    return argument.value.value


def _refuse_dollar(segment: PathSegment) -> None:
    """Refuse what OData has behind a collection, and this service does not, and what nobody has."""
    if not segment.text.startswith("$"):
        return
    _refuse_ref(segment)
    if segment.name not in _KNOWN_SEGMENTS:
        raise _unknown(segment, ("$count", "$filter(…)"))
    raise NotBuilt(f"The segment '{segment.name[:100]}' is not offered here yet.", target=segment.name[:100])


def _refuse_ref(segment: PathSegment) -> None:
    if segment.text == "$ref":
        raise BadRequest("What is contained in another entity cannot be linked or unlinked; create or delete it.")


def _unknown(segment: PathSegment, known: list[str] | tuple[str, ...]) -> BadRequest:
    shown = segment.name[:100]
    return BadRequest(f"Resource not found for the segment '{shown}'.{near_name(shown, known)}", target=shown)
