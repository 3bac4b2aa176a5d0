"""Method, path and options to a `Plan`: every name and type is checked here, against one version's model."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, assert_never

from enrollscope.odata.binding.properties import options_of_property, refuse_unbuilt, selected_property
from enrollscope.odata.binding.questions import Questions
from enrollscope.odata.binding.resources import (
    BatchEndpoint,
    Collection,
    CollectionCount,
    Member,
    MetadataDocument,
    OpenApiDocument,
    PropertyOf,
    Resource,
    Resources,
    ServiceRoot,
)
from enrollscope.odata.binding.selecting import SELECT_FAULT, Selecting
from enrollscope.odata.edm.model import Model
from enrollscope.odata.errors import BadRequest, MethodNotAllowed, NotBuilt, PreconditionFailed
from enrollscope.odata.grammar.options import NO_OPTIONS, Options
from enrollscope.odata.plan.commands import Precondition
from enrollscope.odata.plan.queries import Paging
from enrollscope.odata.plan.requests import (
    EVERYTHING,
    CountCollection,
    CreateEntity,
    DeleteEntity,
    Plan,
    Projection,
    ReadCollection,
    ReadEntity,
    ReadMetadata,
    ReadOpenApi,
    ReadProperty,
    ReadServiceDocument,
    RunBatch,
    Scope,
    UpdateEntity,
)
from enrollscope.odata.protocol.capabilities import (
    COLLECTION_OPTIONS,
    COUNT_OPTIONS,
    DOCUMENT_OPTIONS,
    ENTITY_OPTIONS,
    METADATA_FORMATS,
    NOT_YET,
    WRITE_OPTIONS,
)
from enrollscope.odata.protocol.cursors import CursorSigner, fingerprint
from enrollscope.odata.protocol.headers import Preferences, ProtocolVersion

_NO_OPTIONS: frozenset[str] = frozenset()
_OF_THE_ORDER = ("apply", "compute", "search", "filter", "orderby")


class Asked(NamedTuple):
    """What a request asks, read but not yet understood.

    Attributes:
        path: what follows the version root, still percent-encoded.
        tenant, user: whose data, and the caller's own key in it; `None` for an application.
        page_size: the most entities a page may hold.
        now: ticks, UTC: when the request was received.
        version: of the answer that the client asks for.
    """

    method: str
    path: str
    options: Options
    preferences: Preferences
    precondition: Precondition
    tenant: str
    user: str | None
    page_size: int
    now: int = 0
    version: ProtocolVersion = ProtocolVersion.V4

    @property
    def texts(self) -> bool:
        """Whether strings stand for values of other types: in 4.01 they do, and Graph refuses them (contract §4.4)."""
        return self.version is ProtocolVersion.V401


class Binder:
    """Binds the requests of one API version."""

    def __init__(self, model: Model, cursors: CursorSigner) -> None:
        self._model = model
        self._resources = Resources(model)
        self._questions = Questions(model, self._resources)
        self._cursors = cursors

    def bind(self, asked: Asked) -> Plan:
        """Understand a request.

        Raises:
            BadRequest: a name, a value or a combination is wrong.
            MethodNotAllowed: the resource does not take the method.
            PreconditionFailed: `If-Match` names versions of what has none.
            NotBuilt: valid OData that is not offered yet.
        """
        resource = self._resources.find(asked.path, asked.user, asked.options)
        if isinstance(resource, PropertyOf):
            return self._property(resource, asked)
        if isinstance(resource, Member):
            return self._one(resource, asked)
        _refuse_tags(asked.precondition)
        method = "GET" if asked.method == "HEAD" else asked.method
        match resource, method:
            case ((ServiceRoot() | MetadataDocument() | OpenApiDocument()), "GET"):
                return _read_document(resource, asked.options)
            case BatchEndpoint(), "POST":
                _allow(asked.options, _NO_OPTIONS)
                return RunBatch()
            case Collection(), "GET":
                return self._read(resource, asked)
            case CollectionCount(), "GET":
                return self._count(resource, asked)
            case Collection(scope, predicates=()), "POST":
                return CreateEntity(scope, self._entity_projection(scope, asked.options))
            case _:
                raise _refused_method(resource, asked.method)

    def _one(self, member: Member, asked: Asked) -> Plan:
        scope, key = member
        match asked.method:
            case "GET" | "HEAD":
                return self._read_one(scope, key, asked)
            case "PATCH":
                return UpdateEntity(scope, key, self._entity_projection(scope, asked.options), asked.precondition)
            case "DELETE":
                _allow(asked.options, _NO_OPTIONS)
                return DeleteEntity(scope, key, asked.precondition)
            case _:
                raise _refused_method(member, asked.method)

    def _read(self, collection: Collection, asked: Asked) -> ReadCollection:
        scope, options = collection.scope, asked.options
        _allow(options, COLLECTION_OPTIONS)
        include_unknown = asked.preferences.include_unknown
        question, parameters = self._questions.ask(
            scope, options, collection.predicates, include_unknown=include_unknown, texts=asked.texts
        )
        mark = self._fingerprint(scope, options, include_unknown=include_unknown)
        token = options.text("skiptoken")
        size = _page_size(options, asked)
        after: tuple[Any, ...] = ()
        now = asked.now
        if token is not None:
            if "skip" in options.texts:
                raise BadRequest("A $skiptoken says where to go on; $skip cannot stand beside it.", target="$skip")
            after = self._cursors.read(token, mark, asked.tenant)
            if question.timed:
                *keys, now = after
                after = tuple(keys)
            if len(after) != len(question.query.order):
                raise BadRequest("The $skiptoken belongs to another order.", target="$skiptoken")
        return ReadCollection(
            scope=scope,
            query=question.query if token is None else question.resumed,
            paging=Paging(
                parameters=parameters,
                # One more than the page shows whether there is another.
                limit=size + 1 if size else 0,
                skip=0 if token is not None else (options.skip() or 0),
                after=after,
                total=options.count(),
                now=now,
            ),
            projection=question.projection,
            page_size=size,
            fingerprint=mark,
            results=question.results,
            timed=question.timed,
        )

    def _read_one(self, scope: Scope, key: str, asked: Asked) -> ReadEntity:
        if asked.options is NO_OPTIONS:
            return ReadEntity(scope, key, EVERYTHING, asked.precondition)
        _allow(asked.options, ENTITY_OPTIONS)
        include_unknown = asked.preferences.include_unknown
        projection, question = self._questions.one(
            scope, key, asked.options, include_unknown=include_unknown, texts=asked.texts, now=asked.now
        )
        return ReadEntity(scope, key, projection, asked.precondition, question)

    def _property(self, wanted: PropertyOf, asked: Asked) -> ReadProperty:
        if asked.method not in ("GET", "HEAD"):
            item = wanted.path[-1]
            changes = ("PUT", "PATCH", "DELETE", *(("POST",) if item.collection else ()))
            if wanted.tail != "$count" and asked.method in changes:
                raise NotBuilt(f"'{item.name}' is not written by itself; change the entity with PATCH.")
            raise _refused_method(wanted, asked.method)
        refuse_unbuilt(wanted.path[-1], asked.options)
        _allow(asked.options, options_of_property(wanted.path[-1], wanted.tail))
        names = tuple(item.name for item in wanted.path)
        projection, question = self._questions.property(
            wanted.scope,
            wanted.key,
            selected_property(names, asked.options),
            asked.options,
            include_unknown=asked.preferences.include_unknown,
            texts=asked.texts,
            now=asked.now,
        )
        entity = ReadEntity(wanted.scope, wanted.key, projection, asked.precondition, question)
        written = ""
        if "select" in asked.options.texts:
            prefix = len("/".join(names)) + 1
            written = ",".join(each[prefix:] or "*" for each in projection.written.split(","))
        return ReadProperty(entity, wanted.path, wanted.tail, written)

    def _fingerprint(self, scope: Scope, options: Options, *, include_unknown: bool) -> bytes:
        """What must be the same for a `$skiptoken` to go on with a question: all that decides on its order."""
        parts = [f"{name}={options.texts[name]}" for name in _OF_THE_ORDER if name in options.texts]
        if any("@" in part for part in parts):
            parts += [f"@{name}={text}" for name, text in sorted(options.aliases.items())]
        return fingerprint(self._model.version, scope.context, scope.cast, "?" if include_unknown else "", *parts)

    def _count(self, collection: CollectionCount, asked: Asked) -> CountCollection:
        _allow(asked.options, COUNT_OPTIONS)
        question, parameters = self._questions.ask(
            collection.scope,
            asked.options,
            collection.predicates,
            include_unknown=asked.preferences.include_unknown,
            texts=asked.texts,
        )
        return CountCollection(collection.scope, question.query, Paging(parameters, limit=1, now=asked.now))

    def _entity_projection(self, scope: Scope, options: Options) -> Projection:
        if options is NO_OPTIONS:
            return EVERYTHING
        _allow(options, WRITE_OPTIONS)
        items = options.select()
        return Selecting(self._model, scope.declared).bind(items) if items else EVERYTHING


def _read_document(document: ServiceRoot | MetadataDocument | OpenApiDocument, options: Options) -> Plan:
    if isinstance(document, MetadataDocument):
        _allow(options, DOCUMENT_OPTIONS, _metadata_format)
        wanted = options.text("format")
        return ReadMetadata(None if wanted is None else _metadata_format(wanted))
    _allow(options, DOCUMENT_OPTIONS)
    return ReadServiceDocument() if isinstance(document, ServiceRoot) else ReadOpenApi()


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
        if (name in NOT_YET and allowed is COLLECTION_OPTIONS) or (name == "compute" and allowed is WRITE_OPTIONS):
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
        f"{SELECT_FAULT}: Could not find a navigation property named '{shown}' to expand; there is none here.",
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
        case Collection(predicates=()):
            allowed = "GET, HEAD, POST"
        case Member():
            allowed = "GET, HEAD, PATCH, DELETE"
        case PropertyOf():
            allowed = "GET, HEAD"
        case BatchEndpoint():
            allowed = "POST"
        case Collection() | CollectionCount() | ServiceRoot() | MetadataDocument() | OpenApiDocument():
            allowed = "GET, HEAD"
        case _:
            assert_never(resource)
    return MethodNotAllowed(
        f"The method {method[:20]} is not allowed here. Allowed are: {allowed}.", headers={"Allow": allowed}
    )
