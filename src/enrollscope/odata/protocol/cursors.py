"""The opaque, signed `$skiptoken`: where a page ended, for which question, for which tenant.

A token carries the order-key values of the last record, so that the next page is a range scan however far along it is.
The signature covers the values together with the fingerprint of the question and the tenant: a token that was tampered
with, or taken to another question or tenant, is refused.
"""

import base64
import binascii
import hashlib
import hmac
import json
from functools import lru_cache
from typing import Any, Final

from enrollscope.odata.errors import BadRequest, NotBuilt

_SIGNATURE_BYTES = 16
_MAX_TOKEN = 49_152
"""Characters. Links are URLs, and clients and proxies refuse those that are much longer."""


def fingerprint(*parts: str) -> bytes:
    """Digest what makes a question the same question: its set, path, filter, order."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.digest()


class CursorSigner:
    """Makes and reads skip tokens with one secret, shared by every process that serves the same store.

    Args:
        secret: at most 64 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def write(self, values: tuple[Any, ...], question: bytes, tenant: str) -> str:
        """Make a token for `values`, each a str, int, float, bool, bytes or None.

        Raises:
            NotBuilt: the values are too long for a link.
        """
        payload = _ENCODER.encode(values).encode()
        signature = self._sign(payload, question, tenant)
        token = base64.urlsafe_b64encode(signature + payload).rstrip(b"=").decode("ascii")
        if len(token) > _MAX_TOKEN:
            raise NotBuilt(
                "The order cannot be paged, because it compares values that are too long for a link. "
                "Order by something shorter, or ask for larger pages.",
                target="$orderby",
            )
        return token

    def read(self, token: str, question: bytes, tenant: str) -> tuple[Any, ...]:
        """Take the values out of a token of ours.

        Raises:
            BadRequest: it is not one, or belongs to another question or tenant.
        """
        refusal = BadRequest(
            "The $skiptoken was not made by this service for this request. "
            "Follow @odata.nextLink as it is, or start again without $skiptoken.",
            target="$skiptoken",
        )
        if len(token) > _MAX_TOKEN:
            raise refusal
        try:
            raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error) as error:
            raise refusal from error
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(payload, question, tenant)):
            raise refusal
        return tuple(json.loads(payload, object_hook=_read))

    def _sign(self, payload: bytes, question: bytes, tenant: str) -> bytes:
        message = question + _digest(tenant) + payload
        # Keyed BLAKE2 (RFC 7693 §2.9), in less than half of the time of an HMAC.
        return hashlib.blake2b(message, key=self._secret, digest_size=_SIGNATURE_BYTES).digest()


@lru_cache(1024)
def _digest(tenant: str) -> bytes:
    return hashlib.sha256(tenant.encode()).digest()


def _spelled(value: object) -> dict[str, str]:
    """Bytes, which JSON lacks."""
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} cannot be the value of an order key")
    return {"base64": base64.b64encode(value).decode("ascii")}


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=_spelled)


def _read(spelled: dict[str, str]) -> bytes:
    return base64.b64decode(spelled["base64"])
