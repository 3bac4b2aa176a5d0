"""The embedded issuer from outside: its names, its documents, and the verifier of its tokens.

Issuer and audience are constants, not addresses. A token must be good at every service on the same store, whatever
host and port it listens on, so neither may appear in it; and what ties a token to a store is the store's key. The host
is below `.localhost`, which RFC 6761 §6.3 keeps from ever meaning another machine.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from enrollscope.auth.guid import as_guid
from enrollscope.auth.jwk import ALGORITHM, PublicJwkSet, read_private_keys
from enrollscope.auth.sources import StaticKeys
from enrollscope.auth.trust import TENANT_TEMPLATE, IssuerProfile, Trust
from enrollscope.auth.verifier import DEFAULT_CAPACITY, Verifier
from enrollscope.odata.errors import ResourceNotFound

ISSUER: Final = f"https://enrollscope.localhost/{TENANT_TEMPLATE}/v2.0"
AUDIENCE: Final = "c3e0837d-4ca7-49dc-be9e-67d3a996eada"

DEFAULT_TENANT_ID: Final = "ba53f291-0c6c-40a3-b4b8-3a6238a11a85"
"""The tenant of a token for which none was named."""

DEFAULT_APP_ID: Final = "fdf9f2a9-d3ca-40fa-a620-6bd734c2f9dc"
"""The client application of a token for which none was named."""

PROFILE: Final = IssuerProfile(version_1=None, version_2=ISSUER)

_EVERY_TENANT: Final = frozenset({"common", "organizations"})


class DiscoveryDocument(msgspec.Struct, frozen=True):
    """OpenID Provider Metadata, only what exists: this issuer has no sign-in page and no token endpoint."""

    issuer: str
    jwks_uri: str
    claims_supported: tuple[str, ...]
    response_types_supported: tuple[str, ...] = ()
    subject_types_supported: tuple[str, ...] = ("pairwise",)
    id_token_signing_alg_values_supported: tuple[str, ...] = (ALGORITHM,)


def development_verifier(
    keys_text: str, *, tenants: Iterable[str] | None = None, leeway: float = 60.0, capacity: int = DEFAULT_CAPACITY
) -> Verifier:
    """Build the verifier of the embedded issuer's tokens.

    Raises:
        UnreadableKeysError: `keys_text` is not a set of signing keys.
        ValueError: a tenant is not a GUID in lower case, or the leeway is not 0 to 300 seconds.
    """
    trust = Trust(audiences=(AUDIENCE,), tenants=None if tenants is None else frozenset(tenants), leeway=leeway)
    return Verifier(StaticKeys(keys_text, PROFILE), trust, capacity=capacity)


def discovery_document(base_url: str, tenant: str) -> DiscoveryDocument:
    """Describe the issuer, for `GET /{tenant}/v2.0/.well-known/openid-configuration` (contract §6.2).

    Args:
        base_url: where clients reach this service, without a slash at the end.
        tenant: a GUID, or `common` or `organizations` for all tenants at once.

    Raises:
        ResourceNotFound: the tenant is neither.
    """
    tenant = _tenant(tenant)
    return DiscoveryDocument(
        issuer=ISSUER.replace(TENANT_TEMPLATE, TENANT_TEMPLATE if tenant in _EVERY_TENANT else tenant),
        jwks_uri=f"{base_url}/{tenant}/discovery/v2.0/keys",
        claims_supported=(
            "aud",
            "azp",
            "azpacr",
            "exp",
            "iat",
            "idtyp",
            "iss",
            "nbf",
            "oid",
            "roles",
            "scp",
            "sub",
            "tid",
            "uti",
            "ver",
        ),
    )


def public_keys(keys_text: str, tenant: str) -> PublicJwkSet:
    """List the keys that verify, for `GET /{tenant}/discovery/v2.0/keys`; all tenants share them.

    Raises:
        ResourceNotFound: the tenant is neither a GUID nor `common` nor `organizations`.
        UnreadableKeysError: `keys_text` is not a set of signing keys.
    """
    _tenant(tenant)
    return PublicJwkSet(tuple(key.public(ISSUER) for key in read_private_keys(keys_text).keys))


def _tenant(text: str) -> str:
    tenant = text.lower() if text.lower() in _EVERY_TENANT else as_guid(text)
    if tenant is None:
        raise ResourceNotFound("Name the tenant by its GUID, or `common` for all.")
    return tenant
