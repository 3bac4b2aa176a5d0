import asyncio
import base64
import json
import subprocess
import sys
import uuid
from typing import Any

import msgspec
import pytest

from enrollscope.auth.development import (
    AUDIENCE,
    DEFAULT_APP_ID,
    DEFAULT_TENANT_ID,
    development_verifier,
    discovery_document,
    public_keys,
)
from enrollscope.auth.issuer import DEFAULT_LIFETIME, DevelopmentIssuer, Grant
from enrollscope.auth.jwk import UnreadableKeysError, read_public_keys
from enrollscope.auth.keys import generate_signing_keys, usable_keys
from enrollscope.odata.errors import InvalidAuthenticationToken, ResourceNotFound
from tests.auth.minting import APP, NOW, READ, TENANT, USER, WRITE, issuer_of, with_a_newer_key

AS_APPLICATION = Grant(tenant_id=TENANT, app_id=APP, permissions=(READ, WRITE))
AS_USER = Grant(tenant_id=TENANT, app_id=APP, permissions=(READ, WRITE), user_id=USER)


def decoded(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read header and claims of a token, without a look at the signature."""
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, claims


@pytest.mark.parametrize(
    ("grant", "user_id"),
    [pytest.param(AS_APPLICATION, None, id="application"), pytest.param(AS_USER, USER, id="delegated")],
)
def test_issued_tokens_are_valid_at_every_service_on_the_store(
    keys_text: str, grant: Grant, user_id: str | None
) -> None:
    """Two services share nothing but the store's keys, and both take the token; another store does not."""
    token = DevelopmentIssuer.of(keys_text).issue(grant, NOW)
    for _ in range(2):
        verifier = development_verifier(keys_text)
        caller = asyncio.run(verifier.identify(f"Bearer {token}", NOW))
        assert (caller.tenant_id, caller.user_id, caller.app_id) == (TENANT, user_id, APP)
        assert caller.permissions == {READ, WRITE}
        assert caller.delegated == (user_id is not None)
        assert caller.token_id == decoded(token)[1]["uti"]
    elsewhere = development_verifier(generate_signing_keys())
    with pytest.raises(InvalidAuthenticationToken):
        asyncio.run(elsewhere.identify(f"Bearer {token}", NOW))


def test_application_token_has_the_claims_of_version_2(keys_text: str) -> None:
    """Roles, no scopes; the object is the application's own, the same every time (contract §6.1)."""
    issuer = DevelopmentIssuer.of(keys_text)
    header, claims = decoded(issuer.issue(AS_APPLICATION, NOW + 0.7))
    assert (header["alg"], header["typ"]) == ("RS256", "JWT")
    assert claims.pop("uti")
    assert claims.pop("oid") == claims.pop("sub") == decoded(issuer.issue(AS_APPLICATION, NOW))[1]["oid"]
    assert claims == {
        "aud": AUDIENCE,
        "iss": issuer_of(TENANT),
        "tid": TENANT,
        "iat": int(NOW),
        "nbf": int(NOW),
        "exp": int(NOW) + DEFAULT_LIFETIME,
        "azp": APP,
        "azpacr": "1",
        "idtyp": "app",
        "roles": [READ, WRITE],
        "ver": "2.0",
    }


def test_delegated_token_has_the_claims_of_version_2(keys_text: str) -> None:
    """Scopes, no roles; the subject differs from the object and from application to application."""
    issuer = DevelopmentIssuer.of(keys_text)
    _, claims = decoded(issuer.issue(AS_USER, NOW))
    other_app = Grant(tenant_id=TENANT, app_id=DEFAULT_APP_ID, permissions=(READ,), user_id=USER)
    assert (claims["scp"], claims["oid"], claims["idtyp"], claims["azpacr"]) == (f"{READ} {WRITE}", USER, "user", "0")
    assert "roles" not in claims
    assert USER not in claims["sub"]
    assert claims["sub"] == decoded(issuer.issue(AS_USER, NOW))[1]["sub"]
    assert claims["sub"] != decoded(issuer.issue(other_app, NOW))[1]["sub"]


def test_ids_are_issued_in_lower_case(keys_text: str) -> None:
    """However a person types a GUID, the token names one tenant."""
    grant = Grant(tenant_id=TENANT.upper(), app_id=APP.upper(), permissions=(), user_id=USER.upper())
    _, claims = decoded(DevelopmentIssuer.of(keys_text).issue(grant, NOW))
    assert (claims["tid"], claims["azp"], claims["oid"]) == (TENANT, APP, USER)
    assert claims["iss"] == issuer_of(TENANT)


def test_every_token_names_itself(keys_text: str) -> None:
    """The change log tells two tokens of one application apart."""
    issuer = DevelopmentIssuer.of(keys_text)
    names = {decoded(issuer.issue(AS_APPLICATION, NOW))[1]["uti"] for _ in range(5)}
    assert len(names) == 5


def test_lifetime_can_be_chosen(keys_text: str) -> None:
    """Tests of clients want tokens that expire soon."""
    token = DevelopmentIssuer.of(keys_text).issue(AS_APPLICATION, NOW, lifetime=5)
    verifier = development_verifier(keys_text, leeway=0)
    assert asyncio.run(verifier.identify(f"Bearer {token}", NOW + 4.9)).tenant_id == TENANT
    with pytest.raises(InvalidAuthenticationToken, match="expired"):
        asyncio.run(verifier.identify(f"Bearer {token}", NOW + 5))


def test_a_verifier_may_serve_listed_tenants_only(keys_text: str) -> None:
    """A service can be tied to one tenant."""
    token = DevelopmentIssuer.of(keys_text).issue(AS_APPLICATION, NOW)
    verifier = development_verifier(keys_text, tenants=[DEFAULT_TENANT_ID])
    with pytest.raises(InvalidAuthenticationToken, match="Invalid tenant"):
        asyncio.run(verifier.identify(f"Bearer {token}", NOW))


def test_tokens_of_every_key_of_the_store_are_valid(keys_text: str) -> None:
    """The first key signs, the others still verify."""
    newer = with_a_newer_key(keys_text)
    verifier = development_verifier(newer)
    for text in (keys_text, newer):
        token = DevelopmentIssuer.of(text).issue(AS_APPLICATION, NOW)
        assert asyncio.run(verifier.identify(f"Bearer {token}", NOW)).tenant_id == TENANT


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"tenant_id": "contoso"}, "tenant must be a GUID, not 'contoso'", id="tenant"),
        pytest.param({"app_id": ""}, "application must be a GUID", id="application"),
        pytest.param({"user_id": "ada@contoso.example"}, "user must be a GUID", id="user"),
        pytest.param({"permissions": ("A B",)}, "one word", id="two-permissions-in-one"),
        pytest.param({"permissions": ("",)}, "one word", id="empty-permission"),
        pytest.param({"permissions": ("A ",)}, "one word", id="permission-with-blank"),
    ],
)
def test_a_grant_that_no_token_can_say_is_refused(changes: dict[str, Any], message: str) -> None:
    """Mistakes at the command line are named."""
    good = {"tenant_id": TENANT, "app_id": APP, "permissions": (READ,)}
    with pytest.raises(ValueError, match=message):
        Grant(**{**good, **changes})


def test_constants_name_things_that_exist_nowhere_else() -> None:
    """Defaults are GUIDs, all different; the audience is not Microsoft's own Graph (contract §6.1)."""
    names = {AUDIENCE, DEFAULT_TENANT_ID, DEFAULT_APP_ID}
    assert {str(uuid.UUID(name)) for name in names} == names
    assert len(names) == 3
    assert "00000003-0000-0000-c000-000000000000" not in names


@pytest.mark.parametrize(
    ("tenant", "issuer", "keys_path"),
    [
        pytest.param(TENANT, issuer_of(TENANT), f"/{TENANT}/discovery/v2.0/keys", id="tenant"),
        pytest.param(TENANT.upper(), issuer_of(TENANT), f"/{TENANT}/discovery/v2.0/keys", id="in-capitals"),
        pytest.param("common", issuer_of("{tenantid}"), "/common/discovery/v2.0/keys", id="common"),
        pytest.param(
            "organizations", issuer_of("{tenantid}"), "/organizations/discovery/v2.0/keys", id="organizations"
        ),
    ],
)
def test_discovery_says_who_issues_and_where_the_keys_are(tenant: str, issuer: str, keys_path: str) -> None:
    """The issuer is the one tokens name, the address is the one the client used (contract §6.2)."""
    document = msgspec.to_builtins(discovery_document("http://127.0.0.1:8080", tenant))
    assert document["issuer"] == issuer
    assert document["jwks_uri"] == f"http://127.0.0.1:8080{keys_path}"


def test_discovery_advertises_only_what_exists(keys_text: str) -> None:
    """No endpoint is named that does not answer, and every claim named is really issued."""
    document = msgspec.to_builtins(discovery_document("http://127.0.0.1:8080", "common"))
    assert [name for name in document if name.endswith(("_endpoint", "_uri"))] == ["jwks_uri"]
    issuer = DevelopmentIssuer.of(keys_text)
    issued = {name for grant in (AS_APPLICATION, AS_USER) for name in decoded(issuer.issue(grant, NOW))[1]}
    assert set(document["claims_supported"]) == issued


def test_served_keys_verify_and_hold_no_secret(keys_text: str) -> None:
    """Anybody can verify our tokens from the JWKS alone, and nobody can sign them."""
    body = msgspec.json.encode(public_keys(with_a_newer_key(keys_text), "common"))
    assert all(set(key) == {"kty", "kid", "n", "e", "use", "alg", "issuer"} for key in json.loads(body)["keys"])
    keys = usable_keys(read_public_keys(body))
    token = DevelopmentIssuer.of(keys_text).issue(AS_APPLICATION, NOW)
    key = keys[decoded(token)[0]["kid"]]
    assert key.issuer == issuer_of("{tenantid}")
    assert key.signed_payload(token.encode()) is not None


@pytest.mark.parametrize(
    "tenant",
    [
        pytest.param("contoso.example", id="domain"),
        pytest.param("", id="empty"),
        pytest.param("consumers", id="personal-accounts"),
        pytest.param("../common", id="path"),
    ],
)
def test_documents_of_an_unknown_tenant_are_404(keys_text: str, tenant: str) -> None:
    """Tenants are named by GUID here; there is no directory of domains."""
    with pytest.raises(ResourceNotFound):
        discovery_document("http://127.0.0.1:8080", tenant)
    with pytest.raises(ResourceNotFound):
        public_keys(keys_text, tenant)


def test_unreadable_keys_stop_the_service_before_it_serves() -> None:
    """A damaged store is found when the verifier is built, not at the first request."""
    with pytest.raises(UnreadableKeysError):
        development_verifier("{}")


def test_building_the_verifier_imports_no_cryptography(keys_text: str) -> None:
    """Start-up has one second for everything; joserfc and httpx would take a tenth of it each."""
    program = (
        "import sys; from enrollscope.auth.development import development_verifier, public_keys\n"
        "text = sys.stdin.read(); development_verifier(text); public_keys(text, 'common')\n"
        "print([name for name in ('joserfc', 'cryptography', 'httpx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], input=keys_text, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
