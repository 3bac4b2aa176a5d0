"""`Authorization` header in, caller out. Every refusal is a 401, or a 403 for a personal account."""

from hashlib import sha256
from typing import Final

from enrollscope.auth.caller import Caller
from enrollscope.auth.remembered import Remembered
from enrollscope.auth.sources import KeySource, VerificationKey
from enrollscope.auth.tokens import (
    BAD_SIGNATURE,
    LONGEST_HEADER,
    as_bytes,
    bearer_token,
    read_claims,
    refusal,
    signing_key_id,
)
from enrollscope.auth.trust import NotYetValidError, Trust, admit
from enrollscope.odata.errors import Forbidden, InvalidAuthenticationToken

DEFAULT_CAPACITY: Final = 4096

REFUSAL_MEMORY: Final = 60.0
"""Seconds for which a token whose signature or claims were refused is refused again without looking."""


def digest_of(authorization: str | bytes) -> bytes:
    """The digest by which a header is known; one that is too long is known to nobody."""
    return b"" if len(authorization) > LONGEST_HEADER else sha256(as_bytes(authorization)).digest()


class Verifier:
    """Verifies access tokens, each one once.

    Tokens are remembered by the SHA-256 of the header that brought them, never themselves. One verifier belongs to one
    event loop.

    Args:
        capacity: how many verified and, apart from them, how many refused tokens are remembered.
    """

    def __init__(self, keys: KeySource, trust: Trust, *, capacity: int = DEFAULT_CAPACITY) -> None:
        self._keys = keys
        self._trust = trust
        self._verified: Remembered[Caller] = Remembered(capacity)
        self._refused: Remembered[InvalidAuthenticationToken | Forbidden] = Remembered(capacity)
        self._revision = keys.revision
        self._challenge = _challenge(keys.profile.authorization_uri, trust.audiences[0])

    def cached(self, digest: bytes, now: float) -> Caller | None:
        """Return the caller if the header of this digest was verified before and its token has not expired.

        Args:
            digest: what `digest_of` made of the header.
            now: Unix seconds.
        """
        return self._recall(digest, now)

    async def identify(self, authorization: str | bytes, now: float) -> Caller:
        """Return the caller, verifying the token if it is a new one.

        Args:
            authorization: the header's value; empty if there is none.
            now: Unix seconds.

        Raises:
            InvalidAuthenticationToken: no token, or one that does not verify; carries `WWW-Authenticate`.
            Forbidden: the token is good, and belongs to a personal account.
        """
        try:
            return await self._identify(authorization, now)
        except InvalidAuthenticationToken as error:
            headers = {"WWW-Authenticate": self._challenge}
            raise InvalidAuthenticationToken(error.message, details=error.details, headers=headers) from None

    async def _identify(self, authorization: str | bytes, now: float) -> Caller:
        token = bearer_token(authorization)
        digest = sha256(as_bytes(authorization)).digest()
        caller = self._recall(digest, now)
        if caller is not None:
            return caller
        self._repeat_refusal(digest, now)
        key = await self._keys.find(signing_key_id(token), now)
        if key is None:
            # Not remembered: it cost little, and the issuer may publish the key at any time.
            raise refusal(BAD_SIGNATURE, "No key of the issuer has the name the token gives.")
        caller = self._recall(digest, now)  # another request may have brought the same token while this one waited
        if caller is not None:
            return caller
        try:
            return self._verify(token, digest, key, now)
        except NotYetValidError:
            raise
        except (InvalidAuthenticationToken, Forbidden) as error:
            # A copy, because an exception on its way up collects frames, and they would hold on to the request.
            self._refused.put(digest, type(error)(error.message, details=error.details), now + REFUSAL_MEMORY)
            raise

    def _verify(self, token: bytes, digest: bytes, key: VerificationKey, now: float) -> Caller:
        payload = key.signed_payload(token)
        if payload is None:
            raise refusal(BAD_SIGNATURE, "The token was changed, or signed by somebody else.")
        claims = read_claims(payload)
        caller = admit(
            claims,
            trust=self._trust,
            profile=self._keys.profile,
            key_issuer=key.issuer,
            fingerprint=f"sha256:{digest.hex()[:32]}",
            now=now,
        )
        self._verified.put(digest, caller, claims.exp + self._trust.leeway)
        return caller

    def _recall(self, digest: bytes, now: float) -> Caller | None:
        if self._revision != self._keys.revision:
            self._revision = self._keys.revision
            self._verified.clear()
            self._refused.clear()
        return self._verified.get(digest, now)

    def _repeat_refusal(self, digest: bytes, now: float) -> None:
        error = self._refused.get(digest, now)
        if error is not None:
            raise type(error)(error.message, details=error.details)


def _challenge(authorization_uri: str | None, client_id: str) -> str:
    """Build the `WWW-Authenticate` value of contract §5.4; the URI is left out where there is nowhere to sign in."""
    uri = "" if authorization_uri is None else f"authorization_uri={_quoted(authorization_uri)}, "
    return f'Bearer realm="", {uri}client_id={_quoted(client_id)}'


def _quoted(text: str) -> str:
    """Write a quoted-string (RFC 9110 §5.6.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
