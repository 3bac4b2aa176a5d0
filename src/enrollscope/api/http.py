"""The HTTP protocol of the server: uvicorn's, but a request that is no HTTP hears so in the Graph envelope."""

import time

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from enrollscope.api.errors import error_reply
from enrollscope.api.messages import Call, new_request_id
from enrollscope.odata.errors import BadRequest
from enrollscope.odata.values import Instant


class EnvelopeProtocol(HttpToolsProtocol):
    """Answers what httptools cannot read."""

    def send_400_response(self, msg: str) -> None:
        """Answer 400 and close: where the next request would begin is not known."""
        request_id = new_request_id()
        call = Call("", "", "", {}, "", request_id, request_id, Instant.from_unix_nanoseconds(time.time_ns()).ticks)
        refusal = BadRequest(
            f"The request is not HTTP as RFC 9112 defines it: {msg.rstrip('.')}. "
            "Look for control characters or blanks where none may be, in the URL and the headers."
        )
        reply = error_reply(refusal, call)
        head = [
            "HTTP/1.1 400 Bad Request",
            f"content-type: {reply.content_type}",
            f"content-length: {len(reply.body)}",
            f"request-id: {request_id}",
            f"client-request-id: {request_id}",
            "connection: close",
        ]
        self.transport.write("\r\n".join([*head, "", ""]).encode("ascii") + reply.body)
        self.transport.close()
