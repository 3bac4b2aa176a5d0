"""Where verification keys come from: the protocol, and keys read from text."""

from collections.abc import Mapping
from typing import Protocol

from enrollscope.auth.jwk import read_private_keys
from enrollscope.auth.trust import IssuerProfile


class IdentityProviderError(Exception):
    """The provider cannot be asked, or its answer cannot be used. The message is for the operator."""


class VerificationKey(Protocol):
    """A public key of an issuer."""

    @property
    def issuer(self) -> str | None:
        """The only issuer this key may sign for, perhaps with `{tenantid}`; None where its source does not say."""

    def signed_payload(self, token: bytes) -> bytes | None:
        """Return what a compact JWS carries, or None where this key did not sign it with RS256."""


class KeySource(Protocol):
    """The keys of one issuer, and what is known about it."""

    @property
    def profile(self) -> IssuerProfile:
        """The issuer whose tokens these keys sign."""

    @property
    def revision(self) -> int:
        """Changes whenever a key is added, replaced or withdrawn: what was verified before must be verified again."""

    async def find(self, key_id: str, now: float) -> VerificationKey | None:
        """Look for a key by name; a source may ask its issuer for new ones first. `now` is in Unix seconds."""


class StaticKeys:
    """The keys of a store's own issuer, read from the text the store keeps.

    The text is checked at once and the keys are made usable at first need, because that imports the cryptography,
    which takes a tenth of a second the start of the service does not have.

    Args:
        text: a set of signing keys; only its public halves are used.

    Raises:
        UnreadableKeysError: the text is not such a set.
    """

    def __init__(self, text: str, profile: IssuerProfile) -> None:
        self._profile = profile
        self._jwks = tuple(key.public() for key in read_private_keys(text).keys)
        self._keys: Mapping[str, VerificationKey] | None = None

    @property
    def profile(self) -> IssuerProfile:
        """The issuer whose tokens these keys sign."""
        return self._profile

    @property
    def revision(self) -> int:
        """Always the same: the keys of a store stay as they are while a service runs."""
        return 0

    async def find(self, key_id: str, now: float) -> VerificationKey | None:  # noqa: ARG002 - these keys do not age
        """Look for a key by name."""
        if self._keys is None:
            from enrollscope.auth.keys import usable_keys  # noqa: PLC0415 - at start it would cost a tenth of a second

            self._keys = usable_keys(self._jwks)
        return self._keys.get(key_id)
