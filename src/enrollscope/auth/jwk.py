"""JSON Web Keys as text and values (RFC 7517, RFC 7518 §6.3). No cryptography happens here."""

from typing import Final

import msgspec

ALGORITHM: Final = "RS256"

_SMALLEST_MODULUS_DIGITS: Final = 2048 // 6
"""Base64 digits of a modulus of 2048 bits, the least RFC 7518 §3.3 allows for RS256."""


class UnreadableKeysError(ValueError):
    """A text that should hold keys does not. The message never quotes the text: it may be secret."""


class PublicJwk(msgspec.Struct, frozen=True, omit_defaults=True):
    """The public half of an RSA key.

    Attributes:
        issuer: the only issuer this key may sign for, with `{tenantid}` where the tenant belongs (contract §6.2).
    """

    kty: str
    kid: str
    n: str
    e: str
    use: str | None = None
    alg: str | None = None
    issuer: str | None = None


class PublicJwkSet(msgspec.Struct, frozen=True):
    """A JWK Set as served to whoever verifies."""

    keys: tuple[PublicJwk, ...]


class PrivateJwk(msgspec.Struct, frozen=True):
    """A whole RSA signing key. Printing it shows its name only."""

    kid: str
    n: str
    e: str
    d: str
    p: str
    q: str
    dp: str
    dq: str
    qi: str
    kty: str = "RSA"
    use: str = "sig"
    alg: str = ALGORITHM

    def __repr__(self) -> str:
        return f"PrivateJwk(kid={self.kid!r})"

    def public(self, issuer: str | None = None) -> PublicJwk:
        """Return the half that may be shown, for one issuer's tokens if one is named."""
        return PublicJwk(self.kty, self.kid, self.n, self.e, self.use, self.alg, issuer)


class PrivateJwkSet(msgspec.Struct, frozen=True):
    """The signing keys of a store: the first signs, the others still verify."""

    keys: tuple[PrivateJwk, ...]

    def text(self) -> str:
        """Write the keys as the text a store keeps. It is a secret."""
        return msgspec.json.encode(self).decode()


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[msgspec.Raw]


def read_private_keys(text: str) -> PrivateJwkSet:
    """Read what `PrivateJwkSet.text` wrote.

    Raises:
        UnreadableKeysError: the text has another form, or holds no key.
    """
    try:
        keys = msgspec.json.decode(text, type=PrivateJwkSet)
    except (ValueError, RecursionError) as error:
        raise UnreadableKeysError(f"the signing keys are not a private JWK Set: {error}") from error
    if not keys.keys:
        raise UnreadableKeysError("the set of signing keys is empty")
    return keys


def read_public_keys(body: bytes) -> tuple[PublicJwk, ...]:
    """Read the keys of a provider's JWK Set that can verify an access token.

    Keys of another type or for another use are left out, as RFC 7517 §5 asks.

    Raises:
        UnreadableKeysError: the body is not a JWK Set.
    """
    try:
        members = msgspec.json.decode(body, type=_KeySet).keys
    except (ValueError, RecursionError) as error:
        raise UnreadableKeysError(f"not a JWK Set: {error}") from error
    keys = (_read_public_key(member) for member in members)
    return tuple(key for key in keys if key is not None)


def _read_public_key(member: msgspec.Raw) -> PublicJwk | None:
    try:
        key = msgspec.json.decode(member, type=PublicJwk)
    except (ValueError, RecursionError):  # not an RSA key with a name: nothing that a token could choose
        return None
    usable = (
        key.kty == "RSA"
        and key.use in {None, "sig"}
        and key.alg in {None, ALGORITHM}
        and len(key.n) >= _SMALLEST_MODULUS_DIGITS
    )
    return key if usable else None
