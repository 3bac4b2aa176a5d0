import pytest

from enrollscope.auth.development import development_verifier
from enrollscope.auth.keys import generate_signing_keys
from enrollscope.auth.verifier import Verifier
from tests.auth.minting import Mint


@pytest.fixture(scope="session")
def keys_text() -> str:
    """The signing keys of the store."""
    return generate_signing_keys()


@pytest.fixture(scope="session")
def mint(keys_text: str) -> Mint:
    """Signs with the store's key."""
    return Mint(keys_text)


@pytest.fixture(scope="session")
def stranger() -> Mint:
    """Signs with a key the store does not have."""
    return Mint(generate_signing_keys())


@pytest.fixture
def verifier(keys_text: str) -> Verifier:
    """A fresh verifier of the store's tokens."""
    return development_verifier(keys_text)
