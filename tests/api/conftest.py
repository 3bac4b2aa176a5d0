from collections.abc import Iterator

import pytest

from tests.api.service import Client, Service, serving, settings_for, store_of


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The product, on a store of its own."""
    settings = settings_for(tmp_path_factory.mktemp("service"))
    with serving(settings, store_of(settings)) as service:
        yield service


@pytest.fixture
def client(service: Service) -> Client:
    """An application of a tenant that no other test uses, allowed to write."""
    return service.client()
