"""JSON batches: one request that carries others (OData JSON 4.01 §19; contract §7).

What a batch is made of is checked here as a whole: an error in its frame fails all of it before anything has run.
An error inside one request is that request's own, and is found when it runs.
"""

import base64
import binascii
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any
from urllib.parse import quote

from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.hints import near_name

_MEMBERS = ("id", "method", "url", "headers", "body", "dependsOn", "depends_on", "atomicityGroup", "if")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)([^?#]*)", re.ASCII)
_ASCII = "".join(chr(code) for code in range(0x21, 0x7F))
_URL_SAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class BatchPart:
    """One request of a batch.

    Attributes:
        place: in the order in which they were sent, from 0.
        method: in upper case.
        url: as written: absolute, or relative to the version root.
        headers: lower-case name → value.
        body: bytes where the client sent base64, else the JSON value; `None` for none.
        depends_on: identifiers of requests and groups, as written.
        group: the atomicity group it belongs to.
    """

    place: int
    id: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: Any = None
    depends_on: tuple[str, ...] = ()
    group: str | None = None


@dataclass(frozen=True, slots=True)
class BatchStep:
    """What runs as one: a request alone, or all requests of an atomicity group, in the order in which they run.

    Attributes:
        after: places of other steps in the batch, all of them earlier, that must have succeeded.
    """

    parts: tuple[BatchPart, ...]
    after: tuple[int, ...] = ()

    @property
    def atomic(self) -> bool:
        """Whether all of it succeeds, or none."""
        return self.parts[0].group is not None


def read_batch(body: object, limit: int) -> tuple[BatchStep, ...]:
    """Read the payload of a batch, and put it in an order in which it can run.

    Args:
        body: the decoded JSON value.
        limit: how many requests there may be.

    Raises:
        BadRequest: there are none or too many, one lacks what it must have, an identifier is not unique, or the
            dependencies name something that is not there or go round in a circle.
        NotBuilt: a condition (`if`), which OData has and this service does not.
    """
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list):
        raise BadRequest("A batch is a JSON object with an array 'requests'.", target="requests")
    if not requests:
        raise BadRequest("The batch holds no request; 'requests' needs at least one.", target="requests")
    if len(requests) > limit:
        raise BadRequest(
            f"Number of requests inside batch exceeds the limit: {len(requests)} where {limit} may be. "
            "Send them in several batches.",
            target="requests",
        )
    parts = [_part(item, place) for place, item in enumerate(requests)]
    _check_identifiers(parts)
    return _ordered(parts)


def _part(item: object, place: int) -> BatchPart:
    where = f"requests/{place}"
    if not isinstance(item, dict):
        raise BadRequest("Each entry of 'requests' must be an object with id, method and url.", target=where)
    for name in item:
        if name not in _MEMBERS and "@" not in name:
            raise BadRequest(
                f"'{name[:100]}' is nothing that a request of a batch has.{near_name(name, _MEMBERS)}",
                target=f"{where}/{name[:100]}",
            )
    if item.get("if") is not None:
        raise NotBuilt("Conditions ('if') on requests of a batch are not offered.", target=f"{where}/if")
    identifier = _text(item, "id", where)
    headers = _headers(item.get("headers"), f"{where}/headers")
    body = item.get("body")
    if body is not None and not headers.get("content-type", "").strip():
        raise BadRequest(
            f"Write request with id '{identifier[:100]}' does not contain a Content-Type header.",
            target=f"{where}/headers",
        )
    group = item.get("atomicityGroup")
    return BatchPart(
        place=place,
        id=identifier,
        method=_text(item, "method", where).upper(),
        url=_text(item, "url", where),
        headers=headers,
        body=_decoded(body),
        depends_on=(
            # The SDK for Python writes the second spelling (contract §7).
            *_names(item.get("dependsOn"), f"{where}/dependsOn"),
            *_names(item.get("depends_on"), f"{where}/depends_on"),
        ),
        group=None if group is None else _text(item, "atomicityGroup", where),
    )


def _text(item: Mapping[str, Any], name: str, where: str) -> str:
    found = item.get(name)
    if not isinstance(found, str) or not found:
        raise BadRequest(
            f"Each request of a batch needs '{name}', a string that is not empty."
            if name in ("id", "method", "url")
            else f"'{name}' must be a string that is not empty.",
            target=f"{where}/{name}",
        )
    return found


def _headers(found: object, where: str) -> dict[str, str]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadRequest("The headers of a request must be an object of names and strings.", target=where)
    headers: dict[str, str] = {}
    for name, value in found.items():
        lower = name.lower()
        if not isinstance(value, str) or not _TOKEN.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            raise BadRequest(
                f"'{name[:100]}' must be a header name with a string as HTTP allows it.", target=f"{where}/{name[:100]}"
            )
        if lower in headers:
            raise BadRequest(f"The header '{name}' occurs twice.", target=f"{where}/{name}")
        headers[lower] = value
    return headers


def _names(found: object, where: str) -> tuple[str, ...]:
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise BadRequest("Dependencies are an array of request identifiers, which are strings.", target=where)
    return tuple(found)


def _decoded(body: object) -> object:
    """A string is base64, in either alphabet, where it can be; what is not stays a JSON string."""
    if not isinstance(body, str):
        return body
    text = body.translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return body


def _check_identifiers(parts: Iterable[BatchPart]) -> None:
    """Requests are told apart without regard to case, and from groups."""
    seen: set[str] = set()
    for part in parts:
        folded = part.id.lower()
        if folded in seen:
            raise BadRequest(f"The request id '{part.id[:100]}' occurs twice in the batch.", target="requests")
        seen.add(folded)
    for part in parts:
        if part.group is not None and part.group.lower() in seen:
            raise BadRequest(
                f"'{part.group[:100]}' is the name of an atomicity group and the id of a request.", target="requests"
            )


def _ordered(parts: list[BatchPart]) -> tuple[BatchStep, ...]:
    """Steps such that each stands behind those it depends on; otherwise in the order in which they were sent."""
    step_of: dict[str, str] = {}
    members: dict[str, list[BatchPart]] = {}
    for part in parts:
        step = part.id if part.group is None else part.group
        step_of[part.id.lower()] = step_of[step.lower()] = step.lower()
        members.setdefault(step.lower(), []).append(part)
    steps: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(members, ()))
    needs: dict[str, list[str]] = {step: [] for step in members}
    for part in parts:
        own = step_of[part.id.lower()]
        for name in part.depends_on:
            needed = step_of.get(name.lower())
            if needed is None:
                raise BadRequest(
                    f"The request '{part.id[:100]}' depends on '{name[:100]}', which is not in the batch.",
                    target="dependsOn",
                )
            if needed != own or name.lower() in (part.id.lower(), own):
                steps.add(own, needed)
                needs[own].append(needed)
    order = _without_circles(steps)
    places = {step: place for place, step in enumerate(order)}
    return tuple(
        BatchStep(_inside(members[step]), tuple(sorted({places[need] for need in needs[step]}))) for step in order
    )


def _inside(parts: list[BatchPart]) -> tuple[BatchPart, ...]:
    """The members of a group, each behind those of the same group that it depends on."""
    if len(parts) == 1:
        return tuple(parts)
    by_id = {part.id.lower(): part for part in parts}
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(by_id, ()))
    for name, part in by_id.items():
        sorter.add(name, *(other.lower() for other in part.depends_on if other.lower() in by_id))
    return tuple(by_id[name] for name in _without_circles(sorter))


def _without_circles(sorter: TopologicalSorter[str]) -> list[str]:
    try:
        return list(sorter.static_order())
    except CycleError as error:
        circle = " → ".join(f"'{name[:100]}'" for name in reversed(error.args[1]))
        raise BadRequest(
            f"The dependencies of the batch go round in a circle: {circle}.", target="dependsOn"
        ) from error


def part_address(url: str, base_url: str, version: str) -> tuple[str, str]:
    """Path below the version root, and query, of a request in a batch, both as HTTP would carry them.

    Absolute URLs must be below our own base URL and this version; a path may begin with the version, as OData has it,
    or leave it out, as Graph has it. What no URL can hold as it is, such as blanks, is encoded.

    Raises:
        BadRequest: the URL leads to another host or another version.
    """
    written = quote(url.partition("#")[0], safe=_ASCII)
    absolute = _ABSOLUTE.match(written)
    if absolute is not None:
        root = f"{base_url}/{version}"
        rest = written[len(root) :]
        if written[: len(root)].lower() != root.lower() or rest[:1] not in ("", "/", "?"):
            raise BadRequest(
                f"The url '{url[:200]}' leads away from '{root}', where this batch is. "
                "Write it relative to that, such as '/users/…'.",
                target="url",
            )
        path, _, query = rest.partition("?")
        return path.lstrip("/"), query
    path, _, query = written.partition("?")
    first, _, rest = path.lstrip("/").partition("/")
    return (rest if first.lower() == version.lower() else path.lstrip("/")), query


def check_reference(url: str, identifiers: Collection[str]) -> None:
    """Refuse a URL that begins with what another request answered (OData JSON 4.01 §19.1.3), such as `$1/name`.

    Raises:
        NotBuilt: it does.
    """
    first = re.split(r"[/?#]", url.lstrip("/"), maxsplit=1)[0]
    if first.startswith("$") and first[1:] in identifiers:
        raise NotBuilt(
            f"'{first[:100]}' refers to the answer of another request, which is not offered; send that request first.",
            target="url",
        )


def with_credentials(headers: Mapping[str, str], authorization: str) -> dict[str, str]:
    """The headers of a request with the credentials of the batch, of which it inherits no other header (contract §7).

    Raises:
        BadRequest: it brings credentials of its own.
    """
    if headers.get("authorization", authorization) != authorization:
        raise BadRequest(
            "A request of a batch has the Authorization of the batch and can bring no other.", target="Authorization"
        )
    kept = {name: value for name, value in headers.items() if name not in ("content-length", "host")}
    return kept | {"authorization": authorization}


def part_answer(part: BatchPart, status: int, headers: Mapping[str, str], body: object) -> dict[str, Any]:
    """One entry of `responses`; `body` is a JSON value, or `None` for none, or bytes of another format."""
    answer: dict[str, Any] = {"id": part.id, "status": status, "headers": headers}
    if part.group is not None:
        answer["atomicityGroup"] = part.group
    if isinstance(body, bytes):
        answer["body"] = base64.b64encode(body).decode("ascii")
    elif body is not None:
        answer["body"] = body
    return answer
