import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from enrollscope.auth.caller import Caller
from enrollscope.auth.development import AUDIENCE, PROFILE
from enrollscope.auth.keys import PublicKey, generate_signing_keys
from enrollscope.auth.sources import StaticKeys, VerificationKey
from enrollscope.auth.tokens import LONGEST_HEADER
from enrollscope.auth.trust import PERSONAL_TENANT, IssuerProfile, Trust
from enrollscope.auth.verifier import REFUSAL_MEMORY, Verifier, digest_of
from enrollscope.odata.errors import Forbidden, InvalidAuthenticationToken
from tests.auth.minting import (
    NOW,
    TENANT,
    Mint,
    application_claims,
    delegated_claims,
    forge,
    issuer_of,
    part,
    with_a_newer_key,
)

EMPTY = "Access token is empty."
MALFORMED = "CompactToken parsing failed with error code: 80049217"
SIGNATURE = "Access token validation failure. Signature is invalid."

Attack = Callable[[Mint, Mint], str | bytes]


def identify(verifier: Verifier, authorization: str | bytes, now: float = NOW) -> Caller:
    """Wait for the caller."""
    return asyncio.run(verifier.identify(authorization, now))


def refusal_of(verifier: Verifier, authorization: str | bytes, now: float = NOW) -> InvalidAuthenticationToken:
    """Return the 401 that answers a header."""
    with pytest.raises(InvalidAuthenticationToken) as refusal:
        identify(verifier, authorization, now)
    return refusal.value


class CountingKey:
    """A real key that counts how often it verifies."""

    def __init__(self, key: PublicKey) -> None:
        self._key = key
        self.verifications = 0

    @property
    def issuer(self) -> str | None:
        """What the key says."""
        return self._key.issuer

    def signed_payload(self, token: bytes) -> bytes | None:
        """Count, and verify."""
        self.verifications += 1
        return self._key.signed_payload(token)


class ChangingKeys:
    """A source whose issuer may change its keys."""

    profile = PROFILE

    def __init__(self, text: str) -> None:
        self._keys = StaticKeys(text, PROFILE)
        self.revision = 0

    def replace(self, text: str) -> None:
        """Go on with other keys."""
        self._keys = StaticKeys(text, PROFILE)
        self.revision += 1

    async def find(self, key_id: str, now: float) -> VerificationKey | None:
        """Look for a key by name."""
        return await self._keys.find(key_id, now)


class CountingKeys:
    """A source with one counting key, slow to find it if asked to be."""

    def __init__(self, mint: Mint) -> None:
        self.name = mint.jwk.kid
        self.key = CountingKey(PublicKey.read(mint.jwk.public()))
        self.profile = PROFILE
        self.revision = 0
        self.delay = 0.0

    async def find(self, key_id: str, now: float) -> VerificationKey | None:
        """Find the key after the delay."""
        del now
        await asyncio.sleep(self.delay)
        return self.key if key_id == self.name else None


@pytest.fixture
def counting(mint: Mint) -> CountingKeys:
    """A source that counts verifications."""
    return CountingKeys(mint)


@pytest.fixture
def counted(counting: CountingKeys) -> Verifier:
    """A verifier over the counting source, with room for two tokens."""
    return Verifier(counting, Trust(audiences=(AUDIENCE,)), capacity=2)


@pytest.mark.parametrize(
    "scheme",
    [
        pytest.param("Bearer ", id="as-usual"),
        pytest.param("bearer ", id="lower-case"),
        pytest.param("BEARER   ", id="blanks"),
        pytest.param(" Bearer ", id="leading-blank"),
    ],
)
def test_a_good_token_gives_its_caller(verifier: Verifier, mint: Mint, scheme: str) -> None:
    """The scheme is compared without case (RFC 9110 §11.1), and text and bytes are the same header."""
    header = scheme + mint.token(application_claims())
    caller = identify(verifier, header)
    assert caller.tenant_id == TENANT
    assert identify(verifier, header.encode()) == caller


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        pytest.param("", EMPTY, id="no-header"),
        pytest.param(b"", EMPTY, id="no-header-as-bytes"),
        pytest.param("Bearer", EMPTY, id="scheme-alone"),
        pytest.param("Bearer  \t ", EMPTY, id="blanks"),
        pytest.param("Basic dXNlcjpwYXNz", EMPTY, id="other-scheme"),
        pytest.param("BearereyJ0.e30.AA", EMPTY, id="no-blank"),
        pytest.param("eyJ0eXAiOiJKV1QifQ.e30.AA", EMPTY, id="token-without-scheme"),
        pytest.param("Bearer garbage", MALFORMED, id="no-dots"),
        pytest.param("Bearer a.b", MALFORMED, id="two-parts"),
        pytest.param("Bearer a.b.c.d", MALFORMED, id="four-parts"),
        pytest.param("Bearer a.b.c.d.e", MALFORMED, id="encrypted-token"),
        pytest.param("Bearer ..", MALFORMED, id="dots-alone"),
        pytest.param("Bearer " + "." * 10_000, MALFORMED, id="many-dots"),
        pytest.param("Bearer a.b.c a.b.c", MALFORMED, id="two-tokens"),
        pytest.param("Bearer é.b.c", MALFORMED, id="not-ascii"),
        pytest.param("Bearer \ud800.b.c", MALFORMED, id="surrogate"),
        pytest.param(b"Bearer \xff\x00.b.c", MALFORMED, id="raw-bytes"),
        pytest.param("Bearer a.b.c\n", MALFORMED, id="line-end"),
        pytest.param("Bearer a=.b.c", MALFORMED, id="padding"),
        pytest.param("Bearer a.b.c", MALFORMED, id="header-of-one-digit"),
        pytest.param("Bearer " + "a" * LONGEST_HEADER, MALFORMED, id="too-long"),
        pytest.param("Bearer " + "a" * 10_000_000, MALFORMED, id="enormous"),
    ],
)
def test_what_is_no_token_is_401(verifier: Verifier, authorization: str | bytes, message: str) -> None:
    """Anything in the header is answered with the words Graph clients know (contract §5.4)."""
    assert refusal_of(verifier, authorization).message == message
    assert verifier.cached(digest_of(authorization), NOW) is None


@pytest.mark.parametrize(
    ("blanks", "filler"),
    [pytest.param(LONGEST_HEADER, 0, id="blanks"), pytest.param(0, LONGEST_HEADER, id="claims")],
)
def test_a_long_header_is_refused_also_around_a_good_token(
    verifier: Verifier, mint: Mint, blanks: int, filler: int
) -> None:
    """Length is checked first: what is not read cannot keep the service busy."""
    header = "Bearer " + " " * blanks + mint.token(application_claims(filler="x" * filler))
    assert refusal_of(verifier, header).message == MALFORMED


CLAIMS = application_claims()

ATTACKS = [
    pytest.param(lambda _, stranger: stranger.token(CLAIMS), SIGNATURE, id="key-unknown"),
    pytest.param(
        lambda mint, stranger: stranger.token(CLAIMS, kid=mint.jwk.kid), SIGNATURE, id="signed-by-somebody-else"
    ),
    pytest.param(lambda mint, _: mint.token(CLAIMS)[:-4] + "AAAA", SIGNATURE, id="signature-changed"),
    pytest.param(lambda mint, _: forge(mint.header, CLAIMS, lambda _: b"\0"), SIGNATURE, id="signature-of-one-byte"),
    pytest.param(lambda mint, _: mint.token(CLAIMS).rsplit(".", 1)[0] + ".", MALFORMED, id="signature-cut-off"),
    pytest.param(
        lambda mint, _: _with_payload(mint.token(CLAIMS), application_claims(tid=PERSONAL_TENANT)),
        SIGNATURE,
        id="claims-changed",
    ),
    pytest.param(lambda mint, _: forge({**mint.header, "alg": "none"}, CLAIMS, lambda _: b"x"), SIGNATURE, id="none"),
    pytest.param(
        lambda mint, _: forge({**mint.header, "alg": "none"}, CLAIMS, lambda _: b""), MALFORMED, id="none-unsigned"
    ),
    pytest.param(lambda mint, _: mint.token(CLAIMS, alg="None"), SIGNATURE, id="none-in-other-case"),
    pytest.param(
        lambda mint, _: forge({**mint.header, "alg": "HS256"}, CLAIMS, mint.sign_with_public_key_as_secret),
        SIGNATURE,
        id="hs256-with-the-public-key",
    ),
    pytest.param(
        lambda mint, _: forge(mint.header, CLAIMS, mint.sign_with_public_key_as_secret),
        SIGNATURE,
        id="hs256-called-rs256",
    ),
    pytest.param(lambda mint, _: mint.token(CLAIMS, alg="RS384"), SIGNATURE, id="rs384"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, alg="PS256"), SIGNATURE, id="ps256"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, alg=None), SIGNATURE, id="no-algorithm"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, alg=["RS256"]), MALFORMED, id="algorithm-in-a-list"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, kid=None), MALFORMED, id="no-key-named"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, kid=""), MALFORMED, id="key-name-empty"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, kid="../../etc/passwd"), SIGNATURE, id="key-name-is-a-path"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, kid=0), MALFORMED, id="key-name-is-a-number"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, crit=["exp"], exp=1), MALFORMED, id="critical-extension"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, crit=[]), MALFORMED, id="critical-list-empty"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, b64=False), MALFORMED, id="payload-not-encoded"),
    pytest.param(
        lambda _, stranger: stranger.token(CLAIMS, jwk=msgspec.to_builtins(stranger.jwk.public())),
        MALFORMED,
        id="own-key-embedded",
    ),
    pytest.param(lambda mint, _: mint.token(CLAIMS, x5c=["MIIC"]), MALFORMED, id="own-certificate-embedded"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, jku="http://127.0.0.1/keys"), MALFORMED, id="own-key-address"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, x5u="http://127.0.0.1/c"), MALFORMED, id="own-certificate-address"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, typ="logout+jwt"), MALFORMED, id="logout-token"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, typ="dpop+jwt"), MALFORMED, id="proof-of-possession"),
    pytest.param(lambda mint, _: forge(b"[]", CLAIMS, mint.sign), MALFORMED, id="header-not-an-object"),
    pytest.param(lambda mint, _: forge(b"", CLAIMS, mint.sign), MALFORMED, id="header-empty"),
    pytest.param(lambda mint, _: forge(b"\xff{", CLAIMS, mint.sign), MALFORMED, id="header-not-utf-8"),
    pytest.param(
        lambda mint, _: forge(msgspec.json.encode(mint.header).decode().encode("utf-16"), CLAIMS, mint.sign),
        MALFORMED,
        id="header-in-utf-16",
    ),
    pytest.param(lambda mint, _: forge(b'{"a":' * 2000, CLAIMS, mint.sign), MALFORMED, id="header-deep"),
    pytest.param(lambda mint, _: mint.token(CLAIMS, filler="x" * 8000), SIGNATURE, id="header-long"),
    pytest.param(lambda mint, _: mint.token(b"[]"), MALFORMED, id="claims-not-an-object"),
    pytest.param(lambda mint, _: mint.token(b"not json"), MALFORMED, id="claims-not-json"),
    pytest.param(lambda mint, _: mint.token(b'{"iss":"\xff"}'), MALFORMED, id="claims-not-utf-8"),
    pytest.param(lambda mint, _: mint.token(b'{"x":' + b"[" * 10_000), MALFORMED, id="claims-deep"),
    pytest.param(lambda mint, _: mint.token(b'{"exp":' + b"9" * 400 + b"}"), MALFORMED, id="number-of-400-digits"),
    pytest.param(lambda mint, _: mint.token(b'{"exp":NaN}'), MALFORMED, id="not-a-number"),
    pytest.param(lambda mint, _: mint.token(application_claims(exp="tomorrow")), MALFORMED, id="expiry-is-text"),
    pytest.param(lambda mint, _: mint.token(application_claims(exp=True)), MALFORMED, id="expiry-is-true"),
    pytest.param(lambda mint, _: mint.token(application_claims(exp=None)), MALFORMED, id="no-expiry"),
    pytest.param(lambda mint, _: mint.token(application_claims(iss=None)), MALFORMED, id="no-issuer"),
    pytest.param(lambda mint, _: mint.token(application_claims(aud=None)), MALFORMED, id="no-audience"),
    pytest.param(lambda mint, _: mint.token(application_claims(aud={"a": 1})), MALFORMED, id="audience-is-an-object"),
    pytest.param(lambda mint, _: mint.token(application_claims(roles="A")), MALFORMED, id="roles-are-text"),
    pytest.param(lambda mint, _: mint.token(delegated_claims(scp=["A"])), MALFORMED, id="scopes-are-a-list"),
    pytest.param(lambda mint, _: mint.token(application_claims(tid=5)), MALFORMED, id="tenant-is-a-number"),
]


def _with_payload(token: str, claims: dict[str, Any]) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{part(claims).decode()}.{signature}"


@pytest.mark.parametrize(("attack", "message"), ATTACKS)
def test_an_attack_is_401(verifier: Verifier, mint: Mint, stranger: Mint, attack: Attack, message: str) -> None:
    """Only RS256 by a known key over readable claims counts, whatever a token says about itself."""
    token = attack(mint, stranger)
    header = b"Bearer " + (token if isinstance(token, bytes) else token.encode())
    assert refusal_of(verifier, header).message == message
    assert verifier.cached(digest_of(header), NOW) is None
    assert refusal_of(verifier, header).message == message, "the same the second time"


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"x5t": "abc", "nonce": "xyz"}, id="as-entra-sends-it"),
        pytest.param({"typ": None}, id="no-type"),
        pytest.param({"typ": "at+jwt"}, id="rfc-9068"),
    ],
)
def test_harmless_header_parameters_are_ignored(verifier: Verifier, mint: Mint, header: dict[str, Any]) -> None:
    """RFC 7515 §4: parameters that are not understood are ignored, unless they are critical."""
    assert identify(verifier, mint.bearer(CLAIMS, **header)).tenant_id == TENANT


def test_a_refusal_carries_the_challenge(verifier: Verifier) -> None:
    """Clients learn from `WWW-Authenticate` whom to ask; our own issuer has no page to sign in at."""
    headers = refusal_of(verifier, "").headers
    assert headers == {"WWW-Authenticate": f'Bearer realm="", client_id="{AUDIENCE}"'}


def test_the_challenge_names_the_sign_in_page(keys_text: str) -> None:
    """An issuer with an authorization endpoint is named in the form Graph uses (contract §5.4)."""
    profile = IssuerProfile(version_1=None, version_2=None, authorization_uri="https://id.example/authorize")
    verifier = Verifier(StaticKeys(keys_text, profile), Trust(audiences=('api://"quoted"',)))
    assert refusal_of(verifier, "").headers["WWW-Authenticate"] == (
        'Bearer realm="", authorization_uri="https://id.example/authorize", client_id="api://\\"quoted\\""'
    )


def test_personal_account_is_403_only_if_the_signature_is_good(verifier: Verifier, mint: Mint, stranger: Mint) -> None:
    """Contract §12 row 35."""
    claims = delegated_claims(tid=PERSONAL_TENANT, iss=issuer_of(PERSONAL_TENANT))
    header = mint.bearer(claims)
    for _ in range(2):
        with pytest.raises(Forbidden, match="Personal accounts"):
            identify(verifier, header)
    assert verifier.cached(digest_of(header), NOW) is None
    assert refusal_of(verifier, stranger.bearer(claims, kid=mint.jwk.kid)).message == SIGNATURE


def test_a_verified_token_is_known_until_it_expires(verifier: Verifier, mint: Mint) -> None:
    """The look-up serves what was verified, and never an expired token."""
    header = mint.bearer(CLAIMS)
    assert verifier.cached(digest_of(header), NOW) is None
    caller = identify(verifier, header)
    last = NOW + 3600 + 60
    assert verifier.cached(digest_of(header), last - 0.01) is caller
    assert verifier.cached(digest_of(header.encode()), last - 0.01) is caller
    assert verifier.cached(digest_of(header), last) is None
    assert "expired" in refusal_of(verifier, header, last).message


def test_a_token_is_verified_once(counted: Verifier, counting: CountingKeys, mint: Mint) -> None:
    """The signature costs more than everything else a request does with its token."""
    header = mint.bearer(CLAIMS)
    for _ in range(3):
        identify(counted, header)
    assert counting.key.verifications == 1


def test_a_token_that_arrives_often_at_once_is_verified_once(
    counted: Verifier, counting: CountingKeys, mint: Mint
) -> None:
    """Requests that wait for the keys together share the verification."""
    counting.delay = 0.01
    header = mint.bearer(CLAIMS)

    async def storm() -> list[Caller]:
        return await asyncio.gather(*(counted.identify(header, NOW) for _ in range(20)))

    assert len(set(asyncio.run(storm()))) == 1
    assert counting.key.verifications == 1


def test_a_refused_token_is_refused_again_without_verifying(
    counted: Verifier, counting: CountingKeys, mint: Mint
) -> None:
    """A flood of one bad token stays cheap, for a while."""
    header = mint.bearer(application_claims(aud="other"))
    for _ in range(3):
        assert "Invalid audience" in refusal_of(counted, header).message
    assert counting.key.verifications == 1
    refusal_of(counted, header, NOW + REFUSAL_MEMORY)
    assert counting.key.verifications == 2


def test_a_token_is_good_as_soon_as_its_time_has_come(counted: Verifier, mint: Mint) -> None:
    """Having come too early is not held against it."""
    header = mint.bearer(application_claims(nbf=NOW + 61))
    assert "not yet valid" in refusal_of(counted, header, NOW).message
    assert identify(counted, header, NOW + 1).tenant_id == TENANT


def test_memory_is_bounded_and_bad_tokens_drive_out_no_good_ones(
    counted: Verifier, counting: CountingKeys, mint: Mint
) -> None:
    """With room for two, the third good token drives out the oldest; refused ones have a room of their own."""
    good = [mint.bearer(application_claims(uti=str(number))) for number in range(3)]
    for header in good:
        identify(counted, header)
    for number in range(5):
        refusal_of(counted, mint.bearer(application_claims(aud=str(number))))
    assert [counted.cached(digest_of(header), NOW) is not None for header in good] == [False, True, True]
    before = counting.key.verifications
    refusal_of(counted, mint.bearer(application_claims(aud="0")))
    assert counting.key.verifications == before + 1, "the first refusal was forgotten"


def test_a_change_of_keys_forgets_what_was_verified(keys_text: str, mint: Mint) -> None:
    """A token signed by a withdrawn key is worth nothing, also if it was seen before."""
    keys = ChangingKeys(keys_text)
    verifier = Verifier(keys, Trust(audiences=(AUDIENCE,)))
    header = mint.bearer(CLAIMS)
    identify(verifier, header)
    keys.replace(with_a_newer_key(keys_text))
    assert verifier.cached(digest_of(header), NOW) is None
    assert identify(verifier, header).tenant_id == TENANT, "its key is still in the set"
    keys.replace(generate_signing_keys())
    assert verifier.cached(digest_of(header), NOW) is None
    assert refusal_of(verifier, header).message == SIGNATURE


def test_a_change_of_keys_forgets_what_was_refused(mint: Mint, stranger: Mint, keys_text: str) -> None:
    """A token whose key has been added meanwhile is good at once."""
    keys = ChangingKeys(generate_signing_keys())
    verifier = Verifier(keys, Trust(audiences=(AUDIENCE,)))
    refusal_of(verifier, mint.bearer(CLAIMS))
    keys.replace(keys_text)
    assert identify(verifier, mint.bearer(CLAIMS)).tenant_id == TENANT
    assert refusal_of(verifier, stranger.bearer(CLAIMS)).message == SIGNATURE


HEADER_VALUES = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda tail: b"Bearer " + tail),
    st.text(max_size=200).map(lambda tail: f"Bearer {tail}"),
    st.from_regex(r"\ABearer [A-Za-z0-9_\-.]{0,100}\Z"),
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
CLAIM_NAMES = st.sampled_from(
    ["aud", "iss", "exp", "nbf", "ver", "tid", "oid", "azp", "appid", "idtyp", "scp", "roles", "idp", "uti", "jti"]
)
HEADER_NAMES = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "x5u", "zip", "enc", "cty"])

# The fixtures are only read, so they need not be made anew for every example.
SHARED_FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def outcome(verifier: Verifier, authorization: str | bytes) -> str:
    """Name what a header leads to; anything but a caller, 401 and 403 fails the test."""
    try:
        identify(verifier, authorization)
    except (InvalidAuthenticationToken, Forbidden) as refusal:
        return type(refusal).__name__
    return "Caller"


@SHARED_FIXTURES
@given(authorization=HEADER_VALUES)
@example(authorization="Bearer " + "A" * 4 + ".A.A")
def test_no_bytes_whatever_get_in_or_break_anything(verifier: Verifier, authorization: str | bytes) -> None:
    """What nobody signed is 401, and raises nothing else."""
    assert outcome(verifier, authorization) == "InvalidAuthenticationToken"


@SHARED_FIXTURES
@given(payload=st.binary(max_size=200) | JSON.map(msgspec.json.encode))
def test_no_payload_whatever_gets_in(verifier: Verifier, mint: Mint, payload: bytes) -> None:
    """Also a good signature does not make a payload safe to read."""
    assert outcome(verifier, mint.bearer(payload)) == "InvalidAuthenticationToken"


@SHARED_FIXTURES
@given(changes=st.dictionaries(CLAIM_NAMES, JSON, min_size=1, max_size=3))
def test_no_claim_whatever_breaks_anything(verifier: Verifier, mint: Mint, changes: dict[str, Any]) -> None:
    """Claims of any type and value end in a caller of this tenant, 401 or 403."""
    header = mint.bearer({**delegated_claims(), **changes})
    if outcome(verifier, header) == "Caller":
        caller = verifier.cached(digest_of(header), NOW)
        assert caller is not None
        assert caller.tenant_id == TENANT


@SHARED_FIXTURES
@given(changes=st.dictionaries(HEADER_NAMES, JSON, min_size=1, max_size=3))
def test_no_header_whatever_breaks_anything(verifier: Verifier, mint: Mint, changes: dict[str, Any]) -> None:
    """JOSE headers of any kind end in a caller or 401."""
    header = f"Bearer {forge({**mint.header, **changes}, CLAIMS, mint.sign)}"
    assert outcome(verifier, header) in {"Caller", "InvalidAuthenticationToken"}


@SHARED_FIXTURES
@given(data=st.data())
def test_no_single_changed_character_keeps_a_token_good(verifier: Verifier, mint: Mint, data: st.DataObject) -> None:
    """One token has one spelling: no bit of it is left to chance, not even the padding bits of base64."""
    token = mint.token(CLAIMS)
    place = data.draw(st.integers(0, len(token) - 1) | st.sampled_from([len(token) - 1]))
    letter = data.draw(st.sampled_from("ABCDabcd0123-_").filter(lambda letter: letter != token[place]))
    assert outcome(verifier, f"Bearer {token[:place]}{letter}{token[place + 1 :]}") == "InvalidAuthenticationToken"
