"""The script that makes the virtual environment, with a recording stand-in for Python: nothing is downloaded."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Answers as much as the script asks of an interpreter: its version, a working venv module, `-m venv`, `-m pip`.
STAND_IN = """#!/bin/sh
printf '%s\\n' "${{0##*/}} $*" >>"{log}"
case "$*" in
    *version_info*) exit {too_old} ;;
    *ensurepip*) exit {no_venv} ;;
    --version) echo 'Python 3.9.2' ;;
    '-m venv '*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    '-m pip '*) exit {no_pip} ;;
esac
"""


class Checkout:
    """A copy of what the script reads, and a machine whose only Python is the stand-in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "log"
        self.machine = root / "machine"
        self.machine.mkdir()
        for name in ("scripts/environment", "requirements/run.lock", "requirements/dev.lock", "pyproject.toml"):
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        for tool in ("sh", "cat", "cksum", "cp", "dirname", "mkdir", "rm"):
            (self.machine / tool).symlink_to(str(shutil.which(tool)))
        self.add_python("python3")

    def add_python(self, name: str, *, too_old: int = 0, no_venv: int = 0, no_pip: int = 0) -> Path:
        """Put a stand-in on the path; 1 makes it fail where the argument says."""
        python = self.machine / name
        python.write_text(STAND_IN.format(log=self.log, too_old=too_old, no_venv=no_venv, no_pip=no_pip))
        python.chmod(0o755)
        return python

    def run(self, group: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the script as make does."""
        self.log.write_text("")
        return subprocess.run(
            ["scripts/environment", group],
            cwd=self.root,
            env={"PATH": str(self.machine), **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    def actions(self) -> list[str]:
        """What the last run did: an environment made, a lock or the project installed."""
        words = {"-m venv": "make", "run.lock": "run", "dev.lock": "dev", "--editable": "project"}
        lines = self.log.read_text().splitlines()
        return [action for line in lines for word, action in words.items() if word in line]

    def change(self, name: str) -> None:
        """Change a file in a way that matters to nobody but the script."""
        with (self.root / name).open("a") as file:
            file.write("# changed\n")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A fresh checkout."""
    return Checkout(tmp_path)


@pytest.mark.parametrize(
    ("before", "changed", "group", "actions"),
    [
        pytest.param([], None, "run", ["make", "run", "project"], id="fresh-run"),
        pytest.param([], None, "dev", ["make", "dev", "project"], id="fresh-dev"),
        pytest.param(["run"], None, "run", [], id="again-run"),
        pytest.param(["dev"], None, "dev", [], id="again-dev"),
        pytest.param(["dev"], None, "run", [], id="dev-contains-run"),
        pytest.param(["run"], None, "dev", ["dev"], id="run-becomes-dev"),
        pytest.param(["run"], "requirements/run.lock", "run", ["make", "run", "project"], id="run-lock-changed"),
        pytest.param(["dev"], "requirements/dev.lock", "dev", ["make", "dev", "project"], id="dev-lock-changed"),
        pytest.param(["dev"], "requirements/run.lock", "dev", ["make", "dev", "project"], id="run-lock-under-dev"),
        pytest.param(["run"], "requirements/dev.lock", "run", [], id="dev-lock-is-no-affair-of-run"),
        pytest.param(["dev"], "pyproject.toml", "dev", ["project"], id="project-changed"),
    ],
)
def test_the_environment_follows_its_locks(
    checkout: Checkout, before: list[str], changed: str | None, group: str, actions: list[str]
) -> None:
    """It is made anew when a lock it came from changes, and left alone when nothing did."""
    for earlier in before:
        checkout.run(earlier)
    if changed is not None:
        checkout.change(changed)
    result = checkout.run(group)
    assert result.returncode == 0, result.stderr
    assert checkout.actions() == actions


def test_every_package_is_checked_by_its_hash(checkout: Checkout) -> None:
    """Locked packages are installed with --require-hashes; the project itself brings no package along."""
    checkout.run("dev")
    installs = [line for line in checkout.log.read_text().splitlines() if line.startswith("python -m pip install")]
    assert len(installs) == 2
    assert "--require-hashes --requirement requirements/dev.lock" in installs[0]
    assert "--no-deps --no-build-isolation --editable ." in installs[1]


def test_an_install_that_failed_is_begun_again(checkout: Checkout) -> None:
    """A half-filled environment carries no stamp, so the next run does not trust it."""
    checkout.add_python("python3", no_pip=1)
    failed = checkout.run("run")
    assert failed.returncode == 1
    assert (
        "pip could not install this (see above): --require-hashes --requirement requirements/run.lock" in failed.stderr
    )
    checkout.add_python("python3")
    assert checkout.run("run").returncode == 0
    assert checkout.actions() == ["make", "run", "project"]


def test_a_newer_python_is_found_by_its_own_name(checkout: Checkout) -> None:
    """Where `python3` is too old, python3.13 and its like are tried."""
    checkout.add_python("python3", too_old=1)
    checkout.add_python("python3.12")
    result = checkout.run("run")
    assert result.returncode == 0, result.stderr
    assert "python3.12 -m venv .venv" in checkout.log.read_text().splitlines()


def test_the_environment_is_where_venv_says(checkout: Checkout) -> None:
    """VENV moves it."""
    assert checkout.run("run", VENV="elsewhere").returncode == 0
    assert (checkout.root / "elsewhere" / "run.stamp").is_file()
    assert not (checkout.root / ".venv").exists()


def test_an_old_python_is_refused_by_version(checkout: Checkout) -> None:
    """The message says what is needed, what was found and what to do."""
    checkout.add_python("python3", too_old=1)
    result = checkout.run("run")
    assert result.returncode == 1
    assert "Python 3.11 or later is needed; found Python 3.9.2." in result.stderr
    assert "make PYTHON=" in result.stderr


def test_a_named_python_is_the_only_candidate(checkout: Checkout) -> None:
    """PYTHON is not replaced by another one behind the back of who set it."""
    old = checkout.add_python("old", too_old=1)
    result = checkout.run("run", PYTHON=str(old))
    assert result.returncode == 1
    assert f"PYTHON={old} does not run, or is older than Python 3.11." in result.stderr


def test_a_missing_venv_module_is_named(checkout: Checkout) -> None:
    """Debian splits it off; the message names its package."""
    checkout.add_python("python3", no_venv=1)
    result = checkout.run("run")
    assert result.returncode == 1
    assert "apt-get install python3-venv" in result.stderr
