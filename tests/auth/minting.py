"""Tokens of every kind for the tests, also ones that no issuer would sign."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, HashAlgorithm
from joserfc.jwk import RSAKey

from enrollscope.auth.development import AUDIENCE
from enrollscope.auth.jwk import PrivateJwkSet, read_private_keys
from enrollscope.auth.keys import generate_signing_keys

NOW: Final = 1_750_000_000.0
TENANT: Final = "1a1a1a1a-2b2b-4c3c-8d4d-5e5e5e5e5e5e"
OTHER_TENANT: Final = "66666666-2222-4333-8444-555555555555"
USER: Final = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
APP: Final = "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee"
READ: Final = "DeviceManagementManagedDevices.Read.All"
WRITE: Final = "DeviceManagementManagedDevices.ReadWrite.All"

Sign = Callable[[bytes], bytes]


def issuer_of(tenant: str) -> str:
    """Name the embedded issuer for one tenant."""
    return f"https://enrollscope.localhost/{tenant}/v2.0"


def with_a_newer_key(text: str) -> str:
    """A store's keys with another one before them, which signs from now on."""
    return PrivateJwkSet((*read_private_keys(generate_signing_keys()).keys, *read_private_keys(text).keys)).text()


def application_claims(**changes: Any) -> dict[str, Any]:
    """Claims of a good application token; a change to None removes the claim."""
    claims = {
        "aud": AUDIENCE,
        "iss": issuer_of(TENANT),
        "tid": TENANT,
        "azp": APP,
        "roles": [WRITE],
        "iat": int(NOW),
        "nbf": int(NOW),
        "exp": int(NOW) + 3600,
        "uti": "token-1",
        "ver": "2.0",
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def delegated_claims(**changes: Any) -> dict[str, Any]:
    """Claims of a good delegated token; a change to None removes the claim."""
    return application_claims(**{"roles": None, "scp": READ, "oid": USER, **changes})


def part(content: bytes | Mapping[str, Any]) -> bytes:
    """Encode one part of a token."""
    content = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def forge(header: bytes | Mapping[str, Any], payload: bytes | Mapping[str, Any], sign: Sign) -> str:
    """Build a compact JWS by hand, whatever it says."""
    signed = part(header) + b"." + part(payload)
    return (signed + b"." + part(sign(signed))).decode()


class Mint:
    """Signs anything with the first key of a text of signing keys."""

    def __init__(self, keys_text: str) -> None:
        self.jwk = read_private_keys(keys_text).keys[0]
        self._key = RSAKey.import_key(msgspec.to_builtins(self.jwk))

    @property
    def header(self) -> dict[str, Any]:
        """The header of a good token."""
        return {"typ": "JWT", "alg": "RS256", "kid": self.jwk.kid}

    def sign(self, signed: bytes, digest: HashAlgorithm | None = None) -> bytes:
        """Sign with RS256, or with its relative for another digest."""
        key = self._key.private_key
        assert isinstance(key, RSAPrivateKey)
        return key.sign(signed, PKCS1v15(), digest or SHA256())

    def sign_with_public_key_as_secret(self, signed: bytes) -> bytes:
        """Sign with HS256 and the public key as the secret: the classic confusion of algorithms."""
        return hmac.new(self._key.as_pem(private=False), signed, hashlib.sha256).digest()

    def token(self, payload: bytes | Mapping[str, Any], **header: Any) -> str:
        """Sign claims, under the good header with changes; a change to None removes the parameter."""
        changed = {name: value for name, value in {**self.header, **header}.items() if value is not None}
        return forge(changed, payload, self.sign)

    def bearer(self, payload: bytes | Mapping[str, Any], **header: Any) -> str:
        """Give the same as the value of an `Authorization` header."""
        return f"Bearer {self.token(payload, **header)}"
