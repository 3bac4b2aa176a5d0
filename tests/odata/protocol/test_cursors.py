"""Skip tokens: they carry what they were given, and only to where they belong."""

import base64
import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.protocol.cursors import CursorSigner, fingerprint

SIGNER = CursorSigner(b"one secret")
QUESTION = fingerprint("v1.0", "events", "osVersion eq '1'", "")
TENANT = "1a1a1a1a-2b2b-4c3c-8d4d-5e5e5e5e5e5e"

VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.binary(max_size=40)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(VALUES | TEXTS, max_size=6).map(tuple))
def test_a_token_gives_back_its_values(values: tuple[Any, ...]) -> None:
    """Every value that an order key can have comes back, of the same type."""
    found = SIGNER.read(SIGNER.write(values, QUESTION, TENANT), QUESTION, TENANT)
    assert (found, [type(item) for item in found]) == (values, [type(item) for item in values])


def test_infinity_comes_back() -> None:
    """The two values of a double that JSON lacks are no obstacle."""
    assert SIGNER.read(SIGNER.write((math.inf, -math.inf), QUESTION, TENANT), QUESTION, TENANT) == (math.inf, -math.inf)


def test_a_token_needs_no_encoding_in_a_url() -> None:
    """It is made of characters that stand for themselves (RFC 3986 §2.3)."""
    tokens = [SIGNER.write((f"{'é?&=+' * length}",), QUESTION, TENANT) for length in range(12)]
    assert all(token.replace("-", "").replace("_", "").isalnum() and token.isascii() for token in tokens)


@pytest.mark.parametrize(
    ("signer", "question", "tenant"),
    [
        pytest.param(CursorSigner(b"another secret"), QUESTION, TENANT, id="of-another-service"),
        pytest.param(SIGNER, fingerprint("v1.0", "events", "osVersion eq '2'", ""), TENANT, id="another-question"),
        pytest.param(SIGNER, QUESTION, TENANT.upper(), id="another-tenant"),
    ],
)
def test_a_token_is_good_at_one_place_only(signer: CursorSigner, question: bytes, tenant: str) -> None:
    """Secret, question and tenant must all be the same."""
    token = SIGNER.write((1, "a"), QUESTION, TENANT)
    with pytest.raises(BadRequest, match=r"Follow @odata\.nextLink as it is"):
        signer.read(token, question, tenant)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("A", id="one-character"),
        pytest.param("AAAA", id="shorter-than-a-signature"),
        pytest.param("A" * 22, id="signature-of-nothing"),
        pytest.param("é", id="not-ascii"),
        pytest.param("!!!!", id="not-base64"),
        pytest.param("AA AA", id="blank"),
        pytest.param("A" * 100_000, id="endless"),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    """Whatever is sent, the answer is the same 400."""
    with pytest.raises(BadRequest) as refusal:
        SIGNER.read(token, QUESTION, TENANT)
    assert refusal.value.target == "$skiptoken"


def test_every_bit_of_a_token_counts() -> None:
    """A token with any one bit changed is refused."""
    token = SIGNER.write((638_000_000_000_000_000, "key", None), QUESTION, TENANT)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for place, bit in itertools.product(range(len(raw)), range(8)):
        changed = bytearray(raw)
        changed[place] ^= 1 << bit
        with pytest.raises(BadRequest):
            SIGNER.read(base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), QUESTION, TENANT)


def test_values_too_long_for_a_link_are_refused_when_the_link_is_made() -> None:
    """Rather no link than one that cannot be followed: what is written can always be read."""
    fitting = ("x" * 36_000,)
    assert SIGNER.read(SIGNER.write(fitting, QUESTION, TENANT), QUESTION, TENANT) == fitting
    with pytest.raises(NotBuilt, match="too long for a link"):
        SIGNER.write(("x" * 37_000,), QUESTION, TENANT)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("a", "b"), ("b", "a"), id="order"),
        pytest.param(("ab", "c"), ("a", "bc"), id="borders"),
        pytest.param(("a", ""), ("a",), id="empty-part"),
        pytest.param(("\u00e9",), ("e\u0301",), id="letters-that-look-alike"),
    ],
)
def test_different_questions_have_different_fingerprints(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """No two lists of parts run into each other."""
    assert fingerprint(*one) != fingerprint(*other)
    assert fingerprint(*one) == fingerprint(*one)
