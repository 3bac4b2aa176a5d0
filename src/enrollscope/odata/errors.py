"""Every failure a client is told about.

The class fixes the HTTP status and the stable `code`; the instance says what was wrong and where.
Raised anywhere below `api/`, turned into a response in one place: `api/errors.py`.

    ODataError
    ├── BadRequest                400  the URL, a header or the body cannot be read
    │   ├── SyntaxFault           400  text that no rule of the ABNF matches, with the position
    │   └── ModelValidationFailure 400 the body reads, but does not fit the model
    ├── InvalidAuthenticationToken 401
    ├── Forbidden                 403
    ├── ResourceNotFound          404
    ├── MethodNotAllowed          405
    ├── NotAcceptable             406
    ├── Conflict                  409
    ├── PreconditionFailed        412
    ├── RequestEntityTooLarge     413
    ├── RequestTimeout            408
    ├── FailedDependency          424  a request of a batch whose condition, another request, failed
    ├── InternalServerError       500
    │   └── OutcomeUnknown        500  a change may have been made
    ├── NotBuilt                  501  valid OData that this service does not offer yet
    ├── ServiceUnavailable        503
    └── GatewayTimeout            504
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """One entry of `error.details` (OData JSON 4.01 §21.1)."""

    code: str
    message: str
    target: str | None = None


class ODataError(Exception):
    """A failure the client is told about. Subclasses fix `status` and `code`.

    Args:
        message: a sentence for a person: what is wrong, where, and what would be right.
        target: the property, query option or header at fault.
        position: characters before the fault in the text that was parsed, when there is one.
        details: further failures found in the same request.
        headers: response headers that belong to this answer, such as `Allow` or `Retry-After`.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "InternalServerError"

    def __init__(
        self,
        message: str,
        *,
        target: str | None = None,
        position: int | None = None,
        details: tuple[ErrorDetail, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.target = target
        self.position = position
        self.details = details
        self.headers: Mapping[str, str] = headers or {}


class BadRequest(ODataError):
    """The URL, a header or the payload cannot be read, or asks for something impossible."""

    status, code = 400, "BadRequest"


class SyntaxFault(BadRequest):
    """Text that no rule of the OData ABNF matches; `position` is where reading stopped."""


class ModelValidationFailure(BadRequest):
    """A well-formed payload that does not fit the model (graph contract §3.7)."""

    code = "ModelValidationFailure"


class InvalidAuthenticationToken(ODataError):
    """No token, or one that does not verify."""

    status, code = 401, "InvalidAuthenticationToken"


class Forbidden(ODataError):
    """A valid token that lacks the permission."""

    status, code = 403, "Forbidden"


class ResourceNotFound(ODataError):
    """No such entity, version or route."""

    status, code = 404, "ResourceNotFound"


class MethodNotAllowed(ODataError):
    """The resource exists and does not take this method; `headers` carries `Allow`."""

    status, code = 405, "MethodNotAllowed"


class NotAcceptable(ODataError):
    """No representation fits the `Accept` header."""

    status, code = 406, "NotAcceptable"


class RequestTimeout(ODataError):
    """The client did not finish sending its request in time."""

    status, code = 408, "RequestTimeout"


class Conflict(ODataError):
    """The change collides with what is stored."""

    status, code = 409, "Conflict"


class PreconditionFailed(ODataError):
    """`If-Match` named a version that is not current, or `If-None-Match` one that is."""

    status, code = 412, "PreconditionFailed"


class RequestEntityTooLarge(ODataError):
    """The body is longer than the service takes."""

    status, code = 413, "RequestEntityTooLarge"


class FailedDependency(ODataError):
    """A request of a batch was not carried out, because another one failed that it depends on."""

    status, code = 424, "FailedDependency"


class InternalServerError(ODataError):
    """A defect of this service. The message never tells more than that."""

    status, code = 500, "InternalServerError"


class OutcomeUnknown(InternalServerError):
    """A change may have been made or not, and nobody can tell.

    Not a 503, because clients repeat what got a 503 by themselves, and a creation would then be made twice.
    """

    code = "OutcomeUnknown"


class NotBuilt(ODataError):
    """Valid OData that this service does not offer yet."""

    status, code = 501, "NotImplemented"


class GatewayTimeout(ODataError):
    """The store did not answer in time. Only for what changes nothing: a change that took long may have been made."""

    status, code = 504, "GatewayTimeout"


class ServiceUnavailable(ODataError):
    """The service cannot answer now; `headers` carries `Retry-After`."""

    status, code = 503, "ServiceUnavailable"
