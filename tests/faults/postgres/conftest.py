"""One PostgreSQL for the tests that leave it whole; the others start their own."""

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
    """A new database."""
    with server.database("fault") as name:
        yield name
