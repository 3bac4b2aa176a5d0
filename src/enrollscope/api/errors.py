"""The one place where a failure becomes a response (contract §5.1)."""

import logging
from typing import Any

import msgspec

from enrollscope.api.messages import Call, Reply
from enrollscope.odata.edm.values import TICKS_PER_SECOND, Instant
from enrollscope.odata.errors import BadRequest, InternalServerError, ModelValidationFailure, ODataError
from enrollscope.odata.protocol.headers import ProtocolVersion, negotiate_version

log = logging.getLogger(__name__)

_CONTENT_TYPE = "application/json"
_LONGEST_TEXT = 2_000


def failure_reply(failure: Exception, call: Call) -> Reply:
    """Answer a request that failed: what it was refused for; anything else is a defect, logged here and told as 500."""
    if not isinstance(failure, ODataError):
        log.error("a request failed by a defect", exc_info=failure, extra={"request_id": call.request_id})
        failure = InternalServerError(
            "The service failed to answer this request; its operator finds the cause under the request-id."
        )
    return error_reply(failure, call)


def error_reply(error: ODataError, call: Call) -> Reply:
    """Put an error in the Graph envelope.

    Its date is that of the request, UTC, without zone and fraction, as Graph prints it.
    """
    message = _shown(error.message)
    inner: dict[str, Any] = {}
    if isinstance(error, ModelValidationFailure):
        inner["message"] = message
    inner["date"] = str(Instant(call.received - call.received % TICKS_PER_SECOND)).removesuffix("Z")
    inner["request-id"] = call.request_id
    inner["client-request-id"] = call.client_request_id
    content: dict[str, Any] = {"code": error.code, "message": message}
    if error.target is not None:
        content["target"] = _shown(error.target)
    if error.details:
        content["details"] = [
            {"code": item.code, "message": _shown(item.message)}
            | ({} if item.target is None else {"target": _shown(item.target)})
            for item in error.details
        ]
    content["innerError"] = inner
    return Reply(
        error.status,
        msgspec.json.encode({"error": content}),
        _CONTENT_TYPE,
        [("OData-Version", _version(call)), *error.headers.items()],
    )


def _version(call: Call) -> str:
    """The version of the answer, also to a request whose headers ask for none that there is."""
    try:
        return negotiate_version(call.headers.get("odata-maxversion", ""), call.headers.get("odata-version", ""))
    except BadRequest:
        return ProtocolVersion.V4


def _shown(text: str) -> str:
    """A text that may quote the client, cut and without what UTF-8 cannot carry: an answer never fails over it."""
    if len(text) > _LONGEST_TEXT:
        text = f"{text[: _LONGEST_TEXT // 2]} … {text[-_LONGEST_TEXT // 2 :]}"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
