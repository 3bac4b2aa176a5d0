import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.javascript import Node, install
from tests.clients.tls import Certificate, make_certificate, terminating
from tests.serving import Served, serving


@dataclass(frozen=True, slots=True)
class Secured:
    """A service behind TLS; its address begins with `https`."""

    served: Served
    address: str
    certificate: Certificate


@pytest.fixture(scope="session")
def node() -> Node:
    """Node with the locked packages."""
    return install()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service, its pages small, for all clients; each has a tenant of its own in it."""
    with serving(tmp_path_factory.mktemp("served") / "events.db", "--page-size", "5") as served:
        yield served


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The service as it is reached through a proxy that takes care of TLS."""
    folder: Path = tmp_path_factory.mktemp("secured")
    certificate = make_certificate(folder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"https://localhost:{listener.getsockname()[1]}"
        with (
            serving(folder / "events.db", "--public-url", address) as served,
            terminating(listener, certificate, served.port),
        ):
            yield Secured(served, address, certificate)
