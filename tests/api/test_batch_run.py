"""How the requests of a batch run beside each other, whatever answers them."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from enrollscope.api.batch import BatchRun, Change
from enrollscope.api.messages import Call, Headers, Reply, RequestBody
from enrollscope.odata.errors import BadRequest, ServiceUnavailable
from enrollscope.odata.plan.commands import Actor, Command, Delete
from enrollscope.odata.protocol.batch import read_batch
from enrollscope.store.base import RefusedTogether, Written

ACTOR = Actor("tenant", None, "app", "token", "request", 0)
OUTER = Call("POST", "/v1/$batch", "", Headers({"authorization": "Bearer x"}), "https://graph.example", "r", "r", 0)
SECONDS = 10


class Desk:
    """Answers each request with its path, once `together` requests are there at the same time."""

    def __init__(self, together: int = 1, refusal: Exception | None = None) -> None:
        self.seen: list[str] = []
        self.written: list[tuple[str, ...]] = []
        self._barrier = asyncio.Barrier(together)
        self._refusal = refusal

    async def serve(self, call: Call, path: str, body: RequestBody) -> Reply:
        """Answer, or fail in the way that the path names."""
        if path == "defect":
            raise ZeroDivisionError
        if path == "wrong":
            raise BadRequest("It is wrong.")
        self.seen.append(path)
        await self._barrier.wait()
        return Reply(200, body.whole or f'"{call.method} {path}"'.encode(), "application/json")

    async def change(self, call: Call, path: str, body: RequestBody) -> Change:
        """A deletion of what the path names."""
        await self.serve(call, path, body)
        command = Delete(ACTOR, "things", path, frozenset(), ())
        return Change(command, lambda record: Reply(200, json.dumps(record[0]).encode(), "application/json"))

    async def write_together(self, commands: Sequence[Command]) -> Sequence[Written]:
        """Carry out, or refuse."""
        if self._refusal is not None:
            raise self._refusal
        self.written.append(tuple(command.key for command in commands))
        return [Written((command.key,)) for command in commands]


def request(identifier: str, **members: Any) -> dict[str, Any]:
    """A request whose path is its identifier."""
    return {"id": identifier, "method": "GET", "url": identifier} | members


async def run(desk: Desk, *requests: dict[str, Any]) -> dict[str, tuple[int, Any]]:
    """Status and body of each answer."""
    steps = read_batch({"requests": list(requests)}, 100)
    answers = await asyncio.wait_for(BatchRun(OUTER, "v1", desk, steps).answers(), SECONDS)
    # Bodies go out as they came, without being decoded in between.
    return {item["id"]: (item["status"], json.loads(bytes(item["body"]))) for item in answers}


async def test_independent_requests_run_together() -> None:
    """All of them have begun before the first is done: that is how writes come to share a commit."""
    desk = Desk(together=20)
    answers = await run(desk, *(request(str(number)) for number in range(20)))
    assert answers == {str(number): (200, f"GET {number}") for number in range(20)}


async def test_branches_run_beside_each_other() -> None:
    """A dependency holds up what depends on it, and nothing else."""
    desk = Desk(together=2)
    requests = [request("a"), request("a2", dependsOn=["a"]), request("b"), request("b2", dependsOn=["b"])]
    await run(desk, *requests)
    assert [set(desk.seen[:2]), set(desk.seen[2:])] == [{"a", "b"}, {"a2", "b2"}]


async def test_a_chain_runs_in_its_order() -> None:
    """One behind the other."""
    desk = Desk()
    await run(desk, *(request(str(n), dependsOn=[str(n + 1)] if n < 9 else []) for n in range(10)))
    assert desk.seen == [str(number) for number in reversed(range(10))]


async def test_a_group_is_written_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """One call to the store, in the group's own order; each answer is made of its own record."""
    desk = Desk()
    answers = await run(desk, request("a", atomicityGroup="g", dependsOn=["b"]), request("b", atomicityGroup="g"))
    assert desk.written == [("b", "a")]
    assert answers == {"a": (200, "a"), "b": (200, "b")}
    assert not caplog.records


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        pytest.param(RefusedTogether(1, BadRequest("No.")), {"a": 424, "b": 400, "c": 424}, id="one-is-refused"),
        pytest.param(ServiceUnavailable("Later."), {"a": 503, "b": 503, "c": 503}, id="the-store-cannot-write"),
    ],
)
async def test_a_group_that_the_store_refuses(refusal: Exception, expected: dict[str, int]) -> None:
    """The one that is at fault hears why, the others that it was not they; all hear it where none is at fault."""
    desk = Desk(refusal=refusal)
    answers = await run(desk, *(request(name, atomicityGroup="g") for name in "abc"))
    assert {name: status for name, (status, _) in answers.items()} == expected


async def test_a_group_hears_all_of_its_mistakes() -> None:
    """Each request that is wrong says why, so that a client can mend them at one go; nothing is written."""
    desk = Desk()
    wrong = [request("1", url="wrong", atomicityGroup="g"), request("2", url="wrong", atomicityGroup="g")]
    answers = await run(desk, *wrong, request("3", atomicityGroup="g"))
    assert {name: status for name, (status, _) in answers.items()} == {"1": 400, "2": 400, "3": 424}
    assert desk.written == []


async def test_a_defect_fails_its_request_alone(caplog: pytest.LogCaptureFixture) -> None:
    """500 without a word about the cause, which is in the log under the request's own identity."""
    steps = read_batch({"requests": [request("defect"), request("fine")]}, 100)
    broken, fine = await BatchRun(OUTER, "v1", Desk(), steps).answers()
    assert (broken["status"], fine["status"]) == (500, 200)
    assert "ZeroDivisionError" not in bytes(broken["body"]).decode()
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
    assert record.__dict__["request_id"] == broken["headers"]["request-id"]


async def test_bodies_are_handed_on() -> None:
    """JSON in UTF-8, characters beyond the BMP too; base64 as the bytes it stands for."""
    headers = {"Content-Type": "application/json"}
    answers = await run(
        Desk(),
        request("1", headers=headers, body={"a": ["ä😀", 1.5, None, 10**30]}),
        request("2", headers=headers, body="WzFd"),
    )
    assert answers == {"1": (200, {"a": ["ä😀", 1.5, None, 10**30]}), "2": (200, [1])}
