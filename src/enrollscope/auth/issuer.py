"""The embedded issuer from inside: signs access tokens of version 2.0 (contract §6.1)."""

import base64
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from enrollscope.auth.development import AUDIENCE, ISSUER
from enrollscope.auth.guid import as_guid
from enrollscope.auth.keys import SigningKey
from enrollscope.auth.trust import TENANT_TEMPLATE

DEFAULT_LIFETIME: Final = 3600

_PUBLIC_CLIENT, _CLIENT_WITH_SECRET = "0", "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token is to say.

    Attributes:
        tenant_id: a GUID.
        app_id: the client application, a GUID.
        permissions: Graph names such as `DeviceManagementManagedDevices.Read.All`.
        user_id: the signed-in user, a GUID: the permissions are then delegated ones. None: the application's own.

    Raises:
        ValueError: an id is not a GUID, or a permission's name holds a blank.
    """

    tenant_id: str
    app_id: str
    permissions: tuple[str, ...]
    user_id: str | None = None

    def __post_init__(self) -> None:
        named = {"tenant": self.tenant_id, "application": self.app_id, "user": self.user_id}
        for what, text in named.items():
            if text is not None and as_guid(text) is None:
                raise ValueError(f"the {what} must be a GUID, not {text!r}")
        for permission in self.permissions:
            if len(permission.split()) != 1 or permission.split() != [permission]:
                raise ValueError(f"a permission is one word such as Device.Read.All, not {permission!r}")


class _Payload(msgspec.Struct, frozen=True, omit_defaults=True):
    aud: str
    iss: str
    iat: int
    nbf: int
    exp: int
    azp: str
    azpacr: str
    idtyp: str
    oid: str
    sub: str
    tid: str
    uti: str
    scp: str | None = None
    roles: tuple[str, ...] | None = None
    ver: str = msgspec.field(default_factory=lambda: "2.0")  # a factory, so that it is never omitted


class DevelopmentIssuer:
    """Signs tokens with the key of a store."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    @classmethod
    def of(cls, keys_text: str) -> Self:
        """Sign with the first key of a store's text.

        Raises:
            UnreadableKeysError: the text is not a set of signing keys.
        """
        return cls(SigningKey.first_of(keys_text))

    def issue(self, grant: Grant, now: float, lifetime: int = DEFAULT_LIFETIME) -> str:
        """Sign an access token. It names its key (`kid`), since a store may have several.

        Args:
            now: Unix seconds; cut to whole ones in the token.
            lifetime: seconds.
        """
        tenant_id, app_id = grant.tenant_id.lower(), grant.app_id.lower()
        delegated = grant.user_id is not None
        # Without a user the object is the application's own entry in the tenant: one per pair, the same every time.
        object_id = (grant.user_id or str(uuid.uuid5(uuid.UUID(tenant_id), app_id))).lower()
        payload = _Payload(
            aud=AUDIENCE,
            iss=ISSUER.replace(TENANT_TEMPLATE, tenant_id),
            iat=int(now),
            nbf=int(now),
            exp=int(now) + lifetime,
            azp=app_id,
            azpacr=_PUBLIC_CLIENT if delegated else _CLIENT_WITH_SECRET,
            idtyp="user" if delegated else "app",
            oid=object_id,
            sub=_pairwise(app_id, object_id) if delegated else object_id,
            tid=tenant_id,
            uti=secrets.token_urlsafe(16),
            scp=" ".join(grant.permissions) if delegated else None,
            roles=None if delegated else grant.permissions,
        )
        return self._key.sign(msgspec.json.encode(payload))


def _pairwise(app_id: str, user_id: str) -> str:
    """Name a user to one application only (OpenID Connect Core §8.1)."""
    digest = hashlib.sha256(f"{app_id} {user_id}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
