"""A request as it was understood: who sends it, and what its headers and options ask for."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from enrollscope.api.messages import Call, Headers, check_client_request_id
from enrollscope.auth.caller import Caller
from enrollscope.odata.errors import NotAcceptable
from enrollscope.odata.grammar.options import Options
from enrollscope.odata.plan.commands import ALWAYS, Actor, Precondition
from enrollscope.odata.plan.requests import Plan
from enrollscope.odata.protocol.etags import parse_etags
from enrollscope.odata.protocol.headers import (
    JsonFormat,
    Preferences,
    ProtocolVersion,
    liking,
    negotiate_json,
    negotiate_version,
    read_preferences,
)


class Request(msgspec.Struct, frozen=True):
    """One request, read and bound to what it is about; its body is not read yet.

    Attributes:
        version: of the answer.
    """

    call: Call
    caller: Caller
    version: ProtocolVersion
    options: Options
    preferences: Preferences
    plan: Plan


class Wishes(NamedTuple):
    """What headers ask for, whatever the request is about.

    Attributes:
        version: of the answer.
    """

    version: ProtocolVersion
    preferences: Preferences
    precondition: Precondition


def wishes_of(headers: Headers) -> Wishes:
    """Read what headers ask for.

    Raises:
        BadRequest: one of them cannot be understood.
    """
    known: Wishes | None = headers.wishes
    if known is None:
        version = negotiate_version(headers.get("odata-maxversion", ""), headers.get("odata-version", ""))
        check_client_request_id(headers)
        preferences = read_preferences(headers.get("prefer", ""))
        headers.wishes = known = Wishes(version, preferences, _precondition_of(headers))
    return known


def json_format_of(headers: Headers, options: Options, version: ProtocolVersion) -> JsonFormat:
    """The representation that `$format` or else `Accept` asks for.

    Raises:
        NotAcceptable: there is no such one.
    """
    wanted = options.text("format")
    if wanted is None:
        known: JsonFormat | None = headers.json_format
        if known is None:
            headers.json_format = known = _negotiated(headers, headers.get("accept", ""), version)
        return known
    try:
        accept = "application/json" if wanted.strip().lower() == "json" else wanted
        return _negotiated(headers, accept, version)
    except NotAcceptable as refusal:
        if refusal.target != "Accept":
            raise
        raise NotAcceptable(
            f"'{wanted[:200]}' is no format of this service; $format may be json, or application/json with "
            "odata.metadata=none, minimal or full.",
            target="$format",
        ) from refusal


def _negotiated(headers: Headers, accept: str, version: ProtocolVersion) -> JsonFormat:
    return negotiate_json(accept, headers.get("accept-charset", ""), version)


def check_accepts_text(call: Call) -> None:
    """Refuse who takes no plain text. Who only says to take JSON reads a bare value all the same (contract §3.1)."""
    accept = call.headers.get("accept", "")
    quality = liking(accept, "text/plain")
    if quality is None:
        negotiate_json(accept)
    elif quality <= 0:
        raise NotAcceptable(
            f"This is answered as text/plain, which 'Accept: {accept[:200]}' excludes.", target="Accept"
        )


def _precondition_of(headers: Mapping[str, str]) -> Precondition:
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is None and none_match is None:
        return ALWAYS
    return Precondition(
        match=None if match is None else parse_etags(match, "If-Match"),
        none_match=None if none_match is None else parse_etags(none_match, "If-None-Match"),
    )


def actor_of(request: Request) -> Actor:
    """Who the change log will say it was."""
    call, caller = request.call, request.caller
    return Actor(
        caller.tenant_id, caller.user_id, caller.app_id, caller.token_id, call.client_request_id, call.received
    )
