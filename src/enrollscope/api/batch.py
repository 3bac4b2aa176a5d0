"""Batches: the requests inside one request, run together where they may, each with its own answer (contract §7)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import msgspec

from enrollscope.api.errors import error_reply, failure_reply
from enrollscope.api.messages import Call, Headers, Reply, RequestBody, client_request_id, new_request_id
from enrollscope.odata.edm.layout import Record
from enrollscope.odata.errors import FailedDependency
from enrollscope.odata.plan.commands import Command
from enrollscope.odata.protocol.batch import (
    BatchPart,
    BatchStep,
    check_reference,
    part_address,
    part_answer,
    with_credentials,
)
from enrollscope.store.base import RefusedTogether, Written


class Change(NamedTuple):
    """A write that is understood and not yet done.

    Attributes:
        answer: makes the reply, from the record that the store gives back.
    """

    command: Command
    answer: Callable[[Record], Reply]


class PartService(Protocol):
    """What answers the requests of a batch."""

    async def serve(self, call: Call, path: str, body: RequestBody) -> Reply:
        """Answer one request; raises what it is refused for."""
        ...

    async def change(self, call: Call, path: str, body: RequestBody) -> Change:
        """Understand one request of an atomicity group; raises what it is refused for."""
        ...

    async def write_together(self, commands: Sequence[Command]) -> Sequence[Written]:
        """See `store.base.Store`."""
        ...


@dataclass(frozen=True, slots=True)
class _Answer:
    part: BatchPart
    call: Call
    reply: Reply

    @property
    def failed(self) -> bool:
        return self.reply.status >= 400


@dataclass(frozen=True, slots=True)
class BatchRun:
    """One batch under way.

    Attributes:
        outer: the request that carries the others.
        steps: what it carries.
    """

    outer: Call
    version: str
    service: PartService
    steps: Sequence[BatchStep]

    async def answers(self) -> list[dict[str, Any]]:
        """Run everything and return the entries of `responses`, in the order of the requests.

        What depends on nothing starts at once, so that writes share a commit.
        """
        tasks: list[asyncio.Task[list[_Answer]]] = []
        async with asyncio.TaskGroup() as group:
            for step in self.steps:
                tasks.append(group.create_task(self._step(step, [tasks[place] for place in step.after])))
        answers = [answer for task in tasks for answer in task.result()]
        answers.sort(key=lambda answer: answer.part.place)
        return [_entry(answer) for answer in answers]

    async def _step(self, step: BatchStep, needed: Sequence[Awaitable[list[_Answer]]]) -> list[_Answer]:
        calls = [self._call(part) for part in step.parts]
        for answers in [await task for task in needed]:
            for answer in answers:
                if answer.failed:
                    return [
                        _dependent(
                            part,
                            call,
                            f"Not carried out, since it depends on '{_dependency(part, answer.part)}', which failed.",
                        )
                        for part, call in zip(step.parts, calls, strict=True)
                    ]
        if step.atomic:
            return await self._group(step.parts, calls)
        (part,), (call,) = step.parts, calls
        try:
            reply = await self.service.serve(*self._request(part, call))
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is the answer to this request alone
            reply = failure_reply(failure, call)
        return [_Answer(part, call, reply)]

    async def _group(self, parts: Sequence[BatchPart], calls: Sequence[Call]) -> list[_Answer]:
        """All of a group or nothing: everything is understood before anything is written, as one transaction."""
        changes: list[Change] = []
        failures: dict[int, Exception] = {}
        for place, (part, call) in enumerate(zip(parts, calls, strict=True)):
            try:
                changes.append(await self.service.change(*self._request(part, call)))
            except Exception as failure:  # noqa: BLE001 - as above
                failures[place] = failure
        written: Sequence[Written] = ()
        if not failures:
            try:
                written = await self.service.write_together([change.command for change in changes])
            except RefusedTogether as refused:
                failures[refused.place] = refused.refusal
            except Exception as failure:  # noqa: BLE001 - as above
                failures = dict.fromkeys(range(len(parts)), failure)
        if failures:
            return [
                _Answer(part, call, failure_reply(failures[place], call))
                if place in failures
                else _dependent(
                    part, call, "Nothing of the atomicity group was done, since another request of it failed."
                )
                for place, (part, call) in enumerate(zip(parts, calls, strict=True))
            ]
        return [
            _Answer(part, call, change.answer(done.record))
            for part, call, change, done in zip(parts, calls, changes, written, strict=True)
        ]

    def _call(self, part: BatchPart) -> Call:
        request_id = new_request_id()
        return Call(
            method=part.method,
            path="",
            query="",
            headers=Headers(part.headers),
            base_url=self.outer.base_url,
            request_id=request_id,
            client_request_id=client_request_id(part.headers) or request_id,
            received=self.outer.received,
            batched=True,
        )

    def _request(self, part: BatchPart, call: Call) -> tuple[Call, str, RequestBody]:
        """The request as if it had come alone: its call, its path below the version root, and its body.

        Raises:
            BadRequest: its URL leads elsewhere, or it brings credentials of its own.
            NotBuilt: its URL refers to another request.
        """
        check_reference(part.url, {each.id for step in self.steps for each in step.parts})
        path, query = part_address(part.url, call.base_url, self.version)
        headers = Headers(with_credentials(part.headers, self.outer.headers.get("authorization", "")))
        whole = msgspec.structs.replace(call, path=f"/{self.version}/{path}", query=query, headers=headers)
        return whole, path, _body_of(part)


def _dependency(part: BatchPart, failed: BatchPart) -> str:
    """What a request depends on, by the name that it has for it: a request, or its group."""
    group = failed.id if failed.group is None else failed.group
    names = {failed.id.lower(), group.lower()}
    return next((name for name in part.depends_on if name.lower() in names), group)


def _dependent(part: BatchPart, call: Call, why: str) -> _Answer:
    return _Answer(part, call, error_reply(FailedDependency(why), call))


def _body_of(part: BatchPart) -> RequestBody:
    if part.body is None:
        return RequestBody(b"")
    if isinstance(part.body, bytes):
        return RequestBody(part.body)
    return RequestBody(json.dumps(part.body, ensure_ascii=False).encode("utf-8"))


def _entry(answer: _Answer) -> dict[str, Any]:
    reply, call = answer.reply, answer.call
    headers = {
        "request-id": call.request_id,
        "client-request-id": call.client_request_id,
        "Cache-Control": "no-cache",
    }
    if reply.content_type is not None:
        headers["Content-Type"] = reply.content_type
    for name, value in reply.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    body: object = None
    if reply.body and call.method != "HEAD":
        is_json = (reply.content_type or "").startswith("application/json")
        body = msgspec.Raw(reply.body) if is_json else reply.body
    return part_answer(answer.part, reply.status, headers, body)
