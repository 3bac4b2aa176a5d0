"""Access tokens as text: bearer header, JOSE header, claims.

Nothing here decides whether a token is good; it only refuses what cannot be read.
"""

import base64
import re
from typing import Final

import msgspec

from enrollscope.auth.jwk import ALGORITHM
from enrollscope.odata.errors import ErrorDetail, InvalidAuthenticationToken

LONGEST_HEADER: Final = 16 * 1024
"""Characters of an `Authorization` header. Providers stay far below: they leave out group claims before that."""

EMPTY: Final = "Access token is empty."
MALFORMED: Final = "CompactToken parsing failed with error code: 80049217"
INVALID: Final = "Access token validation failure."
BAD_SIGNATURE: Final = f"{INVALID} Signature is invalid."

_COMPACT: Final = re.compile(rb"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

# RFC 8725 §3.11: a signed statement of another kind (a logout token, a proof of possession) is no access token.
_ACCESS_TOKEN_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})

# Where the token itself brings a key or says where to fetch one. `jwk` and `x5c` are no strings and fail earlier.
_KEYS_FROM_OUTSIDE: Final = ("jku", "x5u")


class Claims(msgspec.Struct, frozen=True):
    """What a token says about its caller, in either version of the form (contract §6.1).

    The version (`ver`) may be absent, because providers other than Entra do not send it; they use the names of 2.0.
    """

    iss: str
    aud: str | tuple[str, ...]
    exp: float
    nbf: float | None = None
    ver: str = "2.0"
    tid: str | None = None
    oid: str | None = None
    azp: str | None = None
    appid: str | None = None
    idtyp: str | None = None
    scp: str | None = None
    roles: tuple[str, ...] = ()
    idp: str | None = None
    uti: str | None = None
    jti: str | None = None


def refusal(message: str, reason: str) -> InvalidAuthenticationToken:
    """Build the 401: the message is one that Graph clients know (contract §5.4), the detail tells what is wrong."""
    detail = ErrorDetail(InvalidAuthenticationToken.code, reason, target="Authorization")
    return InvalidAuthenticationToken(message, details=(detail,))


def bearer_token(authorization: str | bytes) -> bytes:
    """Take the token out of an `Authorization` header (RFC 6750 §2.1); the scheme may be in any case.

    Raises:
        InvalidAuthenticationToken: there is no bearer token, or the header is longer than `LONGEST_HEADER`.
    """
    if len(authorization) > LONGEST_HEADER:
        raise refusal(MALFORMED, f"The header is longer than {LONGEST_HEADER} characters.")
    scheme, _, token = as_bytes(authorization).strip(b" \t").partition(b" ")
    token = token.strip(b" \t")
    if scheme.lower() != b"bearer" or not token:
        raise refusal(EMPTY, "Send the header `Authorization: Bearer <access token>`.")
    return token


def as_bytes(authorization: str | bytes) -> bytes:
    """Give every header value bytes of its own, also one that no client could have sent."""
    return authorization if isinstance(authorization, bytes) else authorization.encode("utf-8", "surrogatepass")


def signing_key_id(token: bytes) -> str:
    """Read the JOSE header of a compact JWS and return the name of its key (`kid`).

    The header must be an object of strings. That admits every parameter a provider sends and none of those that
    would have to be obeyed (`crit`, `b64`) or trusted (`jwk`, `x5c`).

    Raises:
        InvalidAuthenticationToken: the token has another form, algorithm or type, or names no key.
    """
    match = _COMPACT.fullmatch(token)
    if match is None:
        raise refusal(MALFORMED, "A signed token is three base64url parts with a dot between them.")
    try:
        header = msgspec.json.decode(_base64url(match[1]), type=dict[str, str])
    except (ValueError, RecursionError):
        raise refusal(MALFORMED, "The token's header must be a JSON object of strings.") from None
    if header.get("alg") != ALGORITHM:
        raise refusal(BAD_SIGNATURE, f"The token must be signed with {ALGORITHM}.")
    if header.get("typ", "JWT").lower() not in _ACCESS_TOKEN_TYPES:
        raise refusal(MALFORMED, "The token's header says that it is not an access token.")
    if any(name in header for name in _KEYS_FROM_OUTSIDE):
        raise refusal(MALFORMED, "A token cannot say where its own key comes from.")
    key_id = header.get("kid")
    if not key_id:
        raise refusal(MALFORMED, "The token's header names no key (`kid`).")
    return key_id


def read_claims(payload: bytes) -> Claims:
    """Read the payload of a token whose signature is good.

    Raises:
        InvalidAuthenticationToken: it is not a JSON object, lacks `iss`, `aud` or `exp`, or holds a claim of the wrong
            type.
    """
    try:
        return msgspec.json.decode(payload, type=Claims)
    except (ValueError, RecursionError) as error:
        raise refusal(MALFORMED, f"The token's claims cannot be read: {error}") from None


def _base64url(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
