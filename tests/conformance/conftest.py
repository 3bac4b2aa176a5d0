"""One suite for every store: a second store is one more parameter of `opened`."""

import asyncio
import uuid
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from enrollscope.odata.layout import Layout
from enrollscope.store.base import Store
from enrollscope.store.opening import open_store
from enrollscope.store.schema import tables
from enrollscope.store.snapshot import Snapshot
from tests.conformance.library import LIBRARY

T = TypeVar("T")

LAYOUTS = [Layout.of(LIBRARY.whole, stored) for stored in LIBRARY.stored]
SNAPSHOT = Snapshot(tables(LIBRARY, LAYOUTS))


@dataclass(frozen=True)
class Opened:
    """A started store and the event loop it lives on."""

    store: Store
    runner: asyncio.Runner

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one piece of work to its end."""
        return self.runner.run(work)


@pytest.fixture(scope="module", params=[pytest.param("sqlite", id="sqlite")])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A started store of the library."""
    assert request.param == "sqlite"
    path: Path = tmp_path_factory.mktemp("store") / "library.db"
    with asyncio.Runner() as runner:
        store = open_store(f"sqlite:///{path}", LIBRARY, history=SNAPSHOT)
        runner.run(store.start())
        yield Opened(store, runner)
        runner.run(store.close())


@pytest.fixture
def tenant() -> str:
    """A tenant that no other test uses."""
    return str(uuid.uuid4())
