"""Verification keys of a real identity provider, by OpenID Connect Discovery 1.0 (contract §6.2)."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import urlsplit

import httpx
import msgspec

from enrollscope.auth.jwk import UnreadableKeysError, read_public_keys
from enrollscope.auth.keys import PublicKey, usable_keys
from enrollscope.auth.sources import IdentityProviderError
from enrollscope.auth.trust import TENANT_TEMPLATE, IssuerProfile, Trust
from enrollscope.auth.verifier import Verifier

_LONGEST_ANSWER: Final = 1024 * 1024

_ENTRA_VERSION_1: Final = f"https://sts.windows.net/{TENANT_TEMPLATE}/"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """When an issuer is asked, in seconds.

    Attributes:
        refresh_after: keys of this age are fetched again.
        retry_after: the least time between two fetches, whoever asks for them.
        timeout: for discovery and keys together.
    """

    refresh_after: float = 24 * 3600.0
    retry_after: float = 60.0
    timeout: float = 10.0


DEFAULT_POLICY: Final = FetchPolicy()


class _Discovery(msgspec.Struct, frozen=True):
    issuer: str
    jwks_uri: str
    authorization_endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class _Published:
    """What one round of discovery found."""

    profile: IssuerProfile
    keys: dict[str, PublicKey]


class RemoteKeys:
    """The keys of an external issuer, kept up to date.

    They are fetched again about once a day, in the background, and at once for a token that names an unknown key, but
    never more often than the policy allows. A failed fetch is logged, noted in `last_failure`, and leaves the
    present keys in use. Belongs to one event loop. `open` is the way to make one, `close` ends it.
    """

    def __init__(
        self, issuer: str, client: httpx.AsyncClient, published: _Published, now: float, policy: FetchPolicy
    ) -> None:
        self._issuer = issuer
        self._client = client
        self._published = published
        self._policy = policy
        self._fetched_at = now
        self._attempted_at = now
        self._refresh: asyncio.Task[None] | None = None
        self._revision = 0
        self.last_failure: str | None = None

    @classmethod
    async def open(cls, issuer: str, now: float, policy: FetchPolicy = DEFAULT_POLICY) -> Self:
        """Discover an issuer and fetch its keys.

        Args:
            issuer: the provider's URL, such as `https://login.microsoftonline.com/<tenant>/v2.0`; https, except on
                this machine.
            now: Unix seconds.

        Raises:
            IdentityProviderError: it cannot be reached, or what it says cannot be used; tells which and why.
        """
        _require_safe(issuer, "the issuer")
        client = httpx.AsyncClient(timeout=None)  # noqa: S113 - the policy's timeout bounds all of a fetch
        try:
            published = await _fetch(client, issuer, policy)
        except BaseException:
            await client.aclose()
            raise
        return cls(issuer, client, published, now, policy)

    async def close(self) -> None:
        """Stop a running fetch and close the connections."""
        if self._refresh is not None:
            self._refresh.cancel()
            await asyncio.wait([self._refresh])
        await self._client.aclose()

    @property
    def profile(self) -> IssuerProfile:
        """The issuer as its discovery document describes it."""
        return self._published.profile

    @property
    def revision(self) -> int:
        """How often a fetch has brought other keys than the one before."""
        return self._revision

    async def find(self, key_id: str, now: float) -> PublicKey | None:
        """Look for a key by name; ask the provider if it is unknown and asking is not too soon."""
        key = self._published.keys.get(key_id)
        if key is not None:
            if not 0 <= now - self._fetched_at < self._policy.refresh_after:
                self._start_refresh(now)  # in the background: the key at hand is still good
            return key
        refresh = self._start_refresh(now)
        if refresh is not None:
            await asyncio.shield(refresh)  # others wait for the same fetch, so one client going away must not end it
        return self._published.keys.get(key_id)

    def _start_refresh(self, now: float) -> asyncio.Task[None] | None:
        """Return the running fetch, or a new one, or None where that would be too soon."""
        if self._refresh is not None and not self._refresh.done():
            return self._refresh
        if 0 <= now - self._attempted_at < self._policy.retry_after:
            return None
        self._attempted_at = now
        self._refresh = asyncio.create_task(self._update(now))
        return self._refresh

    async def _update(self, now: float) -> None:
        try:
            published = await self._fetch_again()
        except IdentityProviderError as error:
            self.last_failure = str(error)
            _log.warning("keys not refreshed, the present ones stay in use: %s", error)
            return
        self.last_failure = None
        self._fetched_at = now
        if published.keys != self._published.keys:
            self._published = published
            self._revision += 1

    async def _fetch_again(self) -> _Published:
        published = await _fetch(self._client, self._issuer, self._policy)
        if published.profile != self._published.profile:
            raise IdentityProviderError(f"{self._issuer} now describes itself otherwise; restart to accept that")
        return published


async def open_external_verifier(
    issuer: str,
    audiences: tuple[str, ...],
    now: float,
    *,
    tenants: Iterable[str] | None = None,
    leeway: float = 60.0,
) -> tuple[Verifier, RemoteKeys]:
    """Build the verifier of an external issuer's tokens, and hand back its keys to close at the end.

    Args:
        now: Unix seconds.
        leeway: seconds, 0 to 300.

    Raises:
        IdentityProviderError: the issuer cannot be discovered.
        ValueError: no audience, a tenant that is not a GUID in lower case, or a leeway out of range.
    """
    trust = Trust(audiences=audiences, tenants=None if tenants is None else frozenset(tenants), leeway=leeway)
    keys = await RemoteKeys.open(issuer, now)
    return Verifier(keys, trust), keys


async def _fetch(client: httpx.AsyncClient, issuer: str, policy: FetchPolicy) -> _Published:
    try:
        async with asyncio.timeout(policy.timeout):
            address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            document = _read_discovery(await _get(client, address), issuer)
            keys = usable_keys(read_public_keys(await _get(client, document.jwks_uri)))
    except TimeoutError as error:
        raise IdentityProviderError(f"{issuer} did not answer within {policy.timeout:g} s") from error
    except UnreadableKeysError as error:
        raise IdentityProviderError(f"the keys of {issuer} cannot be read: {error}") from error
    if not keys:
        raise IdentityProviderError(f"{issuer} publishes no RSA key of at least 2048 bits that verifies signatures")
    return _Published(issuer_profile(document.issuer, document.authorization_endpoint), keys)


def _read_discovery(body: bytes, issuer: str) -> _Discovery:
    try:
        document = msgspec.json.decode(body, type=_Discovery)
    except (ValueError, RecursionError) as error:
        raise IdentityProviderError(f"the discovery document of {issuer} cannot be read: {error}") from error
    _require_safe(document.issuer, "the issuer in the discovery document")
    if document.issuer != issuer and not _speaks_for_tenants(document.issuer, issuer):
        raise IdentityProviderError(
            f"{issuer} calls itself {document.issuer!r} in its discovery document; "
            "configure exactly that, if it is the provider you mean"
        )
    _require_safe(document.jwks_uri, "the address of the keys")
    if document.authorization_endpoint is not None:
        _require_safe(document.authorization_endpoint, "the sign-in page")
    return document


def _speaks_for_tenants(named: str, configured: str) -> bool:
    """Tell whether an issuer is the template that `common` and `organizations` endpoints give for all tenants."""
    template, address = urlsplit(named), urlsplit(configured)
    same_place = (template.scheme, template.netloc) == (address.scheme, address.netloc)
    return same_place and TENANT_TEMPLATE in template.path


def issuer_profile(issuer: str, authorization_uri: str | None) -> IssuerProfile:
    """Tell which issuer tokens of each version must name.

    Entra signs both versions with the same keys: which one a service gets depends on its app registration, and the
    default there is 1.0, from another issuer than the one configured. Other providers have one form.
    """
    match urlsplit(issuer).hostname:
        case "login.microsoftonline.com":
            tenant = urlsplit(issuer).path.strip("/").partition("/")[0]
            version_1 = _ENTRA_VERSION_1.replace(TENANT_TEMPLATE, tenant)
            return IssuerProfile(version_1=version_1, version_2=issuer, authorization_uri=authorization_uri)
        case "sts.windows.net":
            return IssuerProfile(version_1=issuer, version_2=None, authorization_uri=authorization_uri)
        case _:
            return IssuerProfile(version_1=issuer, version_2=issuer, authorization_uri=authorization_uri)


async def _get(client: httpx.AsyncClient, address: str) -> bytes:
    body = bytearray()
    try:
        async with client.stream("GET", address, headers={"Accept": "application/json"}) as response:
            if response.status_code != httpx.codes.OK:
                raise IdentityProviderError(f"{address} answered {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _LONGEST_ANSWER:
                    raise IdentityProviderError(f"{address} answered more than {_LONGEST_ANSWER} bytes")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise IdentityProviderError(f"{address} cannot be read: {str(error) or type(error).__name__}") from error
    return bytes(body)


def _require_safe(address: str, what: str) -> None:
    """Refuse an address over which somebody on the network could hand us their own keys."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError as error:
        raise IdentityProviderError(f"{what} {address!r} is not a URL: {error}") from error
    if not (address.isascii() and address.isprintable() and host):
        raise IdentityProviderError(f"{what} {address!r} is not a URL of printable ASCII with a host")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
        raise IdentityProviderError(f"{what} {address!r} must begin with https://")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
