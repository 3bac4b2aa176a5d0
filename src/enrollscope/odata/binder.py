"""Method, path and options to a `Plan`: every name and type is checked here, against one version's model."""

import re
from collections.abc import Callable
from typing import NamedTuple, assert_never

from enrollscope.odata.bound import Bound, Column, Combine, Logic, SameText, TypeIs
from enrollscope.odata.capabilities import (
    COLLECTION_OPTIONS,
    COUNT_OPTIONS,
    DOCUMENT_OPTIONS,
    ENTITY_OPTIONS,
    METADATA_FORMATS,
    NOT_YET,
)
from enrollscope.odata.clauses import SelectItem
from enrollscope.odata.conditions import Conditions
from enrollscope.odata.cursors import CursorSigner, fingerprint
from enrollscope.odata.edm import EntityType, Model, Primitive, visible_properties
from enrollscope.odata.errors import BadRequest, MethodNotAllowed, NotBuilt, PreconditionFailed
from enrollscope.odata.expr import Name, Qualified, Star
from enrollscope.odata.headers import Preferences
from enrollscope.odata.hints import near_name
from enrollscope.odata.operands import ClauseFault, Operands
from enrollscope.odata.options import NO_OPTIONS, Options
from enrollscope.odata.plan import (
    EVERYTHING,
    CountCollection,
    CreateEntity,
    DeleteEntity,
    Order,
    Paging,
    Plan,
    Precondition,
    Projection,
    Query,
    ReadCollection,
    ReadEntity,
    ReadMetadata,
    ReadOpenApi,
    ReadServiceDocument,
    RunBatch,
    Scope,
    UpdateEntity,
)
from enrollscope.odata.resources import (
    BatchEndpoint,
    Collection,
    CollectionCount,
    Member,
    MetadataDocument,
    OpenApiDocument,
    Resource,
    Resources,
    ServiceRoot,
)

_SELECT_FAULT = "Parsing OData Select and Expand failed"
_NO_OPTIONS: frozenset[str] = frozenset()


class Asked(NamedTuple):
    """What a request asks, read but not yet understood.

    Attributes:
        path: what follows the version root, still percent-encoded.
        tenant, user: whose data, and the caller's own key in it; `None` for an application.
        page_size: the most entities a page may hold.
    """

    method: str
    path: str
    options: Options
    preferences: Preferences
    precondition: Precondition
    tenant: str
    user: str | None
    page_size: int


class Binder:
    """Binds the requests of one API version."""

    def __init__(self, model: Model, cursors: CursorSigner) -> None:
        self._model = model
        self._resources = Resources(model)
        self._cursors = cursors

    def bind(self, asked: Asked) -> Plan:
        """Understand a request.

        Raises:
            BadRequest: a name, a value or a combination is wrong.
            MethodNotAllowed: the resource does not take the method.
            PreconditionFailed: `If-Match` names versions of what has none.
            NotBuilt: valid OData that is not offered yet.
        """
        resource = self._resources.find(asked.path, asked.user)
        if not isinstance(resource, Member):
            _refuse_tags(asked.precondition)
        method = "GET" if asked.method == "HEAD" else asked.method
        match resource, method:
            case Member(scope, key), "GET":
                return ReadEntity(scope, key, self._entity_projection(scope, asked.options), asked.precondition)
            case Member(scope, key), "PATCH":
                return UpdateEntity(scope, key, self._entity_projection(scope, asked.options), asked.precondition)
            case ServiceRoot(), "GET":
                _allow(asked.options, DOCUMENT_OPTIONS)
                return ReadServiceDocument()
            case MetadataDocument(), "GET":
                _allow(asked.options, DOCUMENT_OPTIONS, _metadata_format)
                wanted = asked.options.text("format")
                return ReadMetadata(None if wanted is None else _metadata_format(wanted))
            case OpenApiDocument(), "GET":
                _allow(asked.options, DOCUMENT_OPTIONS)
                return ReadOpenApi()
            case BatchEndpoint(), "POST":
                _allow(asked.options, _NO_OPTIONS)
                return RunBatch()
            case Collection(scope), "GET":
                return self._read(scope, asked)
            case CollectionCount(scope), "GET":
                return self._count(scope, asked)
            case Collection(scope), "POST":
                return CreateEntity(scope, self._entity_projection(scope, asked.options))
            case Member(scope, key), "DELETE":
                _allow(asked.options, _NO_OPTIONS)
                return DeleteEntity(scope, key, asked.precondition)
            case _:
                raise _refused_method(resource, asked.method)

    def _read(self, scope: Scope, asked: Asked) -> ReadCollection:
        options = asked.options
        _allow(options, COLLECTION_OPTIONS)
        operands = Operands(self._model, include_unknown=asked.preferences.include_unknown)
        conditions = Conditions(self._model, scope.declared, operands)
        where = self._where(scope, options, conditions, operands)
        order = self._order(scope, options, conditions)
        question = fingerprint(
            self._model.version, scope.context, options.text("filter") or "", options.text("orderby") or ""
        )
        token = options.text("skiptoken")
        after = self._cursors.read(token, question, asked.tenant) if token is not None else ()
        if token is not None and len(after) != len(order):
            raise BadRequest("The $skiptoken belongs to another order.", target="$skiptoken")
        size = _page_size(options, asked)
        return ReadCollection(
            scope=scope,
            query=Query(scope.stored.name, where, order, resumed=token is not None),
            paging=Paging(
                parameters=tuple(operands.parameters),
                # One more than the page shows whether there is another.
                limit=size + 1 if size else 0,
                skip=0 if token is not None else (options.skip() or 0),
                after=after,
                total=options.count(),
            ),
            projection=self._projection(scope, options),
            page_size=size,
            fingerprint=question,
        )

    def _count(self, scope: Scope, asked: Asked) -> CountCollection:
        _allow(asked.options, COUNT_OPTIONS)
        operands = Operands(self._model, include_unknown=asked.preferences.include_unknown)
        conditions = Conditions(self._model, scope.declared, operands)
        where = self._where(scope, asked.options, conditions, operands)
        return CountCollection(scope, Query(scope.stored.name, where, ()), tuple(operands.parameters))

    def _where(self, scope: Scope, options: Options, conditions: Conditions, operands: Operands) -> Bound | None:
        """What the path demands, and what the filter asks."""
        parts: list[Bound] = [
            SameText(Column(link.property, Primitive.STRING), operands.parameter(link.value, Primitive.STRING))
            for link in scope.links
        ]
        root = self._model.entity(scope.stored.type)
        if scope.types != self._model.stored_as(root):
            parts.append(TypeIs(scope.types))
        parsed = options.filter()
        if parsed is not None:
            try:
                parts.append(conditions.condition(parsed))
            except ClauseFault as fault:
                raise fault.answer("Invalid filter clause", "$filter") from fault
        if not parts:
            return None
        where, *others = parts
        for part in others:
            where = Combine(Logic.AND, where, part)
        return where

    def _order(self, scope: Scope, options: Options, conditions: Conditions) -> tuple[Order, ...]:
        """The order asked for, or that of the set, made total by the key."""
        keys: list[Order] = []
        try:
            keys.extend(Order(conditions.value(item.expression), item.descending) for item in options.orderby())
        except ClauseFault as fault:
            raise fault.answer("Invalid orderby clause", "$orderby") from fault
        if not keys:
            for name in scope.stored.default_order:
                found = conditions.property(name.removeprefix("-"), 0)
                keys.append(Order(Column(found.name, _scalar(found.type)), name.startswith("-")))
        key = scope.declared.key_property
        column = Column(key.name, _scalar(key.type))
        if not any(item.expression == column for item in keys):
            # In the direction of the last key, so that one index serves both and can be read either way.
            keys.append(Order(column, bool(keys) and keys[-1].descending))
        return tuple(keys)

    def _entity_projection(self, scope: Scope, options: Options) -> Projection:
        if options is NO_OPTIONS:
            return EVERYTHING
        _allow(options, ENTITY_OPTIONS)
        return self._projection(scope, options)

    def _projection(self, scope: Scope, options: Options) -> Projection:
        text = options.text("select")
        if text is None:
            return EVERYTHING
        names: list[str] = []
        written: list[str] = []
        for item in options.select():
            name, shown = self._selected(scope, item)
            if name not in names:
                names.append(name)
                written.append(shown)
        return Projection(None if "*" in names else tuple(names), ",".join(written))

    def _selected(self, scope: Scope, item: SelectItem) -> tuple[str, str]:
        """The property that an item of `$select` names, and how the context URL shows it."""
        if item.options:
            raise NotBuilt("Options inside of $select are not offered yet.", target="$select")
        match item.path.segments:
            case (Star(namespace=None),):
                return "*", "*"
            case (Name(name=name, arguments=None, position=position),):
                known = visible_properties(self._model, scope.declared)
                found = next((each for each in known if each.name.lower() == name.lower()), None)
                if found is None:
                    raise _unselectable(name, scope.declared, [each.name for each in known], position)
                return found.name, found.name
            case (Qualified(name=cast, arguments=None), Name(name=name, arguments=None, position=position)):
                entity = self._model.find_type(cast)
                if not isinstance(entity, EntityType) or not entity.is_a(scope.declared):
                    raise BadRequest(
                        f"{_SELECT_FAULT}: '{cast}' is not a type derived from '{scope.declared.name_in_model}'.",
                        target="$select",
                    )
                found = entity.find(name)
                if found is None:
                    raise _unselectable(name, entity, [each.name for each in entity.all_properties], position)
                return found.name, f"{entity.name_in_model}/{found.name}"
            case _:
                raise NotBuilt("Paths of this form are not offered in $select yet.", target="$select")


def _scalar(item: object) -> Primitive:
    if not isinstance(item, Primitive):
        raise TypeError(f"{item} cannot order a set by default")
    return item


def _unselectable(name: str, entity: EntityType, known: list[str], position: int) -> BadRequest:
    return BadRequest(
        f"{_SELECT_FAULT}: Could not find a property named '{name}' on type '{entity.name_in_model}'."
        f"{near_name(name, known)}",
        target="$select",
        position=position,
    )


def _page_size(options: Options, asked: Asked) -> int:
    """How many entities a page holds: the smallest of what is asked for and allowed (contract §12 rows 17, 18)."""
    wanted = [asked.page_size]
    top = options.top()
    if top is not None:
        wanted.append(top)
    if asked.preferences.page_size is not None:
        wanted.append(asked.preferences.page_size)
    return min(wanted)


def _check_format(text: str) -> None:
    if re.fullmatch(r"json|application/json(?:\s*;.*)?", text.strip(), re.IGNORECASE) is None:
        raise BadRequest(f"'{text[:100]}' is no format of this service; $format may be json.", target="$format")


def _metadata_format(text: str) -> str:
    """The media type that `$format` means: in full, or by its last part."""
    wanted = text.partition(";")[0].strip().lower()
    for media_type in METADATA_FORMATS:
        if wanted in (media_type, media_type.partition("/")[2]):
            return media_type
    raise BadRequest(f"'{text[:100]}' is no format of $metadata; $format may be xml or json.", target="$format")


def _allow(options: Options, allowed: frozenset[str], check_format: Callable[[str], object] = _check_format) -> None:
    """Refuse the options that a resource does not take.

    Raises:
        NotBuilt: OData has the option for it, and this service not yet.
        BadRequest: it makes no sense there.
    """
    for name in options.texts:
        if name in allowed:
            continue
        if name == "expand":
            raise _expand(options)
        if (name in NOT_YET and allowed is COLLECTION_OPTIONS) or (name == "search" and allowed is COUNT_OPTIONS):
            raise NotBuilt(f"The query option ${name} is not offered yet.", target=f"${name}")
        raise BadRequest(
            "The query specified in the URI is not valid. "
            f"Query option '{name.capitalize()}' is not allowed. Allowed here are: "
            f"{', '.join(f'${each}' for each in sorted(allowed)) or 'none'}.",
            target=f"${name}",
        )
    if "format" in options.texts:
        check_format(options.texts["format"])


def _expand(options: Options) -> BadRequest:
    """There is nothing to expand (contract §12 row 24)."""
    options.expand()
    shown = re.split(r"[(,/]", options.texts["expand"])[0].strip()[:100]
    return BadRequest(
        f"{_SELECT_FAULT}: Could not find a navigation property named '{shown}' to expand; there is none here.",
        target="$expand",
    )


def _refuse_tags(precondition: Precondition) -> None:
    """Fail an `If-Match` that names versions of what has none (RFC 9110 §13.1.1)."""
    if isinstance(precondition.match, frozenset):
        raise PreconditionFailed(
            "Only single entities have entity tags, so this can be at no version that If-Match names.",
            target="If-Match",
        )


def _refused_method(resource: Resource, method: str) -> MethodNotAllowed:
    match resource:
        case Collection():
            allowed = "GET, HEAD, POST"
        case Member():
            allowed = "GET, HEAD, PATCH, DELETE"
        case BatchEndpoint():
            allowed = "POST"
        case CollectionCount() | ServiceRoot() | MetadataDocument() | OpenApiDocument():
            allowed = "GET, HEAD"
        case _:
            assert_never(resource)
    return MethodNotAllowed(
        f"The method {method[:20]} is not allowed here. Allowed are: {allowed}.", headers={"Allow": allowed}
    )
