import json
import re

import pytest
from cryptography.hazmat.primitives.hashes import SHA512

from enrollscope.auth.jwk import PublicJwk, UnreadableKeysError, read_private_keys, read_public_keys
from enrollscope.auth.keys import PublicKey, SigningKey, usable_keys
from tests.auth.minting import Mint, forge, with_a_newer_key

# The example of RFC 7638 §3.1 and the thumbprint it gives.
RFC_7638_MODULUS = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhM"
    "stn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5"
    "hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)


def test_generated_keys_are_2048_bits_and_named_by_their_thumbprint(keys_text: str) -> None:
    """The name of a key follows from the key (RFC 7638), so two stores never share one by chance."""
    document = json.loads(keys_text)
    (key,) = document["keys"]
    assert (key["kty"], key["use"], key["alg"], key["e"]) == ("RSA", "sig", "RS256", "AQAB")
    assert len(key["n"]) == 342, "2048 bits in base64url"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", key["kid"])


def test_public_half_holds_no_secret(keys_text: str) -> None:
    """What is served to verifiers has the public members only."""
    (private,) = read_private_keys(keys_text).keys
    public = private.public("https://issuer.example")
    assert set(public.__struct_fields__) == {"kty", "kid", "n", "e", "use", "alg", "issuer"}
    assert (public.n, public.kid) == (private.n, private.kid)


def test_printing_a_private_key_shows_its_name_only(keys_text: str) -> None:
    """A key must not get into a log or a traceback."""
    keys = read_private_keys(keys_text)
    assert keys.keys[0].d not in repr(keys)
    assert keys.keys[0].d not in repr(SigningKey.first_of(keys_text))
    assert keys.keys[0].kid in repr(keys)


def test_the_first_key_signs_and_all_verify(keys_text: str) -> None:
    """A set may have several: what a former first one signed goes on being valid."""
    newer = with_a_newer_key(keys_text)
    old, new = SigningKey.first_of(keys_text), SigningKey.first_of(newer)
    assert old.key_id != new.key_id
    keys = usable_keys(key.public() for key in read_private_keys(newer).keys)
    assert keys[old.key_id].signed_payload(old.sign(b"{}").encode()) == b"{}"
    assert keys[new.key_id].signed_payload(new.sign(b"{}").encode()) == b"{}"
    assert keys[new.key_id].signed_payload(old.sign(b"{}").encode()) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("not json", id="not-json"),
        pytest.param("[]", id="not-an-object"),
        pytest.param('{"keys":[]}', id="no-key"),
        pytest.param('{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}', id="public-half"),
        pytest.param('{"keys":[{"kid":1}]}', id="wrong-type"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"keys":"\ud800"}', id="surrogate"),
    ],
)
def test_text_that_is_no_set_of_signing_keys_is_refused(text: str) -> None:
    """A damaged store says so, and does not quote the secret it holds."""
    with pytest.raises(UnreadableKeysError, match=r"signing keys") as failure:
        SigningKey.first_of(text)
    assert "AQAB" not in str(failure.value)


def test_a_damaged_number_is_refused(keys_text: str) -> None:
    """Members that are text and yet no RSA key are found when the key is to sign."""
    document = json.loads(keys_text)
    document["keys"][0]["p"] = "AQAB"
    with pytest.raises(UnreadableKeysError, match="damaged"):
        SigningKey.first_of(json.dumps(document))


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        pytest.param({}, True, id="plain"),
        pytest.param({"use": "sig", "alg": "RS256"}, True, id="for-signatures"),
        pytest.param({"x5t": "abc", "x5c": ["MIIC"], "issuer": "https://i.example"}, True, id="as-entra-lists-it"),
        pytest.param({"use": "enc"}, False, id="for-encryption"),
        pytest.param({"alg": "PS256"}, False, id="other-algorithm"),
        pytest.param({"kty": "oct", "k": "c2VjcmV0"}, False, id="symmetric"),
        pytest.param({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, False, id="elliptic"),
        pytest.param({"kid": None}, False, id="without-a-name"),
        pytest.param({"kid": 7}, False, id="name-is-a-number"),
        pytest.param({"n": "AQAB"}, False, id="short-modulus"),
        pytest.param({"n": RFC_7638_MODULUS[:170] + "8"}, False, id="modulus-of-1024-bits"),
        pytest.param({"n": "!" * 342}, False, id="modulus-not-base64"),
        pytest.param({"e": ""}, False, id="empty-exponent"),
        pytest.param({"e": "Ag"}, False, id="even-exponent"),
    ],
)
def test_a_provider_s_set_gives_the_keys_that_verify_rs256(changes: dict[str, object], usable: bool) -> None:
    """RFC 7517 §5: keys that are not understood are left out and the others work."""
    member = {"kty": "RSA", "kid": "a", "n": RFC_7638_MODULUS, "e": "AQAB", **changes}
    member = {name: value for name, value in member.items() if value is not None}
    other = {"kty": "RSA", "kid": "b", "n": RFC_7638_MODULUS, "e": "AQAB"}
    keys = usable_keys(read_public_keys(json.dumps({"keys": [member, other]}).encode()))
    assert set(keys) == ({"a", "b"} if usable else {"b"})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="html"),
        pytest.param(b'{"keys":{}}', id="keys-not-a-list"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"key\xff":[]}', id="not-utf-8"),
    ],
)
def test_a_body_that_is_no_jwk_set_is_refused(body: bytes) -> None:
    """What a provider answers is not believed to be JSON."""
    with pytest.raises(UnreadableKeysError, match="not a JWK Set"):
        read_public_keys(body)


def test_a_key_takes_only_rs256(mint: Mint) -> None:
    """Whatever the header asks for, the key verifies RS256 and nothing else."""
    key = PublicKey.read(mint.jwk.public())
    good = mint.token(b"{}")
    assert key.signed_payload(good.encode()) == b"{}"
    rs512 = forge({**mint.header, "alg": "RS512"}, b"{}", lambda signed: mint.sign(signed, SHA512()))
    assert key.signed_payload(rs512.encode()) is None, "not even where RS512 is what really signed it"
    assert key.signed_payload(mint.token(b"{}", alg="none").encode()) is None


def test_keys_are_equal_when_they_verify_the_same(mint: Mint) -> None:
    """A refreshed set is compared by what it says, or every refresh would forget all tokens."""
    jwk = mint.jwk.public("https://i.example")
    again = PublicJwk(jwk.kty, jwk.kid, jwk.n, jwk.e, jwk.use, jwk.alg, jwk.issuer)
    assert PublicKey.read(jwk) == PublicKey.read(again)
    assert PublicKey.read(jwk) != PublicKey.read(mint.jwk.public("https://other.example"))


def test_thumbprint_is_that_of_the_rfc() -> None:
    """The library names keys as RFC 7638 §3.1 does."""
    key = PublicKey.read(PublicJwk("RSA", "2011-04-29", RFC_7638_MODULUS, "AQAB"))
    assert key._key.thumbprint() == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"  # noqa: SLF001 - the library's key
