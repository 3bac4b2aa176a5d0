"""The one place where a failure becomes a response (contract §5.1)."""

from typing import Any

import msgspec

from enrollscope.api.messages import Call, Reply
from enrollscope.odata.errors import ModelValidationFailure, ODataError
from enrollscope.odata.values import TICKS_PER_SECOND, Instant

_CONTENT_TYPE = "application/json"


def error_reply(error: ODataError, call: Call) -> Reply:
    """Put an error in the Graph envelope.

    Its date is that of the request, UTC, without zone and fraction, as Graph prints it.
    """
    inner: dict[str, Any] = {}
    if isinstance(error, ModelValidationFailure):
        inner["message"] = error.message
    inner["date"] = str(Instant(call.received - call.received % TICKS_PER_SECOND)).removesuffix("Z")
    inner["request-id"] = call.request_id
    inner["client-request-id"] = call.client_request_id
    content: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.target is not None:
        content["target"] = error.target
    if error.details:
        content["details"] = [
            {"code": item.code, "message": item.message} | ({} if item.target is None else {"target": item.target})
            for item in error.details
        ]
    content["innerError"] = inner
    return Reply(
        error.status,
        msgspec.json.encode({"error": content}),
        _CONTENT_TYPE,
        [("OData-Version", "4.0"), *error.headers.items()],
    )
