"""Node and its packages, for clients and tools that are written in JavaScript."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parent / "node"
INSTALL_SECONDS = 300
RUN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Node:
    """The Node that the development environment brings, in a folder where the packages of the lock are installed."""

    folder: Path

    def run(self, *arguments: str | Path) -> str:
        """Run a script to its end; what it printed."""
        return _run(self.folder, "node", *map(str, arguments), seconds=RUN_SECONDS)


def _run(folder: Path, program: str, *arguments: str, seconds: int) -> str:
    # Beside the interpreter, whether or not the environment is activated; npm looks for node on the path.
    tools = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"}
    result = subprocess.run(
        [tools / program, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert result.returncode == 0, f"{program} {' '.join(arguments)}:\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Node with the locked packages, installed anew."""
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(PACKAGES / name, folder)
    _run(folder, "npm", "ci", seconds=INSTALL_SECONDS)
    return Node(folder)
