"""What the lock of the npm packages says: exactly what to install, and from nowhere in particular."""

import json
from typing import Any

import pytest

from tests.clients.javascript import FOLDER, Node


@pytest.fixture(scope="module")
def packages() -> dict[str, dict[str, Any]]:
    """Path below the folder → entry, of every package in the lock."""
    found: dict[str, dict[str, Any]] = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))[
        "packages"
    ]
    return {path: entry for path, entry in found.items() if path}


def test_every_package_is_known_by_its_hash(packages: dict[str, dict[str, Any]]) -> None:
    """No registry can hand out anything else."""
    assert len(packages) > 100
    assert [path for path, entry in packages.items() if not entry["integrity"].startswith("sha512-")] == []


def test_no_registry_is_named(packages: dict[str, dict[str, Any]]) -> None:
    """The machine's own configuration says where packages come from, as for those of Python."""
    assert [path for path, entry in packages.items() if "resolved" in entry] == []


@pytest.mark.slow
def test_node_is_brought_along(node: Node) -> None:
    """The version is that of the Python package, whatever the machine has."""
    assert int(node.run("--version").removeprefix("v").partition(".")[0]) >= 24
