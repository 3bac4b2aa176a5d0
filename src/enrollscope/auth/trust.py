"""Which claims are believed: lifetime, issuer, audience, tenant, kind (contract §6.1).

Pure rules over the claims of a token whose signature is good.
"""

from dataclasses import dataclass
from typing import Final

from enrollscope.auth.caller import Caller
from enrollscope.auth.guid import as_guid, guids_in
from enrollscope.auth.tokens import BAD_SIGNATURE, INVALID, Claims, refusal
from enrollscope.odata.errors import Forbidden, InvalidAuthenticationToken

PERSONAL_TENANT: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant that all personal Microsoft accounts share."""

TENANT_TEMPLATE: Final = "{tenantid}"
"""Stands for the tenant in the issuer of a provider with many tenants."""

LARGEST_LEEWAY: Final = 300.0

EXPIRED: Final = "Lifetime validation failed, the token is expired."
NOT_YET_VALID: Final = "Access token has expired or is not yet valid."
PERSONAL: Final = "Personal accounts are not supported. Sign in with a work or school account."


class NotYetValidError(InvalidAuthenticationToken):
    """A token that time alone will make good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerProfile:
    """What is known about the issuer whose tokens are accepted.

    Attributes:
        version_1: `iss` of its tokens of version 1.0, with `{tenantid}` where the tenant belongs; None: not accepted.
        version_2: the same for version 2.0.
        authorization_uri: where a user signs in, for the 401 challenge.
    """

    version_1: str | None
    version_2: str | None
    authorization_uri: str | None = None

    def __post_init__(self) -> None:
        _require_printable(self.authorization_uri or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the operator accepts.

    Attributes:
        audiences: application ids and App ID URIs of this service; a token must name one of them exactly.
        tenants: the tenants that may call, as GUIDs in lower case; None for every tenant of the issuer.
        leeway: seconds by which clocks may differ, 0 to 300.
    """

    audiences: tuple[str, ...]
    tenants: frozenset[str] | None = None
    leeway: float = 60.0

    def __post_init__(self) -> None:
        if not self.audiences or not all(self.audiences):
            raise ValueError("name at least one audience, and none that is empty")
        _require_printable(*self.audiences)
        if not 0 <= self.leeway <= LARGEST_LEEWAY:
            raise ValueError(f"the leeway must lie between 0 and {LARGEST_LEEWAY:.0f} seconds, not {self.leeway}")
        strangers = [tenant for tenant in self.tenants or () if as_guid(tenant) != tenant]
        if strangers:
            raise ValueError(f"a tenant is named by its GUID in lower case, not {', '.join(sorted(strangers))}")


def _require_printable(*texts: str) -> None:
    """Refuse what no response header can hold: the 401 challenge names audience and sign-in page."""
    for text in texts:
        if not (text.isascii() and text.isprintable()):
            raise ValueError(f"{text!r} cannot be sent in a header: it must be printable ASCII")


def admit(
    claims: Claims, *, trust: Trust, profile: IssuerProfile, key_issuer: str | None, fingerprint: str, now: float
) -> Caller:
    """Turn claims into a caller.

    Args:
        key_issuer: the issuer that the signing key is bound to; None where its source binds it to none.
        fingerprint: names the token where it does not name itself.
        now: Unix seconds.

    Raises:
        Forbidden: a personal account (contract §12 row 35).
        NotYetValidError: the token's time has not come.
        InvalidAuthenticationToken: any other claim that is not believed.
    """
    _check_lifetime(claims, trust.leeway, now)
    if PERSONAL_TENANT in f"{claims.tid} {claims.iss} {claims.idp}".lower():
        raise Forbidden(PERSONAL)
    tenant_id = _check_tenant(claims, trust)
    _check_issuer(claims, profile, key_issuer)
    audiences = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
    if not set(audiences).intersection(trust.audiences):
        raise refusal(f"{INVALID} Invalid audience.", f"The token must be made for {' or '.join(trust.audiences)}.")
    delegated = _is_delegated(claims)
    return Caller(
        tenant_id=tenant_id,
        user_id=_user_id(claims) if delegated else None,
        app_id=_app_id(claims),
        token_id=claims.uti or claims.jti or fingerprint,
        permissions=frozenset((claims.scp or "").split()) if delegated else frozenset(claims.roles),
        delegated=delegated,
    )


def _check_lifetime(claims: Claims, leeway: float, now: float) -> None:
    if now >= claims.exp + leeway:
        raise refusal(EXPIRED, f"It expired {now - claims.exp:.0f} s ago.")
    if claims.nbf is not None and now < claims.nbf - leeway:
        reason = refusal(NOT_YET_VALID, f"It becomes valid in {claims.nbf - now:.0f} s.")
        raise NotYetValidError(reason.message, details=reason.details)


def _check_tenant(claims: Claims, trust: Trust) -> str:
    tenant_id = as_guid(claims.tid or "")
    if tenant_id is None:
        raise refusal(f"{INVALID} Invalid tenant.", "The claim `tid` must be a GUID.")
    if trust.tenants is not None and tenant_id not in trust.tenants:
        raise refusal(f"{INVALID} Invalid tenant.", f"This service does not serve the tenant {tenant_id}.")
    # Names in the issuer bind: without a template in the profile, `iss` alone would not tie the token to its tenant.
    if any(named != tenant_id for named in guids_in(claims.iss)):
        raise refusal(f"{INVALID} Invalid issuer.", "The claims `iss` and `tid` name different tenants.")
    return tenant_id


def _check_issuer(claims: Claims, profile: IssuerProfile, key_issuer: str | None) -> None:
    match claims.ver:
        case "1.0":
            expected = profile.version_1
        case "2.0":
            expected = profile.version_2
        case _:
            raise refusal(f"{INVALID} Invalid version.", "The claim `ver` must be 1.0 or 2.0.")
    if expected is None:
        reason = f"Tokens of version {claims.ver} are not accepted from this issuer."
        raise refusal(f"{INVALID} Invalid version.", reason)
    if claims.iss != _for_tenant(expected, claims):
        raise refusal(f"{INVALID} Invalid issuer.", f"The token must be issued by {_for_tenant(expected, claims)}")
    if key_issuer is None:
        return
    # Keys name the issuer of version 2.0 even where they sign tokens of version 1.0.
    own = {_for_tenant(form, claims) for form in (profile.version_1, profile.version_2) if form is not None}
    if _for_tenant(key_issuer, claims) not in own:
        raise refusal(BAD_SIGNATURE, "The key that signed the token belongs to another issuer.")


def _for_tenant(form: str, claims: Claims) -> str:
    return form.replace(TENANT_TEMPLATE, claims.tid or "")


def _is_delegated(claims: Claims) -> bool:
    match claims.idtyp:
        case "app":
            return False
        case "user":
            return True
        case None:
            return claims.scp is not None
        case _:
            raise refusal(f"{INVALID} Invalid token type.", "The claim `idtyp` must be app or user.")


def _user_id(claims: Claims) -> str:
    user_id = as_guid(claims.oid or "")
    if user_id is None:
        raise refusal(f"{INVALID} Invalid user.", "The token of a user must name the user by a GUID in `oid`.")
    return user_id


def _app_id(claims: Claims) -> str:
    """Name the client application.

    An ID token names none. Where one registration serves as client and as service, this is all that keeps an ID token,
    whose `roles` are the user's, from passing for the token of an application.
    """
    name, app_id = ("appid", claims.appid) if claims.ver == "1.0" else ("azp", claims.azp)
    if not app_id:
        raise refusal(f"{INVALID} Invalid client.", f"The token does not name its client application (`{name}`).")
    return app_id
