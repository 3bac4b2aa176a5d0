"""Scripts of other origins: what a browser lets them send and read (Fetch standard §3.3; contract §5.4)."""

import re
from dataclasses import dataclass, field
from typing import TypeAlias

from enrollscope.api.messages import Call, Reply
from enrollscope.odata.errors import Forbidden

_METHODS = "GET, HEAD, POST, PATCH, PUT, DELETE"
_EXPOSED = "ETag, Location, Preference-Applied, Content-Range, request-id, client-request-id, Retry-After"
_REMEMBERED_SECONDS = 3600
_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:\s*,\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CrossOrigin:
    """Which origins may call.

    No answer depends on cookies, so an origin that is let in gets no more than it could send a token for.

    Attributes:
        allowed: origins as browsers write them; `*` among them stands for all.
    """

    allowed: frozenset[str]
    every: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "every", "*" in self.allowed)

    def preflight(self, call: Call) -> Reply | None:
        """Answer what a browser asks before it lets a script send; `None`: the request is something else.

        No token is needed: browsers send none with this question.

        Raises:
            Forbidden: scripts of that origin may not call.
        """
        headers = call.headers
        if call.method != "OPTIONS" or "origin" not in headers or "access-control-request-method" not in headers:
            return None
        origin = headers["origin"]
        if not self._lets_in(origin):
            raise Forbidden(f"Scripts of '{origin[:200]}' may not call this service.", target="Origin")
        wanted = headers.get("access-control-request-headers", "")
        answered = [
            ("Access-Control-Allow-Methods", _METHODS),
            ("Access-Control-Max-Age", str(_REMEMBERED_SECONDS)),
        ]
        if _NAMES.fullmatch(wanted):
            answered.append(("Access-Control-Allow-Headers", wanted))
        return Reply(204, headers=answered)

    def headers(self, origin: str) -> Headers:
        """What an answer to a script carries, so that the browser hands it over; empty where it must not."""
        if not self._lets_in(origin):
            return ()
        exposed = ("access-control-expose-headers", _EXPOSED)
        if self.every:
            return (("access-control-allow-origin", "*"), exposed)
        return (("access-control-allow-origin", origin), exposed, ("vary", "Origin"))

    def _lets_in(self, origin: str) -> bool:
        return self.every or origin in self.allowed
