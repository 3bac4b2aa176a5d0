import msgspec
import pytest

from enrollscope.auth.tokens import bearer_token, read_claims, signing_key_id
from enrollscope.odata.errors import InvalidAuthenticationToken
from tests.auth.minting import Mint, application_claims, forge, part


@pytest.mark.parametrize(
    "algorithm",
    [pytest.param(name, id=name) for name in ("none", "HS256", "RS384", "RS512", "PS256", "ES256", "EdDSA", "rs256")],
)
def test_another_algorithm_is_refused_before_a_key_is_looked_for(mint: Mint, algorithm: str) -> None:
    """RS256 only, in exactly this spelling: what a token asks for does not choose how it is verified."""
    token = forge({**mint.header, "alg": algorithm}, b"{}", mint.sign)
    with pytest.raises(InvalidAuthenticationToken) as refusal:
        signing_key_id(token.encode())
    assert refusal.value.details[0].message == "The token must be signed with RS256."


def test_a_good_header_names_its_key(mint: Mint) -> None:
    """The name is all that is taken from it."""
    assert signing_key_id(mint.token(b"{}").encode()) == mint.jwk.kid


def test_the_last_of_two_equal_names_counts() -> None:
    """RFC 7515 §4 leaves refusing or taking the last; the verifying library takes the last, so we must too."""
    header = b'{"alg":"none","alg":"RS256","kid":"first","kid":"last"}'
    assert signing_key_id(part(header) + b".e30.AA") == "last"


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        pytest.param("Bearer a.b.c", b"a.b.c", id="text"),
        pytest.param(b"Bearer a.b.c", b"a.b.c", id="bytes"),
        pytest.param("bEaReR\x20\x20 a.b.c\t ", b"a.b.c", id="blanks-around"),
    ],
)
def test_the_token_is_what_follows_the_scheme(authorization: str | bytes, token: bytes) -> None:
    """RFC 6750 §2.1."""
    assert bearer_token(authorization) == token


def test_a_refusal_says_what_is_wrong_where_and_what_would_be_right() -> None:
    """The message is Graph's own; the detail helps the person."""
    with pytest.raises(InvalidAuthenticationToken) as refusal:
        bearer_token("")
    (detail,) = refusal.value.details
    assert detail.target == "Authorization"
    assert detail.message == "Send the header `Authorization: Bearer <access token>`."


def test_claims_nobody_asked_for_are_ignored() -> None:
    """Providers add claims at any time."""
    claims = application_claims(wids=["a"], xms_cc=["cp1"], aio="x", groups=[{"deep": [1]}])
    assert read_claims(msgspec.json.encode(claims)).tid == claims["tid"]
