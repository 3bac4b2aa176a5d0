import threading
from collections.abc import Iterable

import pytest

from enrollscope.auth import keys as cryptography
from enrollscope.auth.development import PROFILE
from enrollscope.auth.jwk import PublicJwk, UnreadableKeysError
from enrollscope.auth.keys import PublicKey, generate_signing_keys, rotate_signing_keys
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


def test_keys_are_made_usable_once(keys_text: str) -> None:
    """Loading ahead of need, in another thread, is what the first request then finds."""
    keys = StaticKeys(keys_text, PROFILE)
    loader = threading.Thread(target=keys.load)
    loader.start()
    loader.join()
    assert keys.load() is keys.load()


async def test_a_damaged_text_does_not_replace_good_keys(keys_text: str, mint: Mint) -> None:
    """A rotation that went wrong leaves the service as it was."""
    keys = StaticKeys(keys_text, PROFILE)
    with pytest.raises(UnreadableKeysError):
        keys.replace("{}")
    assert keys.revision == 0
    assert await keys.find(mint.jwk.kid, NOW) is not None


async def test_replacing_keys_changes_the_revision(keys_text: str, mint: Mint) -> None:
    """Whoever remembers what these keys verified learns that they changed."""
    keys = StaticKeys(generate_signing_keys(), PROFILE)
    assert await keys.find(mint.jwk.kid, NOW) is None
    keys.replace(rotate_signing_keys(keys_text))
    assert keys.revision == 1
    assert await keys.find(mint.jwk.kid, NOW) is not None


async def test_keys_replaced_while_they_are_loaded_are_not_the_old_ones(
    keys_text: str, mint: Mint, stranger: Mint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load in another thread that finishes late must not bring withdrawn keys back."""
    keys = StaticKeys(generate_signing_keys(), PROFILE)
    usable_keys = cryptography.usable_keys

    def overtaken(jwks: Iterable[PublicJwk]) -> dict[str, PublicKey]:
        monkeypatch.setattr(cryptography, "usable_keys", usable_keys)
        keys.replace(keys_text)
        return usable_keys(jwks)

    monkeypatch.setattr(cryptography, "usable_keys", overtaken)
    keys.load()
    assert await keys.find(mint.jwk.kid, NOW) is not None
    assert await keys.find(stranger.jwk.kid, NOW) is None
