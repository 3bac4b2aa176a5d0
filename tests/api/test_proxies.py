"""What links begin with: the address that the client used, also behind a proxy (contract §3.4)."""

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from enrollscope.api.app import Application
from enrollscope.api.composition import SIGNING_KEYS, compose
from enrollscope.auth.issuer import DevelopmentIssuer, Grant
from enrollscope.auth.keys import generate_signing_keys
from enrollscope.model.events import SCHEMA
from enrollscope.settings import Settings
from enrollscope.store.base import Store
from tests.api.service import APP, EVENTS, WRITE, Client, Service, settings_for, store_of

PUBLIC = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "graph.example"}
DISCOVERY = "/common/v2.0/.well-known/openid-configuration"


class Asgi(httpx.ASGITransport):
    """Requests without a server, so that they can come from anywhere and hold what a server might refuse.

    Args:
        changes: of the ASGI scope.
    """

    def __init__(self, application: Application, changes: dict[str, Any]) -> None:
        async def asked(scope: Any, receive: Any, send: Any) -> None:
            await application(scope | changes, receive, send)

        super().__init__(asked)


@asynccontextmanager
async def composed(settings: Settings) -> AsyncIterator[tuple[Application, Store]]:
    """An application on a store of its own."""
    store = store_of(settings)
    await store.start()
    try:
        async with compose(settings, store, SCHEMA) as application:
            yield application, store
    finally:
        await store.close()


async def token_of(store: Store) -> str:
    """A token for a tenant of its own, signed with the keys of a store."""
    keys = await store.secret(SIGNING_KEYS, generate_signing_keys)
    grant = Grant(tenant_id=str(uuid.uuid4()), app_id=APP, permissions=(WRITE,), user_id=None)
    return DevelopmentIssuer.of(keys).issue(grant, time.time())


def asking(application: Application, token: str = "", **changes: Any) -> httpx.AsyncClient:
    """A client of the application; `changes` are those of the ASGI scope."""
    return httpx.AsyncClient(
        transport=Asgi(application, changes),
        base_url="http://internal:8080",
        headers={"Authorization": f"Bearer {token}"},
    )


async def link_seen_by(settings: Settings, peer: tuple[str, int] | None, headers: dict[str, str]) -> str:
    """The base of a link in an answer to a request that comes from `peer`."""
    async with composed(settings) as (application, _), asking(application, client=peer) as client:
        found = (await client.get(DISCOVERY, headers=headers)).json()["jwks_uri"]
    return str(found).removesuffix("/common/discovery/v2.0/keys")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("peer", "headers", "base"),
    [
        pytest.param(("127.0.0.1", 9), {}, "http://internal:8080", id="no-proxy"),
        pytest.param(("127.0.0.1", 9), PUBLIC, "https://graph.example", id="local-proxy"),
        pytest.param(("::1", 9), PUBLIC, "https://graph.example", id="local-proxy-ipv6"),
        pytest.param(None, PUBLIC, "https://graph.example", id="proxy-over-a-socket-file"),
        pytest.param(("192.0.2.7", 9), PUBLIC, "http://internal:8080", id="someone-else"),
        pytest.param(("127.0.0.1", 9), {"X-Forwarded-Proto": "https"}, "https://internal:8080", id="scheme-alone"),
        pytest.param(("127.0.0.1", 9), {"X-Forwarded-Host": "g.example:444"}, "http://g.example:444", id="host-alone"),
        pytest.param(
            ("127.0.0.1", 9),
            {"X-Forwarded-Proto": "https, http", "X-Forwarded-Host": "graph.example, inner"},
            "https://graph.example",
            id="two-proxies",
        ),
        pytest.param(("127.0.0.1", 9), {"X-Forwarded-Proto": "gopher"}, "http://internal:8080", id="no-such-scheme"),
    ],
)
async def test_links_begin_as_the_client_began(
    tmp_path: Path, peer: tuple[str, int] | None, headers: dict[str, str], base: str
) -> None:
    """A proxy on this machine may say under which address it was asked; whoever else says so is not heard."""
    assert await link_seen_by(settings_for(tmp_path), peer, headers) == base


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "Host"])
async def test_a_host_that_cannot_be_one_is_not_used(tmp_path: Path, name: str) -> None:
    """Then links begin with the address of the server, so that nothing strange gets into them."""
    base = await link_seen_by(settings_for(tmp_path), ("127.0.0.1", 9), {name: 'x"><script>'})
    assert base == "http://internal:8080"


async def test_a_public_url_beats_what_requests_say(tmp_path: Path) -> None:
    """`--public-url` is what the operator says."""
    public = settings_for(tmp_path, public_url="https://events.example/graph")
    assert await link_seen_by(public, ("127.0.0.1", 9), PUBLIC) == "https://events.example/graph"


def test_every_link_of_an_answer_has_the_public_address(service: Service) -> None:
    """Contexts, next links, Location: a client behind a proxy can follow all of them."""
    client = service.client()
    created = client.post(EVENTS, {}, **PUBLIC)
    client.create()
    page = client.get(f"{EVENTS}?$top=1", **PUBLIC).json()
    assert created.headers["location"].startswith("https://graph.example/v1.0/")
    assert created.json()["@odata.context"].startswith("https://graph.example/v1.0/$metadata#")
    assert page["@odata.nextLink"].startswith("https://graph.example/v1.0/")


async def test_text_that_was_not_encoded_means_what_it_says(tmp_path: Path) -> None:
    """Where a server hands raw UTF-8 over, it is read as such; the next link is encoded all the same."""
    query = "$top=1&$filter=failureReason%20eq%20'süß–世界🐍'".encode()
    body = {"failureCategory": "authentication", "failureReason": "süß–世界🐍"}
    async with composed(settings_for(tmp_path)) as (application, store):
        token = await token_of(store)
        async with asking(application, token) as client, asking(application, token, query_string=query) as raw:
            keys = {(await client.post(EVENTS, json=body)).json()["id"] for _ in range(2)}
            await client.post(EVENTS, json=body | {"failureReason": "other"})
            first = (await raw.get(EVENTS)).json()
            second = (await client.get(first["@odata.nextLink"])).json()
    assert first["@odata.nextLink"].isascii()
    assert {event["id"] for event in [*first["value"], *second["value"]]} == keys


REQUEST = b"GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/v1.0/users/ü/deviceManagementTroubleshootingEvents".encode(), id="path"),
        pytest.param(f"{EVENTS}?$filter=id%20eq%20'ü'".encode(), id="query"),
        pytest.param(b"/v1.0/users/\xff/deviceManagementTroubleshootingEvents", id="no-text-in-the-path"),
        pytest.param(EVENTS.encode() + b"?$filter=id%20eq%20'\xe4'", id="no-text-in-the-query"),
        pytest.param(EVENTS.encode() + b"?$filter=id%20eq%20'%E4'", id="encoded-no-text-in-the-query"),
        pytest.param(b"/v1.0/users/%ff/deviceManagementTroubleshootingEvents", id="encoded-no-text-in-the-path"),
    ],
)
def test_a_url_that_is_none_is_refused(client: Client, service: Service, target: bytes) -> None:
    """Our server takes URLs in ASCII alone (RFC 3986 §2); encoded, they must be UTF-8. It is 400, never other text."""
    answer = service.raw(REQUEST % (target, client.token.encode()))
    assert answer.startswith(b"HTTP/1.1 400"), answer
    assert b'"code":"BadRequest"' in answer
