"""A served process for the tests of this folder, and the released SDK wired to it."""

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory  # type: ignore[import-untyped]  # ships no types

from tests.serving import Served, serving

# The SDK uses what it deprecates itself.
USING_THE_SDK = (
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:(msgraph|kiota_abstractions)"),
)

USER = "8c9f0c5e-2f1a-4b6f-9a55-0d3c7f1e2a44"


class GivenToken(AccessTokenProvider):
    """Sends one token with every request."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get_authorization_token(
        self,
        uri: str,  # noqa: ARG002 - the base class has them
        additional_authentication_context: dict[str, Any] | None = None,  # noqa: ARG002 - likewise
    ) -> str:
        """The token, wherever the request goes."""
        return self._token

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        """Every host is allowed."""
        return AllowedHostsValidator([])


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant of the served process, seen through the SDK and, beside it, as bare JSON.

    Attributes:
        sent: every request of the SDK, in order.
        wire: a plain HTTP client with the same token, its URLs relative to the address.
    """

    served: Served
    tenant_id: str
    graph: GraphServiceClient
    sent: list[httpx.Request]
    wire: httpx.AsyncClient

    async def as_stored(self, key: str | None) -> dict[str, Any]:
        """An event as /beta prints it: everything that is stored."""
        response = await self.wire.get(f"/beta/deviceManagement/troubleshootingEvents/{key}")
        response.raise_for_status()
        event: dict[str, Any] = response.json()
        return event

    def token(self, *more: str) -> str:
        """A token of this tenant."""
        return self.served.token("--tenant", self.tenant_id, *more)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service, for all tests of this folder; each has a tenant of its own in it."""
    with serving(tmp_path_factory.mktemp("served") / "events.db") as served:
        yield served


@asynccontextmanager
async def connect(
    served: Served, token: str, sent: list[httpx.Request], base_url: str | None = None
) -> AsyncIterator[GraphServiceClient]:
    """The SDK's client with its own middleware, noting what it sends.

    The HTTP client is made here and not by the SDK, whose transport does not close the one that it wraps.

    Args:
        base_url: of the HTTP client, from which the SDK then takes its own; without one it is told its own.
    """

    async def note(request: httpx.Request) -> None:
        sent.append(request)

    async with httpx.AsyncHTTPTransport() as transport:
        http_client = httpx.AsyncClient(
            transport=transport, base_url=base_url or "", timeout=100, event_hooks={"request": [note]}
        )
        adapter = GraphRequestAdapter(
            BaseBearerTokenAuthenticationProvider(GivenToken(token)),
            GraphClientFactory.create_with_default_middleware(client=http_client, options=options),
        )
        if base_url is None:
            adapter.base_url = f"{served.address}/v1.0"
        yield GraphServiceClient(request_adapter=adapter)


@pytest.fixture
async def tenant(served: Served) -> AsyncIterator[Tenant]:
    """An empty tenant, and `USER` of it signed in to the SDK."""
    tenant_id = str(uuid.uuid4())
    token = served.token("--tenant", tenant_id, "--user", USER)
    sent: list[httpx.Request] = []
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        connect(served, token, sent) as graph,
        httpx.AsyncClient(base_url=served.address, headers=headers, trust_env=False) as wire,
    ):
        yield Tenant(served, tenant_id, graph, sent, wire)
