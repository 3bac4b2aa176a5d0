import pytest

from enrollscope.auth.development import PROFILE
from enrollscope.auth.jwk import UnreadableKeysError
from enrollscope.auth.sources import StaticKeys
from tests.auth.minting import NOW, Mint


async def test_keys_are_found_by_name(keys_text: str, mint: Mint, stranger: Mint) -> None:
    """A token chooses among the keys of the store, and only among them."""
    keys = StaticKeys(keys_text, PROFILE)
    key = await keys.find(mint.jwk.kid, NOW)
    assert key is not None
    assert key.signed_payload(mint.token(b"{}").encode()) == b"{}"
    assert await keys.find(stranger.jwk.kid, NOW) is None
    assert await keys.find("", NOW) is None


async def test_keys_are_made_usable_once(keys_text: str, mint: Mint) -> None:
    """What the first request waits for is there for all others."""
    keys = StaticKeys(keys_text, PROFILE)
    assert await keys.find(mint.jwk.kid, NOW) is await keys.find(mint.jwk.kid, NOW)


def test_a_damaged_text_is_refused_at_once() -> None:
    """Not only when the first token comes."""
    with pytest.raises(UnreadableKeysError):
        StaticKeys("{}", PROFILE)
