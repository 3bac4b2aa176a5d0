"""The real application behind a real socket, in a thread of the test process, and clients that talk to it."""

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
import uvloop

from enrollscope.api.app import Application
from enrollscope.api.composition import SIGNING_KEYS, compose
from enrollscope.api.http import EnvelopeProtocol
from enrollscope.auth.issuer import DevelopmentIssuer, Grant
from enrollscope.auth.keys import generate_signing_keys
from enrollscope.model.events import SCHEMA
from enrollscope.settings import Settings
from enrollscope.store.base import Store
from enrollscope.store.opening import open_store

READ = "DeviceManagementManagedDevices.Read.All"
WRITE = "DeviceManagementManagedDevices.ReadWrite.All"
APP = "11111111-2222-4333-8444-555555555555"

EVENTS = "/v1.0/deviceManagement/troubleshootingEvents"
BETA_EVENTS = "/beta/deviceManagement/troubleshootingEvents"

REQUEST_TIMEOUT = 2
"""Seconds a client may take to send a request."""

_START_SECONDS = 30
_Result = TypeVar("_Result")


def users_events(user: str, version: str = "v1.0") -> str:
    """The path of one user's events."""
    return f"/{version}/users/{user}/deviceManagementTroubleshootingEvents"


def my_events(version: str = "v1.0") -> str:
    """The path of the caller's own events."""
    return f"/{version}/me/deviceManagementTroubleshootingEvents"


@dataclass(frozen=True, slots=True)
class Client:
    """One caller: a tenant, permissions, perhaps a user."""

    http: httpx.Client
    tenant: str
    token: str
    user: str | None = None

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request; underscores in header names are hyphens, and `body` is JSON unless it is bytes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {self.token}"} | named
        if isinstance(body, bytes):
            return self.http.request(method, path, content=body, headers={"Content-Type": "application/json"} | sent)
        if body is None:
            return self.http.request(method, path, headers=sent)
        return self.http.request(method, path, json=body, headers=sent)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """GET."""
        return self("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """POST."""
        return self("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """PATCH."""
        return self("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> httpx.Response:
        """DELETE."""
        return self("DELETE", path, **headers)

    def create(self, path: str = EVENTS, **properties: Any) -> dict[str, Any]:
        """Create an event and return it as its answer shows it."""
        reply = self.post(path, {"failureCategory": "authentication"} | properties)
        assert reply.status_code == 201, reply.text
        found: dict[str, Any] = reply.json()
        return found


@dataclass(frozen=True, slots=True)
class Service:
    """A service under test.

    Attributes:
        keys: the signing keys of its store.
        issuer: signs with them; reading the keys takes longer than a test.
    """

    port: int
    keys: str
    issuer: DevelopmentIssuer
    store: Store
    loop: asyncio.AbstractEventLoop
    http: httpx.Client

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def token(self, tenant: str, *permissions: str, user: str | None = None) -> str:
        """Sign a token."""
        grant = Grant(tenant_id=tenant, app_id=APP, permissions=permissions or (WRITE,), user_id=user)
        return self.issuer.issue(grant, time.time())

    def client(self, tenant: str | None = None, *permissions: str, user: str | None = None) -> Client:
        """A caller of a tenant, or of one that nobody else uses."""
        tenant = tenant or str(uuid.uuid4())
        return Client(self.http, tenant, self.token(tenant, *permissions, user=user), user)

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run something on the service's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_START_SECONDS)

    def raw(self, sent: bytes, *, timeout: float = 20) -> bytes:
        """Send bytes as they are, and read until the service closes or has answered `Connection: close`."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(sent)
            return read_to_end(connection)


def refused(reply: httpx.Response, status: int, code: str = "BadRequest") -> dict[str, Any]:
    """Check the status and code of an error, and return it."""
    assert reply.status_code == status, reply.text
    error: dict[str, Any] = reply.json()["error"]
    assert error["code"] == code, reply.text
    return error


def read_to_end(connection: socket.socket) -> bytes:
    """Everything that comes until the other side closes."""
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    return received


Compose = Callable[[Settings, Store], contextlib.AbstractAsyncContextManager[Application]]


def product(settings: Settings, store: Store) -> contextlib.AbstractAsyncContextManager[Application]:
    """The product's own application."""
    return compose(settings, store, SCHEMA)


@contextlib.contextmanager
def serving(settings: Settings, store: Store, composed: Compose = product) -> Iterator[Service]:
    """Serve an application on a free port until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ready: concurrent.futures.Future[tuple[str, asyncio.AbstractEventLoop, uvicorn.Server]] = (
            concurrent.futures.Future()
        )
        thread = threading.Thread(target=_run, args=(settings, store, composed, listener, ready), name="service")
        thread.start()
        keys, loop, server = ready.result(_START_SECONDS)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
                yield Service(port, keys, DevelopmentIssuer.of(keys), store, loop, http)
        finally:
            server.should_exit = True
            thread.join(_START_SECONDS)


def _run(
    settings: Settings,
    store: Store,
    composed: Compose,
    listener: socket.socket,
    ready: "concurrent.futures.Future[tuple[str, asyncio.AbstractEventLoop, uvicorn.Server]]",
) -> None:
    async def serve() -> None:
        await store.start()
        try:
            keys = await store.secret(SIGNING_KEYS, generate_signing_keys)
            async with composed(settings, store) as application:
                config = uvicorn.Config(
                    application,
                    http=EnvelopeProtocol,
                    lifespan="off",
                    access_log=False,
                    log_config=None,
                    proxy_headers=False,
                )
                server = uvicorn.Server(config)
                ready.set_result((keys, asyncio.get_running_loop(), server))
                await server.serve(sockets=[listener])
        finally:
            await store.close()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())
    except BaseException as failure:
        if not ready.done():
            ready.set_exception(failure)
        raise


def settings_for(folder: Path, **changes: Any) -> Settings:
    """Settings of a service whose store lies in a folder."""
    settings = Settings(database=f"sqlite:///{folder / 'events.db'}", request_timeout=REQUEST_TIMEOUT, page_size=1000)
    return replace(settings, **changes)


def store_of(settings: Settings) -> Store:
    """The product's store, not started."""
    return open_store(settings.database, SCHEMA)
