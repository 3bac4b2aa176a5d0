"""A client of a service that was just deployed, with a token of an identity provider."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from enrollscope.auth.keys import generate_signing_keys
from tests.auth.minting import Mint, application_claims
from tests.auth.provider import Provider
from tests.wire import EVENTS

AUDIENCE = "6a1c7f52-0d3e-4b8f-9a41-3c5d7e9f1b20"


@contextmanager
def identity_provider() -> Iterator[tuple[str, str]]:
    """A running provider: its issuer, and a token of it that is good for `AUDIENCE`."""
    mint = Mint(generate_signing_keys())
    with Provider(mint) as provider:
        now = int(time.time())
        claims = application_claims(iss=provider.url, aud=AUDIENCE, ver=None, iat=now, nbf=now, exp=now + 600)
        yield provider.url, mint.token(claims)


def client_of(port: int, token: str) -> httpx.Client:
    """Someone who calls the service with a token."""
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )


def change_one_event(port: int, token: str) -> str:
    """Create an event and change it once; its path."""
    with client_of(port, token) as client:
        created = client.post(EVENTS, json={"failureReason": "0x80180014"})
        assert created.status_code == 201, created.text
        path = f"{EVENTS}/{created.json()['id']}"
        changed = client.patch(path, json={"failureReason": "0x80180002"})
        assert (changed.status_code, changed.json()["failureReason"]) == (200, "0x80180002")
    return path


def read_reason(port: int, token: str, path: str) -> str:
    """The `failureReason` of an event."""
    with client_of(port, token) as client:
        reason: str = client.get(path).json()["failureReason"]
    return reason
