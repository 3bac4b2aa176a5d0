"""The PostgreSQL of this test run, for what asks for it."""

from collections.abc import Iterator

import pytest

from tests.postgres import Server, shared_server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The PostgreSQL of this test run."""
    with shared_server() as server:
        yield server


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """A new database without tables."""
    with server.database() as name:
        yield name
