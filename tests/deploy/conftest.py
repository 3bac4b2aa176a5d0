"""One image for all tests of a run."""

import fcntl
import os

import pytest

from tests.deploy.image import Image


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image of this test run: whoever comes first builds it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    image, made = Image.at(shared / "image"), shared / "image.made"
    with (shared / "image.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            image.build()
            made.touch()
    return image
