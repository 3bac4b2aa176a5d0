"""Questions put to the service, and what it does instead of what a requirement wants."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias
from urllib.parse import unquote

import httpx

from tests.api.service import BETA_EVENTS, EVENTS, Client

_SHOWN_REQUEST = 110
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_ORIGIN = re.compile("^https?://[^/]+")
_TOKEN = re.compile(r"(skiptoken=)[\w-]+")

EVENT = "#microsoft.graph.enrollmentTroubleshootingEvent"
DETAILS = {
    "context": "where",
    "failure": "what",
    "failureDetails": None,
    "remediation": "how",
    "resources": [{"text": "first", "link": "https://a.example"}, {"text": "second", "link": "https://b.example"}],
}
STORED: tuple[Mapping[str, Any], ...] = (
    {
        "@odata.type": EVENT,
        "correlationId": "a",
        "eventDateTime": "2024-01-01T10:00:00.5Z",
        "failureCategory": "authentication",
        "enrollmentType": "userEnrollment",
        "failureReason": "Milk",
        "osVersion": "10.0",
        "additionalInformation": [{"name": "n1", "value": "v1"}, {"name": "n2", "value": "v2"}],
        "troubleshootingErrorDetails": DETAILS,
    },
    {
        "@odata.type": EVENT,
        "correlationId": "b",
        "eventDateTime": "2024-02-29T11:30:00+02:00",
        "failureCategory": "authorization",
        "failureReason": "Bread",
        "osVersion": "9.5",
        "additionalInformation": [{"name": "n1", "value": None}],
    },
    {
        "@odata.type": EVENT,
        "correlationId": "c",
        "eventDateTime": "2024-03-31T23:59:59Z",
        "failureCategory": "badRequest",
        "failureReason": "Milk and Bread",
    },
    {"@odata.type": EVENT, "correlationId": "d", "eventDateTime": "2025-12-31T00:00:00Z", "osVersion": "11"},
    {"correlationId": "e", "eventDateTime": "2026-06-30T12:00:00Z"},
)
"""What the tenant that is asked holds; the last one is no enrollment event. They go by `correlationId`."""

ENROLLMENTS = "abcd"
ALL = "abcde"


class Unmet(Exception):
    """The service does something else. The message, Markdown, says what."""


@dataclass(slots=True)
class Asking:
    """One conversation with the service.

    Attributes:
        client: of the tenant that holds `STORED`.
        keys: `correlationId` → key, of these.
        asked: every request so far, as the page shows it.
    """

    client: Client
    keys: Mapping[str, str]
    asked: list[str] = field(default_factory=list)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request; underscores in header names are hyphens."""
        self.asked.append(_shown(method, path, headers))
        return self.client(method, path, body, **headers)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """GET, which must succeed."""
        return self.wants(self("GET", path, **headers), 200)

    def wants(self, reply: httpx.Response, *statuses: int) -> httpx.Response:
        """Pass on an answer with one of these statuses.

        Raises:
            Unmet: it has another.
        """
        if reply.status_code not in statuses:
            self.fails(f"`{reply.status_code}{_code(reply)}`")
        return reply

    def holds(self, fact: object, otherwise: str) -> None:
        """Go on if something is so.

        Raises:
            Unmet: it is not.
        """
        if not fact:
            self.fails(otherwise)

    def fails(self, answer: str) -> NoReturn:
        """Give up.

        Raises:
            Unmet: always.
        """
        raise Unmet(f"{self.asked[-1]} answers {answer}")

    def events(self, query: str = "", *, root: str = EVENTS, **headers: str) -> list[dict[str, Any]]:
        """The events of one page."""
        found: list[dict[str, Any]] = self.get(root + query, **headers).json()["value"]
        return found

    def finds(self, condition: str, expected: Iterable[str], *, root: str = BETA_EVENTS) -> None:
        """Demand that `$filter` lets through exactly these events."""
        found = {event["correlationId"] for event in self.events(f"?$filter={encoded(condition)}", root=root)}
        self.holds(found == set(expected), f"the events {', '.join(sorted(found)) or 'none'}")

    def event(self, name: str, *, root: str = EVENTS) -> str:
        """The path of a stored event."""
        return f"{root}/{self.keys[name]}"

    def new(self, **properties: Any) -> str:
        """The path of an event made for this conversation."""
        body = {"@odata.type": EVENT, "correlationId": "new", "failureReason": "before", "osVersion": "1"} | properties
        reply = self.wants(self("POST", EVENTS, body), 201)
        return f"{EVENTS}/{reply.json()['id']}"


Probe: TypeAlias = Callable[[Asking], None]


def finding(condition: str, expected: Collection[str], *, root: str = BETA_EVENTS) -> Probe:
    """A probe for one condition."""
    return lambda ask: ask.finds(condition, expected, root=root)


def each(*probes: Probe) -> Probe:
    """A probe that wants all of several things."""

    def probe(ask: Asking) -> None:
        for one in probes:
            one(ask)

    return probe


def encoded(text: str) -> str:
    """A text as the value of a query option; what needs no encoding is left readable."""
    return "".join(
        mark if mark not in '%&#+ "' and mark.isascii() else "".join(f"%{byte:02X}" for byte in mark.encode())
        for mark in text
    )


def _code(reply: httpx.Response) -> str:
    if "json" not in reply.headers.get("content-type", "") or "error" not in reply.json():
        return ""
    return f" {reply.json()['error']['code']}"


def _shown(method: str, path: str, headers: Mapping[str, str]) -> str:
    """A request as the page shows it, `…` for the collection of events."""
    text = (
        _TOKEN.sub(r"\1…", _ID.sub("{id}", unquote(_ORIGIN.sub("", path))))
        .replace(BETA_EVENTS, "beta…")
        .replace(EVENTS, "…")
    )
    notes = "".join(f" ({name.replace('_', '-')}: {value})" for name, value in headers.items())
    text = f"{method} {text}{notes}"
    if len(text) > _SHOWN_REQUEST:
        text = f"{text[:_SHOWN_REQUEST]} …"
    return f"`{text}`".replace("|", "\\|")
