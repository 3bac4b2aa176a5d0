"""One OData request through its five stages: authenticate, parse, bind, run, render.

Each stage refuses by raising an `ODataError`, and in no other way.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias, TypeVar, assert_never
from urllib.parse import unquote

import msgspec

from enrollscope.api.batch import BatchRun, Change
from enrollscope.api.messages import Call, Reply, RequestBody, check_client_request_id, read_body, within
from enrollscope.api.payload import check_content_type, read_json
from enrollscope.api.render import Answering, Renderer, applied, location
from enrollscope.api.repeated import Repeated, Understood, words_of
from enrollscope.auth.caller import Caller
from enrollscope.auth.permissions import Access
from enrollscope.auth.verifier import Verifier
from enrollscope.odata.binding.binder import Asked, Binder
from enrollscope.odata.edm.keys import new_key
from enrollscope.odata.edm.layout import TYPE, VERSION, Record
from enrollscope.odata.edm.model import Model
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import (
    BadRequest,
    GatewayTimeout,
    NotAcceptable,
    NotBuilt,
    PreconditionFailed,
    RequestTimeout,
    ResourceNotFound,
)
from enrollscope.odata.grammar.options import Options, parse_options
from enrollscope.odata.json.reader import BodyReader
from enrollscope.odata.json.text_form import TextForm
from enrollscope.odata.plan.commands import ALWAYS, Actor, Command, Create, Delete, Precondition, Update
from enrollscope.odata.plan.queries import Page
from enrollscope.odata.plan.requests import (
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
from enrollscope.odata.protocol.batch import read_batch
from enrollscope.odata.protocol.capabilities import METADATA_FORMATS
from enrollscope.odata.protocol.cursors import CursorSigner
from enrollscope.odata.protocol.etags import etag, parse_etags, with_tag_of
from enrollscope.odata.protocol.headers import (
    NO_PREFERENCES,
    JsonFormat,
    Preferences,
    ProtocolVersion,
    liking,
    negotiate_json,
    negotiate_version,
    preferred,
    read_preferences,
)
from enrollscope.settings import Settings
from enrollscope.store.base import PageText, Store, Written
from enrollscope.store.batch import is_linked

PermissionTable: TypeAlias = Callable[[str, Access], tuple[str, ...]]
"""Stored set, access → the permissions that open it, any one of them; the least privileged first."""


_Answer = TypeVar("_Answer")

_DOCUMENTS = frozenset({"", "$metadata", "%24metadata", "openapi.json"})
"""What describes the service and holds nobody's data: anyone may read it, as in Graph, so that tools find their way."""

_READING = (ReadCollection, CountCollection, ReadEntity, ReadProperty)

_NOBODY = Caller(tenant_id="", user_id=None, app_id="", token_id="", permissions=frozenset(), delegated=False)


class Service:
    """The OData service of one API version."""

    def __init__(
        self,
        model: Model,
        whole: Model,
        store: Store,
        verifier: Verifier,
        cursors: CursorSigner,
        settings: Settings,
        permissions: PermissionTable,
    ) -> None:
        self._permissions = permissions
        self._store = store
        self._verifier = verifier
        self._settings = settings
        self._binder = Binder(model, cursors)
        self._repeated = Repeated()
        self._reader = BodyReader(model, whole)
        self._renderer = Renderer(model, store.layouts, cursors, batch_limit=settings.batch_limit)
        self._version = model.version

    async def serve(self, call: Call, path: str, body: RequestBody) -> Reply:
        """Answer one request.

        Args:
            path: what follows the version segment, still encoded.

        Raises:
            ODataError: the request is refused.
            ClientDisconnected: nobody waits for the answer any more.
        """
        caller = await self._authenticate(call, path)
        version = _version(call)
        options, preferences, plan = self._understand(call, path, caller, version)
        try:
            return await self._run(plan, call, caller, options, preferences, version, body)
        except BadRequest as fault:
            if fault.target is not None or not isinstance(plan, _READING):
                raise
            target = None if "filter" in unquote(path).lower() else options.cause()
            raise BadRequest(fault.message, target=target, position=fault.position) from fault

    async def _run(
        self,
        plan: Plan,
        call: Call,
        caller: Caller,
        options: Options,
        preferences: Preferences,
        version: ProtocolVersion,
        body: RequestBody,
    ) -> Reply:
        if isinstance(plan, CountCollection):
            return await self._count(plan, call, caller, preferences, version)
        if isinstance(plan, DeleteEntity):
            return await self._carry_out(self._delete(plan, call, caller))
        if isinstance(plan, ReadMetadata):
            return self._metadata(call, plan)
        bare = isinstance(plan, ReadProperty) and plan.tail != ""
        how = self._answering(call, options, preferences, caller, version, bare=bare)
        match plan:
            case ReadEntity():
                return await self._read_entity(plan, caller, how)
            case UpdateEntity():
                return await self._carry_out(self._update(plan, call, caller, how, await self._body(call, body)))
            case ReadCollection():
                return await self._read_collection(plan, call, caller, how)
            case CreateEntity():
                return await self._carry_out(self._create(plan, call, caller, how, await self._body(call, body)))
            case ReadProperty():
                return await self._read_property(plan, caller, how)
            case ReadServiceDocument():
                return self._renderer.service_document(how)
            case ReadOpenApi():
                return self._renderer.openapi(how)
            case RunBatch():
                return await self._batch(call, how, body)
            case _:
                assert_never(plan)

    async def change(self, call: Call, path: str, body: RequestBody) -> Change:
        """Understand one request of an atomicity group, up to the command for the store. For the rest see `serve`.

        Raises:
            ODataError: the request is refused, also because it changes nothing.
        """
        caller = await self._authenticate(call, path)
        version = _version(call)
        options, preferences, plan = self._understand(call, path, caller, version)
        match plan:
            case DeleteEntity():
                return self._delete(plan, call, caller)
            case UpdateEntity():
                how = self._answering(call, options, preferences, caller, version)
                return self._update(plan, call, caller, how, await self._body(call, body))
            case CreateEntity():
                how = self._answering(call, options, preferences, caller, version)
                return self._create(plan, call, caller, how, await self._body(call, body))
            case _:
                raise BadRequest(
                    f"An atomicity group holds changes alone, and {call.method[:20]} of '{path[:200]}' is none."
                )

    async def write_together(self, commands: Sequence[Command]) -> Sequence[Written]:
        """See `store.base.Store`."""
        return await self._store.write_together(commands)

    async def _authenticate(self, call: Call, path: str) -> Caller:
        if "authorization" not in call.headers and path.strip("/").lower() in _DOCUMENTS:
            return _NOBODY
        authorization, now = call.headers.get("authorization", ""), time.time()
        caller = self._verifier.cached(authorization, now)
        return caller if caller is not None else await self._verifier.identify(authorization, now)

    def _understand(self, call: Call, path: str, caller: Caller, version: ProtocolVersion) -> Understood:
        check_client_request_id(call.headers)
        words = words_of(call, path, caller, version)
        understood = None if words is None else self._repeated.find(words)
        if understood is None:
            preferences = read_preferences(call.headers.get("prefer", ""))
            options = parse_options(call.query)
            plan = self._bind(call, path, options, preferences, caller, version)
            understood = Understood(options, preferences, plan)
            if words is not None:
                self._repeated.keep(words, understood)
        self._permit(understood.plan, caller)
        return understood

    def _answering(
        self,
        call: Call,
        options: Options,
        preferences: Preferences,
        caller: Caller,
        version: ProtocolVersion,
        *,
        bare: bool = False,
    ) -> Answering:
        base = f"{call.base_url}/{self._version}"
        if bare:
            _check_accepts_text(call)
            return Answering(base, caller.tenant_id, JsonFormat(version=version), preferences)
        return Answering(base, caller.tenant_id, _json_format(call, options, version), preferences)

    def _bind(
        self,
        call: Call,
        path: str,
        options: Options,
        preferences: Preferences,
        caller: Caller,
        version: ProtocolVersion,
    ) -> Plan:
        return self._binder.bind(
            Asked(
                call.method,
                path,
                options,
                preferences,
                _precondition(call.headers),
                caller.tenant_id,
                caller.user_id,
                self._settings.page_size,
                call.received,
                version,
            )
        )

    def _permit(self, plan: Plan, caller: Caller) -> None:
        match plan:
            case UpdateEntity() | CreateEntity() | DeleteEntity():
                caller.require(self._permissions(plan.scope.stored.name, Access.WRITE))
            case ReadEntity() | ReadCollection() | CountCollection() | ReadProperty():
                caller.require(self._permissions(plan.scope.stored.name, Access.READ))
            case ReadServiceDocument() | ReadMetadata() | ReadOpenApi() | RunBatch():
                pass
            case _:
                assert_never(plan)

    def _metadata(self, call: Call, plan: ReadMetadata) -> Reply:
        media_type = plan.media_type or preferred(call.headers.get("accept", ""), METADATA_FORMATS)
        if media_type is None:
            raise NotAcceptable(f"$metadata is offered as {' and '.join(METADATA_FORMATS)}.", target="Accept")
        return self._renderer.metadata(media_type)

    async def _count(
        self, plan: CountCollection, call: Call, caller: Caller, preferences: Preferences, version: ProtocolVersion
    ) -> Reply:
        _check_accepts_text(call)
        total = await self._in_time(self._store.count(caller.tenant_id, plan.query, plan.paging))
        headers = [("OData-Version", version), *applied(preferences)]
        return Reply(200, str(total).encode("ascii"), "text/plain", headers)

    async def _read_collection(self, plan: ReadCollection, call: Call, caller: Caller, how: Answering) -> Reply:
        page = await self._in_time(self._page(plan, caller, self._renderer.form(plan, how)))
        if isinstance(page, PageText):
            reply = self._renderer.page_of_text(page, plan, call.query, how)
        else:
            reply = self._renderer.page(page, plan, call.query, how)
        reply.headers.extend(applied(how.preferences, body=True, page_size=self._settings.page_size))
        return reply

    async def _page(self, plan: ReadCollection, caller: Caller, form: TextForm | None) -> PageText | Page:
        """A page as text, where the store can give it so, else as records."""
        if form is not None:
            text = await self._store.text(caller.tenant_id, plan.query, plan.paging, form)
            if text is not None:
                return text
        return await self._store.fetch(caller.tenant_id, plan.query, plan.paging)

    async def _in_time(self, question: Awaitable[_Answer]) -> _Answer:
        """Wait for the store, which stops what nobody waits for any more.

        Raises:
            GatewayTimeout: it took too long.
        """
        seconds = self._settings.question_timeout
        try:
            async with asyncio.timeout(seconds):
                return await question
        except TimeoutError as error:
            raise GatewayTimeout(
                f"This question takes the store more than {seconds} seconds. Ask for less: for a range of time, say, "
                "or without a count.",
                headers={"Retry-After": "5"},
            ) from error

    async def _read_entity(self, plan: ReadEntity, caller: Caller, how: Answering) -> Reply:
        record = await self._find(plan, caller)
        if isinstance(record, Reply):
            return record
        reply = self._renderer.entity(record, plan.scope, plan.projection, how, status=200)
        if how.preferences is not NO_PREFERENCES:
            reply.headers.extend(applied(how.preferences, body=True))
        return reply

    async def _read_property(self, plan: ReadProperty, caller: Caller, how: Answering) -> Reply:
        record = await self._find(plan.entity, caller)
        if isinstance(record, Reply):
            return record
        reply = self._renderer.property(record, plan, how)
        reply.headers.extend(applied(how.preferences, body=not plan.tail))
        return reply

    async def _find(self, plan: ReadEntity, caller: Caller) -> Record | Reply:
        """The entity, or the answer that the client has it already."""
        if plan.question is None:
            record = await self._store.read(caller.tenant_id, plan.scope.stored.name, plan.key)
        else:
            page = await self._in_time(self._store.fetch(caller.tenant_id, *plan.question))
            record = page.records[0] if page.records else None
        if record is None or not self._reaches(plan.scope, record):
            raise ResourceNotFound(f"There is no '{plan.key[:200]}' in '{plan.scope.path}'.")
        if plan.precondition is not ALWAYS and not plan.precondition.holds(record[VERSION]):
            if not Precondition(match=plan.precondition.match).holds(record[VERSION]):
                raise PreconditionFailed("The entity is not at the version that If-Match names.", target="If-Match")
            return Reply(304, headers=[("ETag", etag(record[VERSION]))])
        return record

    def _reaches(self, scope: Scope, record: Record) -> bool:
        return record[TYPE] in scope.types and (
            not scope.links or is_linked(self._store.layouts[scope.stored.name], record, scope.links)
        )

    async def _carry_out(self, change: Change) -> Reply:
        written = await self._store.write(change.command)
        return change.answer(written.record)

    def _update(self, plan: UpdateEntity, call: Call, caller: Caller, how: Answering, content: object) -> Change:
        scope = plan.scope
        changes = self._reader.update(content, scope, include_unknown=how.preferences.include_unknown)
        precondition = plan.precondition
        if how.json_format.version is ProtocolVersion.V401 or call.headers.get("odata-version") == ProtocolVersion.V401:
            precondition = with_tag_of(content, precondition)
        command = Update(
            _actor(call, caller),
            scope.stored.name,
            plan.key,
            scope.types,
            scope.links,
            changes.values,
            precondition,
            changes.fit,
        )
        return Change(command, partial(self._written, scope=scope, projection=plan.projection, how=how, status=200))

    def _create(self, plan: CreateEntity, call: Call, caller: Caller, how: Answering, content: object) -> Change:
        scope = plan.scope
        now = Instant(call.received)
        kind, values = self._reader.create(content, scope, now=now, include_unknown=how.preferences.include_unknown)
        command = Create(_actor(call, caller), scope.stored.name, new_key(now), kind, values)
        return Change(command, partial(self._created, scope=scope, projection=plan.projection, how=how))

    def _created(self, record: Record, *, scope: Scope, projection: Projection, how: Answering) -> Reply:
        reply = self._written(record, scope=scope, projection=projection, how=how, status=201)
        address = location(record, scope, how)
        reply.headers.append(("Location", address))
        if reply.status == 204:
            reply.headers.append(("OData-EntityId", address))
        return reply

    def _delete(self, plan: DeleteEntity, call: Call, caller: Caller) -> Change:
        scope = plan.scope
        command = Delete(_actor(call, caller), scope.stored.name, plan.key, scope.types, scope.links, plan.precondition)
        return Change(command, lambda _: Reply(204))

    async def _batch(self, call: Call, how: Answering, body: RequestBody) -> Reply:
        if call.batched:
            raise BadRequest("A batch cannot hold another batch: put its requests into this one.", target="url")
        if call.headers.get("content-type", "").strip().lower().startswith("multipart/mixed"):
            raise NotBuilt("Batches in multipart/mixed are not offered; send the JSON format.", target="Content-Type")
        steps = read_batch(await self._body(call, body), self._settings.batch_limit)
        answers = await BatchRun(call, self._version, self, steps).answers()
        headers: list[tuple[str, str]] = [("OData-Version", how.json_format.version)]
        return Reply(200, msgspec.json.encode({"responses": answers}), how.json_format.content_type, headers)

    async def _body(self, call: Call, body: RequestBody) -> object:
        """The decoded JSON body of a write."""
        check_content_type(call.headers.get("content-type", ""))
        limit = self._settings.body_limit
        if body.whole is not None:
            return read_json(within(limit, body.whole))
        timeout = self._settings.request_timeout
        try:
            async with asyncio.timeout(timeout):
                content = await read_body(body, call.headers, limit)
        except TimeoutError as error:
            raise RequestTimeout(
                f"The request was not complete after {timeout} seconds.", headers={"Connection": "close"}
            ) from error
        return read_json(content)

    def _written(self, record: Record, *, scope: Scope, projection: Projection, how: Answering, status: int) -> Reply:
        """The answer to a successful write: the entity, or nothing but its tag where the client prefers that."""
        if how.preferences.representation is False:
            version = how.json_format.version
            reply = Reply(204, headers=[("OData-Version", version), ("ETag", etag(record[VERSION]))])
        else:
            reply = self._renderer.entity(record, scope, projection, how, status=status)
        if how.preferences is not NO_PREFERENCES:
            reply.headers.extend(applied(how.preferences, writing=True, body=reply.status != 204))
        return reply


def _version(call: Call) -> ProtocolVersion:
    return negotiate_version(call.headers.get("odata-maxversion", ""), call.headers.get("odata-version", ""))


def _json_format(call: Call, options: Options, version: ProtocolVersion) -> JsonFormat:
    """The representation that `$format` or else `Accept` asks for."""
    accept = call.headers.get("accept", "")
    wanted = options.text("format")
    if wanted is not None:
        accept = "application/json" if wanted.strip().lower() == "json" else wanted
    try:
        return negotiate_json(accept, call.headers.get("accept-charset", ""), version)
    except NotAcceptable as refusal:
        if wanted is None or refusal.target != "Accept":
            raise
        raise NotAcceptable(
            f"'{wanted[:200]}' is no format of this service; $format may be json, or application/json with "
            "odata.metadata=none, minimal or full.",
            target="$format",
        ) from refusal


def _check_accepts_text(call: Call) -> None:
    """Refuse who takes no plain text. Who only says to take JSON reads a bare value all the same (contract §3.1)."""
    accept = call.headers.get("accept", "")
    quality = liking(accept, "text/plain")
    if quality is None:
        negotiate_json(accept)
    elif quality <= 0:
        raise NotAcceptable(
            f"This is answered as text/plain, which 'Accept: {accept[:200]}' excludes.", target="Accept"
        )


def _precondition(headers: Mapping[str, str]) -> Precondition:
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is None and none_match is None:
        return ALWAYS
    return Precondition(
        match=None if match is None else parse_etags(match, "If-Match"),
        none_match=None if none_match is None else parse_etags(none_match, "If-None-Match"),
    )


def _actor(call: Call, caller: Caller) -> Actor:
    return Actor(
        caller.tenant_id, caller.user_id, caller.app_id, caller.token_id, call.client_request_id, call.received
    )
