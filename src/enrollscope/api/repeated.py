"""Questions that clients ask again and again in the same words, as consoles and dashboards do."""

from collections import OrderedDict
from typing import NamedTuple

from enrollscope.api.messages import Call
from enrollscope.auth.caller import Caller
from enrollscope.odata.grammar.options import Options
from enrollscope.odata.plan.requests import Plan, ReadCollection
from enrollscope.odata.protocol.headers import Preferences, ProtocolVersion

_MOST = 256
_LONGEST = 2_048
"""Characters of a query."""


class Understood(NamedTuple):
    """A request that was read and bound."""

    options: Options
    preferences: Preferences
    plan: Plan


class Words(NamedTuple):
    """All that decides on what a question means; who may ask it is not part of that."""

    path: str
    query: str
    prefer: str
    tenant: str
    user: str | None
    version: ProtocolVersion


class Repeated:
    """The latest questions to collections, and what they mean. Belongs to one thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Words, Understood] = OrderedDict()

    def find(self, words: Words) -> Understood | None:
        """What they meant the last time."""
        found = self._kept.get(words)
        if found is not None:
            self._kept.move_to_end(words)
        return found

    def keep(self, words: Words, understood: Understood) -> None:
        """Remember it, if it is always the same and may well be asked again: no page but the first is."""
        plan = understood.plan
        if not isinstance(plan, ReadCollection) or plan.timed or plan.query.resumed or len(words.query) > _LONGEST:
            return
        self._kept[words] = understood
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)


def words_of(call: Call, path: str, caller: Caller, version: ProtocolVersion) -> Words | None:
    """The words of a question with options, without conditions on its tag; `None` for any other request."""
    headers = call.headers
    if not call.query or call.method != "GET" or "if-match" in headers or "if-none-match" in headers:
        return None
    return Words(path, call.query, headers.get("prefer", ""), caller.tenant_id, caller.user_id, version)
