import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from enrollscope.auth.remote import (
    DEFAULT_POLICY,
    FetchPolicy,
    RemoteKeys,
    issuer_profile,
    open_external_verifier,
)
from enrollscope.auth.sources import IdentityProviderError
from enrollscope.auth.trust import IssuerProfile
from enrollscope.odata.errors import InvalidAuthenticationToken
from tests.auth.minting import NOW, OTHER_TENANT, TENANT, Mint, application_claims
from tests.auth.provider import DISCOVERY, KEYS, Provider

DAY = 24 * 3600.0
AUDIENCE = "api://enrollscope"


@pytest.fixture
def provider(mint: Mint) -> Iterator[Provider]:
    """A provider that publishes the key of `mint`."""
    with Provider(mint) as running:
        yield running


@asynccontextmanager
async def opened(provider: Provider, policy: FetchPolicy = DEFAULT_POLICY) -> AsyncIterator[RemoteKeys]:
    """Discover the provider at NOW, and close at the end."""
    keys = await RemoteKeys.open(provider.url, NOW, policy)
    try:
        yield keys
    finally:
        await keys.close()


async def settled(keys: RemoteKeys) -> None:
    """Wait for a fetch in the background."""
    assert keys._refresh is not None  # noqa: SLF001 - nothing outside can see that a fetch runs
    await asyncio.wait([keys._refresh])  # noqa: SLF001


def claims_from(issuer: str, **changes: Any) -> dict[str, Any]:
    """Claims as this provider issues them: no version, the tenant in `tid` only."""
    return application_claims(**{"iss": issuer, "aud": AUDIENCE, "ver": None, **changes})


async def test_tokens_of_a_real_provider_are_verified(provider: Provider, mint: Mint, stranger: Mint) -> None:
    """Discovery leads to the keys, the keys verify the token; the challenge names the sign-in page."""
    verifier, keys = await open_external_verifier(provider.url, (AUDIENCE,), NOW)
    try:
        caller = await verifier.identify(mint.bearer(claims_from(provider.url)), NOW)
        assert caller.tenant_id == TENANT
        with pytest.raises(InvalidAuthenticationToken) as refusal:
            await verifier.identify(stranger.bearer(claims_from(provider.url), kid=mint.jwk.kid), NOW)
        assert refusal.value.headers["WWW-Authenticate"] == (
            f'Bearer realm="", authorization_uri="{provider.url}/authorize", client_id="{AUDIENCE}"'
        )
    finally:
        await keys.close()
    assert provider.requests == {DISCOVERY: 1, KEYS: 1}


async def test_a_provider_for_all_tenants_is_known_by_its_template(provider: Provider, mint: Mint) -> None:
    """The issuer of a token follows from the template and the token's own tenant (contract §6.2)."""
    provider.describe(issuer=provider.url + "/{tenantid}/v2.0")
    provider.publish(mint, issuer=provider.url + "/{tenantid}/v2.0")
    verifier, keys = await open_external_verifier(provider.url, (AUDIENCE,), NOW, tenants=[TENANT])
    try:
        good = claims_from(f"{provider.url}/{TENANT}/v2.0")
        assert (await verifier.identify(mint.bearer(good), NOW)).tenant_id == TENANT
        for bad in (
            claims_from(f"{provider.url}/{OTHER_TENANT}/v2.0"),
            claims_from(f"{provider.url}/{OTHER_TENANT}/v2.0", tid=OTHER_TENANT),
            claims_from(provider.url),
            claims_from(provider.url + "/{tenantid}/v2.0"),
        ):
            with pytest.raises(InvalidAuthenticationToken):
                await verifier.identify(mint.bearer(bad), NOW)
    finally:
        await keys.close()


async def test_a_key_bound_to_another_issuer_signs_nothing(provider: Provider, mint: Mint) -> None:
    """A provider lists keys of several issuers side by side; each signs for its own (contract §6.2)."""
    provider.publish(mint, issuer="https://other.example")
    verifier, keys = await open_external_verifier(provider.url, (AUDIENCE,), NOW)
    try:
        with pytest.raises(InvalidAuthenticationToken, match="Signature is invalid"):
            await verifier.identify(mint.bearer(claims_from(provider.url)), NOW)
    finally:
        await keys.close()


async def test_an_unknown_key_is_fetched_at_once(provider: Provider, mint: Mint, stranger: Mint) -> None:
    """A provider that rotates its keys needs no restart of the service."""
    async with opened(provider) as keys:
        provider.publish(mint, stranger)
        assert await keys.find(stranger.jwk.kid, NOW + 60) is not None
        assert keys.revision == 1


async def test_unknown_keys_cannot_make_the_service_hammer_its_provider(provider: Provider) -> None:
    """However many tokens with invented keys arrive, there is one fetch in the time the policy says."""
    async with opened(provider, FetchPolicy(retry_after=60)) as keys:
        for second in range(60):
            assert await keys.find(f"invented-{second}", NOW + second) is None
        assert provider.requests[KEYS] == 1, "only the one at start"
        for number in range(10):
            assert await keys.find(f"invented-{number}", NOW + 60) is None
        assert provider.requests[KEYS] == 2


async def test_a_clock_that_goes_back_does_not_stop_fetching(provider: Provider, mint: Mint, stranger: Mint) -> None:
    """A corrected clock must not lock the service out of new keys until the old time comes again."""
    async with opened(provider) as keys:
        provider.publish(mint, stranger)
        assert await keys.find(stranger.jwk.kid, NOW - DAY) is not None


async def test_requests_that_wait_for_a_key_share_the_fetch(provider: Provider, mint: Mint, stranger: Mint) -> None:
    """A storm of tokens signed by a new key is one fetch, and one client going away does not end it for the others."""
    async with opened(provider) as keys:
        provider.publish(mint, stranger)
        provider.hold.clear()
        waiting = [asyncio.create_task(keys.find(stranger.jwk.kid, NOW + 60)) for _ in range(20)]
        await asyncio.sleep(0.05)
        waiting.pop(0).cancel()
        assert await keys.find(mint.jwk.kid, NOW + 60) is not None, "known keys do not wait"
        provider.hold.set()
        found = await asyncio.gather(*waiting)
        assert all(key is not None for key in found)
        assert provider.requests[KEYS] == 2


async def test_keys_are_refreshed_once_a_day_without_anybody_waiting(
    provider: Provider, mint: Mint, stranger: Mint
) -> None:
    """The key at hand answers while the new set is under way; a withdrawn key is then gone."""
    async with opened(provider) as keys:
        provider.publish(stranger)
        assert await keys.find(mint.jwk.kid, NOW + DAY - 1) is not None
        assert provider.requests[KEYS] == 1
        provider.hold.clear()
        assert await keys.find(mint.jwk.kid, NOW + DAY) is not None
        provider.hold.set()
        await settled(keys)
        assert await keys.find(mint.jwk.kid, NOW + DAY + 1) is None
        assert await keys.find(stranger.jwk.kid, NOW + DAY + 1) is not None
        assert provider.requests[KEYS] == 2


async def test_a_refresh_without_news_forgets_no_token(provider: Provider, mint: Mint) -> None:
    """The revision changes with the keys only, so that a daily refresh costs nobody a verification."""
    async with opened(provider) as keys:
        await keys.find(mint.jwk.kid, NOW + DAY)
        await settled(keys)
        assert provider.requests[KEYS] == 2
        assert keys.revision == 0


async def test_keys_from_a_time_the_clock_has_not_reached_are_refreshed(provider: Provider, mint: Mint) -> None:
    """Keys fetched while the clock was a year ahead are not kept for a year."""
    async with opened(provider) as keys:
        assert await keys.find(mint.jwk.kid, NOW - 365 * DAY) is not None
        await settled(keys)
        assert provider.requests[KEYS] == 2


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        pytest.param(KEYS, (500, b""), "answered 500", id="keys-fail"),
        pytest.param(KEYS, (200, b"<html>"), "not a JWK Set", id="keys-unreadable"),
        pytest.param(KEYS, (200, b'{"keys":[]}'), "no RSA key", id="no-keys"),
        pytest.param(KEYS, (302, b""), "answered 302", id="redirect"),
        pytest.param(DISCOVERY, (404, b""), "answered 404", id="no-discovery"),
        pytest.param(DISCOVERY, (200, b"{}"), "discovery document", id="discovery-empty"),
        pytest.param(DISCOVERY, (200, b"x" * 1_100_000), "more than", id="answer-without-end"),
        pytest.param(
            DISCOVERY,
            (200, json.dumps({"issuer": "https://evil.example", "jwks_uri": "https://evil.example/k"}).encode()),
            "calls itself 'https://evil.example'",
            id="another-issuer",
        ),
    ],
)
async def test_a_failed_refresh_leaves_the_keys_in_use(
    provider: Provider,
    mint: Mint,
    caplog: pytest.LogCaptureFixture,
    path: str,
    answer: tuple[int, bytes],
    said: str,
) -> None:
    """A provider that is down for an hour costs nobody their access; the operator can read why."""
    async with opened(provider) as keys:
        good = provider.documents[path]
        provider.documents[path] = answer
        with caplog.at_level(logging.WARNING):
            assert await keys.find("unknown", NOW + 60) is None
        assert await keys.find(mint.jwk.kid, NOW + 61) is not None
        assert keys.last_failure is not None
        assert said in keys.last_failure
        assert said in caplog.text
        provider.documents[path] = good
        await keys.find("unknown", NOW + 120)
        assert keys.last_failure is None


async def test_a_provider_that_is_gone_leaves_the_keys_in_use(mint: Mint) -> None:
    """Also when nobody answers at all."""
    with Provider(mint) as provider:
        keys = await RemoteKeys.open(provider.url, NOW)
    try:
        assert await keys.find("unknown", NOW + 60) is None
        assert await keys.find(mint.jwk.kid, NOW + 60) is not None
        assert keys.last_failure is not None
        assert provider.url in keys.last_failure
    finally:
        await keys.close()


async def test_an_issuer_that_renames_itself_is_not_followed(provider: Provider, mint: Mint) -> None:
    """Which tokens are believed changes by a restart only."""
    provider.describe(issuer=provider.url + "/{tenantid}/v2.0")
    async with opened(provider) as keys:
        provider.describe(issuer=provider.url + "/{tenantid}/v3.0")
        assert await keys.find("unknown", NOW + 60) is None
        assert "describes itself otherwise" in (keys.last_failure or "")
        assert keys.profile.version_2 == provider.url + "/{tenantid}/v2.0"
        assert await keys.find(mint.jwk.kid, NOW + 60) is not None


async def test_a_provider_without_a_sign_in_page_is_usable(provider: Provider) -> None:
    """The authorization endpoint is wanted for the challenge only."""
    provider.describe(authorization_endpoint=None)
    async with opened(provider) as keys:
        assert keys.profile.authorization_uri is None


async def test_closing_ends_a_running_fetch(provider: Provider, mint: Mint) -> None:
    """A shutdown does not wait for a provider that does not answer."""
    keys = await RemoteKeys.open(provider.url, NOW)
    provider.hold.clear()
    await keys.find(mint.jwk.kid, NOW + DAY)
    await asyncio.wait_for(keys.close(), timeout=1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"issuer": "https://evil.example"}, "calls itself", id="another-issuer"),
        pytest.param({"issuer": "https://evil.example/{tenantid}"}, "calls itself", id="template-of-another-host"),
        pytest.param({"issuer": "http://[::1"}, "is not a URL", id="issuer-malformed"),
        pytest.param({"issuer": None}, "discovery document", id="no-issuer"),
        pytest.param({"jwks_uri": None}, "discovery document", id="no-keys-address"),
        pytest.param({"jwks_uri": "http://keys.example/k"}, "must begin with https://", id="keys-without-tls"),
        pytest.param({"jwks_uri": "file:///etc/passwd"}, "with a host", id="keys-in-a-file"),
        pytest.param({"jwks_uri": "http://[::1"}, "is not a URL", id="keys-address-malformed"),
        pytest.param({"authorization_endpoint": "https://a.example/\r\nX: y"}, "printable", id="header-injection"),
        pytest.param({"jwks_uri": "http://127.0.0.1:1/"}, "cannot be read", id="keys-out-of-reach"),
    ],
)
async def test_a_provider_that_cannot_be_used_stops_the_start(
    provider: Provider, changes: dict[str, Any], said: str
) -> None:
    """The operator reads at once what is wrong, rather than every client a 401."""
    provider.describe(**changes)
    with pytest.raises(IdentityProviderError, match=said):
        await RemoteKeys.open(provider.url, NOW)


@pytest.mark.parametrize(
    ("issuer", "said"),
    [
        pytest.param("http://id.example", "must begin with https://", id="without-tls"),
        pytest.param("id.example", "with a host", id="no-scheme"),
        pytest.param("", "with a host", id="empty"),
        pytest.param("https://id.example/\n", "printable", id="line-end"),
        pytest.param("ftp://127.0.0.1", "must begin with https://", id="ftp"),
        pytest.param("http://127.0.0.1:1", "cannot be read", id="nobody-listens"),
        pytest.param("http://localhost:1", "cannot be read", id="nobody-listens-by-name"),
    ],
)
async def test_an_issuer_that_cannot_be_asked_stops_the_start(issuer: str, said: str) -> None:
    """Keys fetched over an open network could be anybody's: https, except on this machine."""
    with pytest.raises(IdentityProviderError, match=said):
        await RemoteKeys.open(issuer, NOW)


async def test_a_provider_that_does_not_answer_stops_the_start(provider: Provider) -> None:
    """There is an end to waiting."""
    provider.hold.clear()
    with pytest.raises(IdentityProviderError, match="did not answer within"):
        await RemoteKeys.open(provider.url, NOW, FetchPolicy(timeout=0.05))


ENTRA = "https://login.microsoftonline.com"


@pytest.mark.parametrize(
    ("issuer", "version_1", "version_2"),
    [
        pytest.param(
            f"{ENTRA}/{TENANT}/v2.0", f"https://sts.windows.net/{TENANT}/", f"{ENTRA}/{TENANT}/v2.0", id="one-tenant"
        ),
        pytest.param(
            ENTRA + "/{tenantid}/v2.0",
            "https://sts.windows.net/{tenantid}/",
            ENTRA + "/{tenantid}/v2.0",
            id="all-tenants",
        ),
        pytest.param(
            f"https://sts.windows.net/{TENANT}/", f"https://sts.windows.net/{TENANT}/", None, id="version-1-only"
        ),
        pytest.param(ENTRA, "https://sts.windows.net//", ENTRA, id="no-tenant-at-all"),
        pytest.param("https://id.example/r", "https://id.example/r", "https://id.example/r", id="other-provider"),
    ],
)
def test_the_issuers_of_both_token_versions_follow_from_one(issuer: str, version_1: str, version_2: str | None) -> None:
    """An operator configures one issuer; Entra's tokens of version 1.0 name another (contract §6.1)."""
    assert issuer_profile(issuer, None) == IssuerProfile(version_1=version_1, version_2=version_2)
