"""RSA keys: made, read, signing, verifying. All cryptography is `joserfc`'s."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact, serialize_compact

from enrollscope.auth.jwk import ALGORITHM, PrivateJwk, PrivateJwkSet, PublicJwk, UnreadableKeysError, read_private_keys

KEY_BITS: Final = 2048

_LONGEST_HEADER: Final = 4096


def generate_signing_keys() -> str:
    """Make a set with one new key, as the text a store keeps. It is a secret."""
    return PrivateJwkSet((_generate(),)).text()


def _generate() -> PrivateJwk:
    key = RSAKey.generate_key(KEY_BITS)
    members = {**key.as_dict(private=True), "kid": key.thumbprint()}  # RFC 7638
    return msgspec.convert(members, type=PrivateJwk)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the name that tokens give it."""

    key_id: str
    _key: RSAKey = field(repr=False)

    @classmethod
    def first_of(cls, text: str) -> Self:
        """Take the key that signs now from a store's text.

        Raises:
            UnreadableKeysError: the text is not a set of signing keys, or the numbers in it are no RSA key.
        """
        first = read_private_keys(text).keys[0]
        try:
            return cls(first.kid, RSAKey.import_key(msgspec.to_builtins(first)))
        except (JoseError, ValueError) as error:
            raise UnreadableKeysError(f"the signing key {first.kid!r} is damaged: {error}") from error

    def sign(self, payload: bytes) -> str:
        """Return the payload as a compact JWS (RFC 7515 §7.1) that names this key."""
        header = {"typ": "JWT", "alg": ALGORITHM, "kid": self.key_id}
        return serialize_compact(header, payload, self._key, [ALGORITHM])


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies. Two are equal when they verify the same tokens for the same issuer."""

    jwk: PublicJwk
    _key: RSAKey = field(repr=False, compare=False)

    @classmethod
    def read(cls, jwk: PublicJwk) -> Self:
        """Make the key usable.

        Raises:
            UnreadableKeysError: its numbers are no RSA public key.
        """
        try:
            return cls(jwk, RSAKey.import_key({"kty": "RSA", "n": jwk.n, "e": jwk.e}))
        except (JoseError, ValueError) as error:
            raise UnreadableKeysError(f"the key {jwk.kid!r} is damaged: {error}") from error

    @property
    def issuer(self) -> str | None:
        """The only issuer this key may sign for; None where its source does not say."""
        return self.jwk.issuer

    def signed_payload(self, token: bytes) -> bytes | None:
        """Return what a compact JWS carries, or None where this key did not sign it with RS256."""
        registry = JWSRegistry(algorithms=[ALGORITHM], strict_check_header=False)
        registry.max_header_length = _LONGEST_HEADER
        try:
            return deserialize_compact(token, self._key, registry=registry).payload
        except JoseError:
            return None


def usable_keys(jwks: Iterable[PublicJwk]) -> dict[str, PublicKey]:
    """Make keys usable, by name. Damaged ones are left out: the others must go on working."""
    keys: dict[str, PublicKey] = {}
    for jwk in jwks:
        try:
            keys[jwk.kid] = PublicKey.read(jwk)
        except UnreadableKeysError:
            continue
    return keys
