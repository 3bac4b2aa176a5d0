from typing import Any

import msgspec
import pytest

from enrollscope.auth.caller import Caller
from enrollscope.auth.development import AUDIENCE, PROFILE
from enrollscope.auth.tokens import Claims
from enrollscope.auth.trust import PERSONAL_TENANT, IssuerProfile, NotYetValidError, Trust, admit
from enrollscope.odata.errors import Forbidden, InvalidAuthenticationToken
from tests.auth.minting import (
    APP,
    NOW,
    OTHER_TENANT,
    READ,
    TENANT,
    USER,
    WRITE,
    application_claims,
    delegated_claims,
    issuer_of,
)

TRUST = Trust(audiences=(AUDIENCE, "api://enrollscope"))
ENTRA = IssuerProfile(
    version_1="https://sts.windows.net/{tenantid}/",
    version_2="https://login.microsoftonline.com/{tenantid}/v2.0",
)
ENTRA_KEYS = "https://login.microsoftonline.com/{tenantid}/v2.0"
PERSONAL_KEYS = f"https://login.microsoftonline.com/{PERSONAL_TENANT}/v2.0"


def judge(
    claims: dict[str, Any],
    *,
    trust: Trust = TRUST,
    profile: IssuerProfile = PROFILE,
    key_issuer: str | None = None,
    now: float = NOW,
) -> Caller:
    """Admit claims as if a good signature had carried them."""
    return admit(
        msgspec.convert(claims, type=Claims),
        trust=trust,
        profile=profile,
        key_issuer=key_issuer,
        fingerprint="sha256:abc",
        now=now,
    )


def entra_1(**changes: Any) -> dict[str, Any]:
    """Claims of an Entra token of version 1.0 (contract §6.1)."""
    issuer = f"https://sts.windows.net/{TENANT}/"
    return application_claims(**{"iss": issuer, "ver": "1.0", "azp": None, "appid": APP, **changes})


def entra_2(**changes: Any) -> dict[str, Any]:
    """Claims of an Entra token of version 2.0."""
    return application_claims(**{"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0", **changes})


def test_an_application_token_gives_its_roles() -> None:
    """Without a user the permissions are the application's own."""
    assert judge(application_claims()) == Caller(
        tenant_id=TENANT,
        user_id=None,
        app_id=APP,
        token_id="token-1",
        permissions=frozenset({WRITE}),
        delegated=False,
    )


def test_a_delegated_token_gives_its_scopes_and_user() -> None:
    """`scp` is a list with blanks between, `oid` the user that `/me` means."""
    caller = judge(delegated_claims(scp=f"{READ}  {WRITE} openid"))
    assert caller.user_id == USER
    assert caller.delegated
    assert caller.permissions == {READ, WRITE, "openid"}


@pytest.mark.parametrize(
    ("claims", "delegated", "permissions"),
    [
        pytest.param(application_claims(idtyp="app"), False, {WRITE}, id="app"),
        pytest.param(application_claims(idtyp="app", scp=READ), False, {WRITE}, id="app-with-scopes"),
        pytest.param(application_claims(idtyp="app", roles=None, scp=WRITE), False, set(), id="app-with-scopes-only"),
        pytest.param(delegated_claims(idtyp="user"), True, {READ}, id="user"),
        pytest.param(delegated_claims(roles=[WRITE]), True, {READ}, id="user-with-roles"),
        pytest.param(delegated_claims(idtyp="user", roles=[WRITE], scp=None), True, set(), id="user-with-roles-only"),
        pytest.param(delegated_claims(scp=""), True, set(), id="empty-scopes"),
        pytest.param(application_claims(roles=None), False, set(), id="nothing-at-all"),
    ],
)
def test_scopes_and_roles_never_mix(claims: dict[str, Any], delegated: bool, permissions: set[str]) -> None:
    """Roles of a user are no application permission, and scopes are none without a user (contract §6.1)."""
    caller = judge(claims)
    assert caller.delegated == delegated
    assert set(caller.permissions) == permissions


def test_ids_are_kept_in_lower_case() -> None:
    """One tenant is one partition, however a token spells it."""
    caller = judge(delegated_claims(tid=TENANT.upper(), iss=issuer_of(TENANT.upper()), oid=USER.upper()))
    assert (caller.tenant_id, caller.user_id) == (TENANT, USER)


@pytest.mark.parametrize(
    ("changes", "token_id"),
    [
        pytest.param({}, "token-1", id="uti"),
        pytest.param({"jti": "token-2"}, "token-1", id="uti-before-jti"),
        pytest.param({"uti": None, "jti": "token-2"}, "token-2", id="jti"),
        pytest.param({"uti": None}, "sha256:abc", id="neither"),
    ],
)
def test_every_token_has_a_name_for_the_change_log(changes: dict[str, Any], token_id: str) -> None:
    """A token that names itself by nothing is named by its digest."""
    assert judge(application_claims(**changes)).token_id == token_id


@pytest.mark.parametrize(
    ("changes", "now", "message"),
    [
        pytest.param({}, NOW + 3600 + 59.9, None, id="expired-within-leeway"),
        pytest.param({}, NOW + 3600 + 60, "Lifetime validation failed, the token is expired.", id="expired"),
        pytest.param({}, NOW - 60, None, id="early-within-leeway"),
        pytest.param({}, NOW - 60.1, "Access token has expired or is not yet valid.", id="too-early"),
        pytest.param({"nbf": None}, 0.0, None, id="without-nbf"),
        pytest.param({"exp": 0}, NOW, "Lifetime validation failed, the token is expired.", id="epoch"),
        pytest.param({"exp": -1e300}, NOW, "Lifetime validation failed, the token is expired.", id="absurdly-early"),
        pytest.param({"exp": 1e300}, NOW, None, id="absurdly-late"),
    ],
)
def test_lifetime_is_kept_with_leeway(changes: dict[str, Any], now: float, message: str | None) -> None:
    """`exp` and `nbf` bound the use of a token, 60 s of difference between clocks forgiven."""
    if message is None:
        assert judge(application_claims(**changes), now=now).tenant_id == TENANT
    else:
        with pytest.raises(InvalidAuthenticationToken) as refusal:
            judge(application_claims(**changes), now=now)
        assert refusal.value.message == message


def test_a_token_that_time_will_make_good_is_told_apart() -> None:
    """It must not be remembered as bad."""
    with pytest.raises(NotYetValidError):
        judge(application_claims(nbf=NOW + 61))


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        pytest.param(application_claims(aud="other"), "Invalid audience", id="audience"),
        pytest.param(application_claims(aud=AUDIENCE + "/"), "Invalid audience", id="audience-not-exact"),
        pytest.param(application_claims(aud=AUDIENCE.upper()), "Invalid audience", id="audience-in-other-case"),
        pytest.param(application_claims(aud=""), "Invalid audience", id="audience-empty"),
        pytest.param(application_claims(aud=[]), "Invalid audience", id="no-audience"),
        pytest.param(application_claims(aud="https://graph.microsoft.com"), "Invalid audience", id="graph-itself"),
        pytest.param(application_claims(iss="https://evil.example/v2.0"), "Invalid issuer", id="issuer"),
        pytest.param(application_claims(iss=issuer_of(TENANT) + "/"), "Invalid issuer", id="issuer-with-slash"),
        pytest.param(application_claims(iss=issuer_of(OTHER_TENANT)), "Invalid issuer", id="issuer-of-other-tenant"),
        pytest.param(application_claims(tid=OTHER_TENANT), "Invalid issuer", id="tenant-of-other-issuer"),
        pytest.param(application_claims(iss=issuer_of("{tenantid}")), "Invalid issuer", id="issuer-is-the-template"),
        pytest.param(
            application_claims(tid="{tenantid}", iss=issuer_of("{tenantid}")), "Invalid tenant", id="template-as-tenant"
        ),
        pytest.param(application_claims(tid=None), "Invalid tenant", id="no-tenant"),
        pytest.param(application_claims(tid="contoso"), "Invalid tenant", id="tenant-is-no-guid"),
        pytest.param(application_claims(tid=TENANT + "\n"), "Invalid tenant", id="tenant-with-line-end"),
        pytest.param(application_claims(tid=TENANT.replace("-", "")), "Invalid tenant", id="tenant-without-hyphens"),
        pytest.param(application_claims(ver="1.0", appid=APP), "Invalid version", id="version-not-offered"),
        pytest.param(application_claims(ver="3.0"), "Invalid version", id="version-unknown"),
        pytest.param(application_claims(azp=None), "Invalid client", id="no-client"),
        pytest.param(application_claims(azp=None, appid=APP), "Invalid client", id="client-named-as-in-1.0"),
        pytest.param(application_claims(azp=None, nonce="n", name="Ada"), "Invalid client", id="id-token-with-roles"),
        pytest.param(application_claims(idtyp="device"), "Invalid token type", id="type-unknown"),
        pytest.param(delegated_claims(oid=None), "Invalid user", id="no-user"),
        pytest.param(delegated_claims(oid="ada@contoso.example"), "Invalid user", id="user-is-no-guid"),
    ],
)
def test_a_claim_that_does_not_fit_is_refused(claims: dict[str, Any], message: str) -> None:
    """Each claim is checked exactly; the answer is 401, says which one it was, and details tell more."""
    with pytest.raises(InvalidAuthenticationToken) as refusal:
        judge(claims)
    assert refusal.value.message == f"Access token validation failure. {message}."
    assert len(refusal.value.details) == 1


@pytest.mark.parametrize(
    "audience",
    [
        pytest.param("api://enrollscope", id="second-of-the-list"),
        pytest.param(["other", AUDIENCE], id="one-of-several"),
    ],
)
def test_any_configured_audience_is_accepted(audience: str | list[str]) -> None:
    """A service may be known by its application id and its App ID URI."""
    assert judge(application_claims(aud=audience)).tenant_id == TENANT


@pytest.mark.parametrize(
    ("tenants", "admitted"),
    [
        pytest.param(None, True, id="no-list"),
        pytest.param({TENANT}, True, id="listed"),
        pytest.param({OTHER_TENANT}, False, id="not-listed"),
        pytest.param(set(), False, id="empty-list"),
    ],
)
def test_tenants_may_be_listed(tenants: set[str] | None, admitted: bool) -> None:
    """With a list, no other tenant of the issuer gets in."""
    trust = Trust(audiences=(AUDIENCE,), tenants=None if tenants is None else frozenset(tenants))
    if admitted:
        assert judge(application_claims(), trust=trust).tenant_id == TENANT
    else:
        with pytest.raises(InvalidAuthenticationToken, match="Invalid tenant"):
            judge(application_claims(), trust=trust)


@pytest.mark.parametrize(
    ("claims", "key_issuer", "message"),
    [
        pytest.param(entra_1(), None, None, id="version-1"),
        pytest.param(entra_2(), None, None, id="version-2"),
        pytest.param(entra_1(), ENTRA_KEYS, None, id="version-1-signed-by-a-key-bound-to-2"),
        pytest.param(entra_2(), ENTRA_KEYS, None, id="version-2-signed-by-its-key"),
        pytest.param(entra_2(), ENTRA_KEYS.replace("{tenantid}", TENANT), None, id="key-of-this-tenant"),
        pytest.param(entra_1(ver="2.0", azp=APP), None, "Invalid issuer", id="issuer-of-1-in-2"),
        pytest.param(entra_2(ver="1.0", appid=APP), None, "Invalid issuer", id="issuer-of-2-in-1"),
        pytest.param(entra_1(appid=None), None, "Invalid client", id="version-1-without-appid"),
        pytest.param(
            entra_1(iss=f"https://sts.windows.net/{TENANT}"), None, "Invalid issuer", id="version-1-without-slash"
        ),
        pytest.param(entra_2(), PERSONAL_KEYS, "Signature is invalid", id="key-of-personal-accounts"),
        pytest.param(entra_1(), PERSONAL_KEYS, "Signature is invalid", id="key-of-personal-accounts-in-1"),
        pytest.param(
            entra_2(), ENTRA_KEYS.replace("{tenantid}", OTHER_TENANT), "Signature is invalid", id="key-of-other-tenant"
        ),
        pytest.param(entra_2(), "https://evil.example/{tenantid}", "Signature is invalid", id="key-of-other-issuer"),
    ],
)
def test_both_versions_of_entra_tokens_are_read(
    claims: dict[str, Any], key_issuer: str | None, message: str | None
) -> None:
    """`ver` selects issuer and client claim; a key bound to an issuer signs for no other (contract §6.1, §6.2)."""
    if message is None:
        assert judge(claims, profile=ENTRA, key_issuer=key_issuer).app_id == APP
    else:
        with pytest.raises(InvalidAuthenticationToken, match=message):
            judge(claims, profile=ENTRA, key_issuer=key_issuer)


def test_a_provider_with_one_issuer_for_all_tenants_is_believed_about_the_tenant() -> None:
    """Where `iss` names no tenant, `tid` alone does; the version may be absent."""
    profile = IssuerProfile(version_1="https://id.example/realm", version_2="https://id.example/realm")
    caller = judge(application_claims(iss="https://id.example/realm", ver=None), profile=profile)
    assert caller.tenant_id == TENANT


def test_a_fixed_issuer_vouches_for_its_own_tenant_only() -> None:
    """Where the configured issuer names a tenant, `tid` must be that one, with no template to compare."""
    issuer = f"https://login.microsoftonline.com/{TENANT}/v2.0"
    profile = IssuerProfile(version_1=None, version_2=issuer)
    assert judge(entra_2(), profile=profile).tenant_id == TENANT
    with pytest.raises(InvalidAuthenticationToken, match="Invalid issuer"):
        judge(entra_2(tid=OTHER_TENANT), profile=profile)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"tid": PERSONAL_TENANT, "iss": issuer_of(PERSONAL_TENANT)}, id="tenant"),
        pytest.param({"tid": PERSONAL_TENANT.upper()}, id="tenant-in-capitals"),
        pytest.param({"iss": f"https://login.microsoftonline.com/{PERSONAL_TENANT}/v2.0"}, id="issuer"),
        pytest.param({"idp": f"https://sts.windows.net/{PERSONAL_TENANT}/"}, id="identity-provider"),
    ],
)
def test_personal_accounts_are_forbidden(changes: dict[str, Any]) -> None:
    """Every operation marks them unsupported: 403, since the token itself is good (contract §12 row 35)."""
    with pytest.raises(Forbidden, match="Personal accounts"):
        judge(delegated_claims(**changes))


def test_an_expired_token_of_a_personal_account_is_just_expired() -> None:
    """403 is for good tokens; any other is 401."""
    with pytest.raises(InvalidAuthenticationToken, match="expired"):
        judge(delegated_claims(tid=PERSONAL_TENANT), now=NOW + 10_000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"audiences": ()}, "audience", id="no-audience"),
        pytest.param({"audiences": ("a", "")}, "audience", id="empty-audience"),
        pytest.param({"audiences": ("a\r\nSet-Cookie: b",)}, "printable ASCII", id="audience-writes-a-header"),
        pytest.param({"audiences": ("ä",)}, "printable ASCII", id="audience-not-ascii"),
        pytest.param({"leeway": 301}, "300", id="leeway-too-long"),
        pytest.param({"leeway": -1}, "300", id="negative-leeway"),
        pytest.param({"leeway": float("nan")}, "300", id="leeway-not-a-number"),
        pytest.param({"tenants": frozenset({TENANT.upper()})}, "lower case", id="tenant-in-capitals"),
        pytest.param({"tenants": frozenset({"contoso"})}, "contoso", id="tenant-is-no-guid"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    """A mistake in the configuration shows at start, not as a refused token."""
    with pytest.raises(ValueError, match=message):
        Trust(**{"audiences": (AUDIENCE,), **settings})


def test_a_sign_in_page_that_no_header_can_hold_is_refused() -> None:
    """What a provider says about itself must not be able to write response headers."""
    with pytest.raises(ValueError, match="printable ASCII"):
        IssuerProfile(version_1=None, version_2=None, authorization_uri="https://id.example/\r\nX: y")
