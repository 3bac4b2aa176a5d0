"""One OData request through its five stages: authenticate, parse, bind, run, render.

Each stage refuses by raising an `ODataError`, and in no other way.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias, TypeVar, assert_never
from urllib.parse import unquote

import msgspec

from enrollscope.api.batch import BatchRun, Change
from enrollscope.api.messages import Call, Headers, Reply, RequestBody, read_body, within
from enrollscope.api.payload import check_content_type, read_json
from enrollscope.api.render import Answering, Renderer, applied, location
from enrollscope.api.repeated import Repeated, Understood, words_of
from enrollscope.api.request import (
    Request,
    actor_of,
    check_accepts_text,
    json_format_of,
    wishes_of,
)
from enrollscope.auth.caller import Caller
from enrollscope.auth.permissions import Access
from enrollscope.auth.verifier import Verifier, digest_of
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
from enrollscope.odata.grammar.options import parse_options
from enrollscope.odata.json.reader import BodyReader
from enrollscope.odata.json.text_form import TextForm
from enrollscope.odata.plan.commands import ALWAYS, Command, Create, Delete, Precondition, Update
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
from enrollscope.odata.protocol.etags import etag, with_tag_of
from enrollscope.odata.protocol.headers import (
    NO_PREFERENCES,
    JsonFormat,
    ProtocolVersion,
    preferred,
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

_Writing: TypeAlias = UpdateEntity | CreateEntity | DeleteEntity


class Promised(NamedTuple):
    """An answer that waits for one thing alone.

    Attributes:
        future: what the store will give.
        finish: makes the answer of it, or raises.
    """

    future: "asyncio.Future[Any]"
    finish: Callable[[Any], Reply]


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

    def begin(self, call: Call, path: str, body: RequestBody) -> "Promised | Coroutine[Any, Any, Reply]":
        """Begin to answer one request; what begins no task for it answers in less time. Otherwise as `serve`."""
        caller = self._known(call.headers)
        if caller is None:
            return self.serve(call, path, body)
        request = self._understand(call, path, caller)
        return self._promise(request, body) or self._run(request, path, body)

    async def serve(self, call: Call, path: str, body: RequestBody) -> Reply:
        """Answer one request.

        Args:
            path: what follows the version segment, still encoded.

        Raises:
            ODataError: the request is refused.
            ClientDisconnected: nobody waits for the answer any more.
        """
        request = self._understand(call, path, await self._authenticate(call, path))
        promised = self._promise(request, body)
        if promised is not None:
            return promised.finish(await promised.future)
        return await self._run(request, path, body)

    def _promise(self, request: Request, body: RequestBody) -> Promised | None:
        """Ask the store what a request about one entity needs of it; `None`: it needs more than one answer of it."""
        plan = request.plan
        if isinstance(plan, ReadEntity):
            if plan.question is not None:
                return None
            how = self._answering(request)
            found = self._store.read(request.caller.tenant_id, plan.scope.stored.name, plan.key)
            return Promised(found, lambda record: self._entity(record, plan, how))
        if isinstance(plan, DeleteEntity):
            change = self._delete(plan, request)
        elif isinstance(plan, UpdateEntity | CreateEntity) and body.whole is not None:
            change = self._change(plan, request, self._answering(request), body.whole)
        else:
            return None
        return Promised(self._store.write(change.command), lambda written: change.answer(written.record))

    async def _run(self, request: Request, path: str, body: RequestBody) -> Reply:
        try:
            return await self._carry_out(request, body)
        except BadRequest as fault:
            if fault.target is not None or not isinstance(request.plan, _READING):
                raise
            target = None if "filter" in unquote(path).lower() else request.options.cause()
            raise BadRequest(fault.message, target=target, position=fault.position) from fault

    async def _carry_out(self, request: Request, body: RequestBody) -> Reply:
        plan = request.plan
        match plan:
            case ReadCollection():
                return await self._read_collection(plan, request)
            case CountCollection():
                return await self._count(plan, request)
            case ReadEntity():
                how = self._answering(request)
                return self._entity(await self._record(plan, request.caller), plan, how)
            case ReadProperty():
                return await self._read_property(plan, request)
            case UpdateEntity() | CreateEntity() | DeleteEntity():
                change = await self._understood_change(plan, request, body)
                return change.answer((await self._store.write(change.command)).record)
            case ReadServiceDocument():
                return self._renderer.service_document(self._answering(request))
            case ReadOpenApi():
                return self._renderer.openapi(self._answering(request))
            case ReadMetadata():
                return self._metadata(plan, request)
            case RunBatch():
                return await self._batch(request, body)
            case _:
                assert_never(plan)

    async def change(self, call: Call, path: str, body: RequestBody) -> Change:
        """Understand one request of an atomicity group, up to the command for the store. For the rest see `serve`.

        Raises:
            ODataError: the request is refused, also because it changes nothing.
        """
        request = self._understand(call, path, await self._authenticate(call, path))
        plan = request.plan
        if not isinstance(plan, UpdateEntity | CreateEntity | DeleteEntity):
            raise BadRequest(
                f"An atomicity group holds changes alone, and {call.method[:20]} of '{path[:200]}' is none."
            )
        return await self._understood_change(plan, request, body)

    async def write_together(self, commands: Sequence[Command]) -> Sequence[Written]:
        """See `store.base.Store`."""
        return await self._store.write_together(commands)

    async def _authenticate(self, call: Call, path: str) -> Caller:
        if "authorization" not in call.headers and path.strip("/").lower() in _DOCUMENTS:
            return _NOBODY
        authorization = call.headers.get("authorization", "")
        return self._known(call.headers) or await self._verifier.identify(authorization, time.time())

    def _known(self, headers: Headers) -> Caller | None:
        """The caller, if the same token was verified before."""
        digest = headers.digest
        if digest is None:
            digest = headers.digest = digest_of(headers.get("authorization", ""))
        return self._verifier.cached(digest, time.time())

    def _understand(self, call: Call, path: str, caller: Caller) -> Request:
        version, preferences, precondition = wishes_of(call.headers)
        words = words_of(call, path, caller, version)
        understood = None if words is None else self._repeated.find(words)
        if understood is None:
            options = parse_options(call.query)
            asked = Asked(
                call.method,
                path,
                options,
                preferences,
                precondition,
                caller.tenant_id,
                caller.user_id,
                self._settings.page_size,
                call.received,
                version,
            )
            understood = Understood(options, preferences, self._binder.bind(asked))
            if words is not None:
                self._repeated.keep(words, understood)
        self._permit(understood.plan, caller)
        return Request(call, caller, version, *understood)

    def _answering(self, request: Request, *, bare: bool = False) -> Answering:
        """How an answer in JSON is put, or a bare value.

        Raises:
            NotAcceptable: the client takes no such thing.
        """
        call, version = request.call, request.version
        if bare:
            check_accepts_text(call)
            json_format = JsonFormat(version=version)
        else:
            json_format = json_format_of(call.headers, request.options, version)
        return Answering(f"{call.base_url}/{self._version}", request.caller.tenant_id, json_format, request.preferences)

    def _permit(self, plan: Plan, caller: Caller) -> None:
        match plan:
            case ReadEntity() | ReadCollection() | CountCollection() | ReadProperty():
                caller.require(self._permissions(plan.scope.stored.name, Access.READ))
            case UpdateEntity() | CreateEntity() | DeleteEntity():
                caller.require(self._permissions(plan.scope.stored.name, Access.WRITE))
            case ReadServiceDocument() | ReadMetadata() | ReadOpenApi() | RunBatch():
                pass
            case _:
                assert_never(plan)

    def _metadata(self, plan: ReadMetadata, request: Request) -> Reply:
        media_type = plan.media_type or preferred(request.call.headers.get("accept", ""), METADATA_FORMATS)
        if media_type is None:
            raise NotAcceptable(f"$metadata is offered as {' and '.join(METADATA_FORMATS)}.", target="Accept")
        return self._renderer.metadata(media_type)

    async def _count(self, plan: CountCollection, request: Request) -> Reply:
        check_accepts_text(request.call)
        total = await self._in_time(self._store.count(request.caller.tenant_id, plan.query, plan.paging))
        headers = [("OData-Version", request.version), *applied(request.preferences)]
        return Reply(200, str(total).encode("ascii"), "text/plain", headers)

    async def _read_collection(self, plan: ReadCollection, request: Request) -> Reply:
        how, query = self._answering(request), request.call.query
        page = await self._in_time(self._page(plan, request.caller, self._renderer.form(plan, how)))
        if isinstance(page, PageText):
            reply = self._renderer.page_of_text(page, plan, query, how)
        else:
            reply = self._renderer.page(page, plan, query, how)
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

    def _entity(self, record: Record | None, plan: ReadEntity, how: Answering) -> Reply:
        found = self._found(record, plan)
        if isinstance(found, Reply):
            return found
        reply = self._renderer.entity(found, plan.scope, plan.projection, how, status=200)
        if how.preferences is not NO_PREFERENCES:
            reply.headers.extend(applied(how.preferences, body=True))
        return reply

    async def _read_property(self, plan: ReadProperty, request: Request) -> Reply:
        how = self._answering(request, bare=plan.tail != "")
        found = self._found(await self._record(plan.entity, request.caller), plan.entity)
        if isinstance(found, Reply):
            return found
        reply = self._renderer.property(found, plan, how)
        reply.headers.extend(applied(how.preferences, body=not plan.tail))
        return reply

    async def _record(self, plan: ReadEntity, caller: Caller) -> Record | None:
        if plan.question is None:
            return await self._store.read(caller.tenant_id, plan.scope.stored.name, plan.key)
        page = await self._in_time(self._store.fetch(caller.tenant_id, *plan.question))
        return page.records[0] if page.records else None

    def _found(self, record: Record | None, plan: ReadEntity) -> Record | Reply:
        """The entity, or the answer that the client has it already."""
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

    async def _understood_change(self, plan: _Writing, request: Request, body: RequestBody) -> Change:
        """What a request would have changed, once its body is there."""
        if isinstance(plan, DeleteEntity):
            return self._delete(plan, request)
        how = self._answering(request)
        return self._change(plan, request, how, await self._whole(request.call, body))

    def _change(self, plan: UpdateEntity | CreateEntity, request: Request, how: Answering, whole: bytes) -> Change:
        content = self._content(request.call, whole)
        if isinstance(plan, UpdateEntity):
            return self._update(plan, request, how, content)
        return self._create(plan, request, how, content)

    def _update(self, plan: UpdateEntity, request: Request, how: Answering, content: object) -> Change:
        scope = plan.scope
        changes = self._reader.update(content, scope, include_unknown=how.preferences.include_unknown)
        precondition = plan.precondition
        if ProtocolVersion.V401 in (how.json_format.version, request.call.headers.get("odata-version")):
            precondition = with_tag_of(content, precondition)
        command = Update(
            actor_of(request),
            scope.stored.name,
            plan.key,
            scope.types,
            scope.links,
            changes.values,
            precondition,
            changes.fit,
        )
        return Change(command, partial(self._written, scope=scope, projection=plan.projection, how=how, status=200))

    def _create(self, plan: CreateEntity, request: Request, how: Answering, content: object) -> Change:
        scope = plan.scope
        now = Instant(request.call.received)
        kind, values = self._reader.create(content, scope, now=now, include_unknown=how.preferences.include_unknown)
        command = Create(actor_of(request), scope.stored.name, new_key(now), kind, values)
        return Change(command, partial(self._created, scope=scope, projection=plan.projection, how=how))

    def _created(self, record: Record, *, scope: Scope, projection: Projection, how: Answering) -> Reply:
        reply = self._written(record, scope=scope, projection=projection, how=how, status=201)
        address = location(record, scope, how)
        reply.headers.append(("Location", address))
        if reply.status == 204:
            reply.headers.append(("OData-EntityId", address))
        return reply

    def _delete(self, plan: DeleteEntity, request: Request) -> Change:
        scope = plan.scope
        command = Delete(actor_of(request), scope.stored.name, plan.key, scope.types, scope.links, plan.precondition)
        return Change(command, lambda _: Reply(204))

    async def _batch(self, request: Request, body: RequestBody) -> Reply:
        call, how = request.call, self._answering(request)
        if call.batched:
            raise BadRequest("A batch cannot hold another batch: put its requests into this one.", target="url")
        if call.headers.get("content-type", "").strip().lower().startswith("multipart/mixed"):
            raise NotBuilt("Batches in multipart/mixed are not offered; send the JSON format.", target="Content-Type")
        steps = read_batch(self._content(call, await self._whole(call, body)), self._settings.batch_limit)
        answers = await BatchRun(call, self._version, self, steps).answers()
        headers: list[tuple[str, str]] = [("OData-Version", how.json_format.version)]
        return Reply(200, msgspec.json.encode({"responses": answers}), how.json_format.content_type, headers)

    def _content(self, call: Call, whole: bytes) -> object:
        """The decoded JSON body of a write."""
        check_content_type(call.headers.get("content-type", ""))
        return read_json(within(self._settings.body_limit, whole))

    async def _whole(self, call: Call, body: RequestBody) -> bytes:
        """The body, once all of it is there; of a kind that is not taken, it is not waited for."""
        if body.whole is not None:
            return body.whole
        check_content_type(call.headers.get("content-type", ""))
        timeout = self._settings.request_timeout
        try:
            async with asyncio.timeout(timeout):
                return await read_body(body, call.headers, self._settings.body_limit)
        except TimeoutError as error:
            raise RequestTimeout(
                f"The request was not complete after {timeout} seconds.", headers={"Connection": "close"}
            ) from error

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
